"""Collections as a whole: what they count, when they come, and their checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.active_sweep import DRAINED
from runtime.cycle import limited_goal, update_goal
from runtime.heap_check import check_all_marks
from runtime.layout import HEAP_ARENA_BYTES
from runtime.mark import start_marking
from runtime.mcache import release_all
from runtime.pacer import NO_GOAL, pace
from runtime.syspy import Failure, load, store, u32, u64
from tests.runtime.heaps import NODE, WORD, HeapUnderTest

MB = 1 << 20


def test_what_a_collection_counts(heap: HeapUnderTest) -> None:
    heap.rooted(1 << 20)
    heap.gc()
    heap.collect()
    stats = heap.state.gc
    assert (stats.num_gc, stats.num_forced_gc) == (2, 1)
    assert stats.heap_marked == 1 << 20
    assert 0 < stats.pause_ns[0] <= stats.pause_total_ns == stats.pause_ns[0] + stats.pause_ns[1]
    assert stats.pause_end[1] == stats.last_gc > stats.pause_end[0] > 1.5e18


def test_forced_collections_sweep_everything(heap: HeapUnderTest) -> None:
    for _ in range(100):
        heap.malloc(1024)
    heap.gc()
    assert (heap.heap.sweeper.state, heap.heap.pages_in_use) == (DRAINED, 0)


def test_the_pauses_of_256_collections_are_remembered(heap: HeapUnderTest) -> None:
    stats = heap.state.gc
    for _ in range(258):
        heap.collect()
    assert stats.pause_end[(stats.num_gc + 255) % 256] == stats.last_gc
    assert stats.pause_total_ns > sum(stats.pause_ns[i] for i in range(256))


def test_a_change_of_gogc_counts_at_once(heap: HeapUnderTest) -> None:
    heap.rooted(10 * MB)
    heap.gc()
    marked = heap.state.gc.heap_marked
    for gogc in (100, 50, 300):
        heap.state.knobs.gogc = gogc
        heap.call(update_goal, heap.state)
        root_bytes = heap.state.cycle.stack_bytes
        goal, trigger = heap.call(pace, marked, 0, root_bytes, gogc, False)
        assert (heap.state.gc.heap_goal, heap.heap.trigger) == (goal, trigger)
    heap.state.knobs.gogc = -1
    heap.call(update_goal, heap.state)
    limit = heap.call(limited_goal, heap.state)
    assert heap.state.gc.heap_goal == heap.heap.trigger == limit > NO_GOAL * 0.96


def test_what_was_scanned_is_in_objects_with_pointers(heap: HeapUnderTest) -> None:
    heap.list_of(1000)
    heap.rooted(5 * MB)
    heap.rooted(100)
    heap.rooted(2 * MB, WORD)
    heap.gc()
    gc = heap.state.gc
    assert (gc.heap_marked, gc.heap_scanned) == (16_000 + 7 * MB + 112, 16_000 + 2 * MB)


def test_checkmark_agrees_with_the_marker(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gccheckmark=1,heapcheck=1")
    heap.list_of(500)
    array = heap.rooted(50_000, WORD)
    store(u64, array, heap.malloc(600, NODE))
    heap.malloc(64)
    heap.gc()
    assert heap.state.gc.num_gc == 1


def test_checkmark_follows_a_pointer_into_an_object_s_second_arena(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gccheckmark=1")
    addr = heap.malloc(HEAP_ARENA_BYTES + 2 * MB, zero=False)
    heap.root(addr + HEAP_ARENA_BYTES + MB)
    heap.gc()
    assert heap.objects() == {addr}


def test_checkmark_finds_a_mark_that_was_dropped(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap()
    heap.is_broken = True
    nodes = heap.list_of(3)
    heap.call(start_marking, heap.state.marker)
    marks = heap.span_of(nodes[0]).mark_bits
    marks[0] = 0b111
    assert heap.call(check_all_marks, heap.state) == 3
    marks[0] = 0b101
    with pytest.raises(Failure, match="MK2: checkmark found unmarked object") as caught:
        heap.call(check_all_marks, heap.state)
    assert caught.value.words[0] == nodes[1]
    assert caught.value.words[2] in nodes


def test_stress_collects_at_every_nth_allocation(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gcstress=3,clobberfree=1")
    heap.root(0)
    for size in [8, 16, 24, 1, 5, 600, 40_000] * 9:
        store(u64, heap.g.shadow_base, heap.malloc(size))
    stats = heap.state.gc
    assert (stats.stress_count, stats.stress_collections) == (63, 21)
    assert stats.num_gc >= 21
    heap.unroot()
    heap.gc()
    heap.call(release_all, heap.heap, heap.p)
    freed = sum(heap.heap.stats.small_free_count[c] for c in range(68)) + heap.heap.stats.large_free_count
    assert freed == 63
    assert heap.heap.stats.slots_reused > 0


def test_stress_keeps_what_is_reachable(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gcstress=1,clobberfree=1,gccheckmark=1")
    nodes = heap.list_of(40)
    for i, node in enumerate(nodes):
        store(u64, node + 8, heap.malloc(16))
        store(u64, load(u64, node + 8), i)
        heap.malloc(16)
    at, seen = nodes[0], []
    while at:
        seen.append(load(u64, load(u64, at + 8)))
        at = load(u64, at)
    assert seen == list(range(40))
    assert heap.state.gc.num_gc == 120


def test_clobberfree_destroys_what_is_freed(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="clobberfree=1")
    kept, lost, large = heap.rooted(64), heap.malloc(64), heap.malloc(40_000)
    for addr in (kept, lost, large):
        store(u64, addr, 7)
    heap.gc()
    assert load(u64, kept) == 7
    assert [load(u32, addr + at) for addr in (lost, large) for at in (0, 60)] == [0xDEADBEEF] * 4


def test_a_heap_stays_as_small_as_its_goal(heap: HeapUnderTest) -> None:
    for i in range(3000):
        heap.malloc(4096 + 512 * (i % 9))
    assert heap.heap.memory.heap_in_use.bytes <= 5 * MB
    assert heap.state.gc.num_gc >= 2
