"""Go values for tests: each knows its spelling in Go, and lies in memory with a description of its type.

    POINT = struct_type("Point", X=INT, Y=INT)
    Value(POINT, [1, 2]).go                           "Point{1, 2}"
    Memory().operands([Value(POINT, [1, 2])])         an Array[Inline[Any]] of one operand

The content of a Value is a Python value: int, float, bool; bytes for a string; a list of contents for an array, a
slice or a struct; the Value pointed to or held for a pointer or an interface; None for nil.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any as Anything

from runtime import types
from runtime.syspy import (
    Array,
    Inline,
    address,
    array_at,
    constant,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    load,
    store,
    table,
    text,
    u8,
    u16,
    u32,
    u64,
    uintptr,
)
from runtime.types import Any, Field, Type

PLAIN: dict[int, tuple[Anything, int]] = {
    types.KIND_BOOL: (u8, 1),
    types.KIND_INT: (i64, 8),
    types.KIND_INT8: (i8, 1),
    types.KIND_INT16: (i16, 2),
    types.KIND_INT32: (i32, 4),
    types.KIND_INT64: (i64, 8),
    types.KIND_UINT: (u64, 8),
    types.KIND_UINT8: (u8, 1),
    types.KIND_UINT16: (u16, 2),
    types.KIND_UINT32: (u32, 4),
    types.KIND_UINT64: (u64, 8),
    types.KIND_UINTPTR: (uintptr, 8),
    types.KIND_FLOAT32: (f32, 4),
    types.KIND_FLOAT64: (f64, 8),
}
POINTERS = {types.KIND_STRING: 16, types.KIND_SLICE: 24, types.KIND_PTR: 8, types.KIND_INTERFACE: 16}


class GoType:
    """A Go type: how a program spells it, and its description."""

    def __init__(self, description: Type, spelling: str, elem: GoType | None = None, **fields: GoType) -> None:
        self.description = description
        self.spelling = spelling
        self.elem = elem
        self.fields = fields
        self.declaration = ""  # of a named type, in Go

    @property
    def name(self) -> str:
        return ctypes.string_at(address(self.description.name), self.description.name_length).decode()


def describe(kind: int, name: str, size: int, align: int, **more: Anything) -> Type:
    made = Type()
    encoded = name.encode()
    fields = {"kind": kind, "name": text(encoded), "name_length": len(encoded), "size": size, "align": align, **more}
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def plain(kind: int, name: str) -> GoType:
    return GoType(describe(kind, name, PLAIN[kind][1], PLAIN[kind][1]), name)


BOOL = plain(types.KIND_BOOL, "bool")
INT = plain(types.KIND_INT, "int")
INT8 = plain(types.KIND_INT8, "int8")
INT16 = plain(types.KIND_INT16, "int16")
INT32 = plain(types.KIND_INT32, "int32")
INT64 = plain(types.KIND_INT64, "int64")
UINT = plain(types.KIND_UINT, "uint")
UINT8 = plain(types.KIND_UINT8, "uint8")
UINT16 = plain(types.KIND_UINT16, "uint16")
UINT32 = plain(types.KIND_UINT32, "uint32")
UINT64 = plain(types.KIND_UINT64, "uint64")
UINTPTR = plain(types.KIND_UINTPTR, "uintptr")
FLOAT32 = plain(types.KIND_FLOAT32, "float32")
FLOAT64 = plain(types.KIND_FLOAT64, "float64")
STRING = GoType(describe(types.KIND_STRING, "string", 16, 8), "string")
ANY = GoType(describe(types.KIND_INTERFACE, "interface {}", 16, 8), "any")


def pointer_to(elem: GoType) -> GoType:
    return GoType(describe(types.KIND_PTR, "*" + elem.name, 8, 8, elem=elem.description), "*" + elem.spelling, elem)


def slice_of(elem: GoType) -> GoType:
    return GoType(
        describe(types.KIND_SLICE, "[]" + elem.name, 24, 8, elem=elem.description), "[]" + elem.spelling, elem
    )


def array_of(length: int, elem: GoType) -> GoType:
    d = elem.description
    made = describe(types.KIND_ARRAY, f"[{length}]{elem.name}", length * d.size, d.align, elem=d, length=length)
    return GoType(made, f"[{length}]{elem.spelling}", elem)


def struct_type(spelling: str, **fields: GoType) -> GoType:
    offset, align, entries = 0, 1, []
    for name, field in fields.items():
        d = field.description
        offset = -(-offset // d.align) * d.align
        entries.append(constant(Field, name=text(name.encode()), name_length=len(name), typ=d, offset=offset))
        offset, align = offset + d.size, max(align, d.align)
    size = -(-offset // align) * align
    made = describe(
        types.KIND_STRUCT,
        "main." + spelling,
        size,
        align,
        field_count=len(entries),
        fields=table(Inline[Field], entries),
    )
    typ = GoType(made, spelling, **fields)
    typ.declaration = f"type {spelling} struct {{ {'; '.join(f'{n} {f.spelling}' for n, f in fields.items())} }}"
    return typ


def named(spelling: str, underlying: GoType) -> GoType:
    d = underlying.description
    more = {} if underlying.elem is None else {"elem": underlying.elem.description, "length": d.length}
    typ = GoType(describe(d.kind, "main." + spelling, d.size, d.align, **more), spelling, underlying.elem)
    typ.declaration = f"type {spelling} {underlying.spelling}"
    return typ


class Value:
    """A typed value."""

    def __init__(self, typ: GoType | None, content: Anything) -> None:
        self.typ = typ  # None: the nil interface
        self.content = content

    @property
    def go(self) -> str:
        """The value as an operand in Go."""
        return "nil" if self.typ is None else spell(self.typ, self.content)


def spell(typ: GoType, content: Anything) -> str:
    """A content of that type, in Go."""
    kind = typ.description.kind
    if kind == types.KIND_INTERFACE:
        return "any(nil)" if content is None else f"any({content.go})"
    if kind == types.KIND_PTR:
        return f"({typ.spelling})(nil)" if content is None else f"ref({content.go})"
    if content is None:
        return f"{typ.spelling}(nil)"
    if kind in (types.KIND_STRUCT, types.KIND_ARRAY, types.KIND_SLICE):
        kinds = typ.fields.values() if typ.fields else [typ.elem] * len(content)
        parts = [spell(part, item) for part, item in zip(kinds, content, strict=True) if part is not None]
        return f"{typ.spelling}{{{', '.join(parts)}}}"
    return f"{typ.spelling}({spell_plain(content)})"


def spell_plain(content: Anything) -> str:
    """A bool, a number or a string as a Go constant, or as what makes one."""
    if isinstance(content, bytes):
        return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in content) + '"'
    if isinstance(content, bool):
        return str(content).lower()
    if isinstance(content, int):
        return str(content)
    if math.isnan(content):
        return "math.NaN()"
    if math.isinf(content):
        return f"math.Inf({int(math.copysign(1, content))})"
    return "math.Copysign(0, -1)" if content == 0 and math.copysign(1, content) < 0 else float.hex(content)


class Memory:
    """Where the values of a test lie; freed with this object."""

    def __init__(self) -> None:
        self.blocks: list[Anything] = []

    def block(self, size: int) -> int:
        """Zeroed memory."""
        self.blocks.append((ctypes.c_uint64 * max(1, -(-size // 8)))())
        return ctypes.addressof(self.blocks[-1])

    def bytes(self, content: bytes) -> Array[u8]:
        addr = self.block(len(content))
        ctypes.memmove(addr, content, len(content))
        return array_at(u8, addr)

    def operands(self, values: Sequence[Value]) -> Array[Inline[Any]]:
        """The values, boxed."""
        addr = self.block(16 * len(values))
        for i, value in enumerate(values):
            self.box(addr + 16 * i, value)
        return array_at(Inline[Any], addr)

    def box(self, addr: int, value: Value | None) -> None:
        """Make an Any of a value at addr."""
        if value is not None and value.typ is not None:
            held = Any.at(addr)
            held.typ = value.typ.description
            held.data = self.block(value.typ.description.size)
            self.lay(held.data, value.typ, value.content)
            if types.is_direct(held.typ):
                held.data = load(uintptr, held.data)

    def lay(self, addr: int, typ: GoType, content: Anything) -> None:
        """Write a content of that type at addr."""
        kind = typ.description.kind
        if kind in PLAIN:
            store(PLAIN[kind][0], addr, content)
        elif kind == types.KIND_INTERFACE:
            self.box(addr, content)
        elif content is None:
            return
        elif kind == types.KIND_STRING:
            self.lay_header(addr, address(self.bytes(content)), len(content), None)
        elif kind == types.KIND_STRUCT:
            for i, (field, item) in enumerate(zip(typ.fields.values(), content, strict=True)):
                self.lay(addr + typ.description.fields[i].offset, field, item)
        elif typ.elem is not None:
            self.lay_elements(addr, typ.elem, content, kind)

    def lay_elements(self, addr: int, elem: GoType, content: Anything, kind: int) -> None:
        """An array in place; a slice or a pointer, with what it refers to in memory of its own."""
        items = [content.content] if kind == types.KIND_PTR else content
        to = addr
        if kind != types.KIND_ARRAY:
            to = self.block(elem.description.size * len(items))
            self.lay_header(addr, to, len(items) if kind == types.KIND_SLICE else None, len(items))
        for i, item in enumerate(items):
            self.lay(to + i * elem.description.size, elem, item)

    @staticmethod
    def lay_header(addr: int, data: int, length: int | None, capacity: int | None) -> None:
        """A pointer; with a length, a string; with a capacity too, a slice."""
        store(uintptr, addr, data)
        if length is not None:
            store(i64, addr + 8, length)
            if capacity is not None:
                store(i64, addr + 16, capacity)
