"""From an address to its span."""

from __future__ import annotations

import ctypes
import sys
from types import FrameType
from typing import Any

import pytest

from runtime.arenas import (
    ArenaMap,
    add_arena,
    alloc_needs_zero,
    arena_map_close,
    arena_map_init,
    find_object,
    is_in_arenas,
    span_of,
)
from runtime.layout import HEAP_ARENA_BYTES, PAGE_SIZE
from runtime.os_memory import MemoryStats
from runtime.syspy import address
from tests.runtime.engines import PythonEngine
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest

MB = 1 << 20


@pytest.mark.parametrize("size", [8, 16, 24, 48, 112, 416, 512, 576, 1152, 9472, 32760, 32761, 100_000])
def test_every_inner_byte_leads_to_its_object(heap: HeapUnderTest, size: int) -> None:
    typ = WORD if size == 8 else NONE
    heap.malloc(size, typ)
    addr = heap.malloc(size, typ)
    span = heap.span_of(addr)
    slot = (addr - span.start_addr) // span.elem_size
    step = 1 if size < 600 else span.elem_size // 50
    for offset in [*range(0, span.elem_size, step), span.elem_size - 1]:
        assert heap.call(find_object, heap.heap.arenas, addr + offset) == (addr, address(span), slot)


def test_the_way_with_a_header_leads_to_the_slot(heap: HeapUnderTest) -> None:
    addr = heap.malloc(600, NODE)
    found = heap.call(find_object, heap.heap.arenas, addr)
    assert found[0] == addr - 8


def test_what_is_no_object_leads_nowhere(heap: HeapUnderTest) -> None:
    small, large = heap.malloc(24), heap.malloc(50_000)
    span = heap.span_of(small)
    beyond_large = heap.span_of(large).limit
    arena = heap.heap.arenas.first.start_addr
    for addr in [0, 1, 4096, 1 << 47, (1 << 64) - 1, span.limit, beyond_large, arena - 1, arena + 60 * MB]:
        assert heap.call(span_of, heap.heap.arenas, addr) == 0
        assert heap.call(find_object, heap.heap.arenas, addr)[0] == 0


def test_a_walk_meets_every_span_once(heap: HeapUnderTest) -> None:
    heap.heap.trigger = 1 << 40
    for size in (16, 5000, 40_000, 16, 1 << 20, 80 << 20, 100_000):
        heap.malloc(size, zero=False)
    starts = [span.start_addr for span in heap.spans()]
    assert len(starts) == len(set(starts)) == 6
    assert {span.npages for span in heap.spans()} == {1, 2, 5, 128, 10_240, 13}
    heap.gc()
    assert list(heap.spans()) == []


def test_a_freed_span_is_found_no_more(heap: HeapUnderTest) -> None:
    addr = heap.malloc(50_000)
    heap.gc()
    assert heap.call(span_of, heap.heap.arenas, addr) == 0


class Map:
    """A map of arenas that belongs to no heap."""

    def __init__(self, heap: HeapUnderTest) -> None:
        self.heap, self.arenas, self.stats = heap, ArenaMap(), MemoryStats()
        assert heap.call(arena_map_init, self.arenas, self.stats)

    def add(self, start_addr: int) -> bool:
        return bool(self.heap.call(add_arena, self.arenas, self.stats, start_addr))

    def close(self) -> None:
        self.heap.call(arena_map_close, self.arenas, self.stats)
        assert (self.stats.gc.bytes, self.stats.ready) == (0, 0)


def test_lowest_and_extent_enclose_all_arenas(heap: HeapUnderTest) -> None:
    m = Map(heap)
    base = 0xC0_0000_0000
    for start, lowest, end in [(5, 5, 6), (9, 5, 10), (3, 3, 10), (4, 3, 10)]:
        assert m.add(base + start * HEAP_ARENA_BYTES)
        assert m.arenas.lowest == base + lowest * HEAP_ARENA_BYTES
        assert m.arenas.lowest + m.arenas.extent == base + end * HEAP_ARENA_BYTES
    assert m.arenas.count == 4
    gap = base + 7 * HEAP_ARENA_BYTES
    assert heap.call(span_of, m.arenas, gap) == 0
    m.close()


def test_no_arena_is_hidden_while_one_below_it_is_added() -> None:
    m = Map(HeapUnderTest(PythonEngine()))
    base = 0xC0_0000_0000
    m.add(base + 5 * HEAP_ARENA_BYTES)
    m.add(base + 9 * HEAP_ARENA_BYTES)
    seen: set[bool] = set()

    def look(frame: FrameType, _event: str, _value: object) -> Any:
        if frame.f_code is not add_arena.__code__:
            return None
        inside = [base + 5 * HEAP_ARENA_BYTES, base + 10 * HEAP_ARENA_BYTES - 1]
        seen.update(is_in_arenas(m.arenas, addr) for addr in inside)
        return look

    sys.settrace(look)
    m.add(base)
    sys.settrace(None)
    assert seen == {True}
    m.close()
    m.heap.close()


def test_both_ends_of_the_address_space(heap: HeapUnderTest) -> None:
    m = Map(heap)
    last = (1 << 48) - HEAP_ARENA_BYTES
    assert m.add(0)
    assert m.add(last)
    assert (m.arenas.lowest, m.arenas.extent) == (0, 1 << 48)
    assert heap.call(span_of, m.arenas, last + 5) == 0
    m.close()


def test_a_refused_arena_changes_nothing(heap: HeapUnderTest) -> None:
    m = Map(heap)
    m.stats.refuse_at = m.stats.requests + 1
    assert not m.add(HEAP_ARENA_BYTES)
    assert (m.arenas.count, m.arenas.extent) == (0, 0)
    assert m.add(HEAP_ARENA_BYTES)
    m.close()


def test_pages_need_zeroing_once_they_were_handed_out(heap: HeapUnderTest) -> None:
    m = Map(heap)
    start = 64 * HEAP_ARENA_BYTES
    m.add(start)
    m.add(start + HEAP_ARENA_BYTES)

    def needs(page: int, npages: int) -> bool:
        return bool(heap.call(alloc_needs_zero, m.arenas, start + page * PAGE_SIZE, npages))

    assert [needs(0, 4), needs(0, 1), needs(4, 2), needs(3, 9), needs(12, 1)] == [False, True, False, True, False]
    # Skipped pages lie below the watermark: to zero them is the safe error.
    assert [needs(100, 1), needs(50, 1), needs(101, 1)] == [False, True, False]
    assert [needs(8190, 4), needs(8192, 1), needs(8194, 1)] == [False, True, False]
    m.close()


def test_the_table_costs_no_memory_before_it_is_used(heap: HeapUnderTest) -> None:
    resident = (ctypes.c_ubyte * 8192)()
    ctypes.CDLL(None).mincore(ctypes.c_void_p(address(heap.heap.arenas.table)), 32 * MB, resident)
    assert sum(page & 1 for page in resident) <= 4
