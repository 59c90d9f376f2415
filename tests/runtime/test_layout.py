"""Go's geometry, and the step from an address to its chunk, page and arena."""

from __future__ import annotations

from runtime import layout
from runtime.layout import (
    ADDRESS_LIMIT,
    ARENA_COUNT,
    CHUNK_BYTES,
    CHUNKS_L1_BITS,
    CHUNKS_L2_BITS,
    LEVEL_BITS,
    LEVEL_LOG_PAGES,
    LEVEL_SHIFT,
    MAX_PACKED_VALUE,
    SUMMARY_LEVELS,
    align_down,
    align_up,
    arena_index,
    chunk_base,
    chunk_index,
    chunk_page_index,
)
from runtime.syspy import u64
from tests.runtime.engines import Engine


def level_numbers(level: u64) -> tuple[u64, u64, u64]:
    """What the tables say of a level."""
    return LEVEL_BITS[level], LEVEL_SHIFT[level], LEVEL_LOG_PAGES[level]


ROOTS = [level_numbers, align_up, align_down, chunk_index, chunk_base, chunk_page_index, arena_index]


def test_the_radix_tree_has_gos_geometry(engine: Engine) -> None:
    rows = [engine.call(level_numbers, level) for level in range(SUMMARY_LEVELS)]
    assert rows == [(14, 34, 21), (3, 31, 18), (3, 28, 15), (3, 25, 12), (3, 22, 9)]


def test_constants_are_gos() -> None:
    assert layout.PAGE_SIZE == 8192
    assert layout.HEAP_ARENA_BYTES == 64 << 20
    assert layout.PAGES_PER_ARENA == 8192
    assert layout.CHUNK_PAGES == 512
    assert layout.CHUNK_BYTES == 4 << 20
    assert (CHUNKS_L1_BITS, CHUNKS_L2_BITS) == (13, 13)
    assert MAX_PACKED_VALUE == 1 << 21
    assert ARENA_COUNT == 1 << 22


def test_both_ends_of_the_address_space_have_a_place(engine: Engine) -> None:
    last = ADDRESS_LIMIT - 1
    assert engine.call(chunk_index, 0) == 0
    assert engine.call(chunk_index, last) == (1 << 26) - 1
    assert engine.call(chunk_page_index, last) == 511
    assert engine.call(arena_index, last) == ARENA_COUNT - 1
    assert engine.call(chunk_base, (1 << 26) - 1) == ADDRESS_LIMIT - CHUNK_BYTES


def test_rounding_to_a_multiple(engine: Engine) -> None:
    for n in (0, 1, 4095, 4096, 4097, 1 << 47, (1 << 48) - 1):
        assert engine.call(align_down, n, 4096) == n // 4096 * 4096
        assert engine.call(align_up, n, 4096) == -(-n // 4096) * 4096
