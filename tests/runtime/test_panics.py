"""Panics: Go's words for each, and checks that fail exactly when Go's do."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import pytest

from runtime import panics, types
from runtime.proc import G
from runtime.syspy import FAIL_PANIC, FAIL_THROW, Failure, address, nil, text
from runtime.types import Type
from tests.runtime.engines import Engine

POS = 4711

PANICS: list[tuple[Callable[..., object], tuple[int, ...], str]] = [
    (panics.panic_index, (5, 3), "index out of range [5] with length 3"),
    (panics.panic_index, (-1, 3), "index out of range [-1]"),
    (panics.panic_index_unsigned, (1 << 63, 3), "index out of range [9223372036854775808] with length 3"),
    (panics.panic_slice_capacity, (5, 3, 0), "slice bounds out of range [:5] with capacity 3"),
    (panics.panic_slice_capacity, (-1, 3, 0), "slice bounds out of range [:-1]"),
    (panics.panic_slice_length, (8, 5, 0), "slice bounds out of range [:8] with length 5"),
    (panics.panic_slice_length, (-8, 5, 0), "slice bounds out of range [:-8]"),
    (panics.panic_slice_order, (3, 2, 0), "slice bounds out of range [3:2]"),
    (panics.panic_slice_order, (-1, 2, 0), "slice bounds out of range [-1:]"),
    (panics.panic_slice3_capacity, (7, 3, 0), "slice bounds out of range [::7] with capacity 3"),
    (panics.panic_slice3_capacity, (-7, 3, 0), "slice bounds out of range [::-7]"),
    (panics.panic_slice3_length, (7, 3, 0), "slice bounds out of range [::7] with length 3"),
    (panics.panic_slice3_length, (-7, 3, 0), "slice bounds out of range [::-7]"),
    (panics.panic_slice3_middle, (5, 2, 0), "slice bounds out of range [:5:2]"),
    (panics.panic_slice3_middle, (-5, 2, 0), "slice bounds out of range [:-5:]"),
    (panics.panic_slice3_order, (2, 1, 0), "slice bounds out of range [2:1:]"),
    (panics.panic_slice3_order, (-1, 1, 0), "slice bounds out of range [-1::]"),
    (panics.panic_divide, (), "integer divide by zero"),
    (panics.panic_shift, (), "negative shift amount"),
    (panics.panic_makeslice_len, (), "makeslice: len out of range"),
    (panics.panic_makeslice_cap, (), "makeslice: cap out of range"),
    (panics.panic_grow_slice, (), "growslice: len out of range"),
]
CHECKS = [panics.check_slice, panics.check_slice_of, panics.check_slice3, panics.check_slice3_of]
ROOTS = [*dict.fromkeys(f for f, _, _ in PANICS), *CHECKS]
ROOTS += [panics.panic_nil, panics.panic_any, panics.stack_overflow]


def failure(engine: Engine, function: Callable[..., object], *arguments: object) -> Failure:
    with pytest.raises(Failure) as caught:
        engine.call(function, *arguments)
    return caught.value


@pytest.mark.parametrize(("function", "words", "message"), PANICS)
def test_a_panic_has_gos_words(
    engine: Engine, function: Callable[..., object], words: tuple[int, ...], message: str
) -> None:
    failed = failure(engine, function, *words, POS)
    assert (failed.kind, failed.words[-1]) == (FAIL_PANIC, POS)
    assert panics.panic_message(failed) == f"panic: runtime error: {message}"


def test_a_nil_pointer_names_the_signal(engine: Engine) -> None:
    first, second = panics.panic_message(failure(engine, panics.panic_nil, POS)).splitlines()
    assert first == "panic: runtime error: invalid memory address or nil pointer dereference"
    assert second.startswith("[signal SIGSEGV: segmentation violation code=")


def test_a_stack_overflow_is_fatal(engine: Engine) -> None:
    failed = failure(engine, panics.stack_overflow, G())
    assert failed.kind == FAIL_THROW
    assert panics.panic_message(failed).splitlines() == [
        "runtime: goroutine stack exceeds 1000000000-byte limit",
        "fatal error: stack overflow",
    ]


def test_a_fatal_error_says_so() -> None:
    assert panics.panic_message(Failure(FAIL_THROW, "out of memory")) == "fatal error: out of memory"


def test_a_fatal_error_may_tell_what_the_program_said() -> None:
    said = ctypes.create_string_buffer(b"second\nline")
    string = (ctypes.c_uint64 * 2)(ctypes.addressof(said), 11)
    failed = Failure(FAIL_THROW, "panic while printing panic value: %s", (ctypes.addressof(string),))
    assert panics.panic_message(failed) == "fatal error: panic while printing panic value: second\n\tline"


BOUNDS = [-(2**63), -1, 0, 1, 2, 3, 4, 5, 2**63 - 1]


@pytest.mark.parametrize("check", [panics.check_slice, panics.check_slice_of])
def test_two_bounds_pass_exactly_when_they_are_in_order(engine: Engine, check: Callable[..., object]) -> None:
    for lo in BOUNDS:
        for hi in BOUNDS:
            if 0 <= lo <= hi <= 4:
                engine.call(check, lo, hi, 4, 0, POS)
            else:
                failure(engine, check, lo, hi, 4, 0, POS)


@pytest.mark.parametrize("check", [panics.check_slice3, panics.check_slice3_of])
def test_three_bounds_pass_exactly_when_they_are_in_order(engine: Engine, check: Callable[..., object]) -> None:
    for lo in BOUNDS[1:]:
        for hi in BOUNDS[1:]:
            for limit in BOUNDS[1:]:
                if 0 <= lo <= hi <= limit <= 4:
                    engine.call(check, lo, hi, limit, 4, 0, POS)
                else:
                    failure(engine, check, lo, hi, limit, 4, 0, POS)


WORDS: list[tuple[Callable[..., object], tuple[int, ...], str]] = [
    (panics.check_slice, (0, 5, 4, 0), "[:5] with capacity 4"),
    (panics.check_slice, (3, 2, 4, 0), "[3:2]"),
    (panics.check_slice, (-1, 2, 4, 0), "[-1:]"),
    (panics.check_slice_of, (0, 5, 4, 0), "[:5] with length 4"),
    (panics.check_slice3, (5, 6, 7, 3, 0), "[::7] with capacity 3"),
    (panics.check_slice3_of, (5, 6, 7, 3, 0), "[::7] with length 3"),
    (panics.check_slice3, (0, 5, 2, 3, 0), "[:5:2]"),
    (panics.check_slice3, (2, 1, 2, 3, 0), "[2:1:]"),
    (panics.check_slice, (0, -1, 4, panics.UNSIGNED_LOW), "[:-1]"),
    (panics.check_slice, (0, -1, 4, panics.UNSIGNED_HIGH), "[:18446744073709551615] with capacity 4"),
    (panics.check_slice, (-1, 2, 4, panics.UNSIGNED_HIGH), "[-1:]"),
    (panics.check_slice, (-1, 2, 4, panics.UNSIGNED_LOW), "[18446744073709551615:2]"),
    (panics.check_slice_of, (0, -1, 4, panics.UNSIGNED_HIGH), "[:18446744073709551615] with length 4"),
    (panics.check_slice3, (0, 0, -1, 3, panics.UNSIGNED_LIMIT), "[::18446744073709551615] with capacity 3"),
    (panics.check_slice3_of, (0, 0, -1, 3, panics.UNSIGNED_LIMIT), "[::18446744073709551615] with length 3"),
    (panics.check_slice3, (0, -1, 2, 3, panics.UNSIGNED_HIGH), "[:18446744073709551615:2]"),
    (panics.check_slice3, (-1, 1, 2, 3, panics.UNSIGNED_LOW), "[18446744073709551615:1:]"),
]


@pytest.mark.parametrize(("check", "bounds", "message"), WORDS)
def test_the_first_bound_that_is_wrong_is_named(
    engine: Engine, check: Callable[..., object], bounds: tuple[int, ...], message: str
) -> None:
    assert str(failure(engine, check, *bounds, POS)) == f"slice bounds out of range {message}"


def type_named(name: str, kind: int) -> Type:
    return Type(kind=kind, name=text(name.encode()), name_length=len(name))


VALUES: list[tuple[str, int, object, str]] = [
    ("int", types.KIND_INT, ctypes.c_int64(42), "42"),
    ("main.T", types.KIND_INT, ctypes.c_int64(5), "main.T(5)"),
    ("uint8", types.KIND_UINT8, ctypes.c_uint8(3), "3"),
    ("int32", types.KIND_INT32, ctypes.c_int32(-120), "-120"),
    ("bool", types.KIND_BOOL, ctypes.c_bool(True), "true"),
    ("main.B", types.KIND_BOOL, ctypes.c_bool(False), "main.B(false)"),
    ("float64", types.KIND_FLOAT64, ctypes.c_double(1e21), "1e+21"),
    ("float64", types.KIND_FLOAT64, ctypes.c_double(1e20), "1e+20"),
    ("float64", types.KIND_FLOAT64, ctypes.c_double(1234567.0), "1.234567e+06"),
    ("float64", types.KIND_FLOAT64, ctypes.c_double(100000.0), "100000"),
    ("float64", types.KIND_FLOAT64, ctypes.c_double(0.0001), "0.0001"),
    ("float64", types.KIND_FLOAT64, ctypes.c_double(-0.0), "-0"),
    ("float64", types.KIND_FLOAT64, ctypes.c_double(math.inf), "+Inf"),
    ("float64", types.KIND_FLOAT64, ctypes.c_double(math.nan), "NaN"),
    ("main.F", types.KIND_FLOAT64, ctypes.c_double(2.5), "main.F(2.5)"),
    ("float32", types.KIND_FLOAT32, ctypes.c_float(0.1), "0.1"),
    ("string", types.KIND_STRING, b"text\nmore", "text\n\tmore"),
    ("main.S", types.KIND_STRING, b"named\n", 'main.S("named\n\t")'),
    ("*main.P", types.KIND_PTR, ctypes.c_uint64(0xC000012345), "(*main.P) 0xc000012345"),
]


@pytest.mark.parametrize(("name", "kind", "content", "shown"), VALUES)
def test_a_value_is_shown_as_go_shows_it(engine: Engine, name: str, kind: int, content: object, shown: str) -> None:
    typ = type_named(name, kind)
    if isinstance(content, bytes):
        held = ctypes.create_string_buffer(content)
        content = (ctypes.c_uint64 * 2)(ctypes.addressof(held), len(content))
    data = 0xC000012345 if kind == types.KIND_PTR else ctypes.addressof(content)  # type: ignore[arg-type]
    assert panics.panic_message(failure(engine, panics.panic_any, typ, data, POS)) == f"panic: {shown}"


def test_a_value_without_a_short_form_is_its_address(engine: Engine) -> None:
    typ = type_named("main.P", types.KIND_STRUCT)
    failed = failure(engine, panics.panic_any, typ, 0xC000, POS)
    assert panics.panic_message(failed) == "panic: (main.P) 0xc000"


def test_panic_of_nil(engine: Engine) -> None:
    failed = failure(engine, panics.panic_any, nil(Type), 0, POS)
    assert panics.panic_message(failed) == "panic: runtime error: panic called with nil argument"
    assert address(nil(Type)) == 0
