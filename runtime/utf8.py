"""UTF-8: code points as bytes, and bytes as code points.

    bytes  first byte           code points
      1    0xxxxxxx             up to U+007F
      2    110xxxxx 10xxxxxx    up to U+07FF
      3    1110xxxx ...         up to U+FFFF, without the surrogates U+D800 to U+DFFF
      4    11110xxx ...         up to U+10FFFF

Any bytes can be read as text. A byte that begins no code point, because it is out of place, or what follows it is, or
the code point would fit in fewer bytes, is read as U+FFFD, one byte long; what is no code point is written as U+FFFD.

Owner: nobody; pure functions. Go: unicode/utf8, runtime/utf8.go.                      Next: strings.py
"""

from __future__ import annotations

from runtime.syspy import Array, i32, i64, inline, table, u8

RUNE_ERROR = 0xFFFD
RUNE_MAX = 0x10FFFF
SURROGATE_MIN = 0xD800
SURROGATE_MAX = 0xDFFF

FIRST_MASK = table(i32, [0, 0x7F, 0x1F, 0x0F, 0x07])  # by width: the first byte's share of the code point
LEADING_ONES = table(i32, [0, 0, 0xC0, 0xE0, 0xF0])  # by width: the first byte begins with as many ones


@inline
def is_valid_rune(r: i32) -> bool:
    """Is r a code point that UTF-8 encodes? Surrogates are not."""
    return 0 <= r < SURROGATE_MIN or SURROGATE_MAX < r <= RUNE_MAX


@inline
def decode_rune(data: Array[u8], length: i64, at: i64) -> tuple[i32, i64]:
    """The code point at index `at` and its bytes; U+FFFD and 1 when there is none. Needs at < length."""
    if data[at] < 0x80:
        return i32(data[at]), 1
    return decode_long_rune(data, length, at)


def decode_long_rune(data: Array[u8], length: i64, at: i64) -> tuple[i32, i64]:
    """`decode_rune` for a first byte of 0x80 and more."""
    first: i32 = i32(data[at])
    width = rune_bytes_from(first)
    if width == 0 or at + width > length:
        return RUNE_ERROR, 1
    r = first & FIRST_MASK[width]
    for i in range(1, width):
        byte = i32(data[at + i])
        if byte & 0xC0 != 0x80:
            return RUNE_ERROR, 1
        r = (r << 6) | (byte & 0x3F)
    if not is_valid_rune(r) or encoded_bytes(r) != width:
        return RUNE_ERROR, 1
    return r, width


def rune_bytes_from(first: i32) -> i64:
    """The bytes of a code point whose first byte is this one, from 0x80 on; 0 if no code point has it."""
    if 0xC2 <= first < 0xE0:
        return 2
    if 0xE0 <= first < 0xF0:
        return 3
    return 4 if 0xF0 <= first < 0xF5 else 0


def encoded_bytes(r: i32) -> i64:
    """The bytes that `encode_rune` writes for r."""
    if r < 0 or r > RUNE_MAX:
        return 3
    if r < 0x80:
        return 1
    if r < 0x800:
        return 2
    return 3 if r < 0x10000 else 4


def encode_rune(to: Array[u8], r: i32) -> i64:
    """Write r as UTF-8, U+FFFD for what is no code point; how many bytes that is."""
    if not is_valid_rune(r):
        r = RUNE_ERROR
    width = encoded_bytes(r)
    if width == 1:
        to[0] = u8(r)
        return 1
    i = width - 1
    while i > 0:
        to[i] = u8(0x80 | (r & 0x3F))
        r = r >> 6
        i = i - 1
    to[0] = u8(LEADING_ONES[width] | r)
    return width


def count_runes(data: Array[u8], n: i64) -> i64:
    """The number of code points in n bytes; each byte that begins none counts as one."""
    count: i64 = 0
    at: i64 = 0
    while at < n:
        _, width = decode_rune(data, n, at)
        at = at + width
        count = count + 1
    return count
