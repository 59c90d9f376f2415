"""Calls: conversions, built-ins, functions, methods.

    Celsius(f)      a type in front: a conversion               f(a, b...)    the slice b is passed as it is
    len(s)          a predeclared function                      f(g())        g gives all the arguments
    t.insert(v)     a method                                    f(1, 2, 3)    extra arguments become a slice

Go: types2/call.go.                                             Next: check_expressions.py
"""

from __future__ import annotations

from lang import codes
from lang import syntax as s
from lang.check_base import TOLD_TYPES, is_valid, result_types, signature_of, types_summary, unparen
from lang.check_finalizers import Finalizers
from lang.go_types import NO_VALUE, Signature, Slice, Tuple
from lang.objects import Builtin, Func
from lang.spelling import spelled


class Calls(Finalizers):
    """f(x)"""

    def check_call(self, x: s.Call) -> None:
        """function(args)"""
        function = x.function
        self.generic_or_not(function)
        if isinstance(function, s.Selector) and function.mode is s.Mode.TYPE:
            self.refuse_generic(function)  # what is converted tells no type argument
        if not is_valid(function):
            self.use(*x.args)
            self.invalidate(x, function.type)
            return
        if function.mode is s.Mode.TYPE:
            self._check_conversion(x)
            return
        if function.mode is s.Mode.BUILTIN:
            name = unparen(function)
            assert isinstance(name, s.Name)
            assert isinstance(name.object, Builtin)
            self.check_builtin_call(x, name.object.name)
            return
        signature = signature_of(function.type)
        if signature is None:
            message = f"invalid operation: cannot call {self.described(function)}: {function.type} is not a function"
            if function.mode is s.Mode.NIL:
                message = "invalid operation: cannot call nil: untyped nil is not a function"
            self.error(codes.NOT_CALLABLE, function, message)  # Go does not look at the arguments
            self.invalidate(x, function.type)
            return
        x.signature = signature
        self._find_target(x)
        if not self.check_finalizer_call(x):
            self.check_arguments(x, signature)
        self.has_call = True
        x.type = x.signature.result
        if x.target is not None and x.target.instance is not None:  # nothing told its type arguments
            self.invalidate(x)
            return
        if not self.is_complete(x.type):
            self.invalidate(x)
            return
        x.mode = s.Mode.NO_VALUE if x.type == NO_VALUE else s.Mode.VALUE

    def _find_target(self, x: s.Call) -> None:
        """What is called: a function or method known now, or one that only the run will know."""
        x.kind = s.CallKind.DYNAMIC
        function = unparen(x.function)
        if isinstance(function, s.Name) and isinstance(function.object, Func):
            x.kind, x.target = s.CallKind.FUNCTION, function.object
        elif isinstance(function, s.Selector):
            selection = function.selection
            if isinstance(selection, s.PackageSelection) and isinstance(selection.object, Func):
                x.kind, x.target = s.CallKind.FUNCTION, selection.object
            elif isinstance(selection, s.MethodSelection):
                x.kind, x.target = s.CallKind.METHOD, selection.method
        elif isinstance(function, s.Index) and function.target is not None:
            x.kind, x.target = s.CallKind.FUNCTION, function.target

    def _check_conversion(self, x: s.Call) -> None:
        x.kind = s.CallKind.CONVERSION
        type_ = x.function.type
        if not self.is_complete(type_):
            self.invalidate(x)
            return
        if len(x.args) != 1:
            self.use(*x.args)
            if x.args:
                message, at = f"too many arguments in conversion to {type_}", x.args[-1].pos
            else:
                message, at = f"missing argument in conversion to {type_}", x.pos
            self.error(codes.ARGUMENT_COUNT, at, message)
            self.invalidate(x, type_)
            return
        arg = x.args[0]
        self.expr(arg)
        if not is_valid(arg):
            self.invalidate(x, arg.type)
            return
        if x.spread:
            self.error(codes.SPREAD, arg, f"invalid use of ... in conversion to {type_}")
            self.invalidate(x, arg.type)
            return
        self.conversion(x, arg, type_)

    # ------------------------------------------------------------ arguments

    def check_arguments(self, x: s.Call, signature: Signature) -> None:
        """Check the arguments against the parameters."""
        operands = self._operands(x)
        params = [p.type for p in signature.params]
        if x.spread and not signature.variadic:
            self.error(codes.SPREAD, x, f"cannot use ... in call to non-variadic {spelled(x.function)}")
            return
        if x.spread and x.expands_tuple:
            message = f"cannot use ... with {len(operands)}-valued {spelled(x.args[0])}"
            self.error(codes.SPREAD, x, message)
            return
        wanted = params
        if signature.variadic and not x.spread:
            last = params[-1]
            assert isinstance(last, Slice)
            wanted = params[:-1] + [last.elem] * max(len(operands) - len(params) + 1, 0)
        if len(operands) != len(wanted):
            self._report_count(x, signature, operands, len(wanted))
            return
        if x.expands_tuple and spelled(x.function) in TOLD_TYPES:
            self.refuse(x.args[0], f"several values as arguments of {spelled(x.function)}")
            return
        if x.target is not None and x.target.instance is not None:
            if not self.infer(x, x.target.instance, operands[0]):
                return
            wanted = [p.type for p in x.target.signature.params]
        context = f"argument to {spelled(x.function)}"
        for operand, type_ in zip(operands, wanted, strict=True):
            self.assign(operand, type_, context)

    def _operands(self, x: s.Call) -> list[s.Expr]:
        """The arguments; the values of the one call that stands for all of them."""
        if len(x.args) != 1:
            for arg in x.args:
                self.expr(arg)
            return x.args
        operands = self.values_of(x.args[0], spelled(x.args[0]))
        x.expands_tuple = len(operands) > 1
        return operands

    def values_of(self, x: s.Expr, name: str = "") -> list[s.Expr]:
        """Check an expression that may give several values; an operand for each, under a name of its own or this."""
        self.raw_expr(x)
        self.exclude(x, s.Mode.NO_VALUE, s.Mode.BUILTIN, s.Mode.TYPE)
        if not is_valid(x) or not isinstance(x.type, Tuple):
            return [x]
        return [self.stand_in(x.pos, name or _nth(i + 1), t) for i, t in enumerate(result_types(x.type))]

    def exclude(self, x: s.Expr, *modes: s.Mode) -> None:
        """An error if an operand is not a value."""
        if x.mode not in modes:
            return
        if x.mode is s.Mode.NO_VALUE:
            what = "used as value" if s.Mode.TYPE in modes else "used as value or type"
            self.error(codes.NO_VALUE, x, f"{self.described(x)} {what}")
            call = unparen(x)
            assert isinstance(call, s.Call), "only calls give no value"
            x.type = call.type if call.kind is s.CallKind.BUILTIN else call.function.type
        elif x.mode is s.Mode.BUILTIN:
            self.error(codes.BUILTIN_USE, x, f"{self.described(x)} must be called")
        else:
            self.error(codes.NOT_AN_EXPRESSION, x, f"{self.described(x)} is not an expression")
        self.invalidate(x, x.type)

    def _report_count(self, x: s.Call, signature: Signature, operands: list[s.Expr], wanted: int) -> None:
        if len(operands) > wanted:
            qualifier, at = "too many", operands[wanted].pos
        else:
            qualifier, at = "not enough", (operands[-1] if operands else x).pos
        have = types_summary([operand.type for operand in operands], spread=x.spread)
        want = types_summary([p.type for p in signature.params], variadic=signature.variadic)
        message = f"{qualifier} arguments in call to {spelled(x.function)}"
        self.error(codes.ARGUMENT_COUNT, at, message, f"have {have}", f"want {want}")


def _nth(n: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(n, "th")
    return f"{n}{ending} function result"
