"""Floats as text: shortest against Python's repr, precisions against Python's exact %e and %f, on both engines."""

from __future__ import annotations

import ctypes
import math
import random
import struct
from decimal import Decimal
from fractions import Fraction

import pytest

from lang.std import exact_digits, float_digits, float_text, number_text
from lang.std.number_text import MINUS, NumberText
from runtime.syspy import Failure, address
from tests.runtime.engines import Engine

ROOTS = [float_text.form_float, number_text.form_decimal, number_text.form_radix, float_digits.scale]

EDGES = [0.0, 5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308, 9007199254740993.0, 1e23]
EDGES += [2.0**n for n in range(-1074, 1024, 37)] + [10.0**n for n in range(-320, 309, 13)] + [0.5, 2.5, 1.0, 0.1, 9.5]


def text(engine: Engine, value: float, verb: str, precision: int, is_f32: bool = False) -> str:
    t = NumberText()
    engine.call(float_text.form_float, t, value, is_f32, ord(verb), precision)
    body = ctypes.string_at(address(t.body), t.body_length) + b"0" * t.zeros
    return "-" * (t.sign == MINUS) + (body + ctypes.string_at(address(t.tail), t.tail_length)).decode()


def random_floats(count: int, seed: int) -> list[float]:
    """Half of any bits, half of everyday sizes."""
    rng = random.Random(seed)
    bits = [struct.unpack("d", rng.randbytes(8))[0] for _ in range(count // 2)]
    common = [round(rng.uniform(-1e6, 1e6), rng.randrange(8)) for _ in range(count // 2)]
    return [value for value in bits + common if math.isfinite(value)]


def how_many(engine: Engine) -> int:
    return 20_000 if engine.name == "native" else 600


def test_shortest_reads_back_and_is_as_short_as_reprs(engine: Engine, seed: int) -> None:
    for value in EDGES + random_floats(how_many(engine), seed):
        assert Decimal(text(engine, value, "e", -1)) == Decimal(repr(value)), value.hex()


def shortest_f32(value: float) -> str:
    """The fewest digits that read back as a float32, rounded from its exact value."""
    candidates = (f"{value:.{n}e}" for n in range(9))
    return next(text for text in candidates if ctypes.c_float(float(text)).value == value)


def test_shortest_float32(engine: Engine, seed: int) -> None:
    rng = random.Random(seed)
    values = [ctypes.c_float.from_buffer_copy(rng.randbytes(4)).value for _ in range(how_many(engine) // 2)]
    for value in filter(math.isfinite, values):
        printed = text(engine, value, "e", -1, is_f32=True)
        assert ctypes.c_float(float(printed)).value == value
        assert len(printed) <= len(shortest_f32(value)), value.hex()


@pytest.mark.parametrize("verb", ["e", "f", "g"])
def test_every_precision_is_rounded_exactly(engine: Engine, seed: int, verb: str) -> None:
    rng = random.Random(seed)
    for value in EDGES + random_floats(how_many(engine) // 2, seed):
        precision = rng.choice([0, 1, 2, 6, 15, 17, 18, 19, 25, rng.randrange(400)])
        assert text(engine, value, verb, precision) == f"{value:.{precision}{verb}}", value.hex()


def test_ties_go_to_even(engine: Engine) -> None:
    printed = [text(engine, value, "f", 0) for value in (0.5, 1.5, 2.5, 3.5, 1e22 + 0.0)]
    assert printed == ["0", "2", "2", "4", "10000000000000000000000"]
    assert [text(engine, n + 0.5**19, "f", 18) for n in (1, 3)] == [f"{n + 0.5**19:.18f}" for n in (1, 3)]


def test_hexadecimal_is_pythons(engine: Engine) -> None:
    for value in [1.0, 1.5, -0.1, 1e100, 12345.678]:
        mantissa, exponent = value.hex().split("p")
        assert float.fromhex(text(engine, value, "x", -1)) == value
        assert text(engine, value, "x", -1).split("p")[0] == mantissa.rstrip("0").rstrip(".")
        assert int(text(engine, value, "x", -1).split("p")[1]) == int(exponent)


def test_binary_is_mantissa_times_a_power_of_two(engine: Engine) -> None:
    for value in [1.0, 0.1, 5e-324, 1e300]:
        mantissa, exponent = text(engine, value, "b", -1).split("p")
        assert Fraction(int(mantissa)) * Fraction(2) ** int(exponent) == Fraction(value)


def test_a_power_of_ten_outside_the_table_breaks_fd2() -> None:
    with pytest.raises((Failure, AssertionError), match="FD2"):
        float_digits.scale(1 << 63, 0, float_digits.POWER_MAX + 1)


def test_a_mantissa_that_is_not_left_justified_breaks_fd1() -> None:
    with pytest.raises((Failure, AssertionError), match="FD1"):
        float_digits.shortest(1, 0, float_digits.F64_MANT_BITS, float_digits.F64_MIN_EXP)


def test_a_float_scaled_too_far_breaks_fd3() -> None:
    with pytest.raises((Failure, AssertionError), match="FD3"):
        float_digits.scale(1 << 63, 64, 0)


def test_a_full_number_breaks_nt1() -> None:
    t = NumberText(body_length=number_text.BODY_BYTES, tail_length=number_text.TAIL_BYTES)
    for put in (number_text.put_body, number_text.put_tail):
        with pytest.raises((Failure, AssertionError), match="NT1"):
            put(t, MINUS)


def test_a_highest_limb_of_zero_breaks_xd2() -> None:
    with pytest.raises((Failure, AssertionError), match="XD2"):
        exact_digits.digits_of_limbs(NumberText(), 1)


def test_more_limbs_than_a_float_can_need_break_xd1() -> None:
    t = NumberText()
    count = exact_digits.set_limbs(t.limbs, 2**64 - 1)
    with pytest.raises((Failure, AssertionError), match="XD1"):
        exact_digits.multiply_by_power_of_2(t.limbs, count, 10_000)


@pytest.mark.parametrize("value", [0, 1, 9, 10, 99, 100, 2**32, 10**19 - 1, 10**19, 2**64 - 1])
def test_integers_in_every_base(engine: Engine, value: int) -> None:
    t = NumberText()
    engine.call(number_text.form_decimal, t, value)
    assert ctypes.string_at(address(t.tail), t.tail_length) == b"%d" % value
    for shift, spelling in ((1, "b"), (3, "o"), (4, "x")):
        engine.call(number_text.form_radix, t, value, shift, number_text.LOWER_DIGITS)
        assert ctypes.string_at(address(t.tail), t.tail_length) == format(value, spelling).encode()
