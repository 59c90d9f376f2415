"""A small share of `make soak`, and proof that the driver sees what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runtime.layout import PAGE_SIZE
from runtime.syspy import Failure, load, memset, store, u64
from tests.runtime.engines import NativeEngine
from tests.runtime.heaps import HeapUnderTest, engine_named, native_engine
from tests.runtime.soak import Run
from tests.runtime.soak_driver import DENSE, ENTRIES, Entry, Soak, check_all, soak

pytestmark = pytest.mark.full_on_python


def entries(state: Soak) -> Iterator[tuple[int, Entry]]:
    """The driver's entries, numbered."""
    return ((i, state.entries[i]) for i in range(ENTRIES))


def test_a_hundred_thousand_operations(seed: int) -> None:
    run = Run(native_engine(), seed)
    run.run(100_000, leg=10_000)
    assert not run.missing(), run.did


@pytest.mark.slow
def test_two_million_operations(seed: int) -> None:
    run = Run(native_engine(), seed)
    run.run(2_000_000)
    assert not run.missing(), run.did


def test_operations_on_both_engines(any_engine: Any, seed: int) -> None:
    run = Run(any_engine, seed)
    run.run(600, leg=120)
    assert all(run.did[name] for name in ("tiny", "noscan", "small", "dropped", "checked", "hidden")), run.did


def test_both_engines_do_the_same() -> None:
    states = []
    for engine in ("python", "native"):
        run = Run(engine_named(engine), seed=5)
        heap, state = run.new_heap(used=64)
        heap.call(soak, state, heap.g, 300)
        states.append([(e.number, e.size, e.shape, e.child, e.keeper) for _, e in entries(state)])
        heap.close()
    assert states[0] == states[1]


def started(engine: NativeEngine) -> tuple[HeapUnderTest, Soak, int]:
    """A heap with objects, and an entry whose object has no pointers and a root."""
    run = Run(engine, seed=1)
    heap, state = run.new_heap()
    heap.call(soak, state, heap.g, 20_000)
    heap.call(check_all, state, heap.g)
    roots = [i for i, e in entries(state) if e.number and e.shape == 0 and e.keeper == 0]
    return heap, state, next(i for i in roots if 64 <= state.entries[i].size <= DENSE)


@pytest.mark.parametrize("fault", ["a byte", "a link", "a lost object", "a kept object"])
def test_what_is_wrong_is_seen(fault: str) -> None:
    heap, state, i = started(native_engine())
    heap.is_broken = True
    entry = state.entries[i]
    if fault == "a byte":
        memset(entry.addr + 9, load(u64, entry.addr + 8) >> 8 & 0xFF ^ 1, 1)
        message = "SK2"
    elif fault == "a link":
        keeper = next(state.entries[e.keeper - 1] for _, e in entries(state) if e.number and e.keeper)
        keeper.inside += PAGE_SIZE
        message = "SK2: a link"
    elif fault == "a lost object":
        store(u64, heap.g.shadow_base + 8 * i, 0)
        if entry.handle < 1 << 62:
            heap.state.roots.handles[entry.handle] = 0
        message = "SK[23]"
    else:
        heap.root(heap.malloc(64))
        message = "SK3"
    with pytest.raises(Failure, match=message):
        heap.call(check_all, state, heap.g)
    heap.close()
