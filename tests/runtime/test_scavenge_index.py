"""The scavenge index: Go's cases, the words, and the chunks of a page allocator that it knows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.layout import CHUNK_BYTES, CHUNK_PAGES
from runtime.page_alloc import grow
from runtime.page_cache import PageCache, alloc_to_cache, cache_alloc, cache_flush
from runtime.scavenge_index import (
    DENSE_PAGES,
    HAS_FREE,
    changed,
    find_chunk,
    gen_of,
    has_free,
    in_use_of,
    index_alloc,
    index_free,
    last_in_use_of,
    next_gen,
    pack_use,
    set_empty,
    set_use,
    should_scavenge,
    use_of,
)
from runtime.syspy import Failure
from tests.runtime.engines import Engine
from tests.runtime.page_heaps import GO_BASE, LAST_CHUNK, PAGE_HEAP_ROOTS, PageHeap, go_cases

ROOTS = [
    *PAGE_HEAP_ROOTS,
    alloc_to_cache,
    cache_alloc,
    cache_flush,
    changed,
    find_chunk,
    gen_of,
    has_free,
    in_use_of,
    index_alloc,
    index_free,
    last_in_use_of,
    next_gen,
    pack_use,
    set_empty,
    set_use,
    should_scavenge,
    use_of,
]

CHUNKS = 64
NOWHERE = (0, 0)
Place = tuple[int, int]  # chunk, counted from the base, and page


class IndexUnderTest:
    """The index of 64 chunks that were dense in the last generation, and are empty to the scavenger."""

    def __init__(self, heap: PageHeap, force: bool) -> None:
        self.heap, self.engine, self.index, self.force = heap, heap.engine, heap.pages.index, force
        assert self.engine.call(grow, heap.pages, heap.addr(0), CHUNKS * CHUNK_BYTES)
        for chunk in range(CHUNKS):
            self.engine.call(index_alloc, self.index, heap.base + chunk, CHUNK_PAGES)
        self.next_gen()
        for chunk in range(CHUNKS):
            self.engine.call(index_free, self.index, heap.base + chunk, CHUNK_PAGES - 1, CHUNK_PAGES)
            self.engine.call(set_empty, self.index, heap.base + chunk)
        self.index.search_bg = self.index.search_force = self.index.free_high = 0

    def mark(self, first: Place, limit: Place) -> None:
        """Take and free the pages from first up to limit."""
        parts = []
        for chunk in range(first[0], limit[0] + 1):
            low = first[1] if chunk == first[0] else 0
            high = limit[1] if chunk == limit[0] else CHUNK_PAGES
            if high > low:
                parts.append((self.heap.base + chunk, high - 1, high - low))
        for chunk, _, n in parts:
            self.engine.call(index_alloc, self.index, chunk, n)
        for part in parts:
            self.engine.call(index_free, self.index, *part)

    def find(self) -> Place:
        """The next chunk and page, which is done with then."""
        chunk, page = self.engine.call(find_chunk, self.index, self.force)
        if chunk == 0:
            return NOWHERE
        self.engine.call(set_empty, self.index, chunk)
        return chunk - self.heap.base, page

    def next_gen(self) -> None:
        self.engine.call(next_gen, self.index)


@pytest.fixture(params=["background", "force"])
def index(engine: Engine, request: pytest.FixtureRequest) -> Iterator[IndexUnderTest]:
    with PageHeap(engine, {}) as heap:
        yield IndexUnderTest(heap, request.param == "force")


def place(text: str) -> Place:
    chunk, page = text.split(".")
    return int(chunk), int(page)


@pytest.mark.parametrize("case", go_cases("scavenge_index"), ids=lambda case: case["name"])
def test_the_highest_chunk_is_found_first(index: IndexUnderTest, case: dict[str, Any]) -> None:
    for mark in case["marks"]:
        index.mark(*map(place, mark.split("-")))
    if not index.force:
        assert index.find() == NOWHERE
        index.next_gen()
    assert [index.find() for _ in case["finds"]] == [place(text) for text in case["finds"]]
    assert index.find() == NOWHERE


def test_marks_and_searches_in_turn(index: IndexUnderTest) -> None:
    for chunk in range(32):
        index.mark((chunk, 0), (chunk + 1, 0))
        if not index.force:
            index.next_gen()
        assert index.find() == (chunk, CHUNK_PAGES - 1)
    assert index.find() == NOWHERE


@pytest.mark.parametrize("word", [(512, 512, 0b11, 1918237402), (12, 0, 0, (1 << 32) - 1), (0, 0, 0, 0), (1, 2, 1, 3)])
def test_a_word_holds_its_parts(engine: Engine, word: tuple[int, int, int, int]) -> None:
    in_use, last, flags, gen = word
    packed = engine.call(pack_use, in_use, last, flags << 26, gen)
    assert packed == in_use | last << 16 | flags << 26 | gen << 32
    parts = [engine.call(part, packed) for part in (in_use_of, last_in_use_of, gen_of, has_free)]
    assert parts == [in_use, last, gen, bool(flags & 1)]


@pytest.mark.parametrize(
    ("in_use", "last", "gen", "background"),
    [
        (DENSE_PAGES - 1, DENSE_PAGES - 1, 7, True),
        (DENSE_PAGES, 0, 7, False),
        (0, DENSE_PAGES, 7, False),
        (0, DENSE_PAGES, 6, True),  # a generation has passed without a change
        (DENSE_PAGES, 0, 6, False),
    ],
)
def test_dense_chunks_are_left_alone_but_by_force(
    engine: Engine, in_use: int, last: int, gen: int, background: bool
) -> None:
    word = engine.call(pack_use, in_use, last, HAS_FREE, gen)
    assert engine.call(should_scavenge, word, 7, False) is background
    assert engine.call(should_scavenge, word, 7, True) is True
    assert engine.call(should_scavenge, word & ~HAS_FREE, 7, True) is False


def test_a_generation_is_remembered_once(engine: Engine) -> None:
    word = engine.call(changed, engine.call(pack_use, 5, 9, 0, 3), 7, 3)
    assert (engine.call(in_use_of, word), engine.call(last_in_use_of, word)) == (7, 9)
    word = engine.call(changed, word, 8, 6)
    word = engine.call(changed, word, 2, 6)
    assert [engine.call(part, word) for part in (in_use_of, last_in_use_of, gen_of)] == [2, 7, 6]


@pytest.mark.parametrize(("in_use", "npages"), [(500, 13), (0, 513)])
def test_more_pages_than_a_chunk_has_is_a_bug(engine: Engine, in_use: int, npages: int) -> None:
    with PageHeap(engine, {0: f"0+{in_use}" if in_use else ""}) as heap, pytest.raises(Failure, match="SI3"):
        engine.call(index_alloc, heap.pages.index, heap.base, npages)


def test_more_pages_freed_than_taken_is_a_bug(engine: Engine) -> None:
    with PageHeap(engine, {0: "0+3"}) as heap, pytest.raises(Failure, match="SI3"):
        engine.call(index_free, heap.pages.index, heap.base, 3, 4)


def test_a_search_steps_over_address_space_that_nobody_uses(engine: Engine) -> None:
    for base in (1, GO_BASE):
        far = LAST_CHUNK - base
        with PageHeap(engine, {0: "", far: "0+512"}, base=base) as heap:
            assert engine.call(find_chunk, heap.pages.index, True) == (base, CHUNK_PAGES - 1)


def test_what_a_page_cache_gives_back_raises_the_cursor_to_its_last_page(engine: Engine) -> None:
    with PageHeap(engine, {0: "0+70 75+5 83+429"}) as heap:
        cache = PageCache()
        assert engine.call(alloc_to_cache, heap.pages, cache)
        heap.pages.index.search_force = heap.pages.index.free_high = 0
        assert engine.call(cache_alloc, cache, 1)[0] == heap.addr(0, 70)
        engine.call(cache_flush, cache, heap.pages)
        assert heap.pages.index.search_force == heap.pages.index.free_high == heap.addr(0, 82)
        assert engine.call(in_use_of, engine.call(use_of, heap.pages.index, heap.base)) == 505


def test_the_index_of_a_page_allocator_is_exact(engine: Engine, seed: int) -> None:
    """Against a model: what is in use now, and was when the generation began."""
    draw = random.Random(seed)
    with PageHeap(engine, dict.fromkeys(range(3), "")) as heap:
        live: list[tuple[int, int]] = []
        taken, before = [0] * 3, [0] * 3
        for _ in range(200):
            action = draw.random()
            if action < 0.05:
                engine.call(next_gen, heap.pages.index)
                before = taken.copy()
            elif action < 0.5 and live:
                page, npages = live.pop(draw.randrange(len(live)))
                heap.free(*divmod(page, CHUNK_PAGES), npages)
                taken = [n - inside(page, npages, chunk) for chunk, n in enumerate(taken)]
            else:
                npages = draw.choice([1, 3, 60, 300, 600])
                where, _ = heap.alloc(npages)
                if where is not None:
                    page = where[0] * CHUNK_PAGES + where[1]
                    live.append((page, npages))
                    taken = [n + inside(page, npages, chunk) for chunk, n in enumerate(taken)]
            for chunk, n in enumerate(taken):
                word = engine.call(use_of, heap.pages.index, heap.base + chunk)
                fresh = engine.call(gen_of, word) == heap.pages.index.gen
                assert engine.call(in_use_of, word) == n
                assert not fresh or engine.call(last_in_use_of, word) == before[chunk]
        heap.check()


def inside(page: int, npages: int, chunk: int) -> int:
    """How many of the pages lie in a chunk."""
    return max(0, min(page + npages, (chunk + 1) * CHUNK_PAGES) - max(page, chunk * CHUNK_PAGES))


@pytest.mark.parametrize("tag", ["SI1", "SI2 flag", "SI2 cursor"])
def test_the_check_sees_a_broken_invariant(engine: Engine, tag: str) -> None:
    with PageHeap(engine, {0: "0+5"}) as heap:
        heap.check()
        word = engine.call(use_of, heap.pages.index, heap.base)
        if tag == "SI1":
            engine.call(set_use, heap.pages.index, heap.base, word + 1)
        elif tag == "SI2 flag":
            engine.call(set_empty, heap.pages.index, heap.base)
        else:
            heap.pages.index.search_force = heap.addr(0, 100)
        with pytest.raises(Failure, match=tag[:3]):
            heap.check()
