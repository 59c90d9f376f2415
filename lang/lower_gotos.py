"""Gotos: a list of statements with labels that a goto leads to is a loop, whose rounds begin at one of them.

    a                          entry = 0
    L: b                       while True:
    M: c                           if entry <= 0: a
    goto L                         if entry <= 1: b
                                   c; entry = 1; continue
                                   break

Go lets a goto lead only to the same list or to one around it, so that it is a `continue` of such a loop, from within
others if need be.

    GT1  what one part declares and another reads has a value before the loop, which nobody sees

Next: lower_defers.py
"""

from __future__ import annotations

from itertools import pairwise

from lang import syntax
from lang.flow import Break, Flow, Loop, ends
from lang.lower_frame import Place
from lang.lower_loops import Loops, Target
from lang.objects import Var

Entry = tuple[syntax.Stmt, str, int]  # what stands for the loop, its variable, and the part to begin with


class Gotos(Loops):
    """Statements in a row, with labels."""

    entries: dict[syntax.Stmt, Entry]

    def statements(self, statements: list[syntax.Stmt]) -> None:
        """Statements in a row; in a loop if a goto leads to one of them."""
        labels = [[label for label in labels_of(statement) if label.is_goto_target] for statement in statements]
        starts = [i for i, found in enumerate(labels) if found]
        if not starts:
            super().statements(statements)
            return
        loop, entry = statements[starts[0]], self.names.fresh("entry")
        for number, start in enumerate(starts, 1):
            self.entries.update(dict.fromkeys(labels[start], (loop, entry, number)))
        target = Target(loop)
        lines: list[Flow] = []
        self.targets.append(target)
        with self.inside(lines):
            for number, (start, end) in enumerate(pairwise([0, *starts])):
                if start < end:
                    with self.inside(self.if_(f"{entry} <= {number}").then):
                        super().statements(statements[start:end])
            super().statements(statements[starts[-1] :])
            if not ends(lines):
                self.add(Break())
        self.targets.pop()
        self.give_values(statements[: starts[-1]])  # GT1
        self.step(f"{entry} = 0", entry)
        self.close_loop(Loop("True", lines), target)

    def give_values(self, statements: list[syntax.Stmt]) -> None:
        """Zeros for the variables that are declared in a list of statements (GT1)."""
        for var in declared_in(statements):
            found = self.locals[var]
            if isinstance(found, Place):
                self.step(f"{found.pointer} = {self.types.pointee(var.type)}.at(0)", found.pointer)
            else:
                components = self.types.components(var.type)
                self.set_locals(found, components, tuple(component.zero for component in components))

    def goto(self, label: syntax.Stmt) -> None:
        """goto L"""
        loop, entry, number = self.entries[label]
        self.step(f"{entry} = {number}", entry)
        self.jump(loop, "continue", "")


def labels_of(statement: syntax.Stmt) -> list[syntax.Labeled]:
    """The labels of a statement."""
    found = []
    while isinstance(statement, syntax.Labeled):
        found.append(statement)
        statement = statement.statement
    return found


def declared_in(statements: list[syntax.Stmt]) -> list[Var]:
    """The variables that a list of statements declares, but for those in blocks of their own."""
    found: list[Var | None] = []
    for statement in statements:
        labels = labels_of(statement)
        match labels[-1].statement if labels else statement:
            case syntax.Define(new=new):
                found += new
            case syntax.DeclStmt(declarations=declarations):
                found += [var for x in declarations if isinstance(x, syntax.VarDecl) for var in x.vars]
    return [var for var in found if var is not None]
