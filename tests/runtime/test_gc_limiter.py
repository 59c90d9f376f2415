"""A memory limit leaves a program half of its time."""

from __future__ import annotations

import pytest

from runtime.gc_limiter import (
    LEAST_RUNWAY,
    LIMITER_CAPACITY_NS,
    MOST_RUNWAY,
    GCLimiter,
    accumulate,
    note_collection,
    runway_for,
)
from tests.runtime.engines import Engine
from tests.runtime.tables import go_table

ROOTS = [accumulate, note_collection, runway_for]

MILLISECOND = 1_000_000
MB = 1 << 20


def test_gos_steps(engine: Engine) -> None:
    """Twice, as Go does it: the second time on top of what has overflowed."""
    limiter = GCLimiter()
    full = 0
    for before in (0, 506):
        for step in go_table("gc_limiter")["steps"]:
            ran, collected = (round(step.get(name, 0) * MILLISECOND) for name in ("ran", "collected"))
            was_limiting = limiter.is_limiting
            full += 1
            engine.call(accumulate, limiter, full, ran, collected)
            assert limiter.fill_ns == step["fill"] * MILLISECOND, step["what"]
            assert limiter.is_limiting == step.get("limiting", False), step["what"]
            overflow = step.get("overflow", 0) + before
            assert limiter.overflow_ns == overflow * MILLISECOND, step["what"]
            if limiter.is_limiting:
                assert (limiter.last_enabled == full) == (not was_limiting)


def test_the_bucket_fills_and_drains(engine: Engine) -> None:
    limiter = GCLimiter()
    for number, (ran, collected, fill) in enumerate([(5, 2, 2), (1, 4, 5), (0, 3, 8), (8, 1, 1), (100, 0, 0)], 1):
        engine.call(note_collection, limiter, number, ran * MILLISECOND, collected * MILLISECOND, MB)
        assert (limiter.fill_ns, limiter.runway, limiter.last_enabled) == (fill * MILLISECOND, 0, 0)


def test_a_full_bucket_limits_until_it_drains(engine: Engine) -> None:
    limiter = GCLimiter()
    engine.call(note_collection, limiter, 1, 0, 5 * LIMITER_CAPACITY_NS, MB)
    assert limiter.fill_ns == LIMITER_CAPACITY_NS
    assert limiter.runway != 0
    engine.call(note_collection, limiter, 2, 20 * MILLISECOND, 30 * MILLISECOND, 4 * MB)
    assert limiter.fill_ns == LIMITER_CAPACITY_NS
    assert limiter.runway == pytest.approx(6 * MB, abs=1)
    engine.call(note_collection, limiter, 3, 30 * MILLISECOND, 20 * MILLISECOND, 4 * MB)
    assert (limiter.fill_ns, limiter.last_enabled) == (LIMITER_CAPACITY_NS - 10 * MILLISECOND, 2)
    assert not limiter.is_limiting
    assert limiter.runway == pytest.approx(4 * MB * 10 / 30, abs=1)  # room for another one of 20 ms
    engine.call(note_collection, limiter, 4, 30 * MILLISECOND, 20 * MILLISECOND, 4 * MB)
    assert (limiter.fill_ns, limiter.runway) == (LIMITER_CAPACITY_NS - 20 * MILLISECOND, 0)


@pytest.mark.parametrize(
    ("allocated", "ran", "collected", "runway"),
    [
        (8192, 10_000, 10 * MILLISECOND, 8_192_000),
        (4 * MB, 10 * MILLISECOND, 10 * MILLISECOND, 4 * MB),
        (4 * MB, 10 * MILLISECOND, 1 * MILLISECOND, 4 * MB // 10),
        (0, 10, 10 * MILLISECOND, LEAST_RUNWAY),
        (8192, 0, 10 * MILLISECOND, LEAST_RUNWAY),
        (1 << 40, 1, 1 << 60, MOST_RUNWAY),
    ],
)
def test_the_runway(engine: Engine, allocated: int, ran: int, collected: int, runway: int) -> None:
    assert engine.call(runway_for, allocated, ran, collected) == pytest.approx(runway, abs=1)


@pytest.mark.parametrize("late", [0, 100_000])
def test_half_of_the_time_is_the_programs(engine: Engine, late: int) -> None:
    """A program that allocates a GB a second, where a collection takes 12 ms and the goal is what lives.

    late: nanoseconds that the program runs for longer than it should.
    """
    limiter = GCLimiter()
    ran = collected = 0
    to_allocate = 8192
    for number in range(1, 400):
        run = to_allocate + late
        engine.call(note_collection, limiter, number, run, 12 * MILLISECOND, to_allocate)
        to_allocate = max(8192, limiter.runway)
        if number > 100:
            ran, collected = ran + run, collected + 12 * MILLISECOND
    assert 0.45 < collected / (ran + collected) < 0.55
