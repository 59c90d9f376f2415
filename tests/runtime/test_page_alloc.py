"""The page allocator against Go's cases, against a model, and with every request to the system refused once."""

from __future__ import annotations

import random

import pytest

from runtime.layout import ADDRESS_LIMIT, CHUNK_BYTES, CHUNK_PAGES, PAGE_SIZE, PHYS_PAGE_SIZE, SUMMARY_BYTES
from runtime.os_memory import check_memory_stats
from runtime.page_alloc import chunk_of, grow
from runtime.page_summaries import level_of
from runtime.syspy import Failure
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.page_heaps import GO_BASE, LAST_CHUNK, PAGE_HEAP_ROOTS, Description, PageHeap

ROOTS = PAGE_HEAP_ROOTS

ALL = f"0+{CHUNK_PAGES}"
FAR = 0x100000  # chunks: four tebibytes
LAST_OF_PAGE = PHYS_PAGE_SIZE // SUMMARY_BYTES - 1  # the chunk whose summary is the last on its physical page


def bases(highest: int) -> list[int]:
    """Where a case of chunks up to `highest` is tried: at both ends of the address space, and where Go's heap is.

    Each but the first is a multiple of the chunks whose summaries share a physical page.
    """
    last = LAST_CHUNK - highest
    return [1, GO_BASE, last if highest < LAST_OF_PAGE else last // (LAST_OF_PAGE + 1) * (LAST_OF_PAGE + 1)]


# --- Grow ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "in_use"),
    [
        ([0], [(0, 1)]),
        ([0, 1], [(0, 2)]),
        ([0, 1, 2, 3, 4], [(0, 5)]),
        ([0, 2, 4], [(0, 1), (2, 3), (4, 5)]),
        ([0, 1, 2, 4], [(0, 3), (4, 5)]),
        ([0, 1, 0x10, 0x21], [(0, 2), (0x10, 0x11), (0x21, 0x22)]),
        (list(range(0, 66, 2)), [(i, i + 1) for i in range(0, 66, 2)]),
        ([0, FAR], [(0, 1), (FAR, FAR + 1)]),
        ([4, 0, 2, 3, 1], [(0, 5)]),
    ],
)
def test_grow_adds_address_space(engine: Engine, chunks: list[int], in_use: list[tuple[int, int]]) -> None:
    for base in bases(max(chunks)):
        with PageHeap(engine, dict.fromkeys(chunks, ""), base=base) as heap:
            assert heap.in_use() == in_use
            assert (heap.pages.start - base, heap.pages.end - base) == (0, max(chunks) + 1)
            assert heap.pages.search_addr == heap.addr(0)
            heap.check(dict.fromkeys(chunks, ""))


def test_new_pages_are_free_and_scavenged(engine: Engine) -> None:
    with PageHeap(engine, {}) as heap:
        assert engine.call(grow, heap.pages, heap.addr(0), 3 * CHUNK_BYTES)
        heap.check(dict.fromkeys(range(3), ""), dict.fromkeys(range(3), ALL))
        assert heap.alloc(2 * CHUNK_PAGES + 7) == ((0, 0), 2 * CHUNK_PAGES + 7)


@pytest.mark.parametrize(
    ("addr", "size"),
    [(0, CHUNK_BYTES), (CHUNK_BYTES, 0), (CHUNK_BYTES + PAGE_SIZE, CHUNK_BYTES), (ADDRESS_LIMIT, CHUNK_BYTES)],
)
def test_grow_refuses_what_is_no_chunk_of_the_address_space(engine: Engine, addr: int, size: int) -> None:
    with PageHeap(engine, {}) as heap, pytest.raises(Failure, match="PA4"):
        engine.call(grow, heap.pages, addr, size)


def test_grow_refuses_what_is_in_use(engine: Engine) -> None:
    with PageHeap(engine, {0: "", 3: ""}) as heap, pytest.raises(Failure, match="PA4"):
        engine.call(grow, heap.pages, heap.addr(2), 2 * CHUNK_BYTES)


# --- Alloc -----------------------------------------------------------------------------------------------------------

Hit = tuple[int, tuple[int, int] | None, int]  # pages wanted; (chunk, page) or None; how many were scavenged

THREE_QUARTERS = CHUNK_PAGES * 3 // 4
HALF = CHUNK_PAGES // 2

# name: (allocated before, scavenged before, hits, allocated after)
ALLOC_CASES: dict[str, tuple[Description, Description, list[Hit], Description]] = {
    "1 page, all free": (
        {0: ""},
        {0: "0+1 2+2"},
        [(1, (0, 0), 1), (1, (0, 1), 0), (1, (0, 2), 1), (1, (0, 3), 1), (1, (0, 4), 0)],
        {0: "0+5"},
    ),
    "1 page, the last of three chunks": (
        {0: ALL, 1: ALL, 2: "0+511"},
        {0: ALL, 1: ALL, 2: ALL},
        [(1, (2, 511), 1)],
        {0: ALL, 1: ALL, 2: ALL},
    ),
    "1 page, beyond a gap": (
        {0: ALL, 0xFF: ""},
        {0: ALL, 0xFF: ALL},
        [(1, (0xFF, 0), 1)],
        {0: ALL, 0xFF: "0+1"},
    ),
    "2 pages, all free": (
        {0: ""},
        {0: "0+3 7+1"},
        [(2, (0, 0), 2), (2, (0, 2), 1), (2, (0, 4), 0), (2, (0, 6), 1), (2, (0, 8), 0)],
        {0: "0+10"},
    ),
    "2 pages, one on either side of a border": (
        {0: "0+511", 1: "1+511"},
        {0: "511+1", 1: ""},
        [(2, (0, 511), 1)],
        {0: ALL, 1: ALL},
    ),
    "5 pages, all free": (
        {0: ""},
        {0: "0+8 9+1 17+5"},
        [(5, (0, 0), 5), (5, (0, 5), 4), (5, (0, 10), 0), (5, (0, 15), 3), (5, (0, 20), 2)],
        {0: "0+25"},
    ),
    "64 pages, all free": (
        {0: ""},
        {0: "21+1 63+65"},
        [(64, (0, 0), 2), (64, (0, 64), 64), (64, (0, 128), 0)],
        {0: "0+192"},
    ),
    "65 pages, all free": (
        {0: ""},
        {0: "129+1"},
        [(65, (0, 0), 0), (65, (0, 65), 1), (65, (0, 130), 0)],
        {0: "0+195"},
    ),
    "a chunk but 3 pages, then the rest": (
        {0: ""},
        {0: "10+1"},
        [(509, (0, 0), 1), (509, None, 0), (1, (0, 509), 0), (2, (0, 510), 0), (1, None, 0), (509, None, 0)],
        {0: ALL},
    ),
    "a chunk, all free": (
        {0: ""},
        {0: "0+1 511+1"},
        [(512, (0, 0), 2), (512, None, 0), (1, None, 0)],
        {0: ALL},
    ),
    "a chunk, across a border": (
        {0: f"0+{HALF}", 1: f"{HALF}+{HALF}"},
        {0: "", 1: "3+100"},
        [(512, (0, HALF), 100), (512, None, 0), (1, None, 0)],
        {0: ALL, 1: ALL},
    ),
    "a chunk and a page, across a border": (
        {0: f"0+{HALF}", 1: ""},
        {0: ALL, 1: ALL},
        [(513, (0, HALF), 513), (512, None, 0), (1, (1, HALF + 1), 1)],
        {0: ALL, 1: f"0+{HALF + 2}"},
    ),
    "2 chunks, all free": (
        {0: "", 1: ""},
        {0: "", 1: ""},
        [(1024, (0, 0), 0), (1024, None, 0), (1, None, 0)],
        {0: ALL, 1: ALL},
    ),
    "2 chunks, beyond a gap": (
        {0: "", 0x40: "", 0x41: ""},
        {0: ALL, 0x40: "", 0x41: ""},
        [(1024, (0x40, 0), 0), (21, (0, 0), 21), (1, (0, 21), 1)],
        {0: "0+22", 0x40: ALL, 0x41: ALL},
    ),
    "2 chunks, across two borders": (
        {0: f"0+{HALF}", 1: "", 2: f"{HALF}+{HALF}"},
        {0: "0+7", 1: "3+5 121+10", 2: f"{HALF + 12}+2"},
        [(1024, (0, HALF), 15), (1024, None, 0), (1, None, 0)],
        {0: ALL, 1: ALL, 2: ALL},
    ),
    "a chunk and a quarter, across a border": (
        {0: ALL, 1: f"0+{THREE_QUARTERS}", 2: f"0+{THREE_QUARTERS}", 3: ""},
        {0: ALL, 1: f"{HALF}+{HALF // 2 + 1}", 2: "170+1", 3: "341+1"},
        [(640, (2, THREE_QUARTERS), 1), (640, None, 0), (1, (1, THREE_QUARTERS), 1)],
        {0: ALL, 1: f"0+{THREE_QUARTERS + 1}", 2: ALL, 3: ALL},
    ),
    "7 chunks and 5 pages, all free": (
        dict.fromkeys(range(8), ""),
        {0: "50+1", 1: "31+1", 2: "7+1", 3: "200+1", 4: "3+1", 5: "51+1", 6: "20+1", 7: "1+1"},
        [(7 * 512 + 5, (0, 0), 8), (7 * 512 + 5, None, 0), (1, (7, 5), 0)],
        {**dict.fromkeys(range(7), ALL), 7: "0+6"},
    ),
    # The first chunk's summary is the last one mapped on its page; the next page is not mapped.
    "a summary beside an unmapped one": (
        {LAST_OF_PAGE: "", FAR: ""},
        {},
        [(511, (LAST_OF_PAGE, 0), 0), (1, (LAST_OF_PAGE, 511), 0), (1, (FAR, 0), 0), (511, (FAR, 1), 0), (1, None, 0)],
        {LAST_OF_PAGE: ALL, FAR: ALL},
    ),
    # The search for 100 pages passes the second chunk's 16 GiB: their first address is not in use, and no search_addr.
    "a candidate for search_addr that is not in use": (
        {0: "0+511", FAR + 0x503: "0+502 511+1", 2 * FAR: ""},
        {},
        [(1, (0, 511), 0), (100, (2 * FAR, 0), 0), (9, (FAR + 0x503, 502), 0)],
        {0: ALL, FAR + 0x503: ALL, 2 * FAR: "0+100"},
    ),
    "such a candidate, and a run inside a chunk": (
        {0: "0+511", FAR + 0x503: "0+502 511+1", 2 * FAR: "0+1 511+1"},
        {},
        [(1, (0, 511), 0), (100, (2 * FAR, 1), 0), (9, (FAR + 0x503, 502), 0)],
        {0: ALL, FAR + 0x503: ALL, 2 * FAR: "0+101 511+1"},
    ),
}


@pytest.mark.parametrize("name", ALLOC_CASES)
def test_alloc_takes_the_lowest_run(engine: Engine, name: str) -> None:
    before, scavenged, hits, after = ALLOC_CASES[name]
    for base in bases(max(before)):
        with PageHeap(engine, before, scavenged, base) as heap:
            for npages, where, scavenged_pages in hits:
                assert heap.alloc(npages) == (where, scavenged_pages)
            heap.check(after, scavenged)


@pytest.mark.parametrize("npages", [1, 2, 3, 4, 5, 8, 16, 64, 1024, 1025, 2048, 2049])
def test_alloc_until_nothing_is_left(engine: Engine, npages: int) -> None:
    with PageHeap(engine, dict.fromkeys(range(4), "")) as heap:
        count = 4 * CHUNK_PAGES // npages
        for i in range(count):
            assert heap.alloc(npages) == (divmod(i * npages, CHUNK_PAGES), 0)
        assert heap.alloc(npages) == (None, 0)
        taken = [min(max(count * npages - chunk * CHUNK_PAGES, 0), CHUNK_PAGES) for chunk in range(4)]
        heap.check({chunk: f"0+{n}" if n else "" for chunk, n in enumerate(taken)})


def test_one_heap_at_both_ends_of_the_address_space(engine: Engine) -> None:
    last = LAST_CHUNK - 1  # from chunk 1
    with PageHeap(engine, {0: "", last: ""}, base=1) as heap:
        assert heap.alloc(500) == ((0, 0), 0)
        assert heap.alloc(500) == ((last, 0), 0)
        assert heap.alloc(12) == ((0, 500), 0)
        assert heap.alloc(12) == ((last, 500), 0)
        assert heap.alloc(1) == (None, 0)
        assert heap.pages.search_addr == ADDRESS_LIMIT
        heap.free(last, 511, 1)
        assert heap.alloc(1) == ((last, 511), 0)
        heap.free(0, 0, 512)
        heap.check({0: "", last: ALL})


def test_a_search_starts_where_the_last_one_saw_a_free_page(engine: Engine) -> None:
    with PageHeap(engine, {0: "0+100 101+299", 1: ALL, 2: ""}) as heap:
        for npages, seen in [(5, (0, 100)), (600, (0, 100)), (1, (0, 100)), (3, (0, 405))]:
            heap.alloc(npages)
            assert heap.place(heap.pages.search_addr) == seen
        heap.free(0, 50, 1)
        assert heap.place(heap.pages.search_addr) == (0, 50)


# --- Free ------------------------------------------------------------------------------------------------------------

# name: (allocated before, pages freed at a time, where, allocated after)
FREE_CASES: dict[str, tuple[Description, int, list[tuple[int, int]], Description]] = {
    "1 page": ({0: ALL}, 1, [(0, i) for i in range(5)], {0: "5+507"}),
    "1 page of each chunk": (
        {0: ALL, 1: ALL, 2: ALL},
        1,
        [(0, HALF), (1, 0), (2, 511)],
        {0: f"0+{HALF} {HALF + 1}+{HALF - 1}", 1: "1+511", 2: "0+511"},
    ),
    "2 pages": ({0: ALL}, 2, [(0, 2 * i) for i in range(5)], {0: "10+502"}),
    "2 pages, across a border": ({0: "511+1", 1: "0+1"}, 2, [(0, 511)], {0: "", 1: ""}),
    "5 pages": ({0: ALL}, 5, [(0, 5 * i) for i in range(5)], {0: "25+487"}),
    "64 pages": ({0: ALL}, 64, [(0, 0), (0, 64), (0, 128)], {0: "192+320"}),
    "65 pages": ({0: ALL}, 65, [(0, 0), (0, 65), (0, 130)], {0: "195+317"}),
    "a chunk": ({0: ALL}, 512, [(0, 0)], {0: ""}),
    "a chunk, across a border": ({0: f"{HALF}+{HALF}", 1: f"0+{HALF}"}, 512, [(0, HALF)], {0: "", 1: ""}),
    "a chunk and a page": ({0: ALL, 1: ALL}, 513, [(0, HALF)], {0: f"0+{HALF}", 1: f"{HALF + 1}+{HALF - 1}"}),
    "2 chunks": ({0: ALL, 1: ALL}, 1024, [(0, 0)], {0: "", 1: ""}),
    "2 chunks, across two borders": (
        {0: ALL, 1: ALL, 2: ALL},
        1024,
        [(0, HALF)],
        {0: f"0+{HALF}", 1: "", 2: f"{HALF}+{HALF}"},
    ),
    "7 chunks and 5 pages": (
        dict.fromkeys(range(8), ALL),
        7 * 512 + 5,
        [(0, 0)],
        {**dict.fromkeys(range(7), ""), 7: "5+507"},
    ),
}


@pytest.mark.parametrize("name", FREE_CASES)
def test_free_gives_pages_back(engine: Engine, name: str) -> None:
    before, npages, places, after = FREE_CASES[name]
    for base in bases(max(before)):
        with PageHeap(engine, before, base=base) as heap:
            for place in places:
                heap.free(*place, npages)
            heap.check(after)


def test_what_is_freed_is_allocated_again(engine: Engine) -> None:
    with PageHeap(engine, dict.fromkeys(range(8), "")) as heap:
        for npages in (4096, 4096, 4096, 1, 4096):
            assert heap.alloc(npages) == ((0, 0), 0)
            heap.free(0, 0, npages)
            heap.check()


def test_pages_that_are_free_are_not_freed(engine: Engine) -> None:
    with PageHeap(engine, {0: "0+5"}) as heap, pytest.raises(BROKEN, match="PA4"):
        heap.free(0, 4, 2)


def test_no_pages_are_not_allocated(engine: Engine) -> None:
    with PageHeap(engine, {0: ""}) as heap, pytest.raises(BROKEN, match="PA6"):
        heap.alloc(0)


# --- Model -----------------------------------------------------------------------------------------------------------


class Model:
    """The same, as one string of bytes per range of chunks: 1 for a page that is taken or cached."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self.first = {low * CHUNK_PAGES: bytearray((high - low) * CHUNK_PAGES) for low, high in ranges}
        self.scavenged = {low: bytearray(b"\1" * len(pages)) for low, pages in self.first.items()}

    def alloc(self, npages: int) -> tuple[int | None, int]:
        """(first page, how many were scavenged)."""
        for low, pages in sorted(self.first.items()):
            i = pages.find(bytes(npages))
            if i >= 0:
                pages[i : i + npages] = b"\1" * npages
                scavenged = sum(self.scavenged[low][i : i + npages])
                self.scavenged[low][i : i + npages] = bytes(npages)
                return low + i, scavenged
        return None, 0

    def free(self, page: int, npages: int) -> None:
        """Give pages back."""
        low = max(low for low in self.first if low <= page)
        self.first[low][page - low : page - low + npages] = bytes(npages)

    def drawn(self, chunk: int) -> str:
        """A chunk, as PageHeap draws it."""
        low = max(low for low in self.first if low <= chunk * CHUNK_PAGES)
        at = slice(chunk * CHUNK_PAGES - low, (chunk + 1) * CHUNK_PAGES - low)
        pairs = zip(self.first[low][at], self.scavenged[low][at], strict=True)
        text = "".join(".s#!"[2 * taken + scavenged] for taken, scavenged in pairs)
        return "\n".join(text[row : row + 64] for row in range(0, CHUNK_PAGES, 64))


RANGES = [(0, 3), (4, 6), (FAR, FAR + 2)]


@pytest.mark.parametrize("base", [1, GO_BASE, LAST_CHUNK - FAR - 1])
def test_random_operations_against_a_model(engine: Engine, base: int, seed: int) -> None:
    draw = random.Random(seed)
    with PageHeap(engine, {}, base=base) as heap:
        model = Model(RANGES)
        for low, high in draw.sample(RANGES, len(RANGES)):
            assert engine.call(grow, heap.pages, heap.addr(low), (high - low) * CHUNK_BYTES)
        live: list[tuple[int, int]] = []
        for step in range(400):
            if live and draw.random() < 0.48:
                page, npages = live.pop(draw.randrange(len(live)))
                heap.free(*divmod(page, CHUNK_PAGES), npages)
                model.free(page, npages)
            else:
                npages = draw.choice([1, 1, 1, 2, 3, 5, 16, 60, 64, 65, 200, 512, 700, 1100])
                where, scavenged = model.alloc(npages)
                assert heap.alloc(npages) == (None if where is None else divmod(where, CHUNK_PAGES), scavenged)
                if where is not None:
                    live.append((where, npages))
            if step % 40 == 39:
                heap.check()
                for chunk in (chunk for low, high in RANGES for chunk in range(low, high)):
                    assert heap.drawn(chunk) == model.drawn(chunk), f"chunk {chunk}, step {step}"


# --- Refusals --------------------------------------------------------------------------------------------------------


def grown_heap(engine: Engine, refuse_at: int) -> tuple[PageHeap, int]:
    """A heap that grew four times, each time until it succeeded; and how often it was refused."""
    heap = PageHeap(engine, {})
    heap.stats.refuse_at = heap.stats.requests + refuse_at if refuse_at else 0
    refused = 0
    for chunk, count in [(0, 1), (1, 3), (FAR, 2), (LAST_CHUNK - GO_BASE, 1)]:
        while not engine.call(grow, heap.pages, heap.addr(chunk), count * CHUNK_BYTES):
            refused += 1
            heap.check()
        assert heap.alloc(count * CHUNK_PAGES) == ((chunk, 0), count * CHUNK_PAGES)
    return heap, refused


def totals(heap: PageHeap) -> tuple[int, ...]:
    """What is held of the system, and what for."""
    stats = heap.stats
    check_memory_stats(stats)
    return stats.reserved, stats.prepared, stats.ready, stats.gc.bytes, stats.other.bytes


def test_any_request_can_be_refused_and_nothing_is_lost_or_counted_twice(engine: Engine) -> None:
    heap, _ = grown_heap(engine, 0)
    with PageHeap(engine, {}) as fresh:
        requests = heap.stats.requests - fresh.stats.requests
    with heap:
        assert requests > 10
        for nth in range(1, requests + 1):
            again, refused = grown_heap(engine, nth)
            with again:
                assert refused == 1
                assert totals(again) == totals(heap)
                assert again.in_use() == heap.in_use()
                again.check()


# --- The check -------------------------------------------------------------------------------------------------------


def broken(heap: PageHeap, tag: str) -> None:
    """Break one invariant of a heap with some pages allocated in chunk 0."""
    data = chunk_of(heap.pages, heap.base)
    leaves, parents = (level_of(heap.pages.summary, level) for level in (4, 3))
    if tag == "PA1 leaf":
        leaves[heap.base] = 0
    elif tag == "PA1 parent":
        parents[heap.base >> 3] = 0
    elif tag == "PA1 bits":
        data.alloc.words[7] = 1 << 63
    elif tag == "PA2":
        heap.pages.search_addr = heap.addr(0, 6)
    elif tag == "PA3":
        heap.pages.search_addr = heap.addr(9)
    else:
        data.scavenged.words[0] = 1


@pytest.mark.parametrize("tag", ["PA1 leaf", "PA1 parent", "PA1 bits", "PA2", "PA3", "PA5"])
def test_the_check_sees_a_broken_invariant(engine: Engine, tag: str) -> None:
    with PageHeap(engine, {0: "0+5"}) as heap:
        heap.check()
        broken(heap, tag)
        with pytest.raises(Failure, match=tag[:2]):
            heap.check()
