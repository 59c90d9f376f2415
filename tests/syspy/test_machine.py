"""Machine types under CPython: conversions wrap, truncate and saturate; stores are checked."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.syspy import OutOfRange, f32, i8, i32, i64, u8, u16, u64, uintptr
from runtime.syspy.machine import CTYPES, RANGES, check_range


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (u8, 300, 44),
        (u8, -1, 255),
        (i8, 200, -56),
        (i8, -129, 127),
        (u64, 1 << 64, 0),
        (i64, 1 << 63, -(1 << 63)),
        (u8, True, 1),
        (i64, 2.9, 2),
        (i64, -2.9, -2),
        (u8, 1e9, 255),
        (u8, -1.5, 0),
        (i32, math.inf, (1 << 31) - 1),
        (i32, -math.inf, -(1 << 31)),
        (i64, math.nan, 0),
        (f32, 0.1, 0.10000000149011612),
        (f32, 1e300, math.inf),
    ],
)
def test_a_conversion(kind: Any, value: float, expected: float) -> None:
    assert kind(value) == expected


@given(st.integers())
def test_conversions_keep_the_low_bits_as_ctypes_does(value: int) -> None:
    for kind in RANGES:
        if kind is not bool:
            assert kind(value) == CTYPES[kind](value).value


def test_an_address_is_a_u64() -> None:
    assert uintptr is u64


@pytest.mark.parametrize(("kind", "value"), [(u8, 256), (u8, -1), (i8, 128), (u16, 1.0), (bool, 2), (u64, 1 << 64)])
def test_sy1_a_value_that_does_not_fit_is_not_stored(kind: Any, value: float) -> None:
    with pytest.raises(OutOfRange, match=r"^SY1: "):
        check_range(kind, value)
