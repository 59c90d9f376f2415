"""Weak pointers: nil exactly when the object was found dead, one handle for an address."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from runtime.layout import PERSISTENT_CHUNK
from runtime.mcache import close_runs
from runtime.size_classes import size_to_class
from runtime.specials import RootSpecial
from runtime.syspy import Failure, load, store, u64
from runtime.types import Type
from runtime.weak import weak_make, weak_value
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest

pytestmark = pytest.mark.full_on_python

KINDS = [
    pytest.param(8, NONE, id="tiny"),
    pytest.param(16, NODE, id="node"),
    pytest.param(512, WORD, id="bitmap"),
    pytest.param(4000, WORD, id="header"),
    pytest.param(100_000, NODE, id="large"),
]


def weak(heap: HeapUnderTest, addr: int) -> int:
    handle: int = heap.call(weak_make, heap.g, addr)
    assert handle != 0
    return handle


def value(heap: HeapUnderTest, handle: int) -> int:
    found: int = heap.call(weak_value, heap.g, handle)
    return found


@pytest.mark.parametrize(("size", "typ"), KINDS)
@pytest.mark.parametrize("sweep", [True, False])
def test_it_leads_to_the_object_until_that_is_dead(heap: HeapUnderTest, size: int, typ: Type, sweep: bool) -> None:
    kept = heap.rooted(size, typ)
    heap.call(close_runs, heap.m_cache)  # the next tiny object has a block of its own
    lost = heap.malloc(size, typ)
    handles = [weak(heap, kept), weak(heap, lost)]
    heap.root(*handles)
    assert [value(heap, handle) for handle in handles] == [kept, lost]
    for _ in range(2):
        (heap.gc if sweep else heap.collect)()
        assert [value(heap, handle) for handle in handles] == [kept, 0]
        heap.check()


def test_a_slot_that_any_thread_may_hand_out_next_is_no_object(heap: HeapUnderTest) -> None:
    heap.malloc(16, NODE)
    following = heap.m_cache.run_next[size_to_class(16) << 1]
    for thread in range(3):
        heap.run_on(thread)
        assert heap.call(weak_make, heap.g, following) == 0
    heap.run_on(0)
    assert heap.malloc(16, NODE) == following
    assert weak(heap, following) != 0


@pytest.mark.parametrize("offset", [0, 1, 8, 15])
def test_an_address_has_one_handle_while_its_object_lives(heap: HeapUnderTest, offset: int) -> None:
    addr = heap.rooted(16, NODE) + offset
    handle = weak(heap, addr)
    heap.gc()
    # Nobody holds the handle: the object keeps it.
    assert weak(heap, addr) == handle
    assert value(heap, handle) == addr
    assert weak(heap, addr ^ 4) != handle


def test_a_handle_goes_with_its_object(heap: HeapUnderTest) -> None:
    weak(heap, heap.malloc(64))
    heap.gc()
    assert len(heap.objects()) == 1, "the handle was alive when the object was found dead"
    heap.gc()
    assert heap.objects() == set()


def test_it_does_not_keep_what_its_object_leads_to(heap: HeapUnderTest) -> None:
    head = heap.list_of(10)[0]
    handle = weak(heap, head)
    heap.unroot()
    heap.root(handle)
    heap.gc()
    assert heap.objects() == {handle}
    assert value(heap, handle) == 0


def test_a_new_object_in_the_same_place_has_a_handle_of_its_own(heap: HeapUnderTest) -> None:
    addr = heap.malloc(64)
    old = weak(heap, addr)
    heap.root(old, heap.malloc(64))
    heap.gc()
    assert heap.rooted(64) == addr
    assert value(heap, old) == 0
    new = weak(heap, addr)
    assert new != old
    assert (value(heap, old), value(heap, new)) == (0, addr)


def test_tiny_objects_of_a_block_die_together(heap: HeapUnderTest) -> None:
    first, second = heap.malloc(4), heap.malloc(4)
    assert second == first + 4
    handles = [weak(heap, first), weak(heap, second)]
    heap.root(second, *handles)
    heap.gc()
    assert [value(heap, handle) for handle in handles] == [first, second]
    heap.unroot()
    heap.root(*handles)
    heap.gc()
    assert [value(heap, handle) for handle in handles] == [0, 0]


def test_what_is_no_object_has_no_handle(heap: HeapUnderTest) -> None:
    zero, kept, lost = heap.malloc(0), heap.rooted(64), heap.malloc(64)
    heap.gc()
    # behind kept: lost is swept; then a slot of the run that nobody has; then the end of the span
    assert heap.malloc(80) != 0
    for addr in (0, 8, zero, lost, kept + 64, heap.malloc(32) + 32, 1 << 47, (1 << 64) - 1):
        assert heap.call(weak_make, heap.g, addr) == 0


@pytest.mark.parametrize(("size", "typ"), KINDS)
def test_a_dead_object_has_no_handle_though_nobody_has_swept_it(heap: HeapUnderTest, size: int, typ: Type) -> None:
    kept = heap.rooted(size, typ)
    heap.call(close_runs, heap.m_cache)
    lost = heap.malloc(size, typ)
    heap.collect()
    assert heap.call(weak_make, heap.g, lost) == 0
    assert value(heap, weak(heap, kept)) == kept


def test_the_object_is_alive_while_its_handle_is_made(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gcstress=1,clobberfree=1")
    for _ in range(20):
        addr = heap.malloc(64)
        store(u64, addr, 7)
        handle = weak(heap, addr)
        assert load(u64, addr) == 7
        heap.root(handle)
        assert value(heap, handle) == addr
    heap.gc()
    assert {value(heap, load(u64, heap.g.shadow_base + 8 * i)) for i in range(20)} == {0}
    assert heap.state.gc.stress_collections >= 40


def test_the_system_refuses_memory_for_a_handle(heap: HeapUnderTest) -> None:
    addr = heap.rooted(64)
    heap.malloc(16)
    memory = heap.heap.memory
    memory.refuse_at = memory.requests + 1
    # The cells of specials are cut from a chunk that is there already: it is used up first.
    heap.heap.persistent.offset = PERSISTENT_CHUNK
    with pytest.raises(Failure, match="out of memory"):
        heap.call(weak_make, heap.g, addr)
    assert heap.g.shadow_top == heap.g.shadow_base + 8
    heap.check()
    assert value(heap, weak(heap, addr)) == addr


def test_a_handle_that_was_written_to_is_noticed(heap: HeapUnderTest) -> None:
    addr = heap.rooted(64)
    store(u64, weak(heap, addr), addr + 8)
    with pytest.raises(Failure, match="WK1: a weak handle does not hold its address"):
        heap.call(weak_make, heap.g, addr)


def test_handles_are_roots_of_both_markers(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gccheckmark=1,heapcheck=1")
    addr = heap.rooted(64)
    handle = weak(heap, addr)
    heap.gc()
    assert heap.objects() == {addr, handle}


def test_the_checker_sees_a_handle_that_was_not_marked(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gccheckmark=1")
    heap.is_broken = True
    weak(heap, heap.rooted(64))
    heap.heap.specials.roots = RootSpecial.at(0)
    with pytest.raises(Failure, match="MK2: checkmark found unmarked object"):
        heap.gc()


@pytest.mark.parametrize("debug", ["", "gcstress=3,clobberfree=1,gccheckmark=1,heapcheck=1"])
def test_random_operations_against_a_dict(new_heap: Callable[..., HeapUnderTest], seed: int, debug: str) -> None:
    draw = random.Random(seed)
    heap = new_heap(debug=debug)
    rooms = 12
    heap.root(*[0] * (2 * rooms))  # objects, then handles
    objects: dict[int, int] = {}  # room: the number of its object
    handles: dict[int, tuple[int, int]] = {}  # room: the number of the object that its handle is for, and the address
    for number in range(80):
        room = draw.randrange(rooms)
        at = heap.g.shadow_base + 8 * room
        match draw.randrange(4):
            case 0:
                size, typ = draw.choice([(16, NODE), (24, NONE), (600, WORD), (40_000, NONE)])
                store(u64, at, heap.malloc(size, typ))
                objects[room] = number
            case 1:
                store(u64, at, 0)
                objects.pop(room, None)
            case 2 if room in objects:
                handles[room] = objects[room], load(u64, at) + draw.randrange(16)
                store(u64, at + 8 * rooms, weak(heap, handles[room][1]))
            case _:
                heap.gc()
                for i, (owner, addr) in handles.items():
                    handle = load(u64, heap.g.shadow_base + 8 * (rooms + i))
                    assert value(heap, handle) == (addr if owner in objects.values() else 0)
