"""The bitmaps of a chunk: ranges, search and summary."""

from __future__ import annotations

import random

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


@pytest.mark.parametrize("run", ["0+1", "511+1", "129+5", "128+128", "0+321", "319+193", "0+512"])
def test_a_range_is_set_and_cleared(engine: Engine, run: str) -> None:
    first, n = map(int, run.split("+"))
    b = page_bits(0)
    engine.call(set_range, b, first, n)
    assert drawn(b) == draw(bits(run), 0)
    b = page_bits((1 << CHUNK_PAGES) - 1)
    engine.call(clear_range, b, first, n)
    assert drawn(b) == draw(bits(f"0+{CHUNK_PAGES}") & ~bits(run), 0)


def test_an_inner_range_lies_in_its_word(engine: Engine) -> None:
    b = page_bits(0)
    engine.call(set_range, b, 129, 5)
    assert [b.words[i] for i in range(CHUNK_WORDS)] == [0, 0, 0x3E, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", {(0, 512): 0, (2, 50): 0, (511, 1): 0}),
        ("0+512", {(0, 512): 512, (0, 1): 1, (100, 333): 333, (64, 64): 64}),
        ("256+256", {(0, 512): 256, (0, 256): 0, (256, 256): 256, (245, 22): 11}),
        ("11+101", {(0, 512): 101, (0, 12): 1, (11, 101): 101, (100, 100): 12}),
        ("64+1 67+1 69+2 74+15 96+2 129+5 200+49", {(0, 512): 75, (64, 64): 21, (128, 128): 54, (130, 71): 5}),
    ],
)
def test_bits_are_counted(engine: Engine, text: str, counts: dict[tuple[int, int], int]) -> None:
    b = page_bits(bits(text))
    assert {run: engine.call(popcnt_range, b, *run) for run in counts} == counts


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


@pytest.mark.parametrize(
    ("word", "n", "first"),
    [
        *[(ONES, n, 0) for n in range(1, 65)],
        *[(0, n, 64) for n in range(1, 65)],
        (0x8000_0000_0000_0000, 1, 63),
        (0xC000_0100_0101_0000, 2, 62),
        (0xC000_0100_0103_0000, 2, 16),
        (0xE000_0300_0103_0000, 3, 61),
        (0xE000_0300_0107_0000, 3, 16),
        (0xFFFF_03FF_0107_0000, 16, 48),
        (0xFFFF_03FF_0107_FFFF, 16, 0),
        (0x0FFF_03FF_0107_9FFF, 16, 64),
    ],
)
def test_find_bit_range64(engine: Engine, word: int, n: int, first: int) -> None:
    assert engine.call(find_bit_range64, word, n) == first


ALL = f"0+{CHUNK_PAGES}"
HALF = CHUNK_PAGES // 2


@pytest.mark.parametrize(
    ("before", "npages", "hits", "after"),
    [
        ("", 1, [0, 1, 2, 3, 4, 5], "0+6"),
        ("", 2, [0, 2, 4, 6, 8, 10], "0+12"),
        ("", 5, [0, 5, 10, 15, 20], "0+25"),
        ("", 64, [0, 64, 128], "0+192"),
        ("", 65, [0, 65, 130], "0+195"),
        *[(ALL, npages, [None, None], ALL) for npages in (1, 2, 5, 65)],
        ("0+32 64+32 100+412", 64, [None], "0+32 64+32 100+412"),
        (f"0+{HALF - 3} {HALF - 2}+{HALF + 2}", 1, [HALF - 3, None], ALL),
        (f"0+{HALF - 3} {HALF - 1}+{HALF + 1}", 2, [HALF - 3, None], ALL),
        (f"0+{HALF - 3} {HALF + 2}+{HALF - 2}", 5, [HALF - 3, None], ALL),
        (f"0+{HALF - 31} {HALF + 34}+{HALF - 34}", 65, [HALF - 31, None], ALL),
        ("0+185 331+1", 161, [332], "0+185 331+162"),
    ],
)
def test_find_takes_the_first_run(engine: Engine, before: str, npages: int, hits: list[int | None], after: str) -> None:
    b = page_bits(bits(before))
    for hit in hits:
        first, _ = engine.call(find, b, npages, 0)
        assert first == (NOT_FOUND if hit is None else hit), drawn(b)
        if hit is not None:
            engine.call(set_range, b, first, npages)
    assert drawn(b) == draw(bits(after), 0)


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


@pytest.mark.parametrize(
    ("free", "summary"),
    [
        ("", (0, 0, 0)),
        ("0+10", (10, 10, 0)),
        ("472+40", (0, 40, 40)),
        ("0+11 489+23", (11, 23, 23)),
        ("0+4 50+100 508+4", (4, 100, 4)),
        ("1+20 35+241 462+30", (0, 241, 0)),
        ("35+5 133+3 266+5", (0, 5, 0)),
        ("2+1", (0, 1, 0)),
        ("65+61", (0, 61, 0)),
        ("65+62", (0, 62, 0)),
        ("65+60 193+62 321+61", (0, 62, 0)),
        ("0+512", (512, 512, 512)),
    ],
)
def test_a_summary_counts_free_pages(engine: Engine, free: str, summary: tuple[int, int, int]) -> None:
    b = page_bits(bits(ALL) & ~bits(free))
    assert unpacked(engine, engine.call(summarize, b)) == summary, drawn(b)


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
