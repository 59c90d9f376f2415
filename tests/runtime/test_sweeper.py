"""Sweeping in batches: what becomes of each span, and that each is swept once, however many threads are at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime import world
from runtime.active_sweep import DRAINED, begin_sweeping
from runtime.arenas import next_span
from runtime.collect import collect
from runtime.heap import attach
from runtime.malloc import mallocgc
from runtime.mspan import MSpan
from runtime.proc import G
from runtime.size_classes import NUM_SPAN_CLASSES, size_to_class
from runtime.sweeper import BATCH, NOTHING_LEFT, ensure_swept, finish_sweep, next_class_of_any, sweep_some
from runtime.syspy import Failure, nil
from runtime.types import Type
from tests.runtime import workers
from tests.runtime.heaps import NODE, HeapUnderTest
from tests.runtime.test_world import NODE as NODE_24
from tests.runtime.test_world import Threads, in_host, rounds

pytestmark = pytest.mark.full_on_python

__all__ = ["in_host"]


def waiting(heap: HeapUnderTest) -> list[MSpan]:
    """The unswept spans."""
    return [span for span in heap.spans() if span.sweep_gen == heap.heap.sweep_gen - 2]


def litter(heap: HeapUnderTest, count: int, keep: Callable[[int], bool]) -> None:
    """Objects of several classes, some of which stay alive; all but the cached spans wait to be swept."""
    sizes = (16, 64, 1024, 5000, 40_000, 8)
    for i in range(count):
        addr = heap.malloc(sizes[i % len(sizes)], NODE if i % 2 and sizes[i % len(sizes)] >= 16 else nil(type(NODE)))
        if keep(i):
            heap.root(addr)
    heap.collect()


def test_a_batch_sweeps_so_many_spans_of_one_set(heap: HeapUnderTest) -> None:
    for _ in range(8 * 10):
        heap.malloc(1024)
    heap.collect()
    before = len(waiting(heap))
    assert heap.call(sweep_some, heap.heap, heap.p, 4) == 4
    assert (len(waiting(heap)), heap.heap.sweeper.pages_swept) == (before - 4, 5)  # the cached span, too
    assert heap.call(sweep_some, heap.heap, heap.p, BATCH) == before - 4
    assert heap.heap.sweeper.state == 0
    assert heap.call(sweep_some, heap.heap, heap.p, BATCH) == NOTHING_LEFT
    assert heap.heap.sweeper.state == DRAINED


@pytest.mark.parametrize("most", [1, 3, BATCH])
def test_what_is_alive_stays_and_what_is_dead_goes(heap: HeapUnderTest, most: int) -> None:
    litter(heap, 1200, keep=lambda i: i % 7 == 0)
    alive = heap.objects() and {
        slot
        for span in heap.spans()
        for slot in (span.start_addr + i * span.elem_size for i in range(span.nelems) if is_marked(heap, span, i))
    }
    while heap.call(sweep_some, heap.heap, heap.p, most) != NOTHING_LEFT:
        heap.check()
    assert heap.objects() == alive
    assert len(alive) == len([i for i in range(1200) if i % 7 == 0])


def is_marked(heap: HeapUnderTest, span: MSpan, i: int) -> bool:
    """Whether a slot is alive: by its mark if its span is unswept, by its alloc bit otherwise."""
    bits = span.mark_bits if span.sweep_gen == heap.heap.sweep_gen - 2 else span.alloc_bits
    return bool(bits[i // 64] >> i % 64 & 1)


def test_neighbours_become_free_pages_together(heap: HeapUnderTest) -> None:
    """Across bitmap words and chunks, with what is alive in between."""
    for i in range(1500):
        addr = heap.malloc(8000)
        if i in (5, 64, 700, 1027):
            heap.root(addr)
    heap.gc()
    assert heap.heap.pages_in_use == 4
    heap.check()


def test_a_span_is_swept_out_of_the_middle_of_its_set(heap: HeapUnderTest) -> None:
    kept = [heap.rooted(1024) for _ in range(8 * 6)]
    heap.collect()
    span = heap.span_of(kept[17])
    assert span.sweep_gen == heap.heap.sweep_gen - 2
    for _ in range(2):
        heap.call(ensure_swept, heap.heap, heap.p, span)
        assert span.sweep_gen == heap.heap.sweep_gen
    heap.check()
    assert len(waiting(heap)) == 4


def test_a_leaked_sweeper_is_found_at_the_next_collection(heap: HeapUnderTest) -> None:
    heap.malloc(16)
    heap.collect()
    other = G.at(heap.call(attach, heap.state)).p
    assert heap.call(begin_sweeping, heap.heap.sweeper, other)
    heap.is_broken = True
    with pytest.raises(Failure, match="AS2: active sweepers found at start of mark phase"):
        heap.call(collect, heap.g, True)


def test_two_threads_sweep_each_span_once(in_host: HeapUnderTest) -> None:
    heap = in_host
    for most in (1, 2, BATCH):
        heap.call(world.enter, heap.p)
        heap.unroot()
        litter(heap, rounds(heap, 300, 60_000), keep=lambda i: i % 50 == 0)
        swept, in_use = heap.heap.sweeper.pages_swept, heap.heap.pages_in_use
        unswept = sum(span.npages for span in waiting(heap))
        heap.call(world.leave, heap.p)
        threads = Threads(heap)
        freed = threads.join([threads.start(workers.sweep_spans, most) for _ in range(2)])
        assert heap.heap.sweeper.pages_swept - swept == unswept
        assert in_use - heap.heap.pages_in_use == sum(freed) > 0
        assert heap.heap.sweeper.state == DRAINED
    heap.call(world.enter, heap.p)


def test_sweepers_reclaimers_and_allocators_at_once(in_host: HeapUnderTest) -> None:
    heap = in_host
    threads = Threads(heap)
    count = rounds(heap, 1, 300)
    jobs: list[Any] = [(workers.churn, NODE_24, count, seed) for seed in (3, 4)]
    jobs += [(workers.collect_unforced,), (workers.reclaim_pages, rounds(heap, 10, 20_000))]
    jobs += [(workers.sweep_spans, 3), (workers.collect_often, rounds(heap, 2, 200)), (workers.sweep_spans, 1)]
    threads.join([threads.start(*job) for job in jobs])
    heap.call(world.enter, heap.p)
    heap.check()
    heap.gc()
    assert heap.objects() == set()


def test_all_is_swept_before_the_next_marking(heap: HeapUnderTest) -> None:
    litter(heap, 600, keep=lambda i: i % 3 == 0)
    assert waiting(heap)
    heap.call(finish_sweep, heap.heap, heap.p)
    assert not waiting(heap)
    heap.collect()
    assert heap.call(next_span, heap.heap.arenas, nil(MSpan)) != 0


def test_a_thread_sweeps_its_own_spans_first(in_host: HeapUnderTest) -> None:
    heap = in_host
    gs = [G.at(heap.call(attach, heap.state)) for _ in range(2)]  # the second one is the first in the list of Ps
    for g in gs:
        heap.call(world.enter, g.p)
        for _ in range(8 * 3):
            heap.call(mallocgc, g, 1024, nil(Type), True)
    heap.call(world.leave, gs[1].p)
    heap.call(collect, gs[0], False)
    owners = [span.home for span in waiting(heap)]
    assert owners.count(gs[0].p) == owners.count(gs[1].p) == 2
    heap.call(sweep_some, heap.heap, gs[0].p, 1)
    owners = [span.home for span in waiting(heap)]
    assert (owners.count(gs[0].p), owners.count(gs[1].p)) == (1, 2)
    heap.call(world.leave, gs[0].p)
    heap.call(world.enter, heap.p)


def test_the_classes_that_have_no_span_are_passed_over(heap: HeapUnderTest) -> None:
    heap.malloc(1024)
    heap.malloc(5000)
    found = heap.call(next_class_of_any, heap.p, 0)
    assert found == size_to_class(1024) << 1 | 1
    found = heap.call(next_class_of_any, heap.p, found + 1)
    assert found == size_to_class(5000) << 1 | 1
    assert heap.call(next_class_of_any, heap.p, found + 1) == NUM_SPAN_CLASSES
