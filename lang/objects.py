"""Objects: what names stand for. A declaration makes one; every use of the name leads to it.

    Var     a variable: global, parameter, result, receiver, local      Const    a constant and its exact value
    Func    a function or method                                        TypeName a type
    Builtin len, append, ...      Nil      PackageName an import

Facts that the lowering needs about variables are gathered while checking: `address_taken` (the variable must live in
memory that outlives the expression) and `captured` (a function literal inside uses it).

Go: cmd/compile/internal/types2/object.go.                      Next: syntax.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from fractions import Fraction
from typing import TYPE_CHECKING

from lang.go_types import INVALID, Named, Pointer, Signature, Type
from lang.source import Source

if TYPE_CHECKING:
    from lang.syntax import Expr

# An exact constant. Strings are bytes, as Go's are; a float that happens to be whole is still a Fraction.
Value = bool | int | Fraction | bytes


class VarKind(Enum):
    """Where a variable comes from."""

    GLOBAL = auto()
    LOCAL = auto()
    PARAM = auto()
    RESULT = auto()
    RECEIVER = auto()


@dataclass(slots=True, eq=False)
class Object:
    """A named thing."""

    name: str
    pos: int                                                    # of the name in its declaration; -1 if predeclared
    type: Type = INVALID


@dataclass(slots=True, eq=False)
class Var(Object):
    """A variable."""

    kind: VarKind = VarKind.LOCAL
    function: FunctionInfo | None = None                        # whose frame it belongs to; None for globals
    used: bool = False                                          # read somewhere
    assigned: bool = False                                      # written after its declaration
    value: Expr | None = None                                   # which it is declared with; None: zero, or it depends
    address_taken: bool = False                                 # by &x, a pointer method's call or slicing an array
    captured: bool = False                                      # used by a function literal inside its function
    taken_at: int = -1                                          # where its address is taken first
    captured_at: int = -1                                       # where a function literal uses it first
    stays: bool = False                                         # in its function's frame, if it needs memory

    @property
    def is_shared(self) -> bool:
        """Whether it needs memory of its own: it may change while others see it.

        A return changes results; and what is deferred sees them, and may come after it.
        """
        if self.kind is VarKind.RESULT and self.function is not None:
            return self.address_taken or self.captured or self.function.has_defer
        return self.address_taken or (self.captured and self.assigned)


@dataclass(slots=True, eq=False)
class Const(Object):
    """A constant."""

    value: Value | None = None                                  # None after an error


@dataclass(slots=True, eq=False)
class TypeName(Object):
    """The name of a type."""

    is_alias: bool = False                                      # declared with =, or predeclared as one


@dataclass(slots=True, eq=False)
class Func(Object):
    """A function or a method. `type` is its Signature, without the receiver."""

    package: str = ""                                           # path of the package; "" for the program's own
    is_native: bool = False                                     # a package's, not written in Toy
    receiver: Named | None = None                               # T of a method on T or *T
    pointer_receiver: bool = False                              # declared on *T
    receiver_name: str = ""                                     # "" when it has none
    instance: Callable[[Type], Func] | None = None              # of a generic function: gives it a type argument

    @property
    def receiver_type(self) -> Type:
        """The type of a method's receiver: T or *T."""
        assert self.receiver is not None, f"{self.name} has no receiver"
        return Pointer(self.receiver) if self.pointer_receiver else self.receiver

    @property
    def signature(self) -> Signature:
        """The type of a function whose declaration was resolved."""
        assert isinstance(self.type, Signature), f"{self.name} has no signature"
        return self.type


@dataclass(slots=True, eq=False)
class Builtin(Object):
    """A predeclared function."""


@dataclass(slots=True, eq=False)
class Nil(Object):
    """The predeclared nil."""


@dataclass(slots=True, eq=False)
class PackageName(Object):
    """An imported package, under the name it has in this file."""

    path: str = ""                                              # as imported: "math/bits"
    members: dict[str, Object] = field(default_factory=dict)    # what it declares, exported or not
    used: bool = False


@dataclass(slots=True, eq=False)
class FunctionInfo:
    """The variables of one function's frame, in the order of their declaration."""

    name: str                                                   # as in traces: main, Tree.insert, main.func1
    signature: Signature
    receiver: Var | None = None
    params: list[Var] = field(default_factory=list)             # one a parameter; unnamed ones are called ""
    results: list[Var] = field(default_factory=list)            # one a result; unnamed ones are called ""
    locals: list[Var] = field(default_factory=list)             # every other variable, blank ones left out
    outer: FunctionInfo | None = None                           # the function around a function literal
    package: str = ""                                           # path of the package; "" for the program's own
    source: Source | None = None                                # of a package's function
    captures: list[Var] = field(default_factory=list)           # of a literal: others' variables that it uses
    literals: int = 0                                           # function literals directly inside
    has_defer: bool = False
    calls_recover: bool = False

    @property
    def given(self) -> list[Var]:
        """The receiver, if there is one, and the parameters."""
        return [*([self.receiver] if self.receiver is not None else []), *self.params]

    @property
    def has_named_results(self) -> bool:
        """Whether a bare return is allowed."""
        return bool(self.results) and self.results[0].name != ""
