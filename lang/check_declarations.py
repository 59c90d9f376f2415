"""Declarations: constants, variables, types, functions.

Package-level declarations may come in any order, so they are resolved on demand:

    white   not looked at      grey   being resolved: meeting it again is a cycle      black   done

A cycle is fine through a pointer, a slice or a function; it is an error through values or the size of a type. An alias
needs no more of the types in its declaration than their names, so that these are resolved behind it:

    type List = []Node                          List is a slice of Node; then Node is resolved, which needs List
    type Node struct{ next List }

Go: types2/decl.go, resolver.go.                                Next: init_order.py, check_package.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from lang import codes
from lang import syntax as s
from lang.check_base import Environment, is_valid, unparen
from lang.check_statements import Statements
from lang.check_types import contains_directly
from lang.go_types import INVALID, Basic, Interface, Named, Pointer, Struct, Type
from lang.objects import Const, Func, FunctionInfo, Object, TypeName, Var, VarKind
from lang.outlines import unpacked
from lang.scopes import Scope
from lang.spelling import spelled


@dataclass(slots=True)
class Declared:
    """A package-level object's declaration."""

    declaration: s.Decl
    index: int = 0                                              # which of the names of a const or var declaration


class Declarations(Statements):
    """Declarations, at package level and in functions."""

    def prepare(self) -> None:
        """Start with nothing resolved."""
        self.declared: dict[Object, Declared] = {}
        self.resolving: list[Object] = []                       # grey, outermost first
        self.done: set[Object] = set()                          # black
        self.waits: dict[Named, tuple[TypeName, Named]] = {}    # type A B, while B is grey: A waits for B
        self.put_off: dict[Type, TypeName] = {}                 # white, though a type has their names in it
        self.local_aliases: list[TypeName] = []                 # grey, of functions

    # ------------------------------------------------------------ on demand

    def resolve(self, object_: Object) -> None:
        """Make sure that a package-level object's declaration was checked."""
        if object_ in self.done or object_ not in self.declared:
            if object_ in self.local_aliases:
                self.report_cycle([object_])
            return
        if object_ in self.resolving:
            self._check_cycle(object_)
            return
        if self.at.wants_names and isinstance(object_, TypeName) and not object_.is_alias:
            self.put_off[object_.type] = object_
            return
        self.resolving.append(object_)
        outer = self.at
        self.at = Environment(self.file_scope, owner=object_, wants_names=self._wants_names(object_))
        self._resolve(object_, self.declared[object_])
        self.at = outer
        self.resolving.pop()
        self.done.add(object_)
        if not any(map(self._wants_names, self.resolving)):
            while self.put_off:
                self.resolve(self.put_off.popitem()[1])

    def _wants_names(self, object_: Object) -> bool:
        """Whether an object's declaration needs no more of types than their names, but where it says so: `complete`.

        Were it to resolve the types in the signatures of an interface, they could not embed it.
        """
        declaration = self.declared[object_].declaration
        return isinstance(declaration, s.TypeDecl) and (
            declaration.is_alias or isinstance(declaration.type_expr, (s.InterfaceType, s.Name))
        )

    def complete(self, type_: Type) -> None:
        """Make sure that it is known what a type is, if only its name was wanted so far."""
        object_ = self.put_off.pop(type_, None)
        if object_ is not None:
            outer, self.at = self.at, replace(self.at, wants_names=False)
            self.resolve(object_)
            self.at = outer

    def _resolve(self, object_: Object, declared: Declared) -> None:
        match object_, declared.declaration:
            case Const(), s.ConstDecl() as declaration:
                self._const(object_, declaration, declared.index)
            case Var(), s.VarDecl() as declaration:
                self._global(object_, declaration, declared.index)
            case TypeName(), s.TypeDecl() as declaration:
                self._type(object_, declaration)
            case Func(), s.FuncDecl() as declaration:
                object_.type = self.signature(declaration.signature)

    def _check_cycle(self, object_: Object) -> None:
        """An object is needed while it is being resolved."""
        cycle = self.resolving[self.resolving.index(object_) :]
        if all(isinstance(member, (TypeName, Func)) for member in cycle):
            has_type = not _is_alias(object_) or object_.type != INVALID
            if has_type and any(map(_is_definition, cycle)) or all(isinstance(member, Func) for member in cycle):
                return
        elif any(isinstance(member, Func) for member in cycle):
            return
        self.report_cycle(cycle)
        if not isinstance(object_, TypeName):
            object_.type = INVALID

    def report_cycle(self, cycle: list[Object], first: int | None = None) -> None:
        """Say that objects need each other; the first one in the source leads, if no other is to."""
        if first is None:
            first = min(range(len(cycle)), key=lambda i: cycle[i].pos)
        cycle = cycle[first:] + cycle[:first]
        head = cycle[0]
        what, of = "initialization cycle", " for"
        if isinstance(head, TypeName):
            what, of = "invalid recursive type", ""
        elif any(isinstance(member, TypeName) for member in cycle):
            what, of = "invalid cycle in declaration", " of"
        if len(cycle) == 1:
            self.error(codes.CYCLE, head.pos, f"{what}: {head.name} refers to itself")
            return
        lines = [f"{what}{of} {head.name}"]
        for i, member in enumerate(cycle):
            following = cycle[(i + 1) % len(cycle)]
            lines.append(f"{self.place(member.pos)}: {member.name} refers to {following.name}")
        self.error(codes.CYCLE, head.pos, "\n\t".join(lines))

    # ------------------------------------------------------------ constants

    def _const(self, const: Const, declaration: s.ConstDecl, index: int) -> None:
        """One constant of `names type = values`."""
        self.at.iota = declaration.iota
        if declaration.inherited:
            self.at.errors_at = declaration.names[index].pos
        type_: Type | None = None
        if declaration.type_expr is not None:
            type_ = self.type_of(declaration.type_expr)
            if not isinstance(type_.underlying, Basic) or type_ == INVALID:
                if type_.underlying != INVALID:
                    message = f"invalid constant type {type_}"
                    self.error(codes.CONSTANT, declaration.type_expr, message)
                self.at.iota = self.at.errors_at = None
                return
            const.type = type_
        if index < len(declaration.values):
            value = declaration.values[index]
            self.expr(value)
            self._init_const(const, value, type_)
        self.at.iota = self.at.errors_at = None

    def _init_const(self, const: Const, x: s.Expr, type_: Type | None) -> None:
        if not is_valid(x):
            return
        if x.mode is not s.Mode.CONSTANT:
            self.error(codes.CONSTANT, x, f"{self.described(x)} is not constant")
            return
        if type_ is not None:
            self.assign(x, type_, "constant declaration")
            if not is_valid(x):
                return
        const.type, const.value = x.type, x.value

    def check_arity(self, declaration: s.ConstDecl | s.VarDecl) -> None:
        """Report values without names and names without values."""
        names, values = declaration.names, declaration.values
        inherited = isinstance(declaration, s.ConstDecl) and declaration.inherited
        if len(names) < len(values):
            extra = values[len(names)]
            if inherited:
                self.error(codes.ASSIGN_COUNT, declaration, f"extra init expr at {self.place(extra.pos)}")
            else:
                self.error(codes.ASSIGN_COUNT, extra, f"extra init expr {spelled(extra)}")
        elif len(names) > len(values) and (isinstance(declaration, s.ConstDecl) or len(values) != 1):
            missing = names[len(values)]
            self.error(codes.ASSIGN_COUNT, missing, f"missing init expr for {missing.name}")

    # ------------------------------------------------------------ variables

    def _global(self, var: Var, declaration: s.VarDecl, index: int) -> None:
        """One package-level variable of `var names type = values`."""
        names, values = declaration.names, declaration.values
        if declaration.type_expr is not None:
            var.type = self.type_of(declaration.type_expr)
        if index < len(values) and (len(values) > 1 or len(names) == 1):
            value = values[index]
            self.expr(value)
            if declaration.type_expr is None or var.type != INVALID:
                self.init_var(var, value, "variable declaration")
        elif len(values) == 1:
            variables = [v or Var("_", n.pos) for v, n in zip(declaration.vars, names, strict=True)]
            for other in declaration.vars:
                if other is not None:
                    self.done.add(other)
                    other.type = var.type
            self.init_vars(variables, values, declaration.type_expr is not None)

    def local_declarations(self, declarations: list[s.Decl]) -> None:
        """Check the declarations of a statement."""
        for declaration in declarations:
            match declaration:
                case s.VarDecl():
                    self._local_vars(declaration)
                case s.ConstDecl():
                    self._local_consts(declaration)
                case s.TypeDecl():
                    self._local_type(declaration)

    def _local_vars(self, x: s.VarDecl) -> None:
        type_ = self.type_of(x.type_expr) if x.type_expr is not None else INVALID
        variables = [self.new_local(name, type_) for name in x.names]
        if len(x.values) == 1 != len(x.names):
            self.init_vars(variables, x.values, x.type_expr is not None)
        else:
            for var, value in zip(variables, x.values, strict=False):
                self.expr(value)
                if x.type_expr is None or type_ != INVALID:
                    self.init_var(var, value, "variable declaration")
        if x.values:
            self.check_arity(x)
        self.run_literals()
        x.vars = [None if var.name == "_" else var for var in variables]
        for name, var in zip(x.names, variables, strict=True):
            self.declare(self.at.scope, name, var)

    def _local_consts(self, x: s.ConstDecl) -> None:
        constants = [Const(name.name, name.pos) for name in x.names]
        outer = self.at.iota, self.at.errors_at
        for i, const in enumerate(constants):
            self._const(const, x, i)
        self.at.iota, self.at.errors_at = outer
        self.check_arity(x)
        self.run_literals()
        for name, const in zip(x.names, constants, strict=True):
            self.declare(self.at.scope, name, const)

    def _local_type(self, x: s.TypeDecl) -> None:
        name = TypeName(x.name.name, x.name.pos, is_alias=x.is_alias)
        if not x.is_alias:
            name.type = Named(x.name.name, x.name.pos, package=self.package)
            self.findings.local_types.append(name.type)
        self.declare(self.at.scope, x.name, name)
        if x.is_alias:
            self.local_aliases.append(name)
        self._define_type(name, x)
        if x.is_alias:
            self.local_aliases.pop()

    # ------------------------------------------------------------ types

    def _type(self, name: TypeName, declaration: s.TypeDecl) -> None:
        self._define_type(name, declaration)

    def _define_type(self, name: TypeName, declaration: s.TypeDecl) -> None:
        type_ = self.type_of(declaration.type_expr)
        if name.is_alias:
            name.type = type_
            return
        named = name.type
        assert isinstance(named, Named)
        if isinstance(type_, Named) and not type_.is_resolved and type_.package == self.package:
            self.waits[named] = name, type_
            cycle = self._waits_from(named)
            if cycle[-1] is named:
                self._report_type_cycle(name, cycle[:-1])
                self._resolve_type(name, named, INVALID)
            return
        self._resolve_type(name, named, type_)

    def _waits_from(self, named: Named) -> list[Named]:
        """A type, the one that it waits for, and so on: to the end, or back to itself."""
        chain = [named]
        while chain[-1] in self.waits:
            chain.append(self.waits[chain[-1]][1])
            if chain[-1] is named:
                break
        return chain

    def _resolve_type(self, name: TypeName, named: Named, type_: Type) -> None:
        """A type's definition is complete, and so are those that only waited for it."""
        self.waits.pop(named, None)
        if not named.is_resolved:  # an interface that embeds itself is: to be invalid
            named.resolve(type_)
        cycle = self._value_cycle(named)
        if cycle:
            self._report_type_cycle(name, cycle)
            named.resolve(INVALID)
        for other, (name_of, awaited) in list(self.waits.items()):
            if awaited is named:
                self._resolve_type(name_of, other, named)

    def _value_cycle(self, named: Named) -> list[Named]:
        """Named types that contain each other by value, back to `named`; empty if there is no such cycle."""

        def search(type_: Type, path: list[Named], seen: set[Named]) -> list[Named]:
            for inner in contains_directly(type_):
                chain = self._waits_from(inner)
                if named in chain:
                    return path + chain[: chain.index(named)]
                if inner not in seen and inner.is_resolved:
                    seen.add(inner)
                    found = search(inner.underlying, [*path, inner], seen)
                    if found:
                        return found
            return []

        return search(named.underlying, [named], set())

    def report_cycle_through(self, named: Named) -> None:
        """Say that a type, whose declaration is being resolved, needs itself."""
        at = next((i for i, member in enumerate(self.resolving) if member.type == named), len(self.resolving))
        self.report_cycle(self.resolving[at:] or [TypeName(named.name, named.pos, named)])

    def report_length_cycle(self, x: s.Expr) -> None:
        """Say that a type needs itself for the length of an array: nothing is known yet of an operand of that type."""
        declared: list[Object] = [object_ for object_ in self.resolving if isinstance(object_, TypeName)]
        if declared:
            self.report_cycle(declared[-1:])
        else:
            self.error(codes.ARRAY_LENGTH, x, f"invalid array length {spelled(x)}")

    def _report_type_cycle(self, name: TypeName, cycle: list[Named]) -> None:
        members: list[Object] = []
        for named in cycle:
            if all(named.name != member.name for member in members):
                members.append(TypeName(named.name, named.pos, named))
        self.report_cycle(members or [name])

    # ------------------------------------------------------------ functions

    def declare_params(self, info: FunctionInfo, type_expr: s.FuncType, scope: Scope) -> None:
        """Enter the parameters and results of a function into its scope."""
        signature = info.signature
        groups = (
            (type_expr.params, signature.params, info.params, VarKind.PARAM),
            (type_expr.results, signature.results, info.results, VarKind.RESULT),
        )
        for declarations, params, variables, kind in groups:
            for declaration, param in zip(declarations, params, strict=True):
                variables.append(self._param_var(info, declaration, param.type, kind, scope))

    def _param_var(self, info: FunctionInfo, declared: s.ParamDecl, type_: Type, kind: VarKind, scope: Scope) -> Var:
        name = declared.name
        var = Var(name.name if name else "", declared.pos, type_, kind, info, used=True)
        if name is not None:
            var.pos = name.pos
            self.declare(scope, name, var)
        return var

    def start_function(self, declaration: s.FuncDecl, function: Func) -> None:
        """Give a function its frame, and put its body off until all declarations are resolved."""
        if function.type == INVALID:
            return
        name = f"{_receiver_name(function)}{function.name}"
        if name == "init":  # there can be several
            name, self.inits = f"init.{self.inits}", self.inits + 1
        info = FunctionInfo(name, function.signature, package=self.path, source=self.library_source())
        declaration.info = info
        declaration.object = function
        scope = Scope(self.file_scope)
        if declaration.receiver is not None:
            type_ = self.type_of(declaration.receiver.type_expr)
            info.receiver = self._param_var(info, declaration.receiver, type_, VarKind.RECEIVER, scope)
        self.declare_params(info, declaration.signature, scope)
        if declaration.body is None:
            function.is_native = bool(self.path)
            if self.path:
                return
            self.without_body.append(declaration)
            return
        outer, self.at = self.at, Environment(self.file_scope, owner=function)
        body = declaration.body
        if isinstance(body, s.Unread):
            declaration.finish = partial(self.finish, declaration, body, scope)
        else:
            self.later(lambda: self.function_body(info, body, scope))
        self.at = outer

    def finish(self, declaration: s.FuncDecl, unread: s.Unread, scope: Scope) -> None:
        """Read and check a body that was put off until somebody wants it."""
        declaration.finish = None
        body = declaration.body = unpacked(unread)
        outer, self.at = self.at, Environment(self.file_scope, owner=declaration.object)
        since = len(self.delayed)
        self.later(lambda: self.function_body(declaration.info, body, scope))
        self.run_delayed(since)
        self.at = outer

    def receiver_base(self, declaration: s.FuncDecl) -> tuple[TypeName | None, bool]:
        """The type that a method is declared on, behind aliases, and whether its receiver is a pointer."""
        assert declaration.receiver is not None
        x = unparen(declaration.receiver.type_expr)
        is_pointer = False
        aliases: set[TypeName] = set()
        while isinstance(x, (s.Name, s.Deref)):
            if isinstance(x, s.Deref):
                if is_pointer:
                    break
                is_pointer, x = True, unparen(x.operand)
                continue
            found = self.package_scope.names.get(x.name)
            if not isinstance(found, TypeName) or found in aliases:
                break
            aliases.add(found)
            aliased = self.declared[found].declaration if found.is_alias else None
            if not isinstance(aliased, s.TypeDecl):
                return found, is_pointer
            x = unparen(aliased.type_expr)
        return None, False

    def check_receiver(self, declaration: s.FuncDecl) -> None:
        """The receiver is T or *T, T a type of this program that is neither a pointer nor an interface."""
        receiver = declaration.receiver
        assert receiver is not None
        type_ = self.type_of(receiver.type_expr)
        base = type_.elem if isinstance(type_, Pointer) else type_
        at = spelling = unparen(receiver.type_expr)
        at = unparen(at.operand) if isinstance(at, s.Deref) else at
        if base == INVALID:
            return
        shown, shown_base = str(type_), str(base)
        if isinstance(at, s.Name) and at.object is not None and _is_alias(at.object):
            shown = f"*{at.name}" if spelling is not at else at.name
            shown_base = shown_base if spelling is at and isinstance(type_, Pointer) else at.name
        if isinstance(base, Basic) or (isinstance(base, Named) and (base.package != self.package or base.pos == 0)):
            self.error(codes.RECEIVER, at, f"cannot define new methods on non-local type {shown_base}")
        elif not isinstance(base, Named):
            self.error(codes.RECEIVER, at, f"invalid receiver type {shown}")
        elif isinstance(base.underlying, (Pointer, Interface)):
            self.error(codes.RECEIVER, at, f"invalid receiver type {shown_base} (pointer or interface type)")

    def check_members(self, named: Named) -> None:
        """No method has the name of a field."""
        under = named.underlying
        for field in under.fields if isinstance(under, Struct) else ():
            method = named.methods.get(field.name)
            if method is not None:
                other = f"\n\t{self.place(field.pos)}: other declaration of {field.name}"
                message = f"field and method with the same name {field.name}{other}"
                self.error(codes.REDECLARED, method.pos, message)


def _is_alias(object_: Object) -> bool:
    return isinstance(object_, TypeName) and object_.is_alias


def _is_definition(object_: Object) -> bool:
    return isinstance(object_, TypeName) and not object_.is_alias


def _receiver_name(function: Func) -> str:
    """The receiver as in Go's traces: `T.` or `(*T).`"""
    if function.receiver is None:
        return ""
    return f"(*{function.receiver.name})." if function.pointer_receiver else f"{function.receiver.name}."
