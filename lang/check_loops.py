"""Loops: for in all its forms, and what a range loop walks over.

    for i := range n { ... }           i is a new variable in each iteration
    for i, c := range "text" { ... }   byte offsets and runes

Go: types2/stmt.go (ForStmt), range.go.                         Next: check_switches.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from lang import codes
from lang import syntax as s
from lang.check_assignments import Assignments
from lang.check_base import is_valid
from lang.go_types import (
    INT,
    INVALID,
    RUNE,
    Array,
    Chan,
    Map,
    Pointer,
    Signature,
    Slice,
    Type,
    basic,
    is_untyped,
)
from lang.objects import Var
from lang.spelling import spelled


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a statement: which branch statements make sense."""

    breakable: s.Stmt | None = None                             # the innermost for, switch or select
    loop: s.Stmt | None = None                                  # the innermost for
    case: s.Case | None = None                                  # whose last statement this is: may fall through
    in_final_case: bool = False
    in_type_switch: bool = False

    def inner(self) -> Around:
        """The same for statements further inside."""
        return replace(self, case=None, in_final_case=False, in_type_switch=False)


TOP = Around()


class Loops(Assignments):
    """for statements."""

    def statement(self, x: s.Stmt, around: Around) -> None:
        """Check a statement."""
        raise NotImplementedError

    def check_block(self, x: s.Block, around: Around) -> None:
        """Check the statements of a block, in a scope of their own."""
        raise NotImplementedError

    def _stmt_for(self, x: s.For, around: Around) -> None:
        self.open_scope()
        if x.init is not None:
            self.statement(x.init, TOP)
            if isinstance(x.init, s.Define):
                x.variables = [var for var in x.init.new if var is not None]
        if x.condition is not None:
            self.condition(x.condition, "for")
        if x.post is not None:
            self.statement(x.post, TOP)
        self.check_block(x.body, Around(breakable=x, loop=x))
        self.close_scope()

    def _stmt_range(self, x: s.Range, around: Around) -> None:
        had_call, self.has_call = self.has_call, False
        self.expr(x.operand)
        self._check_range_operand(x)
        is_array = x.kind in (s.RangeKind.ARRAY, s.RangeKind.ARRAY_POINTER)
        x.is_counted = is_array and x.value is None and not self.has_call
        self.has_call = self.has_call or had_call
        self.open_scope()
        types = self._range_types(x) if is_valid(x.operand) else (INVALID, INVALID)
        if x.define:
            self._define_range_variables(x, types)
        elif x.key is not None:
            for target, type_ in ((x.key, types[0]), (x.value, types[1])):
                if target is not None and type_ != INVALID:
                    self._assign_range_variable(x, target, type_)
        elif x.kind is s.RangeKind.INTEGER and is_valid(x.operand):
            self.assign(x.operand, None, "range clause")
        self.check_block(x.body, Around(breakable=x, loop=x))
        self.close_scope()

    def _check_range_operand(self, x: s.Range) -> None:
        """Say what the loop walks over."""
        operand = x.operand
        if not is_valid(operand):
            return
        kind, why = _range_kind(operand.type)
        if isinstance(operand.value, Fraction) and operand.mode is s.Mode.CONSTANT:
            kind = None
        if kind is None:
            message = f"cannot range over {self.described(operand)}" + (f": {why}" if why else "")
            self.error(codes.RANGE, operand, message)
            self.invalidate(operand)
            return
        x.kind = kind
        if kind in (s.RangeKind.MAP, s.RangeKind.CHANNEL, s.RangeKind.FUNCTION):
            words = {s.RangeKind.MAP: "maps", s.RangeKind.CHANNEL: "channels"}
            self.refuse(x, words.get(kind, "range over functions"))
        if kind in (s.RangeKind.INTEGER, s.RangeKind.CHANNEL) and x.value is not None:
            message = f"range over {self.described(operand)} permits only one iteration variable"
            self.error(codes.RANGE, x.value, message)
        elif x.extra is not None:
            self.error(codes.RANGE, x.extra, "range clause permits at most two iteration variables")
        if kind is not s.RangeKind.INTEGER:
            self.set_default(operand)

    def _range_types(self, x: s.Range) -> tuple[Type, Type]:
        """Types of key and value."""
        under = x.operand.type.underlying
        match under:
            case Slice(elem) | Array(_, elem):
                return INT, elem
            case Pointer(elem) if isinstance(elem.underlying, Array):
                return INT, elem.underlying.elem
            case Map(key, elem):
                return key, elem
            case Chan(elem):
                return elem, INVALID
            case Signature(params):
                yielded = params[0].type.underlying
                types = [p.type for p in yielded.params] if isinstance(yielded, Signature) else []
                first, second = (types + [INVALID, INVALID])[:2]
                return first, second
        return (INT, RUNE) if basic(under).is_string else (x.operand.type, INVALID)

    def _define_range_variables(self, x: s.Range, types: tuple[Type, Type]) -> None:
        variables: list[tuple[s.Name, Var]] = []
        for i, target in enumerate((x.key, x.value)):
            if target is None:
                continue
            if not isinstance(target, s.Name):
                self.error(codes.ASSIGN_TARGET, target, f"invalid syntax tree: cannot declare {spelled(target)}")
                continue
            target.mode = s.Mode.VARIABLE
            var = self.new_local(target)
            if types[i] == INVALID:
                var.used = True
            elif x.kind is s.RangeKind.INTEGER:
                self.init_var(var, x.operand, "range clause")
                var.value = None  # it is another one in each round
            else:
                var.type = types[i]
            target.type = var.type
            if target.name != "_":
                variables.append((target, var))
                if i == 0:
                    x.key_var = var
                else:
                    x.value_var = var
        if x.kind is s.RangeKind.INTEGER and is_untyped(x.operand.type) and is_valid(x.operand):
            self.assign(x.operand, None, "range clause")
        if not variables:
            self.error(codes.NO_NEW_VARIABLES, x, "no new variables on left side of :=")
        for name, var in variables:
            self.declare(self.at.scope, name, var)

    def _assign_range_variable(self, x: s.Range, target: s.Expr, type_: Type) -> None:
        if x.kind is s.RangeKind.INTEGER:
            wanted = self.target_type(target)
            if wanted != INVALID:
                self.assign(x.operand, wanted, "range clause")
                if is_valid(x.operand) and not basic(x.operand.type).is_integer:
                    message = f"cannot use iteration variable of type {x.operand.type}"
                    self.error(codes.RANGE, target, message)
            return
        wanted = self.target_type(target)
        if wanted is not None and wanted != INVALID:
            value = self.stand_in(target.pos, spelled(target), type_)
            self.assign(value, wanted, "assignment")


def _range_kind(type_: Type) -> tuple[s.RangeKind | None, str]:
    """What ranging over a type means, or why it is not possible."""
    under = type_.underlying
    if isinstance(under, Pointer) and isinstance(under.elem.underlying, Array):
        return s.RangeKind.ARRAY_POINTER, ""
    if isinstance(under, Chan) and under.direction == "send":
        return None, f"receive from send-only channel {type_}"
    if isinstance(under, Signature):
        return (s.RangeKind.FUNCTION, "") if len(under.params) == 1 else (None, _WRONG_ITERATOR)
    kinds = {
        Slice: s.RangeKind.SLICE,
        Array: s.RangeKind.ARRAY,
        Map: s.RangeKind.MAP,
        Chan: s.RangeKind.CHANNEL,
    }
    if type(under) in kinds:
        return kinds[type(under)], ""
    if basic(under).is_string:
        return s.RangeKind.STRING, ""
    return (s.RangeKind.INTEGER if basic(under).is_integer else None), ""


_WRONG_ITERATOR = "func must be func(yield func(...) bool): wrong argument count"
