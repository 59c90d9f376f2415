"""Statements: blocks, if, for, switch, and what may stand where.

    for i := range n { ... }      i is a new variable in each iteration
    switch x { case 1, 2: ... }   each value is compared with x, so it is converted to x's type
    outer: for { break outer }    labels are resolved in a second pass: labels.py

Go: types2/stmt.go, range.go.                                   Next: labels.py, check_declarations.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from lang import codes
from lang import syntax as s
from lang.check_assignments import Assignments
from lang.check_base import Environment, is_valid
from lang.go_types import (
    BOOL,
    INT,
    INVALID,
    RUNE,
    Array,
    Chan,
    Interface,
    Map,
    Pointer,
    Signature,
    Slice,
    Type,
    basic,
    has_nil,
    is_comparable,
    is_untyped,
)
from lang.labels import resolve_labels
from lang.lookup import missing_method
from lang.objects import FunctionInfo, Value, Var
from lang.returns import is_terminating_block
from lang.scopes import STATEMENT_BUILTINS, Scope
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


class Statements(Assignments):
    """Statements of a function's body."""

    def function_body(self, info: FunctionInfo, body: s.Block, scope: Scope) -> None:
        """Check the body of a function whose parameters are in scope."""
        outer, had_label = self.at, self.has_label
        self.at = Environment(scope, info, owner=outer.owner)
        self.has_label = False
        self.statements(body.statements, TOP)
        if self.has_label:
            resolve_labels(body, self)
        if info.results and not is_terminating_block(body, self.panics):
            self.error(codes.MISSING_RETURN, body.end, "missing return")
        self.at, self.has_label = outer, had_label
        for var in info.locals:
            if not var.used:
                self.error(codes.UNUSED, var.pos, f"declared and not used: {var.name}")

    def run_literals(self) -> None:
        """Check the bodies of function literals before the scope changes."""
        if self.at.function is not None:
            self.run_delayed(0 if not self.delayed else self._first_own())

    def _first_own(self) -> int:
        """Index of the first task put off by the current function."""
        for i, task in enumerate(self.delayed):
            if task.environment.function is self.at.function:
                return i
        return len(self.delayed)

    def statements(self, list_: list[s.Stmt], around: Around) -> None:
        """Check a list of statements; only the last one may fall through."""
        last = len(list_) - 1
        inner = replace(around, case=None)
        for i, statement in enumerate(list_):
            self.statement(statement, around if i == last else inner)

    def statement(self, x: s.Stmt, around: Around) -> None:
        """Check a statement."""
        since = len(self.delayed)
        getattr(self, "_stmt_" + type(x).__name__.lower())(x, around)
        if len(self.delayed) > since:
            self.run_delayed(since)

    def _block(self, x: s.Block, around: Around) -> None:
        self.open_scope()
        self.statements(x.statements, around)
        self.close_scope()

    # ------------------------------------------------------------ one method a form, by the class's name

    def _stmt_empty(self, x: s.Empty, around: Around) -> None:
        pass

    def _stmt_block(self, x: s.Block, around: Around) -> None:
        self._block(x, around.inner())

    def _stmt_declstmt(self, x: s.DeclStmt, around: Around) -> None:
        self.local_declarations(x.declarations)

    def local_declarations(self, declarations: list[s.Decl]) -> None:
        """Check the declarations of a statement."""
        raise NotImplementedError

    def _stmt_labeled(self, x: s.Labeled, around: Around) -> None:
        self.has_label = True
        self.statement(x.statement, around)

    def _stmt_exprstmt(self, x: s.ExprStmt, around: Around) -> None:
        self.raw_expr(x.expr)
        inner = x.expr
        while isinstance(inner, s.Paren):
            inner = inner.inner
        if not is_valid(inner):
            return
        if inner.mode is s.Mode.BUILTIN:
            self.error(codes.BUILTIN_USE, x, f"{self.described(inner)} must be called")
        elif inner.mode is s.Mode.TYPE:
            self.error(codes.NOT_AN_EXPRESSION, x, f"{self.described(inner)} is not an expression")
        elif not _may_stand_alone(inner):
            self.error(codes.UNUSED_VALUE, x, f"{self.described(x.expr)} is not used")

    def _stmt_send(self, x: s.Send, around: Around) -> None:
        self.refuse(x, "channels")
        self.expr(x.channel)
        self.expr(x.value)
        channel = x.channel.type.underlying
        if not is_valid(x.channel) or not is_valid(x.value):
            return
        if not isinstance(channel, Chan):
            message = f"invalid operation: cannot send to non-channel {self.described(x.channel)}"
            self.error(codes.OPERATOR, x, message)
        else:
            self.assign(x.value, channel.elem, "send")

    def _stmt_incdec(self, x: s.IncDec, around: Around) -> None:
        self.expr(x.target)
        if not is_valid(x.target):
            return
        if not basic(x.target.type).is_numeric:
            text = spelled(x.target) + x.op * 2
            message = f"invalid operation: {text} (non-numeric type {x.target.type})"
            self.error(codes.OPERATOR, x.target, message)
            return
        self.target_type(x.target)

    def _stmt_assign(self, x: s.Assign, around: Around) -> None:
        if not x.op:
            self.assign_all(x.left, x.right)
            return
        target, value = x.left[0], x.right[0]
        self.expr(target)
        self.expr(value)
        text = f"{spelled(target)} {x.op}= {spelled(value)}"
        result = self.stand_in(target.pos, f"{spelled(target)} {x.op} {spelled(value)}", INVALID)
        self.combine(result, target, value, x.op, x.op_pos, text)
        if is_valid(result):
            type_ = self.target_type(target)
            if type_ is not None and type_ != INVALID:
                self.assign(result, type_, "assignment")

    def _stmt_define(self, x: s.Define, around: Around) -> None:
        self.check_define(x)

    def _stmt_go(self, x: s.Go, around: Around) -> None:
        self.refuse(x, "goroutines")
        self._suspended_call("go", x.call)

    def _stmt_defer(self, x: s.Defer, around: Around) -> None:
        self.refuse(x, "defer")
        if self.at.function is not None:
            self.at.function.has_defer = True
        self._suspended_call("defer", x.call)

    def _suspended_call(self, keyword: str, call: s.Expr) -> None:
        self.raw_expr(call)
        if not isinstance(call, s.Call):
            self.error(codes.UNUSED_VALUE, call, f"expression in {keyword} must be function call")
        elif call.kind is s.CallKind.CONVERSION and is_valid(call):
            message = f"{keyword} requires function call, not conversion"
            self.error(codes.UNUSED_VALUE, call, message)
        elif is_valid(call) and not _may_stand_alone(call):
            self.error(codes.UNUSED_VALUE, call, f"{keyword} discards result of {self.described(call)}")

    def _stmt_return(self, x: s.Return, around: Around) -> None:
        function = self.at.function
        assert function is not None
        if x.results or not function.has_named_results:
            self.check_results(x, function.results)
            return
        for result in function.results:
            hidden_by = self.at.scope.find(result.name)
            if hidden_by is not None and hidden_by is not result:
                other = f"\n\t{self.place(hidden_by.pos)}: inner declaration of var {result.name} {hidden_by.type}"
                message = f"result parameter {result.name} not in scope at return{other}"
                self.error(codes.HIDDEN_RESULT, x, message)

    def _stmt_branch(self, x: s.Branch, around: Around) -> None:
        if x.keyword == "goto":
            self.refuse(x, "goto")
        if x.label is not None:
            self.has_label = True
        elif x.keyword == "break":
            x.target = around.breakable
            if x.target is None:
                self.error(codes.BRANCH, x, "break is not in a loop, switch, or select")
        elif x.keyword == "continue":
            x.target = around.loop
            if x.target is None:
                self.error(codes.BRANCH, x, "continue is not in a loop")
        elif x.keyword == "fallthrough":
            self._check_fallthrough(x, around)

    def _check_fallthrough(self, x: s.Branch, around: Around) -> None:
        if around.case is not None and not around.in_final_case and not around.in_type_switch:
            around.case.falls_through = True
            return
        message = "fallthrough statement out of place"
        if around.in_type_switch:
            message = "cannot fallthrough in type switch"
        elif around.case is not None:
            message = "cannot fallthrough final case in switch"
        self.error(codes.BRANCH, x, message)

    def _stmt_if(self, x: s.If, around: Around) -> None:
        self.open_scope()
        if x.init is not None:
            self.statement(x.init, TOP)
        self.condition(x.condition, "if")
        self._block(x.then, around.inner())
        if x.else_ is not None:
            self.statement(x.else_, around.inner())
        self.close_scope()

    # ------------------------------------------------------------ for

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
        self._block(x.body, Around(breakable=x, loop=x))
        self.close_scope()

    def _stmt_range(self, x: s.Range, around: Around) -> None:
        self.expr(x.operand)
        self._check_range_operand(x)
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
        self._block(x.body, Around(breakable=x, loop=x))
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
                self.error(codes.ASSIGN_TARGET, target, f"cannot declare {spelled(target)}")
                continue
            target.mode = s.Mode.VARIABLE
            var = self.new_local(target)
            if types[i] == INVALID:
                var.used = True
            elif x.kind is s.RangeKind.INTEGER:
                self.init_var(var, x.operand, "range clause")
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
            return
        wanted = self.target_type(target)
        if wanted is not None and wanted != INVALID:
            value = self.stand_in(target.pos, spelled(target), type_)
            self.assign(value, wanted, "assignment")

    # ------------------------------------------------------------ switch

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
            seen[key] = value.pos

    # ------------------------------------------------------------ type switch, select

    def _stmt_typeswitch(self, x: s.TypeSwitch, around: Around) -> None:
        self.refuse(x, "type switches")
        self.open_scope()
        if x.init is not None:
            self.statement(x.init, TOP)
        self.expr(x.operand)
        operand = x.operand
        if is_valid(operand) and not isinstance(operand.type.underlying, Interface):
            self.error(codes.ASSERTION, operand, f"{self.described(operand)} is not an interface")
            self.invalidate(operand)
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
        if x.name is not None and not any(var.used for var in variables):
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
            if isinstance(value, s.Name) and value.name == "nil":
                self.expr(value)
                found = None
            else:
                found = self.type_of(value)
                if found == INVALID:
                    continue
            if found in seen:
                other = f"\n\t{self.place(seen[found])}: previous case"
                self.error(codes.DUPLICATE, value, f"duplicate case {found or 'nil'} in type switch{other}")
            seen[found] = value.pos
            self._check_possible(value, found, operand)
        single = case.values is not None and len(case.values) == 1
        return found if single and found is not None else operand.type

    def _check_possible(self, at: s.Expr, type_: Type | None, operand: s.Expr) -> None:
        interface = operand.type.underlying
        if type_ is None or not isinstance(interface, Interface) or isinstance(type_.underlying, Interface):
            return
        why = missing_method(type_, interface)
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


def _may_stand_alone(x: s.Expr) -> bool:
    """Whether an expression may be a statement: calls, except of most built-ins and conversions; receives."""
    if isinstance(x, s.Unary):
        return x.op == "<-"
    if not isinstance(x, s.Call) or x.kind is s.CallKind.CONVERSION:
        return False
    return x.kind is not s.CallKind.BUILTIN or x.builtin in STATEMENT_BUILTINS


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
