"""Reclaim: before the heap grows by n pages, n pages of garbage become free.

    reclaim_index -->|
    in_use   1 1 1 1 1 0 0 1 1 ...      a span in use starts here
    marked   1 0 1 1 0 . . 0 1 ...      an object of it was reached        a chunk is 512 pages, 4 MiB of the heap
               ^     ^     ^            these are swept, and free

Each chunk is gone through once per collection, by whoever claims it. What is found beyond the n pages is credit for the
next who asks, as are pages that sweeping sets free in other ways. When the last chunk is claimed and the credit used
up, the heap may grow: no garbage is left that is a whole span.

A span that keeps its bits in its page is known to be dead by a byte per page (arenas.py); the marks of the others
lie in the MSpan or in a cell, and are looked at.

A claimer reads the table of an arena while others free spans. The bit in in_use is set after the span is entered, and
sweep_gen never comes back to h - 2 within a cycle; so if acquiring it succeeds, the span is the one that the bit told
of, and in its unswept set. Go holds the lock of the heap for it.

    RC1  a chunk is claimed once: reclaim_index only grows

Owner: atomic. Go: runtime/mheap.go reclaim, reclaimChunk.                                  Next: sweep_pacer.py
"""

from __future__ import annotations

from runtime.active_sweep import begin_sweeping, end_sweeping, is_drained
from runtime.arenas import ArenaMap, HeapArena, arena_of, is_in_window, is_unmarked, window_page
from runtime.central_sets import MCentral, acquire_locked, central_of
from runtime.layout import CHUNK_PAGES, PAGE_SHIFT, PAGES_PER_ARENA, smaller
from runtime.lock import lock, unlock
from runtime.mheap import MHeap, alloc_span
from runtime.mspan import WORD_BITS, MSpan, count_bits
from runtime.p import P
from runtime.page_bits import ALL_ONES
from runtime.sweep import needs_sweep
from runtime.sweeper import sweep_chain
from runtime.syspy import (
    address,
    atomic_add,
    atomic_load,
    atomic_load_at,
    atomic_store,
    cas,
    ctz64,
    element,
    inline,
    is_nil,
    nil,
    u64,
    uintptr,
)

RECLAIM_DONE = ALL_ONES  # reclaim_index: every chunk is claimed


def alloc_in_use_span(heap: MHeap, p: P, npages: u64, span_class: u64) -> MSpan:
    """A span of new pages; before the heap grows, as many pages are swept. Nil if the system refuses memory."""
    if not is_drained(heap.sweeper):
        reclaim(heap, p, npages)
    return alloc_span(heap, p, npages, span_class)


def reclaim(heap: MHeap, p: P, npages: u64) -> None:
    """Sweep until so many pages have become free, or no span is dead any more."""
    sweeper = heap.sweeper
    while npages > 0:
        credit: u64 = atomic_load(sweeper, "reclaim_credit")
        if credit != 0:
            taken = smaller(credit, npages)
            if cas(sweeper, "reclaim_credit", credit, credit - taken):
                npages = npages - taken
        else:
            page = claim_chunk(heap)
            if page == RECLAIM_DONE:
                return
            atomic_add(sweeper, "reclaim_credit", reclaim_chunk(heap, p, page))


def claim_chunk(heap: MHeap) -> u64:
    """A chunk to go through: its first page, counted from reclaim_base. RECLAIM_DONE if all are claimed."""
    sweeper = heap.sweeper
    while True:
        page: u64 = atomic_load(sweeper, "reclaim_index")
        if page >= sweeper.reclaim_end:
            if page != RECLAIM_DONE:
                atomic_store(sweeper, "reclaim_index", u64(RECLAIM_DONE))
            return RECLAIM_DONE
        is_gap = is_nil(arena_of(heap.arenas, sweeper.reclaim_base + (page << PAGE_SHIFT)))
        step: u64 = PAGES_PER_ARENA if is_gap else CHUNK_PAGES
        if cas(sweeper, "reclaim_index", page, page + step) and not is_gap:  # RC1
            return page


def reclaim_chunk(heap: MHeap, p: P, page: u64) -> u64:
    """Sweep the spans of a chunk that have no marked object. Returns how many pages became free."""
    sweeper = heap.sweeper
    if not begin_sweeping(sweeper, p):
        return 0
    addr = sweeper.reclaim_base + (page << PAGE_SHIFT)
    first = page % PAGES_PER_ARENA
    chain = acquire_dead(heap, arena_of(heap.arenas, addr), first, first + CHUNK_PAGES)
    freed = sweep_chain(heap, p, chain)
    end_sweeping(p)
    return freed


def acquire_dead(heap: MHeap, arena: HeapArena, page: u64, end: u64) -> MSpan:
    """Acquire the spans that start at these pages of an arena and have no marked object: the first, linked by next."""
    first = nil(MSpan)
    last = nil(MSpan)
    central = nil(MCentral)  # whose lock is held
    for at in range(page, end, WORD_BITS):
        starts: u64 = atomic_load_at(u64, address(element(arena.in_use, at // WORD_BITS)))
        while starts != 0:
            found = at + ctz64(starts)
            starts = starts & (starts - 1)
            if is_marked_page(heap.arenas, arena.start_addr + (found << PAGE_SHIFT)):
                continue
            span = arena.spans[found]
            if not needs_sweep(span, heap.sweep_gen):
                continue
            # Most spans of a chunk have the same central: its lock is kept for all of them.
            central = exchange_lock(central, central_of(span))
            if acquire_if_dead(heap, central, span):
                if is_nil(first):
                    first = span
                else:
                    last.next = span
                last = span
    exchange_lock(central, nil(MCentral))
    return first


@inline
def is_marked_page(arenas: ArenaMap, addr: uintptr) -> bool:
    """Whether it is known, without a look at its span, that a page has a marked object."""
    if not is_in_window(arenas, addr):
        return False
    at = window_page(arenas, addr)
    return arenas.inline_class[at] != 0 and arenas.page_marks[at] != 0


def exchange_lock(held: MCentral, wanted: MCentral) -> MCentral:
    """Hold the lock of another central, or of none for nil, instead of this one's. Returns which is held."""
    if held != wanted:
        if not is_nil(held):
            unlock(held.lock)
        if not is_nil(wanted):
            lock(wanted.lock)
    return wanted


def acquire_if_dead(heap: MHeap, central: MCentral, span: MSpan) -> bool:
    """Acquire a span unless it has a marked object, or is swept. Caller holds the lock of its central."""
    if not needs_sweep(span, heap.sweep_gen):
        return False
    # Nobody else can acquire it now, so its fields hold still.
    if not is_unmarked(heap.arenas, span) and count_bits(span.mark_bits, u64(span.nelems)) != 0:
        return False
    return acquire_locked(central, span, heap.sweep_gen)
