"""Layout: the sizes that the heap's address space is cut by, and the step from an address to its arena, chunk and page.

    48-bit address space
      |-- 64 MiB heap arena -- ... 2**22 of them
            |-- 4 MiB chunk -- 16 in an arena, 2**26 in all; one alloc bitmap and one scavenged bitmap each
                  |-- 8 KiB page -- 512 in a chunk

    radix tree over the chunks, one 8-byte summary per entry

      level   entries        an entry spans     index = address >>
        0     2**14          16 GiB             34
        1     2**17           2 GiB             31
        2     2**20         256 MiB             28
        3     2**23          32 MiB             25
        4     2**26           4 MiB: one chunk  22

An address is its own position in the address space. Go shifts addresses by 2**47 on amd64, so that the upper canonical
half has indices too; Linux hands a process nothing up there, so here no index needs that subtraction, and every
comparison of two addresses is the plain one.

    LY1  SUMMARY_L0_BITS + 4 * SUMMARY_LEVEL_BITS + LOG_CHUNK_BYTES == HEAP_ADDR_BITS
    LY2  a summary field holds the pages of a level-0 entry: LOG_MAX_PACKED_VALUE == LEVEL_LOG_PAGES[0]
    LY3  a chunk belongs to one arena: HEAP_ARENA_BYTES % CHUNK_BYTES == 0

Owner: nobody; constants. Go: runtime/malloc.go, mpagealloc.go, mpagealloc_64bit.go.        Next: size_classes.py
"""

from __future__ import annotations

import mmap

from runtime.syspy import inline, table, u64

PTR_SIZE = 8  # bytes in a pointer
LOG_PTR_SIZE = 3

CACHE_LINE = 64  # bytes that processors take from one another at a time
PHYS_PAGE_SIZE = mmap.PAGESIZE  # bytes in a page of the kernel

PAGE_SHIFT = 13
PAGE_SIZE = 1 << PAGE_SHIFT  # bytes in a page of the heap
PAGE_MASK = PAGE_SIZE - 1

PHYS_PAGES = max(1, PHYS_PAGE_SIZE // PAGE_SIZE)  # pages in the least run that the kernel can be given back
HUGE_PAGE_SIZE = PHYS_PAGE_SIZE // PTR_SIZE * PHYS_PAGE_SIZE  # bytes under one last-level page table: a huge page
HUGE_PAGE_PAGES = HUGE_PAGE_SIZE // PAGE_SIZE

HEAP_ADDR_BITS = 48
ADDRESS_LIMIT = 1 << HEAP_ADDR_BITS  # one past the last address that the heap can hold

# --- Objects ---------------------------------------------------------------------------------------------------------

TINY_SIZE = 16  # bytes in a block of the tiny allocator
MAX_SMALL_SIZE = 32768  # bytes in a slot of the largest size class
MALLOC_HEADER_SIZE = 8  # bytes before an object whose type stands in front of it
MAX_BITMAP_SIZE = PTR_SIZE * 64  # slots up to this many bytes have their pointer bits at the span's end

INLINE_BITS_MIN_SIZE = 16  # spans of one page with slots from this many bytes ...
INLINE_BITS_MAX_SIZE = MAX_BITMAP_SIZE  # ... up to this many keep their alloc bits in the page
INLINE_BITS_BYTES = 128  # kept free for bits at the page's end, as in Go, so that spans have as many slots as Go's
INLINE_HALF = INLINE_BITS_BYTES // 2  # a bit for each slot of the smallest size: all that is used of them

# --- Heap arenas -----------------------------------------------------------------------------------------------------

LOG_HEAP_ARENA_BYTES = 26
HEAP_ARENA_BYTES = 1 << LOG_HEAP_ARENA_BYTES
PAGES_PER_ARENA = HEAP_ARENA_BYTES // PAGE_SIZE
ARENA_BITS = HEAP_ADDR_BITS - LOG_HEAP_ARENA_BYTES
ARENA_COUNT = 1 << ARENA_BITS  # entries of the map from arena index to arena

# --- Chunks of the page allocator ------------------------------------------------------------------------------------

LOG_CHUNK_PAGES = 9
CHUNK_PAGES = 1 << LOG_CHUNK_PAGES
LOG_CHUNK_BYTES = LOG_CHUNK_PAGES + PAGE_SHIFT
CHUNK_BYTES = 1 << LOG_CHUNK_BYTES
CHUNK_WORDS = CHUNK_PAGES // 64  # words in a bitmap with one bit per page

CHUNKS_L1_BITS = 13  # a two-level table finds the bitmaps of a chunk
CHUNKS_L2_BITS = HEAP_ADDR_BITS - LOG_CHUNK_BYTES - CHUNKS_L1_BITS
CHUNKS_L1_COUNT = 1 << CHUNKS_L1_BITS
CHUNKS_L2_COUNT = 1 << CHUNKS_L2_BITS

# --- The radix tree over the chunks ----------------------------------------------------------------------------------

SUMMARY_LEVELS = 5
LEAF_LEVEL = SUMMARY_LEVELS - 1
SUMMARY_BYTES = 8
SUMMARY_LEVEL_BITS = 3  # eight children: the summaries of one parent's children fill 64 bytes
SUMMARY_L0_BITS = HEAP_ADDR_BITS - LOG_CHUNK_BYTES - (SUMMARY_LEVELS - 1) * SUMMARY_LEVEL_BITS
LOG_MAX_PACKED_VALUE = LOG_CHUNK_PAGES + (SUMMARY_LEVELS - 1) * SUMMARY_LEVEL_BITS
MAX_PACKED_VALUE = 1 << LOG_MAX_PACKED_VALUE  # pages in a level-0 entry

_BITS = [SUMMARY_L0_BITS] + [SUMMARY_LEVEL_BITS] * (SUMMARY_LEVELS - 1)
_SHIFTS = [HEAP_ADDR_BITS - sum(_BITS[: level + 1]) for level in range(SUMMARY_LEVELS)]

LEVEL_BITS = table(u64, _BITS)  # log2 of the children that one entry of the level above has
LEVEL_SHIFT = table(u64, _SHIFTS)  # address >> LEVEL_SHIFT[level] is an index into the level
LEVEL_LOG_PAGES = table(u64, [shift - PAGE_SHIFT for shift in _SHIFTS])  # log2 of the pages under one entry

# --- Caches and off-heap chunks --------------------------------------------------------------------------------------

PAGE_CACHE_PAGES = 64  # pages in a P's page cache: the bits of one word
FIXALLOC_CHUNK = 16 << 10  # bytes that a fixalloc asks for at a time
PERSISTENT_CHUNK = 256 << 10  # bytes that the persistent allocator asks for at a time
PERSISTENT_MAX_BLOCK = 64 << 10  # requests from here on go to the system one by one

assert SUMMARY_L0_BITS + (SUMMARY_LEVELS - 1) * SUMMARY_LEVEL_BITS + LOG_CHUNK_BYTES == HEAP_ADDR_BITS, (
    "LY1: the levels of the tree do not cover the address space"
)
assert _SHIFTS[0] - PAGE_SHIFT == LOG_MAX_PACKED_VALUE, "LY2: a summary does not hold a level-0 entry"
assert HEAP_ARENA_BYTES % CHUNK_BYTES == 0, "LY3: a chunk lies in two arenas"


@inline
def larger(a: u64, b: u64) -> u64:
    """The larger of two."""
    return a if a > b else b


@inline
def smaller(a: u64, b: u64) -> u64:
    """The smaller of two."""
    return a if a < b else b


@inline
def align_up(n: u64, align: u64) -> u64:
    """The least multiple of align, a power of two, that is not below n."""
    return u64(n + align - 1) & u64(0 - align)


@inline
def align_down(n: u64, align: u64) -> u64:
    """The greatest multiple of align, a power of two, that is not above n."""
    return n & u64(0 - align)


@inline
def chunk_index(addr: u64) -> u64:
    """The chunk that an address lies in."""
    return addr >> LOG_CHUNK_BYTES


@inline
def chunk_base(chunk: u64) -> u64:
    """The first address of a chunk."""
    return chunk << LOG_CHUNK_BYTES


@inline
def chunk_page_index(addr: u64) -> u64:
    """The page that an address lies in, counted from the start of its chunk."""
    return (addr >> PAGE_SHIFT) & (CHUNK_PAGES - 1)


@inline
def arena_index(addr: u64) -> u64:
    """The heap arena that an address lies in."""
    return addr >> LOG_HEAP_ARENA_BYTES
