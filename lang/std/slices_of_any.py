"""What interfaces hold, by its type: slices for package sort, pointers for Scan; and the bits of a float32.

Owner: the goroutine that calls. Go: internal/reflectlite Swapper.                     Next: runtime_pkg.py
"""

from __future__ import annotations

from runtime.maps import Map
from runtime.panics import UNKNOWN_POSITION, panic_index
from runtime.proc import G
from runtime.syspy import address, f32, i64, is_nil, load, store, u8, u32, u64, uintptr
from runtime.types import (
    KIND_ARRAY,
    KIND_FLOAT64,
    KIND_MAP,
    KIND_PTR,
    KIND_SLICE,
    KIND_STRING,
    KIND_UINT8,
    Slice,
    String,
    Type,
)
from runtime.write_barrier import keep_words


def kind_of(typ: Type) -> i64:
    """The kind of a type; 0: there is none."""
    return 0 if is_nil(typ) else i64(typ.kind)


def length_in(typ: Type, data: uintptr) -> i64:
    """The length of what an interface holds; -1: it has none."""
    if is_nil(typ):
        return -1
    if typ.kind == KIND_SLICE:
        return Slice.at(data).length
    if typ.kind == KIND_STRING:
        return String.at(data).length
    if typ.kind == KIND_MAP:
        return 0 if data == 0 else Map.at(data).count
    return i64(typ.length) if typ.kind == KIND_ARRAY else -1


def swap_elements(g: G, typ: Type, data: uintptr, i: i64, j: i64) -> None:
    """Swap two elements of the slice that an interface holds."""
    slice = Slice.at(data)
    if u64(i) >= u64(slice.length) or u64(j) >= u64(slice.length):
        panic_index(i if u64(i) >= u64(slice.length) else j, slice.length, UNKNOWN_POSITION)
    size = typ.elem.size
    one: uintptr = slice.data + u64(i) * size
    other: uintptr = slice.data + u64(j) * size
    keep_words(g, one, size, typ.elem)
    keep_words(g, other, size, typ.elem)
    at: u64 = 0
    while at + 8 <= size:
        word = load(u64, one + at)
        store(u64, one + at, load(u64, other + at))
        store(u64, other + at, word)
        at = at + 8
    while at < size:
        byte = load(u8, one + at)
        store(u8, one + at, load(u8, other + at))
        store(u8, other + at, byte)
        at = at + 1


def float32_bits(g: G, value: f32) -> u32:
    """math.Float32bits"""
    place = address(g.output.scratch)
    store(f32, place, value)
    return load(u32, place)


def float32_of(g: G, bits: u32) -> f32:
    """math.Float32frombits"""
    place = address(g.output.scratch)
    store(u32, place, bits)
    return load(f32, place)


def is_pointer(typ: Type) -> bool:
    """Whether a type, which may be none, is that of pointers."""
    return not is_nil(typ) and typ.kind == KIND_PTR


def kind_behind(typ: Type) -> i64:
    """The kind of what a pointer of the type points to: a bool, a number, a string or bytes; otherwise 0."""
    if is_nil(typ) or typ.kind != KIND_PTR:
        return 0
    kind = typ.elem.kind
    if kind <= KIND_FLOAT64 or kind == KIND_STRING or kind == KIND_SLICE and typ.elem.elem.kind == KIND_UINT8:
        return i64(kind)
    return 0
