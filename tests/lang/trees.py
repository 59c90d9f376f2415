"""Walking over checked trees."""

from __future__ import annotations

from lang import syntax as s
from lang.check_package import check
from lang.check_tree import nodes
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


def function(package: s.Package, name: str) -> s.FuncDecl:
    """A function or method of a program by its name."""
    return next(f for f in package.functions if f.name.name == name)


def expressions(package: s.Package, kind: type[s.Expr]) -> list[s.Expr]:
    """All expressions of a form, in order of the source."""
    return [x for x in nodes(package.file) if isinstance(x, kind)]
