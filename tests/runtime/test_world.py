"""Several threads, each with a P: they allocate at once, stop each other, come and go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from runtime import collect, world
from runtime import heap as root
from runtime.background_scavenger import run_scavenger, stop_scavenger
from runtime.host_thread import HostThread
from runtime.lock import CENTRAL_LOCK, HEAP_LOCK, LockOrder, Mutex, lock, mutex_init, unlock
from runtime.mem_sample import set_mem_profile_rate
from runtime.memory_control import free_os_memory
from runtime.memstats import MemStats, read_mem_stats
from runtime.p import P_IDLE, P_RUNNING, P_STOPPED, P_SYSCALL
from runtime.proc import G
from runtime.profile_records import read_records
from runtime.syspy import Failure, is_nil, load, store, u64
from tests.runtime import workers
from tests.runtime.engines import BROKEN
from tests.runtime.heaps import HeapUnderTest, make_type

pytestmark = pytest.mark.full_on_python

NODE = make_type(24, [0], "node")


class Threads:
    """Python threads with a goroutine each. `run` waits for all, and raises what the first of them raised."""

    def __init__(self, heap: HeapUnderTest) -> None:
        self.heap = heap
        self.results: list[Any] = []

    def attach(self) -> G:
        return G.at(self.heap.call(root.attach, self.heap.state))

    def body(self, f: Callable[..., Any], arguments: tuple[Any, ...], g: G) -> None:
        try:
            self.results.append(self.heap.call(f, g, *arguments))
        except BaseException as error:
            self.results.append(error)
            self.heap.call(world.abandon, g.p)
        self.heap.call(root.detach, g)

    def start(self, f: Callable[..., Any], *arguments: Any, g: G | None = None) -> threading.Thread:
        thread = threading.Thread(target=self.body, args=(f, arguments, self.attach() if g is None else g), daemon=True)
        thread.start()
        return thread

    def join(self, threads: list[threading.Thread]) -> list[Any]:
        for thread in threads:
            thread.join(timeout=120)
            assert not thread.is_alive(), "a thread hangs"
        for result in self.results:
            if isinstance(result, BaseException):
                raise result
        return self.results


@pytest.fixture
def in_host(heap: HeapUnderTest) -> HeapUnderTest:
    """A heap whose first thread is in the host: others need not wait for it."""
    heap.call(world.leave, heap.p)
    return heap


def rounds(heap: HeapUnderTest, python: int, native: int) -> int:
    return python if heap.engine.name == "python" else native


def test_threads_allocate_side_by_side(in_host: HeapUnderTest) -> None:
    threads = Threads(in_host)
    stops = in_host.state.world.stops
    count = rounds(in_host, 1, 2000)
    results = threads.join([threads.start(workers.churn, NODE, count, seed) for seed in range(1, 4)])
    assert results == [count * 2 * workers.LIST_LENGTH] * 3
    in_host.call(world.enter, in_host.p)
    assert in_host.state.world.ps_count == 4
    assert in_host.state.gc.num_gc > 0 or in_host.engine.name == "python"
    # Who wants to collect and finds it done has not stopped the others for it.
    assert in_host.state.world.stops - stops == in_host.state.gc.num_gc
    in_host.gc()
    assert in_host.objects() == set()


def test_threads_share_the_memory_profile(in_host: HeapUnderTest) -> None:
    heap = in_host
    heap.call(set_mem_profile_rate, heap.state, 1)
    threads = Threads(heap)
    threads.join([threads.start(workers.churn, NODE, rounds(heap, 1, 50), seed) for seed in range(1, 4)])
    heap.call(world.enter, heap.p)
    heap.call(collect.gc, heap.g)
    m = MemStats()
    heap.call(read_mem_stats, heap.g, m)
    records = read_records(heap.heap.specials.profile)
    assert sum(record.alloc_bytes for record in records) == m.total_alloc
    assert sum(record.alloc_bytes - record.free_bytes for record in records) == m.heap_alloc
    states = set()
    p = heap.state.world.ps
    while not is_nil(p):
        assert p.m_cache.sampler.rate == 1
        states.add(p.m_cache.sampler.random)
        p = p.next
    assert len(states) == 4, "no two Ps have the same distances"


def test_a_thread_collects_while_others_allocate(in_host: HeapUnderTest) -> None:
    threads = Threads(in_host)
    times = rounds(in_host, 10, 2000)
    churners = [threads.start(workers.churn, NODE, rounds(in_host, 1, 1000), seed) for seed in (5, 6)]
    threads.join([*churners, threads.start(workers.collect_often, times)])
    in_host.call(world.enter, in_host.p)
    assert in_host.state.gc.num_forced_gc == times
    assert in_host.state.world.stops >= times


def test_a_large_object_is_zeroed_in_pieces_between_which_the_world_may_stop(in_host: HeapUnderTest) -> None:
    """Its old contents are no pointers: a collection in the middle would throw at one."""
    threads = Threads(in_host)
    size = rounds(in_host, 300_000, 64 << 20)
    large = threads.start(workers.allocate_large, make_type(8, [0]), size, rounds(in_host, 3, 20))
    threads.join([large, threads.start(workers.collect_often, rounds(in_host, 6, 1000))])
    in_host.call(world.enter, in_host.p)
    assert max(result for result in threads.results if result is not None) > 0


def test_memory_goes_back_while_threads_allocate(new_heap: Callable[..., HeapUnderTest]) -> None:
    """By a thread that wants all of it back, and by the background, which is made to work all the time."""
    heap = new_heap(debug="heapcheck=1")
    heap.call(world.leave, heap.p)
    heap.heap.scavenger.pacer.sleep_ratio = heap.heap.scavenger.pacer.controller.least = 1000.0
    background = HostThread(
        lambda: heap.call(run_scavenger, heap.state), lambda: heap.call(stop_scavenger, heap.state)
    )
    threads = Threads(heap)
    churners = [threads.start(workers.churn, NODE, rounds(heap, 1, 300), seed) for seed in (11, 12)]
    threads.join([*churners, threads.start(workers.free_os_memory_often, rounds(heap, 3, 100))])
    assert background.stop()
    assert background.failure is None
    heap.call(world.enter, heap.p)
    heap.call(free_os_memory, heap.g)
    assert (heap.heap.memory.heap_free.bytes, heap.heap.memory.heap_in_use.bytes) == (0, 0)


def test_stress_with_threads(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gcstress=7,clobberfree=1,gccheckmark=1")
    heap.call(world.leave, heap.p)
    threads = Threads(heap)
    threads.join([threads.start(workers.churn, NODE, rounds(heap, 1, 5), seed) for seed in (8, 9)])
    heap.call(world.enter, heap.p)
    assert heap.state.gc.stress_collections > 10


def test_who_stops_the_world_waits_for_who_runs_and_not_for_the_host(heap: HeapUnderTest) -> None:
    threads = Threads(heap)
    absent = threads.attach()
    running = threads.start(workers.run_until_stopped)
    while heap.state.world.ps.status != P_RUNNING:
        pass
    heap.call(world.stop_the_world, heap.p)
    statuses = {heap.state.world.ps.id: heap.state.world.ps.status, absent.p.id: absent.p.status}
    assert statuses == {2: P_STOPPED, 1: P_STOPPED}
    heap.check()
    assert running.is_alive()
    heap.call(world.start_the_world, heap.p)
    assert threads.join([running])[0] >= 0
    assert absent.p.status == P_SYSCALL


def test_who_comes_back_while_the_world_is_stopped_waits(heap: HeapUnderTest) -> None:
    threads = Threads(heap)
    g = threads.attach()
    heap.call(world.stop_the_world, heap.p)
    assert heap.state.world.stopping == world.STOPPING  # nobody needs to be woken
    allocating = threads.start(workers.churn, NODE, 1, 1, g=g)
    until = time.monotonic() + 60
    while heap.state.world.stopping != world.ASLEEP and time.monotonic() < until:
        time.sleep(0.01)
    found = heap.state.world.stopping
    assert allocating.is_alive()
    assert threads.results == []
    heap.call(world.start_the_world, heap.p)
    assert heap.state.world.stopping == world.GOING
    allocating.join(timeout=60)
    assert threads.results == [2 * workers.LIST_LENGTH]
    assert found == world.ASLEEP


def test_ps_and_goroutines_are_used_again(heap: HeapUnderTest) -> None:
    threads = Threads(heap)
    first = threads.attach()
    first.alloc_site = 7
    heap.call(root.detach, first)
    assert first.p.status == P_IDLE
    again, other = threads.attach(), threads.attach()
    assert (again.p.id, other.p.id, heap.state.world.ps_count) == (1, 2, 3)
    assert (again, again.alloc_site) == (first, 0)
    heap.call(root.detach, again)
    heap.call(root.detach, other)


def test_what_a_thread_has_in_its_roots_survives_the_collection_of_another(heap: HeapUnderTest) -> None:
    threads = Threads(heap)
    other = threads.attach()
    kept = heap.malloc(64)
    other.shadow_top = other.shadow_base + 8
    store(u64, other.shadow_base, kept)
    heap.malloc(64)
    heap.gc()
    assert heap.objects() == {kept}
    heap.call(root.detach, other)
    heap.gc()
    assert heap.objects() == set()


def test_a_failure_with_the_world_stopped_does_not_leave_it_so(heap: HeapUnderTest) -> None:
    threads = Threads(heap)
    heap.call(world.stop_the_world, heap.p)
    with pytest.raises(Failure, match="broken on purpose"):
        heap.call(workers.break_down, heap.g)
    heap.call(world.abandon, heap.p)
    assert heap.p.status == P_SYSCALL
    threads.join([threads.start(workers.churn, NODE, 1, 1)])
    heap.call(world.enter, heap.p)


def test_wrong_changes_of_status_are_noticed(heap: HeapUnderTest) -> None:
    with pytest.raises(Failure, match="WD2: a P is entered that is in use"):
        heap.call(world.enter, heap.p)
    with pytest.raises(Failure, match="WD2: the world is started by who has not stopped it"):
        heap.call(world.start_the_world, heap.p)
    with pytest.raises(Failure, match="the thread has not left"):
        heap.call(root.detach, heap.g)
    heap.call(world.leave, heap.p)
    with pytest.raises(Failure, match="WD2: a P is left that does not run"):
        heap.call(world.leave, heap.p)
    heap.call(world.enter, heap.p)


def test_a_collection_that_another_thread_made_is_not_made_again(heap: HeapUnderTest) -> None:
    """All want to collect; whoever comes second finds when the world stands that it has been done."""
    threads = Threads(heap)
    gs = [threads.attach() for _ in range(3)]
    heap.call(lock, heap.state.world.stopper)
    waiting = [threads.start(workers.collect_unforced, g=g) for g in gs]
    deadline = time.monotonic() + 60
    while not all(is_waiting_to_stop(g) for g in gs):
        assert time.monotonic() < deadline
    heap.call(unlock, heap.state.world.stopper)
    heap.call(world.leave, heap.p)
    threads.join(waiting)
    heap.call(world.enter, heap.p)
    assert heap.state.gc.num_gc == 1


def is_waiting_to_stop(g: G) -> bool:
    """Whether collect_unforced has decided, and left to wait for its turn."""
    return load(u64, g.shadow_base) == 1 and g.p.status == P_SYSCALL


# --- The lock order --------------------------------------------------------------------------------------------------


def ordered() -> tuple[LockOrder, Mutex, Mutex, Mutex]:
    return LockOrder(), Mutex(), Mutex(), Mutex()


def test_locks_are_taken_in_their_order(any_engine: Any) -> None:
    order, heap_lock, one, two = ordered()
    any_engine.call(mutex_init, heap_lock, HEAP_LOCK, order)
    for central in (one, two):
        any_engine.call(mutex_init, central, CENTRAL_LOCK, order)
    any_engine.call(lock, heap_lock)
    any_engine.call(lock, one)
    with pytest.raises(BROKEN, match="LK3: a lock is taken against the order"):
        any_engine.call(lock, two)
    order.held[0] = 1 << HEAP_LOCK | 1 << CENTRAL_LOCK
    any_engine.call(unlock, one)
    any_engine.call(unlock, heap_lock)
    assert order.thread[0] == 0
    any_engine.call(lock, one)
    with pytest.raises(BROKEN, match="LK3"):
        any_engine.call(lock, heap_lock)


def test_a_lock_is_given_back_by_who_took_it(any_engine: Any) -> None:
    order, heap_lock, one, _ = ordered()
    any_engine.call(mutex_init, heap_lock, HEAP_LOCK, order)
    any_engine.call(mutex_init, one, CENTRAL_LOCK, order)
    any_engine.call(lock, heap_lock)
    any_engine.call(lock, one)
    any_engine.call(unlock, one)
    with pytest.raises(BROKEN, match="LK3: a lock is given back"):
        any_engine.call(unlock, one)
