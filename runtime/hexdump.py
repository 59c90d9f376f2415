"""Hex dump: memory as words, sixteen bytes a line, in Go's format.

                       7 6 5 4  3 2 1 0   f e d c  b a 9 8  0123456789abcdef
    000000c000014010:                    00000000 0000ff42          B.......
    000000c000014020: 00000000 00000041                     A.......

Above each column stands the last digit of its byte's address: the bytes of a word are in the order in which they make
up a number. Go also names the functions that words point to, of which there are none here.

Go: runtime/hexdump.go hexdumpWords.                                                           Next: fixalloc.py
"""

from __future__ import annotations

import sys

from runtime.output import Output, write_byte
from runtime.syspy import Array, array_at, table, u8, u64, uintptr

LINE = 16  # bytes
WORD = 8  # bytes
SWIZZLE = WORD - 1 if sys.byteorder == "little" else 0  # from the place of a byte in print to its offset
ADDRESS_DIGITS = 16

SPACE = 0x20
COLON = 0x3A
POINT = 0x2E
TILDE = 0x7E
NEWLINE = 0x0A
DIGITS = table(u8, b"0123456789abcdef")


def hex_dump(out: Output, start: uintptr, length: u64) -> None:
    """Write the bytes from start on."""
    put_spaces(out, ADDRESS_DIGITS + 2)
    for field in range(LINE):
        put_gap(out, u64(field))
        write_byte(out, u8(SPACE))
        write_byte(out, DIGITS[field ^ SWIZZLE])
    put_spaces(out, 2)
    for offset in range(LINE):
        write_byte(out, DIGITS[offset])
    write_byte(out, u8(NEWLINE))
    end = start + length
    line = start // LINE * LINE
    while line < end:
        put_line(out, line, start, end)
        line = line + LINE


def put_line(out: Output, line: uintptr, start: uintptr, end: uintptr) -> None:
    """The line at an address, as far as it lies between start and end."""
    put_hex(out, line, ADDRESS_DIGITS)
    write_byte(out, u8(COLON))
    write_byte(out, u8(SPACE))
    for field in range(LINE):
        put_gap(out, u64(field))
        addr = line + u64(field ^ SWIZZLE)
        if start <= addr < end:
            put_hex(out, u64(byte_at(addr)[0]), 2)
        else:
            put_spaces(out, 2)
    put_spaces(out, 2)
    for offset in range(LINE):
        addr = line + u64(offset)
        if addr < end:
            write_byte(out, letter(byte_at(addr)[0]) if addr >= start else u8(SPACE))
    write_byte(out, u8(NEWLINE))


def byte_at(addr: uintptr) -> Array[u8]:
    """Memory as bytes."""
    return array_at(u8, addr)


def letter(byte: u8) -> u8:
    """A byte as it is if that can be printed, a point otherwise."""
    return byte if SPACE <= byte <= TILDE else u8(POINT)


def put_gap(out: Output, field: u64) -> None:
    """What stands between the bytes of a line: a space in the middle of a word, two between words."""
    if field == WORD:
        put_spaces(out, 2)
    elif field % 4 == 0 and field != 0:
        put_spaces(out, 1)


def put_spaces(out: Output, count: u64) -> None:
    """So many spaces."""
    for _ in range(count):
        write_byte(out, u8(SPACE))


def put_hex(out: Output, value: u64, digits: u64) -> None:
    """The last so many hexadecimal digits of a number."""
    for i in range(digits):
        write_byte(out, DIGITS[value >> (digits - 1 - i) * 4 & 15])
