"""Quoting: strings and code points as Go source would spell them.

    é " tab bad-byte U+200B      %q    "é\\"\\t\\xff\\u200b"
                                 %+q   "\\u00e9\\"\\t\\xff\\u200b"       ASCII only
                                 %#q   `...` when nothing in it needs an escape

Each code point is shown as it is, or by one of five escapes; its width is known before it is written, for padding.

    escape           of                                             width
    \\" \\\\           the quote itself, the backslash                2
    \\a \\b ... \\v     seven control characters                       2
    \\xff             other control characters, bytes of no code point 4
    \\u200b           what is not printable, below U+10000           6
    \\U000e0001       the same from there on                         10

Owner: the print statement under way. Go: strconv/quote.go.                            Next: fmt_verbs.py
"""

from __future__ import annotations

from lang.std.number_text import LOWER_DIGITS
from lang.std.printable import is_printable
from lang.std.printer import Printer, put, put_byte, put_left_padding, put_right_padding
from runtime.syspy import Array, i32, i64, text, u8, u64
from runtime.utf8 import RUNE_ERROR, count_runes, decode_rune, encode_rune, is_valid_rune

QUOTE = ord('"')
APOSTROPHE = ord("'")
BACKQUOTE = ord("`")
BACKSLASH = ord("\\")
TAB = ord("\t")
DELETE = 0x7F
BYTE_ORDER_MARK = 0xFEFF

FIRST_LETTER_ESCAPE = 7  # \a \b \t \n \v \f \r are 7 to 13
LAST_LETTER_ESCAPE = 13
LETTER_ESCAPES = text(b"abtnvfr")
ESCAPE_BYTE = ord("x")
ESCAPE_SHORT = ord("u")
ESCAPE_LONG = ord("U")


def is_shown(r: i32, ascii_only: bool) -> bool:
    """Does r stand for itself between quotes?"""
    return is_printable(r) and (r < 0x80 or not ascii_only)


def escaped_width(r: i32, quote: i32, ascii_only: bool) -> i64:
    """The runes that `put_escaped` writes."""
    if r == quote or r == BACKSLASH:
        return 2
    if is_shown(r, ascii_only):
        return 1
    if FIRST_LETTER_ESCAPE <= r <= LAST_LETTER_ESCAPE:
        return 2
    if r < 0x20 or r == DELETE:
        return 4
    return 6 if r < 0x10000 else 10


def put_escaped(p: Printer, r: i32, quote: i32, ascii_only: bool) -> None:
    """A code point inside quotes of that kind."""
    if r == quote or r == BACKSLASH:
        put_byte(p, BACKSLASH)
        put_byte(p, u8(r))
    elif is_shown(r, ascii_only):
        put_rune(p, r)
    elif FIRST_LETTER_ESCAPE <= r <= LAST_LETTER_ESCAPE:
        put_byte(p, BACKSLASH)
        put_byte(p, LETTER_ESCAPES[r - FIRST_LETTER_ESCAPE])
    elif r < 0x20 or r == DELETE:
        put_hex_escape(p, ESCAPE_BYTE, u64(r), 2)
    elif r < 0x10000:
        put_hex_escape(p, ESCAPE_SHORT, u64(r), 4)
    else:
        put_hex_escape(p, ESCAPE_LONG, u64(r), 8)


def put_hex_escape(p: Printer, letter: u8, value: u64, digits: u64) -> None:
    """A backslash, the letter and so many hexadecimal digits."""
    put_byte(p, BACKSLASH)
    put_byte(p, letter)
    while digits > 0:
        digits = digits - 1
        put_byte(p, LOWER_DIGITS[(value >> (4 * digits)) & 15])


def put_rune(p: Printer, r: i32) -> None:
    """A code point as UTF-8."""
    n = encode_rune(p.number.tail, r)
    put(p, p.number.tail, n)


def quoted_width(data: Array[u8], n: i64, ascii_only: bool) -> i64:
    """The runes of a quoted string, its quotes included."""
    width: i64 = 2
    at: i64 = 0
    while at < n:
        r, size = decode_rune(data, n, at)
        width = width + (4 if r == RUNE_ERROR and size == 1 else escaped_width(r, QUOTE, ascii_only))
        at = at + size
    return width


def put_quoted(p: Printer, data: Array[u8], n: i64) -> None:
    """A string in double quotes, padded; `plus` asks for ASCII only."""
    width: i64 = quoted_width(data, n, p.plus) if p.width > 0 else 0
    put_left_padding(p, width)
    put_byte(p, QUOTE)
    at: i64 = 0
    while at < n:
        r, size = decode_rune(data, n, at)
        if r == RUNE_ERROR and size == 1:
            put_hex_escape(p, ESCAPE_BYTE, u64(data[at]), 2)
        else:
            put_escaped(p, r, QUOTE, p.plus)
        at = at + size
    put_byte(p, QUOTE)
    put_right_padding(p, width)


def put_quoted_rune(p: Printer, r: i32) -> None:
    """A code point in single quotes, padded; U+FFFD for what is none."""
    if not is_valid_rune(r):
        r = RUNE_ERROR
    width = 2 + escaped_width(r, APOSTROPHE, p.plus)
    put_left_padding(p, width)
    put_byte(p, APOSTROPHE)
    put_escaped(p, r, APOSTROPHE, p.plus)
    put_byte(p, APOSTROPHE)
    put_right_padding(p, width)


def can_backquote(data: Array[u8], n: i64) -> bool:
    """Can the string stand between backquotes as it is?"""
    at: i64 = 0
    while at < n:
        r, size = decode_rune(data, n, at)
        at = at + size
        if size > 1:
            if r == BYTE_ORDER_MARK:
                return False
        elif r == RUNE_ERROR or (r < 0x20 and r != TAB) or r == BACKQUOTE or r == DELETE:
            return False
    return True


def put_backquoted(p: Printer, data: Array[u8], n: i64) -> None:
    """A string between backquotes, padded."""
    width: i64 = 2 + count_runes(data, n) if p.width > 0 else 0
    put_left_padding(p, width)
    put_byte(p, BACKQUOTE)
    put(p, data, n)
    put_byte(p, BACKQUOTE)
    put_right_padding(p, width)
