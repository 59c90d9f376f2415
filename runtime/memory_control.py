"""Memory control: what a program can say about the memory that it holds of the system.

    free_os_memory      debug.FreeOSMemory      collect, and give back all that is free
    set_memory_limit    debug.SetMemoryLimit    how much may be ready: GOMEMLIMIT

Owner: the goroutine that calls. Go: runtime/mheap.go freeOSMemory, mgcpacer.go setMemoryLimit.    Next: mem_sample.py
"""

from __future__ import annotations

from runtime.collect import gc
from runtime.cycle import flush_counts, update_goal
from runtime.heap import Runtime
from runtime.mheap import flush_caches
from runtime.proc import G
from runtime.scavenge import drop_released, scavenge_one, wake_scavenger
from runtime.scavtrace import print_forced_scav_trace
from runtime.syspy import i64, is_nil, u64
from runtime.world import safepoint, start_the_world, stop_the_world

PIECE_BYTES = 1 << 20  # to give back from one safepoint to the next: about 0.1 ms


def free_os_memory(g: G) -> None:
    """Collect, sweep, and give every free page back to the system."""
    gc(g)
    stop_the_world(g.p)
    flush_page_caches(g.runtime)
    start_the_world(g.p)
    released = scavenge_all(g)
    drop_released(g.heap.pages)
    if g.runtime.knobs.scav_trace:
        stop_the_world(g.p)
        print_forced_scav_trace(g.runtime, released)
        start_the_world(g.p)


def flush_page_caches(runtime: Runtime) -> None:
    """The page allocator has all free pages. The world is stopped."""
    p = runtime.world.ps
    while not is_nil(p):
        flush_caches(runtime.heap, p)
        p = p.next


def scavenge_all(g: G) -> u64:
    """Give every free page back, piece by piece, so that who stops the world waits for one. Returns how many bytes."""
    released: u64 = 0
    n: u64 = PIECE_BYTES
    while n != 0:
        n = scavenge_one(g.heap.pages, PIECE_BYTES, True)
        released += n
        safepoint(g.p)
    return released


def set_memory_limit(g: G, limit: i64) -> i64:
    """Let so many bytes be ready from now on; less than 0 changes nothing. Returns how many could be before."""
    runtime = g.runtime
    s = g.heap.scavenger
    stop_the_world(g.p)
    before = i64(s.memory_limit)
    if limit >= 0:
        s.memory_limit = u64(limit)
        flush_counts(runtime)
        update_goal(runtime)
        wake_scavenger(s, g.heap.memory)
    start_the_world(g.p)
    return before
