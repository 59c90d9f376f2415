"""The count of sweepers, and how sweeping ends."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.active_sweep import DRAINED, Sweeper, begin_sweeping, end_sweeping, mark_drained, reset_sweeper
from runtime.syspy import Failure


def test_sweepers_are_counted_until_all_is_drained(any_engine: Any) -> None:
    sweeper = Sweeper()
    assert any_engine.call(begin_sweeping, sweeper)
    assert any_engine.call(begin_sweeping, sweeper)
    any_engine.call(end_sweeping, sweeper)
    assert sweeper.state == 1
    assert any_engine.call(mark_drained, sweeper) is True
    assert any_engine.call(mark_drained, sweeper) is False
    assert sweeper.state == DRAINED | 1  # nothing waits, but one is at work still
    assert not any_engine.call(begin_sweeping, sweeper)
    any_engine.call(end_sweeping, sweeper)
    assert sweeper.state == DRAINED


@pytest.mark.parametrize("state", [0, DRAINED])
def test_who_ends_has_begun(any_engine: Any, state: int) -> None:
    with pytest.raises(Failure, match="AS1: mismatched begin and end"):
        any_engine.call(end_sweeping, Sweeper(state=state))


@pytest.mark.parametrize("state", [0, 1, DRAINED | 1])
def test_a_sweep_begins_after_the_one_before(any_engine: Any, state: int) -> None:
    sweeper = Sweeper(state=DRAINED, sweep_class=7, pages_swept=3, reclaim_index=9, reclaim_credit=1)
    any_engine.call(reset_sweeper, sweeper, 4096, 5)
    assert (sweeper.state, sweeper.sweep_class, sweeper.pages_swept) == (0, 0, 0)
    assert (sweeper.reclaim_base, sweeper.reclaim_end, sweeper.reclaim_index, sweeper.reclaim_credit) == (4096, 5, 0, 0)
    sweeper.state = state
    with pytest.raises(Failure, match="AS2: active sweepers found at start of mark phase"):
        any_engine.call(reset_sweeper, sweeper, 0, 0)
