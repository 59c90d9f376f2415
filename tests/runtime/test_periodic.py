"""Two minutes after the last collection there is another one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from runtime import Runtime
from runtime.engines import ENGINES
from runtime.mcache import MOST_LIVE_BATCH
from runtime.pacer import LEAST_RUNWAY
from runtime.periodic import FORCE_GC_PERIOD_NS
from tests.runtime.heaps import HeapUnderTest
from tests.runtime.test_gctrace import LINE, stderr_of

KB = 1 << 10
SECOND = 1_000_000_000
FIRST_LOOK = 2 * MOST_LIVE_BATCH  # bytes of small objects after which a thread has looked at the clock


def let_pass(heap: HeapUnderTest, seconds: int) -> None:
    heap.state.clock_ahead_ns = heap.state.clock_ahead_ns + seconds * SECOND


def allocate(heap: HeapUnderTest, size: int) -> int:
    """Allocate so many bytes in small objects. Returns how many collections that took."""
    before = heap.state.gc.num_gc
    for _ in range(size // KB):
        heap.malloc(KB)
    return int(heap.state.gc.num_gc - before)


def test_the_period_is_gos() -> None:
    assert FORCE_GC_PERIOD_NS == 2 * 60 * SECOND


def test_a_program_that_allocates_little_collects_every_two_minutes(heap: HeapUnderTest) -> None:
    heap.rooted(100 * KB)
    heap.gc()
    for _ in range(3):
        let_pass(heap, 119)
        assert allocate(heap, FIRST_LOOK) == 0
        let_pass(heap, 2)
        assert allocate(heap, FIRST_LOOK) == 1
    gc = heap.state.gc
    assert (gc.num_gc, gc.num_forced_gc) == (4, 1)
    assert gc.heap_marked == gc.heap_marked // KB * KB == 104 * KB
    assert gc.floating <= LEAST_RUNWAY


def test_before_a_large_object_a_thread_looks_at_the_clock(heap: HeapUnderTest) -> None:
    heap.gc()
    let_pass(heap, 121)
    heap.malloc(40 * KB)
    assert heap.state.gc.num_gc == 2
    heap.malloc(40 * KB)
    assert heap.state.gc.num_gc == 2


def test_each_goroutine_looks(heap: HeapUnderTest) -> None:
    heap.gc()
    let_pass(heap, 121)
    heap.run_on(1)
    assert allocate(heap, FIRST_LOOK) == 1
    heap.run_on(0)
    assert allocate(heap, FIRST_LOOK) == 0


def test_none_before_the_first_collection(heap: HeapUnderTest) -> None:
    let_pass(heap, 100_000)
    assert allocate(heap, FIRST_LOOK) == 0


def test_none_while_gogc_is_off(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1)
    heap.gc()
    let_pass(heap, 121)
    assert allocate(heap, FIRST_LOOK) == 0
    heap.state.knobs.gogc = 100
    assert allocate(heap, FIRST_LOOK) == 1


def test_gctrace_says_who_asked(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gctrace=1")
    assert stderr_of(heap.gc).endswith("(forced)\n")
    let_pass(heap, 121)
    found = stderr_of(lambda: heap.root(heap.malloc(40 * KB)))
    assert re.fullmatch(r"GC forced\n" + LINE.pattern, found)
    assert not found.endswith("(forced)\n")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_embedder_that_does_nothing_keeps_what_it_has(engine: str) -> None:
    with Runtime(engine) as runtime:
        runtime.collect()
        kept = runtime.new_bytes(40 * KB)
        kept.release()
        runtime.state.clock_ahead_ns = 1000 * SECOND
        assert runtime.stats().num_gc == 1
        assert len(list(runtime.objects())) == 1
        runtime.new_bytes(40 * KB)
        assert (runtime.stats().num_gc, runtime.stats().num_forced_gc) == (2, 1)
