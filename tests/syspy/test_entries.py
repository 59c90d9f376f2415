"""Calls from Python into an image: arguments, results, failures, threads, and native code under native code."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import pytest

from runtime.syspy import FAIL_EXIT, Failure
from runtime.syspy.native import build
from tests.syspy.modules import Made, made

TEXT = """
def echo(a: u8, b: i32, c: f32, d: f64, e: bool, p: Array[u64]) -> tuple[u8, i32, f32, f64, bool, Array[u64]]:
    return a, b, c, d, e, p

def deep(n: u64) -> u64:
    if n == 0:
        fail(FAIL_EXIT, "%d", 3)
    return deep(n - 1) + n

def work(p: Array[u64], n: u64) -> u64:
    for i in range(n):
        p[0] = u64(p[0] * 6364136223846793005 + i)
    fail(FAIL_PANIC, "%d", p[0])

@c_function
def qsort(base: uintptr, count: u64, size: u64, compare: uintptr) -> None: ...

def sort(base: uintptr, count: u64, compare: uintptr) -> u64:
    qsort(base, count, 8, compare)
    return load(u64, base)

def eight(a: i64) -> None:
    throw("S1: %d %x", a, 2, 3, 4, 5, 6, 7, 8)
"""


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "entries")


@pytest.fixture(scope="module")
def image(functions: Made) -> Any:
    return functions.image(*[f for f in functions.functions if f.__name__ != "qsort"])


def test_every_kind_of_argument_comes_back(image: Any) -> None:
    words = (ctypes.c_uint64 * 1)()
    values = image.call("entries.echo", 255, -(1 << 31), 0.5, 1e300, True, ctypes.addressof(words))
    assert values == (255, -(1 << 31), 0.5, 1e300, True, ctypes.addressof(words))


@pytest.mark.parametrize("values", [(256, 0), (-1, 0), (0, 1 << 31)])
def test_an_argument_out_of_range_is_refused(image: Any, values: tuple[int, int]) -> None:
    with pytest.raises(OverflowError):
        image.call("entries.echo", *values, 0.0, 0.0, False, 0)


def test_the_number_of_arguments_is_checked(image: Any) -> None:
    with pytest.raises(TypeError, match="takes 1 argument, not 2"):
        image.call("entries.deep", 1, 2)


def test_what_is_no_root_cannot_be_called(image: Any) -> None:
    with pytest.raises(KeyError, match="no root"):
        image.call("entries.qsort", 1)


def test_a_bound_call_has_its_first_arguments_fixed(image: Any) -> None:
    words = (ctypes.c_uint64 * 1)(7)
    echo = image.entry("entries.echo").bind(200, -1, 0.5, 2.0)
    assert [echo(1, ctypes.addressof(words))[i] for i in (0, 4, 5)] == [200, 1, ctypes.addressof(words)]
    deep = image.entry("entries.deep").bind()
    for _ in range(2):
        with pytest.raises(Failure, match=r"^3$"):
            deep(5)
    assert image.entry("entries.sort").bind(ctypes.addressof(words), 1)(0) == 7
    with pytest.raises(OverflowError):
        image.entry("entries.deep").bind(-1)


def test_a_failure_leaves_many_frames(image: Any) -> None:
    for _ in range(3):
        with pytest.raises(Failure) as failure:
            image.call("entries.deep", 10_000)
        assert (failure.value.kind, failure.value.words, str(failure.value)) == (FAIL_EXIT, (3,), "3")


def test_a_failure_has_up_to_eight_words(image: Any) -> None:
    with pytest.raises(Failure) as failure:
        image.call("entries.eight", -1)
    assert failure.value.words == (-1, 2, 3, 4, 5, 6, 7, 8)
    assert str(failure.value) == "fatal error: S1: -1 2 0x3 0x4 0x5 0x6 0x7 0x8"


def test_threads_fail_each_for_itself(functions: Made, image: Any) -> None:
    expected: dict[int, int] = {}
    found: dict[int, int] = {}

    def run(call: Any, start: int, into: dict[int, int]) -> None:
        words = (ctypes.c_uint64 * 1)(start)
        try:
            call(functions.Array[functions.u64].at(ctypes.addressof(words)), 2000)
        except Failure as failure:
            into[start] = failure.words[0]

    threads = [threading.Thread(target=run, args=(image.entry("entries.work"), i, found)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        run(functions.work, i, expected)
    assert found == expected


def test_native_code_under_native_code_fails_into_its_own_caller(image: Any) -> None:
    inner: list[str] = []

    def compare(a: int, b: int) -> int:
        try:
            image.call("entries.deep", 5)
        except Failure as failure:
            inner.append(str(failure))
        return ctypes.c_uint64.from_address(a).value - ctypes.c_uint64.from_address(b).value

    words = (ctypes.c_uint64 * 3)(3, 1, 2)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(compare)
    address = ctypes.cast(callback, ctypes.c_void_p).value
    assert image.call("entries.sort", ctypes.addressof(words), 3, address) == 1
    assert list(words) == [1, 2, 3]
    assert set(inner) == {"3"}
    with pytest.raises(Failure):
        image.call("entries.deep", 5)


def test_a_call_lets_other_threads_of_python_run(image: Any) -> None:
    ticks: list[int] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(len(ticks))
            done.wait(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    words = (ctypes.c_uint64 * 1)(7)
    before = len(ticks)
    with pytest.raises(Failure):
        image.call("entries.work", ctypes.addressof(words), 60_000_000)
    during = len(ticks) - before
    done.set()
    ticker.join()
    assert during > 2


def test_functions_of_a_file_are_found_without_their_text() -> None:
    from tests.syspy import sample

    image = build([sample.twice], name="sample")
    assert image.call(sample.twice, 21) == sample.twice(21) == 42


def test_the_text_of_a_module_can_be_given() -> None:
    module = made("def f() -> u64:\n    return 5\n", "given")
    text = module.names.pop("__source__")
    assert build([module.f], name="given", sources={"given": text}).call("given.f") == 5


def test_a_bound_call_keeps_its_arguments(image: Any) -> None:
    words = (ctypes.c_uint64 * 2)(9, 4)
    sort = image.entry("entries.sort").bind(ctypes.addressof(words), 1, 0)
    held = [(ctypes.c_uint64 * 3)(*range(3)) for _ in range(1000)]  # takes the place of what was freed, if anything was
    assert sort() == 9
    assert len(held) == 1000
