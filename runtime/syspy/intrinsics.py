"""Intrinsics: operations that are one instruction, or a few, in native code and have no Python operator.

Each has its CPython body here, which is its definition; the native engine has an LLVM body for each, and
a test runs both over edge values.

Next: atomics.py
"""

from __future__ import annotations

import ctypes
import math
import struct as packing
from time import sleep
from typing import TypeVar

from runtime.syspy.failure import FAIL_PANIC, INDEX_TEXT, NIL_TEXT, fail
from runtime.syspy.machine import IS_X86, saturated
from runtime.syspy.pointers import is_nil

T = TypeVar("T")

_HOOK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)  # what call_address calls


def ctz64(x: int) -> int:
    """How many zero bits are below the lowest one; 64 for 0."""
    return (x & -x).bit_length() - 1 if x else 64


def clz64(x: int) -> int:
    """How many zero bits are above the highest one; 64 for 0."""
    return 64 - x.bit_length()


def popcount64(x: int) -> int:
    """How many bits are one."""
    return x.bit_count()


def reverse_bytes(x: int) -> int:
    """The bytes of a u64 in the opposite order."""
    return int.from_bytes(x.to_bytes(8, "little"), "big")


def multiply_high(a: int, b: int) -> int:
    """The upper 64 bits of the 128-bit product of two u64."""
    return (a * b) >> 64


def quotient(a: int, b: int) -> int:
    """a / b truncated toward zero, in the operands' type; b is not 0.

    The least value by -1 wraps to itself: for i64 here, for a narrower type by a conversion, i8(quotient(a, b)).
    """
    q = abs(a) // abs(b)
    if (a < 0) != (b < 0):
        return -q
    return a if a < 0 and q == 1 << 63 else q


def remainder(a: int, b: int) -> int:
    """a - quotient(a, b) * b: it has the sign of a."""
    r = abs(a) % abs(b)
    return r if a >= 0 else -r


def shift_left(x: int, n: int) -> int:
    """x << n for any count, as in Go. Wraps, so it stands inside a conversion: u32(shift_left(x, n))."""
    return x << n if n < 64 else 0


def shift_right(x: int, n: int) -> int:
    """x >> n for any count, as in Go: at last 0, or -1 for a negative x."""
    return x >> n


def machine_i32(x: float) -> int:
    """A float as the processor's own instruction makes an i32 of it: truncated toward zero.

    What an i32 cannot hold, and NaN, is the least one on x86. On others it is the nearest one, and NaN is 0: so do
    conversions, i32(x), everywhere.
    """
    return _by_machine(x, 1 << 31)


def machine_i64(x: float) -> int:
    """The same for an i64."""
    return _by_machine(x, 1 << 63)


def _by_machine(x: float, end: int) -> int:
    return -end if IS_X86 and not x < end else saturated(x, -end, end - 1)


def likely(condition: bool) -> bool:
    """The condition, which nearly always holds: the other way is laid out of line."""
    return condition


def unlikely(condition: bool) -> bool:
    """The condition, which hardly ever holds: its way is laid out of line."""
    return condition


def known(condition: bool) -> None:
    """A condition that always holds: native code relies on it without a check."""
    assert condition, "what was said to be known does not hold"


def prefetch(addr: int) -> None:
    """Bring the cache line at addr closer. Any address will do."""


def relax() -> None:
    """Between two looks at a word that another thread is about to change: let that one go first."""
    sleep(0)


def stack_pointer() -> int:
    """The address of the native stack's end in use. CPython has none: far from every limit."""
    return 1 << 63


def call_address(addr: int, word: int) -> int:
    """The result of the C function at addr, which takes one u64 and gives one. It returns: no failure passes it."""
    result: int = _HOOK(addr)(word)
    return result


def bits_of(f: float) -> int:
    """The 64 bits of an f64."""
    return int.from_bytes(packing.pack("<d", f), "little")


def float_of(bits: int) -> float:
    """The f64 of these 64 bits."""
    value: float = packing.unpack("<d", bits.to_bytes(8, "little"))[0]
    return value


def divide(a: float, b: float) -> float:
    """a / b for any b, as the machine does it: by zero gives an infinity, or NaN. (Plain `/` wants b != 0.)"""
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def sqrt(x: float) -> float:
    """The square root; NaN below zero."""
    return math.sqrt(x) if x >= 0.0 else x if x == 0.0 else math.nan


def floor(x: float) -> float:
    """The greatest whole number that is not above x."""
    return math.copysign(math.floor(x), x) if math.isfinite(x) else x


def ceil(x: float) -> float:
    """The least whole number that is not below x."""
    return math.copysign(math.ceil(x), x) if math.isfinite(x) else x


def trunc(x: float) -> float:
    """x without its fraction."""
    return math.copysign(math.trunc(x), x) if math.isfinite(x) else x


def fabs(x: float) -> float:
    """x without its sign."""
    return math.fabs(x)


def fma(x: float, y: float, z: float) -> float:
    """x * y + z, rounded once."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return x * y + z
    if not math.isfinite(z):
        return z
    (a, below_a), (b, below_b), (c, below_c) = (f.as_integer_ratio() for f in (x, y, z))
    exact = a * b * below_c + c * below_a * below_b
    if exact == 0:
        return x * y + z  # exact, too, and this has the sign of the zero
    try:
        return exact / (below_a * below_b * below_c)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def out_of_bounds(i: int, n: int) -> bool:
    """Whether an i64 i is no index of n elements: not 0 <= i < n. One unsigned comparison in native code."""
    return not 0 <= i < n


def nonnil(p: T, pos: int) -> T:
    """p, or Go's panic for a nil dereference at pos."""
    if is_nil(p):
        fail(FAIL_PANIC, NIL_TEXT, pos)
    return p


def index(i: int, n: int, pos: int) -> int:
    """i, or Go's panic for an index out of range at pos."""
    if not 0 <= i < n:
        fail(FAIL_PANIC, INDEX_TEXT, i, n, pos)
    return i
