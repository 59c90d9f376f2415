"""The graph of the heap: all that the roots reach and nothing else, each pointer an edge, the shortest way back."""

from __future__ import annotations

import ctypes

import pytest

from runtime import dominators, heap_graph, mem_sample, roots
from runtime.heap_graph import ROOT_GLOBAL, ROOT_HANDLE, ROOT_STACK
from runtime.mem_sample import SITE_FLAG
from runtime.phases import PHASE_MARKED
from runtime.syspy import array_at, load, store, u8, u64
from tests.runtime.graphs import GraphUnderTest
from tests.runtime.heaps import NODE, NONE, HeapUnderTest, make_type
from tests.runtime.test_heap_map import told

LARGE = make_type(1024, [8, 1016], "large")


def walked(heap: HeapUnderTest, **room: int) -> GraphUnderTest:
    """The graph of a heap at the end of marking."""
    made = GraphUnderTest(**room)

    def walk() -> None:
        heap.call(heap_graph.walk_heap, heap.state, made.graph)
        heap.call(dominators.find_dominators, made.graph, made.tree)

    with told(heap, PHASE_MARKED, walk) as found:
        heap.gc()
    assert found == [None]
    check(made)
    return made


def check(made: GraphUnderTest) -> None:
    """HG1 and HG2 hold."""
    graph = made.graph
    for node in range(1, graph.nodes):
        assert graph.parent[node] < node
        assert (graph.parent_word[node], node) in made.edges(graph.parent[node])  # HG1
    for node in range(graph.nodes):
        words = [word for word, _ in made.edges(node)]
        assert words == sorted(set(words))  # HG2


def test_it_has_what_the_roots_reach(heap: HeapUnderTest) -> None:
    nodes = heap.list_of(20)
    heap.malloc(16, NODE)
    store(u64, nodes[0] + 8, nodes[10])
    made = walked(heap)
    assert {made.graph.addr[n] for n in range(1, made.graph.nodes)} == set(nodes)
    assert made.edges(0) == [(0, made.node(nodes[0]))]
    assert made.edges(made.node(nodes[0])) == [(0, made.node(nodes[1])), (1, made.node(nodes[10]))]
    assert made.graph.parent[made.node(nodes[10])] == made.node(nodes[0]), "the shortest way"
    assert [made.tree.retained[made.node(nodes[i])] for i in (0, 1, 10)] == [320, 144, 160]
    assert made.graph.left_out == 0


@pytest.mark.parametrize("size", [8, 24, 512, 520, 1024, 32752, 40_000])
def test_pointers_of_every_size(heap: HeapUnderTest, size: int) -> None:
    typ = make_type(size, sorted({0, size - 8}))
    addr, target = heap.rooted(size, typ), heap.malloc(16)
    store(u64, addr, target)
    store(u64, addr + size - 8, target + 7)  # into the object
    heap.root(addr)
    made = walked(heap)
    node = made.node(addr)
    assert made.graph.nodes == 3, "each object is one node, however often it is met"
    assert made.edges(node) == [(word, made.node(target)) for word in sorted({0, size // 8 - 1})]
    assert made.graph.size[node] >= size
    assert (made.graph.typ[node] != 0) == (size > 512)


def test_an_array_repeats_its_type(heap: HeapUnderTest) -> None:
    pair = make_type(24, [8], "pair")
    addr, target = heap.rooted(24 * 100, pair), heap.malloc(16)
    for number in range(100):
        store(u64, addr + 24 * number + 8, target)
    made = walked(heap)
    assert made.edges(made.node(addr)) == [(3 * number + 1, made.node(target)) for number in range(100)]


def test_roots_say_what_they_are(heap: HeapUnderTest) -> None:
    memory = ctypes.create_string_buffer(24)
    start = ctypes.addressof(memory)
    mask = ctypes.create_string_buffer(b"\x05")
    assert heap.call(
        roots.add_globals, heap.state.roots, heap.heap.persistent, start, 24, array_at(u8, ctypes.addressof(mask))
    )
    objects = [heap.rooted(16, NODE) for _ in range(5)]
    heap.unroot()
    heap.root(objects[0], SITE_FLAG | 7, objects[1])
    heap.g.alloc_site = 9
    handle = heap.call(roots.new_handle, heap.state.roots, objects[2])
    store(u64, start, objects[3])
    store(u64, start + 8, objects[4])  # no pointer
    store(u64, start + 16, objects[3])
    made = walked(heap)
    graph = made.graph
    found = {
        (graph.root_kind[number], graph.root_place[number], graph.addr[target]) for number, target in made.edges(0)
    }
    assert found == {
        (ROOT_STACK, 7, objects[0]),
        (ROOT_STACK, 9, objects[1]),
        (ROOT_HANDLE, handle, objects[2]),
        (ROOT_GLOBAL, 0, objects[3]),
        (ROOT_GLOBAL, 16, objects[3]),
    }


def test_samples_of_the_memory_profile_say_where_they_were_allocated(heap: HeapUnderTest) -> None:
    heap.call(mem_sample.set_mem_profile_rate, heap.state, 1)
    expected = {}
    for site, (size, typ) in enumerate([(16, NODE), (16, NODE), (1024, LARGE), (40_000, NONE), (100, NONE)], 1):
        heap.g.alloc_site = site
        expected[heap.rooted(size, typ)] = site
    heap.call(mem_sample.set_mem_profile_rate, heap.state, 0)
    expected[heap.rooted(16, NODE)] = 0
    made = walked(heap)
    assert {made.graph.addr[n]: made.graph.site[n] for n in range(1, made.graph.nodes)} == expected


def test_without_room_the_nearest_are_there_and_the_rest_is_counted(heap: HeapUnderTest) -> None:
    nodes = heap.list_of(20)
    heap.root(nodes[15])
    made = walked(heap, nodes=8)
    assert {made.graph.addr[n] for n in range(1, made.graph.nodes)} == {*nodes[:3], *nodes[15:19]}
    assert made.graph.left_out == 2
    made = walked(heap, edges=3)
    assert (made.graph.nodes, made.graph.edges) == (4, 3)
    made = walked(heap, roots=1)
    assert (made.graph.roots, made.graph.nodes, made.graph.left_out) == (1, 6, 1)


def test_it_changes_nothing(heap: HeapUnderTest) -> None:
    nodes = heap.list_of(50)
    before = [load(u64, node) for node in nodes]
    walked(heap)
    assert [load(u64, node) for node in nodes] == before
