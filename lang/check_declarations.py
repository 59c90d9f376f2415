"""Declarations: constants, variables, types, functions.

Package-level declarations may come in any order, so they are resolved on demand:

    white   not looked at      grey   being resolved: meeting it again is a cycle      black   done

A cycle is fine through a pointer, a slice or a function; it is an error through values or the size of a type. An alias
and the methods of an interface need no more of the types in their declaration than the names. So these are left white
until somebody needs what they are:

    type List = []Node                          List is a slice of Node; then Node is resolved, which needs List
    type Node struct{ next List }

    type Any interface{ self() Node }           Any has a method; then Node is resolved, which needs all methods of Any
    type Node interface{ Any; next() Node }

Go: types2/decl.go, resolver.go.                                Next: init_order.py, check_package.py
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from lang import codes
from lang import syntax as s
from lang.check_base import Environment, is_valid, unparen
from lang.check_statements import Statements
from lang.check_types import contains_directly
from lang.go_types import INVALID, Basic, Interface, Named, Pointer, Signature, Struct, Type
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
        self.defined_as: dict[Named, Type] = {}                 # type A B: B of A
        self.settled: set[Named] = set()                        # all that these have in them by value is defined
        self.waits: dict[Named, Named] = {}                     # type A B, while B is grey: A waits for B
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
        if not (self.at.wants_names and _is_definition(object_)):
            self._resolve_now(object_)

    def complete(self, name: TypeName) -> None:
        """Find out what a type is, if only its name was wanted so far."""
        if name not in self.done and name not in self.resolving:
            self._resolve_now(name)

    def _resolve_now(self, object_: Object) -> None:
        self.resolving.append(object_)
        outer = self.at
        owner = None if isinstance(object_, Func) else object_  # a function needs what its body does
        self.at = Environment(self.file_scope, owner=owner, wants_names=_is_alias(object_))
        self._resolve(object_, self.declared[object_])
        self.at = outer
        self.resolving.pop()
        self.done.add(object_)

    def _resolve(self, object_: Object, declared: Declared) -> None:
        match object_, declared.declaration:
            case Const(), s.ConstDecl() as declaration:
                self._const(object_, declaration, declared.index)
            case Var(), s.VarDecl() as declaration:
                self._global(object_, declaration, declared.index)
            case TypeName(), s.TypeDecl() as declaration:
                self._type(object_, declaration)
            case Func(), s.FuncDecl() as declaration:
                object_.type = Signature((), ())                # what it is where its own signature calls it
                object_.type = self.signature(declaration.signature, declaration.receiver)

    def _check_cycle(self, object_: Object) -> None:
        """An object is needed while it is being resolved."""
        cycle = self.resolving[self.resolving.index(object_) :]
        if all(isinstance(member, (TypeName, Func)) for member in cycle):
            has_type = not _is_alias(object_) or object_.type != INVALID
            if has_type and any(map(_is_definition, cycle)) or all(isinstance(member, Func) for member in cycle):
                return
        self.report_cycle(cycle)
        if not isinstance(object_, TypeName):
            object_.type = INVALID
        elif isinstance(object_.type, Named) and not object_.is_alias:
            object_.type.resolve(INVALID)

    def report_cycle(self, cycle: list[Object]) -> None:
        """Say that declarations need each other; the first one in the source leads."""
        first = min(range(len(cycle)), key=lambda i: cycle[i].pos)
        cycle = cycle[first:] + cycle[:first]
        if isinstance(cycle[0], TypeName):
            self.report_members(cycle, "invalid recursive type", "")
        elif all(isinstance(member, (Const, Var)) for member in cycle):
            self.report_members(cycle, "initialization cycle", " for")
        else:
            self.report_members(cycle, "invalid cycle in declaration", " of")

    def report_members(self, cycle: list[Object], what: str, of: str) -> None:
        """Say which objects need each other, and what is wrong with that."""
        head = cycle[0]
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
        self.defined_as[named] = type_
        cycle = self._value_cycle(named)
        if cycle:
            self.report_cycle([TypeName(member.name, member.pos, member) for member in cycle])
            self.defined_as[named] = type_ = INVALID
        if isinstance(type_, Named) and not type_.is_resolved and type_.package == self.package:
            self.waits[named] = type_
        else:
            self._resolve_type(named, type_)

    def _resolve_type(self, named: Named, type_: Type) -> None:
        """A type's definition is complete, and so are those that only waited for it."""
        named.resolve(type_)
        for other in [other for other, awaited in self.waits.items() if awaited is named]:
            del self.waits[other]
            self._resolve_type(other, named)

    def _value_cycle(self, named: Named) -> list[Named]:
        """Types that are or contain each other by value, from `named` back to it; empty if there is no such cycle."""
        seen = {named}

        def search(type_: Type, path: list[Named]) -> list[Named]:
            for inner in contains_directly(type_):
                if inner is named:
                    return path
                if inner not in seen and inner not in self.settled:
                    seen.add(inner)
                    found = search(self.defined_as.get(inner, INVALID), [*path, inner])
                    if found:
                        return found
            return []

        cycle = search(self.defined_as[named], [named])
        if not cycle and all(inner in self.defined_as or inner.is_resolved for inner in seen):
            self.settled |= seen
        return cycle

    def is_complete(self, type_: Type) -> bool:
        """Whether it is known what a type is; an error if it is not, for then the type needs itself."""
        if not isinstance(type_, Named) or type_.is_resolved:
            return True
        while type_ in self.waits:
            type_ = self.waits[type_]
        at = next((i for i, member in enumerate(self.resolving) if member.type == type_), len(self.resolving))
        self.report_cycle(self.resolving[at:] or [TypeName(type_.name, type_.pos, type_)])
        return False

    def report_length_cycle(self, x: s.Expr) -> None:
        """Say that a type needs itself for the length of an array: nothing is known yet of an operand of that type."""
        declared: list[Object] = [object_ for object_ in self.resolving if isinstance(object_, TypeName)]
        if declared:
            self.report_cycle(declared[-1:])
        else:
            self.error(codes.ARRAY_LENGTH, x, f"invalid array length {spelled(x)}")

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
            if name.name != "_":
                name.object = scope.names.setdefault(name.name, var)  # a second one was told with the signature
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
            if function.name != "_":
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
