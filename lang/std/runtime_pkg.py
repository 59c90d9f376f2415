"""Package runtime: GC, ReadMemStats, GOMAXPROCS, NumCPU, finalizers and cleanups, as programs call them.

Owner: the goroutine that calls. Go: runtime/mgc.go GC, mstats.go, debug.go.           Next: debug_pkg.py
"""

from __future__ import annotations

from runtime import memstats
from runtime.collect import gc
from runtime.finalizers import (
    NO_CLEANUP,
    NO_OBJECT,
    NOT_AT_START,
    add_cleanup,
    finalizer_place,
    remove_finalizer,
    set_finalizer,
    stop_cleanup,
)
from runtime.memstats import MemStats
from runtime.panics import UNKNOWN_POSITION, panic_nil
from runtime.proc import G
from runtime.settings import set_max_procs
from runtime.specials import ALREADY_SET
from runtime.syspy import i64, inline, is_nil, throw, u64, uintptr

__all__ = [
    "MemStats",
    "add_cleanup_of",
    "clear_finalizer",
    "keep_alive",
    "num_cpu",
    "read_mem_stats",
    "runtime_gc",
    "set_finalizer_of",
    "set_max_procs",
    "stop_cleanup_of",
]


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


# --- Finalizers and cleanups -----------------------------------------------------------------------------------------


def set_finalizer_of(g: G, p: uintptr, fn: u64, is_tiny: bool) -> None:
    """runtime.SetFinalizer: fn is the number of the program's call. What Go throws at is fatal."""
    throw_if_refused(set_finalizer(g, p, fn, is_tiny))


def clear_finalizer(g: G, p: uintptr, is_tiny: bool) -> None:
    """runtime.SetFinalizer(p, nil)."""
    throw_if_refused(finalizer_place(g, p, is_tiny))
    remove_finalizer(g, p)


def throw_if_refused(outcome: u64) -> None:
    """Say why there can be no finalizer, in Go's words."""
    if outcome == ALREADY_SET:
        throw("runtime.SetFinalizer: finalizer already set")
    if outcome == NOT_AT_START:
        throw("runtime.SetFinalizer: pointer not at beginning of allocated block")
    if outcome == NO_OBJECT:
        throw("runtime.SetFinalizer: pointer not in allocated block")


def add_cleanup_of(g: G, p: uintptr, fn: u64, box: uintptr) -> u64:
    """runtime.AddCleanup: fn is the number of the program's call, box holds the argument. The cleanup's number."""
    number = add_cleanup(g, p, fn, box)
    if number == NO_CLEANUP:
        throw("runtime.AddCleanup: ptr not in allocated block")
    return number


def stop_cleanup_of(g: G, p: uintptr, number: u64) -> None:
    """Cleanup.Stop."""
    stop_cleanup(g, p, number)


@inline
def keep_alive(addr: uintptr) -> None:
    """runtime.KeepAlive: to be given a word is enough."""
