"""The background sweeper: it sweeps after each collection, stops with the world, and goes when the runtime does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from runtime import Closed, Runtime, world
from runtime.active_sweep import DRAINED, FAILED, IDLE, STOPPED, WANTED
from runtime.arenas import find_object
from runtime.background_sweeper import run_sweeper, stop_sweeper, wake_sweeper
from runtime.collect import collect
from runtime.engines import ENGINES
from runtime.host_thread import GRACE_SECONDS
from runtime.layout import chunk_index
from runtime.periodic import FORCE_GC_PERIOD_NS
from runtime.scavenge_index import set_use
from runtime.sweeper import ensure_swept, finish_sweep
from runtime.syspy import Failure, address
from tests.runtime import workers
from tests.runtime.compiled import churn
from tests.runtime.heaps import HeapUnderTest
from tests.runtime.kernel import mapping
from tests.runtime.test_world import NODE, Threads, in_host, rounds

__all__ = ["in_host"]


def soon(condition: Callable[[], bool]) -> bool:
    """Whether something comes true within some seconds."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return condition()


def threads() -> int:
    """How many threads this process has."""
    return len(os.listdir("/proc/self/task"))


def settled_threads() -> int:
    """The same, once those that are over have left the kernel's list as well."""
    count = threads()
    while (later := threads_after(0.05)) != count:
        count = later
    return count


def threads_after(seconds: float) -> int:
    time.sleep(seconds)
    return threads()


def test_it_sweeps_what_each_collection_leaves(heap: HeapUnderTest) -> None:
    threads = Threads(heap)
    thread = threads.start(run_sweeper)
    sweeper = heap.heap.sweeper
    for _ in range(5):
        for _ in range(8 * 50):
            heap.malloc(1024)
        heap.collect()
        assert soon(lambda: sweeper.state == DRAINED)
        assert heap.heap.pages_in_use == 0
    heap.call(stop_sweeper, heap.g)
    threads.join([thread])
    assert sweeper.wanted == STOPPED
    heap.gc()


def test_it_sweeps_what_is_collected_because_the_time_has_come(heap: HeapUnderTest) -> None:
    threads = Threads(heap)
    thread = threads.start(run_sweeper)
    sweeper = heap.heap.sweeper
    heap.gc()
    assert soon(lambda: sweeper.wanted == IDLE)
    for _ in range(8 * 50):
        heap.malloc(1024)
    heap.state.clock_ahead_ns = FORCE_GC_PERIOD_NS + 1
    heap.malloc(40 << 10)
    assert (heap.state.gc.num_gc, heap.state.gc.num_forced_gc) == (2, 1)
    assert soon(lambda: sweeper.state == DRAINED)
    heap.call(stop_sweeper, heap.g)
    threads.join([thread])


def test_it_is_woken_whether_it_sleeps_or_works(heap: HeapUnderTest) -> None:
    sweeper = heap.heap.sweeper
    for before, after in ((IDLE, WANTED), (WANTED, WANTED), (STOPPED, STOPPED)):
        sweeper.wanted = before
        heap.call(wake_sweeper, sweeper)
        assert sweeper.wanted == after


def test_it_stops_with_the_world(heap: HeapUnderTest) -> None:
    for i in range(rounds(heap, 200, 20_000)):
        addr = heap.malloc(4096)
        if i % 9 == 0:
            heap.root(addr)
    threads = Threads(heap)
    g = threads.attach()
    heap.collect()
    thread = threads.start(run_sweeper, g=g)
    for _ in range(20):
        heap.call(world.stop_the_world, heap.p)
        before = heap.heap.sweeper.pages_swept, heap.heap.sweeper.state
        heap.check()
        assert heap.heap.sweeper.state in (0, DRAINED)  # nobody is in the middle of a span
        assert before == (heap.heap.sweeper.pages_swept, heap.heap.sweeper.state)
        heap.call(world.start_the_world, heap.p)
    heap.call(stop_sweeper, heap.g)
    threads.join([thread])


def test_it_works_beside_threads_that_allocate_and_collect(in_host: HeapUnderTest) -> None:
    heap = in_host
    background, threads = Threads(heap), Threads(heap)
    sweeping = background.start(run_sweeper)
    jobs = [threads.start(workers.churn, NODE, rounds(heap, 1, 1000), seed) for seed in (21, 22)]
    threads.join([*jobs, threads.start(workers.collect_often, rounds(heap, 3, 200))])
    heap.call(stop_sweeper, heap.g)
    background.join([sweeping])
    heap.call(world.enter, heap.p)
    heap.gc()
    assert heap.objects() == set()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_runtime_with_a_background_can_be_looked_at(engine: str) -> None:
    count = settled_threads()
    with Runtime(engine, background=True) as runtime:
        node = runtime.describe("node", 16, pointers=[0])
        kept = [runtime.new(node) for _ in range(300)]
        assert threads() == count + 2
        for _ in range(10):
            for one in kept[::7]:
                one[0] = runtime.new_bytes(1000)
            runtime._run(runtime._engine.call, collect, runtime._g, False)
            runtime.check()
            assert len(list(runtime.objects())) >= 300
        assert soon(lambda: runtime.state.heap.sweeper.state == DRAINED)
        if engine == "native":
            runtime.load(churn)
            assert runtime.parallel(*[(churn, node, 200, 2000)] * 2) == [200 * 2000 * 1999 // 2] * 2
    assert soon(lambda: threads() == count)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_ends_it_is_raised_by_the_next_call_and_nobody_waits_for_it(engine: str) -> None:
    with Runtime(engine, gogc="off", background=True) as runtime:
        kept = [runtime.new_bytes(1000) for _ in range(20)]  # in more spans than the cached one
        sweeper = runtime.state.heap.sweeper
        assert soon(lambda: sweeper.wanted == IDLE)
        _, span, _ = find_object(runtime.state.heap.arenas, kept[0].address)

        @runtime.on_phase
        def miscount(_: object) -> None:
            span.alloc_count = 0

        def collect_twice() -> None:
            runtime.collect(sweep=False)
            assert soon(lambda: sweeper.wanted == FAILED)
            runtime.collect()

        with pytest.raises(Failure, match="W2: sweep increased allocation count"):
            collect_twice()
        with pytest.raises(Closed, match="W2: sweep increased"):
            runtime.collect()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_failure_under_the_lock_of_the_heap_is_raised_by_who_wants_the_lock(engine: str) -> None:
    with Runtime(engine, gogc="off", background=True) as runtime:
        dead = [runtime.new_bytes(10_000) for _ in range(20)]
        heap = runtime.state.heap
        assert soon(lambda: heap.sweeper.wanted == IDLE)
        addr = dead[0].address
        dead.clear()

        @runtime.on_phase
        def miscount(_: object) -> None:
            set_use(heap.pages.index, chunk_index(addr), 0)

        def collect_and_allocate() -> None:
            runtime.collect(sweep=False)
            assert soon(lambda: heap.sweeper.wanted == FAILED)
            runtime.new_bytes(1 << 20)

        with pytest.raises(Failure, match="SI3: more pages taken or freed"):
            collect_and_allocate()
        start, root = time.monotonic(), address(runtime.state)
    assert time.monotonic() - start < GRACE_SECONDS
    assert mapping(root) == ""


@pytest.mark.parametrize("wait", [finish_sweep, ensure_swept])
def test_who_waits_for_what_a_failed_one_was_sweeping_fails_as_well(
    heap: HeapUnderTest, wait: Callable[..., None]
) -> None:
    heap.is_broken = True
    heap.root(heap.malloc(1024))
    heap.collect()
    other = Threads(heap).attach().p
    other.is_sweeping = 1
    heap.heap.sweeper.wanted = FAILED
    span = next(iter(heap.spans()))
    span.sweep_gen = heap.heap.sweep_gen - 1
    heap.heap.sweeper.state = DRAINED
    with pytest.raises(Failure, match="a sweeper has failed on another thread"):
        heap.call(wait, heap.heap, heap.p, *[span][: wait is ensure_swept])
