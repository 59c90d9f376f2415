"""Page bits: the bitmaps of a chunk, one bit per page, and the search for free runs in them.

    page        0              63 64             127        448             511
    alloc      [##..#...........][...............#] ... x8  [................]      1: taken
    scavenged  [..##............][################]         [################]      1: the kernel does not back it

A run is found with shifts: ANDing a word with itself shifted down by one drops the top bit of every run of ones, so
that after n - 1 drops the lowest one left is where the first run of n began.

    B1  a range lies in the chunk: i + n <= CHUNK_PAGES, n > 0

Owner: whoever holds heap.lock. Go: runtime/mpallocbits.go.                                     Next: page_alloc.py
"""

from __future__ import annotations

from runtime.layout import CHUNK_PAGES, CHUNK_WORDS, CHUNKS_L2_COUNT, larger
from runtime.page_summaries import FREE_CHUNK_SUM, NOT_FOUND, pack_sum
from runtime.syspy import Annotated, Array, Inline, Struct, clz64, ctz64, inline, popcount64, struct, u64

ALL_ONES = 0xFFFF_FFFF_FFFF_FFFF


@struct
class PageBits(Struct):
    """One bit per page of a chunk."""

    words: Annotated[Array[u64], CHUNK_WORDS]  # page i is bit i % 64 of word i // 64


@struct
class PallocData(Struct):
    """What the page allocator knows of a chunk's pages."""

    alloc: Inline[PageBits]  # 1: taken
    scavenged: Inline[PageBits]  # 1: free, and the kernel does not back it


@struct
class Chunks(Struct):
    """What is known of neighbouring chunks."""

    data: Annotated[Array[Inline[PallocData]], CHUNKS_L2_COUNT]  # by the low bits of the chunk's number
    use: Annotated[Array[u64], CHUNKS_L2_COUNT]  # by the same: how full it is, see scavenge_index.py


# --- Ranges of bits --------------------------------------------------------------------------------------------------


@inline
def ones(n: u64) -> u64:
    """A word with its n low bits set; n is 1 to 64."""
    return u64(ALL_ONES) >> (64 - n)


@inline
def word_mask(word: u64, i: u64, n: u64) -> u64:
    """The bits of the range [i, i + n) that lie in a word. The range has bits there."""
    low = i % 64 if word == i // 64 else u64(0)
    high = (i + n - 1) % 64 if word == (i + n - 1) // 64 else u64(63)
    return ones(high - low + 1) << low


def set_range(b: PageBits, i: u64, n: u64) -> None:
    """Set the bits [i, i + n)."""
    assert 0 < n <= CHUNK_PAGES - i, "B1: the range leaves the chunk"
    for word in range(i // 64, (i + n - 1) // 64 + 1):
        b.words[word] |= word_mask(word, i, n)


def clear_range(b: PageBits, i: u64, n: u64) -> None:
    """Clear the bits [i, i + n)."""
    assert 0 < n <= CHUNK_PAGES - i, "B1: the range leaves the chunk"
    for word in range(i // 64, (i + n - 1) // 64 + 1):
        b.words[word] &= u64(~word_mask(word, i, n))


def popcnt_range(b: PageBits, i: u64, n: u64) -> u64:
    """How many of the bits [i, i + n) are set."""
    assert 0 < n <= CHUNK_PAGES - i, "B1: the range leaves the chunk"
    count: u64 = 0
    for word in range(i // 64, (i + n - 1) // 64 + 1):
        count += popcount64(b.words[word] & word_mask(word, i, n))
    return count


def alloc_pages(data: PallocData, i: u64, n: u64) -> u64:
    """Take the pages [i, i + n). Returns how many of them were scavenged; none is any more."""
    scavenged = popcnt_range(data.scavenged, i, n)
    set_range(data.alloc, i, n)
    if scavenged != 0:
        clear_range(data.scavenged, i, n)
    return scavenged


# --- Search ----------------------------------------------------------------------------------------------------------


@inline
def shrink_runs(bits: u64, n: u64) -> u64:
    """Drop the n top bits of every run of ones; n is below 64."""
    width: u64 = 1  # every run of zeros is at least this long by now, so that a shift by it joins no two runs
    while n > width:
        bits &= bits >> width
        n -= width
        width += width
    return bits & bits >> n


def find_bit_range64(bits: u64, n: u64) -> u64:
    """Where the first n ones in a row begin, or 64; n is 1 to 64."""
    return ctz64(shrink_runs(bits, n - 1))


def find(b: PageBits, npages: u64, search_index: u64) -> tuple[u64, u64]:
    """Where the first npages free pages in a row begin, or NOT_FOUND; and the first free page of all.

    No page below search_index is free. When nothing is found the second result says nothing.
    """
    if npages == 1:
        first = find1(b, search_index)
        return first, first
    if npages <= 64:
        return find_small_n(b, npages, search_index)
    return find_large_n(b, npages, search_index)


def find1(b: PageBits, search_index: u64) -> u64:
    """The first free page, or NOT_FOUND."""
    for word in range(search_index // 64, CHUNK_WORDS):
        free = u64(~b.words[word])
        if free != 0:
            return word * 64 + ctz64(free)
    return NOT_FOUND


def find_small_n(b: PageBits, npages: u64, search_index: u64) -> tuple[u64, u64]:
    """find for up to 64 pages: a run lies in one word, or in the end of one and the start of the next."""
    first: u64 = NOT_FOUND
    run: u64 = 0  # free pages at the end of the last word
    for word in range(search_index // 64, CHUNK_WORDS):
        taken = b.words[word]
        if taken == ALL_ONES:
            run = 0
            continue
        if first == NOT_FOUND:
            first = word * 64 + ctz64(u64(~taken))
        if run + ctz64(taken) >= npages:
            return word * 64 - run, first
        inside = find_bit_range64(u64(~taken), npages)
        if inside < 64:
            return word * 64 + inside, first
        run = clz64(taken)
    return NOT_FOUND, first


def find_large_n(b: PageBits, npages: u64, search_index: u64) -> tuple[u64, u64]:
    """find for more than 64 pages: a run starts at the end of a word, and all of it is there when its length is."""
    first: u64 = NOT_FOUND
    run: u64 = 0  # free pages up to here, without a gap
    for word in range(search_index // 64, CHUNK_WORDS):
        taken = b.words[word]
        if first == NOT_FOUND and taken != ALL_ONES:
            first = word * 64 + ctz64(u64(~taken))
        if run + ctz64(taken) >= npages:
            return word * 64 - run, first
        run = run + 64 if taken == 0 else clz64(taken)
    return NOT_FOUND, first


# --- Summaries -------------------------------------------------------------------------------------------------------


def summarize(b: PageBits) -> u64:
    """The summary of a chunk's alloc bits."""
    start: u64 = NOT_FOUND
    most: u64 = 0
    run: u64 = 0  # free pages up to here, without a gap
    for word in range(CHUNK_WORDS):
        taken = b.words[word]
        if taken == 0:
            run += 64
        else:
            run += ctz64(taken)
            if start == NOT_FOUND:
                start = run
            most = larger(most, run)
            run = clz64(taken)
    if start == NOT_FOUND:
        return FREE_CHUNK_SUM
    return pack_sum(start, longest_inside(b, larger(most, run)), run)


def longest_inside(b: PageBits, most: u64) -> u64:
    """The longest row of free pages within a word, or most if none is longer."""
    for word in range(CHUNK_WORDS):
        if most >= 62:  # a row with a taken page on either side has no more than this
            return most
        longer = shrink_runs(u64(~b.words[word]), most)
        while longer != 0:
            most += 1
            longer &= longer >> 1
    return most


def summarize_slowly(b: PageBits) -> u64:
    """The same page by page: what the others are checked against."""
    start: u64 = NOT_FOUND
    most: u64 = 0
    run: u64 = 0
    for page in range(CHUNK_PAGES):
        if b.words[page // 64] >> u64(page % 64) & 1 == 0:
            run += 1
            most = larger(most, run)
        else:
            start = run if start == NOT_FOUND else start
            run = 0
    return pack_sum(run if start == NOT_FOUND else start, most, run)
