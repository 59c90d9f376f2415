"""Slices: append, copy and make, and the slices of arrays, slices and strings.

    append(s, x)    room is looked for inline; the runtime is called when there is none
    append(s, make([]T, n)...)    there is no other slice: room for n more is cleared
    s[lo:hi]        checks, then a pointer to the first element; never one behind the array's end

Next: lower_maps.py
"""

from __future__ import annotations

from lang.check_tree import nodes
from lang.go_types import Array, Basic, Slice, Type, basic
from lang.layout import has_pointers, size_of
from lang.lower_constants import made_array
from lang.lower_frame import Value, strip
from lang.lower_literals import LENGTH_RESULT, POINTER_RESULT, Literals
from lang.lower_places import is_wide_unsigned
from lang.syntax import Call, CallKind, Expr, Mode, Paren, SliceExpr
from lang.type_notes import ARRAY


class Slices(Literals):
    """Builtins on slices, and slice expressions."""

    # ---- builtins

    def length(self, expr: Call, operand: Expr) -> str:
        """len(x) or cap(x), where it is not a constant."""
        under = operand.type.underlying
        if expr.builtin == "len" and isinstance(under, Slice | Basic):
            runes = self.text_of_runes(operand)
            if runes is not None:
                return self.temporary(f"count_runes({', '.join(self.looked_at(runes))})")
            operand = self.seen_through(operand)
            under = operand.type.underlying
        if isinstance(under, Slice):
            return self.slice_parts(operand)[1 if expr.builtin == "len" else 2]
        if isinstance(under, Basic):
            return self.value(operand)[1]
        array = under if isinstance(under, Array) else under.elem.underlying  # type: ignore[attr-defined]
        self.evaluate(operand)
        return str(array.length)

    def text_of_runes(self, expr: Expr) -> Expr | None:
        """The s of []rune(s), if that is what an expression is."""
        match strip(expr):
            case Call(kind=CallKind.CONVERSION, args=[operand]) as call if call not in self.ready:
                return operand if isinstance(call.type.underlying, Slice) and basic(operand.type).is_string else None
        return None

    def make(self, expr: Call) -> Value:
        """make([]T, n) and make([]T, n, c)"""
        under = expr.type.underlying
        assert isinstance(under, Slice), "a slice is made"
        counts = [
            self.temporary(self.as_i64(arg)) if arg.mode is not Mode.CONSTANT else self.as_i64(arg)
            for arg in expr.args[1:]
        ]
        length, capacity = counts[0], counts[-1]
        array = made_array(expr) if expr.stays else None
        if array is not None:
            return (self.temporary(f"{self.made_in_frame(array)}.items"), length, capacity)
        return (self.new_array(under.elem, length, capacity, self.position(expr)), length, capacity)

    def append(self, expr: Call) -> Value:
        """append(s, a, b) and append(s, t...)"""
        t = expr.type.underlying
        assert isinstance(t, Slice), "append gives a slice"
        zeros = made_length(expr.args[1]) if expr.spread else None
        self.make_all_calls([*map(self.seen_through, expr.args)] if zeros is None else [expr.args[0], zeros])
        base = self.value_as(expr.args[0], expr.type)
        if len(expr.args) == 1:
            return base
        if zeros is not None:
            return self.append_zeros(expr, base, zeros, t.elem)
        if expr.spread:
            return self.append_slice(expr, base, t.elem)
        read = self.value_as if len(expr.args) == 2 else self.value_before_others
        values = [read(arg, t.elem) for arg in expr.args[1:]]
        data, length, capacity = self.snapshot(expr.type, base)
        new_length = self.longer(expr, length, str(len(values)), t.elem)
        self.make_room(data, length, capacity, new_length, t.elem)
        for number, parts in enumerate(values):
            index = f"{length} + {number}" if number else length
            self.store(self.element_place(data, index, t.elem), parts)
        return (data, new_length, capacity)

    def longer(self, expr: Call, length: str, more: str, elem: Type) -> str:
        """The length with more elements. Only of elements without bytes may there be more than anybody can count."""
        if size_of(elem) == 0:
            return self.temporary(f"length_with({length}, {more}, {self.position(expr)})")
        return self.temporary(f"{length} + {more}")

    def value_before_others(self, expr: Expr, t: Type) -> Value:
        """One of several values as it is before the first of them is stored, which may be where this one is read."""
        if all(map(self.is_in_locals, nodes(expr))):
            return self.value_as(expr, t)
        return self.bind(t, self.owned_value(expr, t))

    def append_slice(self, expr: Call, base: Value, elem: Type) -> Value:
        """append(s, t...): t may be a string when s holds bytes."""
        added = self.seen_through(expr.args[1])
        t = added.type if added.mode is not Mode.NIL else expr.type
        source = self.bind(t, self.value_as(added, t))
        data, length, capacity = self.snapshot(expr.type, base)
        new_length = self.longer(expr, length, source[1], elem)
        start, size = self.room_for(data, length, capacity, new_length, source[1], elem)
        self.step(f"memmove({start}, address({source[0]}), {size})")
        return (data, new_length, capacity)

    def append_zeros(self, expr: Call, base: Value, count: Expr, elem: Type) -> Value:
        """append(s, make([]T, count)...): nothing is made but room."""
        more = self.temporary(self.as_i64(count))
        data, length, capacity = self.snapshot(expr.type, base)
        new_length = self.temporary(f"length_with({length}, {more}, {self.position(expr.args[1])})")
        start, size = self.room_for(data, length, capacity, new_length, more, elem)
        self.step(f"memset({start}, 0, {size})")
        return (data, new_length, capacity)

    def room_for(
        self, data: str, length: str, capacity: str, new_length: str, more: str, elem: Type
    ) -> tuple[str, str]:
        """The address and the size in bytes of the room for so many more elements, which are about to be written."""
        self.make_room(data, length, capacity, new_length, elem)
        start, size = f"address({data}) + u64({length}) * {size_of(elem)}", f"u64({more}) * {size_of(elem)}"
        if self.keeps(elem):
            self.step(f"keep_words(g, {start}, {size}, {self.types.descriptor(elem)})")
        return start, size

    def make_room(self, data: str, length: str, capacity: str, needed: str, elem: Type) -> None:
        """Move the elements to a larger array when `needed` of them do not fit."""
        grow = self.if_(f"unlikely({needed} > {capacity})")
        self.allocates(ARRAY, elem)
        with self.inside(grow.then):
            text = f"grow_slice(g, address({data}), {length}, {capacity}, {needed}, {self.types.descriptor(elem)})"
            word, room = self.call_runtime(text, (POINTER_RESULT, LENGTH_RESULT))
            self.step(f"{data} = array_at({self.types.memory(elem)}, {word})", data)
            self.step(f"{capacity} = {room}", capacity)

    def copy(self, expr: Call) -> Value:
        """copy(to, source)"""
        to, source = (self.bind(arg.type, self.value(arg)) for arg in (expr.args[0], self.seen_through(expr.args[1])))
        under = expr.args[0].type.underlying
        assert isinstance(under, Slice), "copy writes to a slice"
        if self.keeps(under.elem):
            elem = self.types.descriptor(under.elem)
            text = f"copy_keeping(g, address({to[0]}), {to[1]}, address({source[0]}), {source[1]}, {elem})"
            return (self.temporary(text),)
        text = f"copy_slice(address({to[0]}), {to[1]}, address({source[0]}), {source[1]}, {size_of(under.elem)})"
        return (self.temporary(text),)

    def clear(self, expr: Call) -> Value:
        """clear(s) of a slice"""
        under = expr.args[0].type.underlying
        assert isinstance(under, Slice), "a slice is cleared"
        data, length, _ = self.slice_parts(expr.args[0])
        if self.keeps(under.elem):
            size, elem = size_of(under.elem), self.types.descriptor(under.elem)
            self.step(f"keep_words(g, address({data}), u64({length}) * {size}, {elem})")
        self.step(f"memset(address({data}), 0, u64({length}) * {size_of(under.elem)})")
        return ()

    def keeps(self, elem: Type) -> bool:
        """Whether there is a barrier where elements are overwritten."""
        return self.program.build.has_barriers and has_pointers(elem)

    # ---- slice expressions

    def slice_expression(self, expr: SliceExpr) -> Value:
        """s[lo:hi] and s[lo:hi:max]"""
        under = expr.operand.type.underlying
        if isinstance(under, Basic):
            return self.slice_of_string(expr)
        if isinstance(under, Slice):
            data, length, capacity = self.bind(expr.operand.type, self.value(expr.operand))
            suffix = ""
        else:
            data, capacity = self.array_operand(expr)
            length, suffix = capacity, "_of"
        low = self.bound(expr.low, "0")
        high = self.bound(expr.high, length)
        limit = self.bound(expr.max, capacity)
        self.check_bounds(expr, low, high, limit, capacity, suffix)
        if low == "0":
            return (data, high, limit)
        room = self.temporary(f"{limit} - {low}")
        # an empty rest must not point behind the array, into another object
        start = self.temporary(f"element({data}, {low} if {room} != 0 else 0)", "address({})")
        return (start, f"({high} - {low})", room)

    def array_operand(self, expr: SliceExpr) -> tuple[str, str]:
        """The elements and the length of the array that is sliced."""
        under = expr.operand.type.underlying
        if isinstance(under, Array):
            place = self.place(expr.operand)
            assert place is not None, "an array is in memory"
            base = self.anchored(place.text)
        else:
            base = self.anchored(self.checked(self.value(expr.operand)[0], expr))
            under = under.elem.underlying  # type: ignore[attr-defined]
        assert isinstance(under, Array), "an array is sliced"
        return self.temporary(f"{base}.items", "address({})"), str(under.length)

    def bound(self, expr: Expr | None, default: str) -> str:
        """One bound of a slice expression, bound to a name."""
        if expr is None:
            return default
        return str(expr.value) if expr.mode is Mode.CONSTANT else self.temporary(self.as_i64(expr))

    def check_bounds(self, expr: SliceExpr, low: str, high: str, limit: str, capacity: str, suffix: str) -> None:
        """The panics of a slice expression."""
        told = f"{unsigned_bounds(expr)}, {self.position(expr)}"
        if expr.max is not None:
            self.step(f"check_slice3{suffix}({low}, {high}, {limit}, {capacity}, {told})")
        elif low != "0" or expr.high is not None:
            self.step(f"check_slice{suffix}({low}, {high}, {capacity}, {told})")

    def slice_of_string(self, expr: SliceExpr) -> Value:
        """s[lo:hi] of a string"""
        data, length = self.bind(expr.operand.type, self.value(expr.operand))
        low, high = self.bound(expr.low, "0"), self.bound(expr.high, length)
        self.check_bounds(expr, low, high, length, length, "_of")
        if low == "0":
            return (data, high)
        start = self.temporary(f"element({data}, {low} if {high} != {low} else 0)", "address({})")
        return (start, f"({high} - {low})")


def unsigned_bounds(expr: SliceExpr) -> str:
    """Which bounds an i64 may not hold, for runtime/panics.py."""
    bounds = (("UNSIGNED_LOW", expr.low), ("UNSIGNED_HIGH", expr.high), ("UNSIGNED_LIMIT", expr.max))
    return " | ".join(flag for flag, bound in bounds if bound is not None and is_wide_unsigned(bound)) or "0"


def made_length(expr: Expr) -> Expr | None:
    """The n of make([]T, n), if that is what it is."""
    match expr:
        case Paren():
            return made_length(expr.inner)
        case Call(kind=CallKind.BUILTIN, builtin="make", args=[_, length]):
            return length
    return None
