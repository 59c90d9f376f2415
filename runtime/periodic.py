"""Periodic collections: a program that allocates little collects every two minutes all the same.

    end of a collection |------------- two minutes -------------|-- 512 KiB --|
                                                      overdue ->              ^ the next look: a collection

So what it does not need any more goes back to the system in the end, and finds its end at all if somebody waits for it.
As in Go there is none before the first collection, nor with GOGC=off; it does not count as forced, and gctrace says
"GC forced" before its line.

Go has a thread of its own look at the clock. Here a thread looks itself before it tells heap_live what it has
allocated, after 512 KiB at the latest, and before a large object: a program that does not allocate leaves no garbage,
and an embedder can rely on it that nothing is collected between its calls.

Go: runtime/proc.go forcegchelper, sysmon; mgc.go gcTrigger.test.                                       Next: malloc.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, time_ns
from runtime.collect import collect_and_start
from runtime.gctrace import print_forced
from runtime.proc import G
from runtime.syspy import cold, inline, u64, unlikely
from runtime.world import start_the_world, stop_the_world

FORCE_GC_PERIOD_NS = 120 * 1_000_000_000


@inline
def collect_if_overdue(g: G) -> None:
    """Collect if the last collection is long ago. Whatever g needs is in its roots."""
    if unlikely(is_overdue(g)):
        collect_overdue(g)


def is_overdue(g: G) -> bool:
    """Whether the last collection is too long ago."""
    runtime = g.runtime
    if runtime.gc.num_gc == 0 or runtime.knobs.gogc < 0 or g.is_marking != 0:
        return False
    now = time_ns(g.p.time, CLOCK_MONOTONIC) + runtime.clock_ahead_ns
    return now > u64(runtime.cycle.end_ns + FORCE_GC_PERIOD_NS)


@cold
def collect_overdue(g: G) -> None:
    """Collect, unless another thread came first."""
    runtime = g.runtime
    stop_the_world(g.p)
    if is_overdue(g):
        if runtime.knobs.gc_trace:
            print_forced(runtime.line)
        # A program that allocates so little would not have allocated up to the goal while Go marks.
        runtime.heap.trigger = runtime.gc.heap_goal
        collect_and_start(g, False, not runtime.knobs.is_incremental)
    else:
        start_the_world(g.p)
