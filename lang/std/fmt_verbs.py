"""Verbs: how fmt prints one bool, integer, float, string or pointer.

    put_bool      %t                                    put_string    %s %q %x %X, of byte slices too
    put_integer   %d %b %o %O %x %X %c %q %U            put_pointer   %p, and the verbs of integers
    put_float     %e %E %f %F %g %G %b %x %X

and %v for each of them. The result says whether the verb is one of its own; if it is not, nothing was printed, and the
caller writes Go's %!verb(type=value).

Owner: the print statement under way. Go: fmt/format.go, fmt/print.go.                 Next: fmt_values.py
"""

from __future__ import annotations

from lang.std.float_text import (
    LETTER_I,
    LETTER_N,
    SHORTEST,
    UPPER_E,
    UPPER_G,
    VERB_B,
    VERB_E,
    VERB_F,
    VERB_G,
    form_float,
    keep_point,
)
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
    put_left_padding,
    put_number,
    put_padded,
    put_padded_words,
    put_repeated,
    put_right_padding,
    put_unsigned,
)
from lang.std.quote import APOSTROPHE, can_backquote, put_backquoted, put_quoted, put_quoted_rune, put_rune
from runtime.syspy import Array, constant, f64, i32, i64, u8, u64
from runtime.types import String
from runtime.utf8 import RUNE_ERROR, RUNE_MAX, decode_rune, encode_rune

VERB_V = ord("v")
VERB_D = ord("d")
VERB_O = ord("o")
UPPER_O = ord("O")
VERB_C = ord("c")
VERB_Q = ord("q")
VERB_S = ord("s")
VERB_T = ord("t")
VERB_P = ord("p")
UPPER_F = ord("F")
UPPER_U = ord("U")

TRUE = constant(String, **literal(b"true"))
FALSE = constant(String, **literal(b"false"))
NIL_ANGLE = constant(String, **literal(b"<nil>"))

BINARY = 1  # log2 of the base
OCTAL = 3
HEXADECIMAL = 4

FLOAT_PRECISION = 6  # of %e and %f when none is given, and the digits of %#g
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


# --- Floats ----------------------------------------------------------------------------------------------------------


def put_float(p: Printer, v: f64, is_f32: bool, verb: i32) -> bool:
    """A float."""
    form: i32 = verb
    if verb == VERB_V:
        form = VERB_G
    elif verb == UPPER_F:
        form = VERB_F
    precision: i64 = SHORTEST
    if form == VERB_E or form == UPPER_E or form == VERB_F:
        precision = FLOAT_PRECISION
    elif form != VERB_G and form != UPPER_G and form != VERB_B and form != LETTER_X and form != UPPER_X:
        return False
    if p.has_precision:
        precision = p.precision
    form_float(p.number, v, is_f32, u8(form), precision)
    put_formed_float(p, form, precision)
    return True


def put_formed_float(p: Printer, form: i32, precision: i64) -> None:
    """The float in `number`, its sign and point as the flags want them."""
    t = p.number
    if p.space and not p.plus and t.sign == PLUS:
        t.sign = SPACE
    if t.body[0] == LETTER_I or t.body[0] == LETTER_N:
        if t.body[0] == LETTER_N and not p.space and not p.plus:
            t.sign = 0
        put_number(p, False)
        return
    if p.sharp and form != VERB_B:
        keep_point(t, point_digits(form, precision))
    if t.sign == PLUS and not p.plus:
        t.sign = 0
    put_number(p, p.zero and not p.minus)


def point_digits(form: i32, precision: i64) -> i64:
    """The digits that the alternate form fills up to; only %g and %x drop trailing zeros."""
    if form != VERB_G and form != UPPER_G and form != LETTER_X:
        return 0
    return precision if precision >= 0 else FLOAT_PRECISION


# --- Strings ---------------------------------------------------------------------------------------------------------


def put_string(p: Printer, data: Array[u8], n: i64, verb: i32) -> bool:
    """A string, or the bytes of a slice."""
    if verb == VERB_S or (verb == VERB_V and not p.sharp_v):
        put_padded(p, data, truncated(p, data, n))
    elif verb == VERB_Q or verb == VERB_V:
        put_quotation(p, data, truncated(p, data, n))
    elif verb == LETTER_X or verb == UPPER_X:
        put_hex_bytes(p, data, n, verb)
    else:
        return False
    return True


def truncated(p: Printer, data: Array[u8], n: i64) -> i64:
    """The bytes of the first `precision` code points."""
    if not p.has_precision:
        return n
    at: i64 = 0
    runes: i64 = 0
    while at < n and runes < p.precision:
        _, size = decode_rune(data, n, at)
        at = at + size
        runes = runes + 1
    return at


def put_quotation(p: Printer, data: Array[u8], n: i64) -> None:
    """%q: between backquotes when the sharp flag is set and they can hold it."""
    if p.sharp and can_backquote(data, n):
        put_backquoted(p, data, n)
    else:
        put_quoted(p, data, n)


def put_hex_bytes(p: Printer, data: Array[u8], n: i64, verb: i32) -> None:
    """%x of bytes: two digits each; apart with the space flag, and then each with the sharp flag's 0x."""
    letters = UPPER_DIGITS if verb == UPPER_X else LOWER_DIGITS
    count = p.precision if p.has_precision and p.precision < n else n
    width = hex_width(p, count)
    put_left_padding(p, width)
    for i in range(count):
        if p.space and i > 0:
            put_byte(p, SPACE)
        if p.sharp and (p.space or i == 0):
            put_byte(p, DIGIT_0)
            put_byte(p, u8(verb))
        put_byte(p, letters[data[i] >> 4])
        put_byte(p, letters[data[i] & 15])
    put_right_padding(p, width)


def hex_width(p: Printer, count: i64) -> i64:
    """The bytes that `put_hex_bytes` writes for so many."""
    if count == 0:
        return 0
    if not p.space:
        return 2 * count + (2 if p.sharp else 0)
    return (4 if p.sharp else 2) * count + count - 1


def put_pointer(p: Printer, v: u64, verb: i32) -> bool:
    """The address in a pointer, slice, map or function."""
    if verb == VERB_V:
        if v == 0:
            put_padded_words(p, NIL_ANGLE)
        else:
            put_address(p, v, not p.sharp)
    elif verb == VERB_P:
        put_address(p, v, not p.sharp)
    elif verb == VERB_B or verb == VERB_O or verb == VERB_D or verb == LETTER_X or verb == UPPER_X:
        return put_integer(p, v, False, verb)
    else:
        return False
    return True
