"""Values: whether two are equal, whatever type they have.

    equal_any(g, x.typ, x.data, y.typ, y.data, pos)      x == y, of two interfaces

A compiled program compares values of types it knows itself. What lies in an interface is compared by its type's
description, part by part: so are the fields and elements of what lies there.

Owner: nobody. Go: runtime/alg.go (efaceeq, the equal functions of types).                    Next: panics.py
"""

from __future__ import annotations

from runtime.panics import panic_uncomparable, stack_overflow
from runtime.proc import G
from runtime.strings import short_equal, string_equal
from runtime.syspy import address, f32, f64, i64, inline, is_nil, load, memory_equal, stack_pointer, uintptr
from runtime.types import (
    KIND_ARRAY,
    KIND_FLOAT32,
    KIND_FLOAT64,
    KIND_FUNC,
    KIND_INTERFACE,
    KIND_MAP,
    KIND_PTR,
    KIND_SLICE,
    KIND_STRING,
    KIND_STRUCT,
    KIND_UINTPTR,
    Any,
    Field,
    String,
    Type,
)

UNDERSCORE = ord("_")


@inline
def equal_any(g: G, typ: Type, data: uintptr, other_typ: Type, other_data: uintptr, pos: i64) -> bool:
    """Whether two interfaces hold equal values of one type. Panics when that type has no equality."""
    if address(typ) != address(other_typ):
        return False
    if is_nil(typ):
        return True
    if typ.kind == KIND_PTR:
        return data == other_data
    return equal_held(g, typ, data, other_data, pos)


def equal_held(g: G, typ: Type, data: uintptr, other_data: uintptr, pos: i64) -> bool:
    """The same, of two that hold values of this type, which is no pointer."""
    if typ.kind <= KIND_UINTPTR:
        return short_equal(data, other_data, typ.size)
    if not is_comparable(typ):
        panic_uncomparable(typ, pos)
    return data == other_data and not has_floats(typ) or equal_values(g, typ, data, other_data, pos)


def is_comparable(typ: Type) -> bool:
    """Whether values of the type may be compared."""
    kind = typ.kind
    if kind == KIND_FUNC or kind == KIND_MAP or kind == KIND_SLICE:
        return False
    if kind == KIND_ARRAY:
        return is_comparable(typ.elem)
    if kind == KIND_STRUCT:
        for i in range(typ.field_count):
            if not is_comparable(typ.fields[i].typ):
                return False
    return True


def has_floats(typ: Type) -> bool:
    """Whether a value of the type may differ from itself, or must be looked at for a panic."""
    kind = typ.kind
    if kind == KIND_ARRAY:
        return has_floats(typ.elem)
    if kind == KIND_STRUCT:
        for i in range(typ.field_count):
            if has_floats(typ.fields[i].typ):
                return True
        return False
    return kind == KIND_FLOAT64 or kind == KIND_FLOAT32 or kind == KIND_INTERFACE


def equal_values(g: G, typ: Type, one: uintptr, other: uintptr, pos: i64) -> bool:
    """Whether two values of a comparable type are equal, given where they lie."""
    if stack_pointer() < g.stack_guard:
        stack_overflow(g)
    kind = typ.kind
    if kind == KIND_STRING:
        a, b = String.at(one), String.at(other)
        return string_equal(a.data, a.length, b.data, b.length)
    if kind == KIND_FLOAT64:
        return load(f64, one) == load(f64, other)
    if kind == KIND_FLOAT32:
        return load(f32, one) == load(f32, other)
    if kind == KIND_INTERFACE:
        x, y = Any.at(one), Any.at(other)
        return equal_any(g, x.typ, x.data, y.typ, y.data, pos)
    if kind == KIND_ARRAY:
        for i in range(typ.length):
            if not equal_values(g, typ.elem, one + i * typ.elem.size, other + i * typ.elem.size, pos):
                return False
        return True
    if kind == KIND_STRUCT:
        for k in range(typ.field_count):
            field = typ.fields[k]
            if not is_blank(field) and not equal_values(g, field.typ, one + field.offset, other + field.offset, pos):
                return False
        return True
    return memory_equal(one, other, typ.size)


def is_blank(field: Field) -> bool:
    """Whether a field is called _."""
    return field.name_length == 1 and field.name[0] == UNDERSCORE
