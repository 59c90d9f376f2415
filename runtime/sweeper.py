"""Sweeper: spans are swept in batches, and what is dead goes back to the page heap, neighbours as one.

    unswept set  --acquire--> span --> span --> span --> ...        at most BATCH, under one lock of the set
                                |        |        |
                              dead     some     dead  dead          sweep.py: one span
                                v        |        `--v--'
                        free pages       |       free pages         one call of the page allocator
                                         v
                                 the P's batch --append--> swept sets, under one lock

A span's fields, its page and the page's bits are touched once at most, and of a span that is known to be dead not even
the bits. Go frees one span at a time, each under the lock of the heap.

Who sweeps: an allocation that looks for slots (mcentral.py) or for pages (reclaim.py), the proportion (sweep_pacer.py),
a thread in the background (background_sweeper.py), runtime.GC, and at the latest the next collection.

    SW1  a P's batch is empty unless its thread is sweeping

Owner: of a batch, the P. Go: runtime/mgcsweep.go sweepone, finishsweep_m; mheap.go freeSpanLocked.   Next: reclaim.py
"""

from __future__ import annotations

from runtime import page_alloc
from runtime.active_sweep import (
    begin_sweeping,
    end_sweeping,
    is_sweep_done,
    mark_drained,
    reset_sweeper,
    wait_for_sweepers,
)
from runtime.arenas import clear_span_range, is_unmarked
from runtime.central_sets import MCentral, acquire_front, acquire_span, central_of, place_span, put_swept, unswept
from runtime.layout import PAGE_SHIFT, smaller
from runtime.lock import lock, unlock
from runtime.mheap import MHeap, free_span, give_back_locked, protect_pages
from runtime.mspan import SPAN_DEAD, MSpan
from runtime.os_memory import stat_move
from runtime.p import P, SweepBatch, next_class
from runtime.page_bits import ALL_ONES
from runtime.scavenge import wake_scavenger
from runtime.size_classes import NUM_SPAN_CLASSES
from runtime.span_set import push_span
from runtime.specials import sweep_specials
from runtime.sweep import FREED, retire_span, sweep_span
from runtime.syspy import atomic_add, atomic_load, cas, inline, is_nil, nil, throw, u32, u64

BATCH = 64  # spans that are acquired together
NOTHING_LEFT = ALL_ONES  # sweep_some: no span waits
SWEEP_CLASSES = 2 * NUM_SPAN_CLASSES  # sets that sweep_some goes through


# --- One span --------------------------------------------------------------------------------------------------------


def sweep_counted(heap: MHeap, p: P, span: MSpan, is_kept: bool) -> u64:
    """Sweep an acquired span, and count what was freed: FREED, PARTIAL or FULL.

    is_kept: the caller wants its slots, even if all are free. Otherwise it is not usable after FREED.
    """
    revived = not is_nil(span.specials) and sweep_specials(heap.specials, span)
    before = u64(span.alloc_count)
    outcome: u64 = FREED
    unmarked = not revived and is_unmarked(heap.arenas, span)
    if unmarked and not is_kept:
        retire_span(span, heap.sweep_gen, heap.clobber)
    else:
        outcome = sweep_span(span, heap.sweep_gen, unmarked, heap.clobber)
    freed = before - u64(span.alloc_count)
    stats = p.stats
    size_class = u64(span.span_class) >> 1
    if size_class != 0:
        stats.small_free_count[size_class] = stats.small_free_count[size_class] + freed
    elif freed != 0:
        stats.large_free_count = stats.large_free_count + 1
        stats.large_free_bytes = stats.large_free_bytes + span.elem_size
    return outcome


def sweep_and_place(heap: MHeap, p: P, span: MSpan) -> None:
    """Sweep one acquired span, and put it where it belongs."""
    atomic_add(heap.sweeper, "pages_swept", span.npages)
    if sweep_counted(heap, p, span, False) == FREED:
        free_span(heap, p, span)
    else:
        place_span(span, heap.sweep_gen)


# --- A batch ---------------------------------------------------------------------------------------------------------


def sweep_chain(heap: MHeap, p: P, span: MSpan) -> u64:
    """Sweep acquired spans, linked by next, and put each where it belongs. Returns how many pages became free."""
    batch = p.batch
    swept_pages: u64 = 0
    freed_pages: u64 = 0
    while not is_nil(span):
        following = span.next
        swept_pages = swept_pages + span.npages
        if sweep_counted(heap, p, span, False) == FREED:
            freed_pages = freed_pages + span.npages
            add_dead(heap, p, span)
        else:
            add_live(heap, batch, span)
        span = following
    free_dead(heap, p)
    place_live(heap, batch)
    atomic_add(heap.sweeper, "pages_swept", swept_pages)
    return freed_pages


def add_live(heap: MHeap, batch: SweepBatch, span: MSpan) -> None:
    """Add a span with objects to the batch."""
    central = central_of(span)
    if batch.central != central:
        place_live(heap, batch)
        batch.central = central
    push_span(batch.full if span.alloc_count == span.nelems else batch.partial, span)


def place_live(heap: MHeap, batch: SweepBatch) -> None:
    """Put the batch's spans with objects in the swept sets."""
    if not is_nil(batch.central):
        put_swept(batch.central, batch.partial, batch.full, heap.sweep_gen)
        batch.central = nil(MCentral)


def add_dead(heap: MHeap, p: P, span: MSpan) -> None:
    """Add a span without objects to the batch."""
    if not is_nil(span.specials):
        throw("SP3: a span goes out of use with specials", span.start_addr, span.specials.offset)
    batch = p.batch
    size = span.npages << PAGE_SHIFT
    if batch.end == span.start_addr:
        batch.end = span.start_addr + size
    elif span.start_addr + size == batch.start:
        batch.start = span.start_addr
    else:
        free_dead(heap, p)
        batch.start = span.start_addr
        batch.end = span.start_addr + size
    span.state = SPAN_DEAD
    span.next = batch.dead
    batch.dead = span


def free_dead(heap: MHeap, p: P) -> None:
    """Turn the batch's dead spans, whose pages are in a row, into free pages."""
    batch = p.batch
    if is_nil(batch.dead):
        return
    npages = (batch.end - batch.start) >> PAGE_SHIFT
    clear_span_range(heap.arenas, batch.start, batch.end)
    atomic_add(heap, "pages_in_use", u64(0 - npages))
    protect_pages(heap, batch.start, npages)
    # First the count: as soon as the lock is free, another P may count the same pages as in use.
    stat_move(heap.memory.heap_in_use, heap.memory.heap_free, npages << PAGE_SHIFT)
    lock(heap.lock)
    page_alloc.free(heap.pages, batch.start, npages)
    while not is_nil(batch.dead):
        span = batch.dead
        batch.dead = span.next
        give_back_locked(heap, p, span)
    unlock(heap.lock)
    batch.start = 0
    batch.end = 0


def check_batch(p: P) -> None:
    """SW1 holds. The P's thread is not sweeping."""
    batch = p.batch
    if not is_nil(batch.central) or not is_nil(batch.dead) or batch.partial.count + batch.full.count != 0:
        throw("SW1: a span was swept and is not where it belongs", u64(p.id))


# --- All spans -------------------------------------------------------------------------------------------------------


def sweep_some(heap: MHeap, p: P, most: u64) -> u64:
    """Sweep so many unswept spans at most, of one set. Returns how many pages became free, or NOTHING_LEFT."""
    sweeper = heap.sweeper
    if not begin_sweeping(sweeper, p):
        return NOTHING_LEFT
    span = acquire_next(heap, p, most)
    pages: u64 = NOTHING_LEFT
    drained = False
    if is_nil(span):
        drained = mark_drained(sweeper)
    else:
        pages = sweep_chain(heap, p, span)
        atomic_add(sweeper, "reclaim_credit", pages)
    end_sweeping(p)
    if drained:
        wake_scavenger(heap.scavenger, heap.memory)
    return pages


def acquire_next(heap: MHeap, p: P, most: u64) -> MSpan:
    """Acquire so many unswept spans at most, whoever's they are: the first, linked by next; nil if none waits."""
    sweeper = heap.sweeper
    start: u64 = atomic_load(sweeper, "sweep_class")
    sweep_class = start
    span = nil(MSpan)
    while sweep_class < SWEEP_CLASSES:
        span = acquire_of_class(heap, p, sweep_class, most)
        if not is_nil(span):
            break
        sweep_class = sweep_class + 1
        if sweep_class % 2 == 0:
            sweep_class = 2 * next_class_of_any(p.world.ps, sweep_class // 2)
    # One write for all steps: another thread that looks at the same time would wait for each. It may have been first.
    if sweep_class != start:
        cas(sweeper, "sweep_class", start, sweep_class)
    return span


def acquire_of_class(heap: MHeap, p: P, sweep_class: u64, most: u64) -> MSpan:
    """The same of one class. First of p's own spans: what another P has comes from another processor's cache."""
    span = acquire_batch(heap, p, sweep_class, most)
    other = p.world.ps
    while is_nil(span) and not is_nil(other):
        if other != p:
            span = acquire_batch(heap, other, sweep_class, most)
        other = other.next
    return span


@inline
def acquire_batch(heap: MHeap, owner: P, sweep_class: u64, most: u64) -> MSpan:
    """The same of one P's spans."""
    central = owner.central[sweep_class // 2]
    sets = central.full if sweep_class % 2 == 0 else central.partial
    return acquire_front(central, unswept(sets, heap.sweep_gen), heap.sweep_gen, most)


def next_class_of_any(p: P, span_class: u64) -> u64:
    """The first span class from this one on of which a P of the list had spans; NUM_SPAN_CLASSES if there is none."""
    found: u64 = NUM_SPAN_CLASSES
    while not is_nil(p):
        found = smaller(found, next_class(p.m_cache, span_class))
        p = p.next
    return found


def ensure_swept(heap: MHeap, p: P, span: MSpan) -> None:
    """Sweep a span now, if it needs it: then what its bits and its specials say is true. It may go out of use."""
    if begin_sweeping(heap.sweeper, p):
        if acquire_span(span, heap.sweep_gen):
            sweep_and_place(heap, p, span)
        end_sweeping(p)
    while atomic_load(span, "sweep_gen") == u32(heap.sweep_gen - 1):
        wait_for_sweepers(heap.sweeper)


def finish_sweep(heap: MHeap, p: P) -> None:
    """Sweep all that is left (CS1), and wait for those who are at it."""
    while sweep_some(heap, p, BATCH) != NOTHING_LEFT:
        pass
    while not is_sweep_done(heap.sweeper, p):
        if p.world.stopped_by == p:
            throw("AS2: active sweepers found at start of mark phase", u64(heap.sweeper.state))
        wait_for_sweepers(heap.sweeper)


def start_sweep(heap: MHeap, p: P) -> None:
    """After marking: every span is unswept. p has stopped the world, and the sets for unswept spans are empty (CS1)."""
    reset_sweeper(heap.sweeper, p, heap.arenas.lowest, heap.arenas.extent >> PAGE_SHIFT)
    heap.sweep_gen = u32(heap.sweep_gen + 2)
    heap.scavenger.is_untraced = True
