"""The parser: tokens to tree, by Lark's LALR tables for grammar.lark; and syntax errors in Go's words.

    text --Lexer--> tokens --Lark--> calls of TreeBuilder --> syntax.File

After a syntax error the rest of the declaration is skipped, so that a file gets one error for each declaration.

The tables take 0.2 s to compute, so they are kept in the user's cache directory and reused while grammar.lark, Lark and
Python stay the same.

Go: cmd/compile/internal/syntax/parser.go.                      Next: constants.py
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import lark
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer as LarkLexer

from lang import syntax
from lang.diagnostics import SYNTAX, Diagnostics
from lang.lexer import LITERALS, Lexer, Token
from lang.source import Source
from lang.tree_builder import TreeBuilder

GRAMMAR = Path(__file__).with_name("grammar.lark")
DECLARATIONS = frozenset(["FUNC", "VAR", "CONST", "TYPE", "IMPORT"])


class NoLexer(LarkLexer):
    """Stands where Lark wants a lexer; the tokens are fed by hand."""

    def __init__(self, _lexer_conf: object) -> None:
        pass

    def lex(self, _lexer_state: object, _parser_state: object) -> Iterator[Any]:
        """Never called."""
        return iter(())


def parse(source: Source, diagnostics: Diagnostics) -> syntax.File | None:
    """The tree of a file; None when diagnostics were reported."""
    parser, builder, keywords = _parser()
    tokens = Lexer(source.text, diagnostics, keywords).run()
    builder.diagnostics = diagnostics
    run = Run(parser.parse_interactive(), tokens, diagnostics)
    file = run.to_end()
    return None if diagnostics else file


@cache
def _parser() -> tuple[lark.Lark, TreeBuilder, dict[str, str]]:
    """The parser, its callbacks, and the keywords of the grammar with their terminals' names."""
    builder = TreeBuilder()
    grammar = GRAMMAR.read_text(encoding="utf-8")
    options: dict[str, Any] = {"start": "file", "parser": "lalr", "lexer": NoLexer, "maybe_placeholders": False}
    parser = lark.Lark(grammar, transformer=builder, cache=_cache_file(grammar) or False, **options)
    spellings = {terminal.pattern.value: terminal.name for terminal in parser.terminals}
    return parser, builder, {text: name for text, name in spellings.items() if text.isalpha() and text.islower()}


def _cache_file(grammar: str) -> str:
    """Where the tables for a grammar are kept; "" when there is no place."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    directory = Path(home) / "toy"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return ""
    if not os.access(directory, os.W_OK):
        return ""
    version = f"{lark.__version__} {sys.version} {__file__}"
    key = hashlib.sha256(f"{version}\n{grammar}".encode()).hexdigest()[:16]
    return str(directory / f"grammar-{key}.tables")


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
        at = min(at, len(self.tokens) - 1)
        token = self.tokens[at]
        message = explained(token, expected, self.state.value_stack)
        if at > 0 and self.tokens[at - 1].type == "RANGLE":
            message += "\n\t(inside &T<...> a comparison or shift needs parentheses)"
        self.diagnostics.report(SYNTAX, token.pos, "syntax error: " + message)

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


# ---------------------------------------------------------------- messages


def explained(token: Token, expected: set[str], stack: list[Any]) -> str:
    """The message for a token that is not among the expected ones, from what is still open on the parser's stack."""
    if _is_top_level(stack):
        return _explained_at_top(token, stack)
    return f"unexpected {token_text(token)}{_context(expected, stack)}"


def token_text(token: Token) -> str:
    """A token as messages name it."""
    if token.type == "NAME":
        return f"name {token.text}"
    if token.type in LITERALS:
        return f"literal {token.text}"
    if token.text == ",":
        return "comma"
    return f"keyword {token.text}" if token.text.isalpha() and token.type == token.text.upper() else token.text


def _is_top_level(stack: list[Any]) -> bool:
    """Whether nothing but whole declarations was read."""
    return not any(isinstance(part, (Token, syntax.Expr, syntax.Stmt)) for part in stack[1:]) and not (
        stack and isinstance(stack[0], Token)
    )


def _explained_at_top(token: Token, stack: list[Any]) -> str:
    last = stack[-1] if stack else None
    if isinstance(last, list):
        if token.type == "LBRACE":
            return "unexpected semicolon or newline before {"
        return f"unexpected {token_text(token)} after top level declaration"
    return "non-declaration statement outside function body"


def _context(expected: set[str], stack: list[Any]) -> str:
    """What was being read: `, expected X`, ` in Y; possibly missing Z` or ` at end of statement`."""
    expects_operator = "BINARY_OP" in expected
    if "INT" in expected and not expects_operator:
        if "RETURN" in expected:
            return ", expected }"
        return ", expected expression"
    if "STRUCT" in expected and not expects_operator and "INT" not in expected:
        return ", expected type" if "COMMA" not in expected else _after(expected, stack)
    if len(expected) == 1:
        only = next(iter(expected))
        return ", expected " + ("name" if only == "NAME" else TERMINAL_TEXTS.get(only, only.lower()))
    return _after(expected, stack)


TERMINAL_TEXTS = {
    "LPAR": "(", "RPAR": ")", "LBRACK": "[", "RBRACK": "]", "LBRACE": "{", "RBRACE": "}",
    "COMMA": "comma", "COLON": ":", "ASSIGN": "=", "DEFINE": ":=", "SEMI": "semicolon or newline", "DOT": ".",
}  # fmt: skip


def _after(expected: set[str], stack: list[Any]) -> str:
    """The message behind something complete, by the innermost bracket or keyword that is open."""
    for i in range(len(stack) - 1, -1, -1):
        part = stack[i]
        if not isinstance(part, Token):
            continue
        before = stack[i - 1] if i else None
        if part.type == "LPAR":
            return _in_parentheses(before)
        if part.type in ("LBRACE", "LANGLE"):
            return _in_braces(before, part)
        if part.type == "LBRACK":
            return ", expected comma, : or ]" if isinstance(before, syntax.Expr) else ", expected ]"
        if part.type in ("IF", "FOR", "SWITCH", "SELECT") and "LBRACE" in expected:
            keyword = part.text
            return f", expected {{ after {keyword} clause" if keyword in ("if", "for") else f", missing {{ after {keyword} clause"
        if part.type == "CASE" and "COLON" in expected:
            return ", expected :"
        if part.type in ("VAR", "CONST", "TYPE", "FUNC", "IMPORT") and "SEMI" in expected and "RBRACE" not in expected:
            return " after top level declaration"
    if "ASSIGN" in expected and "DEFINE" in expected and "SEMI" not in expected:
        return ", expected := or = or comma"
    return " at end of statement"


def _in_parentheses(before: object) -> str:
    if isinstance(before, Token):
        if before.type in ("VAR", "CONST", "TYPE", "IMPORT"):
            return " in grouped declaration; possibly missing semicolon or newline or )"
        if before.type in ("FUNC", "NAME"):
            return " in parameter list; possibly missing comma or )"
    return " in argument list; possibly missing comma or )" if isinstance(before, syntax.Expr) else ", expected )"


def _in_braces(before: object, opening: Token) -> str:
    if isinstance(before, Token) and before.type in ("STRUCT", "INTERFACE"):
        return f" in {before.text} type; possibly missing semicolon or newline or }}"
    if opening.type == "LANGLE" or isinstance(before, syntax.Expr) and not isinstance(before, syntax.FuncType):
        closer = ">" if opening.type == "LANGLE" else "}"
        return f" in composite literal; possibly missing comma or {closer}"
    return " at end of statement"
