"""Conversions and assignability: when a value fits where it is put.

    var f float64 = 1        implicit: the untyped constant becomes a float64 (`convert_untyped`, `set_type`)
    f = x                    assignable: identical types, or one of a few exceptions (`assignable_to`)
    float64(i)               explicit (`conversion`)

Go: types2/assignments.go, conversions.go, operand.go.          Next: check_operators.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lang import codes
from lang import constants as c
from lang import syntax as s
from lang.check_base import CheckerBase, is_valid
from lang.go_types import (
    INVALID,
    UNTYPED_BOOL,
    UNTYPED_FLOAT,
    UNTYPED_INT,
    UNTYPED_NIL,
    UNTYPED_RUNE,
    Array,
    Basic,
    Chan,
    Interface,
    Kind,
    Map,
    Named,
    Pointer,
    Signature,
    Slice,
    Struct,
    Type,
    basic,
    default_type,
    has_nil,
    is_interface,
    is_untyped,
)
from lang.lookup import missing_method
from lang.objects import Value

# Why an untyped value cannot take a type.
OK, TRUNCATED, OVERFLOWS, IMPOSSIBLE = "", "truncated", "overflows", "impossible"
_UNTYPED_ORDER = (Kind.UNTYPED_INT, Kind.UNTYPED_RUNE, Kind.UNTYPED_FLOAT)
_UNTYPED_BY_KIND = {t.kind: t for t in (UNTYPED_INT, UNTYPED_RUNE, UNTYPED_FLOAT, UNTYPED_BOOL)}


@dataclass(slots=True)
class Implied:
    """The type that an untyped operand takes in some place, or why it cannot."""

    type: Type
    value: Value | None                                         # of a constant, as that type holds it
    problem: str = OK


class Conversions(CheckerBase):
    """Giving operands the types they need."""

    # ------------------------------------------------------------ untyped operands

    def implied(self, x: s.Expr, target: Type) -> Implied:
        """What becomes of an untyped operand where a value of type target is expected."""
        if not is_untyped(x.type) or target == INVALID:
            return Implied(x.type, x.value)
        if is_untyped(target):
            return self._common_untyped(x, target)
        if x.mode is s.Mode.NIL:
            return Implied(target, None, OK if has_nil(target) else IMPOSSIBLE)
        under = target.underlying
        if isinstance(under, Interface):
            return Implied(default_type(x.type), x.value, IMPOSSIBLE if under.methods else OK)
        if not isinstance(under, Basic):
            return Implied(target, None, IMPOSSIBLE)
        if x.mode is s.Mode.CONSTANT:
            return self._represented(x.value, basic(x.type), target)
        have = basic(x.type)
        fits = under.is_boolean if have.is_boolean else under.is_numeric and have.is_numeric
        return Implied(target, None, OK if fits else IMPOSSIBLE)

    def _common_untyped(self, x: s.Expr, target: Type) -> Implied:
        """The larger of two untyped kinds: int, rune, float."""
        have, want = basic(x.type), basic(target)
        if have == want:
            return Implied(target, x.value)
        if not (have.is_numeric and want.is_numeric):
            return Implied(target, None, IMPOSSIBLE)
        kind = max(have.kind, want.kind, key=_UNTYPED_ORDER.index)
        return Implied(_UNTYPED_BY_KIND[kind], x.value)

    def _represented(self, value: Value | None, have: Basic, target: Type) -> Implied:
        """A constant as a value of a basic type; one that is not known fits any."""
        want = basic(target)
        if value is None:
            return Implied(target, None)
        held = c.represented(value, want)
        if held is not None:
            return Implied(target, held)
        if not (have.is_numeric and want.is_numeric):
            return Implied(target, None, IMPOSSIBLE)
        return Implied(target, None, TRUNCATED if want.is_integer and not have.is_integer else OVERFLOWS)

    def convert_untyped(self, x: s.Expr, target: Type) -> None:
        """Give an untyped operand a type; an error if it has no value of that type."""
        implied = self.implied(x, target)
        if implied.problem:
            self._invalid_conversion(x, target.underlying, implied.problem)
        elif implied.type is not x.type:
            self.set_type(x, implied.type, implied.value)

    def _invalid_conversion(self, x: s.Expr, target: Type, problem: str) -> None:
        forms = {TRUNCATED: "{} truncated to {}", OVERFLOWS: "{} overflows {}"}
        form = forms.get(problem, "cannot convert {} to type {}")
        code = codes.CONVERSION if problem == IMPOSSIBLE else codes.CONSTANT_RANGE
        self.error(code, x, form.format(self.described(x), target))
        self.invalidate(x, x.type)

    def set_type(self, x: s.Expr, type_: Type, value: Value | None = None) -> None:
        """Give an untyped expression its type, and its untyped parts theirs.

        The parts of a constant are never computed at run time, so they are left alone.
        """
        if not is_untyped(x.type) or x.mode is s.Mode.INVALID:
            return
        if isinstance(x, s.Paren):
            self.set_type(x.inner, type_, value)
        elif x.mode is not s.Mode.CONSTANT:
            self._set_parts(x, type_)
        if not is_untyped(type_):
            if x in self.shift_operands and not basic(type_).is_integer:
                message = f"invalid operation: shifted operand {self.spelled_operand(x)} (type {type_}) must be integer"
                self.error(codes.OPERATOR, x, message)
                self.invalidate(x, x.type)
                return
            if x.mode is s.Mode.CONSTANT and isinstance(type_.underlying, Basic):
                implied = self._represented(x.value, basic(x.type), type_)
                if implied.problem:
                    self._invalid_conversion(x, type_.underlying, implied.problem)
                    return
                value = implied.value
        x.type = type_
        if x.mode is s.Mode.CONSTANT and value is not None:
            x.value = value

    def _set_parts(self, x: s.Expr, type_: Type) -> None:
        if isinstance(x, s.Unary):
            self.set_type(x.operand, type_)
        elif isinstance(x, s.Binary) and x.op not in ("==", "!=", "<", "<=", ">", ">="):
            self.set_type(x.left, type_)
            if x.op not in ("<<", ">>"):
                self.set_type(x.right, type_)

    def spelled_operand(self, x: s.Expr) -> str:
        """The expression alone, without what it is."""
        return self.described(x).split(" (")[0]

    def set_default(self, x: s.Expr) -> None:
        """Give an operand that nothing else gives a type its default type."""
        if is_untyped(x.type):
            self.convert_untyped(x, default_type(x.type))

    def representable(self, x: s.Expr, type_: Type) -> None:
        """Check that a typed constant fits its type, and round it."""
        implied = self._represented(x.value, basic(x.type), type_)
        if implied.problem:
            self._invalid_conversion(x, type_.underlying, implied.problem)
        else:
            x.value = implied.value

    # ------------------------------------------------------------ assignability

    def assignable_to(self, x: s.Expr, target: Type) -> tuple[bool, str]:
        """Whether x can be assigned to a variable of a type; if not, maybe a reason."""
        have = x.type
        if target in (have, INVALID):
            return True, ""
        if is_untyped(have):
            return not self.implied(x, target).problem, ""
        have_under, want_under = have.underlying, target.underlying
        if have_under == want_under and not (_has_name(have) and _has_name(target)):
            return True, ""
        if isinstance(want_under, Interface):
            if have_under == INVALID:
                return True, ""
            why = missing_method(have, want_under, self.resolve)
            return not why, f"{_unaliased(have)} does not implement {target} {why}" if why else ""
        if isinstance(want_under, Pointer) and is_interface(want_under.elem):
            why = f"(type {target} is pointer to interface, not interface)"
            return False, f"{_unaliased(have)} does not implement {target} {why}"
        if isinstance(have_under, Interface) and not missing_method(target, have_under, self.resolve):
            return False, "need type assertion"
        if isinstance(have_under, Chan) and isinstance(want_under, Chan) and not have_under.direction:
            return have_under.elem == want_under.elem and not (_has_name(have) and _has_name(target)), ""
        return False, ""

    def assign(self, x: s.Expr, target: Type | None, context: str) -> None:
        """Check that x can be put where a value of type target belongs; None stands for the blank identifier."""
        self.single_value(x)
        if not is_valid(x):
            return
        if x.mode in (s.Mode.NO_VALUE, s.Mode.BUILTIN, s.Mode.TYPE, s.Mode.PACKAGE):
            self.error(codes.ASSIGN_TYPE, x, f"cannot assign {self.described(x)} to {target} in {context}")
            self.invalidate(x, x.type)
            return
        if is_untyped(x.type) and not self._assign_untyped(x, target, context):
            return
        if target is None:
            return
        fits, why = self.assignable_to(x, target)
        if not fits:
            message = f"cannot use {self.described(x)} as {target} value in {context}"
            self.error(codes.ASSIGN_TYPE, x, message + (f": {why}" if why else ""))
            self.invalidate(x, x.type)

    def _assign_untyped(self, x: s.Expr, target: Type | None, context: str) -> bool:
        wanted = target
        if x.mode is s.Mode.NIL:
            if target is None:
                self.error(codes.NIL_USE, x, f"use of untyped nil in {context}")
                self.invalidate(x, x.type)
                return False
        elif target is None or is_interface(target):
            wanted = default_type(x.type)
        assert wanted is not None
        implied = self.implied(x, wanted)
        if implied.problem:
            suffix = f" ({implied.problem})" if implied.problem != IMPOSSIBLE else ""
            code = codes.CONSTANT_RANGE if suffix else codes.ASSIGN_TYPE
            self.error(code, x, f"cannot use {self.described(x)} as {wanted} value in {context}{suffix}")
            self.invalidate(x, x.type)
            return False
        if implied.type is not x.type:
            self.set_type(x, implied.type, implied.value)
        return is_valid(x)

    def single_value(self, x: s.Expr) -> None:
        """An error if x gives several values."""
        if x.mode is s.Mode.VALUE and type(x.type).__name__ == "Tuple":
            self.error(codes.VALUE_COUNT, x, f"multiple-value {self.described(x)} in single-value context")
            self.invalidate(x, x.type)

    # ------------------------------------------------------------ T(x)

    def conversion(self, call: s.Call, x: s.Expr, target: Type) -> None:
        """Check T(x); the call gets the mode, type and value of the result."""
        is_constant_type = isinstance(target.underlying, Basic) and target.underlying != INVALID
        was_constant = x.mode is s.Mode.CONSTANT
        call.type = target
        if was_constant and is_constant_type:
            call.mode = s.Mode.CONSTANT
            call.value = self._converted_constant(x, target)
            ok = call.value is not None or x.value is None
            if not ok and basic(x.type).is_integer and basic(target).is_integer:
                assert x.value is not None
                message = f"constant {c.spelled_value(x.value)} overflows {target}"
                self.error(codes.CONSTANT_RANGE, x, message)
                self.invalidate(call, x.type)
                return
        else:
            ok, why = self._convertible(x, target)
            call.mode = s.Mode.VALUE
            if not ok and why:
                self.error(codes.CONVERSION, x, f"cannot convert {self.described(x)} to type {target}: {why}")
                self.invalidate(call, x.type)
                return
        if not ok:
            if was_constant and basic(target).is_integer and x.value is not None:
                whole = c.as_integer(x.value)
                x.value = x.value if whole is None else whole  # 1e100 is shown in all its digits
            self.error(codes.CONVERSION, x, f"cannot convert {self.described(x)} to type {target}")
            self.invalidate(call, x.type)
            return
        self._finish_operand(x, target, was_constant and not is_constant_type)

    def _finish_operand(self, x: s.Expr, target: Type, takes_default: bool) -> None:
        """Give an untyped operand of a conversion its final type."""
        if not is_untyped(x.type):
            return
        if x.mode is s.Mode.NIL:
            x.type = target
        elif takes_default or is_interface(target):
            self.set_type(x, default_type(x.type))
        elif not (x.mode is s.Mode.CONSTANT and basic(x.type).is_integer and basic(target).is_string):
            self.set_type(x, target)

    def _converted_constant(self, x: s.Expr, target: Type) -> Value | None:
        want = basic(target)
        if x.value is None:
            return None
        held = c.represented(x.value, want)
        if held is not None:
            return held
        if basic(x.type).is_integer and want.is_string:
            point = c.as_integer(x.value)
            valid = point is not None and 0 <= point <= 0x10FFFF and not 0xD800 <= point < 0xE000
            return chr(point if valid and point is not None else 0xFFFD).encode()
        return None

    def _convertible(self, x: s.Expr, target: Type) -> tuple[bool, str]:
        fits, why = self.assignable_to(x, target)
        if fits:
            return True, ""
        have, want = x.type.underlying, target.underlying
        if _without_tags(have) == _without_tags(want):
            return True, ""
        have_elem = x.type.elem.underlying if isinstance(x.type, Pointer) else None
        want_elem = target.elem.underlying if isinstance(target, Pointer) else None
        if have_elem is not None and want_elem is not None and _without_tags(have_elem) == _without_tags(want_elem):
            return True, ""
        if basic(have).is_numeric and basic(want).is_numeric:
            return True, ""
        if basic(want).is_string and (basic(have).is_integer or _is_text_slice(have)):
            return True, ""
        if basic(have).is_string and _is_text_slice(want):
            return True, ""
        if isinstance(have, Slice):
            array = want.elem.underlying if isinstance(want, Pointer) else want
            if isinstance(array, Array) and array.elem == have.elem:
                return True, ""
        return False, why


def _has_name(type_: Type) -> bool:
    return isinstance(type_, (Basic, Named))


def _unaliased(type_: Type) -> str:
    return "interface{}" if str(type_) == "any" else str(type_)


def _is_text_slice(type_: Type) -> bool:
    """Whether it is []byte or []rune."""
    return isinstance(type_, Slice) and basic(type_.elem).kind in (Kind.UINT8, Kind.INT32)


def _without_tags(type_: Type) -> Type:
    """The type with all tags in its literal parts left out: what is named keeps its own."""
    match type_:
        case Pointer(elem):
            return Pointer(_without_tags(elem))
        case Slice(elem):
            return Slice(_without_tags(elem))
        case Array(length, elem):
            return Array(length, _without_tags(elem))
        case Map(key, elem):
            return Map(_without_tags(key), _without_tags(elem))
        case Struct(fields):
            return Struct(tuple(replace(f, type=_without_tags(f.type), tag="") for f in fields))
        case Signature():
            return _signature_without_tags(type_)
        case Interface(methods):
            return Interface(tuple(replace(m, signature=_signature_without_tags(m.signature)) for m in methods))
    return type_


def _signature_without_tags(signature: Signature) -> Signature:
    params, results = (
        tuple(replace(p, type=_without_tags(p.type)) for p in group) for group in (signature.params, signature.results)
    )
    return Signature(params, results, signature.variadic)


def is_nil(x: s.Expr) -> bool:
    """Whether x is the untyped nil."""
    return x.mode is s.Mode.NIL and x.type is UNTYPED_NIL
