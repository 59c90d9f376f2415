"""Scopes: what a generated program may name, and what may be done to it.

Go leaves open whether a variable is read before or after a call in the same expression. So there are pure functions,
which may be called anywhere: they change nothing that an expression can read. All others are called by statements
of their own, or together with operands that no call can change: constants and stable variables.

    W1  a pure function's parameters are flat, and all memory that it sees was allocated in it
    W2  every function spends fuel and passes a smaller depth on, so that every program ends soon
    W3  a function literal assigns to no stable variable around it, unless it is called at once or deferred: whoever
        calls it later may be in the middle of an expression that reads the variable
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.fuzz.shapes import ANY, THING, Array, Interface, Pointer, Shape, Slice, Struct


@dataclass(eq=False)
class Variable:
    """A variable or constant in scope."""

    name: str
    shape: Shape
    is_stable: bool = False  # nothing but a statement here that names it changes it
    is_assignable: bool = True
    is_addressable: bool = False
    is_optional: bool = False  # a reference that may be nil
    is_constant: bool = False
    has_elements: bool = False  # a slice that is not empty


@dataclass(frozen=True)
class Function:
    """A function, method or function value; its first parameter, the depth, is not among `params`."""

    name: str
    params: tuple[Shape, ...]
    results: tuple[Shape, ...]
    is_pure: bool
    receiver: Shape | None = None  # of methods: the type behind the pointer, if it is one
    by_pointer: bool = False
    is_variadic: bool = False  # the last parameter, a slice, is spelled ...T
    names_results: bool = False

    @property
    def is_dynamic(self) -> bool:
        """Whether the receiver is an interface: the function has no body of its own."""
        return isinstance(self.receiver, Interface)


@dataclass(frozen=True)
class Below:
    """An index that is still to be chosen."""

    bound: str  # a number, or len(v)


@dataclass(frozen=True)
class Path:
    """A way from a variable to something in it."""

    steps: tuple[str | Below, ...]
    shape: Shape
    variable: Variable
    is_indirect: bool  # passes through a pointer or a slice

    @property
    def is_assignable(self) -> bool:
        return self.is_indirect or self.variable.is_assignable

    @property
    def is_addressable(self) -> bool:
        return self.is_indirect or self.variable.is_addressable


@dataclass
class World:
    """What all functions of a program share."""

    numbers: list[Shape]  # basic types and named ones
    structs: list[Struct]
    shapes: list[Shape]  # all that variables are declared with
    functions: list[Function] = field(default_factory=list)
    globals: list[Variable] = field(default_factory=list)
    constants: list[Variable] = field(default_factory=list)
    twins: dict[Shape, Shape] = field(default_factory=dict)  # struct types with the same fields
    sums: dict[Shape, str] = field(default_factory=dict)  # functions that add a value up
    flat: list[Shape] = field(default_factory=list)  # what an any may hold, besides nil
    things: list[Shape] = field(default_factory=list)  # what a Thing may hold, besides nil
    interfaces: list[Interface] = field(default_factory=list)  # those with methods
    wrappers: dict[Shape, Interface] = field(default_factory=dict)  # structs whose methods an embedded interface has
    counter: int = 0

    def held(self, shape: Interface) -> list[Shape]:
        """What values of an interface type may hold."""
        return self.flat if shape == ANY else self.things if shape == THING else shape.holds

    def fresh(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{self.counter}"


@dataclass
class Scopes:
    """The variables of one function, innermost last."""

    stack: list[dict[str, Variable]] = field(default_factory=lambda: [{}])

    def declare(self, variable: Variable) -> Variable:
        self.stack[-1][variable.name] = variable
        return variable

    def visible(self) -> list[Variable]:
        found: dict[str, Variable] = {}
        for level in self.stack:
            found.update(level)
        return list(found.values())


def paths(variable: Variable, depth: int = 3) -> Iterator[Path]:
    """The ways into a variable that cannot fail."""
    start = Path((variable.name,), variable.shape, variable, False)
    if not variable.is_optional:
        yield from onward(start, depth)


def onward(path: Path, depth: int) -> Iterator[Path]:
    yield path
    is_root = len(path.steps) == 1
    shape = path.shape
    if depth == 0:
        return
    if isinstance(shape, Pointer) and is_root:
        yield from behind(path, shape.elem, depth)
    elif isinstance(shape, Slice) and path.variable.has_elements and is_root:
        yield from onward(stepped(path, ("[", Below(f"len({path.variable.name})"), "]"), shape.elem, True), depth - 1)
    elif isinstance(shape, Struct | Array):
        yield from inside(path, shape, path.is_indirect, depth)


def behind(path: Path, elem: Shape, depth: int) -> Iterator[Path]:
    """What a pointer variable points to, and the parts of that."""
    whole = Path((f"(*{path.variable.name})",), elem, path.variable, True)
    yield whole
    if isinstance(elem, Struct | Array):
        yield from inside(path, elem, True, depth)


def inside(path: Path, shape: Struct | Array, is_indirect: bool, depth: int) -> Iterator[Path]:
    if isinstance(shape, Array):
        yield from onward(stepped(path, ("[", Below(str(shape.length)), "]"), shape.elem, is_indirect), depth - 1)
        return
    for f in shape.fields:
        yield from onward(stepped(path, (f".{f.name}",), f.shape, is_indirect), depth - 1)
        if f.is_embedded and isinstance(f.shape, Struct):
            for promoted in f.shape.fields:
                if all(promoted.name != own.name for own in shape.fields):
                    yield from onward(stepped(path, (f".{promoted.name}",), promoted.shape, is_indirect), depth - 1)


def stepped(path: Path, steps: tuple[str | Below, ...], shape: Shape, is_indirect: bool) -> Path:
    return Path(path.steps + steps, shape, path.variable, is_indirect)
