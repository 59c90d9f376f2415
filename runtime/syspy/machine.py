"""Machine types: integers and floats of a fixed width, and the conversions between them.

    name     width        a value is             u8(300)  is 44      conversions wrap
    u8..u64  8..64 bits   0 .. 2**n - 1          i8(200)  is -56
    i8..i64  8..64 bits   -2**(n-1) .. -1 + ...  u8(-1)   is 255
    f32 f64  32, 64 bits  a float                i64(2.9) is 2       floats truncate toward zero,
    bool     1 byte       False or True          u8(1e9)  is 255     and stop at the type's ends
    uintptr  is u64, spelled for addresses       i64(nan) is 0

To a type checker every integer type is `int`. At run time each is a plain function, because a call of a
plain function is the cheapest conversion that CPython has; what else is known of a type is in tables
keyed by that function, and the native engine uses the same objects as its types.

    SY1  a value stored in memory lies in the range of its type. CPython's ctypes would keep the low bits in
         silence; with TOY_CHECKED=1 every store is checked and raises OutOfRange.

Next: pointers.py
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

Conversion = Callable[[float], float]

IS_X86 = os.uname().machine == "x86_64"
IS_CHECKED = os.environ.get("TOY_CHECKED", "") not in ("", "0")


class OutOfRange(Exception):
    """SY1: a store of a value that its type cannot hold."""


def saturated(value: float, low: int, high: int) -> int:
    """A float as an integer: truncated toward zero, held within low and high; 0 for NaN."""
    if math.isnan(value):
        return 0
    if value <= low:
        return low
    return high if value >= high else math.trunc(value)


def _unsigned(bits: int) -> Callable[[Any], int]:
    mask = (1 << bits) - 1

    def convert(value: Any) -> int:
        try:
            return value & mask  # type: ignore[no-any-return]
        except TypeError:
            return saturated(value, 0, mask)

    return _named(convert, f"u{bits}")


def _signed(bits: int) -> Callable[[Any], int]:
    half = 1 << (bits - 1)
    mask = (1 << bits) - 1

    def convert(value: Any) -> int:
        try:
            return ((value + half) & mask) - half  # type: ignore[no-any-return]
        except TypeError:
            return saturated(value, -half, half - 1)

    return _named(convert, f"i{bits}")


def _named(convert: Callable[[Any], int], name: str) -> Callable[[Any], int]:
    convert.__name__ = convert.__qualname__ = name
    return convert


def _to_f32(value: float) -> float:
    """The nearest float of 32 bits."""
    return ctypes.c_float(value).value


def _to_f64(value: float) -> float:
    """The nearest float of 64 bits."""
    return float(value)


if TYPE_CHECKING:
    u8 = int
    u16 = int
    u32 = int
    u64 = int
    i8 = int
    i16 = int
    i32 = int
    i64 = int
    f32 = float
    f64 = float
    uintptr = int
else:
    u8, u16, u32, u64 = (_unsigned(bits) for bits in (8, 16, 32, 64))
    i8, i16, i32, i64 = (_signed(bits) for bits in (8, 16, 32, 64))
    f32, f64 = _named(_to_f32, "f32"), _named(_to_f64, "f64")
    uintptr = u64

# What ctypes calls each type.
CTYPES: dict[Any, Any] = {
    u8: ctypes.c_uint8,
    u16: ctypes.c_uint16,
    u32: ctypes.c_uint32,
    u64: ctypes.c_uint64,
    i8: ctypes.c_int8,
    i16: ctypes.c_int16,
    i32: ctypes.c_int32,
    i64: ctypes.c_int64,
    f32: ctypes.c_float,
    f64: ctypes.c_double,
    bool: ctypes.c_bool,
}

# The least and the greatest value of each integer type.
RANGES: dict[Any, tuple[int, int]] = {bool: (0, 1)}
RANGES.update({kind: (0, (1 << 8 * ctypes.sizeof(CTYPES[kind])) - 1) for kind in (u8, u16, u32, u64)})
RANGES.update(
    {
        kind: (-(1 << 8 * ctypes.sizeof(CTYPES[kind]) - 1), (1 << 8 * ctypes.sizeof(CTYPES[kind]) - 1) - 1)
        for kind in (i8, i16, i32, i64)
    }
)


def is_machine_type(kind: Any) -> bool:
    """Whether kind is one of u8 ... f64 and bool."""
    return kind in CTYPES


def check_range(kind: Any, value: float) -> None:
    """SY1: value fits in kind."""
    if kind in RANGES:
        low, high = RANGES[kind]
        if not isinstance(value, int) or not low <= value <= high:
            raise OutOfRange(f"SY1: {value!r} stored in a {kind.__name__}")
