"""The pace of the background scavenger: one percent of a processor, whatever its work costs."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from runtime.scavenge_sleep import (
    CAREFUL_RATIO,
    COOLDOWN_NS,
    SleepPacer,
    note_sleep,
    sleep_pacer_init,
    time_to_sleep,
)
from tests.runtime.engines import Engine

ROOTS = [note_sleep, sleep_pacer_init, time_to_sleep]

MILLISECOND = 1_000_000
QUANTUM = 64 << 10
PAGE_NS = 10_000  # what releasing a kernel's page of 4 KiB takes


def pacer(engine: Engine) -> SleepPacer:
    made = SleepPacer()
    engine.call(sleep_pacer_init, made)
    return made


def share_of(
    engine: Engine, p: SleepPacer, rounds: list[int], overslept: Callable[[int], int], processors: int
) -> float:
    """The share of one processor that rounds of so many nanoseconds of work take, as they are paced."""
    worked = slept = 0
    for work in rounds:
        sleep = overslept(engine.call(time_to_sleep, p, work))
        engine.call(note_sleep, p, work, sleep, processors)
        worked += work
        slept += sleep
    return worked / (worked + slept)


def rounds_for(size: int) -> list[int]:
    """The rounds in which so many bytes are released: quanta until a millisecond is full."""
    rounds = [0]
    for done in range(0, size, QUANTUM):
        if rounds[-1] >= MILLISECOND:
            rounds.append(0)
        rounds[-1] += -(-min(QUANTUM, size - done) // 4096) * PAGE_NS
    return rounds


def test_it_takes_one_percent_of_the_time(engine: Engine) -> None:
    """Go's test: 64 MiB less three pages, twice, then all but a MiB."""
    p = pacer(engine)
    whole = (64 << 20) - 3 * 4096
    for size in (whole, whole, whole - (1 << 20) + 3 * 4096):
        assert abs(share_of(engine, p, rounds_for(size), lambda ns: ns, 1) - 0.01) < 0.005


@pytest.mark.parametrize("late", [0, MILLISECOND // 2, 5 * MILLISECOND])
def test_a_kernel_that_wakes_late_is_allowed_for(engine: Engine, late: int) -> None:
    p = pacer(engine)
    share_of(engine, p, [MILLISECOND] * 300, lambda ns: ns + late, 1)
    assert abs(share_of(engine, p, [MILLISECOND] * 100, lambda ns: ns + late, 1) - 0.01) < 0.005


def test_on_two_processors_it_may_take_twice_as_much(engine: Engine) -> None:
    p = pacer(engine)
    share_of(engine, p, [MILLISECOND] * 300, lambda ns: ns, 2)
    assert abs(share_of(engine, p, [MILLISECOND] * 100, lambda ns: ns, 2) - 0.02) < 0.001


def test_little_work_counts_as_a_millisecond(engine: Engine) -> None:
    p = pacer(engine)
    assert engine.call(time_to_sleep, p, 10) == engine.call(time_to_sleep, p, MILLISECOND) == 1_000_000_000


def test_after_a_lost_count_it_is_careful_for_five_seconds(engine: Engine) -> None:
    p = pacer(engine)
    p.controller.error_sum = math.inf
    engine.call(note_sleep, p, MILLISECOND, MILLISECOND, 1)
    assert (p.sleep_ratio, p.cooldown_ns, p.was_reset) == (CAREFUL_RATIO, COOLDOWN_NS, True)
    for _ in range(6):
        assert p.sleep_ratio == CAREFUL_RATIO
        engine.call(note_sleep, p, MILLISECOND, 999 * MILLISECOND, 1)
    assert (p.sleep_ratio != CAREFUL_RATIO, p.cooldown_ns) == (True, 0)
