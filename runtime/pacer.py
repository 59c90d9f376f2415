"""Pacer: how large the heap may grow before the next collection.

         marked  floating     trigger   goal
    |------|--------|------------|--------|---> heap_live
                    <- GOGC percent of ---> what was scanned: marked + floating + stack + globals
                                  <runway->

Go's program runs on while Go marks. So Go starts a runway before the goal is reached; and what is allocated meanwhile
counts as live until the next cycle, is part of heapMarked, and makes the next goal larger. Here the world stands still
while marking, so nothing floats, and no runway is needed. Yet GOGC must mean what it means in Go: a program should
collect as often as it does there. So the goal is Go's, floating garbage and all, and a collection starts where Go
would start to mark. The heap stays below Go's by the runway. When a program forces a collection it waits for its end,
and nothing floats in Go either.

Go measures its cons/mark ratio, the pace of allocation beside that of marking, and makes the runway so long that
marking takes a quarter of the processors. Here the ratio is a constant: so the same program collects at the same places
every time, on any machine. It is that of a program in the middle: per byte scanned, in the median of its collections,
Go on one P let float

    LRU map       0.12      binary trees  0.42      JSON values  0.52      gcbench     0.80
    graph search  0.20      JSON builder  0.43      word count   0.70      splay tree  0.84

What follows from the ratio is Go's, the bounds of the trigger among it. Collections of some of the examples, and of Go
on one P, by GOGC:

                    50           100          200                            50           100          200
    binary trees   194  180     73  73      31  27      LRU cache          31  32       14  13       6   6
    gcbench         98  101     44  48      22  21      tiny objects      152 161       69  78      31  36
    splay tree      16   13      7   6       4   4      expressions        76  74       34  34      15  16
    bank queue      78   83     36  39      16  17      large buffers     584 665      279 315     137 141

The least goal is 4 MiB at GOGC=100, in proportion otherwise. That much of young data stays in the caches of a
processor, and a program that keeps hardly anything pays little for a collection. From the second collection on there
is at least a MiB to go, for sweeping has to be done in that.

Under a memory limit (memory_limit.py) a collection starts at the goal itself: while the world stands still for marking
nothing is allocated.

Where marking goes in steps (incremental.py) the program does run on, and what it allocates does float. How much a step
scans is Go's assist ratio: what is left to scan, by what may be allocated until the end. It counts entries of the mark
queue, as many as the marking before had. The end is to be after a quarter of the runway: what is allocated until then
is taken to be alive, and barriers cost most before all is marked. What then floats less than it would in Go is added to
the goal as before.

What else Go's controller has is for marking on other processors, beside the program, which is not done here: credit of
background workers, dedicated, fractional and idle workers, the goal of 25 % of the processors.

    PC1  goal >= marked
    PC2  goal >= heap_minimum(gogc)
    PC3  marked <= trigger <= goal

Pure functions. Go: runtime/mgcpacer.go gcControllerState commit, heapGoalInternal, trigger.      Next: gc_limiter.py
"""

from __future__ import annotations

from runtime.layout import larger, smaller
from runtime.syspy import f64, i64, inline, u64

HEAP_MINIMUM = 4 << 20  # bytes: the least goal at GOGC=100
SWEEP_DISTANCE = 1 << 20  # bytes to allocate at least while what the last collection left is swept
NO_GOAL = (1 << 63) - 1  # bytes: the goal when GOGC is off

CONS_MARK_PERCENT = 40  # of what a collection scans: what the program allocates meanwhile in Go
START_RUNWAY = 640 << 10  # bytes that it allocates while Go's workers start and end
LEAST_RUNWAY = 64 << 10  # bytes from where a collection starts to the goal
TRIGGER_PARTS = 64  # of the way from what is marked to the goal: the trigger is
ENTRY_BYTES = 64  # of a heap, by entry of the queue, until a marking has counted them
LEAST_LEFT = 8  # of what was expected, the part that is taken to be left at least
LEAST_ENTRIES = 64  # in a step of marking
RUNWAY_PARTS = 4  # of the runway, in one of which marking is over
LEAST_TRIGGER = 45  # so many of them from the start at least,
MOST_TRIGGER = 61  # and so many at most, unless HEAP_MINIMUM before the goal is later


def pace(marked: u64, scanned: u64, root_bytes: u64, gogc: i64, is_first: bool) -> tuple[u64, u64]:
    """GOGC's goal and trigger after a collection that marked so many bytes, what floats included.

    scanned: of the bytes marked, those in objects with pointers. root_bytes: of stacks and globals. is_first: there was
    no collection yet; so there is nothing to sweep, and Go knows nothing of the pace of allocation.
    """
    if is_first:
        goal = heap_goal(0, root_bytes, gogc, 0)
        return goal, trigger_below(goal, 0, 0, 0)
    goal = heap_goal(marked, root_bytes, gogc, SWEEP_DISTANCE)
    return goal, trigger_below(goal, marked, runway_for(scanned + root_bytes), SWEEP_DISTANCE)


def heap_minimum(gogc: i64) -> u64:
    """The least goal, in bytes. GOGC is not off."""
    return u64(HEAP_MINIMUM) // 100 * u64(gogc) + u64(HEAP_MINIMUM) % 100 * u64(gogc) // 100


def percent_of(part: u64, gogc: i64) -> u64:
    """GOGC percent of so many bytes; at most NO_GOAL."""
    percent = u64(gogc)
    if percent != 0 and part // 100 >= NO_GOAL // percent:
        return NO_GOAL
    return part // 100 * percent + part % 100 * percent // 100


def heap_goal(marked: u64, root_bytes: u64, gogc: i64, distance: u64) -> u64:
    """How many bytes may be live before the next collection, after one that marked so many bytes. GOGC < 0 is off."""
    if gogc < 0:
        return NO_GOAL
    goal = marked + percent_of(marked + root_bytes, gogc)
    if goal > NO_GOAL:
        return NO_GOAL
    goal = larger(larger(goal, heap_minimum(gogc)), marked + distance)
    assert goal >= marked, "PC1: the goal is less than what is live"
    assert goal >= heap_minimum(gogc), "PC2: the goal is less than the least one"
    return goal


def runway_for(scanned: u64) -> u64:
    """The bytes that a program allocates in Go while so many are scanned."""
    return START_RUNWAY + percent_of(scanned, CONS_MARK_PERCENT)


def floating_after(goal: u64, trigger: u64, expected: u64, scanned: u64) -> u64:
    """The bytes that a program allocates in Go during a collection which scans so many, and expected to scan others.

    Go holds the program back so that it comes to the goal when marking ends, or beyond it by as much as there is more
    to scan than was expected.
    """
    if trigger > goal:
        return 0
    room = larger(goal - trigger, LEAST_RUNWAY)
    if scanned > expected:
        room = u64(f64(room) * (f64(scanned) / f64(larger(expected, 1))))
    return smaller(room, runway_for(scanned))


def trigger_below(goal: u64, marked: u64, runway: u64, distance: u64) -> u64:
    """Where to start a collection so that Go's marker, who needs a runway, would be done at the goal."""
    if goal == NO_GOAL:
        return NO_GOAL
    part = (goal - marked) // TRIGGER_PARTS
    least = larger(marked + part * LEAST_TRIGGER, smaller(marked + distance, goal))
    most = marked + part * MOST_TRIGGER
    if goal > HEAP_MINIMUM:
        most = larger(most, goal - HEAP_MINIMUM)
    trigger = smaller(goal - smaller(runway, goal), most)
    trigger = larger(trigger, least)
    assert marked <= trigger <= goal, "PC3: a collection would start at once, or beyond the goal"
    return trigger


def entries_of(live: u64) -> u64:
    """The entries of the queue that a first marking is taken to scan when so many bytes are live."""
    return live // ENTRY_BYTES


def heap_to_end_at(live: u64, goal: u64) -> u64:
    """How large the heap should be when a marking is over that begins when so many bytes are live."""
    return live + (goal - smaller(goal, live)) // RUNWAY_PARTS


def step_entries(expected: u64, done: u64, since: u64, room: u64) -> u64:
    """How many entries a step of marking scans, so that marking is over when it should be.

    expected, done: entries in all, and those of the steps before. since: bytes allocated since the step before. room:
    bytes that might be allocated then until the end.
    """
    left = larger(expected - smaller(expected, done), expected // LEAST_LEFT)
    if since >= room:
        return left + LEAST_ENTRIES
    return u64(f64(left) * (f64(since) / f64(room))) + LEAST_ENTRIES


@inline
def is_due(heap_live: u64, more: u64, trigger: u64) -> bool:
    """Whether to collect before so many more bytes go live."""
    return heap_live + more > trigger
