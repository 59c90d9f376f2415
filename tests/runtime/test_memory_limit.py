"""How large the heap may grow under a memory limit."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from runtime.cycle import limited_goal
from runtime.gc_limiter import LEAST_RUNWAY
from runtime.layout import PAGE_CACHE_PAGES, PAGE_SIZE
from runtime.memory_control import set_memory_limit
from runtime.memory_limit import heap_alloc_bytes, memory_limit_heap_goal
from runtime.memstats import MemStats, read_mem_stats
from runtime.phases import PHASE_START
from runtime.scavenge import IDLE, NO_LIMIT, WORK, ready_bytes
from tests.runtime.heaps import NODE, HeapUnderTest

MB = 1 << 20
KB = 1 << 10
MILLISECOND = 1_000_000  # nanoseconds


@pytest.mark.parametrize(
    ("limit", "ready", "free", "alloc", "marked", "goal"),
    [
        (512 * MB, 300 * MB, 100 * MB, 200 * MB, 50 * MB, 520_764_785),  # nothing but heap: 3 % of headroom
        (512 * MB, 0, 0, 0, 0, 520_764_785),
        (100 * MB, 60 * MB, 10 * MB, 30 * MB, 5 * MB, 80 * MB - 80 * MB // 100 * 3),  # 20 MB are something else
        (100 * MB, 110 * MB, 10 * MB, 80 * MB, 5 * MB, 70 * MB - 70 * MB // 100 * 3),  # 10 MB too much come off twice
        (20 * MB, 10 * MB, 0, 10 * MB, 5 * MB, 19 * MB),  # the least headroom
        (3 * MB, 1 * MB, 0, 0, 0, 1 * MB),  # as much as there is headroom
        (2 * MB, 1 * MB, 0, 0, 0, 1 * MB),
        (100 * MB, 160 * MB, 10 * MB, 110 * MB, 90 * MB, 90 * MB),  # what is not heap exceeds the limit: what is live
        (100 * MB, 160 * MB, 10 * MB, 110 * MB, 7 * KB, 7 * KB),  # the same: not as much as there is headroom
        (100 * MB, 100 * MB, 0, 95 * MB, 94 * MB, 94 * MB),  # never less than what is live
        (0, 10 * MB, 0, 0, 7 * MB, 7 * MB),
        (100 * MB, 10 * MB, 10 * MB, 1 * KB, 0, 97 * MB + 100 * MB % 100 // 100),  # counts of two moments
        (NO_LIMIT, 0, 0, 0, 0, NO_LIMIT - NO_LIMIT // 100 * 3),
    ],
)
def test_the_goal(
    any_engine: HeapUnderTest, limit: int, ready: int, free: int, alloc: int, marked: int, goal: int
) -> None:
    found = any_engine.call(memory_limit_heap_goal, limit, ready, free, alloc, marked)
    assert abs(found - goal) <= 3


def test_the_goal_of_an_empty_heap_without_a_limit_is_gos(any_engine: HeapUnderTest) -> None:
    """With GOGC=off Go's NextGC was 8946670875745004556 once; what was not heap then follows from it."""
    other = 1_150_000
    found = any_engine.call(memory_limit_heap_goal, NO_LIMIT, other, 0, 0, 0)
    assert found == (NO_LIMIT - other) - (NO_LIMIT - other) // 100 * 3
    assert abs(found - 8_946_670_875_745_004_556) < 4 * MB


def test_what_is_ready_is_what_the_statistics_say(heap: HeapUnderTest) -> None:
    for size in (16, 100, 5000, 300_000, 40 << 20):
        heap.rooted(size)
    heap.gc()
    m = MemStats()
    heap.call(read_mem_stats, heap.g, m)
    assert ready_bytes(heap.heap.scavenger, heap.heap.memory) == m.sys - m.heap_released
    assert heap.call(heap_alloc_bytes, heap.heap.stats) == m.heap_alloc


def test_a_limit_is_set_and_asked_for(heap: HeapUnderTest) -> None:
    assert heap.call(set_memory_limit, heap.g, -1) == NO_LIMIT
    assert heap.call(set_memory_limit, heap.g, 50 * MB) == NO_LIMIT
    assert heap.call(set_memory_limit, heap.g, -5) == 50 * MB
    assert heap.call(set_memory_limit, heap.g, NO_LIMIT) == 50 * MB


def test_a_limit_that_is_exceeded_already_wakes_the_background(heap: HeapUnderTest) -> None:
    heap.rooted(2 * MB)
    heap.call(set_memory_limit, heap.g, 100 * MB)
    assert heap.heap.scavenger.wanted == IDLE
    heap.call(set_memory_limit, heap.g, 2 * MB)
    assert heap.heap.scavenger.wanted == WORK


def test_a_change_of_the_limit_counts_at_once(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1)
    heap.rooted(10 * MB)
    heap.gc()
    for limit in (200 * MB, 50 * MB):
        heap.call(set_memory_limit, heap.g, limit)
        goal = heap.call(limited_goal, heap.state)
        assert 0.9 * limit < goal < 0.97 * limit
        assert heap.state.gc.heap_goal == heap.heap.trigger == goal


def test_the_goal_of_a_heap_is_the_limit_less_what_is_not_heap(new_heap: Callable[..., HeapUnderTest]) -> None:
    limit = 512 * MB
    heap = new_heap(gogc=-1)
    heap.rooted(10 * MB)
    heap.gc()
    heap.call(set_memory_limit, heap.g, limit)
    m = MemStats()
    heap.call(read_mem_stats, heap.g, m)
    free = heap.heap.memory.heap_free.bytes
    room = limit - (m.sys - m.heap_released - free - m.heap_alloc)
    assert m.next_gc == room - room // 100 * 3
    assert 520_764_785 - 4 * MB < m.next_gc < 520_764_785


def test_the_lesser_goal_counts(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=100)
    heap.rooted(40 * MB)
    heap.gc()
    by_gogc = heap.state.gc.heap_goal
    heap.call(set_memory_limit, heap.g, 1000 * MB)
    assert heap.state.gc.heap_goal == by_gogc
    heap.call(set_memory_limit, heap.g, 60 * MB)
    assert heap.state.gc.heap_goal == heap.heap.trigger < 60 * MB < by_gogc


def test_a_heap_without_gogc_stays_below_its_limit(new_heap: Callable[..., HeapUnderTest]) -> None:
    """Garbage of several sizes, many times the limit, with a megabyte that lives."""
    limit = 24 * MB
    heap = new_heap(gogc=-1)
    heap.call(set_memory_limit, heap.g, limit)
    heap.rooted(MB)
    sizes = [512 * KB, 100 * KB, 30_000, 8192] if heap.engine.name == "native" else [4 * MB, 512 * KB]
    most = 0
    for size in sizes:
        for _ in range(4 * limit // size):
            heap.malloc(size)
            most = max(most, ready_bytes(heap.heap.scavenger, heap.heap.memory))
    assert most <= limit + PAGE_CACHE_PAGES * PAGE_SIZE, "what a page cache holds cannot be given back"
    assert most > 0.9 * limit
    assert 3 <= heap.state.gc.num_gc <= 8 * len(sizes)
    assert heap.heap.scavenger.released_eager > 0 or len(sizes) == 2


def test_a_limit_below_what_lives_does_no_harm(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="heapcheck=1")
    nodes = heap.list_of(100, NODE)
    heap.rooted(3 * MB)
    heap.call(set_memory_limit, heap.g, MB)
    for _ in range(50):
        heap.malloc(100 * KB)
    heap.gc()
    assert set(nodes) < heap.objects()


def test_a_full_limiter_moves_the_trigger_and_lets_pages_be(heap: HeapUnderTest) -> None:
    heap.rooted(3 * MB)
    heap.call(set_memory_limit, heap.g, 2 * MB)
    heap.gc()
    assert heap.heap.trigger == heap.state.gc.heap_goal == heap.state.gc.heap_marked == 3 * MB
    with slow_collections(heap, 1100):
        heap.gc()
    assert heap.heap.trigger >= 3 * MB + LEAST_RUNWAY
    assert heap.state.gc.heap_goal == 3 * MB
    assert heap.heap.scavenger.is_limiting
    released = heap.heap.scavenger.released_eager
    heap.malloc(40 * KB)
    assert heap.heap.scavenger.released_eager == released
    let_pass(heap, 2000)
    heap.gc()
    assert heap.heap.trigger == heap.state.gc.heap_goal
    assert not heap.heap.scavenger.is_limiting


@contextmanager
def slow_collections(heap: HeapUnderTest, milliseconds: int) -> Iterator[None]:
    """Each collection takes so long by the heap's clock."""

    def told(phase: int) -> int:
        if phase == PHASE_START:
            let_pass(heap, milliseconds)
        return 0

    hook = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)(told)
    heap.state.phase_hook = ctypes.cast(hook, ctypes.c_void_p).value or 0
    yield
    heap.state.phase_hook = 0


def let_pass(heap: HeapUnderTest, milliseconds: int) -> None:
    heap.state.clock_ahead_ns = heap.state.clock_ahead_ns + milliseconds * MILLISECOND


def test_collecting_under_a_limit_that_cannot_be_kept_takes_half_of_the_time(heap: HeapUnderTest) -> None:
    """No death spiral: a program allocates a MB in 10 ms, and a collection takes 400 ms and frees next to nothing."""
    gc = heap.state.gc
    heap.rooted(20 * MB)
    heap.call(set_memory_limit, heap.g, 10 * MB)
    collected, ended = gc.cpu_ns, heap.state.cycle.end_ns
    with slow_collections(heap, 400):
        for _ in range(400):
            let_pass(heap, 10)
            heap.malloc(MB)
    collected = gc.cpu_ns - collected
    ran = heap.state.cycle.end_ns - ended - collected
    assert 1000 * MILLISECOND < collected <= ran + 1000 * MILLISECOND + 2 * max(gc.pause_ns[i] for i in range(256))
    assert heap.state.limiter.last_enabled > 0


def test_giving_back_for_an_allocation_counts_as_collecting(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1)
    s = heap.heap.scavenger
    heap.malloc(30 * MB)
    heap.gc()
    heap.call(set_memory_limit, heap.g, 20 * MB)
    heap.malloc(MB)
    assert s.released_eager > 0
    assert s.assist_ns > 0
    s.assist_ns = 600 * MILLISECOND
    let_pass(heap, 700)
    heap.gc()
    assert s.assist_ns == 0
    assert 400 * MILLISECOND < heap.state.limiter.fill_ns < 700 * MILLISECOND
