"""The limiter: a memory limit must not make a program collect all the time.

    bucket   +---------------+
             |               |  full: limiting
             |~~~~~~~~~~~~~~~|  <- nanoseconds of collecting less nanoseconds of running, 0 to a second
             +---------------+

Where more is live than the limit allows, the goal is what is live, and the next span would start the next collection.
A program may spend a second so, for that may be the peak of its need. From then on half of the time is for the program:
the next collection waits until there is room in the bucket for as long a one as the last, that is, until so many more
bytes were allocated as the program allocates in that time at the pace of the last cycle. It then exceeds its limit
rather than stand still. Go's limiter halts assists, and with them what holds the program back; here nothing but the
trigger can be moved, and that once in a cycle: so the bucket must not have to be full for it, or every other collection
would come at once.

What allocations give back to the system for the limit is collecting, too; while limiting, they do not.

Go's bucket has a second for each P, and is filled by each. A collection stops all Ps, so the number of them cancels
out, and the bucket is one P's.

    LM1  0 <= fill_ns <= LIMITER_CAPACITY_NS

Owner: the collector. Go: runtime/mgclimit.go.                                                            Next: p.py
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
    overflow_ns: u64  # nanoseconds that did not go in, so far
    is_limiting: bool  # the bucket has been full since the last change
    runway: u64  # bytes to allocate before the next collection, whatever its goal; 0 while there is room in the bucket
    last_enabled: u64  # the number of the last collection that made the bucket full; 0: none did


def note_collection(limiter: GCLimiter, number: u64, ran_ns: u64, collected_ns: u64, allocated: u64) -> None:
    """Count a collection: the program had run for so long, and allocated so many bytes, since the one before."""
    accumulate(limiter, number, ran_ns, 0)
    accumulate(limiter, number, 0, collected_ns)
    room = LIMITER_CAPACITY_NS - limiter.fill_ns
    limiter.runway = 0
    if collected_ns > room:
        limiter.runway = runway_for(allocated, ran_ns, collected_ns - room)


def accumulate(limiter: GCLimiter, number: u64, ran_ns: u64, collected_ns: u64) -> None:
    """Count time of the program and of the collector; the collection under way is the number-th."""
    room = LIMITER_CAPACITY_NS - limiter.fill_ns
    if collected_ns > ran_ns and collected_ns - ran_ns >= room:
        limiter.overflow_ns = limiter.overflow_ns + (collected_ns - ran_ns - room)
        limiter.fill_ns = LIMITER_CAPACITY_NS  # LM1
        if not limiter.is_limiting:
            limiter.is_limiting = True
            limiter.last_enabled = number
    elif collected_ns > ran_ns:
        limiter.fill_ns = limiter.fill_ns + (collected_ns - ran_ns)
    elif collected_ns < ran_ns:
        limiter.fill_ns = limiter.fill_ns - smaller(limiter.fill_ns, ran_ns - collected_ns)
        limiter.is_limiting = False


def runway_for(allocated: u64, ran_ns: u64, wanted_ns: u64) -> u64:
    """The bytes that a program allocates in the time wanted, if it allocated so many in so long."""
    if ran_ns == 0:
        return LEAST_RUNWAY
    runway = f64(allocated) * (f64(wanted_ns) / f64(ran_ns))
    if runway >= f64(MOST_RUNWAY):
        return MOST_RUNWAY
    return u64(runway) if runway > f64(LEAST_RUNWAY) else u64(LEAST_RUNWAY)
