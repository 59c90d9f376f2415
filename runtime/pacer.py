"""Pacer: how large the heap may grow before the next collection.

         marked             goal = trigger
    |------|------------------|------> heap_live
            <-- GOGC percent of
                what was scanned: marked + stack + globals

Go starts a cycle before the goal is reached, since its program runs on while it marks. Here the world stands still
while marking, so the trigger is the goal itself, and there are fewer collections for the same memory.

The least goal is 4 MiB at GOGC=100, in proportion otherwise. That much of young data stays in the caches of a
processor, and a program that keeps hardly anything pays little for a collection.

    PC1  goal >= marked
    PC2  goal >= heap_minimum(gogc)

Pure functions. Go: runtime/mgcpacer.go gcControllerState.commit.                                 Next: mheap.py
"""

from __future__ import annotations

from runtime.layout import larger
from runtime.syspy import i64, inline, u64

HEAP_MINIMUM = 4 << 20  # bytes: the least goal at GOGC=100
NO_GOAL = (1 << 63) - 1  # bytes: the goal when GOGC is off


def heap_minimum(gogc: i64) -> u64:
    """The least goal, in bytes. GOGC is not off."""
    return u64(HEAP_MINIMUM) // 100 * u64(gogc) + u64(HEAP_MINIMUM) % 100 * u64(gogc) // 100


def percent_of(part: u64, gogc: i64) -> u64:
    """GOGC percent of so many bytes; at most NO_GOAL."""
    percent = u64(gogc)
    if percent != 0 and part // 100 >= NO_GOAL // percent:
        return NO_GOAL
    return part // 100 * percent + part % 100 * percent // 100


def heap_goal(marked: u64, stack_bytes: u64, globals_bytes: u64, gogc: i64) -> u64:
    """How many bytes may be live before the next collection, after one that marked so many bytes. GOGC < 0 is off."""
    if gogc < 0:
        return NO_GOAL
    goal = marked + percent_of(marked + stack_bytes + globals_bytes, gogc)
    if goal > NO_GOAL:
        return NO_GOAL
    goal = larger(goal, heap_minimum(gogc))
    assert goal >= marked, "PC1: the goal is less than what is live"
    assert goal >= heap_minimum(gogc), "PC2: the goal is less than the least one"
    return goal


@inline
def is_due(heap_live: u64, more: u64, trigger: u64) -> bool:
    """Whether to collect before so many more bytes go live."""
    return heap_live + more > trigger
