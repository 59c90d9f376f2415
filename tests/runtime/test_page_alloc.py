"""The page allocator against Go's cases, against a model, and with every request to the system refused once."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime.layout import (
    ADDRESS_LIMIT,
    CHUNK_BYTES,
    CHUNK_PAGES,
    LEVEL_SHIFT,
    LOG_CHUNK_BYTES,
    PAGE_SIZE,
    PHYS_PAGE_SIZE,
    SUMMARY_BYTES,
)
from runtime.os_memory import check_memory_stats
from runtime.page_alloc import chunk_of, grow
from runtime.page_summaries import level_of, sum_end, sum_max, sum_start
from runtime.syspy import Failure
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.page_heaps import GO_BASE, LAST_CHUNK, PAGE_HEAP_ROOTS, PageHeap
from tests.runtime.page_model import Model
from tests.runtime.tables import cases, chunks, go_table, place

ROOTS = PAGE_HEAP_ROOTS

ALL = f"0+{CHUNK_PAGES}"
FAR = 0x100000  # chunks: four tebibytes
LAST_OF_PAGE = PHYS_PAGE_SIZE // SUMMARY_BYTES - 1  # the chunk whose summary is the last on its physical page

Case = dict[str, Any]


def at(where: str) -> tuple[int, int]:
    """A place that is somewhere."""
    found = place(where)
    assert found is not None
    return found


def bases(highest: int) -> list[int]:
    """Where a case of chunks up to `highest` is tried: at both ends of the address space, and where Go's heap is.

    Each but the first is a multiple of the chunks whose summaries share a physical page.
    """
    last = LAST_CHUNK - highest
    return [1, GO_BASE, last if highest < LAST_OF_PAGE else last // (LAST_OF_PAGE + 1) * (LAST_OF_PAGE + 1)]


# --- Grow ------------------------------------------------------------------------------------------------------------


@cases("page_alloc", "grow")
def test_grow_adds_address_space(engine: Engine, case: Case) -> None:
    added = [int(chunk, 0) for chunk in case["chunks"]]
    in_use = [tuple(int(end, 0) for end in ends.split("-")) for ends in case["in_use"]]
    for base in bases(max(added)):
        with PageHeap(engine, dict.fromkeys(added, ""), base=base) as heap:
            assert heap.in_use() == in_use
            assert (heap.pages.start - base, heap.pages.end - base) == (0, max(added) + 1)
            assert heap.pages.search_addr == heap.addr(0)
            heap.check(dict.fromkeys(added, ""))


def test_ranges_that_come_out_of_order_merge(engine: Engine) -> None:
    with PageHeap(engine, dict.fromkeys([4, 0, 2, 3, 1], "")) as heap:
        assert heap.in_use() == [(0, 5)]
        heap.check(dict.fromkeys(range(5), ""))


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


@cases("page_alloc", "alloc")
def test_alloc_takes_the_lowest_run(engine: Engine, case: Case) -> None:
    before, scavenged = chunks(case["before"]), chunks(case["scavenged"])
    for base in bases(max(before)):
        with PageHeap(engine, before, scavenged, base) as heap:
            for npages, where, scavenged_pages in case["hits"]:
                assert heap.alloc(npages) == (place(where), scavenged_pages)
            heap.check(chunks(case["after"]), scavenged)


def test_a_search_passes_addresses_that_are_not_in_use_on_its_way_into_a_chunk(engine: Engine) -> None:
    # As DiscontiguousBadSearchAddr, but the 100 pages lie inside of a chunk.
    before = {0: "0+511", FAR + 0x503: "0+502 511+1", 2 * FAR: "0+1 511+1"}
    for base in bases(2 * FAR):
        with PageHeap(engine, before, base=base) as heap:
            assert heap.alloc(1) == ((0, 511), 0)
            assert heap.alloc(100) == ((2 * FAR, 1), 0)
            assert heap.alloc(9) == ((FAR + 0x503, 502), 0)
            heap.check({0: ALL, FAR + 0x503: ALL, 2 * FAR: "0+101 511+1"})


@pytest.mark.parametrize("npages", go_table("page_alloc")["exhaust"]["npages"])
def test_alloc_until_nothing_is_left(engine: Engine, npages: int) -> None:
    with PageHeap(engine, dict.fromkeys(range(4), "")) as heap:
        count = 4 * CHUNK_PAGES // npages
        for i in range(count):
            assert heap.alloc(npages) == (divmod(i * npages, CHUNK_PAGES), 0)
        assert heap.alloc(npages) == (None, 0)
        taken = [min(max(count * npages - chunk * CHUNK_PAGES, 0), CHUNK_PAGES) for chunk in range(4)]
        heap.check({chunk: f"0+{n}" if n else "" for chunk, n in enumerate(taken)})


def test_a_search_starts_where_the_last_one_saw_a_free_page(engine: Engine) -> None:
    with PageHeap(engine, {0: "0+100 101+299", 1: ALL, 2: ""}) as heap:
        for npages, seen in [(5, (0, 100)), (600, (0, 100)), (1, (0, 100)), (3, (0, 405))]:
            heap.alloc(npages)
            assert heap.place(heap.pages.search_addr) == seen
        heap.free(0, 50, 1)
        assert heap.place(heap.pages.search_addr) == (0, 50)


# --- The whole address space -----------------------------------------------------------------------------------------

LOW, HIGH = 0, LAST_CHUNK - 1  # the first and the last chunk there can be, counted from chunk 1
ROOT_CHUNKS = 1 << LEVEL_SHIFT[0] - LOG_CHUNK_BYTES  # under one entry of the root level: 16 GiB
ENDS = [(LOW, LOW + 2), (GO_BASE - 1, GO_BASE + 1), (HIGH - 1, HIGH + 1)]


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


def sums(heap: PageHeap, chunk: int) -> list[tuple[int, int, int]]:
    """The summaries over a chunk, from the root down: free pages at the start, at most, at the end."""
    found = []
    for level in range(5):
        packed = level_of(heap.pages.summary, level)[heap.addr(chunk) >> LEVEL_SHIFT[level]]
        found.append((sum_start(packed), sum_max(packed), sum_end(packed)))
    return found


def test_summaries_at_both_ends(engine: Engine) -> None:
    with PageHeap(engine, {LOW: "", HIGH: "0+12"}, base=1) as heap:
        # Chunk 0 is nobody's, so nothing starts at the low end; the last page of the last chunk ends every entry.
        assert sums(heap, LOW) == [(0, 512, 0)] * 4 + [(512, 512, 512)]
        assert sums(heap, HIGH) == [(0, 500, 500)] * 5
        assert (heap.addr(HIGH) + CHUNK_BYTES, heap.addr(HIGH) >> LEVEL_SHIFT[0]) == (ADDRESS_LIMIT, (1 << 14) - 1)
        assert heap.alloc(500) == ((LOW, 0), 0)
        assert heap.alloc(500) == ((HIGH, 12), 0)
        assert sums(heap, LOW) == [(0, 12, 0)] * 4 + [(0, 12, 12)]
        assert sums(heap, HIGH) == [(0, 0, 0)] * 5
        heap.free(HIGH, 511, 1)
        assert sums(heap, HIGH) == [(0, 1, 1)] * 5
        heap.check({LOW: "0+500", HIGH: "0+511"})
        assert heap.in_use() == [(LOW, LOW + 1), (HIGH, HIGH + 1)]
        assert heap.pages.in_use.ranges[1].limit == ADDRESS_LIMIT


@pytest.mark.parametrize("border", [ROOT_CHUNKS, 8 * ROOT_CHUNKS, LAST_CHUNK + 1 - ROOT_CHUNKS])
def test_a_run_across_the_border_of_two_root_entries(engine: Engine, border: int) -> None:
    with PageHeap(engine, {-2: ALL, -1: "0+400", 0: "300+212"}, base=border) as heap:
        assert heap.addr(0) % (1 << LEVEL_SHIFT[0]) == 0
        assert heap.alloc(413) == (None, 0)
        assert heap.alloc(412) == ((-1, 400), 0)
        heap.free(-1, 500, 300)
        assert heap.alloc(288) == ((-1, 500), 0)
        heap.check({-2: ALL, -1: ALL, 0: "0+276 288+224"})


@pytest.mark.parametrize("base", [ROOT_CHUNKS, LAST_CHUNK + 1 - ROOT_CHUNKS])
def test_a_root_entry_that_is_all_free(engine: Engine, base: int) -> None:
    every = ROOT_CHUNKS * CHUNK_PAGES
    with PageHeap(engine, {}, base=base) as heap:
        assert engine.call(grow, heap.pages, heap.addr(0), ROOT_CHUNKS * CHUNK_BYTES)
        assert sums(heap, 0)[0] == (every, every, every)
        assert heap.alloc(every + 1) == (None, 0)
        assert heap.alloc(every) == ((0, 0), every)
        assert sums(heap, 0) == [(0, 0, 0)] * 5
        heap.free(ROOT_CHUNKS - 1, 0, CHUNK_PAGES)
        assert sums(heap, 0)[0] == (0, CHUNK_PAGES, CHUNK_PAGES)
        assert heap.alloc(CHUNK_PAGES) == ((ROOT_CHUNKS - 1, 0), 0)
        heap.free(0, 0, every)
        assert sums(heap, 0)[0] == (every, every, every)


# --- Free ------------------------------------------------------------------------------------------------------------


@cases("page_alloc", "free")
def test_free_gives_pages_back(engine: Engine, case: Case) -> None:
    before = chunks(case["before"])
    for base in bases(max(before)):
        with PageHeap(engine, before, base=base) as heap:
            for where in case["frees"]:
                heap.free(*at(where), case["npages"])
            heap.check(chunks(case["after"]))


@cases("page_alloc", "alloc_and_free")
def test_what_is_freed_is_allocated_again(engine: Engine, case: Case) -> None:
    with PageHeap(engine, chunks(case["before"])) as heap:
        for step, npages, where in case["steps"]:
            if step == "alloc":
                assert heap.alloc(npages) == (at(where), 0)
            else:
                heap.free(*at(where), npages)
            heap.check()


def test_pages_that_are_free_are_not_freed(engine: Engine) -> None:
    with PageHeap(engine, {0: "0+5"}) as heap, pytest.raises(BROKEN, match="PA4"):
        heap.free(0, 4, 2)


def test_no_pages_are_not_allocated(engine: Engine) -> None:
    with PageHeap(engine, {0: ""}) as heap, pytest.raises(BROKEN, match="PA6"):
        heap.alloc(0)


# --- Model -----------------------------------------------------------------------------------------------------------


RANGES = [(0, 3), (4, 6), (FAR, FAR + 2)]


@pytest.mark.parametrize(
    ("base", "ranges"), [(1, RANGES), (GO_BASE, RANGES), (LAST_CHUNK - FAR - 1, RANGES), (1, ENDS)]
)
def test_random_operations_against_a_model(engine: Engine, base: int, ranges: list[tuple[int, int]], seed: int) -> None:
    draw = random.Random(seed)
    with PageHeap(engine, {}, base=base) as heap:
        model = Model(ranges)
        for low, high in draw.sample(ranges, len(ranges)):
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
                for chunk in (chunk for low, high in ranges for chunk in range(low, high)):
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
