"""Programs that nest deeply or go on for long: they run, or they are refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from lang import check_declarations, child
from lang.check_types import contains_directly
from lang.driver import UserError, check_file, compile_source, on_python, parse_source, read_source, translate
from lang.go_types import Named, Type
from lang.source import Source
from lang.toolchain import runtime_image

MANY = 150  # more than CPython takes of indentation levels

CASES = "".join(f"case {i}:\nprintln({i})\n" for i in range(MANY))
CALLS = "".join(f"case next({i - 1}):\nprintln({i})\n" for i in range(MANY))
BRANCHES = "".join(f" else if x == {i} {{\nprintln({i})\n}}" for i in range(MANY))
HEAD = """package main

type T struct{ next *T }

func next(n int) int { return n + 1 }
"""

LONG = {
    "cases": (f"x := 149\nswitch x {{\n{CASES}}}", "149"),
    "cases that call": (f"x := 149\nswitch x {{\n{CALLS}}}", "149"),
    "values of a case": (f"x := 300\nswitch x {{\ncase {', '.join(map(str, range(400)))}:\nprintln(1)\n}}", "1"),
    "else if": (f"x := 149\nif x < 0 {{\n}}{BRANCHES}", "149"),
    "sum": ("x := 2\nprintln(x" + " + x" * 400 + ")", "802"),
    "text": ('x := "ab"\nprintln(len(x' + " + x" * 400 + "))", "802"),
    "and": ("x := true\nprintln(x" + " && x" * 400 + ")", "true"),
    "signs": ("x := 2\nprintln(" + "- " * 400 + "x)", "2"),
    "fields": ("x := &T{}\nx.next = x\nprintln(x" + ".next" * 400 + " == x)", "true"),
    "loops": ("for {\n" * 30 + "println(1)\nreturn\n" + "}\n" * 30, "1"),
    "blocks": ("x := 1\n" + "if x > 0 {\n" * 70 + "println(x)\n" + "}\n" * 70, "1"),
}
DEEP = {
    "signs": "x := 2\nprintln(" + "- " * 20_000 + "x)",
    "sum": "x := 2\nprintln(x" + " + x" * 20_000 + ")",
    "types": "var x " + "*" * 81 + "int\n_ = x",
    "parentheses": "x := 2\nprintln(" + "(" * 81 + "x" + ")" * 81 + ")",
}


def program(body: str) -> str:
    return f"{HEAD}\nfunc main() {{\n{body}\n}}\n"


@pytest.mark.parametrize("name", LONG)
def test_what_is_long_runs(name: str, tmp_path: Path) -> None:
    body, said = LONG[name]
    path = tmp_path / "long.toy"
    path.write_text(program(body), encoding="utf-8")
    result = child.run(path)
    assert (result.exit_code, result.stderr.decode()) == (0, f"{said}\n")


def test_a_long_chain_of_functions_is_analysed(tmp_path: Path) -> None:
    functions = "".join(f"func f{i}(p *int) {{\n\tq := *p\n\tf{i + 1}(&q)\n}}\n" for i in range(500))
    path = tmp_path / "chain.toy"
    path.write_text(f"{functions}func f500(p *int) {{ println(*p) }}\nfunc main() {{\n\tx := 7\n\tf0(&x)\n}}\n")
    assert compile_source(read_source(str(path))).escapes


@pytest.mark.parametrize("definition", ["T{}", "struct{{ T{} }}"])
def test_a_chain_of_types_is_looked_through_once(monkeypatch: pytest.MonkeyPatch, definition: str) -> None:
    looked = []

    def noted(type_: Type) -> list[Named]:
        looked.append(type_)
        return contains_directly(type_)

    monkeypatch.setattr(check_declarations, "contains_directly", noted)
    types = "".join(f"type T{i} {definition.format(i - 1)}\n" for i in range(1, 500))
    source = Source("chain.toy", f"type T0 int\n{types}func main() {{}}\n")
    assert len(check_file(parse_source(source), source).types) == 500
    assert len(looked) < 1500


@pytest.mark.parametrize("name", DEEP)
def test_what_is_too_deep_is_refused(name: str) -> None:
    source = Source("deep.toy", program(DEEP[name]))
    with pytest.raises(UserError, match=r"deep\.toy:\d+:\d+: .*nested (too deeply|more than 80 deep)"):
        translate(compile_source(source), source, runtime_image(), use_cache=False)


def test_loops_that_cpython_does_not_take_are_refused_by_its_engine() -> None:
    body, _ = LONG["loops"]
    with pytest.raises(UserError, match=r"deep\.toy:\d+:\d+: .*nested too deeply"):
        on_python(Source("deep.toy", program(body)))
