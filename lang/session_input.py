"""Inputs: what is typed at a prompt, as a part of one program, the session's.

    typed           in the program

    x := f()        var x = f()
    x++; g(x)       func main·17() (_ struct{}) { x++; g(x); return }      17: the offset of x
                    var _ = main·17()
    func g() {}     func g() {}
    x + 1           its last expression takes one of several forms: see Form

Package-level variables get their values in the order of the source, so inputs happen in the order in which they were
typed, and every variable can be used in functions. Names with a · are names that nobody can type. Trees are built with
offsets in the session's whole text: what is reported about them is at the user's own lines.

Owner: nobody.        Next: session_methods.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from lang import syntax as s
from lang.check_tree import nodes
from lang.diagnostics import Diagnostics
from lang.lexer import Lexer, Token
from lang.parse import keywords, parse_tokens
from lang.source import Source

OPENERS = frozenset(["LPAR", "LBRACK", "LBRACE", "LANGLE"])
CLOSERS = frozenset(["RPAR", "RBRACK", "RBRACE", "RANGLE"])
FMT = "fmt·"  # fmt, whatever the user has imported
MAIN = "main·"  # the user's main: the session's program has its own, which ends it
APART = re.compile("·[0-9]*")


class Form(Enum):
    """What becomes of the expression e that an input ends in."""

    STATEMENT = auto()  # e
    VALUE = auto()  # _ = e
    PRINTED = auto()  # fmt.Printf(format, e)
    LISTED = auto()  # fmt.Println(e), for a call with several results
    LOCAL = auto()  # as STATEMENT; and `:=` stays what it is, a statement, to be judged as Go judges it


@dataclass(frozen=True, slots=True)
class Input:
    """Some lines that were typed."""

    start: int  # their offset in the session's text
    text: str  # ends in a newline
    form: Form = Form.STATEMENT
    format: str = ""  # of PRINTED


@dataclass(slots=True)
class Parts:
    """An input as parts of a program."""

    package: s.Name | None = None  # of `package main`
    imports: list[s.ImportDecl] = field(default_factory=list)
    declarations: list[s.Decl] = field(default_factory=list)  # in order
    ordered: list[s.Decl] = field(default_factory=list)  # those among them that `:=` and statements have become
    last: s.Expr | None = None  # the expression that it ends in
    is_bare: bool = False  # it is nothing but that expression

    @property
    def is_declarations(self) -> bool:
        """Whether it is only what may stand outside functions."""
        return bool(self.imports or self.declarations) and not self.ordered


def is_incomplete(text: str) -> bool:
    """Whether lines to come could make sense of a text that makes none yet."""
    diagnostics = Diagnostics(Source("", text))
    lexer = Lexer(text, diagnostics, keywords())
    tokens = lexer.run()
    if diagnostics:
        return any(is_open(text, error.pos, error.message) for error in diagnostics.found)
    if lexer.brackets:
        return True
    parse_input(Input(0, text), {}, diagnostics)
    return bool(tokens) and any(error.pos == len(text) for error in diagnostics.found)


def declared_by(text: str) -> set[tuple[str, ...]] | None:
    """The names, and methods, that a text declares; None if there is anything else in it."""
    diagnostics = Diagnostics(Source("", text))
    parts = parse_input(Input(0, text), {}, diagnostics)
    if diagnostics or not parts.is_declarations:
        return None
    methods = {method_name(x) for x in methods_among(parts.declarations)}
    return methods | {(x.name,) for x in declared_names(parts.declarations)}


def blanked(text: str) -> str:
    """White space of the same length and lines."""
    return re.sub(r"\S", " ", text)


def is_open(text: str, pos: int, message: str) -> bool:
    """Whether an error is a comment or a raw string that may end in a later line."""
    return message == "comment not terminated" or message == "string not terminated" and text[pos] == "`"


def parse_input(given: Input, renamed: Mapping[int, str], diagnostics: Diagnostics) -> Parts:
    """The parts of an input. Names at the offsets in `renamed` are other names. Errors are reported."""
    parts = Parts()
    tokens = tokens_of(given, renamed, diagnostics)
    end = given.start + len(given.text)
    statements: list[s.Stmt] = []
    for chunk in chunks(tokens):
        if begins_file(chunk):
            add_steps(parts, statements, given)
            statements = []
            add_file(parts, parse_tokens(chunk, diagnostics))
        else:
            statements = parse_statements(chunk, end, diagnostics)
        if diagnostics.has_syntax_errors:
            diagnostics.found = diagnostics.in_order()[:1]
            return parts
    if statements and isinstance(statements[-1], s.ExprStmt):
        parts.last = statements[-1].expr
        parts.is_bare = len(statements) == 1 and not parts.imports and not parts.declarations
        if given.form is not Form.LOCAL:
            statements[-1] = formed(parts.last, given)
    add_steps(parts, statements, given)
    if renamed:
        keep_embedded_names(parts.declarations)
        for x in parts.imports:
            if x.pos in renamed:
                x.name = s.Name(x.pos, renamed[x.pos])
    return parts


def keep_embedded_names(declarations: list[s.Decl]) -> None:
    """An embedded type's field is called what it was, when the type is not any more."""
    for x in (node for declaration in declarations for node in nodes(declaration)):
        if isinstance(x, s.FieldDecl) and x.embedded:
            x.names[0].name = as_typed(x.names[0].name)


def as_typed(name: str) -> str:
    """A name without what sets it apart from a later one."""
    return APART.sub("", name)


def tokens_of(given: Input, renamed: Mapping[int, str], diagnostics: Diagnostics) -> list[Token]:
    """The tokens, at their places in the session's text."""
    own = Diagnostics(Source("", given.text))
    tokens = Lexer(given.text, own, keywords()).run()
    for error in own.found:
        diagnostics.report(error.code, given.start + error.pos, error.message)
    before = ""
    for token in tokens:
        token.pos += given.start
        if token.type == "NAME" and before != "PACKAGE":
            token.text = renamed.get(token.pos, MAIN if token.text == "main" else token.text)
        before = token.type
    return tokens


# ---------------------------------------------------------------- from tokens to statements and declarations


def chunks(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens cut in front of, and behind, what only stands outside functions."""
    depth, chunk = 0, list[Token]()
    for i, token in enumerate(tokens):
        at_start = depth == 0 and (i == 0 or tokens[i - 1].type == "SEMI")
        if at_start and chunk and (begins_file(chunk) or begins_file(tokens[i:])):
            yield chunk
            chunk = []
        chunk.append(token)
        depth += (token.type in OPENERS) - (token.type in CLOSERS)
    if chunk:
        yield chunk


def begins_file(tokens: list[Token]) -> bool:
    """Whether tokens begin what stands outside functions."""
    if tokens[0].type == "FUNC":
        return len(tokens) > 1 and (tokens[1].type == "NAME" or begins_method(tokens))
    return tokens[0].type in ("PACKAGE", "IMPORT")


def begins_method(tokens: list[Token]) -> bool:
    """Whether what `func` begins has a name behind its first parentheses: func (t T) name(, not func(x int) T {."""
    depth = 0
    for i, token in enumerate(tokens[1:], 1):
        depth += (token.type in OPENERS) - (token.type in CLOSERS)
        if depth == 0:
            return [x.type for x in tokens[i + 1 : i + 3]] == ["NAME", "LPAR"]
    return True


def add_file(parts: Parts, file: s.File | None) -> None:
    """Take over what was declared as in a file."""
    if file is not None:
        parts.package = file.package or parts.package
        parts.imports += file.imports
        parts.declarations += file.declarations


def parse_statements(tokens: list[Token], end: int, diagnostics: Diagnostics) -> list[s.Stmt]:
    """The statements that tokens are: those of a function around them."""
    pos = tokens[0].pos
    head = [Token("FUNC", "func", pos), Token("NAME", MAIN, pos), Token("LPAR", "(", pos), Token("RPAR", ")", pos)]
    opening, closing = Token("LBRACE", "{", pos), [Token("RBRACE", "EOF", end), Token("SEMI", "EOF", end)]
    file = parse_tokens([*head, opening, *tokens, *closing], diagnostics)
    function = file.declarations[0] if file is not None else None
    body = function.body if isinstance(function, s.FuncDecl) else None
    return [x for x in body.statements if not isinstance(x, s.Empty)] if body is not None else []


# ---------------------------------------------------------------- from statements to declarations


def add_steps(parts: Parts, statements: list[s.Stmt], given: Input) -> None:
    """Statements, in order: those that declare as declarations, those between them as steps."""
    step: list[s.Stmt] = []
    for x in statements:
        declared = [] if given.form is Form.LOCAL else declarations_of(x)
        if declared:
            add_step(parts, step)
            step = []
            parts.declarations += declared
            parts.ordered += declared if isinstance(x, s.Define) else []
        else:
            step.append(x)
    add_step(parts, step)


def declarations_of(x: s.Stmt) -> list[s.Decl]:
    """What a statement declares in the session."""
    if isinstance(x, s.DeclStmt):
        return x.declarations
    if isinstance(x, s.Define):
        names = [name for name in x.left if isinstance(name, s.Name)]
        if len(names) == len(x.left):
            return [s.VarDecl(x.pos, names, None, x.right)]
    return []


def add_step(parts: Parts, statements: list[s.Stmt]) -> None:
    """A function of statements, and the variable without a name whose value is a call of it."""
    if not statements:
        return
    pos = statements[0].pos
    name = f"main·{pos}"
    result = s.ParamDecl(pos, s.Name(pos, "_"), s.StructType(pos, []), variadic=False)
    body = s.Block(pos, [*statements, s.Return(pos, [])], pos)
    function = s.FuncDecl(pos, None, s.Name(pos, name), s.FuncType(pos, [], [result]), body)
    call = s.Call(pos, s.Name(pos, name), [], spread=False, end=pos)
    parts.declarations += [function, s.VarDecl(pos, [s.Name(pos, "_")], None, [call])]
    parts.ordered.append(function)


def formed(x: s.Expr, given: Input) -> s.Stmt:
    """An expression as the statement that an input's form makes of it."""
    pos = x.pos
    match given.form:
        case Form.VALUE:
            return s.Assign(pos, [s.Name(pos, "_")], "", pos, [x])
        case Form.PRINTED:
            format = s.BasicLit(pos, "STRING", f'"{given.format}\\n"')
            return s.ExprStmt(pos, call_of_fmt("Printf", [format, x], pos))
        case Form.LISTED:
            return s.ExprStmt(pos, call_of_fmt("Println", [x], pos))
    return s.ExprStmt(pos, x)


def call_of_fmt(name: str, args: list[s.Expr], pos: int) -> s.Call:
    """fmt.name(args)"""
    function = s.Selector(pos, s.Name(pos, FMT), s.Name(pos, name))
    return s.Call(pos, function, args, spread=False, end=pos)


# ---------------------------------------------------------------- what is declared


def declared_names(declarations: Iterable[s.Decl]) -> list[s.Name]:
    """The names that are declared; methods have none of their own."""
    found: list[s.Name] = []
    for x in declarations:
        match x:
            case s.VarDecl(names=names) | s.ConstDecl(names=names):
                found += names
            case s.TypeDecl(name=name):
                found.append(name)
            case s.FuncDecl(receiver=None, name=name):
                found.append(name)
    return [name for name in found if name.name != "_"]


def methods_among(declarations: Iterable[s.Decl]) -> list[s.FuncDecl]:
    """The methods that are declared."""
    return [x for x in declarations if isinstance(x, s.FuncDecl) and x.receiver is not None]


def method_name(x: s.FuncDecl) -> tuple[str, str]:
    """A method's type and name."""
    assert x.receiver is not None, "a method has a receiver"
    base = next((part.name for part in nodes(x.receiver.type_expr) if isinstance(part, s.Name)), "")
    return base, x.name.name
