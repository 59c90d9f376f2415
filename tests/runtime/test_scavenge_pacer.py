"""How much memory may be kept."""

from __future__ import annotations

import pytest

from runtime.layout import PHYS_PAGE_SIZE
from runtime.pacer import NO_GOAL
from runtime.scavenge_pacer import NO_SCAVENGE_GOAL, gc_percent_goal, memory_limit_goal
from tests.runtime.engines import Engine

ROOTS = [gc_percent_goal, memory_limit_goal]

MB = 1 << 20
PAGE = PHYS_PAGE_SIZE


@pytest.mark.parametrize(
    ("retained", "heap_goal", "last_heap_goal", "last_in_use", "goal"),
    [
        (100 * MB, 4 * MB, 0, 50 * MB, NO_SCAVENGE_GOAL),  # before the first collection
        (100 * MB, 40 * MB, 40 * MB, 50 * MB, 55 * MB),  # a steady heap: a tenth on top
        (100 * MB, 20 * MB, 40 * MB, 80 * MB, 44 * MB),  # one that shrinks to the half
        (100 * MB, 80 * MB, 40 * MB, 50 * MB, NO_SCAVENGE_GOAL),  # one that will grow over what is kept
        (110 * MB, 40 * MB, 40 * MB, 100 * MB, NO_SCAVENGE_GOAL),  # just met
        (110 * MB + PAGE - 1, 40 * MB, 40 * MB, 100 * MB, NO_SCAVENGE_GOAL),  # less than a page too much
        (110 * MB + PAGE, 40 * MB, 40 * MB, 100 * MB, 110 * MB),
        (100 * MB, 40 * MB, 40 * MB, 50 * MB + 1, 55 * MB + PAGE),  # whole pages
        (100 * MB, NO_GOAL, NO_GOAL, 50 * MB, 55 * MB),  # GOGC=off
        (100 * MB, NO_GOAL, 4 * MB, 50 * MB, NO_SCAVENGE_GOAL),  # GOGC=off from now on
        (100 * MB, 4 * MB, NO_GOAL, 50 * MB, 0),  # and no more: nothing is known of the heap
    ],
)
def test_by_the_heap_goal(
    engine: Engine, retained: int, heap_goal: int, last_heap_goal: int, last_in_use: int, goal: int
) -> None:
    assert engine.call(gc_percent_goal, retained, heap_goal, last_heap_goal, last_in_use) == goal


@pytest.mark.parametrize(
    ("ready", "limit", "goal"),
    [
        (100 * MB, 100 * MB, 95 * MB),
        (95 * MB, 100 * MB, NO_SCAVENGE_GOAL),
        (95 * MB + 1, 100 * MB, 95 * MB),
        (500 * MB, 100 * MB, 95 * MB),
        (100 * MB, NO_GOAL, NO_SCAVENGE_GOAL),
        (1, 0, 0),
    ],
)
def test_by_the_memory_limit(engine: Engine, ready: int, limit: int, goal: int) -> None:
    assert engine.call(memory_limit_goal, ready, limit) == goal
