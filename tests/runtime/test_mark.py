"""Marking: exactly what is reachable survives."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from runtime.arenas import find_object
from runtime.layout import PAGE_SIZE
from runtime.mark import RING_ENTRIES, finish_marking, mark_root, start_marking
from runtime.syspy import Failure, load, store, u64
from runtime.types import Type
from runtime.work_queue import ROOM, set_limit
from tests.runtime.big_lists import build_list
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, make_type

pytestmark = pytest.mark.full_on_python

# The python engine looks at all of its words, one by one.
LARGEST = pytest.param(1 << 20, marks=pytest.mark.full)


def slots(heap: HeapUnderTest, addrs: set[int]) -> set[int]:
    """The slots of objects: headers stand before some."""
    return {heap.call(find_object, heap.heap.arenas, addr)[0] for addr in addrs}


def survivors(heap: HeapUnderTest) -> set[int]:
    """What is left after a collection."""
    heap.gc()
    return heap.objects()


def test_nothing_survives_without_a_root(heap: HeapUnderTest) -> None:
    for size in (1, 8, 16, 100, 600, 5000, 40_000):
        heap.malloc(size)
        heap.malloc(size + 15 & ~15, NODE)
    assert survivors(heap) == set()
    assert heap.heap.pages_in_use == 0


@pytest.mark.parametrize("size", [1, 8, 16, 24, 100, 512, 600, 5000, 32760, 40_000])
def test_exactly_the_rooted_objects_survive(heap: HeapUnderTest, size: int) -> None:
    kept = set()
    for i in range(40):
        addr = heap.malloc(max(size, 16))
        if i % 3 == 0:
            heap.root(addr)
            kept.add(addr)
    assert survivors(heap) == kept


@pytest.mark.parametrize("size", [16, 24, 48, 416, 512, 520, 1016, 4096, 30_000, 40_000, 1 << 18, LARGEST])
@pytest.mark.parametrize("where", ["first", "last"])
def test_a_pointer_is_followed_wherever_the_type_has_it(heap: HeapUnderTest, size: int, where: str) -> None:
    offset = 0 if where == "first" else size - 8
    holder = heap.rooted(size, make_type(size, [offset]))
    child = heap.malloc(16)
    store(u64, holder + offset, child)
    for other in {0, 8, size - 16, size - 8} - {offset}:
        store(u64, holder + other, heap.malloc(16))
    assert survivors(heap) == slots(heap, {holder, child})


@pytest.mark.parametrize("size", [16, 24, 128, 520, 2048, 40_000])
def test_words_that_are_no_pointers_keep_nothing_alive(heap: HeapUnderTest, size: int) -> None:
    lost = heap.malloc(16, NODE)
    holder = heap.rooted(size)
    for offset in range(0, size, 8):
        store(u64, holder + offset, lost)
    assert survivors(heap) == {holder}


@pytest.mark.parametrize("size", [16, 24, 48, 512, 576, 1152, 40_000])
@pytest.mark.parametrize("typ", [NONE, NODE], ids=["noscan", "scan"])
def test_interior_pointers_keep_the_whole_object(heap: HeapUnderTest, size: int, typ: Type) -> None:
    addr = heap.malloc(size // 16 * 16, typ)
    child = heap.malloc(16)
    neighbours = [heap.malloc(size // 16 * 16, typ) for _ in range(2)]
    kept = {addr}
    if typ is NODE:
        store(u64, addr, child)
        kept.add(child)
    step = 1 if size < 100 else size // 37
    for offset in [*range(0, size // 16 * 16, step), size // 16 * 16 - 1]:
        heap.unroot()
        heap.root(addr + offset)
        heap.is_broken = False
        heap.collect()
        assert heap.state.gc.heap_marked == sum(heap.span_of(a).elem_size for a in kept)
    assert survivors(heap) == slots(heap, kept)
    assert neighbours


def test_cycles_of_garbage_die_and_live_cycles_stay(heap: HeapUnderTest) -> None:
    def ring(length: int) -> list[int]:
        nodes = [heap.malloc(16, NODE) for _ in range(length)]
        for a, b in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
            store(u64, a, b)
            store(u64, a + 8, a)
        return nodes

    live, _, single, _ = ring(7), ring(9), ring(1), ring(1)
    heap.root(live[3], single[0])
    assert survivors(heap) == {*live, *single}


def test_whatever_waits_in_the_ring_is_scanned(heap: HeapUnderTest) -> None:
    """So many roots that the ring is left at each of its places."""
    for count in range(8, 8 + 2 * RING_ENTRIES):
        nodes = [heap.rooted(16, NODE) for _ in range(count)]
        children = [heap.malloc(16) for _ in nodes]
        for node, child in zip(nodes, children, strict=True):
            store(u64, node, child)
        assert survivors(heap) == {*nodes, *children}
        heap.unroot()


def test_a_long_list_marks_without_recursion(heap: HeapUnderTest) -> None:
    length = 20_000 if heap.engine.name == "python" else 10_000_000
    heap.root(0)
    heap.call(build_list, heap.g, NODE, length)
    heap.collect()
    assert heap.state.gc.heap_marked == 16 * length
    assert heap.state.marker.queue.base == heap.state.marker.queue.first


@pytest.mark.parametrize("count", [1, 64, 65, 127, 128, 129, 4000, 50_000])
def test_an_array_of_pointers_is_scanned_to_its_last_word(heap: HeapUnderTest, count: int) -> None:
    array = heap.rooted(8 * count, WORD)
    children = {0: heap.malloc(16), count - 1: heap.malloc(24), count // 2: heap.malloc(48)}
    for i, child in children.items():
        store(u64, array + 8 * i, child)
    kept = {load(u64, array + 8 * i) for i in children}
    assert survivors(heap) == slots(heap, {array, *kept})


@pytest.mark.parametrize(("size", "pointers"), [(24, [16]), (40, [0, 32]), (200, [8, 64, 192]), (1000, [992])])
def test_an_array_of_structs_is_scanned_by_its_type(heap: HeapUnderTest, size: int, pointers: list[int]) -> None:
    for count in (1, 3, 30, 100):
        heap.unroot()
        array = heap.rooted(size * count, make_type(size, pointers))
        lost = heap.malloc(16)
        for offset in range(0, size * count, 8):
            store(u64, array + offset, lost)
        kept = set()
        for i in (0, count // 2, count - 1):
            for offset in pointers:
                child = heap.malloc(16, NODE)
                store(u64, array + size * i + offset, child)
        kept = {load(u64, array + size * i + offset) for i in range(count) for offset in pointers}
        assert survivors(heap) == slots(heap, {array}) | kept


def test_objects_without_pointers_are_marked_and_never_touched(heap: HeapUnderTest) -> None:
    # Words of a noscan object that look like pointers to dead pages would end in MK1, if anybody read them.
    large = heap.malloc(100_000)
    addrs = [heap.rooted(size) for size in (16, 512, 5000, 50_000)]
    for addr in addrs:
        store(u64, addr, large)
    heap.gc()
    heap.gc()
    assert heap.objects() == set(addrs)


def test_roots_outside_the_heap_are_fine(heap: HeapUnderTest) -> None:
    kept = heap.malloc(16)
    arena = heap.heap.arenas.first.start_addr
    heap.root(0, 1, 8, 4096, kept, 1 << 46, (1 << 64) - 8, arena - 8, arena + (64 << 20), 0x7FFF_FFFF_FFFF)
    assert survivors(heap) == {kept}


def test_a_pointer_to_a_page_without_objects_is_a_bug(heap: HeapUnderTest) -> None:
    heap.malloc(16)
    heap.root(heap.heap.arenas.first.start_addr + 100 * PAGE_SIZE)
    heap.is_broken = True
    with pytest.raises(Failure, match="MK1: found bad pointer in the heap"):
        heap.gc()


def test_a_random_graph_survives_as_a_model_says(new_heap: Callable[..., HeapUnderTest], seed: int) -> None:
    draw = random.Random(seed)
    heap = new_heap(gogc=-1, debug="gccheckmark=1,heapcheck=1,clobberfree=1")
    shapes = [(16, [0, 8]), (40, [0, 16, 32]), (8, [0]), (512, [8, 504]), (1000, [0, 992]), (9000, [4000]), (64, [])]
    made: dict[int, list[int]] = {}
    types = {size: make_type(size, pointers) if pointers else NONE for size, pointers in shapes}
    for _ in range(3):
        for _ in range(400):
            size, pointers = draw.choice(shapes)
            addr = heap.malloc(size, types[size])
            made[addr] = [addr + offset for offset in pointers]
        addrs = list(made)
        for places in made.values():
            for place in places:
                store(u64, place, draw.choice([0, draw.choice(addrs), draw.choice(addrs)]))
        heap.unroot()
        roots = draw.sample(addrs, 12)
        heap.root(*roots)
        alive = set[int]()
        grey = list(roots)
        while grey:
            addr = grey.pop()
            if addr not in alive:
                alive.add(addr)
                grey += [p for p in (load(u64, place) for place in made[addr]) if p]
        assert survivors(heap) == slots(heap, alive)
        made = {addr: places for addr, places in made.items() if addr in alive}


@pytest.mark.parametrize("refused", [1, 2, 3])
def test_marking_survives_a_queue_that_cannot_grow(heap: HeapUnderTest, refused: int) -> None:
    # A tree of 64 times 64 objects: those of the ring come out of it one by one, and each has 64 children.
    wide = make_type(512, list(range(0, 512, 8)))
    heap.heap.trigger = 1 << 40
    root = heap.rooted(512, wide)
    for i in range(64):
        holder = heap.malloc(512, wide)
        store(u64, root + 8 * i, holder)
        for j in range(64):
            store(u64, holder + 8 * j, heap.malloc(16, NODE))
    memory = heap.heap.memory
    queue = heap.state.marker.queue
    set_limit(queue, queue.base + ROOM + 512)  # that it has to grow soon
    # The next requests are those of the queue: nothing else asks while marking.
    memory.refuse_at = memory.requests + refused
    heap.collect()
    assert memory.requests >= memory.refuse_at
    assert heap.state.gc.heap_marked == 65 * 512 + 64 * 64 * 16
    heap.check()


def test_a_full_queue_drops_entries_and_finds_them_again(heap: HeapUnderTest) -> None:
    queue = heap.state.marker.queue
    array = heap.rooted(8 * 100, WORD)
    for i in range(100):
        node = heap.malloc(16, NODE)
        store(u64, array + 8 * i, node)
        store(u64, node, heap.malloc(16, NODE))
    # As if the memory had this size: room for one piece and little more.
    memory = heap.heap.memory
    queue.brim = queue.base + 64
    memory.refuse_at = memory.requests + 1
    heap.collect()
    assert heap.state.gc.heap_marked == heap.span_of(array).elem_size + 16 * 200


def test_an_array_s_objects_mark_their_neighbours(heap: HeapUnderTest) -> None:
    array = heap.rooted(8 * 100, WORD)
    nodes = [heap.malloc(16, NODE) for _ in range(12)]
    for i, source in enumerate(nodes[::3]):
        # The next two lie beside it: their mark bits are in the same word, and so are those of the array's next object.
        store(u64, array + 8 * i, source)
        store(u64, source, source + 16)
        store(u64, source + 8, source + 32)
    assert survivors(heap) == slots(heap, {array, *nodes})


def test_an_array_s_objects_are_scanned_when_the_queue_is_nearly_full(heap: HeapUnderTest) -> None:
    array = heap.rooted(8 * 100, WORD)
    queue = heap.state.marker.queue
    nodes = [heap.malloc(16, NODE) for _ in range(200)]
    for i in range(100):
        store(u64, array + 8 * i, nodes[2 * i])
        store(u64, nodes[2 * i], nodes[2 * i + 1])
    queue.brim = queue.base + 8 * 50
    assert survivors(heap) == slots(heap, {array, *nodes})


def test_what_lies_outside_of_the_window_is_marked_the_long_way(heap: HeapUnderTest) -> None:
    heap.malloc(40_000)
    # As if the first arena had been added far away from this one.
    heap.heap.arenas.window_base = 1 << 46
    heap.heap.arenas.has_outside = True
    holder = heap.rooted(512, make_type(512, [0, 8, 504]))
    node, last = heap.malloc(16, NODE), heap.malloc(64)
    store(u64, holder, node)
    store(u64, node + 8, last)
    array = heap.rooted(2000, WORD)
    store(u64, array + 1992, heap.malloc(8, WORD))
    heap.collect()
    assert heap.state.gc.heap_marked == 512 + 16 + 64 + 2048 + 8
    heap.gc()
    assert len(heap.objects()) == 5


def test_a_root_is_marked_once(heap: HeapUnderTest) -> None:
    node = heap.malloc(16, NODE)
    marker = heap.state.marker
    heap.is_broken = True
    heap.call(start_marking, marker)
    for p in (node, node + 8, node):
        heap.call(mark_root, marker, p)
    assert marker.queue.top == marker.queue.base + 8
    assert load(u64, marker.queue.base) == node
    heap.call(finish_marking, marker)
    assert marker.marked_bytes == 16
