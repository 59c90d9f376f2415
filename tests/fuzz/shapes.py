"""Shapes: the types that generated programs use.

    Number Text Truth     basic types, and named types over them
    Struct Array          values with parts
    Slice Pointer Map     references
    Func                  function values; their first parameter, the depth, is not among the parameters
    Interface             any: what is flat and printable; Thing: everything; error; and those with methods, I0 ...

    A named slice, array or function type, `Row`, differs from the unnamed one in its spelling alone.

    flat         reaches no memory that another value reaches too, and that changes: can be handed to a pure function
    printable    prints the same in every run: no addresses inside
    plain        so also in the field of a struct, where fmt does not call methods

A variable, parameter or result that is a pointer, a function, an error or an interface with methods is never nil; one
in a field or an element may be.
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
    def is_plain(self) -> bool:
        return self.is_printable

    @property
    def is_reference(self) -> bool:
        """A variable of the type is never nil, but a part may be."""
        return False

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
        return all(f.shape.is_plain for f in self.fields)


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

    @property
    def is_plain(self) -> bool:
        return self.elem.is_plain


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
        return is_printable_elem(self.elem)

    @property
    def is_plain(self) -> bool:
        return self.is_printable and self.elem.is_plain

    @property
    def zero(self) -> str:
        return nil_of(self)


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
    def is_reference(self) -> bool:
        return True

    @property
    def zero(self) -> str:
        return f"new({self.elem.spelling})"


@dataclass(frozen=True)
class Map(Shape):
    key: Shape
    elem: Shape

    @classmethod
    def of(cls, key: Shape, elem: Shape) -> Map:
        return cls(f"map[{key.spelling}]{elem.spelling}", key, elem)

    @property
    def is_comparable(self) -> bool:
        return False

    @property
    def is_flat(self) -> bool:
        return False

    @property
    def is_printable(self) -> bool:
        """fmt sorts the keys; those of different types by where the types are."""
        return is_printable_elem(self.elem) and self.key.is_plain and not isinstance(self.key, Interface)

    @property
    def is_plain(self) -> bool:
        return self.is_printable and self.elem.is_plain

    @property
    def zero(self) -> str:
        return nil_of(self)


@dataclass(frozen=True)
class Func(Shape):
    params: tuple[Shape, ...]
    results: tuple[Shape, ...]

    @classmethod
    def of(cls, params: tuple[Shape, ...], results: tuple[Shape, ...]) -> Func:
        return cls(f"func({', '.join(['int', *(p.spelling for p in params)])}){result_text(results)}", params, results)

    @property
    def is_comparable(self) -> bool:
        return False

    @property
    def is_flat(self) -> bool:
        return False

    @property
    def is_printable(self) -> bool:
        return False

    @property
    def is_reference(self) -> bool:
        return True

    @property
    def zero(self) -> str:
        unnamed = Func.of(self.params, self.results).spelling
        literal = f"{unnamed} {{ return {', '.join(result.zero for result in self.results)} }}"
        return f"{self.spelling}({literal})" if self.is_named else literal


@dataclass(frozen=True)
class Interface(Shape):
    """An interface; what may be in it is filled in later."""

    has_methods: bool = False
    holds: list[Shape] = field(default_factory=list, compare=False)

    @property
    def is_comparable(self) -> bool:
        return self in (ANY, ERROR)

    @property
    def is_flat(self) -> bool:
        return self in (ANY, ERROR)

    @property
    def is_printable(self) -> bool:
        return self in (ANY, ERROR)

    @property
    def is_plain(self) -> bool:
        return self == ANY

    @property
    def is_reference(self) -> bool:
        return self.has_methods

    @property
    def zero(self) -> str:
        if self == ERROR:
            return 'error(E1("zero"))'
        # A function may return this very interface: the text of its zero value would have no end.
        held = [shape for shape in self.holds if not isinstance(shape, Func)] if self.has_methods else []
        return f"{self.spelling}({held[0].zero if held else 'nil'})"


def result_text(results: tuple[Shape, ...]) -> str:
    """The results of an unnamed function type."""
    if len(results) < 2:
        return "".join(f" {result.spelling}" for result in results)
    return f" ({', '.join(result.spelling for result in results)})"


def nil_of(shape: Shape) -> str:
    """nil as a slice or map; a function type at the end would take the parentheses for its results."""
    return f"({shape.spelling})(nil)" if "func(" in shape.spelling else f"{shape.spelling}(nil)"


def is_printable_elem(elem: Shape) -> bool:
    """Whether slices and maps of it are; a struct may hold those of its own type."""
    return elem.is_flat and elem.is_printable if isinstance(elem, Struct) else elem.is_printable


def can_be_key(shape: Shape) -> bool:
    """Whether equal values are the same value in every respect, and none differs from itself."""
    match shape:
        case Number(is_float=is_float):
            return not is_float
        case Array(elem=elem):
            return can_be_key(elem)
        case Struct(fields=fields):
            return all(can_be_key(f.shape) for f in fields)
        case Pointer() | Text() | Truth():
            return True
    return False


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
ANY = Interface("any")
ERROR = Interface("error", True)
THING = Interface("Thing")
