"""MCache: what a P allocates from without a lock: a span of each class, and of each the run that is being handed out.

    alloc[spc]   MSpan   |#####|-------run-------|##|...|#|.....|       # taken  . free
                               ^next      ^limit
    run_next                 -->|=========|                             the next slot, the end of the free ones in a row

Handing out a slot is moving run_next. That is one load, a comparison, an addition and a store; the slots of a run
were taken from the span all at once (mspan.py), with the zeroing and the pointer bits of all of them. Go keeps no
run: each allocation searches alloc_cache, and writes free_index, alloc_count and alloc_cache back.

The tiny allocator packs objects of less than 16 bytes without pointers into one slot of 16 bytes, in the same way:
tiny_next and tiny_limit are the rest of its block.

    MC1  an mcache's span has sweep_gen h + 3, or h + 1 between the start of a collection's sweep and the flush after it
    MC2  run_next <= run_limit; the slots between them are taken in the span, and nobody's
    MC3  run_limit is the address of the span's free_index, unless the run is empty

Owner: the P. Go: runtime/mcache.go.                                                            Next: proc.py
"""

from __future__ import annotations

from runtime.central_sets import place_span
from runtime.heap_bits import set_pointer_bits
from runtime.layout import INLINE_BITS_MIN_SIZE, PAGE_SHIFT, PAGE_SIZE, larger, smaller
from runtime.mcentral import cache_span, take_home, uncache_span
from runtime.mheap import MHeap
from runtime.mspan import MSpan, give_back_run, has_pointer_bits, refill_alloc_cache, slot_addr, slot_of, take_run
from runtime.p import MCache, P, flush_stats, next_class
from runtime.pacer import is_due
from runtime.reclaim import alloc_in_use_span
from runtime.sampler import count_back, count_slots, slots_to_take
from runtime.size_classes import NUM_SPAN_CLASSES
from runtime.sweep_pacer import deduct_sweep_credit
from runtime.syspy import atomic_add, atomic_release, inline, is_nil, memset, throw, u32, u64, unlikely

ZEROED_NOSCAN_SIZE = 1024  # bytes; larger slots without pointers are zeroed only for those who ask for it
LIVE_BATCH = 64 << 10  # bytes that a P allocates at least before it tells heap_live
MOST_LIVE_BATCH = 512 << 10  # bytes that it tells at the latest
RUN_BYTES = PAGE_SIZE  # a run is at most so long: what is zeroed should still be in the processor's cache when used


def mcache_init(cache: MCache, heap: MHeap) -> None:
    """Make an all-zero MCache one that holds nothing."""
    cache.run_bytes = RUN_BYTES
    for span_class in range(NUM_SPAN_CLASSES):
        cache.alloc[span_class] = heap.empty_span


# --- Runs ------------------------------------------------------------------------------------------------------------


@inline
def has_zeroed_runs(elem_size: u64, span_class: u64) -> bool:
    """Whether the slots of the class are zeroed when their run is opened, not one by one when they are handed out."""
    return span_class & 1 == 0 or elem_size <= ZEROED_NOSCAN_SIZE


def open_run(cache: MCache, span_class: u64) -> bool:
    """Take the next run of the class's span. False if the span is full."""
    span = cache.alloc[span_class]
    if span.nelems == 0:
        return False
    most = larger(1, cache.run_bytes // span.elem_size)
    if unlikely(cache.sampler.rate != 0):
        most = slots_to_take(cache.sampler, span_class, span.elem_size, most)
    first, end = take_run(span, most)
    if first == end:
        return False
    start = slot_addr(span, first)
    limit = slot_addr(span, end)
    if unlikely(cache.sampler.rate != 0):
        count_slots(cache.sampler, span_class, limit - start)
    if span.need_zero != 0:
        cache.slots_reused = cache.slots_reused + (end - first)
        if has_zeroed_runs(span.elem_size, span_class):
            memset(start, 0, limit - start)
        # The bits of 8-byte slots are never cleared: a scan object of one word is a pointer.
        if has_pointer_bits(span.elem_size, span_class) and span.elem_size >= INLINE_BITS_MIN_SIZE:
            set_pointer_bits(span, first, end)
    cache.run_next[span_class] = start
    cache.run_limit[span_class] = limit
    return True


def close_run(cache: MCache, span_class: u64) -> None:
    """Give what is left of the class's run back to its span."""
    span = cache.alloc[span_class]
    if cache.run_next[span_class] != cache.run_limit[span_class]:
        give_back_run(span, slot_of(span, cache.run_next[span_class]))
        if unlikely(cache.sampler.rate != 0):
            count_back(cache.sampler, span_class, cache.run_limit[span_class] - cache.run_next[span_class])
    cache.run_next[span_class] = 0
    cache.run_limit[span_class] = 0


def close_runs(cache: MCache) -> None:
    """Give all runs back, and the tiny block up: from now on the spans tell what is taken. The spans stay cached."""
    span_class = next_class(cache, 0)
    while span_class < NUM_SPAN_CLASSES:
        close_run(cache, span_class)
        span_class = next_class(cache, span_class + 1)
    cache.tiny_next = 0
    cache.tiny_limit = 0


# --- Spans -----------------------------------------------------------------------------------------------------------


def refill(heap: MHeap, p: P, span_class: u64) -> bool:
    """Exchange the class's full span for one with a free slot. False if the system refuses memory."""
    cache = p.m_cache
    old = cache.alloc[span_class]
    if old.free_index != old.nelems:
        throw("refill of span with free space remaining", old.start_addr, u64(old.free_index))
    if old.nelems != 0:
        if old.sweep_gen != u32(heap.sweep_gen + 3):
            throw("MC1: bad sweep_gen in refill", old.start_addr, u64(old.sweep_gen))
        uncache(heap, p, span_class)
    span = cache_span(heap, p, span_class)
    if is_nil(span):
        return False
    atomic_release(span, "sweep_gen", u32(heap.sweep_gen + 3))
    span.cached_count = span.alloc_count
    cache.alloc[span_class] = span
    # Count all free slots as live now, rather than each when it is handed out.
    p.live = u64(p.live + (u64(span.nelems) - u64(span.alloc_count)) * span.elem_size)
    return True


@inline
def is_collection_due(heap: MHeap, p: P, more: u64) -> bool:
    """Whether to collect before so many more bytes go live."""
    if p.live >= p.live_batch:
        flush_live(heap, p)
    return is_due(heap.heap_live, u64(p.live + more), heap.trigger)


def flush_live(heap: MHeap, p: P) -> None:
    """Tell what the P allocated, and swept for it.

    Not at every span: other Ps read these sums all the time, and each time that one adds to them the others have to
    fetch them from its processor's cache. The farther the trigger, the longer it can wait: what all Ps have not told is
    at most half of what is left, or LIVE_BATCH each.
    """
    live: u64 = atomic_add(heap, "heap_live", p.live)
    p.live = 0
    left: u64 = heap.trigger - live if heap.trigger > live else 0
    p.live_batch = larger(LIVE_BATCH, smaller(MOST_LIVE_BATCH, left // (2 * p.world.ps_count)))
    if p.pages_swept != 0:
        atomic_add(heap.sweeper, "pages_swept", p.pages_swept)
        p.pages_swept = 0


def uncache(heap: MHeap, p: P, span_class: u64) -> None:
    """Give the class's span back to its mcentral, and count what was allocated from it. Its run is closed."""
    cache = p.m_cache
    span = cache.alloc[span_class]
    stats = p.stats
    size_class = span_class >> 1
    taken = u64(span.alloc_count) - u64(span.cached_count)
    stats.small_alloc_count[size_class] = stats.small_alloc_count[size_class] + taken
    if span.sweep_gen != u32(heap.sweep_gen + 1):
        # A stale span was counted by marking already.
        p.live = u64(p.live - (u64(span.nelems) - u64(span.alloc_count)) * span.elem_size)
    cache.alloc[span_class] = heap.empty_span
    uncache_span(heap, p, span)


def release_all(heap: MHeap, p: P) -> None:
    """Give all spans back, and flush the counts. The P is the caller's, or stopped."""
    cache = p.m_cache
    close_runs(cache)
    span_class = next_class(cache, 0)
    while span_class < NUM_SPAN_CLASSES:
        if cache.alloc[span_class].nelems != 0:
            uncache(heap, p, span_class)
        span_class = next_class(cache, span_class + 1)
    p.stats.tiny_alloc_count = p.stats.tiny_alloc_count + cache.tiny_allocs
    p.stats.slots_reused = p.stats.slots_reused + cache.slots_reused
    cache.tiny_allocs = 0
    cache.slots_reused = 0
    flush_live(heap, p)
    flush_stats(heap.stats, p.stats)


def alloc_large(heap: MHeap, p: P, size: u64, span_class: u64) -> MSpan:
    """A span with one object of size bytes, not zeroed and without a type; nil if the system refuses memory."""
    npages = (size + (PAGE_SIZE - 1)) >> PAGE_SHIFT
    deduct_sweep_credit(heap, p, npages << PAGE_SHIFT, npages)
    span = alloc_in_use_span(heap, p, npages, span_class)
    if is_nil(span):
        return span
    stats = p.stats
    stats.large_alloc_count = stats.large_alloc_count + 1
    stats.large_alloc_bytes = stats.large_alloc_bytes + span.elem_size
    p.live = u64(p.live + span.elem_size)
    flush_live(heap, p)
    take_home(p, span)
    span.free_index = 1
    span.alloc_count = 1
    refill_alloc_cache(span)
    place_span(span, heap.sweep_gen)
    return span
