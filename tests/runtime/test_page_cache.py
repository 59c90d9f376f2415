"""The page cache: what it hands out, how it is filled, what it gives back."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime.layout import ADDRESS_LIMIT, CHUNK_PAGES, PAGE_SIZE
from runtime.page_cache import PageCache, alloc_to_cache, cache_alloc, cache_flush
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.page_heaps import GO_BASE, LAST_CHUNK, PAGE_HEAP_ROOTS, PageHeap, bits, draw
from tests.runtime.tables import cases, chunks, go_table, place

ROOTS = [*PAGE_HEAP_ROOTS, alloc_to_cache, cache_alloc, cache_flush]

ALL = f"0+{CHUNK_PAGES}"
ONES = (1 << 64) - 1

BASE = GO_BASE << 22

Case = dict[str, Any]


def page_cache(base: int, cache: int, scav: int) -> PageCache:
    c = PageCache()
    c.base, c.cache, c.scav = base, cache, scav
    return c


# --- Alloc -----------------------------------------------------------------------------------------------------------


@cases("page_cache", "alloc")
def test_alloc_takes_the_lowest_run(engine: Engine, case: Case) -> None:
    c = page_cache(BASE, int(case["cache"], 0), int(case["scavenged"], 0))
    for npages, page, scavenged in case["hits"]:
        expected = (0, 0) if page is None else (BASE + page * PAGE_SIZE, scavenged * PAGE_SIZE)
        assert engine.call(cache_alloc, c, npages) == expected, f"{c.cache:064b}"


# --- Fill ------------------------------------------------------------------------------------------------------------


@cases("page_cache", "alloc_to_cache")
def test_a_cache_gets_the_free_pages_of_a_block(engine: Engine, case: Case) -> None:
    before, scavenged = chunks(case["before"]), chunks(case["scavenged_before"])
    for base in (1 if 0 in before else 0, GO_BASE, (LAST_CHUNK - max(before)) // 512 * 512):
        with PageHeap(engine, before, scavenged, base) as heap:
            for fill in case["fills"]:
                where, free, scav = fill or (None, "0", "0")
                c = PageCache()
                assert engine.call(alloc_to_cache, heap.pages, c) == (fill is not None)
                assert (heap.place(c.base), c.cache, c.scav) == (place(where), int(free, 0), int(scav, 0))
            heap.check(chunks(case["after"]), scavenged)
            for chunk, text in chunks(case["scavenged_after"] or {}).items():
                taken = bits(chunks(case["after"])[chunk])
                assert heap.drawn(chunk) == draw(taken, bits(text) & ~taken)


# --- Flush -----------------------------------------------------------------------------------------------------------


def described(word: int, first: int) -> str:
    """The bits of a word as a description, from page `first`."""
    return " ".join(f"{first + i}+1" for i in range(64) if word >> i & 1)


def flushed(engine: Engine, first: int, cache: int, scav: int) -> None:
    """Flush a cache of the block at page `first`, and look at what is allocated then."""
    with PageHeap(engine, {0: f"{first}+64"}) as heap:
        c = page_cache(heap.addr(0, first), cache, scav)
        engine.call(cache_flush, c, heap.pages)
        assert (c.base, c.cache, c.scav) == (0, 0, 0)
        heap.check({0: described(~cache & ONES, first)}, {0: described(scav, first)})


def test_flush_gives_back_what_is_left(engine: Engine, seed: int) -> None:
    draw_from = random.Random(seed)
    flush = go_table("page_cache")["flush"]
    for first, cache, scav in flush["cases"]:
        flushed(engine, first, int(cache, 0), int(scav, 0))
    for _ in range(flush["random"]):
        word = draw_from.getrandbits(64)
        flushed(engine, draw_from.randrange(8) * 64, word, word & draw_from.getrandbits(64))


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
    draw_from = random.Random(seed)
    with PageHeap(engine, dict.fromkeys(range(3), ""), {0: ALL, 1: "0+300"}) as heap:
        caches = [PageCache(), PageCache()]
        free = 3 * CHUNK_PAGES
        taken: dict[int, int] = {}  # address: pages
        for step in range(400):
            if step % 50 == 49:
                heap.check()
            c = draw_from.choice(caches)
            action = draw_from.random()
            if action < 0.5:
                npages = draw_from.choice([1, 1, 1, 2, 3, 7, 15])
                addr, _ = engine.call(cache_alloc, c, npages)
                if addr == 0 and c.cache == 0 and not engine.call(alloc_to_cache, heap.pages, c):
                    assert free == sum(other.cache.bit_count() for other in caches)
                elif addr != 0:
                    assert all(addr + npages * PAGE_SIZE <= a or a + n * PAGE_SIZE <= addr for a, n in taken.items())
                    taken[addr] = npages
                    free -= npages
            elif action < 0.9 and taken:
                addr = draw_from.choice(list(taken))
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
