"""Failures, marks and C functions under CPython."""

from __future__ import annotations

import ctypes

import pytest

from runtime.syspy import (
    FAIL_EXIT,
    FAIL_PANIC,
    FAIL_THROW,
    Array,
    Failure,
    address,
    c_function,
    cold,
    errno,
    fail,
    i32,
    inline,
    once,
    text,
    throw,
    u8,
    u64,
    uintptr,
)
from runtime.syspy.functions import MARK

WORDS = text(b"a few words\0")
NOWHERE = text(b"/nowhere/at/all\0")


@c_function
def strlen(string: uintptr) -> u64: ...  # type: ignore[empty-body]


@c_function
def strchr(string: Array[u8], byte: i32) -> Array[u8]: ...  # type: ignore[empty-body]


@c_function
def rmdir(path: Array[u8]) -> i32: ...  # type: ignore[empty-body]


@c_function
def no_such_function(n: u64) -> u64: ...  # type: ignore[empty-body]


def test_a_c_function_takes_addresses_and_views() -> None:
    assert strlen(address(WORDS)) == 11
    assert address(strchr(WORDS, ord("f"))) == address(WORDS) + 2


def test_errno_tells_why() -> None:
    assert rmdir(NOWHERE) == -1
    assert errno() == 2


def test_a_c_function_that_does_not_exist_is_an_error_when_it_is_called() -> None:
    with pytest.raises(AttributeError, match="no_such_function"):
        no_such_function(1)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(FAIL_THROW, "S3: lost %d of", (4, 255, -1)), "fatal error: S3: lost 4 of 0xff -0x1"),
        (
            Failure(FAIL_PANIC, "index out of range [%d] with length %d", (5, 3, 77)),
            "index out of range [5] with length 3",
        ),
        (Failure(FAIL_PANIC, "at %x", (255,)), "at ff"),
        (Failure(FAIL_EXIT, "exit"), "exit"),
    ],
)
def test_a_failure_tells_its_words(failure: Failure, expected: str) -> None:
    assert str(failure) == expected


def test_throw_and_fail_raise() -> None:
    with pytest.raises(Failure) as thrown:
        throw("S1: no", True, -1)
    assert (thrown.value.kind, thrown.value.text, thrown.value.words) == (FAIL_THROW, "S1: no", (1, -1))
    with pytest.raises(Failure) as failed:
        fail(FAIL_EXIT, "", 3)
    assert (failed.value.kind, failed.value.words) == (FAIL_EXIT, (3,))


def test_marks_leave_the_function_as_it_is() -> None:
    def f() -> int:
        return ctypes.sizeof(ctypes.c_int)

    assert inline(f) is f
    assert getattr(f, MARK) == "inline"
    assert cold(f) is f
    assert getattr(f, MARK) == "cold"
    assert once(f) is f
    assert getattr(f, MARK) == "once"
