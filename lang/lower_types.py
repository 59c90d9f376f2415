"""Lowered types: what a Toy type becomes as locals, and what it becomes in memory.

    Toy              as locals                                  in memory
    int, bool, f64   one of that machine type                   the same
    *T               a pointer to T's struct, or to its Box     the same
    func, map        a pointer to a Closure, or to a Map        the same
    string           data, length                               Inline[String]
    []T              data, length, capacity                     Inline[Slice_T]
    any              typ, data                                  Inline[Any]
    struct           the locals of all its fields ("flat")      Inline[its class]
    [n]T, big struct one pointer to memory ("boxed")            Inline[its class]

A value in memory is a scalar or a struct, so a pointer is always a pointer to a struct: `*int` points to a
`Box_i64 { value }`. A type's class, its Box and its descriptor (a constant `Type`, what the allocator, the collector
and fmt read) are defined in the program's module when they are first asked for.

    Y1  a struct's class has the sizes and offsets of lang/layout.py
    Y2  a boxed value is never shared: whoever binds it to a variable owns a copy

Go: cmd/compile/internal/reflectdata.                           Next: lower_names.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lang.go_types import (
    Array,
    Basic,
    Chan,
    Field,
    Interface,
    Kind,
    Map,
    Named,
    Pointer,
    Signature,
    Slice,
    Struct,
    Type,
    type_string,
)
from lang.layout import align_of, field_offsets, pointer_bytes, pointer_mask, size_of
from lang.lookup import is_exported
from lang.lower_names import Names, safe_name
from lang.objects import Var
from lang.runtime_names import runtime_name
from runtime.basic_types import BASIC_TYPES

FLAT_LIMIT = 16  # locals that a struct may take apart into; above it is boxed

MACHINE_TYPES = {
    Kind.BOOL: "bool",
    Kind.INT: "i64",
    Kind.INT8: "i8",
    Kind.INT16: "i16",
    Kind.INT32: "i32",
    Kind.INT64: "i64",
    Kind.UINT: "u64",
    Kind.UINT8: "u8",
    Kind.UINT16: "u16",
    Kind.UINT32: "u32",
    Kind.UINT64: "u64",
    Kind.UINTPTR: "u64",
    Kind.FLOAT32: "f32",
    Kind.FLOAT64: "f64",
}

MACHINE_NAMES = frozenset([*MACHINE_TYPES.values(), "uintptr"])

# reflect.Kind's numbers; the KIND_ constants of runtime/types.py.
DESCRIPTOR_KINDS = {
    Kind.BOOL: "KIND_BOOL",
    Kind.INT: "KIND_INT",
    Kind.INT8: "KIND_INT8",
    Kind.INT16: "KIND_INT16",
    Kind.INT32: "KIND_INT32",
    Kind.INT64: "KIND_INT64",
    Kind.UINT: "KIND_UINT",
    Kind.UINT8: "KIND_UINT8",
    Kind.UINT16: "KIND_UINT16",
    Kind.UINT32: "KIND_UINT32",
    Kind.UINT64: "KIND_UINT64",
    Kind.UINTPTR: "KIND_UINTPTR",
    Kind.FLOAT32: "KIND_FLOAT32",
    Kind.FLOAT64: "KIND_FLOAT64",
    Kind.STRING: "KIND_STRING",
}

BASIC_DESCRIPTORS = {kind: f"{name[5:]}_TYPE" for kind, name in DESCRIPTOR_KINDS.items()}
BASIC_NUMBERS = {kind: number for number, kind in enumerate(BASIC_DESCRIPTORS, start=1)}

COMPOSITE_KINDS: dict[type[Type], str] = {
    Array: "KIND_ARRAY",
    Signature: "KIND_FUNC",
    Interface: "KIND_INTERFACE",
    Map: "KIND_MAP",
    Pointer: "KIND_PTR",
    Slice: "KIND_SLICE",
    Struct: "KIND_STRUCT",
}


@dataclass(frozen=True, slots=True)
class Component:
    """One local of the several that hold a value."""

    suffix: str  # of the local's name; "" for the only one
    annotation: str  # its type in systems Python
    address: str  # text of its address, "{}" for the local; "" when it is no heap pointer
    member: str  # how memory's struct spells it: ".length", ".pos.x"; "" when memory is a scalar too

    @property
    def zero(self) -> str:
        """The text of its zero value, typed."""
        if self.annotation in ("f64", "bool", "i64"):
            return {"f64": "0.0", "bool": "False", "i64": "0"}[self.annotation]
        if self.annotation.startswith("Array["):
            return f"array_at({self.annotation[6:-1]}, 0)"
        if self.annotation in MACHINE_NAMES:
            return f"{self.annotation}(0)"
        return f"nil({self.annotation})"

    @property
    def is_word(self) -> bool:
        """Whether the local is a bare address, not a view."""
        return self.address == "{}"


VIEW = "address({})"
WORD = "{}"


@cache
def is_boxed(t: Type) -> bool:
    """Whether values of t live in memory even as locals."""
    return isinstance(t.underlying, Array) or (isinstance(t.underlying, Struct) and _flat_size(t) > FLAT_LIMIT)


def needs_memory(var: Var) -> bool:
    """Whether a variable does not live in locals."""
    return var.is_shared or is_boxed(var.type)


@cache
def _flat_size(t: Type) -> int:
    """Locals that a value takes apart into; more than FLAT_LIMIT when an array is among its parts."""
    match t.underlying:
        case Array():
            return FLAT_LIMIT + 1
        case Struct(fields):
            return sum(_flat_size(f.type) for f in fields if not is_nothing(f))
        case Basic(kind=Kind.STRING) | Interface():
            return 2
        case Slice():
            return 3
    return 1


def is_nothing(f: Field) -> bool:
    """Whether a field has no bytes and no name: it is there for what its type says alone, and takes no locals."""
    return f.name == "_" and size_of(f.type) == 0


@cache
def is_endless(t: Type) -> bool:
    """Whether a type leads to itself through pointers, slices and arrays alone: type P *P, type S [][2]S."""
    seen: set[Type] = set()
    while isinstance(t.underlying, Pointer | Slice | Array):
        if t in seen:
            return True
        seen.add(t)
        t = t.underlying.elem
    return False


def is_direct(t: Type) -> bool:
    """Whether an interface holds values of t themselves, not the address of a copy: they are one pointer."""
    return isinstance(t.underlying, Pointer | Map | Chan | Signature)


def is_scalar(t: Type) -> bool:
    """Whether a value of t in memory is one machine word or less, not a struct."""
    match t.underlying:
        case Basic(kind=Kind.STRING):
            return False
        case Basic() | Pointer() | Map() | Chan() | Signature():
            return True
    return False


class LoweredTypes:
    """The classes and descriptors of one program, in the order of their definition."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.definitions: list[str] = []  # lines of the module
        self._undefined: dict[str, tuple[Callable[[], list[str]], str, int]] = {}  # not written yet: fields, doc, size
        self._defining = 0  # classes whose fields are being found, one inside the other
        self._behind_pointer = False  # while only the name of a class is wanted
        self._classes: dict[object, str] = {}
        self._descriptors: dict[Type, str] = {}
        self.numbers: dict[Type, int] = {}  # of the types that have a descriptor
        self._components: dict[Type, tuple[Component, ...]] = {}

    # ---- as locals

    def components(self, t: Type) -> tuple[Component, ...]:
        """The locals that hold a value of t."""
        found = self._components.get(t)
        if found is None:
            found = self._components[t] = tuple(self._find_components(t))
        return found

    def _find_components(self, t: Type) -> list[Component]:
        under = t.underlying
        if is_boxed(t):
            return [Component("", self.struct_class(t), VIEW, "")]
        match under:
            case Basic(kind=Kind.STRING):
                return [Component("data", "Array[u8]", VIEW, ".data"), Component("length", "i64", "", ".length")]
            case Basic():
                return [Component("", MACHINE_TYPES[under.kind], "", "")]
            case Slice(elem):
                data = Component("data", f"Array[{self.memory_behind_pointer(elem)}]", VIEW, ".data")
                length = Component("length", "i64", "", ".length")
                return [data, length, Component("capacity", "i64", "", ".capacity")]
            case Interface():
                return [Component("typ", "Type", "", ".typ"), Component("data", "uintptr", WORD, ".data")]
            case Struct(fields):
                return [part for number, f in enumerate(fields) for part in self._field_components(f, number)]
            case Pointer(elem):
                return [Component("", self.pointee(elem), VIEW, "")]
            case Signature():
                return [Component("", "Closure", VIEW, "")]
            case Map():
                return [Component("", "Map", VIEW, "")]
        raise NotImplementedError(f"no lowering for {t}")

    def _field_components(self, f: Field, number: int) -> list[Component]:
        """The locals of one field of a flat struct."""
        field = field_name(f.name, number)
        return [
            Component(
                f"{field}_{part.suffix}" if part.suffix else field,
                part.annotation,
                part.address,
                f".{field}{part.member}",
            )
            for part in self._field_parts(f)
        ]

    def _field_parts(self, f: Field) -> tuple[Component, ...]:
        """What the locals of a field are made of."""
        return () if is_nothing(f) else self.components(f.type)

    def field_range(self, struct: Struct, index: int) -> slice:
        """Which of a flat struct's components belong to field number `index`."""
        counts = [len(self._field_parts(f)) for f in struct.fields[: index + 1]]
        return slice(sum(counts[:-1]), sum(counts))

    # ---- in memory

    def memory(self, t: Type) -> str:
        """The annotation of a field or element of type t."""
        return self.components(t)[0].annotation if is_scalar(t) else f"Inline[{self.struct_class(t)}]"

    def memory_behind_pointer(self, t: Type) -> str:
        """The same for what a pointer in a class leads to: it may itself hold the class, so it is defined behind."""
        before, self._behind_pointer = self._behind_pointer, self._defining > 0
        found = self.memory(t)
        self._behind_pointer = before
        return found

    def pointee(self, t: Type) -> str:
        """The class that a pointer to t points to."""
        if is_scalar(t) and is_endless(t):
            key, doc = ("endless", t.underlying), type_string(t)
            return self._define(key, "Box_endless", lambda: [f"value: {self.memory(t)}"], doc)
        memory = self.memory_behind_pointer(t)
        return self.box_class(memory) if is_scalar(t) else memory.removeprefix("Inline[").removesuffix("]")

    def struct_class(self, t: Type) -> str:
        """The class of t's form in memory; t is no scalar."""
        under = t.underlying
        match under:
            case Basic():
                return "String"
            case Interface():
                return "Any"
            case Slice(elem) if is_endless(t):
                key, doc = ("endless", under), type_string(t)
                return self._define(key, "Slice_endless", lambda: _slice_fields(self.memory_behind_pointer(elem)), doc)
            case Slice(elem):
                memory = self.memory_behind_pointer(elem)
                return self._define(
                    ("slice", memory), f"Slice_{plain(memory)}", lambda: _slice_fields(memory), f"A slice of {memory}."
                )
            case Array(length, elem) if is_endless(t):
                name, doc = f"Array_{length}_endless", type_string(t)
                return self._define(("endless", under), name, lambda: self._array_fields(length, elem), doc, size_of(t))
            case Array(length, elem):
                memory = self.memory(elem)
                return self._define(
                    ("array", length, memory),
                    f"Array_{length}_{plain(memory)}",
                    lambda: self._array_fields(length, elem),
                    f"[{length}]{elem}",
                    size_of(t),
                )
            case Struct():
                name = safe_name(t.name) if isinstance(t, Named) else "Struct"
                return self._define(t, name, lambda: self._struct_fields(under), type_string(t), size_of(t))
        raise NotImplementedError(f"no class for {t}")

    def _array_fields(self, length: int, elem: Type) -> list[str]:
        return [f"items: Annotated[Array[{self.memory(elem)}], {length}]"]

    def _struct_fields(self, struct: Struct) -> list[str]:
        lines = [f"{field_name(f.name, number)}: {self.memory(f.type)}" for number, f in enumerate(struct.fields)]
        if struct.fields and size_of(struct.fields[-1].type) == 0 and size_of(struct):
            lines.append("end: u8")
        return lines

    def box_class(self, memory: str) -> str:
        """The struct around a scalar, so that a pointer to it is a pointer to a struct."""
        return self._define(
            ("box", memory), f"Box_{plain(memory)}", lambda: [f"value: {memory}"], f"A variable of type {memory}."
        )

    def local_class(self, t: Type) -> str:
        """The struct of a variable with pointers in a frame: what runtime/roots.py calls a Local, and the variable."""
        memory = self.memory(t)
        return self._define(
            ("local", memory), f"Local_{plain(memory)}", lambda: ["typ: Type", f"value: {memory}"], f"{t} in a frame."
        )

    def _define(self, key: object, name: str, fields: Callable[[], list[str]], doc: str, size: int = -1) -> str:
        """The class for `key`, defined now unless only a pointer leads to it; classes laid inside it come before it.

        `size`, in bytes, is checked when the module is executed; -1 for classes that no Toy type has.
        """
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = self.names.fresh(name)
            self._undefined[found] = (fields, doc, size)
        if found in self._undefined and not self._behind_pointer:
            self._emit(found)
        return found

    def _emit(self, name: str) -> None:
        """Write the class `name`, and behind the outermost one those that pointers lead to."""
        fields, doc, size = self._undefined.pop(name)
        self._defining += 1
        body = [f"    {line}" for line in fields()]
        self._defining -= 1
        self.definitions += [
            "@struct",
            f"class {name}(Struct):",
            f'    """{doc.replace(chr(92), "/").replace(chr(34), chr(39))}"""',
            *body,
            "",
        ]
        if size >= 0:
            self.definitions += [f'assert sizeof({name}) == {size}, "Y1"', ""]
        while self._undefined and not self._defining:
            self._emit(next(iter(self._undefined)))

    # ---- descriptors

    def number(self, t: Type) -> int:
        """The number by which the methods of a type are found; those of basic types are the runtime's (BT1)."""
        if isinstance(t, Basic) and t.kind in BASIC_NUMBERS:
            return BASIC_NUMBERS[t.kind]
        return self.numbers.setdefault(t, BASIC_TYPES + len(self.numbers) + 1)

    def descriptor(self, t: Type) -> str:
        """The name of the constant that describes t to the runtime."""
        if isinstance(t, Basic) and t.kind in BASIC_DESCRIPTORS:
            return BASIC_DESCRIPTORS[t.kind]
        found = self._descriptors.get(t)
        if found is None:
            found = self._descriptors[t] = self.names.fresh(f"type_{plain(type_string(t))}"[:60])
            self.definitions += [f"{found} = constant(Type, {', '.join(self._descriptor_fields(t))})", ""]
        return found

    def _descriptor_fields(self, t: Type) -> list[str]:
        under = t.underlying
        kind = DESCRIPTOR_KINDS[under.kind] if isinstance(under, Basic) else COMPOSITE_KINDS[type(under)]
        name = runtime_name(t).encode()
        fields = [
            f"size={size_of(t)}",
            f"kind={kind}",
            f"align={align_of(t)}",
            f"number={self.number(t)}",
            f"name=text({name!r})",
            f"name_length={len(name)}",
        ]
        if pointer_bytes(t):
            mask = pointer_mask(t)
            fields += [
                f"ptr_bytes={pointer_bytes(t)}",
                f"gc_mask=text({mask.to_bytes((mask.bit_length() + 7) // 8, 'little')!r})",
            ]
        if isinstance(under, Map):
            fields.append(f"key=lambda: {self.descriptor(under.key)}")
        if isinstance(under, Pointer | Slice | Array | Map):
            fields.append(f"elem=lambda: {self.descriptor(under.elem)}")
        if isinstance(under, Array):
            fields.append(f"length={under.length}")
        if isinstance(under, Struct) and under.fields:
            fields += [
                f"field_count={len(under.fields)}",
                f"fields=table(Inline[Field], [{', '.join(self._field_constants(under))}])",
            ]
        return fields

    def _field_constants(self, struct: Struct) -> list[str]:
        return [
            f"constant(Field, name=text({f.name.encode()!r}), name_length={len(f.name.encode())}, "
            f"typ=lambda: {self.descriptor(f.type)}, offset={offset}, access={field_access(f)})"
            for f, offset in zip(struct.fields, field_offsets(struct), strict=True)
        ]


def field_access(f: Field) -> str:
    """Whose methods are called where the field is printed."""
    if is_exported(f.name):
        return "FIELD_EXPORTED"
    return "FIELD_EMBEDDED" if f.embedded and isinstance(f.type.underlying, Struct) else "FIELD_HIDDEN"


def _slice_fields(memory: str) -> list[str]:
    return [f"data: Array[{memory}]", "length: i64", "capacity: i64"]


def field_name(name: str, number: int) -> str:
    """The attribute for field `name`, the `number`-th of its struct; blank fields get one too."""
    return f"blank_{number}" if name == "_" else safe_name(name)


def plain(text: str) -> str:
    """`text` with what an identifier can't hold taken out: Inline[Slice_i64] is Slice_i64."""
    text = text.removeprefix("Inline[").removeprefix("Array[")
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text).strip("_")
