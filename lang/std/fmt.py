"""Package fmt: Print, Println and Printf to standard output.

    Printf("%-8s|%[1]*.3f\\n", args...)
            ^^^^   ^^ ^ ^
            |      |  | verb
            |      |  precision
            |      width from an argument; [1] says which
            flag, width, verb

A directive is taken apart left to right into a Directive, which begins with the Printer that the verb reads. What a
directive lacks is printed where it stands, as Go does, and nothing fails:

    %!d(string=hi)    the verb doesn't fit          %!(EXTRA int=1)    an argument left over
    %!d(MISSING)      no argument left              %!(BADWIDTH)       * without an integer
    %!d(BADINDEX)     [n] without an argument n     %!(NOVERB)         the format ends

    F1  a Directive fits into an Output's scratch

Owner: the print statement under way. Go: fmt/print.go.                                Next: print_builtin.py
"""

from __future__ import annotations

from lang.std.fmt_values import (
    BANG,
    CLOSE_PAREN,
    COMMA_SPACE,
    EQUALS,
    PERCENT,
    load_integer,
    print_argument,
    put_type_name,
)
from lang.std.fmt_verbs import NIL_ANGLE, VERB_V
from lang.std.number_text import DIGIT_0, MINUS, PLUS, SPACE
from lang.std.printer import Printer, clear_flags, literal, printer_of, put, put_byte, put_words
from lang.std.quote import put_rune
from runtime.output import SCRATCH_WORDS, end_statement
from runtime.proc import G
from runtime.syspy import Array, Inline, Struct, address, constant, element, i32, i64, is_nil, sizeof, struct, u8
from runtime.types import KIND_INT, KIND_STRING, KIND_UINTPTR, Any, String
from runtime.utf8 import decode_rune

NEWLINE = ord("\n")
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
BAD_INDEX = constant(String, **literal(b"(BADINDEX)"))
MISSING = constant(String, **literal(b"(MISSING)"))
NO_VERB = constant(String, **literal(b"%!(NOVERB)"))
EXTRA = constant(String, **literal(b"%!(EXTRA "))


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


assert sizeof(Directive) <= 8 * SCRATCH_WORDS, "F1"


# --- Print and Println -----------------------------------------------------------------------------------------------


def fmt_println(g: G, args: Array[Inline[Any]], n: i64) -> None:
    """fmt.Println: the operands with spaces between them, and a newline."""
    p = printer_of(g)
    for i in range(n):
        if i > 0:
            put_byte(p, SPACE)
        print_argument(p, args[i], VERB_V)
    put_byte(p, NEWLINE)
    end_statement(g.output)


def fmt_print(g: G, args: Array[Inline[Any]], n: i64) -> None:
    """fmt.Print: the operands, with a space between two that are no strings."""
    p = printer_of(g)
    after_string = True
    for i in range(n):
        string = is_string(args[i])
        if not string and not after_string:
            put_byte(p, SPACE)
        print_argument(p, args[i], VERB_V)
        after_string = string
    end_statement(g.output)


def is_string(argument: Any) -> bool:
    """Is the operand a string, of whatever name?"""
    return not is_nil(argument.typ) and argument.typ.kind == KIND_STRING


# --- Printf ----------------------------------------------------------------------------------------------------------


def fmt_printf(g: G, format: Array[u8], format_length: i64, args: Array[Inline[Any]], n: i64) -> None:
    """fmt.Printf."""
    printer_of(g)
    d = Directive.at(address(g.output.scratch))
    d.format = format
    d.end = format_length
    d.cursor = 0
    d.args = args
    d.arg_count = n
    d.arg = 0
    d.reordered = False
    while print_up_to_directive(d):
        read_directive(d)
        print_directive(d)
    if not d.reordered and d.arg < n:
        print_leftovers(d)
    end_statement(g.output)


def print_up_to_directive(d: Directive) -> bool:
    """Copy text up to and without the next %; false when the format ends first."""
    start = d.cursor
    while d.cursor < d.end and d.format[d.cursor] != PERCENT:
        d.cursor = d.cursor + 1
    if d.cursor > start:
        put(d.printer, element(d.format, start), d.cursor - start)
    d.cursor = d.cursor + 1
    return d.cursor <= d.end


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
    if number > NUMBER_MAX or number < -NUMBER_MAX:
        return 0, False
    return number, True


def print_directive(d: Directive) -> None:
    """Read the verb, and print the operand as it says."""
    p = d.printer
    if d.cursor >= d.end:
        put_words(p, NO_VERB)
        return
    verb, size = decode_rune(d.format, d.end, d.cursor)
    d.cursor = d.cursor + size
    if verb == PERCENT:
        put_byte(p, PERCENT)
    elif not d.good_index:
        print_complaint(p, verb, BAD_INDEX)
    elif d.arg >= d.arg_count:
        print_complaint(p, verb, MISSING)
    else:
        print_operand(d, verb)


def print_operand(d: Directive, verb: i32) -> None:
    """The next operand. Before %v, + and # mean more than a sign and a prefix."""
    p = d.printer
    if verb == VERB_V:
        p.sharp_v = p.sharp
        p.sharp = False
        p.plus_v = p.plus
        p.plus = False
    print_argument(p, d.args[d.arg], verb)
    d.arg = d.arg + 1


def print_complaint(p: Printer, verb: i32, what: String) -> None:
    """%!verb(what)"""
    put_byte(p, PERCENT)
    put_byte(p, BANG)
    put_rune(p, verb)
    put_words(p, what)


def print_leftovers(d: Directive) -> None:
    """%!(EXTRA type=value, type=value)"""
    p = d.printer
    clear_flags(p)
    put_words(p, EXTRA)
    for i in range(d.arg, d.arg_count):
        if i > d.arg:
            put_words(p, COMMA_SPACE)
        argument = d.args[i]
        if is_nil(argument.typ):
            put_words(p, NIL_ANGLE)
        else:
            put_type_name(p, argument.typ)
            put_byte(p, EQUALS)
            print_argument(p, argument, VERB_V)
    put_byte(p, CLOSE_PAREN)
