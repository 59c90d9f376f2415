"""Collection loops: forced collections, timed in systems Python; bench/go/mark/collections.go does the same in Go.

A collection is cut in two, at the moment when the world may go on: marking, with all that belongs to it, and sweeping,
which runtime.GC does to the end. g is a goroutine between two calls, whose shadow stack counts for nothing.
"""

from __future__ import annotations

from bench.span_loops import CLOCK_PROCESS_CPUTIME
from runtime.clock import CLOCK_MONOTONIC
from runtime.collect import collect, gc
from runtime.cycle import sweep_rest
from runtime.heap import clock_ns
from runtime.proc import G
from runtime.syspy import u64


def time_collection(g: G) -> tuple[u64, u64, u64]:
    """One collection: nanoseconds of the processor and on the wall until all is marked; of the processor for sweeping.

    Nothing is left to sweep when it begins.
    """
    runtime = g.runtime
    begin = clock_ns(runtime, CLOCK_PROCESS_CPUTIME)
    wall = clock_ns(runtime, CLOCK_MONOTONIC)
    collect(g, True)
    wall = clock_ns(runtime, CLOCK_MONOTONIC) - wall
    middle = clock_ns(runtime, CLOCK_PROCESS_CPUTIME)
    sweep_rest(runtime, g.p)
    return middle - begin, wall, clock_ns(runtime, CLOCK_PROCESS_CPUTIME) - middle


def time_collections(g: G, count: u64) -> u64:
    """Nanoseconds of the processor for so many collections, one after the other, sweeping included."""
    begin = clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME)
    for _ in range(count):
        gc(g)
    return clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME) - begin
