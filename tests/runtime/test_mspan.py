"""Slots, bitmaps and runs."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime.layout import CACHE_LINE
from runtime.mspan import MSpan, check_span, count_taken, find_zombie, give_back_run, take_run
from runtime.size_classes import NUM_SPAN_CLASSES, SPAN_CLASS_TO_NELEMS
from runtime.syspy import Failure, offsetof, sizeof
from tests.runtime.heaps import HeapUnderTest, drawn, span_drawn


def runs(span: MSpan, engine: Any, most: int = 1000) -> list[tuple[int, int]]:
    """All runs that are left in a span."""
    found: list[tuple[int, int]] = []
    while True:
        first, end = engine.call(take_run, span, most)
        if first == end:
            return found
        found.append((first, end))


@pytest.mark.parametrize(
    ("alloc", "free_index", "expected"),
    [
        ("........", 0, [(0, 8)]),
        ("########", 0, []),
        ("##.##.##", 0, [(2, 3), (5, 6)]),
        ("#...#..#", 0, [(1, 4), (5, 7)]),
        ("#...#..#", 2, [(2, 4), (5, 7)]),
        ("#...#...", 8, []),
        ("." * 64, 0, [(0, 64)]),
        ("." * 63 + "#", 0, [(0, 63)]),
        ("#" + "." * 63, 0, [(1, 64)]),
        ("#." * 32, 61, [(61, 62), (63, 64)]),
    ],
)
def test_runs_are_the_free_slots_in_a_row(
    any_engine: Any, alloc: str, free_index: int, expected: list[tuple[int, int]]
) -> None:
    span = span_drawn(alloc, free_index=free_index)
    assert runs(span, any_engine) == expected
    assert span.alloc_count == span.nelems
    any_engine.call(check_span, span)


def test_a_run_can_be_limited(any_engine: Any) -> None:
    span = span_drawn("#......#")
    assert runs(span, any_engine, most=2) == [(1, 3), (3, 5), (5, 7)]


def test_what_is_left_of_a_run_goes_back(any_engine: Any) -> None:
    span = span_drawn("#....#..")
    assert any_engine.call(take_run, span, 100) == (1, 5)
    assert drawn(span, any_engine) == "######.."
    any_engine.call(give_back_run, span, 3)
    assert drawn(span, any_engine) == "###..#.."
    any_engine.call(check_span, span)
    assert runs(span, any_engine) == [(3, 5), (6, 8)]


def test_a_run_goes_over_the_words_of_the_bitmap(heap: HeapUnderTest) -> None:
    span = heap.span_of(heap.malloc(16))
    give_back = heap.m_cache.run_next[5]
    heap.call(give_back_run, span, (give_back - span.start_addr) // 16)
    heap.m_cache.run_next[5] = heap.m_cache.run_limit[5] = 0
    assert heap.call(take_run, span, 1000) == (1, 504)
    heap.call(give_back_run, span, 1)


def test_random_bitmaps_give_every_free_slot_once(heap: HeapUnderTest, seed: int) -> None:
    draw = random.Random(seed)
    span = heap.span_of(heap.malloc(16))
    heap.is_broken = True
    for _ in range(20):
        density = draw.random()
        taken = [draw.random() < density for _ in range(504)]
        for word in range(8):
            span.alloc_bits[word] = sum(1 << i for i, t in enumerate(taken[64 * word : 64 * word + 64]) if t)
        span.free_index, span.alloc_count, span.alloc_cache = 0, sum(taken), ~span.alloc_bits[0] & (1 << 64) - 1
        heap.call(check_span, span)
        found = [slot for first, end in runs(span, heap.engine) for slot in range(first, end)]
        assert found == [slot for slot in range(504) if not taken[slot]]
        heap.call(check_span, span)


def test_zombies_are_marked_slots_that_are_free(any_engine: Any) -> None:
    span = span_drawn(alloc="#.#.....", mark="#.#.#...", free_index=1)
    assert drawn(span, any_engine) == "o.o.!..."
    assert any_engine.call(find_zombie, span) == 4
    span.free_index = 5
    assert any_engine.call(find_zombie, span) == 8
    assert any_engine.call(count_taken, span) == 5


@pytest.mark.parametrize(
    ("field", "value", "tag"),
    [
        ("alloc_count", 9, "S1"),
        ("free_index", 9, "S2"),
        ("elem_size", 8192, "S3"),
        ("alloc_count", 2, "S5"),
        ("alloc_cache", 1, "S6"),
        ("limit", 8, "S7"),
    ],
)
def test_each_invariant_broken_once(any_engine: Any, field: str, value: int, tag: str) -> None:
    span = span_drawn("#..#....", free_index=2)
    any_engine.call(check_span, span)
    setattr(span, field, value)
    with pytest.raises(Failure, match=f"{tag}: "):
        any_engine.call(check_span, span)


def test_the_slots_of_every_class_fit_and_lie_where_they_should(heap: HeapUnderTest) -> None:
    for span_class in range(4, NUM_SPAN_CLASSES, 9):
        assert SPAN_CLASS_TO_NELEMS[span_class] >= 1
    span = heap.span_of(heap.malloc(24))
    assert (span.elem_size, span.nelems, span.npages) == (24, 336, 1)
    assert span.limit == span.start_addr + 336 * 24


def test_an_mspan_is_no_larger_than_go_s() -> None:
    assert sizeof(MSpan) <= 160


def test_what_is_written_often_is_in_no_other_spans_cache_line() -> None:
    often = "next prev home alloc_cache sweep_gen free_index alloc_count cached_count need_zero".split()
    size = sizeof(MSpan)
    for place in range(0, 64 * size, size):  # of cells side by side, the first at the start of a line
        inner = range(-(-place // CACHE_LINE) * CACHE_LINE, (place + size) // CACHE_LINE * CACHE_LINE)
        for name in often:
            assert place + offsetof(MSpan, name) in inner, (place, name)
