"""Constants: exact values, and which types can hold them.

    value       bool   int   Fraction   bytes          of untyped constants as big as the program makes them
    0.1         Fraction(1, 10)                        exact until it is given a type
    float64(0.1)                                       rounded to the nearest float64, still kept as a Fraction

A typed constant always fits its type: every operation is followed by `represented`.

Go: go/constant, cmd/compile/internal/types2/const.go.          Next: scopes.py
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from lang.go_types import Basic
from lang.objects import Value

MAX_BITS = 512  # of an untyped integer constant
MAX_SHIFT = 1074  # 1 << 1074 and its inverse reach the smallest float64
MAX_EXPONENT = 20_000  # of a floating-point literal, so that exact arithmetic stays affordable
MAX_CHARS = 10_000  # of a number's text
MAX_DIGITS = 4_000  # of a decimal literal; Python refuses to convert longer ones without being asked twice
MAX_SHOWN = 72  # characters of a string in a message

ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}


def literal_value(kind: str, text: str) -> Value | None:
    """The value of a literal; None when it is too large to be handled. ValueError when it is malformed."""
    if kind == "STRING":
        return string_value(text)
    return rune_value(text) if kind == "RUNE" else number_value(kind, text)


def number_value(kind: str, text: str) -> Value | None:
    """The value of an INT or FLOAT literal; None when it is too large to be handled."""
    text = text.replace("_", "").lower()
    if kind == "INT":
        if len(text) > MAX_DIGITS:
            return None
        octal = len(text) > 1 and text[0] == "0" and text.isdigit()
        return int(text, 8) if octal else int(text, 0)
    if text.startswith("0x"):
        return _hex_float(text)
    mantissa, _, exponent = text.partition("e")
    if len(text) > MAX_DIGITS or abs(int(exponent or 0)) > MAX_EXPONENT:
        return None
    return Fraction(mantissa + ("0" if mantissa.endswith(".") else "")) * Fraction(10) ** int(exponent or 0)


def _hex_float(text: str) -> Fraction | None:
    mantissa, _, exponent = text[2:].partition("p")
    whole, _, fraction = mantissa.partition(".")
    if len(text) > MAX_DIGITS or abs(int(exponent)) > MAX_EXPONENT:
        return None
    return Fraction(int(whole + fraction, 16)) * Fraction(2) ** (int(exponent) - 4 * len(fraction))


def string_value(text: str) -> bytes:
    """The bytes of a STRING literal."""
    if len(text) < 2 or text[0] != text[-1]:
        raise ValueError("not terminated")
    if text[0] == "`":
        return text[1:-1].replace("\r", "").encode()
    return _unescaped(text[1:-1]) if "\\" in text else text[1:-1].encode()


def rune_value(text: str) -> int:
    """The code point of a RUNE literal, or the byte of '\\xff' and '\\377'."""
    body = text[1:-1]
    if len(body) == 1:
        return ord(body)
    if len(body) < 2 or body[0] != "\\" or text[-1] != "'":
        raise ValueError("not one character")
    if body[1] in ESCAPES:
        return ESCAPES[body[1]]
    return int(body[1:], 8) if body[1].isdigit() else int(body[2:], 16)


def _unescaped(body: str) -> bytes:
    parts, at = bytearray(), 0
    while (slash := body.find("\\", at)) >= 0:
        parts += body[at:slash].encode()
        letter = body[slash + 1]
        if letter in ESCAPES:
            parts.append(ESCAPES[letter])
            at = slash + 2
        elif letter in "uU":
            at = slash + (6 if letter == "u" else 10)
            parts += chr(int(body[slash + 2 : at], 16)).encode()
        else:
            at = slash + 4
            parts.append(int(body[slash + 2 : at], 16) if letter == "x" else int(body[slash + 1 : at], 8))
    return bytes(parts) + body[at:].encode()


# ---------------------------------------------------------------- types


def as_integer(value: Value) -> int | None:
    """The value as an integer, if it is a whole number."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def integer_range(t: Basic) -> tuple[int, int]:
    """The smallest and the largest value of a sized integer type."""
    if t.is_signed:
        return -(1 << (t.bits - 1)), (1 << (t.bits - 1)) - 1
    return 0, (1 << t.bits) - 1


def represented(value: Value, t: Basic) -> Value | None:
    """The value as type t holds it: a whole number as int, a float rounded. None if t cannot hold it."""
    if t.is_integer:
        whole = as_integer(value)
        if whole is None or t.is_untyped:
            return whole
        low, high = integer_range(t)
        return whole if low <= whole <= high else None
    if t.is_float:
        if isinstance(value, (bool, bytes)):
            return None
        return Fraction(value) if t.is_untyped else rounded(Fraction(value), t.bits)
    if t.is_string:
        return value if isinstance(value, bytes) else None
    if t.is_boolean:
        return value if isinstance(value, bool) else None
    return None


def rounded(value: Fraction, bits: int) -> Fraction | None:
    """The nearest float of 32 or 64 bits, ties to even; None if it would be infinite."""
    precision, lowest, highest = (24, -149, 127) if bits == 32 else (53, -1074, 1023)
    if value == 0:
        return value
    size = abs(value)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if size < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** max(exponent - precision + 1, lowest)
    nearest = round(value / unit) * unit
    return nearest if abs(nearest) < Fraction(2) ** (highest + 1) else None


# ---------------------------------------------------------------- operations

_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "&^": lambda x, y: x & ~y,
    "/": lambda x, y: abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1),
    "%": lambda x, y: int(math.copysign(1, x)) * (abs(x) % abs(y)),
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def binary(op: str, x: Value, y: Value) -> Value:
    """x op y for an arithmetic or logical operator; y is not zero in a division. Integers divide as integers."""
    if isinstance(x, bytes) and isinstance(y, bytes):
        return x + y
    if isinstance(x, bool) and isinstance(y, bool):
        return (x and y) if op == "&&" else (x or y)
    assert not isinstance(x, bytes)
    assert not isinstance(y, bytes)
    if isinstance(x, Fraction) or isinstance(y, Fraction):
        arithmetic = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
        result = arithmetic[op](Fraction(x), Fraction(y))
        assert isinstance(result, Fraction)
        return result
    return _ARITHMETIC[op](x, y)


def compare(op: str, x: Value, y: Value) -> bool:
    """x op y for a comparison."""
    return _COMPARISONS[op](x, y)


def unary(op: str, x: Value, t: Basic) -> Value:
    """op x; ^ on an unsigned type flips the bits of its width only."""
    if op == "!":
        return not x
    assert not isinstance(x, bytes)
    if op == "^":
        assert not isinstance(x, Fraction)
        return x ^ ((1 << t.bits) - 1) if t.is_unsigned else ~x
    return -x if op == "-" else x


def shift(op: str, x: int, count: int) -> int:
    """x << count or x >> count."""
    return x << count if op == "<<" else x >> count


def spelled_value(value: Value) -> str:
    """The value as messages show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 10_000 else "a huge number"
    if isinstance(value, Fraction):
        return _spelled_float(value)
    text = quoted(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _spelled_float(value: Fraction) -> str:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if value and (number == 0 or math.isinf(number)):
        return _spelled_huge(value)
    digits = f"{number:.6g}"
    return digits if value.denominator == 1 or "." in digits else _shortest_float(number)


def _shortest_float(number: float) -> str:
    """A number with as few digits as it takes, and an exponent where Go's %g writes one."""
    text = repr(number).removesuffix(".0")
    return text if abs(number) < 1e6 or "e" in text else f"{number:.{len(text.lstrip('-')) - 2}e}"


def _spelled_huge(value: Fraction) -> str:
    """Six digits and an exponent of a number beyond float64."""
    size = abs(value)
    exponent = math.floor((size.numerator.bit_length() - size.denominator.bit_length()) * math.log10(2))
    digits = float(size / Fraction(10) ** exponent)
    while digits >= 10:
        digits, exponent = digits / 10, exponent + 1
    while digits < 1:
        digits, exponent = digits * 10, exponent - 1
    sign = "-" if value < 0 else ""
    return f"{sign}{digits:.6g}e{'+' if exponent >= 0 else '-'}{abs(exponent):02d}"


def quoted(value: bytes) -> str:
    """A string in Go's quotes."""
    return '"' + _escaped(value.decode("utf-8", "surrogateescape")) + '"'


def _escaped(text: str) -> str:
    names = {7: "\\a", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t", 11: "\\v", 92: "\\\\", 34: '\\"'}
    return "".join(names.get(ord(char)) or (char if char.isprintable() else _coded(ord(char))) for char in text)


def _coded(point: int) -> str:
    """A character that cannot be printed, or a byte that is part of none."""
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point < 0x80 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
