"""Statements: blocks, if, return, branches, and what may stand where.

    if x := f(); x > 0 { ... }    a scope for x around both branches
    f()                           calls may stand alone; other values must be used
    outer: for { break outer }    labels are resolved in a second pass: labels.py

Go: types2/stmt.go.                                             Next: check_declarations.py
"""

from __future__ import annotations

from dataclasses import replace

from lang import codes
from lang import syntax as s
from lang.check_base import Environment, is_valid
from lang.check_loops import TOP, Around
from lang.check_switches import Switches
from lang.go_types import INVALID, basic
from lang.labels import resolve_labels
from lang.objects import FunctionInfo
from lang.returns import is_terminating_block
from lang.scopes import STATEMENT_BUILTINS, Scope
from lang.spelling import spelled


class Statements(Switches):
    """Statements of a function's body."""

    def function_body(self, info: FunctionInfo, body: s.Block, scope: Scope, iota: int | None = None) -> None:
        """Check the body of a function whose parameters are in scope; a literal may stand where iota has a value."""
        outer, had_label = self.at, self.has_label
        self.at = Environment(scope, info, iota, owner=outer.owner)
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

    def check_block(self, x: s.Block, around: Around) -> None:
        """Check the statements of a block, in a scope of their own."""
        self.open_scope()
        self.statements(x.statements, around)
        self.close_scope()

    # ------------------------------------------------------------ one method a form, by the class's name

    def _stmt_empty(self, x: s.Empty, around: Around) -> None:
        pass

    def _stmt_block(self, x: s.Block, around: Around) -> None:
        self.check_block(x, around.inner())

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
            self.error(codes.BUILTIN_USE, x, f"{self.described(x.expr)} must be called")
        elif inner.mode is s.Mode.TYPE:
            self.error(codes.NOT_AN_EXPRESSION, x, f"{self.described(x.expr)} is not an expression")
        elif not _may_stand_alone(inner):
            self.error(codes.UNUSED_VALUE, x, f"{self.described(x.expr)} is not used")

    def _stmt_send(self, x: s.Send, around: Around) -> None:
        self.refuse(x, "channels")
        self.expr(x.channel)
        self.expr(x.value)
        if not is_valid(x.channel) or not is_valid(x.value):
            return
        elem = self.channel_elem(x, x.channel, receiving=False)
        if elem is not None:
            self.assign(x.value, elem, "send")

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
        result = self.stand_in(target.pos, f"{spelled(target)} {x.op} {spelled(value)}", INVALID)
        self.combine(
            result, target, value, x.op, x.op_pos, lambda: f"{spelled(target)} {x.op}= {spelled(value)}"
        )
        type_ = self.target_type(target)
        if is_valid(result) and type_ is not None and type_ != INVALID:
            self.assign(result, type_, "assignment")

    def _stmt_define(self, x: s.Define, around: Around) -> None:
        self.check_define(x)

    def _stmt_go(self, x: s.Go, around: Around) -> None:
        self.refuse(x, "goroutines")
        self._suspended_call("go", x.call)

    def _stmt_defer(self, x: s.Defer, around: Around) -> None:
        if self.at.function is not None:
            self.at.function.has_defer = True
        self._suspended_call("defer", x.call)

    def _suspended_call(self, keyword: str, call: s.Expr) -> None:
        if not isinstance(call, s.Call):
            self.error(codes.UNUSED_VALUE, call, f"expression in {keyword} must be function call")
            self.use(call)
            return
        self.raw_expr(call)
        if call.kind is s.CallKind.CONVERSION and is_valid(call):
            message = f"{keyword} requires function call, not conversion {self.described(call)}"
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
                other = f"\n\t{self.place(hidden_by.pos)}: inner declaration of var {result.name} {result.type}"
                message = f"result parameter {result.name} not in scope at return{other}"
                self.error(codes.HIDDEN_RESULT, x, message)

    def _stmt_branch(self, x: s.Branch, around: Around) -> None:
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
        if x.init is not None:  # else no name is declared; a scope for each would make names in a long chain far away
            self.open_scope()
            self.statement(x.init, TOP)
        self.condition(x.condition, "if")
        self.check_block(x.then, around.inner())
        if x.else_ is not None:
            self.statement(x.else_, around.inner())
        if x.init is not None:
            self.close_scope()


def _may_stand_alone(x: s.Expr) -> bool:
    """Whether an expression may be a statement: calls, except of most built-ins and conversions; receives."""
    if isinstance(x, s.Unary):
        return x.op == "<-"
    if not isinstance(x, s.Call) or x.kind is s.CallKind.CONVERSION:
        return False
    return x.kind is not s.CallKind.BUILTIN or x.builtin in STATEMENT_BUILTINS
