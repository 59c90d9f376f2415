"""Assignments and initialisations: equally many values, each of a fitting type.

    a, b = b, a          n to n
    x, ok := f()         one call that gives all the values, or one of the forms with "ok": m[k], x.(T), <-c
    return a, b          the results are assigned to, too

Go: types2/assignments.go.                                      Next: check_loops.py
"""

from __future__ import annotations

from lang import codes
from lang import syntax as s
from lang.check_base import is_valid, types_summary, unparen
from lang.check_expressions import Expressions
from lang.go_types import INVALID, UNTYPED_BOOL, UNTYPED_NIL, Type, default_type
from lang.objects import Var
from lang.spelling import spelled


class Assignments(Expressions):
    """Putting values into variables."""

    def init_var(self, var: Var, x: s.Expr, context: str) -> None:
        """Check `var = x` in a declaration; a variable without a type gets that of x."""
        if not is_valid(x) or x.type == INVALID:
            self.invalidate(x)
            return
        if var.type == INVALID:
            if x.type is UNTYPED_NIL:
                self.error(codes.NIL_USE, x, f"use of untyped nil in {context}")
                self.invalidate(x)
                return
            var.type = default_type(x.type)
        var.value = x
        self.assign(x, var.type, context)

    def init_vars(self, variables: list[Var], values: list[s.Expr], typed: bool) -> None:
        """Check the values of a declaration of several variables. If typed, the variables have a type already."""
        context = "multiple assignment" if len(variables) > 1 else "assignment"
        operands = self._matching(len(variables), values)
        if operands is None:
            return
        for var, operand in zip(variables, operands, strict=True):
            if typed and var.type == INVALID:
                self.invalidate(operand)
            else:
                self.init_var(var, operand, context)

    def _matching(self, wanted: int, values: list[s.Expr], targets_ok: bool = True) -> list[s.Expr] | None:
        """Check the right side of an assignment; an operand for each variable, or None after an error."""
        is_call = len(values) == 1 and isinstance(unparen(values[0]), s.Call)
        if len(values) == wanted and not is_call:
            for value in values:
                self.expr(value)
            return values
        if len(values) != 1:
            if self.use(*values) and targets_ok:
                self._report_mismatch(wanted, len(values), values)
            return None
        operands = self.values_and_ok(values[0], wanted == 2)
        if len(operands) == wanted:
            return operands
        if is_valid(operands[0]) and targets_ok:
            self._report_mismatch(wanted, len(operands), values)
        return None

    def values_and_ok(self, x: s.Expr, with_ok: bool) -> list[s.Expr]:
        """The values of an expression; with the "ok" of the forms that have one, if it is asked for."""
        operands = self.values_of(x)
        inner = unparen(x)
        has_ok = x.mode in (s.Mode.MAP_INDEX, s.Mode.COMMA_OK)
        if with_ok and len(operands) == 1 and has_ok and isinstance(inner, (s.Index, s.TypeAssert, s.Unary)):
            inner.comma_ok = True
            return [x, self.stand_in(x.pos, "ok value of (comma, ok) expression", UNTYPED_BOOL)]
        return operands

    def _report_mismatch(self, wanted: int, given: int, values: list[s.Expr]) -> None:
        variables, results = _counted(wanted, "variable"), _counted(given, "value")
        call = unparen(values[0])
        if len(values) == 1 and isinstance(call, s.Call):
            results = f"{spelled(call.function)} returns {results}"
        self.error(codes.ASSIGN_COUNT, values[0], f"assignment mismatch: {variables} but {results}")

    # ------------------------------------------------------------ left sides

    def target_type(self, x: s.Expr) -> Type | None:
        """Check the left side of an assignment: its type, None for _, INVALID after an error.

        Assigning to a variable is no use of it.
        """
        name = unparen(x)
        if isinstance(name, s.Name) and name.name == "_":
            return None
        var = self.at.scope.find(name.name) if isinstance(name, s.Name) else None
        was_used = var.used if isinstance(var, Var) else False
        self.expr(x)
        if isinstance(var, Var):
            var.used = was_used
        written = _written_variable(name)
        if written is not None:
            written.assigned = True
        if not is_valid(x) or x.type == INVALID:
            return INVALID
        if x.mode in (s.Mode.VARIABLE, s.Mode.MAP_INDEX):
            return x.type
        if isinstance(x, s.Selector) and x.operand.mode is s.Mode.MAP_INDEX:
            message = f"cannot assign to struct field {spelled(x)} in map"
        else:
            if isinstance(x, s.Selector):
                self._owner_must_be_value(x.operand)
            message = f"cannot assign to {spelled(x)} (neither addressable nor a map index expression)"
        self.error(codes.ASSIGN_TARGET, x, message)
        return INVALID

    def _owner_must_be_value(self, x: s.Expr) -> None:
        """What has the field that is assigned to is no package and no type."""
        if x.mode is s.Mode.PACKAGE:
            self.error(codes.NOT_AN_EXPRESSION, x, f"use of package {spelled(x)} not in selector")
        elif x.mode is s.Mode.TYPE:
            self.error(codes.NOT_AN_EXPRESSION, x, f"{self.described(x)} is not an expression")

    def assign_to(self, target: s.Expr, value: s.Expr, context: str) -> None:
        """Check `target = value`; value has not been checked yet, or is a stand-in."""
        type_ = self.target_type(target)
        if type_ == INVALID:
            self.use(value)
            return
        self.expr(value)
        if type_ is None and context == "assignment":
            context = "assignment to _ identifier"
        self.assign(value, type_, context)

    def assign_all(self, targets: list[s.Expr], values: list[s.Expr]) -> None:
        """Check `targets = values`."""
        context = "multiple assignment" if len(targets) > 1 else "assignment"
        is_call = len(values) == 1 and isinstance(unparen(values[0]), s.Call)
        if len(targets) == len(values) and not is_call:
            for target, value in zip(targets, values, strict=True):
                self.assign_to(target, value, context)
            return
        targets_ok = len(values) == 1 or self.use_targets(targets)
        operands = self._matching(len(targets), values, targets_ok)
        if operands is None:
            self.use_targets(targets)
            return
        for target, operand in zip(targets, operands, strict=True):
            self.assign_to(target, operand, context)

    # ------------------------------------------------------------ :=

    def check_define(self, x: s.Define) -> None:
        """names := values"""
        scope = self.at.scope
        names_ok, seen = True, set[str]()
        variables: list[Var] = []
        fresh: list[tuple[s.Name, Var]] = []
        x.new = []
        for target in x.left:
            var = self._defined(target, seen)
            is_new = var is not None and scope.names.get(var.name) is not var and var.name != "_"
            if var is None:
                names_ok = False
                var = Var("_", target.pos)
            elif is_new:
                assert isinstance(target, s.Name)
                fresh.append((target, var))
            variables.append(var)
            x.new.append(var if is_new else None)
        self._init_defined(variables, x)
        self.run_literals()
        if not fresh and names_ok:
            self.error(codes.NO_NEW_VARIABLES, x.op_pos, "no new variables on left side of :=")
        for target, var in zip(x.left, variables, strict=True):
            target.type = var.type
        for name, var in fresh:
            self.declare(scope, name, var)

    def _init_defined(self, variables: list[Var], x: s.Define) -> None:
        context = "multiple assignment" if len(variables) > 1 else "assignment"
        operands = self._matching(len(variables), x.right)
        if operands is None:
            return
        for var, new, operand in zip(variables, x.new, operands, strict=True):
            is_known = new is None and var.name != "_"
            if is_known:
                var.assigned = True
            if is_known and var.type == INVALID:
                self.invalidate(operand)
            else:
                self.init_var(var, operand, context)

    def _defined(self, target: s.Expr, seen: set[str]) -> Var | None:
        """The variable that a name on the left of := stands for, new or old; None after an error."""
        if not isinstance(target, s.Name):
            self.use_targets([target])
            self.error(codes.ASSIGN_TARGET, target, f"non-name {spelled(target)} on left side of :=")
            return None
        target.mode = s.Mode.VARIABLE
        if target.name in seen and target.name != "_":
            self.error(codes.REDECLARED, target, f"{target.name} repeated on left side of :=")
            return None
        seen.add(target.name)
        known = self.at.scope.names.get(target.name)
        if known is None:
            return self.new_local(target)
        target.object = known
        if not isinstance(known, Var):
            self.error(codes.ASSIGN_TARGET, target, f"cannot assign to {target.name}")
            return None
        return known

    def run_literals(self) -> None:
        """Check the bodies of function literals before the scope changes."""
        raise NotImplementedError

    # ------------------------------------------------------------ return

    def check_results(self, x: s.Return, results: list[Var]) -> None:
        """return values"""
        values = x.results
        is_call = len(values) == 1 and isinstance(unparen(values[0]), s.Call)
        if len(values) == 1 and (is_call or len(results) != 1):
            operands = self.values_of(values[0])
            are_right = is_valid(operands[0])
        else:
            are_right = len(values) == len(results) or self.use(*values)
            for value in values:
                self.expr(value)
            operands = values
        if len(operands) != len(results):
            if are_right:
                self._report_result_count(x, operands, results)
            return
        for result, operand in zip(results, operands, strict=True):
            if result.type != INVALID:
                self.assign(operand, result.type, "return statement")

    def _report_result_count(self, x: s.Return, operands: list[s.Expr], results: list[Var]) -> None:
        at, qualifier = x.pos, "not enough"
        if len(operands) > len(results):
            at, qualifier = operands[len(results)].pos, "too many"
        elif operands:
            at = operands[-1].pos
        have = types_summary([operand.type for operand in operands])
        want = types_summary([result.type for result in results])
        self.error(codes.RETURN_COUNT, at, f"{qualifier} return values", f"have {have}", f"want {want}")


def _written_variable(x: s.Expr) -> Var | None:
    """The variable that an assignment to x, to a field or to an element of it changes, as far as its form tells."""
    while isinstance(x, s.Selector | s.Index | s.Paren):
        x = x.inner if isinstance(x, s.Paren) else x.operand
    return x.object if isinstance(x, s.Name) and isinstance(x.object, Var) else None


def _counted(n: int, unit: str) -> str:
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"
