"""The page cache: what it hands out, how it is filled, what it gives back."""

from __future__ import annotations

import random

import pytest

from runtime.layout import ADDRESS_LIMIT, CHUNK_PAGES, PAGE_SIZE, PHYS_PAGE_SIZE, SUMMARY_BYTES
from runtime.page_cache import PageCache, alloc_to_cache, cache_alloc, cache_flush, cache_is_empty
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.page_heaps import GO_BASE, LAST_CHUNK, PAGE_HEAP_ROOTS, Description, PageHeap, bits

ROOTS = [*PAGE_HEAP_ROOTS, alloc_to_cache, cache_alloc, cache_flush, cache_is_empty]

ALL = f"0+{CHUNK_PAGES}"
ONES = (1 << 64) - 1
FAR = 0x100000  # chunks
LAST_OF_PAGE = PHYS_PAGE_SIZE // SUMMARY_BYTES - 1  # the chunk whose summary is the last on its physical page

BASE = GO_BASE << 22


def page_cache(base: int, cache: int, scav: int) -> PageCache:
    c = PageCache()
    c.base, c.cache, c.scav = base, cache, scav
    return c


# --- Alloc -----------------------------------------------------------------------------------------------------------

Hit = tuple[int, int | None, int]  # pages wanted; the page given, or None; how many were scavenged

ALLOC_CASES: dict[str, tuple[int, int, list[Hit]]] = {
    "nothing": (0, 0, [(n, None, 0) for n in (1, 2, 3, 4, 5, 11, 12, 16, 27, 32, 43, 57, 64, 121)]),
    "the lowest page": (1, 1, [(1, 0, 1), (1, None, 0), (10, None, 0)]),
    "the highest page": (1 << 63, 1, [(1, 63, 0), (1, None, 0), (10, None, 0)]),
    "single pages": (
        0x20005555,
        0x5505,
        [
            (2, None, 0),
            *[(1, 2 * i, scavenged) for i, scavenged in enumerate([1, 1, 0, 0, 1, 1, 1, 1])],
            (1, 29, 0),
            (1, None, 0),
            (10, None, 0),
        ],
    ),
    "the lowest pair": (0x3, 0x2 << 62, [(2, 0, 0), (2, None, 0), (1, None, 0)]),
    "the highest pair": (0x3 << 62, 0x3 << 62, [(2, 62, 2), (2, None, 0), (1, None, 0)]),
    "pairs": (0x3333 << 31, 0x3030 << 31, [(2, 31, 0), (2, 35, 2), (2, 39, 0), (2, 43, 2), (2, None, 0)]),
    "53 high ones": (bits("10+53"), bits("10+16"), [(53, 10, 16), (53, None, 0), (1, None, 0)]),
    "53 of all": (ONES, bits("10+16"), [(53, 0, 16), (53, None, 0), (1, 53, 0)]),
    "all at once": (ONES, ONES, [(64, 0, 64), (64, None, 0), (1, None, 0)]),
    "all bit by bit": (
        ONES,
        ONES,
        [
            *[(5, 0, 5), (7, 5, 7), (1, 12, 1), (23, 13, 23), (63, None, 0), (3, 36, 3), (3, 39, 3), (3, 42, 3)],
            *[(12, 45, 12), (11, None, 0), (4, 57, 4), (4, None, 0), (6, None, 0), (36, None, 0), (2, 61, 2)],
            *[(3, None, 0), (1, 63, 1), (4, None, 0), (2, None, 0), (62, None, 0), (1, None, 0)],
        ],
    ),
}


@pytest.mark.parametrize("name", ALLOC_CASES)
def test_alloc_takes_the_lowest_run(engine: Engine, name: str) -> None:
    cache, scav, hits = ALLOC_CASES[name]
    c = page_cache(BASE, cache, scav)
    for npages, page, scavenged in hits:
        expected = (0, 0) if page is None else (BASE + page * PAGE_SIZE, scavenged * PAGE_SIZE)
        assert engine.call(cache_alloc, c, npages) == expected, f"{c.cache:064b}"


# --- Fill ------------------------------------------------------------------------------------------------------------

Fill = tuple[tuple[int, int], int, int]  # (chunk, page) of the block, its free pages, the scavenged ones of these

# name: (allocated before, scavenged before, what the caches get, allocated after)
FILL_CASES: dict[str, tuple[Description, Description, list[Fill | None], Description]] = {
    "the last block of three chunks": (
        {0: ALL, 1: ALL, 2: "0+448"},
        {0: ALL, 1: ALL, 2: ""},
        [((2, 448), ONES, 0)],
        {0: ALL, 1: ALL, 2: ALL},
    ),
    "nothing is free": ({0: ALL}, {}, [None, None, None], {0: ALL}),
    "some are scavenged": (
        {0: "0+1 10+2"},
        {0: "0+4 11+1"},
        [((0, 0), bits("1+9 12+52"), bits("1+3"))],
        {0: "0+64"},
    ),
    "all are free": (
        {0: ""},
        {0: "1+1 64+64"},
        [((0, 0), ONES, 2), ((0, 64), ONES, ONES), ((0, 128), ONES, 0), ((0, 192), ONES, 0)],
        {0: "0+256"},
    ),
    "beyond a gap": (
        {0: ALL, 0xFF: ""},
        {0: ALL, 0xFF: "31+67"},
        [((0xFF, 0), ONES, bits("31+33"))],
        {0: ALL, 0xFF: "0+64"},
    ),
    "single pages, then half a block": (
        {0: "0+32 33+31 96+32"},
        {0: "1+4 31+5 66+2"},
        [((0, 0), 1 << 32, 1 << 32), ((0, 64), bits("0+32"), bits("2+2"))],
        {0: "0+128"},
    ),
    "a summary beside an unmapped one": (
        {LAST_OF_PAGE: "0+511", FAR: "1+511"},
        {},
        [((LAST_OF_PAGE, 448), 1 << 63, 0), ((FAR, 0), 1, 0), None],
        {LAST_OF_PAGE: ALL, FAR: ALL},
    ),
}


@pytest.mark.parametrize("name", FILL_CASES)
def test_a_cache_gets_the_free_pages_of_a_block(engine: Engine, name: str) -> None:
    before, scavenged, fills, after = FILL_CASES[name]
    for base in (0 if 0 not in before else 1, GO_BASE, (LAST_CHUNK - max(before)) // 512 * 512):
        with PageHeap(engine, before, scavenged, base) as heap:
            for fill in fills:
                c = PageCache()
                filled = engine.call(alloc_to_cache, heap.pages, c)
                assert filled == (fill is not None)
                assert (heap.place(c.base), c.cache, c.scav) == (fill or (None, 0, 0))
            heap.check(after, scavenged)


# --- Flush -----------------------------------------------------------------------------------------------------------


def described(word: int, first: int) -> str:
    """The bits of a word as a description, from page `first`."""
    return " ".join(f"{first + i}+1" for i in range(64) if word >> i & 1)


def flushed(engine: Engine, first: int, cache: int, scav: int) -> None:
    """Flush a cache of the block at page `first`, and look at what is allocated then."""
    with PageHeap(engine, {0: f"{first}+64"}) as heap:
        c = page_cache(heap.addr(0, first), cache, scav)
        engine.call(cache_flush, c, heap.pages)
        assert engine.call(cache_is_empty, c)
        assert (c.base, c.cache, c.scav) == (0, 0, 0)
        heap.check({0: described(~cache & ONES, first)}, {0: described(scav, first)})


def test_flush_gives_back_what_is_left(engine: Engine, seed: int) -> None:
    draw = random.Random(seed)
    flushed(engine, 0, 0, 0)
    flushed(engine, 0, ONES, ONES)
    for _ in range(40):
        cache = draw.getrandbits(64)
        flushed(engine, draw.randrange(8) * 64, cache, cache & draw.getrandbits(64))


def test_flushed_pages_are_found_again(engine: Engine) -> None:
    with PageHeap(engine, {0: "0+448"}) as heap:
        c = PageCache()
        assert engine.call(alloc_to_cache, heap.pages, c)
        assert heap.alloc(1) == (None, 0)
        assert heap.pages.search_addr == ADDRESS_LIMIT
        assert engine.call(cache_alloc, c, 3) == (heap.addr(0, 448), 0)
        engine.call(cache_flush, c, heap.pages)
        assert heap.alloc(61) == ((0, 451), 0)
        heap.check({0: ALL})


def test_a_full_cache_is_not_filled(engine: Engine) -> None:
    with PageHeap(engine, {0: ""}) as heap, pytest.raises(BROKEN, match="CA2"):
        engine.call(alloc_to_cache, heap.pages, page_cache(heap.addr(0), 1, 0))


def test_a_cache_has_the_pages_that_it_calls_scavenged(engine: Engine) -> None:
    with PageHeap(engine, {0: ALL}) as heap, pytest.raises(BROKEN, match="CA1"):
        engine.call(cache_flush, page_cache(heap.addr(0), 1, 2), heap.pages)


def test_random_operations_through_two_caches(engine: Engine, seed: int) -> None:
    draw = random.Random(seed)
    with PageHeap(engine, dict.fromkeys(range(3), ""), {0: ALL, 1: "0+300"}) as heap:
        caches = [PageCache(), PageCache()]
        free = 3 * CHUNK_PAGES
        taken: dict[int, int] = {}  # address: pages
        for step in range(400):
            if step % 50 == 49:
                heap.check()
            c = draw.choice(caches)
            action = draw.random()
            if action < 0.5:
                npages = draw.choice([1, 1, 1, 2, 3, 7, 15])
                addr, _ = engine.call(cache_alloc, c, npages)
                if addr == 0 and c.cache == 0 and not engine.call(alloc_to_cache, heap.pages, c):
                    assert free == sum(other.cache.bit_count() for other in caches)
                elif addr != 0:
                    assert all(addr + npages * PAGE_SIZE <= a or a + n * PAGE_SIZE <= addr for a, n in taken.items())
                    taken[addr] = npages
                    free -= npages
            elif action < 0.9 and taken:
                addr = draw.choice(list(taken))
                npages = taken.pop(addr)
                heap.free(*(heap.place(addr) or (0, 0)), npages)
                free += npages
            else:
                engine.call(cache_flush, c, heap.pages)
        for c in caches:
            engine.call(cache_flush, c, heap.pages)
        heap.check()
        drawn = "".join(heap.drawn(chunk) for chunk in range(3))
        assert drawn.count(".") + drawn.count("s") == free
