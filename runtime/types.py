"""Types: what the runtime knows of a value's shape, and how values lie in memory.

    Type ── size, ptr_bytes            gc_mask, one bit per word of the first ptr_bytes, lowest bit first
         ├─ elem   of a pointer, slice or array
         └─ fields of a struct         Field ── name, typ, offset, access

    struct { name string; next *Node; hits int }          a word:  data  len  next  hits
    size 32, ptr_bytes 24                                  gc_mask:   1    0    1     -      0b101

The allocator and the collector read `size`, `ptr_bytes` and `gc_mask` only; the rest serves printing.

    TD1  ptr_bytes <= size, both multiples of 8 when ptr_bytes is not 0
    TD2  ptr_bytes ends just after the last pointer: its last mask bit is 1
    TD3  gc_mask has ptr_bytes / 64 bytes, rounded up; bits from ptr_bytes / 8 on are 0
    TD4  align is a power of two that divides size

Owner: nobody; types are constants, or belong to the embedder who described them.
Go: internal/abi Type (Size_, PtrBytes, GCData, Kind_).                       Next: mspan.py
"""

from __future__ import annotations

from runtime.layout import align_up
from runtime.syspy import Array, Inline, Struct, address, i64, inline, offsetof, struct, throw, u8, u32, u64, uintptr

KIND_BOOL = 1
KIND_INT = 2
KIND_INT8 = 3
KIND_INT16 = 4
KIND_INT32 = 5
KIND_INT64 = 6
KIND_UINT = 7
KIND_UINT8 = 8
KIND_UINT16 = 9
KIND_UINT32 = 10
KIND_UINT64 = 11
KIND_UINTPTR = 12
KIND_FLOAT32 = 13
KIND_FLOAT64 = 14
KIND_ARRAY = 17
KIND_FUNC = 19
KIND_INTERFACE = 20
KIND_MAP = 21
KIND_PTR = 22
KIND_SLICE = 23
KIND_STRING = 24
KIND_STRUCT = 25

FIELD_EXPORTED = 0  # the field's value has methods
FIELD_EMBEDDED = 1  # it has none, but its exported fields have: an embedded struct
FIELD_HIDDEN = 2  # neither it nor anything in it has


@struct
class Type(Struct):
    """The shape of a value."""

    size: u64  # bytes of a value
    ptr_bytes: u64  # bytes up to the end of the last pointer; 0: no pointers
    gc_mask: Array[u8]  # pointer words among the first ptr_bytes: TD3
    elem: Type  # of a pointer, slice, array or map; else nil
    key: Type  # of a map; else nil
    kind: u8  # KIND_*
    align: u8  # bytes
    field_count: u32  # entries of fields
    number: u32  # that a program's methods are found by; 0: none
    fields: Array[Inline[Field]]  # of a struct; else nil
    length: u64  # elements of an array; else 0
    name: Array[u8]  # as Go prints it: "main.Node"; bytes, not terminated
    name_length: u64  # bytes


@struct
class Field(Struct):
    """One field of a struct type."""

    name: Array[u8]  # bytes, not terminated
    name_length: u64  # bytes
    typ: Type  # of the field
    offset: u64  # bytes from the start of the struct
    access: u64  # FIELD_*: whose methods printing calls


@struct
class String(Struct):
    """A Toy string in memory."""

    data: Array[u8]  # UTF-8 bytes; anything when length is 0
    length: i64  # bytes


@struct
class Slice(Struct):
    """A Toy slice in memory."""

    data: uintptr  # first element
    length: i64  # elements in use
    capacity: i64  # elements there is room for


@struct
class Any(Struct):
    """A Toy interface value: a type, and the value if it is a pointer, a function or a map, else where it lies."""

    typ: Type  # of the value; nil: the nil interface
    data: uintptr  # the value itself (is_direct) or the address of a copy that nobody writes to


@struct
class Closure(Struct):
    """A Toy function value in memory; the variables that it has captured follow."""

    code: uintptr  # address of a systems function, which gets this closure as its third parameter


@inline
def is_direct(typ: Type) -> bool:
    """Whether interfaces hold values of the type themselves."""
    return typ.kind == KIND_PTR or typ.kind == KIND_FUNC or typ.kind == KIND_MAP


def value_address(value: Any) -> uintptr:
    """Where the value in an interface lies that is not nil."""
    return address(value) + offsetof(Any, "data") if is_direct(value.typ) else value.data


def map_layout(typ: Type) -> tuple[u64, u64, u64]:
    """Of a map: the offset of an entry's element, the bytes of a slot and of a group."""
    key, elem = typ.key, typ.elem
    offset = align_up(key.size, u64(elem.align))
    end: u64 = offset + elem.size
    if elem.size == 0 and end > 0:
        end = end + 1
    slot = align_up(end, u64(elem.align) if elem.align > key.align else u64(key.align))
    return offset, slot, align_up(8 + 8 * slot if slot != 0 else 9, 8)


def check_type(typ: Type) -> None:
    """TD1 to TD4 hold."""
    if typ.ptr_bytes > typ.size or typ.ptr_bytes % 8 != 0 or (typ.ptr_bytes != 0 and typ.size % 8 != 0):
        throw("TD1: a type's size and ptr_bytes do not fit together", address(typ), typ.size, typ.ptr_bytes)
    if u64(typ.align) & u64(u64(typ.align) - 1) != 0 or (typ.align != 0 and typ.size % u64(typ.align) != 0):
        throw("TD4: a type's alignment does not fit its size", address(typ), typ.size, u64(typ.align))
    if typ.ptr_bytes != 0:
        words = typ.ptr_bytes // 8
        last = u64(typ.gc_mask[(words - 1) // 8])
        if last >> (words - 1) % 8 & 1 == 0:
            throw("TD2: a type's last mask bit is no pointer", address(typ), words)
        if last >> (words - 1) % 8 > 1:
            throw("TD3: a type's mask goes on after its last pointer", address(typ), words)
