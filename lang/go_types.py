"""Types: what a value is, when two types are identical, and how types are spelled.

    Basic       int  float64  string  ...  untyped int  untyped nil
    Named       type Celsius float64           its own identity, an underlying type, methods
    Instance    weak.Pointer[node]             a Named that is identical to others of its name and type arguments
    Pointer  Slice  Array  Struct  Map  Chan   composite types, identical when their parts are
    Signature  Tuple  Interface                functions, their parameters and results, method sets

Identity is equality: types are frozen, `==` compares structure, and a Named equals only itself, unless it is an
Instance. So `a == b` is Go's "identical", and a type can be a dictionary's key.

A type is complete when built, except Named, whose `underlying` is set once its declaration is resolved. Parameter names
and the spelling of an alias (byte, rune, any) take no part in identity.

Go: cmd/compile/internal/types2.                                Next: layout.py (sizes), objects.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lang.objects import Func


class Kind(Enum):
    """The predeclared types; values tell nothing."""

    INVALID = auto()
    BOOL = auto()
    INT = auto()
    INT8 = auto()
    INT16 = auto()
    INT32 = auto()
    INT64 = auto()
    UINT = auto()
    UINT8 = auto()
    UINT16 = auto()
    UINT32 = auto()
    UINT64 = auto()
    UINTPTR = auto()
    FLOAT32 = auto()
    FLOAT64 = auto()
    STRING = auto()
    UNTYPED_BOOL = auto()
    UNTYPED_INT = auto()
    UNTYPED_RUNE = auto()
    UNTYPED_FLOAT = auto()
    UNTYPED_STRING = auto()
    UNTYPED_NIL = auto()

    # Members are singletons: hashing them by identity makes types fast keys.
    __hash__ = object.__hash__


class Type:
    """Anything that can be the type of a value."""

    __slots__ = ()

    @property
    def underlying(self) -> Type:
        """The type without its names: itself, unless Named."""
        return self

    def __str__(self) -> str:
        return type_string(self)


@dataclass(frozen=True, slots=True)
class Basic(Type):
    """A predeclared type."""

    kind: Kind
    name: str = field(compare=False)                            # as messages spell it: byte or uint8
    bits: int = field(compare=False, default=0)                 # width of a number; 0 for others
    is_integer: bool = field(compare=False, default=False)      # also untyped int and rune
    is_signed: bool = field(compare=False, default=False)       # integers only
    is_float: bool = field(compare=False, default=False)        # also untyped float
    is_boolean: bool = field(compare=False, default=False)      # also untyped bool
    is_string: bool = field(compare=False, default=False)       # also untyped string
    is_untyped: bool = field(compare=False, default=False)      # the type of a constant not yet put to use

    @property
    def is_numeric(self) -> bool:
        """Whether + - * / are defined on it as on numbers."""
        return self.is_integer or self.is_float

    @property
    def is_unsigned(self) -> bool:
        """Whether it is an unsigned integer type."""
        return self.is_integer and not self.is_signed


class Named(Type):
    """A defined type: `type Name underlying`. Equal only to itself."""

    __slots__ = ("_underlying", "find", "local", "methods", "name", "package", "pos")

    def __init__(self, name: str, pos: int, underlying: Type | None = None, package: str = "") -> None:
        self.name = name                                        # as declared
        self.pos = pos                                          # of the name in its declaration
        self.package = package                                  # "" for the program's own types
        self.local = 0                                          # which of those that functions declare, from 1; 0: none
        self.methods: dict[str, Func] = {}                      # declared on T and on *T, in order
        self._underlying = underlying                           # None until resolved; never itself a Named
        self.find: Callable[[], None] | None = None             # resolves it, unless that is under way

    @property
    def underlying(self) -> Type:
        if self._underlying is None:
            self._look()
        return INVALID if self._underlying is None else self._underlying

    @property
    def is_resolved(self) -> bool:
        """Whether the underlying type is known."""
        self._look()
        return self._underlying is not None

    def _look(self) -> None:
        """Find out the underlying type, if nobody has needed it so far."""
        if self._underlying is None and self.find is not None:
            self.find()

    def resolve(self, underlying: Type) -> None:
        """Set the underlying type."""
        self._underlying = underlying.underlying
        self.find = None


class Instance(Named):
    """A package's generic type with its type arguments: `weak.Pointer[node]`."""

    __slots__ = ("args",)

    def __init__(self, name: str, package: str, args: tuple[Type, ...], underlying: Type) -> None:
        super().__init__(name, -1, underlying, package)
        self.args = args                                        # one for each type parameter

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Instance) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, str, tuple[Type, ...]]:
        return (self.package, self.name, self.args)


class Generic(Named):
    """A package's generic type, of which no value can be: `weak.Pointer`."""

    __slots__ = ("instance", "type_params")

    def __init__(self, name: str, package: str, type_params: str, instance: Callable[[Type], Instance]) -> None:
        super().__init__(name, -1, INVALID, package)
        self.type_params = type_params                          # as declared: T any
        self.instance = instance                                # gives it a type argument


@dataclass(frozen=True, slots=True)
class Pointer(Type):
    """*elem"""

    elem: Type


@dataclass(frozen=True, slots=True)
class Slice(Type):
    """[]elem"""

    elem: Type


@dataclass(frozen=True, slots=True)
class Array(Type):
    """[length]elem"""

    length: int                                                 # elements; -1 after an error in the length
    elem: Type


@dataclass(frozen=True, slots=True)
class Map(Type):
    """map[key]elem"""

    key: Type
    elem: Type


@dataclass(frozen=True, slots=True)
class Chan(Type):
    """chan elem"""

    elem: Type
    direction: str = ""                                         # "", "send" or "receive"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct."""

    name: str
    type: Type
    embedded: bool = False                                      # declared by its type alone
    tag: str = ""                                               # in Go's quotes; part of identity
    pos: int = field(compare=False, default=0)                  # of the name
    package: str = field(compare=False, default="")             # where it is declared; "" for the program's own


@dataclass(frozen=True, slots=True)
class Struct(Type):
    """struct{ fields }"""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter or result of a signature."""

    name: str = field(compare=False)                            # "" when left out
    type: Type


@dataclass(frozen=True, slots=True)
class Signature(Type):
    """func(params) results, without a receiver"""

    params: tuple[Param, ...]
    results: tuple[Param, ...]
    variadic: bool = False                                      # the last parameter's type is then a Slice
    type_params: str = field(compare=False, default="")         # of a generic function, as declared: T any

    @property
    def result(self) -> Type:
        """What a call gives: the one result's type, or a Tuple of none or several."""
        if len(self.results) == 1:
            return self.results[0].type
        return Tuple(tuple(result.type for result in self.results), tuple(result.name for result in self.results))


@dataclass(frozen=True, slots=True)
class Tuple(Type):
    """The type of a call that gives no value or several."""

    elems: tuple[Type, ...]
    names: tuple[str, ...] = field(compare=False, default=())   # of the results, "" where left out


@dataclass(frozen=True, slots=True)
class InterfaceMethod:
    """One method that an interface asks for."""

    name: str
    signature: Signature


@dataclass(frozen=True, slots=True)
class Interface(Type):
    """interface{ methods }, embedded interfaces flattened, sorted by name"""

    methods: tuple[InterfaceMethod, ...]
    name: str = field(compare=False, default="")                # "any" when so spelled; with what it embeds, as spelled


INVALID = Basic(Kind.INVALID, "invalid type")
BOOL = Basic(Kind.BOOL, "bool", is_boolean=True)
STRING = Basic(Kind.STRING, "string", is_string=True)


def _integer(kind: Kind, name: str, bits: int, is_signed: bool) -> Basic:
    return Basic(kind, name, bits=bits, is_integer=True, is_signed=is_signed)


INT = _integer(Kind.INT, "int", 64, True)
INT8 = _integer(Kind.INT8, "int8", 8, True)
INT16 = _integer(Kind.INT16, "int16", 16, True)
INT32 = _integer(Kind.INT32, "int32", 32, True)
INT64 = _integer(Kind.INT64, "int64", 64, True)
UINT = _integer(Kind.UINT, "uint", 64, False)
UINT8 = _integer(Kind.UINT8, "uint8", 8, False)
UINT16 = _integer(Kind.UINT16, "uint16", 16, False)
UINT32 = _integer(Kind.UINT32, "uint32", 32, False)
UINT64 = _integer(Kind.UINT64, "uint64", 64, False)
UINTPTR = _integer(Kind.UINTPTR, "uintptr", 64, False)
BYTE = _integer(Kind.UINT8, "byte", 8, False)
RUNE = _integer(Kind.INT32, "rune", 32, True)
FLOAT32 = Basic(Kind.FLOAT32, "float32", bits=32, is_float=True)
FLOAT64 = Basic(Kind.FLOAT64, "float64", bits=64, is_float=True)

UNTYPED_BOOL = Basic(Kind.UNTYPED_BOOL, "untyped bool", is_boolean=True, is_untyped=True)
UNTYPED_INT = Basic(Kind.UNTYPED_INT, "untyped int", is_integer=True, is_signed=True, is_untyped=True)
UNTYPED_RUNE = Basic(Kind.UNTYPED_RUNE, "untyped rune", is_integer=True, is_signed=True, is_untyped=True)
UNTYPED_FLOAT = Basic(Kind.UNTYPED_FLOAT, "untyped float", is_float=True, is_untyped=True)
UNTYPED_STRING = Basic(Kind.UNTYPED_STRING, "untyped string", is_string=True, is_untyped=True)
UNTYPED_NIL = Basic(Kind.UNTYPED_NIL, "untyped nil", is_untyped=True)

ANY = Interface((), "any")
ERROR = Named("error", 0, Interface((InterfaceMethod("Error", Signature((), (Param("", STRING),))),)))
NO_VALUE = Tuple(())

_DEFAULTS: dict[Kind, Type] = {
    Kind.UNTYPED_BOOL: BOOL,
    Kind.UNTYPED_INT: INT,
    Kind.UNTYPED_RUNE: RUNE,
    Kind.UNTYPED_FLOAT: FLOAT64,
    Kind.UNTYPED_STRING: STRING,
}


def default_type(t: Type) -> Type:
    """The type that an untyped constant takes where nothing asks for another."""
    return _DEFAULTS.get(t.kind, t) if isinstance(t, Basic) else t


def basic(t: Type) -> Basic:
    """The basic type beneath t; INVALID when there is none, so that its predicates are all false."""
    under = t.underlying
    return under if isinstance(under, Basic) else INVALID


def is_untyped(t: Type) -> bool:
    """Whether t is the type of an untyped constant (nil included)."""
    return isinstance(t, Basic) and t.is_untyped


def has_nil(t: Type) -> bool:
    """Whether nil is a value of type t."""
    under = t.underlying
    return isinstance(under, (Pointer, Slice, Map, Chan, Signature, Interface)) or under is UNTYPED_NIL


def is_interface(t: Type) -> bool:
    """Whether values of t carry their dynamic type."""
    return isinstance(t.underlying, Interface)


def is_ordered(t: Type) -> bool:
    """Whether < <= > >= are defined on t."""
    b = basic(t)
    return b.is_numeric or b.is_string


def incomparable_part(t: Type) -> str:
    """Why == is not defined on t, as Go says it; "" when it is."""
    under = t.underlying
    if isinstance(under, (Slice, Map, Signature)):
        return f"{composite_kind(t)} can only be compared to nil"
    if isinstance(under, Struct):
        for f in under.fields:
            if incomparable_part(f.type):
                return f"struct containing {f.type} cannot be compared"
    if isinstance(under, Array) and incomparable_part(under.elem):
        return f"{t} cannot be compared"
    return ""


def is_comparable(t: Type) -> bool:
    """Whether == is defined on two values of type t."""
    return not incomparable_part(t)


_COMPOSITE_KINDS: dict[type[Type], str] = {
    Array: "array",
    Slice: "slice",
    Struct: "struct",
    Pointer: "pointer",
    Signature: "func",
    Interface: "interface",
    Map: "map",
    Chan: "chan",
    Tuple: "tuple",
}


def composite_kind(t: Type) -> str:
    """The word for the shape of a composite type; "" for a basic one."""
    return _COMPOSITE_KINDS.get(type(t.underlying), "")


def type_string(t: Type) -> str:
    """The type as messages and %T spell it, the program's own names unqualified."""
    match t:
        case Basic(name=name):
            return name
        case Instance(args=args):
            return f"{t.package}.{t.name}[{', '.join(map(type_string, args))}]"
        case Generic(type_params=type_params):
            return f"{t.package}.{t.name}[{type_params}]"
        case Named():
            return f"{t.package}.{t.name}" if t.package else t.name
        case Pointer(elem):
            return f"*{elem}"
        case Slice(elem):
            return f"[]{elem}"
        case Array(length, elem):
            return f"[{length}]{elem}"
        case Map(key, elem):
            return f"map[{key}]{elem}"
        case Chan(elem, direction):
            return {"": "chan ", "send": "chan<- ", "receive": "<-chan "}[direction] + str(elem)
        case Struct(fields):
            return "struct{" + "; ".join(map(_field_string, fields)) + "}"
        case Signature():
            return f"func{f'[{t.type_params}]' if t.type_params else ''}{signature_string(t)}"
        case Tuple(elems, names):
            named = zip(names or [""] * len(elems), elems, strict=True)
            return "(" + ", ".join(f"{name} {elem}".lstrip() for name, elem in named) + ")"
        case Interface(methods, name):
            return name or "interface{" + "; ".join(m.name + signature_string(m.signature) for m in methods) + "}"
    raise AssertionError(f"no spelling for {type(t).__name__}")


def _field_string(f: Field) -> str:
    text = _embedded_string(f) if f.embedded else f"{f.name} {f.type}"
    return f"{text} {f.tag}" if f.tag else text


def _embedded_string(f: Field) -> str:
    """The type of an embedded field; by the alias that the field is named after, if it is."""
    base = f.type.elem if isinstance(f.type, Pointer) else f.type
    if base == INVALID or (isinstance(base, (Basic, Named, Interface)) and base.name == f.name):
        return str(f.type)
    return f"*{f.name}" if isinstance(f.type, Pointer) else f.name


def signature_string(signature: Signature) -> str:
    """Parameters and results as in a declaration: `(a int, b ...string) (int, error)`."""
    params = [_param_string(p) for p in signature.params]
    if signature.variadic:
        last = signature.params[-1]
        assert isinstance(last.type, Slice), "a variadic parameter is a slice"
        params[-1] = f"{last.name} ...{last.type.elem}".lstrip()
    text = "(" + ", ".join(params) + ")"
    results = signature.results
    if not results:
        return text
    if len(results) == 1 and not results[0].name:
        return f"{text} {results[0].type}"
    return f"{text} (" + ", ".join(_param_string(r) for r in results) + ")"


def _param_string(p: Param) -> str:
    return f"{p.name} {p.type}" if p.name else str(p.type)
