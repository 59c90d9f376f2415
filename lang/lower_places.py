"""Places: values in memory, and how they are read, written and pointed to.

    n.left          nonnil(n, 7).left                  a scalar: the text is the place
    n.name          nonnil(n, 7).name                  a struct: the text is a pointer; .data and .length are the parts
    a[i]            a_data[index(i, a_length, 8)]
    &n.count        Box_i64.at(address(n) + 16)

Every store of a pointer into the heap passes through `Places.store` or `initialize`: there are the write barriers.

    P1  a value of several components is stored only from atoms, since storing one may change the text of the next

Next: lower_operators.py
"""

from __future__ import annotations

import re

from lang.check_tree import parts
from lang.flow import Allocate, Flow, Step
from lang.go_types import UINT8, Array, Basic, Map, Pointer, Slice, Type, basic
from lang.layout import align_of, field_offsets, has_pointers, pointer_mask, size_of
from lang.lower_frame import MOST_PARENTHESES, Frame, Lent, Place, Value, typed
from lang.lower_types import VIEW, WORD, Component, field_name, is_boxed, is_scalar, needs_memory
from lang.objects import Var
from lang.syntax import (
    BasicLit,
    Binary,
    Call,
    CallKind,
    Deref,
    Expr,
    FieldSelection,
    FieldStep,
    Index,
    Mode,
    Name,
    Node,
    PackageSelection,
    Paren,
    Selector,
    SliceExpr,
    TypeAssert,
    Unary,
)
from lang.type_notes import ONE
from runtime.layout import MALLOC_HEADER_SIZE, MAX_BITMAP_SIZE, MAX_SMALL_SIZE, PTR_SIZE, TINY_SIZE
from runtime.size_classes import CLASS_TO_SIZE, size_to_class
from runtime.syspy.entries import MASK64

MOST_LENT_BYTES = 1024  # in a frame, for the arguments of variadic parameters
GLOBAL = re.compile(r"package\.\w+")  # the text of a package-level variable: a root, which was looked at


class Places(Frame):
    """Memory, as expressions reach it."""

    # ---- variables

    def variable(self, var: Var) -> Value | Place:
        """Where a variable lives: in locals, or in memory."""
        found = self.locals.get(var)
        if found is not None:
            return found
        return self.global_place(var)

    def global_place(self, var: Var) -> Place:
        """A package-level variable, of the program or of a package."""
        self.uses_globals = True
        name = self.program.global_name(var)
        return self.member_place("package", name, var.type, f"address(package) + offsetof(Package, {name!r})")

    def declare_variable(self, var: Var, wish: str, parts: Value | None) -> None:
        """A new variable with its first value; None for zero."""
        if needs_memory(var):
            self.locals[var] = self.variable_memory(var, wish, parts)
            return
        components = self.types.components(var.type)
        names = tuple(self.declare(f"{wish}_{c.suffix}" if c.suffix else wish, c) for c in components)
        self.locals[var] = names
        self.set_locals(names, components, parts if parts is not None else tuple(c.zero for c in components))

    def set_locals(self, names: Value, components: tuple[Component, ...], parts: Value) -> None:
        """Write all components of a local at once."""
        if names and names != parts:
            self.step(f"{', '.join(names)} = {', '.join(typed_parts(parts, components))}", *names)

    def variable_memory(self, var: Var, wish: str, parts: Value | None) -> Place:
        """Memory for a variable: in the frame, if it may stay there."""
        if not var.stays:
            self.moves(var)
            return self.new_memory(var.type, wish, parts)
        self.tell_place(var.pos, var.name or "_", True)
        place = self.pointed(self.frame_memory(var.type, wish, has_pointers(var.type)), var.type)
        if parts is not None:
            self.initialize(place, parts)
        return place

    def frame_memory(self, t: Type, wish: str, has_roots: bool) -> str:
        """A pointer to zeroed memory in the frame.

        What has roots is there from the beginning of the round on, and is a root in each call behind this: others may
        lead to it as long as the round lasts.
        """
        view = self.types.pointee(t)
        name = self.names.fresh(wish) if wish else self.names.temporary()
        if not has_roots:
            self.step(f"{name} = local({view})", name)
            return name
        memory = self.names.fresh(f"{name}_memory")
        block, start = self.rounds[-1]
        block[start:start] = self.rooted_memory(memory, name, t)
        self.rooted.append(memory)
        return name

    def made_in_frame(self, t: Type, is_given: bool = False) -> str:
        """A pointer to memory in the frame for what an expression makes: zero now, unless all of it is given next."""
        pointer = self.frame_memory(t, "", has_pointers(t))
        if has_pointers(t) and not is_given:
            self.step(f"memset(address({pointer}), 0, {size_of(t)})")
        return pointer

    def rooted_memory(self, memory: str, name: str, t: Type) -> list[Flow]:
        """What makes `memory`, in the frame with what tells the collector of it, and a pointer to it."""
        self.pointers[memory] = f"(address({memory}) | LOCAL_FLAG)"
        return [
            Step(f"{memory} = local({self.types.local_class(t)})", (memory,)),
            Step(f"{memory}.typ = {self.types.descriptor(t)}"),
            Step(f"{name} = {self.types.pointee(t)}.at(address({memory}) + {PTR_SIZE})", (name,)),
        ]

    def lend(self, t: Array) -> str:
        """A pointer to memory in the frame for the arguments that a variadic parameter takes; "" if there is no room.

        It is a root until the call is made. Calls further on take the same memory.
        """
        found = next((lent for lent in self.spare if lent.type == t), None)
        if found is None:
            if self.lent_bytes + size_of(t) > MOST_LENT_BYTES:
                return ""
            self.lent_bytes += size_of(t)
            found = self.memory_to_lend(t)
        self.spare = tuple(lent for lent in self.spare if lent is not found)
        self.lent.append(found)
        if found.root:
            self.rooted.append(found.root)
        return found.pointer

    def memory_to_lend(self, t: Array) -> Lent:
        """New memory in the frame, made here and now."""
        name = self.names.temporary()
        if not has_pointers(t):
            self.step(f"{name} = local({self.types.pointee(t)})", name)
            return Lent(t, name, "")
        root = self.names.fresh(f"{name}_memory")
        for step in self.rooted_memory(root, name, t):
            self.add(step)
        return Lent(t, name, root)

    def take_back(self, count: int) -> None:
        """A call has returned: what is lent, but for the first `count`, is so no more."""
        returned = self.lent[count:]
        del self.lent[count:]
        self.spare += tuple(returned)
        for lent in returned:
            if lent.root:
                self.rooted.remove(lent.root)

    def new_memory(self, t: Type, wish: str, parts: Value | None) -> Place:
        """Fresh heap memory for a variable of type t."""
        pointer = self.new(t, wish)
        place = self.pointed(pointer, t)
        if parts is not None:
            self.initialize(place, parts)
        return place

    def is_in_locals(self, x: Node) -> bool:
        """Whether a part of an expression neither reads memory nor panics."""
        match x:
            case Name():
                return not isinstance(x.object, Var) or isinstance(self.locals.get(x.object), tuple)
            case Binary():
                return x.op not in ("/", "%")
            case Call():
                return x.kind is CallKind.CONVERSION and is_number(x.type) and is_number(x.args[0].type)
        return isinstance(x, (Paren, Unary, BasicLit))

    # ---- operands evaluated ahead: calls go from left to right, and what else there is to read is read behind them

    def waits(self, expr: Expr) -> bool:
        """Whether something in an expression takes its turn, and has not had it."""
        found: list[Node] = [expr]
        for node in found:
            if node not in self.settled:
                if is_in_turn(node):
                    return True
                found += parts(node)
        self.settled.update(found)  # so that chains of operators are gone through once
        return False

    def make_calls(self, expr: Expr) -> None:
        """Make the calls in x, x.f, x[i], *x, x + y and T(x); what else these need is read when they are used."""
        match expr:
            case _ if not self.waits(expr):
                pass
            case Paren():
                self.make_calls(expr.inner)
            case Deref() | Selector(selection=FieldSelection()):
                self.make_calls(expr.operand)
            case Index():
                self.make_calls(expr.operand)
                self.make_calls(expr.index)
            case Unary() if expr.op != "&":
                self.make_calls(expr.operand)
            case Binary(op="&&" | "||"):
                self.take(expr)
            case Binary():
                self.make_calls(expr.left)
                self.make_calls(expr.right)
            case Call(kind=CallKind.CONVERSION) if not is_in_turn(expr):
                self.make_calls(expr.args[0])
            case _ if expr.mode is not Mode.CONSTANT:
                self.hold_ready(expr, self.value(expr))

    def make_all_calls(self, exprs: list[Expr]) -> None:
        """Make the calls in several operands, before a variable among them goes into an interface, say."""
        if any(map(self.waits, exprs[1:])):
            for expr in exprs:
                self.make_calls(expr)

    def take(self, expr: Expr) -> None:
        """Evaluate an operand now, for what it is an operand of."""
        if expr.mode is not Mode.CONSTANT:
            self.hold_ready(expr, self.snapshot(expr.type, self.value(expr)))

    def hold_ready(self, expr: Expr, parts: Value) -> None:
        """Keep the components of an operand for what it is an operand of."""
        self.ready[expr] = parts
        self.settled.add(expr)

    # ---- strings and bytes that are only looked at

    def looked_at(self, expr: Expr) -> Value:
        """Data and length of a string, or of bytes, that nobody keeps or changes before they were looked at.

        string(b) and []byte(s) share what they are made of then, as Go's compiler has it.
        """
        return self.value(self.seen_through(expr))[:2]

    def seen_through(self, expr: Expr) -> Expr:
        """What has the same bytes as `expr`: the b of string(b), the s of []byte(s)."""
        match expr:
            case _ if expr in self.ready:
                pass
            case Paren():
                return self.seen_through(expr.inner)
            case Call(kind=CallKind.CONVERSION, args=[operand]) if expr.mode is not Mode.CONSTANT:
                if is_shared(expr.type, operand.type):
                    return operand
        return expr

    # ---- expressions as places

    def place(self, expr: Expr) -> Place | None:
        """The memory that an expression denotes, or None when its value is in locals."""
        match expr:
            case _ if expr in self.ready:
                pass
            case Paren():
                return self.place(expr.inner)
            case Name() if isinstance(expr.object, Var):
                found = self.variable(expr.object)
                return found if isinstance(found, Place) else None
            case Deref():
                return self.pointed(self.checked(self.value(expr.operand)[0], expr), expr.type)
            case Selector() if isinstance(expr.selection, PackageSelection):
                var = expr.selection.object
                return self.global_place(var) if isinstance(var, Var) and var.pos >= 0 else None
            case Selector() if isinstance(expr.selection, FieldSelection):
                return self.stepped_place(expr.operand, expr.selection.steps, expr)
            case Index() if not isinstance(expr.operand.type.underlying, Map):
                return self.indexed_place(expr)
        if expr.mode is not Mode.CONSTANT and is_boxed(expr.type):
            return self.pointed(self.value(expr)[0], expr.type)
        return None

    def pointed(self, pointer: str, t: Type) -> Place:
        """What a pointer points to."""
        return Place(f"{pointer}.value" if is_scalar(t) else pointer, t, pointer)

    def checked(self, pointer: str, expr: Expr) -> str:
        """A pointer that is known not to be nil behind this."""
        if pointer.count("(") > MOST_PARENTHESES:
            pointer = self.temporary(pointer, VIEW)
        return f"nonnil({pointer}, {self.position(expr)})"

    def member_place(self, base: str, name: str, t: Type, address: str) -> Place:
        """A field of the struct that `base` points to; `address` is the text of the field's address."""
        text = f"{base}.{name}"
        return Place(text, t, f"{self.types.pointee(t)}.at({address})" if is_scalar(t) else text)

    def stepped_place(self, operand: Expr, steps: tuple[FieldStep, ...], expr: Expr) -> Place | None:
        """The field that `steps` lead to from `operand`, or None when it is in locals."""
        place = None if steps and steps[0].through_pointer else self.place(operand)
        for number, step in enumerate(steps):
            if step.through_pointer:
                pointer = (
                    place.text if place is not None else self.field_of_value(self.value(operand), steps[:number])[0]
                )
                place = self.pointed(self.checked(pointer, expr), step.struct)
            if place is not None:
                place = self.field_place(place.text, step)
        return place

    def stepped_value(self, operand: Expr, steps: tuple[FieldStep, ...], expr: Expr) -> Value:
        """The value of the field that `steps` lead to from `operand`."""
        place = self.stepped_place(operand, steps, expr)
        if place is not None:
            return self.load(place)
        return self.field_of_value(self.value(operand), steps)

    def field_place(self, base: str, step: FieldStep) -> Place:
        """One field of the struct that `base` points to."""
        name = field_name(step.field.name, step.index)
        offset = field_offsets(step.struct)[step.index]
        return self.member_place(base, name, step.field.type, f"address({base}) + {offset}")

    def field_of_value(self, parts: Value, steps: tuple[FieldStep, ...]) -> Value:
        """The field that `steps` (none through a pointer) lead to in a flat struct."""
        for step in steps:
            parts = parts[self.types.field_range(step.struct, step.index)]
        return parts

    def indexed_place(self, expr: Index) -> Place | None:
        """x[i] of an array, a pointer to one, or a slice."""
        under = expr.operand.type.underlying
        if isinstance(under, Slice):
            data, length, _ = self.slice_parts(expr.operand)
            return self.element_place(data, self.index_text(expr, length), under.elem)
        if isinstance(under, Pointer):
            return self.element_of_array(self.checked(self.value(expr.operand)[0], expr), expr)
        if not isinstance(under, Array):
            return None
        place = self.place(expr.operand)
        assert place is not None, "an array is always in memory"
        return self.element_of_array(place.text, expr)

    def element_of_array(self, base: str, expr: Index) -> Place:
        """x[i], where `base` points to the array."""
        under = expr.operand.type.underlying
        array = under.elem.underlying if isinstance(under, Pointer) else under
        assert isinstance(array, Array), "the checker lets only arrays be indexed here"
        return self.element_place(f"{base}.items", self.index_text(expr, str(array.length)), array.elem)

    def slice_parts(self, expr: Expr) -> Value:
        """The three components of a slice; the memory they are read from is bound when its text is long."""
        place = self.place(expr)
        if place is None:
            return self.value(expr)
        return self.load(Place(self.anchored(place.text), place.type, place.pointer))

    def element_place(self, data: str, index: str, elem: Type) -> Place:
        """Element `index` (in bounds) of the elements at `data`."""
        text = f"{data}[{index}]"
        return Place(
            text, elem, f"{self.types.pointee(elem)}.at(address(element({data}, {index})))" if is_scalar(elem) else text
        )

    def index_text(self, expr: Index, length: str) -> str:
        """The checked index of x[i]."""
        if expr.index.mode is Mode.CONSTANT and length.isdigit():
            return str(expr.index.value)
        if is_wide_unsigned(expr.index):
            return f"index_unsigned({self.value(expr.index)[0]}, {length}, {self.position(expr)})"
        return f"index({self.as_i64(expr.index)}, {length}, {self.position(expr)})"

    def as_i64(self, expr: Expr) -> str:
        """An integer of any type as an i64; those above its range turn negative, so checks still fail."""
        text = self.value(expr)[0]
        under = expr.type.underlying
        is_i64 = isinstance(under, Basic) and under.bits == 64 and under.is_signed
        return text if is_i64 or expr.mode is Mode.CONSTANT else f"i64({text})"

    # ---- loads and stores

    def load(self, place: Place) -> Value:
        """The components of the value at `place`, which is checked now even if there are none."""
        if is_scalar(place.type) or is_boxed(place.type):
            return (place.text,)
        components = self.types.components(place.type)
        base = self.anchored(place.text) if len(components) != 1 else place.text
        return tuple(base + component.member for component in components)

    def store(self, place: Place, parts: Value) -> None:
        """Write a value to memory."""
        if self.program.build.has_barriers and has_pointers(place.type) and not GLOBAL.fullmatch(place.text):
            parts = self.bind(place.type, parts)  # a failure on the way to them would be behind the barrier otherwise
            self.keep_overwritten(place)
        self.initialize(place, parts)

    def keep_overwritten(self, place: Place) -> None:
        """The barrier for what is in memory now."""
        if is_boxed(place.type):
            size = size_of(place.type)
            self.step(f"keep_words(g, address({place.text}), {size}, {self.types.descriptor(place.type)})")
            return
        components = self.types.components(place.type)
        base = self.anchored(place.text) if len(components) > 1 else place.text
        for component in components:
            if component.address:
                self.step(f"keep_old(g, {component.address.format(base + component.member)})")

    def initialize(self, place: Place, parts: Value) -> None:
        """Write the first value of memory that is zero."""
        if is_boxed(place.type):
            self.step(f"copy_struct({place.text}, {parts[0]})")
            return
        components = self.types.components(place.type)
        if len(components) == 1 and is_scalar(place.type):
            self.step(f"{place.text} = {parts[0]}")
            return
        parts = self.bind(place.type, parts)  # P1
        base = self.anchored(place.text) if len(components) != 1 else place.text
        for component, part in zip(components, parts, strict=True):
            self.step(f"{base}{component.member} = {part}")

    # ---- new memory

    def new(self, t: Type, wish: str = "") -> str:
        """A pointer to fresh zeroed memory for a value of type t."""
        view = self.types.pointee(t)
        component = Component("", view, VIEW, "")
        pointer = self.declare(wish, component) if wish else self.declare_temporary(component)
        self.allocates(ONE, t)
        slow = f"mallocgc(g, {size_of(t)}, {self.descriptor_or_nil(t)}, True)"
        fast = self.fast_allocation(t)
        if not fast:
            word = self.call_runtime(slow, (Component("", "uintptr", WORD, ""),))[0]
            self.step(f"{pointer} = {view}.at({word})", pointer)
        else:
            word = self.names.temporary()
            view_it = f"{pointer} = {view}.at({word})"
            self.add(Allocate(word, fast, slow, view_it, (pointer,), self.site(), tuple(self.rooted)))
        return pointer

    def descriptor_or_nil(self, t: Type) -> str:
        """What mallocgc is told of a type: nothing when it holds no pointers."""
        return self.types.descriptor(t) if has_pointers(t) else "nil(Type)"

    def fast_allocation(self, t: Type) -> str:
        """The call of the allocator's inline path for a value of type t; "" when there is none."""
        size = size_of(t)
        if size == 0 or size > MAX_SMALL_SIZE - MALLOC_HEADER_SIZE:
            return ""
        if has_pointers(t):
            if size > MAX_BITMAP_SIZE:
                number = size_to_class(size + MALLOC_HEADER_SIZE)
                return f"malloc_header(g, {2 * number}, {self.types.descriptor(t)})"
            number = size_to_class(size)
            return f"malloc_scan(g, {2 * number}, {CLASS_TO_SIZE[number]}, {pointer_mask(t)})"
        if size < TINY_SIZE:
            return f"malloc_tiny(g, {size}, {align_of(t)})"
        return f"malloc_noscan(g, {2 * size_to_class(size) + 1}, {size})"

    def fast_array(self, elem: Type, length: str, capacity: str) -> str:
        """The same for the array of a slice: of a constant length, or a short one whose elements have pointers."""
        size = size_of(elem)
        if length.isdigit() and capacity.isdigit():
            count = int(capacity)
            is_short = not has_pointers(elem) or count * size <= MAX_BITMAP_SIZE
            return self.fast_allocation(Array(count, elem)) if is_short else ""
        if length != capacity or not has_pointers(elem) or size > MAX_BITMAP_SIZE:
            return ""
        count = MAX_BITMAP_SIZE // size
        mask = pointer_mask(Array(count, elem)) | MASK64 << count * size // PTR_SIZE & MASK64
        return f"malloc_scan_array(g, {capacity}, {size}, {mask})"


def is_shared(to: Type, source: Type) -> bool:
    """Whether a conversion is one between a string and bytes."""
    return basic(to).is_string and is_bytes(source) or is_bytes(to) and basic(source).is_string


def is_bytes(t: Type) -> bool:
    """Whether a type is one of slices of bytes."""
    return isinstance(t.underlying, Slice) and basic(t.underlying.elem) == UINT8


def is_wide_unsigned(expr: Expr) -> bool:
    """Whether an index or a bound, no constant, may be one that an i64 does not hold."""
    under = basic(expr.type)
    return under.is_unsigned and under.bits == 64 and expr.mode is not Mode.CONSTANT


def typed_parts(parts: Value, components: tuple[Component, ...]) -> Value:
    """`parts` such that locals assigned from them take their components' types."""
    return tuple(typed(part, component) for part, component in zip(parts, components, strict=True))


def is_number(t: Type) -> bool:
    """Whether a type is one of numbers."""
    return basic(t).is_numeric


def is_in_turn(x: Node) -> bool:
    """Whether Go's compiler evaluates an expression in its turn, from left to right: a call, x.(T), x[i:j], x && y, and
    bytes that are made of a string.
    """
    if not isinstance(x, Expr) or x.mode is Mode.CONSTANT:
        return False
    match x:
        case Call(kind=CallKind.CONVERSION):
            return isinstance(x.type.underlying, Slice)
        case Call() | TypeAssert() | SliceExpr() | Binary(op="&&" | "||"):
            return True
    return False
