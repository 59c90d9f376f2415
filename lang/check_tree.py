"""The tree, checked: what syntax.py promises about a checked tree, asserted.

The checker keeps the promises AN1 to AN4; the lowering relies on them. Tests walk every program's tree, and so may
whoever looks for the cause of a wrong lowering.

Next: the lowering
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from lang import syntax as s
from lang.go_types import INVALID, is_untyped

_TYPELESS = (s.Mode.PACKAGE, s.Mode.BUILTIN, s.Mode.NO_VALUE)


def check_tree(package: s.Package) -> None:
    """Assert that the annotations of a program without errors are complete."""
    for x in evaluated(package.file.declarations):
        check_annotations(x)


def check_annotations(x: s.Expr) -> None:
    """Assert AN1 to AN4 for one expression."""
    assert x.mode is not s.Mode.INVALID, f"AN1: no mode: {x}"
    if x.mode not in _TYPELESS:
        assert x.type != INVALID, f"AN1: no type: {x}"
        assert (x.value is not None) == (x.mode is s.Mode.CONSTANT), f"AN1: value and mode disagree: {x}"
        assert not is_untyped(x.type), f"AN2: untyped: {x}"
    if isinstance(x, s.Name) and x.name != "_":
        assert x.object is not None, f"AN3: a name without an object: {x}"
    is_leftmost = all(part.pos >= x.pos for part in parts(x))
    assert is_leftmost or isinstance(x, s.SliceExpr), f"AN4: not the leftmost character: {x}"


def parts(x: s.Node) -> Iterator[s.Node]:
    """The nodes directly below a node, as the parser put them there."""
    for field in fields(x):
        if field.init:
            yield from _nodes(getattr(x, field.name))


def _nodes(x: object) -> Iterator[s.Node]:
    if isinstance(x, s.Node):
        yield x
    elif isinstance(x, list):
        for item in x:
            yield from _nodes(item)


def nodes(x: s.Node) -> Iterator[s.Node]:
    """A node and all below it, in order of the source; the tree may be deeper than Python nests calls."""
    waiting = [x]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(parts(node)))


def evaluated(x: object) -> Iterator[s.Expr]:
    """The expressions that a lowering visits: not the parts of constants and of types, nor declared constants."""
    for node in _nodes(x):
        if isinstance(node, s.ConstDecl):
            continue
        if isinstance(node, s.Expr) and node.mode is not s.Mode.UNCHECKED:
            yield node
            if node.mode in (s.Mode.CONSTANT, s.Mode.TYPE):
                continue
        for part in parts(node):
            yield from evaluated(part)
