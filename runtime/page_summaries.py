"""Page summaries: how many free pages a stretch of address space has, and where runs of them may lie.

A summary is three counts of free pages in one word:

    |63|62       42|41       21|20        0|
    |  |    end    |    max    |   start   |      start: in a row at the low end    end: at the high end
     ^ all three are MAX_PACKED_VALUE             max: the longest row anywhere

That is enough to merge neighbours, and to know whether a run of n pages lies inside a stretch, or across its border
with the next. They form a tree of five levels; 0 says "nothing free", and covers what was never in use:

    level 0   one word per 16 GiB    [ start, max, end ]  ...
          1   one word per  2 GiB          | 8 children
          2   one word per 256 MiB         | 8 children
          3   one word per  32 MiB         | 8 children
          4   one word per   4 MiB         | 8 children: the chunks

Each level is one array over the whole address space, reserved at once, of which only those physical pages are mapped
that summarise memory in use, and their siblings. `mapped` remembers which: a request that was refused half-way loses
nothing, for the next one finds the pages that it got.

    U1  start <= max and end <= max

Owner: the page allocator. Go: runtime/mpagealloc.go pallocSum, mpagealloc_64bit.go.            Next: page_bits.py
"""

from __future__ import annotations

from runtime.layout import (
    CHUNK_PAGES,
    LEAF_LEVEL,
    LEVEL_BITS,
    LEVEL_LOG_PAGES,
    LEVEL_SHIFT,
    LOG_CHUNK_BYTES,
    LOG_MAX_PACKED_VALUE,
    MAX_PACKED_VALUE,
    PHYS_PAGE_SIZE,
    SUMMARY_BYTES,
    SUMMARY_L0_BITS,
    SUMMARY_LEVEL_BITS,
    SUMMARY_LEVELS,
    align_down,
    align_up,
    larger,
)
from runtime.os_memory import (
    PAGE_SUMMARY,
    MemoryStats,
    SysStat,
    sys_give_up,
    sys_map,
    sys_name,
    sys_reserve,
    sys_used,
    unmap,
)
from runtime.syspy import Annotated, Array, Struct, array_at, element, inline, struct, table, u64, uintptr

NOT_FOUND = 0xFFFF_FFFF_FFFF_FFFF  # no page, and no entry, has this number

PACKED_MASK = MAX_PACKED_VALUE - 1
PACKED_ALL = 1 << 63
FREE_CHUNK_SUM = CHUNK_PAGES | CHUNK_PAGES << LOG_MAX_PACKED_VALUE | CHUNK_PAGES << 2 * LOG_MAX_PACKED_VALUE
CHILDREN = 1 << SUMMARY_LEVEL_BITS

# Bytes of each level's array, and where its bits begin in `mapped`: every level starts a word.
_BYTES = [SUMMARY_BYTES << SUMMARY_L0_BITS + level * SUMMARY_LEVEL_BITS for level in range(SUMMARY_LEVELS)]
_MAPPED_WORDS = [-(-size // (64 * PHYS_PAGE_SIZE)) for size in _BYTES]
MAPPED_WORDS = sum(_MAPPED_WORDS)
LEVEL_BYTES = table(u64, _BYTES)
LEVEL_MAPPED = table(u64, [64 * sum(_MAPPED_WORDS[:level]) for level in range(SUMMARY_LEVELS)])

# What a look at a block of summaries can find.
NO_RUN = 0  # no run of that length begins in the block
RUN = 1  # a run begins at a page of the block
RUN_INSIDE = 2  # a run lies inside an entry of the block


@struct
class Summaries(Struct):
    """The tree."""

    stats: MemoryStats  # counts what is taken from the system
    stat: SysStat  # the purpose it is counted for
    levels: Annotated[Array[uintptr], SUMMARY_LEVELS]  # the first byte of each level's array
    mapped: Annotated[Array[u64], MAPPED_WORDS]  # one bit per physical page of the arrays, level by level: it is Ready


# --- One summary -----------------------------------------------------------------------------------------------------


@inline
def pack_sum(start: u64, most: u64, end: u64) -> u64:
    """A summary of three counts, in pages."""
    assert most >= larger(start, end), "U1: a row is longer than the longest"
    if most == MAX_PACKED_VALUE:
        return PACKED_ALL
    return start | most << LOG_MAX_PACKED_VALUE | end << 2 * LOG_MAX_PACKED_VALUE


@inline
def sum_start(packed: u64) -> u64:
    """Free pages in a row at the low end."""
    return MAX_PACKED_VALUE if packed & PACKED_ALL != 0 else packed & PACKED_MASK


@inline
def sum_max(packed: u64) -> u64:
    """Free pages in the longest row."""
    return MAX_PACKED_VALUE if packed & PACKED_ALL != 0 else packed >> LOG_MAX_PACKED_VALUE & PACKED_MASK


@inline
def sum_end(packed: u64) -> u64:
    """Free pages in a row at the high end."""
    return MAX_PACKED_VALUE if packed & PACKED_ALL != 0 else packed >> 2 * LOG_MAX_PACKED_VALUE & PACKED_MASK


# --- Neighbours ------------------------------------------------------------------------------------------------------


def merge_summaries(sums: Array[u64], count: u64, log_pages: u64) -> u64:
    """The summary of count neighbours in a row, each of 1 << log_pages pages."""
    pages = u64(1) << log_pages
    start: u64 = 0
    most: u64 = 0
    end: u64 = 0
    for i in range(count):
        packed = sums[i]
        if packed == 0:  # most of them, near the root
            end = 0
            continue
        if start == i << log_pages:
            start += sum_start(packed)
        most = larger(larger(most, end + sum_start(packed)), sum_max(packed))
        end = end + pages if sum_end(packed) == pages else sum_end(packed)
    return pack_sum(start, most, end)


def scan_block(sums: Array[u64], j: u64, count: u64, npages: u64, log_pages: u64) -> tuple[u64, u64, u64]:
    """Look for npages free pages in a row from entry j of count summaries, each of 1 << log_pages pages.

    Returns NO_RUN; RUN and the page where the run begins, counted from the block's first; or RUN_INSIDE and the entry
    to go into. The third result is the first entry with free pages.
    """
    first: u64 = NOT_FOUND
    run: u64 = 0  # free pages up to entry j, without a gap
    while j < count:
        packed = sums[j]
        if packed == 0:
            run = 0
        else:
            first = j if first == NOT_FOUND else first
            if run + sum_start(packed) >= npages:
                return RUN, (j << log_pages) - run, first
            if sum_max(packed) >= npages:
                return RUN_INSIDE, j, first
            is_free = sum_start(packed) == u64(1) << log_pages
            run = run + sum_start(packed) if is_free else sum_end(packed)
        j += 1
    return NO_RUN, 0, first


# --- The tree --------------------------------------------------------------------------------------------------------


def summaries_init(tree: Summaries, stats: MemoryStats, stat: SysStat) -> bool:
    """Reserve the tree of an address space without a free page. False if the system refuses; then nothing is held."""
    tree.stats = stats
    tree.stat = stat
    for level in range(SUMMARY_LEVELS):
        tree.levels[level] = sys_reserve(stats, 0, LEVEL_BYTES[level])
        if tree.levels[level] == 0:
            for reserved in range(level):
                sys_give_up(stats, tree.levels[reserved], LEVEL_BYTES[reserved])
            return False
        sys_name(stats, tree.levels[level], LEVEL_BYTES[level], PAGE_SUMMARY)
    return True


def summaries_close(tree: Summaries) -> None:
    """Give the tree back to the system, without counting."""
    for level in range(SUMMARY_LEVELS):
        unmap(tree.stats, tree.levels[level], LEVEL_BYTES[level])


@inline
def level_of(tree: Summaries, level: u64) -> Array[u64]:
    """The summaries of a level."""
    return array_at(u64, tree.levels[level])


def map_summaries(tree: Summaries, first: u64, last: u64) -> bool:
    """Make the summaries above the chunks first to last readable, with their siblings. False if refused."""
    for level in range(u64(SUMMARY_LEVELS)):
        shift = LEVEL_SHIFT[level] - LOG_CHUNK_BYTES
        siblings = u64(1) << LEVEL_BITS[level]
        low = align_down(first >> shift, siblings) * SUMMARY_BYTES
        high = align_up((last >> shift) + 1, siblings) * SUMMARY_BYTES
        if not map_level(tree, level, low // PHYS_PAGE_SIZE, (high - 1) // PHYS_PAGE_SIZE):
            return False
    return True


def map_level(tree: Summaries, level: u64, first: u64, last: u64) -> bool:
    """Make the physical pages first to last of a level's array Ready, those that are not yet. False if refused."""
    page = first
    while page <= last:
        n: u64 = 0
        while page + n <= last and not is_mapped(tree, LEVEL_MAPPED[level] + page + n):
            n += 1
        if n != 0:
            addr = tree.levels[level] + page * PHYS_PAGE_SIZE
            if not sys_map(tree.stats, addr, n * PHYS_PAGE_SIZE, tree.stat):
                return False
            sys_used(tree.stats, n * PHYS_PAGE_SIZE)
            set_mapped(tree, LEVEL_MAPPED[level] + page, n)
        page += n + 1
    return True


def is_mapped(tree: Summaries, bit: u64) -> bool:
    """Whether the physical page of this number is Ready."""
    return tree.mapped[bit // 64] >> bit % 64 & 1 != 0


def set_mapped(tree: Summaries, first: u64, n: u64) -> None:
    """Write down that n physical pages from number first are Ready."""
    for bit in range(first, first + n):
        tree.mapped[bit // 64] |= u64(1) << bit % 64


def propagate(tree: Summaries, first: u64, last: u64) -> None:
    """Merge upwards after the leaves first to last changed, as far as anything changes."""
    level: u64 = LEAF_LEVEL
    has_changed = True
    while level > 0 and has_changed:
        has_changed = False
        first >>= SUMMARY_LEVEL_BITS
        last >>= SUMMARY_LEVEL_BITS
        children = level_of(tree, level)
        parents = level_of(tree, level - 1)
        for i in range(first, last + 1):
            packed = merge_summaries(element(children, i * CHILDREN), CHILDREN, LEVEL_LOG_PAGES[level])
            if packed != parents[i]:
                parents[i] = packed
                has_changed = True
        level -= 1


def check_parents(tree: Summaries, addr: uintptr) -> u64:
    """The level at which the summary of the stretch around addr is not the merge of its children; or NOT_FOUND."""
    for level in range(u64(1), u64(SUMMARY_LEVELS)):
        parent = addr >> LEVEL_SHIFT[level - 1]
        children = element(level_of(tree, level), parent << SUMMARY_LEVEL_BITS)
        if merge_summaries(children, CHILDREN, LEVEL_LOG_PAGES[level]) != level_of(tree, level - 1)[parent]:
            return level - 1
    return NOT_FOUND
