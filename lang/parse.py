"""The parser: tokens to tree, by the LALR tables for grammar.lark; and syntax errors in Go's words.

    text --Lexer--> tokens --Run--> calls of TreeBuilder --> syntax.File

After a syntax error the rest of the declaration is skipped, so that a file gets one error for each declaration.

Go: cmd/compile/internal/syntax/parser.go.                      Next: syntax_errors.py, constants.py
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from lang import syntax
from lang.codes import NO_TYPE_PARAMETERS, NOT_YET, SYNTAX
from lang.diagnostics import Diagnostics
from lang.lexer import Lexer, Token
from lang.parse_tables import END, Tables, tables
from lang.source import Source
from lang.syntax_errors import MISSING_STATEMENT, explained
from lang.tree_builder import TreeBuilder

HEADERS = frozenset(["IF", "FOR", "SWITCH"])
DECLARATIONS = frozenset(["FUNC", "VAR", "CONST", "TYPE", "IMPORT"])

Action = Callable[[list[Any]], Any]  # what makes a value of the parts of a rule


class Unexpected(Exception):
    """A token that fits nowhere."""


def parse(source: Source, diagnostics: Diagnostics) -> syntax.File | None:
    """The tree of a file; None when errors were reported. Malformed literals leave a tree: see File.problems."""
    tokens = Lexer(source.text, diagnostics, keywords()).run()
    if not tokens and diagnostics:
        return None
    file = parse_tokens(tokens, diagnostics)
    is_refused = any(diagnostic.code is NOT_YET for diagnostic in diagnostics.found)
    if file is None or is_refused or diagnostics.has_syntax_errors:
        return None
    file.problems, diagnostics.found = diagnostics.found, []
    return file


def parse_tokens(tokens: list[Token], diagnostics: Diagnostics) -> syntax.File | None:
    """The tree of a file's tokens; None after a syntax error."""
    found, builder, actions = _parser()
    builder.diagnostics = diagnostics
    return Run(found, actions, tokens, diagnostics).to_end()


def keywords() -> dict[str, str]:
    """The keywords of the grammar with their terminals' names."""
    return _parser()[0].keywords


@cache
def _parser() -> tuple[Tables, TreeBuilder, list[Action]]:
    """The tables, who builds trees, and what each rule calls."""
    builder = TreeBuilder()
    found = tables()
    return found, builder, [getattr(builder, rule.method, as_they_are) for rule in found.rules]


def as_they_are(parts: list[Any]) -> list[Any]:
    """The parts of a rule that has no method: for the list of a rule around it."""
    return parts


class Run:
    """One file on its way through the parser."""

    def __init__(self, found: Tables, actions: list[Action], tokens: list[Token], diagnostics: Diagnostics) -> None:
        self.tables = found
        self.actions = actions                                  # by rule
        self.tokens = tokens
        self.diagnostics = diagnostics
        self.states = [found.start]                             # the stack: where the parser was before each value
        self.values: list[Any] = []                             # tokens, and what the rules made of them

    def to_end(self) -> syntax.File | None:
        """The tree of all tokens; None after an error."""
        at = 0
        tokens = self.tokens
        while True:
            try:
                while at < len(tokens):
                    self._feed(tokens[at])
                    at += 1
                return self._file()
            except Unexpected:
                if not tokens:
                    return None
                self._report(at)
                at = self._skip_to_declaration(at)
                if at >= len(tokens):
                    return None

    def _feed(self, token: Token) -> None:
        """Apply all rules that end in front of a token, and put it on the stack."""
        rows, states, kind = self.tables.states, self.states, token.type
        while (target := rows[states[-1]].get(kind)) is not None:
            if target >= 0:
                states.append(target)
                self.values.append(token)
                return
            self._apply(~target)
        raise Unexpected

    def _file(self) -> syntax.File:
        """What all tokens are, behind the last."""
        rows, states = self.tables.states, self.states
        while (target := rows[states[-1]].get(END)) is not None:
            self._apply(~target)
            if states[-1] == self.tables.end:
                file = self.values[-1]
                assert isinstance(file, syntax.File)
                return file
        raise Unexpected

    def _apply(self, number: int) -> None:
        """Make one value of those that a rule is made of."""
        rule = self.tables.rules[number]
        states, values, size = self.states, self.values, rule.size
        if size == 1 and rule.is_passed:
            states.pop()
        else:
            parts: list[Any] = []
            if size:
                parts = values[-size:]
                del values[-size:], states[-size:]
            if rule.kept is not None:
                parts = kept_parts(rule.kept, parts)
            values.append(parts[0] if rule.is_passed and len(parts) == 1 else self.actions[number](parts))
        states.append(self.tables.states[states[-1]][rule.origin])

    def _report(self, at: int) -> None:
        """Say what is wrong with the token at an index (the end of the file if there is none)."""
        end = len(self.diagnostics.source.text)
        token = self.tokens[at] if at < len(self.tokens) else Token("SEMI", "EOF", end)
        if token.text == "EOF" and self.diagnostics:
            return
        stack = self.values
        if token.type == "VAR" and isinstance(stack[-1], Token) and stack[-1].type in HEADERS:
            message = f"syntax error: var declaration not allowed in {stack[-1].text} initializer"
            self.diagnostics.report(SYNTAX, self.tokens[at + 1].pos, message)
            return
        expected = {name for name in self.tables.states[self.states[-1]] if name.isupper()}
        message = explained(token, self.tokens[at - 1] if at else None, expected, stack)
        if at > 0 and self.tokens[at - 1].type == "RANGLE":
            message += "\n\t(inside &T<...> a comparison or shift needs parentheses)"
        code = NOT_YET if message == NO_TYPE_PARAMETERS else SYNTAX
        self.diagnostics.report(code, self.tokens[at - 1].pos if message == MISSING_STATEMENT else token.pos, message)

    def _skip_to_declaration(self, at: int) -> int:
        """Unwind to the whole declarations read, and find the next token that begins one."""
        while self.values and END not in self.tables.states[self.states[-1]]:
            self.states.pop()
            self.values.pop()
        at += 1
        while at < len(self.tokens) and not self._starts_declaration(self.tokens[at]):
            at += 1
        return at

    def _starts_declaration(self, token: Token) -> bool:
        """Whether a token stands in column 1 and can begin a declaration."""
        source = self.diagnostics.source
        return token.type in DECLARATIONS and token.pos in (0, source.line_starts[source.line_of(token.pos) - 1])


def kept_parts(kept: list[tuple[int, bool]], parts: list[Any]) -> list[Any]:
    """The parts that a rule hands on; what lists among them have in them. The first list grows, and is not copied."""
    found: list[Any] = []
    for number, is_list in kept:
        if not is_list:
            found.append(parts[number])
        elif found:
            found += parts[number]
        else:
            found = parts[number]
    return found
