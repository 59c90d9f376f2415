"""Which pages of a chunk are released next: Go's cases, and slow references."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime.layout import CHUNK_PAGES, CHUNK_WORDS
from runtime.page_bits import PallocData
from runtime.scavenge_bits import fill_aligned, find_scavenge_candidate
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.page_heaps import bits, go_cases

ROOTS = [fill_aligned, find_scavenge_candidate]

ONES = (1 << 64) - 1
GROUPS = [1 << i for i in range(7)]
HUGE = 256  # pages: 2 MiB
LAST = CHUNK_PAGES - 1


def filled(word: int, n: int) -> int:
    """fill_aligned, group by group."""
    group = (1 << n) - 1
    return sum(group << i for i in range(0, 64, n) if word >> i & group)


@pytest.mark.parametrize("n", GROUPS)
def test_fill_aligned(engine: Engine, n: int, seed: int) -> None:
    draw = random.Random(seed)
    words = [0, ONES, ONES >> 32, ONES << 32 & ONES, 0x8000_0000_0000_0001, 0xF000_0000_0000_000F]
    words += [0xF000_0001_0050_000F, 1, 2, 8, 1 << n - 1, 1 << n & ONES]
    words += [0xB02B_9EFF_CF13_7016, 0x3975_A076_A9FB_FF18, 0x0F8C_88EC_3B81_506E, 0x60F1_4D80_EF2F_A0E6]
    for _ in range(300):
        words.append(draw.getrandbits(64))
        words.append(sum(draw.getrandbits(n) << i for i in range(0, 64, n) if draw.random() < 0.5))
    for word in words:
        assert engine.call(fill_aligned, word, n) == filled(word, n), f"{word:#x}"


@pytest.mark.parametrize("n", [0, 3, 128])
def test_a_group_is_a_power_of_two(engine: Engine, n: int) -> None:
    with pytest.raises(BROKEN, match="SB1"):
        engine.call(fill_aligned, 1, n)


def palloc_data(alloc: int, scavenged: int) -> PallocData:
    """A chunk with these bitmaps."""
    data = PallocData()
    for i in range(CHUNK_WORDS):
        data.alloc.words[i] = alloc >> 64 * i & ONES
        data.scavenged.words[i] = scavenged >> 64 * i & ONES
    return data


@pytest.mark.parametrize("case", go_cases("scavenge_candidates"), ids=lambda case: case["name"])
def test_candidates(engine: Engine, case: dict[str, Any]) -> None:
    data = palloc_data(bits(case["alloc"]), bits(case["scavenged"]))
    first, n = engine.call(find_scavenge_candidate, data, LAST, case["least"], case["most"], HUGE)
    assert (f"{first}+{n}" if n else "") == case["want"]


def candidate(taken: int, last: int, least: int, most: int, huge: int) -> tuple[int, int]:
    """find_scavenge_candidate, page by page."""
    free = [not filled(taken >> page // 64 * 64 & ONES, least) >> page % 64 & 1 for page in range(last + 1)]
    end = max((page + 1 for page in range(last + 1) if free[page]), default=0)
    if end == 0:
        return 0, 0
    lowest = end
    while lowest > 0 and free[lowest - 1]:
        lowest -= 1
    start = max(lowest, end - max(-(-most // least) * least, least))
    if huge:
        whole = [page for page in range(0, CHUNK_PAGES, huge) if lowest <= page < start < page + huge <= end]
        start = whole[0] if whole else start
    return start, end - start


def test_candidates_against_a_search_page_by_page(engine: Engine, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(400 if engine.name == "native" else 100):
        taken = [0, 0]
        for _ in range(draw.choice([0, 1, 3, 8, 30])):
            run = ((1 << draw.choice([1, 2, 7, 30, 64, 130])) - 1) << draw.randrange(CHUNK_PAGES)
            taken[draw.randrange(2)] |= run & (1 << CHUNK_PAGES) - 1
        last = draw.randrange(CHUNK_PAGES // 64) * 64 + 63
        wish = draw.choice(GROUPS), draw.choice([0, 1, 5, 64, 200, CHUNK_PAGES, 1 << 51]), draw.choice([0, HUGE, 16])
        found = engine.call(find_scavenge_candidate, palloc_data(*taken), draw.randrange(last - 63, last + 1), *wish)
        assert found == candidate(taken[0] | taken[1], last, *wish), (taken, last, wish)
