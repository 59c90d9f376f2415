"""Pygments' lexer for Toy: the compiler's own tokens, and the blanks and comments between them, each with a colour.

    &Point<x: 1>   // made      the text
    AND NAME LANGLE NAME ...    tokens of lexer.py, which tell < the bracket from < the operator
    Operator Name Punctuation   what Pygments calls them; what lies between is blank, a comment, or an Error

So a program is coloured as it is compiled. What the compiler refuses is an Error, and colours go on behind it.

This is the one module that imports Pygments, which nothing else needs; `pip install toy-lang[highlight]` brings it.

Next: lexer.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pygments import token as t
from pygments.lexer import Lexer as PygmentsLexer

from lang.diagnostics import Diagnostics
from lang.lexer import ASSIGN_OP, BINARY_OP, ESCAPE, INC_DEC, LITERALS, NUMBER, SIGN, UNREADABLE, Lexer, Token
from lang.objects import Builtin, TypeName
from lang.scopes import universe
from lang.source import Source

NAMESPACE = frozenset("import package".split())
DECLARING = frozenset("chan const func interface map struct type var".split())
OTHER = frozenset(
    "break case continue default defer else fallthrough for go goto if range return select switch".split()
)
KEYWORDS = {word: word.upper() for word in NAMESPACE | DECLARING | OTHER}
OPERATORS = frozenset([BINARY_OP, SIGN, ASSIGN_OP, INC_DEC, "STAR", "AND", "NOT", "ARROW", "ASSIGN", "DEFINE"])
OPENERS = frozenset(["LPAR", "LBRACK", "LBRACE", "LANGLE"])
CLOSERS = frozenset(["RPAR", "RBRACK", "RBRACE", "RANGLE"])
PREDECLARED = universe().names

BETWEEN = re.compile(r"(?P<blank>[ \t\r\n]+)|(?P<line>//[^\n]*)|(?P<comment>/\*(?s:.*?)\*/)|(?P<error>/\*(?s:.*)|.)")
BETWEEN_KINDS = {
    "blank": t.Whitespace,
    "line": t.Comment.Single,
    "comment": t.Comment.Multiline,
    "error": t.Error,
}
# Of a literal in quotes; what looks like an escape sequence and is none is an Error.
PART = re.compile(rf"(?P<escape>{ESCAPE.pattern})|(?P<wrong>\\.?)|[^\\]+")
PART_KINDS = {"escape": t.String.Escape, "wrong": t.Error}
INTEGERS = {"x": t.Number.Hex, "o": t.Number.Oct, "b": t.Number.Bin}

Piece = tuple[int, t._TokenType, str]  # offset, kind, text


class ToyLexer(PygmentsLexer):
    """Toy, a strict subset of Go, and &T<...>."""

    name = "Toy"
    aliases = ["toy"]  # noqa: RUF012 - Pygments declares it so
    filenames = ["*.toy"]  # noqa: RUF012
    mimetypes = ["text/x-toy"]  # noqa: RUF012

    def get_tokens_unprocessed(self, text: str) -> Iterator[Piece]:
        """The pieces of a text, in order and without gaps."""
        at = 0
        place = Place()
        for token in tokens_of(text):
            yield from between(text, at, token.pos)
            at = token.pos + len(token.text)
            yield from pieces(token, place.kind(token))
        yield from between(text, at, len(text))


class Place:
    """Where in a declaration a token stands: what a name is called follows from it."""

    def __init__(self) -> None:
        self.before = "SEMI"  # type of the last token
        self.depth = 0  # of brackets
        self.group = -1  # depth inside the parentheses of `type (`; -1 elsewhere
        self.is_header = False  # behind the `func` of a declaration, in front of its name

    def kind(self, token: Token) -> t._TokenType:
        """What Pygments calls the next token."""
        kind = kind_of(token)
        if token.type in OPENERS:
            self.depth += 1
            if self.before == "TYPE":
                self.group = self.depth
        elif token.type in CLOSERS:
            if self.depth == self.group:
                self.group = -1
            self.depth -= 1
        elif token.type == "FUNC":
            self.is_header = self.depth == 0 and self.before == "SEMI"
        elif token.type == "NAME":
            kind = self.name_kind(kind)
        self.before = token.type
        return kind

    def name_kind(self, plain: t._TokenType) -> t._TokenType:
        """The kind of a name that means `plain` elsewhere."""
        if self.is_header and self.depth == 0:
            self.is_header = False
            return t.Name.Function
        if self.before == "TYPE" or self.depth == self.group and self.before in ("SEMI", "LPAR"):
            return t.Name.Class
        if self.before == "PACKAGE":
            return t.Name.Namespace
        return t.Name if self.before == "DOT" else plain


def tokens_of(text: str) -> list[Token]:
    """The compiler's tokens; each has the text that it has in the source, which may be none."""
    readable = UNREADABLE.sub("\x01", text)  # the compiler gives up on a file with such a character
    tokens = Lexer(readable, Diagnostics(Source("", readable)), KEYWORDS).run()
    for token in tokens:
        if token.type == "SEMI":
            token.text = ";" if token.text == "semicolon" else ""
        token.text = text[token.pos : token.pos + len(token.text)]
    return tokens


def between(text: str, start: int, end: int) -> Iterator[Piece]:
    """What stands between two tokens."""
    for found in BETWEEN.finditer(text, start, end):
        yield found.start(), BETWEEN_KINDS[found.lastgroup or "error"], found[0]


def pieces(token: Token, kind: t._TokenType) -> Iterator[Piece]:
    """A token, its escape sequences by themselves."""
    if token.text[:1] not in ('"', "'") or kind is t.Error:
        if token.text:
            yield token.pos, kind, token.text
        return
    for found in PART.finditer(token.text):
        yield token.pos + found.start(), PART_KINDS.get(found.lastgroup or "", kind), found[0]


def kind_of(token: Token) -> t._TokenType:
    """What Pygments calls a token, wherever it stands."""
    text, type = token.text, token.type
    if type == "NAME":
        return predeclared_kind(text)
    if type in LITERALS:
        return literal_kind(token)
    if type in OPERATORS:
        return t.Operator
    if text in NAMESPACE:
        return t.Keyword.Namespace
    if text in DECLARING:
        return t.Keyword.Declaration
    return t.Keyword if text in OTHER else t.Punctuation


def predeclared_kind(name: str) -> t._TokenType:
    """The kind of a name that the program has not declared."""
    match PREDECLARED.get(name):
        case None:
            return t.Name
        case TypeName():
            return t.Keyword.Type
        case Builtin():
            return t.Name.Builtin
    return t.Keyword.Constant


def literal_kind(token: Token) -> t._TokenType:
    """The kind of a literal; Error if it is malformed."""
    text = token.text
    if token.type in ("STRING", "RUNE"):
        is_whole = len(text) > (1 if token.type == "STRING" else 2) and text[-1] == text[0]
        raw_or_not = t.String.Backtick if text[0] == "`" else t.String.Double
        return t.Error if not is_whole else raw_or_not if token.type == "STRING" else t.String.Char
    number = NUMBER.fullmatch(text)
    if number is None or token.type != "IMAGINARY" and number["decimal"]:
        return t.Error
    if token.type != "INT":
        return t.Number.Float
    return INTEGERS.get(text[1:2].lower(), t.Number.Oct if text[0] == "0" and len(text) > 1 else t.Number.Integer)
