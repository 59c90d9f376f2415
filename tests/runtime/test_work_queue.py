"""The queue of grey objects: growth and its failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runtime.os_memory import MemoryStats
from runtime.syspy import load, store, u64
from runtime.work_queue import FIRST_BYTES, WorkQueue, grow_queue, queue_close, queue_init


@pytest.fixture
def queue(any_engine: Any) -> Iterator[WorkQueue]:
    stats, made = MemoryStats(), WorkQueue()
    assert any_engine.call(queue_init, made, stats)
    yield made
    any_engine.call(queue_close, made)
    assert (stats.ready, stats.gc.bytes) == (0, 0)


def test_growing_doubles_and_keeps_what_is_in_it(any_engine: Any, queue: WorkQueue) -> None:
    for i in range(100):
        store(u64, queue.top, i)
        queue.top = queue.top + 8
    for doubled in (2, 4, 8):
        assert any_engine.call(grow_queue, queue)
        assert queue.limit - queue.base == doubled * FIRST_BYTES
        assert [load(u64, queue.base + 8 * i) for i in range(100)] == list(range(100))
        assert queue.top == queue.base + 800
    assert queue.memory.gc.bytes == 9 * FIRST_BYTES


def test_a_refused_growth_changes_nothing(any_engine: Any, queue: WorkQueue) -> None:
    before = (queue.base, queue.top, queue.limit)
    queue.memory.refuse_at = queue.memory.requests + 1
    assert not any_engine.call(grow_queue, queue)
    assert (queue.base, queue.top, queue.limit) == before
