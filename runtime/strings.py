"""Strings: bytes that never change, and the ways between them, slices and code points.

    String    data --> [ c3 a9 74 c3 a9 ]        length 5 bytes, "été" is 3 code points
                         \\_e'_/  t  \\_e'_/

A string is passed as two values, `data` and `length`. Its bytes lie in a noscan object of the heap, in constant data,
or inside another string; nobody writes to them, so a substring shares them, and so does a concatenation with nothing.

Text is UTF-8 by convention, not by force: see utf8.py.

A function that makes a string allocates once, or not at all when an existing string or a constant serves. The caller
roots the arguments (the shadow-stack rule).

Owner: nobody; strings are immutable. Go: runtime/string.go, utf8.go, unicode/utf8.
"""

from __future__ import annotations

from runtime.malloc import mallocgc
from runtime.proc import G
from runtime.slices import round_up_size
from runtime.syspy import (
    Array,
    Inline,
    address,
    array_at,
    c_function,
    element,
    i32,
    i64,
    inline,
    load,
    memmove,
    memory_equal,
    memset,
    nil,
    reverse_bytes,
    table,
    u8,
    u32,
    u64,
    uintptr,
)
from runtime.types import String, Type
from runtime.utf8 import RUNE_ERROR, RUNE_MAX, count_runes, decode_rune, encode_rune, encoded_bytes

RUNE_BYTES = 4  # of a rune in a []rune; of the longest code point in UTF-8, too

SHORT = 16  # bytes of strings that are compared without a call
SINGLE_BYTES = table(u8, range(256))  # the 256 strings of one byte


@c_function
def memcmp(a: Array[u8], b: Array[u8], n: u64) -> i32:  # type: ignore[empty-body]
    """Below, equal to or above 0 as a comes before, with or after b."""


@c_function
def memchr(data: Array[u8], c: i32, n: u64) -> uintptr:  # type: ignore[empty-body]
    """The address of the first byte c among n; 0 when there is none."""


# --- Comparing -------------------------------------------------------------------------------------------------------


@inline
def string_equal(a: Array[u8], an: i64, b: Array[u8], bn: i64) -> bool:
    """a == b. Most strings that are compared are short: their words are compared here, the last where it overlaps."""
    if an != bn:
        return False
    if u64(an) <= SHORT:
        return short_equal(address(a), address(b), u64(an))
    return a == b or memory_equal(address(a), address(b), u64(an))


@inline
def short_equal(a: uintptr, b: uintptr, n: u64) -> bool:
    """Whether n bytes, SHORT at most, are the same."""
    if n >= 8:
        first, last = load(u64, a) ^ load(u64, b), load(u64, a + n - 8) ^ load(u64, b + n - 8)
        return first | last == 0
    if n >= 4:
        low, high = load(u32, a) ^ load(u32, b), load(u32, a + n - 4) ^ load(u32, b + n - 4)
        return low | high == 0
    if n == 0:
        return True
    start, end = load(u8, a) ^ load(u8, b), load(u8, a + n - 1) ^ load(u8, b + n - 1)
    middle = load(u8, a + (n >> 1)) ^ load(u8, b + (n >> 1))
    return start | middle | end == 0


def string_compare(a: Array[u8], an: i64, b: Array[u8], bn: i64) -> i64:
    """-1, 0 or 1 as a comes before, with or after b, byte by byte. Short strings are compared without a call."""
    n = u64(an if an < bn else bn)
    if n > SHORT:
        order: i32 = memcmp(a, b, n)
        if order != 0:
            return 1 if order > 0 else -1
    elif n > 0:
        first, second = leading(address(a), n), leading(address(b), n)
        if first == second and n > 8:
            first, second = leading(address(a) + n - 8, 8), leading(address(b) + n - 8, 8)
        if first != second:
            return 1 if first > second else -1
    return i64(an > bn) - i64(an < bn)


@inline
def leading(data: uintptr, n: u64) -> u64:
    """The first 8 of n bytes, or all, as a number: of two texts of n bytes the one that comes first has the lesser."""
    if n >= 8:
        return reverse_bytes(load(u64, data))
    if n >= 4:
        return reverse_bytes(u64(load(u32, data)) | u64(load(u32, data + n - 4)) << 32)
    return u64(load(u8, data)) << 16 | u64(load(u8, data + (n >> 1))) << 8 | u64(load(u8, data + n - 1))


@inline
def index_byte(data: Array[u8], n: i64, c: u8) -> i64:
    """Where the first byte c is; -1 when there is none."""
    found = memchr(data, i32(c), u64(n))
    return -1 if found == 0 else i64(found - address(data))


# --- Concatenating ---------------------------------------------------------------------------------------------------


@inline
def new_bytes(g: G, n: i64) -> Array[u8]:
    """n bytes of any content, for a string."""
    return array_at(u8, mallocgc(g, u64(n), nil(Type), False))


@inline
def copy_bytes(to: Array[u8], at: i64, data: Array[u8], n: i64) -> None:
    """Copy n bytes to the index `at`."""
    memmove(address(to) + u64(at), address(data), u64(n))


def concat2(g: G, a: Array[u8], an: i64, b: Array[u8], bn: i64) -> tuple[Array[u8], i64]:
    """a + b."""
    if an == 0:
        return b, bn
    if bn == 0:
        return a, an
    made = new_bytes(g, an + bn)
    copy_bytes(made, 0, a, an)
    copy_bytes(made, an, b, bn)
    return made, an + bn


def concat3(g: G, a: Array[u8], an: i64, b: Array[u8], bn: i64, c: Array[u8], cn: i64) -> tuple[Array[u8], i64]:
    """a + b + c, in one allocation."""
    if an == 0:
        return concat2(g, b, bn, c, cn)
    if bn == 0:
        return concat2(g, a, an, c, cn)
    if cn == 0:
        return concat2(g, a, an, b, bn)
    made = new_bytes(g, an + bn + cn)
    copy_bytes(made, 0, a, an)
    copy_bytes(made, an, b, bn)
    copy_bytes(made, an + bn, c, cn)
    return made, an + bn + cn


def concat_all(g: G, operands: Array[Inline[String]], n: i64) -> tuple[Array[u8], i64]:
    """n strings joined, in one allocation; in none when at most one of them is not empty."""
    length: i64 = 0
    last: i64 = 0
    for i in range(n):
        if operands[i].length > 0:
            length += operands[i].length
            last = i
    if length == operands[last].length:
        return operands[last].data, length
    made = new_bytes(g, length)
    end: i64 = 0
    for i in range(n):
        copy_bytes(made, end, operands[i].data, operands[i].length)
        end += operands[i].length
    return made, length


# --- Bytes -----------------------------------------------------------------------------------------------------------


def slice_bytes_to_string(g: G, data: uintptr, n: i64) -> tuple[Array[u8], i64]:
    """string(b) of a []byte."""
    if n == 0:
        return nil(Array[u8]), 0
    source = array_at(u8, data)
    if n == 1:
        return element(SINGLE_BYTES, source[0]), 1
    made = new_bytes(g, n)
    copy_bytes(made, 0, source, n)
    return made, n


def string_to_slice_bytes(g: G, data: Array[u8], n: i64) -> tuple[uintptr, i64]:
    """[]byte(s), of length n: its data and capacity."""
    size = round_up_size(u64(n), True)
    made = mallocgc(g, size, nil(Type), False)
    memmove(made, address(data), u64(n))
    memset(made + u64(n), 0, size - u64(n))
    return made, i64(size)


# --- Code points -----------------------------------------------------------------------------------------------------


def rune_to_string(g: G, r: i32) -> tuple[Array[u8], i64]:
    """string(r)."""
    if 0 <= r < 0x80:
        return element(SINGLE_BYTES, r), 1
    made = new_bytes(g, RUNE_BYTES)
    return made, encode_rune(made, r)


def int_to_string(g: G, v: i64) -> tuple[Array[u8], i64]:
    """string(v) of any integer: what is no code point gives U+FFFD."""
    return rune_to_string(g, i32(v) if 0 <= v <= RUNE_MAX else RUNE_ERROR)


def string_to_runes(g: G, data: Array[u8], n: i64) -> tuple[uintptr, i64, i64]:
    """[]rune(s): its data, length and capacity."""
    count = count_runes(data, n)
    size = round_up_size(u64(count) * RUNE_BYTES, True)
    made = mallocgc(g, size, nil(Type), False)
    runes = array_at(i32, made)
    at: i64 = 0
    for i in range(count):
        r, width = decode_rune(data, n, at)
        runes[i] = r
        at = at + width
    used = u64(count) * RUNE_BYTES
    memset(made + used, 0, size - used)
    return made, count, i64(size // RUNE_BYTES)


def runes_to_string(g: G, data: uintptr, n: i64) -> tuple[Array[u8], i64]:
    """string(r) of a []rune."""
    runes = array_at(i32, data)
    total: i64 = 0
    for i in range(n):
        total = total + encoded_bytes(runes[i])
    if total == 0:
        return nil(Array[u8]), 0
    made = new_bytes(g, total)
    at: i64 = 0
    for i in range(n):
        at = at + encode_rune(element(made, at), runes[i])
    return made, total
