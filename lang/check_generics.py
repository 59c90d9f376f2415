"""Generics: what is generic in packages gets its type argument. Programs declare nothing generic.

    var w weak.Pointer[node]      a generic type is given it           a Generic before, an Instance with it
    weak.Make[node](nil)          so may be a generic function         the Index has the function as its `target`
    weak.Make(p)                  or it is inferred: p is a *node      the Call has it

All of them have one type parameter T; that of a function is what its parameter points to. For runtime.AddCleanup, which
has two, see check_finalizers.py.

Go: types2/instantiate.go, infer.go.                            Next: check_selectors.py
"""

from __future__ import annotations

from collections.abc import Callable

from lang import codes
from lang import syntax as s
from lang.check_base import is_valid
from lang.check_types import Types
from lang.go_types import INVALID, Generic, Interface, Pointer, Type, is_untyped
from lang.objects import Func
from lang.spelling import spelled


class Generics(Types):
    """package.Generic[type]"""

    def type_instance(self, x: s.Index, generic: Type) -> Type:
        """The type that type arguments make of a generic one; INVALID after an error."""
        if not isinstance(generic, Generic):
            if generic != INVALID:
                message = f"invalid operation: {spelled(x)} ({generic} is not a generic type)"
                self.error(codes.INSTANTIATION, x, message)
            return INVALID
        args = self._type_arguments(x)
        if len(args) > 1:
            assert isinstance(x.operand, s.Selector), "generic types are members of packages"
            dot = x.operand.name.pos - 1
            message = f"too many type arguments for type {generic.name}: have {len(args)}, want 1"
            self.error(codes.INSTANTIATION, dot, message)
        return generic.instance(args[0]) if len(args) == 1 else INVALID

    def function_instance(self, x: s.Index, generic: Func) -> None:
        """A generic function with its type argument is a function like others."""
        args = self._type_arguments(x)
        if len(args) > 1:
            self.error(codes.INSTANTIATION, x.more[0], f"got {len(args)} type arguments but want 1")
        if len(args) != 1 or generic.instance is None:
            self.invalidate(x)
            return
        x.target = generic.instance(args[0])
        x.mode, x.type = s.Mode.VALUE, x.target.type

    def _type_arguments(self, x: s.Index) -> list[Type]:
        """The types in brackets; none after an error in one of them."""
        args = [self.type_of(arg) for arg in (x.index, *x.more)]
        return [] if INVALID in args else args

    def infer(self, x: s.Call, instance: Callable[[Type], Func], operand: s.Expr) -> bool:
        """Call the function that takes the operand, a pointer, instead of the generic one; False after an error."""
        if not is_valid(operand) or not self.tells_pointee(x, operand, "weak/pointer.go:68:11", "T"):
            return False
        pointer = operand.type.underlying
        assert isinstance(pointer, Pointer), "it tells what it points to"
        x.target = instance(pointer.elem)
        x.signature = x.target.signature
        return True

    def tells_pointee(self, x: s.Call, operand: s.Expr, declared: str, params: str) -> bool:
        """Whether the operand is a pointer, and so tells T, which Go's library declares there; an error if not.

        `params` are all type parameters of the function. Any pointer could be in an `any`, which tells nothing.
        """
        if is_untyped(operand.type) or holds_all(operand.type):
            self.mismatch(x, x.opening, f"cannot infer T (declared at $GOROOT/src/{declared})")
            return False
        if not isinstance(operand.type.underlying, Pointer):
            text = f"type {operand.type} of {spelled(operand)} does not match *T (cannot infer {params})"
            self.mismatch(x, operand, text)
            return False
        return True

    def mismatch(self, x: s.Call, at: s.Node | int, message: str) -> None:
        """An error in what arguments tell of type parameters."""
        self.error(codes.INFERENCE, at, f"in call to {spelled(x.function)}, {message}")

    # ------------------------------------------------------------ without type arguments

    def generic_or_not(self, x: s.Expr) -> None:
        """Check an expression behind which type arguments may stand, or arguments that tell them."""
        if isinstance(x, s.Selector):
            self.check_selector(x)
        self.expr_or_type(x)

    def refuse_generic(self, x: s.Selector) -> None:
        """An error if an expression lacks type arguments, and stands where nothing can tell them."""
        what = "type" if isinstance(x.type, Generic) else "function" if generic_function(x) else ""
        if what:
            self.error(codes.INSTANTIATION, x, f"cannot use generic {what} {spelled(x)} without instantiation")
            self.invalidate(x)

    def not_generic(self, x: s.Expr, type_: Type) -> Type:
        """A type that stands where its type arguments would have to stand, too; INVALID after an error."""
        if isinstance(type_, Generic):
            self.error(codes.INSTANTIATION, x, f"cannot use generic type {type_} without instantiation")
            return INVALID
        return type_


def holds_all(type_: Type) -> bool:
    """Whether values of all types have a place in a type."""
    under = type_.underlying
    return isinstance(under, Interface) and not under.methods


def generic_function(x: s.Expr) -> Func | None:
    """The generic function that an expression names, which needs type arguments yet."""
    selection = x.selection if isinstance(x, s.Selector) else None
    found = selection.object if isinstance(selection, s.PackageSelection) else None
    return found if isinstance(found, Func) and found.instance is not None else None
