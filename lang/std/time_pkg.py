"""Package time, as far as runtime/debug has values of it: what the methods of Time and Duration do.

    Time   wall   nanoseconds of a second
           ext    whole seconds since the year 1
           loc    0: all that a program can learn of a Time here is the same everywhere

In Go the upper bits of wall say more when a Time has read the monotonic clock as well; those of runtime/debug have not.
A Duration is a number of nanoseconds.

Owner: whoever has the Time. Go: time/time.go.                                             Next: debug_pkg.py
"""

from __future__ import annotations

from runtime.syspy import Struct, i64, struct, u64, uintptr

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


def set_time(t: Time, ns: u64) -> None:
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
