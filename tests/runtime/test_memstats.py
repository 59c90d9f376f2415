"""runtime.MemStats: Go's identities, and every number recounted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime import heap as root
from runtime import os_memory, output
from runtime.memstats import MemStats, read_mem_stats
from runtime.mspan import MSpan
from runtime.os_memory import PROT_READ_WRITE
from runtime.size_classes import CLASS_TO_SIZE
from runtime.syspy import address, nil, sizeof
from tests.runtime.engines import PythonEngine
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest


def read(heap: HeapUnderTest) -> MemStats:
    m = MemStats()
    heap.call(read_mem_stats, heap.g, m)
    return m


def busy(heap: HeapUnderTest) -> None:
    """Allocate all kinds of objects, keep some, collect now and then."""
    for i in range(300):
        for size, typ in [(1, NONE), (8, WORD), (16, NODE), (100, NONE), (600, WORD), (20_000, NONE), (40_000, NONE)]:
            addr = heap.malloc(size, typ)
            if i % 50 == 0:
                heap.root(addr)
    heap.gc()
    for _ in range(100):
        heap.malloc(48)


def test_it_is_laid_out_as_go_s() -> None:
    assert sizeof(MemStats) == 5776


def test_what_the_fields_are(heap: HeapUnderTest) -> None:
    busy(heap)
    m = read(heap)
    assert m.stack_inuse > 0
    assert 1 == m.num_forced_gc <= m.num_gc
    assert 0 < m.gc_cpu_fraction < 1
    assert m.next_gc == heap.state.gc.heap_goal
    assert [m.by_size[i].size for i in range(61)] == [CLASS_TO_SIZE[i] for i in range(61)]


def test_live_objects_are_the_slots_that_are_taken(heap: HeapUnderTest) -> None:
    busy(heap)
    m = read(heap)
    slots = heap.objects()
    assert m.heap_objects == len(slots)
    assert m.heap_alloc == sum(heap.span_of(addr).elem_size for addr in slots)
    assert m.heap_inuse == sum(span.npages for span in heap.spans()) * 8192
    assert m.mspan_inuse == sizeof(MSpan) * len(list(heap.spans()))


def test_mallocs_are_every_allocation(heap: HeapUnderTest) -> None:
    busy(heap)
    m = read(heap)
    assert m.mallocs == 300 * 7 + 100


def test_a_large_object_counts_in_whole_pages(heap: HeapUnderTest) -> None:
    before = read(heap).total_alloc
    heap.malloc(32_769)
    assert read(heap).total_alloc - before == 40_960


def test_the_share_of_time_is_that_of_the_last_collection(heap: HeapUnderTest) -> None:
    assert read(heap).gc_cpu_fraction == 0.0
    heap.gc()
    first, second = read(heap).gc_cpu_fraction, read(heap).gc_cpu_fraction
    assert 0 < first < 1
    assert first == second


def mark_lines(heap: HeapUnderTest) -> int:
    """Bytes of the lines that pages handed out so far have, in pages of the kernel."""
    return -(-heap.heap.arenas.first.zeroed_base // 8192 * 64 // 4096) * 4096


def test_sys_is_all_that_is_held(heap: HeapUnderTest) -> None:
    """Prepared or Ready, the struct of the Runtime, the stack in use, and the tables over the pages of an arena."""
    busy(heap)
    memory = heap.heap.memory
    runtime = -(-sizeof(type(heap.state)) // 4096) * 4096
    assert read(heap).sys == memory.prepared + memory.ready + runtime + 4096 + 2 * 8192 + mark_lines(heap)


def test_both_ways_to_read_twice(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap()
    busy(heap)
    first, second = read(heap), read(heap)
    for name in ("mallocs", "frees", "heap_alloc", "heap_inuse", "sys"):
        assert getattr(first, name) == getattr(second, name)
    heap.malloc(16)
    assert read(heap).mallocs == first.mallocs + 1


def test_an_empty_runtime_is_small(heap: HeapUnderTest) -> None:
    heap.malloc(16)
    m = read(heap)
    assert m.sys - m.heap_sys < 2 << 20
    assert (m.heap_sys, m.heap_inuse) == (4 << 20, 8192)


def test_every_mapping_is_counted_or_is_known_to_be_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the runtime asks the kernel for, recorded, against `sys`."""
    mapped: dict[int, int] = {}

    def recording_mmap(addr: int, size: int, prot: int, flags: int, fd: int, offset: int) -> int:
        found: int = os_memory_mmap(addr, size, prot, flags, fd, offset)
        if prot == PROT_READ_WRITE:
            mapped[found] = size
        return found

    def recording_munmap(addr: int, size: int) -> int:
        for start in [start for start in mapped if addr <= start < addr + size]:
            del mapped[start]
        return int(os_memory_munmap(addr, size))

    os_memory_mmap, os_memory_munmap = os_memory.mmap, os_memory.munmap
    for module in (os_memory, root, output):
        monkeypatch.setattr(module, "mmap", recording_mmap)
        monkeypatch.setattr(module, "munmap", recording_munmap)
    heap = HeapUnderTest(PythonEngine())
    heap.g.output = output.open_output()
    busy(heap)
    addresses = [heap.g.shadow_base, address(heap.heap.arenas.table), heap.heap.arenas.mark_lines]
    rounded = {start: -(-size // 4096) * 4096 for start, size in mapped.items() if start not in addresses}
    m, slack = read(heap), sum(rounded.values()) - sum(mapped[start] for start in rounded)
    in_use = 4096 + 2 * 8192 + mark_lines(heap)  # of the shadow stack, and of the tables over the pages of one arena
    assert 0 <= sum(rounded.values()) + in_use - m.sys <= slack, "only the ends of last pages may be uncounted"
    output.close_output(heap.g.output)
    heap.g.output = nil(output.Output)
    heap.close()
    assert mapped == {}, "nothing is left when a runtime is closed"
