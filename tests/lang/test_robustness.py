"""No input makes the front end fall over: junk, broken encodings, deep nesting, huge literals, damaged programs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lang.check_package import check
from lang.diagnostics import Diagnostics
from lang.parse import parse
from lang.source import Source

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*.toy"))


def rendered(data: bytes) -> str:
    """What the user is shown."""
    diagnostics = Diagnostics(Source.of_bytes("prog.toy", data))
    file = parse(diagnostics.source, diagnostics)
    package = check(file, diagnostics) if file is not None else None
    assert (package is None) == bool(diagnostics)
    return diagnostics.render()


@pytest.mark.parametrize(
    ("data", "first_line"),
    [
        (b"", "prog.toy:1:1: function main is undeclared in the main package"),
        (b"\n\n", "prog.toy:1:1: function main is undeclared in the main package"),
        (b"func main() {}\x00", "prog.toy:1:15: invalid NUL character"),
        (b"func main() { _ = \"\xff\" }", "prog.toy:1:20: invalid UTF-8 encoding"),
        (b"// \xc3\n\xa9", "prog.toy:1:4: invalid UTF-8 encoding"),
        (b"func main() {} \xef\xbb\xbf", "prog.toy:1:16: invalid BOM in the middle of the file"),
        (b"func main() { _ = `abc", "prog.toy:1:19: string not terminated"),
        (b"func main() { /* abc", "prog.toy:1:15: comment not terminated"),
        (b"func main() { _ = \"abc\n}", "prog.toy:1:23: newline in string"),
        (b"func main() { _ = 'a\n}", "prog.toy:1:21: newline in rune literal"),
        (b"func main() { _ = \"abc", "prog.toy:1:19: string not terminated"),
        (b"func main() {", "prog.toy:1:14: syntax error: unexpected EOF, expected }"),
        ("func main() { é := 1 }".encode(), "prog.toy:1:15: declared and not used: é"),
        ("func main() { é, x := 1, 2; _ = é }".encode(), "prog.toy:1:19: declared and not used: x"),
        (b"package lib\nfunc main() {}", "prog.toy:1:9: package lib; a Toy program is package main"),
        (b"\r\nfunc main() {\r\n\tx := 1\r\n}\r\n", "prog.toy:3:2: declared and not used: x"),
    ],
)
def test_message(data: bytes, first_line: str) -> None:
    assert rendered(data).splitlines()[0] == first_line


def test_byte_order_mark_in_front_is_no_error() -> None:
    assert rendered(b"\xef\xbb\xbffunc main() {}") == ""


def test_source_line_and_caret() -> None:
    assert rendered(b"func main() {\n\tx := foo + 1\n\t_ = x\n}\n") == (
        "prog.toy:2:7: undefined: foo\n\t\tx := foo + 1\n\t\t     ^\n"
    )


def test_control_characters_of_the_source_are_not_printed() -> None:
    assert "\x1b" not in rendered(b"func main() { foo(\"\x1b[31m\") }")


def test_ten_errors_and_no_more() -> None:
    text = "func main() {\n" + "".join(f"\tx{i}()\n" for i in range(12)) + "}\n"
    lines = rendered(text.encode()).splitlines()
    assert sum("undefined" in line for line in lines) == 10
    assert lines[-1] == "too many errors"


@pytest.mark.parametrize(
    "text",
    [
        "func main() { _ = " + "(" * 5000 + "1" + ")" * 5000 + " }",
        "func main() " + "{" * 5000 + "}" * 5000,
        "func main() { _ = " + "-" * 4000 + "1 }",
        "func main() { x := 1; _ = " + "!" * 100_000 + "x }",
        "func main() { x := 1; _ = x" + " + x" * 20_000 + " }",
        "func main() { var x " + "[]" * 20_000 + "int; _ = x }",
        "func main() { var x " + "*" * 20_000 + "int; _ = x }",
        "func main() { if true {} " + "else if true {} " * 20_000 + "}",
        "func main() { x := 1; _ = x" + ".y" * 20_000 + " }",
        "func main() { f" + "()" * 20_000 + " }",
        "func main() { _ = " + "9" * 100_000 + " }",
        "func main() { _ = 1e999999999 }",
        "func main() { _ = 1e-999999999 }",
        "func main() { _ = 0x1p999999999 }",
        "func main() { _ = 1 << 1000 << 1000 << 1000 }",
        "func main() { _ = \"" + "a" * 1_000_000 + "\" + 1 }",
        "type T [1 << 62]int\nfunc main() { var t T; _ = t }",
        "var x = " + "[" * 79 + "]" * 79 + "\nfunc main() {}",
        "func main() {" + ";" * 50_000 + "}",
        "type T struct { t [2]T }\nfunc main() { var a, b T; println(a == b) }",
        "type A = B\ntype B = A\nfunc main() { var a A; _ = a }",
        "type T []T\nfunc main() { var t T; println(t == t, T{}) }",
        "type F func(F) F\nfunc main() { var f F; f(f)(f) }",
        "type I interface { I }\nfunc main() { var i I; _ = i }",
        "type M map[M]M\nfunc main() { var m M; _ = m[m] }",
        "var a [len(a)]int\nfunc main() {}",
        "const c = len([c]int{})\nfunc main() {}",
        "var f = func() { f() }\nfunc main() {}",
    ],
    ids=lambda text: text[:40],
)
def test_extreme_programs_end_cleanly(text: str) -> None:
    rendered(text.encode())


TOKENS = "( ) [ ] { } < > & * + - ! := = == , ; : . ... func type var const if for range switch case".split(" ")
TOKENS += ["\n", "x", "T", "1", "1.5", '"a"', "'b'", "nil"]


def damaged(text: str, random_: random.Random) -> str:
    """A program after a few small accidents."""
    for _ in range(random_.randint(1, 4)):
        at, end = sorted(random_.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + random_.randint(0, 12))
        choice = random_.random()
        if choice < 0.4:
            text = text[:at] + text[end:]
        elif choice < 0.8:
            text = text[:at] + " " + random_.choice(TOKENS) + " " + text[at:]
        else:
            text = text[:end] + text[at:end] + text[end:]
    return text


@pytest.mark.parametrize("seed", range(150))
def test_damaged_programs_end_cleanly(seed: int) -> None:
    random_ = random.Random(seed)
    text = random_.choice(EXAMPLES).read_text(encoding="utf-8")
    for _ in range(2):
        rendered(damaged(text, random_).encode())


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_end_cleanly(seed: int) -> None:
    random_ = random.Random(seed)
    rendered(random_.randbytes(300))
    rendered(bytes(random_.choice(b"(){}[]<>&*+-=:;,.\"'` \nabcT01") for _ in range(300)))
