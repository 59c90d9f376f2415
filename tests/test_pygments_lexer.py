"""The lexer for Pygments: it loses nothing, knows every program, and calls things by their names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
    _TokenType,
    is_token_subtype,
)

from lang.parse import keywords
from lang.pygments_lexer import KEYWORDS, ToyLexer
from tests.go_oracle import ROOT

PROGRAMS = sorted([*ROOT.glob("examples/**/*.toy"), *ROOT.glob("tests/programs/**/*.toy")])


def lexed(text: str) -> list[tuple[_TokenType, str]]:
    """The pieces of a text; they are in order, and nothing is lost."""
    found = list(ToyLexer().get_tokens_unprocessed(text))
    assert "".join(piece for _, _, piece in found) == text
    at = 0
    for start, _, piece in found:
        assert (start, bool(piece)) == (at, True)
        at += len(piece)
    return [(kind, piece) for _, kind, piece in found]


def kinds(text: str) -> list[tuple[_TokenType, str]]:
    """The pieces but for blanks."""
    return [(kind, piece) for kind, piece in lexed(text) if kind is not Whitespace]


def kind(text: str) -> _TokenType:
    """The kind of a text that is one piece."""
    [(only, _)] = lexed(text)
    return only


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_program_is_lexed_without_errors_and_without_loss(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not [piece for found, piece in lexed(text) if is_token_subtype(found, Error) or found is Text]
    whole = ToyLexer(stripnl=False, ensurenl=False)
    assert "".join(piece for _, piece in whole.get_tokens(text)) == text.replace("\r\n", "\n")


def test_there_are_programs() -> None:
    assert len(PROGRAMS) > 100


def test_the_keywords_are_those_of_the_grammar() -> None:
    assert keywords() == KEYWORDS


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_keywords(word: str) -> None:
    assert is_token_subtype(kind(word), Keyword)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", Number.Integer),
        ("1_000", Number.Integer),
        ("0x_Fe", Number.Hex),
        ("0b101", Number.Bin),
        ("0o17", Number.Oct),
        ("017", Number.Oct),
        ("1.", Number.Float),
        (".5e-3", Number.Float),
        ("1E9", Number.Float),
        ("0x1p-2", Number.Float),
        ("0x1.8p0", Number.Float),
        ("2i", Number.Float),
        ("08", Error),
        ("0x", Error),
        ("0b12", Error),
        ("1__0", Error),
        ("1e", Error),
    ],
)
def test_numbers(text: str, expected: _TokenType) -> None:
    assert kind(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a"', [(String.Double, '"a"')]),
        ('""', [(String.Double, '""')]),
        (r'"a\n\u00e9"', [(String.Double, '"a'), (String.Escape, r"\n"), (String.Escape, r"\u00e9"), (String, '"')]),
        (r'"\q"', [(String.Double, '"'), (Error, r"\q"), (String.Double, '"')]),
        ("`a\\n\nb`", [(String.Backtick, "`a\\n\nb`")]),
        ("'x'", [(String.Char, "'x'")]),
        ("'世'", [(String.Char, "'世'")]),
        (r"'\''", [(String.Char, "'"), (String.Escape, r"\'"), (String.Char, "'")]),
        ("''", [(Error, "''")]),
        ('"open', [(Error, '"open')]),
        ("`open\nend", [(Error, "`open\nend")]),
        ("'", [(Error, "'")]),
    ],
)
def test_strings_and_runes(text: str, expected: list[tuple[_TokenType, str]]) -> None:
    found = kinds(text)
    assert [piece for _, piece in found] == [piece for _, piece in expected]
    assert all(is_token_subtype(one, other) for (one, _), (other, _) in zip(found, expected, strict=True)), found


def test_comments() -> None:
    assert kinds("// one\n/* two\nlines */ x /* open\n x") == [
        (Comment.Single, "// one"),
        (Comment.Multiline, "/* two\nlines */"),
        (Name, "x"),
        (Error, "/* open\n x"),
    ]


def test_predeclared_names_unless_selected() -> None:
    names = {
        Keyword.Type: ["int", "string", "error", "any"],
        Keyword.Constant: ["true", "nil", "iota"],
        Name.Builtin: ["append", "panic"],
        Name: ["x", "世"],
    }
    assert {expected: [kind(name) for name in each] for expected, each in names.items()} == {
        expected: [expected] * len(each) for expected, each in names.items()
    }
    assert kinds("p.len") == [(Name, "p"), (Punctuation, "."), (Name, "len")]


def test_names_in_declarations() -> None:
    text = """package main
import "fmt"
type Tree struct { left *Tree }
type (
	A struct { x int; f func(int) T }
	B = int
)
func (t *Tree) insert(f func(x) R) *Tree { return g(t) }
func main() {}
var v func() T
"""
    found = kinds(text)
    assert [piece for name, piece in found if name is Name.Class] == ["Tree", "A", "B"]
    assert [piece for name, piece in found if name is Name.Function] == ["insert", "main"]
    assert [piece for name, piece in found if name is Name.Namespace] == ["main"]
    assert [piece for name, piece in found if name is Keyword.Namespace] == ["package", "import"]


def test_the_brackets_of_a_literal_are_told_from_comparisons() -> None:
    text = "p := &T<a, &U<(b > c)>>; ok := a < b && c > d >> 1"
    found = [(name, piece) for name, piece in kinds(text) if set(piece) <= set("<>")]
    brackets, operators = found[:5], found[5:]
    assert brackets == [
        (Punctuation, "<"), (Punctuation, "<"), (Operator, ">"), (Punctuation, ">"), (Punctuation, ">"),
    ]  # fmt: skip
    assert operators == [(Operator, "<"), (Operator, ">"), (Operator, ">>")]


def test_every_operator() -> None:
    words = "+ - * / % & | ^ << >> &^ += -= *= /= %= &= |= ^= <<= >>= &^= && || <- ++ -- == < > = ! != <= >= :="
    assert kinds("x " + words.replace(" ", " x "))[1::2] == [(Operator, word) for word in words.split()]


NO_PROGRAMS = ["", "\n", "x\x00y", "\ufeffx", "@#$ x", "(" * 200, "\udc80", "x\r\ny", "\f", "x ; ;\n"]


@pytest.mark.parametrize("text", NO_PROGRAMS)
def test_nothing_is_lost_of_what_is_no_program(text: str) -> None:
    lexed(text)


def test_the_entry_point() -> None:
    assert type(get_lexer_by_name("toy")).__name__ == "ToyLexer"
    assert type(get_lexer_for_filename("prog.toy")).__name__ == "ToyLexer"
    command = [sys.executable, "-m", "pygments", "-l", "toy", "-f", "raw"]
    done = subprocess.run(command, input=b"func main() {}\n", capture_output=True, check=True)
    assert b"Token.Name.Function\t'main'" in done.stdout


def test_the_language_does_without_pygments() -> None:
    code = "import sys; sys.modules['pygments'] = None; import lang.toyrun, lang.parse, lang.check_package, lang.child"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
