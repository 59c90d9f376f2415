"""debug.FreeOSMemory: what is free goes back, and HeapReleased says so truly."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from runtime import Runtime
from runtime.engines import ENGINES
from runtime.layout import PAGE_SIZE
from runtime.memory_control import free_os_memory
from runtime.memstats import MemStats, read_mem_stats
from runtime.syspy import load, memset, u64
from tests.runtime.heaps import HeapUnderTest
from tests.runtime.kernel import backed, resident_bytes

MB = 1 << 20
SCAV_LINE = re.compile(r"scav (\d+) KiB work \(bg\), (\d+) KiB work \(eager\), (\d+) KiB now, (\d+)% util(.*)\n")


def heap_is_backed_as_counted(heap: HeapUnderTest) -> bool:
    """Whether the kernel backs, of the heap's pages, just those that do not count as released."""
    memory = heap.heap.memory
    in_use = heap.heap.pages.in_use
    pages = 0
    for i in range(in_use.count):
        base, limit = in_use.ranges[i].base, in_use.ranges[i].limit
        pages += sum(backed(base, (limit - base) // PAGE_SIZE, PAGE_SIZE))
    return bool(pages * PAGE_SIZE == memory.heap_in_use.bytes + memory.heap_free.bytes)


def test_everything_free_goes_back(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1)
    kept = heap.rooted(100_000)
    memset(kept, 1, 100_000)
    for _ in range(16):
        memset(heap.malloc(4 * MB), 7, 4 * MB)
    before = resident_bytes()
    heap.call(free_os_memory, heap.g)
    assert before - resident_bytes() > 63 * MB
    memory = heap.heap.memory
    assert memory.heap_free.bytes == 0
    assert memory.heap_in_use.bytes == 106_496
    assert heap_is_backed_as_counted(heap)
    assert load(u64, kept) == 0x0101010101010101
    m = MemStats()
    heap.call(read_mem_stats, heap.g, m)
    assert (m.heap_released, m.heap_idle) == (m.heap_sys - 106_496,) * 2


def test_released_memory_comes_back_zeroed(heap: HeapUnderTest) -> None:
    memset(heap.malloc(8 * MB), 7, 8 * MB)
    heap.call(free_os_memory, heap.g)
    again = heap.rooted(8 * MB)
    assert load(u64, again) == load(u64, again + 8 * MB - 8) == 0
    assert heap.span_of(again).need_zero == 0
    assert heap.heap.memory.heap_in_use.bytes == 8 * MB


def test_lazily_freed_memory_is_zeroed_when_it_comes_back(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1, debug="madvdontneed=0")
    memset(heap.malloc(8 * MB), 7, 8 * MB)
    heap.call(free_os_memory, heap.g)
    assert heap.heap.memory.heap_free.bytes == 0
    again = heap.rooted(8 * MB)
    assert load(u64, again) == load(u64, again + 8 * MB - 8) == 0
    assert heap.span_of(again).need_zero == 1


def test_pages_in_the_page_cache_go_back_too(heap: HeapUnderTest) -> None:
    for size in (16, 100, 1000):
        heap.malloc(size)
    assert heap.state.p0.pages.cache != 0
    heap.call(free_os_memory, heap.g)
    assert heap.state.p0.pages.cache == 0
    heap.check()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_library_gives_memory_back(engine: str) -> None:
    with Runtime(engine) as runtime:
        data = runtime.new_bytes(64 * MB)
        memset(data.address, 1, 64 * MB)
        data.release()
        before = resident_bytes()
        runtime.free_os_memory()
        assert before - resident_bytes() > 63 * MB
        stats = runtime.stats()
        assert stats.heap_sys - stats.heap_inuse == stats.heap_released >= 64 * MB
        assert runtime.set_memory_limit(100 * MB) == (1 << 63) - 1
        assert runtime.set_memory_limit(-1) == 100 * MB


def test_a_heap_that_grows_over_its_goal_gives_back_what_it_cannot_use(new_heap: Callable[..., HeapUnderTest]) -> None:
    """16 MiB are free below 4 that are not, and 24 are wanted."""
    heap = new_heap(gogc=-1)
    for _ in range(2):
        memset(heap.malloc(8 * MB), 7, 8 * MB)
    heap.rooted(4 * MB)
    for _ in range(3):
        heap.gc()
    s, memory = heap.heap.scavenger, heap.heap.memory
    free = memory.heap_free.bytes
    assert free == 16 * MB
    s.gc_percent_goal = 4 * MB + free + 14 * MB
    heap.rooted(24 * MB)
    assert 10 * MB <= s.released_eager <= 12 * MB
    assert memory.heap_free.bytes == free - s.released_eager
    assert (s.growth, memory.heap_in_use.bytes) == (0, 28 * MB)


def test_scavtrace(new_heap: Callable[..., HeapUnderTest], capfd: pytest.CaptureFixture[str]) -> None:
    heap = new_heap(debug="scavtrace=1")
    heap.malloc(MB)
    heap.gc()
    heap.call(free_os_memory, heap.g)
    lines = [SCAV_LINE.fullmatch(line) for line in capfd.readouterr().err.splitlines(keepends=True)]
    assert [line[5] for line in lines if line] == ["", "", " (forced)"], lines
    forced = lines[-1]
    assert forced is not None
    assert forced.groups()[:4] == ("0", "1024", str(heap.heap.memory.heap_released.bytes >> 10), "0")
