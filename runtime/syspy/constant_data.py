"""Constant data in LLVM text: the bytes of a table or a struct, with its pointers as symbols.

    NAME = text(b"int")                    @runtime.types.NAME = hidden constant [3 x i8] c"int", align 1
    INT = constant(Type, name=NAME, ...)   @runtime.types.INT = hidden constant <{ [8 x i8], ptr, ... }> <{ ... }>

A constant that has no name of its own is called after the first that points to it: `runtime.types.INT.1`. Names do not
depend on addresses, so a program finds the runtime's constants in an image that another process built.

Next: unit.py
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from runtime.syspy.annotations import FixedArray
from runtime.syspy.arrays import Array, InlineOf
from runtime.syspy.constants import Constant, find
from runtime.syspy.kinds import Kind, is_pointer, size_of
from runtime.syspy.pointers import link_pending


class Data:
    """One constant, by its symbol."""

    def __init__(self, constant: Constant, name: str) -> None:
        self.constant = constant
        self.name = name
        self.addr = ctypes.addressof(constant.view)

    @property
    def pointer_kind(self) -> Kind:
        """The kind of a pointer to it."""
        kind: Any = self.constant.kind
        return kind if self.constant.length is None else Array[kind]

    def pointers(self) -> list[tuple[int, int]]:
        """The offset and the address in it of every pointer."""
        link_pending()
        kind, length = self.constant.kind, self.constant.length
        offsets = list(pointer_offsets(kind) if length is None else element_offsets(kind, length))
        return [(offset, ctypes.c_uint64.from_address(self.addr + offset).value) for offset in offsets]

    def size(self) -> int:
        """Bytes, at least 1."""
        kind, length = self.constant.kind, self.constant.length
        return ctypes.sizeof(kind) if length is None else max(1, length * size_of(kind))

    def initializer(self, symbols: dict[int, str]) -> str:
        """Type and value: runs of bytes, and pointers, whose symbols are given by address."""
        types, values, at = [], [], 0
        for offset, target in [*self.pointers(), (self.size(), 0)]:
            if offset > at:
                types.append(f"[{offset - at} x i8]")
                values.append(f"{types[-1]} {bytes_text(ctypes.string_at(self.addr + at, offset - at))}")
            if offset < self.size():
                types.append("ptr")
                values.append(f"ptr {symbols[target] if target else 'null'}")
            at = offset + 8
        return f"<{{ {', '.join(types)} }}> <{{ {', '.join(values)} }}>"


def bytes_text(data: bytes) -> str:
    """Bytes in LLVM's spelling."""
    return 'c"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02x}" for b in data) + '"'


def pointer_offsets(struct: Any) -> Iterator[int]:
    """Where a struct holds pointers."""
    for field in struct.FIELDS.values():
        kind = field.type
        if is_pointer(kind):
            yield field.offset
        elif isinstance(kind, InlineOf):
            yield from (field.offset + offset for offset in pointer_offsets(kind.struct))
        elif isinstance(kind, FixedArray):
            yield from (field.offset + offset for offset in element_offsets(kind.element, kind.length))


def element_offsets(element: Kind, length: int) -> Iterator[int]:
    """Where an array of elements holds pointers."""
    if is_pointer(element):
        yield from range(0, 8 * length, 8)
    elif isinstance(element, InlineOf):
        inner = list(pointer_offsets(element.struct))
        yield from (i * size_of(element) + offset for i in range(length) for offset in inner)


class ConstantNames:
    """The symbols of all constants that a unit refers to, given out on the first request."""

    def __init__(self) -> None:
        self._known: dict[int, Data] = {}  # by address
        self._named: dict[int, dict[int, str]] = {}  # by the id of a module's globals: names by the ids of objects

    def data(self, view: Any, name: str) -> Data | None:
        """The constant that a module-level object is, or None; called so if its own module has no name for it."""
        if not isinstance(view, ctypes.Structure | ctypes.Array):
            return None
        return self._at(ctypes.addressof(view), name)

    def _at(self, addr: int, fallback: str) -> Data | None:
        if addr not in self._known:
            found = find(addr)
            if found is None:
                return None
            self._known[addr] = Data(found, self._own_name(found) or fallback)
        return self._known[addr]

    def _own_name(self, constant: Constant) -> str:
        """The module-level name that a constant was given, with the module's: `runtime.types.INT`; or ""."""
        names = constant.names
        if id(names) not in self._named:
            self._named[id(names)] = {id(value): key for key, value in reversed(names.items())}  # the first one counts
        own = self._named[id(names)].get(id(constant.view))
        return "" if own is None else f"{names.get('__name__', '')}.{own}"

    def targets(self, data: Data) -> list[Data | None]:
        """What a constant points to; None for memory that is no constant."""
        addrs = [addr for _, addr in data.pointers() if addr]
        return [self._at(addr, f"{data.name}.{i + 1}") for i, addr in enumerate(addrs)]
