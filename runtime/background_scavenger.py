"""The background scavenger: a thread that gives memory back to the system while the program computes.

    the host                        the thread                          whoever frees pages
    starts a thread  ------------>  run_scavenger
                                      parked, asleep on `wanted`  <---- wake_scavenger: more is kept than the goals say
                                      a millisecond of 64 KiB at a time
                                      asleep: see scavenge_sleep.py
                                      ... until the goals are met, or nothing can be given back: parked
    stop_scavenger   ------------>  returns
    joins the thread, closes the runtime

It holds no lock while it sleeps, and heap.lock for less than a microsecond at a time. Go starts it with every program;
here the host does, and a runtime without it keeps what it freed until an allocation or FreeOSMemory gives it back.

Owner: one thread of the host. Go: runtime/mgcscavenge.go bgscavenge, scavengerState run.  Next: background_sweeper.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, set_time, time_ns
from runtime.heap import Runtime
from runtime.lock import futex_sleep, futex_sleep_for, futex_wake, lock, unlock
from runtime.mheap import MHeap
from runtime.scavenge import IDLE, STOP, WORK, Scavenger, is_over_goal, scavenge
from runtime.scavenge_sleep import LEAST_WORK_NS, note_sleep, time_to_sleep
from runtime.syspy import address, atomic_add, atomic_load, atomic_store, cas, offsetof, u64, uintptr

QUANTUM = 64 << 10  # bytes to give back at a time


def run_scavenger(runtime: Runtime) -> None:
    """Be the background scavenger of a runtime, until stop_scavenger."""
    heap = runtime.heap
    s = heap.scavenger
    while atomic_load(s, "wanted") != STOP:
        released, worked_ns = scavenge_for_a_while(heap)
        if released == 0:
            park(s)
        else:
            atomic_add(s, "released_bg", released)
            slept_ns = sleep(s, time_to_sleep(s.pacer, worked_ns))
            note_sleep(s.pacer, worked_ns, slept_ns, runtime.world.ps_count)


def stop_scavenger(runtime: Runtime) -> None:
    """Make run_scavenger return soon, also when it is called later."""
    s = runtime.heap.scavenger
    atomic_store(s, "wanted", STOP)
    futex_wake(wanted_addr(s), 1)


def scavenge_for_a_while(heap: MHeap) -> tuple[u64, u64]:
    """Give memory back for a millisecond, or until the goals are met: (bytes, nanoseconds)."""
    s = heap.scavenger
    released: u64 = 0
    worked_ns: u64 = 0
    n: u64 = QUANTUM
    while n >= QUANTUM and worked_ns < LEAST_WORK_NS and is_over_goal(s, heap.memory):
        start = time_ns(s.time, CLOCK_MONOTONIC)
        lock(s.lock)
        n = 0
        if not s.is_paused and atomic_load(s, "wanted") != STOP:
            n = scavenge(heap.pages, QUANTUM, False)
        unlock(s.lock)
        released += n
        worked_ns += time_ns(s.time, CLOCK_MONOTONIC) - start
    return released, worked_ns


def park(s: Scavenger) -> None:
    """Sleep until there is something to do."""
    while not cas(s, "wanted", WORK, IDLE) and atomic_load(s, "wanted") != STOP:
        futex_sleep(wanted_addr(s), IDLE)


def sleep(s: Scavenger, ns: u64) -> u64:
    """Sleep for so long, or until stopped. Returns for how many nanoseconds."""
    start = time_ns(s.time, CLOCK_MONOTONIC)
    slept: u64 = 0
    wanted = atomic_load(s, "wanted")
    while slept < ns and wanted != STOP:
        set_time(s.time, ns - slept)
        futex_sleep_for(wanted_addr(s), wanted, s.time)
        slept = time_ns(s.time, CLOCK_MONOTONIC) - start
        wanted = atomic_load(s, "wanted")
    return slept


def wanted_addr(s: Scavenger) -> uintptr:
    """Where the word is that the thread sleeps on."""
    return address(s) + offsetof(Scavenger, "wanted")
