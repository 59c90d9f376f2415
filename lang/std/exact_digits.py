"""Exact digits: every decimal digit of a binary float, for precisions that 64-bit arithmetic can't serve.

A float is m * 2**k, and a decimal of finite length, because 2**-1 is 5 * 10**-1:

    k >= 0    m * 2**k                          an integer; the decimal point stands after its last digit
    k < 0     m * 5**-k * 10**k                 an integer; the decimal point stands -k digits before its end

The integer is kept in `limbs`, nine decimal digits each, the lowest first; it has at most 767 digits.

    XD1  the limbs in use are at most LIMBS
    XD2  no limb reaches LIMB_BASE, and the highest is not 0

Owner: whoever owns the NumberText. Go: internal/strconv decimal.go.                   Next: float_text.py
"""

from __future__ import annotations

from lang.std.number_text import DIGIT_0, LIMBS, NumberText, count_decimal, write_decimal
from runtime.syspy import Array, ctz64, element, i64, table, u8, u32, u64

LIMB_BASE = 10**9
LIMB_DIGITS = 9
DIGIT_5 = DIGIT_0 + 5
DIGIT_9 = DIGIT_0 + 9

TWO_STEP = 29  # 2**29 and 5**12 are the largest powers below LIMB_BASE
FIVE_STEP = 12
POWERS_OF_5 = table(u64, [5**n for n in range(FIVE_STEP + 1)])


def set_limbs(limbs: Array[u32], m: u64) -> i64:
    """The limbs hold m, which is not 0; gives how many they are."""
    count: i64 = 0
    while m != 0:
        limbs[count] = u32(m % LIMB_BASE)
        m = m // LIMB_BASE
        count = count + 1
    return count


def multiply_limbs(limbs: Array[u32], count: i64, factor: u64) -> i64:
    """The limbs times a factor below LIMB_BASE; gives how many they are."""
    carry: u64 = 0
    for i in range(count):
        product = u64(limbs[i]) * factor + carry
        limbs[i] = u32(product % LIMB_BASE)
        carry = product // LIMB_BASE
    if carry == 0:
        return count
    assert count < LIMBS, "XD1: a float has more digits than there are limbs"
    limbs[count] = u32(carry)
    return count + 1


def multiply_by_power_of_2(limbs: Array[u32], count: i64, power: i64) -> i64:
    """The limbs times 2**power; gives how many they are."""
    one: u64 = 1
    while power > 0:
        step = power if power < TWO_STEP else TWO_STEP
        count = multiply_limbs(limbs, count, one << u64(step))
        power = power - step
    return count


def multiply_by_power_of_5(limbs: Array[u32], count: i64, power: i64) -> i64:
    """The limbs times 5**power; gives how many they are."""
    while power > 0:
        step = power if power < FIVE_STEP else FIVE_STEP
        count = multiply_limbs(limbs, count, POWERS_OF_5[step])
        power = power - step
    return count


def digits_of_limbs(t: NumberText, count: i64) -> None:
    """Write the limbs as characters into `digits`."""
    assert t.limbs[count - 1] != 0, "XD2: the highest limb is 0"
    top = count_decimal(u64(t.limbs[count - 1]))
    write_decimal(t.digits, top, u64(t.limbs[count - 1]))
    for i in range(count - 1):
        at = top + (count - 2 - i) * LIMB_DIGITS
        write_decimal(element(t.digits, at), LIMB_DIGITS, u64(t.limbs[i]))
    t.digit_count = top + (count - 1) * LIMB_DIGITS


def exact_digits(t: NumberText, m: u64, e: i64) -> None:
    """All the digits of m * 2**e, m not 0. Leaves trailing zeros: `round_digits` removes them."""
    even = ctz64(m)
    power = e + i64(even)
    count = set_limbs(t.limbs, m >> even)
    count = multiply_by_power_of_2(t.limbs, count, power)
    count = multiply_by_power_of_5(t.limbs, count, -power)
    digits_of_limbs(t, count)
    t.point = t.digit_count + (power if power < 0 else 0)


def rounds_up(t: NumberText, keep: i64) -> bool:
    """Is the rest after `keep` digits more than a half, or a half and the last digit kept odd?"""
    if t.digits[keep] != DIGIT_5:
        return t.digits[keep] > DIGIT_5
    for i in range(keep + 1, t.digit_count):
        if t.digits[i] != DIGIT_0:
            return True
    return keep > 0 and t.digits[keep - 1] & 1 == 1


def round_digits(t: NumberText, keep: i64) -> None:
    """Keep the first `keep` digits, rounded half to even; no trailing zeros remain."""
    if keep < t.digit_count:
        up = keep >= 0 and rounds_up(t, keep)
        t.digit_count = keep if keep > 0 else 0
        if up:
            add_one_in_last_place(t)
    trim_zeros(t)


def add_one_in_last_place(t: NumberText) -> None:
    """Carry: nines become zeros, which are dropped; all nines become one 1 a place higher."""
    while t.digit_count > 0 and t.digits[t.digit_count - 1] == DIGIT_9:
        t.digit_count = t.digit_count - 1
    if t.digit_count > 0:
        last = t.digit_count - 1
        t.digits[last] = t.digits[last] + 1
    else:
        t.digits[0] = u8(DIGIT_0 + 1)
        t.digit_count = 1
        t.point = t.point + 1


def trim_zeros(t: NumberText) -> None:
    """Drop trailing zeros."""
    while t.digit_count > 0 and t.digits[t.digit_count - 1] == DIGIT_0:
        t.digit_count = t.digit_count - 1
