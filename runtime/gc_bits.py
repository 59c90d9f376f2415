"""GC bits: where the alloc and mark bitmaps of a span lie.

    one page, slots of 16..512 bytes   the page's last 128 bytes:   | ... | even half 64 B | odd half 64 B |
    up to 64 slots                     MSpan.small_bits:            one word each
    else (slots of 8 bytes)            a cell off the heap:         128 bytes each

Go gives every span two fresh bitmaps per collection, cut from arenas that are recycled as a whole. Here the two belong
to the span for its life and change roles when it is swept, so nothing is handed out while sweeping, and hardly a span
needs memory for them at all.

Which half of a page is the mark bitmap depends on the collection's number only: with sweep_gen h it is the odd half
when h / 2 is odd. A span is swept once per collection, which swaps its halves; a span made later starts with that
order.

    GB1  mark_bits of a span with inline bits is at inline_mark_offset(sweep_gen) of its page, once it is swept
    GB2  mark bits are all zero outside the marking phase, once the span is swept

Owner: as for the span; cells are covered by heap.lock. Go: runtime/mheap.go gcBitsArena, newMarkBits.   Next: sweep.py
"""

from __future__ import annotations

from runtime.fixalloc import FixAlloc, fixalloc_alloc, fixalloc_free
from runtime.layout import INLINE_MARK_BYTES, PAGE_SIZE
from runtime.lock import Mutex, lock, unlock
from runtime.mspan import INLINE_HALF, SMALL_BITS_SLOTS, WORD_BITS, MSpan, bit_words, has_inline_bits
from runtime.size_classes import MAX_OBJS_PER_SPAN
from runtime.syspy import address, array_at, element, inline, memset, u32, u64, uintptr

CELL_HALF = MAX_OBJS_PER_SPAN // 8  # bytes of one bitmap off the heap
CELL_SIZE = 2 * CELL_HALF


@inline
def inline_mark_offset(sweep_gen: u32) -> u64:
    """Where in a page the mark bitmap lies, in bytes, while the heap's sweep_gen is this."""
    return PAGE_SIZE - INLINE_MARK_BYTES + u64(sweep_gen // 2 % 2) * INLINE_HALF


def has_cell(span: MSpan) -> bool:
    """Whether the span's bitmaps lie off the heap."""
    return u64(span.nelems) > SMALL_BITS_SLOTS and not has_inline_bits(span.elem_size)


def new_bits(cells: FixAlloc, heap_lock: Mutex, span: MSpan, sweep_gen: u32) -> bool:
    """Give a new span its two bitmaps, all zero. False if the system refuses memory. Takes heap.lock for a cell."""
    if has_inline_bits(span.elem_size):
        mark = span.start_addr + inline_mark_offset(sweep_gen)
        memset(span.start_addr + (PAGE_SIZE - INLINE_MARK_BYTES), 0, INLINE_MARK_BYTES)
        set_bits(span, mark ^ INLINE_HALF, mark)
    elif has_cell(span):
        lock(heap_lock)
        cell = fixalloc_alloc(cells)
        unlock(heap_lock)
        if cell == 0:
            return False
        set_bits(span, cell, cell + CELL_HALF)
    else:
        span.small_bits[0] = 0
        span.small_bits[1] = 0
        set_bits(span, address(span.small_bits), address(element(span.small_bits, 1)))
    return True


def set_bits(span: MSpan, alloc: uintptr, mark: uintptr) -> None:
    """Say where the bitmaps are."""
    span.alloc_bits = array_at(u64, alloc)
    span.mark_bits = array_at(u64, mark)


def free_bits(cells: FixAlloc, span: MSpan) -> None:
    """Take the bitmaps of a span back that goes out of use. Caller holds heap.lock."""
    if has_cell(span):
        first = address(span.alloc_bits)
        second = address(span.mark_bits)
        fixalloc_free(cells, first if first < second else second)


def swap_bits(span: MSpan) -> None:
    """Mark becomes alloc; the old alloc bitmap, cleared, becomes mark. Caller owns span."""
    fresh = span.alloc_bits
    span.alloc_bits = span.mark_bits
    span.mark_bits = fresh
    memset(address(fresh), 0, bit_words(u64(span.nelems)) * (WORD_BITS // 8))
