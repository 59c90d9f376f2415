"""Package fmt: Print and its kin to standard output, Sprint and its kin into strings, Append and its kin behind bytes.

    Printf("%-8s|%[1]*.3f\n", args...)

A format is text and directives in turn: text is copied, a directive is read into a Directive (fmt_directive.py), which
begins with the Printer that its verb reads. What is wrong with a call is printed where it stands, as Go does:

    %!d(string=hi)    the verb doesn't fit          %!(EXTRA int=1)    an operand left over
    %!d(MISSING)      no operand left               %!(NOVERB)         the format ends too early

A text is formed in memory off the heap (output.py) and copied when its length is known: one allocation.

Owner: the print statement under way. Go: fmt/print.go.                                Next: print_builtin.py
"""

from __future__ import annotations

from lang.std.fmt_directive import Directive, read_directive
from lang.std.fmt_integers import VERB_V
from lang.std.fmt_values import BANG, CLOSE_PAREN, COMMA_SPACE, EQUALS, PERCENT, VERB_W, print_argument, put_type_name
from lang.std.fmt_verbs import NIL_ANGLE
from lang.std.number_text import SPACE
from lang.std.printer import Printer, clear_flags, literal, printer_of, put, put_byte, put_words
from lang.std.quote import put_rune
from lang.std.texts import begin_text, end_text
from runtime.basic_types import UINT8_TYPE
from runtime.malloc import mallocgc
from runtime.output import Output, check_interrupt, end_statement, write_bytes
from runtime.proc import G
from runtime.slices import grow_slice
from runtime.strings import index_byte, slice_bytes_to_string
from runtime.syspy import (
    Array,
    Inline,
    address,
    array_at,
    constant,
    element,
    i32,
    i64,
    is_nil,
    load,
    memmove,
    nil,
    offsetof,
    store,
    u8,
    u64,
    uintptr,
)
from runtime.types import KIND_STRING, Any, String, Type
from runtime.utf8 import decode_rune

NEWLINE = ord("\n")
INDEX_BYTES = 8  # of the index of an operand

BAD_INDEX = constant(String, **literal(b"(BADINDEX)"))
MISSING = constant(String, **literal(b"(MISSING)"))
NO_VERB = constant(String, **literal(b"%!(NOVERB)"))
EXTRA = constant(String, **literal(b"%!(EXTRA "))


# --- Print and Println -----------------------------------------------------------------------------------------------


def fmt_println(g: G, args: Array[Inline[Any]], n: i64) -> i64:
    """fmt.Println: the number of bytes."""
    out = begin_text(g)
    put_line(printer_of(g, out), args, n)
    return print_text(g, out)


def fmt_print(g: G, args: Array[Inline[Any]], n: i64) -> i64:
    """fmt.Print."""
    out = begin_text(g)
    put_operands(printer_of(g, out), args, n)
    return print_text(g, out)


def print_text(g: G, out: Output) -> i64:
    """A statement's text goes to standard output; its length."""
    length = out.length
    write_bytes(g.output, out.data, length)
    end_text(g, out)
    end_statement(g.output)
    return length


def put_line(p: Printer, args: Array[Inline[Any]], n: i64) -> None:
    """The operands with spaces between them, and a newline."""
    for i in range(n):
        if i > 0:
            put_byte(p, SPACE)
        print_argument(p, args[i], VERB_V)
    put_byte(p, NEWLINE)


def put_operands(p: Printer, args: Array[Inline[Any]], n: i64) -> None:
    """The operands, with a space between two that are no strings."""
    after_string = True
    for i in range(n):
        string = is_string(args[i])
        if not string and not after_string:
            put_byte(p, SPACE)
        print_argument(p, args[i], VERB_V)
        after_string = string


def is_string(argument: Any) -> bool:
    """Is the operand a string, of whatever name?"""
    return not is_nil(argument.typ) and argument.typ.kind == KIND_STRING


# --- Printf ----------------------------------------------------------------------------------------------------------


def fmt_printf(g: G, format: Array[u8], format_length: i64, args: Array[Inline[Any]], n: i64) -> i64:
    """fmt.Printf."""
    out = begin_text(g)
    put_formatted(g, out, format, format_length, args, n, nil(Output))
    return print_text(g, out)


def put_formatted(
    g: G, out: Output, format: Array[u8], format_length: i64, args: Array[Inline[Any]], n: i64, wrapped: Output
) -> None:
    """The format's text, and the operands as its directives say. Wrapped: where Errorf finds those of %w."""
    printer_of(g, out).wrapped = wrapped
    d = Directive.at(address(out.scratch))
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


def print_up_to_directive(d: Directive) -> bool:
    """Copy text up to and without the next %; false when the format ends first."""
    start = d.cursor
    while d.cursor < d.end and d.format[d.cursor] != PERCENT:
        d.cursor = d.cursor + 1
    if d.cursor > start:
        put(d.printer, element(d.format, start), d.cursor - start)
    d.cursor = d.cursor + 1
    return d.cursor <= d.end


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
    """The next operand. Before %v and %w, + and # mean more than a sign and a prefix."""
    p = d.printer
    if verb == VERB_W and not is_nil(p.wrapped):
        write_bytes(p.wrapped, array_at(u8, address(d) + offsetof(Directive, "arg")), INDEX_BYTES)
    if verb == VERB_V or verb == VERB_W:
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


# --- Sprint, Sprintln and Sprintf ------------------------------------------------------------------------------------


def fmt_sprint(g: G, args: Array[Inline[Any]], n: i64) -> tuple[Array[u8], i64]:
    """fmt.Sprint."""
    out = begin_text(g)
    put_operands(printer_of(g, out), args, n)
    return take_text(g, out)


def fmt_sprintln(g: G, args: Array[Inline[Any]], n: i64) -> tuple[Array[u8], i64]:
    """fmt.Sprintln."""
    out = begin_text(g)
    put_line(printer_of(g, out), args, n)
    return take_text(g, out)


def fmt_sprintf(
    g: G, format: Array[u8], format_length: i64, args: Array[Inline[Any]], n: i64
) -> tuple[Array[u8], i64]:
    """fmt.Sprintf."""
    out = begin_text(g)
    put_formatted(g, out, format, format_length, args, n, nil(Output))
    return take_text(g, out)


def take_text(g: G, out: Output) -> tuple[Array[u8], i64]:
    """The text as a string."""
    check_interrupt(g.output)
    data, length = slice_bytes_to_string(g, address(out.data), out.length)
    end_text(g, out)
    return data, length


# --- Append, Appendln and Appendf ------------------------------------------------------------------------------------


def fmt_append(
    g: G, data: Array[u8], length: i64, capacity: i64, args: Array[Inline[Any]], n: i64
) -> tuple[Array[u8], i64, i64]:
    """fmt.Append: the three parts of a slice."""
    out = begin_text(g)
    put_operands(printer_of(g, out), args, n)
    return append_text(g, out, data, length, capacity)


def fmt_appendln(
    g: G, data: Array[u8], length: i64, capacity: i64, args: Array[Inline[Any]], n: i64
) -> tuple[Array[u8], i64, i64]:
    """fmt.Appendln."""
    out = begin_text(g)
    put_line(printer_of(g, out), args, n)
    return append_text(g, out, data, length, capacity)


def fmt_appendf(
    g: G,
    data: Array[u8],
    length: i64,
    capacity: i64,
    format: Array[u8],
    format_length: i64,
    args: Array[Inline[Any]],
    n: i64,
) -> tuple[Array[u8], i64, i64]:
    """fmt.Appendf."""
    out = begin_text(g)
    put_formatted(g, out, format, format_length, args, n, nil(Output))
    return append_text(g, out, data, length, capacity)


def append_text(g: G, out: Output, data: Array[u8], length: i64, capacity: i64) -> tuple[Array[u8], i64, i64]:
    """The text behind the bytes of a slice, which its caller keeps alive."""
    check_interrupt(g.output)
    start = address(data)
    needed = length + out.length
    if needed > capacity:
        start, capacity = grow_slice(g, start, length, capacity, needed, UINT8_TYPE)
    memmove(start + u64(length), address(out.data), u64(out.length))
    end_text(g, out)
    return array_at(u8, start), needed, capacity


# --- Errorf ----------------------------------------------------------------------------------------------------------


def fmt_errorf(
    g: G, format: Array[u8], format_length: i64, args: Array[Inline[Any]], n: i64
) -> tuple[Array[u8], i64, i64, Array[i64], i64, i64]:
    """What fmt.Errorf makes errors of: a text, the only operand of %w or else -1, and a slice of several, or nil.

    A format without operands and directives is the text itself.
    """
    if n == 0 and index_byte(format, format_length, PERCENT) < 0:
        return format, format_length, -1, nil(Array[i64]), 0, 0
    out = begin_text(g)
    wrapped = begin_text(g)
    put_formatted(g, out, format, format_length, args, n, wrapped)
    count = wrapped.length // INDEX_BYTES
    frame = g.shadow_top  # of one slot
    several: uintptr = 0
    if count > 1:
        several = mallocgc(g, u64(wrapped.length), nil(Type), False)
        memmove(several, address(wrapped.data), u64(wrapped.length))
    only: i64 = load(i64, address(wrapped.data)) if count == 1 else -1
    end_text(g, wrapped)
    store(uintptr, frame, several)
    g.shadow_top = frame + 8
    data, length = take_text(g, out)
    g.shadow_top = frame
    return data, length, only, array_at(i64, several), count, count
