"""The page allocator: which pages of the address space are free, and address-ordered first fit over them.

    summaries   [ start, max, end ]   one word per 4 MiB, 32 MiB, ... 16 GiB: see page_summaries.py
    chunks      [##..#.......####]    512 pages each: alloc and scavenged bits, see page_bits.py
    in_use      the address space that grow was given; the rest has summary 0, "nothing free"
    index       how full each chunk is: see scavenge_index.py

A search reads the summaries from the root down: at each level it looks at the eight children of the entry it came
through for one that has a long enough run inside, or for neighbours that have one across their border. So it costs at
most the root level from search_addr on, four times eight words, and one bitmap. Most often it costs one bitmap alone:
that of the chunk at search_addr.

    PA1  every summary is the merge of its children, every leaf's the summary of its bitmap
    PA2  no page below search_addr is free
    PA3  search_addr is in use, or ADDRESS_LIMIT: nothing is free
    PA4  what grow gets has not been in use; what free gets was allocated
    PA5  a scavenged page is free
    PA6  a run has a page

Owner: whoever holds heap.lock. Go: runtime/mpagealloc.go.                                   Next: page_cache.py
"""

from __future__ import annotations

from runtime.addr_ranges import (
    AddrRanges,
    add_range,
    addr_ranges_init,
    check_addr_ranges,
    contains,
    find_addr_greater_equal,
)
from runtime.fixalloc import Persistent
from runtime.layout import (
    ADDRESS_LIMIT,
    CHUNK_BYTES,
    CHUNK_PAGES,
    CHUNK_WORDS,
    CHUNKS_L1_COUNT,
    CHUNKS_L2_BITS,
    CHUNKS_L2_COUNT,
    HEAP_ADDR_BITS,
    LEAF_LEVEL,
    LEVEL_BITS,
    LEVEL_LOG_PAGES,
    LEVEL_SHIFT,
    LOG_CHUNK_BYTES,
    LOG_CHUNK_PAGES,
    PAGE_SHIFT,
    PAGE_SIZE,
    PHYS_PAGES,
    SUMMARY_LEVEL_BITS,
    SUMMARY_LEVELS,
    align_down,
    chunk_base,
    chunk_index,
    chunk_page_index,
    larger,
    smaller,
)
from runtime.lock import Mutex, assert_lock_held
from runtime.os_memory import PAGE_ALLOC, MemoryStats, SysStat, sys_alloc, sys_name, unmap
from runtime.page_bits import (
    Chunks,
    PallocData,
    alloc_pages,
    clear_range,
    find,
    find1,
    popcnt_range,
    set_range,
    summarize,
    summarize_slowly,
)
from runtime.page_summaries import (
    FREE_CHUNK_SUM,
    NO_RUN,
    NOT_FOUND,
    RUN,
    Summaries,
    check_parents,
    level_of,
    map_summaries,
    propagate,
    scan_block,
    sum_max,
    summaries_close,
    summaries_init,
)
from runtime.scavenge_bits import find_scavenge_candidate
from runtime.scavenge_index import (
    ScavengeIndex,
    has_free,
    in_use_of,
    index_alloc,
    index_free,
    index_grow,
    use_of,
)
from runtime.syspy import (
    Annotated,
    Array,
    Inline,
    Struct,
    address,
    element,
    inline,
    is_nil,
    sizeof,
    struct,
    throw,
    u64,
    uintptr,
)

CHUNK_COUNT = 1 << HEAP_ADDR_BITS - LOG_CHUNK_BYTES


@struct
class PageAlloc(Struct):
    """The page allocator of one heap."""

    lock: Mutex  # heap.lock, which covers all of this
    stats: MemoryStats  # counts what is taken from the system
    stat: SysStat  # the purpose it is counted for
    search_addr: uintptr  # where a search starts: see PA2, PA3
    start: u64  # the first chunk in use
    end: u64  # one past the last chunk in use; 0: none is
    in_use: Inline[AddrRanges]  # every address that grow was given
    summary: Inline[Summaries]  # the tree over all chunks
    index: Inline[ScavengeIndex]  # which chunks have pages to give back to the system
    chunks: Annotated[Array[Chunks], CHUNKS_L1_COUNT]  # by the high bits of the chunk's number; nil: none is in use


# --- Beginning and end -----------------------------------------------------------------------------------------------


def init(pages: PageAlloc, lock: Mutex, persistent: Persistent, stats: MemoryStats, stat: SysStat) -> bool:
    """Make an all-zero PageAlloc one of no memory. False if the system refuses the address space."""
    pages.lock = lock
    pages.stats = stats
    pages.stat = stat
    pages.search_addr = ADDRESS_LIMIT
    pages.start = CHUNK_COUNT
    pages.end = 0
    pages.index.chunks = pages.chunks
    return addr_ranges_init(pages.in_use, persistent, stat) and summaries_init(pages.summary, stats, stat)


def close(pages: PageAlloc) -> None:
    """Give all metadata back to the system: the runtime ends, its structs and its counts with it."""
    summaries_close(pages.summary)
    for block in range(pages.start >> CHUNKS_L2_BITS, (pages.end + (CHUNKS_L2_COUNT - 1)) >> CHUNKS_L2_BITS):
        if not is_nil(pages.chunks[block]):
            unmap(pages.stats, address(pages.chunks[block]), sizeof(Chunks))


# --- Growth ----------------------------------------------------------------------------------------------------------


def grow(pages: PageAlloc, base: uintptr, size: u64) -> bool:
    """Add [base, base + size), whole chunks of free and scavenged pages. False if there is no memory for the metadata.

    The first chunk of the address space cannot be added: address 0 says "nothing found".
    """
    assert_lock_held(pages.lock)
    if base == 0 or size == 0 or (base | size) % CHUNK_BYTES != 0 or base + size > ADDRESS_LIMIT:
        throw("PA4: not whole chunks of the address space", base, size)
    if find_addr_greater_equal(pages.in_use, base, ADDRESS_LIMIT) < base + size:
        throw("PA4: address space that grows is in use already", base, size)
    first = chunk_index(base)
    last = chunk_index(base + size - 1)
    if not map_summaries(pages.summary, first, last) or not map_chunks(pages, first, last):
        return False
    if not add_range(pages.in_use, base, base + size):
        return False
    index_grow(pages.index, first)
    pages.start = smaller(pages.start, first)
    pages.end = larger(pages.end, last + 1)
    pages.search_addr = smaller(pages.search_addr, base)
    for chunk in range(first, last + 1):
        set_range(chunk_of(pages, chunk).scavenged, 0, CHUNK_PAGES)
    update_range(pages, first, last, FREE_CHUNK_SUM)
    return True


def map_chunks(pages: PageAlloc, first: u64, last: u64) -> bool:
    """Provide the bitmaps of the chunks first to last."""
    for block in range(first >> CHUNKS_L2_BITS, (last >> CHUNKS_L2_BITS) + 1):
        if is_nil(pages.chunks[block]):
            addr = sys_alloc(pages.stats, sizeof(Chunks), pages.stat)
            if addr == 0:
                return False
            sys_name(pages.stats, addr, sizeof(Chunks), PAGE_ALLOC)
            pages.chunks[block] = Chunks.at(addr)
    return True


# --- Access ----------------------------------------------------------------------------------------------------------


@inline
def chunk_of(pages: PageAlloc, chunk: u64) -> PallocData:
    """The bitmaps of a chunk in use."""
    return pages.chunks[chunk >> CHUNKS_L2_BITS].data[chunk % CHUNKS_L2_COUNT]


@inline
def pages_in_chunk(chunk: u64, base: uintptr, npages: u64) -> tuple[u64, u64]:
    """The part of [base, base + npages * PAGE_SIZE) that lies in a chunk: its first page and its length."""
    first_page = base >> PAGE_SHIFT
    chunk_page = chunk << LOG_CHUNK_PAGES
    low = larger(first_page, chunk_page)
    high = smaller(first_page + npages, chunk_page + CHUNK_PAGES)
    return low - chunk_page, high - low


# --- Summaries -------------------------------------------------------------------------------------------------------


def update_chunk(pages: PageAlloc, chunk: u64) -> None:
    """Bring the summaries up to date after the alloc bits of one chunk changed."""
    leaves = level_of(pages.summary, LEAF_LEVEL)
    packed = summarize(chunk_of(pages, chunk).alloc)
    if packed != leaves[chunk]:
        leaves[chunk] = packed
        propagate(pages.summary, chunk, chunk)


def update_range(pages: PageAlloc, first: u64, last: u64, between: u64) -> None:
    """The same after a run of pages from chunk first to chunk last changed; the chunks between have a known summary."""
    if first == last:
        update_chunk(pages, first)
        return
    leaves = level_of(pages.summary, LEAF_LEVEL)
    leaves[first] = summarize(chunk_of(pages, first).alloc)
    for chunk in range(first + 1, last):
        leaves[chunk] = between
    leaves[last] = summarize(chunk_of(pages, last).alloc)
    propagate(pages.summary, first, last)


# --- Search ----------------------------------------------------------------------------------------------------------


def find_run(pages: PageAlloc, npages: u64) -> tuple[uintptr, uintptr]:
    """The lowest npages free pages in a row, or 0, by the whole tree; and a search_addr that PA2 and PA3 allow."""
    block: u64 = 0  # the first entry of the block to be looked at
    lowest: uintptr = 0  # no page below is free; grows on the way down
    is_lowest = True  # the way down has led into the first entry with free pages so far
    for level in range(u64(SUMMARY_LEVELS)):
        count = u64(1) << LEVEL_BITS[level]
        search = pages.search_addr >> LEVEL_SHIFT[level]
        j = search - block if align_down(search, count) == block else u64(0)
        sums = element(level_of(pages.summary, level), block)
        found, where, first = scan_block(sums, j, count, npages, LEVEL_LOG_PAGES[level])
        if found == NO_RUN:
            if level != 0:
                throw("PA1: a summary promises pages that its children do not have", level, block, npages)
            return 0, ADDRESS_LIMIT
        if is_lowest:
            lowest = (block + first) << LEVEL_SHIFT[level]
        if found == RUN:
            addr = (block << LEVEL_SHIFT[level]) + where * PAGE_SIZE
            return addr, find_addr_greater_equal(pages.in_use, lowest, ADDRESS_LIMIT)
        is_lowest = is_lowest and first == where
        block = (block + where) << SUMMARY_LEVEL_BITS
    addr, seen = find_in_chunk(pages, block >> SUMMARY_LEVEL_BITS, npages, 0)
    return addr, find_addr_greater_equal(pages.in_use, seen if is_lowest else lowest, ADDRESS_LIMIT)


def find_in_chunk(pages: PageAlloc, chunk: u64, npages: u64, search_index: u64) -> tuple[uintptr, uintptr]:
    """npages free pages in a row of a chunk that has them, and its first free page; none is below search_index."""
    i, first = find(chunk_of(pages, chunk).alloc, npages, search_index)
    if i == NOT_FOUND:
        throw("PA1: a summary promises pages that its bitmap does not have", chunk, npages)
    return chunk_base(chunk) + i * PAGE_SIZE, chunk_base(chunk) + first * PAGE_SIZE


# --- Allocation ------------------------------------------------------------------------------------------------------


def alloc(pages: PageAlloc, npages: u64) -> tuple[uintptr, u64]:
    """Take the lowest npages pages in a row: their address, or 0 if there are none; and the scavenged bytes in them."""
    assert_lock_held(pages.lock)
    assert npages > 0, "PA6: no pages wanted"
    chunk = chunk_index(pages.search_addr)
    if chunk >= pages.end:
        return 0, 0
    if npages <= sum_max(level_of(pages.summary, LEAF_LEVEL)[chunk]):
        addr, search_addr = find_in_chunk(pages, chunk, npages, chunk_page_index(pages.search_addr))
    else:
        addr, search_addr = find_run(pages, npages)
    if addr == 0:
        if npages == 1:
            pages.search_addr = ADDRESS_LIMIT
        return 0, 0
    pages.search_addr = larger(pages.search_addr, search_addr)
    return addr, alloc_range(pages, addr, npages)


def alloc_range(pages: PageAlloc, base: uintptr, npages: u64) -> u64:
    """Take the npages free pages from base. Returns how many bytes of them were scavenged."""
    assert_lock_held(pages.lock)
    first = chunk_index(base)
    last = chunk_index(base + (npages * PAGE_SIZE - 1))
    scavenged: u64 = 0
    for chunk in range(first, last + 1):
        i, n = pages_in_chunk(chunk, base, npages)
        scavenged += alloc_pages(chunk_of(pages, chunk), i, n)
        index_alloc(pages.index, chunk, n)
    update_range(pages, first, last, 0)
    return scavenged * PAGE_SIZE


def free(pages: PageAlloc, base: uintptr, npages: u64) -> None:
    """Give npages allocated pages back."""
    assert_lock_held(pages.lock)
    pages.search_addr = smaller(pages.search_addr, base)
    first = chunk_index(base)
    last = chunk_index(base + (npages * PAGE_SIZE - 1))
    for chunk in range(first, last + 1):
        i, n = pages_in_chunk(chunk, base, npages)
        bits = chunk_of(pages, chunk).alloc
        assert popcnt_range(bits, i, n) == n, "PA4: pages are freed that were not allocated"
        clear_range(bits, i, n)
        index_free(pages.index, chunk, i + n - 1, n)
    update_range(pages, first, last, FREE_CHUNK_SUM)


# --- Check -----------------------------------------------------------------------------------------------------------


def check_page_alloc(pages: PageAlloc) -> None:
    """PA1 to PA5 and the scavenge index, by a walk over all chunks in use."""
    check_addr_ranges(pages.in_use)
    if pages.search_addr != ADDRESS_LIMIT and not contains(pages.in_use, pages.search_addr):
        throw("PA3: search_addr is not in use", pages.search_addr)
    for i in range(pages.in_use.count):
        in_use = pages.in_use.ranges[i]
        for chunk in range(chunk_index(in_use.base), chunk_index(in_use.limit - 1) + 1):
            check_chunk(pages, chunk)


def check_chunk(pages: PageAlloc, chunk: u64) -> None:
    """PA1, PA2 and PA5 of one chunk, and PA1 of the summaries above it."""
    data = chunk_of(pages, chunk)
    packed = summarize_slowly(data.alloc)
    if level_of(pages.summary, LEAF_LEVEL)[chunk] != packed:
        throw("PA1: a leaf is not its bitmap's summary", chunk, level_of(pages.summary, LEAF_LEVEL)[chunk], packed)
    for word in range(CHUNK_WORDS):
        if data.alloc.words[word] & data.scavenged.words[word] != 0:
            throw("PA5: an allocated page is scavenged", chunk, word)
    if chunk_base(chunk) < pages.search_addr and sum_max(packed) != 0:
        i = find1(data.alloc, 0)
        if chunk_base(chunk) + i * PAGE_SIZE < pages.search_addr:
            throw("PA2: a page below search_addr is free", chunk, i, pages.search_addr)
    level = check_parents(pages.summary, chunk_base(chunk))
    if level != NOT_FOUND:
        throw("PA1: a summary is not the merge of its children", level, chunk)
    check_use(pages, chunk)


def check_use(pages: PageAlloc, chunk: u64) -> None:
    """SI1 and SI2 of one chunk."""
    data = chunk_of(pages, chunk)
    word = use_of(pages.index, chunk)
    taken = popcnt_range(data.alloc, 0, CHUNK_PAGES)
    if in_use_of(word) != taken:
        throw("SI1: the scavenge index miscounts the pages of a chunk", chunk, in_use_of(word), taken)
    page, n = find_scavenge_candidate(data, CHUNK_PAGES - 1, PHYS_PAGES, CHUNK_PAGES, 0)
    if n != 0 and not has_free(word):
        throw("SI2: the scavenge index forgets pages that can be released", chunk, page, n)
    if n != 0 and pages.index.search_force < chunk_base(chunk) + (page + n - 1) * PAGE_SIZE:
        throw("SI2: pages that can be released are above the cursor", chunk, page, n)
