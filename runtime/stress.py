"""Stress: collections at places where nobody expects one, to find pointers that no root knows of.

    gcstress=n       at every n-th allocation                  1, 2, 3, ... are numbers of allocations
    gcsafepoint=n    at every n-th safepoint                   each allocation is one, and every poll(g)
    gcrandom=n       at one allocation in n, by chance         gcseed=s begins the same run again

Where marking goes in steps (incremental.py), each of these is a step of two entries.

With any of these an mcache hands out one slot at a time, and each object without pointers of less than 16 bytes has a
slot of its own: so every allocation comes here, and a number means the same object on both engines, as long as one
thread allocates.

A run that collected nothing proves nothing. So all of it is counted, and told at the end.

    STR1  a collection by stress is at an allocation or at a safepoint that was counted

Owner: whoever allocates; the counts are atomic. Go has no like; debug.gcstoptheworld=2 is the nearest. Next: malloc.py
"""

from __future__ import annotations

from runtime.collect import collect
from runtime.heap import Runtime
from runtime.mspan import MSpan, header_bytes
from runtime.proc import G
from runtime.syspy import atomic_add, cold, is_nil, u64, uintptr, unlikely
from runtime.watch import note_allocation
from runtime.world import safepoint
from runtime.xorshift import next_state, spread

RANDOM_START = 0x9E37_79B9_7F4A_7C15  # what a seed begins from: any odd number


def seed_stress(runtime: Runtime, seed: u64) -> None:
    """Begin the random numbers of gcrandom."""
    runtime.gc.stress_random = u64((2 * seed + 1) * RANDOM_START)  # odd, so it never is 0


def count_allocations(runtime: Runtime) -> None:
    """From now on every allocation takes the slow path, and has a number. The world is stopped, all runs are closed."""
    runtime.knobs.is_slow = True
    p = runtime.world.ps
    while not is_nil(p):
        p.m_cache.run_bytes = 0
        p = p.next


@cold
def stress_allocation(g: G) -> None:
    """Count an allocation, and collect if it is one to collect at."""
    runtime = g.runtime
    count = atomic_add(runtime.gc, "stress_count", 1)
    g.alloc_number = count
    every = runtime.knobs.gc_stress
    if every != 0 and count % every == 0 or is_drawn(runtime):
        collect_by_stress(g)  # STR1
    else:
        stress_safepoint(g)


@cold
def stress_safepoint(g: G) -> None:
    """Count a safepoint, and collect if it is one to collect at."""
    runtime = g.runtime
    count = atomic_add(runtime.gc, "stress_safepoints", 1)
    every = runtime.knobs.gc_safepoint
    if every != 0 and count % every == 0:
        collect_by_stress(g)  # STR1


def is_drawn(runtime: Runtime) -> bool:
    """Whether chance says to collect: once in gc_random times."""
    if runtime.knobs.gc_random == 0:
        return False
    runtime.gc.stress_random = next_state(runtime.gc.stress_random)
    return (spread(runtime.gc.stress_random) >> 32) % runtime.knobs.gc_random == 0


def collect_by_stress(g: G) -> None:
    """Collect, and count that."""
    atomic_add(g.runtime.gc, "stress_collections", 1)
    collect(g, False)


@cold
def note_object(g: G, slot: uintptr, span: MSpan) -> None:
    """The object of the allocation that was counted last has a slot now."""
    runtime = g.runtime
    header = header_bytes(span)
    size = span.elem_size - header
    note_allocation(runtime.watch, g.alloc_number, slot + header, size, g.alloc_site, runtime.gc.num_gc)


def poll(g: G) -> None:
    """A safepoint where stress may collect: for a loop without allocations. Caller has its pointers in its roots."""
    safepoint(g.p)
    if unlikely(g.m_cache.run_bytes == 0):
        stress_safepoint(g)
