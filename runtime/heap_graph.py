"""Heap graph: who leads to whom, as far as the roots reach, at one moment.

    roots   |stack|stack|globals|        node 0 stands for all of them
               |      |     |            its edge i: the word of root i, with what is known of the place
               v      v     v
    node       1      2     3  ...       in the order in which a walk in breadth finds them, so that
               |\\     |                   parent leads back to node 0 on a shortest way
               v v     v
               4 5     1

    edges of node n     first_edge[n] ... first_edge[n + 1] - 1: the node that each leads to, and from which word
    retained[n]         bytes that nothing but n keeps alive, its own among them: dominators.py

The arrays are the host's and have an end. When there is no room for another node, the pointers that lead to nodes that
are not there are counted and left out; the walk went in breadth, so what is there are the objects nearest to the roots.

    HG1  the parent of a node comes before it, and has an edge to it
    HG2  of all edges of a node the words are different, and in order

Objects that only a weak pointer leads to are none of the graph's; nor are the words of the shadow stack that say where
a function was called from, but the frame of a root is found by them.

Owner: the host; the world is stopped, and no run is open. Go: runtime/heapdump.go is the nearest.
Next: dominators.py
"""

from __future__ import annotations

from runtime.arenas import find_object
from runtime.heap import Runtime
from runtime.heap_bits import is_pointer_word, read_pointer_bits
from runtime.layout import LOG_PTR_SIZE, MALLOC_HEADER_SIZE, MAX_BITMAP_SIZE, PTR_SIZE
from runtime.mem_profile import Bucket, bucket_sites
from runtime.mem_sample import SITE_FLAG
from runtime.mspan import MSpan, has_inline_bits, has_pointer_bits, header_bytes
from runtime.proc import G
from runtime.roots import FREE_BIT, GlobalRange, is_local, local_pointer, local_words
from runtime.specials import PROFILE
from runtime.syspy import Array, Struct, address, ctz64, inline, is_nil, load, struct, u8, u32, u64, uintptr
from runtime.types import Type

ROOT_STACK = 1
ROOT_GLOBAL = 2
ROOT_HANDLE = 3
HASH_FACTOR = 0x9E37_79B9_7F4A_7C15
NO_ROOM = 0xFFFF_FFFF  # what is no node


@struct
class HeapGraph(Struct):
    """A graph, in arrays of the host's. Those of nodes have nodes_room entries, and first_edge one more."""

    nodes_room: u64  # nodes that there is room for; at least 1
    edges_room: u64  # edges that there is room for
    roots_room: u64  # roots that there is room for
    table_bits: u64  # the table has two to the power of this many entries, at least twice nodes_room
    nodes: u64  # nodes, node 0 among them
    edges: u64  # edges
    roots: u64  # roots: the edges of node 0
    left_out: u64  # pointers without an edge, since there was no room for it or for its node
    addr: Array[u64]  # by node: first byte of the object
    size: Array[u64]  # by node: bytes of its slot
    typ: Array[u64]  # by node: address of its type, if the heap knows it, else 0
    words: Array[u64]  # by node: pointer words, a bit each, of a slot up to 512 bytes
    span_class: Array[u8]  # by node
    site: Array[u32]  # by node: where it was allocated, if it is a sample of the memory profile, else 0
    parent: Array[u32]  # by node: where the walk came from
    parent_word: Array[u32]  # by node: the word of the parent that leads here, counted from the object's start
    first_edge: Array[u32]  # by node: the number of its first edge
    target: Array[u32]  # by edge: the node it leads to
    word: Array[u32]  # by edge: the word of the object it leaves from; of node 0: the number of the root
    root_kind: Array[u8]  # by root: ROOT_*
    root_place: Array[u64]  # by root: of a stack the site of its frame; offset of a global; number of a handle
    table: Array[u32]  # by hash of an address: a node; 0 for none


def walk_heap(runtime: Runtime, graph: HeapGraph) -> u64:
    """Draw the graph. Returns how many nodes it has."""
    for i in range(u64(1) << graph.table_bits):
        graph.table[i] = 0
    graph.nodes = 1
    graph.edges = 0
    graph.roots = 0
    graph.left_out = 0
    graph.addr[0] = 0
    graph.size[0] = 0
    graph.typ[0] = 0
    graph.words[0] = 0
    graph.span_class[0] = 0
    graph.site[0] = 0
    graph.parent[0] = 0
    graph.parent_word[0] = 0
    graph.first_edge[0] = 0
    walk_roots(runtime, graph)
    node: u64 = 1
    while node < graph.nodes:
        graph.first_edge[node] = u32(graph.edges)
        walk_object(runtime, graph, node)
        node = node + 1
    graph.first_edge[node] = u32(graph.edges)
    return graph.nodes


# --- Roots -----------------------------------------------------------------------------------------------------------


def walk_roots(runtime: Runtime, graph: HeapGraph) -> None:
    """Add an edge of node 0 for each root that leads into the heap."""
    g = runtime.world.gs
    while not is_nil(g):
        walk_stack(runtime, graph, g)
        g = g.next
    globals_range = runtime.roots.globals
    while not is_nil(globals_range):
        walk_globals(runtime, graph, globals_range)
        globals_range = globals_range.next
    for handle in range(runtime.roots.capacity):
        if runtime.roots.handles[handle] < FREE_BIT:
            add_root(runtime, graph, runtime.roots.handles[handle], ROOT_HANDLE, handle)


def walk_stack(runtime: Runtime, graph: HeapGraph, g: G) -> None:
    """The words of a shadow stack. The innermost frame is where the goroutine allocates; a site ends any other one."""
    site = g.alloc_site
    addr = g.shadow_top
    while addr > g.shadow_base:
        addr = addr - PTR_SIZE
        word = load(u64, addr)
        if word & SITE_FLAG != 0:
            site = word ^ SITE_FLAG
        elif is_local(word):
            for number in range(local_words(word)):
                add_root(runtime, graph, local_pointer(word, number), ROOT_STACK, site)
        else:
            add_root(runtime, graph, word, ROOT_STACK, site)


def walk_globals(runtime: Runtime, graph: HeapGraph, found: GlobalRange) -> None:
    """The pointer words of a range of globals."""
    for word in range(found.size >> LOG_PTR_SIZE):
        if u64(found.mask[word // 8]) >> word % 8 & 1 != 0:
            place = word << LOG_PTR_SIZE
            add_root(runtime, graph, load(u64, found.start_addr + place), ROOT_GLOBAL, place)


def add_root(runtime: Runtime, graph: HeapGraph, pointer: u64, kind: u64, place: u64) -> None:
    """Add the edge of a root; none if it does not lead into the heap."""
    start, span, slot = find_object(runtime.heap.arenas, pointer)
    if is_nil(span):
        return
    if graph.roots == graph.roots_room:
        graph.left_out = graph.left_out + 1
        return
    if add_edge(graph, span, start, slot, 0, graph.roots):
        graph.root_kind[graph.roots] = u8(kind)
        graph.root_place[graph.roots] = place
        graph.roots = graph.roots + 1


# --- Objects ---------------------------------------------------------------------------------------------------------


def walk_object(runtime: Runtime, graph: HeapGraph, node: u64) -> None:
    """Add the edges of an object."""
    if u64(graph.span_class[node]) & 1 != 0:
        return
    start = graph.addr[node]
    if graph.size[node] <= MAX_BITMAP_SIZE:
        left = graph.words[node]
        while left != 0:
            follow(runtime, graph, node, start, ctz64(left))
            left = left & u64(left - 1)  # HG2: lowest bit first
    elif graph.typ[node] != 0:
        typ = Type.at(graph.typ[node])
        header: u64 = MALLOC_HEADER_SIZE if graph.span_class[node] > 1 else 0
        room = graph.size[node] - header
        words = typ.size >> LOG_PTR_SIZE
        for word in range(room >> LOG_PTR_SIZE):
            if is_pointer_word(typ, word % words):
                follow(runtime, graph, node, start, word)


@inline
def follow(runtime: Runtime, graph: HeapGraph, node: u64, start: uintptr, word: u64) -> None:
    """Add the edge of a pointer word, if it leads into the heap."""
    found, span, slot = find_object(runtime.heap.arenas, load(u64, start + (word << LOG_PTR_SIZE)))
    if not is_nil(span):
        add_edge(graph, span, found, slot, node, word)


def add_edge(graph: HeapGraph, span: MSpan, start: uintptr, slot: u64, source: u64, word: u64) -> bool:
    """Add an edge from a word of a node to the object in a slot, which becomes a node. False if there is no room."""
    if graph.edges == graph.edges_room:
        graph.left_out = graph.left_out + 1
        return False
    node = node_at(graph, span, start, slot, source, word)
    if node == NO_ROOM:
        graph.left_out = graph.left_out + 1
        return False
    graph.target[graph.edges] = u32(node)
    graph.word[graph.edges] = u32(word)
    graph.edges = graph.edges + 1
    return True


def node_at(graph: HeapGraph, span: MSpan, start: uintptr, slot: u64, source: u64, word: u64) -> u64:
    """The node of the object in a slot, a new one if it was not seen before; NO_ROOM if there is no room for it."""
    header = header_bytes(span)
    mask = (u64(1) << graph.table_bits) - 1
    at = u64(start * HASH_FACTOR) >> (64 - graph.table_bits)
    while graph.table[at] != 0:
        if graph.addr[graph.table[at]] == start + header:
            return u64(graph.table[at])
        at = (at + 1) & mask
    node = graph.nodes
    if node == graph.nodes_room:
        return NO_ROOM
    graph.table[at] = u32(node)
    graph.nodes = node + 1
    graph.addr[node] = start + header
    graph.size[node] = span.elem_size
    graph.typ[node] = load(u64, start) if header != 0 else address(span.large_type)
    graph.words[node] = 0
    if has_pointer_bits(span.elem_size, u64(span.span_class)):
        nwords = span.elem_size >> LOG_PTR_SIZE
        graph.words[node] = read_pointer_bits(start, nwords) if has_inline_bits(span.elem_size) else u64(1)
    graph.span_class[node] = span.span_class
    graph.site[node] = u32(site_of(span, slot))
    graph.parent[node] = u32(source)  # HG1: who was walked already
    graph.parent_word[node] = u32(word)
    return node


def site_of(span: MSpan, slot: u64) -> u64:
    """Where the object in a slot was allocated, if it is a sample of the memory profile; else 0."""
    special = span.specials
    offset = slot * span.elem_size
    while not is_nil(special) and special.offset < offset + span.elem_size:
        if special.offset >= offset and special.kind == PROFILE:
            return bucket_sites(Bucket.at(special.value))[0]
        special = special.next
    return 0
