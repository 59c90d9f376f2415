"""Labels: which loop or switch a labelled break or continue leaves, and where a goto leads.

    goto L      L: is in the same block or in one around it, before or behind
                behind: no variable is declared in between, for L would see it without a value

A label's name is known in its whole function, so this is a second pass over the body.

Go: cmd/compile/internal/syntax/branches.go.                    Next: returns.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from lang import codes
from lang import syntax as s
from lang.diagnostics import Code
from lang.spelling import spelled


class Reporter(Protocol):
    """Who takes the errors."""

    def error(self, code: Code, at: s.Node | int, message: str) -> None:
        """Report an error."""

    def place(self, pos: int) -> str:
        """A position as messages mention it."""


@dataclass(slots=True, eq=False)
class _Block:
    """A list of statements under way."""

    outer: _Block | None
    start: int                                                  # position
    forward: list[s.Branch] = field(default_factory=list)       # gotos in it whose label has not come yet
    over: list[s.Branch] = field(default_factory=list)          # those of them that a variable was declared behind
    declared: str = ""                                          # the last variables declared
    declared_at: int = 0                                        # and where

    def declare(self, names: str, pos: int) -> None:
        """Variables are declared here."""
        self.declared, self.declared_at = names, pos
        self.over = list(self.forward)

    def is_around(self, other: _Block | None) -> bool:
        """Whether another block is this one, or stands in it."""
        while other is not None and other is not self:
            other = other.outer
        return other is self


@dataclass(slots=True)
class _Labels:
    """The labels of a function."""

    reporter: Reporter
    declared: dict[str, s.Labeled] = field(default_factory=dict)
    blocks: dict[str, _Block] = field(default_factory=dict)     # where they stand
    used: set[str] = field(default_factory=set)


def resolve_labels(body: s.Block, reporter: Reporter) -> None:
    """Set the target of every labelled branch in a function's body, and report what is wrong with its labels."""
    labels = _Labels(reporter)
    whole = _Block(None, body.pos)
    _visit_all(labels, body.statements, [], whole)
    for jump in whole.forward:
        assert jump.label is not None, "a goto has a label"
        name = jump.label.name
        if name in labels.declared:
            labels.used.add(name)
            start = reporter.place(labels.blocks[name].start)
            reporter.error(codes.GOTO, jump.label, f"goto {name} jumps into block starting at {start}")
        else:
            reporter.error(codes.LABEL, jump.label, f"label {name} not defined")
    for name, declared in labels.declared.items():
        if name not in labels.used:
            reporter.error(codes.LABEL, declared.label, f"label {name} defined and not used")


def _visit(labels: _Labels, x: s.Node, around: list[s.Labeled], block: _Block) -> None:
    """Walk over the statements inside x; `around` are the labelled statements that x stands in."""
    match x:
        case s.Labeled():
            _declare(labels, x, block)
            _visit(labels, x.statement, [*around, x], block)
        case s.Branch(label=label) if label is not None:
            _resolve(labels, x, label, around, block)
        case s.Define():
            block.declare(", ".join(spelled(name) for name in x.left), x.op_pos)
        case s.DeclStmt(declarations=declarations):
            first = next((x.names[0] for x in declarations if isinstance(x, s.VarDecl)), None)
            if first is not None:
                block.declare(first.name, first.pos)
        case s.Block(statements=statements):
            _visit_inner(labels, statements, around, block, x.pos)
        case s.If():
            _visit(labels, x.then, around, block)
            if x.else_ is not None:
                _visit_inner(labels, [x.else_], around, block, x.else_.pos)
        case s.For() | s.Range():
            _visit(labels, x.body, around, block)
        case s.Switch(cases=cases) | s.TypeSwitch(cases=cases):
            for case in cases:
                _visit_inner(labels, case.body, around, block, case.pos)
        case s.Select(clauses=clauses):
            for clause in clauses:
                _visit_inner(labels, clause.body, around, block, clause.pos)


def _visit_inner(
    labels: _Labels, statements: list[s.Stmt], around: list[s.Labeled], outer: _Block, start: int
) -> None:
    """A block within another, which may have the labels that are missing here."""
    block = _Block(outer, start)
    _visit_all(labels, statements, around, block)
    outer.forward += block.forward


def _visit_all(labels: _Labels, statements: list[s.Stmt], around: list[s.Labeled], block: _Block) -> None:
    for statement in statements:
        _visit(labels, statement, around, block)


def _declare(labels: _Labels, x: s.Labeled, block: _Block) -> None:
    name = x.label.name
    if name == "_":
        return
    if name in labels.declared:
        place = labels.reporter.place(labels.declared[name].label.pos)
        labels.reporter.error(codes.LABEL, x.label, f"label {name} already defined at {place}")
    else:
        labels.declared[name] = x
        labels.blocks[name] = block
    for jump in block.forward:
        assert jump.label is not None, "a goto has a label"
        if jump.label.name == name:
            _lead(labels, jump, x)
            if jump in block.over:
                place = labels.reporter.place(block.declared_at)
                message = f"goto {name} jumps over declaration of {block.declared} at {place}"
                labels.reporter.error(codes.GOTO, jump.label, message)
    block.forward = [jump for jump in block.forward if jump.target is None]


def _lead(labels: _Labels, jump: s.Branch, target: s.Labeled) -> None:
    """A goto leads to a label."""
    labels.used.add(target.label.name)
    jump.target = target
    target.is_goto_target = True


def _resolve(labels: _Labels, x: s.Branch, label: s.Name, around: list[s.Labeled], block: _Block) -> None:
    name = label.name
    declared = labels.declared.get(name)
    if x.keyword == "goto":
        if declared is not None and labels.blocks[name].is_around(block):
            _lead(labels, x, declared)
        else:
            block.forward.append(x)
        return
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
