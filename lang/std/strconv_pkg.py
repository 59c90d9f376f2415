"""Package strconv: floats as text, and the float nearest to decimal digits.

    n := formedFloat(f, 'g', -1, 64)     the text is in the scratch of standard output; n: its bytes
    b := make([]byte, n)
    writeFloat(b)                        now it is here

Nothing else is formed in between: finalizers run behind allocations of a known size, and that of b has none.

Owner: the function of strconv that makes the two calls.
Go: internal/strconv.                                                                  Next: slices_of_any.py
"""

from __future__ import annotations

from lang.std.float_digits import F32_LEAST, F32_MANT_BITS, F64_LEAST, F64_MANT_BITS, nearest
from lang.std.float_text import (
    UPPER_E,
    UPPER_G,
    VERB_B,
    VERB_E,
    VERB_F,
    VERB_G,
    form_signed_float,
    is_finite,
)
from lang.std.number_text import (
    LETTER_X,
    UPPER_X,
    NumberText,
    clear_number,
    copy_number,
    number_length,
    put_body,
)
from runtime.proc import G
from runtime.syspy import Array, address, f64, i64, u8, u64

PERCENT = ord("%")


def formed_float(g: G, value: f64, verb: u8, precision: i64, bits: i64) -> i64:
    """Form a float's text, %verb where there is no such verb; its bytes."""
    t = NumberText.at(address(g.output.scratch))
    if is_verb(verb) or not is_finite(value):
        form_signed_float(t, value, bits == 32, verb, precision)
    else:
        clear_number(t)
        put_body(t, PERCENT)
        put_body(t, verb)
    return number_length(t)


def is_verb(verb: u8) -> bool:
    """Whether strconv has such a format."""
    if verb == VERB_G or verb == VERB_F or verb == VERB_E or verb == VERB_B or verb == LETTER_X:
        return True
    return verb == UPPER_G or verb == UPPER_E or verb == UPPER_X


def write_float(g: G, to: Array[u8]) -> None:
    """The text that was formed, to where there is room for it."""
    copy_number(NumberText.at(address(g.output.scratch)), address(to))


def nearest_float64(digits: u64, exponent: i64) -> u64:
    """The bits of the float64 nearest to digits * 10**exponent."""
    return nearest(digits, exponent, F64_MANT_BITS, F64_LEAST)


def nearest_float32(digits: u64, exponent: i64) -> u64:
    """The bits of the float32 nearest to digits * 10**exponent."""
    return nearest(digits, exponent, F32_MANT_BITS, F32_LEAST)
