"""Sweep: who was not marked is free.

                 before                    after
    alloc    1 1 0 1 1 1 0 0           1 0 0 0 1 0 0 0     what was marked
    mark     1 0 0 0 1 0 0 0           0 0 0 0 0 0 0 0     ready for the next mark phase
    taken    # # . # # # . .           # . . . # . . .     '#': handed out

A span is swept once per collection, by whoever needs it first: an allocation that looks for free slots of its
class, a request for pages, or at the latest the next collection. `sweep_gen` says how far a span is, against the
heap's h, which grows by 2 at every collection:

    h - 2   needs sweeping; lies in an unswept set
    h - 1   is being swept, by the thread that changed it from h - 2
    h       swept; lies in a swept set, or is about to
    h + 1   was cached by an mcache before this collection and still is: needs sweeping
    h + 3   swept, then cached by an mcache

    W1  only a span in use with sweep_gen h - 1 is swept
    W2  sweeping does not make more slots taken

A free slot that is marked (against S4) is a zombie: something reached memory that was freed (zombies.py).

Owner: of a span being swept, the sweeper. Go: runtime/mgcsweep.go (sl *sweepLocked) sweep.      Next: pacer.py
"""

from __future__ import annotations

from runtime.gc_bits import take_marks, take_nothing
from runtime.mspan import (
    SPAN_IN_USE,
    MSpan,
    count_bits,
    has_bit,
    is_taken,
    refill_alloc_cache,
    slot_addr,
)
from runtime.syspy import array_at, atomic_load, atomic_release, cas, inline, throw, u16, u32, u64
from runtime.zombies import check_marks

FREED = 0  # no object is left; the span can go back to the heap
PARTIAL = 1  # some slots are free
FULL = 2  # none is

CLOBBER_WORD = 0xDEAD_BEEF  # what clobberfree fills freed slots with, u32 by u32


@inline
def needs_sweep(span: MSpan, sweep_gen: u32) -> bool:
    """Whether the span waits in an unswept set."""
    found: u32 = atomic_load(span, "sweep_gen")
    return found == u32(sweep_gen - 2)


@inline
def try_acquire(span: MSpan, sweep_gen: u32) -> bool:
    """Become the one who sweeps the span, unless somebody else is or was."""
    return needs_sweep(span, sweep_gen) and cas(span, "sweep_gen", u32(sweep_gen - 2), u32(sweep_gen - 1))


def sweep_span(span: MSpan, sweep_gen: u32, unmarked: bool, clobber: bool) -> u64:
    """Free the unmarked objects of an acquired span: FREED, PARTIAL or FULL. The caller puts it where it belongs.

    unmarked: it is known that no object is marked, so they need not be counted.
    """
    check_acquired(span, sweep_gen)
    nelems = u64(span.nelems)
    live: u64 = 0
    if not unmarked:
        if u64(span.free_index) < nelems:
            check_marks(span)
        live = count_bits(span.mark_bits, nelems)
    if live > u64(span.alloc_count):
        throw("W2: sweep increased allocation count", span.start_addr, live, u64(span.alloc_count))
    if live < u64(span.alloc_count):
        span.need_zero = 1
        if clobber:
            clobber_free(span)
    span.alloc_count = u16(live)
    span.free_index = 0
    if unmarked:
        take_nothing(span)
    else:
        take_marks(span)
    refill_alloc_cache(span)
    atomic_release(span, "sweep_gen", sweep_gen)
    if live == 0:
        return FREED
    return FULL if live == nelems else PARTIAL


def retire_span(span: MSpan, sweep_gen: u32, clobber: bool) -> None:
    """Free all objects of an acquired span none of which is marked, and that goes back to the heap.

    Its bits are left as they are: on its pages, which are touched by nobody until they are a span again.
    """
    check_acquired(span, sweep_gen)
    if clobber:
        clobber_free(span)
    span.alloc_count = 0
    atomic_release(span, "sweep_gen", sweep_gen)


@inline
def check_acquired(span: MSpan, sweep_gen: u32) -> None:
    """W1 holds."""
    if span.state != SPAN_IN_USE or span.sweep_gen != u32(sweep_gen - 1):
        throw("W1: sweep of a span in the wrong state", span.start_addr, u64(span.state), u64(span.sweep_gen))


def clobber_free(span: MSpan) -> None:
    """Fill every slot that is about to be freed with CLOBBER_WORD."""
    for index in range(u64(span.nelems)):
        if is_taken(span, index) and not has_bit(span.mark_bits, index):
            words = array_at(u32, slot_addr(span, index))
            for i in range(span.elem_size // 4):
                words[i] = CLOBBER_WORD
