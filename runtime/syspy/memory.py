"""Memory at an address: loads, stores, fills and copies, for what no struct describes.

    load(u32, addr)            store(u32, addr, value)         of a machine type, a struct pointer, or an Array
    memset(addr, byte, n)      memmove(dst, src, n)            memory_equal(a, b, n)

Next: intrinsics.py
"""

from __future__ import annotations

import ctypes
from typing import Any, TypeVar

from runtime.syspy.machine import CTYPES, IS_CHECKED, check_range
from runtime.syspy.pointers import LOWEST_ADDRESS, NilAccess, address

T = TypeVar("T")


def _refuse_nil(addr: int) -> None:
    raise NilAccess(f"SY2: access of memory at address {addr:#x}")


def load(kind: type[T], addr: int) -> T:
    """The value of type kind at addr."""
    if addr < LOWEST_ADDRESS:
        _refuse_nil(addr)
    ctype = CTYPES.get(kind)
    if ctype is None:
        return kind.at(ctypes.c_uint64.from_address(addr).value)  # type: ignore[attr-defined, no-any-return]
    return ctype.from_address(addr).value  # type: ignore[no-any-return]


def store(kind: type[T], addr: int, value: T) -> None:
    """Put a value of type kind at addr."""
    if addr < LOWEST_ADDRESS:
        _refuse_nil(addr)
    ctype: Any = CTYPES.get(kind)
    if ctype is None:
        ctypes.c_uint64.from_address(addr).value = address(value)
        return
    if IS_CHECKED:
        check_range(kind, value)  # type: ignore[arg-type]
    ctype.from_address(addr).value = value


def memset(addr: int, byte: int, n: int) -> None:
    """Fill n bytes at addr."""
    if n:
        if addr < LOWEST_ADDRESS:
            _refuse_nil(addr)
        ctypes.memset(addr, byte, n)


def memmove(dst: int, src: int, n: int) -> None:
    """Copy n bytes from src to dst; they may overlap."""
    if n:
        if min(dst, src) < LOWEST_ADDRESS:
            _refuse_nil(min(dst, src))
        ctypes.memmove(dst, src, n)


def memory_equal(a: int, b: int, n: int) -> bool:
    """Whether the n bytes at a equal those at b."""
    if n and min(a, b) < LOWEST_ADDRESS:
        _refuse_nil(min(a, b))
    return ctypes.string_at(a, n) == ctypes.string_at(b, n) if n else True
