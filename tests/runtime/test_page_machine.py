"""The page allocator and page caches against a model of a byte per page, at both ends of the address space, too."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runtime.layout import ADDRESS_LIMIT, CHUNK_BYTES, CHUNK_PAGES, PAGE_CACHE_PAGES, PAGE_SIZE
from runtime.page_alloc import alloc_range, grow
from runtime.page_cache import PageCache, alloc_to_cache, cache_alloc, cache_flush
from tests.runtime.engines import Engine
from tests.runtime.machines import run_machine
from tests.runtime.page_heaps import GO_BASE, LAST_CHUNK, PAGE_HEAP_ROOTS, PageHeap
from tests.runtime.page_model import Model

pytestmark = pytest.mark.full_on_python

ROOTS = [*PAGE_HEAP_ROOTS, alloc_to_cache, cache_alloc, cache_flush]

PS = 3  # page caches
LAST = LAST_CHUNK - 1  # counted from chunk 1
# Stretches of chunks to grow into: both ends, neighbours, across root entries, with gaps that share a summary block.
PLACES = [
    (0, 1),
    (1, 3),
    (4, 5),
    (4094, 4096),
    (GO_BASE, GO_BASE + 1),
    (GO_BASE + 9, GO_BASE + 10),
    (LAST - 1, LAST + 1),
]
SIZES = st.one_of(
    st.sampled_from([1, 1, 2, 3, 15, 16, 63, 64, 65, 128, 511, 512, 513, 1024, 1025]), st.integers(1, 1600)
)
DOINGS = "grown taken exhausted refused freed parts filled empty cached missed flushed".split()


class PageMachine(RuleBasedStateMachine):
    """Pages taken and given back through the page allocator itself and through the caches of several Ps."""

    def __init__(self, engine: Engine, did: Counter[str]) -> None:
        super().__init__()
        self.did = did
        self.engine = engine
        self.heap = PageHeap(engine, {}, base=1)
        self.model = Model([])
        self.places = list(PLACES)
        self.caches = [PageCache() for _ in range(PS)]
        self.expected = [(0, 0, 0)] * PS  # of each cache: first page of the block, free pages, scavenged ones
        self.live: list[tuple[int, int]] = []  # (page, pages), each to be freed

    def teardown(self) -> None:
        self.heap.__exit__()

    def place(self, page: int | None) -> tuple[int, int] | None:
        return None if page is None else divmod(page, CHUNK_PAGES)

    def addr(self, page: int) -> int:
        return self.heap.addr(*divmod(page, CHUNK_PAGES))

    # --- Growth ---

    @initialize(at=st.integers(0, len(PLACES) - 1))
    def begin(self, at: int) -> None:
        self.grow(at)

    @precondition(lambda self: self.places)
    @rule(at=st.integers(0, len(PLACES) - 1))
    def grow(self, at: int) -> None:
        low, high = self.places.pop(at % len(self.places))
        assert self.engine.call(grow, self.heap.pages, self.heap.addr(low), (high - low) * CHUNK_BYTES)
        self.model.grow(low, high)
        self.did["grown"] += 1

    # --- The page allocator ---

    @rule(npages=SIZES)
    def alloc(self, npages: int) -> None:
        page, scavenged = self.model.alloc(npages)
        assert self.heap.alloc(npages) == (self.place(page), scavenged)
        self.did["refused" if page is None else "taken"] += 1
        if page is not None:
            self.live.append((page, npages))

    @rule()
    def take_everything(self) -> None:
        for first, pages in self.model.pages.items():
            while (i := pages.find(0)) >= 0:
                end = pages.find(1, i)
                npages = (len(pages) if end < 0 else end) - i
                self.model.take(first + i, npages)
                self.engine.call(alloc_range, self.heap.pages, self.addr(first + i), npages)
                self.live.append((first + i, npages))
        assert self.heap.alloc(1) == (None, 0)
        self.did["exhausted"] += 1

    @precondition(lambda self: self.live)
    @rule(i=st.integers(0, 1 << 20))
    def free(self, i: int) -> None:
        page, npages = self.live.pop(i % len(self.live))
        self.heap.free(*divmod(page, CHUNK_PAGES), npages)
        self.model.free(page, npages)
        self.did["freed"] += 1

    @precondition(lambda self: any(npages > 2 for _, npages in self.live))
    @rule(i=st.integers(0, 1 << 20), first=st.integers(0, 1 << 20), length=st.integers(0, 1 << 20))
    def free_a_part(self, i: int, first: int, length: int) -> None:
        long = [run for run in self.live if run[1] > 2]
        page, npages = long[i % len(long)]
        low = first % npages
        n = 1 + length % (npages - low)
        self.live.remove((page, npages))
        self.live += [run for run in [(page, low), (page + low + n, npages - low - n)] if run[1]]
        self.heap.free(*divmod(page + low, CHUNK_PAGES), n)
        self.model.free(page + low, n)
        self.did["parts"] += 1

    # --- The caches ---

    @rule(p=st.integers(0, PS - 1), npages=st.integers(1, 20))
    def alloc_from_cache(self, p: int, npages: int) -> None:
        if self.expected[p][1] == 0:
            self.fill(p)
        block, free, scavenged = self.expected[p]
        fits = [i for i in range(PAGE_CACHE_PAGES) if free >> i & (1 << npages) - 1 == (1 << npages) - 1]
        addr, got = self.engine.call(cache_alloc, self.caches[p], npages)
        if not fits:
            assert (addr, got) == (0, 0)
            self.did["missed"] += 1
            return
        mask = (1 << npages) - 1 << fits[0]
        assert (addr, got) == (self.addr(block + fits[0]), (scavenged & mask).bit_count() * PAGE_SIZE)
        self.expected[p] = block, free & ~mask, scavenged & ~mask
        self.live.append((block + fits[0], npages))
        self.did["cached"] += 1

    @rule(p=st.integers(0, PS - 1))
    def fill(self, p: int) -> None:
        if self.expected[p][1] != 0:
            self.flush(p)
        block = self.model.take_block()
        assert self.engine.call(alloc_to_cache, self.heap.pages, self.caches[p]) == (block is not None)
        if block is not None:
            self.expected[p] = block
        self.did["empty" if block is None else "filled"] += 1

    @rule(p=st.integers(0, PS - 1))
    def flush(self, p: int) -> None:
        block, free, scavenged = self.expected[p]
        for i in range(PAGE_CACHE_PAGES):
            if free >> i & 1:
                self.model.free(block + i, 1, bool(scavenged >> i & 1))
        self.engine.call(cache_flush, self.caches[p], self.heap.pages)
        self.expected[p] = (0, 0, 0)
        assert (self.caches[p].base, self.caches[p].cache, self.caches[p].scav) == (0, 0, 0)
        self.did["flushed"] += 1

    # --- At any time ---

    @invariant()
    def every_invariant_holds(self) -> None:
        self.heap.check()

    @invariant()
    def every_page_is_as_in_the_model(self) -> None:
        for chunk in self.model.chunks():
            assert self.heap.drawn(chunk) == self.model.drawn(chunk), f"chunk {chunk}"
        lowest = self.model.find(1)
        assert self.heap.pages.search_addr <= (ADDRESS_LIMIT if lowest is None else self.addr(lowest))

    @invariant()
    def every_cache_is_as_in_the_model(self) -> None:
        for cache, (block, free, scavenged) in zip(self.caches, self.expected, strict=True):
            assert (cache.cache, cache.scav) == (free, scavenged)
            assert free == 0 or cache.base == self.addr(block)


def test_pages_against_a_model(engine: Engine, seed: int) -> None:
    examples = 20 if engine.name == "python" else 60
    run_machine(PageMachine, engine, seed, examples, steps=40, wanted=DOINGS)


@pytest.mark.slow
def test_pages_against_a_model_for_long(engine: Engine, seed: int) -> None:
    examples = 60 if engine.name == "python" else 300
    run_machine(PageMachine, engine, seed, examples, steps=80, wanted=DOINGS)
