"""Functions that run once: which ones the lowered program marks, if they are large."""

from __future__ import annotations

import re

import pytest

from lang import lower_function
from lang.driver import compile_source
from lang.source import Source

MARKED = re.compile(r"^@once\ndef (\w+)\(", re.MULTILINE)


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_function, "LARGE", 0)


def marked(text: str) -> set[str]:
    """The functions of a program that are marked."""
    return set(MARKED.findall(compile_source(Source("x.toy", text)).text)) - {"initialize"}


def test_what_is_called_in_one_place_by_what_runs_once_runs_once() -> None:
    assert marked("""
        func inner() {}
        func outer(deep bool) { if deep { inner() } }
        func init() { println(1) }
        func main() { outer(true) }
    """) == {"inner", "outer", "init", "main"}


@pytest.mark.parametrize(
    "body",
    [
        "f(); f()",
        "for i := 0; i < 2; i++ { f() }",
        "if true { f() } else { f() }",
        "g := f; g(); f()",
        "defer f(); f()",
        "again: f(); if len(shared) == 1 { goto again }",
        "func() { f() }(); func() { f() }()",
        "var i interface{ m() } = t{}; i.m(); i.m()",
    ],
)
def test_what_may_run_again_is_not_marked(body: str) -> None:
    assert marked(f"""
        var shared []int
        type t struct{{}}
        func (t) m() {{ f() }}
        func f() {{ shared = append(shared, 1) }}
        func main() {{ {body} }}
    """) <= {"main"}


def test_a_program_that_calls_main_itself_runs_it_again() -> None:
    assert marked("""
        var count int
        func once() {}
        func main() { once(); count++; if count < 2 { main() } }
    """) == set()


def test_a_small_function_is_not_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_function, "LARGE", 60)
    assert marked(f"func small() {{}}\nfunc main() {{ small(); {'println(1); ' * 20} }}") == {"main"}
