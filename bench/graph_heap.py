"""Graph heap: the heap of a real program, built several times over of the flat words that graphs.py describes.

    words    | counts | types | masks | objects | edges | roots |
                          |                |
                        Type             mallocgc, in this order: addresses rise as they did in the program

The roots of a copy are held by an object of pointers, and that by a word of the shadow stack.

Owner: the benchmark. The counterparts are bench/go/mark/graphs.go and bench/mark_boehm.c.
"""

from __future__ import annotations

from bench.replay import POINTER, WORD
from runtime.malloc import mallocgc
from runtime.proc import G
from runtime.syspy import Array, Inline, Struct, address, array_at, nil, sizeof, store, struct, u8, u64, uintptr
from runtime.types import KIND_STRUCT, Type

COUNTS = 5  # words
LOW_WORD = (1 << 32) - 1


@struct
class GraphParts(Struct):
    """Where the parts of a graph's words are; whoever makes it supplies room for types and addresses."""

    types: Array[Inline[Type]]  # of the objects
    type_words: Array[u64]  # two for each type
    type_count: u64  # of them
    masks: Array[u64]  # of all types
    objects: Array[u64]  # a word for each
    object_count: u64  # of them
    edges: Array[u64]  # a word for each
    roots: Array[u64]  # a word for each
    root_count: u64  # of them
    addrs: Array[u64]  # by object: where its copy is


def open_graph(parts: GraphParts, words: Array[u64], types: uintptr, addrs: uintptr) -> None:
    """Find the parts, and describe the types. `types` and `addrs` have room for all of them."""
    at = address(words) + COUNTS * WORD
    parts.type_count = words[0]
    parts.object_count = words[2]
    parts.root_count = words[4]
    parts.type_words = array_at(u64, at)
    parts.masks = array_at(u64, at + 2 * words[0] * WORD)
    parts.objects = array_at(u64, address(parts.masks) + words[1] * WORD)
    parts.edges = array_at(u64, address(parts.objects) + words[2] * WORD)
    parts.roots = array_at(u64, address(parts.edges) + words[3] * WORD)
    parts.types = array_at(Inline[Type], types)
    parts.addrs = array_at(u64, addrs)
    for i in range(parts.type_count):
        typ = parts.types[i]
        typ.size = parts.type_words[2 * i] & LOW_WORD
        typ.ptr_bytes = parts.type_words[2 * i] >> 32
        typ.gc_mask = array_at(u8, address(parts.masks) + parts.type_words[2 * i + 1] * WORD)
        typ.kind = KIND_STRUCT
        typ.align = WORD


def bytes_of_types(words: Array[u64]) -> u64:
    """What the types of a graph need."""
    return words[0] * sizeof(Type)


def build_copies(g: G, parts: GraphParts, count: u64) -> None:
    """Build the heap so many times. Nothing is collected meanwhile, so the objects need no roots yet."""
    for _ in range(count):
        store(uintptr, g.shadow_top, build_copy(g, parts))
        g.shadow_top = g.shadow_top + WORD


def build_copy(g: G, parts: GraphParts) -> uintptr:
    """Build the heap once; the object that holds its roots."""
    for i in range(parts.object_count):
        typ = parts.types[parts.objects[i] & LOW_WORD]
        parts.addrs[i] = mallocgc(g, typ.size, nil(Type) if typ.ptr_bytes == 0 else typ, True)
    edge: u64 = 0
    for i in range(parts.object_count):
        end = edge + (parts.objects[i] >> 32)
        while edge < end:
            word = parts.edges[edge]
            store(uintptr, parts.addrs[i] + (word & LOW_WORD) * WORD, parts.addrs[word >> 32])
            edge = edge + 1
    held = array_at(u64, mallocgc(g, parts.root_count * WORD, POINTER, True))
    for i in range(parts.root_count):
        held[i] = parts.addrs[parts.roots[i]]
    return address(held)
