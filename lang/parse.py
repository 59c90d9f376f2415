"""The parser: tokens to tree, by Lark's LALR tables for grammar.lark; and syntax errors in Go's words.

    text --Lexer--> tokens --Lark--> calls of TreeBuilder --> syntax.File

After a syntax error the rest of the declaration is skipped, so that a file gets one error for each declaration.

The tables take 0.2 s to compute, so they are kept in the user's cache directory and reused while grammar.lark, Lark and
Python stay the same.

Go: cmd/compile/internal/syntax/parser.go.                      Next: syntax_errors.py, constants.py
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import lark
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer as LarkLexer

from lang import syntax
from lang.codes import NO_TYPE_PARAMETERS, NOT_YET, SYNTAX
from lang.diagnostics import Diagnostics
from lang.lexer import Lexer, Token
from lang.source import Source
from lang.syntax_errors import explained
from lang.tree_builder import TreeBuilder
from runtime.syspy.cache import directory as cache_directory
from runtime.syspy.cache import file_bytes

GRAMMAR = os.path.join(os.path.dirname(__file__), "grammar.lark")
HEADERS = frozenset(["IF", "FOR", "SWITCH"])
DECLARATIONS = frozenset(["FUNC", "VAR", "CONST", "TYPE", "IMPORT"])


class NoLexer(LarkLexer):
    """Stands where Lark wants a lexer; the tokens are fed by hand."""

    def __init__(self, _lexer_conf: object) -> None:
        pass

    def lex(self, _lexer_state: object, _parser_state: object) -> Iterator[Any]:
        """Never called."""
        return iter(())


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
    parser, builder, _ = _parser()
    builder.diagnostics = diagnostics
    return Run(parser.parse_interactive(), tokens, diagnostics).to_end()


def keywords() -> dict[str, str]:
    """The keywords of the grammar with their terminals' names."""
    return _parser()[2]


@cache
def _parser() -> tuple[lark.Lark, TreeBuilder, dict[str, str]]:
    """The parser, its callbacks, and the keywords of the grammar with their terminals' names."""
    builder = TreeBuilder()
    grammar = file_bytes(GRAMMAR).decode()
    options: dict[str, Any] = {"start": "file", "parser": "lalr", "lexer": NoLexer, "maybe_placeholders": False}
    parser = lark.Lark(grammar, transformer=builder, cache=_cache_file(grammar) or False, **options)
    spellings = {terminal.pattern.value: terminal.name for terminal in parser.terminals}
    return parser, builder, {text: name for text, name in spellings.items() if text.isalpha() and text.islower()}


def _cache_file(grammar: str) -> str:
    """Where the tables for a grammar are kept; "" when there is no place."""
    directory = cache_directory()
    if directory is None:
        return ""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    except OSError:
        return ""
    if not os.access(directory, os.W_OK):
        return ""
    version = f"{lark.__version__} {sys.version} {__file__}"
    key = hashlib.sha256(f"{version}\n{grammar}".encode()).hexdigest()[:16]
    return os.path.join(directory, f"grammar-{key}.tables")


class Run:
    """One file on its way through the parser."""

    def __init__(self, interactive: Any, tokens: list[Token], diagnostics: Diagnostics) -> None:
        self.interactive = interactive
        self.state = interactive.parser_state                   # Lark's two stacks
        self.tokens = tokens
        self.diagnostics = diagnostics

    def to_end(self) -> syntax.File | None:
        """The tree of all tokens; None after an error."""
        at = 0
        feed, tokens = self.state.feed_token, self.tokens
        while True:
            try:
                while at < len(tokens):
                    feed(tokens[at])
                    at += 1
                file = self.interactive.feed_eof()
                assert isinstance(file, syntax.File)
                return file
            except UnexpectedToken as error:
                if not tokens:
                    return None
                self._report(at, error.expected)
                at = self._skip_to_declaration(at)
                if at >= len(tokens):
                    return None

    def _report(self, at: int, expected: set[str]) -> None:
        """Say what is wrong with the token at an index (the end of the file if there is none)."""
        end = len(self.diagnostics.source.text)
        token = self.tokens[at] if at < len(self.tokens) else Token("SEMI", "EOF", end)
        if token.text == "EOF" and self.diagnostics:
            return
        stack = self.state.value_stack
        if token.type == "VAR" and isinstance(stack[-1], Token) and stack[-1].type in HEADERS:
            message = f"syntax error: var declaration not allowed in {stack[-1].text} initializer"
            self.diagnostics.report(SYNTAX, self.tokens[at + 1].pos, message)
            return
        message = explained(token, self.tokens[at - 1] if at else None, expected, stack)
        if at > 0 and self.tokens[at - 1].type == "RANGLE":
            message += "\n\t(inside &T<...> a comparison or shift needs parentheses)"
        code = NOT_YET if message == NO_TYPE_PARAMETERS else SYNTAX
        self.diagnostics.report(code, token.pos, message)

    def _skip_to_declaration(self, at: int) -> int:
        """Unwind to the whole declarations read, and find the next token that begins one."""
        states = self.state.parse_conf.states
        while len(self.state.state_stack) > 1 and "$END" not in states[self.state.state_stack[-1]]:
            self.state.state_stack.pop()
            self.state.value_stack.pop()
        at += 1
        while at < len(self.tokens) and not self._starts_declaration(self.tokens[at]):
            at += 1
        return at

    def _starts_declaration(self, token: Token) -> bool:
        """Whether a token stands in column 1 and can begin a declaration."""
        source = self.diagnostics.source
        return token.type in DECLARATIONS and token.pos in (0, source.line_starts[source.line_of(token.pos) - 1])
