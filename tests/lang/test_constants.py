"""Exact constants: literals, rounding, arithmetic, spelling."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lang import constants as c
from lang import go_types as t
from lang.objects import Value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("INT", "1_000", 1000), ("INT", "0x_ff", 255), ("INT", "017", 15), ("INT", "0o17", 15), ("INT", "0b1_1", 3),
        ("FLOAT", "1.", Fraction(1)), ("FLOAT", ".5", Fraction(1, 2)), ("FLOAT", "1e-2", Fraction(1, 100)),
        ("FLOAT", "0x1.8p1", Fraction(3)), ("FLOAT", "0x.8p-1", Fraction(1, 4)), ("FLOAT", "012.5", Fraction(25, 2)),
        ("RUNE", "'a'", 97), ("RUNE", r"'\n'", 10), ("RUNE", r"'\xff'", 255), ("RUNE", r"'\377'", 255),
        ("RUNE", r"'\u00e9'", 233), ("RUNE", "'世'", 0x4E16), ("STRING", '"a\\tb"', b"a\tb"),
        ("STRING", r'"\xff\377\u00e9\U0001F600"', b"\xff\xff\xc3\xa9\xf0\x9f\x98\x80"),
        ("STRING", "`a\r\n\\n`", b"a\n\\n"),
        ("FLOAT", "1e999999", None), ("INT", "9" * 5000, None),
    ],
)  # fmt: skip
def test_literals(kind: str, text: str, value: Value | None) -> None:
    assert c.literal_value(kind, text) == value


@pytest.mark.parametrize("text", ['"abc', "'", "''", "'ab'", r"'\q'", r'"\q"'])
def test_malformed_literals_raise(text: str) -> None:
    with pytest.raises(ValueError, match=r"not|base|invalid"):
        c.literal_value("STRING" if text[0] == '"' else "RUNE", text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float64_constants_stay_what_they_are(value: float) -> None:
    assert c.rounded(Fraction(value), 64) == Fraction(value)


@given(st.fractions(), st.integers(-320, 300))
def test_rounding_to_float64_is_pythons(value: Fraction, exponent: int) -> None:
    scaled = value * Fraction(10) ** exponent
    try:
        expected: Fraction | None = Fraction(float(scaled))
    except OverflowError:
        expected = None
    assert c.rounded(scaled, 64) == expected


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-(2**20), 2**20))
def test_rounding_to_float32_is_the_nearest(value: float, nudge: int) -> None:
    nudged = Fraction(value) + Fraction(value) * nudge / 2**60
    assert c.rounded(nudged, 32) == Fraction(struct.unpack("f", struct.pack("f", float(nudged)))[0])


def test_integers_fit_their_types() -> None:
    assert c.represented(255, t.UINT8) == 255
    assert c.represented(256, t.UINT8) is None
    assert c.represented(-1, t.UINT8) is None
    assert c.represented(Fraction(3), t.INT) == 3
    assert c.represented(Fraction(7, 2), t.INT) is None
    assert c.represented(1 << 63, t.INT) is None
    assert c.represented(1 << 63, t.UINT64) == 1 << 63
    assert c.represented(True, t.INT) is None
    assert c.represented(b"a", t.STRING) == b"a"
    assert c.represented(1, t.FLOAT64) == Fraction(1)


@given(st.integers(), st.integers().filter(bool))
def test_division_truncates(x: int, y: int) -> None:
    quotient, remainder = c.binary("/", x, y), c.binary("%", x, y)
    assert isinstance(quotient, int)
    assert isinstance(remainder, int)
    assert quotient * y + remainder == x
    assert abs(remainder) < abs(y)
    assert remainder == 0 or (remainder < 0) == (x < 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (-3, "-3"), (Fraction(1, 3), "0.333333"), (Fraction(5), "5"), (b'a"\n', '"a\\"\\n"'),
        (Fraction(10) ** 400, "1e+400"), (Fraction(1, 10**400), "1e-400"), (b"x" * 100, '"' + "x" * 68 + "..."),
    ],
)  # fmt: skip
def test_spelling(value: Value, text: str) -> None:
    assert c.spelled_value(value) == text
