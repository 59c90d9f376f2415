"""The library: of packages that are written in Toy, what a program uses is lowered with it, and nothing else.

    program --calls--> strings.Index --calls--> ...            each on demand, when its name is asked for
    program --reads--> strconv.ErrRange                        its initialiser, before those of the program
    program --calls--> strconv.ParseFloat                      common to all programs: its code is in an image already

Packages are initialised in the order of their imports, each one's variables in the order that Go gives them.

Owner: one program's lowering.        Next: lower_program.py
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lang import syntax
from lang.build import Build
from lang.check_package import library
from lang.escapes import Escapes
from lang.go_types import Pointer, Signature, Type
from lang.lower_frame import Position
from lang.lower_function import Function
from lang.lower_names import function_name, safe_name
from lang.lower_thunks import Thunks
from lang.objects import Func, FunctionInfo, Var, VarKind
from lang.source import Source

MOST_COPIES = 100  # of functions, for their arguments
ERROR_PACKAGES = ("runtime", "internal/runtime/maps")  # what a program that sees run-time errors has of them
ERROR_TYPES = ("boundsError", "errorString", "plainError", "unhashableTypeError")
ERROR_POINTERS = ("TypeAssertionError", "PanicNilError")


class CommonFunction(NamedTuple):
    """A common function, as programs see it."""

    name: str  # in its module
    head: str  # its `def` line
    collects: bool  # whether it may start a collection


class Common(NamedTuple):
    """The functions that are offered to programs, and what traces have of them all."""

    functions: dict[str, CommonFunction]  # by key_of
    positions: list[Position]  # those of programs are counted from their end

    @classmethod
    def of_notes(cls, notes: dict[str, Any]) -> Common:
        """What `notes` made, read back."""
        functions = {key: CommonFunction(*parts) for key, parts in notes["functions"].items()}
        return cls(functions, [Position(*parts) for parts in notes["positions"]])

    def notes(self) -> dict[str, Any]:
        """The same in a form that the cache can keep."""
        functions = {key: list(function) for key, function in self.functions.items()}
        return {"functions": functions, "positions": [list(position) for position in self.positions]}


class Library(Thunks):
    """Functions and variables of packages that are written in Toy."""

    def __init__(self, source: Source, build: Build, imported: list[str], common: Common | None) -> None:
        super().__init__(source, build)
        self.common = common  # functions that are there already, whose code is in an image
        self.imported_common: dict[str, CommonFunction] = {}  # those in use, by the name that they have here
        self.positions += common.positions if common is not None else []
        self.packages = in_import_order(imported)
        self.recovers = any(package.recovers for package in self.packages)
        self._declarations = {d.object: d for package in self.packages for d in package.functions}
        self._escapes = Escapes(self._declarations.get)
        self._waiting: list[syntax.FuncDecl] = []
        self.used_globals: list[Var] = []  # of packages, in the order they were met
        self._copies: dict[tuple[Func, tuple[tuple[int, str], ...]], str] = {}  # functions with known arguments
        self._copying: list[Func] = []  # whose copies are being lowered, each for the sake of the one before
        self._initialized: dict[int, str] = {}  # by number of the initialiser in all packages: its function

    def function_name(self, function: Func) -> str:
        """The name of a function that is called; one of the library is lowered from now on."""
        found = self.functions.get(function)
        if found is None:
            receiver = f"{function.receiver.name}_" if function.receiver is not None else ""
            package = function.package.rpartition("/")[2]
            found = self.functions[function] = self.names.fresh(safe_name(f"{package}_{receiver}{function.name}"))
            common = self.common.functions.get(key_of(function)) if self.common is not None else None
            if common is not None:
                self.imported_common[found] = common
            else:
                self._waiting.append(self._declarations[function])
        return found

    def specialized(self, function: Func, known: dict[int, str]) -> str:
        """The name of a function, or of a copy in which some parameters, by number, lead to known functions.

        LLVM then sees what is called, and inlines it: a loop over a literal becomes a loop. A copy makes no further
        copies of its function: one that passes a literal on to itself would have another literal in each.
        """
        declaration = self._declarations.get(function)
        if declaration is None or declaration.body is None:
            return self.function_name(function)
        declaration.finished()
        params = declaration.info.params
        fixed = {number: name for number, name in known.items() if is_fixed_function(params, number)}
        key = (function, tuple(sorted(fixed.items())))
        is_refused = function in self._copying or len(self._copies) >= MOST_COPIES
        if not fixed or (key not in self._copies and is_refused):
            return self.function_name(function)
        if key not in self._copies:
            self._copies[key] = self.names.fresh(f"{function_name(declaration.info.name)}_with")
            copy = Function(self, declaration.info, self._copies[key])
            copy.known.update({params[number]: name for number, name in fixed.items()})
            self._copying.append(function)
            copy.lower(declaration)
            self._copying.pop()
            self.lowered.append(copy)
        return self._copies[key]

    def analyse(self, function: Func) -> None:
        """Note which variables of a function stay in its frame."""
        self._escapes.leaks(function)

    def global_name(self, var: Var) -> str:
        """The field of the package's struct that a package-level variable is."""
        found = self.globals.get(var)
        if found is None:
            found = self.globals[var] = f"p{len(self.used_globals)}_{safe_name(var.name)}"
            self.used_globals.append(var)
        return found

    def may_recover(self, function: Func) -> bool:
        """Whether a function calls recover itself."""
        declaration = self._declarations.get(function)
        return declaration is not None and declaration.finished().info.calls_recover

    def library_function(self, path: str, name: str) -> Func:
        """A function of a package that is written in Toy, exported or not."""
        found = (d.object for d in library(path).functions if d.receiver is None and d.name.name == name)
        return next(function for function in found if function is not None)

    def error_lines(self) -> list[str]:
        """What tells the runtime of the types that it makes errors of: lang/std/defers.py."""
        types = {name.name: name.type for path in ERROR_PACKAGES for name in library(path).types}
        wanted: list[Type] = [types[name] for name in ERROR_TYPES]
        wanted += [Pointer(types[name]) for name in ERROR_POINTERS]
        names = [self.dynamic_type(t) for t in wanted]
        return [f"    g.unwinding.error_types[{number}] = address({name})" for number, name in enumerate(names)]

    def lower_library(self) -> None:
        """All that was asked for, and what that asks for."""
        while True:
            while self._waiting:
                self.lower_declared(self._waiting.pop())
            self.name_methods()
            if not self._lower_initializers() and not self._waiting:
                return

    def lower_declared(self, declaration: syntax.FuncDecl) -> None:
        """One function of the library."""
        assert declaration.object is not None, "the checker declares every function"
        function = Function(self, declaration.info, self.functions[declaration.object])
        function.lower(declaration.finished())
        self.lowered.append(function)

    def _lower_initializers(self) -> bool:
        """The initialisers of variables that are used; whether there were new ones."""
        used, before = set(self.used_globals), len(self._initialized)
        number = 0
        for package in self.packages:
            for item in package.initializers:
                number += 1
                if number not in self._initialized and used & {var for var in item.vars if var is not None}:
                    self._initialized[number] = self.initializer([item], "initialize_library", package.info)
        return len(self._initialized) > before

    def library_initializers(self) -> list[str]:
        """The functions that initialise the packages' variables, in order."""
        return [name for _, name in sorted(self._initialized.items())]

    def initializer(
        self, items: list[syntax.Initializer], wish: str, info: FunctionInfo, shown_from: int | None = None
    ) -> str:
        """The function that gives package-level variables their first values; its name.

        From item number `shown_from` on output is shown, when the host has hidden it (replay.py).
        """
        function = Function(self, info, self.names.fresh(wish))
        function.is_shown = shown_from is None  # inputs of a session have functions of their own
        for number, item in enumerate(items):
            if number == shown_from:
                function.step("show_output(g)")
            values = function.right_sides([item.value], [None if var is None else var.type for var in item.vars])
            for var, parts in zip(item.vars, values, strict=True):
                if var is not None and var.kind is VarKind.GLOBAL:
                    place = function.variable(var)
                    assert not isinstance(place, tuple), "a package-level variable lives in memory"
                    function.store(place, parts)
        self.lowered.append(function)
        return function.name


def key_of(function: Func) -> str:
    """What a function of the library is called in notes: strconv.Itoa, strings.Builder.Len."""
    receiver = f"{function.receiver.name}." if function.receiver is not None else ""
    return f"{function.package}.{receiver}{function.name}"


def is_fixed_function(params: list[Var], number: int) -> bool:
    """Whether a parameter is a function value that its function does not change."""
    if number >= len(params):
        return False
    var = params[number]
    return isinstance(var.type.underlying, Signature) and not var.assigned and not var.address_taken


def in_import_order(paths: list[str]) -> list[syntax.Package]:
    """Packages and all that they import, each behind what it imports."""
    found: dict[str, syntax.Package] = {}

    def add(path: str) -> None:
        if path not in found:
            package = library(path)
            for imported in package.imported:
                add(imported)
            found[path] = package

    for path in paths:
        add(path)
    return list(found.values())
