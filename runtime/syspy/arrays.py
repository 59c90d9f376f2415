"""Arrays: a pointer to elements of one type, `Array[T]`.

    Array[u8]          bytes             a[i] loads, a[i] = v stores
    Array[MSpan]       pointers          a[i] is the pointer in slot i
    Array[Inline[S]]   structs in place  a[i] is the pointer to struct i; nothing to store

An Array has no length: it is an address, as in C. Under CPython it is a ctypes array that claims UNSIZED elements, so
that ctypes indexes it without a line of Python in between. A fixed array (a struct's field, a table) is a subclass that
has its true length and checks it.

    SY3  an index is not negative. ctypes would count from the end; with TOY_CHECKED=1 it raises IndexError.

Next: structs.py
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar

from runtime.syspy.machine import CTYPES, IS_CHECKED, check_range, is_machine_type
from runtime.syspy.pointers import LOWEST_ADDRESS, PENDING, View, address, link_pending, nil_class

T = TypeVar("T")

UNSIZED = 1 << 40  # elements that an array without a length claims
UNSIZED_EMPTY = (1 << 63) - 1  # the same, of elements without bytes: there may be any number of them


class InlineOf:
    """The element type of an array whose structs lie in place; `Inline[S]` gives the one of S."""

    def __init__(self, struct: Any) -> None:
        self.struct = struct
        self.__name__ = f"Inline[{struct.__name__}]"


if TYPE_CHECKING:
    Inline = Annotated[T, "laid in place"]

    class Array(Generic[T]):
        """A pointer to elements of type T."""

        def __getitem__(self, i: int) -> T: ...
        def __setitem__(self, i: int, value: T) -> None: ...
        def __class_getitem__(cls, element: Any) -> Any: ...
        @classmethod
        def at(cls, addr: int) -> Array[T]: ...

else:

    class Inline:
        """Inline[S]: a struct laid in place, where S alone is a pointer to one."""

        _known: ClassVar[dict[Any, InlineOf]] = {}

        def __class_getitem__(cls, struct):
            if struct not in cls._known:
                cls._known[struct] = InlineOf(struct)
            return cls._known[struct]

    class Array(View, ctypes.Array):
        """A pointer to elements; `Array[T]` is the class for elements of type T."""

        _type_ = ctypes.c_uint8
        _length_ = 0
        element = None
        _known: ClassVar[dict[Any, Any]] = {}

        def __class_getitem__(cls, element):
            if element not in cls._known:
                is_empty = isinstance(element, InlineOf) and ctypes.sizeof(element.struct) == 0
                cls._known[element] = array_class(element, UNSIZED_EMPTY if is_empty else UNSIZED)
            return cls._known[element]

        @classmethod
        def at(cls, addr):
            """View the memory at addr as elements of this type."""
            if PENDING:
                link_pending()
            return cls.from_address(addr) if addr >= LOWEST_ADDRESS else cls.NIL.from_address(addr)

        def __len__(self):
            if self._length_ in (UNSIZED, UNSIZED_EMPTY):
                raise TypeError("an Array without a fixed length has no len()")
            return self._length_

        __iter__ = None


def array_class(element: Any, length: int, resolve: Callable[[], Any] | None = None) -> Any:
    """The view class of length elements. A pointer type that is not known yet comes from resolve, at the first read."""
    if is_machine_type(element):
        body = {"_type_": CTYPES[element], **(_checked_items(element) if IS_CHECKED else {})}
    elif isinstance(element, InlineOf):
        body = {"_type_": element.struct, "__setitem__": _refuse_struct, **(_checked_read() if IS_CHECKED else {})}
    else:
        body = {"_type_": ctypes.c_uint64, **_pointer_items(resolve or (lambda: element))}
    name = getattr(element, "__name__", "?")
    body.update(_length_=length, element=element, __slots__=())
    metaclass: Any = type(ctypes.Array)
    cls = metaclass(f"Array[{name}]", (Array,), body)
    cls.NIL = nil_class(cls)
    return cls


_read = ctypes.Array.__getitem__
_write = ctypes.Array.__setitem__


def _check_index(i: Any) -> None:
    if not isinstance(i, slice) and i < 0:
        raise IndexError(f"SY3: index {i} is negative")


def _checked_read() -> dict[str, Any]:
    def get(self: Any, i: Any) -> Any:
        _check_index(i)
        return _read(self, i)

    return {"__getitem__": get}


def _checked_items(element: Any) -> dict[str, Any]:
    def put(self: Any, i: Any, value: Any) -> None:
        _check_index(i)
        if not isinstance(i, slice):
            check_range(element, value)
        _write(self, i, value)

    return {**_checked_read(), "__setitem__": put}


def _refuse_struct(self: Any, i: int, value: Any) -> None:
    raise TypeError("the structs of an Array[Inline[...]] lie in place: use copy_struct")


def _pointer_items(resolve: Callable[[], Any]) -> dict[str, Any]:
    """Item access of an array of pointers, whose type is asked for once, at the first read."""
    target: Any = None

    def get(self: Any, i: Any) -> Any:
        nonlocal target
        if target is None:
            target = resolve()
        if IS_CHECKED:
            _check_index(i)
        if isinstance(i, slice):
            return [target.at(addr) for addr in _read(self, i)]
        return target.at(_read(self, i))

    def put(self: Any, i: int, value: Any) -> None:
        if IS_CHECKED:
            _check_index(i)
        _write(self, i, address(value))

    return {"__getitem__": get, "__setitem__": put}


def array_at(kind: type[T], addr: int) -> Array[T]:
    """View the memory at addr as elements of type kind."""
    return Array[kind].at(addr)  # type: ignore


def element(a: Array[T], i: int) -> Array[T]:
    """The pointer to element i of a: pointer arithmetic."""
    cls: Any = Array[type(a).element]  # type: ignore
    return cls.at(address(a) + i * ctypes.sizeof(cls._type_))  # type: ignore[no-any-return]
