"""Attempts, on both engines: what returns, what fails, one inside the other, and what a failure tells."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.syspy import FAIL_EXIT, FAIL_PANIC, FAIL_THROW
from tests.syspy.conftest import outcome
from tests.syspy.modules import Made, made

TEXT = """
@struct
class Inner(Struct):
    descriptor: uintptr
    words: Annotated[Array[i64], 8]

@struct
class Caught(Struct):
    descriptor: uintptr
    words: Annotated[Array[i64], 8]
    count: i64
    inner: Inline[Inner]

def effect(caught: Caught, small: u8, f: f64) -> None: ...

def fine(caught: Caught, small: u8, f: f64) -> None:
    caught.count = caught.count + i64(small) + i64(f)

def failing(caught: Caught, small: u8, f: f64) -> None:
    caught.count = 1
    if small == 1:
        throw("out of %d", -5, 7)
    if small == 2:
        fail(2, "panicked")
    fail(3, "exit", small)

def nested(caught: Caught, small: u8, f: f64) -> None:
    if not attempt(address(caught.inner), effect, function_address(failing), caught, u8(small - 10), f):
        caught.count = 100 + i64(load(u32, caught.inner.descriptor))
        if small == 12:
            fail_again(address(caught.inner))
    if small == 11:
        throw("another")

def try_one(caught: Caught, which: i64, small: u8) -> bool:
    addr: uintptr = function_address(fine)
    if which == 1:
        addr = function_address(failing)
    if which == 2:
        addr = function_address(nested)
    return attempt(address(caught), effect, addr, caught, small, 2.5)

def try_and_go_on(caught: Caught, which: i64, small: u8) -> i64:
    if not try_one(caught, which, small):
        fail_again(address(caught))
    return caught.count

def many(caught: Caught, n: i64) -> i64:
    failed: i64 = 0
    for i in range(n):
        if not try_one(caught, i % 2, 1):
            failed = failed + 1
    return failed

def kind(caught: Caught) -> u32:
    return load(u32, caught.descriptor)

def text_length(caught: Caught) -> u32:
    return load(u32, caught.descriptor + 12)

def text_byte(caught: Caught, i: u64) -> u8:
    return load(u8, caught.descriptor + 16 + i)
"""


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "attempts")


@pytest.fixture(params=["python", "release", "debug"])
def call(functions: Made, request: pytest.FixtureRequest) -> Any:
    if request.param == "python":
        return lambda name, *args: getattr(functions, name)(*args)
    roots = [f for f in functions.functions if f.__name__ != "effect"]
    image = functions.image(*roots, debug=request.param == "debug")
    return lambda name, *args: image.entry(f"attempts.{name}")(*args)


def told(call: Any, caught: Any) -> tuple[int, str]:
    length = call("text_length", caught)
    return call("kind", caught), bytes(call("text_byte", caught, i) for i in range(length)).decode()


def test_what_returns_has_had_its_effect(functions: Made, call: Any) -> None:
    caught = functions.Caught(count=3)
    assert call("try_one", caught, 0, 4) is True
    assert caught.count == 9


@pytest.mark.parametrize(
    ("small", "expected"),
    [(1, (FAIL_THROW, "out of %d")), (2, (FAIL_PANIC, "panicked")), (3, (FAIL_EXIT, "exit"))],
)
def test_a_failure_is_told(functions: Made, call: Any, small: int, expected: tuple[int, str]) -> None:
    caught = functions.Caught()
    assert call("try_one", caught, 1, small) is False
    assert told(call, caught) == expected
    assert caught.count == 1
    if small == 1:
        assert [caught.words[0], caught.words[1]] == [-5, 7]


def test_a_failure_goes_on(functions: Made, call: Any) -> None:
    result = outcome(lambda: call("try_and_go_on", functions.Caught(), 1, 1))
    assert result[1:] == ("out of %d", (-5, 7))
    assert call("try_and_go_on", functions.Caught(), 0, 3) == 5


def test_an_attempt_inside_of_another_keeps_its_own(functions: Made, call: Any) -> None:
    caught = functions.Caught()
    assert call("try_one", caught, 2, 13) is True
    assert caught.count == 100 + FAIL_EXIT
    assert call("try_one", caught, 2, 11) is False
    assert told(call, caught) == (FAIL_THROW, "another")
    assert call("try_one", caught, 2, 12) is False
    assert told(call, caught) == (FAIL_PANIC, "panicked")


def test_a_thousand_attempts_leave_nothing_behind(functions: Made, call: Any) -> None:
    caught = functions.Caught()
    assert call("many", caught, 1000) == 500
    assert outcome(lambda: call("try_and_go_on", caught, 1, 2))[1:] == ("panicked", ())
