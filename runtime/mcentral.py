"""MCentral: the spans of one span class that no mcache holds, and that one P was the last to allocate from.

                 swept                     unswept
    partial   [ span span ... ]         [ span ... ]      some slot is free
    full      [ span ... ]              [ span ... ]      none is

The swept sets are those of index sweep_gen / 2 % 2. A collection adds 2 to sweep_gen, so the sets change roles
without a span being moved: all that was swept is unswept now, and the other two, drained by then, take what gets
swept.

    cache_span      swept partial, else sweep partial, else sweep full, else new pages      to an mcache
    uncache_span    swept partial or swept full                                             from an mcache

Looking for a free slot among unswept spans has a budget: after a hundred full ones, new pages are cheaper.

Go has one mcentral per class for all Ps. Here each P has its own: the spans that it filled are in its processor's
cache, and so are their lists. It sweeps and fills them again; only when it has none left it looks into the others'.

    CS1  unswept sets are empty once heap.is_swept is set
    CS2  each span of a swept set has sweep_gen h, of an unswept set h - 2
    CS3  spans of a partial set have a free slot when they are put there, those of a full set have none

Lock: MCentral.lock covers its four sets; a span is swept outside it, by whoever took it out. It comes after heap.lock.
Go: runtime/mcentral.go; mgcsweep.go sweepone, mheap.go reclaim.                                  Next: mcache.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.arenas import is_unmarked
from runtime.lock import Mutex, lock, unlock
from runtime.mheap import MHeap, alloc_span, free_span
from runtime.mspan import SPAN_IN_USE, MSpan
from runtime.p import P
from runtime.page_bits import ALL_ONES
from runtime.scavenge import wake_scavenger
from runtime.size_classes import CLASS_TO_NPAGES, NUM_SPAN_CLASSES
from runtime.span_set import SpanSet, has_span, pop_span, push_span, remove_span
from runtime.specials import sweep_specials
from runtime.sweep import FREED, FULL, needs_sweep, sweep_span, try_acquire
from runtime.syspy import (
    Array,
    Inline,
    Struct,
    atomic_load,
    atomic_store,
    cas,
    inline,
    is_nil,
    nil,
    struct,
    throw,
    u32,
    u64,
)

SPAN_BUDGET = 100  # unswept spans to look into before taking new pages
NOTHING_LEFT = ALL_ONES  # sweep_one: every span is swept
SWEEP_CLASSES = 2 * NUM_SPAN_CLASSES  # sets that sweep_one goes through


@struct
class MCentral(Struct):
    """The uncached spans of one span class."""

    lock: Inline[Mutex]  # covers the sets
    partial: Annotated[Array[Inline[SpanSet]], 2]  # swept and unswept, by sweep_gen
    full: Annotated[Array[Inline[SpanSet]], 2]  # swept and unswept, by sweep_gen


@inline
def swept(sets: Array[Inline[SpanSet]], sweep_gen: u32) -> SpanSet:
    """Of a pair of sets, the one for swept spans."""
    return sets[sweep_gen // 2 % 2]


@inline
def unswept(sets: Array[Inline[SpanSet]], sweep_gen: u32) -> SpanSet:
    """Of a pair of sets, the one for unswept spans."""
    return sets[1 - sweep_gen // 2 % 2]


def take_span(central: MCentral, spans: SpanSet) -> MSpan:
    """Take a span out of one of the central's sets; nil if it is empty."""
    if is_nil(spans.first):
        return nil(MSpan)
    lock(central.lock)
    span = pop_span(spans)
    unlock(central.lock)
    return span


def put_span(central: MCentral, spans: SpanSet, span: MSpan) -> None:
    """Put a span in one of the central's sets."""
    lock(central.lock)
    push_span(spans, span)
    unlock(central.lock)


# --- To and from an mcache -------------------------------------------------------------------------------------------


def cache_span(heap: MHeap, p: P, span_class: u64) -> MSpan:
    """A span of the class with a free slot, for an mcache of p; nil if the system refuses memory."""
    span = find_span(heap, p, p.central[span_class])
    other = p.world.ps
    while is_nil(span) and not is_nil(other):
        if other != p:
            span = find_span(heap, p, other.central[span_class])
        other = other.next
    if is_nil(span):
        span = alloc_in_use_span(heap, p, u64(CLASS_TO_NPAGES[span_class >> 1]), span_class)
        if is_nil(span):
            return span
    if span.alloc_count == span.nelems:
        throw("CS3: span has no free objects", span.start_addr, u64(span.nelems))
    span.home = p
    return span


def find_span(heap: MHeap, p: P, central: MCentral) -> MSpan:
    """A span with a free slot out of a central's sets; nil if there is none, or finding it takes too long."""
    span = take_span(central, swept(central.partial, heap.sweep_gen))
    if is_nil(span) and heap.is_swept == 0:
        span = sweep_for_slots(heap, p, central)
    return span


def sweep_for_slots(heap: MHeap, p: P, central: MCentral) -> MSpan:
    """Sweep unswept spans of a central until one has a free slot, and take that; nil if that takes too long."""
    sweep_gen = heap.sweep_gen
    for _ in range(SPAN_BUDGET):
        span = take_span(central, unswept(central.partial, sweep_gen))
        if is_nil(span):
            span = take_span(central, unswept(central.full, sweep_gen))
        if is_nil(span):
            return span
        if try_acquire(span, sweep_gen):
            if sweep_counted(heap, p, span) != FULL:
                return span
            put_span(central, swept(central.full, sweep_gen), span)
    return nil(MSpan)


def uncache_span(heap: MHeap, p: P, span: MSpan) -> None:
    """Take a span back from an mcache. Its counts are final, and at least one slot is taken."""
    sweep_gen = heap.sweep_gen
    if span.alloc_count == 0:
        throw("uncache_span: no slot was taken", span.start_addr)
    if span.sweep_gen == u32(sweep_gen + 1):
        # It was cached before this collection, so it is in no set and nobody else can sweep it.
        atomic_store(span, "sweep_gen", u32(sweep_gen - 1))
        sweep_and_place(heap, p, span)
    else:
        atomic_store(span, "sweep_gen", sweep_gen)
        place_span(heap, span)


def place_span(heap: MHeap, span: MSpan) -> None:
    """Put a swept span in the swept set that it belongs to."""
    central = span.home.central[span.span_class]
    sets = central.full if span.alloc_count == span.nelems else central.partial
    put_span(central, swept(sets, heap.sweep_gen), span)


def alloc_in_use_span(heap: MHeap, p: P, npages: u64, span_class: u64) -> MSpan:
    """A span of new pages; before the heap grows, as many pages are swept. Nil if the system refuses memory."""
    if heap.is_swept == 0:
        reclaim(heap, p, npages)
    return alloc_span(heap, p, npages, span_class)


# --- Sweeping --------------------------------------------------------------------------------------------------------


def sweep_counted(heap: MHeap, p: P, span: MSpan) -> u64:
    """Sweep a span that the caller has acquired, and count what was freed: FREED, PARTIAL or FULL."""
    revived = not is_nil(span.specials) and sweep_specials(heap.specials, span)
    before = u64(span.alloc_count)
    outcome = sweep_span(span, heap.sweep_gen, not revived and is_unmarked(heap.arenas, span), heap.clobber)
    freed = before - u64(span.alloc_count)
    stats = p.stats
    size_class = u64(span.span_class) >> 1
    if size_class != 0:
        stats.small_free_count[size_class] = stats.small_free_count[size_class] + freed
    elif freed != 0:
        stats.large_free_count = stats.large_free_count + 1
        stats.large_free_bytes = stats.large_free_bytes + span.elem_size
    return outcome


def sweep_and_place(heap: MHeap, p: P, span: MSpan) -> u64:
    """Sweep a span that the caller has acquired, and put it where it belongs. Returns how many pages became free."""
    npages = span.npages
    if sweep_counted(heap, p, span) == FREED:
        free_span(heap, p, span)
        return npages
    place_span(heap, span)
    return 0


def sweep_one(heap: MHeap, p: P) -> u64:
    """Sweep one unswept span of any class. Returns how many pages became free, or NOTHING_LEFT."""
    sweep_gen = heap.sweep_gen
    next_class: u64 = atomic_load(heap, "sweep_class")
    while next_class < SWEEP_CLASSES:
        span = take_unswept(heap, p, next_class)
        if is_nil(span):
            # Another thread may have moved on already, by one and not by two.
            cas(heap, "sweep_class", next_class, next_class + 1)
            next_class = atomic_load(heap, "sweep_class")
        elif try_acquire(span, sweep_gen):
            return sweep_and_place(heap, p, span)
    atomic_store(heap, "is_swept", 1)
    wake_scavenger(heap.scavenger, heap.memory)
    return NOTHING_LEFT


def take_unswept(heap: MHeap, p: P, sweep_class: u64) -> MSpan:
    """Take an unswept span out of one of the sets of a class, whoever's it is; nil if all are empty."""
    owner = p.world.ps
    while not is_nil(owner):
        central = owner.central[sweep_class // 2]
        sets = central.full if sweep_class % 2 == 0 else central.partial
        span = take_span(central, unswept(sets, heap.sweep_gen))
        if not is_nil(span):
            return span
        owner = owner.next
    return nil(MSpan)


def ensure_swept(heap: MHeap, p: P, span: MSpan) -> None:
    """Sweep a span now, if it needs it: then what its bits and its specials say is true. It may go out of use."""
    while span.state == SPAN_IN_USE and needs_sweep(span, heap.sweep_gen):
        central = span.home.central[span.span_class]
        sets = central.full if span.alloc_count == span.nelems else central.partial
        waiting = unswept(sets, heap.sweep_gen)
        lock(central.lock)
        # Whoever has taken it out of the set already, to sweep it, is about to change sweep_gen.
        is_mine = needs_sweep(span, heap.sweep_gen) and has_span(waiting, span)
        if is_mine:
            remove_span(waiting, span)
        unlock(central.lock)
        if is_mine and try_acquire(span, heap.sweep_gen):
            sweep_and_place(heap, p, span)
            return
    while atomic_load(span, "sweep_gen") == u32(heap.sweep_gen - 1):
        pass


def finish_sweep(heap: MHeap, p: P) -> None:
    """Sweep all that is left (CS1)."""
    while heap.is_swept == 0:
        sweep_one(heap, p)


def reclaim(heap: MHeap, p: P, npages: u64) -> None:
    """Sweep until so many pages have become free, or nothing is left to sweep."""
    freed: u64 = 0
    while freed < npages and heap.is_swept == 0:
        pages = sweep_one(heap, p)
        if pages != NOTHING_LEFT:
            freed = freed + pages


def start_sweep(heap: MHeap) -> None:
    """After marking: every span is unswept. The world is stopped, and the sets for unswept spans are empty (CS1)."""
    heap.sweep_gen = u32(heap.sweep_gen + 2)
    heap.is_swept = 0
    heap.sweep_class = 0
    heap.scavenger.is_untraced = True
