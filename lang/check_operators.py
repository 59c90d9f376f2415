"""Operators: + - * / and their kin, comparisons, shifts, &x and *p.

Two constants give a constant, computed exactly and then fitted into the type. Otherwise an untyped operand takes the
other one's type, and both must then be identical.

Go: types2/expr.go.                                             Next: check_types.py
"""

from __future__ import annotations

from collections.abc import Callable

from lang import codes
from lang import constants as c
from lang import syntax as s
from lang.check_base import is_valid, unparen
from lang.check_conversions import Conversions, is_nil
from lang.go_types import (
    BOOL,
    INVALID,
    UINT,
    UNTYPED_BOOL,
    UNTYPED_INT,
    Chan,
    Pointer,
    Type,
    basic,
    composite_kind,
    default_type,
    has_nil,
    incomparable_part,
    is_interface,
    is_ordered,
    is_untyped,
)
from lang.objects import Var
from lang.spelling import spelled

COMPARISONS = frozenset(["==", "!=", "<", "<=", ">", ">="])
SHIFTS = frozenset(["<<", ">>"])
_INTEGER_OPERATORS = frozenset(["%", "&", "|", "^", "&^"])
_OPERATION_NAMES = {"+": "addition", "-": "subtraction", "^": "bitwise XOR", "*": "multiplication", "<<": "shift"}


class Operators(Conversions):
    """Unary and binary expressions."""

    # ------------------------------------------------------------ unary

    def check_unary(self, x: s.Unary) -> None:
        """op operand"""
        operand = x.operand
        self.expr(operand)
        if not is_valid(operand):
            self.invalidate(x, operand.type)
            return
        if x.op == "&":
            self._address(x)
            return
        if x.op == "<-":
            self._receive(x)
            return
        if x.op == "~":
            self._tilde(x)
            return
        self._operation(x, x.op)

    def _tilde(self, x: s.Unary) -> None:
        """~operand is C's; on integers, Go goes on as if it were ^operand."""
        is_integer = basic(x.operand.type).is_integer
        hint = " (use ^ for bitwise complement)" if is_integer else ""
        self.error(codes.OPERATOR, x, f"cannot use ~ outside of interface or type constraint{hint}")
        if is_integer:
            self._operation(x, "^")
        else:
            self.invalidate(x, x.operand.type)

    def _operation(self, x: s.Unary, op: str) -> None:
        """An operator that is defined on some basic types."""
        operand = x.operand
        defined = {"!": basic(operand.type).is_boolean, "^": basic(operand.type).is_integer}
        if not defined.get(op, basic(operand.type).is_numeric):
            message = f"invalid operation: operator {op} not defined on {self.described(operand)}"
            self.error(codes.OPERATOR, operand, message)
            self.invalidate(x, operand.type)
            return
        x.type = operand.type
        if operand.mode is s.Mode.CONSTANT:
            x.mode = s.Mode.CONSTANT
            if operand.value is not None:
                x.value = c.unary(op, operand.value, basic(x.type))
                self.check_overflow(x, x.pos)
        else:
            x.mode = s.Mode.VALUE

    def _address(self, x: s.Unary) -> None:
        operand = x.operand
        if not isinstance(unparen(operand), s.CompositeLit) and operand.mode is not s.Mode.VARIABLE:
            message = f"invalid operation: cannot take address of {self.described(operand)}"
            self.error(codes.ADDRESS, operand, message)
            self.invalidate(x, operand.type)
            return
        self.take_address(operand)
        x.mode, x.type = s.Mode.VALUE, Pointer(operand.type)

    def take_address(self, x: s.Expr) -> None:
        """Note that the variable which x is, or is a part of, has its address taken."""
        while True:
            x = unparen(x)
            if isinstance(x, s.Name):
                if isinstance(x.object, Var):
                    x.object.address_taken = True
                    x.object.taken_at = x.pos if x.object.taken_at < 0 else x.object.taken_at
                return
            if isinstance(x, s.Selector) and isinstance(x.selection, s.FieldSelection):
                if any(step.through_pointer for step in x.selection.steps):
                    return
                x = x.operand
            elif isinstance(x, s.Index) and type(x.operand.type.underlying).__name__ == "Array":
                x = x.operand
            else:
                return

    def _receive(self, x: s.Unary) -> None:
        self.refuse(x, "channels")
        self.has_call = True
        elem = self.channel_elem(x.operand, x.operand, receiving=True)
        if elem is None:
            self.invalidate(x, x.operand.type)
            return
        x.mode, x.type = s.Mode.COMMA_OK, elem

    def channel_elem(self, at: s.Node, x: s.Expr, receiving: bool) -> Type | None:
        """What x carries, a channel to receive from or to send to; else None, and an error at this place says why."""
        channel, wrong_way = x.type.underlying, "send" if receiving else "receive"
        if isinstance(channel, Chan) and channel.direction != wrong_way:
            return channel.elem
        action = "receive from" if receiving else "send to"
        what = f"{wrong_way}-only channel" if isinstance(channel, Chan) else "non-channel"
        message = f"invalid operation: cannot {action} {what} {x.type} {self.described(x)}"
        self.error(codes.OPERATOR, at, message)
        return None

    def check_deref(self, x: s.Deref) -> None:
        """*operand: a value or a type"""
        self.expr_or_type(x.operand)
        operand = x.operand
        if not is_valid(operand):
            self.invalidate(x, operand.type)
            return
        if operand.mode is s.Mode.TYPE:
            x.mode, x.type = s.Mode.TYPE, Pointer(operand.type)
            return
        pointer = operand.type.underlying
        if operand.mode is s.Mode.NIL or not isinstance(pointer, Pointer):
            message = f"invalid operation: cannot indirect {self.described(operand)}"
            self.error(codes.OPERATOR, operand, message)
            self.invalidate(x, operand.type)
            return
        x.mode, x.type = s.Mode.VARIABLE, pointer.elem

    def check_overflow(self, x: s.Expr, op_pos: int) -> None:
        """Fit a computed constant into its type; untyped integers have a generous limit, beyond which none is known."""
        if not is_untyped(x.type):
            self.representable(x, x.type)
        elif isinstance(x.value, int) and x.value.bit_length() > c.MAX_BITS:
            name = _OPERATION_NAMES.get(x.op, "") if isinstance(x, s.Binary) else "bitwise complement"
            self.error(codes.CONSTANT_RANGE, op_pos, f"constant {name} overflow".replace("  ", " "))
            x.value = None

    # ------------------------------------------------------------ binary

    def check_binary(self, x: s.Binary) -> None:
        """left op right"""
        self.expr(x.left)
        self.expr(x.right)
        self.combine(x, x.left, x.right, x.op, x.op_pos, lambda: spelled(x))

    def combine(
        self, x: s.Expr, left: s.Expr, right: s.Expr, op: str, op_pos: int, text: Callable[[], str]
    ) -> None:
        """Give x, spelled as `text` says, the mode, type and value of two checked operands joined by an operator."""
        if not is_valid(left) or not is_valid(right):
            self.invalidate(x, left.type)
            return
        if op in SHIFTS:
            self._shift(x, left, right, op, op_pos)
            return
        self.match_types(left, right)
        if not is_valid(left) or not is_valid(right):
            self.invalidate(x, left.type)
            return
        if op in COMPARISONS:
            if self.compare(left, right, op):
                self._compared(x, left, right, op)
            else:
                self.invalidate(x, left.type)
            return
        if left.type != right.type:
            if INVALID not in (left.type, right.type):
                message = f"invalid operation: {text()} (mismatched types {left.type} and {right.type})"
                self.error(codes.MISMATCHED_TYPES, left, message)
            self.invalidate(x, left.type)
            return
        if not self._is_defined(op, left.type):
            message = f"invalid operation: operator {op} not defined on {self.described(left)}"
            self.error(codes.OPERATOR, left, message)
            self.invalidate(x, left.type)
            return
        if op in "/%" and not self._check_divisor(left, right):
            self.invalidate(x, left.type)
            return
        x.type = left.type
        x.mode = s.Mode.VALUE
        if left.mode is s.Mode.CONSTANT and right.mode is s.Mode.CONSTANT:
            self._fold(x, left, right, op, op_pos)

    def _fold(self, x: s.Expr, left: s.Expr, right: s.Expr, op: str, op_pos: int) -> None:
        """Compute a constant."""
        x.mode = s.Mode.CONSTANT
        a, b = left.value, right.value
        if a is None or b is None:
            return
        if basic(x.type).is_integer:
            a, b = c.as_integer(a) or 0, c.as_integer(b) or 0
        x.value = c.binary(op, a, b)
        self.check_overflow(x, op_pos)

    def _is_defined(self, op: str, type_: Type) -> bool:
        kind = basic(type_)
        if op in ("&&", "||"):
            return kind.is_boolean
        if op in _INTEGER_OPERATORS:
            return kind.is_integer
        return kind.is_numeric or (op == "+" and kind.is_string)

    def _check_divisor(self, left: s.Expr, right: s.Expr) -> bool:
        may_trap = left.mode is s.Mode.CONSTANT or basic(left.type).is_integer
        if may_trap and right.mode is s.Mode.CONSTANT and right.value == 0:
            self.error(codes.DIVISION_BY_ZERO, right, "invalid operation: division by zero")
            return False
        return True

    def match_types(self, left: s.Expr, right: s.Expr) -> None:
        """Give an untyped operand the type of the other one, where that may work."""
        if self._may_convert(left, right):
            self.convert_untyped(left, right.type)
            if is_valid(left):
                self.convert_untyped(right, left.type)

    def _may_convert(self, left: s.Expr, right: s.Expr) -> bool:
        a, b = basic(left.type), basic(right.type)
        if not is_untyped(left.type) and not is_untyped(right.type):
            return False
        if a.is_numeric != b.is_numeric:
            return False
        if is_interface(left.type) or is_interface(right.type):
            return True
        if a.is_boolean != b.is_boolean or a.is_string != b.is_string:
            return False
        if is_nil(left):
            return has_nil(right.type)
        if is_nil(right):
            return has_nil(left.type)
        return not isinstance(left.type.underlying, Pointer) and not isinstance(right.type.underlying, Pointer)

    # ------------------------------------------------------------ comparisons

    def compare(self, left: s.Expr, right: s.Expr, op: str, in_switch: bool = False) -> bool:
        """Whether two operands can be compared; reports if not."""
        if INVALID in (left.type, right.type):
            return False
        culprit, why = self._incomparable(left, right, op)
        if culprit is None:
            return True
        if not why:
            what = composite_kind(culprit.type) or str(culprit.type)
            why = f"operator {op} not defined on {what}"
        if in_switch:
            message = f"invalid case {spelled(left)} in switch on {spelled(right)} ({why})"
            self.error(codes.MISMATCHED_TYPES, left, message)
        else:
            message = f"invalid operation: {spelled(left)} {op} {spelled(right)} ({why})"
            code = codes.MISMATCHED_TYPES if why.startswith("mismatched") else codes.OPERATOR
            self.error(code, culprit, message)
        return False

    def _incomparable(self, left: s.Expr, right: s.Expr, op: str) -> tuple[s.Expr | None, str]:
        """The operand that cannot be compared, and maybe why."""
        if not self.assignable_to(left, right.type)[0] and not self.assignable_to(right, left.type)[0]:
            return right, f"mismatched types {left.type} and {right.type}"
        if op not in ("==", "!="):
            for x in (left, right):
                if not is_ordered(x.type):
                    return x, ""
            return None, ""
        if left.mode is s.Mode.NIL or right.mode is s.Mode.NIL:
            other = right.type if left.mode is s.Mode.NIL else left.type
            both_nil = left.mode is s.Mode.NIL and right.mode is s.Mode.NIL
            return (right, "") if both_nil or not has_nil(other) else (None, "")
        for x in (left, right):
            why = incomparable_part(x.type)
            if why:
                return x, why
        return None, ""

    def _compared(self, x: s.Expr, left: s.Expr, right: s.Expr, op: str) -> None:
        x.type = UNTYPED_BOOL
        if left.mode is s.Mode.CONSTANT and right.mode is s.Mode.CONSTANT:
            x.mode = s.Mode.CONSTANT
            x.value = False  # of values not known
            if left.value is not None and right.value is not None:
                x.value = c.compare(op, left.value, right.value)
            return
        x.mode = s.Mode.VALUE
        self.set_type(left, default_type(left.type))
        self.set_type(right, default_type(right.type))

    def condition(self, x: s.Expr, statement: str) -> None:
        """Check the condition of an if or for statement."""
        self.expr(x)
        if is_valid(x) and not basic(x.type).is_boolean:
            self.error(codes.CONDITION, x, f"non-boolean condition in {statement} statement")
        else:
            self.set_type(x, BOOL)

    # ------------------------------------------------------------ shifts

    def _shift(self, x: s.Expr, left: s.Expr, count: s.Expr, op: str, op_pos: int) -> None:
        whole = c.as_integer(left.value) if left.mode is s.Mode.CONSTANT and left.value is not None else None
        if not basic(left.type).is_integer and not (is_untyped(left.type) and whole is not None):
            message = f"invalid operation: shifted operand {self.described(left)} must be integer"
            self.error(codes.OPERATOR, left, message)
            self.invalidate(x, left.type)
            return
        is_constant = left.mode is count.mode is s.Mode.CONSTANT
        if not self._check_count(count, is_constant):
            self.invalidate(x, left.type)
            return
        if is_constant:
            self._shift_constant(x, left, count, op, op_pos)
            return
        self.set_type(count, UINT)
        x.type, x.mode = left.type, s.Mode.VALUE
        if left.mode is s.Mode.CONSTANT and is_untyped(left.type):
            # Its type will be what it would be without the shift, so it has to wait.
            self.shift_operands.add(left)
        elif not basic(left.type).is_integer:
            message = f"invalid operation: shifted operand {self.described(left)} must be integer"
            self.error(codes.OPERATOR, left, message)
            self.invalidate(x, left.type)

    def _check_count(self, count: s.Expr, is_constant: bool) -> bool:
        """Whether an operand can be a shift count; one of a constant shift is looked at again when it is done."""
        if count.mode is s.Mode.CONSTANT and count.value is not None:
            whole = c.as_integer(count.value)
            if whole is not None and whole < 0:
                message = f"invalid operation: negative shift count {self.described(count)}"
                self.error(codes.SHIFT_COUNT, count, message)
                return False
            if is_untyped(count.type):
                return self._is_representable_count(count)
        if basic(count.type).is_integer or is_constant:
            return True
        if is_untyped(count.type):
            self.convert_untyped(count, UINT)
            return is_valid(count)
        message = f"invalid operation: shift count {self.described(count)} must be integer"
        self.error(codes.SHIFT_COUNT, count, message)
        return False

    def _is_representable_count(self, count: s.Expr) -> bool:
        """Whether an untyped constant fits uint. Its type is left alone, for messages to come."""
        implied = self.implied(count, UINT)
        if implied.problem:
            self.convert_untyped(count, UINT)
        return not implied.problem

    def _shift_constant(self, x: s.Expr, left: s.Expr, count: s.Expr, op: str, op_pos: int) -> None:
        x.type = left.type if basic(left.type).is_integer else UNTYPED_INT
        x.mode = s.Mode.CONSTANT
        if left.value is None or count.value is None:
            return
        places = c.as_integer(count.value)
        if places is None or places > c.MAX_SHIFT:
            self.error(codes.SHIFT_COUNT, count, f"invalid operation: invalid shift count {self.described(count)}")
            self.invalidate(x, left.type)
            return
        x.value = c.shift(op, c.as_integer(left.value) or 0, places)
        self.check_overflow(x, op_pos)
