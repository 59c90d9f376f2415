"""Kinds: the types of the native engine, which are the vocabulary's own objects, and what LLVM calls them.

    kind                         as a value     in memory
    u8 ... u64, i8 ... i64       i8 ... i64     the same
    f32, f64                     float, double  the same
    bool                         i1             i8
    a Struct class               ptr            ptr
    an Array class               ptr            ptr
    a tuple of kinds             { ... }        never
    None                         (an untyped constant, which adapts to what it meets)

Next: subset.py
"""

from __future__ import annotations

import ctypes
import struct as packing
from typing import Any, NoReturn

from runtime.syspy.arrays import Array, InlineOf
from runtime.syspy.machine import CTYPES, RANGES, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64
from runtime.syspy.structs import Struct

Kind = Any

UNSIGNED: frozenset[Kind] = frozenset((u8, u16, u32, u64))
SIGNED: frozenset[Kind] = frozenset((i8, i16, i32, i64))
INTEGERS: frozenset[Kind] = UNSIGNED | SIGNED
FLOATS: frozenset[Kind] = frozenset((f32, f64))

BITS: dict[Kind, int] = {kind: 8 * ctypes.sizeof(CTYPES[kind]) for kind in INTEGERS | FLOATS} | {bool: 1}

LLVM: dict[Kind, str] = {kind: f"i{BITS[kind]}" for kind in INTEGERS}
LLVM |= {f32: "float", f64: "double", bool: "i1", None: "void", NoReturn: "void"}

# The suffix of an overloaded LLVM intrinsic.
SUFFIX: dict[Kind, str] = {**LLVM, f32: "f32", f64: "f64"}


def llvm_type(kind: Kind) -> str:
    """LLVM's type of a value."""
    if isinstance(kind, tuple):
        return "{ " + ", ".join(llvm_type(part) for part in kind) + " }"
    return LLVM.get(kind, "ptr")


def is_pointer(kind: Kind) -> bool:
    """Whether kind is a struct or an Array: a pointer."""
    return isinstance(kind, type) and issubclass(kind, (Struct, Array))


def is_array(kind: Kind) -> bool:
    """Whether kind is an Array."""
    return isinstance(kind, type) and issubclass(kind, Array)


def is_type(kind: Kind) -> bool:
    """Whether kind can be the type of a local."""
    return kind in BITS or is_pointer(kind)


def size_of(kind: Kind) -> int:
    """Bytes that a value takes in memory; for a struct in place, the struct."""
    if isinstance(kind, InlineOf):
        return ctypes.sizeof(kind.struct)
    return ctypes.sizeof(CTYPES[kind]) if kind in CTYPES else 8


def kind_name(kind: Kind) -> str:
    """How a message calls a kind."""
    if kind is None:
        return "None"
    if isinstance(kind, tuple):
        return f"tuple[{', '.join(kind_name(part) for part in kind)}]"
    return str(getattr(kind, "__name__", kind))


def literal(kind: Kind, value: Any) -> str | None:
    """A constant of a kind in LLVM's spelling, or None if the kind cannot hold the value."""
    if kind is bool:
        return ("true" if value else "false") if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    if kind in RANGES:
        low, high = RANGES[kind]
        return str(value) if isinstance(value, int) and low <= value <= high else None
    if kind in FLOATS:
        return "0x" + packing.pack(">d", float(kind(value))).hex()
    return None


def default_kind(value: Any) -> Kind:
    """The type that an untyped constant gives a local."""
    if isinstance(value, bool):
        return bool
    return f64 if isinstance(value, float) else i64
