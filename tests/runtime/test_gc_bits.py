"""Where bitmaps lie, and how they change places."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.gc_bits import has_cell, inline_mark_offset, swap_bits
from runtime.layout import PAGE_SIZE
from runtime.mspan import MSpan
from runtime.syspy import address
from tests.runtime.heaps import NODE, WORD, HeapUnderTest, span_drawn


@pytest.mark.parametrize(("sweep_gen", "offset"), [(0, 8064), (2, 8128), (4, 8064), (1 << 32 - 1, 8064)])
def test_halves_change_with_every_collection(any_engine: Any, sweep_gen: int, offset: int) -> None:
    assert any_engine.call(inline_mark_offset, sweep_gen) == offset


@pytest.mark.parametrize("size", [16, 24, 128, 512])
def test_bitmaps_of_slots_up_to_512_bytes_lie_in_the_page(heap: HeapUnderTest, size: int) -> None:
    span = heap.span_of(heap.malloc(size))
    last = span.start_addr + PAGE_SIZE
    assert {address(span.alloc_bits), address(span.mark_bits)} == {last - 128, last - 64}
    assert span.limit <= last - 128


@pytest.mark.parametrize("size", [576, 1024, 8192, 32760, 100_000])
def test_bitmaps_of_larger_slots_lie_in_the_mspan(heap: HeapUnderTest, size: int) -> None:
    span = heap.span_of(heap.malloc(size))
    inside = range(address(span), address(span) + 160)
    assert address(span.alloc_bits) in inside
    assert address(span.mark_bits) in inside


def test_bitmaps_of_8_byte_slots_have_a_cell_that_is_given_back(heap: HeapUnderTest) -> None:
    span = heap.span_of(heap.malloc(8, WORD))
    assert span.nelems == 1008
    assert heap.call(has_cell, span)
    assert heap.heap.bit_cells.in_use == 256
    for _ in range(3):
        heap.gc()
    assert heap.heap.bit_cells.in_use == 0


def test_swapping_makes_mark_alloc_and_clears_the_rest(any_engine: Any) -> None:
    span = span_drawn("###", "#..")
    alloc, mark = address(span.alloc_bits), address(span.mark_bits)
    any_engine.call(swap_bits, span)
    assert (address(span.alloc_bits), address(span.mark_bits)) == (mark, alloc)
    assert (span.alloc_bits[0], span.mark_bits[0]) == (1, 0)


def test_old_and_new_spans_agree_where_marks_are(heap: HeapUnderTest) -> None:
    kept: list[MSpan] = []
    for _ in range(5):
        for _ in range(600):
            heap.rooted(16, NODE)
        heap.gc()
        kept += [span for span in heap.spans() if span.elem_size == 16]
        offset = heap.call(inline_mark_offset, heap.heap.sweep_gen)
        assert {address(span.mark_bits) - span.start_addr for span in kept} == {offset}
    heap.check()
