"""The checker's state: where it is, what it has found, how it speaks.

The checker is one class, built up by inheritance in reading order; each module adds the rules of one construct:

    check_base -> check_conversions -> check_operators -> check_types -> check_generics -> check_selectors ->
    check_literals -> check_builtins -> check_finalizers -> check_calls -> check_expressions -> check_assignments ->
    check_loops -> check_switches -> check_statements -> check_declarations

What a module needs from a later one is declared at the end of this one.

An expression is checked once; its mode says so. An expression of mode INVALID was reported, and nothing is reported
about it again; what type it then has matters to lists of arguments only. An expression of another mode may have the
type INVALID: the type was reported, or what it is made of.

Go: cmd/compile/internal/types2.                                Next: check_conversions.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lang import codes
from lang import syntax as s
from lang.constants import spelled_value
from lang.diagnostics import Code, Diagnostics
from lang.go_types import INVALID, Array, Basic, Named, Signature, Struct, Tuple, Type, composite_kind, is_untyped
from lang.objects import FunctionInfo, Object, PackageName, Var
from lang.scopes import Scope, universe
from lang.source import Source
from lang.spelling import spelled

MODE_WORDS = {
    s.Mode.INVALID: "invalid operand",
    s.Mode.NO_VALUE: "no value",
    s.Mode.BUILTIN: "built-in",
    s.Mode.TYPE: "type",
    s.Mode.CONSTANT: "constant",
    s.Mode.VARIABLE: "variable",
    s.Mode.MAP_INDEX: "map index expression",
    s.Mode.VALUE: "value",
    s.Mode.NIL: "nil",
    s.Mode.COMMA_OK: "comma, ok expression",
}

# Constructs that Go has and Toy does not compile yet. They are checked like the rest, and then refused by name.
TOLD_TYPES = ("errors.As", "runtime.SetFinalizer", "runtime.AddCleanup")  # what they do, their arguments' types say
NOT_YET = frozenset(
    [
        *(f"several values as arguments of {name}" for name in TOLD_TYPES),
        "channels", "goroutines", "select", "complex numbers", "range over functions",
        "type constraints", "several values as arguments of a built-in function", "promoted fields in struct literals",
        "values as arguments of new", "arrays of so many elements without bytes",
    ]
)  # fmt: skip


NOT_YET_TYPES = {  # predeclared in Go
    "complex64": "complex numbers",
    "complex128": "complex numbers",
    "comparable": "type constraints",
}


@dataclass(slots=True)
class Environment:
    """Where in the program the checker is."""

    scope: Scope
    function: FunctionInfo | None = None                        # None outside functions
    iota: int | None = None                                     # in a constant declaration
    errors_at: int | None = None                                # report here: an inherited constant expression
    owner: Object | None = None                                 # the package-level object being declared
    type_nesting: int = 0                                       # types around the one being resolved
    wants_names: bool = False                                   # of types, not what they are: in an alias, in a method


@dataclass(slots=True)
class Delayed:
    """Work to be done when its surroundings are complete, and where."""

    environment: Environment
    action: Callable[[], None]


@dataclass(slots=True)
class Findings:
    """What the checker collects for the whole package."""

    uses: dict[Object, list[Object]] = field(default_factory=dict)  # package-level objects that one refers to
    imports: list[PackageName] = field(default_factory=list)
    local_types: list[Named] = field(default_factory=list)      # that functions declare


class CheckerBase:
    """State, messages, scopes."""

    def __init__(self, diagnostics: Diagnostics, path: str = "") -> None:
        self.diagnostics = diagnostics
        self.path = path                                        # of the package; "" for a program
        self.package = path.rsplit("/", 1)[-1]                  # its name; "" for a program
        self.package_scope = Scope(universe())
        self.file_scope = Scope(self.package_scope)
        self.at = Environment(self.file_scope)
        self.delayed: list[Delayed] = []
        self.findings = Findings()
        self.shift_operands: set[s.Expr] = set()                # untyped constants shifted by a variable count
        self.has_call = False                                   # a call or receive was seen (for len of an array)
        self.has_label = False                                  # the function has labels to check
        self.panics: set[s.Call] = set()                        # calls of the predeclared panic
        self.unprintable: list[tuple[s.Call, Type]] = []        # calls of print, and what they cannot print
        self.compound: list[tuple[s.Expr, Array | Struct]] = []  # types that must not be too large
        self.without_body: list[s.FuncDecl] = []                # functions that are only declared
        self.recovers = False                                   # some function calls recover
        self.literals = 0                                       # function literals outside functions
        self.inits = 0                                          # functions named init
        self.refused: set[str] = set()                          # constructs refused already

    # ------------------------------------------------------------ messages

    def error(self, code: Code, at: s.Node | int, message: str, *details: str) -> None:
        """Report an error at a node's first character or at an offset; the details stand on lines of their own."""
        if self.diagnostics and (message.find("invalid operand") > 0 or message.find("invalid type") > 0):
            return
        pos = at if isinstance(at, int) else at.pos
        whole = "\n\t".join([message, *details])
        self.diagnostics.report(code, pos if self.at.errors_at is None else self.at.errors_at, whole)

    def library_source(self) -> Source | None:
        """The source of a package; None for a program's own."""
        return self.diagnostics.source if self.path else None

    def refuse(self, at: s.Node, construct: str) -> None:
        """Say that Toy lacks a construct, once."""
        if construct in NOT_YET and construct not in self.refused:
            self.refused.add(construct)
            self.error(codes.NOT_YET, at, f"Toy does not have {construct} yet")

    def undefined(self, x: s.Name) -> None:
        """Say that a name is not declared, or that Toy lacks the type that it has in Go."""
        if x.name in NOT_YET_TYPES:
            self.refuse(x, NOT_YET_TYPES[x.name])
        else:
            self.error(codes.UNDEFINED, x, f"undefined: {x.name}")

    def place(self, pos: int) -> str:
        """A position as messages mention it."""
        line, column = self.diagnostics.source.line_column(pos)
        return f"{self.diagnostics.source.name}:{line}:{column}"

    def other_declaration(self, object_: Object) -> str:
        """The second line of a message about a name declared twice."""
        if object_.pos < 0:
            return ""
        return f"\n\t{self.place(object_.pos)}: other declaration of {object_.name}"

    def described(self, x: s.Expr) -> str:
        """An operand with what it is: `x (variable of type int)`."""
        text = spelled(x)
        if x.mode is s.Mode.NIL:
            return "nil" if is_untyped(x.type) else f"nil (of type {x.type})"
        words = ""
        has_type = x.mode not in (s.Mode.INVALID, s.Mode.NO_VALUE, s.Mode.BUILTIN, s.Mode.TYPE)
        if has_type and is_untyped(x.type):
            words, has_type = f"{x.type} ", False
        words += MODE_WORDS[x.mode]
        value = "unknown" if x.value is None else spelled_value(x.value)
        if x.mode is s.Mode.CONSTANT and value != text:
            words += f" {value}"
        if has_type:
            words += described_type(x.type)
        return f"{text} ({words})"

    # ------------------------------------------------------------ scopes

    def open_scope(self) -> None:
        """Enter a block."""
        self.at.scope = Scope(self.at.scope)

    def close_scope(self) -> None:
        """Leave a block."""
        assert self.at.scope.parent is not None
        self.at.scope = self.at.scope.parent

    def declare(self, scope: Scope, name: s.Name, object_: Object) -> None:
        """Enter an object under its name; a second one of that name is an error."""
        name.object = object_
        if object_.name == "_":
            name.object = None
            return
        other = scope.names.get(object_.name)
        if other is not None:
            message = f"{object_.name} redeclared in this block{self.other_declaration(other)}"
            self.error(codes.REDECLARED, object_.pos, message)
            if isinstance(object_, Var):
                object_.used = True
            return
        scope.names[object_.name] = object_

    def new_local(self, name: s.Name, type_: Type = INVALID) -> Var:
        """A variable of the current function; blank ones have no place in its frame."""
        function = self.at.function
        var = Var(name.name, name.pos, type_, function=function)
        if function is not None and name.name != "_":
            function.locals.append(var)
        return var

    def later(self, action: Callable[[], None]) -> None:
        """Do something when the current statement (or all package-level declarations) is checked."""
        at = self.at
        kept = Environment(at.scope, at.function, at.iota, at.errors_at, at.owner)
        self.delayed.append(Delayed(kept, action))

    def run_delayed(self, since: int) -> None:
        """Do what was put off, from an index of `delayed` on."""
        i = since
        while i < len(self.delayed):
            task = self.delayed[i]
            outer, self.at = self.at, task.environment
            task.action()
            self.at = outer
            i += 1
        del self.delayed[since:]

    # ------------------------------------------------------------ operands

    def invalidate(self, x: s.Expr, shown: Type = INVALID) -> None:
        """Mark an expression as wrong. A call with too many or too few arguments still shows a type for it."""
        x.mode = s.Mode.INVALID
        x.type = shown
        x.value = None

    def stand_in(self, pos: int, text: str, type_: Type) -> s.Expr:
        """An operand that is no expression of the source: one value of several."""
        x = s.Name(pos, text)
        x.mode, x.type = s.Mode.VALUE, type_
        return x

    # ------------------------------------------------------------ what later modules define

    def expr(self, x: s.Expr, hint: Type | None = None) -> None:
        """Check an expression that must have exactly one value."""
        raise NotImplementedError

    def values_of(self, x: s.Expr, name: str = "") -> list[s.Expr]:
        """Check an expression that may give several values; an operand for each, under a name of its own or this."""
        raise NotImplementedError

    def expr_or_type(self, x: s.Expr) -> None:
        """Check an expression that has one value or denotes a type."""
        raise NotImplementedError

    def raw_expr(self, x: s.Expr, hint: Type | None = None) -> None:
        """Check an expression of any kind."""
        raise NotImplementedError

    def use(self, *xs: s.Expr | None) -> bool:
        """Check expressions whose values do not matter after an error; whether they are right."""
        raise NotImplementedError

    def resolve(self, object_: Object) -> None:
        """Make sure that a package-level object's declaration was checked."""
        raise NotImplementedError

    def report_length_cycle(self, x: s.Expr) -> None:
        """Say that a type needs itself for the length of an array."""
        raise NotImplementedError

    def is_complete(self, type_: Type) -> bool:
        """Whether it is known what a type is; an error if it is not, for then the type needs itself."""
        raise NotImplementedError

    def exclude(self, x: s.Expr, *modes: s.Mode) -> None:
        """An error if an operand is not a value."""
        raise NotImplementedError

    def function_body(self, info: FunctionInfo, body: s.Block, scope: Scope, iota: int | None = None) -> None:
        """Check the body of a function whose parameters are in scope; a literal may stand where iota has a value."""
        raise NotImplementedError


def described_type(type_: Type) -> str:
    """` of type T`, or ` of struct type T` where the name does not tell the shape."""
    if type_ == INVALID:
        return " with invalid type"
    what = "interface" if str(type_) == "any" else ""
    if isinstance(type_, Named):
        under = type_.underlying
        what = composite_kind(type_) or (under.name if isinstance(under, Basic) else "")
    return f" of {what + ' ' if what else ''}type {type_}"


def unparen(x: s.Expr) -> s.Expr:
    """The expression inside any parentheses."""
    while isinstance(x, s.Paren):
        x = x.inner
    return x


def is_valid(x: s.Expr) -> bool:
    """Whether no error was reported about an operand."""
    return x.mode is not s.Mode.INVALID


def types_summary(types: list[Type], variadic: bool = False, spread: bool = False) -> str:
    """`(int, number, ...string)`: what a call or return has or wants."""
    words = []
    for type_ in types:
        if type_ == INVALID:
            words.append("unknown type")
        elif isinstance(type_, Basic) and type_.is_untyped:
            words.append("number" if type_.is_numeric else type_.name.removeprefix("untyped "))
        else:
            words.append(str(type_))
    if words and variadic:
        words[-1] = "..." + words[-1].removeprefix("[]")
    elif words and spread:
        words[-1] += "..."
    return "(" + ", ".join(words) + ")"


def result_types(type_: Type) -> list[Type]:
    """The types of the values that an expression gives."""
    return list(type_.elems) if isinstance(type_, Tuple) else [type_]


def signature_of(type_: Type) -> Signature | None:
    """The signature of a function type."""
    under = type_.underlying
    return under if isinstance(under, Signature) else None
