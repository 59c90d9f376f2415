"""print and println: the builtins that write to standard error, for debugging.

    println(x, s)   ->   print_begin(g)
                         print_int(g, x)    print_space(g)    print_string(g, s, n)    print_newline(g)
                         print_end(g)

A statement is a sequence of such calls, one for each operand by its kind, between print_begin and print_end. What was
printed to standard output earlier comes out first; the statement is one write(2), unless it outgrows the buffer.

    PB1  between statements nothing waits in the Output of standard error

Owner: the goroutine that prints. Go: runtime/print.go.                                Next: runtime_pkg.py
"""

from __future__ import annotations

from lang.std.float_text import SHORTEST, VERB_G, form_signed_float
from lang.std.number_text import (
    DIGIT_0,
    LETTER_X,
    LOWER_DIGITS,
    MINUS,
    SPACE,
    NumberText,
    clear_number,
    form_decimal,
    form_radix,
    magnitude,
    put_body,
)
from lang.std.printer import literal
from runtime.output import flush, write_byte, write_bytes
from runtime.proc import G
from runtime.syspy import Array, address, constant, f64, i64, u8, u64, uintptr
from runtime.types import Any, String

NEWLINE = ord("\n")
OPEN_PAREN = ord("(")
CLOSE_PAREN = ord(")")
OPEN_BRACKET = ord("[")
CLOSE_BRACKET = ord("]")
SLASH = ord("/")
COMMA = ord(",")
HEXADECIMAL = 4  # log2 of the base

TRUE = constant(String, **literal(b"true"))
FALSE = constant(String, **literal(b"false"))


def print_begin(g: G) -> None:
    """The start of a statement: what standard output holds goes first."""
    assert g.output.stderr.length == 0, "PB1: text of an earlier statement waits"
    flush(g.output)


def print_end(g: G) -> None:
    """The end of a statement: write it."""
    flush(g.output.stderr)


def put_byte(g: G, byte: u8) -> None:
    """One character."""
    write_byte(g.output.stderr, byte)


def number_of(g: G) -> NumberText:
    """Where a number is formed; empty."""
    t = NumberText.at(address(g.output.stderr.scratch))
    clear_number(t)
    return t


def put_number(g: G, t: NumberText) -> None:
    """A number that has been formed."""
    if t.sign != 0:
        put_byte(g, t.sign)
    write_bytes(g.output.stderr, t.body, t.body_length)
    write_bytes(g.output.stderr, t.tail, t.tail_length)


def print_space(g: G) -> None:
    """Between two operands of println."""
    put_byte(g, SPACE)


def print_newline(g: G) -> None:
    """At the end of println."""
    put_byte(g, NEWLINE)


def print_bool(g: G, v: bool) -> None:
    """A bool."""
    if v:
        write_bytes(g.output.stderr, TRUE.data, TRUE.length)
    else:
        write_bytes(g.output.stderr, FALSE.data, FALSE.length)


def print_int(g: G, v: i64) -> None:
    """A signed integer of any size."""
    t = number_of(g)
    t.sign = MINUS if v < 0 else 0
    form_decimal(t, magnitude(v))
    put_number(g, t)


def print_uint(g: G, v: u64) -> None:
    """An unsigned integer of any size."""
    t = number_of(g)
    form_decimal(t, v)
    put_number(g, t)


def print_float(g: G, v: f64) -> None:
    """A float64."""
    put_float(g, v, False)


def print_float32(g: G, v: f64) -> None:
    """A float32, converted."""
    put_float(g, v, True)


def put_float(g: G, v: f64, is_f32: bool) -> None:
    """The shortest digits that read back as v."""
    t = number_of(g)
    form_signed_float(t, v, is_f32, VERB_G, SHORTEST)
    put_number(g, t)


def print_string(g: G, data: Array[u8], n: i64) -> None:
    """A string."""
    write_bytes(g.output.stderr, data, n)


def print_pointer(g: G, v: uintptr) -> None:
    """A pointer, a map or a function: 0xc000012345; 0x0 for nil."""
    t = number_of(g)
    put_body(t, DIGIT_0)
    put_body(t, LETTER_X)
    form_radix(t, v, HEXADECIMAL, LOWER_DIGITS)
    put_number(g, t)


def print_slice(g: G, data: uintptr, length: i64, capacity: i64) -> None:
    """A slice: [length/capacity]address."""
    put_byte(g, OPEN_BRACKET)
    print_int(g, length)
    put_byte(g, SLASH)
    print_int(g, capacity)
    put_byte(g, CLOSE_BRACKET)
    print_pointer(g, data)


def print_interface(g: G, value: Any) -> None:
    """An interface: the addresses of its type and its value."""
    put_byte(g, OPEN_PAREN)
    print_pointer(g, address(value.typ))
    put_byte(g, COMMA)
    print_pointer(g, value.data)
    put_byte(g, CLOSE_PAREN)
