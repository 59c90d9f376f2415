"""Values: constants, names, and arithmetic.

    a + b        add, with nsw for signed types and nuw for unsigned ones below 64 bits: plain arithmetic does not
                 overflow. u64 has neither, so that a sum of addresses may leave the range and come back.
    u64(a + b)   add alone: in a conversion `wrap` is the width of the target, and operators at least that wide wrap

In debug builds plain operators go through llvm.*.with.overflow and fail when they overflow.

Next: lower_conditions.py
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from runtime.syspy import subset
from runtime.syspy.constant_data import Data
from runtime.syspy.emission import MISSING, UNLIKELY, VOID, Emission, Value
from runtime.syspy.kinds import (
    BITS,
    FLOATS,
    INTEGERS,
    LLVM,
    SIGNED,
    UNSIGNED,
    Kind,
    kind_name,
    llvm_type,
)
from runtime.syspy.machine import f32
from runtime.syspy.operators import BITWISE, DIVIDING, FLOATING, FOLDS, OVERFLOWING, SPELLING, WRAPPING
from runtime.syspy.subset import spelt


class Values(Emission):
    """Arithmetic and what it works on."""

    def value(self, node: ast.expr) -> Value:
        """The value of an expression."""
        method = self.VALUES.get(type(node))
        if method is None:
            self.refuse(subset.EXPRESSION, node, type(node).__name__)
        found: Value = method(self, node)
        if found[0] is VOID:
            self.refuse(subset.NO_VALUE, node, spelt(node))
        return found

    # Constants and names

    def constant(self, node: ast.Constant) -> Value:
        """A number or a bool, untyped."""
        if isinstance(node.value, (int, float)):
            return None, node.value
        self.refuse(subset.EXPRESSION, node, repr(node.value))

    def name(self, node: ast.Name) -> Value:
        """A local, or what the module calls so."""
        known = self.locals.get(node.id)
        if known is None:
            return self.object_value(self.static(node), node)
        if node.id not in self.assigned:
            self.refuse(subset.UNASSIGNED, node, node.id)
        kind, slot = known
        if node.id in self.written_once:
            return known
        return kind, self.emit(f"load {llvm_type(kind)}, ptr {slot}")

    def object_value(self, found: Any, node: ast.expr) -> Value:
        """The value of a module-level object: a number, or constant data."""
        if isinstance(found, (int, float)):
            return None, found
        if found is MISSING:
            self.refuse(subset.UNDEFINED, node, spelt(node))
        data = self.unit.constant_data(found, f"{self.names['__name__']}.{spelt(node)}")
        if data is None:
            self.refuse(subset.GLOBAL_STATE, node, spelt(node))
        return data.pointer_kind, self.constant_symbol(data, node)

    def constant_symbol(self, data: Data, node: ast.AST) -> str:
        """The symbol of constant data, which may break a rule of its own."""
        stray = self.unit.stray_pointer(data)
        if stray:
            self.refuse(subset.CONSTANT_TARGET, node, stray)
        return self.unit.constant(data)

    # Arithmetic

    def binary(self, node: ast.BinOp, wrap: int = 0) -> Value:
        """`a op b`; inside a conversion to `wrap` bits, operators at least that wide wrap."""
        operation = type(node.op)
        left = self.operand(node.left, wrap, operation)
        right = self.operand(node.right, wrap, operation)
        if left[0] is None and right[0] is None:
            return self.folded(node, FOLDS.get(operation), left[1], right[1])
        if operation is ast.LShift or operation is ast.RShift:
            return self.shift(node, left, right, wrap)
        kind, a, b = self.matched(node, SPELLING[operation], left, right, wrap)
        if kind in INTEGERS:
            wraps = 0 < wrap <= BITS[kind]
            if operation in OVERFLOWING:
                return kind, self.sum(OVERFLOWING[operation], kind, a, b, wraps)
            if operation in BITWISE:
                return kind, self.emit(f"{BITWISE[operation]} {LLVM[kind]} {a}, {b}")
            if operation in DIVIDING:
                return kind, self.divided(DIVIDING[operation], kind, a, b)
        elif kind in FLOATS and operation in FLOATING:
            if kind is f32 and node not in self.rounded:
                self.refuse(subset.FLOAT_ROUNDING, node)
            return kind, self.emit(f"{FLOATING[operation]} {LLVM[kind]} {a}, {b}")
        elif kind is bool and operation in BITWISE:
            return kind, self.emit(f"{BITWISE[operation]} i1 {a}, {b}")
        self.refuse(subset.OPERAND, node, kind_name(kind), SPELLING[operation])

    def operand(self, node: ast.expr, wrap: int, parent: type) -> Value:
        """An operand: wrapping goes on through operators that wrap, and `&` lets ~ stand beside it."""
        kind = type(node)
        if kind is ast.BinOp:
            return self.binary(node, wrap if type(node.op) in WRAPPING else 0)  # type: ignore[arg-type,attr-defined]
        if kind is ast.UnaryOp:
            return self.unary(node, wrap, parent is ast.BitAnd)  # type: ignore[arg-type]
        if wrap and kind is ast.Call:
            return self.call_wrapped(node, wrap)  # type: ignore[arg-type]
        return self.value(node)

    def call_wrapped(self, node: ast.Call, wrap: int) -> Value:
        """A call inside a conversion to `wrap` bits: Calls fills this in."""
        raise NotImplementedError

    def matched(self, node: ast.expr, sign: str, left: Value, right: Value, wrap: int = 0) -> tuple[Kind, str, str]:
        """Both operands in their common kind."""
        kind = right[0] if left[0] is None else left[0]
        if right[0] is not None and right[0] is not kind:
            self.refuse(subset.MIXED_TYPES, node, kind_name(kind), sign, kind_name(right[0]))
        return kind, self.adapted_to(left, kind, node, wrap), self.adapted_to(right, kind, node, wrap)

    def adapted_to(self, value: Value, kind: Kind, node: ast.AST, wrap: int) -> str:
        """The operand of a value that is of the kind, or untyped; where arithmetic wraps, constants do too."""
        if value[0] is not None:
            return value[1]  # type: ignore[no-any-return]
        constant = value[1]
        if kind in INTEGERS and wrap and type(constant) is int:
            constant = kind(constant)
        return self.adapted(constant, kind, node, subset.MIXED_TYPES, kind_name(kind), "and")

    def folded(self, node: ast.AST, fold: Callable[..., Any] | None, *operands: Any) -> Value:
        """An operator on untyped constants, done now."""
        try:
            if fold is None:
                raise TypeError("no such operator")
            return None, fold(*operands)
        except (ArithmeticError, TypeError, ValueError) as error:
            self.refuse(subset.CONSTANT_FOLD, node, error)

    def sum(self, operation: str, kind: Kind, a: str, b: str, wraps: bool) -> str:
        """`+ - *`: wrapping, or known not to overflow."""
        if wraps:
            return self.emit(f"{operation} {LLVM[kind]} {a}, {b}")
        if self.unit.debug:
            return self.checked_sum(operation, kind, a, b)
        flag = " nsw" if kind in SIGNED else " nuw" if BITS[kind] < 64 else ""
        return self.emit(f"{operation}{flag} {LLVM[kind]} {a}, {b}")

    def checked_sum(self, operation: str, kind: Kind, a: str, b: str) -> str:
        """`+ - *` of a debug build: an overflow fails."""
        name = f"llvm.{'s' if kind in SIGNED else 'u'}{operation}.with.overflow.{LLVM[kind]}"
        width = LLVM[kind]
        self.unit.declare(name, f"{{ {width}, i1 }} @{name}({width}, {width})")
        both = self.emit(f"call {{ {width}, i1 }} @{name}({width} {a}, {width} {b})")
        self.trap(self.emit(f"extractvalue {{ {width}, i1 }} {both}, 1"), "arithmetic overflow")
        return self.emit(f"extractvalue {{ {width}, i1 }} {both}, 0")

    def trap(self, condition: str, text: str) -> None:
        """Throw if a condition holds: what debug builds check."""
        bad, good = self.label(), self.label()
        self.branch(condition, bad, good, UNLIKELY)
        self.place(bad)
        self.throw(f"{text} in {self.signature.symbol}")
        self.place(good)

    def throw(self, text: str) -> None:
        """Fail with a constant text: Calls fills this in."""
        raise NotImplementedError

    def divided(self, operation: str, kind: Kind, a: str, b: str) -> str:
        """`// %`: both operands are not negative, and b is not zero."""
        width = LLVM[kind]
        if self.unit.debug:
            self.trap(self.emit(f"icmp eq {width} {b}, 0"), "division by zero")
            if kind in SIGNED:
                sign = self.emit(f"or {width} {a}, {b}")
                self.trap(self.emit(f"icmp slt {width} {sign}, 0"), "// or % of a negative number")
        return self.emit(f"{operation} {width} {a}, {b}")

    def shift(self, node: ast.BinOp, left: Value, right: Value, wrap: int) -> Value:
        """`<< >>`: the count is unsigned and less than the width."""
        kind, a = left
        sign = SPELLING[type(node.op)]
        if kind is None:
            self.refuse(subset.UNTYPED_SHIFT, node)
        if kind not in INTEGERS:
            self.refuse(subset.OPERAND, node, kind_name(kind), sign)
        count = self.shift_count(node, right, kind)
        width = LLVM[kind]
        if isinstance(node.op, ast.RShift):
            return kind, self.emit(f"{'ashr' if kind in SIGNED else 'lshr'} {width} {a}, {count}")
        if 0 < wrap <= BITS[kind]:
            return kind, self.emit(f"shl {width} {a}, {count}")
        if self.unit.debug:
            return kind, self.checked_shift(kind, a, count)
        flag = " nsw" if kind in SIGNED else " nuw" if BITS[kind] < 64 else ""
        return kind, self.emit(f"shl{flag} {width} {a}, {count}")

    def checked_shift(self, kind: Kind, a: str, count: str) -> str:
        """`<<` of a debug build: bits that fall off fail."""
        width = LLVM[kind]
        shifted = self.emit(f"shl {width} {a}, {count}")
        back = self.emit(f"{'ashr' if kind in SIGNED else 'lshr'} {width} {shifted}, {count}")
        self.trap(self.emit(f"icmp ne {width} {back}, {a}"), "arithmetic overflow")
        return shifted

    def shift_count(self, node: ast.BinOp, count: Value, kind: Kind) -> str:
        """A shift count, in the width of what is shifted."""
        bits = BITS[kind]
        found, operand = count
        if found is None and type(operand) is int and 0 <= operand < bits:
            return str(operand)
        if found not in UNSIGNED:
            self.refuse(subset.SHIFT_COUNT, node, bits - 1)
        if self.unit.debug:
            self.trap(self.emit(f"icmp uge {LLVM[found]} {operand}, {bits}"), "shift count out of range")
        return self.resized(operand, found, kind)

    def resized(self, operand: str, source: Kind, target: Kind) -> str:
        """An integer or a bool in the width of another integer type."""
        if BITS[source] == BITS[target]:
            return operand
        operation = "trunc" if BITS[source] > BITS[target] else "sext" if source in SIGNED else "zext"
        return self.emit(f"{operation} {LLVM[source]} {operand} to {LLVM[target]}")

    def unary(self, node: ast.UnaryOp, wrap: int = 0, beside_and: bool = False) -> Value:
        """`-x`, `~x`, `not x`."""
        operation = type(node.op)
        if operation is ast.Not:
            condition = self.typed(node.operand, bool, subset.CONDITION)
            return bool, self.emit(f"xor i1 {condition}, true")
        kind, a = self.operand(node.operand, wrap, operation)
        if kind is None:
            return self.folded(node, operator.inv if operation is ast.Invert else operator.neg, a)
        if kind in FLOATS and operation is ast.USub:
            return kind, self.emit(f"fneg {LLVM[kind]} {a}")
        if kind not in INTEGERS or operation is ast.UAdd:
            self.refuse(subset.OPERAND, node, kind_name(kind), "~" if operation is ast.Invert else "-")
        wraps = 0 < wrap <= BITS[kind]
        if operation is ast.Invert:
            if kind in UNSIGNED and not wraps and not beside_and:
                self.refuse(subset.INVERT_UNSIGNED, node, kind_name(kind), kind_name(kind))
            return kind, self.emit(f"xor {LLVM[kind]} {a}, -1")
        if kind in UNSIGNED and not wraps:
            self.refuse(subset.NEGATE_UNSIGNED, node, kind_name(kind), kind_name(kind))
        return kind, self.sum("sub", kind, "0", a, wraps)


ARITHMETIC: dict[type, Callable[[Any, Any], Value]] = {
    ast.Constant: Values.constant,
    ast.Name: Values.name,
    ast.BinOp: Values.binary,
    ast.UnaryOp: Values.unary,
}
