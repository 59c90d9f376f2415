"""Clock: the time, in nanoseconds.

Owner: a TimeSpec belongs to one thread. Go: runtime/time_nofake.go nanotime, walltime.            Next: lock.py
"""

from __future__ import annotations

from runtime.syspy import Struct, c_function, i32, i64, struct, u64

CLOCK_MONOTONIC = 1
CLOCK_REALTIME = 0
NANOSECONDS = 1_000_000_000


@struct
class TimeSpec(Struct):
    """struct timespec of the C library."""

    seconds: i64  # whole seconds
    nanoseconds: i64  # the rest


@c_function
def clock_gettime(clock: i32, time: TimeSpec) -> i32:  # type: ignore[empty-body]
    """Read a clock."""


def time_ns(time: TimeSpec, clock: i32) -> u64:
    """The time of a clock, read to `time`."""
    clock_gettime(clock, time)
    return u64(time.seconds) * NANOSECONDS + u64(time.nanoseconds)


def set_time(time: TimeSpec, ns: u64) -> None:
    """Write a time of so many nanoseconds."""
    time.seconds = i64(ns // NANOSECONDS)
    time.nanoseconds = i64(ns % NANOSECONDS)
