"""The scavenge index: which chunks have memory to give back to the system, the highest first.

One word per chunk of how full it is:

    |63      32|31   26|25        16|15    10|9        0|
    |    gen   | flags | last in use|        | in use   |        in use: pages taken; HAS_FREE: one may be released

Allocation fills the lowest addresses first, so that the chunks that a program works in are nearly full at the end of
a collection's cycle, and get their few holes filled in the next. Releasing those holes would be work done twice, and
would break up huge pages. So a chunk that is dense, or was in the last generation, is left alone; a generation is a
cycle of the collector. `force` does not care: the memory limit and debug.FreeOSMemory need every page.

A search goes down from a cursor, and leaves it at what it found. There are two of them:

    search_force   raised by each page that is freed above it
    search_bg      raised to the highest page that was freed, at the end of each generation

Go searches without a lock, and marks a cursor that was raised so that a search under way does not lower it. Here a
search holds heap.lock, which whoever releases pages needs next anyway; the words of a heap of 32 GiB, 2^13 of them, are
gone through in some microseconds, and then the cursor is at the bottom.

    SI1  in use is the number of pages that the bitmap says are taken
    SI2  a chunk with a page to release has HAS_FREE, and lies at search_force or below
    SI3  in use is 0 to CHUNK_PAGES

Owner: whoever holds heap.lock. Go: runtime/mgcscavenge.go scavengeIndex, scavChunkData.          Next: page_alloc.py
"""

from __future__ import annotations

from runtime.layout import (
    CHUNK_BYTES,
    CHUNK_PAGES,
    CHUNKS_L2_BITS,
    CHUNKS_L2_COUNT,
    PAGE_SIZE,
    align_down,
    chunk_base,
    chunk_index,
    chunk_page_index,
    larger,
    smaller,
)
from runtime.page_bits import Chunks
from runtime.syspy import Array, Struct, inline, is_nil, struct, throw, u32, u64, uintptr

DENSE_PAGES = CHUNK_PAGES * 31 // 32  # so many pages taken make a chunk dense

IN_USE_MASK = (1 << 10) - 1
LAST_SHIFT = 16
HAS_FREE = 1 << 26
FLAGS_MASK = ((1 << 6) - 1) << 26
GEN_SHIFT = 32


@struct
class ScavengeIndex(Struct):
    """The cursors, and the way to the words."""

    chunks: Array[Chunks]  # the words, two steps away: those of the page allocator
    search_bg: uintptr  # no page above may be released for the background's sake; 0: none at all
    search_force: uintptr  # no page above can be released; 0: none at all
    free_high: uintptr  # the highest page that was freed in this generation; 0: none
    first: u64  # the first chunk in use; 0: none is
    gen: u32  # the generation


# --- One word --------------------------------------------------------------------------------------------------------


@inline
def pack_use(in_use: u64, last_in_use: u64, flags: u64, gen: u32) -> u64:
    """A chunk's word; the flags are where they are."""
    return in_use | last_in_use << LAST_SHIFT | flags | u64(gen) << GEN_SHIFT


@inline
def in_use_of(word: u64) -> u64:
    """How many pages of the chunk are taken."""
    return word & IN_USE_MASK


@inline
def last_in_use_of(word: u64) -> u64:
    """How many were at the end of the generation before that of the word."""
    return word >> LAST_SHIFT & IN_USE_MASK


@inline
def gen_of(word: u64) -> u32:
    """The generation that the word was written in."""
    return u32(word >> GEN_SHIFT)


@inline
def has_free(word: u64) -> bool:
    """Whether a page of the chunk may be released."""
    return word & HAS_FREE != 0


def changed(word: u64, in_use: u64, gen: u32) -> u64:
    """A chunk's word after so many pages are taken instead."""
    if in_use > CHUNK_PAGES:
        throw("SI3: more pages taken or freed than the chunk has", in_use, in_use_of(word))
    last = last_in_use_of(word) if gen_of(word) == gen else in_use_of(word)
    return pack_use(in_use, last, word & FLAGS_MASK, gen)


def should_scavenge(word: u64, gen: u32, force: bool) -> bool:
    """Whether to look into the chunk for pages to release."""
    if not has_free(word):
        return False
    # A word of an older generation has seen no change since: what was in use then is in use now.
    last = last_in_use_of(word) if gen_of(word) == gen else u64(0)
    return force or in_use_of(word) < DENSE_PAGES and last < DENSE_PAGES


# --- What changes it -------------------------------------------------------------------------------------------------


@inline
def use_of(index: ScavengeIndex, chunk: u64) -> u64:
    """The word of a chunk in use."""
    return index.chunks[chunk >> CHUNKS_L2_BITS].use[chunk % CHUNKS_L2_COUNT]


@inline
def set_use(index: ScavengeIndex, chunk: u64, word: u64) -> None:
    """Write the word of a chunk in use."""
    index.chunks[chunk >> CHUNKS_L2_BITS].use[chunk % CHUNKS_L2_COUNT] = word


def index_grow(index: ScavengeIndex, chunk: u64) -> None:
    """Chunks are in use from this one on. Their words are 0: what is new is released already."""
    index.first = chunk if index.first == 0 else smaller(index.first, chunk)


def index_alloc(index: ScavengeIndex, chunk: u64, npages: u64) -> None:
    """So many pages of a chunk were taken."""
    word = use_of(index, chunk)
    word = changed(word, in_use_of(word) + npages, index.gen)
    if in_use_of(word) == CHUNK_PAGES:
        word &= u64(~HAS_FREE)
    set_use(index, chunk, word)


def index_free(index: ScavengeIndex, chunk: u64, last_page: u64, npages: u64) -> None:
    """So many pages of a chunk were freed, the last of them this one."""
    word = use_of(index, chunk)
    word = changed(word, u64(in_use_of(word) - npages), index.gen)
    set_use(index, chunk, word | HAS_FREE)
    addr = chunk_base(chunk) + last_page * PAGE_SIZE
    index.free_high = larger(index.free_high, addr)
    index.search_force = larger(index.search_force, addr)


def set_empty(index: ScavengeIndex, chunk: u64) -> None:
    """A chunk was looked through, and has no page to release."""
    set_use(index, chunk, use_of(index, chunk) & u64(~HAS_FREE))


def next_gen(index: ScavengeIndex) -> None:
    """A collection has ended: what was freed since the last one may be released from now on."""
    index.gen = u32(index.gen + 1)
    index.search_bg = larger(index.search_bg, index.free_high)
    index.free_high = 0


# --- Search ----------------------------------------------------------------------------------------------------------


def find_chunk(index: ScavengeIndex, force: bool) -> tuple[u64, u64]:
    """The highest chunk to look for pages to release in, and the page to begin at; chunk 0: there is none."""
    cursor = index.search_force if force else index.search_bg
    if cursor == 0:
        return 0, 0
    chunk = chunk_index(cursor)
    while chunk >= index.first:
        if is_nil(index.chunks[chunk >> CHUNKS_L2_BITS]):
            chunk = align_down(chunk, CHUNKS_L2_COUNT) - 1
        elif not should_scavenge(use_of(index, chunk), index.gen, force):
            chunk = chunk - 1
        elif chunk == chunk_index(cursor):
            return chunk, chunk_page_index(cursor)
        else:
            set_cursor(index, force, chunk_base(chunk) + (CHUNK_BYTES - PAGE_SIZE))
            return chunk, CHUNK_PAGES - 1
    set_cursor(index, force, 0)
    return 0, 0


def set_cursor(index: ScavengeIndex, force: bool, addr: uintptr) -> None:
    """Lower a cursor to a page."""
    if force:
        index.search_force = addr
    else:
        index.search_bg = addr
