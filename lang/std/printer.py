"""Printer: the state of one print statement, and text that is padded to a width.

    %  -  8  .  3  x      flags (minus, plus, sharp, space, zero), width, precision; then the verb

    width 8     |    1e240|        padding on the left
    minus       |1e240    |        on the right
    zero        |0001e240|         with zeros, on the left only; numbers put them after the sign

A Printer lies in the scratch of the Output it writes to, so printing allocates nothing.
Text goes straight to the Output.

    PR1  a Printer fits into an Output's scratch

Owner: the print statement under way. Go: fmt/format.go fmt, fmt/print.go pp.          Next: quote.py
"""

from __future__ import annotations

from typing import Any

from lang.std.number_text import NumberText, number_length
from runtime.output import SCRATCH_WORDS, Output, write_byte, write_bytes
from runtime.proc import G
from runtime.syspy import Array, Inline, Struct, address, i64, inline, nil, sizeof, struct, text, u8, u64
from runtime.types import FIELD_EXPORTED, String
from runtime.utf8 import count_runes


@struct
class Printer(Struct):
    """What the verb being printed was told, and where to."""

    number: Inline[NumberText]  # the number being formed
    out: Output  # where the text goes
    width: i64  # least runes to print; 0 when not given
    precision: i64  # digits or runes; has_precision says if given
    has_precision: bool  # a precision is given, perhaps 0
    minus: bool  # '-': pad on the right
    plus: bool  # '+': print a sign; ASCII only for %q
    sharp: bool  # '#': the alternate form
    space: bool  # ' ': room for a sign; bytes apart for %x
    zero: bool  # '0': pad with zeros
    g: G  # who prints: nested values are printed by recursion, and their methods called
    access: u64  # FIELD_*: of the field that is printed, or of one around it
    wrapped: Output  # where the operands of Errorf's %w are noted, i64 by i64; nil: there is no such verb
    in_panic: bool  # what is printed is a panic of a method
    in_bad_verb: bool  # what is printed is a value that a verb does not fit: its methods are not called
    plus_v: bool  # %+v: field names
    sharp_v: bool  # %#v: Go syntax


assert sizeof(Printer) <= 8 * SCRATCH_WORDS, "PR1: a Printer is larger than a scratch"


def literal(content: bytes) -> dict[str, Any]:
    """The fields of a constant String."""
    return {"data": text(content), "length": len(content)}


SPACES = text(b" " * 64)
ZEROS = text(b"0" * 64)
FILL = 64  # bytes in each of them


def printer_of(g: G, out: Output) -> Printer:
    """A printer to one of the goroutine's Outputs, without flags."""
    p = Printer.at(address(out.scratch))
    p.out = out
    p.g = g
    p.access = FIELD_EXPORTED
    p.wrapped = nil(Output)
    p.in_panic = False
    p.in_bad_verb = False
    clear_flags(p)
    return p


def clear_flags(p: Printer) -> None:
    """No flags, width or precision."""
    p.width = 0
    p.precision = 0
    set_flags(p, 0)


def flags_of(p: Printer) -> u64:
    """The flags, and whether there is a precision, a bit each."""
    signs = u64(p.minus) | u64(p.plus) << 1 | u64(p.sharp) << 2 | u64(p.space) << 3 | u64(p.zero) << 4
    return signs | u64(p.plus_v) << 5 | u64(p.sharp_v) << 6 | u64(p.has_precision) << 7


def set_flags(p: Printer, flags: u64) -> None:
    """Set what `flags_of` has told."""
    p.minus = flags & 1 != 0
    p.plus = flags & 2 != 0
    p.sharp = flags & 4 != 0
    p.space = flags & 8 != 0
    p.zero = flags & 16 != 0
    p.plus_v = flags & 32 != 0
    p.sharp_v = flags & 64 != 0
    p.has_precision = flags & 128 != 0


# --- Plain text ------------------------------------------------------------------------------------------------------


@inline
def put_byte(p: Printer, byte: u8) -> None:
    """One byte."""
    write_byte(p.out, byte)


@inline
def put(p: Printer, data: Array[u8], n: i64) -> None:
    """n bytes."""
    write_bytes(p.out, data, n)


@inline
def put_words(p: Printer, s: String) -> None:
    """A constant."""
    write_bytes(p.out, s.data, s.length)


def put_repeated(p: Printer, fill: Array[u8], n: i64) -> None:
    """n bytes of SPACES or ZEROS."""
    while n > FILL:
        put(p, fill, FILL)
        n = n - FILL
    if n > 0:
        put(p, fill, n)


# --- Padded text -----------------------------------------------------------------------------------------------------


def put_left_padding(p: Printer, runes: i64) -> None:
    """What stands in front of so many runes to make up the width: spaces, or zeros."""
    if not p.minus:
        put_repeated(p, ZEROS if p.zero else SPACES, p.width - runes)


def put_right_padding(p: Printer, runes: i64) -> None:
    """What follows so many runes to make up the width."""
    if p.minus:
        put_repeated(p, SPACES, p.width - runes)


def put_padded(p: Printer, data: Array[u8], n: i64) -> None:
    """A text, padded to the width."""
    runes: i64 = count_runes(data, n) if p.width > 0 else 0
    put_left_padding(p, runes)
    put(p, data, n)
    put_right_padding(p, runes)


def put_padded_words(p: Printer, s: String) -> None:
    """A constant, padded to the width."""
    put_padded(p, s.data, s.length)


def put_number(p: Printer, zero_padded: bool) -> None:
    """The number formed in `number`, padded to the width; zeros go between the sign and the rest."""
    length = number_length(p.number)
    if not p.minus and not zero_padded:
        put_repeated(p, SPACES, p.width - length)
    if p.number.sign != 0:
        put_byte(p, p.number.sign)
    if zero_padded:
        put_repeated(p, ZEROS, p.width - length)
    put_unsigned(p)
    put_right_padding(p, length)


def put_unsigned(p: Printer) -> None:
    """The number formed in `number`, without its sign."""
    t = p.number
    put(p, t.body, t.body_length)
    put_repeated(p, ZEROS, t.zeros)
    put(p, t.tail, t.tail_length)
