"""Cells of one size, and the memory for good that they are cut from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from runtime.fixalloc import (
    Extent,
    FixAlloc,
    Persistent,
    fixalloc_alloc,
    fixalloc_free,
    fixalloc_init,
    persistent_alloc,
    persistent_close,
    persistent_init,
)
from runtime.layout import FIXALLOC_CHUNK, PERSISTENT_CHUNK, PERSISTENT_MAX_BLOCK, PHYS_PAGE_SIZE
from runtime.os_memory import MemoryStats
from runtime.syspy import Failure, load, sizeof, store, u8, u64
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.kernel import state

ROOTS = [
    fixalloc_alloc,
    fixalloc_free,
    fixalloc_init,
    persistent_alloc,
    persistent_close,
    persistent_init,
]


@pytest.fixture
def stats() -> MemoryStats:
    return MemoryStats()


@pytest.fixture
def persistent(engine: Engine, stats: MemoryStats) -> Iterator[Persistent]:
    p = Persistent()
    engine.call(persistent_init, p, stats)
    yield p
    engine.call(persistent_close, p)


def is_zero(addr: int, size: int) -> bool:
    return all(load(u8, addr + i) == 0 for i in range(size))


def fix_alloc(engine: Engine, persistent: Persistent, size: int, zero: bool = True) -> FixAlloc:
    f = FixAlloc()
    engine.call(fixalloc_init, f, size, zero, persistent, persistent.stats.m_span)
    return f


def test_cells_follow_each_other_and_are_zero(engine: Engine, persistent: Persistent) -> None:
    f = fix_alloc(engine, persistent, 160)
    cells = [engine.call(fixalloc_alloc, f) for _ in range(3)]
    assert cells == [cells[0], cells[0] + 160, cells[0] + 320]
    assert is_zero(cells[0], 480)
    assert f.in_use == 480


def test_the_last_cell_freed_is_the_first_handed_out(engine: Engine, persistent: Persistent) -> None:
    f = fix_alloc(engine, persistent, 48)
    first, second = engine.call(fixalloc_alloc, f), engine.call(fixalloc_alloc, f)
    engine.call(fixalloc_free, f, first)
    engine.call(fixalloc_free, f, second)
    assert f.in_use == 0
    assert [engine.call(fixalloc_alloc, f) for _ in range(2)] == [second, first]


@pytest.mark.parametrize("zero", [True, False])
def test_a_reused_cell_is_cleared_when_asked_for(engine: Engine, persistent: Persistent, zero: bool) -> None:
    f = fix_alloc(engine, persistent, 32, zero)
    cell = engine.call(fixalloc_alloc, f)
    store(u64, cell + 24, 42)
    engine.call(fixalloc_free, f, cell)
    assert engine.call(fixalloc_alloc, f) == cell
    assert load(u64, cell + 24) == (0 if zero else 42)


@pytest.mark.parametrize(("size", "cells"), [(160, 102), (2296, 7), (5, 2048), (FIXALLOC_CHUNK, 1)])
def test_a_chunk_is_a_whole_number_of_cells(
    engine: Engine, persistent: Persistent, stats: MemoryStats, size: int, cells: int
) -> None:
    f = fix_alloc(engine, persistent, size)
    for _ in range(cells):
        engine.call(fixalloc_alloc, f)
    assert stats.m_span.bytes == cells * f.size
    assert f.chunk_left == 0
    engine.call(fixalloc_alloc, f)
    assert stats.m_span.bytes == 2 * cells * f.size


def test_a_cell_larger_than_a_chunk_is_refused(engine: Engine, persistent: Persistent) -> None:
    with pytest.raises(Failure, match="size too large"):
        fix_alloc(engine, persistent, FIXALLOC_CHUNK + 1)


def test_a_cell_too_many_is_noticed(engine: Engine, persistent: Persistent) -> None:
    f = fix_alloc(engine, persistent, 32)
    cell = engine.call(fixalloc_alloc, f)
    engine.call(fixalloc_free, f, cell)
    with pytest.raises(BROKEN, match="X3"):
        engine.call(fixalloc_free, f, cell)


def test_blocks_are_aligned_zero_and_apart(
    engine: Engine, persistent: Persistent, stats: MemoryStats, seed: int
) -> None:
    draw = random.Random(seed)
    taken: list[tuple[int, int]] = []
    for _ in range(200):
        size, align = draw.choice([1, 8, 24, 500, 5000]), draw.choice([1, 8, 64, PHYS_PAGE_SIZE])
        addr = engine.call(persistent_alloc, persistent, size, align, stats.gc)
        assert addr % align == 0
        assert load(u8, addr) == load(u8, addr + size - 1) == 0
        store(u8, addr, 255)
        taken.append((addr, addr + size))
    taken.sort()
    assert all(limit <= base for (_, limit), (base, _) in pairwise(taken))
    assert stats.gc.bytes == sum(limit - base for base, limit in taken)
    assert stats.gc.bytes + stats.other.bytes == stats.ready
    assert stats.ready % PERSISTENT_CHUNK == 0


def test_a_large_block_comes_from_the_system_alone(engine: Engine, persistent: Persistent, stats: MemoryStats) -> None:
    small = engine.call(persistent_alloc, persistent, 8, 8, stats.gc)
    large = engine.call(persistent_alloc, persistent, PERSISTENT_MAX_BLOCK, PHYS_PAGE_SIZE, stats.gc)
    assert not small <= large < small + PERSISTENT_CHUNK
    assert stats.ready == PERSISTENT_CHUNK + PERSISTENT_MAX_BLOCK
    assert stats.gc.bytes == 8 + PERSISTENT_MAX_BLOCK


@pytest.mark.parametrize("nth", [1, 2])
def test_a_refused_request_leaves_everything_as_it_was(
    engine: Engine, persistent: Persistent, stats: MemoryStats, nth: int
) -> None:
    stats.refuse_at = nth  # the first chunk, and the large block
    assert engine.call(persistent_alloc, persistent, PERSISTENT_MAX_BLOCK, 8, stats.gc) == 0
    assert stats.gc.bytes == 0
    assert stats.ready == stats.other.bytes == (nth - 1) * PERSISTENT_CHUNK
    assert persistent.offset == (nth - 1) * sizeof(Extent)
    assert engine.call(persistent_alloc, persistent, PERSISTENT_MAX_BLOCK, 8, stats.gc) != 0
    assert stats.ready == PERSISTENT_CHUNK + PERSISTENT_MAX_BLOCK


def test_closing_gives_everything_back_to_the_kernel(engine: Engine, stats: MemoryStats) -> None:
    persistent = Persistent()
    engine.call(persistent_init, persistent, stats)
    sizes = [8, PERSISTENT_MAX_BLOCK, PERSISTENT_MAX_BLOCK - 1, PERSISTENT_CHUNK, 3 * PERSISTENT_MAX_BLOCK - 8, 8]
    blocks = [engine.call(persistent_alloc, persistent, size, 8, stats.gc) for size in sizes]
    assert {state(block) for block in blocks} == {"rw-p"}
    engine.call(persistent_close, persistent)
    assert {state(block) for block in blocks} == {"none"}


def test_a_fixalloc_survives_a_refusal(engine: Engine, persistent: Persistent, stats: MemoryStats) -> None:
    f = fix_alloc(engine, persistent, 64)
    stats.refuse_at = 1
    assert engine.call(fixalloc_alloc, f) == 0
    assert (f.in_use, stats.m_span.bytes) == (0, 0)
    assert engine.call(fixalloc_alloc, f) != 0
    assert f.in_use == 64


@pytest.mark.parametrize(("size", "align"), [(0, 8), (8, 1 << 14)])
def test_a_senseless_request_is_a_bug(engine: Engine, persistent: Persistent, size: int, align: int) -> None:
    with pytest.raises(Failure, match="persistent_alloc"):
        engine.call(persistent_alloc, persistent, size, align, persistent.stats.gc)
