"""When to collect."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.pacer import (
    CONS_MARK_PERCENT,
    LEAST_RUNWAY,
    NO_GOAL,
    START_RUNWAY,
    SWEEP_DISTANCE,
    floating_after,
    heap_goal,
    heap_minimum,
    pace,
    percent_of,
    runway_for,
    trigger_below,
)
from runtime.settings import set_gc_percent
from tests.runtime.heaps import HeapUnderTest

MB = 1 << 20


@pytest.mark.parametrize(
    ("marked", "root_bytes", "gogc", "distance", "goal"),
    [
        (0, 0, 100, 0, 4 * MB),
        (2 * MB, 0, 100, MB, 4 * MB),
        (2 * MB + 1, 0, 100, MB, 4 * MB + 2),
        (10 * MB, 0, 100, MB, 20 * MB),
        (10 * MB, 2 * MB, 100, MB, 22 * MB),
        (10 * MB, 0, 50, 0, 15 * MB),
        (10 * MB, 0, 200, 0, 30 * MB),
        (10 * MB, 0, 0, 0, 10 * MB),
        (10 * MB, 0, 0, MB, 11 * MB),
        (10 * MB, 0, 5, MB, 11 * MB),
        (0, 0, 25, 0, MB),
        (0, 0, 1000, 0, 40 * MB),
        (10 * MB, 0, -1, MB, NO_GOAL),
        (1 << 46, 0, 100, 0, 1 << 47),
        (1 << 46, 0, (1 << 31) - 1, 0, NO_GOAL),
        (1 << 62, 0, 100, 0, NO_GOAL),
    ],
)
def test_goals(any_engine: Any, marked: int, root_bytes: int, gogc: int, distance: int, goal: int) -> None:
    assert any_engine.call(heap_goal, marked, root_bytes, gogc, distance) == goal


@pytest.mark.parametrize("gogc", [1, 7, 99, 100, 101, 12345, (1 << 31) - 1])
def test_the_minimum_is_a_share_of_4_mib(any_engine: Any, gogc: int) -> None:
    assert any_engine.call(heap_minimum, gogc) == 4 * MB * gogc // 100


@pytest.mark.parametrize("part", [0, 1, 99, 12345, 1 << 40])
def test_percentages_are_exact(any_engine: Any, part: int) -> None:
    for gogc in (0, 1, 33, 100, 999):
        assert any_engine.call(percent_of, part, gogc) == part * gogc // 100


def test_the_runway_grows_with_what_is_scanned(any_engine: Any) -> None:
    for scanned in (0, 12_345, 1 << 40):
        assert any_engine.call(runway_for, scanned) == START_RUNWAY + scanned * CONS_MARK_PERCENT // 100


@pytest.mark.parametrize(
    ("goal", "trigger", "expected", "scanned", "floating"),
    [
        (20 * MB, 17 * MB, 8 * MB, 8 * MB, 3 * MB),  # up to the goal
        (20 * MB, 17 * MB, 8 * MB, 16 * MB, 6 * MB),  # twice as much to scan as was expected
        (20 * MB, 17 * MB, 0, 8 * MB, START_RUNWAY + 8 * MB * CONS_MARK_PERCENT // 100),
        (20 * MB, 10 * MB, 8 * MB, 4 * MB, START_RUNWAY + 4 * MB * CONS_MARK_PERCENT // 100),  # done before it
        (20 * MB, 20 * MB, 8 * MB, 8 * MB, LEAST_RUNWAY),
        (20 * MB, 21 * MB, 8 * MB, 8 * MB, 0),  # the limiter has moved the trigger
        (NO_GOAL, NO_GOAL, 8 * MB, 0, LEAST_RUNWAY),
    ],
)
def test_what_floats_in_go(
    any_engine: Any, goal: int, trigger: int, expected: int, scanned: int, floating: int
) -> None:
    assert abs(any_engine.call(floating_after, goal, trigger, expected, scanned) - floating) <= 1


@pytest.mark.parametrize(
    ("goal", "marked", "runway", "distance", "trigger"),
    [
        (4 * MB, 0, 0, 0, 3_997_696),  # Go's first one
        (64 * MB, 0, 5 * MB, 0, 59 * MB),
        (64 * MB, 0, 60 * MB, 0, 45 * MB),  # not before 45 parts of 64
        (640 * MB, 0, MB, 0, 636 * MB),  # nor after 61 of them, or 4 MiB before the goal
        (128 * MB, 64 * MB, MB, 0, 125 * MB),
        (12 * MB, 10 * MB, 9 * MB, MB, 10 * MB + 2 * MB // 64 * 45),
        (11 * MB, 10 * MB, 9 * MB, MB, 11 * MB),  # the distance for sweeping
        (10 * MB, 10 * MB, 9 * MB, 0, 10 * MB),
        (NO_GOAL, 10_000, MB, MB, NO_GOAL),
    ],
)
def test_triggers(any_engine: Any, goal: int, marked: int, runway: int, distance: int, trigger: int) -> None:
    assert any_engine.call(trigger_below, goal, marked, runway, distance) == trigger


def test_the_pace_is_goal_and_trigger(any_engine: Any) -> None:
    goal, trigger = any_engine.call(pace, 40 * MB, 8 * MB, 2 * MB, 100, False)
    assert (goal, trigger) == (82 * MB, 82 * MB - START_RUNWAY - 10 * MB * CONS_MARK_PERCENT // 100)
    assert any_engine.call(pace, 0, 0, 0, 0, False) == (SWEEP_DISTANCE, SWEEP_DISTANCE)
    assert any_engine.call(pace, 0, 0, 0, 100, True) == (4 * MB, 3_997_696)
    assert any_engine.call(pace, 0, 0, 0, 0, True) == (0, 0)


def test_a_heap_starts_with_the_minimum(new_heap: Any) -> None:
    goals = [new_heap(gogc=gogc).state.gc.heap_goal for gogc in (100, 50, -1)]
    assert goals[:2] == [4 * MB, 2 * MB]
    assert goals[2] > NO_GOAL // 100 * 96  # the memory limit's, which is none


def test_a_collection_comes_when_the_trigger_would_be_passed(heap: HeapUnderTest) -> None:
    assert heap.heap.trigger == 3_997_696  # 3 MiB and 832 KiB
    for _ in range(12):
        heap.rooted(256 << 10)
    assert (heap.state.gc.num_gc, heap.heap.heap_live) == (0, 3 * MB)
    heap.rooted(824 << 10)
    assert heap.state.gc.num_gc == 0
    heap.rooted(16 << 10)
    gc = heap.state.gc
    assert gc.num_gc == 1
    assert gc.heap_marked == 3 * MB + (824 << 10)
    assert gc.floating == 4 * MB - 3_997_696  # what Go allocates on the way to the goal
    assert gc.heap_goal == 2 * (gc.heap_marked + gc.floating) + 8 * 13


def test_garbage_is_collected_once_per_trigger(heap: HeapUnderTest) -> None:
    for _ in range(256):
        heap.malloc(64 << 10)
    first = 3_997_696 // (64 << 10)
    later = (4 * MB - START_RUNWAY) // (64 << 10)
    assert heap.state.gc.num_gc == 1 + (255 - first) // later
    assert heap.heap.memory.heap_in_use.bytes <= 4 * MB


def test_a_program_that_waits_for_the_end_of_a_collection_leaves_nothing_floating(heap: HeapUnderTest) -> None:
    heap.rooted(100 * MB)
    heap.gc()
    assert heap.state.gc.floating == 0
    for gogc, goal in ((100, 200 * MB), (50, 150 * MB), (10, 110 * MB)):
        heap.call(set_gc_percent, heap.g, gogc)
        assert heap.state.gc.heap_goal == pytest.approx(goal, abs=1000)


def test_a_gogc_of_nothing_leaves_a_mib_to_sweep_in(new_heap: Any) -> None:
    heap = new_heap(gogc=0)
    for _ in range(1000):
        heap.malloc(8 << 10)
    collections = heap.state.gc.num_gc
    assert 1 + 8000 // 1024 - 1 <= collections <= 1 + 8000 // 1024 + 1
    assert heap.heap.trigger == heap.state.gc.heap_marked + heap.state.gc.floating + SWEEP_DISTANCE


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
