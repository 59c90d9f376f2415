"""The background sweeper: a thread that sweeps after a collection, while the program computes.

    the host                        the thread                          who has collected
    attaches a goroutine
    starts a thread  ------------>  run_sweeper
                                      asleep on `wanted`  <------------ wake_sweeper
                                      ten spans, a safepoint, ten spans, ...
                                      ... until nothing is left: asleep
    stop_sweeper     ------------>  returns
    joins the thread, closes the runtime

    abandon_sweeper  <------------  a failure

It has a P of its own, so it is stopped with the world: between two batches, or while it is asleep, when nobody needs to
wait for it. What it frees is counted there, and goes to the same sets and pages.

Go starts it with every program. Here an allocation that finds a dead span of its class unswept takes it as it is; a
sweeper that comes first makes pages of it, on another processor. With one, gcbench took 6 % more of the processors'
time and binary_trees 1 %, and neither was done sooner. So Toy does without. A host that computes for long between its
allocations gets its HeapAlloc, its weak pointers and its memory sooner with it.

Owner: one thread of the host. Go: runtime/mgcsweep.go bgsweep.                                Next: memory_limit.py
"""

from __future__ import annotations

from runtime.active_sweep import IDLE, STOPPED, WANTED, Sweeper
from runtime.heap import break_waits
from runtime.lock import futex_sleep, futex_wake
from runtime.proc import G
from runtime.sweeper import NOTHING_LEFT, sweep_some
from runtime.syspy import address, atomic_load, atomic_store, cas, offsetof, uintptr
from runtime.world import abandon, enter, leave, safepoint

BATCH = 10  # spans between two safepoints


def run_sweeper(g: G) -> None:
    """Be the background sweeper of a runtime, until stop_sweeper. The goroutine is in the host."""
    sweeper = g.heap.sweeper
    # First it says that it has heard, then it looks: who collects meanwhile is heard by the next look.
    while cas(sweeper, "wanted", WANTED, IDLE):
        sweep_in_background(g)
        while atomic_load(sweeper, "wanted") == IDLE:
            futex_sleep(wanted_addr(sweeper), IDLE)


def sweep_in_background(g: G) -> None:
    """Sweep until nothing is left, or until stopped."""
    sweeper = g.heap.sweeper
    enter(g.p)
    while atomic_load(sweeper, "wanted") != STOPPED and sweep_some(g.heap, g.p, BATCH) != NOTHING_LEFT:
        safepoint(g.p)
    leave(g.p)


def wake_sweeper(sweeper: Sweeper) -> None:
    """A collection has left spans to sweep: wake the background if it is there."""
    if atomic_load(sweeper, "wanted") == IDLE and cas(sweeper, "wanted", IDLE, WANTED):
        futex_wake(wanted_addr(sweeper), 1)


def stop_sweeper(g: G) -> None:
    """Make run_sweeper return soon, also when it is called later."""
    sweeper = g.heap.sweeper
    atomic_store(sweeper, "wanted", STOPPED)
    futex_wake(wanted_addr(sweeper), 1)


def abandon_sweeper(g: G) -> None:
    """run_sweeper has failed: who waits for what it was at fails as well, and nobody for its P."""
    break_waits(g.runtime)
    abandon(g.p)


def wanted_addr(sweeper: Sweeper) -> uintptr:
    """Where the word is that the thread sleeps on."""
    return address(sweeper) + offsetof(Sweeper, "wanted")
