"""Expressions: every form finds its rule here.

Go: types2/expr.go (exprInternal).                              Next: check_assignments.py
"""

from __future__ import annotations

from lang import codes
from lang import syntax as s
from lang.check_base import is_valid, unparen
from lang.check_calls import Calls
from lang.go_types import INVALID, UNTYPED_INT, Interface, Type
from lang.lookup import missing_method
from lang.objects import Builtin, Const, Nil, PackageName, Var
from lang.spelling import spelled


class Expressions(Calls):
    """The dispatch over expressions."""

    def raw_expr(self, x: s.Expr, hint: Type | None = None) -> None:
        """Check an expression of any kind; its mode says what it is."""
        if x.mode is not s.Mode.UNCHECKED:
            return
        match x:
            case s.Name():
                self._check_name(x)
            case s.BasicLit():
                self.check_basic(x)
            case s.Selector():
                self.check_selector(x)
                self.refuse_generic(x)
            case s.Call():
                self.check_call(x)
            case s.Binary():
                self.check_binary(x)
            case s.Index():
                self.check_index(x)
            case s.Unary():
                self.check_unary(x)
            case s.Deref():
                self.check_deref(x)
            case s.Paren(inner=inner):
                self.raw_expr(inner)
                x.mode, x.type, x.value = inner.mode, inner.type, inner.value
            case s.CompositeLit():
                self.check_composite(x, hint)
            case s.SliceExpr():
                self.check_slice(x)
            case s.FuncLit():
                self.check_function_literal(x)
            case s.TypeAssert():
                self._check_assertion(x)
            case _:
                self.type_of(x)
                x.mode = s.Mode.TYPE

    def expr(self, x: s.Expr, hint: Type | None = None) -> None:
        """Check an expression that must have exactly one value."""
        self.raw_expr(x, hint)
        self.exclude(x, s.Mode.NO_VALUE, s.Mode.BUILTIN, s.Mode.TYPE)
        self.single_value(x)

    def expr_or_type(self, x: s.Expr) -> None:
        """Check an expression that has one value or denotes a type."""
        self.raw_expr(x)
        self.exclude(x, s.Mode.NO_VALUE)
        self.single_value(x)

    def use(self, *xs: s.Expr | None) -> bool:
        """Check expressions whose values do not matter after an error; whether they are right."""
        right = True
        for x in xs:
            if x is not None and not _is_blank(x):
                self.raw_expr(x)
                right = right and is_valid(x)
        return right

    def use_targets(self, targets: list[s.Expr]) -> bool:
        """The same for left sides of an assignment: a variable is not used there."""
        right = True
        for x in targets:
            name = unparen(x)
            var = self.at.scope.find(name.name) if isinstance(name, s.Name) else None
            was_used = var.used if isinstance(var, Var) else False
            right = self.use(x) and right
            if isinstance(var, Var):
                var.used = was_used
        return right

    # ------------------------------------------------------------ names

    def _check_name(self, x: s.Name) -> None:
        if x.name == "_":
            self.error(codes.BLANK, x, "cannot use _ as value or type")
            self.invalidate(x)
            return
        found = self.at.scope.find(x.name)
        if found is None:
            self.undefined(x)
            self.invalidate(x)
            return
        x.object = found
        if isinstance(found, PackageName):
            self.error(codes.NOT_AN_EXPRESSION, x, f"use of package {found.name} not in selector")
            self.invalidate(x)
            return
        if isinstance(found, Builtin):
            x.mode = s.Mode.BUILTIN
        elif isinstance(found, Nil):
            x.mode, x.type = s.Mode.NIL, found.type
        elif found.name == "iota" and found.pos < 0:
            self._check_iota(x)
        else:
            self.resolve(found)
            if isinstance(found, Var):
                self._use_variable(found, x.pos)
            if not isinstance(found, Const) or found.pos >= 0:
                self.note_use(found)
            self.become(x, found)

    def _check_iota(self, x: s.Name) -> None:
        if self.at.iota is None:
            self.error(codes.IOTA, x, "cannot use iota outside constant declaration")
            self.invalidate(x)
            return
        x.mode, x.type, x.value = s.Mode.CONSTANT, UNTYPED_INT, self.at.iota

    def _use_variable(self, var: Var, pos: int) -> None:
        """A use of a variable; every function literal between its declaration and here captures it."""
        var.used = True
        function = self.at.function
        while var.function is not None and function is not None and function is not var.function:
            var.captured = True
            var.captured_at = pos if var.captured_at < 0 else var.captured_at
            if var not in function.captures:
                function.captures.append(var)
            function = function.outer

    # ------------------------------------------------------------ x.(T)

    def _check_assertion(self, x: s.TypeAssert) -> None:
        if x.type_expr is None:
            self.error(codes.ASSERTION, x, "invalid syntax tree: use of .(type) outside type switch")
            self.use(x.operand)
            self.invalidate(x)
            return
        self.expr(x.operand)
        if not is_valid(x.operand):
            self.invalidate(x, x.operand.type)
            return
        if not isinstance(x.operand.type.underlying, Interface):
            message = f"invalid operation: {self.described(x.operand)} is not an interface"
            self.error(codes.ASSERTION, x.operand, message)
            self.invalidate(x, x.operand.type)
            return
        type_ = self.type_of(x.type_expr)
        if type_ == INVALID:
            self.invalidate(x, x.operand.type)
            return
        interface = x.operand.type.underlying
        why = "" if isinstance(type_.underlying, Interface) else missing_method(type_, interface, self.resolve)
        if why:
            what = f"{type_} does not implement {x.operand.type} {why}"
            self.error(codes.ASSERTION, x, f"impossible type assertion: {spelled(x)}\n\t{what}")
        x.mode, x.type = s.Mode.COMMA_OK, type_


def _is_blank(x: s.Expr) -> bool:
    name = unparen(x)
    return isinstance(name, s.Name) and name.name == "_"
