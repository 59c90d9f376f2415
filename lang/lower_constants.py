"""Constants in memory: what an interface points to when its value is known before the program runs.

    any(2.5)                       constant_1 = constant(Box_f64, value=2.5)
    any(Point{1, 2})               constant_2 = constant(Point, x=1, y=2)
    any(p), behind p := Point{1, 2} that nobody assigns to: the same
    any([2]string{"a", ""})        constant_3 = constant(Array_2_String, items=table(Inline[String], [...]))

Nothing is allocated for them, and nobody writes to them.

Go: cmd/compile/internal/walk/order.go addrTemp, cmd/compile/internal/walk/complit.go.       Next: lower_literals.py
"""

from __future__ import annotations

from fractions import Fraction

from lang.go_types import Array, Interface, Slice, Struct, Type
from lang.layout import size_of
from lang.lower_operators import Operators
from lang.lower_types import field_name, is_nothing, is_scalar
from lang.objects import Var, VarKind
from lang.syntax import Call, CallKind, CompositeLit, Expr, Mode, Name, Paren

MOST_CONSTANT_BYTES = 65536  # of a constant; what is larger is made when it is needed


class Constants(Operators):
    """Values that need no memory of their own."""

    def constant_box(self, expr: Expr) -> str:
        """The name of a constant that has the value of `expr`; "" if only the run knows that."""
        if size_of(expr.type) > MOST_CONSTANT_BYTES:
            return ""
        fields = self.constant_fields(expr, expr.type)
        return "" if fields is None else self.program.boxed_constant(self.types.pointee(expr.type), ", ".join(fields))

    def constant_fields(self, expr: Expr, t: Type) -> list[str] | None:
        """The fields of a constant that has the value of `expr`, a t, but for those that are zero; None if unknown."""
        known = declared_value(expr)
        if known.mode is Mode.NIL:
            return []
        under = t.underlying
        if isinstance(under, Interface):
            return None
        if known.mode is Mode.CONSTANT:
            parts = self.constant_of(known.value, t)
            if is_scalar(t):
                return [f"value={parts[0]}"]
            return [f"data={parts[0]}", f"length={parts[1]}"] if known.value else []
        if not isinstance(known, CompositeLit) or not isinstance(under, Struct | Array):
            return None
        types = [f.type for f in under.fields] if isinstance(under, Struct) else [under.elem] * under.length
        texts = {number: self.constant_text(element, types[number]) for number, element in known.entries}
        if None in texts.values():
            return None
        given = {number: text for number, text in texts.items() if text}
        if isinstance(under, Array):
            return self.constant_items(under, given)
        fields = enumerate(under.fields)
        return [f"{field_name(f.name, n)}={given[n]}" for n, f in fields if n in given and not is_nothing(f)]

    def constant_text(self, expr: Expr, t: Type) -> str | None:
        """The value of `expr` as a field or an element of a constant; "" for zero, None if only the run knows it."""
        fields = self.constant_fields(expr, t)
        if not fields:
            return None if fields is None else ""
        return fields[0].removeprefix("value=") if is_scalar(t) else self.constant_struct(t, fields)

    def constant_struct(self, t: Type, fields: list[str]) -> str:
        """A constant in place."""
        return f"constant({', '.join([self.types.struct_class(t), *fields])})"

    def constant_items(self, array: Array, given: dict[int, str]) -> list[str]:
        """The one field of an array's class, unless all elements are zero."""
        if not given:
            return []
        component = self.types.components(array.elem)[0]
        zero = component.zero if is_scalar(array.elem) else self.constant_struct(array.elem, [])
        items = ", ".join(given.get(number, zero) for number in range(array.length))
        return [f"items=table({self.types.memory(array.elem)}, [{items}])"]


def declared_value(expr: Expr) -> Expr:
    """An expression, or what the variable that it names was declared with, if that is what it always holds."""
    while True:
        match expr:
            case Paren():
                expr = expr.inner
            case Name(object=Var() as var) if is_never_changed(var) and var.value is not None:
                expr = var.value
            case Call(kind=CallKind.CONVERSION, args=[operand]) if is_relabelled(operand, expr.type):
                expr = operand
            case _:
                return expr


def is_relabelled(operand: Expr, t: Type) -> bool:
    """Whether a conversion gives nil, a struct or an array another type, and does nothing else."""
    return operand.mode is Mode.NIL or all(isinstance(x.underlying, Struct | Array) for x in (operand.type, t))


def made_array(expr: Call) -> Array | None:
    """The array behind make([]T, length, capacity), or []byte("text"), if its size is known."""
    under = expr.type.underlying
    if not isinstance(under, Slice):
        return None
    if expr.kind is CallKind.CONVERSION:
        text = expr.args[0].value
        return Array(len(text), under.elem) if isinstance(text, bytes) and size_of(under.elem) == 1 else None
    counts = [declared_value(arg).value for arg in expr.args[1:]]
    if not all(isinstance(count, int | Fraction) for count in counts):
        return None
    length, capacity = int(counts[0]), int(counts[-1])  # type: ignore[arg-type]
    return Array(capacity, under.elem) if 0 <= length <= capacity else None


def is_never_changed(var: Var) -> bool:
    """Whether a function's variable holds for good what it was declared with."""
    return var.kind is VarKind.LOCAL and not var.assigned and not var.address_taken
