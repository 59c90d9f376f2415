"""Selectors, indices and slices: x.f, x[i], x[i:j].

    p.x          a field, through the pointer p
    v.move(1)    a method on *T: called with &v, so v has its address taken
    a[1:3]       a slice of the array a, so a has its address taken, too

Go: types2/call.go (selector), index.go.                        Next: check_literals.py
"""

from __future__ import annotations

from enum import Enum, auto

from lang import codes
from lang import constants as c
from lang import syntax as s
from lang.check_base import is_valid
from lang.check_generics import Generics, generic_function
from lang.go_types import (
    BYTE,
    INT,
    INVALID,
    STRING,
    Array,
    Map,
    Named,
    Param,
    Pointer,
    Signature,
    Slice,
    Type,
    basic,
    is_interface,
    is_untyped,
)
from lang.lookup import Ambiguous, Found, adjustment, find, is_exported, is_in_method_set
from lang.objects import Const, Func, Object, PackageName, TypeName, Var
from lang.packages import PARTS
from lang.spelling import spelled


class Likeness(Enum):
    """What a type has in the place of a member that it has not."""

    NONE = auto()
    MISSPELT = auto()                                           # the name in other letters, upper or lower case
    UNEXPORTED = auto()                                         # the same, but of another package, and not exported
    INACCESSIBLE = auto()                                       # that very name, but of another package


class Selectors(Generics):
    """Reaching into values."""

    # ------------------------------------------------------------ x.name

    def check_selector(self, x: s.Selector, wants_type: bool = False) -> None:
        """operand.name"""
        if isinstance(x.operand, s.Name):
            package = self.at.scope.find(x.operand.name)
            if isinstance(package, PackageName):
                x.operand.object, x.operand.mode = package, s.Mode.PACKAGE
                self._package_member(x, package)
                return
        self.expr_or_type(x.operand)
        operand = x.operand
        if not is_valid(operand):
            self.invalidate(x)
            return
        if operand.mode is s.Mode.BUILTIN:
            dot = x.name.pos - 1
            self.error(codes.BUILTIN_USE, dot, f"invalid use of {self.described(operand)} in selector expression")
            self.invalidate(x)
            return
        if not self.is_complete(operand.type):
            self.invalidate(x)
            return
        if wants_type:
            self.error(codes.NOT_A_TYPE, x.name, f"{spelled(x)} is not a type")
            self.invalidate(x)
            return
        found = find(operand.type, x.name.name, self.package)
        if not isinstance(found, Found):
            self._report_missing(x, found)
            self.invalidate(x)
            return
        if found.field is not None:
            self._select_field(x, found)
        elif operand.mode is s.Mode.TYPE:
            self._select_method_expression(x, found)
        elif found.interface_method is not None:
            self._select_interface_method(x, found)
        else:
            self._select_method(x, found)

    def _package_member(self, x: s.Selector, package: PackageName) -> None:
        package.used = True
        name = x.name.name
        member = package.members.get(name) or self.part_member(package, name)
        if member is None and not package.members:
            self.invalidate(x)
            return
        if member is None:
            exported = sorted(filter(is_exported, {*package.members, *PARTS.get(package.path, ())}))
            similar = [other for other in exported if other.lower() == name.lower()]
            hint = f" (but have {similar[0]})" if similar else ""
            code = codes.UNDEFINED
            message = f"undefined: {spelled(x)}{hint}"
            if not similar and name[:1].isupper() and package.path:
                message += f"\n\t(Toy's {package.path} has {', '.join(exported)})"
            self.error(code, x.name, message)
            self.invalidate(x)
            return
        if not is_exported(name):
            owner = package.path.rpartition("/")[2]
            self.error(codes.UNDEFINED, x.name, f"name {name} not exported by package {owner}")
        x.name.object = member
        x.selection = s.PackageSelection(package, member)
        self.become(x, member)

    def part_member(self, package: PackageName, name: str) -> Object | None:
        """A member of a package that is written in a file of its own."""
        raise NotImplementedError

    def become(self, x: s.Expr, object_: Object) -> None:
        """Give an expression the mode, type and value of what it names."""
        x.type = object_.type
        if isinstance(object_, Const):
            x.mode, x.value = s.Mode.CONSTANT, object_.value
        elif isinstance(object_, TypeName):
            x.mode = s.Mode.TYPE
        elif isinstance(object_, Var):
            x.mode = s.Mode.VARIABLE
        elif isinstance(object_, Func):
            x.mode = s.Mode.VALUE
        if x.type == INVALID:
            self.invalidate(x)

    def _report_missing(self, x: s.Selector, found: Ambiguous | None) -> None:
        operand, name = x.operand, x.name.name
        if operand.type.underlying == INVALID:
            return
        if found is not None:
            self.error(codes.NO_FIELD, x.name, f"ambiguous selector {spelled(x)}")
            return
        pointed = operand.type.underlying
        if isinstance(pointed, Pointer) and is_interface(pointed.elem):
            why = f"type {operand.type} is pointer to interface, not interface"
        else:
            why = self._no_member(operand.type, name)
        methods = self._methods_there_are(operand.type, name)
        self.error(codes.NO_FIELD, x.name, f"{spelled(x)} undefined ({why}){methods}")

    def _methods_there_are(self, type_: Type, name: str) -> str:
        """A note of the methods that a package's type has, when a name is like none of them: Go may have one of it."""
        base = type_.elem if isinstance(type_, Pointer) else type_
        if not isinstance(base, Named) or base.package in ("", self.package):
            return ""
        if not is_exported(name) or find(type_, name, folds=True) is not None:
            return ""
        methods = sorted(filter(is_exported, base.methods))
        return f"\n\t(Toy's {base} has {', '.join(methods)})" if methods else ""

    def _no_member(self, type_: Type, name: str) -> str:
        """That a type has no member of that name, and what it has instead."""
        missing = f"type {type_} has no field or method {name}"
        found = find(type_, name, folds=True)
        likeness = self.likeness(found, name)
        if likeness is Likeness.NONE:
            return missing
        assert isinstance(found, Found)
        what = f"{'field' if found.field else 'method'} {found.name}"
        if likeness is Likeness.INACCESSIBLE:
            return f"cannot refer to unexported {what}"
        return f"{missing}, but does have {'unexported ' if likeness is Likeness.UNEXPORTED else ''}{what}"

    def likeness(self, found: Found | Ambiguous | None, name: str) -> Likeness:
        """How what was found instead of a name, without regard to upper and lower case, is related to it."""
        if not isinstance(found, Found):
            return Likeness.NONE
        other, exported = found.name, is_exported(name)
        if found.package in (None, self.package) or (exported and is_exported(other)):
            return Likeness.MISSPELT
        if exported or is_exported(other):
            differs_only_in_export = name[1:] == other[1:]
            likeness = Likeness.UNEXPORTED if exported else Likeness.MISSPELT
            return likeness if differs_only_in_export else Likeness.NONE
        return Likeness.INACCESSIBLE if name == other else Likeness.NONE

    def _select_field(self, x: s.Selector, found: Found) -> None:
        operand = x.operand
        assert found.field is not None
        if operand.mode is s.Mode.TYPE:
            message = f"operand for field selector {x.name.name} must be value of type {operand.type}"
            self.error(codes.NO_FIELD, operand, message)
            self.invalidate(x)
            return
        x.selection = s.FieldSelection(found.steps)
        through_pointer = any(step.through_pointer for step in found.steps)
        x.mode = s.Mode.VARIABLE if operand.mode is s.Mode.VARIABLE or through_pointer else s.Mode.VALUE
        x.type = found.field.type

    def _select_method(self, x: s.Selector, found: Found) -> None:
        """A method of a value: & or * is put in front of the receiver where it is needed."""
        operand, method = x.operand, found.method
        assert method is not None
        self.resolve(method)
        self.note_use(method)
        receiver = found.receiver or operand.type
        adjust = adjustment(method, receiver)
        if adjust is s.Adjust.ADDRESS:
            addressable = operand.mode is s.Mode.VARIABLE or any(step.through_pointer for step in found.steps)
            if not addressable:
                message = f"cannot call pointer method {x.name.name} on {operand.type}"
                self.error(codes.ADDRESS, x.name, message)
                self.invalidate(x)
                return
            if not any(step.through_pointer for step in found.steps):
                self.take_address(operand)
        x.selection = s.MethodSelection(found.steps, method, adjust)
        x.mode, x.type = s.Mode.VALUE, method.type
        if method.type == INVALID:
            self.invalidate(x)

    def _select_interface_method(self, x: s.Selector, found: Found) -> None:
        assert found.interface_method is not None
        x.selection = s.InterfaceSelection(found.steps, x.name.name)
        x.mode, x.type = s.Mode.VALUE, found.interface_method.signature

    def _select_method_expression(self, x: s.Selector, found: Found) -> None:
        """T.method: a function that takes the receiver first."""
        method, base = found.method, x.operand.type
        if found.interface_method is not None:
            signature = found.interface_method.signature
            x.selection = s.MethodExpression(s.InterfaceSelection(found.steps, x.name.name))
        else:
            assert method is not None
            self.resolve(method)
            self.note_use(method)
            if not is_in_method_set(found):
                wanted = x.name.name
                message = f"invalid method expression {base}.{wanted} (needs pointer receiver (*{base}).{wanted})"
                self.error(codes.NO_FIELD, x.name, message)
                self.invalidate(x)
                return
            if method.type == INVALID:
                self.invalidate(x)
                return
            signature = method.signature
            selected = s.MethodSelection(found.steps, method, adjustment(method, found.receiver or base))
            x.selection = s.MethodExpression(selected)
        name = (method.receiver_name if method else "") or "_"
        params = (Param(name if signature.params and signature.params[0].name else "", base), *signature.params)
        x.mode, x.type = s.Mode.VALUE, Signature(params, signature.results, signature.variadic)

    def note_use(self, object_: Object) -> None:
        """Record that the package-level object being declared refers to another one."""
        owner = self.at.owner
        if owner is not None:
            self.findings.uses.setdefault(owner, []).append(object_)

    # ------------------------------------------------------------ x[i]

    def check_index(self, x: s.Index) -> None:
        """operand[index]"""
        self.generic_or_not(x.operand)
        operand = x.operand
        if not is_valid(operand):
            self.use(x.index, *x.more)
            self.invalidate(x, operand.type)
            return
        if operand.mode is s.Mode.TYPE:
            x.mode, x.type = s.Mode.TYPE, self.type_instance(x, operand.type)
            if x.type == INVALID:
                self.invalidate(x)
            return
        generic = generic_function(operand)
        if generic is not None:
            self.function_instance(x, generic)
            return
        if not self.is_complete(operand.type):
            self.invalidate(x)
            return
        under = operand.type.underlying
        if isinstance(under, Map):
            self._refuse_more(x)
            self.expr(x.index)
            self.assign(x.index, under.key, "map index")
            x.mode, x.type = s.Mode.MAP_INDEX, under.elem
            return
        elem, length, mode = self._indexable(operand)
        if elem is None:
            self.error(codes.INDEX, x.bracket, f"cannot index {self.described(operand)}")
            self.use(x.index, *x.more)
            self.invalidate(x, operand.type)
            return
        x.mode, x.type = mode, elem
        self.set_default(operand)
        self._refuse_more(x)
        self.index_value(x.index, length)

    def _refuse_more(self, x: s.Index) -> None:
        if x.more:
            self.error(codes.INDEX, x.more[0], "invalid operation: more than one index")
            self.use(*x.more)

    def _indexable(self, operand: s.Expr) -> tuple[Type | None, int, s.Mode]:
        """Element type, length if known (else -1) and mode of operand[i]."""
        under = operand.type.underlying
        if basic(under).is_string:
            length = len(operand.value) if isinstance(operand.value, bytes) else -1
            return BYTE, length, s.Mode.VALUE
        if isinstance(under, Array):
            mode = s.Mode.VARIABLE if operand.mode is s.Mode.VARIABLE else s.Mode.VALUE
            return under.elem, under.length, mode
        if isinstance(under, Pointer) and isinstance(under.elem.underlying, Array):
            return under.elem.underlying.elem, under.elem.underlying.length, s.Mode.VARIABLE
        if isinstance(under, Slice):
            return under.elem, -1, s.Mode.VARIABLE
        return None, -1, s.Mode.INVALID

    def index_value(self, x: s.Expr, limit: int) -> int:
        """Check an index; its value if it is constant, else -1. A limit of -1 is none."""
        self.expr(x)
        if not self._is_index(x) or x.mode is not s.Mode.CONSTANT or x.value is None:
            return -1
        assert isinstance(x.value, int)
        if 0 <= limit <= x.value:
            message = f"invalid argument: index {c.spelled_value(x.value)} out of bounds [0:{limit}]"
            self.error(codes.INDEX, x, message)
            return -1
        return x.value

    def _is_index(self, x: s.Expr) -> bool:
        """Whether an operand is an integer, and not a negative constant; it is wrong otherwise."""
        if not is_valid(x):
            return False
        if is_untyped(x.type):
            self.convert_untyped(x, INT)
            if not is_valid(x):
                return False
        problem = self._index_problem(x)
        if problem:
            self.error(codes.INDEX, x, problem)
            self.invalidate(x, x.type)
        return not problem

    def _index_problem(self, x: s.Expr) -> str:
        """Why an operand cannot be an index; "" if it can."""
        if not basic(x.type).is_integer:
            return f"invalid argument: index {self.described(x)} must be integer"
        if x.mode is not s.Mode.CONSTANT or x.value is None:
            return ""
        whole = c.as_integer(x.value)
        if whole is not None and whole < 0:
            return f"invalid argument: index {self.described(x)} must not be negative"
        if whole is None or whole >= 1 << 63:
            return f"invalid argument: index {self.described(x)} overflows int"
        return ""

    # ------------------------------------------------------------ x[i:j:k]

    def check_slice(self, x: s.SliceExpr) -> None:
        """operand[low:high:max]"""
        self.expr(x.operand)
        operand = x.operand
        if not is_valid(operand):
            self.use(x.low, x.high, x.max)
            self.invalidate(x, operand.type)
            return
        length, type_ = self._sliceable(x)
        if type_ is None:
            self.use(x.low, x.high, x.max)
            self.invalidate(x, operand.type)
            return
        x.mode, x.type = s.Mode.VALUE, type_
        self._check_bounds(x, length)

    def _sliceable(self, x: s.SliceExpr) -> tuple[int, Type | None]:
        """Length if known (else -1) and type of a slice expression; None after an error."""
        operand = x.operand
        under = operand.type.underlying
        if basic(under).is_string:
            if x.max is not None:
                self.error(codes.INDEX, x.max, "invalid operation: 3-index slice of string")
                return -1, None
            length = len(operand.value) if isinstance(operand.value, bytes) else -1
            self.set_default(operand)
            return length, STRING if operand.type == STRING else operand.type
        if isinstance(under, Array):
            if operand.mode is not s.Mode.VARIABLE:
                message = f"cannot slice unaddressable value {self.described(operand)}"
                self.error(codes.ADDRESS, operand, message)
                return -1, None
            self.take_address(operand)
            return under.length, Slice(under.elem)
        if isinstance(under, Pointer) and isinstance(under.elem.underlying, Array):
            return under.elem.underlying.length, Slice(under.elem.underlying.elem)
        if isinstance(under, Slice):
            return -1, operand.type
        self.error(codes.INDEX, operand, f"cannot slice {self.described(operand)}")
        return -1, None

    def _check_bounds(self, x: s.SliceExpr, length: int) -> None:
        """Constant bounds lie within the length and do not decrease."""
        bounds = [bound for bound in (x.low, x.high, x.max) if bound is not None]
        values = [self.index_value(bound, length + 1 if length >= 0 else -1) for bound in bounds]
        for i, lower in enumerate(values):
            for bound, value in zip(bounds[i:], values[i:], strict=True):
                if 0 <= value < lower:
                    self.error(codes.INDEX, bound, f"invalid slice indices: {value} < {lower}")
                    return
