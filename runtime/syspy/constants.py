"""Constants: read-only data, made when a module is imported, one copy for all runtimes.

    SIZES = table(u16, [8, 16, 24])                            an Array[u16]
    NAME = text(b"int")                                        an Array[u8]
    LIST = constant(Type, size=8, elem=lambda: LIST)           a Type that points to itself
    PAIR = table(Inline[Field], [constant(Field, ...), ...])   structs in place
    LINE = constant(Line, to=constant(Point, x=1), marks=...)  structs and tables in place, where a field is one
    WAYS = table(Type, [LIST, lambda: TREE])                   pointers

Under CPython the data lies in memory that Python owns and, since addresses of it may be stored anywhere, keeps for
good. The native engine copies it into the image: `find(address)` tells what lies at an address, and so what each
pointer in a constant points to.

What a constant points to is a constant, or nil: the native engine checks it (rule constant-target).

A lambda stands for a name defined further down. The link is made when that name can be found, and before anybody reads
it (see pointers.py).

Next: subset.py, for the native engine
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from ctypes import addressof, memmove, sizeof
from functools import cache
from typing import Any, TypeVar

from runtime.syspy.annotations import FixedArray, Globals
from runtime.syspy.arrays import Array, InlineOf, array_class
from runtime.syspy.machine import check_range, is_machine_type, u8
from runtime.syspy.pointers import PENDING, address
from runtime.syspy.structs import Struct

T = TypeVar("T")
S = TypeVar("S", bound=Struct)


class Constant:
    """One piece of constant data."""

    def __init__(self, view: Any, kind: Any, length: int | None, names: Globals) -> None:
        self.view = view
        self.kind = kind  # of the struct, or of the table's elements
        self.length = length  # elements of a table; None for a struct
        self.names = names  # globals of the module that it is made in


_constants: dict[int, Constant] = {}  # by address
_waiting: dict[int, int] = {}  # links still to be made, by the address of the constant that has them


def find(addr: int) -> Constant | None:
    """The constant at addr."""
    return _constants.get(addr)


def _keep(view: Any, kind: Any, length: int | None, names: Globals) -> Any:
    _constants[address(view)] = Constant(view, kind, length, names)
    return view


def table(kind: type[T], values: Iterable[Any]) -> Array[T]:
    """A constant array. Elements are numbers; pointers to constants, or lambdas for them; or structs in place."""
    items = list(values)
    made = array_class(kind, max(1, len(items)))()
    element: Any = kind
    for i, item in enumerate(items):
        if isinstance(element, InlineOf):
            _lay(made, item, made[i])
        elif is_machine_type(kind):
            check_range(kind, item)
            made[i] = item
        else:
            _link(made, item, lambda target, i=i: made.__setitem__(i, target))  # type: ignore[misc]
    return _keep(made, kind, len(items), sys._getframe(1).f_globals)  # type: ignore[no-any-return]


@cache
def bytes_class(length: int) -> Any:
    """The class of so many bytes: programs have many texts, and a class takes long to make."""
    return array_class(u8, length)


def text(data: bytes) -> Array[u8]:
    """A constant string of bytes."""
    made = bytes_class(max(1, len(data))).from_buffer_copy(data or b"\0")
    return _keep(made, u8, len(data), sys._getframe(1).f_globals)  # type: ignore[no-any-return]


def constant(kind: type[S], /, **fields: Any) -> S:
    """A constant struct; fields that are not given are zero."""
    made = kind()
    for name, value in fields.items():
        wanted = kind.FIELDS[name].type
        if is_machine_type(wanted):
            check_range(wanted, value)
            setattr(made, name, value)
        elif isinstance(wanted, InlineOf | FixedArray):
            _lay(made, value, getattr(made, name))
        else:
            _link(made, value, lambda target, name=name: setattr(made, name, target))  # type: ignore[misc]
    return _keep(made, kind, None, sys._getframe(1).f_globals)  # type: ignore[no-any-return]


def _link(owner: Any, value: Any, put: Callable[[Any], None]) -> None:
    """Store a pointer to a constant: now, or when the name in a lambda is defined."""
    if not callable(value):
        put(value)
        return

    def link() -> bool:
        try:
            put(value())
        except NameError:
            return False
        _waiting[addressof(owner)] -= 1
        return True

    _waiting[addressof(owner)] = _waiting.get(addressof(owner), 0) + 1
    PENDING.append(link)


def _lay(owner: Any, item: Any, place: Any) -> None:
    """Copy a constant to where it lies in its owner, again and again until its own links are made."""

    def copy() -> bool:
        memmove(addressof(place), addressof(item), sizeof(item))
        return not _waiting.get(addressof(item))

    def copy_later() -> bool:
        is_done = copy()
        _waiting[addressof(owner)] -= is_done
        return is_done

    if not copy():
        _waiting[addressof(owner)] = _waiting.get(addressof(owner), 0) + 1
        PENDING.append(copy_later)
