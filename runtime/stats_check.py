"""Stats check: every counter of the runtime, counted again the slow way.

    counter                                   counted again
    objects and bytes, by size class          slot by slot, over all spans in use
    pages in use, free and released           bit by bit, over all chunks and the page caches
    cells of MSpans and bitmaps               along the lists of free cells
    metadata of the collector, all the rest   piece by piece, along the structs that hold it
    collections and pauses                    the ring of pauses

    ST1  objects and bytes allocated less those freed are the taken slots
    ST2  the heap's bytes in each state are those of the pages
    ST3  a fixalloc's cells that are out, free and untouched add up to what it took
    ST4  what every struct holds of the system adds up to what is counted: for the collector, and in all
    ST5  Go's identities between the fields of MemStats hold
    ST6  the sums over collections are those of the ring, and every pause is in the histogram

Owner: the world is stopped. Go: runtime/mstats.go doubleCheckReadMemStats, export_test.go ReadMemStatsSlow.
Next: metrics.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.addr_ranges import INITIAL_CAPACITY, AddrRange
from runtime.arenas import HeapArena, next_span
from runtime.fixalloc import FixAlloc
from runtime.gc_bits import has_cell
from runtime.heap import PAUSES, Runtime
from runtime.layout import (
    CHUNK_PAGES,
    CHUNK_WORDS,
    CHUNKS_L1_COUNT,
    PAGE_SHIFT,
    PHYS_PAGE_SIZE,
    PTR_SIZE,
    align_up,
    chunk_index,
)
from runtime.lock import lock, unlock
from runtime.mark import Marker
from runtime.memstats import MemStats, cached_spans, read_stopped, uncounted_bytes
from runtime.mheap import MHeap
from runtime.mspan import MSpan, is_taken
from runtime.os_memory import check_memory_stats, sys_alloc, sys_free
from runtime.p import HeapStats, P
from runtime.page_alloc import PageAlloc, chunk_of
from runtime.page_bits import Chunks
from runtime.page_summaries import MAPPED_WORDS
from runtime.roots import GlobalRange, Roots
from runtime.size_classes import NUM_SIZE_CLASSES
from runtime.syspy import (
    Array,
    Inline,
    Struct,
    is_nil,
    load,
    nil,
    popcount64,
    sizeof,
    struct,
    throw,
    u64,
    uintptr,
)
from runtime.time_histogram import TIME_COUNTS
from runtime.work_queue import FIRST_BYTES
from runtime.workbufs import BLOCK_BYTES, MAX_MARKERS
from runtime.world import World


@struct
class Recount(Struct):
    """What has been counted again so far, and what the counters say."""

    taken: Annotated[Array[u64], NUM_SIZE_CLASSES]  # taken slots, by size class
    live_bytes: u64  # their bytes
    large_bytes: u64  # of them, those of large objects
    spans: u64  # spans in use
    span_bytes: u64  # their pages
    cells: u64  # bitmaps off the heap
    free_pages: u64  # pages that are free and backed
    released_pages: u64  # pages that are free and not backed
    stats: Inline[MemStats]  # what runtime.ReadMemStats says


def check_mem_stats(runtime: Runtime) -> None:
    """Every counter is what a recount gives. Flushes all mcaches, as ReadMemStats does."""
    heap = runtime.heap
    block = sys_alloc(heap.memory, sizeof(Recount), heap.memory.other)
    if block == 0:
        throw("out of memory")
    recount = Recount.at(block)
    lock(runtime.team.joining)  # a thread may become a marker at any time
    read_stopped(runtime, recount.stats)
    count_spans(recount, heap)
    check_objects(recount, heap.stats)
    count_caches(recount, runtime.world)
    check_pages(recount, heap)
    check_held(recount, runtime)
    check_identities(recount.stats)
    check_cycles(runtime, recount.stats)
    unlock(runtime.team.joining)
    sys_free(heap.memory, block, sizeof(Recount), heap.memory.other)


# --- Objects ---------------------------------------------------------------------------------------------------------


def count_spans(recount: Recount, heap: MHeap) -> None:
    """Count spans, and slots one by one."""
    span = next_span(heap.arenas, nil(MSpan))
    while not is_nil(span):
        recount.spans = recount.spans + 1
        recount.span_bytes = recount.span_bytes + (span.npages << PAGE_SHIFT)
        if has_cell(heap.arenas, span):
            recount.cells = recount.cells + 1
        size_class = u64(span.span_class) >> 1
        for slot in range(u64(span.nelems)):
            if is_taken(span, slot):
                recount.taken[size_class] = recount.taken[size_class] + 1
                recount.live_bytes = recount.live_bytes + span.elem_size
                if size_class == 0:
                    recount.large_bytes = recount.large_bytes + span.elem_size
        span = next_span(heap.arenas, span)


def check_objects(recount: Recount, stats: HeapStats) -> None:
    """ST1 holds."""
    m = recount.stats
    objects = recount.taken[0]
    if u64(stats.large_alloc_count - stats.large_free_count) != objects:
        throw("ST1: large objects allocated less those freed are not the ones there are", objects)
    if u64(stats.large_alloc_bytes - stats.large_free_bytes) != recount.large_bytes:
        throw("ST1: bytes of large objects do not add up", recount.large_bytes)
    for size_class in range(u64(1), u64(NUM_SIZE_CLASSES)):
        taken = recount.taken[size_class]
        if u64(stats.small_alloc_count[size_class] - stats.small_free_count[size_class]) != taken:
            throw("ST1: objects allocated less those freed are not the taken slots", size_class, taken)
        objects = objects + taken
    if m.heap_objects != objects or m.heap_alloc != recount.live_bytes:
        throw("ST1: MemStats does not say what is alive", objects, m.heap_objects, recount.live_bytes, m.heap_alloc)


# --- Pages -----------------------------------------------------------------------------------------------------------


def count_caches(recount: Recount, world: World) -> None:
    """Count the free pages that Ps keep."""
    p = world.ps
    while not is_nil(p):
        released = popcount64(p.pages.scav)
        recount.released_pages = recount.released_pages + released
        recount.free_pages = recount.free_pages + (popcount64(p.pages.cache) - released)
        p = p.next


def check_pages(recount: Recount, heap: MHeap) -> None:
    """ST2 holds."""
    count_chunks(recount, heap.pages)
    memory = heap.memory
    if heap.pages_in_use << PAGE_SHIFT != recount.span_bytes or memory.heap_in_use.bytes != recount.span_bytes:
        throw("ST2: bytes in use are not those of spans", memory.heap_in_use.bytes, recount.span_bytes)
    if memory.heap_free.bytes != recount.free_pages << PAGE_SHIFT:
        throw("ST2: free bytes are not those of free pages", memory.heap_free.bytes, recount.free_pages)
    # What was mapped for a request that was refused half-way is not in the page allocator yet.
    ahead = heap.arena_ready - heap.arena_next
    if memory.heap_released.bytes != (recount.released_pages << PAGE_SHIFT) + ahead:
        throw("ST2: released bytes are not those of pages", memory.heap_released.bytes, recount.released_pages, ahead)


def count_chunks(recount: Recount, pages: PageAlloc) -> None:
    """Count the free pages of the page allocator, backed or not."""
    for i in range(pages.in_use.count):
        in_use = pages.in_use.ranges[i]
        for chunk in range(chunk_index(in_use.base), chunk_index(in_use.limit - 1) + 1):
            data = chunk_of(pages, chunk)
            free: u64 = CHUNK_PAGES
            released: u64 = 0
            for word in range(CHUNK_WORDS):
                free = free - popcount64(data.alloc.words[word])
                released = released + popcount64(data.scavenged.words[word])
            recount.free_pages = recount.free_pages + (free - released)
            recount.released_pages = recount.released_pages + released


# --- What is held of the system --------------------------------------------------------------------------------------


def check_held(recount: Recount, runtime: Runtime) -> None:
    """ST3 and ST4 hold, and O1."""
    heap = runtime.heap
    memory = heap.memory
    check_memory_stats(memory)
    spans = recount.spans + cached_spans(runtime.world)
    if spans * sizeof(MSpan) != heap.span_cells.in_use or cell_bytes(heap.span_cells) != memory.m_span.bytes:
        throw("ST3: cells of MSpans do not add up", spans, heap.span_cells.in_use, memory.m_span.bytes)
    if (runtime.world.ps_count - 1) * sizeof(P) != memory.m_cache.bytes:
        throw("ST4: bytes of Ps do not add up", runtime.world.ps_count, memory.m_cache.bytes)
    cells = cell_bytes(heap.bit_cells)
    if recount.cells * heap.bit_cells.size != heap.bit_cells.in_use or cells % heap.bit_cells.chunk_size != 0:
        throw("ST3: cells of bitmaps do not add up", recount.cells, heap.bit_cells.in_use, cells)
    mapped = metadata_bytes(runtime)
    ranges = (2 * heap.pages.in_use.capacity - INITIAL_CAPACITY) * sizeof(AddrRange)
    counted = mapped + cells + ranges + global_nodes(runtime.roots) * sizeof(GlobalRange)
    # What the kernel refused to take back is in some count still.
    if memory.gc.bytes < counted or memory.gc.bytes > counted + memory.lost:
        throw("ST4: the collector's metadata is not what there is", memory.gc.bytes, counted)
    pages = recount.span_bytes + (recount.free_pages << PAGE_SHIFT) + memory.heap_released.bytes
    handles = runtime.roots.capacity * PTR_SIZE
    held = pages + extent_bytes(heap) + mapped + handles + sizeof(Recount) + memory.lost
    if memory.prepared + memory.ready != held:
        throw("ST4: what was taken from the system is not what there is", memory.prepared, memory.ready, held)
    check_sys(recount.stats, runtime, held)


def check_sys(m: MemStats, runtime: Runtime, held: u64) -> None:
    """ST4 holds for MemStats: with what is mapped without a count, `sys` is all there is."""
    own = uncounted_bytes(runtime)
    if m.sys != held + own:
        throw("ST4: MemStats.sys is not what is held", m.sys, held, own)


def cell_bytes(f: FixAlloc) -> u64:
    """Bytes of cells that are out, on the free list, and not handed out yet."""
    size = f.in_use + f.chunk_left
    cell = f.free_list
    while cell != 0:
        size = size + f.size
        cell = load(uintptr, cell)
    return size


def metadata_bytes(runtime: Runtime) -> u64:
    """What the collector and the page allocator have taken from the system directly."""
    heap = runtime.heap
    size: u64 = 0
    arena = heap.arenas.first
    while not is_nil(arena):
        size = size + sizeof(HeapArena)
        arena = arena.next
    for block in range(u64(CHUNKS_L1_COUNT)):
        if not is_nil(heap.pages.chunks[block]):
            size = size + sizeof(Chunks)
    for word in range(u64(MAPPED_WORDS)):
        size = size + popcount64(heap.pages.summary.mapped[word]) * PHYS_PAGE_SIZE
    size = size + marker_bytes(runtime.marker)
    for number in range(u64(1), u64(MAX_MARKERS)):
        worker = runtime.team.workers[number]
        if not is_nil(worker):
            size = size + align_up(sizeof(Marker), PHYS_PAGE_SIZE) + marker_bytes(worker)
    return size


def marker_bytes(marker: Marker) -> u64:
    """What a marker has taken for its queue and its work buffers."""
    queue = marker.queue
    grown = queue.limit - queue.base if queue.base != queue.first else u64(0)
    return FIRST_BYTES + grown + marker.share.block_count * BLOCK_BYTES


def global_nodes(roots: Roots) -> u64:
    """How many ranges of globals there are; their bytes are counted (ST4)."""
    count: u64 = 0
    size: u64 = 0
    node = roots.globals
    while not is_nil(node):
        count = count + 1
        size = size + node.size
        node = node.next
    if size != roots.globals_bytes:
        throw("ST4: bytes of globals do not add up", size, roots.globals_bytes)
    return count


def extent_bytes(heap: MHeap) -> u64:
    """What the persistent allocator has taken from the system."""
    size: u64 = 0
    extent = heap.persistent.extents
    while not is_nil(extent):
        size = size + extent.size
        extent = extent.next
    return size


# --- MemStats --------------------------------------------------------------------------------------------------------


def check_identities(m: MemStats) -> None:
    """ST5 holds."""
    meta = m.mspan_sys + m.mcache_sys + m.buck_hash_sys + m.gc_sys + m.other_sys
    if m.sys != m.heap_sys + m.stack_sys + meta:
        throw("ST5: sys is not the sum of its parts", m.sys)
    if m.heap_sys != m.heap_idle + m.heap_inuse or m.heap_released > m.heap_idle or m.alloc != m.heap_alloc:
        throw("ST5: the heap's bytes do not add up", m.heap_sys, m.heap_idle, m.heap_inuse, m.heap_released)
    if m.heap_objects != m.mallocs - m.frees or m.alloc > m.total_alloc or m.alloc > m.heap_inuse:
        throw("ST5: objects do not add up", m.heap_objects, m.mallocs, m.frees, m.alloc)
    if m.stack_inuse > m.stack_sys or m.mspan_inuse > m.mspan_sys or m.mcache_inuse > m.mcache_sys:
        throw("ST5: more is in use than was taken", m.stack_inuse, m.mspan_inuse, m.mcache_inuse)
    if m.enable_gc != 1 or m.debug_gc != 0 or m.lookups != 0:
        throw("ST5: a constant field has another value", u64(m.enable_gc), u64(m.debug_gc), m.lookups)


def check_cycles(runtime: Runtime, m: MemStats) -> None:
    """ST6 holds."""
    total: u64 = 0
    ended: u64 = 0
    for i in range(u64(PAUSES)):
        total = total + m.pause_ns[i]
        if m.pause_end[i] != 0:
            ended = ended + 1
    num_gc = runtime.gc.num_gc
    if ended != (num_gc if num_gc < PAUSES else u64(PAUSES)):
        throw("ST6: the ring has not every collection", ended, num_gc)
    if total > m.pause_total_ns or num_gc <= PAUSES and total != m.pause_total_ns:
        throw("ST6: the pauses do not add up", total, m.pause_total_ns)
    in_buckets = runtime.gc.pauses.overflow
    for i in range(u64(TIME_COUNTS)):
        in_buckets = in_buckets + runtime.gc.pauses.counts[i]
    if in_buckets != runtime.gc.pause_count or in_buckets < num_gc:
        throw("ST6: the histogram has not every pause", in_buckets, runtime.gc.pause_count, num_gc)
    if m.num_forced_gc > m.num_gc or m.last_gc != m.pause_end[(num_gc + (PAUSES - 1)) % PAUSES]:
        throw("ST6: the last collection is not the ring's", u64(m.num_forced_gc), m.last_gc)
