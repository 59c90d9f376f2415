"""Labels: which loop or switch a labelled break or continue leaves.

A label's name is known in its whole function, so this is a second pass over the body.

Go: types2/labels.go.                                           Next: returns.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from lang import codes
from lang import syntax as s
from lang.diagnostics import Code


class Reporter(Protocol):
    """Who takes the errors."""

    def error(self, code: Code, at: s.Node | int, message: str) -> None:
        """Report an error."""

    def place(self, pos: int) -> str:
        """A position as messages mention it."""


@dataclass(slots=True)
class _Labels:
    """The labels of a function."""

    reporter: Reporter
    declared: dict[str, s.Labeled] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    jumps: list[s.Branch] = field(default_factory=list)         # gotos, to be matched at the end


def resolve_labels(body: s.Block, reporter: Reporter) -> None:
    """Set the target of every labelled branch in a function's body, and report what is wrong with its labels."""
    labels = _Labels(reporter)
    for statement in body.statements:
        _visit(labels, statement, [])
    for jump in labels.jumps:
        assert jump.label is not None
        if jump.label.name in labels.declared:
            labels.used.add(jump.label.name)
            jump.target = labels.declared[jump.label.name]
        else:
            reporter.error(codes.LABEL, jump.label, f"label {jump.label.name} not defined")
    for name, declared in labels.declared.items():
        if name not in labels.used:
            reporter.error(codes.LABEL, declared.label, f"label {name} defined and not used")


def _visit(labels: _Labels, x: s.Node, around: list[s.Labeled]) -> None:
    """Walk over the statements inside x; `around` are the labelled statements that x stands in."""
    match x:
        case s.Labeled():
            _declare(labels, x)
            _visit(labels, x.statement, [*around, x])
        case s.Branch(label=label) if label is not None:
            _resolve(labels, x, label, around)
        case s.Block(statements=statements):
            _visit_all(labels, statements, around)
        case s.If():
            _visit(labels, x.then, around)
            if x.else_ is not None:
                _visit(labels, x.else_, around)
        case s.For() | s.Range():
            _visit(labels, x.body, around)
        case s.Switch(cases=cases) | s.TypeSwitch(cases=cases):
            for case in cases:
                _visit_all(labels, case.body, around)
        case s.Select(clauses=clauses):
            for clause in clauses:
                _visit_all(labels, clause.body, around)


def _visit_all(labels: _Labels, statements: list[s.Stmt], around: list[s.Labeled]) -> None:
    for statement in statements:
        _visit(labels, statement, around)


def _declare(labels: _Labels, x: s.Labeled) -> None:
    name = x.label.name
    if name == "_":
        return
    if name in labels.declared:
        place = labels.reporter.place(labels.declared[name].label.pos)
        labels.reporter.error(codes.LABEL, x.label, f"label {name} already defined at {place}")
        return
    labels.declared[name] = x


def _resolve(labels: _Labels, x: s.Branch, label: s.Name, around: list[s.Labeled]) -> None:
    name = label.name
    if x.keyword == "goto":
        labels.jumps.append(x)
        return
    declared = labels.declared.get(name)
    enclosing = declared.statement if declared in around else None
    allowed = (s.For, s.Range) if x.keyword == "continue" else (s.For, s.Range, s.Switch, s.TypeSwitch, s.Select)
    if isinstance(enclosing, allowed):
        labels.used.add(name)
        x.target = enclosing
    elif declared is None:
        labels.reporter.error(codes.LABEL, label, f"{x.keyword} label not defined: {name}")
    else:
        labels.used.add(name)
        labels.reporter.error(codes.LABEL, label, f"invalid {x.keyword} label {name}")
