"""The scavenge pacer: how much memory may be kept.

    by GOGC      the heap's pages        <= 1.10 * last_in_use * heap_goal / last_heap_goal
    by GOMEMLIMIT  all that is ready     <= 0.95 * limit

The heap will grow to its goal, counted in bytes of objects. How many pages that takes is known of the cycle that has
ended: last_in_use, with the goal that it had. A tenth on top is kept for allocation to fall back on, since a page that
was released costs a page fault when it is used again. Under a memory limit there is nothing on top: near the limit the
background should have begun before the allocator must.

A goal that is met is NO_SCAVENGE_GOAL, so that there is one comparison to make.

    GL1  NO_SCAVENGE_GOAL, or less than what is kept now

Pure functions. Go: runtime/mgcscavenge.go gcPaceScavenger.                                         Next: scavenge.py
"""

from __future__ import annotations

from runtime.layout import PHYS_PAGE_SIZE, align_up
from runtime.page_bits import ALL_ONES
from runtime.syspy import f64, u64

NO_SCAVENGE_GOAL = ALL_ONES  # keep everything
EXTRA_SHARE = 10  # one part in so many is kept on top of what the heap's goal needs
LIMIT_SHARE = 0.95  # of a memory limit
GOAL_LIMIT = 1 << 62  # bytes; no heap comes near, and no sum below overflows


def gc_percent_goal(retained: u64, heap_goal: u64, last_heap_goal: u64, last_in_use: u64) -> u64:
    """How many bytes of pages the heap may keep, which keeps `retained` now, after a collection.

    The last cycle began with last_heap_goal, 0 if there was none, and ended with last_in_use bytes in spans.
    """
    if last_heap_goal == 0:
        return NO_SCAVENGE_GOAL
    goal = u64(f64(last_in_use) * (f64(heap_goal) / f64(last_heap_goal)))
    if goal >= GOAL_LIMIT:
        return NO_SCAVENGE_GOAL
    goal = align_up(goal + goal // EXTRA_SHARE, PHYS_PAGE_SIZE)
    if retained < goal + PHYS_PAGE_SIZE:
        return NO_SCAVENGE_GOAL
    assert goal < retained, "GL1: a goal that is met"
    return goal


def memory_limit_goal(ready: u64, memory_limit: u64) -> u64:
    """How many bytes may be ready in all, of which so many are now."""
    goal = u64(f64(memory_limit) * LIMIT_SHARE)
    return NO_SCAVENGE_GOAL if ready <= goal else goal
