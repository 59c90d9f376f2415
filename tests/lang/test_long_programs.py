"""Twice the program is twice the work, counted in calls: nothing is gone through again for each of many."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from lang.driver import compile_source
from lang.source import Source

HEAD = "type T struct{ n int }\n\nfunc twice() { once(); once() }\n\n"


def function(body: str) -> str:
    return f"{HEAD}func once() {{\n{body}\n}}\n\nfunc main() {{ twice() }}\n"


def listed(form: str, count: int, between: str = ", ") -> str:
    return between.join(form.format(i) for i in range(count))


LONG: dict[str, Callable[[int], str]] = {
    "else if": lambda n: function("x := 1\nif x == 0 {\n}" + listed(" else if x == {} {{ println(x) }}", n, "")),
    "cases": lambda n: function("x := 1\nswitch x {\n" + listed("case {}: println(x)\n", n, "") + "}"),
    "pointers in a slice": lambda n: function("x := []*T{" + listed("{{{}}}", n) + "}\nprintln(len(x))"),
    "pointers in an array": lambda n: function("x := [...]*T{" + listed("{{{}}}", n) + "}\nprintln(len(x))"),
    "pointers to an array": lambda n: function("x := &[...]*T{" + listed("{{{}}}", n) + "}\nprintln(len(x))"),
    "texts": lambda n: function("s := `a`\nx := []string{" + listed("s + `{}`", n) + "}\nprintln(len(x))"),
    "names": lambda n: function(
        f"{listed('x{}', n)} := {listed('{}', n)}\n{listed('x{}', n)} = {', '.join(f'x{n - 1 - i}' for i in range(n))}"
    ),
    "statements": lambda n: function("x := 1\n" + "x += 2\n" * n + "println(x)"),
    "constants": lambda n: f"const (\nC = iota\n{listed('C{}', n, chr(10))}\n)\nfunc main() {{ println(C) }}\n",
}


def work(text: str) -> int:
    """How many calls compiling a program takes."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    source = Source("long.toy", text)
    outer = sys.getprofile()
    sys.setprofile(count)
    try:
        compile_source(source)
    finally:
        sys.setprofile(outer)
    return calls


@pytest.mark.parametrize("name", LONG)
def test_work_grows_as_the_program_does(name: str) -> None:
    program = LONG[name]
    work(program(1))
    base, once, twice = (work(program(count)) for count in (1, 150, 300))
    assert twice - base < 2.2 * (once - base)


def test_elements_are_kept_alive_by_their_array() -> None:
    lines = [
        compile_source(Source("long.toy", LONG["pointers in a slice"](n))).text.count("\n") for n in (50, 100, 150)
    ]
    assert lines[2] - lines[1] < 1.1 * (lines[1] - lines[0])
