"""Switches: on values, on types, and select.

    switch x { case 1, 2: ... }        each value is compared with x, so it is converted to x's type
    switch { case a < b: ... }         without x, the cases are conditions

Go: types2/stmt.go (switchStmt, typeSwitchStmt).                Next: check_statements.py
"""

from __future__ import annotations

from dataclasses import replace

from lang import codes
from lang import syntax as s
from lang.check_base import is_valid, unparen
from lang.check_loops import TOP, Around, Loops
from lang.go_types import BOOL, INVALID, Interface, Type, has_nil, is_comparable
from lang.lookup import missing_method
from lang.objects import Nil, Value, Var
from lang.spelling import spelled


class Switches(Loops):
    """switch and select statements."""

    def statements(self, list_: list[s.Stmt], around: Around) -> None:
        """Check a list of statements."""
        raise NotImplementedError

    def _stmt_switch(self, x: s.Switch, around: Around) -> None:
        self.open_scope()
        if x.init is not None:
            self.statement(x.init, TOP)
        tag = self._checked_tag(x)
        self._check_defaults(x.cases)
        seen: dict[tuple[Type, Value], int] = {}
        for case in x.cases:
            for value in case.values or []:
                self._check_case_value(tag, value, seen)
            is_last = case is x.cases[-1]
            inner = replace(around.inner(), breakable=x, case=case, in_final_case=is_last)
            self.open_scope()
            self.statements(case.body, inner)
            self.close_scope()
        self.close_scope()

    def _checked_tag(self, x: s.Switch) -> s.Expr:
        """The tag; for a switch without one, the constant true."""
        if x.tag is None:
            tag = s.Name(x.cases[0].pos if x.cases else x.end, "true")
            tag.mode, tag.type, tag.value = s.Mode.CONSTANT, BOOL, True
            return tag
        self.expr(x.tag)
        self.assign(x.tag, None, "switch expression")
        if is_valid(x.tag) and not is_comparable(x.tag.type) and not has_nil(x.tag.type):
            message = f"cannot switch on {self.described(x.tag)} ({x.tag.type} is not comparable)"
            self.error(codes.SWITCH, x.tag, message)
            self.invalidate(x.tag)
        return x.tag

    def _check_defaults(self, cases: list[s.Case]) -> None:
        defaults = [case for case in cases if case.values is None]
        for case in defaults[1:]:
            message = f"multiple defaults (first at {self.place(defaults[0].pos)})"
            self.error(codes.DUPLICATE, case, message)

    def _check_case_value(self, tag: s.Expr, value: s.Expr, seen: dict[tuple[Type, Value], int]) -> None:
        self.expr(value)
        if not is_valid(tag) or not is_valid(value):
            return
        self.convert_untyped(value, tag.type)
        if not is_valid(value):
            return
        if not self.compare(value, tag, "==", in_switch=True):
            self.invalidate(value)
            return
        self.set_default(value)
        if value.mode is not s.Mode.CONSTANT or value.value is None or isinstance(value.value, bool):
            return
        key = (value.type, value.value)
        if key in seen:
            other = f"\n\t{self.place(seen[key])}: previous case"
            message = f"duplicate case {self.described(value)} in expression switch{other}"
            self.error(codes.DUPLICATE, value, message)
        else:
            seen[key] = _own_place(value)

    # ------------------------------------------------------------ type switch, select

    def _stmt_typeswitch(self, x: s.TypeSwitch, around: Around) -> None:
        self.open_scope()
        if x.init is not None:
            self.statement(x.init, TOP)
        self.expr(x.operand)
        operand = x.operand
        if is_valid(operand) and not isinstance(operand.type.underlying, Interface):
            self.error(codes.ASSERTION, operand, f"{self.described(operand)} is not an interface")
            self.invalidate(operand)
        if not is_valid(operand):
            operand.type = INVALID
        self._check_defaults(x.cases)
        seen: dict[Type | None, int] = {}
        variables: list[Var] = []
        for case in x.cases:
            type_ = self._case_type(case, operand, seen)
            self.open_scope()
            if x.name is not None:
                var = Var(x.name.name, x.name.pos, type_, function=self.at.function)
                self.at.scope.names[var.name] = var
                case.var = var
                variables.append(var)
            inner = replace(around.inner(), breakable=x, in_type_switch=True)
            self.statements(case.body, inner)
            self.close_scope()
        if x.name is not None and x.name.name == "_":
            self.error(codes.NO_NEW_VARIABLES, x.name, "no new variable on left side of :=")
        elif x.name is not None and not any(var.used for var in variables):
            self.error(codes.UNUSED, x.name, f"{x.name.name} declared and not used")
        if self.at.function is not None:
            self.at.function.locals += variables
        for var in variables:
            var.used = True
        self.close_scope()

    def _case_type(self, case: s.Case, operand: s.Expr, seen: dict[Type | None, int]) -> Type:
        """Check the types of a case; the type of the variable in it."""
        found: Type | None = None
        for value in case.values or []:
            name = unparen(value)
            if isinstance(name, s.Name) and isinstance(self.at.scope.find(name.name), Nil):
                self.expr(value)
                self.set_type(value, operand.type)
                found = None
            else:
                found = self.type_of(value)
                if found == INVALID:
                    continue
            if found in seen:
                other = f"\n\t{self.place(seen[found])}: previous case"
                self.error(codes.DUPLICATE, value, f"duplicate case {found or 'nil'} in type switch{other}")
                continue
            seen[found] = value.pos
            self._check_possible(value, found, operand)
        single = case.values is not None and len(case.values) == 1
        return found if single and found is not None else operand.type

    def _check_possible(self, at: s.Expr, type_: Type | None, operand: s.Expr) -> None:
        interface = operand.type.underlying
        if type_ is None or not isinstance(interface, Interface) or isinstance(type_.underlying, Interface):
            return
        why = missing_method(type_, interface, self.resolve)
        if why:
            what = f"{self.described(operand)} cannot have dynamic type {type_} {why}"
            message = f"impossible type switch case: {spelled(at)}\n\t{what}"
            self.error(codes.ASSERTION, at, message)

    def _stmt_select(self, x: s.Select, around: Around) -> None:
        self.refuse(x, "select")
        for clause in x.clauses:
            self.open_scope()
            if clause.comm is not None:
                self.statement(clause.comm, TOP)
            self.statements(clause.body, replace(around.inner(), breakable=x))
            self.close_scope()


def _own_place(x: s.Expr) -> int:
    """Where an expression has what makes it one: its operator, its opening parenthesis."""
    match x:
        case s.Binary(op_pos=op_pos):
            return op_pos
        case s.Call(opening=opening):
            return opening
    return x.pos
