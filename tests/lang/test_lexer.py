"""Tokens, the semicolon rule, and the brackets of &T<...>."""

from __future__ import annotations

import time

import pytest

from lang.diagnostics import Diagnostics
from lang.lexer import Lexer, Token
from lang.source import Source

KEYWORDS = {word: word.upper() for word in ("func", "return", "break", "if", "range", "chan")}


def lexed(text: str) -> list[Token]:
    diagnostics = Diagnostics(Source("prog.toy", text))
    tokens = Lexer(text, diagnostics, KEYWORDS).run()
    assert not diagnostics, diagnostics.render()
    return tokens


def types(text: str) -> str:
    return " ".join(token.type for token in lexed(text))


@pytest.mark.parametrize(
    ("text", "semicolons"),
    [
        ("x", 1), ("x\n\n\n", 1), ("1\n'a'\n\"s\"\n`r`\n2.5", 5), ("return\nbreak\n", 2), ("x++\ny--", 2),
        ("f()\na[i]\n{}\n", 3), ("x +\ny", 1), ("if x {\n", 0), ("func", 0), (",\n(\n", 0), ("x // comment\n", 1),
        ("x /* a\nb */ y", 2), ("x /* a */ y", 1), ("x;\n", 1), ("p := &T<1>\n", 1),
    ],
)  # fmt: skip
def test_semicolons_at_line_ends(text: str, semicolons: int) -> None:
    assert [token.type for token in lexed(text)].count("SEMI") == semicolons


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&T<1>", "AND NAME LANGLE INT RANGLE SEMI"),
        ("x = &p.T<-1>", "NAME ASSIGN AND NAME DOT NAME LANGLE SIGN INT RANGLE SEMI"),
        ("a & b < c", "NAME AND NAME BINARY_OP NAME SEMI"),
        ("(&T<x, (y > z)>)", "LPAR AND NAME LANGLE NAME COMMA LPAR NAME BINARY_OP NAME RPAR RANGLE RPAR SEMI"),
        ("&T<&U<1>>", "AND NAME LANGLE AND NAME LANGLE INT RANGLE RANGLE SEMI"),
        ("&T<a[i >> 1]>", "AND NAME LANGLE NAME LBRACK NAME BINARY_OP INT RBRACK RANGLE SEMI"),
        ("f(&T<>)", "NAME LPAR AND NAME LANGLE RANGLE RPAR SEMI"),
        ("return &T<1>", "RETURN AND NAME LANGLE INT RANGLE SEMI"),
        ("x[0] & T < y", "NAME LBRACK INT RBRACK AND NAME BINARY_OP NAME SEMI"),
        ("&T << 1", "AND NAME BINARY_OP INT SEMI"),
    ],
)
def test_angle_brackets(text: str, expected: str) -> None:
    assert types(text) == expected


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("0 7 1_000 0x_F 0XfF 0b1_0 0o17 0_17 017", "INT"),
        ("1. .5 1.5 1e3 1E-3 1_0.2_5e+1_0 0x1p3 0x.8P-1 0x1.fp0 00.5 09.5 08e1", "FLOAT"),
        ("1i 1.5i 0x1i 08i", "IMAGINARY"),
        (r"'a' 'é' '\n' '\'' '\xff' '\377' '世' '\U0010ffff'", "RUNE"),
        (r'"" "a\"b" "\a\b\f\n\r\t\v\\" "\xff\377é\U0001F600"', "STRING"),
    ],
)
def test_literals(text: str, kinds: str) -> None:
    assert set(types(text).split()) - {"SEMI"} == {kinds}


def test_numbers_end_where_go_ends_them() -> None:
    assert types("x[1:2]") == "NAME LBRACK INT COLON INT RBRACK SEMI"
    assert types("1.x") == "FLOAT NAME SEMI"
    assert types("0x1e+2") == "INT SIGN INT SEMI"
    assert types("a.b") == "NAME DOT NAME SEMI"
    assert types("x...") == "NAME ELLIPSIS"


def test_positions_are_offsets_of_the_first_character() -> None:
    assert [(token.text, token.pos) for token in lexed("é :=\t1")] == [("é", 0), (":=", 2), ("1", 5), ("EOF", 6)]


@pytest.mark.parametrize("unit", ["1.", "08.", "0x1p1."])
def test_many_numbers_in_a_row_are_read_once(unit: str) -> None:
    text = unit * 20_000
    started = time.process_time()
    Lexer(text, Diagnostics(Source("prog.toy", text)), KEYWORDS).run()
    assert time.process_time() - started < 5, "a minute, when each number looks at all that is behind it"
