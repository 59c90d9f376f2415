"""MemStats: the numbers that runtime.ReadMemStats fills in, at the places where Go's struct has them.

    sys      = heap_sys + stack_sys + mspan_sys + mcache_sys + buck_hash_sys + gc_sys + other_sys
    heap_sys = heap_idle + heap_inuse           heap_idle >= heap_released
    heap_objects = mallocs - frees              alloc = heap_alloc

Every byte that the kernel may have to back is in sys once. Most are counted where they are taken (os_memory.py); five
are not, and are added here:

    the Runtime struct                    it holds the counts
    a shadow stack                        address space: its part in use, as Go counts a goroutine's stack by its size
    arenas' tables over the window        address space: the part that pages of arenas have
    the twins of their mark lines         the same, once there is a second marker (mark_team.py)
    buffers of standard output and error  mapped before anybody counts

Not in sys are addresses alone (reserved arenas and summaries, the arena table, the rest of those above), the stacks of
the host's threads, and machine code; nor does Go count their like.

Owner: the caller's memory. Go: runtime/mstats.go.                                          Next: gctrace.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.arenas import ArenaMap, is_in_window, next_span
from runtime.heap import PAUSES, Runtime
from runtime.layout import INLINE_HALF, PAGE_SHIFT, PAGES_PER_ARENA, PHYS_PAGE_SIZE, align_up
from runtime.lock import lock, unlock
from runtime.mark_team import MarkTeam
from runtime.mcache import release_all
from runtime.mheap import flush_caches
from runtime.mspan import MSpan
from runtime.output import TEXT_BUFFER_BYTES, Output
from runtime.p import P_IDLE, HeapStats, P
from runtime.proc import G
from runtime.size_classes import CLASS_TO_SIZE, NUM_SIZE_CLASSES
from runtime.syspy import Array, Inline, Struct, f64, is_nil, nil, sizeof, struct, u8, u32, u64
from runtime.world import World, start_the_world, stop_the_world

BY_SIZE = 61  # size classes that the struct has room for, class 0 among them


@struct
class SizeStats(Struct):
    """One size class."""

    size: u32  # bytes per slot
    mallocs: u64  # slots handed out
    frees: u64  # slots freed


@struct
class MemStats(Struct):
    """runtime.MemStats. Bytes, unless a field says otherwise."""

    alloc: u64  # of objects not freed yet
    total_alloc: u64  # of all objects ever
    sys: u64  # taken from the system
    lookups: u64  # always 0
    mallocs: u64  # objects allocated
    frees: u64  # objects freed
    heap_alloc: u64  # of objects not freed yet
    heap_sys: u64  # of the heap's pages
    heap_idle: u64  # of those without a span
    heap_inuse: u64  # of those in spans
    heap_released: u64  # of the idle ones, those that the kernel does not back
    heap_objects: u64  # objects not freed yet
    stack_inuse: u64  # of stacks
    stack_sys: u64  # the same
    mspan_inuse: u64  # of MSpans in use
    mspan_sys: u64  # of memory for MSpans
    mcache_inuse: u64  # of Ps
    mcache_sys: u64  # the same
    buck_hash_sys: u64  # of the memory profile
    gc_sys: u64  # of the collector's and the page allocator's metadata
    other_sys: u64  # of the rest
    next_gc: u64  # the goal: bytes of heap objects by which the next collection should be over
    last_gc: u64  # when the last collection ended: nanoseconds since 1970
    pause_total_ns: u64  # nanoseconds
    pause_ns: Annotated[Array[u64], PAUSES]  # nanoseconds; the last at (num_gc + 255) % 256
    pause_end: Annotated[Array[u64], PAUSES]  # nanoseconds since 1970
    num_gc: u32  # collections
    num_forced_gc: u32  # collections that the program asked for
    gc_cpu_fraction: f64  # share of the program's time spent collecting, up to the end of the last collection
    enable_gc: u8  # always 1
    debug_gc: u8  # always 0
    by_size: Annotated[Array[Inline[SizeStats]], BY_SIZE]  # by size class


def read_mem_stats(g: G, m: MemStats) -> None:
    """runtime.ReadMemStats."""
    runtime = g.runtime
    stop_the_world(g.p)
    read_stopped(runtime, m)
    start_the_world(g.p)


def read_stopped(runtime: Runtime, m: MemStats) -> None:
    """The same, while the world is stopped."""
    flush_all(runtime)
    read_objects(runtime.heap.stats, m)
    read_memory(runtime, m)
    read_cycles(runtime, m)


def flush_all(runtime: Runtime) -> None:
    """All Ps give their spans back, and their counts; idle ones their pages as well. The world is stopped."""
    p = runtime.world.ps
    while not is_nil(p):
        release_all(runtime.heap, p)
        if p.status == P_IDLE:
            flush_caches(runtime.heap, p)
        p = p.next


def read_objects(stats: HeapStats, m: MemStats) -> None:
    """What was allocated and freed."""
    m.mallocs = stats.large_alloc_count + stats.tiny_alloc_count
    m.frees = stats.large_free_count + stats.tiny_alloc_count
    m.total_alloc = stats.large_alloc_bytes
    freed = stats.large_free_bytes
    for size_class in range(NUM_SIZE_CLASSES):
        size = u64(CLASS_TO_SIZE[size_class])
        mallocs = stats.small_alloc_count[size_class]
        frees = stats.small_free_count[size_class]
        m.mallocs = m.mallocs + mallocs
        m.frees = m.frees + frees
        m.total_alloc = m.total_alloc + mallocs * size
        freed = freed + frees * size
        if size_class < BY_SIZE:
            m.by_size[size_class].size = u32(size)
            m.by_size[size_class].mallocs = mallocs
            m.by_size[size_class].frees = frees
    m.alloc = m.total_alloc - freed
    m.heap_alloc = m.alloc
    m.heap_objects = m.mallocs - m.frees
    m.lookups = 0


def read_memory(runtime: Runtime, m: MemStats) -> None:
    """What was taken from the system."""
    heap = runtime.heap
    memory = heap.memory
    lock(heap.lock)  # the background may be giving pages back, although the world is stopped
    m.heap_inuse = memory.heap_in_use.bytes
    m.heap_released = memory.heap_released.bytes
    m.heap_idle = memory.heap_free.bytes + m.heap_released
    unlock(heap.lock)
    m.heap_sys = m.heap_idle + m.heap_inuse
    m.stack_inuse = memory.stacks.bytes + stack_bytes(runtime.world)
    m.stack_sys = m.stack_inuse
    m.mspan_inuse = heap.span_cells.in_use - cached_spans(runtime.world) * sizeof(MSpan)
    m.mspan_sys = memory.m_span.bytes
    m.mcache_inuse = runtime.world.ps_count * sizeof(P)
    m.mcache_sys = memory.m_cache.bytes + sizeof(P)
    m.buck_hash_sys = memory.buck_hash.bytes
    m.gc_sys = memory.gc.bytes + window_bytes(heap.arenas, runtime.team)
    m.other_sys = memory.other.bytes + align_up(sizeof(Runtime), PHYS_PAGE_SIZE) - sizeof(P)
    m.other_sys = m.other_sys + output_bytes(runtime.g0.output)
    m.sys = m.heap_sys + m.stack_sys + m.mspan_sys + m.mcache_sys + m.buck_hash_sys + m.gc_sys + m.other_sys


def uncounted_bytes(runtime: Runtime) -> u64:
    """What is held and in no count of os_memory.py: see the header."""
    size = align_up(sizeof(Runtime), PHYS_PAGE_SIZE) + stack_bytes(runtime.world)
    return size + window_bytes(runtime.heap.arenas, runtime.team) + output_bytes(runtime.g0.output)


def stack_bytes(world: World) -> u64:
    """Bytes of all shadow stacks, as far as they are in use, in whole pages of the kernel."""
    size: u64 = 0
    g = world.gs
    while not is_nil(g):
        size = size + align_up(g.shadow_top - g.shadow_base, PHYS_PAGE_SIZE)
        g = g.next
    return size


def cached_spans(world: World) -> u64:
    """MSpans without pages that the Ps keep."""
    count: u64 = 0
    p = world.ps
    while not is_nil(p):
        count = count + p.span_count
        p = p.next
    return count


def window_bytes(arenas: ArenaMap, team: MarkTeam) -> u64:
    """Bytes of the tables over the window: two for a page of an arena, and the marks of those ever handed out.

    Where the marks have twins, those are as many.
    """
    size: u64 = 0
    sets: u64 = 1 if team.twins == 0 else 2
    arena = arenas.first
    while not is_nil(arena):
        if is_in_window(arenas, arena.start_addr):
            marks = align_up((arena.zeroed_base >> PAGE_SHIFT) * INLINE_HALF, PHYS_PAGE_SIZE)
            size = size + 2 * PAGES_PER_ARENA + sets * marks
        arena = arena.next
    return size


def scannable_bytes(arenas: ArenaMap) -> u64:
    """Bytes of the taken slots of scan classes."""
    size: u64 = 0
    span = next_span(arenas, nil(MSpan))
    while not is_nil(span):
        if span.span_class & 1 == 0:
            size = size + u64(span.alloc_count) * span.elem_size
        span = next_span(arenas, span)
    return size


def output_bytes(out: Output) -> u64:
    """Bytes of the buffers of an Output and of those behind it; 0 for nil: an embedder has none."""
    if is_nil(out):
        return 0
    size = align_up(sizeof(Output) + u64(out.capacity), PHYS_PAGE_SIZE)
    size = size + align_up(sizeof(Output) + u64(out.stderr.capacity), PHYS_PAGE_SIZE)
    size = size + align_up(sizeof(Output) + TEXT_BUFFER_BYTES, PHYS_PAGE_SIZE)
    if out.text.capacity != TEXT_BUFFER_BYTES:
        size = size + align_up(u64(out.text.capacity), PHYS_PAGE_SIZE)
    return size


def read_cycles(runtime: Runtime, m: MemStats) -> None:
    """What the collector did."""
    stats = runtime.gc
    m.next_gc = stats.heap_goal
    m.last_gc = stats.last_gc
    m.pause_total_ns = stats.pause_total_ns
    for i in range(PAUSES):
        m.pause_ns[i] = stats.pause_ns[i]
        m.pause_end[i] = stats.pause_end[i]
    m.num_gc = u32(stats.num_gc)
    m.num_forced_gc = u32(stats.num_forced_gc)
    m.gc_cpu_fraction = 0.0
    if stats.num_gc != 0:
        # As in Go, of the time up to the end of the last collection.
        m.gc_cpu_fraction = f64(stats.cpu_ns) / f64(runtime.cycle.end_ns - stats.start_ns)
    m.enable_gc = 1
    m.debug_gc = 0
