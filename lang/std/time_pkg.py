"""Package time: Sleep.

Owner: the goroutine that calls. Go: runtime/time.go timeSleep.                        Next: debug_pkg.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, TimeSpec, set_time, time_ns
from runtime.heap import clock_ns
from runtime.proc import G
from runtime.syspy import c_function, i32, i64, u64, uintptr
from runtime.world import enter, leave


@c_function
def nanosleep(time: TimeSpec, left: uintptr) -> i32:  # type: ignore[empty-body]
    """Sleep for so long, or until a signal comes."""


def time_sleep(g: G, ns: i64) -> None:
    """time.Sleep: so many nanoseconds at least; the world need not wait for the sleeper."""
    if ns <= 0:
        return
    time = g.runtime.time
    end = clock_ns(g.runtime, CLOCK_MONOTONIC) + u64(ns)
    leave(g.p)
    now = time_ns(time, CLOCK_MONOTONIC)
    while now < end:
        set_time(time, end - now)
        nanosleep(time, 0)
        now = time_ns(time, CLOCK_MONOTONIC)
    enter(g.p)
