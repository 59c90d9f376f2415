"""Package time: Sleep, and what the methods of Time and Duration do.

    Time   wall   nanoseconds of a second
           ext    whole seconds since the year 1
           loc    0: all that a program can learn of a Time here is the same everywhere

In Go the upper bits of wall say more when a Time has read the monotonic clock as well; those of runtime/debug have not.
A Duration is a number of nanoseconds.

Owner: whoever has the Time; of a sleep, the goroutine that calls. Go: time/time.go, runtime/time.go timeSleep.
Next: debug_pkg.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, TimeSpec, set_time, time_ns
from runtime.heap import clock_ns
from runtime.proc import G
from runtime.syspy import Struct, c_function, i32, i64, struct, u64, uintptr
from runtime.world import enter, leave

SECOND = 1_000_000_000  # nanoseconds
UNIX_EPOCH = 62_135_596_800  # seconds from the year 1 to 1970
MAX_DURATION = (1 << 63) - 1  # nanoseconds
MOST_SECONDS = MAX_DURATION // SECOND - 1  # of a Duration


@struct
class Time(Struct):
    """time.Time."""

    wall: u64  # nanoseconds of the second
    ext: i64  # seconds since the year 1
    loc: uintptr  # 0


def set_unix(t: Time, ns: u64) -> None:
    """time.Unix(0, ns), of a time since 1970."""
    t.wall = ns % SECOND
    t.ext = i64(ns // SECOND) + UNIX_EPOCH
    t.loc = 0


def time_unix(wall: u64, ext: i64) -> i64:
    """t.Unix(): seconds since 1970."""
    return ext - UNIX_EPOCH


def time_unix_nano(wall: u64, ext: i64) -> i64:
    """t.UnixNano(): nanoseconds since 1970; outside of 1678 to 2262 it wraps."""
    return i64(i64((ext - UNIX_EPOCH) * SECOND) + i64(wall))


def time_is_zero(wall: u64, ext: i64) -> bool:
    """t.IsZero(): whether it is the first moment of the year 1."""
    return wall == 0 and ext == 0


def time_before(wall: u64, ext: i64, other_wall: u64, other_ext: i64) -> bool:
    """t.Before(u)"""
    return ext < other_ext or ext == other_ext and wall < other_wall


def time_equal(wall: u64, ext: i64, other_wall: u64, other_ext: i64) -> bool:
    """t.Equal(u)"""
    return ext == other_ext and wall == other_wall


def time_sub(wall: u64, ext: i64, other_wall: u64, other_ext: i64) -> i64:
    """t.Sub(u): nanoseconds from u to t, or the most that there can be."""
    seconds = ext - other_ext
    if seconds > MOST_SECONDS:
        return MAX_DURATION
    if seconds < -MOST_SECONDS:
        return -MAX_DURATION - 1
    return seconds * SECOND + (i64(wall) - i64(other_wall))


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
