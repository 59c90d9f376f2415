"""Floats, strings and pointers, as fmt's verbs print them.

    put_float     %e %E %f %F %g %G %b %x %X
    put_string    %s %q %x %X, of byte slices too
    put_pointer   %p, and the verbs of integers

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
from lang.std.fmt_integers import VERB_D, VERB_O, VERB_Q, VERB_V, put_address, put_integer
from lang.std.number_text import DIGIT_0, LETTER_X, LOWER_DIGITS, PLUS, SPACE, UPPER_DIGITS, UPPER_X
from lang.std.printer import (
    Printer,
    literal,
    put_byte,
    put_left_padding,
    put_number,
    put_padded,
    put_padded_words,
    put_right_padding,
)
from lang.std.quote import can_backquote, put_backquoted, put_quoted
from runtime.syspy import Array, constant, f64, i32, i64, u8, u64
from runtime.types import String
from runtime.utf8 import decode_rune

VERB_S = ord("s")
VERB_P = ord("p")
UPPER_F = ord("F")

NIL_ANGLE = constant(String, **literal(b"<nil>"))

FLOAT_PRECISION = 6  # of %e and %f when none is given, and the digits of %#g


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


# --- Pointers --------------------------------------------------------------------------------------------------------


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
