"""A time histogram: how often something took how long, in buckets that grow with the time.

    ns, in bits    1 x y .......          the highest bit chooses the bucket, the two after it the part of the bucket
    bucket 0       below 256 ns           parts of 64 ns
    bucket b       2**(b + 7) ns on       as many, four of them each
    overflow       2**47 ns on            a day and a half

So a time is known to a quarter of itself, and 160 counters reach from nanoseconds to hours.

Owner: the collector, while the world is stopped. Go: runtime/histogram.go timeHistogram.          Next: pacer.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.syspy import Array, Struct, clz64, struct, u64

PART_BITS = 2
PARTS = 1 << PART_BITS  # of a bucket
MIN_BITS = 9  # a time of so many bits is in bucket 1, a shorter one in bucket 0
MAX_BITS = 48  # a time of so many bits or more is an overflow
TIME_BUCKETS = MAX_BITS - MIN_BITS + 1
TIME_COUNTS = TIME_BUCKETS * PARTS


@struct
class TimeHistogram(Struct):
    """How many times fell into each part of each bucket."""

    counts: Annotated[Array[u64], TIME_COUNTS]  # times; part p of bucket b at b * PARTS + p
    overflow: u64  # times that no bucket is long enough for


def record_time(h: TimeHistogram, ns: u64) -> None:
    """Count one time, in nanoseconds."""
    length = 64 - clz64(ns)
    if length >= MAX_BITS:
        h.overflow = h.overflow + 1
        return
    i = ns >> MIN_BITS - 1 - PART_BITS
    if length >= MIN_BITS:
        i = (length - (MIN_BITS - 1)) * PARTS + (ns >> length - 1 - PART_BITS) % PARTS
    h.counts[i] = h.counts[i] + 1


def time_bounds() -> list[float]:
    """The bounds of all counters in seconds, one more than there are counters, as runtime/metrics has them."""
    first = [part << MIN_BITS - 1 - PART_BITS for part in range(PARTS)]
    rest = [
        (1 << bits - 1) + (part << bits - 1 - PART_BITS) for bits in range(MIN_BITS, MAX_BITS) for part in range(PARTS)
    ]
    end = 1 << MAX_BITS - 1
    return [float("-inf"), *(ns / 1e9 for ns in [*first, *rest, end]), float("inf")]
