"""Programs: a checked package as the text of one module of systems Python.

    imports     the vocabulary, and what programs call of the runtime and of lang.std
    constants   strings, tables, type descriptors; the classes of the program's types
    Package     a struct of the package-level variables, at g.globals
    functions   one def each
    start(...)  initialises the variables, then runs init functions and main

Owner: nobody; a program is lowered once.        Next: driver.py
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from lang import syntax
from lang.build import PLAIN, Build
from lang.flow import If, Loop, Return
from lang.go_types import INT, STRING, Array, Field, Pointer, Signature, Slice, Struct, Type
from lang.layout import field_offsets, pointer_mask, size_of
from lang.lookup import selected_method
from lang.lower_defers import TEXT_METHODS
from lang.lower_frame import Position
from lang.lower_function import Function
from lang.lower_imports import COMMON_MODULE, IMPORTS, imported_names
from lang.lower_library import ERROR_PACKAGES, Common, CommonFunction, Library
from lang.lower_names import safe_name
from lang.lower_operators import has_interface
from lang.lower_types import field_name
from lang.objects import FunctionInfo
from lang.source import Source
from lang.type_notes import TypeNotes, Variable


@dataclass(frozen=True, slots=True)
class LoweredProgram:
    """A program as systems Python."""

    text: str  # of the module; its function start(g, arguments, count) runs the program
    positions: list[Position]  # what the last word of a panic counts
    globals_size: int  # bytes of the package-level variables
    globals_mask: int  # a bit per word of them that holds a pointer
    escapes: list[tuple[int, str]]  # what goes to the heap, and why, by position
    objects: dict[str, Any]  # of a profiled program: its types, for who looks at the heap (type_notes.py)
    common: list[CommonFunction]  # what it imports of the library's module (lower_common.py)


def lower_package(
    package: syntax.Package,
    source: Source,
    build: Build = PLAIN,
    shown_from: int | None = None,
    common: Common | None = None,
) -> LoweredProgram:
    """The module for a checked program. Raises NotYet for what Toy lacks.

    shown_from: the index of the initializer from which on output is shown, when the host has hidden it (replay.py).
    common: functions of the library whose code is in the image that the program will run on. They are no special build;
    nor are they for a program that may have finalizers: those run behind its allocations, wherever these are.
    """
    if build != PLAIN or "runtime" in package.imported:
        common = None
    return ProgramLowering(package, source, build, shown_from, common).lower()


class ProgramLowering(Library):
    """One program."""

    def __init__(
        self,
        package: syntax.Package,
        source: Source,
        build: Build,
        shown_from: int | None,
        common: Common | None,
    ) -> None:
        has_texts = any(speaks(t.type) for t in package.types)
        sees_errors = package.recovers or has_texts  # %!v(PANIC=String method: ...) has the value of a run-time error
        imported = [*package.imported, *(ERROR_PACKAGES if sees_errors else [])]
        super().__init__(source, build, imported, common)
        self.package = package
        self.shown_from = shown_from
        self.recovers = self.recovers or package.recovers
        self.sees_errors = self.recovers or sees_errors
        self._declarations.update({declaration.object: declaration for declaration in package.functions})
        for name in imported_names():
            self.names.taken.add(name)
        self.start_name = self.names.fresh("start")
        if self.packages or has_texts:
            self.text_of = self.names.fresh("text_of")
            self.whole_name = self.names.fresh("run_whole")
            self.static_closure(self.whole_name)

    def lower(self) -> LoweredProgram:
        """The whole program."""
        self.name_everything()
        initialize = self.initializer(self.package.initializers, "initialize", self.package.info, self.shown_from)
        for declaration in self.package.functions:
            function = self.function(declaration)
            function.lower(declaration)
            self.lowered.append(function)
        errors = self.error_lines() if self.sees_errors else []
        self.lower_library()
        self.lower_dispatches()
        struct = self.globals_struct()
        # These may define further types, so they come before the definitions are taken.
        calls = self.first_calls(initialize)
        lines, start = self.package_class(struct), self.start(calls, errors)
        questions = self.question_lines()
        text = "\n".join(
            [
                f'"""{self.source.name}, as systems Python. The numbers behind lines are explained at the end."""',
                IMPORTS,
                *self.import_lines(),
                *self.types.definitions,
                *lines,
                *questions,
                *self.texts(self.running_once(calls)),
                *start,
                *(f"# {number}: {place.function}, line {place.line}" for number, place in enumerate(self.positions)),
            ]
        )
        objects, escapes = self.objects(struct), sorted(self.escapes)
        common = [*self.imported_common.values()]
        return LoweredProgram(text, self.positions, size_of(struct), pointer_mask(struct), escapes, objects, common)

    def name_everything(self) -> None:
        """Names for all functions and package-level variables, before any body is lowered."""
        self.names.fresh("Package")
        for declaration in self.package.functions:
            assert declaration.object is not None, "the checker declares every function"
            receiver = declaration.object.receiver
            wish = f"{receiver.name}_{declaration.name.name}" if receiver is not None else declaration.name.name
            self.functions[declaration.object] = self.names.fresh(safe_name(wish))
        for number, var in enumerate(self.package.globals):
            self.globals[var] = f"v{number}_{safe_name(var.name)}"

    def function(self, declaration: syntax.FuncDecl) -> Function:
        """A function about to be lowered."""
        assert declaration.object is not None, "the checker declares every function"
        return Function(self, declaration.info, self.functions[declaration.object])

    # ---- package-level variables

    def globals_struct(self) -> Struct:
        """The package-level variables as the fields of one struct."""
        fields = [Field(self.globals[var], var.type) for var in (*self.package.globals, *self.used_globals)]
        fields += self.static_fields()
        if self.uses_arguments:
            fields.append(Field("os_Args", Slice(STRING)))
        return Struct(tuple(fields))

    def package_class(self, struct: Struct) -> list[str]:
        """The struct's class."""
        fields = [f"    {f.name}: {self.types.memory(f.type)}" for f in struct.fields]
        return ["@struct", "class Package(Struct):", '    """The package-level variables."""', *fields, ""]

    def objects(self, struct: Struct) -> dict[str, Any]:
        """What is known of the program's objects, if it is profiled."""
        if not self.build.is_profiled:
            return {}
        names = [var.name for var in (*self.package.globals, *self.used_globals)]
        names += ["func"] * len(self.static_closures) + ["os.Args"]
        fields = zip(names, struct.fields, field_offsets(struct), strict=False)
        return TypeNotes().notes(self.allocations, [Variable(name, at, f.type) for name, f, at in fields])

    def first_calls(self, initialize: str) -> list[str]:
        """The functions that run the program, one after the other."""
        inits = [self.functions[d.object] for d in self.package.init_functions if d.object is not None]
        main = next(
            self.functions[d.object] for d in self.package.functions if d is self.package.main and d.object is not None
        )
        return [*self.library_initializers(), initialize, *inits, main]

    def start(self, calls: list[str], errors: list[str]) -> list[str]:
        """The function that makes those calls."""
        prepared = [*self.static_lines(), *errors]
        if self.uses_arguments:
            prepared += [
                f"    data = os_args(g, arguments, count, {self.types.descriptor(STRING)})",
                "    package.os_Args.data = array_at(Inline[String], data)",
                "    package.os_Args.length = count",
                "    package.os_Args.capacity = count",
            ]
        whole: list[str] = []
        if self.text_of:
            whole = [
                f"def {self.whole_name}(g: G, sp: uintptr, closure: Closure) -> None:",
                *(f"    {name}(g, sp)" for name in calls),
                "",
            ]
            closure = f"package.{self.static_closure(self.whole_name)}"
            lines = [
                f"    g.unwinding.text_of = function_address({self.text_of})",
                f"    run_program(g, Closure.at(address({closure})))",
            ]
        else:
            lines = [f"    {name}(g, g.shadow_base)" for name in calls]
        return [
            *whole,
            f"def {self.start_name}(g: G, arguments: Array[u8], count: i64) -> None:",
            *(["    package = Package.at(g.globals)"] if prepared or self.text_of else []),
            *prepared,
            *lines,
            "",
        ]

    # ---- comparison of what lives in memory

    def equality(self, t: Type) -> str:
        """The name of the function that compares two values of t in memory."""
        found = self._helpers.get(("equal", t))
        if found is None:
            found = self._helpers["equal", t] = self.names.fresh(f"equal_{self.types.struct_class(t)}")
            self.equality_lines(found, t)
        return found

    def equality_lines(self, name: str, t: Type) -> None:
        """def equal_T(a, b): element by element, or field by field; with g and a position where that may panic."""
        function = Function(self, FunctionInfo("==", Signature((), ())), name)
        may_panic = has_interface(t)
        function.given_position = "pos" if may_panic else ""
        one, other = function.pointed("a", t), function.pointed("b", t)
        under = t.underlying
        if isinstance(under, Array):
            counter = function.counter(INT)
            loop = Loop(f"{counter} < {under.length}")
            function.add(loop)
            with function.inside(loop.body):
                pair = [function.element_place(f"{place.text}.items", counter, under.elem) for place in (one, other)]
                equal = function.compared("==", under.elem, function.load(pair[0]), function.load(pair[1]))
                function.add(If(f"not {equal}", [Return("False")]))
                function.step(f"{counter} = {counter} + 1", counter)
        elif isinstance(under, Struct):
            for number, f in enumerate(under.fields):
                if f.name == "_":
                    continue
                pair = [
                    function.member_place(place.text, field_name(f.name, number), f.type, "0") for place in (one, other)
                ]
                equal = function.compared("==", f.type, function.load(pair[0]), function.load(pair[1]))
                function.add(If(f"not {equal}", [Return("False")]))
        function.add(Return("True"))
        view = self.types.struct_class(t)
        lines = function.lines(set(), recurses=False)
        parameters = f"g: G, a: {view}, b: {view}, pos: i64" if may_panic else f"a: {view}, b: {view}"
        self.helper_lines += [f"def {name}({parameters}) -> bool:", *lines[1:]]

    # ---- text

    def import_lines(self) -> list[str]:
        """The imports of common functions."""
        names = [f"{f.name} as {name}" for name, f in self.imported_common.items()]
        return [f"from {COMMON_MODULE} import {', '.join(names)}"] if names else []

    def texts(self, once: set[str]) -> list[str]:
        """The lines of all functions, some of which run once."""
        collecting = self.collecting()
        recursive = self.recursive()
        bodies = [
            line
            for function in self.lowered
            for line in function.lines(collecting, function.name in recursive, function.name in once)
        ]
        return [*self.helper_lines, *self.shape_lines(), *bodies]

    def running_once(self, first: list[str]) -> set[str]:
        """The functions that run at most once: called in one place, outside loops, by `first` or by others of these."""
        lowered = {function.name: function for function in self.lowered}
        places = Counter([*first, *self.static_closures])
        for group in self.addressed.values():
            places.update(group)
        for function in self.lowered:
            places.update(function.places_of_calls())
        found: set[str] = set()
        waiting = first
        while waiting:
            once = [name for name in waiting if name in lowered and places[name] == 1]
            found.update(once)
            waiting = [callee for name in once for callee in lowered[name].calls_outside_loops()]
        return found

    def collecting(self) -> set[str]:
        """The functions that may collect, themselves or through others."""
        found = {function.name for function in self.lowered if function.collects_itself()}
        found |= {name for name, function in self.imported_common.items() if function.collects}
        calls = self.calls()
        grown = True
        while grown:
            more = {name for name, callees in calls.items() if name not in found and callees & found}
            found |= more
            grown = bool(more)
        return found

    def recursive(self) -> set[str]:
        """The functions in cycles of calls, or on a way from one cycle to another."""
        calls = self.calls()
        left = set(calls)
        while True:
            called = {callee for name in left for callee in calls[name]}
            kept = {name for name in left if calls[name] & left and name in called}
            if kept == left:
                return left
            left = kept


def stubs(functions: list[CommonFunction]) -> str:
    """A module with which programs are translated on top of the library's image: heads without bodies."""
    body = '    throw("a common function has its code in an image")'
    lines = [line for function in functions for line in (function.head, body, "")]
    return "\n".join([f'"""{COMMON_MODULE}, for a program."""', IMPORTS, *lines])


def speaks(t: Type) -> bool:
    """Whether values of a type, or pointers to them, may say themselves what is printed of them."""
    return any(selected_method(of, name) is not None for of in (t, Pointer(t)) for name in TEXT_METHODS.values())
