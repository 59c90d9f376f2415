"""Central sets: the spans of one span class that no mcache holds, and that one P was the last to allocate from.

                 swept                     unswept
    partial   [ span span ... ]         [ span ... ]      some slot is free
    full      [ span ... ]              [ span ... ]      none is

The swept sets are those of index sweep_gen / 2 % 2. A collection adds 2 to sweep_gen, so the sets change roles
without a span being moved: all that was swept is unswept now, and the other two, drained by then, take what gets
swept.

A span leaves an unswept set only by being acquired: whoever takes it out changes its sweep_gen from h - 2 to h - 1 by
compare-and-swap, under the lock of the set. So a span with sweep_gen h - 2 is always in the set that its fields
name, and can be taken out of the middle by one who came to it by its address.

    CS1  unswept sets are empty once all is drained (active_sweep.py)
    CS2  each span of a swept set has sweep_gen h, of an unswept set h - 2
    CS3  spans of a partial set have a free slot when they are put there, those of a full set have none

Lock: MCentral.lock covers its four sets. It comes after heap.lock. A span is swept outside it, by whoever acquired it.
Go: runtime/mcentral.go mcentral.                                                              Next: sweeper.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.lock import Mutex, lock, unlock
from runtime.mspan import MSpan
from runtime.span_set import SpanSet, append_set, cut_front, pop_span, push_span, remove_span
from runtime.sweep import needs_sweep, try_acquire
from runtime.syspy import Array, Inline, Struct, inline, is_nil, nil, struct, throw, u32, u64


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


@inline
def central_of(span: MSpan) -> MCentral:
    """Where a span goes when nobody has it, and lies when it is unswept."""
    return span.home.central[span.span_class]


# --- Swept spans -----------------------------------------------------------------------------------------------------


def take_swept(central: MCentral, sweep_gen: u32) -> MSpan:
    """Take a swept span with a free slot out; nil if there is none."""
    spans = swept(central.partial, sweep_gen)
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


def place_span(span: MSpan, sweep_gen: u32) -> None:
    """Put a swept span in the swept set that it belongs to."""
    central = central_of(span)
    sets = central.full if span.alloc_count == span.nelems else central.partial
    put_span(central, swept(sets, sweep_gen), span)


def put_swept(central: MCentral, partial: SpanSet, full: SpanSet, sweep_gen: u32) -> None:
    """Put all spans of two sets in the central's swept ones."""
    lock(central.lock)
    append_set(swept(central.partial, sweep_gen), partial)
    append_set(swept(central.full, sweep_gen), full)
    unlock(central.lock)


# --- Unswept spans: taken out by being acquired ----------------------------------------------------------------------


def acquire_front(central: MCentral, spans: SpanSet, sweep_gen: u32, most: u64) -> MSpan:
    """Acquire so many spans at most of an unswept set: the first, linked to the others by next; nil if it is empty.

    Those that were filled first: whoever sweeps ahead of the allocation leaves it what the cache still has.
    """
    if is_nil(spans.first):
        return nil(MSpan)
    lock(central.lock)
    count: u64 = 0
    span = spans.first
    while not is_nil(span) and count < most:
        acquire_listed(span, sweep_gen)
        count = count + 1
        span = span.next
    first = cut_front(spans, span, count)
    unlock(central.lock)
    return first


def acquire_unswept(central: MCentral, sweep_gen: u32) -> MSpan:
    """Acquire an unswept span to allocate from, one with free slots if possible; nil if there is none.

    It is the one that was filled last, as in Go: more of it is in the processor's cache than of any other. With 4 MiB
    of dead objects of 64 or 512 bytes and 2 MiB of cache, an allocation takes 0.9 of the time that the first one costs.
    """
    span = acquire_last(central, unswept(central.partial, sweep_gen), sweep_gen)
    if is_nil(span):
        span = acquire_last(central, unswept(central.full, sweep_gen), sweep_gen)
    return span


def acquire_last(central: MCentral, spans: SpanSet, sweep_gen: u32) -> MSpan:
    """Acquire the last span of an unswept set; nil if it is empty."""
    if is_nil(spans.last):
        return nil(MSpan)
    lock(central.lock)
    span = spans.last
    if not is_nil(span):
        acquire_listed(span, sweep_gen)
        remove_span(spans, span)
    unlock(central.lock)
    return span


def acquire_listed(span: MSpan, sweep_gen: u32) -> None:
    """Acquire a span of an unswept set, which its lock lets nobody else do."""
    if not try_acquire(span, sweep_gen):
        throw("CS2: a span of an unswept set is no unswept span", span.start_addr, u64(span.sweep_gen))


def acquire_span(span: MSpan, sweep_gen: u32) -> bool:
    """Acquire this very span, unless somebody else has or it needs no sweep."""
    if not needs_sweep(span, sweep_gen):
        return False
    central = central_of(span)
    lock(central.lock)
    acquired = acquire_locked(central, span, sweep_gen)
    unlock(central.lock)
    return acquired


def acquire_locked(central: MCentral, span: MSpan, sweep_gen: u32) -> bool:
    """The same, for a caller who holds the lock of the span's central."""
    if not try_acquire(span, sweep_gen):
        return False
    # Full or not, as it was when it was put there.
    sets = central.full if span.alloc_count == span.nelems else central.partial
    remove_span(unswept(sets, sweep_gen), span)
    return True
