"""Type notes: what is known of a program's objects when it is compiled, for who looks at its heap when it runs.

    types        [name, bytes, links]            a link: [offset, what it leads to, type, name of the field]
    sites        site -> [[what, type], ...]     what the allocations of a line make
    variables    [[name, offset, type], ...]     of the package

    what         ONE      a value of the type
                 ARRAY    values of it in a row: what a slice leads to
                 BYTES    the bytes of a string
                 BOX      the value in an interface, whose type the interface knows

The heap itself keeps no types of small objects: so they are found from here (heap_types.py). All of it is lists and
texts, since the cache keeps it beside the machine code.

    TN1  a link's offset is a pointer word of its type

Owner: nobody; the notes of one program.        Next: shadow_stack.py
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from lang.go_types import UINTPTR, Array, Basic, Field, Interface, Kind, Map, Pointer, Signature, Slice, Struct, Type
from lang.layout import field_offsets, has_pointers, pointer_mask, size_of
from lang.runtime_names import runtime_name

ONE, ARRAY, BYTES, BOX = range(4)
MOST_LINKS = 256  # of a type that are noted: of a long array those of the first elements

CODE = Struct((Field("code", UINTPTR),))  # what is known of a closure where it is only called

HEADER = Struct((Field("groups", Pointer(CODE)), Field("rest", Array(5, UINTPTR))))  # of a map

Made = tuple[int, Type]  # what, and of which type
Link = tuple[int, int, Type, str]  # offset, what, type, name of the field


class Variable(NamedTuple):
    """A package variable."""

    name: str
    offset: int  # bytes, in the package's struct
    type: Type


class TypeNotes:
    """The notes of one program, while they are made."""

    def __init__(self) -> None:
        self._types: list[list[Any]] = []
        self._numbers: dict[Type, int] = {}

    def notes(self, sites: dict[int, set[Made]], variables: Iterable[Variable]) -> dict[str, Any]:
        """All notes, as the cache keeps them."""
        made = {str(site): sorted([what, self.number(t)] for what, t in found) for site, found in sorted(sites.items())}
        named = [[v.name, v.offset, self.number(v.type)] for v in variables]
        return {"types": self._types, "sites": made, "variables": named}

    def number(self, t: Type) -> int:
        """The number of a type; its note is made now, if there is none."""
        found = self._numbers.get(t)
        if found is None:
            found = self._numbers[t] = len(self._types)
            note: list[Any] = [runtime_name(t), size_of(t), []]
            self._types.append(note)
            note[2] = [[offset, what, self.number(elem), name] for offset, what, elem, name in links(t)]
        return found


def links(t: Type) -> list[Link]:
    """The pointers in a value of type t, in order, as far as they are noted."""
    found: list[Link] = []
    add_links(found, t, 0, "")
    mask = pointer_mask(t)
    assert all(mask >> offset // 8 & 1 for offset, *_ in found), f"TN1: a link of {t} is no pointer word"
    return found


def add_links(found: list[Link], t: Type, offset: int, name: str) -> None:
    """Append those of a value at an offset, which the outermost type calls `name`."""
    if not has_pointers(t) or len(found) >= MOST_LINKS:
        return
    match t.underlying:
        case Pointer(elem):
            found.append((offset, ONE, elem, name))
        case Signature():
            found.append((offset, ONE, CODE, name))
        case Map():
            found.append((offset, ONE, HEADER, name))
        case Slice(elem):
            found.append((offset, ARRAY, elem, name))
        case Basic(kind=Kind.STRING):
            found.append((offset, BYTES, t, name))
        case Interface():
            found.append((offset + 8, BOX, t, name))
        case Array(length, elem):
            for number in range(min(length, MOST_LINKS)):
                add_links(found, elem, offset + number * size_of(elem), f"{name}[{number}]")
        case Struct(fields):
            for f, at in zip(fields, field_offsets(t.underlying), strict=True):
                add_links(found, f.type, offset + at, f"{name}.{f.name}" if name else f.name)
