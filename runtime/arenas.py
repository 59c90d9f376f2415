"""Arenas: from any address to the span that it lies in.

    address >> 26 ---> table ---> HeapArena ---> spans[page] ---> MSpan         8192 pages, 64 MiB
                       2**22

    address - window_base >> 13 ---> inline_class ---> span class, or 0         the first 32 GiB of the heap
                                    |          |
                                    |          '--> page_marks ---> 1: something is marked
                                    '--> mark_lines ---> 64 bytes of mark bits

`spans` answers for every page of a span, its inner ones too, so an interior pointer finds its object.

`inline_class` is the marker's shortcut: for a span of one page that keeps its alloc bits in the page, the class is all
there is to know, and the MSpan, a cache line away, stays untouched. It is 0 for all other pages; for what lies outside
of the window the long way serves.

`page_marks` says of the same pages whether marking has reached an object there: so a page on which everything is dead
is known as such, by the marker and by who sweeps it, without a look at its bits. `mark_lines` has these bits: 64 bytes
for each page, one bit for each 16 bytes of it at most.

The table has an entry for each 64 MiB of the 48-bit address space. It is 32 MiB of address space, of which the few
pages that are used become memory. [lowest, lowest + extent) is the part of the space that has arenas; whatever
points outside (nil, a constant, a global) is told from heap pointers by one subtraction and one comparison.

    AR1  spans[p] of each page of a span in use is that span
    AR2  inline_class of a page in the window is the span class of a span in use with inline bits, else 0
    AR5  between marking and its sweep, a page in the window with inline bits and without a page mark has no mark bit
    AR3  in_use has the bit of the first page of each span in use, and no other
    AR4  every arena lies in [lowest, lowest + extent) and in the table

Spans that were freed leave stale entries in `spans`; whoever looks an address up checks the span's bounds and
state.

Owner: heap.lock for the table and for adding arenas; an arena's entries for a page belong to who has the page, so a
bitmap's words, of 64 pages, are changed atomically. The reader of an entry holds an object of the span, or the world is
stopped.
Go: runtime/mheap.go heapArena, spanOf; mbitmap.go findObject.                                   Next: span_set.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.layout import (
    ARENA_COUNT,
    HEAP_ARENA_BYTES,
    INLINE_HALF,
    LOG_HEAP_ARENA_BYTES,
    PAGE_SHIFT,
    PAGES_PER_ARENA,
    PTR_SIZE,
    larger,
    smaller,
)
from runtime.mspan import (
    SPAN_DEAD,
    SPAN_IN_USE,
    WORD_BITS,
    MSpan,
    has_inline_bits,
    low_bits,
    next_bit,
    slot_addr,
    slot_of,
)
from runtime.os_memory import (
    HEAP_INDEX,
    HEAP_METADATA,
    PROT_READ_WRITE,
    MemoryStats,
    map_anywhere,
    sys_alloc,
    sys_free,
    sys_name,
    unmap,
)
from runtime.syspy import (
    Array,
    Struct,
    address,
    array_at,
    atomic_and_at,
    atomic_load,
    atomic_or_at,
    atomic_store,
    cas,
    element,
    inline,
    is_nil,
    memset,
    nil,
    sizeof,
    struct,
    u8,
    u64,
    uintptr,
)

WINDOW_BYTES = 32 << 30  # of the heap, from the first arena on, that the window covers
WINDOW_PAGES = WINDOW_BYTES >> PAGE_SHIFT
WINDOW_PAGE_BYTES = INLINE_HALF + 2  # of mark_lines, inline_class and page_marks for a page
IN_USE_WORDS = PAGES_PER_ARENA // WORD_BITS


@struct
class HeapArena(Struct):
    """What is known of 64 MiB of the heap."""

    start_addr: uintptr  # first byte; a multiple of 64 MiB
    zeroed_base: u64  # bytes of the arena that were handed out at least once; what lies above is still zero
    next: HeapArena  # the arena added before this one
    checkmarks: Array[u64]  # one bit per word, for heap_check.py; nil while nobody checks
    in_use: Annotated[Array[u64], IN_USE_WORDS]  # one bit per page: N3
    spans: Annotated[Array[MSpan], PAGES_PER_ARENA]  # N1


@struct
class ArenaMap(Struct):
    """All arenas of a heap."""

    lowest: uintptr  # start of the lowest arena; 0 before the first
    extent: u64  # bytes from there to the end of the highest arena
    table: Array[HeapArena]  # by address >> 26; nil where there is none
    inline_class: Array[u8]  # by page, counted from window_base: AR2
    page_marks: Array[u8]  # by page, as inline_class: 1 if an object of it was marked, as far as it has inline bits
    mark_lines: uintptr  # by page, INLINE_HALF each: the mark bits of pages with inline bits
    window_base: uintptr  # start of the first arena that was added
    has_outside: bool  # an arena lies outside of the window
    first: HeapArena  # head of the list of all arenas, last added first
    count: u64  # arenas


def arena_map_init(arenas: ArenaMap, stats: MemoryStats) -> bool:
    """Make an empty map. False if the system refuses memory."""
    # Address space for the most part, so not counted.
    table = map_anywhere(stats, 0, ARENA_COUNT * PTR_SIZE, PROT_READ_WRITE)
    arenas.table = array_at(HeapArena, table)
    if table == 0:
        return False
    sys_name(stats, table, ARENA_COUNT * PTR_SIZE, HEAP_INDEX)
    window = map_anywhere(stats, 0, WINDOW_PAGES * WINDOW_PAGE_BYTES, PROT_READ_WRITE)
    arenas.mark_lines = window
    if window == 0:
        return False
    arenas.inline_class = array_at(u8, window + WINDOW_PAGES * INLINE_HALF)
    arenas.page_marks = array_at(u8, window + WINDOW_PAGES * (INLINE_HALF + 1))
    sys_name(stats, window, WINDOW_PAGES * WINDOW_PAGE_BYTES, HEAP_INDEX)
    return True


def add_arena(arenas: ArenaMap, stats: MemoryStats, start_addr: uintptr) -> bool:
    """Enter the 64 MiB at start_addr. False if the system refuses memory; then nothing has changed."""
    block = sys_alloc(stats, sizeof(HeapArena), stats.gc)
    if block == 0:
        return False
    sys_name(stats, block, sizeof(HeapArena), HEAP_METADATA)
    arena = HeapArena.at(block)
    arena.start_addr = start_addr
    arena.next = arenas.first
    arenas.first = arena
    arenas.table[start_addr >> LOG_HEAP_ARENA_BYTES] = arena
    if arenas.count == 0:
        arenas.lowest = start_addr
        arenas.window_base = start_addr
    if not is_in_window(arenas, start_addr):
        arenas.has_outside = True
    lowest = smaller(arenas.lowest, start_addr)
    end = larger(arenas.lowest + arenas.extent, start_addr + HEAP_ARENA_BYTES)
    # In this order: other threads look up addresses meanwhile, and what was inside must not be outside for a moment.
    atomic_store(arenas, "extent", u64(end - lowest))
    atomic_store(arenas, "lowest", lowest)
    arenas.count = arenas.count + 1
    return True


def arena_map_close(arenas: ArenaMap, stats: MemoryStats) -> None:
    """Give the map's own memory back."""
    arena = arenas.first
    while not is_nil(arena):
        following = arena.next
        sys_free(stats, address(arena), sizeof(HeapArena), stats.gc)
        arena = following
    if not is_nil(arenas.table):
        unmap(stats, address(arenas.table), ARENA_COUNT * PTR_SIZE)
    if arenas.mark_lines != 0:
        unmap(stats, arenas.mark_lines, WINDOW_PAGES * WINDOW_PAGE_BYTES)


@inline
def is_in_arenas(arenas: ArenaMap, addr: uintptr) -> bool:
    """Whether an address is at all among the arenas: those for which this is false are no heap pointers."""
    return u64(addr - arenas.lowest) < arenas.extent


@inline
def is_in_window(arenas: ArenaMap, addr: uintptr) -> bool:
    """Whether an address is one that inline_class has an entry for."""
    return u64(addr - arenas.window_base) < WINDOW_BYTES


@inline
def page_of(addr: uintptr) -> u64:
    """The page that an address lies in, counted from the start of its arena."""
    return addr >> PAGE_SHIFT & (PAGES_PER_ARENA - 1)


@inline
def arena_of(arenas: ArenaMap, addr: uintptr) -> HeapArena:
    """The arena of an address for which is_in_arenas holds; nil where there is a gap."""
    return arenas.table[addr >> LOG_HEAP_ARENA_BYTES]


@inline
def window_page(arenas: ArenaMap, addr: uintptr) -> u64:
    """The index of an address in inline_class and page_marks; it is in the window."""
    return (addr - arenas.window_base) >> PAGE_SHIFT


@inline
def mark_line(arenas: ArenaMap, addr: uintptr) -> uintptr:
    """The mark bits of the page that an address in the window lies in, if it has inline bits."""
    return arenas.mark_lines + window_page(arenas, addr) * INLINE_HALF


def is_unmarked(arenas: ArenaMap, span: MSpan) -> bool:
    """Whether it is known that no object of a span was marked, before it is swept."""
    if not has_inline_bits(span.elem_size) or not is_in_window(arenas, span.start_addr):
        return False
    return arenas.page_marks[window_page(arenas, span.start_addr)] == 0


def clear_page_marks(arenas: ArenaMap) -> None:
    """No page has a marked object. All spans are swept."""
    end = arenas.lowest + arenas.extent
    if end > arenas.window_base:
        memset(address(arenas.page_marks), 0, smaller(end - arenas.window_base, WINDOW_BYTES) >> PAGE_SHIFT)


def span_of(arenas: ArenaMap, addr: uintptr) -> MSpan:
    """The span in use that has addr in one of its slots, or nil."""
    if not is_in_arenas(arenas, addr):
        return nil(MSpan)
    arena = arena_of(arenas, addr)
    if is_nil(arena):
        return nil(MSpan)
    span = arena.spans[page_of(addr)]
    if is_nil(span) or span.state != SPAN_IN_USE or addr < span.start_addr or addr >= span.limit:
        return nil(MSpan)
    return span


def find_object(arenas: ArenaMap, addr: uintptr) -> tuple[uintptr, MSpan, u64]:
    """The slot that addr points to or into: its first byte, its span and its number. (0, nil, 0) outside the heap."""
    span = span_of(arenas, addr)
    if is_nil(span):
        return 0, span, 0
    index = slot_of(span, addr)
    return slot_addr(span, index), span, index


def next_span(arenas: ArenaMap, span: MSpan) -> MSpan:
    """The span in use that follows this one in a walk over all of them; the first for nil, nil after the last."""
    arena = arenas.first
    page: u64 = 0
    if not is_nil(span):
        arena = arena_of(arenas, span.start_addr)
        page = page_of(span.start_addr) + 1
    while not is_nil(arena):
        found = next_in_use(arena, page)
        if found < PAGES_PER_ARENA:
            return arena.spans[found]
        arena = arena.next
        page = 0
    return nil(MSpan)


def next_in_use(arena: HeapArena, page: u64) -> u64:
    """The first page from this one on at which a span in use starts; PAGES_PER_ARENA if there is none."""
    return next_bit(arena.in_use, page, PAGES_PER_ARENA)


def set_spans(arenas: ArenaMap, span: MSpan) -> None:
    """Enter a span that is now in use (AR1 to AR3). Caller has its pages."""
    addr = span.start_addr
    end = addr + (span.npages << PAGE_SHIFT)
    first = arena_of(arenas, addr)
    while addr < end:
        arena_of(arenas, addr).spans[page_of(addr)] = span
        addr = addr + (1 << PAGE_SHIFT)
    page = page_of(span.start_addr)
    atomic_or_at(u64, address(element(first.in_use, page // WORD_BITS)), u64(1) << page % WORD_BITS)
    if has_inline_bits(span.elem_size) and is_in_window(arenas, span.start_addr):
        arenas.inline_class[window_page(arenas, span.start_addr)] = span.span_class


def clear_spans(arenas: ArenaMap, span: MSpan) -> None:
    """Take a span out that is no longer in use (AR2, AR3). Caller has its pages still."""
    first = arena_of(arenas, span.start_addr)
    page = page_of(span.start_addr)
    atomic_and_at(u64, address(element(first.in_use, page // WORD_BITS)), u64(~(u64(1) << page % WORD_BITS)))
    if has_inline_bits(span.elem_size) and is_in_window(arenas, span.start_addr):
        arenas.inline_class[window_page(arenas, span.start_addr)] = 0
    span.state = SPAN_DEAD


def clear_span_range(arenas: ArenaMap, start: uintptr, end: uintptr) -> None:
    """Take all spans of a range of addresses out, which have all its pages (AR2, AR3). Caller has the pages still."""
    addr = start
    while addr < end:
        arena = arena_of(arenas, addr)
        page = page_of(addr)
        first = page % WORD_BITS
        count = smaller(WORD_BITS - first, (end - addr) >> PAGE_SHIFT)
        mask = u64(low_bits(count) << first)
        atomic_and_at(u64, address(element(arena.in_use, page // WORD_BITS)), u64(~mask))
        if is_in_window(arenas, addr):
            memset(address(element(arenas.inline_class, window_page(arenas, addr))), 0, count)
        addr = addr + (count << PAGE_SHIFT)


def alloc_needs_zero(arenas: ArenaMap, start_addr: uintptr, npages: u64) -> bool:
    """Whether pages about to be handed out may hold old data; moves the watermark of their arenas past them."""
    needs_zero = False
    addr = start_addr
    left = npages << PAGE_SHIFT
    while left > 0:
        arena = arena_of(arenas, addr)
        offset = addr - arena.start_addr
        size = left if left < HEAP_ARENA_BYTES - offset else HEAP_ARENA_BYTES - offset
        base: u64 = atomic_load(arena, "zeroed_base")
        if offset < base:
            needs_zero = True
        while offset + size > base and not cas(arena, "zeroed_base", base, offset + size):
            base = atomic_load(arena, "zeroed_base")
        addr = addr + size
        left = left - size
    return needs_zero
