"""Package time: the clocks, Sleep, and a Time as it lies in memory.

    Time   wall   nanoseconds of a second
           ext    whole seconds since the year 1
           loc    1: at local time, as package time has it

What a Time is beyond that, when it has read the monotonic clock as well, is written in Toy: lang/library/time.toy.

Owner: whoever has the Time; of a sleep, the goroutine that calls. Go: time/time.go, runtime/time.go timeSleep.
Next: debug_pkg.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, CLOCK_REALTIME, TimeSpec, set_time, time_ns
from runtime.heap import clock_ns
from runtime.proc import G
from runtime.syspy import Struct, c_function, i32, i64, struct, u64, uintptr
from runtime.world import enter, leave

SECOND = 1_000_000_000  # nanoseconds
UNIX_EPOCH = 62_135_596_800  # seconds from the year 1 to 1970
AT_LOCAL = 1


@struct
class Time(Struct):
    """time.Time."""

    wall: u64  # nanoseconds of the second
    ext: i64  # seconds since the year 1
    loc: uintptr  # AT_LOCAL; 0: in UTC


def set_unix(t: Time, ns: u64) -> None:
    """time.Unix(0, ns), of a time since 1970."""
    t.wall = ns % SECOND
    t.ext = i64(ns // SECOND) + UNIX_EPOCH
    t.loc = AT_LOCAL


def wall_clock(g: G) -> i64:
    """Nanoseconds since 1970."""
    return i64(clock_ns(g.runtime, CLOCK_REALTIME))


def monotonic_clock(g: G) -> i64:
    """Nanoseconds by a clock that nobody sets."""
    return i64(clock_ns(g.runtime, CLOCK_MONOTONIC))


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
