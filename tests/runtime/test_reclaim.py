"""Pages for new spans: garbage first, then more memory."""

from __future__ import annotations

import pytest

from runtime.active_sweep import DRAINED
from runtime.reclaim import RECLAIM_DONE, reclaim
from runtime.sweeper import NOTHING_LEFT, sweep_some
from tests.runtime.heaps import HeapUnderTest


def fill(heap: HeapUnderTest, spans: int, size: int = 1024) -> None:
    """Full spans of one page whose objects are garbage."""
    for _ in range(spans * (8192 // size)):
        heap.malloc(size)


def test_a_chunk_is_reclaimed_and_what_is_not_asked_for_is_credit(heap: HeapUnderTest) -> None:
    fill(heap, 10)
    heap.collect()
    sweeper = heap.heap.sweeper
    assert heap.heap.pages_in_use == 9
    heap.call(reclaim, heap.heap, heap.p, 4)
    assert (heap.heap.pages_in_use, sweeper.reclaim_index, sweeper.reclaim_credit) == (0, 512, 5)
    heap.call(reclaim, heap.heap, heap.p, 5)
    assert (sweeper.reclaim_index, sweeper.reclaim_credit) == (512, 0)
    heap.call(reclaim, heap.heap, heap.p, 1)
    assert sweeper.reclaim_index == RECLAIM_DONE
    assert sweeper.state == 0
    assert heap.call(sweep_some, heap.heap, heap.p, 1) == NOTHING_LEFT
    assert sweeper.state == DRAINED


def test_what_sweeping_frees_is_credit(heap: HeapUnderTest) -> None:
    fill(heap, 10)
    heap.collect()
    assert heap.call(sweep_some, heap.heap, heap.p, 3) == 3
    heap.call(reclaim, heap.heap, heap.p, 2)
    assert (heap.heap.sweeper.reclaim_credit, heap.heap.sweeper.reclaim_index) == (1, 0)


@pytest.mark.parametrize("size", [16, 512, 1024, 8, 40_000])
def test_only_spans_without_a_live_object_are_swept(heap: HeapUnderTest, size: int) -> None:
    objects = [heap.malloc(size) for _ in range(4 * (8192 // size) or 4)]
    kept = objects[len(objects) // 2]
    heap.root(kept)
    heap.collect()
    in_use = heap.heap.pages_in_use
    span = heap.span_of(kept)
    h = heap.heap.sweep_gen
    heap.call(reclaim, heap.heap, heap.p, 1)
    assert span.sweep_gen == h - 2
    assert heap.heap.pages_in_use < in_use
    assert {one.sweep_gen for one in heap.spans()} <= {h - 2, h + 3}
    heap.check()
    heap.gc()
    assert heap.objects() == {kept}


def test_a_live_heap_is_not_swept_for_a_new_span(heap: HeapUnderTest) -> None:
    kept = [heap.rooted(1024) for _ in range(8 * 150)]
    heap.collect()
    heap.malloc(40_000)
    assert sum(heap.span_of(addr).sweep_gen == heap.heap.sweep_gen - 2 for addr in kept[::8]) >= 145


def test_the_heap_grows_only_when_no_garbage_span_is_left(heap: HeapUnderTest) -> None:
    fill(heap, 1024, 4096)
    before = heap.heap.pages.in_use.total_bytes
    heap.collect()
    for _ in range(12):
        heap.malloc(600 << 10)
    assert heap.heap.pages.in_use.total_bytes == before


def test_arenas_far_apart_and_the_gap_between_them(heap: HeapUnderTest) -> None:
    fill(heap, 3)
    heap.collect()
    sweeper = heap.heap.sweeper
    sweeper.reclaim_base -= 3 << 26  # as if another arena lay below, with nothing in between
    sweeper.reclaim_end += 3 * 8192
    heap.call(reclaim, heap.heap, heap.p, 1)
    assert (sweeper.reclaim_index, heap.heap.pages_in_use) == (3 * 8192 + 512, 0)
