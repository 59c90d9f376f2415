"""Summaries of stretches of address space: packing, merging, scanning; the tree's memory."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from runtime.layout import MAX_PACKED_VALUE, PHYS_PAGE_SIZE, SUMMARY_BYTES, SUMMARY_LEVELS
from runtime.os_memory import MemoryStats
from runtime.page_summaries import (
    LEVEL_BYTES,
    NO_RUN,
    NOT_FOUND,
    RUN,
    RUN_INSIDE,
    Summaries,
    level_of,
    map_summaries,
    merge_summaries,
    pack_sum,
    scan_block,
    sum_end,
    sum_max,
    sum_start,
    summaries_close,
    summaries_init,
)
from runtime.syspy import Annotated, Array, Struct, struct, u64
from tests.runtime.engines import BROKEN, Engine


@struct
class Block(Struct):
    """The summaries of eight siblings."""

    sums: Annotated[Array[u64], 8]


ROOTS = [
    map_summaries,
    merge_summaries,
    pack_sum,
    scan_block,
    sum_end,
    sum_max,
    sum_start,
    summaries_close,
    summaries_init,
]

TREE_BYTES = sum(LEVEL_BYTES[level] for level in range(SUMMARY_LEVELS))

LOG_PAGES = 4  # of the stretches in these tests: small enough to write them out


def summary_of(text: str) -> tuple[int, int, int]:
    """(start, max, end) of a stretch drawn with # and ."""
    return len(text) - len(text.lstrip(".")), max(map(len, text.split("#"))), len(text) - len(text.rstrip("."))


def block_of(engine: Engine, text: str) -> Block:
    block = Block()
    for i in range(8):
        block.sums[i] = engine.call(pack_sum, *summary_of(text[i * 16 : i * 16 + 16]))
    return block


def unpacked(engine: Engine, packed: int) -> tuple[int, int, int]:
    return engine.call(sum_start, packed), engine.call(sum_max, packed), engine.call(sum_end, packed)


def drawn_at_random(draw: random.Random) -> str:
    """Eight stretches of 16 pages."""
    density = draw.choice([0.02, 0.1, 0.3, 0.9])
    text = "".join("#" if draw.random() < density else "." for _ in range(128))
    full = draw.randrange(8)
    return text[: full * 16] + draw.choice("#.") * 16 + text[full * 16 + 16 :]


@pytest.mark.parametrize(
    "counts", [(0, 0, 0), (1, 2, 1), (0, MAX_PACKED_VALUE - 1, 5), (MAX_PACKED_VALUE,) * 3, (512, 512, 512)]
)
def test_three_counts_fit_in_a_word(engine: Engine, counts: tuple[int, int, int]) -> None:
    assert unpacked(engine, engine.call(pack_sum, *counts)) == counts


@pytest.mark.parametrize("counts", [(3, 2, 1), (1, 2, 3)])
def test_no_row_is_longer_than_the_longest(engine: Engine, counts: tuple[int, int, int]) -> None:
    with pytest.raises(BROKEN, match="U1"):
        engine.call(pack_sum, *counts)


def test_merging_against_text(engine: Engine, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(300):
        text = drawn_at_random(draw)
        merged = engine.call(merge_summaries, block_of(engine, text).sums, 8, LOG_PAGES)
        assert unpacked(engine, merged) == summary_of(text), text


def test_scanning_against_text(engine: Engine, seed: int) -> None:
    draw = random.Random(seed)
    outcomes = set()
    for _ in range(300):
        text = drawn_at_random(draw)
        npages = draw.choice([1, 2, 7, 15, 16, 17, 40, 100])
        found, where, first = engine.call(scan_block, block_of(engine, text).sums, 0, 8, npages, LOG_PAGES)
        outcomes.add(found)
        expected = text.find("." * npages)
        if found == NO_RUN:
            assert expected == -1, text
        elif found == RUN:
            assert where == expected, text
        else:
            assert text[where * 16 : where * 16 + 16].find("." * npages) == expected - where * 16, text
        assert first == (text.find(".") // 16 if "." in text else NOT_FOUND), text
    assert outcomes == {NO_RUN, RUN, RUN_INSIDE}


@pytest.fixture
def tree(engine: Engine) -> Iterator[Summaries]:
    stats, made = MemoryStats(), Summaries()
    assert engine.call(summaries_init, made, stats, stats.gc)
    yield made
    engine.call(summaries_close, made)


def test_the_tree_is_address_space_until_it_is_used(tree: Summaries) -> None:
    assert [LEVEL_BYTES[level] >> 10 for level in range(SUMMARY_LEVELS)] == [128, 1024, 8192, 65536, 524288]
    assert (tree.stats.reserved, tree.stats.ready, tree.stats.gc.bytes) == (TREE_BYTES, 0, 0)


@pytest.mark.parametrize("chunk", [0, 0xC000, (1 << 26) - 1])
def test_the_first_chunk_costs_the_root_and_a_page_of_each_level(engine: Engine, tree: Summaries, chunk: int) -> None:
    assert engine.call(map_summaries, tree, chunk, chunk)
    assert tree.stats.ready == tree.stats.gc.bytes == LEVEL_BYTES[0] + 4 * PHYS_PAGE_SIZE
    for level in range(SUMMARY_LEVELS):
        assert level_of(tree, level)[chunk >> 3 * (4 - level)] == 0
    assert engine.call(map_summaries, tree, chunk, chunk)
    assert tree.stats.requests == 2 * SUMMARY_LEVELS


def test_what_is_mapped_is_not_mapped_again(engine: Engine, tree: Summaries) -> None:
    per_page = PHYS_PAGE_SIZE // SUMMARY_BYTES
    for chunk in (5 * per_page, 7 * per_page):
        assert engine.call(map_summaries, tree, chunk, chunk)
        level_of(tree, 4)[chunk] = 42
    ready = tree.stats.ready
    assert engine.call(map_summaries, tree, 4 * per_page, 8 * per_page - 1)
    assert tree.stats.ready == ready + 2 * PHYS_PAGE_SIZE
    assert [level_of(tree, 4)[page * per_page] for page in (4, 5, 6, 7)] == [0, 42, 0, 42]


@pytest.mark.parametrize("nth", range(1, SUMMARY_LEVELS + 1))
def test_a_refused_reservation_leaves_nothing_behind(engine: Engine, nth: int) -> None:
    stats, tree = MemoryStats(), Summaries()
    stats.refuse_at = nth
    assert not engine.call(summaries_init, tree, stats, stats.gc)
    assert stats.reserved == 0


@pytest.mark.parametrize("nth", range(1, SUMMARY_LEVELS + 1))
def test_a_refused_mapping_keeps_what_it_got(engine: Engine, tree: Summaries, nth: int) -> None:
    tree.stats.refuse_at = tree.stats.requests + nth
    assert not engine.call(map_summaries, tree, 99, 99)
    assert engine.call(map_summaries, tree, 99, 99)
    assert tree.stats.ready == tree.stats.gc.bytes == LEVEL_BYTES[0] + 4 * PHYS_PAGE_SIZE
    assert tree.stats.reserved + tree.stats.ready == TREE_BYTES
