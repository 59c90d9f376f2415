"""Active sweep: whether sweeping is over, and who is still at it.

    state       p.is_sweeping
    UNSWEPT     0 0 1 0         spans may wait in unswept sets; the third P is sweeping
    DRAINED     0 0 1 0         no span waits any more; the third P is finishing its own
    DRAINED     0 0 0 0         done: every span is swept

A sweeper comes between begin_sweeping and end_sweeping, and passes no safepoint there: so the world never stops with a
span half swept. One that comes when all is drained finds nothing to do. It says that it sweeps before it looks at the
state, and who drains looks at the Ps after that: so one of the two sees the other.

Go counts its sweepers in the state. But an allocation sweeps span by span, and what several threads write for each
span goes from one processor's cache to the other's and back: with a count here, two threads that allocate objects of
64 bytes did less together than one alone.

    AS1  a sweeper that ends has begun, and one that begins has ended
    AS2  sweeping is done when the next mark phase, or the next sweep, begins

Owner: the state is atomic, and reset by who has stopped the world; is_sweeping is the P's.
Go: runtime/mgcsweep.go activeSweep.                                                         Next: central_sets.py
"""

from __future__ import annotations

from runtime.p import P
from runtime.syspy import (
    Struct,
    atomic_load,
    atomic_release,
    atomic_store,
    cas,
    f64,
    inline,
    is_nil,
    relax,
    struct,
    throw,
    u32,
    u64,
    uintptr,
)

UNSWEPT = 0  # Sweeper.state: spans may wait in unswept sets
DRAINED = 1  # none does

WANTED = 0  # the background sweeper is to look for spans; it stays so where there is none
IDLE = 1  # it has heard of the last collection
STOPPED = 2  # it shall end
FAILED = 3  # it has ended before its time, in the middle of something


@struct
class Sweeper(Struct):
    """The sweeping of a heap after one collection."""

    state: u32  # UNSWEPT or DRAINED
    wanted: u32  # WANTED, IDLE, STOPPED or FAILED: what the background sweeper sleeps on
    sweep_class: u64  # where sweepers look next: 2 * span class, + 1 for the partial set
    pages_swept: u64  # pages of the spans swept since the collection, as far as the Ps have told
    pages_swept_basis: u64  # of them, those swept when the pace was set
    live_basis: u64  # bytes: heap_live at that time
    pages_per_byte: f64  # to sweep for each byte that is allocated: sweep_pacer.py; 0: none
    reclaim_base: uintptr  # start of the lowest arena, as it was then
    reclaim_end: u64  # pages from there to the end of the highest arena
    reclaim_index: u64  # pages from there that reclaim has gone through
    reclaim_credit: u64  # pages that became free, and that no growth of the heap has been held against


@inline
def begin_sweeping(sweeper: Sweeper, p: P) -> bool:
    """Become a sweeper. False if all is drained: then there is nothing to sweep, and end_sweeping is not called."""
    if is_drained(sweeper):
        return False
    if p.is_sweeping != 0:
        throw("AS1: mismatched begin and end of sweeping", u64(p.id))
    atomic_store(p, "is_sweeping", 1)
    if is_drained(sweeper):
        atomic_release(p, "is_sweeping", 0)
        return False
    return True


@inline
def end_sweeping(p: P) -> None:
    """Be no sweeper any more. Caller has begun, and every span that it acquired is swept."""
    if p.is_sweeping == 0:
        throw("AS1: mismatched begin and end of sweeping", u64(p.id))
    atomic_release(p, "is_sweeping", 0)


@inline
def is_drained(sweeper: Sweeper) -> bool:
    """Whether no span waits any more. Some may be in the hands of those who sweep them."""
    state: u32 = atomic_load(sweeper, "state")
    return state == DRAINED


def mark_drained(sweeper: Sweeper) -> bool:
    """No span waits any more. Whether this call was the one to say so."""
    return cas(sweeper, "state", UNSWEPT, DRAINED)


def is_sweep_done(sweeper: Sweeper, p: P) -> bool:
    """Whether every span is swept, in the world of p."""
    if not is_drained(sweeper):
        return False
    other = p.world.ps
    while not is_nil(other):
        if atomic_load(other, "is_sweeping") != 0:
            return False
        other = other.next
    return True


def wait_for_sweepers(sweeper: Sweeper) -> None:
    """Wait a moment for those who are at it. Throws if one of them will never be done."""
    if atomic_load(sweeper, "wanted") == FAILED:
        throw("a sweeper has failed on another thread")
    relax()


def reset_sweeper(sweeper: Sweeper, p: P, base: uintptr, npages: u64) -> None:
    """Every span is unswept again; all of them lie in so many pages from base on. p has stopped the world."""
    if not is_sweep_done(sweeper, p):
        throw("AS2: active sweepers found at start of mark phase", u64(sweeper.state))
    sweeper.sweep_class = 0
    sweeper.pages_swept = 0
    sweeper.reclaim_base = base
    sweeper.reclaim_end = npages
    sweeper.reclaim_index = 0
    sweeper.reclaim_credit = 0
    atomic_store(sweeper, "state", u32(UNSWEPT))
