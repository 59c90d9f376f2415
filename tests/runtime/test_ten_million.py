"""Ten million objects in a list, in an array and in a tree: all survive, and all are freed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime import HeapType, Runtime
from tests.runtime.compiled import build_array, build_list, build_tree, count_tree, sum_array, sum_list

N = 10_000_000
SUM = N * (N - 1) // 2


@pytest.fixture(params=[1, 2])
def runtime(request: pytest.FixtureRequest) -> Any:
    """A native runtime that marks with one thread, or with two, and marks again in another way to compare."""
    with Runtime("native", procs=request.param, debug="gccheckmark=1") as made:
        made.describe("pointer", 8, [0])
        made.describe("node", 16, [0])
        made.describe("branch", 16, [0, 8])
        made.load(build_list, sum_list, build_array, sum_array, build_tree, count_tree)
        yield made


def survive(
    runtime: Runtime,
    build: Callable[..., Any],
    kinds: list[HeapType],
    objects: int,
    size: int,
    check: Callable[..., Any],
) -> None:
    """Build a heap of so many objects and bytes, in which GOGC collects too; check it; let it go."""
    held = runtime.hold(runtime.run(build, *kinds, N))
    for _ in range(2):
        runtime.collect()
        stats = runtime.stats()
        assert (stats.heap_objects, stats.heap_alloc) == (objects, size)
        assert runtime.state.gc.heap_marked == size
        assert check(held)
    assert stats.num_gc > 3  # at least one that nobody asked for
    runtime.check()
    held.release()
    runtime.collect()
    assert runtime.stats().heap_objects == 0
    assert runtime.state.heap.pages_in_use == 0


@pytest.mark.slow
def test_in_a_list(runtime: Runtime) -> None:
    kinds = [runtime.types["node"]]
    survive(runtime, build_list, kinds, N, 16 * N, lambda head: runtime.run(sum_list, head) == SUM)


@pytest.mark.slow
def test_in_an_array(runtime: Runtime) -> None:
    kinds = [runtime.types["pointer"], runtime.types["node"]]
    size = 24 * N + -8 * N % 8192
    survive(runtime, build_array, kinds, N + 1, size, lambda array: runtime.run(sum_array, array, N) == SUM)


@pytest.mark.slow
def test_in_a_tree(runtime: Runtime) -> None:
    kinds = [runtime.types["pointer"], runtime.types["branch"]]
    survive(runtime, build_tree, kinds, N, 16 * N, lambda root: runtime.run(count_tree, root) == N)
