"""Integers and bools, as fmt's verbs print them.

    %d %b %o %O %x %X     in a base; sign, prefix, leading zeros and digits in this order
    %c %q %U              as the character it numbers
    %t                    a bool

and %v for all of them. Each function gives back whether the verb is one of its own; if it is not, nothing was printed.

Owner: the print statement under way. Go: fmt/format.go fmtInteger, fmtUnicode.        Next: fmt_verbs.py
"""

from __future__ import annotations

from lang.std.float_text import VERB_B
from lang.std.number_text import (
    DIGIT_0,
    LETTER_X,
    LOWER_DIGITS,
    MINUS,
    PLUS,
    SPACE,
    UPPER_DIGITS,
    UPPER_X,
    clear_number,
    form_decimal,
    form_radix,
    number_length,
    put_body,
)
from lang.std.printable import is_printable
from lang.std.printer import (
    SPACES,
    Printer,
    literal,
    put_byte,
    put_number,
    put_padded,
    put_padded_words,
    put_repeated,
    put_right_padding,
    put_unsigned,
)
from lang.std.quote import APOSTROPHE, put_quoted_rune, put_rune
from runtime.syspy import constant, i32, i64, u64
from runtime.types import String
from runtime.utf8 import RUNE_ERROR, RUNE_MAX, encode_rune

VERB_V = ord("v")
VERB_D = ord("d")
VERB_O = ord("o")
UPPER_O = ord("O")
VERB_C = ord("c")
VERB_Q = ord("q")
VERB_T = ord("t")
UPPER_U = ord("U")

TRUE = constant(String, **literal(b"true"))
FALSE = constant(String, **literal(b"false"))

BINARY = 1  # log2 of the base
OCTAL = 3
HEXADECIMAL = 4

UNICODE_DIGITS = 4  # of %U when no more are asked for
RUNE_SUFFIX = 4  # what %#U adds, in runes: a space and the quoted code point


def put_bool(p: Printer, v: bool, verb: i32) -> bool:
    """A bool."""
    if verb != VERB_T and verb != VERB_V:
        return False
    if v:
        put_padded_words(p, TRUE)
    else:
        put_padded_words(p, FALSE)
    return True


# --- Integers --------------------------------------------------------------------------------------------------------


def put_integer(p: Printer, v: u64, signed: bool, verb: i32) -> bool:
    """An integer, sign-extended to 64 bits."""
    if verb == VERB_D or (verb == VERB_V and (signed or not p.sharp_v)):
        put_decimal(p, v, signed)
    elif verb == VERB_V:
        put_address(p, v, True)
    elif verb == LETTER_X or verb == UPPER_X:
        put_radix(p, v, signed, HEXADECIMAL, verb)
    elif verb == VERB_O or verb == UPPER_O:
        put_radix(p, v, signed, OCTAL, verb)
    elif verb == VERB_B:
        put_radix(p, v, signed, BINARY, verb)
    else:
        return put_code_point(p, v, verb)
    return True


def take_sign(p: Printer, v: u64, signed: bool) -> u64:
    """Clear the number, give it v's sign as the flags want it shown, and return |v|."""
    clear_number(p.number)
    if signed and i64(v) < 0:
        p.number.sign = MINUS
        return u64(0 - v)
    if p.plus:
        p.number.sign = PLUS
    elif p.space:
        p.number.sign = SPACE
    return v


def count_zeros(p: Printer) -> i64:
    """Leading zeros that the precision, or else the zero flag, asks for."""
    t = p.number
    least: i64 = 0
    if p.has_precision:
        least = p.precision
    elif p.zero and not p.minus:
        least = p.width - (1 if t.sign != 0 else 0)
    return least - t.tail_length if least > t.tail_length else 0


def is_blank(p: Printer, v: u64) -> bool:
    """Zero at precision zero prints nothing but its padding."""
    return p.has_precision and p.precision == 0 and v == 0


def put_decimal(p: Printer, v: u64, signed: bool) -> None:
    """An integer in base ten."""
    if is_blank(p, v):
        put_repeated(p, SPACES, p.width)
        return
    size = take_sign(p, v, signed)
    form_decimal(p.number, size)
    p.number.zeros = count_zeros(p)
    put_number(p, False)


def put_radix(p: Printer, v: u64, signed: bool, shift: u64, verb: i32) -> None:
    """An integer in base 2, 8 or 16; the sharp flag adds 0b, 0 or 0x, the verb %O 0o."""
    if is_blank(p, v):
        put_repeated(p, SPACES, p.width)
        return
    size = take_sign(p, v, signed)
    form_radix(p.number, size, shift, UPPER_DIGITS if verb == UPPER_X else LOWER_DIGITS)
    p.number.zeros = count_zeros(p)
    if verb == UPPER_O:
        put_body(p.number, DIGIT_0)
        put_body(p.number, VERB_O)
    if p.sharp:
        put_base_prefix(p, shift, verb)
    put_number(p, False)


def put_base_prefix(p: Printer, shift: u64, verb: i32) -> None:
    """0b, 0x or 0X; for octal a 0, if the digits don't begin with one."""
    t = p.number
    if shift == OCTAL:
        if t.zeros == 0 and t.tail[0] != DIGIT_0:
            put_body(t, DIGIT_0)
        return
    put_body(t, DIGIT_0)
    if shift == BINARY:
        put_body(t, VERB_B)
    else:
        put_body(t, UPPER_X if verb == UPPER_X else LETTER_X)


def put_address(p: Printer, v: u64, with_0x: bool) -> None:
    """A number in hexadecimal, with or without its 0x, whatever the sharp flag says."""
    sharp = p.sharp
    p.sharp = with_0x
    put_radix(p, v, False, HEXADECIMAL, VERB_V)
    p.sharp = sharp


# --- Code points -----------------------------------------------------------------------------------------------------


def put_code_point(p: Printer, v: u64, verb: i32) -> bool:
    """An integer as the character it numbers: %c, %q and %U."""
    r: i32 = i32(v) if v <= RUNE_MAX else RUNE_ERROR
    if verb == VERB_C:
        n = encode_rune(p.number.tail, r)
        put_padded(p, p.number.tail, n)
    elif verb == VERB_Q:
        put_quoted_rune(p, r)
    elif verb == UPPER_U:
        put_unicode(p, v)
    else:
        return False
    return True


def put_unicode(p: Printer, v: u64) -> None:
    """U+0078; with the sharp flag, U+0078 'x'."""
    t = p.number
    clear_number(t)
    put_body(t, UPPER_U)
    put_body(t, PLUS)
    form_radix(t, v, HEXADECIMAL, UPPER_DIGITS)
    digits = p.precision if p.precision > UNICODE_DIGITS else UNICODE_DIGITS
    t.zeros = digits - t.tail_length if digits > t.tail_length else 0
    shown = p.sharp and v <= RUNE_MAX and is_printable(i32(v))
    runes = number_length(t) + (RUNE_SUFFIX if shown else 0)
    if not p.minus:
        put_repeated(p, SPACES, p.width - runes)
    put_unsigned(p)
    if shown:
        put_byte(p, SPACE)
        put_byte(p, APOSTROPHE)
        put_rune(p, i32(v))
        put_byte(p, APOSTROPHE)
    put_right_padding(p, runes)
