"""Map types: for each type of map in a program, the functions that find, assign, delete and grow.

    map[string]int      Slot_1 { key: Inline[String], elem: i64 }
                        Group_1 { control: u64, slots: 8 of them }
                        find_map_1(g, m, k_data, k_length, pos) -> Slot_1
                        assign_map_1, delete_map_1, grow_map_1

They are written out, so that LLVM sees the sizes, the hash and the comparison of the keys. What nearly all maps with
string keys need is in runtime/string_maps.py already: those call it.

Owner: one program's lowering.        Next: lower_thunks.py
"""

from __future__ import annotations

from dataclasses import dataclass

from lang.flow import Step
from lang.go_types import STRING, UINT8, UINT64, Array, Basic, Field, Interface, Kind, Map, Signature, Struct, Type
from lang.layout import has_pointers, size_of
from lang.lower_frame import Program, Value
from lang.lower_function import Function
from lang.lower_types import MACHINE_TYPES, is_boxed
from lang.objects import FunctionInfo

SLOTS = 8  # of a group: runtime/maps.py
STRING_SLOTS = (24, 32, 40)  # bytes of slots with a string key: runtime/string_maps.py


@dataclass(frozen=True, slots=True)
class MapFunctions:
    """The names of what is made for a type of map."""

    slot: str  # classes
    group: str
    group_type: str  # a descriptor
    group_size: int  # bytes
    slot_size: int
    find: str
    assign: str
    delete: str
    grow: str


def slot_type(t: Map) -> Struct:
    """How a key and its element lie in memory. A slot is known by its address, so it has one of its own."""
    slot = Struct((Field("key", t.key), Field("elem", t.elem)))
    return slot if size_of(slot) else Struct((*slot.fields, Field("room", UINT8)))


def group_type(t: Map) -> Struct:
    """Eight slots and their control bytes."""
    return Struct((Field("control", UINT64), Field("slots", Array(SLOTS, slot_type(t)))))


class MapTypes(Program):
    """The functions of all map types."""

    def map_functions(self, t: Map) -> MapFunctions:
        """The names of the functions for a type of map; the functions, when it is met first."""
        found = self.maps.get(t)
        if found is None:
            number = len(self.maps) + 1
            slot, group = slot_type(t), group_type(t)
            names = [self.names.fresh(f"{what}_map_{number}") for what in ("find", "assign", "delete", "grow")]
            found = self.maps[t] = MapFunctions(
                self.types.struct_class(slot),
                self.types.struct_class(group),
                self.types.descriptor(group),
                size_of(group),
                size_of(slot),
                *names,
            )
            self.helper_lines += map_lines(self, t, found)
        return found


def map_lines(program: Program, t: Map, names: MapFunctions) -> list[str]:
    """The functions for a type of map."""
    text = MapText(program, t, names)
    if t.key.underlying == STRING and names.slot_size in STRING_SLOTS:
        return [*text.find_string_lines(), *text.assign_string_lines(), *text.delete_lines()]
    return [*text.find_lines(), *text.assign_lines(), *text.grow_lines(), *text.delete_lines()]


class MapText:
    """The functions for a type of map, as lines."""

    def __init__(self, program: Program, t: Map, names: MapFunctions) -> None:
        self.program, self.type, self.names = program, t, names
        components = program.types.components(t.key)
        self.key = tuple(f"k{number}" for number in range(len(components)))
        self.parameters = "".join(f", {name}: {c.annotation}" for name, c in zip(self.key, components, strict=True))
        self.passed = "".join(f", {name}" for name in self.key)
        self.sizes = f"{names.group_size}, {names.slot_size}"
        self.own_hash = self.hash(self.key, "m.seed", "pos")
        function = Function(program, FunctionInfo("map", Signature((), ())), names.find)
        place = function.slot_place("slot", "key", t.key)
        self.there = function.load(place)
        self.equal = function.compared("==", t.key, self.there, self.key)
        function.initialize(place, self.key)
        self.first_store = [f"    {step.text}" for step in function.body if isinstance(step, Step)]
        function.body.clear()
        function.store(place, self.key)
        self.store = [f"    {step.text}" for step in function.body if isinstance(step, Step)]

    def hash(self, key: Value, seed: str, pos: str) -> str:
        """The text of the hash of a key."""
        return hash_text(self.program, self.type.key, key, seed, pos)

    def find_lines(self) -> list[str]:
        """find_map_1, and what it does when there is a hash."""
        names = self.names
        return [
            f"def {names.find}_hashed(g: G, m: Map, hash: u64{self.parameters}, pos: i64) -> {names.slot}:",
            "    tags = tags_of(hash)",
            "    at = group_of(m, hash)",
            "    step: u64 = 0",
            "    while True:",
            f"        group = {names.group}.at(m.groups + at * {names.group_size})",
            "        control = group.control",
            "        matches = match_tags(control, tags)",
            "        while matches != 0:",
            "            slot = group.slots.items[first_slot(matches)]",
            f"            if {self.equal}:",
            "                return slot",
            "            matches = without_first(matches)",
            "        if is_last(m, control, step):",
            f"            return nil({names.slot})",
            "        step = step + 1",
            "        at = at + step & m.mask",
            "",
            f"def {names.find}(g: G, m: Map{self.parameters}, pos: i64) -> {names.slot}:",
            "    if is_nil(m) or m.count == 0:",
            *key_check(self.program, self.type.key, self.key),
            f"        return nil({names.slot})",
            f"    return {names.find}_hashed(g, m, {self.own_hash}{self.passed}, pos)",
            "",
        ]

    def find_string_lines(self) -> list[str]:
        """find_map_1, where the runtime has the rest of it."""
        names = self.names
        return [
            f"def {names.find}(g: G, m: Map{self.parameters}, pos: i64) -> {names.slot}:",
            "    if is_nil(m) or m.count == 0:",
            f"        return nil({names.slot})",
            f"    return {names.slot}.at(find_string_{names.slot_size}(m, {self.own_hash}{self.passed}))",
            "",
        ]

    def assign_string_lines(self) -> list[str]:
        """The same of assign_map_1."""
        names = self.names
        found = f"assign_string_{names.slot_size}(g, m, {self.own_hash}{self.passed}, {names.group_type})"
        return [
            f"def {names.assign}(g: G, m: Map{self.parameters}, pos: i64) -> {names.slot}:",
            "    if is_nil(m):",
            "        panic_nil_map(pos)",
            f"    return {names.slot}.at({found})",
            "",
        ]

    def assign_lines(self) -> list[str]:
        """assign_map_1: the slot of a key, which is new if need be."""
        names = self.names
        return [
            f"def {names.assign}(g: G, m: Map{self.parameters}, pos: i64) -> {names.slot}:",
            "    if is_nil(m):",
            "        panic_nil_map(pos)",
            f"    hash: u64 = {self.own_hash}",
            "    if m.count != 0:",
            f"        slot = {names.find}_hashed(g, m, hash{self.passed}, pos)",
            "        if not is_nil(slot):",
            *([f"        {line}" for line in self.store] if is_replaced(self.type.key) else []),
            "            return slot",
            "    if unlikely(m.growth_left == 0):",
            f"        {names.grow}(g, m)",
            f"    slot = {names.slot}.at(place_entry(m, hash, {self.sizes}))",
            *self.first_store,
            "    return slot",
            "",
        ]

    def grow_lines(self) -> list[str]:
        """grow_map_1: all entries into a larger table."""
        names = self.names
        return [
            f"def {names.grow}(g: G, m: Map) -> None:",
            "    groups, slots = map_groups(m)",
            f"    grow_groups(g, m, {names.group_type})",
            "    i: u64 = 0",
            "    while True:",
            f"        at, i = next_entry(groups, slots, 0, i, {self.sizes})",
            "        if at == 0:",
            "            return",
            f"        slot = {names.slot}.at(at)",
            f"        hash: u64 = {self.hash(self.there, 'm.seed', '0')}",
            f"        copy_struct({names.slot}.at(place_entry(m, hash, {self.sizes})), slot)",
            "",
        ]

    def delete_lines(self) -> list[str]:
        """delete_map_1"""
        names = self.names
        slot = slot_type(self.type)
        keeps = self.program.build.has_barriers and has_pointers(slot)
        barrier = f"        keep_words(g, address(slot), {names.slot_size}, {self.program.types.descriptor(slot)})"
        return [
            f"def {names.delete}(g: G, m: Map{self.parameters}, pos: i64) -> None:",
            f"    slot = {names.find}(g, m{self.passed}, pos)",
            "    if not is_nil(slot):",
            *([barrier] if keeps else []),
            f"        remove_entry(m, address(slot), {self.sizes})",
            "",
        ]


def hash_text(program: Program, t: Type, parts: Value, seed: str, pos: str) -> str:
    """The text of the hash of a key."""
    under = t.underlying
    if is_boxed(t):
        return f"hash_value(g, {program.types.descriptor(t)}, address({parts[0]}), {seed}, {pos})"
    match under:
        case Basic(kind=Kind.STRING):
            return f"hash_string({parts[0]}, {parts[1]}, {seed})"
        case Basic(kind=Kind.BOOL):
            return f"hash_word(u64(1) if {parts[0]} else u64(0), {seed})"
        case Basic() if under.is_float:
            value = parts[0] if MACHINE_TYPES[under.kind] == "f64" else f"f64({parts[0]})"
            return f"hash_float(g, {value}, {seed})"
        case Basic():
            word = parts[0] if MACHINE_TYPES[under.kind] == "u64" else f"u64({parts[0]})"
            return f"hash_word({word}, {seed})"
        case Interface():
            return f"hash_any(g, {parts[0]}, {parts[1]}, {seed}, {pos})"
        case Struct(fields):
            text = f"hash_word({len(fields)}, {seed})"
            for number, f in enumerate(fields):
                if f.name != "_":
                    part = parts[program.types.field_range(under, number)]
                    text = hash_text(program, f.type, part, text, pos)
            return text
    return f"hash_word(address({parts[0]}), {seed})"


def key_check(program: Program, t: Type, key: Value) -> list[str]:
    """What panics when a key has no hash, although the map is empty."""
    under = t.underlying
    if isinstance(under, Interface):
        return [f"        check_key({key[0]}, pos)"]
    if isinstance(under, Struct) and not is_boxed(t):
        named = [(number, f.type) for number, f in enumerate(under.fields) if f.name != "_"]
        parts = [(t, key[program.types.field_range(under, number)]) for number, t in named]
        return [line for t, part in parts for line in key_check(program, t, part)]
    return [f"        unused = {hash_text(program, t, key, 'u64(0)', 'pos')}"] if may_panic(t) else []


def may_panic(t: Type) -> bool:
    """Whether some values of a key's type have no hash."""
    match t.underlying:
        case Interface():
            return True
        case Array(_, elem):
            return may_panic(elem)
        case Struct(fields):
            return any(may_panic(f.type) for f in fields)
    return False


def is_replaced(t: Type) -> bool:
    """Whether an assignment stores a key again: one that is equal may look different, as 0.0 and -0.0 do."""
    match t.underlying:
        case Basic() as under:
            return under.is_float
        case Interface():
            return True
        case Array(_, elem):
            return is_replaced(elem)
        case Struct(fields):
            return any(is_replaced(f.type) for f in fields)
    return False
