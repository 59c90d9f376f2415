"""Sorted ranges of addresses: merging, growing, and the search for an address."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.addr_ranges import (
    AddrRanges,
    add_range,
    addr_ranges_init,
    check_addr_ranges,
    contains,
    find_addr_greater_equal,
    find_succ,
)
from runtime.fixalloc import Persistent, persistent_close, persistent_init
from runtime.os_memory import MemoryStats
from runtime.syspy import Failure
from tests.runtime.engines import Engine
from tests.runtime.tables import cases, go_table

ROOTS = [
    add_range,
    addr_ranges_init,
    check_addr_ranges,
    contains,
    find_addr_greater_equal,
    find_succ,
    persistent_close,
    persistent_init,
]


@pytest.fixture
def ranges(engine: Engine) -> Iterator[AddrRanges]:
    stats, persistent, made = MemoryStats(), Persistent(), AddrRanges()
    engine.call(persistent_init, persistent, stats)
    assert engine.call(addr_ranges_init, made, persistent, stats.gc)
    yield made
    engine.call(persistent_close, persistent)


def listed(a: AddrRanges) -> list[tuple[int, int]]:
    return [(a.ranges[i].base, a.ranges[i].limit) for i in range(a.count)]


def add_all(engine: Engine, a: AddrRanges, *pairs: tuple[int, int]) -> None:
    for base, limit in pairs:
        assert engine.call(add_range, a, base, limit)
        engine.call(check_addr_ranges, a)


def stepped(row: dict[str, Any]) -> list[tuple[int, int]]:
    """Ranges of one size at one distance."""
    base, limit = row["first"]
    return [(base + i * row["step"], limit + i * row["step"]) for i in range(row["count"])]


def pairs_of(rows: list[list[int]]) -> list[tuple[int, int]]:
    return [(base, limit) for base, limit in rows]


def test_ranges_are_sorted_and_merged_and_the_array_grows(engine: Engine, ranges: AddrRanges) -> None:
    add = go_table("addr_ranges")["add"]
    for (base, limit), after in add["steps"]:
        add_all(engine, ranges, (base, limit))
        assert listed(ranges) == pairs_of(after)
        assert ranges.total_bytes == sum(limit - base for base, limit in after)
    above, below = stepped(add["then_above"]), stepped(add["then_below"])
    middle = listed(ranges)
    add_all(engine, ranges, *above)
    assert listed(ranges) == [*middle, *above]
    add_all(engine, ranges, *below)
    assert listed(ranges) == [*below, *middle, *above]
    assert ranges.capacity == 128


@cases("addr_ranges", "find_succ")
def test_find_succ(engine: Engine, ranges: AddrRanges, case: dict[str, Any]) -> None:
    large = case["ranges"] == "large"
    for base, limit in stepped(go_table("addr_ranges")["large"]) if large else pairs_of(case["ranges"]):
        engine.call(add_range, ranges, base, limit)
    assert engine.call(find_succ, ranges, case["addr"]) == case["succ"]


def test_random_ranges_against_a_set(engine: Engine, ranges: AddrRanges, seed: int) -> None:
    draw = random.Random(seed)
    model: set[int] = set()
    for _ in range(100):
        base = draw.randrange(1000)
        limit = base + draw.randrange(1, 30)
        if model.isdisjoint(range(base, limit)):
            add_all(engine, ranges, (base, limit))
            model.update(range(base, limit))
    assert ranges.total_bytes == len(model)
    for addr in range(0, 1050, 7):
        assert engine.call(contains, ranges, addr) == (addr in model)
        least = min((a for a in model if a >= addr), default=9999)
        assert engine.call(find_addr_greater_equal, ranges, addr, 9999) == least


def test_a_refused_array_loses_no_range(engine: Engine, ranges: AddrRanges) -> None:
    # Arrays of up to half a chunk are cut from the first; the system is asked again for one of 64 KiB and more.
    pairs = [(10 * i, 10 * i + 5) for i in range(1, 4097)]
    for base, limit in pairs[:2048]:
        assert engine.call(add_range, ranges, base, limit)
    stats = ranges.persistent.stats
    while ranges.count < len(pairs) and ranges.capacity < 4096:
        base, limit = pairs[ranges.count]
        before, stats.refuse_at = listed(ranges)[-1], stats.requests + 1
        if not engine.call(add_range, ranges, base, limit):
            assert listed(ranges)[-1] == before
            engine.call(check_addr_ranges, ranges)
            assert engine.call(add_range, ranges, base, limit)
    assert listed(ranges) == pairs[: ranges.count]
    assert ranges.capacity == 4096


@pytest.mark.parametrize(
    ("tag", "broken"),
    [("RG1", [(5, 5)]), ("RG2", [(1, 5), (5, 9)]), ("RG2", [(8, 9), (1, 2)]), ("RG3", [(1, 5)])],
)
def test_the_check_sees_a_broken_invariant(
    engine: Engine, ranges: AddrRanges, tag: str, broken: list[tuple[int, int]]
) -> None:
    for i, (base, limit) in enumerate(broken):
        ranges.ranges[i].base, ranges.ranges[i].limit = base, limit
    ranges.count = len(broken)
    with pytest.raises(Failure, match=tag):
        engine.call(check_addr_ranges, ranges)


def test_an_empty_range_is_a_bug(engine: Engine, ranges: AddrRanges) -> None:
    with pytest.raises(Failure, match="RG1"):
        engine.call(add_range, ranges, 5, 5)
