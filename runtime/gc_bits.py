"""GC bits: where the alloc and mark bitmaps of a span lie.

                                       alloc                        mark
    one page, slots of 16..512 bytes   the page's last 64 bytes     the page's line in arenas.mark_lines
    up to 64 slots                     MSpan.small_bits, word 0     word 1
    else: slots of 8 bytes, and        a cell off the heap,         second half
    pages outside of the window        first half of 128 bytes

Go gives every span two fresh bitmaps per collection, cut from arenas that are recycled as a whole; with the Green Tea
collector the marks of small objects lie at the end of their page. Here both belong to the span for its life, and
sweeping copies the marks, mostly one to eight words.

Marks are apart from the objects because of how caches find a line: by some bits in the middle of its address. A
line at the same place of every page competes with those of all other pages for a small part of the cache,
while marks that lie densely, a 128th of the heap, fill all of it. Nanoseconds per object to mark a million
objects of 128 bytes that point to 8 others each: 173 with marks in the pages, 151 with marks in lines.

    GB1  mark_bits of a span with inline bits in the window is its page's line
    GB2  mark bits are all zero outside the marking phase, once the span is swept; the lines of free pages are zero

Owner: as for the span; cells are covered by heap.lock. Go: runtime/mheap.go gcBitsArena, newMarkBits.   Next: sweep.py
"""

from __future__ import annotations

from runtime.arenas import ArenaMap, is_in_window, mark_line
from runtime.fixalloc import FixAlloc, fixalloc_alloc, fixalloc_free
from runtime.layout import INLINE_HALF, PAGE_SIZE, smaller
from runtime.lock import Mutex, lock, unlock
from runtime.mspan import SMALL_BITS_SLOTS, WORD_BITS, MSpan, bit_words, has_inline_bits, low_bits
from runtime.size_classes import MAX_OBJS_PER_SPAN
from runtime.syspy import address, array_at, element, memset, u64, uintptr

CELL_HALF = MAX_OBJS_PER_SPAN // 8  # bytes of one bitmap off the heap
CELL_SIZE = 2 * CELL_HALF


def has_cell(arenas: ArenaMap, span: MSpan) -> bool:
    """Whether the span's mark bits lie off the heap, in a cell."""
    if has_inline_bits(span.elem_size):
        return not is_in_window(arenas, span.start_addr)
    return u64(span.nelems) > SMALL_BITS_SLOTS


def new_bits(arenas: ArenaMap, cells: FixAlloc, heap_lock: Mutex, span: MSpan) -> bool:
    """Give a new span its two bitmaps, all zero. False if the system refuses memory. Takes heap.lock for a cell."""
    cell: uintptr = 0
    if has_cell(arenas, span):
        lock(heap_lock)
        cell = fixalloc_alloc(cells)
        unlock(heap_lock)
        if cell == 0:
            return False
    if has_inline_bits(span.elem_size):
        alloc = span.start_addr + (PAGE_SIZE - INLINE_HALF)
        memset(alloc, 0, INLINE_HALF)
        set_bits(span, alloc, mark_line(arenas, span.start_addr) if cell == 0 else cell + CELL_HALF)
    elif cell != 0:
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


def free_bits(arenas: ArenaMap, cells: FixAlloc, span: MSpan) -> None:
    """Take the bitmaps of a span back that goes out of use. Caller holds heap.lock."""
    if has_cell(arenas, span):
        fixalloc_free(cells, address(span.mark_bits) - CELL_HALF)


def take_marks(span: MSpan) -> None:
    """What is marked is taken from now on, and nothing is marked. Caller owns span."""
    for word in range(bit_words(u64(span.nelems))):
        marks = span.mark_bits[word]
        # Written only where something changes: these words may be at an edge of the MSpan.
        if span.alloc_bits[word] != marks:
            span.alloc_bits[word] = marks
        if marks != 0:
            span.mark_bits[word] = 0


def set_marks(span: MSpan, first: u64, end: u64) -> None:
    """Mark the slots first ... end - 1, which were just handed out. Others who mark in the span wait."""
    while first < end:
        word = first // WORD_BITS
        behind = smaller(end, (word + 1) * WORD_BITS)
        span.mark_bits[word] = span.mark_bits[word] | u64(low_bits(behind - first) << first % WORD_BITS)
        first = behind


def take_nothing(span: MSpan) -> None:
    """The same where it is known that nothing is marked: the marks are not touched. Caller owns span."""
    for word in range(bit_words(u64(span.nelems))):
        span.alloc_bits[word] = 0
