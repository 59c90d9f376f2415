"""The limiter: a memory limit must not make a program collect all the time.

    bucket   +---------------+
             |               |  full: limiting
             |~~~~~~~~~~~~~~~|  <- nanoseconds of collecting less nanoseconds of running, 0 to a second
             +---------------+

Where more is live than the limit allows, the goal is what is live, and the next span would start the next collection.
A program may spend a second so, for that may be the peak of its need. Once the bucket is full, half of the time is
for the program: the next collection waits until as many more bytes were allocated as the program, at the pace of the
last cycle, allocates in the time that this collection took. It then exceeds its limit rather than stand still. Go's
limiter halts assists, and with them what holds the program back; here nothing but the trigger can be moved.

    LM1  0 <= fill_ns <= LIMITER_CAPACITY_NS

Owner: the collector. Go: runtime/mgclimit.go.                                                       Next: mheap.py
"""

from __future__ import annotations

from runtime.layout import smaller
from runtime.syspy import Struct, f64, struct, u64

LIMITER_CAPACITY_NS = 1_000_000_000
LEAST_RUNWAY = 1 << 16  # bytes to allocate from one collection to the next while limiting
MOST_RUNWAY = 1 << 40


@struct
class GCLimiter(Struct):
    """What collections have cost of late."""

    fill_ns: u64  # nanoseconds in the bucket
    runway: u64  # bytes to allocate before the next collection, whatever its goal; 0 while not limiting
    last_enabled: u64  # the number of the last collection that made the bucket full; 0: none did


def note_collection(limiter: GCLimiter, number: u64, ran_ns: u64, collected_ns: u64, allocated: u64) -> None:
    """Count a collection: the program had run for so long, and allocated so many bytes, since the one before."""
    drained = limiter.fill_ns - ran_ns if ran_ns < limiter.fill_ns else u64(0)
    limiter.fill_ns = smaller(drained + collected_ns, LIMITER_CAPACITY_NS)  # LM1
    if limiter.fill_ns < LIMITER_CAPACITY_NS:
        limiter.runway = 0
        return
    limiter.last_enabled = number
    limiter.runway = runway_for(allocated, ran_ns, collected_ns)


def runway_for(allocated: u64, ran_ns: u64, collected_ns: u64) -> u64:
    """The bytes that a program allocates in the time of a collection, if it allocated so many in so long."""
    if ran_ns == 0:
        return LEAST_RUNWAY
    runway = f64(allocated) * (f64(collected_ns) / f64(ran_ns))
    if runway >= f64(MOST_RUNWAY):
        return MOST_RUNWAY
    return u64(runway) if runway > f64(LEAST_RUNWAY) else u64(LEAST_RUNWAY)
