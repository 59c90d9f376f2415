"""Literals and conversions: values made out of others.

    &Node{l, r}       memory first, then a store per field that was given
    Point{1, 2}       locals: no memory at all
    [3]int{1, 2, 3}   memory, a store per element; a table is copied when all of many are constants
    string(b)         a call of the runtime
    any(v)            a box, on the heap or in the frame; a constant; an entry of SMALL_VALUES; or v itself, a pointer

Next: lower_slices.py
"""

from __future__ import annotations

from lang.flow import Allocate
from lang.go_types import STRING, Array, Basic, Interface, Kind, Map, Pointer, Slice, Struct, Type
from lang.layout import has_pointers, size_of
from lang.lower_constants import Constants
from lang.lower_frame import NotYet, Place, Value, strip
from lang.lower_operators import float_text
from lang.lower_types import (
    MACHINE_TYPES,
    VIEW,
    WORD,
    Component,
    field_name,
    is_boxed,
    is_direct,
    is_nothing,
)
from lang.packages import holds_time
from lang.spelling import spelled
from lang.syntax import Call, CallKind, CompositeLit, Expr, Mode, Paren
from lang.type_notes import ARRAY
from runtime.basic_types import SMALL_LIMIT
from runtime.layout import PTR_SIZE

TABLE_MINIMUM = 8  # constant elements from which a literal is copied from a table
POINTER_RESULT = Component("", "uintptr", WORD, "")
LENGTH_RESULT = Component("length", "i64", "", ".length")
NIL_INTERFACE = ("nil(Type)", "0")


class Literals(Constants):
    """Composite literals, conversions and interfaces."""

    # ---- conversion to the type that is asked for

    def value_as(self, expr: Expr, t: Type) -> Value:
        """The value of `expr` where a value of type t is wanted: an interface takes any value in."""
        if isinstance(t.underlying, Interface) and not isinstance(expr.type.underlying, Interface):
            return NIL_INTERFACE if expr.mode is Mode.NIL else self.interface(expr)
        if expr.mode is Mode.NIL:
            return tuple(component.zero for component in self.types.components(t))
        return self.value(expr)

    def owned_value(self, expr: Expr, t: Type) -> Value:
        """`value_as`, but memory of its own for a boxed value that something else may still refer to (Y2)."""
        parts = self.value_as(expr, t)
        if is_boxed(t) and not is_fresh(expr):
            return (self.new_memory(t, "", parts).pointer,)  # Y2
        return parts

    def interface(self, expr: Expr) -> Value:
        """A value in an interface: its type and the address of a copy."""
        self.check_text(expr.type, expr)
        constant = "" if is_direct(expr.type) else self.constant_box(expr)
        if constant:
            return (self.program.dynamic_type(expr.type), f"address({constant})")
        if is_direct(expr.type):
            return self.interface_of(expr.type, self.value(expr))
        self.tell_place(expr.pos, spelled(expr), expr.stays_boxed, " (into an interface)")
        if expr.stays_boxed:
            return (self.program.dynamic_type(expr.type), f"address({self.boxed_in_frame(expr)})")
        return self.interface_of(expr.type, self.value(expr), is_boxed(expr.type) and is_fresh(expr))

    def boxed_in_frame(self, expr: Expr) -> str:
        """A pointer to a copy of a value that nobody needs when the function returns."""
        t, inner = expr.type, strip(expr)
        if is_boxed(t) and isinstance(inner, CompositeLit):
            pointer = self.made_in_frame(t)
            self.fill(pointer, inner)
            return pointer
        parts = self.value(expr)
        if is_boxed(t) and is_fresh(expr):
            return parts[0]
        pointer = self.made_in_frame(t, is_given=True)
        self.initialize(self.pointed(pointer, t), parts)
        return pointer

    def check_text(self, t: Type, expr: Expr) -> None:
        """Refuse a value in an interface that fmt would have no text for."""
        if holds_time(t):
            raise NotYet(expr, "the text of a time.Time: UnixNano() prints nanoseconds")

    def interface_of(self, t: Type, parts: Value, is_owned: bool = False) -> Value:
        """A value of type t in an interface; `is_owned` when it is boxed in memory of its own already."""
        data = f"address({parts[0]})" if is_owned or is_direct(t) else self.box(t, parts)
        return (self.program.dynamic_type(t), data)

    def box(self, t: Type, parts: Value) -> str:
        """The address of a copy of a value: of small numbers, and of empty strings and slices, there is one already."""
        parts = self.bind(t, parts)
        if size_of(t) == 1 and not is_boxed(t):
            return f"address(element(SMALL_VALUES, u64({parts[0]}) & 255))"
        condition, shared = self.shared_copy(t, parts)
        if not condition:
            return f"address({self.new_memory(t, '', parts).pointer})"
        data = self.declare_temporary(POINTER_RESULT)
        branch = self.if_(condition)
        with self.inside(branch.then):
            self.step(f"{data} = address({shared})", data)
        with self.inside(branch.orelse):
            self.step(f"{data} = address({self.new_memory(t, '', parts).pointer})", data)
        return data

    def shared_copy(self, t: Type, parts: Value) -> tuple[str, str]:
        """The condition under which there is a copy of a value already, and that copy; "" if there never is one."""
        under = t.underlying
        if isinstance(under, Slice):
            return f"is_nil({parts[0]})", self.program.boxed_constant(self.types.pointee(t), "")
        if isinstance(under, Basic) and under.is_string:
            return f"{parts[1]} == 0", self.program.boxed_constant("String", "")
        if is_boxed(t) or has_pointers(t) or not 0 < size_of(t) <= PTR_SIZE:
            return "", ""
        first, *others = (
            f"bits_of({f'f64({part})' if c.annotation == 'f32' else part})" if c.annotation in ("f32", "f64") else part
            for c, part in zip(self.types.components(t), parts, strict=True)
        )
        tests = [f"u64({first}) < {SMALL_LIMIT}", *(f"u64({other}) == 0" for other in others)]
        return " and ".join(tests), f"element(SMALL_VALUES, u64({first}))"

    # ---- composite literals

    def composite(self, expr: CompositeLit) -> Value:
        """T{...} as a value."""
        under = expr.type.underlying
        if isinstance(under, Slice):
            return self.slice_literal(expr, under.elem)
        if isinstance(under, Map):
            return self.map_literal(expr)
        if is_boxed(expr.type):
            return (self.new_literal(expr),)
        assert isinstance(under, Struct), "everything else is a struct"
        parts = [component.zero for component in self.types.components(expr.type)]
        self.make_all_calls([element for _, element in expr.entries])
        for number, element in expr.entries:
            field = under.fields[number]
            given = self.value_as(element, field.type)
            if not is_nothing(field):
                parts[self.types.field_range(under, number)] = given
        return tuple(parts)

    def map_literal(self, expr: CompositeLit) -> Value:
        """map[K]V{...}"""
        raise NotImplementedError

    def new_literal(self, expr: CompositeLit) -> str:
        """A pointer to fresh memory that holds T{...}: what &T{...} gives."""
        t = expr.type
        under = t.underlying
        if not isinstance(under, Struct | Array):
            return self.new_memory(t, "", self.composite(expr)).pointer
        self.make_all_calls([element for _, element in expr.entries])
        if isinstance(under, Array):
            pointer = self.made_in_frame(t) if expr.stays else self.new(t)
            self.fill(pointer, expr)
            return pointer
        values = [(number, self.value_as(element, under.fields[number].type)) for number, element in expr.entries]
        is_whole = len(expr.entries) == len(under.fields)
        pointer = self.made_in_frame(t, is_whole) if expr.stays else self.new(t)
        for number, parts in values:
            self.initialize(self.member(pointer, under, number), parts)
        return pointer

    def fill(self, pointer: str, expr: CompositeLit) -> None:
        """Give zeroed memory the value of a literal of an array, or of a struct that is boxed."""
        under = expr.type.underlying
        assert isinstance(under, Struct | Array), "everything else is not boxed"
        self.make_all_calls([element for _, element in expr.entries])
        for number, element in expr.entries:
            parts = self.value_as(element, member_type(under, number))
            self.initialize(self.member(pointer, under, number), parts)

    def member(self, pointer: str, under: Struct | Array, number: int) -> Place:
        """Field or element `number` of the struct or array that `pointer` points to."""
        if isinstance(under, Array):
            return self.element_place(f"{pointer}.items", str(number), under.elem)
        name = field_attribute(under, number)
        return self.member_place(pointer, name, under.fields[number].type, "0")

    def slice_literal(self, expr: CompositeLit, elem: Type) -> Value:
        """[]T{...}: an array of its own."""
        length = expr.length
        memory = self.types.memory(elem)
        constants = self.constant_elements(expr, elem)
        self.make_all_calls([element for _, element in expr.entries])
        entries = [] if constants else expr.entries
        # What is lent is a root at once: all that it will hold is there before. An array of its own comes first:
        # elements that wait for it would all have to be kept alive, each while the next is made.
        waiting = [self.value_as(element, elem) for _, element in entries] if expr.is_lent else []
        what = spelled(expr) if expr.type_expr is not None else "... argument"
        data = self.array_of(length, elem, expr, what, expr.is_lent or expr.stays)
        if constants:
            table = self.program.names.fresh("table_1")
            self.types.definitions += [f"{table} = table({memory}, [{', '.join(constants)}])", ""]
            self.step(f"memmove(address({data}), address({table}), {length * size_of(elem)})")
        for at, (number, element) in enumerate(entries):
            parts = waiting[at] if waiting else self.value_as(element, elem)
            self.initialize(self.element_place(data, str(number), elem), parts)
        return (data, str(length), str(length))

    def slice_holding(self, values: list[Value], t: Slice, call: Call) -> Value:
        """The slice that a variadic parameter takes, of values that are there already; nil when there are none."""
        if not values:
            return tuple(component.zero for component in self.types.components(t))
        count = str(len(values))
        data = self.array_of(len(values), t.elem, call, "... argument", call.lends)
        for number, parts in enumerate(values):
            self.initialize(self.element_place(data, str(number), t.elem), parts)
        return (data, count, count)

    def array_of(self, length: int, elem: Type, expr: Expr, what: str, is_lent: bool) -> str:
        """Elements to be given their values: zeroed, or lent to one call."""
        pointer = ""
        if expr.stays:
            is_given = isinstance(expr, CompositeLit) and len(expr.entries) == length
            pointer = self.made_in_frame(Array(length, elem), is_given)
        elif is_lent:
            pointer = self.lend(Array(length, elem))
        self.tell_place(expr.pos, what, bool(pointer))
        if pointer:
            return self.temporary(f"{pointer}.items")
        return self.new_array(elem, str(length), str(length), self.position(expr))

    def new_array(self, elem: Type, length: str, capacity: str, pos: str) -> str:
        """The elements of a slice that is made, zeroed."""
        memory = self.types.memory(elem)
        self.allocates(ARRAY, elem)
        slow = f"make_slice(g, {self.types.descriptor(elem)}, {length}, {capacity}, {pos})"
        fast = self.fast_array(elem, length, capacity)
        if not fast:
            (word,) = self.call_runtime(slow, (POINTER_RESULT,))
            return self.temporary(f"array_at({memory}, {word})", VIEW)
        word, data = self.names.temporary(), self.declare_temporary(Component("", f"Array[{memory}]", VIEW, ""))
        view_it = f"{data} = array_at({memory}, {word})"
        self.add(Allocate(word, fast, slow, view_it, (data,), self.site(), tuple(self.rooted)))
        return data

    def constant_elements(self, expr: CompositeLit, elem: Type) -> list[str]:
        """The texts of all elements when they are many and constant numbers; else nothing."""
        under = elem.underlying
        is_number = isinstance(under, Basic) and under.kind in MACHINE_TYPES and under.kind is not Kind.BOOL
        if not is_number or len(expr.entries) < TABLE_MINIMUM:
            return []
        if any(element.mode is not Mode.CONSTANT for _, element in expr.entries):
            return []
        zero = "0.0" if isinstance(under, Basic) and under.is_float else "0"
        texts = [zero] * expr.length
        for number, element in expr.entries:
            texts[number] = self.constant(element)[0]
        return texts

    # ---- conversions

    def conversion(self, expr: Call) -> Value:
        """T(x)"""
        (operand,) = expr.args
        to, source = expr.type.underlying, operand.type.underlying
        if isinstance(to, Interface):
            return self.value_as(operand, expr.type)
        if isinstance(to, Basic) and to.is_string:
            return self.to_string(operand, source)
        if isinstance(source, Basic) and source.is_string and isinstance(to, Slice):
            return self.string_to_slice(expr, operand, to.elem)
        if isinstance(to, Basic) and isinstance(source, Basic) and to.is_numeric:
            return (self.number(self.value(operand)[0], operand, source, to),)
        if isinstance(source, Slice) and isinstance(to, Array | Pointer):
            return self.slice_to_array(expr, operand, to)
        parts = self.value_as(operand, expr.type)
        return self.viewed(parts, operand.type, expr.type)

    def slice_to_array(self, expr: Call, operand: Expr, to: Array | Pointer) -> Value:
        """[n]T(s), a copy, and (*[n]T)(s), which points to the slice's array."""
        array = to.elem if isinstance(to, Pointer) else expr.type
        under = array.underlying
        assert isinstance(under, Array), "the checker lets slices become arrays only"
        data, length, _ = self.bind(operand.type, self.value(operand))
        self.step(f"check_array({length}, {under.length}, {self.position(expr)})")
        pointer = self.temporary(f"{self.types.pointee(array)}.at(address({data}))", VIEW)
        return (pointer,) if isinstance(to, Pointer) else (self.new_memory(array, "", (pointer,)).pointer,)

    def number(self, text: str, operand: Expr, source: Basic, to: Basic) -> str:
        """A number of another type."""
        kind = MACHINE_TYPES[to.kind]
        if MACHINE_TYPES[source.kind] == kind:
            return text
        if operand.mode is Mode.CONSTANT and to.is_float:
            return float_text(operand.value, to)  # type: ignore[arg-type]
        return truncated(text, source, to) if source.is_float and to.is_integer else f"{kind}({text})"

    def viewed(self, parts: Value, source: Type, to: Type) -> Value:
        """A value under a type with the same underlying structure: its pointers as pointers to the other's classes."""
        converted = []
        for part, old, new in zip(parts, self.types.components(source), self.types.components(to), strict=True):
            if old.annotation == new.annotation:
                converted.append(part)
            elif new.annotation.startswith("Array["):
                converted.append(f"array_at({new.annotation[6:-1]}, address({part}))")
            else:
                converted.append(f"{new.annotation}.at(address({part}))")
        return tuple(converted)

    def to_string(self, operand: Expr, source: Type) -> Value:
        """string(x) of a string, a byte or rune slice, or an integer."""
        if isinstance(source, Basic) and source.is_integer:
            return self.string_made(f"int_to_string(g, {self.as_i64(operand)})")
        if isinstance(source, Slice):
            data, length = self.looked_at(operand)
            is_bytes = size_of(source.elem) == 1
            name = "slice_bytes_to_string" if is_bytes else "runes_to_string"
            return self.string_made(f"{name}(g, address({data}), {length})")
        return self.value(operand)

    def string_to_slice(self, expr: Call, operand: Expr, elem: Type) -> Value:
        """[]byte(s) and []rune(s): of a constant, as a literal of its bytes or runes, without room behind them."""
        data, length = self.bind(STRING, self.looked_at(operand))
        if expr.stays:
            array = self.made_in_frame(Array(int(length), elem), is_given=True)
            self.step(f"memmove(address({array}), address({data}), {length})")
            return (self.temporary(f"{array}.items"), length, length)
        self.allocates(ARRAY, elem)
        if size_of(elem) == 1:
            word, capacity = self.call_runtime(
                f"string_to_slice_bytes(g, {data}, {length})", (POINTER_RESULT, LENGTH_RESULT)
            )
        else:
            results = (POINTER_RESULT, LENGTH_RESULT, LENGTH_RESULT)
            word, length, capacity = self.call_runtime(f"string_to_runes(g, {data}, {length})", results)
        array = self.temporary(f"array_at({self.types.memory(elem)}, {word})", "address({})")
        return (array, length, length if operand.mode is Mode.CONSTANT else capacity)


def truncated(text: str, source: Basic, to: Basic) -> str:
    """A float as an integer. What that cannot hold becomes what Go makes of it on this processor."""
    kind = MACHINE_TYPES[to.kind]
    wide = text if MACHINE_TYPES[source.kind] == "f64" else f"f64({text})"
    match kind:
        case "i64":
            return f"machine_i64({wide})"
        case "u64" | "uintptr":
            return f"float_to_u64({wide})"
        case "i32":
            return f"machine_i32({wide})"
        case "u32":
            return f"u32(machine_i64({wide}))"
    return f"{kind}(machine_i32({wide}))"


def member_type(under: Struct | Array, number: int) -> Type:
    """The type of field or element `number`."""
    return under.elem if isinstance(under, Array) else under.fields[number].type


def field_attribute(under: Struct, number: int) -> str:
    """The attribute of field `number`."""
    return field_name(under.fields[number].name, number)


def is_fresh(expr: Expr) -> bool:
    """Whether an expression's boxed value is memory that nothing else refers to."""
    match expr:
        case Paren():
            return is_fresh(expr.inner)
        case Call(kind=CallKind.CONVERSION, args=[operand]):
            return isinstance(operand.type.underlying, Slice) or is_fresh(operand)
    return isinstance(expr, Call | CompositeLit)
