"""Structs: C structs as classes of annotated fields, laid out by ctypes.

    @struct
    class Span(Struct):                              layout            reading the field gives
        start: uintptr                               8 bytes           an int
        next: Span                                   8, an address     a Span (nil for 0)
        data: Array[u8]                              8, an address     an Array[u8]
        pages: Inline[PageAlloc]                     in place          the PageAlloc there
        bits: Annotated[Array[u64], 8]               8 * 8, in place   an Array[u64]
        lists: Annotated[Array[Inline[List]], 136]   in place          an Array[Inline[List]]

`Span.at(address)` views memory as a Span; `Span()` is one that Python owns, zeroed, for tests and embedders.
Fields of integers are served by ctypes' own descriptors; the others by properties over them. `@struct` adds
`__slots__`: else ctypes would take a misspelt field for a new one.

    SY4  what lies in place is not assigned to.

Next: memory.py
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from runtime.syspy.annotations import STRUCTS, FixedArray, Globals, fixed_array_parts, is_type_named, resolve
from runtime.syspy.arrays import InlineOf, array_class
from runtime.syspy.machine import CTYPES, IS_CHECKED, check_range, is_machine_type
from runtime.syspy.pointers import LOWEST_ADDRESS, PENDING, View, address, link_pending, nil_class

if TYPE_CHECKING:
    from typing import Self

    class Struct:
        """The base of all structs."""

        FIELDS: ClassVar[dict[str, Field]]

        def __init__(self, **fields: Any) -> None: ...
        @classmethod
        def at(cls, addr: int) -> Self: ...

else:

    class Struct(View, ctypes.Structure):
        """The base of all structs."""

        __slots__ = ()
        FIELDS: ClassVar[dict[str, Field]] = {}

        @classmethod
        def at(cls, addr):
            """View the memory at addr as this struct."""
            return cls.from_address(addr) if addr >= LOWEST_ADDRESS else cls.NIL.from_address(addr)


S = TypeVar("S")


class Field:
    """One field: where it lies, and its type, which may be resolved only later (a forward reference)."""

    def __init__(self, name: str, text: str, names: Globals, offset: int) -> None:
        self.name = name
        self.text = text
        self.names = names
        self.offset = offset  # bytes from the start of the struct
        self._type: Any = None

    @property
    def type(self) -> Any:
        """A machine type, a struct or Array class (a pointer), InlineOf or FixedArray (in place)."""
        if self._type is None:
            self._type = resolve(self.text, self.names)
        return self._type


def struct(cls: type[S]) -> type[S]:
    """Make a class of annotated fields a struct."""
    names = sys._getframe(1).f_globals
    texts: dict[str, str] = cls.__annotations__
    body = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    body.update(__slots__=(), _fields_=[(name, _ctype(text, names)) for name, text in texts.items()])
    metaclass: Any = type(cls)
    made = metaclass(cls.__name__, cls.__bases__, body)
    made.FIELDS = {name: Field(name, text, names, made.__dict__[name].offset) for name, text in texts.items()}
    STRUCTS.setdefault(cls.__name__, []).append(made)
    for field in made.FIELDS.values():
        _serve(made, field)
    made.NIL = nil_class(made)
    return made  # type: ignore[no-any-return]


def _known(text: str, names: Globals) -> Any:
    """The type that text names, or None when it is not defined yet: then it can only be a pointer."""
    try:
        return resolve(text, names)
    except NameError:
        return None


def _ctype(text: str, names: Globals) -> Any:
    """What ctypes lays out for a field."""
    array = fixed_array_parts(text, names)
    if array is not None:
        element, length = array
        return array_class(_known(element, names), length, lambda: resolve(element, names))
    kind = resolve(text, names) if is_type_named(text, "Inline") else _known(text, names)
    if isinstance(kind, InlineOf):
        return kind.struct
    return CTYPES[kind] if is_machine_type(kind) else ctypes.c_uint64


def _serve(cls: Any, field: Field) -> None:
    """Put a property over ctypes' descriptor of a field that is no plain machine value."""
    raw = cls.__dict__[field.name]
    kind = _known(field.text, field.names)
    if isinstance(kind, InlineOf) or fixed_array_parts(field.text, field.names):
        setattr(cls, field.name, property(raw.__get__, _refusal(cls, field)))
    elif not is_machine_type(kind):
        setattr(cls, field.name, _pointer(raw, field))
    elif IS_CHECKED:
        setattr(cls, field.name, _checked(raw, kind))


def _refusal(cls: Any, field: Field) -> Callable[[Any, Any], None]:
    def refuse(self: Any, value: Any) -> None:
        raise TypeError(f"SY4: {cls.__name__}.{field.name} lies in place and cannot be assigned: use copy_struct")

    return refuse


def _checked(raw: Any, kind: Any) -> property:
    def put(self: Any, value: Any) -> None:
        check_range(kind, value)
        raw.__set__(self, value)

    return property(raw.__get__, put)


def _pointer(raw: Any, field: Field) -> property:
    """A stored address, read as a view of the field's type."""
    read, write = raw.__get__, raw.__set__
    view: Any = None
    view_nil: Any = None

    def get(self: Any) -> Any:
        nonlocal view, view_nil
        if view is None or PENDING:
            view, view_nil = field.type.from_address, field.type.NIL.from_address
            link_pending()
        addr = read(self)
        return view(addr) if addr >= LOWEST_ADDRESS else view_nil(addr)

    def put(self: Any, value: Any) -> None:
        if IS_CHECKED and not isinstance(value, View):
            raise TypeError(f"{value!r} stored in the pointer field {field.name}")
        write(self, address(value))

    return property(get, put)


def sizeof(kind: Any) -> int:
    """The size in bytes of a machine type or a struct."""
    if isinstance(kind, InlineOf):
        kind = kind.struct
    return ctypes.sizeof(CTYPES.get(kind, kind))


def offsetof(kind: type[Struct], field: str) -> int:
    """The distance in bytes of a field from the start of its struct."""
    return kind.FIELDS[field].offset


def local(kind: type[S]) -> S:
    """A zeroed struct of the call under way: it is there until the function returns, or gets here again."""
    return kind()


def copy_struct(dst: Struct, src: Struct) -> None:
    """Copy a whole struct over another of the same type."""
    assert type(dst) is type(src), "structs of two types"
    ctypes.memmove(address(dst), address(src), ctypes.sizeof(dst))  # type: ignore[arg-type]


__all__ = ["Field", "FixedArray", "Struct", "copy_struct", "local", "offsetof", "sizeof", "struct"]
