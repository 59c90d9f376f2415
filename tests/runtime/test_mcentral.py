"""Sets of spans, their roles, and who sweeps what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.active_sweep import DRAINED
from runtime.mcache import release_all
from runtime.mcentral import cache_span, uncache_span
from runtime.mspan import MSpan
from runtime.sweeper import NOTHING_LEFT, finish_sweep, start_sweep, sweep_some
from runtime.syspy import Failure, address
from tests.runtime.heaps import NODE, WORD, HeapUnderTest

NOSCAN_1K = 65  # span class of 1024 bytes: 8 slots


def sets(heap: HeapUnderTest, span_class: int = NOSCAN_1K) -> dict[str, int]:
    """How many spans each set of a class has."""
    central, role = heap.p.central[span_class], heap.heap.sweep_gen // 2 % 2
    kinds: Any = {
        "partial": central.partial[role],
        "full": central.full[role],
        "unswept partial": central.partial[1 - role],
        "unswept full": central.full[1 - role],
    }
    return {name: spans.count for name, spans in kinds.items() if spans.count}


def fill(heap: HeapUnderTest, spans: int, keep: Callable[[int], bool] = lambda i: False) -> None:
    """Fill spans of 1 KiB slots; keep says which of the objects stay alive."""
    for i in range(8 * spans):
        addr = heap.malloc(1024)
        if keep(i):
            heap.root(addr)


def test_full_spans_leave_the_mcache_and_wait_as_full(heap: HeapUnderTest) -> None:
    fill(heap, 3)
    assert sets(heap) == {"full": 2}
    heap.malloc(1024)
    assert sets(heap) == {"full": 3}


def test_a_collection_changes_the_roles_of_the_sets(heap: HeapUnderTest) -> None:
    fill(heap, 4, keep=lambda i: i % 2 == 0)
    before = heap.heap.sweep_gen
    heap.collect()
    assert heap.heap.sweep_gen == before + 2
    # The cached span is swept at once; the others wait.
    assert sets(heap) == {"partial": 1, "unswept full": 3}
    heap.call(finish_sweep, heap.heap, heap.p)
    assert sets(heap) == {"partial": 4}
    assert heap.heap.sweeper.state == DRAINED
    heap.collect()
    assert sets(heap) == {"unswept partial": 4}


def test_an_allocation_takes_swept_partial_spans_first_then_sweeps(heap: HeapUnderTest) -> None:
    fill(heap, 4, keep=lambda i: i % 2 == 0)
    heap.collect()
    for expected in [{"unswept full": 3}, {"full": 1, "unswept full": 2}, {"full": 2, "unswept full": 1}, {"full": 3}]:
        for _ in range(4):
            heap.malloc(1024)
        assert sets(heap) == expected
    assert heap.heap.pages_in_use == 4
    heap.malloc(1024)
    assert heap.heap.pages_in_use == 5


def test_the_span_filled_last_is_allocated_from_first_and_the_oldest_are_swept_ahead(heap: HeapUnderTest) -> None:
    pages = []
    for _ in range(6):
        pages.append(heap.rooted(1024) >> 13)  # that one stays alive, so no span goes back to the heap
        for _ in range(7):
            heap.malloc(1024)
    heap.collect()
    for _ in range(7):  # what the mcache had is used up: the sixth
        assert heap.malloc(1024) >> 13 == pages[5]
    assert heap.malloc(1024) >> 13 == pages[4]
    heap.call(sweep_some, heap.heap, heap.p, 2)
    partial = heap.p.central[NOSCAN_1K].partial[heap.heap.sweep_gen // 2 % 2]
    assert [partial.first.start_addr >> 13, partial.last.start_addr >> 13] == pages[:2]


def test_a_span_that_is_still_full_goes_back_and_the_next_is_swept(heap: HeapUnderTest) -> None:
    fill(heap, 4, keep=lambda i: i < 25)
    heap.collect()
    assert sets(heap) == {"partial": 1, "unswept full": 3}
    for _ in range(7):
        heap.malloc(1024)
    assert sets(heap) == {"unswept full": 3}
    heap.malloc(1024)
    assert sets(heap) == {"full": 4}
    assert heap.heap.pages_in_use == 5


def test_the_search_for_a_slot_has_a_budget(heap: HeapUnderTest) -> None:
    fill(heap, 151, keep=lambda i: i < 1200)
    heap.collect()
    fill(heap, 1)
    before = heap.heap.pages_in_use
    heap.malloc(1024)
    # A hundred full spans were looked into for nothing, the rest when sweeping for pages found none either.
    assert heap.heap.pages_in_use == before + 1
    assert sets(heap)["full"] >= 100


def test_empty_spans_go_back_to_the_heap_when_nobody_wants_their_slots(heap: HeapUnderTest) -> None:
    fill(heap, 10)
    heap.collect()
    assert heap.heap.pages_in_use == 9
    while heap.call(sweep_some, heap.heap, heap.p, 1) != NOTHING_LEFT:
        pass
    assert heap.heap.pages_in_use == 0
    assert sets(heap) == {}


def test_a_heap_does_not_grow_while_garbage_is_unswept(heap: HeapUnderTest) -> None:
    for _ in range(3):
        heap.malloc(1 << 20)
    in_page_allocator = heap.heap.pages.in_use.total_bytes
    heap.collect()
    for _ in range(3):
        heap.malloc(1 << 20)
    assert heap.heap.pages.in_use.total_bytes == in_page_allocator


def test_sweep_gen_of_a_span_through_a_cycle(heap: HeapUnderTest) -> None:
    heap.rooted(1024)
    span = heap.m_cache.alloc[NOSCAN_1K]
    h = heap.heap.sweep_gen
    assert span.sweep_gen == h + 3  # swept, then cached
    heap.call(start_sweep, heap.heap, heap.p)
    assert span.sweep_gen == heap.heap.sweep_gen + 1  # cached before the sweep began: stale
    span.mark_bits[0] = 1
    heap.call(release_all, heap.heap, heap.p)
    assert span.sweep_gen == heap.heap.sweep_gen  # swept
    heap.call(finish_sweep, heap.heap, heap.p)
    heap.call(start_sweep, heap.heap, heap.p)
    assert span.sweep_gen == heap.heap.sweep_gen - 2  # needs sweeping
    span.mark_bits[0] = 1
    heap.call(finish_sweep, heap.heap, heap.p)
    assert span.sweep_gen == heap.heap.sweep_gen


def test_a_span_without_a_taken_slot_is_not_uncached(heap: HeapUnderTest) -> None:
    span = MSpan.at(heap.call(cache_span, heap.heap, heap.p, NOSCAN_1K))
    heap.is_broken = True
    with pytest.raises(Failure, match="uncache_span: no slot was taken"):
        heap.call(uncache_span, heap.heap, heap.p, span)


def test_spans_of_every_kind_are_swept_by_the_next_collection(heap: HeapUnderTest) -> None:
    for size in (8, 16, 600, 5000, 40_000):
        for _ in range(30):
            heap.malloc(size, NODE if size > 8 else WORD)
    heap.collect()
    heap.collect()
    assert heap.objects() == set()
    assert address(heap.p.central[4].full[0].first) == 0
