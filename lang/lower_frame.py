"""Frames: one Toy function on its way to systems Python.

    Value    the texts of a value's components: ("s_data", "s_length")
    Place    a value in memory: a text that reads it and, as an assignment's target, writes it
    Frame    the flow built so far, the locals, and what the layers above need to add to it

A text is evaluated where it is used, once per use. So texts hold no calls that may collect (their results go to
temporaries first), and one that is used twice and is not cheap is bound to a temporary.

    R1  the text of a component is an identifier, a literal, or an expression in parentheses or call form
    R2  a temporary is written once

Owner: one function at a time.        Next: lower_places.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lang import syntax
from lang.build import PLAIN, Build
from lang.flow import Allocate, Break, Call, Continue, Flow, If, Loop, Step
from lang.go_types import Interface, Map, Signature, Type
from lang.lower_names import Names
from lang.lower_types import Component, LoweredTypes
from lang.objects import Func, FunctionInfo, Var
from lang.source import Source
from lang.syntax import Expr, FuncLit, Node, Paren
from lang.type_notes import Made

if TYPE_CHECKING:
    from lang.lower_map_types import MapFunctions

Value = tuple[str, ...]
ATOM = re.compile(r"-?[A-Za-z_0-9]+(\.[0-9]+(e[+-]?[0-9]+)?)?")
MOST_PARENTHESES = 50  # in the text of a component; CPython takes 200, one inside the other
# What may fail: a call, but not a conversion or a hint.
CALL = re.compile(r"\b(?!(?:[iuf]\d+|likely|unlikely|address|array_at|element|is_nil)\()[A-Za-z_]\w*\(")
PATH = re.compile(r"[A-Za-z_][A-Za-z_0-9.]*")


class Lent(NamedTuple):
    """Memory in the frame for the arguments that a variadic parameter takes: of one call, and then of the next."""

    type: Type  # of the array
    pointer: str  # the text of a pointer to it
    root: str  # the local that is a root as long as a call has it; "" when there are no pointers in it


class NotYet(Exception):
    """A construct that the checker accepts and Toy does not have yet."""

    def __init__(self, node: Node, construct: str) -> None:
        super().__init__(construct)
        self.node = node
        self.construct = construct


@dataclass(frozen=True, slots=True)
class Place:
    """A value in memory."""

    text: str  # of the scalar, or of a pointer to the struct
    type: Type
    pointer: str  # the text of a pointer to it, as the Toy program would have it


class Position(NamedTuple):
    """A place in the source, for panics and traces."""

    function: str  # with its package: main.f
    line: int
    file: str  # "" for the program's own


class Program:
    """What the functions of one program share."""

    def __init__(self, source: Source, build: Build = PLAIN) -> None:
        self.source = source
        self.build = build
        self.names = Names()
        self.types = LoweredTypes(self.names)
        self.functions: dict[Func, str] = {}
        self.globals: dict[Var, str] = {}
        self.positions: list[Position] = []
        self.escapes: set[tuple[int, str]] = set()  # what goes to the heap: where, and what it is and why
        self._position_numbers: dict[Position, int] = {}
        self._strings: dict[bytes, str] = {}
        self._boxes: dict[tuple[str, str], str] = {}
        self._helpers: dict[tuple[str, Type], str] = {}
        self.helper_lines: list[str] = []
        self.uses_arguments = False  # os.Args occurs
        self.allocations: dict[int, set[Made]] = {}  # by site, in a program that is profiled
        self.has_finalizers = False  # runtime.SetFinalizer or AddCleanup occur
        self.recovers = False  # some function calls recover
        self.maps: dict[Map, MapFunctions] = {}
        self.text_of = ""  # the function that calls Error and String; "" when no type can have them

    def function_name(self, function: Func) -> str:
        """The name of a function that is called; one of the library is lowered from now on."""
        raise NotImplementedError

    def analyse(self, function: Func) -> None:
        """Note which variables of a function stay in its frame."""
        raise NotImplementedError

    def global_name(self, var: Var) -> str:
        """The field of the package's struct that a package-level variable is."""
        raise NotImplementedError

    def equality(self, t: Type) -> str:
        """The name of the function that compares two values of t in memory."""
        raise NotImplementedError

    def map_functions(self, t: Map) -> MapFunctions:
        """The names of the functions for a type of map."""
        raise NotImplementedError

    def dynamic_type(self, t: Type) -> str:
        """The name of the descriptor of a type, values of which are put into interfaces."""
        raise NotImplementedError

    def dispatch(self, method: str, signature: Signature, hands_on: bool) -> str:
        """The name of the function that calls a method of what an interface holds; it may hand on a deferred call."""
        raise NotImplementedError

    def implements(self, t: Interface) -> str:
        """The name of the function that tells whether what an interface holds implements t."""
        raise NotImplementedError

    def missing_method(self, t: Interface) -> str:
        """The name of the function that tells which method of t what an interface holds lacks."""
        raise NotImplementedError

    def literal(self, expr: FuncLit, known: dict[Var, str]) -> str:
        """The name of a function literal's function. Of what it captures, some function values are known."""
        raise NotImplementedError

    def specialized(self, function: Func, known: dict[int, str]) -> str:
        """The name of a function, or of a copy in which some parameters, by number, lead to known functions."""
        raise NotImplementedError

    def ready_thunk(self, target: Func | None, signature: Signature, given: Type, is_cleanup: bool) -> str:
        """The name of what the runtime calls for a finalizer or a cleanup: of a function, or of what is captured."""
        raise NotImplementedError

    def matcher(self, t: Type) -> str:
        """The name of the function that errors.As asks whether an error is a t."""
        raise NotImplementedError

    def library_function(self, path: str, name: str) -> Func:
        """A function of a package that is written in Toy, exported or not."""
        raise NotImplementedError

    def may_recover(self, function: Func) -> bool:
        """Whether a function calls recover itself."""
        raise NotImplementedError

    def thunk(self, key: object, name: str, call: syntax.Call, captured: list[Var], receiver: Var | None = None) -> str:
        """The name of the function that takes a closure, and makes a call with its own parameters."""
        raise NotImplementedError

    def deferred(self, call: syntax.Call, captured: list[Var]) -> str:
        """The name of the func() that makes a deferred call."""
        raise NotImplementedError

    def deferring_body(self, info: FunctionInfo, body: syntax.Block, frame: Frame, defers: Var) -> str:
        """The name of the function that is the body of one that defers."""
        raise NotImplementedError

    def shape(self, signature: Signature) -> str:
        """The name of a function with the parameters and results of a function value's code, for call_at."""
        raise NotImplementedError

    def take_address(self, name: str, signature: Signature) -> None:
        """Note that function values lead to the function `name`."""
        raise NotImplementedError

    def static_closure(self, name: str) -> str:
        """The field of the package's struct that holds the closure of a function without captured variables."""
        raise NotImplementedError

    def position(self, function: FunctionInfo, pos: int) -> int:
        """The number of a source position."""
        source = function.source or self.source
        file = source.name if function.source is not None else ""
        position = Position(f"{function.package or 'main'}.{function.name}", source.line_of(pos), file)
        number = self._position_numbers.setdefault(position, len(self.positions))
        if number == len(self.positions):
            self.positions.append(position)
        return number

    def string(self, data: bytes) -> Value:
        """The components of a constant string."""
        if not data:
            return ("array_at(u8, 0)", "0")
        found = self._strings.get(data)
        if found is None:
            found = self._strings[data] = self.names.fresh(f"text_{len(self._strings) + 1}")
            self.types.definitions += [f"{found} = text({data!r})", ""]
        return (found, str(len(data)))

    def string_constant(self, text: str) -> str:
        """The name of a constant String."""
        data, length = self.string(text.encode())
        return self.boxed_constant("String", f"data={data}, length={length}" if text else "")

    def boxed_constant(self, class_name: str, fields: str) -> str:
        """The name of a constant struct: what an interface holding a constant points to."""
        found = self._boxes.get((class_name, fields))
        if found is None:
            found = self._boxes[class_name, fields] = self.names.fresh(f"constant_{len(self._boxes) + 1}")
            self.types.definitions += [f"{found} = constant({class_name}{', ' if fields else ''}{fields})", ""]
        return found


class Frame:
    """One function."""

    def __init__(self, program: Program, info: FunctionInfo) -> None:
        self.program = program
        self.types = program.types
        self.info = info
        self.names = Names(program.names, frozenset())
        self.pointers: dict[str, str] = {}  # locals that may hold heap pointers: the text of the address
        self.annotations: dict[str, str] = {}  # of the locals whose component is known
        self.body: list[Flow] = []
        self.block = self.body  # where the next node goes
        self.rounds: list[tuple[list[Flow], int]] = [(self.body, 0)]  # of the function and its loops: where one begins
        self.rooted: list[str] = []  # memory in the frame with pointers in it, of the rounds under way
        self.lent: list[Lent] = []  # what calls under way are given for their variadic parameters
        self.spare: tuple[Lent, ...] = ()  # what calls behind them have returned, which was made on every way to here
        self.lent_bytes = 0  # in all of the frame
        self.locals: dict[Var, Value | Place] = {}
        self.ready: dict[Expr, Value] = {}  # operands that were evaluated ahead of what they are operands of
        self.settled: set[Node] = set()  # parts of expressions with nothing in them that waits for its turn
        self.known: dict[Var, str] = {}  # function values that nobody assigns to, and the functions that they lead to
        self.uses_globals = False
        self.unused: Expr | None = None  # the call that is a statement of its own
        self.pos = 0  # of the innermost statement or expression under way
        self.is_shown = False  # by traces of panics
        self.given_position = ""  # of a helper: the name of the parameter that says where it is called

    # ---- what the layers above provide

    def value(self, expr: Expr) -> Value:
        """The components of an expression's value."""
        raise NotImplementedError

    def evaluate(self, expr: Expr) -> None:
        """Do what an expression does and may fail at; nobody needs its value."""
        for part in self.value(expr):
            if "(" in part:
                self.temporary(part)

    # ---- nodes

    def add(self, node: Flow) -> None:
        """Append a node."""
        if self.is_shown and not isinstance(node, Break | Continue):
            text = node.condition if isinstance(node, If | Loop) else node.text
            if isinstance(node, Allocate) or CALL.search(text):
                node.place = self.program.position(self.info, self.pos)
        self.block.append(node)

    def step(self, text: str, *targets: str) -> None:
        """Append a line that cannot collect."""
        self.add(Step(text, targets))

    def inside(self, block: list[Flow]) -> _Inside:
        """`with self.inside(block)`: nodes go to `block`."""
        return _Inside(self, block)

    def position(self, node: Node) -> str:
        """The text of the position of `node`."""
        return str(self.program.position(self.info, node.pos))

    def position_text(self) -> str:
        """The text of the position of what is under way."""
        return self.given_position or str(self.program.position(self.info, self.pos))

    def site(self) -> int:
        """What the memory profile calls the place under way; 0 if the program is not compiled for it."""
        return 1 + self.program.position(self.info, self.pos) if self.program.build.is_profiled else 0

    def escapes(self, pos: int, text: str) -> None:
        """Note what goes to the heap, for `--emit escapes`: of the program's own functions."""
        if self.info.source is None and pos >= 0:
            self.program.escapes.add((pos, text))

    def tell_place(self, pos: int, what: str, stays: bool, more: str = "") -> None:
        """Note whether the memory of something is in the frame."""
        self.escapes(pos, f"{what} {'does not escape' if stays else 'escapes to heap'}{more}")

    def moves(self, var: Var) -> None:
        """Note a variable that lives on the heap, and why."""
        line_column = self.program.source.line_column
        if var.address_taken:
            why = "its address is taken at {}:{}".format(*line_column(max(var.taken_at, 0)))
        elif var.is_shared:
            why = "a function literal shares it, at {}:{}".format(*line_column(max(var.captured_at, 0)))
        else:
            why = "arrays and structs of many fields live there"
        self.escapes(var.pos, f"moved to heap: {var.name or '_'} ({why})")

    def allocates(self, what: int, t: Type) -> None:
        """Note what the allocation under way makes, for who looks at the heap."""
        if self.program.build.is_profiled:
            self.program.allocations.setdefault(self.site(), set()).add((what, t))

    # ---- temporaries

    def declare(self, wish: str, component: Component) -> str:
        """A fresh local that can hold `component`."""
        return self.noted(self.names.fresh(wish), component)

    def declare_temporary(self, component: Component) -> str:
        """A temporary that can hold `component`, to be written later."""
        return self.noted(self.names.temporary(), component)

    def noted(self, name: str, component: Component) -> str:
        """A new local that holds `component`."""
        self.annotations[name] = component.annotation
        if component.address:
            self.pointers[name] = component.address.format(name)
        return name

    def temporary(self, text: str, address: str = "") -> str:
        """A temporary with the value of `text`; `address` as in Component."""
        name = self.names.temporary()
        if address:
            self.pointers[name] = address.format(name)
        assert not text.startswith("not "), "R1: the text of a component would bind weaker than its surroundings"
        self.step(f"{name} = {text}", name)  # R2
        return name

    def bind(self, t: Type, parts: Value) -> Value:
        """`parts` with every one that is no atom in a temporary."""
        components = self.types.components(t)
        return tuple(
            part if ATOM.fullmatch(part) else self.temporary(part, component.address)
            for part, component in zip(parts, components, strict=True)
        )

    def snapshot(self, t: Type, parts: Value) -> Value:
        """`parts` as they are now, whatever is assigned to variables later."""
        components = self.types.components(t)
        return tuple(
            self.temporary(typed(part, component), component.address)
            for part, component in zip(parts, components, strict=True)
        )

    def shallow(self, t: Type, parts: Value) -> Value:
        """`parts`, in temporaries when their texts nest so many parentheses that CPython would soon refuse them."""
        return self.bind(t, parts) if any(part.count("(") > MOST_PARENTHESES for part in parts) else parts

    def anchored(self, pointer: str, address: str = "address({})") -> str:
        """`pointer`, bound to a temporary unless it is a name or a path of names."""
        return pointer if PATH.fullmatch(pointer) else self.temporary(pointer, address)

    def call_runtime(self, text: str, results: tuple[Component, ...]) -> Value:
        """A call of the runtime that may collect; its results in temporaries."""
        return self.call(text, results, "")

    def call(
        self, text: str, results: tuple[Component, ...], callee: str, others: tuple[str, ...] = ()
    ) -> Value:
        """A call that may collect, of the Toy function `callee` or of the runtime, which may call `others`."""
        targets = tuple(self.declare_temporary(component) for component in results)
        prefix = f"{', '.join(targets)} = " if targets else ""
        self.add(Call(prefix + text, targets, callee, self.site(), others, tuple(self.rooted)))
        return targets

    def if_(self, condition: str) -> If:
        """Append an If and return it."""
        node = If(condition)
        self.add(node)
        return node


class _Inside:
    """Redirects a frame's nodes while a `with` lasts."""

    def __init__(self, frame: Frame, block: list[Flow]) -> None:
        self.frame = frame
        self.block = block
        self.before = frame.block
        self.spare = frame.spare

    def __enter__(self) -> list[Flow]:
        self.before, self.frame.block = self.frame.block, self.block
        self.spare = self.frame.spare
        return self.block

    def __exit__(self, *_: object) -> None:
        self.frame.block, self.frame.spare = self.before, self.spare


def strip(expr: Expr) -> Expr:
    """An expression without the parentheses around it."""
    while isinstance(expr, Paren):
        expr = expr.inner
    return expr


def typed(text: str, component: Component) -> str:
    """`text` such that a local it is assigned to takes the component's type: a bare literal does not tell it."""
    kind = component.annotation
    is_literal = text[0].isdigit() or text[0] == "-"
    return f"{kind}({text})" if is_literal and kind not in ("i64", "f64") else text
