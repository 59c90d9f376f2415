"""The frame table: LLVM's tables read back, and a walk up the stack through inlined functions."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from runtime.syspy import native
from runtime.syspy.frame_table import (
    END,
    FROM_FP,
    FROM_SP,
    HIGH_PC,
    LOW_PC,
    RANGES,
    Inlined,
    Reader,
    function_rules,
    lines,
    stretches,
    swept,
)
from runtime.syspy.image import Image
from runtime.syspy.pointers import address
from runtime.syspy.sources import place_of
from runtime.traceback import Trace, add_table, places_of, words_of

PROGRAM = """
from runtime.syspy import FAIL_PANIC, address, attempt, call_at, fail, function_address, i64, inline, u64, uintptr
from runtime.traceback import Trace, note_failure


def listener(trace: Trace) -> None:
    trace.listener = function_address(note_failure)
    trace.stack_high = u64(-1 & 0xFFFF_FFFF_FFFF)


@inline
def innermost(a: i64) -> i64:
    if a > 5:
        fail(FAIL_PANIC, "too much", -1)  # 3
    return a


def inner(a: i64) -> i64:
    return innermost(a + 1) * 2  # 4


def hidden(a: i64) -> i64:
    return inner(a)


def outer(a: i64) -> i64:
    return hidden(a)  # 5


def down(n: i64) -> i64:
    if n == 0:
        return outer(9)  # 6
    return down(n - 1) + n  # 7
"""


def rule(base: int, words: int, saved: int = 0) -> int:
    return base | words << 2 | saved << 17


def test_a_number_at_the_end_of_a_line_is_its_place() -> None:
    assert place_of("    t1 = f(g, sp)  # 17") == 17
    assert place_of("    t1 = f(g, sp)  # 17\n") == 17
    assert place_of("    t1 = f(g, sp)  # seventeen") == -1
    assert place_of("text_1 = text(b'  # 17')") == -1


def test_numbers_in_groups_of_seven_bits() -> None:
    assert Reader(b"\xe5\x8e\x26").uleb() == 624485
    assert Reader(b"\xc0\xbb\x78").sleb() == -123456
    assert Reader(b"\x02").sleb() == 2


def test_the_rules_of_a_function_follow_its_pushes() -> None:
    pushes = bytes([0x41, 0x0E, 16, 0x86, 2, 0x43, 0x0D, 6, 0x42, 0x0E, 24])  # push rbp; mov rbp, rsp; and so on
    found = list(function_rules(Reader(pushes), len(pushes), 100))
    assert found == [
        (100, rule(FROM_SP, 1)),
        (101, rule(FROM_SP, 2, 2)),
        (104, rule(FROM_FP, 2, 2)),
        (106, rule(FROM_FP, 3, 2)),
    ]


def test_what_is_not_understood_ends_the_walk() -> None:
    assert list(function_rules(Reader(b"\x41\x0f\x00"), 3, 0)) == [(0, rule(FROM_SP, 1)), (1, END)]


def test_places_come_from_the_innermost_function_outward() -> None:
    inlined = [Inlined(10, 30, 0, 5), Inlined(14, 20, 1, 6)]
    found = list(swept([(0, 9)], [(0, 0), (12, 3), (16, 4), (25, 0)], inlined))
    places = [(), (4,), (2, 4), (2, 5, 4), (3, 5, 4), (3, 4), (4,), ()]
    assert found == [(at, 9, there) for at, there in zip([0, 10, 12, 14, 16, 20, 25, 30], places, strict=True)]


def test_ranges_count_from_where_the_code_begins() -> None:
    ranges = b"".join(number.to_bytes(8, "little") for number in (4, 8, 20, 30, 0, 0))
    assert list(stretches({RANGES: 0}, ranges, 96)) == [(100, 104), (116, 126)]
    assert list(stretches({LOW_PC: 100, HIGH_PC: 4}, ranges, 96)) == [(100, 104)]


def test_rows_of_one_byte_are_left_out() -> None:
    assert list(swept([(0, 1), (4, 2), (5, 3)], [], [])) == [(0, 1, ()), (5, 3, ())]


def test_no_lines_are_no_rows() -> None:
    assert list(lines(b"")) == []


@pytest.fixture(scope="module")
def traced() -> tuple[Any, Image]:
    module = types.ModuleType("traced")
    sys.modules["traced"] = module
    exec(compile(PROGRAM, "<traced>", "exec"), module.__dict__)
    made: Any = module
    image = native.build([made.down, made.outer, made.listener], sources={"traced": PROGRAM}, use_cache=False)
    return made, image


def noted(traced: tuple[Any, Image], name: str, argument: int) -> list[int]:
    """The places of the calls that lead to the failure of a call."""
    made, image = traced
    trace = Trace()
    add_table(trace, image.code, image.code_bytes, image.frames_at)
    image.call(made.listener, trace)
    image.listen(address(trace))
    with pytest.raises(Exception, match="too much"):
        image.call(getattr(made, name), argument)
    image.listen(0)
    inner, outer = words_of(trace.frames)
    return [place for word in (*inner, *outer) for place in places_of(trace, word)]


def test_a_walk_finds_the_callers(traced: tuple[Any, Image]) -> None:
    if not traced[1].frames:
        pytest.skip("there is no table for this machine")
    assert noted(traced, "outer", 9) == [3, 4, 5]
    assert noted(traced, "down", 4) == [3, 4, 5, 6, 7, 7, 7, 7]
