"""Hashes of keys: of words, strings and floats, and of what lies in an interface.

    hash_word(w, seed)      one multiplication to 128 bits; both halves, mixed

Equal keys have equal hashes: 0.0 and -0.0 have, and a NaN, which equals nothing, has another one each time. The seed is
the map's, so that nobody can know which keys will meet.

Owner: nobody. Go: internal/runtime/maps runtime_alg.go, hash64.go (wyhash).      Next: string_maps.py
"""

from __future__ import annotations

from runtime.maps import next_seed
from runtime.panics import panic_unhashable, panic_unhashable_key, stack_overflow
from runtime.proc import G
from runtime.syspy import (
    Array,
    address,
    bits_of,
    f32,
    f64,
    i64,
    inline,
    is_nil,
    load,
    multiply_high,
    stack_pointer,
    u8,
    u16,
    u32,
    u64,
    uintptr,
)
from runtime.types import (
    KIND_ARRAY,
    KIND_FLOAT32,
    KIND_FLOAT64,
    KIND_INTERFACE,
    KIND_STRING,
    KIND_STRUCT,
    Any,
    String,
    Type,
    is_direct,
)
from runtime.values import is_blank, is_comparable

FACTOR = 0x9E37_79B9_7F4A_7C15
STRING_FACTOR = 0xA076_1D64_78BD_642F
REST_FACTOR = 0xE703_7ED1_A0B4_28DB


@inline
def mixed(a: u64, b: u64) -> u64:
    """Both halves of the product of two words."""
    return multiply_high(a, b) ^ u64(a * b)


@inline
def hash_word(word: u64, seed: u64) -> u64:
    """The hash of a number, a pointer or a bool."""
    return mixed(word ^ seed, FACTOR)


def hash_float(g: G, value: f64, seed: u64) -> u64:
    """The hash of a float."""
    if value == 0.0:
        return hash_word(0, seed)
    is_number = value == value  # noqa: PLR0124 - a NaN is not
    return hash_word(bits_of(value) if is_number else next_seed(g), seed)


def hash_string(data: Array[u8], length: i64, seed: u64) -> u64:
    """The hash of a string."""
    return hash_bytes(address(data), u64(length), seed)


def hash_bytes(data: uintptr, n: u64, seed: u64) -> u64:
    """The hash of n bytes: sixteen at a time, the last ones read once more where they overlap."""
    state = seed ^ STRING_FACTOR
    rest = n
    while rest > 16:
        state = mixed(load(u64, data) ^ REST_FACTOR, load(u64, data + 8) ^ state)
        data = data + 16
        rest = rest - 16
    first: u64 = 0
    last: u64 = 0
    if rest >= 8:
        first = load(u64, data)
        last = load(u64, data + rest - 8)
    elif rest >= 4:
        first = u64(load(u32, data))
        last = u64(load(u32, data + rest - 4))
    elif rest >= 2:
        first = u64(load(u16, data))
        last = u64(load(u8, data + rest - 1))
    elif rest == 1:
        first = u64(load(u8, data))
    return mixed(STRING_FACTOR ^ n, mixed(first ^ REST_FACTOR, last ^ state))


def hash_any(g: G, typ: Type, data: uintptr, seed: u64, pos: i64) -> u64:
    """The hash of what an interface holds. Panics when its type has no equality."""
    if is_nil(typ):
        return seed
    if not is_comparable(typ):
        panic_unhashable(typ, pos)
    if is_direct(typ):
        return hash_word(data, seed)
    return hash_value(g, typ, data, seed, pos)


def check_key(typ: Type, pos: i64) -> None:
    """Panic when what an interface holds cannot be the key of a map, which is empty."""
    if not is_nil(typ) and not is_comparable(typ):
        panic_unhashable_key(typ, pos)


def hash_value(g: G, typ: Type, at: uintptr, seed: u64, pos: i64) -> u64:
    """The hash of a value of a type that has equality, given where it lies."""
    if stack_pointer() < g.stack_guard:
        stack_overflow(g)
    kind = typ.kind
    if kind == KIND_STRING:
        s = String.at(at)
        return hash_string(s.data, s.length, seed)
    if kind == KIND_FLOAT64:
        return hash_float(g, load(f64, at), seed)
    if kind == KIND_FLOAT32:
        return hash_float(g, f64(load(f32, at)), seed)
    if kind == KIND_INTERFACE:
        held = Any.at(at)
        return hash_any(g, held.typ, held.data, seed, pos)
    if kind == KIND_ARRAY:
        for i in range(typ.length):
            seed = hash_value(g, typ.elem, at + i * typ.elem.size, seed, pos)
        return hash_word(typ.length, seed)
    if kind == KIND_STRUCT:
        for k in range(typ.field_count):
            field = typ.fields[k]
            if not is_blank(field):
                seed = hash_value(g, field.typ, at + field.offset, seed, pos)
        return hash_word(0, seed)
    return hash_bytes(at, typ.size, seed)
