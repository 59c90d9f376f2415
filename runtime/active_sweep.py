"""Active sweep: whether sweeping is over, and who is still at it.

    state    | drained |            sweepers             |
               bit 31                bits 0 to 30

    0             a collection has just begun its sweep phase
    n             n sweepers are at work, and spans may wait in unswept sets
    DRAINED | n   no span waits any more; n sweepers are finishing theirs
    DRAINED       done: every span is swept

A sweeper comes between begin_sweeping and end_sweeping, and passes no safepoint there: so the world never stops with a
span half swept. One that comes when all is drained finds nothing to do and is not counted.

    AS1  a sweeper that ends has begun
    AS2  sweeping is done when the next mark phase, or the next sweep, begins

Owner: atomic; reset by who has stopped the world. Go: runtime/mgcsweep.go activeSweep.      Next: central_sets.py
"""

from __future__ import annotations

from runtime.syspy import Struct, atomic_load, atomic_store, cas, f64, inline, struct, throw, u32, u64, uintptr

DRAINED = 1 << 31  # no span waits in an unswept set

WANTED = 0  # the background sweeper is to look for spans; it stays so where there is none
IDLE = 1  # it has heard of the last collection
STOPPED = 2  # it shall end


@struct
class Sweeper(Struct):
    """The sweeping of a heap after one collection."""

    state: u32  # see the header
    wanted: u32  # WANTED, IDLE or STOPPED: what the background sweeper sleeps on
    sweep_class: u64  # where sweepers look next: 2 * span class, + 1 for the partial set
    pages_swept: u64  # pages of the spans swept since the collection
    pages_swept_basis: u64  # of them, those swept when the pace was set
    live_basis: u64  # bytes: heap_live at that time
    pages_per_byte: f64  # to sweep for each byte that is allocated: sweep_pacer.py; 0: none
    reclaim_base: uintptr  # start of the lowest arena, as it was then
    reclaim_end: u64  # pages from there to the end of the highest arena
    reclaim_index: u64  # pages from there that reclaim has gone through
    reclaim_credit: u64  # pages that became free, and that no growth of the heap has been held against


def begin_sweeping(sweeper: Sweeper) -> bool:
    """Become a sweeper. False if all is drained: then there is nothing to sweep, and end_sweeping is not called."""
    state: u32 = atomic_load(sweeper, "state")
    while state & DRAINED == 0:
        if cas(sweeper, "state", state, state + 1):
            return True
        state = atomic_load(sweeper, "state")
    return False


def end_sweeping(sweeper: Sweeper) -> None:
    """Be no sweeper any more. Caller has begun, and every span that it acquired is swept."""
    state: u32 = atomic_load(sweeper, "state")
    if state & ~u32(DRAINED) == 0:
        throw("AS1: mismatched begin and end of sweeping", u64(state))
    while not cas(sweeper, "state", state, state - 1):
        state = atomic_load(sweeper, "state")


def mark_drained(sweeper: Sweeper) -> bool:
    """No span waits any more. Whether this call was the one to say so."""
    state: u32 = atomic_load(sweeper, "state")
    while state & DRAINED == 0:
        if cas(sweeper, "state", state, state | DRAINED):
            return True
        state = atomic_load(sweeper, "state")
    return False


@inline
def is_sweep_done(sweeper: Sweeper) -> bool:
    """Whether every span is swept."""
    state: u32 = atomic_load(sweeper, "state")
    return state == DRAINED


def reset_sweeper(sweeper: Sweeper, base: uintptr, npages: u64) -> None:
    """Every span is unswept again; all of them lie in so many pages from base on. The world is stopped."""
    check_sweep_done(sweeper)
    sweeper.sweep_class = 0
    sweeper.pages_swept = 0
    sweeper.reclaim_base = base
    sweeper.reclaim_end = npages
    sweeper.reclaim_index = 0
    sweeper.reclaim_credit = 0
    atomic_store(sweeper, "state", u32(0))


def check_sweep_done(sweeper: Sweeper) -> None:
    """AS2 holds. The world is stopped."""
    if not is_sweep_done(sweeper):
        throw("AS2: active sweepers found at start of mark phase", u64(sweeper.state))
