"""Float text: a float as %e, %f, %g, %b or %x would print it, into a NumberText.

    verb   -1.5e10 at precision -1 (shortest)     at precision 3
    e, E   1.5e+10                                1.500e+10
    f      15000000000                            15000000000.000
    g, G   1.5e+10                                1.5e+10             %e for exponents below -4 or above the precision
    x, X   0x1.bf08ebp+33                         0x1.bf1p+33
    b      7864320000000000p-19

Three steps: take the float apart; find its digits (shortest, or rounded to a precision: float_digits.py, or
exact_digits.py from 19 digits on); lay them out around the decimal point. The sign stands in `sign`, always '+' or '-'.

Owner: whoever owns the NumberText. Go: internal/strconv ftoa.go.                      Next: printer.py
"""

from __future__ import annotations

from lang.std.exact_digits import exact_digits, round_digits, trim_zeros
from lang.std.float_digits import (
    F32_MANT_BITS,
    F32_MIN_EXP,
    F64_MANT_BITS,
    F64_MIN_EXP,
    FIXED_DIGITS_MAX,
    NO_LIMIT,
    fixed,
    left_justified,
    log10_of_pow2,
    shortest,
)
from lang.std.number_text import (
    DIGIT_0,
    LETTER_X,
    LOWER_DIGITS,
    MINUS,
    PLUS,
    UPPER_DIGITS,
    UPPER_X,
    NumberText,
    clear_number,
    count_decimal,
    magnitude,
    put_body,
    put_body_bytes,
    put_body_zeros,
    put_tail,
    write_decimal,
    write_radix,
)
from runtime.syspy import bits_of, ctz64, element, f64, i64, inline, u8, u64

SHORTEST = -1  # the precision that asks for as few digits as read back as the same float

VERB_B = ord("b")
VERB_E = ord("e")
VERB_F = ord("f")
VERB_G = ord("g")
UPPER_E = ord("E")
UPPER_G = ord("G")
LETTER_P = ord("p")
UPPER_P = ord("P")
POINT = ord(".")
LETTER_I = ord("I")
LETTER_N = ord("N")
LETTER_A = ord("a")
LETTER_F = ord("f")
LETTER_SMALL_N = ord("n")
HEXADECIMAL = 4  # log2 of the base


def form_float(t: NumberText, value: f64, is_f32: bool, verb: u8, precision: i64) -> None:
    """The text of a float for one of the verbs b e E f g G x X; `is_f32` when it came from a float32."""
    clear_number(t)
    bits = bits_of(value)
    t.sign = MINUS if bits >> 63 == 1 else PLUS
    if not is_finite(value):
        form_special(t, bits)
    elif verb == VERB_B:
        form_binary(t, value, is_f32)
    elif verb == LETTER_X or verb == UPPER_X:
        form_hexadecimal(t, value, verb, precision)
    else:
        find_digits(t, value, is_f32, verb, precision)
        lay_out(t, verb, precision)


def form_signed_float(t: NumberText, value: f64, is_f32: bool, verb: u8, precision: i64) -> None:
    """The same with a sign only where there must be one: of the positive ones, only +Inf has it."""
    form_float(t, value, is_f32, verb, precision)
    if t.sign == PLUS and t.body[0] != LETTER_I:
        t.sign = 0


def form_special(t: NumberText, bits: u64) -> None:
    """Inf, or NaN, which has no sign."""
    if bits & ((1 << F64_MANT_BITS) - 1) != 0:
        t.sign = PLUS
        put_body(t, LETTER_N)
        put_body(t, LETTER_A)
        put_body(t, LETTER_N)
    else:
        put_body(t, LETTER_I)
        put_body(t, LETTER_SMALL_N)
        put_body(t, LETTER_F)


@inline
def is_finite(value: f64) -> bool:
    """Neither an infinity nor NaN."""
    return (bits_of(value) >> F64_MANT_BITS) & 0x7FF != 0x7FF


# --- Digits ----------------------------------------------------------------------------------------------------------


def find_digits(t: NumberText, value: f64, is_f32: bool, verb: u8, precision: i64) -> None:
    """Fill `digits` and `point`; none for zero."""
    if value == 0.0:
        return
    m, e = left_justified(value)
    wanted = digits_wanted(e + 63, verb, precision)
    if precision < 0:
        d, p = shortest_of(m, e, is_f32)
        set_digits(t, d, p)
    elif wanted <= 0:
        return
    elif wanted <= FIXED_DIGITS_MAX:
        d, p = fixed(m, e, wanted, precision if verb == VERB_F else NO_LIMIT)
        set_digits(t, d, p)
    else:
        exact_digits(t, m, e)
        round_digits(t, t.point + precision if verb == VERB_F else wanted)


@inline
def shortest_of(m: u64, e: i64, is_f32: bool) -> tuple[u64, i64]:
    """The shortest digits of a float of that width."""
    if is_f32:
        return shortest(m, e, F32_MANT_BITS, F32_MIN_EXP)
    return shortest(m, e, F64_MANT_BITS, F64_MIN_EXP)


def digits_wanted(log2: i64, verb: u8, precision: i64) -> i64:
    """How many digits a precision asks for; at most one too many for %f. `log2` is floor(log2 |value|)."""
    if verb == VERB_F:
        before = log10_of_pow2(log2 + 1) if log2 >= 0 else -log10_of_pow2(-log2)
        return 1 + before + precision
    if verb == VERB_E or verb == UPPER_E:
        return precision + 1
    return precision if precision > 0 else 1


def set_digits(t: NumberText, d: u64, p: i64) -> None:
    """The digits of d * 10**p."""
    if d == 0:
        return
    t.digit_count = count_decimal(d)
    t.point = t.digit_count + p
    write_decimal(t.digits, t.digit_count, d)
    trim_zeros(t)


# --- Layout ----------------------------------------------------------------------------------------------------------


def lay_out(t: NumberText, verb: u8, precision: i64) -> None:
    """Arrange the digits as the verb wants them."""
    if verb == VERB_G or verb == UPPER_G:
        lay_out_general(t, verb, precision)
    elif verb == VERB_F:
        lay_out_point(t, t.digit_count - t.point if precision < 0 else precision)
    else:
        lay_out_exponent(t, verb, t.digit_count - 1 if precision < 0 else precision)


def lay_out_general(t: NumberText, verb: u8, precision: i64) -> None:
    """%g: %e for large and small exponents, else %f; no trailing zeros."""
    if uses_exponent(t, precision):
        lay_out_exponent(t, verb - (VERB_G - VERB_E), t.digit_count - 1)
    else:
        lay_out_point(t, t.digit_count - t.point)


def uses_exponent(t: NumberText, precision: i64) -> bool:
    """Does %g print this number as %e?"""
    limit = precision if precision > 0 else 1
    if limit > t.digit_count and t.digit_count >= t.point:
        limit = t.digit_count
    if precision < 0:
        limit = 6
    exponent = t.point - 1
    return exponent < -4 or exponent >= limit


def lay_out_exponent(t: NumberText, letter: u8, decimals: i64) -> None:
    """d.ddde+dd, with so many decimals."""
    put_body(t, t.digits[0] if t.digit_count > 0 else DIGIT_0)
    if decimals > 0:
        put_body(t, POINT)
        shown = min(t.digit_count - 1, decimals)
        if shown > 0:
            put_body_bytes(t, element(t.digits, 1), shown)
        t.zeros = decimals - max(shown, 0)
    put_exponent(t, letter, t.point - 1 if t.digit_count > 0 else 0, 2)


def put_exponent(t: NumberText, letter: u8, exponent: i64, width: i64) -> None:
    """The letter, the sign and at least `width` digits."""
    put_tail(t, letter)
    put_tail(t, MINUS if exponent < 0 else PLUS)
    size = magnitude(exponent)
    count = count_decimal(size)
    if count < width:
        count = width
    write_decimal(element(t.tail, t.tail_length), count, size)
    t.tail_length = t.tail_length + count


def lay_out_point(t: NumberText, decimals: i64) -> None:
    """ddd.ddd, with so many decimals."""
    before = min(t.digit_count, t.point)
    if before > 0:
        put_body_bytes(t, t.digits, before)
    if t.point <= 0:
        put_body(t, DIGIT_0)
    elif t.point > before:
        put_body_zeros(t, t.point - before)
    if decimals <= 0:
        return
    put_body(t, POINT)
    shown = min(t.digit_count - t.point, decimals)
    t.zeros = decimals - max(shown, 0)
    small = min(-t.point, shown)
    if small > 0:
        put_body_zeros(t, small)
        shown = shown - small
    if shown > 0:
        put_body_bytes(t, element(t.digits, max(t.point, 0)), shown)


def keep_point(t: NumberText, digits: i64) -> None:
    """The alternate form: a decimal point always, and at least so many digits from the first that is not 0."""
    has_point = False
    started = False
    for i in range(t.body_length):
        if t.body[i] == POINT:
            has_point = True
        else:
            started = started or t.body[i] != DIGIT_0
            digits = digits - (1 if started else 0)
    if started:
        digits = digits - t.zeros
    if not has_point:
        if t.body_length == 1 and not started:
            digits = digits - 1
        put_body(t, POINT)
    if digits > 0:
        t.zeros = t.zeros + digits


# --- Binary and hexadecimal ------------------------------------------------------------------------------------------


def form_binary(t: NumberText, value: f64, is_f32: bool) -> None:
    """%b: the mantissa as an integer, and a power of two."""
    least = -149 if is_f32 else -1074
    if value == 0.0:
        put_body(t, DIGIT_0)
        put_exponent(t, LETTER_P, least, 1)
        return
    m, e = left_justified(value)
    shift = 63 - F32_MANT_BITS if is_f32 else 63 - F64_MANT_BITS
    if e + shift < least:
        shift = least - e
    mantissa = m >> u64(shift)
    t.body_length = count_decimal(mantissa)
    write_decimal(t.body, t.body_length, mantissa)
    put_exponent(t, LETTER_P, e + shift, 1)


def round_mantissa(m: u64, precision: i64) -> tuple[u64, i64]:
    """m (top bit at 60) rounded to so many hexadecimal digits, half to even; and 1 when that carried into bit 61."""
    if precision < 0 or precision >= 15:
        return m, 0
    drop = u64(60 - 4 * precision)
    one: u64 = 1
    kept = m >> drop
    rest = m & ((one << drop) - 1)
    half = one << (drop - 1)
    if rest > half or (rest == half and kept & 1 == 1):
        kept = kept + 1
    m = kept << drop
    if m >> 61 == 1:
        return m >> 1, 1
    return m, 0


def form_hexadecimal(t: NumberText, value: f64, verb: u8, precision: i64) -> None:
    """%x: 0x1.hhhp+dd."""
    m: u64 = 0
    exponent: i64 = 0
    if value != 0.0:
        m, e = left_justified(value)
        m, carried = round_mantissa(m >> 3, precision)
        exponent = e + 63 + carried
    put_body(t, DIGIT_0)
    put_body(t, verb)
    put_body(t, u8(DIGIT_0 + (m >> 60)))
    put_hexadecimal_fraction(t, u64(m << 4), verb, precision)
    put_exponent(t, LETTER_P if verb == LETTER_X else UPPER_P, exponent, 2)


def put_hexadecimal_fraction(t: NumberText, m: u64, verb: u8, precision: i64) -> None:
    """The digits after the point: as many as there are when precision is negative."""
    letters = LOWER_DIGITS if verb == LETTER_X else UPPER_DIGITS
    if precision > 0 or (precision < 0 and m != 0):
        put_body(t, POINT)
    shown: i64 = 0
    if m != 0 and precision != 0:
        shown = 16 - i64(ctz64(m)) // 4
        if precision > 0:
            shown = min(shown, precision)
        write_radix(element(t.body, t.body_length), shown, m >> u64(64 - 4 * shown), HEXADECIMAL, letters)
        t.body_length = t.body_length + shown
    if precision > 0:
        t.zeros = precision - shown
