"""Directives: what stands between % and the verb in a format.

    %-8s   %+.3d   %*.*f   %[2]d   %[3]*.[2]*[1]f

    directive   flags  index  width  [ . index precision ]  index  verb
    flags       any of - + # space 0
    width       a number, or * for the next operand
    index       [n]: go on with operand n; it may stand before a * and before the verb

What cannot be read is complained about where it stands, and reading goes on:

    %!(BADWIDTH)      * without an integer          %!(BADPREC)       the same after the dot
    %!d(BADINDEX)     [n] without an argument n, or where no index may stand

    FM1  a Directive fits into an Output's scratch

Owner: the print statement under way. Go: fmt/print.go doPrintf.                       Next: fmt.py
"""

from __future__ import annotations

from lang.std.fmt_values import load_integer
from lang.std.number_text import DIGIT_0, MINUS, PLUS, SPACE
from lang.std.printer import Printer, clear_flags, literal, put_words
from runtime.output import SCRATCH_WORDS
from runtime.syspy import Array, Inline, Struct, constant, i64, is_nil, sizeof, struct, u8
from runtime.types import KIND_INT, KIND_UINT, KIND_UINTPTR, Any, String

SHARP = ord("#")
STAR = ord("*")
DOT = ord(".")
DIGIT_9 = ord("9")
OPEN_BRACKET = ord("[")
CLOSE_BRACKET = ord("]")
INDEX_BYTES_MIN = 2  # a digit and the bracket
NUMBER_MAX = 1_000_000  # a width, precision or index above this is refused

BAD_WIDTH = constant(String, **literal(b"%!(BADWIDTH)"))
BAD_PRECISION = constant(String, **literal(b"%!(BADPREC)"))


@struct
class Directive(Struct):
    """One directive of a format, being read."""

    printer: Inline[Printer]  # flags, width and precision so far
    format: Array[u8]  # the whole format
    end: i64  # its length, bytes
    cursor: i64  # index of the next byte to read
    args: Array[Inline[Any]]  # the operands
    arg_count: i64  # how many
    arg: i64  # the next operand
    reordered: bool  # an index has been used somewhere: leftovers are not reported
    good_index: bool  # every index of this directive names an operand, and stands where it may
    after_index: bool  # what was read last is an index


assert sizeof(Directive) <= 8 * SCRATCH_WORDS, "FM1: a Directive is larger than a scratch"


def read_directive(d: Directive) -> None:
    """Read what stands between % and the verb."""
    clear_flags(d.printer)
    d.good_index = True
    read_flags(d)
    read_index(d)
    read_width(d)
    if d.cursor + 1 < d.end and d.format[d.cursor] == DOT:
        read_precision(d)
    if not d.after_index:
        read_index(d)


def next_is(d: Directive, byte: u8) -> bool:
    """Is this the next byte?"""
    return d.cursor < d.end and d.format[d.cursor] == byte


def read_flags(d: Directive) -> None:
    """[-+# 0]*"""
    p = d.printer
    while d.cursor < d.end:
        c = d.format[d.cursor]
        if c == MINUS:
            p.minus = True
        elif c == PLUS:
            p.plus = True
        elif c == SHARP:
            p.sharp = True
        elif c == SPACE:
            p.space = True
        elif c == DIGIT_0:
            p.zero = True
        else:
            return
        d.cursor = d.cursor + 1


def read_number(d: Directive) -> tuple[i64, bool]:
    """[0-9]*: the number and whether there is one. One that is too large takes the rest of the format with it."""
    start = d.cursor
    number: i64 = 0
    while d.cursor < d.end and DIGIT_0 <= d.format[d.cursor] <= DIGIT_9:
        if number > NUMBER_MAX:
            d.cursor = d.end
            return 0, False
        number = number * 10 + i64(d.format[d.cursor] - DIGIT_0)
        d.cursor = d.cursor + 1
    return number, d.cursor > start


def read_index(d: Directive) -> None:
    """[n]: go on with operand n, counted from 1. A bad index is skipped and remembered."""
    d.after_index = False
    if not next_is(d, OPEN_BRACKET):
        return
    d.reordered = True
    close = d.cursor + 1
    while close < d.end and d.format[close] != CLOSE_BRACKET:
        close = close + 1
    d.cursor = d.cursor + 1
    if close >= d.end or d.end - d.cursor < INDEX_BYTES_MIN:
        d.good_index = False
        return
    number, found = read_number(d)
    d.after_index = found and d.cursor == close
    d.cursor = close + 1
    if d.after_index and 1 <= number <= d.arg_count:
        d.arg = number - 1
    else:
        d.good_index = False


def read_width(d: Directive) -> None:
    """A number, or * for the next operand."""
    p = d.printer
    if next_is(d, STAR):
        d.cursor = d.cursor + 1
        width, found = take_integer(d)
        if not found:
            put_words(p, BAD_WIDTH)
        if width < 0:
            width = -width
            p.minus = True
            p.zero = False
        p.width = width
        d.after_index = False
        return
    width, found = read_number(d)
    p.width = width
    if d.after_index and found:
        d.good_index = False


def read_precision(d: Directive) -> None:
    """A dot, then a number, * for the next operand, or nothing for 0."""
    p = d.printer
    d.cursor = d.cursor + 1
    if d.after_index:
        d.good_index = False
    read_index(d)
    if next_is(d, STAR):
        d.cursor = d.cursor + 1
        precision, found = take_integer(d)
        p.has_precision = found and precision >= 0
        if p.has_precision:
            p.precision = precision
        else:
            put_words(p, BAD_PRECISION)
        d.after_index = False
        return
    number, _ = read_number(d)
    p.precision = number
    p.has_precision = True


def take_integer(d: Directive) -> tuple[i64, bool]:
    """The next operand as a width or precision; 0 and false if it is no integer, or too large for one."""
    if d.arg >= d.arg_count:
        return 0, False
    argument = d.args[d.arg]
    d.arg = d.arg + 1
    if is_nil(argument.typ) or not KIND_INT <= argument.typ.kind <= KIND_UINTPTR:
        return 0, False
    number = i64(load_integer(argument.typ.kind, argument.data))
    is_wrapped = number < 0 and argument.typ.kind >= KIND_UINT
    if is_wrapped or number > NUMBER_MAX or number < -NUMBER_MAX:
        return 0, False
    return number, True
