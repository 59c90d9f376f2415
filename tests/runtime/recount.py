"""Every page counted again: bit by bit, from the spans, the page caches and the page allocator's bitmaps.

    pages mapped    [ span | span |  cache  |  free  |  free, scavenged  | not grown to yet ]

Each page is one of these, and os_memory.py's counts are their sums. A page that is none is lost; a page that is two of
them is counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime import memstats
from runtime.heap import Runtime
from runtime.layout import CHUNK_PAGES, LOG_CHUNK_BYTES, PAGE_SIZE
from runtime.memstats import BY_SIZE, MemStats
from runtime.page_alloc import chunk_of
from runtime.page_cache import PageCache
from runtime.size_classes import CLASS_TO_SIZE, NUM_SIZE_CLASSES
from runtime.syspy import address
from tests.runtime.heaps import HeapUnderTest
from tests.runtime.page_heaps import number


def page_caches(state: Runtime) -> list[PageCache]:
    """The page caches of all Ps."""
    caches, p = [], state.world.ps
    while address(p) != 0:
        caches.append(p.pages)
        p = p.next
    return caches


@dataclass
class Pages:
    """What the pages of a heap are, in pages."""

    in_spans: int = 0
    cached: int = 0  # in page caches
    cached_scavenged: int = 0  # of them, scavenged ones
    free: int = 0  # free in the page allocator
    scavenged: int = 0  # of them, scavenged ones
    ahead: int = 0  # mapped, and not in the page allocator yet
    lost: int = 0  # taken in the page allocator, and nobody's
    twice: int = 0  # a span's or a cache's, and somebody else's


def bits_by_chunk(ranges: list[tuple[int, int]]) -> dict[int, int]:
    """Runs of pages, as (first page, length), as a bitmap for each chunk; a page that is in several counts once."""
    chunks: dict[int, int] = {}
    for first, npages in ranges:
        page, left = first, npages
        while left > 0:
            chunk, i = divmod(page, CHUNK_PAGES)
            n = min(left, CHUNK_PAGES - i)
            chunks[chunk] = chunks.get(chunk, 0) | (((1 << n) - 1) << i)
            page, left = page + n, left - n
    return chunks


def count_pages(heap: HeapUnderTest) -> Pages:
    """Walk over everything."""
    state, pages = heap.state, Pages()
    runs = [(span.start_addr // PAGE_SIZE, span.npages) for span in heap.spans()]
    pages.in_spans = sum(npages for _, npages in runs)
    for cache in page_caches(state):
        pages.cached += cache.cache.bit_count()
        pages.cached_scavenged += cache.scav.bit_count()
        runs += [(cache.base // PAGE_SIZE + i, 1) for i in range(64) if cache.cache >> i & 1]
    owned = bits_by_chunk(runs)
    pages.twice = pages.in_spans + pages.cached - sum(mine.bit_count() for mine in owned.values())
    ranges = heap.heap.pages.in_use
    for i in range(ranges.count):
        for chunk in range(ranges.ranges[i].base >> LOG_CHUNK_BYTES, ranges.ranges[i].limit >> LOG_CHUNK_BYTES):
            data = chunk_of(heap.heap.pages, chunk)
            taken, mine = number(data.alloc.words), owned.pop(chunk, 0)
            pages.free += CHUNK_PAGES - taken.bit_count()
            pages.scavenged += number(data.scavenged.words).bit_count()
            pages.lost += (taken & ~mine).bit_count()
            pages.twice += (mine & ~taken).bit_count()
    pages.twice += sum(mine.bit_count() for mine in owned.values())
    pages.ahead = (heap.heap.arena_ready - heap.heap.arena_next) // PAGE_SIZE
    return pages


def check_pages(heap: HeapUnderTest) -> None:
    """No page is lost or counted twice, and the counts are the sums."""
    pages, memory = count_pages(heap), heap.heap.memory
    assert (pages.lost, pages.twice) == (0, 0), pages
    assert heap.heap.pages_in_use == pages.in_spans
    assert memory.heap_in_use.bytes == pages.in_spans * PAGE_SIZE, pages
    released = pages.scavenged + pages.cached_scavenged + pages.ahead
    free = pages.free + pages.cached - pages.scavenged - pages.cached_scavenged
    assert memory.heap_released.bytes == released * PAGE_SIZE, pages
    assert memory.heap_free.bytes == free * PAGE_SIZE, pages


def read_stats(heap: HeapUnderTest) -> MemStats:
    """runtime.ReadMemStats."""
    m = MemStats()
    heap.call(memstats.read_mem_stats, heap.g, m)
    return m


def recounted_stats(heap: HeapUnderTest) -> dict[str, int]:
    """What ReadMemStats should say, from a walk over all spans; what was freed is history, as the counts have it."""
    stats, spans = heap.heap.stats, list(heap.spans())
    live = sum(span.alloc_count for span in spans)
    live_bytes = sum(span.alloc_count * span.elem_size for span in spans)
    small_frees = [stats.small_free_count[c] for c in range(NUM_SIZE_CLASSES)]
    freed = sum(n * CLASS_TO_SIZE[c] for c, n in enumerate(small_frees)) + stats.large_free_bytes
    frees = sum(small_frees) + stats.large_free_count + stats.tiny_alloc_count
    pages = count_pages(heap)
    return {
        "alloc": live_bytes,
        "heap_alloc": live_bytes,
        "total_alloc": live_bytes + freed,
        "frees": frees,
        "mallocs": live + frees,
        "heap_objects": live,
        "heap_inuse": pages.in_spans * PAGE_SIZE,
        "heap_released": (pages.scavenged + pages.cached_scavenged + pages.ahead) * PAGE_SIZE,
        "mspan_inuse": len(spans) * heap.heap.span_cells.size,
    }


def mallocs_by_size(heap: HeapUnderTest) -> list[int]:
    """Slots handed out by size class, from a walk over all spans and what was freed."""
    counts = [heap.heap.stats.small_free_count[c] for c in range(BY_SIZE)]
    for span in heap.spans():
        if 0 < span.span_class >> 1 < BY_SIZE:
            counts[span.span_class >> 1] += span.alloc_count
    return counts
