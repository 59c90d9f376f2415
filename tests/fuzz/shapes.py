"""Shapes: the types that generated programs use.

    Number Text Truth     basic types, and named types over them
    Struct Array          values with parts
    Slice Pointer         references

    A named slice or array, `Row`, differs from the unnamed one in its spelling alone.

    flat         reaches no memory that another value reaches too: can be handed to a pure function
    printable    prints the same in every run: no addresses inside

A pointer variable, parameter or result is never nil; a pointer in a field or an element may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shape:
    """A type."""

    spelling: str  # as source text

    @property
    def is_comparable(self) -> bool:
        return True

    @property
    def is_flat(self) -> bool:
        return True

    @property
    def is_printable(self) -> bool:
        return True

    @property
    def is_named(self) -> bool:
        return self.spelling.isidentifier()

    @property
    def zero(self) -> str:
        """The text of a simple value; a pointer's is not nil."""
        return f"{self.spelling}{{}}"


@dataclass(frozen=True)
class Number(Shape):
    """An integer or floating-point type."""

    bits: int
    is_signed: bool = True
    is_float: bool = False

    @property
    def zero(self) -> str:
        return f"{self.spelling}(0)"

    @property
    def least(self) -> int:
        return -(1 << (self.bits - 1)) if self.is_signed else 0

    @property
    def greatest(self) -> int:
        return (1 << (self.bits - self.is_signed)) - 1


@dataclass(frozen=True)
class Text(Shape):
    """string, or a type made from it."""

    @property
    def zero(self) -> str:
        return f'{self.spelling}("")'


@dataclass(frozen=True)
class Truth(Shape):
    """bool."""

    @property
    def zero(self) -> str:
        return "false"


@dataclass(frozen=True)
class Field:
    """A field of a struct."""

    name: str
    shape: Shape
    is_embedded: bool = False

    @property
    def text(self) -> str:
        return self.shape.spelling if self.is_embedded else f"{self.name} {self.shape.spelling}"


@dataclass(frozen=True)
class Struct(Shape):
    """A declared struct type; its fields are filled in later, so that they can point to it."""

    fields: list[Field] = field(default_factory=list, compare=False)

    @property
    def is_comparable(self) -> bool:
        return all(f.shape.is_comparable for f in self.fields)

    @property
    def is_flat(self) -> bool:
        return all(f.shape.is_flat for f in self.fields)

    @property
    def is_printable(self) -> bool:
        return all(f.shape.is_printable for f in self.fields)


@dataclass(frozen=True)
class Array(Shape):
    length: int
    elem: Shape

    @classmethod
    def of(cls, length: int, elem: Shape) -> Array:
        return cls(f"[{length}]{elem.spelling}", length, elem)

    @property
    def is_comparable(self) -> bool:
        return self.elem.is_comparable

    @property
    def is_flat(self) -> bool:
        return self.elem.is_flat

    @property
    def is_printable(self) -> bool:
        return self.elem.is_printable


@dataclass(frozen=True)
class Slice(Shape):
    elem: Shape

    @classmethod
    def of(cls, elem: Shape) -> Slice:
        return cls(f"[]{elem.spelling}", elem)

    @property
    def is_comparable(self) -> bool:
        return False

    @property
    def is_flat(self) -> bool:
        return False

    @property
    def is_printable(self) -> bool:
        # a struct may hold a slice of its own type
        return self.elem.is_printable if not isinstance(self.elem, Struct) else self.elem.is_flat

    @property
    def zero(self) -> str:
        return f"{self.spelling}(nil)"


@dataclass(frozen=True)
class Pointer(Shape):
    elem: Shape

    @classmethod
    def to(cls, elem: Shape) -> Pointer:
        return cls(f"*{elem.spelling}", elem)

    @property
    def is_flat(self) -> bool:
        return False

    @property
    def is_printable(self) -> bool:
        return False

    @property
    def zero(self) -> str:
        return f"new({self.elem.spelling})"


INT = Number("int", 64)
UINT = Number("uint", 64, is_signed=False)
INT32 = Number("int32", 32)
UINT8 = Number("uint8", 8, is_signed=False)
UINT64 = Number("uint64", 64, is_signed=False)
FLOAT32 = Number("float32", 32, is_float=True)
FLOAT64 = Number("float64", 64, is_float=True)
INTEGERS = [
    INT,
    Number("int8", 8),
    Number("int16", 16),
    INT32,
    Number("int64", 64),
    UINT,
    UINT8,
    Number("uint16", 16, is_signed=False),
    Number("uint32", 32, is_signed=False),
    UINT64,
    Number("uintptr", 64, is_signed=False),
]
STRING = Text("string")
BOOL = Truth("bool")
