"""The memory limit: how large the heap may grow so that all that is ready stays below GOMEMLIMIT.

    |-- not of the heap --|------------- objects -------------|-- free --|      ready now
    |-- not of the heap --|------------------ goal ------------------|head|     at the goal
    0                                                                     limit

What is ready and holds no object, nor could, stands for all time: metadata, stacks, the tails of spans. The rest of
the limit is for objects. 3 % of it, at least a MiB, are left as headroom: allocation should not have to give pages
back all the time. What exceeds the limit now comes off twice, so that the next cycle makes room.

The goal is the lesser one of this and GOGC's; with GOGC=off it is this alone (and gc_limiter.py takes care of a limit
that is less than what lives). While the world stands still for marking nothing is allocated: such a collection starts
at this goal. Where marking goes in steps it starts a runway before, as in Go (pacer.py).

    ML1  the goal is not less than what was marked

Pure functions. Go: runtime/mgcpacer.go memoryLimitHeapGoal.                                         Next: cycle.py
"""

from __future__ import annotations

from runtime.layout import larger
from runtime.p import HeapStats
from runtime.size_classes import CLASS_TO_SIZE, NUM_SIZE_CLASSES
from runtime.syspy import u64

HEADROOM_PERCENT = 3
LEAST_HEADROOM = 1 << 20


def memory_limit_heap_goal(limit: u64, ready: u64, heap_free: u64, heap_alloc: u64, marked: u64) -> u64:
    """How many bytes of objects the heap may hold before the next collection, after one that marked so many.

    ready: bytes in all; among them heap_free in free pages, and heap_alloc in objects that are not swept.
    """
    heap = heap_free + heap_alloc
    other = ready - heap if heap <= ready else u64(0)
    overage = ready - limit if ready > limit else u64(0)
    if other + overage >= limit:
        return marked
    goal = limit - (other + overage)
    headroom = larger(goal // 100 * HEADROOM_PERCENT, LEAST_HEADROOM)
    goal = goal - headroom if goal >= 2 * headroom else headroom
    return larger(goal, marked)  # ML1


def heap_alloc_bytes(stats: HeapStats) -> u64:
    """Bytes of objects allocated and not freed yet, as far as the mcaches have told."""
    allocated = stats.large_alloc_bytes
    freed = stats.large_free_bytes
    for size_class in range(NUM_SIZE_CLASSES):
        size = u64(CLASS_TO_SIZE[size_class])
        allocated = allocated + stats.small_alloc_count[size_class] * size
        freed = freed + stats.small_free_count[size_class] * size
    return allocated - freed
