"""When to collect."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.pacer import (
    NO_GOAL,
    heap_goal,
    heap_minimum,
    percent_of,
    trigger_below,
    with_floating,
)
from tests.runtime.heaps import HeapUnderTest

MB = 1 << 20


@pytest.mark.parametrize(
    ("marked", "stack", "global_bytes", "gogc", "goal"),
    [
        (0, 0, 0, 100, 4 * MB),
        (2 * MB, 0, 0, 100, 4 * MB),
        (2 * MB + 1, 0, 0, 100, 4 * MB + 2),
        (10 * MB, 0, 0, 100, 20 * MB),
        (10 * MB, MB, MB, 100, 22 * MB),
        (10 * MB, 0, 0, 50, 15 * MB),
        (10 * MB, 0, 0, 200, 30 * MB),
        (10 * MB, 0, 0, 0, 10 * MB),
        (0, 0, 0, 25, MB),
        (0, 0, 0, 1000, 40 * MB),
        (10 * MB, 0, 0, -1, NO_GOAL),
        (1 << 46, 0, 0, 100, 1 << 47),
        (1 << 46, 0, 0, (1 << 31) - 1, NO_GOAL),
        (1 << 62, 0, 0, 100, NO_GOAL),
    ],
)
def test_goals(any_engine: Any, marked: int, stack: int, global_bytes: int, gogc: int, goal: int) -> None:
    assert any_engine.call(heap_goal, marked, stack, global_bytes, gogc) == goal


@pytest.mark.parametrize("gogc", [1, 7, 99, 100, 101, 12345, (1 << 31) - 1])
def test_the_minimum_is_a_share_of_4_mib(any_engine: Any, gogc: int) -> None:
    assert any_engine.call(heap_minimum, gogc) == 4 * MB * gogc // 100


@pytest.mark.parametrize("part", [0, 1, 99, 12345, 1 << 40])
def test_percentages_are_exact(any_engine: Any, part: int) -> None:
    for gogc in (0, 1, 33, 100, 999):
        assert any_engine.call(percent_of, part, gogc) == part * gogc // 100


@pytest.mark.parametrize(
    ("marked", "gogc", "counted"),
    [(0, 100, 0), (10_000, 100, 13_700), (10_000, 50, 11_850), (10_000, 400, 13_700), (10_000, -1, 10_000)],
)
def test_what_floats_in_go_is_counted(any_engine: Any, marked: int, gogc: int, counted: int) -> None:
    assert any_engine.call(with_floating, marked, gogc) == counted


@pytest.mark.parametrize(
    ("goal", "marked", "gogc", "trigger"),
    [
        (4 * MB, 0, 100, 4 * MB - 4 * MB // 100 * 20),
        (20_000, 10_000, 100, 18_000),
        (50_000, 10_000, 400, 48_000),
        (15_000, 10_000, 50, 14_000),
        (10_000, 10_000, 0, 10_000),
        (NO_GOAL, 10_000, -1, NO_GOAL),
    ],
)
def test_triggers(any_engine: Any, goal: int, marked: int, gogc: int, trigger: int) -> None:
    assert any_engine.call(trigger_below, goal, marked, gogc) == trigger


def test_a_heap_starts_with_the_minimum(new_heap: Any) -> None:
    goals = [new_heap(gogc=gogc).state.gc.heap_goal for gogc in (100, 50, -1)]
    assert goals[:2] == [4 * MB, 2 * MB]
    assert goals[2] > NO_GOAL // 100 * 96  # the memory limit's, which is none


def test_a_collection_comes_when_the_trigger_would_be_passed(heap: HeapUnderTest) -> None:
    assert heap.heap.trigger == 3355444
    for _ in range(12):
        heap.rooted(256 << 10)
    assert (heap.state.gc.num_gc, heap.heap.heap_live) == (0, 3 * MB)
    heap.rooted(200 << 10)
    assert heap.state.gc.num_gc == 0
    heap.rooted(8 << 10)
    assert heap.state.gc.num_gc == 1
    assert heap.state.gc.heap_marked == 3 * MB + (200 << 10)
    assert heap.state.gc.heap_goal == 2 * heap.call(with_floating, 3 * MB + (200 << 10), 100) + 8 * 13


def test_garbage_is_collected_once_per_trigger(heap: HeapUnderTest) -> None:
    for _ in range(256):
        heap.malloc(64 << 10)
    assert heap.state.gc.num_gc == 256 // (3355444 // (64 << 10))
    assert heap.heap.memory.heap_in_use.bytes <= 4 * MB


def test_gogc_off_never_collects(new_heap: Any) -> None:
    heap = new_heap(gogc=-1)
    for _ in range(100):
        heap.malloc(100 << 10)
    assert heap.state.gc.num_gc == 0
    heap.gc()
    assert (heap.state.gc.num_gc, heap.state.gc.num_forced_gc) == (1, 1)


def test_live_bytes_are_whole_spans_at_refill(heap: HeapUnderTest) -> None:
    heap.malloc(16)
    assert heap.heap.heap_live + heap.p.live == 504 * 16
    heap.malloc(1000)
    assert heap.heap.heap_live + heap.p.live == 504 * 16 + 8 * 1024
    heap.malloc(40_000)
    assert heap.heap.heap_live + heap.p.live == 504 * 16 + 8 * 1024 + 40_960
