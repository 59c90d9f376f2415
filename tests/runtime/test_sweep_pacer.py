"""Sweeping in proportion to allocation: the slope, the debt, and that nothing is left when a collection is due."""

from __future__ import annotations

import pytest

from runtime.active_sweep import DRAINED
from runtime.cycle import update_goal
from runtime.sweep_pacer import AHEAD, MARGIN, deduct_sweep_credit, pace_sweeper
from runtime.sweeper import finish_sweep
from tests.runtime.heaps import HeapUnderTest

pytestmark = pytest.mark.full_on_python

KB = 1 << 10
MB = 1 << 20


def spans_wait(heap: HeapUnderTest, count: int, keep: int = 1) -> None:
    """So many spans of a page, in each of which some objects live, wait to be swept."""
    for i in range(8 * count):
        addr = heap.malloc(1024)
        if i % 8 < keep:
            heap.root(addr)
    heap.collect()


@pytest.mark.parametrize(
    ("distance", "expected"),
    [(5 * MB, 5 * MB - MARGIN), (MARGIN + 8192, 8192), (MARGIN + 5, 8192), (0, 8192), (-3 * MB, 8192)],
)
def test_all_is_to_be_swept_shortly_before_the_trigger(heap: HeapUnderTest, distance: int, expected: int) -> None:
    spans_wait(heap, 40)
    sweeper = heap.heap.sweeper
    heap.heap.heap_live = 4 * MB
    heap.heap.trigger = 4 * MB + distance
    heap.call(pace_sweeper, heap.heap)
    assert (heap.heap.pages_in_use, sweeper.pages_swept) == (40, 1)
    assert sweeper.pages_per_byte == 39 / expected
    assert (sweeper.live_basis, sweeper.pages_swept_basis) == (4 * MB, 1)
    heap.call(finish_sweep, heap.heap, heap.p)
    heap.call(pace_sweeper, heap.heap)
    assert sweeper.pages_per_byte == 0.0


def test_a_span_is_paid_for_before_it_is_taken(heap: HeapUnderTest) -> None:
    spans_wait(heap, 101)
    sweeper = heap.heap.sweeper
    sweeper.pages_per_byte = 2 / 8192
    basis = sweeper.pages_swept
    sweeper.live_basis, sweeper.pages_swept_basis = heap.heap.heap_live, basis
    heap.p.live = 0
    heap.call(deduct_sweep_credit, heap.heap, heap.p, 8192, 2)
    assert sweeper.pages_swept == basis  # the caller will sweep them
    heap.call(deduct_sweep_credit, heap.heap, heap.p, 8192, 0)
    assert sweeper.pages_swept == basis + AHEAD
    heap.p.live = 4 * 8192  # allocated, and not told to heap_live yet
    heap.call(deduct_sweep_credit, heap.heap, heap.p, 8192, 0)
    assert sweeper.pages_swept == basis + AHEAD
    heap.p.live = 6 * 8192
    heap.call(deduct_sweep_credit, heap.heap, heap.p, 8192, 0)
    assert sweeper.pages_swept == basis + 2 * AHEAD
    heap.p.live = 600 * 8192
    heap.call(deduct_sweep_credit, heap.heap, heap.p, 8192, 0)
    assert (sweeper.state, sweeper.pages_per_byte) == (DRAINED, 0.0)
    heap.p.live = 0


def test_less_that_lives_than_before_is_no_credit(heap: HeapUnderTest) -> None:
    spans_wait(heap, 30)
    sweeper = heap.heap.sweeper
    sweeper.live_basis = heap.heap.heap_live + heap.p.live + MB
    sweeper.pages_per_byte, before = 1 / 8192, sweeper.pages_swept
    heap.call(deduct_sweep_credit, heap.heap, heap.p, 8192, 0)
    assert sweeper.pages_swept == before + AHEAD


@pytest.mark.parametrize("size", [64, 2048, 40 * KB])
def test_all_is_swept_when_the_next_collection_is_due(heap: HeapUnderTest, size: int) -> None:
    """The spans that wait are of another class, all of them with a live object: neither slots nor pages lead there."""
    for i in range(3000):
        addr = heap.malloc(4096)
        if i % 2:
            heap.root(addr)
    heap.collect()
    sweeper, count = heap.heap.sweeper, heap.state.gc.num_gc
    assert sweeper.state == 0
    assert sweeper.pages_per_byte > 0.0
    while heap.heap.heap_live + heap.p.live + 48 * KB < heap.heap.trigger:
        heap.malloc(size)
    assert heap.state.gc.num_gc == count
    left = sum(span.npages for span in heap.spans() if span.sweep_gen == heap.heap.sweep_gen - 2)
    assert left <= (size // 8192 if size > 32 * KB else 0)  # what the last of them was to sweep itself


def test_a_new_goal_is_a_new_pace(heap: HeapUnderTest) -> None:
    spans_wait(heap, 300)
    slope = heap.heap.sweeper.pages_per_byte
    heap.state.knobs.gogc = 400
    heap.call(update_goal, heap.state)
    assert 0.0 < heap.heap.sweeper.pages_per_byte < slope
