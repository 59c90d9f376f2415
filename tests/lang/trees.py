"""Walking over checked trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from lang import syntax as s
from lang.check_package import check
from lang.diagnostics import Diagnostics
from lang.parse import parse
from lang.source import Source


def checked(text: str) -> s.Package:
    """A program's checked tree; the program has no errors."""
    diagnostics = Diagnostics(Source("prog.toy", text))
    file = parse(diagnostics.source, diagnostics)
    package = check(file, diagnostics) if file is not None else None
    assert package is not None, diagnostics.render()
    return package


def nodes(x: object) -> Iterator[s.Node]:
    """A node and all below it, as written; what the checker put aside (entries) is not visited twice."""
    if isinstance(x, list):
        for item in x:
            yield from nodes(item)
    elif isinstance(x, s.Node):
        yield x
        for field in fields(x):
            if field.init:
                yield from nodes(getattr(x, field.name))


def evaluated(x: object) -> Iterator[s.Expr]:
    """The expressions that a lowering visits: not the parts of constants and of types, nor declared constants."""
    if isinstance(x, list):
        for item in x:
            yield from evaluated(item)
    elif isinstance(x, s.Node) and not isinstance(x, s.ConstDecl):
        if isinstance(x, s.Expr) and x.mode is not s.Mode.UNCHECKED:
            yield x
            if x.mode in (s.Mode.CONSTANT, s.Mode.TYPE):
                return
        for field in fields(x):
            if field.init:
                yield from evaluated(getattr(x, field.name))


def function(package: s.Package, name: str) -> s.FuncDecl:
    """A function or method of a program by its name."""
    return next(f for f in package.functions if f.name.name == name)


def expressions(package: s.Package, kind: type[s.Expr]) -> list[s.Expr]:
    """All expressions of a form, in order of the source."""
    return [x for x in nodes(package.file) if isinstance(x, kind)]
