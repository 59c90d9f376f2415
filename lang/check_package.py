"""The checker's entry: a file's tree is checked and annotated, and what the lowering starts from comes back.

    collect     every package-level name, before any is resolved
    resolve     types, signatures, constants, variables
    bodies      of functions
    finish      unused imports, initialisation order, main

Go: types2/check.go.                                            Next: the lowering
"""

from __future__ import annotations

import sys
from functools import cache, partial

from lang import codes
from lang import syntax as s
from lang.check_declarations import Declarations, Declared
from lang.constants import string_value
from lang.diagnostics import Diagnostics
from lang.go_types import Array, Named, Signature
from lang.import_paths import import_problem
from lang.init_order import initialization_order
from lang.layout import MAX_EMPTY, MAX_SIZE, size_of
from lang.objects import Const, Func, FunctionInfo, Object, PackageName, TypeName, Var, VarKind
from lang.outlines import outline, package_source
from lang.packages import GO_PACKAGES, PARTS, is_package, library_paths, native_members
from lang.source import Source

RECURSION_LIMIT = 12_000  # Python frames; a level of nesting in the source takes about five


def check(file: s.File, diagnostics: Diagnostics, checker: type[Checker] | None = None) -> s.Package | None:
    """Check a file and annotate its tree; None when errors were reported. A checker may have rules of its own."""
    diagnostics.found += file.problems
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        package = (checker or Checker)(diagnostics).check_file(file)
    except RecursionError:
        diagnostics.report(codes.NESTING, 0, "the program is nested too deeply")
        return None
    finally:
        sys.setrecursionlimit(limit)
    return None if diagnostics else package


@cache
def library(path: str) -> s.Package:
    """A package that is written in Toy: what it declares is checked, bodies of functions when they are wanted."""
    return checked(path, outline(path), package_source(path))


def checked(path: str, tree: s.File, source: Source) -> s.Package:
    """A package of the library, with its tree and its text."""
    diagnostics = Diagnostics(source)
    package = Checker(diagnostics, path).check_file(tree)
    assert not diagnostics, diagnostics.render()
    return package


def members(path: str) -> dict[str, Object]:
    """The objects that a package of Toy's declares; none of an unknown package."""
    if path in library_paths():
        return native_members(path) | library(path).members
    return native_members(path)


class Checker(Declarations):
    """The whole checker."""

    def check_file(self, file: s.File) -> s.Package:
        """All phases, in order."""
        self.prepare()
        self.file = file
        self.methods: list[tuple[s.FuncDecl, Func]] = []
        self.functions: list[tuple[s.FuncDecl, Func]] = []
        self.initializers: list[s.Initializer] = []
        if self.path:
            self.package_scope.names.update(native_members(self.path))
        elif file.package is not None and file.package.name != "main":
            message = f"package {file.package.name}; a Toy program is package main"
            self.error(codes.PACKAGE, file.package, message)
        for import_ in file.imports:
            self._import(import_)
        for declaration in file.declarations:
            self._collect(declaration)
        self._attach_methods()
        self._check_import_conflicts()
        self._resolve_all()
        self.run_delayed(0)
        self.finish_for_initializers()
        if not any(declaration.finish for declaration, _ in (*self.methods, *self.functions)):
            self.report_unused_imports()
        self._report_init_cycles()
        self._report_missing_bodies()
        self._report_unprintable()
        self._report_too_large()
        for number, named in enumerate(sorted(self.findings.local_types, key=lambda named: named.pos), start=1):
            named.local = number
        return self._package()

    # ------------------------------------------------------------ collect

    def _import(self, x: s.ImportDecl) -> None:
        try:
            path = string_value(x.path.text).decode(errors="replace")
        except ValueError:                                      # the lexer has said what is wrong with it
            return
        is_there = is_package(path, self.package)
        name = x.name.name if x.name else path.rsplit("/", 1)[-1]
        package = PackageName(name, x.pos, path=path, members=members(path), used=not is_there)
        if not is_there:
            message = f'Toy does not have package "{path}" yet' if path in GO_PACKAGES else import_problem(path)
            self.error(codes.IMPORT, x.path, message)
            self.file_scope.names.setdefault(name, package)
            return
        if name == ".":
            self.error(codes.IMPORT, x, "Toy does not have dot imports")
        elif name == "init":
            self.error(codes.IMPORT, x, "cannot import package as init - init must be a func")
        elif name != "_":
            other = self.file_scope.names.get(name)
            if other is not None:
                message = f"{name} redeclared in this block{self.other_declaration(other)}"
                self.error(codes.REDECLARED, x, message)
            else:
                self.file_scope.names[name] = package
            self.findings.imports.append(package)

    def part_member(self, package: PackageName, name: str) -> Object | None:
        """A member of a package that is written in a file of its own, which the program imports from now on."""
        path = PARTS.get(package.path, {}).get(name)
        if path is None:
            return None
        if all(other.path != path for other in self.findings.imports):
            self.findings.imports.append(PackageName(path, package.pos, path=path, members=members(path), used=True))
        return members(path)[name]

    def _collect(self, x: s.Decl) -> None:
        match x:
            case s.ConstDecl():
                for i, name in enumerate(x.names):
                    self._enter(name, Const(name.name, name.pos), x, i)
                self.check_arity(x)
            case s.VarDecl():
                self._collect_vars(x)
            case s.TypeDecl():
                type_name = TypeName(x.name.name, x.name.pos, is_alias=x.is_alias)
                if not x.is_alias:
                    named = type_name.type = Named(x.name.name, x.name.pos, package=self.package)
                    named.find = partial(self.complete, type_name)
                self._enter(x.name, type_name, x)
            case s.FuncDecl():
                self._collect_function(x)

    def _enter(self, name: s.Name, object_: Object, declaration: s.Decl, index: int = 0) -> None:
        if name.name in ("init", "main"):
            self.error(codes.MAIN, name, f"cannot declare {name.name} - must be func")
            return
        self.declared[object_] = Declared(declaration, index)
        self.declare(self.package_scope, name, object_)

    def _collect_vars(self, x: s.VarDecl) -> None:
        variables = [Var(name.name, name.pos, kind=VarKind.GLOBAL, used=True) for name in x.names]
        x.vars = [None if var.name == "_" else var for var in variables]
        for i, (name, var) in enumerate(zip(x.names, variables, strict=True)):
            self._enter(name, var, x, i)
        if len(x.names) == len(x.values):
            for var, kept, value in zip(variables, x.vars, x.values, strict=True):
                self.initializers.append(s.Initializer([kept], value, [var]))
        elif len(x.values) == 1:
            self.initializers.append(s.Initializer(x.vars, x.values[0], [*variables]))
        elif x.values or x.type_expr is None:
            self.check_arity(x)

    def _collect_function(self, x: s.FuncDecl) -> None:
        name = x.name.name
        function = Func(name, x.name.pos, package=self.path)
        self.declared[function] = Declared(x)
        x.name.object = function
        if x.receiver is not None:
            self.methods.append((x, function))
            return
        self.functions.append((x, function))
        if name in ("init", "main") and (x.signature.params or x.signature.results):
            self.error(codes.MAIN, x.name, f"func {name} must have no arguments and no return values")
        if name != "init":
            self.declare(self.package_scope, x.name, function)
        elif x.body is None:
            self.error(codes.MISSING_BODY, x.name, "func init must have a body")

    def _attach_methods(self) -> None:
        """Give every type its methods before anything is looked up."""
        for declaration, method in self.methods:
            base, is_pointer = self.receiver_base(declaration)
            named = base.type if base is not None else None
            if not isinstance(named, Named):
                continue
            method.receiver, method.pointer_receiver = named, is_pointer
            assert declaration.receiver is not None
            method.receiver_name = declaration.receiver.name.name if declaration.receiver.name else ""
            other = named.methods.get(method.name)
            if other is not None:
                message = f"method {named.name}.{method.name} already declared at {self.place(other.pos)}"
                self.error(codes.REDECLARED, method.pos, message)
            elif method.name != "_":
                named.methods[method.name] = method

    def _check_import_conflicts(self) -> None:
        for name, package in self.file_scope.names.items():
            other = self.package_scope.names.get(name)
            if other is not None and package in self.findings.imports:
                what = f"\n\t{self.place(package.pos)}: other declaration of {name}"
                assert isinstance(package, PackageName)
                message = f"{name} already declared through import of package {package.name} (\"{package.path}\"){what}"
                self.error(codes.REDECLARED, other.pos, message)

    # ------------------------------------------------------------ resolve

    def _resolve_all(self) -> None:
        kinds: tuple[type[Object], ...] = (TypeName, Func, Const, Var)
        for kind in kinds:
            for object_ in list(self.declared):
                if isinstance(object_, kind):
                    self.resolve(object_)
        for declaration, method in self.methods:
            self.check_receiver(declaration)
            self.start_function(declaration, method)
        for declaration, function in self.functions:
            self.start_function(declaration, function)
        for object_ in self.declared:
            if isinstance(object_, TypeName) and isinstance(object_.type, Named):
                self.check_members(object_.type)

    # ------------------------------------------------------------ finish

    def finish_for_initializers(self) -> None:
        """Check the functions that package-level variables get their values from: they say what needs what."""
        unread = {function: x for x, function in (*self.methods, *self.functions) if x.finish is not None}
        waiting: list[Object] = [owner for initializer in self.initializers for owner in initializer.owners]
        seen: set[Object] = set()
        while waiting and unread:
            object_ = waiting.pop()
            if object_ in seen:
                continue
            seen.add(object_)
            if isinstance(object_, Func) and object_ in unread:
                unread.pop(object_).finished()
            waiting += self.findings.uses.get(object_, [])

    def report_unused_imports(self) -> None:
        """What is imported must be used."""
        for package in self.findings.imports:
            if not package.used:
                last = package.path.rsplit("/", 1)[-1]
                renamed = f" as {package.name}" if package.name != last else ""
                message = f'"{package.path}" imported{renamed} and not used'
                self.error(codes.UNUSED_IMPORT, package.pos, message)

    def _report_init_cycles(self) -> None:
        """A variable must not need itself for its own first value."""
        self.order = initialization_order(self.initializers, self.findings.uses)
        for cycle in self.order.cycles:
            self.report_members(cycle, "initialization cycle", " for")

    def _report_missing_bodies(self) -> None:
        """Go's compiler looks for bodies when all else is right."""
        for declaration in [] if self.diagnostics else self.without_body:
            self.error(codes.MISSING_BODY, declaration, "missing function body")

    def _report_unprintable(self) -> None:
        """Go's compiler finds this out when all else is right."""
        for call, type_ in [] if self.diagnostics else self.unprintable:
            message = f"illegal types for operand: {call.builtin}\n\t{type_}"
            self.error(codes.BUILTIN_ARGUMENT, call.function.pos + len(call.builtin), message)

    def _report_too_large(self) -> None:
        """The same with sizes, which types that refer to each other have together."""
        for x, type_ in [] if self.diagnostics else self.compound:
            members = [type_.elem] if isinstance(type_, Array) else [member.type for member in type_.fields]
            if size_of(type_) >= MAX_SIZE and all(size_of(member) < MAX_SIZE for member in members):
                self.error(codes.ARRAY_LENGTH, x, f"type {type_} larger than address space")
            elif isinstance(type_, Array) and type_.length > MAX_EMPTY and size_of(type_) == 0:
                self.refuse(x, "arrays of so many elements without bytes")

    def _package(self) -> s.Package:
        declared = [x for x in self.file.declarations if isinstance(x, s.FuncDecl)]
        functions = [x for x in declared if x.name.name != "_" or x.body is not None]
        main = next((x for x in functions if x.receiver is None and x.name.name == "main"), None)
        if main is None and not self.path and not self.diagnostics:
            self.error(codes.MAIN, 0, "function main is undeclared in the main package")
        globals_ = [o for o in self.declared if isinstance(o, Var) and o.name != "_"]
        types = [o for o in self.declared if isinstance(o, TypeName)]
        inits = [x for x in functions if x.receiver is None and x.name.name == "init"]
        initializers = [] if self.diagnostics else self.order.initializers
        imported = [package.path for package in self.findings.imports if package.path in library_paths()]
        info = FunctionInfo("init", Signature((), ()), package=self.path, source=self.library_source())
        members = dict(self.package_scope.names)
        return s.Package(
            self.file, types, globals_, functions, initializers, inits, main, imported, members, info, self.recovers
        )
