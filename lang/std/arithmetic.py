"""Arithmetic: the checks that Go makes before it divides or shifts.

Each returns what it was given, so that it stands inside an expression: `quotient(a, divisor_i64(b, 7))`.

Owner: nobody. Go: cmd/compile/internal/ssagen, the divide and shift checks.
"""

from __future__ import annotations

from runtime.panics import panic_divide, panic_index_unsigned, panic_shift
from runtime.syspy import bits_of, f64, i64, inline, machine_i64, u64, unlikely
from runtime.syspy.machine import IS_X86

MIDDLE = float(1 << 63)  # of what a u64 holds


@inline
def divisor_i64(b: i64, pos: i64) -> i64:
    """b, which must not be 0."""
    if unlikely(b == 0):
        panic_divide(pos)
    return b


@inline
def divisor_u64(b: u64, pos: i64) -> u64:
    """b, which must not be 0."""
    if unlikely(b == 0):
        panic_divide(pos)
    return b


@inline
def shift_count(n: i64, pos: i64) -> u64:
    """n, which must not be negative."""
    if unlikely(n < 0):
        panic_shift(pos)
    return u64(n)


@inline
def index_unsigned(i: u64, n: i64, pos: i64) -> i64:
    """An index, of n elements."""
    if unlikely(i >= u64(n)):
        panic_index_unsigned(i, n, pos)
    return i64(i)


@inline
def float_to_u64(f: f64) -> u64:
    """A float as a u64, by Go's instructions for the processor: x86 has none of its own for that."""
    if not IS_X86:
        return u64(f)
    low = machine_i64(f)
    return u64(low) | u64(machine_i64(f - MIDDLE)) if low < 0 else u64(low)


@inline
def is_nan(f: f64) -> bool:
    """Whether f is not a number: nothing else differs from itself."""
    return f != f  # noqa: PLR0124


@inline
def min_float(a: f64, b: f64) -> f64:
    """The lesser; NaN if one is, and -0 is below 0."""
    if is_nan(a) or a < b:
        return a
    if is_nan(b) or b < a:
        return b
    return a if bits_of(a) > bits_of(b) else b


@inline
def max_float(a: f64, b: f64) -> f64:
    """The greater; NaN if one is, and 0 is above -0."""
    if is_nan(a) or a > b:
        return a
    if is_nan(b) or b > a:
        return b
    return a if bits_of(a) < bits_of(b) else b
