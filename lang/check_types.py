"""Type expressions: from syntax to go_types.

    []Point      Slice(Named Point)        [4 * n]int   the length is a constant expression
    *Node        Pointer(Named Node)       a type may refer to itself through a pointer, a slice or a function
    p.T[int]     Instance T of int         a package's generic type, given its type argument

Go: types2/typexpr.go, struct.go, signature.go.                 Next: check_generics.py
"""

from __future__ import annotations

from dataclasses import replace

from lang import codes
from lang import constants as c
from lang import syntax as s
from lang.check_base import is_valid
from lang.check_operators import Operators
from lang.go_types import (
    INT,
    INVALID,
    Array,
    Chan,
    Field,
    Interface,
    InterfaceMethod,
    Map,
    Named,
    Param,
    Pointer,
    Signature,
    Slice,
    Struct,
    Type,
    basic,
    incomparable_part,
    is_untyped,
    signature_string,
)
from lang.objects import Builtin, Const, Func, Nil, Object, TypeName, Var, VarKind
from lang.spelling import spelled

MAX_TYPE_NESTING = 80  # type literals, one inside the other: *[]*[4]int are four


class Types(Operators):
    """Resolving the types that a program spells out."""

    def type_of(self, x: s.Expr) -> Type:
        """The type that an expression denotes; INVALID after an error."""
        if x.mode is s.Mode.UNCHECKED:
            x.mode, x.type = s.Mode.TYPE, INVALID
            at = self.at
            at.type_nesting += 1
            if at.type_nesting <= MAX_TYPE_NESTING:
                x.type = self._resolved(x)
            elif at.type_nesting == MAX_TYPE_NESTING + 1:
                self.error(codes.NESTING, x, f"type nested more than {MAX_TYPE_NESTING} deep")
            at.type_nesting -= 1
            if x.type == INVALID:
                self.invalidate(x)
        elif x.mode is not s.Mode.TYPE:
            return INVALID
        return x.type

    def _resolved(self, x: s.Expr) -> Type:
        match x:
            case s.Name():
                return self._named_type(x)
            case s.Selector():
                return self.not_generic(x, self._member_type(x))
            case s.Index():
                return self.type_instance(x, self._generic_type(x.operand))
            case s.Paren(inner=inner):
                return self.type_of(inner)
            case s.Deref(operand=operand):
                elem = self.type_of(operand)
                return INVALID if elem == INVALID else Pointer(elem)
            case s.SliceType(elem=elem_expr):
                return Slice(self.type_of(elem_expr))
            case s.ArrayType():
                return self._array_type(x)
            case s.MapType():
                return self._map_type(x)
            case s.ChanType(direction=direction, elem=elem_expr):
                self.refuse(x, "channels")
                return Chan(self.type_of(elem_expr), direction)
            case s.StructType():
                return self._struct_type(x)
            case s.FuncType():
                return self.signature(x)
            case s.InterfaceType():
                return self._interface_type(x)
        self.error(codes.NOT_A_TYPE, x, f"{spelled(x)} is not a type")
        x.mode = s.Mode.UNCHECKED
        self.use(x)
        return INVALID

    def _generic_type(self, x: s.Expr) -> Type:
        """The type in front of type arguments."""
        return self._member_type(x) if isinstance(x, s.Selector) else self.type_of(x)

    def _member_type(self, x: s.Selector) -> Type:
        """The type, maybe generic, that a package calls by a name; INVALID after an error."""
        x.mode = s.Mode.UNCHECKED
        self.check_selector(x, wants_type=True)
        return self._must_be_type(x)

    def not_generic(self, x: s.Expr, type_: Type) -> Type:
        """A type that stands where its type arguments would have to stand, too; INVALID after an error."""
        raise NotImplementedError

    def type_instance(self, x: s.Index, generic: Type) -> Type:
        """The type that type arguments make of a generic one; INVALID after an error."""
        raise NotImplementedError

    def check_selector(self, x: s.Selector, wants_type: bool = False) -> None:
        """Check operand.name; only packages have types."""
        raise NotImplementedError

    def _must_be_type(self, x: s.Expr) -> Type:
        if x.mode is s.Mode.TYPE:
            return x.type
        if is_valid(x):
            self.error(codes.NOT_A_TYPE, x, f"{self.described(x)} is not a type")
        return INVALID

    def _named_type(self, x: s.Name) -> Type:
        if x.name == "_":
            self.error(codes.BLANK, x, "cannot use _ as value or type")
            return INVALID
        found = self.at.scope.find(x.name)
        if found is None:
            self.undefined(x)
            return INVALID
        x.object = found
        if not isinstance(found, TypeName):
            if isinstance(found, Var):
                found.used = True
            self.error(codes.NOT_A_TYPE, x, f"{x.name} ({object_kind(found)}) is not a type")
            return INVALID
        self.resolve(found)
        return found.type

    def _array_type(self, x: s.ArrayType) -> Type:
        length = -1
        if x.length is None:
            self.error(codes.ARRAY_LENGTH, x, "invalid use of [...] array (outside a composite literal)")
        else:
            length = self.array_length(x.length)
        elem = self.type_of(x.elem)
        if length < 0:
            return INVALID
        array = Array(length, elem)
        self.compound.append((x, array))
        return array

    def array_length(self, x: s.Expr) -> int:
        """The value of an array length; -1 after an error."""
        if isinstance(x, s.Name):
            found = self.at.scope.find(x.name)
            if found is None:
                message = f"undefined array length {x.name} or missing type constraint"
                self.error(codes.ARRAY_LENGTH, x, message)
                return -1
            if not isinstance(found, Const):
                if isinstance(found, Var):
                    found.used = True
                self.error(codes.ARRAY_LENGTH, x, f"invalid array length {x.name}")
                return -1
        outer, self.at = self.at, replace(self.at, wants_names=False)
        self.expr(x)
        self.at = outer
        if not is_valid(x):
            if not self.diagnostics:
                self.report_length_cycle(x)
            return -1
        if x.mode is not s.Mode.CONSTANT:
            self.error(codes.ARRAY_LENGTH, x, f"array length {self.described(x)} must be constant")
            return -1
        whole = None if x.value is None else c.as_integer(x.value)
        is_number = is_untyped(x.type) or basic(x.type).is_integer
        if is_number and whole is not None and 0 <= whole < 1 << 63:
            self.set_type(x, INT)
            return whole
        form = "invalid array length {}" if basic(x.type).is_integer else "array length {} must be integer"
        self.error(codes.ARRAY_LENGTH, x, form.format(self.described(x)))
        return -1

    def _map_type(self, x: s.MapType) -> Type:
        key, elem = self.type_of(x.key), self.type_of(x.elem)

        def check_key() -> None:
            if incomparable_part(key):
                self.error(codes.MAP_KEY, x.key, f"invalid map key type {key}")

        self.later(check_key)
        return Map(key, elem)

    # ------------------------------------------------------------ structs

    def _struct_type(self, x: s.StructType) -> Type:
        fields: list[Field] = []
        seen: dict[str, int] = {}
        for declared in x.fields:
            type_ = self.type_of(declared.type_expr)
            tag = _tag(declared)
            if declared.embedded:
                self._check_embedded(declared, type_)
            for name in declared.names:
                if name.name in seen and name.name != "_":
                    other = f"\n\t{self.place(seen[name.name])}: other declaration of {name.name}"
                    self.error(codes.REDECLARED, name, f"{name.name} redeclared{other}")
                    continue
                seen[name.name] = name.pos
                fields.append(Field(name.name, type_, declared.embedded, tag, name.pos, self.package))
        struct = Struct(tuple(fields))
        self.compound.append((x, struct))
        return struct

    def _check_embedded(self, declared: s.FieldDecl, type_: Type) -> None:
        """An embedded type is T or *T, where T is no pointer, and *T no pointer to an interface."""

        def check() -> None:
            base = type_.elem if isinstance(type_, Pointer) else type_
            if isinstance(base.underlying, Pointer):
                self.error(codes.EMBEDDED, declared.type_expr, "embedded field type cannot be a pointer")
            elif isinstance(base.underlying, Interface) and isinstance(type_, Pointer):
                message = "embedded field type cannot be a pointer to an interface"
                self.error(codes.EMBEDDED, declared.type_expr, message)

        self.later(check)

    # ------------------------------------------------------------ functions and interfaces

    def signature(self, x: s.FuncType, receiver: s.ParamDecl | None = None) -> Signature:
        """The signature that a function type spells, may be of a method with that receiver."""
        params = [self._param(p) for p in x.params]
        results = [self._param(p) for p in x.results]
        self._check_names([*([receiver] if receiver is not None else []), *x.params, *x.results])
        variadic = bool(x.params) and x.params[-1].variadic
        signature = Signature(tuple(params), tuple(results), variadic)
        x.mode, x.type = s.Mode.TYPE, signature
        return signature

    def _check_names(self, params: list[s.ParamDecl]) -> None:
        """No two of receiver, parameters and results have one name."""
        seen: dict[str, s.Name] = {}
        for name in [p.name for p in params if p.name is not None and p.name.name != "_"]:
            first = seen.setdefault(name.name, name)
            if first is not name:
                other = f"{self.place(first.pos)}: other declaration of {name.name}"
                self.error(codes.REDECLARED, name, f"{name.name} redeclared in this block", other)

    def _param(self, p: s.ParamDecl) -> Param:
        type_ = self.type_of(p.type_expr)
        return Param(p.name.name if p.name else "", Slice(type_) if p.variadic else type_)

    def _interface_type(self, x: s.InterfaceType) -> Type:
        methods: dict[str, InterfaceMethod] = {}
        places: dict[str, int] = {}                             # where the interface has its methods from
        for element in x.elements:
            if element.name is None:
                continue
            name = element.name.name
            if name == "_":
                self.error(codes.BLANK, element, "methods must have a unique non-blank name")
                continue
            assert isinstance(element.type_expr, s.FuncType)
            outer, self.at = self.at, replace(self.at, wants_names=True)
            signature = self.signature(element.type_expr)
            self.at = outer
            if name in methods:
                self._duplicate_method(element, name, places[name])
            methods[name] = InterfaceMethod(name, signature)
            places[name] = element.pos
        own = [f"{name}{signature_string(methods[name].signature)}" for name in sorted(methods)]
        embedded = [element for element in x.elements if element.name is None]
        for element in embedded:
            self._embed_interface(element, methods, places)
        spelling = f"interface{{{'; '.join(own + [str(e.type_expr.type) for e in embedded])}}}" if embedded else ""
        return Interface(tuple(methods[name] for name in sorted(methods)), spelling)

    def _duplicate_method(self, at: s.Node, name: str, other: int) -> None:
        there = f"{self.place(other)}: other declaration of method {name}"
        self.error(codes.REDECLARED, at, f"duplicate method {name}", there)

    def _embed_interface(
        self, element: s.InterfaceElement, methods: dict[str, InterfaceMethod], places: dict[str, int]
    ) -> None:
        """Add the methods of an embedded interface; those that are there already must be the same."""
        if element.is_constraint:
            self.refuse(element, "type constraints")
            return
        type_ = self.type_of(element.type_expr)
        if not self.is_complete(type_):
            return
        under = type_.underlying
        if isinstance(under, Interface):
            for method in under.methods:
                if methods.setdefault(method.name, method) != method:
                    self._duplicate_method(element, method.name, places[method.name])
                places.setdefault(method.name, element.pos)
        elif under != INVALID:
            self.refuse(element, "type constraints")


def _tag(declared: s.FieldDecl) -> str:
    """The tag of a field, however it was written, in one form."""
    try:
        return c.quoted(c.string_value(declared.tag)) if declared.tag else ""
    except ValueError:
        return ""  # malformed; the lexer has said so


_VARIABLE_KINDS = {
    VarKind.GLOBAL: "package-level variable",
    VarKind.LOCAL: "local variable",
    VarKind.RECEIVER: "receiver",
    VarKind.PARAM: "parameter",
    VarKind.RESULT: "result variable",
}


def object_kind(found: Object) -> str:
    """What a name stands for, in words."""
    match found:
        case Var(kind=kind):
            return _VARIABLE_KINDS[kind]
        case Const():
            return "constant"
        case Func():
            return "function"
        case Builtin():
            return "built-in function"
        case Nil():
            return "untyped nil"
    return "package name"


def contains_directly(type_: Type) -> list[Named]:
    """The named types that lie inside a value of type type_ itself, not behind a pointer."""
    match type_:
        case Named():
            return [type_]
        case Array(_, elem):
            return contains_directly(elem)
        case Struct(fields):
            return [named for f in fields for named in contains_directly(f.type)]
    return []
