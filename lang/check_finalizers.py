"""Calls of runtime.SetFinalizer and runtime.AddCleanup: the two that are given a function.

    runtime.SetFinalizer(p, closeFile)         any pointer, a function of one parameter: the run checks both
    runtime.AddCleanup(p, closeNumber, 3)      func AddCleanup[T, S any](ptr *T, cleanup func(S), arg S) Cleanup

The types of AddCleanup are inferred as Go infers them: S is what the function takes, and what the third argument is.

Go: types2/infer.go.                                            Next: check_calls.py
"""

from __future__ import annotations

from lang import syntax as s
from lang.check_base import is_valid, signature_of
from lang.check_builtins import Builtins
from lang.check_generics import holds_all
from lang.go_types import ANY, Named, Param, Pointer, Signature, Type, default_type, is_untyped
from lang.spelling import spelled

PLACES = {"SetFinalizer": 2, "AddCleanup": 3}  # arguments that they have


class Finalizers(Builtins):
    """runtime.SetFinalizer(p, f), runtime.AddCleanup(p, f, x)"""

    def check_finalizer_call(self, x: s.Call) -> bool:
        """Check the arguments of one of the two; False if it is neither, or they are too few or too many."""
        target = x.target
        if target is None or target.package != "runtime" or PLACES.get(target.name) != len(x.args) or x.spread:
            return False
        self.expr(x.args[0])
        self.expr(x.args[1])
        if target.name == "AddCleanup":
            self.expr(x.args[2])
            self._infer(x)
        else:
            self.assign(x.args[0], ANY, "argument to runtime.SetFinalizer")
            self.assign(x.args[1], ANY, "argument to runtime.SetFinalizer")
        return True

    def _infer(self, x: s.Call) -> None:
        """Check the arguments of AddCleanup against each other."""
        ptr, function, arg = x.args
        if not all(map(is_valid, x.args)):
            return
        if not self.tells_pointee(x, ptr, "runtime/mcleanup.go:76:17", "T and S"):
            return
        signature = signature_of(function.type)
        wanted: Type | None = None
        if not is_untyped(function.type) and not holds_all(function.type):
            if signature is None or len(signature.params) != 1 or signature.variadic:
                self.mismatch(x, function, f"type {function.type} of {spelled(function)} does not match func(S)")
                return
            wanted = signature.params[0].type
            if signature.results:
                inferred = f"does not match inferred type func({wanted}) for func(S)"
                self.mismatch(x, function, f"type {function.type} of {spelled(function)} {inferred}")
                return
        if not is_untyped(arg.type):
            both = _joined(wanted or arg.type, arg.type)
            if both is None:
                self.mismatch(x, arg, f"type {arg.type} of {spelled(arg)} does not match inferred type {wanted} for S")
                return
            wanted = both
        elif wanted is None and arg.mode is s.Mode.NIL:
            self.mismatch(x, x.opening, "cannot infer S (declared at $GOROOT/src/runtime/mcleanup.go:76:20)")
            return
        wanted = wanted or default_type(arg.type)
        self.assign(function, Signature((Param("", wanted),), ()), "argument to runtime.AddCleanup")
        self.assign(arg, wanted, "argument to runtime.AddCleanup")


def _joined(a: Type, b: Type) -> Type | None:
    """What two types tell of one type parameter; of int and `type N int` the second counts. None if they disagree."""
    if a == b:
        return a
    if isinstance(a, Named) == isinstance(b, Named) or a.underlying != b.underlying:
        return None
    return a if isinstance(a, Named) else b


def takes(signature: Signature, t: Type) -> bool:
    """Whether a finalizer of this type can be given a pointer of type t, as Go's run time decides it."""
    if len(signature.params) != 1 or signature.variadic:
        return False
    wanted = signature.params[0].type
    if wanted == t:
        return True
    one_is_plain = isinstance(wanted, Pointer) or isinstance(t, Pointer)
    return one_is_plain and isinstance(wanted.underlying, Pointer) and wanted.underlying == t.underlying
