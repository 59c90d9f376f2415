"""Tree text: a syntax tree as indented lines, for `--emit tree` and `--emit typed`.

    FuncDecl add                                    a node: its production, and its name, operator or text
      Return                                        children are indented
        Binary +            int                     typed: the type; `= 3` for a constant
          Name a            int

Next: driver.py
"""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction

from lang import syntax
from lang.go_types import NO_VALUE

LABELS = ("name", "op", "text", "keyword", "path", "direction")
ANNOTATIONS = frozenset({"pos", "end", "op_pos", "mode", "type", "value", "object", "entries", "length", "selection"})
TYPE_COLUMN = 48


def tree_text(node: syntax.Node, typed: bool) -> str:
    """The lines of a tree; with the checker's types when `typed`."""
    lines: list[str] = []
    _append(node, 0, lines, typed)
    return "\n".join(lines) + "\n"


def _append(node: syntax.Node, depth: int, lines: list[str], typed: bool) -> None:
    line = "  " * depth + " ".join([type(node).__name__, *_labels(node)])
    if typed and isinstance(node, syntax.Expr):
        line = f"{line:<{TYPE_COLUMN}}{_type_of(node)}".rstrip()
    lines.append(line)
    for child in _children(node):
        _append(child, depth + 1, lines, typed)


def _labels(node: syntax.Node) -> list[str]:
    """What tells a node from others of its production."""
    found = []
    for label in LABELS:
        value = getattr(node, label, None)
        if isinstance(value, syntax.Name):
            found.append(value.name)
        elif isinstance(value, syntax.BasicLit):
            found.append(value.text)
        elif isinstance(value, str) and value:
            found.append(value)
    return found


def _type_of(expr: syntax.Expr) -> str:
    if expr.mode is syntax.Mode.UNCHECKED:
        return ""
    text = "" if expr.type == NO_VALUE else str(expr.type)
    if expr.value is None:
        return text
    shown = float(expr.value) if isinstance(expr.value, Fraction) else expr.value
    return f"{text} = {shown.decode('utf-8', 'replace')!r}" if isinstance(shown, bytes) else f"{text} = {shown}"


def _children(node: syntax.Node) -> list[syntax.Node]:
    """The parts of a node, in order; a name that is shown as its label is left out."""
    found: list[syntax.Node] = []
    for field in fields(node):
        if field.name in ANNOTATIONS or not field.init:
            continue
        value = getattr(node, field.name, None)
        if isinstance(value, syntax.Name) and field.name in LABELS:
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, syntax.Node):
                found.append(item)
    return found
