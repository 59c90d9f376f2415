"""Built-in functions: len, append, make, new, ...

Each has a method `_check_<name>` that gets the call, its arguments checked already (but for make and new, whose first
argument is a type), and gives the call its mode, type and value.

Go: types2/builtins.go.                                         Next: check_finalizers.py
"""

from __future__ import annotations

from lang import codes
from lang import constants as c
from lang import syntax as s
from lang.check_base import is_valid, result_types, types_summary
from lang.check_literals import Literals
from lang.go_types import (
    ANY,
    BYTE,
    INT,
    INVALID,
    STRING,
    Array,
    Chan,
    Interface,
    Map,
    Pointer,
    Slice,
    Struct,
    Type,
    basic,
    default_type,
    is_ordered,
    is_untyped,
)
from lang.scopes import BUILTINS, VARIADIC_BUILTINS
from lang.spelling import spelled

_UNEVALUATED = frozenset(["make", "new"])


class Builtins(Literals):
    """Calls of predeclared functions."""

    def check_builtin_call(self, x: s.Call, name: str) -> None:
        """name(args)"""
        x.kind, x.builtin = s.CallKind.BUILTIN, name
        if x.spread and name != "append":
            message = f"invalid operation: invalid use of ... with built-in {name}"
            self.error(codes.SPREAD, x, message)
            self.use(*x.args)
            self.invalidate(x)
            return
        had_call, self.has_call = self.has_call, False
        self._check_arguments(x, name)
        self.has_call = self.has_call or had_call
        if is_valid(x) and x.mode is not s.Mode.CONSTANT:
            self.has_call = True

    def _check_arguments(self, x: s.Call, name: str) -> None:
        given = len(x.args)
        if name not in _UNEVALUATED:
            if given == 1:
                given = len(self.values_of(x.args[0]))
            for arg in x.args if given == len(x.args) else []:
                self.expr(arg)
            if not all(map(is_valid, x.args)):
                self.invalidate(x)
                return
        least = BUILTINS[name]
        too_many = given > least and name not in VARIADIC_BUILTINS
        if given < least or too_many:
            qualifier = "too many" if too_many else "not enough"
            message = f"invalid operation: {qualifier} arguments for {spelled(x)} (expected {least}, found {given})"
            self.error(codes.ARGUMENT_COUNT, x, message)
            self._refuse_call(x)
            return
        if given != len(x.args):
            self.refuse(x.args[0], "several values as arguments of a built-in function")
            self.invalidate(x)
            return
        getattr(self, f"_check_{name}")(x)

    def _refuse_call(self, x: s.Call) -> None:
        """Mark a call as wrong."""
        shown = result_types(x.args[0].type) if x.args else [INVALID]
        self.invalidate(x, shown[0])

    def _gives(self, x: s.Call, type_: Type) -> None:
        x.mode, x.type = s.Mode.VALUE, type_

    def _gives_nothing(self, x: s.Call, shown: Type) -> None:
        x.mode, x.type = s.Mode.NO_VALUE, shown

    def _report_no_slice(self, x: s.Call, arg: s.Expr) -> None:
        what = "untyped nil" if arg.mode is s.Mode.NIL else self.described(arg)
        self.error(codes.BUILTIN_ARGUMENT, arg, f"invalid {x.builtin}: argument must be a slice; have {what}")

    # ------------------------------------------------------------ one method a function, by name

    def _check_append(self, x: s.Call) -> None:
        slice_ = x.args[0]
        under = slice_.type.underlying
        if slice_.mode is s.Mode.NIL or not isinstance(under, Slice):
            self._report_no_slice(x, slice_)
            self._refuse_call(x)
            return
        self._gives(x, slice_.type)
        if x.spread:
            self._check_spread_append(x, under)
            return
        for arg in x.args[1:]:
            self.assign(arg, under.elem, "argument to append")

    def _check_spread_append(self, x: s.Call, under: Slice) -> None:
        """append(slice, more...): more is a slice, or a string if slice holds bytes."""
        if len(x.args) != 2:
            have = types_summary([arg.type for arg in x.args], spread=True)
            want = types_summary([x.args[0].type, under], variadic=True)
            qualifier = "too many" if len(x.args) > 2 else "not enough"
            at = x.args[2] if len(x.args) > 2 else x.args[-1]
            message = f"{qualifier} arguments in call to append"
            self.error(codes.ARGUMENT_COUNT, at, message, f"have {have}", f"want {want}")
            return
        more = x.args[1]
        if basic(under.elem) == BYTE and basic(more.type).is_string:
            self.set_type(more, STRING)
        else:
            self.assign(more, Slice(under.elem), "argument to append")

    def _check_cap(self, x: s.Call) -> None:
        self._check_len(x)

    def _check_len(self, x: s.Call) -> None:
        arg = x.args[0]
        under = arg.type.underlying
        if isinstance(under, Pointer) and isinstance(under.elem.underlying, Array):
            under = under.elem.underlying
        x.type, x.mode = INT, s.Mode.VALUE
        if isinstance(under, Array):
            if not self.has_call:
                x.mode, x.value = s.Mode.CONSTANT, under.length
        elif x.builtin == "len" and basic(under).is_string:
            if isinstance(arg.value, bytes):
                x.mode, x.value = s.Mode.CONSTANT, len(arg.value)
            self.set_type(arg, STRING)
        elif not isinstance(under, (Slice, Chan)) and not (x.builtin == "len" and isinstance(under, Map)):
            if under != INVALID:
                message = f"invalid argument: {self.described(arg)} for built-in {x.builtin}"
                self.error(codes.BUILTIN_ARGUMENT, arg, message)
            self._refuse_call(x)

    def _check_clear(self, x: s.Call) -> None:
        self._gives_nothing(x, x.args[0].type)
        if not isinstance(x.args[0].type.underlying, (Map, Slice)):
            what = self.described(x.args[0])
            message = f"invalid argument: cannot clear {what}: argument must be (or constrained by) map or slice"
            self.error(codes.BUILTIN_ARGUMENT, x.args[0], message)
            self._refuse_call(x)

    def _check_close(self, x: s.Call) -> None:
        self.refuse(x, "channels")
        self._gives_nothing(x, x.args[0].type)
        if not isinstance(x.args[0].type.underlying, Chan):
            message = f"invalid operation: cannot close non-channel {self.described(x.args[0])}"
            self.error(codes.BUILTIN_ARGUMENT, x.args[0], message)
            self._refuse_call(x)

    def _check_complex(self, x: s.Call) -> None:
        self.refuse(x, "complex numbers")
        self.invalidate(x)

    _check_real = _check_imag = _check_complex

    def _check_copy(self, x: s.Call) -> None:
        target, source = x.args
        self._gives(x, INT)
        into, out_of = target.type.underlying, source.type.underlying
        if not isinstance(into, Slice):
            self._report_no_slice(x, target)
            self._refuse_call(x)
            return
        if basic(into.elem) == BYTE and basic(out_of).is_string:
            self.set_type(source, STRING)
        elif not isinstance(out_of, Slice) and not basic(out_of).is_string:
            self._report_no_slice(x, source)
            self._refuse_call(x)
        else:
            elem = out_of.elem if isinstance(out_of, Slice) else BYTE
            if elem != into.elem:
                both = f"{self.described(target)} and {self.described(source)}"
                message = f"invalid copy: arguments {both} have different element types {into.elem} and {elem}"
                self.error(codes.BUILTIN_ARGUMENT, target, message)
                self._refuse_call(x)

    def _check_delete(self, x: s.Call) -> None:
        map_ = x.args[0].type.underlying
        if not isinstance(map_, Map):
            self.error(codes.BUILTIN_ARGUMENT, x.args[0], f"invalid argument: {self.described(x.args[0])} is not a map")
            self._refuse_call(x)
            return
        self.assign(x.args[1], map_.key, "argument to delete")
        if is_valid(x.args[1]):
            self._gives_nothing(x, x.args[1].type)
        else:
            self.invalidate(x, x.args[1].type)

    def _check_make(self, x: s.Call) -> None:
        arg, *sizes = x.args
        type_ = self.type_of(arg)
        under = type_.underlying
        if type_ == INVALID:
            self.invalidate(x)
            return
        if not isinstance(under, (Slice, Map, Chan)):
            message = f"invalid argument: cannot make {spelled(arg)}: type must be slice, map, or channel"
            self.error(codes.BUILTIN_ARGUMENT, arg, message)
            self.invalidate(x)
            return
        least = 2 if isinstance(under, Slice) else 1
        if not least <= len(x.args) <= least + 1:
            wanted = f"expects {least} or {least + 1} arguments; found {len(x.args)}"
            self.error(codes.ARGUMENT_COUNT, x, f"invalid operation: {spelled(x)} {wanted}")
            self.invalidate(x)
            return
        self._gives(x, type_)
        values = [self.index_value(size, -1) for size in sizes]
        if len(values) == 2 and values[0] > values[1] >= 0:
            self.error(codes.BUILTIN_ARGUMENT, sizes[0], "invalid argument: length and capacity swapped")

    def _check_max(self, x: s.Call) -> None:
        self._check_min(x)

    def _check_min(self, x: s.Call) -> None:
        op = "<" if x.builtin == "min" else ">"
        best = x.args[0]
        for arg in x.args:
            if not is_ordered(arg.type):
                message = f"invalid argument: {self.described(arg)} cannot be ordered"
                self.error(codes.BUILTIN_ARGUMENT, arg, message)
                self.invalidate(x, best.type)
                return
        all_constant = all(arg.mode is s.Mode.CONSTANT for arg in x.args)
        for arg in x.args[1:]:
            self.match_types(best, arg)
            if not is_valid(best) or not is_valid(arg):
                self.invalidate(x, best.type)
                return
            if best.type != arg.type:
                known = f"mismatched types {best.type} (previous argument) and {arg.type}"
                message = f"invalid argument: {known} (type of {spelled(arg)})"
                self.error(codes.MISMATCHED_TYPES, arg, message)
                self.invalidate(x, best.type)
                return
            assert not all_constant or (best.value is not None and arg.value is not None)
            if not is_untyped(arg.type) and is_untyped(best.type):
                best = arg
            elif all_constant and best.value is not None and arg.value is not None:
                best = arg if c.compare(op, arg.value, best.value) else best
        type_ = next((arg.type for arg in x.args if not is_untyped(arg.type)), best.type)
        type_ = type_ if all_constant else default_type(type_)
        x.type, x.mode = type_, s.Mode.VALUE
        if all_constant:
            x.mode, x.value = s.Mode.CONSTANT, best.value
        for arg in x.args:
            self.set_type(arg, type_)

    def _check_new(self, x: s.Call) -> None:
        arg = x.args[0]
        self.expr_or_type(arg)
        self.exclude(arg, s.Mode.NO_VALUE, s.Mode.BUILTIN)
        if is_valid(arg) and is_untyped(arg.type):
            self.assign(arg, None, "argument to new")
        if not is_valid(arg):
            self._refuse_call(x)
            return
        if arg.mode is not s.Mode.TYPE:
            self.refuse(arg, "values as arguments of new")
        self._gives(x, Pointer(arg.type))

    def _check_panic(self, x: s.Call) -> None:
        self.panics.add(x)
        self.assign(x.args[0], ANY, "argument to panic")
        if is_valid(x.args[0]):
            self._gives_nothing(x, x.args[0].type)
        else:
            self._refuse_call(x)

    def _check_print(self, x: s.Call) -> None:
        shown = x.args[0].type if x.args else INVALID
        for arg in x.args:
            self.assign(arg, None, f"argument to built-in {x.builtin}")
            if isinstance(arg.type.underlying, Array | Struct):
                self.unprintable.append((x, arg.type))
            if not is_valid(arg):
                self.invalidate(x, shown)
                return
        self._gives_nothing(x, shown)

    _check_println = _check_print

    def _check_recover(self, x: s.Call) -> None:
        self.recovers = True
        if self.at.function is not None:
            self.at.function.calls_recover = True
        self._gives(x, Interface(()))
