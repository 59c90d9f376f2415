"""Scavenge bits: which free pages of a chunk to give back to the system next.

    alloc         ####............##..........####
    scavenged     ....ssss....................
    candidate         ....----    ..---------- the highest run that is neither, or the top of it

The highest pages go first, for allocation takes the lowest ones: what is released is what is needed last.

The kernel backs memory in pages of its own. Where they are larger than ours, a run consists of whole ones: `least`
pages each, so that a group of `least` bits counts as taken as soon as one of them is. And where the kernel may have put
a huge page behind a run, giving back a part of that would break it up, which costs more than it saves: then the run is
made longer, down to where the huge page begins.

    SB1  least is a power of two, 1 to 64

Owner: whoever holds heap.lock. Go: runtime/mgcscavenge.go fillAligned, findScavengeCandidate.
Next: scavenge_index.py
"""

from __future__ import annotations

from runtime.layout import align_down, align_up, larger, smaller
from runtime.page_bits import ALL_ONES, PallocData, ones
from runtime.syspy import clz64, popcount64, u64


def fill_aligned(bits: u64, n: u64) -> u64:
    """The bits with every aligned group of n filled with ones that has a one in it."""
    assert popcount64(n) == 1, "SB1: groups of a length that is no power of two"
    assert n <= 64, "SB1: groups longer than a word"
    width = n >> 1
    while width != 0:
        bits |= bits >> width
        width >>= 1
    # Now the lowest bit of each group tells whether the group had any. A product with n ones spreads it.
    group = ones(n)
    return (bits & u64(ALL_ONES) // group) * group


def unavailable(data: PallocData, word: u64, least: u64) -> u64:
    """The pages of a word that cannot be released: taken, released already, or on a kernel's page with such ones."""
    return fill_aligned(data.alloc.words[word] | data.scavenged.words[word], least)


def find_scavenge_candidate(
    data: PallocData, search_index: u64, least: u64, most: u64, huge_pages: u64
) -> tuple[u64, u64]:
    """The highest pages in a row to release, in the words up to that of search_index: (first, how many), or (0, 0).

    `most` pages, in whole multiples of `least`; fewer where the run is shorter, and more where it would break a huge
    page of huge_pages; 0: there are none.
    """
    word = search_index // 64 + 1
    taken: u64 = ALL_ONES
    while taken == ALL_ONES and word != 0:
        word -= 1
        taken = unavailable(data, word, least)
    if taken == ALL_ONES:
        return 0, 0
    end = word * 64 + 64 - clz64(u64(~taken))
    run = clz64(u64(taken << clz64(u64(~taken))))
    if run == 64:
        run = end - word * 64 + free_below(data, word, least)
    size = smaller(run, align_up(larger(most, 1), least))
    start = keep_huge_page_whole(end - size, end - run, end, huge_pages)
    return start, end - start


def free_below(data: PallocData, word: u64, least: u64) -> u64:
    """How many pages in a row can be released that end where a word begins."""
    run: u64 = 0
    taken: u64 = 0
    while taken == 0 and word != 0:
        word -= 1
        taken = unavailable(data, word, least)
        run += clz64(taken)
    return run


def keep_huge_page_whole(start: u64, lowest: u64, end: u64, huge_pages: u64) -> u64:
    """Where to begin instead of at start, in a run from lowest to end, to release no part of a huge page."""
    if huge_pages == 0 or align_up(start, huge_pages) > end:
        return start
    below = align_down(start, huge_pages)
    return below if below >= lowest else start
