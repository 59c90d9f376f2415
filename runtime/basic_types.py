"""Basic types: the descriptors of Go's predeclared types, which all images share, and the values that need no box.

    x.(int)      is typ == INT_TYPE?          one address for a type, whoever put the value into the interface
    any(7)       (INT_TYPE, &SMALL_VALUES[7])   nothing is allocated; a narrower integer is the first bytes of the word

    BT1  their numbers are 1 to BASIC_TYPES; those of a program's own types come behind them

Owner: nobody; they are constants of the runtime's image.
Go: runtime/iface.go (convT64, staticuint64s).                                Next: mspan.py
"""

from __future__ import annotations

from runtime.syspy import constant, table, text, u64
from runtime.types import (
    KIND_BOOL,
    KIND_FLOAT32,
    KIND_FLOAT64,
    KIND_INT,
    KIND_INT8,
    KIND_INT16,
    KIND_INT32,
    KIND_INT64,
    KIND_STRING,
    KIND_UINT,
    KIND_UINT8,
    KIND_UINT16,
    KIND_UINT32,
    KIND_UINT64,
    KIND_UINTPTR,
    Type,
)

BASIC_TYPES = 15  # how many there are
SMALL_LIMIT = 256  # integers below need no box
SMALL_VALUES = table(u64, range(SMALL_LIMIT))  # what an interface with one of them points to


def scalar(number: int, name: bytes, kind: int, size: int) -> Type:
    """The descriptor of a type without pointers."""
    assert 1 <= number <= BASIC_TYPES, "BT1"
    return constant(Type, size=size, kind=kind, align=size, number=number, name=text(name), name_length=len(name))


BOOL_TYPE = scalar(1, b"bool", KIND_BOOL, 1)
INT_TYPE = scalar(2, b"int", KIND_INT, 8)
INT8_TYPE = scalar(3, b"int8", KIND_INT8, 1)
INT16_TYPE = scalar(4, b"int16", KIND_INT16, 2)
INT32_TYPE = scalar(5, b"int32", KIND_INT32, 4)
INT64_TYPE = scalar(6, b"int64", KIND_INT64, 8)
UINT_TYPE = scalar(7, b"uint", KIND_UINT, 8)
UINT8_TYPE = scalar(8, b"uint8", KIND_UINT8, 1)
UINT16_TYPE = scalar(9, b"uint16", KIND_UINT16, 2)
UINT32_TYPE = scalar(10, b"uint32", KIND_UINT32, 4)
UINT64_TYPE = scalar(11, b"uint64", KIND_UINT64, 8)
UINTPTR_TYPE = scalar(12, b"uintptr", KIND_UINTPTR, 8)
FLOAT32_TYPE = scalar(13, b"float32", KIND_FLOAT32, 4)
FLOAT64_TYPE = scalar(14, b"float64", KIND_FLOAT64, 8)
STRING_TYPE = constant(
    Type,
    size=16,
    kind=KIND_STRING,
    align=8,
    number=15,
    name=text(b"string"),
    name_length=6,
    ptr_bytes=8,
    gc_mask=text(b"\x01"),
)
