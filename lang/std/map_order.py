"""Map order: the entries of a map sorted by key, as fmt prints them.

    ints, floats, strings    by value; NaN first            structs, arrays    part by part
    bools                    false first                    interfaces         nil first, then by kind, then by value
    pointers                 by address

Owner: the print statement under way. Go: internal/fmtsort.                            Next: fmt_values.py
"""

from __future__ import annotations

from runtime.malloc import mallocgc
from runtime.maps import Map, map_groups, next_entry
from runtime.proc import G
from runtime.strings import string_compare
from runtime.syspy import (
    Array,
    address,
    array_at,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    is_nil,
    load,
    nil,
    store,
    u8,
    u16,
    u32,
    u64,
    uintptr,
)
from runtime.types import (
    KIND_ARRAY,
    KIND_BOOL,
    KIND_FLOAT32,
    KIND_FLOAT64,
    KIND_INT,
    KIND_INT8,
    KIND_INT16,
    KIND_INT32,
    KIND_INT64,
    KIND_INTERFACE,
    KIND_STRING,
    KIND_STRUCT,
    KIND_UINT8,
    KIND_UINT16,
    KIND_UINT32,
    Any,
    String,
    Type,
    map_layout,
    value_address,
)


def sorted_entries(g: G, frame: uintptr, typ: Type, m: Map) -> tuple[Array[u64], i64]:
    """The addresses of a map's slots in order, and their number. The word at `frame` keeps them alive."""
    _, slot_size, group_size = map_layout(typ)
    groups, slots = map_groups(m)
    count: i64 = 0 if is_nil(m) else m.count
    entries = array_at(u64, mallocgc(g, u64(count) * 8, nil(Type), True))
    store(uintptr, frame, address(entries))
    n: i64 = 0
    i: u64 = 0
    while n < count:
        entry, i = next_entry(groups, slots, 0, i, group_size, slot_size)
        entries[n] = entry
        n = n + 1
    sort_by_key(entries, n, typ.key)
    return entries, n


def sort_by_key(entries: Array[u64], n: i64, key: Type) -> None:
    """Heapsort."""
    start = n >> 1
    while start > 0:
        start = start - 1
        sift_down(entries, start, n, key)
    end = n
    while end > 1:
        end = end - 1
        last = entries[end]
        entries[end] = entries[0]
        entries[0] = last
        sift_down(entries, 0, end, key)


def sift_down(entries: Array[u64], start: i64, n: i64, key: Type) -> None:
    """Let the entry at `start` sink until none below it is greater."""
    moving = entries[start]
    at = start
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and compare_values(key, entries[child], entries[child + 1]) < 0:
            child = child + 1
        if compare_values(key, moving, entries[child]) >= 0:
            break
        entries[at] = entries[child]
        at = child
    entries[at] = moving


def ordered(a: bool, b: bool) -> i64:
    """-1, 0 or 1, given whether a value is less than another, and whether it is greater."""
    return -1 if a else 1 if b else 0


def compare_values(typ: Type, one: uintptr, other: uintptr) -> i64:
    """Below, at or above 0, as one value of a type comes before, with or after another."""
    kind = typ.kind
    if kind == KIND_STRING:
        a, b = String.at(one), String.at(other)
        return string_compare(a.data, a.length, b.data, b.length)
    if kind == KIND_FLOAT64:
        return compare_floats(load(f64, one), load(f64, other))
    if kind == KIND_FLOAT32:
        return compare_floats(f64(load(f32, one)), f64(load(f32, other)))
    if kind == KIND_INTERFACE:
        return compare_interfaces(Any.at(one), Any.at(other))
    if kind == KIND_STRUCT:
        for k in range(typ.field_count):
            field = typ.fields[k]
            order = compare_values(field.typ, one + field.offset, other + field.offset)
            if order != 0:
                return order
        return 0
    if kind == KIND_ARRAY:
        for i in range(typ.length):
            order = compare_values(typ.elem, one + i * typ.elem.size, other + i * typ.elem.size)
            if order != 0:
                return order
        return 0
    if KIND_INT <= kind <= KIND_INT64:
        x, y = signed_at(kind, one), signed_at(kind, other)
        return ordered(x < y, x > y)
    v, w = unsigned_at(kind, one), unsigned_at(kind, other)
    return ordered(v < w, v > w)


def compare_floats(a: f64, b: f64) -> i64:
    """NaN comes first."""
    if a < b:
        return -1
    if a > b:
        return 1
    a_is_number, b_is_number = a == a, b == b  # noqa: PLR0124 - a NaN is not
    return ordered(not a_is_number and b_is_number, a_is_number and not b_is_number)


def compare_interfaces(one: Any, other: Any) -> i64:
    """nil comes first; of two types, the one of the lower number."""
    if is_nil(one.typ) or is_nil(other.typ):
        return ordered(is_nil(one.typ) and not is_nil(other.typ), is_nil(other.typ) and not is_nil(one.typ))
    if one.typ.number != other.typ.number:
        return ordered(one.typ.number < other.typ.number, True)
    return compare_values(one.typ, value_address(one), value_address(other))


def signed_at(kind: u8, at: uintptr) -> i64:
    """A signed integer."""
    if kind == KIND_INT8:
        return i64(load(i8, at))
    if kind == KIND_INT16:
        return i64(load(i16, at))
    if kind == KIND_INT32:
        return i64(load(i32, at))
    return load(i64, at)


def unsigned_at(kind: u8, at: uintptr) -> u64:
    """An unsigned integer, a bool or an address."""
    if kind == KIND_UINT8 or kind == KIND_BOOL:
        return u64(load(u8, at))
    if kind == KIND_UINT16:
        return u64(load(u16, at))
    if kind == KIND_UINT32:
        return u64(load(u32, at))
    return load(u64, at)
