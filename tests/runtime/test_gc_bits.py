"""Where bitmaps lie, and how marks become what is taken."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.gc_bits import has_cell, take_marks, take_nothing
from runtime.layout import PAGE_SIZE
from runtime.syspy import address
from tests.runtime.heaps import WORD, HeapUnderTest, span_drawn


@pytest.mark.parametrize("size", [16, 24, 128, 512])
def test_of_slots_up_to_512_bytes_alloc_lies_in_the_page_and_mark_in_its_line(heap: HeapUnderTest, size: int) -> None:
    span = heap.span_of(heap.malloc(size))
    last = span.start_addr + PAGE_SIZE
    assert address(span.alloc_bits) == last - 64
    assert span.limit <= last - 64
    page = (span.start_addr - heap.heap.arenas.window_base) // PAGE_SIZE
    assert address(span.mark_bits) == heap.heap.arenas.mark_lines + 64 * page


def test_outside_of_the_window_mark_bits_have_a_cell(heap: HeapUnderTest) -> None:
    heap.malloc(100_000)
    heap.heap.arenas.window_base += 1 << 40
    span = heap.span_of(heap.malloc(16))
    assert heap.call(has_cell, heap.heap.arenas, span)
    assert heap.heap.bit_cells.in_use == 256
    assert address(span.alloc_bits) == span.start_addr + PAGE_SIZE - 64
    assert heap.heap.arenas.mark_lines != 0


@pytest.mark.parametrize("size", [576, 1024, 8192, 32760, 100_000])
def test_bitmaps_of_larger_slots_lie_in_the_mspan(heap: HeapUnderTest, size: int) -> None:
    span = heap.span_of(heap.malloc(size))
    inside = range(address(span), address(span) + 160)
    assert address(span.alloc_bits) in inside
    assert address(span.mark_bits) in inside


def test_bitmaps_of_8_byte_slots_have_a_cell_that_is_given_back(heap: HeapUnderTest) -> None:
    span = heap.span_of(heap.malloc(8, WORD))
    assert span.nelems == 1008
    assert heap.call(has_cell, heap.heap.arenas, span)
    assert heap.heap.bit_cells.in_use == 256
    for _ in range(3):
        heap.gc()
    assert heap.heap.bit_cells.in_use == 0


def test_marks_become_alloc_bits_and_are_cleared(any_engine: Any) -> None:
    span = span_drawn("###", "#..")
    alloc, mark = address(span.alloc_bits), address(span.mark_bits)
    any_engine.call(take_marks, span)
    assert (address(span.alloc_bits), address(span.mark_bits)) == (alloc, mark)
    assert (span.alloc_bits[0], span.mark_bits[0]) == (1, 0)


def test_where_nothing_is_marked_the_marks_are_not_looked_at(any_engine: Any) -> None:
    span = span_drawn("###", "...")
    span.mark_bits[0] = 0xFF  # against what the caller knows
    any_engine.call(take_nothing, span)
    assert (span.alloc_bits[0], span.mark_bits[0]) == (0, 0xFF)
