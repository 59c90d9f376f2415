"""Operators: arithmetic that wraps as Go's does, comparison, and the two that may leave their right side out.

    a + b          i64(a + b)                 wrap-around is spelled as a conversion
    a / b          quotient(a, divisor(b, 7))
    a << n         shift_left(a, u64(n))
    s + t          concat2(g, s_data, s_length, t_data, t_length)
    p && q         p and q, or an `if` when q needs lines of its own

Next: lower_constants.py
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_float
from fractions import Fraction
from math import inf

from lang.flow import Flow, If
from lang.go_types import STRING, Array, Basic, Interface, Kind, Pointer, Struct, Type, basic
from lang.lower_frame import NotYet, Value
from lang.lower_places import Places
from lang.lower_types import MACHINE_TYPES, VIEW, Component, is_boxed
from lang.objects import Value as ConstantValue
from lang.syntax import Binary, Expr, Mode, Paren, Unary
from lang.type_notes import BYTES

STRING_RESULT = (Component("data", "Array[u8]", VIEW, ".data"), Component("length", "i64", "", ".length"))
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
MOST_PASSED = 3  # strings that are joined as arguments of one call; more lie in the frame
MOST_JOINED = 32  # by one call


class Operators(Places):
    """Unary and binary expressions."""

    # ---- constants

    def constant(self, expr: Expr) -> Value:
        """The components of a constant."""
        return self.constant_of(expr.value, expr.type)

    def constant_of(self, value: ConstantValue | None, t: Type) -> Value:
        """The components of a constant of type t."""
        if isinstance(value, bytes):
            return self.program.string(value)
        under = t.underlying
        if isinstance(under, Basic) and under.is_float:
            assert isinstance(value, int | Fraction), "a float constant is a number"
            return (float_text(Fraction(value), under),)
        return (str(value if isinstance(value, bool) else int(value or 0)),)

    # ---- unary

    def unary(self, expr: Unary) -> Value:
        """-x ^x +x !x &x"""
        if expr.op == "&":
            return (self.address_of(expr.operand),)
        (operand,) = self.value(expr.operand)
        kind = self.machine_type(expr.type)
        match expr.op:
            case "-":
                return (f"{kind}(-{operand})" if kind != "f64" else f"(-{operand})",)
            case "^":
                return (f"{kind}(~{operand})",)
            case "!":
                return (f"(not {operand})",)
            case "+":
                return (operand,)
        raise NotYet(expr, f"the operator {expr.op}")

    def address_of(self, expr: Expr) -> str:
        """&x: of a variable, a field, an element, or a fresh composite literal."""
        raise NotImplementedError

    def machine_type(self, t: Type) -> str:
        """The machine type of a number or bool."""
        under = t.underlying
        assert isinstance(under, Basic), f"{t} is no machine type"
        return MACHINE_TYPES[under.kind]

    # ---- binary

    def binary(self, expr: Binary) -> Value:
        """x op y"""
        if expr.op in ("&&", "||"):
            return (self.short_circuit(expr),)
        self.make_all_calls([expr.left, expr.right])
        if expr.op in COMPARISONS:
            return (self.comparison(expr.op, expr.left, expr.right),)
        if expr.op in ("<<", ">>"):
            return (self.shift(expr.op, self.value(expr.left)[0], expr.right, expr.type),)
        if expr.type.underlying == Basic(Kind.STRING, "string"):
            return self.concatenation(expr)
        left, right = self.value(expr.left)[0], self.value(expr.right)[0]
        return (self.arithmetic(expr.op, left, right, expr.type, expr.right),)

    def arithmetic(self, op: str, left: str, right: str, t: Type, right_expr: Expr) -> str:
        """The text of an arithmetic operation on two numbers of type t."""
        under = t.underlying
        assert isinstance(under, Basic), "arithmetic is on numbers"
        kind = MACHINE_TYPES[under.kind]
        if under.is_float:
            if op == "/":
                return f"divide({left}, {right})" if kind == "f64" else f"f32(divide(f64({left}), f64({right})))"
            return f"({left} {op} {right})" if kind == "f64" else f"f32({left} {op} {right})"
        if op in ("/", "%"):
            return self.division(op, left, right, under, right_expr)
        if op == "&^":
            return f"{kind}({left} & ~{right})"
        if op in ("&", "|", "^"):
            return f"({left} {op} {right})"
        return f"{kind}({left} {op} {right})"

    def division(self, op: str, left: str, right: str, under: Basic, right_expr: Expr) -> str:
        """Integer / and %: truncated, the divisor checked unless it is a constant."""
        name = "quotient" if op == "/" else "remainder"
        wide = "i64" if under.is_signed else "u64"
        kind = MACHINE_TYPES[under.kind]
        left, right = (typed_literal(text, wide) if kind == wide else f"{wide}({text})" for text in (left, right))
        if right_expr.mode is not Mode.CONSTANT:
            right = f"divisor_{wide}({right}, {self.position(right_expr)})"
        text = f"{name}({left}, {right})"
        return text if kind == wide else f"{kind}({text})"

    def shift(self, op: str, left: str, count: Expr, t: Type) -> str:
        """x << n and x >> n, for any n that is not negative."""
        kind = self.machine_type(t)
        if count.mode is Mode.CONSTANT:
            bits, amount = int(kind[1:]), int(count.value or 0)
            if amount < bits:
                return f"{kind}({left} << {amount})" if op == "<<" else f"({left} >> {amount})"
            number = str(amount)
        else:
            number = self.shift_count(count)
        left = typed_literal(left, kind)
        return f"{kind}(shift_left({left}, {number}))" if op == "<<" else f"shift_right({left}, {number})"

    def shift_count(self, count: Expr) -> str:
        """The count of a shift as a u64."""
        (text,) = self.value(count)
        under = count.type.underlying
        assert isinstance(under, Basic), "a shift count is an integer"
        if not under.is_signed:
            return text if under.bits == 64 else f"u64({text})"
        return f"shift_count({text if under.bits == 64 else f'i64({text})'}, {self.position(count)})"

    # ---- && and ||

    def short_circuit(self, expr: Binary) -> str:
        """p && q: the right side is evaluated only when the left does not settle it."""
        (left,) = self.value(expr.left)
        lines: list[Flow] = []
        with self.inside(lines):
            (right,) = self.value(expr.right)
        if not lines:
            return f"({left} {'and' if expr.op == '&&' else 'or'} {right})"
        name = self.names.temporary()
        self.step(f"{name} = {left}", name)
        node = If(name if expr.op == "&&" else f"not {name}", lines)
        self.add(node)
        with self.inside(lines):
            self.step(f"{name} = {right}", name)
        return name

    # ---- comparison

    def comparison(self, op: str, left: Expr, right: Expr) -> str:
        """x == y and so on."""
        for one, other in ((left, right), (right, left)):
            if other.mode is Mode.NIL:
                return self.compared_to_nil(op, one)
        if isinstance(left.type.underlying, Interface) or isinstance(right.type.underlying, Interface):
            equal = self.equal_mixed(left.type, self.value(left), right.type, self.value(right))
            return equal if op == "==" else f"(not {equal})"
        if basic(left.type).is_string:
            return self.compared_strings(op, self.looked_at(left), self.looked_at(right))
        if is_boxed(left.type):
            return self.compared(op, left.type, (self.value(left)[0],), (self.value(right)[0],))
        return self.compared(op, left.type, self.value(left), self.value(right))

    def compared_to_nil(self, op: str, expr: Expr) -> str:
        """x == nil: of a pointer, or the data of a slice or interface."""
        part = self.value(expr)[0]
        return f"is_nil({part})" if op == "==" else f"(not is_nil({part}))"

    def compared(self, op: str, t: Type, left: Value, right: Value) -> str:
        """A comparison of two values of type t by their components."""
        under = t.underlying
        match under:
            case Basic(kind=Kind.STRING):
                return self.compared_strings(op, left, right)
            case Basic() | Pointer():
                return f"({left[0]} {op} {right[0]})"
            case Interface():
                equal = self.equal_interfaces(left, right)
                return equal if op == "==" else f"(not {equal})"
            case Array() | Struct():
                equal = self.equal_structs(t, left, right)
                return equal if op == "==" else f"(not {equal})"
        return f"({left[0]} {op} {right[0]})"

    def equal_mixed(self, one: Type, left: Value, other: Type, right: Value) -> str:
        """x == y, where one of the two or both are interfaces."""
        raise NotImplementedError

    def equal_interfaces(self, left: Value, right: Value) -> str:
        """x == y of two interfaces."""
        raise NotImplementedError

    def compared_strings(self, op: str, left: Value, right: Value) -> str:
        """Strings: equality looks at the lengths first."""
        if op in ("==", "!="):
            for one, other in ((left, right), (right, left)):
                if other[1] == "0":
                    return f"({one[1]} {op} 0)"
            text = f"string_equal({left[0]}, {left[1]}, {right[0]}, {right[1]})"
            return text if op == "==" else f"(not {text})"
        return f"(string_compare({left[0]}, {left[1]}, {right[0]}, {right[1]}) {op} 0)"

    def equal_structs(self, t: Type, left: Value, right: Value) -> str:
        """Whether two structs or arrays are equal: field by field, blank ones left out."""
        if is_boxed(t):
            name = self.program.equality(t)
            if has_interface(t):
                return f"{name}(g, {left[0]}, {right[0]}, {self.position_text()})"
            return f"{name}({left[0]}, {right[0]})"
        struct = t.underlying
        assert isinstance(struct, Struct), "an array is boxed"
        tests = []
        for number, f in enumerate(struct.fields):
            if f.name != "_":
                part = self.types.field_range(struct, number)
                tests.append(self.compared("==", f.type, left[part], right[part]))
        return f"({' and '.join(tests)})" if tests else "True"

    # ---- strings

    def concatenation(self, expr: Binary) -> Value:
        """a + b + c"""
        return self.joined(self.to_join(expr))

    def to_join(self, expr: Expr) -> list[Value]:
        """The operands of a chain of +. With a text of the program among them, the result is none of the others."""
        exprs = concatenated(expr)
        is_new = any(operand.mode is Mode.CONSTANT and operand.value for operand in exprs)
        return [self.looked_at(operand) if is_new else self.value(operand) for operand in exprs]

    def joined(self, operands: list[Value]) -> Value:
        """Strings in a row: one call and one allocation for up to MOST_JOINED of them; none for a single one."""
        while len(operands) > 1:
            count = min(len(operands), MOST_JOINED)
            pointer = self.lend(Array(count, STRING)) if count > MOST_PASSED else ""
            if pointer:
                result = self.joined_in_frame(pointer, operands[:count])
            else:
                count = min(count, MOST_PASSED)
                arguments = ", ".join(part for operand in operands[:count] for part in operand)
                result = self.string_made(f"concat{count}(g, {arguments})")
            operands = [result, *operands[count:]]
        return operands[0]

    def joined_in_frame(self, pointer: str, operands: list[Value]) -> Value:
        """Strings in a row, which the runtime finds in an array in the frame."""
        for number, parts in enumerate(operands):
            self.initialize(self.element_place(f"{pointer}.items", str(number), STRING), parts)
        result = self.string_made(f"concat_all(g, {pointer}.items, {len(operands)})")
        self.take_back(len(self.lent) - 1)
        return result

    def string_made(self, text: str) -> Value:
        """A call of the runtime that makes a string."""
        self.allocates(BYTES, STRING)
        return self.call_runtime(text, STRING_RESULT)


def concatenated(expr: Expr) -> list[Expr]:
    """The operands of a chain of +, constants folded by the checker."""
    if isinstance(expr, Paren):
        return concatenated(expr.inner)
    if isinstance(expr, Binary) and expr.op == "+" and expr.mode is not Mode.CONSTANT:
        return [*concatenated(expr.left), *concatenated(expr.right)]
    return [expr]


def typed_literal(text: str, kind: str) -> str:
    """`text`, with its type said when it is a bare literal."""
    return f"{kind}({text})" if text[0].isdigit() or text[0] == "-" else text


def float_text(value: Fraction, under: Basic) -> str:
    """A float constant, rounded to its type; exact when read back."""
    number = float(value)
    if under.bits == 32:
        number = c_float(number).value
    assert abs(number) != inf, "the checker rejects constants that overflow"
    return repr(number)


def may_differ_from_itself(t: Type) -> bool:
    """Whether a value of the type may be a NaN, or have one in it."""
    return has_part(t, lambda part: isinstance(part, Interface) or isinstance(part, Basic) and part.is_float)


def has_interface(t: Type) -> bool:
    """Whether a value of the type has an interface in it, the comparison of which may panic."""
    return has_part(t, lambda part: isinstance(part, Interface))


def has_part(t: Type, is_wanted: Callable[[Type], bool]) -> bool:
    """Whether a value of the type, or what comparing it looks at in it, has an underlying type that is wanted."""
    under = t.underlying
    if isinstance(under, Array):
        return has_part(under.elem, is_wanted)
    if isinstance(under, Struct):
        return any(f.name != "_" and has_part(f.type, is_wanted) for f in under.fields)
    return is_wanted(under)
