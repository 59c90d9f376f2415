"""Maps: what programs do with them, in terms of functions that are made for each type of map.

    m[k]              find_1(g, m, k): the slot, or nil
    m[k] = v          assign_1(g, m, k, pos), then a store into the slot
    delete(m, k)      delete_1(g, m, k)
    range m           next_entry: the groups as they were when the loop began; a map that has grown since is asked again

The functions are in lower_map_types.py, and what all types share in runtime/maps.py.

Next: lower_calls.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

from lang.flow import Break, Continue
from lang.go_types import Map, Type, basic
from lang.lower_frame import Place, Value
from lang.lower_operators import may_differ_from_itself
from lang.lower_slices import Slices
from lang.lower_types import VIEW, Component, is_boxed
from lang.spelling import spelled
from lang.syntax import Call, CompositeLit, Expr, Index, Mode

WORD_LOCAL = Component("", "uintptr", "{}", "")
COUNT_LOCAL = Component("", "u64", "", "")


@dataclass(frozen=True, slots=True)
class MapPlace(Place):
    """m[k] on the left of an assignment: its slot is found, or made, when the value is there."""

    map: str  # the text of m
    map_type: Map
    key: Value
    pos: str


class Maps(Slices):
    """Maps: literals, elements, builtins and loops."""

    def map_of(self, expr: Expr) -> Map:
        """The type of a map."""
        under = expr.type.underlying
        assert isinstance(under, Map), "a map is used"
        return under

    # ---- making

    def make_map(self, expr: Call) -> Value:
        """make(map[K]V) and make(map[K]V, hint)"""
        hint = self.as_i64(expr.args[1]) if len(expr.args) > 1 else "0"
        return self.new_map(self.map_of(expr), hint)

    def new_map(self, t: Map, hint: str) -> Value:
        """An empty map."""
        functions = self.program.map_functions(t)
        component = self.types.components(t)[0]
        return self.call_runtime(f"new_map(g, {hint}, {functions.group_type})", (component,))

    def map_literal(self, expr: CompositeLit) -> Value:
        """map[K]V{k: v}"""
        t = self.map_of(expr)
        self.tell_place(expr.pos, spelled(expr), False)
        (m,) = self.new_map(t, str(len(expr.pairs)))
        for key_expr, value_expr in expr.pairs:
            key = self.snapshot(t.key, self.value_as(key_expr, t.key))
            parts = self.snapshot(t.elem, self.value_as(value_expr, t.elem))
            self.store_entry(MapPlace("", t.elem, "", m, t, key, self.position(key_expr)), parts)
        return (m,)

    # ---- elements

    def map_key(self, expr: Index, key: Callable[[Expr, Type], Value]) -> tuple[Map, str, Value]:
        """The map and the key of m[k], evaluated."""
        t = self.map_of(expr.operand)
        (m,) = self.snapshot(expr.operand.type, self.value(expr.operand))
        return t, m, self.snapshot(t.key, key(expr.index, t.key))

    def key_to_find(self, expr: Expr, t: Type) -> Value:
        """A key that the map does not keep."""
        return self.looked_at(expr) if basic(t).is_string else self.value_as(expr, t)

    def map_index(self, expr: Index) -> Value:
        """m[k] as a value, with its ok if that is asked for."""
        t, m, key = self.map_key(expr, self.key_to_find)
        slot = self.found_slot(t, m, key, self.position(expr))
        found = self.element_or_zero(slot, t.elem)
        return (*found, f"(not is_nil({slot}))") if expr.comma_ok else found

    def element_or_zero(self, slot: str, t: Type) -> Value:
        """The element of a slot, or zero where there is no slot."""
        components = self.types.components(t)
        found = tuple(self.declare_temporary(component) for component in components)
        branch = self.if_(f"is_nil({slot})")
        with self.inside(branch.then):
            zero = (self.new(t),) if is_boxed(t) else tuple(component.zero for component in components)
            self.set_locals(found, components, zero)
        with self.inside(branch.orelse):
            self.set_locals(found, components, self.load(self.slot_place(slot, "elem", t)))
        return found

    def found_slot(self, t: Map, m: str, key: Value, pos: str) -> str:
        """The slot of a key; nil when the map has none."""
        functions = self.program.map_functions(t)
        return self.temporary(f"{functions.find}({', '.join(('g', m, *key, pos))})", VIEW)

    def slot_place(self, slot: str, name: str, t: Type) -> Place:
        """Key or element of a slot. Nobody has a pointer to it, so its address is not asked for."""
        return self.member_place(slot, name, t, f"address({slot})")

    def map_place(self, expr: Index) -> MapPlace:
        """m[k] as the target of an assignment."""
        t, m, key = self.map_key(expr, self.value_as)
        return MapPlace("", t.elem, "", m, t, key, self.position(expr))

    def store_entry(self, place: MapPlace, parts: Value) -> None:
        """m[k] = v"""
        parts = self.bind(place.type, parts)
        self.store(self.assigned_slot(place), parts)

    def assigned_slot(self, place: MapPlace) -> Place:
        """The element of a key, which is in the map from here on."""
        functions = self.program.map_functions(place.map_type)
        words = ", ".join(("g", place.map, *place.key, place.pos))
        (slot,) = self.call_runtime(f"{functions.assign}({words})", (Component("", functions.slot, VIEW, ""),))
        return self.slot_place(slot, "elem", place.type)

    def load_entry(self, place: MapPlace) -> Value:
        """The value of m[k], before it is changed."""
        return self.element_or_zero(self.found_slot(place.map_type, place.map, place.key, place.pos), place.type)

    # ---- builtins

    def map_builtin(self, expr: Call) -> Value:
        """len, delete and clear"""
        t = self.map_of(expr.args[0])
        (m,) = self.bind(expr.args[0].type, self.value(expr.args[0]))
        functions = self.program.map_functions(t)
        if expr.builtin == "len":
            return (f"map_length({m})",)
        if expr.builtin == "clear":
            self.step(f"clear_map(g, {m}, {functions.group_type})")
            return ()
        key = self.bind(t.key, self.key_to_find(expr.args[1], t.key))
        self.step(f"{functions.delete}({', '.join(('g', m, *key, self.position(expr)))})")
        return ()

    # ---- loops

    def map_rounds(self, operand: Expr) -> tuple[str, str, str, str, str]:
        """Before a loop over a map: the map, its groups, their slots, where to begin, and the counter."""
        (m,) = self.snapshot(operand.type, self.value(operand))
        groups, slots = self.declare_temporary(WORD_LOCAL), self.declare_temporary(COUNT_LOCAL)
        self.step(f"{groups}, {slots} = map_groups({m})", groups, slots)
        start = self.temporary("next_seed(g)")
        counter = self.temporary("u64(0)")
        return m, groups, slots, start, counter

    def map_entry(self, t: Map, rounds: tuple[str, str, str, str, str], clears: str) -> tuple[Value, Value]:
        """In the loop: this round's key and element; the loop ends, or the round, when there is none."""
        m, groups, slots, start, counter = rounds
        functions = self.program.map_functions(t)
        at = self.declare_temporary(WORD_LOCAL)
        sizes = f"{functions.group_size}, {functions.slot_size}"
        self.step(f"{at}, {counter} = next_entry({groups}, {slots}, {start}, {counter}, {sizes})", at, counter)
        with self.inside(self.if_(f"{at} == 0").then):
            self.add(Break())
        slot = self.temporary(f"{functions.slot}.at({at})", VIEW)
        key = self.bind(t.key, self.load(self.slot_place(slot, "key", t.key)))
        with self.inside(self.if_(f"unlikely({m}.groups != {groups})").then):
            with self.inside(self.if_(f"{m}.clears != {clears}").then):
                self.add(Break())
            again = self.found_slot(t, m, key, "0")
            branch = self.if_(f"not is_nil({again})")
            with self.inside(branch.then):
                self.step(f"{slot} = {again}", slot)
            with self.inside(branch.orelse):  # deleted; but a NaN, which nobody finds, stays
                if may_differ_from_itself(t.key):
                    with self.inside(self.if_(self.compared("==", t.key, key, key)).then):
                        self.add(Continue())
                else:
                    self.add(Continue())
        return self.load(self.slot_place(slot, "key", t.key)), self.load(self.slot_place(slot, "elem", t.elem))


def is_map_index(expr: Expr) -> TypeGuard[Index]:
    """Whether an expression is m[k]."""
    return isinstance(expr, Index) and isinstance(expr.operand.type.underlying, Map) and expr.mode is not Mode.CONSTANT
