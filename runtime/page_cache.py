"""The page cache: 64 pages in a row, of which a P hands out the free ones without a lock.

    base            base + 64 pages
    |...............................|
    cache  0011100000000000001111...    1: free, and this cache's
    scav   0010000000000000000011...    1: so, and the kernel does not back it

To the page allocator the pages of a cache are taken, all of them; flush gives back those that are free still.

    CA1  scav is part of cache
    CA2  the pages of cache are allocated in the page allocator, and not scavenged there

Owner: one P; filling and flushing under heap.lock. Go: runtime/mpagecache.go.                   Next: mspan.py
"""

from __future__ import annotations

from runtime.layout import (
    ADDRESS_LIMIT,
    LEAF_LEVEL,
    PAGE_CACHE_PAGES,
    PAGE_SIZE,
    chunk_base,
    chunk_index,
    chunk_page_index,
    smaller,
)
from runtime.lock import assert_lock_held
from runtime.page_alloc import PageAlloc, chunk_of, find_in_chunk, find_run, update_chunk
from runtime.page_bits import find_bit_range64, ones
from runtime.page_summaries import level_of
from runtime.scavenge_index import index_alloc, index_free
from runtime.syspy import Struct, clz64, ctz64, popcount64, struct, u64, uintptr


@struct
class PageCache(Struct):
    """Up to 64 free pages."""

    base: uintptr  # the first page; a multiple of 64 pages
    cache: u64  # bit i: page i is free
    scav: u64  # bit i: page i is free and scavenged


def cache_alloc(c: PageCache, npages: u64) -> tuple[uintptr, u64]:
    """Take npages pages in a row: their address, or 0 if there are none; and how many bytes of them were scavenged."""
    if c.cache == 0 or npages > PAGE_CACHE_PAGES:
        return 0, 0
    i = ctz64(c.cache) if npages == 1 else find_bit_range64(c.cache, npages)
    if i >= PAGE_CACHE_PAGES:
        return 0, 0
    mask = ones(npages) << i
    scavenged = popcount64(c.scav & mask) * PAGE_SIZE
    c.cache &= u64(~mask)
    c.scav &= u64(~mask)
    return c.base + i * PAGE_SIZE, scavenged


def alloc_to_cache(pages: PageAlloc, c: PageCache) -> bool:
    """Fill an empty cache with the free pages of the 64 around the lowest one. False if none is free."""
    assert_lock_held(pages.lock)
    assert c.cache == 0, "CA2: a cache that has pages is filled"
    chunk = chunk_index(pages.search_addr)
    if chunk >= pages.end:
        return False
    if level_of(pages.summary, LEAF_LEVEL)[chunk] != 0:
        addr, _ = find_in_chunk(pages, chunk, 1, chunk_page_index(pages.search_addr))
    else:
        addr, _ = find_run(pages, 1)
    if addr == 0:
        pages.search_addr = ADDRESS_LIMIT
        return False
    take_block(pages, c, chunk_index(addr), chunk_page_index(addr) // PAGE_CACHE_PAGES)
    # The last page, not the one after it: that may not be in use (PA3).
    pages.search_addr = c.base + (PAGE_CACHE_PAGES - 1) * PAGE_SIZE
    return True


def take_block(pages: PageAlloc, c: PageCache, chunk: u64, word: u64) -> None:
    """Move the free pages of one word of a chunk's bitmap to the cache."""
    data = chunk_of(pages, chunk)
    c.base = chunk_base(chunk) + word * (PAGE_CACHE_PAGES * PAGE_SIZE)
    c.cache = u64(~data.alloc.words[word])
    c.scav = data.scavenged.words[word] & c.cache
    data.alloc.words[word] |= c.cache
    data.scavenged.words[word] &= u64(~c.scav)
    index_alloc(pages.index, chunk, popcount64(c.cache))
    update_chunk(pages, chunk)


def cache_flush(c: PageCache, pages: PageAlloc) -> None:
    """Give the pages that are left back to the page allocator."""
    assert_lock_held(pages.lock)
    assert c.scav & ~c.cache == 0, "CA1: a page is scavenged that the cache does not have"
    if c.cache != 0:
        chunk = chunk_index(c.base)
        first = chunk_page_index(c.base)
        data = chunk_of(pages, chunk)
        data.alloc.words[first // PAGE_CACHE_PAGES] &= u64(~c.cache)
        data.scavenged.words[first // PAGE_CACHE_PAGES] |= c.scav
        index_free(pages.index, chunk, first + 63 - clz64(c.cache), popcount64(c.cache))
        pages.search_addr = smaller(pages.search_addr, c.base)
        update_chunk(pages, chunk)
    c.base = 0
    c.cache = 0
    c.scav = 0
