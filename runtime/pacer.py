"""Pacer: how large the heap may grow before the next collection.

         marked  floating     trigger   goal
    |------|--------|------------|--------|---> heap_live
                    <- GOGC percent of ---> what was scanned: marked + floating + stack + globals
                                  <runway->

Go's program runs on while Go marks. So Go starts a runway before the goal is reached; and what is allocated meanwhile
counts as live until the next cycle, is part of heapMarked, and makes the next goal larger. Here the world stands still
while marking, so nothing floats, and no runway is needed. Yet GOGC must mean what it means in Go: a program should
collect as often as it does there. So the goal is Go's, floating garbage and all, and a collection starts where Go
would start to mark. The heap stays below Go's by the runway. Collections, by GOGC=100, beside Go's on one P:

    binary trees 18    84, Go 92     gcbench    40, Go 39     splay tree     7, Go 6
    tiny objects       73, Go 74     bank queue 38, Go 36     LRU cache     14, Go 13

The least goal is 4 MiB at GOGC=100, in proportion otherwise. That much of young data stays in the caches of a
processor, and a program that keeps hardly anything pays little for a collection.

    PC1  goal >= marked
    PC2  goal >= heap_minimum(gogc)
    PC3  marked <= trigger <= goal

Pure functions. Go: runtime/mgcpacer.go gcControllerState.commit.                                 Next: mheap.py
"""

from __future__ import annotations

from runtime.layout import larger
from runtime.syspy import i64, inline, u64

HEAP_MINIMUM = 4 << 20  # bytes: the least goal at GOGC=100
RUNWAY_PERCENT = 20  # of the way to the goal: what Go leaves, on one P, to a program that allocates all the time
FLOATING_PERCENT = 37  # of what is live: what such a program allocates while Go marks
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


def with_floating(marked: u64, gogc: i64) -> u64:
    """What Go would have marked where so many bytes are live: more by what the program allocates while Go marks."""
    if gogc < 0 or marked >= NO_GOAL // 2:
        return marked
    share = u64(gogc) if gogc < 100 else u64(100)
    return marked + marked // 100 * FLOATING_PERCENT // 100 * share


def trigger_below(goal: u64, marked: u64, gogc: i64) -> u64:
    """Where to start a collection so that Go's marker would be done at the goal; marked is with_floating."""
    if goal == NO_GOAL:
        return NO_GOAL
    runway = (goal - marked) // 100 * RUNWAY_PERCENT
    if gogc > 100:
        runway = runway // u64(gogc) * 100
    assert goal - runway >= marked, "PC3: a collection would start at once"
    return goal - runway


@inline
def is_due(heap_live: u64, more: u64, trigger: u64) -> bool:
    """Whether to collect before so many more bytes go live."""
    return heap_live + more > trigger
