"""Conditions: comparisons, `and or not`, and the choice between two values.

    a < b <= c         compare, and go on only if it holds; a phi of the verdicts
    a and b            as a condition, blocks alone; as a value, blocks and a phi
    x if c else y      two blocks and a phi
    likely(c)          the branch that c decides carries weights

Next: lower_memory.py
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from runtime.syspy import subset
from runtime.syspy.emission import LIKELY, UNLIKELY, Value
from runtime.syspy.kinds import FLOATS, INTEGERS, LLVM, SIGNED, Kind, default_kind, kind_name, llvm_type
from runtime.syspy.lower_values import Values
from runtime.syspy.operators import EQUALITY, FLOAT_TESTS, FOLDS, SIGNED_TESTS, SPELLING, UNSIGNED_TESTS

_ELSE = (subset.MIXED_TYPES, "a value", "else")


class Conditions(Values):
    """Expressions that decide something."""

    def value_wanted(self, node: ast.expr, kind: Kind) -> Value:
        """The value of an expression whose untyped parts had better be of a kind."""
        return self.conditional(node, kind) if type(node) is ast.IfExp else self.value(node)

    def compare(self, node: ast.Compare) -> Value:
        """`a < b`, and chains `a <= b < c`, whose middle is evaluated once."""
        left = self.value(node.left)
        right = self.value(node.comparators[0])
        result = self.test(node, type(node.ops[0]), left, right)
        if len(node.ops) == 1:
            return result
        end, incoming = self.label(), []
        for op, comparator in zip(node.ops[1:], node.comparators[1:], strict=True):
            more = self.label()
            verdict = self.settled(result, node)[1]
            incoming.append(f"[ {verdict}, %{self.block} ]")
            self.branch(verdict, more, end)
            self.place(more)
            left, right = right, self.value(comparator)
            result = self.test(node, type(op), left, right)
        incoming.append(f"[ {self.settled(result, node)[1]}, %{self.block} ]")
        self.place(end)
        return bool, self.emit(f"phi i1 {', '.join(incoming)}")

    def test(self, node: ast.expr, operation: type, left: Value, right: Value) -> Value:
        """One comparison."""
        if left[0] is None and right[0] is None:
            return self.folded(node, FOLDS.get(operation), left[1], right[1])
        sign = SPELLING[operation]
        kind, a, b = self.matched(node, sign, left, right)
        if kind in FLOATS and operation in FLOAT_TESTS:
            return bool, self.emit(f"fcmp {FLOAT_TESTS[operation]} {LLVM[kind]} {a}, {b}")
        tests = SIGNED_TESTS if kind in SIGNED else UNSIGNED_TESTS
        is_ordered = kind in INTEGERS
        if operation not in tests or not (is_ordered or operation in EQUALITY):
            self.refuse(subset.OPERAND, node, kind_name(kind), sign)
        return bool, self.emit(f"icmp {tests[operation]} {llvm_type(kind)} {a}, {b}")

    def condition(self, node: ast.expr, yes: str, no: str, weight: str = "") -> None:
        """Branch on a condition; and, or, not, likely and unlikely become blocks and weights."""
        if isinstance(node, ast.BoolOp):
            is_and = isinstance(node.op, ast.And)
            for part in node.values[:-1]:
                more = self.label()
                self.condition(part, more if is_and else yes, no if is_and else more, weight)
                self.place(more)
            self.condition(node.values[-1], yes, no, weight)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            opposite = {LIKELY: UNLIKELY, UNLIKELY: LIKELY}.get(weight, "")
            self.condition(node.operand, no, yes, opposite)
        else:
            inner, inner_weight = self.weighted(node)
            if inner is not node:
                self.condition(inner, yes, no, inner_weight)
            else:
                self.branch(self.typed(node, bool, subset.CONDITION), yes, no, weight)

    def weighted(self, node: ast.expr) -> tuple[ast.expr, str]:
        """The condition inside likely(...) or unlikely(...), and its weight: Calls fills this in."""
        raise NotImplementedError

    def bool_operation(self, node: ast.BoolOp) -> Value:
        """`a and b` as a value."""
        yes, no, end = self.label(), self.label(), self.label()
        self.condition(node, yes, no)
        self.place(yes)
        self.jump(end)
        self.place(no)
        self.place(end)
        return bool, self.emit(f"phi i1 [ true, %{yes} ], [ false, %{no} ]")

    def conditional(self, node: ast.expr, want: Kind = None) -> Value:
        """`a if c else b`; of the kind that is wanted, if both are untyped."""
        assert isinstance(node, ast.IfExp)
        yes, no, end = self.label(), self.label(), self.label()
        self.condition(node.test, yes, no)
        self.place(yes)
        left = self.value_wanted(node.body, want)
        left_end = self.block
        self.jump(end)
        self.place(no)
        right = self.value_wanted(node.orelse, want)
        right_end = self.block
        if left[0] is None and right[0] is None:
            left = want or default_kind(left[1]), self.adapted(left[1], want or default_kind(left[1]), node, *_ELSE)
        kind, a, b = self.matched(node, "else", left, right)
        self.place(end)
        return kind, self.emit(f"phi {llvm_type(kind)} [ {a}, %{left_end} ], [ {b}, %{right_end} ]")


DECISIONS: dict[type, Callable[[Any, Any], Value]] = {
    ast.Compare: Conditions.compare,
    ast.BoolOp: Conditions.bool_operation,
    ast.IfExp: Conditions.conditional,
}
