"""Memory control: what a program can say about the memory that it holds of the system.

    free_os_memory      debug.FreeOSMemory      collect, and give back all that is free
    set_memory_limit    debug.SetMemoryLimit    how much may be ready: GOMEMLIMIT

Owner: the goroutine that calls. Go: runtime/mheap.go freeOSMemory, mgcpacer.go setMemoryLimit.    Next: malloc.py
"""

from __future__ import annotations

from runtime.cycle import gc, update_goal
from runtime.lock import lock, unlock
from runtime.page_bits import ALL_ONES
from runtime.page_cache import cache_flush
from runtime.proc import G
from runtime.scavenge import scavenge
from runtime.scavtrace import print_forced_scav_trace
from runtime.syspy import i64, u64


def free_os_memory(g: G) -> None:
    """Collect, sweep, and give every free page back to the system."""
    heap = g.heap
    gc(g)
    lock(heap.lock)
    cache_flush(g.m_cache.pages, heap.pages)
    unlock(heap.lock)
    released = scavenge(heap.pages, ALL_ONES, True)
    if g.runtime.knobs.scav_trace:
        print_forced_scav_trace(g.runtime, released)


def set_memory_limit(g: G, limit: i64) -> i64:
    """Let so many bytes be ready from now on; less than 0 changes nothing. Returns how many could be before."""
    s = g.heap.scavenger
    before = i64(s.memory_limit)
    if limit >= 0:
        s.memory_limit = u64(limit)
        update_goal(g.runtime, g.shadow_top - g.shadow_base)
    return before
