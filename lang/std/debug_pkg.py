"""Package runtime/debug: SetGCPercent, SetMemoryLimit, FreeOSMemory and ReadGCStats, as programs call them.

    ReadGCStats    s.Pause          | latest | the one before | ...            up to 256, with room for 515
                   s.PauseEnd       | when it ended | ...                      as many, with room for 256
                   s.PauseQuantiles   least, ..., half, ..., longest           as many as the program made room for

GCStats lies in memory as Go's does.

Owner: the goroutine that calls. Go: runtime/debug/garbage.go.                         Next: lang/flow.py
"""

from __future__ import annotations

from lang.std.time_pkg import Time, set_unix
from runtime.heap import PAUSES, GCStats
from runtime.malloc import mallocgc
from runtime.memory_control import free_os_memory, set_memory_limit
from runtime.panics import UNKNOWN_POSITION, panic_nil
from runtime.proc import G
from runtime.settings import set_gc_percent
from runtime.syspy import (
    Array,
    Inline,
    Struct,
    address,
    array_at,
    element,
    i64,
    is_nil,
    memset,
    nil,
    sizeof,
    store,
    struct,
    u64,
    uintptr,
)
from runtime.types import Slice, Type
from runtime.write_barrier import keep_old

__all__ = ["DebugGCStats", "free_os_memory", "read_gc_stats", "set_gc_percent", "set_memory_limit"]

ROOM = 2 * PAUSES + 3  # durations that Go makes room for in Pause
DURATION_BYTES = 8
POINTER_BYTES = 8  # of a slot of the shadow stack


@struct
class DebugGCStats(Struct):
    """debug.GCStats."""

    last_gc: Inline[Time]  # when the last collection ended
    num_gc: i64  # collections
    pause_total: i64  # nanoseconds in all pauses
    pause: Inline[Slice]  # of nanoseconds, the latest first
    pause_end: Inline[Slice]  # of Times, the latest first
    pause_quantiles: Inline[Slice]  # of nanoseconds, in equal steps from the least to the longest


def read_gc_stats(g: G, stats: DebugGCStats) -> None:
    """debug.ReadGCStats: `stats` is the program's struct."""
    if is_nil(stats):
        panic_nil(UNKNOWN_POSITION)
    make_room(g, stats)
    done = g.runtime.gc
    n = done.num_gc if done.num_gc < PAUSES else u64(PAUSES)
    stats.num_gc = i64(done.num_gc)
    stats.pause_total = i64(done.pause_total_ns)
    set_unix(stats.last_gc, done.last_gc)
    stats.pause.length = i64(n)
    stats.pause_end.length = i64(n)
    copy_ends(done, array_at(Inline[Time], stats.pause_end.data), n)
    pauses = array_at(u64, stats.pause.data)
    copy_pauses(done, pauses, n)
    quantiles = stats.pause_quantiles
    if quantiles.length > 0:
        sorted_pauses = element(pauses, n)
        copy_pauses(done, sorted_pauses, n)
        sort_pauses(sorted_pauses, n)
        find_quantiles(array_at(u64, quantiles.data), u64(quantiles.length), sorted_pauses, n)


def make_room(g: G, stats: DebugGCStats) -> None:
    """Memory for what the program has made no room for. The Times have no pointers."""
    store(uintptr, g.shadow_top, address(stats))  # a root while memory is allocated
    g.shadow_top = g.shadow_top + POINTER_BYTES
    if stats.pause.capacity < ROOM:
        room = mallocgc(g, ROOM * DURATION_BYTES, nil(Type), True)
        keep_old(g, stats.pause.data)
        stats.pause.data = room
        stats.pause.capacity = ROOM
    if stats.pause_end.capacity < PAUSES:
        room = mallocgc(g, PAUSES * sizeof(Time), nil(Type), True)
        keep_old(g, stats.pause_end.data)
        stats.pause_end.data = room
        stats.pause_end.capacity = PAUSES
    g.shadow_top = g.shadow_top - POINTER_BYTES


def copy_ends(done: GCStats, ends: Array[Inline[Time]], n: u64) -> None:
    """When the last n pauses ended, the latest first."""
    for i in range(n):
        set_unix(ends[i], done.pause_end[(done.num_gc - 1 - i) % PAUSES])


def copy_pauses(done: GCStats, pauses: Array[u64], n: u64) -> None:
    """The last n pauses, the latest first."""
    for i in range(n):
        pauses[i] = done.pause_ns[(done.num_gc - 1 - i) % PAUSES]


def sort_pauses(pauses: Array[u64], n: u64) -> None:
    """Put so many pauses in order, the least first."""
    for end in range(u64(1), n):
        pause = pauses[end]
        at = end
        while at > 0 and pauses[at - 1] > pause:
            pauses[at] = pauses[at - 1]
            at = at - 1
        pauses[at] = pause


def find_quantiles(quantiles: Array[u64], count: u64, pauses: Array[u64], n: u64) -> None:
    """What lies at equal steps of n pauses in order, the least and the longest included; zeros if there is none."""
    if n == 0:
        memset(address(quantiles), 0, count * DURATION_BYTES)
        return
    last = count - 1
    for i in range(last):
        quantiles[i] = pauses[n * i // last]
    quantiles[last] = pauses[n - 1]
