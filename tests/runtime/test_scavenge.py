"""Pages go back to the system: Go's cases on memory that the kernel really backs; what an allocation gives back."""

from __future__ import annotations

import ctypes
import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runtime.layout import CHUNK_BYTES, CHUNK_PAGES, PAGE_SIZE
from runtime.lock import LockOrder, lock, unlock
from runtime.os_memory import MemoryStats
from runtime.page_bits import ALL_ONES
from runtime.scavenge import (
    Scavenger,
    eager_work,
    give_back,
    scavenge,
    scavenge_one,
    scavenger_init,
    take_candidate,
    wake_scavenger,
)
from runtime.scavenge_index import next_gen
from runtime.scavenge_pacer import NO_SCAVENGE_GOAL
from runtime.syspy import nil
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.kernel import backed
from tests.runtime.page_heaps import PAGE_HEAP_ROOTS, Description, PageHeap, bits, go_cases

ROOTS = [
    *PAGE_HEAP_ROOTS,
    eager_work,
    give_back,
    next_gen,
    scavenge,
    scavenge_one,
    scavenger_init,
    take_candidate,
    unlock,
    wake_scavenger,
]

FAR_FROM_EVERYTHING = 0x180000  # a chunk: 6 TiB up
MAP_FIXED_NOREPLACE = 0x100000
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_FIXED_NOREPLACE
ALL = f"0+{CHUNK_PAGES}"
MB = 1 << 20

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_uint64
libc.mmap.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
libc.munmap.argtypes = [ctypes.c_uint64, ctypes.c_uint64]


@contextmanager
def backed_heap(engine: Engine, allocated: Description, scavenged: Description | None = None) -> Iterator[PageHeap]:
    """A page allocator whose lock is free, its chunks mapped, its pages counted and touched where they should be."""
    with PageHeap(engine, allocated, scavenged, base=FAR_FROM_EVERYTHING) as heap:
        for chunk, taken in allocated.items():
            addr = heap.addr(chunk)
            assert libc.mmap(addr, CHUNK_BYTES, mmap.PROT_READ | mmap.PROT_WRITE, FLAGS, -1, 0) == addr
            released = bits((scavenged or {}).get(chunk, "")) & ~bits(taken)
            for page in range(CHUNK_PAGES):
                if not released >> page & 1:
                    ctypes.memset(addr + page * PAGE_SIZE, 0xAB, PAGE_SIZE)
            used, gone = bits(taken).bit_count(), released.bit_count()
            heap.stats.heap_in_use.bytes += used * PAGE_SIZE
            heap.stats.heap_released.bytes += gone * PAGE_SIZE
            heap.stats.heap_free.bytes += (CHUNK_PAGES - used - gone) * PAGE_SIZE
            heap.stats.ready += (CHUNK_PAGES - gone) * PAGE_SIZE
            heap.stats.prepared += gone * PAGE_SIZE
        engine.call(unlock, heap.lock)
        try:
            yield heap
        finally:
            for chunk in allocated:
                libc.munmap(heap.addr(chunk), CHUNK_BYTES)


def scavenged_pages(heap: PageHeap, nbytes: int, force: bool = True) -> int:
    """How many pages went back for a wish of so many bytes."""
    return int(heap.engine.call(scavenge, heap.pages, nbytes, force)) // PAGE_SIZE


def free_pages(heap: PageHeap, chunk: int, page: int, npages: int) -> None:
    """Free pages, and count them so."""
    heap.engine.call(lock, heap.lock)
    heap.free(chunk, page, npages)
    heap.engine.call(unlock, heap.lock)
    heap.stats.heap_in_use.bytes -= npages * PAGE_SIZE
    heap.stats.heap_free.bytes += npages * PAGE_SIZE


def check_counts(heap: PageHeap, chunks: Description) -> None:
    """The counts, and what the kernel backs, are what the bitmaps say."""
    released = 0
    for chunk in chunks:
        drawing = heap.drawn(chunk).replace("\n", "")
        released += drawing.count("s")
        assert backed(heap.addr(chunk), CHUNK_PAGES, PAGE_SIZE) == [sign != "s" for sign in drawing]
    assert heap.stats.heap_released.bytes == heap.stats.prepared == released * PAGE_SIZE
    total = heap.stats.heap_in_use.bytes + heap.stats.heap_free.bytes
    assert total == heap.stats.ready - heap.stats.gc.bytes - heap.stats.other.bytes


def chunks_of(case: dict[str, Any], key: str) -> Description:
    return {int(chunk): text for chunk, text in case[key].items()}


@pytest.mark.parametrize("case", go_cases("scavenge_page_alloc"), ids=lambda case: case["name"])
def test_pages_go_back_the_highest_first(engine: Engine, case: dict[str, Any]) -> None:
    allocated, scavenged, after = (chunks_of(case, key) for key in ("alloc", "scavenged", "after"))
    with backed_heap(engine, allocated, scavenged) as heap:
        for request, expected in case["steps"]:
            nbytes = {"all": ALL_ONES, "byte": 1}.get(request) or request * PAGE_SIZE
            assert scavenged_pages(heap, nbytes) == expected
            check_counts(heap, allocated)
        heap.check(allocated, after)


def test_the_background_leaves_alone_what_was_freed_in_this_generation(engine: Engine) -> None:
    with backed_heap(engine, {0: "0+100"}) as heap:
        heap.pages.index.search_bg = heap.pages.index.free_high = 0
        free_pages(heap, 0, 50, 30)
        assert scavenged_pages(heap, ALL_ONES, force=False) == 0
        engine.call(next_gen, heap.pages.index)
        assert scavenged_pages(heap, ALL_ONES, force=False) == CHUNK_PAGES - 70
        heap.check({0: "0+50 80+20"}, {0: ALL})


def test_a_dense_chunk_is_given_back_by_force_alone(engine: Engine) -> None:
    with backed_heap(engine, {0: "0+496", 1: "0+495"}) as heap:
        engine.call(next_gen, heap.pages.index)
        engine.call(next_gen, heap.pages.index)
        assert scavenged_pages(heap, ALL_ONES, force=False) == 17
        assert scavenged_pages(heap, ALL_ONES, force=True) == 16
        heap.check({0: "0+496", 1: "0+495"}, {0: ALL, 1: ALL})


def test_pages_above_the_cursor_of_the_background_are_not_forgotten(engine: Engine) -> None:
    """Pages freed in this generation, in the chunk that the background is in, and above where it is."""
    with backed_heap(engine, {0: "0+100 300+100"}, {0: "400+112"}) as heap:
        heap.pages.index.search_bg = heap.addr(0, 60)
        free_pages(heap, 0, 300, 100)
        assert scavenged_pages(heap, ALL_ONES, force=False) == 300
        heap.check({0: "0+100"}, {0: ALL})


def test_a_huge_page_goes_back_as_a_whole(engine: Engine) -> None:
    with backed_heap(engine, {0: ""}) as heap:
        assert scavenged_pages(heap, 1) == CHUNK_PAGES // 2
        heap.check({0: ""}, {0: "256+256"})


def test_a_refusal_changes_nothing(engine: Engine) -> None:
    allocated, scavenged = {0: "0+100 200+50", 1: "7+505"}, {0: "100+20"}
    with backed_heap(engine, allocated, scavenged) as heap:
        for nth, npages, after in [
            (1, 0, {0: "100+20"}),
            (2, 7, {0: "100+20", 1: "0+7"}),
            (2, 262, {0: "100+20 250+262", 1: "0+7"}),
        ]:
            heap.stats.refuse_at = heap.stats.requests + nth
            assert scavenged_pages(heap, ALL_ONES) == npages
            check_counts(heap, allocated)
            heap.check(allocated, after)
        heap.stats.refuse_at = 0
        assert scavenged_pages(heap, ALL_ONES) == 80
        heap.check(allocated, {0: ALL, 1: ALL})
        check_counts(heap, allocated)


def test_a_page_under_way_is_nobodys(engine: Engine) -> None:
    """Between the two holds of the lock the pages are taken, also for another scavenger; a refusal frees them."""
    with backed_heap(engine, {0: "0+500"}) as heap:
        engine.call(lock, heap.lock)
        addr, npages = engine.call(take_candidate, heap.pages, CHUNK_PAGES, True)
        assert (heap.place(addr), npages) == ((0, 500), 12)
        assert heap.alloc(1) == (None, 0)
        assert engine.call(take_candidate, heap.pages, CHUNK_PAGES, True) == (0, 0)
        engine.call(give_back, heap.pages, addr, npages, False)
        heap.check({0: "0+500"})
        assert engine.call(take_candidate, heap.pages, CHUNK_PAGES, True) == (addr, npages)
        engine.call(give_back, heap.pages, addr, npages, True)
        assert engine.call(take_candidate, heap.pages, CHUNK_PAGES, True) == (0, 0)
        heap.check({0: "0+500"}, {0: "500+12"})


def test_pages_that_are_free_are_not_given_back_twice(engine: Engine) -> None:
    with backed_heap(engine, {0: ""}) as heap:
        engine.call(lock, heap.lock)
        with pytest.raises(BROKEN, match="SC1"):
            engine.call(give_back, heap.pages, heap.addr(0, 3), 2, True)


def test_allocation_and_scavenging_in_turn_on_two_threads(engine: Engine) -> None:
    """One thread gives everything back, over and over, while the other allocates, writes, and frees."""
    with backed_heap(engine, dict.fromkeys(range(4), "")) as heap:
        stop = threading.Event()

        def scavenger() -> None:
            while not stop.is_set():
                engine.call(scavenge, heap.pages, 300 * PAGE_SIZE, True)

        thread = threading.Thread(target=scavenger)
        thread.start()
        try:
            for step in range(60 if engine.name == "python" else 1500):
                use_pages(heap, 1 + step * 7 % 200, step % 256)
        finally:
            stop.set()
            thread.join()
        scavenged_pages(heap, ALL_ONES)
        heap.check(dict.fromkeys(range(4), ""), dict.fromkeys(range(4), ALL))


def use_pages(heap: PageHeap, npages: int, sign: int) -> None:
    """Allocate pages, write to them, see what was written, and free them, counted as the heap would."""
    stats, call = heap.stats, heap.engine.call
    call(lock, heap.lock)
    where, released = heap.alloc(npages)
    if where is not None:
        stats.heap_released.bytes -= released * PAGE_SIZE
        stats.heap_free.bytes += released * PAGE_SIZE
    call(unlock, heap.lock)
    if where is not None:
        addr = heap.addr(*where)
        ctypes.memset(addr, sign, npages * PAGE_SIZE)
        assert ctypes.string_at(addr, npages * PAGE_SIZE) == bytes([sign]) * (npages * PAGE_SIZE)
        call(lock, heap.lock)
        heap.free(*where, npages)
        call(unlock, heap.lock)


# --- What an allocation gives back -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_use", "free", "growth", "released", "goal", "limit", "ready", "work"),
    [
        (60, 40, 0, 0, NO_SCAVENGE_GOAL, 1000, 100, (0, False)),  # nothing is wanted
        (60, 40, 4, 0, NO_SCAVENGE_GOAL, 1000, 100, (0, False)),
        (60, 40, 0, 0, 50, 1000, 100, (0, False)),  # over the goal, but the heap did not grow
        (60, 40, 4, 0, 104, 1000, 100, (0, False)),  # at the goal
        (60, 40, 4, 0, 102, 1000, 100, (2, False)),  # over it by less than the growth
        (60, 40, 4, 0, 50, 1000, 100, (4, False)),  # over it by more
        (60, 40, 4, 3, 102, 1000, 100, (0, False)),  # what was released is part of the growth
        (60, 40, 0, 0, NO_SCAVENGE_GOAL, 98, 100, (2, True)),  # beyond the limit
        (60, 40, 4, 0, 50, 99, 100, (4, True)),  # both: the larger one
        (60, 40, 4, 0, 50, 90, 100, (10, True)),
    ],
)
def test_what_an_allocation_gives_back(
    engine: Engine,
    in_use: int,
    free: int,
    growth: int,
    released: int,
    goal: int,
    limit: int,
    ready: int,
    work: tuple[int, bool],
) -> None:
    s, memory = Scavenger(), MemoryStats()
    engine.call(scavenger_init, s, nil(LockOrder))
    s.other_ready = 5 * MB
    memory.heap_in_use.bytes, memory.heap_free.bytes, memory.ready = in_use * MB, free * MB, (ready - 5) * MB
    s.growth, s.gc_percent_goal, s.memory_limit = growth * MB, min(goal * MB, NO_SCAVENGE_GOAL), limit * MB
    assert engine.call(eager_work, s, memory, released * MB) == (work[0] * MB, work[1])
    assert s.growth == 0


def test_nothing_is_done_for_a_limit_that_costs_too_much_time(engine: Engine) -> None:
    s, memory = (
        Scavenger(memory_limit=MB, is_limiting=True, gc_percent_goal=NO_SCAVENGE_GOAL),
        MemoryStats(ready=2 * MB),
    )
    assert engine.call(eager_work, s, memory, 0) == (0, False)
    s.is_limiting = False
    assert engine.call(eager_work, s, memory, 0) == (MB, True)


def test_the_background_is_woken_when_it_has_something_to_do(engine: Engine) -> None:
    s, memory = Scavenger(), MemoryStats()
    engine.call(scavenger_init, s, nil(LockOrder))
    memory.heap_free.bytes = memory.ready = MB
    engine.call(wake_scavenger, s, memory)
    assert s.wanted == 0
    s.gc_percent_goal = MB - 1
    engine.call(wake_scavenger, s, memory)
    assert s.wanted == 1
    s.wanted, s.gc_percent_goal, s.memory_limit_goal = 0, MB, MB - 1
    engine.call(wake_scavenger, s, memory)
    assert s.wanted == 1
    s.wanted = 2
    engine.call(wake_scavenger, s, memory)
    assert s.wanted == 2
