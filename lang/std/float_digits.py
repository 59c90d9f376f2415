"""Float digits: a binary float as a short decimal, without big numbers.

A float is m * 2**e. Multiplied by a power of ten 10**p that makes the product about as large as the
digits wanted, it becomes an integer and a rest; only three things about the rest matter for rounding:

    unrounded u  =  | floor(x) . . . . . . | half | sticky |
                      62 bits                1      1 = some bit below the half is set

`scale` computes u for any m, e, p from a 128-bit value of 10**p, exactly: the power is kept as
hi * 2**64 - lo, rounded up, so one 64-bit product already decides unless its low bits are all zero, and then a second
product does. From there everything is integer arithmetic on u:

    shortest  the ends of the interval that reads back as the float, scaled; the roundest decimal between them
    fixed     the float itself, scaled to n digits and rounded half to even
    nearest   the other direction: decimal digits, scaled to a mantissa and rounded half to even

    FD1  m is left-justified: its top bit is set
    FD2  a power index stays inside POWERS
    FD3  a product's shift is in 0..63

Source: R. Cox, "Floating-point printing and parsing can be simple and fast" (2026), https://research.swtch.com/fp
Go: internal/strconv uscale.go.                                                       Next: exact_digits.py
"""

from __future__ import annotations

from lang.std.number_text import TENS
from runtime.syspy import bits_of, clz64, f64, i64, inline, multiply_high, table, u64

POWER_MIN = -348  # the least power of ten in POWERS
POWER_MAX = 347
FIXED_DIGITS_MAX = 18  # more digits than this don't fit an unrounded u64: exact_digits.py
NO_LIMIT = 1 << 30  # for `fixed`: keep all the digits asked for

F64_MANT_BITS = 52
F64_MIN_EXP = -1074 - 11  # exponent of a left-justified mantissa where subnormals begin
F32_MANT_BITS = 23
F32_MIN_EXP = -149 - 40
F64_LEAST = 1074  # 2**-1074 is the least float64
F32_LEAST = 149


def _power_words() -> list[int]:
    """hi, lo for each power of ten: 10**p = (hi * 2**64 - lo) * 2**(floor(log2(10**p)) - 127), rounded up."""
    words = []
    for p in range(POWER_MIN, POWER_MAX + 1):
        numerator, denominator = 10 ** max(p, 0), 10 ** max(-p, 0)
        shift = 127 - ((p * 108853) >> 15)
        scaled = -(-(numerator << max(shift, 0)) // (denominator << max(-shift, 0)))
        hi = -(-scaled >> 64)
        words += [hi, (hi << 64) - scaled]
    return words


POWERS = table(u64, _power_words())


@inline
def log10_of_pow2(x: i64) -> i64:
    """floor(log10(2**x)), for |x| < 1650."""
    return (x * 78913) >> 18


@inline
def log2_of_pow10(x: i64) -> i64:
    """floor(log2(10**x)), for |x| < 400."""
    return (x * 108853) >> 15


@inline
def log10_of_three_quarters_pow2(x: i64) -> i64:
    """floor(log10(3/4 * 2**x)): the width of the interval around a power of two."""
    return (x * 631305 - 261663) >> 21


@inline
def round_even(u: u64) -> u64:
    """An unrounded value to the nearest integer, half to even."""
    return (u + 1 + ((u >> 2) & 1)) >> 2


@inline
def divide_by_ten(u: u64) -> u64:
    """An unrounded value divided by 10, the sticky bit kept."""
    return (u // 10) | (u & 1) | u64(u % 10 != 0)


def scale(m: u64, e: i64, p: i64) -> u64:
    """m * 2**e * 10**p, unrounded."""
    assert POWER_MIN <= p <= POWER_MAX, "FD2: a power of ten outside the table"
    row = 2 * (p - POWER_MIN)
    shift = u64(-(e + log2_of_pow10(p) + 3))
    assert shift < 64, "FD3: a scaled float doesn't fit 62 bits"
    hi = multiply_high(m, POWERS[row])
    if (hi >> shift) << shift != hi:
        return (hi >> shift) | 1
    middle = u64(m * POWERS[row])
    borrow = multiply_high(m, POWERS[row + 1])
    if middle < borrow:
        hi = u64(hi - 1)
    return (hi >> shift) | u64(u64(middle - borrow) > 1)


def left_justified(value: f64) -> tuple[u64, i64]:
    """m and e with |value| = m * 2**e and m's top bit set; value is finite and not zero."""
    bits = bits_of(value)
    mantissa = bits & ((1 << F64_MANT_BITS) - 1)
    exponent = i64((bits >> F64_MANT_BITS) & 0x7FF)
    if exponent == 0:
        exponent = 1
    else:
        mantissa = mantissa | (1 << F64_MANT_BITS)
    zeros = clz64(mantissa)
    return mantissa << zeros, exponent - 1075 - i64(zeros)


def shortest(m: u64, e: i64, mant_bits: u64, min_exp: i64) -> tuple[u64, i64]:
    """d and p: d * 10**p has the fewest digits of all that read back as m * 2**e, and is the closest of these."""
    assert m >> 63 == 1, "FD1: a mantissa is not left-justified"
    gap: u64 = 63 - mant_bits  # log2 of the distance to the next float up, in units of m
    if e < min_exp:
        gap = gap + u64(min_exp - e)
    one: u64 = 1
    low = m - (one << (gap - 1))
    p = -log10_of_pow2(e + i64(gap))
    if m == 1 << 63 and e > min_exp:  # a power of two: the floats below lie twice as close
        low = m - (one << (gap - 2))
        p = -log10_of_three_quarters_pow2(e + i64(gap))
    odd = (m >> gap) & 1  # an odd mantissa: reading rounds half to even, away from it, so the ends are out
    least = (scale(low, e, p) + odd + 3) >> 2
    most = (scale(m + (one << (gap - 1)), e, p) - odd) >> 2
    if most // 10 * 10 >= least:
        return most // 10, 1 - p
    if least < most:
        return round_even(scale(m, e, p)), -p
    return least, -p


def fixed(m: u64, e: i64, digits: i64, decimals: i64) -> tuple[u64, i64]:
    """d and p: m * 2**e rounded to `digits` digits (1..18), or to `decimals` places if these are fewer."""
    assert m >> 63 == 1, "FD1: a mantissa is not left-justified"
    p = digits - 1 - log10_of_pow2(e + 63)
    u = scale(m, e, p)
    if u >= 4 * TENS[digits] - 2:  # it would round to one digit more
        u = divide_by_ten(u)
        p = p - 1
    while p > decimals:
        u = divide_by_ten(u)
        p = p - 1
    return round_even(u), -p


def nearest(d: u64, p: i64, mant_bits: i64, least: i64) -> u64:
    """The bits of the float nearest to d * 10**p, half to even; those of infinity if it is too large.

    Behind the first bit of a mantissa are `mant_bits`, and 2**-least is the least float. Times 2**up the product has
    the bits of a mantissa, or one more; of a subnormal, fewer.
    """
    infinity = u64(2 * (least - mant_bits) + 3) << u64(mant_bits)
    if d == 0 or p < POWER_MIN:
        return 0
    if p > POWER_MAX:
        return infinity
    zeros = i64(clz64(d))
    log2 = log2_of_pow10(p)
    up = min(mant_bits - 63 + zeros - log2, least)
    if zeros - up - log2 >= 64 + 3:
        return 0
    u = scale(d << u64(zeros), up - zeros, p)
    one: u64 = 1
    if u >= (one << u64(mant_bits + 3)) - 2:  # it would round to one bit more
        u = (u >> 1) | (u & 1)
        up = up - 1
    # A mantissa's first bit counts one exponent up, as does what rounding carries out of it.
    return min((u64(least - up) << u64(mant_bits)) + round_even(u), infinity)
