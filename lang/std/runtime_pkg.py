"""Package runtime: GC, ReadMemStats, GOMAXPROCS and NumCPU, as programs call them.

Owner: the goroutine that calls. Go: runtime/mgc.go GC, mstats.go, debug.go.           Next: debug_pkg.py
"""

from __future__ import annotations

from runtime import memstats
from runtime.cycle import gc
from runtime.memstats import MemStats
from runtime.panics import UNKNOWN_POSITION, panic_nil
from runtime.proc import G
from runtime.settings import set_max_procs
from runtime.syspy import i64, is_nil

__all__ = ["MemStats", "num_cpu", "read_mem_stats", "runtime_gc", "set_max_procs"]


def runtime_gc(g: G) -> None:
    """runtime.GC: a collection, finished when it returns."""
    gc(g)


def read_mem_stats(g: G, stats: MemStats) -> None:
    """runtime.ReadMemStats: `stats` is the program's struct, laid out as Go's."""
    if is_nil(stats):
        panic_nil(UNKNOWN_POSITION)
    memstats.read_mem_stats(g, stats)


def num_cpu(g: G) -> i64:
    """runtime.NumCPU: processors that the process could use when it started."""
    return g.runtime.knobs.processors
