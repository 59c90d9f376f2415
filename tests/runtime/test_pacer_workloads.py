"""The pacer against the simulated programs of Go's mgcpacer_test: what it asserts, as far as it applies to a collector
that stops the world, and figures beside those of Go's controller.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from runtime.pacer import LEAST_TRIGGER, TRIGGER_PARTS
from tests.runtime import pacer_workloads
from tests.runtime.engines import Engine
from tests.runtime.pacer_workloads import Cycle, simulate
from tests.runtime.tables import go_table, section

ROOTS = pacer_workloads.ROOTS
MB = 1 << 20
LIMIT_GOAL = 520_764_785  # 512 MiB less the headroom: Go's figure

WORKLOADS = list(section("pacer", "workloads"))
BY_GOGC = [name for name in WORKLOADS if "Limit" not in name or name == "SteadyMemoryLimit"]
SETTLED = 25  # cycles after which Go wants to see a steady state

# A program that allocates as fast as the pacer takes all programs to do is paced as by Go; the slower one allocates,
# the less floats in Go.
BESIDE_GO = {
    "HeavyStepAlloc": (0.99, 1.01),
    "HeavyJitterAlloc": (0.95, 1.05),
    "Steady": (1.2, 1.35),
    "SteadyMemoryLimit": (1.2, 1.35),
}
FAST = (0.98, 1.2)


@cache
def simulated(engine: Engine, name: str) -> list[Cycle]:
    return simulate(engine.call, name)


@pytest.mark.parametrize("name", BY_GOGC)
def test_a_collection_starts_before_the_goal_and_not_too_early(engine: Engine, name: str) -> None:
    for cycle in simulated(engine, name)[1:]:
        assert cycle.trigger <= cycle.goal
        assert cycle.trigger_ratio >= LEAST_TRIGGER / TRIGGER_PARTS - 0.001
        assert cycle.peak == max(cycle.trigger, cycle.live)


@pytest.mark.parametrize("name", BY_GOGC)
def test_the_goal_beside_that_of_gos_controller(engine: Engine, name: str) -> None:
    least, most = BESIDE_GO.get(name, FAST)
    go: dict[str, Any] = go_table("pacer")["workloads"][name]["go"]
    last = simulated(engine, name)[-1]
    assert least <= last.goal / go["goal"] <= most
    assert 0.85 <= last.trigger / go["trigger"] <= most


@pytest.mark.parametrize("name", [name for name in BY_GOGC if name.startswith("Steady")])
def test_a_steady_program_settles(engine: Engine, name: str) -> None:
    cycles = simulated(engine, name)
    for before, cycle in zip(cycles[SETTLED:], cycles[SETTLED + 1 :], strict=False):
        assert cycle.utilisation == pytest.approx(before.utilisation, abs=0.005)
        assert (cycle.goal, cycle.trigger) == pytest.approx((before.goal, before.trigger), rel=0.005)
        assert 0.75 <= cycle.goal_ratio <= 1


@pytest.mark.parametrize(("name", "change"), [("StepAlloc", 50), ("HeavyStepAlloc", 50), ("StepScannableFrac", 50)])
def test_a_program_that_changes_settles_again(engine: Engine, name: str, change: int) -> None:
    cycles = simulated(engine, name)
    for first, end in ((SETTLED, change), (change + SETTLED, len(cycles))):
        for before, cycle in zip(cycles[first:end], cycles[first + 1 : end], strict=False):
            assert cycle.utilisation == pytest.approx(before.utilisation, abs=0.005)
            assert 0.85 <= cycle.goal_ratio <= 1.0


@pytest.mark.parametrize("name", ["OscAlloc", "JitterAlloc", "HeavyJitterAlloc"])
def test_the_heap_does_not_follow_the_pace_of_allocation(engine: Engine, name: str) -> None:
    """Go's trigger comes earlier when a program is fast for a while; here only what lives counts."""
    cycles = simulated(engine, name)
    for before, cycle in zip(cycles[SETTLED:], cycles[SETTLED + 1 :], strict=False):
        assert cycle.goal == pytest.approx(before.goal, rel=0.03)


def test_a_jump_of_the_live_heap_with_a_high_gogc(engine: Engine) -> None:
    cycles = simulated(engine, "HighGOGC")
    assert cycles[26].live > 10 * cycles[25].live
    for number, cycle in enumerate(cycles, 1):
        if number > 12:
            assert 0.9 <= cycle.goal_ratio <= 1.05


def test_the_runway_of_programs_with_little_to_scan(engine: Engine) -> None:
    for cycle in simulated(engine, "SmallHeapSlowAlloc")[5:]:
        assert 0.75 <= cycle.trigger_ratio <= 0.975
    for cycle in simulated(engine, "MediumHeapSlowAlloc")[9:]:
        assert 0.8 <= cycle.trigger_ratio <= 0.975
        assert cycle.goal_ratio >= 0.9
    large = simulated(engine, "LargeHeapSlowAlloc")[-1]
    assert large.goal - large.trigger < 0.012 * large.live
    assert large.goal_ratio > 0.99


def test_a_limit_that_is_far_away_changes_nothing(engine: Engine) -> None:
    limited = simulated(engine, "SteadyMemoryLimit")
    assert limited == simulated(engine, "Steady")
    assert max(cycle.peak for cycle in limited) < LIMIT_GOAL


@pytest.mark.parametrize("name", ["SteadyMemoryLimitNoGCPercent", "MaintainMemoryLimitNoGCPercent"])
def test_without_gogc_the_heap_grows_to_the_limit(engine: Engine, name: str) -> None:
    for cycle in simulated(engine, name):
        assert cycle.goal == cycle.trigger == cycle.peak == LIMIT_GOAL


def test_the_limit_is_kept_as_the_heap_grows(engine: Engine) -> None:
    cycles = simulated(engine, "MaintainMemoryLimit")
    assert all(cycle.peak <= LIMIT_GOAL for cycle in cycles)
    assert all(cycle.goal == LIMIT_GOAL for cycle in cycles[12:])
    assert not any(cycle.is_limiting for cycle in cycles)


@pytest.mark.parametrize("name", ["ExceedMemoryLimit", "ExceedMemoryLimitNoGCPercent"])
def test_a_program_that_needs_more_than_the_limit_has_half_of_the_time(engine: Engine, name: str) -> None:
    cycles = simulated(engine, name)
    if name.endswith("NoGCPercent"):
        assert all(cycle.goal == LIMIT_GOAL for cycle in cycles[:9])
    assert all(cycle.goal == cycle.live for cycle in cycles[12:])
    for cycle in cycles[30:]:
        assert cycle.is_limiting
        assert cycle.utilisation == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("name", [name for name in WORKLOADS if "Limit" in name])
def test_collecting_takes_half_of_the_time_and_a_second_at_most(engine: Engine, name: str) -> None:
    """In any window; but for the collection that makes the bucket flow over, and what the next ones take longer."""
    cycles = simulated(engine, name)
    for first in range(len(cycles)):
        collected = sum(cycle.collected_ns for cycle in cycles[first:])
        ran = sum(cycle.ran_ns for cycle in cycles[first:])
        longest = max(cycle.collected_ns for cycle in cycles[first:])
        assert collected - ran <= 1_000_000_000 + 2 * longest
