"""Number text: one number on its way to being printed, and integers in any base.

    sign   body        zeros times '0'   tail
     -     0x                            ff          an integer: prefix, leading zeros, digits
     +     3.14159     4                 e+10        a float: digits, trailing zeros, exponent

Zeros are counted, not stored, so that a precision of a million needs no memory. `digits` and `limbs` are
where floats compute theirs (float_text.py): 0.d1 d2 d3 ... * 10**point.

The first and the last of the digits are not '0'; without digits the number is zero.

    NT1  body_length, tail_length and digit_count stay inside their arrays

Owner: the Output in whose scratch it lies, one at a time.                            Next: float_digits.py
"""

from __future__ import annotations

from runtime.syspy import (
    Annotated,
    Array,
    Struct,
    address,
    clz64,
    i64,
    inline,
    memmove,
    memset,
    store,
    struct,
    table,
    text,
    u8,
    u16,
    u32,
    u64,
    uintptr,
)

DIGIT_0 = ord("0")
PLUS = ord("+")
MINUS = ord("-")
SPACE = ord(" ")
LETTER_X = ord("x")
UPPER_X = ord("X")

BODY_BYTES = 1152  # "0." and 1074 digits is the longest
TAIL_BYTES = 72  # 64 binary digits
DIGITS_BYTES = 776  # 767 digits are the most that a float64 has; 9 are written at a time
LIMBS = 96  # 767 digits fill 86 limbs of 9

LOWER_DIGITS = text(b"0123456789abcdef")
UPPER_DIGITS = text(b"0123456789ABCDEF")
PAIRS = table(u16, [DIGIT_0 + n // 10 | DIGIT_0 + n % 10 << 8 for n in range(100)])  # the first digit in the low byte
EIGHT_DIGITS = 10**8
TENS = table(u64, [10**n for n in range(20)])


@struct
class NumberText(Struct):
    """One number, being formed."""

    body: Annotated[Array[u8], BODY_BYTES]  # an integer's prefix; a float up to its trailing zeros
    tail: Annotated[Array[u8], TAIL_BYTES]  # an integer's digits; a float's exponent
    digits: Annotated[Array[u8], DIGITS_BYTES]  # a float's decimal digits, as characters
    limbs: Annotated[Array[u32], LIMBS]  # nine digits each, lowest first: exact_digits.py
    body_length: i64  # bytes
    zeros: i64  # '0's between body and tail
    tail_length: i64  # bytes
    digit_count: i64  # entries of digits
    point: i64  # digits before the decimal point; may be negative or large
    sign: u8  # '+', '-', ' ' or 0 for none


def clear_number(t: NumberText) -> None:
    """Empty, without a sign."""
    t.body_length = 0
    t.zeros = 0
    t.tail_length = 0
    t.digit_count = 0
    t.point = 0
    t.sign = 0


@inline
def put_body(t: NumberText, byte: u8) -> None:
    """One byte more."""
    assert t.body_length < BODY_BYTES, "NT1: the body of a number is full"
    t.body[t.body_length] = byte
    t.body_length = t.body_length + 1


@inline
def put_body_bytes(t: NumberText, data: Array[u8], n: i64) -> None:
    """n bytes more."""
    assert t.body_length + n <= BODY_BYTES, "NT1: the body of a number is full"
    memmove(address(t.body) + u64(t.body_length), address(data), u64(n))
    t.body_length = t.body_length + n


@inline
def put_body_zeros(t: NumberText, n: i64) -> None:
    """'0' n times more."""
    assert t.body_length + n <= BODY_BYTES, "NT1: the body of a number is full"
    memset(address(t.body) + u64(t.body_length), DIGIT_0, u64(n))
    t.body_length = t.body_length + n


@inline
def put_tail(t: NumberText, byte: u8) -> None:
    """One byte more."""
    assert t.tail_length < TAIL_BYTES, "NT1: the tail of a number is full"
    t.tail[t.tail_length] = byte
    t.tail_length = t.tail_length + 1


def number_length(t: NumberText) -> i64:
    """Bytes of the whole text, its sign included."""
    return t.body_length + t.zeros + t.tail_length + (1 if t.sign != 0 else 0)


def copy_number(t: NumberText, to: uintptr) -> None:
    """The whole text, to where there is room for it."""
    if t.sign != 0:
        store(u8, to, t.sign)
        to = to + 1
    memmove(to, address(t.body), u64(t.body_length))
    to = to + u64(t.body_length)
    if t.zeros > 0:
        memset(to, DIGIT_0, u64(t.zeros))
        to = to + u64(t.zeros)
    if t.tail_length > 0:
        memmove(to, address(t.tail), u64(t.tail_length))


def count_decimal(u: u64) -> i64:
    """The number of decimal digits of u; 1 for 0."""
    count = ((64 - i64(clz64(u | 1))) * 78913) >> 18  # floor(log10(2**bits)): right, or one too small
    return count + 1 if (u | 1) >= TENS[count] else count


def write_decimal(to: Array[u8], count: i64, u: u64) -> None:
    """The last `count` decimal digits of u, as characters."""
    i = count
    while i >= 8:
        i = i - 8
        store(u64, address(to) + u64(i), eight_digits(u % EIGHT_DIGITS))
        u = u // EIGHT_DIGITS
    while i > 1:
        i = i - 2
        store(u16, address(to) + u64(i), PAIRS[u % 100])
        u = u // 100
    if i > 0:
        to[0] = u8(DIGIT_0 + u % 10)


@inline
def eight_digits(u: u64) -> u64:
    """The characters of eight decimal digits, the first in the lowest byte.

    Divided side by side into halves, quarters and digits; a multiplication and a shift divide what is so small.
    """
    halves = u // 10_000 | (u % 10_000) << 32
    hundreds = (halves * 10_486 >> 20) & 0x7F_0000_007F
    quarters = hundreds | (halves - hundreds * 100) << 16
    tens = (quarters * 103 >> 10) & 0xF_000F_000F_000F
    return (tens | (quarters - tens * 10) << 8) + 0x3030_3030_3030_3030


def count_radix(u: u64, shift: u64) -> i64:
    """The number of digits of u in base 2**shift; 1 for 0."""
    return i64((63 - clz64(u | 1)) // shift + 1)


def write_radix(to: Array[u8], count: i64, u: u64, shift: u64, letters: Array[u8]) -> None:
    """The last `count` digits of u in base 2**shift, as characters."""
    one: u64 = 1
    mask = (one << shift) - 1
    i = count
    while i > 0:
        i = i - 1
        to[i] = letters[u & mask]
        u = u >> shift


def form_decimal(t: NumberText, u: u64) -> None:
    """The tail is u in decimal."""
    t.tail_length = count_decimal(u)
    write_decimal(t.tail, t.tail_length, u)


def form_radix(t: NumberText, u: u64, shift: u64, letters: Array[u8]) -> None:
    """The tail is u in base 2**shift (1, 3 or 4), with these letters for digits."""
    t.tail_length = count_radix(u, shift)
    write_radix(t.tail, t.tail_length, u, shift, letters)


@inline
def magnitude(v: i64) -> u64:
    """|v|, for the least i64 too."""
    return u64(0 - u64(v)) if v < 0 else u64(v)
