"""Failure texts: what a run-time error says, formed where it was caught.

    descriptor  "index out of range [%d] with length %d"       words  5 3
    string      "index out of range [5] with length 3"

    %d  a word in decimal     %x  in hexadecimal     %t  the name of the Type at a word     %s  the String at a word

The descriptor says which words are signed (runtime/syspy/entries.py).

The host forms the same texts for panics that nobody recovers (runtime/panics.py).

Owner: the goroutine that panics.                                                      Next: defers.py
"""

from __future__ import annotations

from lang.std.number_text import (
    LETTER_X,
    LOWER_DIGITS,
    MINUS,
    clear_number,
    form_decimal,
    form_radix,
    magnitude,
)
from lang.std.printer import Printer, literal, printer_of, put, put_byte, put_number, put_words
from lang.std.texts import begin_text, end_text
from runtime.proc import G
from runtime.strings import slice_bytes_to_string
from runtime.syspy import Array, address, array_at, constant, element, i64, load, memory_equal, u8, u32, u64, uintptr
from runtime.types import String, Type

PERCENT = ord("%")
HEXADECIMAL = 4  # log2 of the base
CLOSE_BRACKET = ord("]")
LETTER_D = ord("d")
LETTER_T = ord("t")
TEXT = 16  # bytes in front of a descriptor's text
LENGTH = 12
SIGNS = 8

VALUE = constant(String, **literal(b"value of type %x at %x"))  # the failure of panic(v)
INDEX = constant(String, **literal(b"index out of range"))
SLICE = constant(String, **literal(b"slice bounds"))
SHORT = constant(String, **literal(b"cannot convert slice"))
NIL_MAP = constant(String, **literal(b"assignment to entry"))
KEY = constant(String, **literal(b"hash of unhashable type: "))
RECEIVER = constant(String, **literal(b"value method "))
CONVERSION = constant(String, **literal(b"interface conversion"))


def begins(caught: uintptr, words: String) -> bool:
    """Whether the text of a failure begins so."""
    descriptor = load(uintptr, caught)
    length = i64(load(u32, descriptor + LENGTH))
    return length >= words.length and memory_equal(descriptor + TEXT, address(words.data), u64(words.length))


def is_panic_value(caught: uintptr) -> bool:
    """Whether a failure is that of panic(v)."""
    return begins(caught, VALUE)


def is_bounds_failure(caught: uintptr) -> bool:
    """Whether an index or a slice was out of bounds, or a slice too short for an array."""
    return begins(caught, INDEX) or begins(caught, SLICE) or begins(caught, SHORT)


def is_conversion_failure(caught: uintptr) -> bool:
    """Whether x.(T) failed."""
    return begins(caught, CONVERSION)


def is_plain_failure(caught: uintptr) -> bool:
    """Whether the text is all that is said: no "runtime error" in front."""
    return begins(caught, NIL_MAP) or begins(caught, RECEIVER)


def is_key_failure(caught: uintptr) -> bool:
    """The same, where Go has a type of its own for it: a key without a hash was looked up."""
    return begins(caught, KEY)


def failure_string(g: G, caught: uintptr) -> tuple[Array[u8], i64]:
    """The text of the failure that the words at `caught` tell of."""
    out = begin_text(g)
    put_failure(printer_of(g, out), caught)
    data, length = slice_bytes_to_string(g, address(out.data), out.length)
    end_text(g, out)
    return data, length


def put_failure(p: Printer, caught: uintptr) -> None:
    """The text with its words filled in."""
    descriptor = load(uintptr, caught)
    format = array_at(u8, descriptor + TEXT)
    length = i64(load(u32, descriptor + LENGTH))
    word = caught + 8
    signs = load(u32, descriptor + SIGNS)
    is_negative_index = begins(caught, INDEX) and signs & 1 != 0 and load(i64, word) < 0
    start: i64 = 0
    i: i64 = 0
    while i < length:
        if format[i] == PERCENT:
            put(p, element(format, start), i - start)
            put_word(p, format[i + 1], word, signs & 1 != 0)
            word = word + 8
            signs = signs >> 1
            start = i + 2
            i = i + 2
            if is_negative_index:
                put_byte(p, CLOSE_BRACKET)
                return
        else:
            i = i + 1
    put(p, element(format, start), length - start)


def put_word(p: Printer, directive: u8, word: uintptr, is_signed: bool) -> None:
    """One word of a failure."""
    if directive == LETTER_T:
        typ = Type.at(load(uintptr, word))
        put(p, typ.name, i64(typ.name_length))
        return
    if directive != LETTER_D and directive != LETTER_X:
        put_words(p, String.at(load(uintptr, word)))
        return
    clear_number(p.number)
    if directive == LETTER_D:
        v = load(i64, word)
        is_negative = is_signed and v < 0
        p.number.sign = MINUS if is_negative else 0
        form_decimal(p.number, magnitude(v) if is_negative else u64(v))
    else:
        form_radix(p.number, load(u64, word), HEXADECIMAL, LOWER_DIGITS)
    put_number(p, False)
