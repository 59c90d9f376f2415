"""Scaling is exact: proved for every mantissa and power of ten, as is what parsing makes of it.

A mantissa x times a power P of 128 bits, the power rounded up, is off by less than x. So `scale` can only be wrong
where x * P is within a few units of 2**64 of a multiple of 2**(128 + shift). All such x are found by Euclid's
algorithm, for the smallest shift, as multiples of larger powers are multiples of it; and those few are tried.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from fractions import Fraction

import pytest

from lang.std.float_digits import (
    F32_LEAST,
    F32_MANT_BITS,
    F64_LEAST,
    F64_MANT_BITS,
    POWER_MAX,
    POWER_MIN,
    POWERS,
    log2_of_pow10,
    nearest,
    scale,
)
from tests.runtime.engines import Engine

ROOTS = [nearest]

NEAR = 1 << 66  # a mantissa's error and the bits that `scale` does not look at are less
EXACT_POWERS = range(26)  # 10**p * 2**n of 128 bits is a multiple of NEAR: what is near a multiple is one
SMALL_DIVISORS = range(-27, 0)  # in x / 5**-p what is not a multiple is farther than NEAR from one


def first_within(a: int, m: int, low: int, high: int) -> int | None:
    """The least n >= 0 with low <= a * n % m <= high."""
    if low == 0:
        return 0
    if a == 0:
        return None
    n = -(-low // a)
    if a * n <= high:
        return n
    wraps = first_within(m % a, a, -high % a, -low % a)
    return None if wraps is None else -(-(low + m * wraps) // a)


def near_multiples(power: int, modulus: int, step: int) -> Iterator[int]:
    """Every mantissa, a multiple of step, whose product with the power is near a multiple of the modulus."""
    x = 1 << 63
    while True:
        low, high = (-NEAR - x * power) % modulus, (NEAR - x * power) % modulus
        n = first_within(power * step % modulus, modulus, low, high) if low <= high else 0
        if n is None or x + n * step >= 1 << 64:
            return
        yield x + n * step
        x += (n + 1) * step


def unrounded(x: int, p: int, shift: int) -> int:
    """What `scale` gives, from fractions."""
    exact = x * Fraction(10) ** p * Fraction(2) ** -(log2_of_pow10(p) + 1 + shift)
    whole = exact.numerator // exact.denominator
    return whole | (whole != exact)


@pytest.mark.parametrize(
    ("step", "least_shift"),
    [pytest.param(1, 8, id="parsing"), pytest.param(1 << 9, 2, id="printing")],
)
def test_every_mantissa_is_scaled_exactly(step: int, least_shift: int) -> None:
    for p in sorted({*range(POWER_MIN, POWER_MAX + 1)} - {*EXACT_POWERS, *SMALL_DIVISORS}):
        row = 2 * (p - POWER_MIN)
        power = (POWERS[row] << 64) - POWERS[row + 1]
        for x in near_multiples(power, 1 << 128 + least_shift, step):
            for shift in range(least_shift, 64):
                assert scale(x, -(log2_of_pow10(p) + 3 + shift), p) == unrounded(x, p, shift), (x, p, shift)


def test_the_powers_are_those_of_ten_rounded_up() -> None:
    for p in range(POWER_MIN, POWER_MAX + 1):
        row = 2 * (p - POWER_MIN)
        power = (POWERS[row] << 64) - POWERS[row + 1]
        exact = Fraction(10) ** p * Fraction(2) ** (127 - log2_of_pow10(p))
        assert power - 1 < exact <= power < 1 << 128


def hard_decimals(seed: int, count: int) -> Iterator[tuple[int, int]]:
    """For every power of ten: integers of any size, and the decimals next to the middle between two floats."""
    rng = random.Random(seed)
    for p in range(POWER_MIN - 2, POWER_MAX + 3):
        for _ in range(count):
            yield rng.randrange(10 ** rng.randrange(1, 20)), p
            middle = 2 * (rng.getrandbits(52) | 1 << 52) + 1
            digits = middle * Fraction(2) ** (log2_of_pow10(p) + rng.randrange(-53, 10)) / Fraction(10) ** p
            if 1 <= digits < 10**19:
                yield from ((digits.numerator // digits.denominator + more, p) for more in (0, 1))


def float32_bits(d: int, p: int) -> int:
    """The nearest float32's, by fractions."""
    exact = d * Fraction(10) ** p
    if exact >= Fraction(2) ** 128:
        return 0xFF << F32_MANT_BITS
    exponent = -F32_LEAST
    while exact >= Fraction(2) ** (exponent + F32_MANT_BITS + 1):
        exponent += 1
    return min((exponent + F32_LEAST << F32_MANT_BITS) + round(exact / Fraction(2) ** exponent), 0xFF << F32_MANT_BITS)


def test_the_nearest_float_is_pythons(engine: Engine, seed: int) -> None:
    for d, p in hard_decimals(seed, 4 if engine.name == "native" else 1):
        bits = engine.call(nearest, d, p, F64_MANT_BITS, F64_LEAST)
        assert ctypes.c_double.from_buffer_copy(bits.to_bytes(8, "little")).value == float(f"{d}e{p}"), f"{d}e{p}"


def test_the_nearest_float32_is_rounded_once(engine: Engine, seed: int) -> None:
    for d, p in hard_decimals(seed, 1):
        if -70 < p < 50:
            assert engine.call(nearest, d, p, F32_MANT_BITS, F32_LEAST) == float32_bits(d, p), f"{d}e{p}"
