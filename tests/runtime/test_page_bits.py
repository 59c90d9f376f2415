"""The bitmaps of a chunk: ranges, search and summary."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime.layout import CHUNK_PAGES, CHUNK_WORDS
from runtime.page_bits import (
    PageBits,
    PallocData,
    alloc_pages,
    clear_range,
    find,
    find_bit_range64,
    popcnt_range,
    set_range,
    summarize,
    summarize_slowly,
)
from runtime.page_summaries import NOT_FOUND, sum_end, sum_max, sum_start
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.page_heaps import bits, draw, number
from tests.runtime.tables import cases, go_table

ROOTS = [
    alloc_pages,
    clear_range,
    find,
    find_bit_range64,
    popcnt_range,
    set_range,
    sum_end,
    sum_max,
    sum_start,
    summarize,
    summarize_slowly,
]

ONES = (1 << 64) - 1
ALL = f"0+{CHUNK_PAGES}"

Case = dict[str, Any]


def page_bits(value: int) -> PageBits:
    """A bitmap with the bits of a number."""
    b = PageBits()
    for i in range(CHUNK_WORDS):
        b.words[i] = value >> 64 * i & ONES
    return b


def drawn(b: PageBits) -> str:
    return draw(number(b.words), 0)


def scattered(draw_from: random.Random) -> int:
    """A bitmap with runs of many lengths."""
    value = 0
    for _ in range(draw_from.choice([0, 1, 3, 10, 40])):
        value |= ((1 << draw_from.choice([1, 2, 5, 30, 64, 100])) - 1) << draw_from.randrange(CHUNK_PAGES)
    return value & (1 << CHUNK_PAGES) - 1


# --- Ranges ----------------------------------------------------------------------------------------------------------


@cases("page_bits", "ranges")
def test_a_range_is_set_and_cleared(engine: Engine, case: Case) -> None:
    first, n = map(int, case["run"].split("+"))
    words = [int(word, 0) for word in case["words"]]
    b = page_bits(0)
    engine.call(set_range, b, first, n)
    assert [b.words[i] for i in range(CHUNK_WORDS)] == words
    b = page_bits((1 << CHUNK_PAGES) - 1)
    engine.call(clear_range, b, first, n)
    assert [b.words[i] ^ ONES for i in range(CHUNK_WORDS)] == words


@cases("page_bits", "popcnt")
def test_bits_are_counted(engine: Engine, case: Case) -> None:
    b = page_bits(bits(case["set"]))
    counts = {run: engine.call(popcnt_range, b, *map(int, run.split("+"))) for run in case["counts"]}
    assert counts == case["counts"]


@cases("page_bits", "free")
def test_pages_are_freed(engine: Engine, case: Case) -> None:
    b = page_bits(bits(ALL) & ~bits(case["free_before"]))
    for first in case["frees"]:
        engine.call(clear_range, b, first, case["npages"])
    assert drawn(b) == draw(bits(ALL) & ~bits(case["free_after"]), 0)


def test_random_ranges_against_a_number(engine: Engine, seed: int) -> None:
    draw_from = random.Random(seed)
    b, model = page_bits(0), 0
    for _ in range(200):
        first = draw_from.randrange(CHUNK_PAGES)
        n = draw_from.randrange(1, CHUNK_PAGES - first + 1)
        run = bits(f"{first}+{n}")
        assert engine.call(popcnt_range, b, first, n) == (model & run).bit_count()
        if draw_from.random() < 0.5:
            engine.call(set_range, b, first, n)
            model |= run
        else:
            engine.call(clear_range, b, first, n)
            model &= ~run
        assert drawn(b) == draw(model, 0)


@pytest.mark.parametrize(("first", "n"), [(0, 0), (511, 2), (512, 1)])
def test_a_range_outside_the_chunk_is_a_bug(engine: Engine, first: int, n: int) -> None:
    with pytest.raises(BROKEN, match="B1"):
        engine.call(set_range, page_bits(0), first, n)


def test_allocated_pages_are_not_scavenged_any_more(engine: Engine) -> None:
    data = PallocData()
    engine.call(set_range, data.scavenged, 60, 10)
    assert engine.call(alloc_pages, data, 65, 100) == 5
    assert draw(number(data.alloc.words), number(data.scavenged.words)) == draw(bits("65+100"), bits("60+5"))


# --- Search ----------------------------------------------------------------------------------------------------------


FIND_CASES = [
    (int(word, 0), n, 64 if i is None else i) for word, n, i in go_table("page_bits")["find_bit_range64"]["cases"]
]


@pytest.mark.parametrize(
    ("word", "n", "first"), [*[(ONES, n, 0) for n in range(1, 65)], *[(0, n, 64) for n in range(1, 65)], *FIND_CASES]
)
def test_find_bit_range64(engine: Engine, word: int, n: int, first: int) -> None:
    assert engine.call(find_bit_range64, word, n) == first


@cases("page_bits", "alloc")
def test_find_takes_the_first_run(engine: Engine, case: Case) -> None:
    b = page_bits(bits(case["before"]))
    for hit in case["hits"]:
        first, _ = engine.call(find, b, case["npages"], 0)
        assert first == (NOT_FOUND if hit is None else hit), drawn(b)
        if hit is not None:
            engine.call(set_range, b, first, case["npages"])
    assert drawn(b) == draw(bits(case["after"]), 0)


def test_find_against_text(engine: Engine, seed: int) -> None:
    draw_from = random.Random(seed)
    for _ in range(300):
        b = page_bits(scattered(draw_from))
        text = drawn(b).replace("\n", "")
        npages = draw_from.choice([1, 2, 3, 8, 63, 64, 65, 127, 128, 129, 300, 512])
        first_free = text.find(".")
        search = draw_from.randrange(first_free + 1) if first_free >= 0 else 0
        where, first = engine.call(find, b, npages, search)
        expected = text.find("." * npages)
        assert where == (expected if expected >= 0 else NOT_FOUND), drawn(b)
        if expected >= 0:
            assert first == first_free, drawn(b)


# --- Summary ---------------------------------------------------------------------------------------------------------


def unpacked(engine: Engine, packed: int) -> tuple[int, int, int]:
    return engine.call(sum_start, packed), engine.call(sum_max, packed), engine.call(sum_end, packed)


@cases("page_bits", "summarize")
def test_a_summary_counts_free_pages(engine: Engine, case: Case) -> None:
    b = page_bits(bits(ALL) & ~bits(case["free"]))
    assert unpacked(engine, engine.call(summarize, b)) == tuple(case["start_max_end"]), drawn(b)


# Rows of a word's length and nearly, which the search for the longest row looks at by halves.
@pytest.mark.parametrize(
    ("free", "most"), [("65+61", 61), ("65+62", 62), ("65+60 193+62 321+61", 62), ("63+65 200+64", 65)]
)
def test_the_longest_row_inside(engine: Engine, free: str, most: int) -> None:
    b = page_bits(bits(ALL) & ~bits(free))
    assert unpacked(engine, engine.call(summarize, b)) == (0, most, 0), drawn(b)


def test_summaries_against_text(engine: Engine, seed: int) -> None:
    draw_from = random.Random(seed)
    for _ in range(300):
        value = scattered(draw_from)
        b = page_bits(value if draw_from.random() < 0.5 else bits(ALL) & ~value)
        text = drawn(b).replace("\n", "")
        start, end = len(text) - len(text.lstrip(".")), len(text) - len(text.rstrip("."))
        expected = start, max(map(len, text.split("#"))), end
        packed = engine.call(summarize, b)
        assert unpacked(engine, packed) == expected, drawn(b)
        assert packed == engine.call(summarize_slowly, b)
