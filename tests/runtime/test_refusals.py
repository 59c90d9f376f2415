"""The system refuses: the n-th request of a scenario, for every n; and from the n-th on, all of them.

Each time the outcome is a clean "out of memory", or success by collecting; what was allocated before reads back; every
invariant holds and every page is counted once; with the system willing again everything works; and after close the
kernel has all of it back.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runtime.heap import Runtime, close_runtime, runtime_init
from runtime.layout import HEAP_ARENA_BYTES, PHYS_PAGE_SIZE, align_up
from runtime.os_memory import (
    MAP_NORESERVE,
    MAP_PRIVATE_ANONYMOUS,
    PROT_READ_WRITE,
    MemoryStats,
    check_memory_stats,
    mmap,
    sys_reserve,
    sys_unreserve,
)
from runtime.syspy import Failure, sizeof, store, u64
from runtime.work_queue import ROOM, set_limit
from tests.runtime.allocator_model import AllocatorModel, Object
from tests.runtime.heaps import NODE, NONE, SHADOW_BYTES, WORD, HeapUnderTest, engine_named, make_type
from tests.runtime.recount import check_pages

KIB, MIB = 1 << 10, 1 << 20
ALL_MORE = 1 << 62  # requests: as many as there are
WIDE = make_type(512, list(range(0, 512, 8)))
SCALARS = make_type(24, [16])


class Scenario:
    """A heap under test, its model, and what became of each thing that was tried."""

    def __init__(self, engine: Any) -> None:
        self.heap = HeapUnderTest(engine, gogc=-1)
        self.model = AllocatorModel(self.heap)
        self.did: Counter[str] = Counter()

    def malloc(self, size: int, typ: Any = NONE, slot: int = 0) -> None:
        """An object in the model, if there is memory."""
        pointers = [] if typ is NONE else [16] if typ is SCALARS else list(range(0, size, 8))
        with self.perhaps():
            self.model.malloc(size, typ, pointers, slot)

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """Something that works, or ends with a clean error."""
        try:
            yield
        except Failure as failure:
            if failure.text != "out of memory":
                raise
            self.did["refused"] += 1
        else:
            self.did["done"] += 1

    def hold(self, one: Object) -> None:
        """A handle, or none."""
        self.did["done" if self.model.new_handle(one) else "refused"] += 1

    def check(self) -> None:
        """Everything that must hold while the system refuses nothing."""
        self.heap.check()
        check_memory_stats(self.heap.heap.memory)
        check_pages(self.heap)
        self.model.check_contents()
        self.model.check_apart()


# --- Scenarios -------------------------------------------------------------------------------------------------------


def growth(s: Scenario) -> None:
    """Small objects of all kinds, until the heap has grown several times."""
    for slot, (size, typ) in enumerate(
        [(8, WORD), (16, NODE), (3, NONE), (100, NONE), (24, SCALARS), (600, WORD), (5000, NONE), (32_760, WORD)]
    ):
        s.malloc(size, typ, slot)
    for slot in range(8, 20):
        s.malloc(900 * KIB, NONE, slot)


def large_objects(s: Scenario) -> None:
    """Large ones, with and without pointers, some in the place of others that died."""
    for slot, (size, typ) in enumerate([(33_000, NONE), (3 * MIB, NONE), (1 * MIB, WORD), (6 * MIB, NONE)]):
        s.malloc(size, typ, slot)
    for slot in (1, 3):
        s.malloc(4 * MIB, NONE, slot)
    s.heap.collect()
    s.malloc(9 * MIB, NONE, 5)


def many_arenas(s: Scenario) -> None:
    """An object larger than an arena; then somebody is in the way, and the heap goes on elsewhere, and again."""
    others = MemoryStats()
    taken = []
    for size in (HEAP_ARENA_BYTES + MIB, 30 * MIB, 60 * MIB):
        with s.perhaps():
            s.heap.malloc(size, NONE, zero=False)
        if s.heap.heap.arena_end != 0:
            taken.append(sys_reserve(others, s.heap.heap.arena_end, HEAP_ARENA_BYTES))
    for start in taken:
        sys_unreserve(others, start, HEAP_ARENA_BYTES)
    s.malloc(100, NONE, 0)


def wide_graph(s: Scenario) -> None:
    """A collection whose queue grows: a tree of 64 times 64 objects."""
    at = s.heap.g.shadow_top
    s.heap.root(0)
    count = 0
    with s.perhaps():
        root = s.heap.malloc(512, WIDE)
        store(u64, at, root)
        count += 1
        for i in range(64):
            holder = s.heap.malloc(512, WIDE)
            store(u64, root + 8 * i, holder)
            count += 1
            for j in range(64):
                store(u64, holder + 8 * j, s.heap.malloc(16, NODE))
                count += 1
    queue = s.heap.state.marker.queue
    set_limit(queue, queue.base + ROOM + 512)  # that it has to grow soon
    s.heap.collect()
    marked = s.heap.state.gc.heap_marked
    s.heap.gc()
    assert s.heap.state.gc.heap_marked == marked
    assert count <= len(s.heap.objects())
    s.heap.g.shadow_top = at


def handles(s: Scenario) -> None:
    """Handles, until their table has grown twice; most are ended again."""
    s.malloc(64, NONE, 0)
    for one in list(s.model.objects.values()):
        for _ in range(1030):
            s.hold(one)
        for handle in sorted(s.model.handles)[5:]:
            s.model.free_handle(handle)


def garbage(s: Scenario) -> None:
    """Memory that is full of garbage, unswept: what is asked for then is there already."""
    for _ in range(3):
        for size in (1 * MIB, 300 * KIB, 40_000, 1000):
            s.malloc(size, NONE, 0)
    s.heap.collect()
    for size in (1 * MIB, 2000, 16, 500 * KIB):
        s.malloc(size, NONE, 1)


LARGE = [pytest.param(scenario, marks=pytest.mark.full) for scenario in (large_objects, wide_graph)]
SCENARIOS = [growth, many_arenas, handles, garbage, *LARGE]


# --- Every n ---------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def frozen() -> None:
    """Each attempt ends with a collection by CPython, which need not look at what was there before the test."""
    gc.collect()
    gc.freeze()


def address_space() -> int:
    """Bytes that this process has mapped."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * PHYS_PAGE_SIZE


def requests_of(engine: Any, scenario: Callable[[Scenario], None]) -> int:
    """How many requests a scenario makes when none is refused."""
    s = Scenario(engine)
    before = s.heap.heap.memory.requests
    scenario(s)
    assert s.did["refused"] == 0
    made = s.heap.heap.memory.requests - before
    s.heap.close()
    return made


def refused_once(engine: Any, scenario: Callable[[Scenario], None], nth: int, more: int, did: Counter[str]) -> None:
    """A scenario whose n-th request is refused, and so many after it; then the same on a system that is willing."""
    s = Scenario(engine)
    memory = s.heap.heap.memory
    memory.refuse_at, memory.refuse_more = memory.requests + nth, more
    scenario(s)
    did.update(s.did)
    assert memory.requests >= memory.refuse_at, "the scenario is over before"
    memory.refuse_at = 0
    s.check()
    s.heap.gc()
    s.model.check_survivors()
    s.check()
    s.did.clear()
    scenario(s)
    assert s.did["refused"] == 0
    s.check()
    s.heap.close()


def check_given_back(attempt: Callable[[], Any]) -> None:
    """After an attempt the kernel has as much back as before. Python's own growth is no growth at every attempt."""
    for _ in range(5):
        before = address_space()
        attempt()
        gc.collect()
        grown = address_space() - before
        if grown <= 0:
            return
    raise AssertionError(f"{grown} bytes are still mapped after close")


def numbers(engine: Any, requests: int, seed: int) -> Iterator[int]:
    """The requests to refuse: every one; with the slow engine every fifth, from one that the seed gives."""
    return iter(
        range(1, requests + 1) if engine.name == "native" else range(1 + seed % min(5, requests), requests + 1, 5)
    )


@pytest.mark.full_on_python
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_one_request_is_refused(any_engine: Any, scenario: Callable[[Scenario], None], seed: int) -> None:
    requests = requests_of(any_engine, scenario)
    for nth in numbers(any_engine, requests, seed):
        did: Counter[str] = Counter()
        check_given_back(partial(refused_once, any_engine, scenario, nth, 0, did))
        # An allocation collects and tries again; a handle does not.
        assert did["refused"] == 0 or scenario is handles, f"request {nth} of {requests}"


@pytest.mark.full_on_python
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_every_request_is_refused_from_one_on(any_engine: Any, scenario: Callable[[Scenario], None], seed: int) -> None:
    requests = requests_of(any_engine, scenario)
    did: Counter[str] = Counter()
    for nth in numbers(any_engine, requests, seed):
        check_given_back(partial(refused_once, any_engine, scenario, nth, ALL_MORE, did))
    if any_engine.name == "native":
        assert did["done"] > 0
        assert did["refused"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.parametrize("more", [0, 2, ALL_MORE])
def test_every_request_on_the_python_engine(scenario: Callable[[Scenario], None], more: int) -> None:
    engine = engine_named("python")
    for nth in range(1, requests_of(engine, scenario) + 1):
        check_given_back(partial(refused_once, engine, scenario, nth, more, Counter()))


# --- Birth -----------------------------------------------------------------------------------------------------------


def born(engine: Any, nth: int, more: int) -> tuple[bool, int]:
    """Make a runtime, its n-th request refused and so many after it, and close it: did it work, and its requests."""
    flags = MAP_PRIVATE_ANONYMOUS | MAP_NORESERVE
    block = mmap(0, align_up(sizeof(Runtime), PHYS_PAGE_SIZE), PROT_READ_WRITE, flags, -1, 0)
    state = Runtime.at(block)
    memory = state.heap.memory
    memory.refuse_at, memory.refuse_more = nth, more
    works = bool(engine.call(runtime_init, state, 100, SHADOW_BYTES))
    requests = memory.requests
    if works or more:
        check_memory_stats(memory)
    memory.refuse_at = 0
    engine.call(close_runtime, state)
    return works, requests


def still_born(engine: Any, nth: int, more: int) -> None:
    """Try to make a runtime on a system that refuses too early."""
    assert not born(engine, nth, more)[0], f"request {nth}"


@pytest.mark.parametrize("more", [0, ALL_MORE])
def test_a_runtime_is_born_or_leaves_nothing(any_engine: Any, more: int) -> None:
    works, requests = born(any_engine, 0, 0)
    assert works
    for nth in range(1, requests + 1):
        check_given_back(partial(still_born, any_engine, nth, more))
    assert born(any_engine, requests + 1, more)[0]
