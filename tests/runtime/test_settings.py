"""Settings reach the places where they are looked at, and can be changed while a program runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.knobs import NO_MEMORY_LIMIT, Settings
from runtime.layout import PAGE_SIZE
from runtime.mark import mark_root
from runtime.memory_control import set_memory_limit
from runtime.mheap import alloc_span, free_span
from runtime.mspan import MSpan
from runtime.page_alloc import chunk_of
from runtime.settings import SettingWords, apply_settings, set_gc_percent, set_max_procs
from runtime.syspy import Failure
from tests.runtime.heaps import NODE, HeapUnderTest

MIB = 1 << 20
NewHeap = Callable[..., HeapUnderTest]


def test_the_words_are_those_of_the_host() -> None:
    assert tuple(SettingWords.__annotations__) == Settings._fields


def test_settings_reach_the_runtime(heap: HeapUnderTest) -> None:
    settings = Settings(55, 1 << 30, 3, 4, gctrace=1, gccheckmark=1, clobberfree=1, invalidptr=0, madvdontneed=0)
    settings = settings._replace(heapcheck=1, gcstress=9, scavtrace=1, disablethp=1, gcpacertrace=1)
    heap.call(apply_settings, heap.state, SettingWords(**settings._asdict()))
    knobs = heap.state.knobs
    assert (knobs.gogc, heap.heap.scavenger.memory_limit, knobs.max_procs, knobs.processors) == (55, 1 << 30, 3, 4)
    assert (knobs.gc_trace, knobs.gc_check_mark, knobs.gc_check_heap, knobs.gc_stress) == (True, True, True, 9)
    assert (heap.heap.clobber, heap.m_cache.run_bytes) == (True, 0)
    assert heap.state.marker.ignores_bad_pointers
    assert heap.heap.memory.frees_lazily
    assert knobs.scav_trace
    assert knobs.pacer_trace
    assert heap.heap.small_pages
    assert heap.heap.trigger < heap.state.gc.heap_goal == 4 * MIB * 55 // 100
    knobs.gc_trace = knobs.scav_trace = knobs.pacer_trace = False


@pytest.mark.parametrize(("disablethp", "gcstoptheworld", "small"), [(0, 1, False), (1, 1, True), (0, 0, True)])
def test_who_marks_in_steps_has_small_pages(
    heap: HeapUnderTest, disablethp: int, gcstoptheworld: int, small: bool
) -> None:
    settings = Settings(disablethp=disablethp, gcstoptheworld=gcstoptheworld)
    heap.call(apply_settings, heap.state, SettingWords(**settings._asdict()))
    assert heap.heap.small_pages == small


def test_nothing_asked_for_changes_nothing(heap: HeapUnderTest) -> None:
    goal, trigger = heap.state.gc.heap_goal, heap.heap.trigger
    heap.call(apply_settings, heap.state, SettingWords(**Settings()._asdict()))
    assert (heap.state.gc.heap_goal, heap.heap.trigger) == (goal, trigger) == (4 * MIB, trigger)
    assert heap.heap.scavenger.memory_limit == NO_MEMORY_LIMIT
    assert heap.m_cache.run_bytes != 0


@pytest.mark.parametrize(
    ("percent", "gogc"),
    [(50, 50), (0, 0), (-1, -1), (-77, -1), ((1 << 31) - 1, (1 << 31) - 1), ((1 << 32) + 50, 50), (1 << 31, -1)],
)
def test_set_gc_percent(heap: HeapUnderTest, percent: int, gogc: int) -> None:
    """The number is one of 32 bits, as in Go."""
    assert heap.call(set_gc_percent, heap.g, percent) == 100
    assert heap.call(set_gc_percent, heap.g, 100) == gogc


def test_the_goal_follows_at_once(heap: HeapUnderTest) -> None:
    heap.rooted(10 * MIB)
    heap.gc()
    before = heap.state.gc.heap_goal
    heap.call(set_gc_percent, heap.g, 50)
    assert heap.state.gc.heap_goal < before
    heap.call(set_gc_percent, heap.g, -1)
    assert 0.96 * NO_MEMORY_LIMIT < heap.state.gc.heap_goal < 0.98 * NO_MEMORY_LIMIT  # less headroom, as in Go
    heap.call(set_gc_percent, heap.g, 100)
    assert heap.state.gc.heap_goal == before


def test_a_lower_percentage_makes_the_next_allocation_collect(heap: HeapUnderTest) -> None:
    heap.rooted(20 * MIB)
    heap.gc()
    before = heap.state.gc.num_gc
    heap.malloc(8 * MIB)
    assert heap.state.gc.num_gc == before
    heap.call(set_gc_percent, heap.g, 10)
    heap.malloc(MIB)
    assert heap.state.gc.num_gc == before + 1


def test_no_collection_while_it_is_off(heap: HeapUnderTest) -> None:
    heap.call(set_gc_percent, heap.g, -1)
    for _ in range(20):
        heap.malloc(MIB)
    assert heap.state.gc.num_gc == 0
    heap.gc()
    assert heap.state.gc.num_forced_gc == 1


def test_set_memory_limit_and_max_procs(heap: HeapUnderTest) -> None:
    heap.heap.scavenger.memory_limit, heap.state.knobs.max_procs = 7, 2
    assert [heap.call(set_memory_limit, heap.g, n) for n in (-1, 0, 5 * MIB, -9)] == [7, 7, 0, 5 * MIB]
    assert [heap.call(set_max_procs, heap.g, n) for n in (0, 3, -1, 1, 1)] == [2, 2, 3, 3, 1]


def test_a_bad_pointer_is_passed_over_on_demand(new_heap: NewHeap) -> None:
    for debug in ("invalidptr=0", "invalidptr=1", ""):
        heap = new_heap(debug=debug)
        addr = heap.malloc(40_000)
        heap.gc()  # its pages are free now, and lead nowhere
        if debug == "invalidptr=0":
            heap.call(mark_root, heap.state.marker, addr)
        else:
            with pytest.raises(Failure, match="MK1: found bad pointer"):
                heap.call(mark_root, heap.state.marker, addr)


def test_a_collection_survives_a_root_that_dangles(new_heap: NewHeap) -> None:
    heap = new_heap(debug="invalidptr=0")
    addr = heap.malloc(40_000)
    kept = heap.rooted(16, NODE)
    heap.gc()
    heap.root(addr)
    heap.gc()
    assert heap.objects() == {kept}


@pytest.mark.parametrize("lazily", [False, True])
def test_pages_that_are_given_back_lazily_are_cleared_when_used_again(new_heap: NewHeap, lazily: bool) -> None:
    heap = new_heap(debug=f"madvdontneed={int(not lazily)}")
    npages = 20
    addr = heap.malloc(npages * PAGE_SIZE)
    heap.gc()
    bits: Any = chunk_of(heap.heap.pages, addr >> 22)
    page = (addr >> 13) % 512
    for i in range(page, page + npages):
        bits.scavenged.words[i // 64] = bits.scavenged.words[i // 64] | 1 << i % 64
    memory, size = heap.heap.memory, npages * PAGE_SIZE
    memory.heap_free.bytes, memory.heap_released.bytes = 0, memory.heap_released.bytes + size
    memory.ready, memory.prepared = memory.ready - size, memory.prepared + size
    span = MSpan.at(heap.call(alloc_span, heap.heap, heap.p, npages, 1))
    assert (span.start_addr, span.need_zero) == (addr, int(lazily))
    heap.call(free_span, heap.heap, heap.p, span)
