"""Runs, refill and flush."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.heap import attach
from runtime.mcache import LIVE_BATCH, MOST_LIVE_BATCH, close_runs, refill, release_all
from runtime.mspan import MSpan
from runtime.size_classes import CLASS_TO_SIZE, size_to_class
from runtime.syspy import Failure, address, load, memset, u64
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, drawn, make_type

NOSCAN_1K = 65


def run(heap: HeapUnderTest, span_class: int) -> tuple[int, int]:
    """The open run of a class, as slot numbers."""
    span = heap.m_cache.alloc[span_class]
    slots = [
        (addr - span.start_addr) // span.elem_size
        for addr in (heap.m_cache.run_next[span_class], heap.m_cache.run_limit[span_class])
    ]
    return slots[0], slots[1]


def test_a_fresh_span_is_one_run(heap: HeapUnderTest) -> None:
    heap.malloc(1024)
    assert run(heap, NOSCAN_1K) == (1, 8)
    span = heap.m_cache.alloc[NOSCAN_1K]
    assert (span.free_index, span.alloc_count) == (8, 8)
    addrs = [heap.malloc(1024) for _ in range(7)]
    assert addrs == [span.start_addr + 1024 * i for i in range(1, 8)]
    assert run(heap, NOSCAN_1K) == (8, 8)


def test_a_span_with_holes_is_a_run_per_hole(heap: HeapUnderTest) -> None:
    addrs = [heap.malloc(1024) for _ in range(8)]
    heap.root(addrs[0], addrs[3], addrs[4], addrs[7])
    heap.gc()
    assert heap.malloc(1024) == addrs[1]
    assert run(heap, NOSCAN_1K) == (2, 3)
    assert [heap.malloc(1024) for _ in range(3)] == [addrs[2], addrs[5], addrs[6]]
    span = MSpan.at(address(heap.span_of(addrs[0])))
    assert drawn(span, heap.engine) == "########"


def test_what_is_left_of_a_run_goes_back_before_a_collection(heap: HeapUnderTest) -> None:
    for _ in range(3):
        heap.rooted(1024)
    span = heap.m_cache.alloc[NOSCAN_1K]
    heap.call(close_runs, heap.m_cache)
    assert drawn(span, heap.engine) == "###....."
    assert heap.m_cache.alloc[NOSCAN_1K] == span
    heap.gc()
    assert heap.state.gc.heap_marked == 3 * 1024
    assert (span.alloc_count, span.free_index) == (3, 0)


def test_long_runs_of_large_slots_are_taken_in_pieces(heap: HeapUnderTest) -> None:
    heap.malloc(2304)  # 7 slots in 2 pages
    assert run(heap, size_to_class(2304) << 1 | 1) == (1, 3)


@pytest.mark.parametrize("size", [8, 16, 24, 32, 64, 512, 520, 1016, 8000, 32760])
def test_a_reused_slot_is_zero(heap: HeapUnderTest, size: int) -> None:
    for typ in (NONE, WORD):
        for _ in range(3):
            addrs = [heap.malloc(size, typ) for _ in range(60)]
            for addr in addrs:
                assert all(load(u64, addr + i) == 0 for i in range(0, size, 8))
                memset(addr, 0xAA, size)
            heap.gc()


def test_without_needzero_a_noscan_slot_is_as_it_was(heap: HeapUnderTest) -> None:
    for addr in [heap.malloc(64) for _ in range(126)]:
        memset(addr, 0xAA, 64)
    heap.root(heap.malloc(64))
    heap.gc()
    memset(heap.malloc(64), 0xAA, 64)
    assert load(u64, heap.malloc(64, zero=False)) != 0 or heap.m_cache.alloc[13].need_zero == 0
    assert load(u64, heap.malloc(64, zero=True)) == 0


def test_a_scan_object_is_zero_whatever_is_asked(heap: HeapUnderTest) -> None:
    for addr in [heap.malloc(64, NODE) for _ in range(124)]:
        memset(addr, 0, 64)
        memset(addr + 16, 0xAA, 48)
    heap.gc()
    assert load(u64, heap.malloc(64, NODE, zero=False) + 40) == 0


def test_refill_wants_a_full_span(heap: HeapUnderTest) -> None:
    heap.malloc(1024)
    heap.call(close_runs, heap.m_cache)
    with pytest.raises(Failure, match="refill of span with free space remaining"):
        heap.call(refill, heap.heap, heap.p, NOSCAN_1K)


def test_release_flushes_the_counts(heap: HeapUnderTest) -> None:
    for _ in range(11):
        heap.malloc(1024)
    for _ in range(5):
        heap.malloc(4)
    stats, own = heap.heap.stats, heap.p.stats
    size_class = NOSCAN_1K >> 1
    assert (own.small_alloc_count[size_class], stats.small_alloc_count[size_class]) == (8, 0)
    heap.call(release_all, heap.heap, heap.p)
    assert (stats.small_alloc_count[size_class], stats.tiny_alloc_count) == (11, 3)
    assert heap.heap.heap_live == 11 * 1024 + 2 * 16
    assert all(heap.m_cache.alloc[c] == heap.heap.empty_span for c in range(136))


@pytest.mark.parametrize(
    ("left", "ps", "batch"),
    [
        (800 << 10, 1, 400 << 10),
        (800 << 10, 2, 200 << 10),
        (100 << 10, 1, LIVE_BATCH),
        (0, 1, LIVE_BATCH),
        (8 << 20, 1, MOST_LIVE_BATCH),
    ],
)
def test_what_a_p_need_not_tell_is_half_of_what_is_left(heap: HeapUnderTest, left: int, ps: int, batch: int) -> None:
    for _ in range(1, ps):
        heap.call(attach, heap.state)
    heap.malloc(1024)
    heap.call(release_all, heap.heap, heap.p)
    heap.heap.trigger = heap.heap.heap_live + left
    heap.call(release_all, heap.heap, heap.p)
    assert heap.p.live_batch == batch


def test_the_trigger_may_lie_below_what_is_live(heap: HeapUnderTest) -> None:
    heap.malloc(1024)
    heap.heap.trigger = 0
    heap.call(release_all, heap.heap, heap.p)
    assert heap.p.live_batch == LIVE_BATCH


def test_slots_reused_are_counted(heap: HeapUnderTest) -> None:
    for i in range(24):
        addr = heap.malloc(1024)
        if i % 8 == 0:
            heap.root(addr)
    for expected in (0, 21, 42):
        heap.gc()
        assert heap.heap.stats.slots_reused == expected
        for _ in range(21):
            heap.malloc(1024)


def test_every_class_can_be_filled_and_emptied(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1)
    for size_class in range(1, 68, 5):
        size = CLASS_TO_SIZE[size_class]
        for typ in (NONE, make_type(8, [0])):
            for _ in range(20):
                heap.malloc(min(size, 32760), typ)
    heap.check()
    heap.gc()
    assert heap.objects() == set()
