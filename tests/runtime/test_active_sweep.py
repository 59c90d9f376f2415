"""Who sweeps, and how sweeping ends."""

from __future__ import annotations

import pytest

from runtime.active_sweep import (
    DRAINED,
    UNSWEPT,
    begin_sweeping,
    end_sweeping,
    is_sweep_done,
    mark_drained,
    reset_sweeper,
)
from runtime.heap import attach
from runtime.proc import G
from runtime.syspy import Failure
from tests.runtime.heaps import HeapUnderTest


def test_sweeping_is_done_when_all_is_drained_and_no_p_is_at_it(heap: HeapUnderTest) -> None:
    sweeper, p = heap.heap.sweeper, heap.p
    other = G.at(heap.call(attach, heap.state)).p
    sweeper.state = UNSWEPT
    assert heap.call(begin_sweeping, sweeper, p)
    assert heap.call(begin_sweeping, sweeper, other)
    heap.call(end_sweeping, p)
    assert (p.is_sweeping, other.is_sweeping) == (0, 1)
    assert heap.call(mark_drained, sweeper) is True
    assert heap.call(mark_drained, sweeper) is False
    assert sweeper.state == DRAINED
    assert not heap.call(is_sweep_done, sweeper, p)  # nothing waits, but one is at work still
    assert not heap.call(begin_sweeping, sweeper, p)
    assert p.is_sweeping == 0
    heap.call(end_sweeping, other)
    assert heap.call(is_sweep_done, sweeper, p)


def test_who_ends_has_begun(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    with pytest.raises(Failure, match="AS1: mismatched begin and end"):
        heap.call(end_sweeping, heap.p)


def test_who_begins_has_ended(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    heap.heap.sweeper.state = UNSWEPT
    heap.call(begin_sweeping, heap.heap.sweeper, heap.p)
    with pytest.raises(Failure, match="AS1: mismatched begin and end"):
        heap.call(begin_sweeping, heap.heap.sweeper, heap.p)


@pytest.mark.parametrize(("state", "is_sweeping"), [(UNSWEPT, 0), (UNSWEPT, 1), (DRAINED, 1)])
def test_a_sweep_begins_after_the_one_before(heap: HeapUnderTest, state: int, is_sweeping: int) -> None:
    sweeper = heap.heap.sweeper
    sweeper.sweep_class, sweeper.pages_swept, sweeper.reclaim_index, sweeper.reclaim_credit = 7, 3, 9, 1
    heap.call(reset_sweeper, sweeper, heap.p, 4096, 5)
    assert (sweeper.state, sweeper.sweep_class, sweeper.pages_swept) == (UNSWEPT, 0, 0)
    assert (sweeper.reclaim_base, sweeper.reclaim_end, sweeper.reclaim_index, sweeper.reclaim_credit) == (4096, 5, 0, 0)
    sweeper.state, heap.p.is_sweeping = state, is_sweeping
    heap.is_broken = True
    with pytest.raises(Failure, match="AS2: active sweepers found at start of mark phase"):
        heap.call(reset_sweeper, sweeper, heap.p, 0, 0)
