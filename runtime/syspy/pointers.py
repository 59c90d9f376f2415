"""Pointers: an address and the type of what lies there. Under CPython, a view by ctypes.

    T.at(address)   a view of the memory at address            address(p)   the way back
    nil(T)          the view of nothing: address 0             p == q       compares addresses

A view holds no memory and keeps none alive. Views of one address are equal, whatever made them.

    SY2  an access through nil raises NilAccess. The lowest page is never mapped, so a view of an address in it is made
         of a class of its own (`nil_class`), which answers every access with the exception.

A pointer may wait for a name that is defined further down its module (a *pending* link: see constants.py). It has to be
in memory before anybody can read it, so whoever turns a view into an address, or reads a pointer field, calls
`link_pending` first.

Next: structs.py, arrays.py
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

LOWEST_ADDRESS = 4096  # views below are nil, or nil plus an offset

PENDING: list[Callable[[], bool]] = []  # links to be made; each says whether it could be


class NilAccess(Exception):
    """SY2: memory was read or written through the nil pointer."""


def link_pending() -> None:
    """Make the links whose target is defined by now."""
    waiting = PENDING[:]
    PENDING.clear()  # a link turns views into addresses itself, and must not come back here
    PENDING.extend([link for link in waiting if not link()])


def address(p: Any) -> int:
    """The address that a struct or an Array is viewed at."""
    if PENDING:
        link_pending()
    return ctypes.addressof(p)


def is_nil(p: Any) -> bool:
    """Whether p is the nil pointer."""
    return ctypes.addressof(p) == 0


def nil(kind: type[T]) -> T:
    """The nil pointer of a struct or an Array type."""
    return kind.at(0)  # type: ignore[attr-defined, no-any-return]


class View:
    """What every pointer can do: compare by address, and nothing that would treat it as a value."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return ctypes.addressof(self) == ctypes.addressof(other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> bool:
        return ctypes.addressof(self) != ctypes.addressof(other)  # type: ignore[arg-type]

    def __hash__(self) -> int:
        return ctypes.addressof(self)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        raise TypeError("a pointer is no condition: write is_nil(p)")

    def __repr__(self) -> str:
        return f"{type(self).__name__}.at({ctypes.addressof(self):#x})"  # type: ignore[arg-type]


def nil_class(cls: Any) -> Any:
    """The class of cls's views of the lowest page: every access of a field or an element raises (SY2)."""
    forbidden = frozenset(getattr(cls, "FIELDS", ()))

    def refuse(self: Any, *_: Any) -> Any:
        raise NilAccess(f"SY2: access through a nil {cls.__name__}")

    def read(self: Any, name: str) -> Any:
        if name in forbidden:
            raise NilAccess(f"SY2: {cls.__name__}.{name} read through nil")
        return object.__getattribute__(self, name)

    body = {"__slots__": (), "__getattribute__": read, "__setattr__": refuse}
    if not forbidden:
        body.update(__getitem__=refuse, __setitem__=refuse)
    return type(cls)(cls.__name__, (cls,), body)
