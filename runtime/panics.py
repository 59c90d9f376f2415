"""Panics: what ends a Toy program that does something Go panics at, and the words that the user reads.

    compiled program --check fails--> panic_index(i, n, pos) --fail(FAIL_PANIC, text, i, n, pos)--> host
                                                                      panic_message(failure), exit status 2

Checks are inline and cheap: one unsigned comparison each, since a negative index is a huge unsigned one. What follows a
failed check is cold, and never returns. `pos` is a word of the compiler's, handed on as the last word of the failure.

    check            passes when             else panics with
    index            i < n                   index out of range [i] with length n
    check_slice      lo <= hi <= capacity    slice bounds out of range [:hi] with capacity n, or [lo:hi]
    check_slice_of   lo <= hi <= length      the same "with length n": strings and arrays
    check_slice3     lo <= hi <= max <= n    [::max] with capacity n, [:hi:max], [lo:hi:]

Owner: nobody. Go: runtime/panic.go, error.go, internal/abi/bounds.go.                Next: slices.py
"""

from __future__ import annotations

import ctypes
import math
import re
from ctypes import c_bool, c_double, c_float, string_at
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from runtime.proc import G
from runtime.syspy import (
    FAIL_PANIC,
    FAIL_THROW,
    Failure,
    address,
    cold,
    fail,
    i64,
    inline,
    is_nil,
    throw,
    u64,
    uintptr,
    unlikely,
)
from runtime.types import (
    KIND_BOOL,
    KIND_FLOAT32,
    KIND_FLOAT64,
    KIND_INT,
    KIND_INT8,
    KIND_INT16,
    KIND_INT32,
    KIND_INT64,
    KIND_STRING,
    KIND_UINT,
    KIND_UINT8,
    KIND_UINT16,
    KIND_UINT32,
    KIND_UINT64,
    KIND_UINTPTR,
    String,
    Type,
)

UNKNOWN_POSITION = -1  # where the compiler gave none

INDEX_TEXT = "index out of range [%d] with length %d"

# Which bounds of a slice expression have an unsigned type of 64 bits: those that look negative are above all others.
UNSIGNED_LOW = 1
UNSIGNED_HIGH = 2
UNSIGNED_LIMIT = 4

# What panic_message tells apart; the texts are those of the functions that fail with them.
NIL_TEXT = "invalid memory address or nil pointer dereference"
VALUE_TEXT = "value of type %x at %x"
# How those begin that are no "runtime error".
PLAIN_TEXTS = ("interface conversion: ", "assignment to entry", "value method ", "hash of unhashable type: ")

# No signal came, but readers of Go's panics look for this line.
SIGNAL_LINE = "\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x0]"
STACK_LIMIT_LINE = "runtime: goroutine stack exceeds 1000000000-byte limit\n"
NIL_ARGUMENT = "runtime error: panic called with nil argument"
SHORTEST_EXPONENT_LIMIT = 6
INTEGERS: dict[int, Any] = {
    KIND_INT: ctypes.c_int64,
    KIND_INT8: ctypes.c_int8,
    KIND_INT16: ctypes.c_int16,
    KIND_INT32: ctypes.c_int32,
    KIND_INT64: ctypes.c_int64,
    KIND_UINT: ctypes.c_uint64,
    KIND_UINT8: ctypes.c_uint8,
    KIND_UINT16: ctypes.c_uint16,
    KIND_UINT32: ctypes.c_uint32,
    KIND_UINT64: ctypes.c_uint64,
    KIND_UINTPTR: ctypes.c_uint64,
}
BUILTIN_NAMES = frozenset(
    ["bool", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr"]
    + ["float32", "float64", "string"]
)

# --- Indexing and slicing --------------------------------------------------------------------------------------------


@cold
def panic_index(i: i64, n: i64, pos: i64) -> NoReturn:
    """a[i] of n elements."""
    if i < 0:
        fail(FAIL_PANIC, "index out of range [%d]", i, pos)
    fail(FAIL_PANIC, "index out of range [%d] with length %d", i, n, pos)


@cold
def panic_index_unsigned(i: u64, n: i64, pos: i64) -> NoReturn:
    """a[i] of n elements, where i's type is unsigned."""
    fail(FAIL_PANIC, "index out of range [%d] with length %d", i, n, pos)


@cold
def panic_slice_capacity(hi: i64, capacity: i64, unsigned: i64, pos: i64) -> NoReturn:
    """s[:hi] of a slice."""
    if is_negative(hi, unsigned & UNSIGNED_HIGH):
        fail(FAIL_PANIC, "slice bounds out of range [:%d]", hi, pos)
    fail(FAIL_PANIC, "slice bounds out of range [:%d] with capacity %d", u64(hi), capacity, pos)


@cold
def panic_slice_length(hi: i64, length: i64, unsigned: i64, pos: i64) -> NoReturn:
    """s[:hi] of a string or an array."""
    if is_negative(hi, unsigned & UNSIGNED_HIGH):
        fail(FAIL_PANIC, "slice bounds out of range [:%d]", hi, pos)
    fail(FAIL_PANIC, "slice bounds out of range [:%d] with length %d", u64(hi), length, pos)


@cold
def panic_slice_order(lo: i64, hi: i64, unsigned: i64, pos: i64) -> NoReturn:
    """s[lo:hi] with lo above hi, which is in range."""
    if is_negative(lo, unsigned & UNSIGNED_LOW):
        fail(FAIL_PANIC, "slice bounds out of range [%d:]", lo, pos)
    fail(FAIL_PANIC, "slice bounds out of range [%d:%d]", u64(lo), hi, pos)


@cold
def panic_slice_convert(length: i64, wanted: i64, pos: i64) -> NoReturn:
    """[n]T(s) of a slice that is shorter."""
    fail(
        FAIL_PANIC,
        "cannot convert slice with length %d to array or pointer to array with length %d",
        length,
        wanted,
        pos,
    )


@cold
def panic_slice3_capacity(limit: i64, capacity: i64, unsigned: i64, pos: i64) -> NoReturn:
    """s[::limit] of a slice."""
    if is_negative(limit, unsigned & UNSIGNED_LIMIT):
        fail(FAIL_PANIC, "slice bounds out of range [::%d]", limit, pos)
    fail(FAIL_PANIC, "slice bounds out of range [::%d] with capacity %d", u64(limit), capacity, pos)


@cold
def panic_slice3_length(limit: i64, length: i64, unsigned: i64, pos: i64) -> NoReturn:
    """a[::limit] of an array."""
    if is_negative(limit, unsigned & UNSIGNED_LIMIT):
        fail(FAIL_PANIC, "slice bounds out of range [::%d]", limit, pos)
    fail(FAIL_PANIC, "slice bounds out of range [::%d] with length %d", u64(limit), length, pos)


@cold
def panic_slice3_middle(hi: i64, limit: i64, unsigned: i64, pos: i64) -> NoReturn:
    """s[:hi:limit] with hi above limit, which is in range."""
    if is_negative(hi, unsigned & UNSIGNED_HIGH):
        fail(FAIL_PANIC, "slice bounds out of range [:%d:]", hi, pos)
    fail(FAIL_PANIC, "slice bounds out of range [:%d:%d]", u64(hi), limit, pos)


@cold
def panic_slice3_order(lo: i64, hi: i64, unsigned: i64, pos: i64) -> NoReturn:
    """s[lo:hi:] with lo above hi, which is in range."""
    if is_negative(lo, unsigned & UNSIGNED_LOW):
        fail(FAIL_PANIC, "slice bounds out of range [%d::]", lo, pos)
    fail(FAIL_PANIC, "slice bounds out of range [%d:%d:]", u64(lo), hi, pos)


def is_negative(bound: i64, unsigned: i64) -> bool:
    """Whether a bound is below zero, and not beyond what an i64 holds."""
    return bound < 0 and unsigned == 0


@inline
def check_slice(lo: i64, hi: i64, capacity: i64, unsigned: i64, pos: i64) -> None:
    """s[lo:hi] of a slice."""
    if unlikely(u64(hi) > u64(capacity)):
        panic_slice_capacity(hi, capacity, unsigned, pos)
    if unlikely(u64(lo) > u64(hi)):
        panic_slice_order(lo, hi, unsigned, pos)


@inline
def check_slice_of(lo: i64, hi: i64, length: i64, unsigned: i64, pos: i64) -> None:
    """s[lo:hi] of a string, or of an array."""
    if unlikely(u64(hi) > u64(length)):
        panic_slice_length(hi, length, unsigned, pos)
    if unlikely(u64(lo) > u64(hi)):
        panic_slice_order(lo, hi, unsigned, pos)


@inline
def check_array(length: i64, wanted: i64, pos: i64) -> None:
    """[n]T(s) of a slice."""
    if unlikely(length < wanted):
        panic_slice_convert(length, wanted, pos)


@inline
def check_slice3(lo: i64, hi: i64, limit: i64, capacity: i64, unsigned: i64, pos: i64) -> None:
    """s[lo:hi:limit] of a slice."""
    if unlikely(u64(limit) > u64(capacity)):
        panic_slice3_capacity(limit, capacity, unsigned, pos)
    check_slice3_inside(lo, hi, limit, unsigned, pos)


@inline
def check_slice3_of(lo: i64, hi: i64, limit: i64, length: i64, unsigned: i64, pos: i64) -> None:
    """a[lo:hi:limit] of an array."""
    if unlikely(u64(limit) > u64(length)):
        panic_slice3_length(limit, length, unsigned, pos)
    check_slice3_inside(lo, hi, limit, unsigned, pos)


@inline
def check_slice3_inside(lo: i64, hi: i64, limit: i64, unsigned: i64, pos: i64) -> None:
    """The order of three bounds whose last is in range."""
    if unlikely(u64(hi) > u64(limit)):
        panic_slice3_middle(hi, limit, unsigned, pos)
    if unlikely(u64(lo) > u64(hi)):
        panic_slice3_order(lo, hi, unsigned, pos)


# --- Everything else -------------------------------------------------------------------------------------------------


@cold
def panic_nil(pos: i64) -> NoReturn:
    """A nil pointer was followed."""
    fail(FAIL_PANIC, "invalid memory address or nil pointer dereference", pos)


@cold
def panic_divide(pos: i64) -> NoReturn:
    """An integer divided by zero."""
    fail(FAIL_PANIC, "integer divide by zero", pos)


@cold
def panic_shift(pos: i64) -> NoReturn:
    """A shift by a negative count."""
    fail(FAIL_PANIC, "negative shift amount", pos)


@cold
def panic_makeslice_len(pos: i64) -> NoReturn:
    """make([]T, n) with an n that no slice can have."""
    fail(FAIL_PANIC, "makeslice: len out of range", pos)


@cold
def panic_makeslice_cap(pos: i64) -> NoReturn:
    """make([]T, n, c) with a c that no slice can have, or below n."""
    fail(FAIL_PANIC, "makeslice: cap out of range", pos)


@cold
def panic_grow_slice(pos: i64) -> NoReturn:
    """append to more elements than a slice can have."""
    fail(FAIL_PANIC, "growslice: len out of range", pos)


@cold
def panic_any(typ: Type, data: uintptr, pos: i64) -> NoReturn:
    """panic(v): the value's type and the address of the value."""
    fail(FAIL_PANIC, "value of type %x at %x", address(typ), data, pos)


@cold
def panic_uncomparable(typ: Type, pos: i64) -> NoReturn:
    """x == y of interfaces that hold values of a type without equality."""
    fail(FAIL_PANIC, "comparing uncomparable type %t", address(typ), pos)


@cold
def panic_conversion(interface: Type, typ: Type, wanted: Type, pos: i64) -> NoReturn:
    """x.(T), T no interface, where x holds another type or nothing."""
    if is_nil(typ):
        fail(FAIL_PANIC, "interface conversion: %t is nil, not %t", address(interface), address(wanted), pos)
    fail(FAIL_PANIC, "interface conversion: %t is %t, not %t", address(interface), address(typ), address(wanted), pos)


@cold
def panic_missing_method(typ: Type, wanted: Type, method: String, pos: i64) -> NoReturn:
    """x.(I), I an interface, where x holds a type without one of its methods, or nothing."""
    if is_nil(typ):
        fail(FAIL_PANIC, "interface conversion: interface is nil, not %t", address(wanted), pos)
    fail(
        FAIL_PANIC,
        "interface conversion: %t is not %t: missing method %s",
        address(typ),
        address(wanted),
        address(method),
        pos,
    )


@cold
def panic_unhashable(typ: Type, pos: i64) -> NoReturn:
    """A map's key, an interface, that holds a value of a type without equality."""
    fail(FAIL_PANIC, "hash of unhashable type %t", address(typ), pos)


@cold
def panic_unhashable_key(typ: Type, pos: i64) -> NoReturn:
    """The same where the map is empty: Go has other words for it."""
    fail(FAIL_PANIC, "hash of unhashable type: %t", address(typ), pos)


@cold
def panic_nil_map(pos: i64) -> NoReturn:
    """m[k] = v of a nil map."""
    fail(FAIL_PANIC, "assignment to entry in nil map", pos)


@cold
def panic_nil_receiver(method: String, pos: i64) -> NoReturn:
    """A value's method, called for a nil pointer through an interface or as (*T).m: "main.T.m called using nil *T"."""
    fail(FAIL_PANIC, "value method %s pointer", address(method), pos)


@cold
def stack_overflow(g: G) -> NoReturn:
    """Recursion went too deep. No panic: it cannot be recovered from."""
    throw("stack overflow")


# --- What the user reads ---------------------------------------------------------------------------------------------


def fatal_message(failure: Failure, panics: list[PanicRecord]) -> str:
    """What Go prints when this ends a program, up to the goroutine trace: of all the panics that are under way.

    `panics` has them in the order in which they began; it is empty when the failure is the only one.
    """
    if failure.kind == FAIL_THROW or not panics:
        return panic_message(failure)
    lines, signals = [], []
    for number, panic in enumerate(panics):
        if number and panics[number - 1].value == panic.value:
            continue  # raised again: told already
        again = panics[number + 1 :] and panics[number + 1].value == panic.value
        message, _, signal = panic.message.partition("\n[signal")
        signals += [f"\n[signal{signal}"] if signal else []
        how = f" [recovered{', repanicked' if again else ''}]" if panic.is_recovered else ""
        lines.append(f"{message}{how}")
    return "\n\t".join(lines) + "".join(signals[:1])


class PanicRecord(NamedTuple):
    """One of several panics under way."""

    message: str
    value: object  # equal for two panics with the same value
    is_recovered: bool


def panic_message(failure: Failure) -> str:
    """What Go prints for this panic or fatal error, up to the goroutine trace. Ends without a newline."""
    if failure.kind == FAIL_THROW and failure.text.endswith(("%s", "%t")):
        return f"fatal error: {filled_text(failure)}".replace("\n", "\n\t")
    if failure.kind == FAIL_THROW:
        return (STACK_LIMIT_LINE if failure.text == "stack overflow" else "") + str(failure)
    if failure.text == VALUE_TEXT:
        typ, data = failure.words[:2]
        return f"panic: {value_text(Type.at(typ), data)}"
    if failure.text == INDEX_TEXT and failure.words[0] < 0:
        return f"panic: runtime error: index out of range [{failure.words[0]}]"
    prefix = "" if failure.text.startswith(PLAIN_TEXTS) else "runtime error: "
    message = f"panic: {prefix}{filled_text(failure)}"
    return message + SIGNAL_LINE if failure.text == NIL_TEXT else message


def filled_text(failure: Failure) -> str:
    """The text of a failure with its words filled in: numbers, names of types (%t) and strings (%s)."""
    words = iter(failure.words)
    return re.sub("%[dxts]", lambda found: word_text(found[0][1], next(words)), failure.text)


def word_text(directive: str, word: int) -> str:
    """One word of a failure."""
    if directive in "dx":
        return format(word, directive)
    if directive == "s":
        return bytes_text(address(String.at(word).data), String.at(word).length)
    return bytes_text(address(Type.at(word).name), Type.at(word).name_length)


def bytes_text(data: int, length: int) -> str:
    """Bytes as text, whatever they are."""
    return string_at(data, length).decode(errors="replace")


def value_text(typ: Type, data: int) -> str:
    """The argument of panic as Go prints it: builtin types bare, named ones with their name, the rest as addresses."""
    if is_nil(typ):
        return NIL_ARGUMENT
    name = bytes_text(address(typ.name), typ.name_length)
    text = simple_text(typ.kind, data)
    if text is None:
        return f"({name}) {data:#x}"
    if name in BUILTIN_NAMES:
        return text
    return f'{name}("{text}")' if typ.kind == KIND_STRING else f"{name}({text})"


def simple_text(kind: int, data: int) -> str | None:
    """A bool, number or string at an address; None for other kinds."""
    if kind == KIND_BOOL:
        return "true" if c_bool.from_address(data).value else "false"
    if kind in INTEGERS:
        return str(INTEGERS[kind].from_address(data).value)
    if kind in (KIND_FLOAT32, KIND_FLOAT64):
        return float_text(data, c_float if kind == KIND_FLOAT32 else c_double)
    if kind == KIND_STRING:
        s = String.at(data)
        return bytes_text(address(s.data), s.length).replace("\n", "\n\t")
    return None


def float_text(data: int, ctype: type[c_float] | type[c_double]) -> str:
    """The float at an address in the fewest digits that read back as it, exponents in Go's form."""
    value = ctype.from_address(data).value
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
    scientific = next(text for n in range(18) if ctype(float(text := f"{value:.{n}e}")).value == value)
    exponent = int(scientific.partition("e")[2])
    if -4 <= exponent < SHORTEST_EXPONENT_LIMIT:
        return f"{Decimal(scientific):f}"
    return scientific
