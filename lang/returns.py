"""Returns: whether control can reach the end of a function that has results.

    return x      panic(x)     goto L        terminate
    if c { ... } else { ... }                if both branches do
    for { ... }                              if no break leaves it
    switch x { ... default: ... }            if every case does, and no break leaves it

Go: types2/return.go.                                           Next: check_declarations.py
"""

from __future__ import annotations

from collections.abc import Collection

from lang import syntax as s
from lang.check_base import unparen


def is_terminating_block(x: s.Block, panics: Collection[s.Call]) -> bool:
    """Whether control never leaves a block at its end. `panics` are the calls of the predeclared panic."""
    return _list_terminates(x.statements, panics)


def _list_terminates(statements: list[s.Stmt], panics: Collection[s.Call]) -> bool:
    for statement in reversed(statements):
        if not isinstance(statement, s.Empty):
            return _terminates(statement, panics)
    return False


def _terminates(x: s.Stmt, panics: Collection[s.Call]) -> bool:
    match x:
        case s.Return():
            return True
        case s.Branch(keyword=keyword):
            return keyword in ("goto", "fallthrough")
        case s.ExprStmt(expr=expr):
            return unparen(expr) in panics
        case s.Block():
            return is_terminating_block(x, panics)
        case s.Labeled(statement=statement):
            return _terminates(statement, panics)
        case s.If(then=then, else_=else_):
            return else_ is not None and is_terminating_block(then, panics) and _terminates(else_, panics)
        case s.For(condition=condition, body=body):
            return condition is None and not _has_break(body.statements, x)
        case s.Switch(cases=cases) | s.TypeSwitch(cases=cases):
            ends = all(_list_terminates(case.body, panics) and not _has_break(case.body, x) for case in cases)
            return ends and any(case.values is None for case in cases)
        case s.Select(clauses=clauses):
            return all(_list_terminates(cl.body, panics) and not _has_break(cl.body, x) for cl in clauses)
    return False


def _has_break(statements: list[s.Stmt], left: s.Stmt) -> bool:
    """Whether a break among the statements leaves a statement."""
    return any(_breaks(statement, left) for statement in statements)


def _breaks(x: s.Stmt, left: s.Stmt) -> bool:
    match x:
        case s.Branch(keyword=keyword, target=target):
            return keyword == "break" and target is left
        case s.Block(statements=statements):
            return _has_break(statements, left)
        case s.Labeled(statement=statement):
            return _breaks(statement, left)
        case s.If(then=then, else_=else_):
            return _has_break(then.statements, left) or (else_ is not None and _breaks(else_, left))
        case s.For(body=body) | s.Range(body=body):
            return _has_break(body.statements, left)
        case s.Switch(cases=cases) | s.TypeSwitch(cases=cases):
            return any(_has_break(case.body, left) for case in cases)
        case s.Select(clauses=clauses):
            return any(_has_break(clause.body, left) for clause in clauses)
    return False
