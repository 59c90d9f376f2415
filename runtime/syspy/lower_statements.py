"""Statements: control flow, and the text of a whole function.

    while c: body               head: c ? body : end;  body; jump head
    for i in range(a, b, s)     a hidden counter; i is assigned from it, and what the body does to i is no matter

A local is known from its first assignment in the text, and has to be assigned on every path before it is read:
`assigned` is the set of locals that are, and where two paths meet it is the intersection of theirs. So the one place
that writes a local comes before all that read it, and its value needs no memory; other locals have some in the frame.

Next: unit.py
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from runtime.syspy import subset
from runtime.syspy.emission import Value
from runtime.syspy.kinds import INTEGERS, LLVM, SIGNED, Kind, kind_name, llvm_type
from runtime.syspy.lower_assignment import Assignment, Known, known_value
from runtime.syspy.lower_calls import Calls
from runtime.syspy.lower_conditions import DECISIONS
from runtime.syspy.lower_intrinsics import INTRINSICS
from runtime.syspy.lower_memory import ACCESSES
from runtime.syspy.lower_values import ARITHMETIC
from runtime.syspy.lower_vocabulary import VOCABULARY
from runtime.syspy.machine import i64
from runtime.syspy.signatures import symbol_text
from runtime.syspy.subset import spelt


class Loop:
    """Where break and continue go, and what is assigned where break is."""

    def __init__(self, end: str, again: str) -> None:
        self.end = end
        self.again = again
        self.at_breaks: list[set[str]] = []


class FunctionLowering(Assignment):
    """A systems function as LLVM text."""

    VALUES: ClassVar = {
        **ARITHMETIC,
        **DECISIONS,
        **ACCESSES,
        ast.Call: Calls.call,
        Known: known_value,
    }
    CALLS: ClassVar = {**VOCABULARY, **INTRINSICS}

    loops: list[Loop]

    def text(self, attributes: str) -> str:
        """The definition, but for its linkage."""
        signature = self.signature
        self.loops = []
        parameters = []
        for i, (name, kind) in enumerate(signature.parameters):
            parameters.append(f"{llvm_type(kind)} %p{i}")
            self.assigned.add(name)
            if name in self.written_once:
                self.locals[name] = (kind, f"%p{i}")
                continue
            slot = self.alloca(kind, name)
            self.locals[name] = (kind, slot)
            self.do(f"store {llvm_type(kind)} %p{i}, ptr {slot}")
        self.statements(signature.node.body)
        if self.is_open:
            self.fall_off()
        head = f"fastcc {llvm_type(signature.result)} {symbol_text(signature.symbol)}"
        body = "\n".join(self.allocas + self.lines)
        if self.measures_stack:
            attributes += ' "disable-tail-calls"="true"'
        if self.scope:
            attributes += f" !dbg {self.scope}"
        return f"{head}({', '.join(parameters)}) {attributes} {{\nentry:\n{body}\n}}\n"

    def fall_off(self) -> None:
        """The end of the body is reached."""
        result = self.signature.result
        if result is not None:
            name = "end" if result is NoReturn else kind_name(result)
            self.refuse(subset.MISSING_RETURN, self.signature.node, self.signature.node.name, name)
        self.do("ret void")

    def statements(self, body: list[ast.stmt]) -> None:
        """A sequence; what follows a jump is checked, and dead."""
        for node in body:
            if not self.is_open:
                self.place(self.label())
            if self.places:
                self.named = self.places[self.lines_before + node.lineno - 1]
            method = STATEMENTS.get(type(node))
            if method is None:
                self.refuse(subset.STATEMENT, node, type(node).__name__)
            method(self, node)

    # Control flow

    def if_(self, node: ast.If) -> None:
        """Two paths, and where they meet."""
        yes, no = self.label(), self.label()
        self.condition(node.test, yes, no)
        before = self.assigned
        self.assigned = set(before)
        self.place(yes)
        self.statements(node.body)
        if not node.orelse:
            self.place(no)
            self.assigned = before
            return
        end = self.label()
        is_yes_open, after_yes = self.is_open, self.assigned
        if is_yes_open:
            self.jump(end)
        self.assigned = before
        self.place(no)
        self.statements(node.orelse)
        if is_yes_open:
            self.assigned = self.assigned & after_yes if self.is_open else after_yes
            self.place(end)

    def while_(self, node: ast.While) -> None:
        """Test, body, and back to the test."""
        if node.orelse:
            self.refuse(subset.LOOP_ELSE, node.orelse[0])
        head, body, end = self.label(), self.label(), self.label()
        self.place(head)
        is_endless = isinstance(node.test, ast.Constant) and node.test.value is True
        if is_endless:
            self.place(body)
        else:
            self.condition(node.test, body, end)
            self.place(body)
        self.loop_body(node.body, Loop(end, head), is_endless)

    def loop_body(self, body: list[ast.stmt], loop: Loop, is_endless: bool) -> None:
        """The body; then control goes to `again`, and goes on at the end, if anything leads there."""
        before = set(self.assigned)
        self.loops.append(loop)
        self.statements(body)
        self.loops.pop()
        if self.is_open:
            self.jump(loop.again)
        self.assigned = before
        if not is_endless:
            self.place(loop.end)
        elif loop.at_breaks:
            self.place(loop.end)
            self.assigned = set.intersection(*loop.at_breaks)

    def for_(self, node: ast.For) -> None:
        """A counted loop."""
        if node.orelse:
            self.refuse(subset.LOOP_ELSE, node.orelse[0])
        if not isinstance(node.target, ast.Name):
            self.refuse(subset.TARGET, node.target, spelt(node.target))
        kind, start, stop, step = self.range_of(node)
        width = LLVM[kind]
        counter = self.alloca(kind, "counter")
        self.do(f"store {width} {start}, ptr {counter}")
        head, body, again, end = (self.label() for _ in range(4))
        self.place(head)
        current = self.emit(f"load {width}, ptr {counter}")
        sign = "s" if kind in SIGNED else "u"
        self.branch(self.emit(f"icmp {sign}{'lt' if step > 0 else 'gt'} {width} {current}, {stop}"), body, end)
        self.place(body)
        before = set(self.assigned)
        self.assign_name(node.target, (kind, current))
        self.loops.append(Loop(end, again))
        self.statements(node.body)
        self.loops.pop()
        self.place(again)
        self.step(kind, current, stop, step, counter, head, end)
        self.place(end)
        self.assigned = before

    def step(self, kind: Kind, current: str, stop: str, step: int, counter: str, head: str, end: str) -> None:
        """Go on by the step, unless that passes the stop: then it could overflow."""
        width = LLVM[kind]
        sign = "s" if kind in SIGNED else "u"
        if abs(step) > 1:
            pair = (stop, current) if step > 0 else (current, stop)
            rest = self.emit(f"sub {width} {pair[0]}, {pair[1]}")
            more = self.label()
            self.branch(self.emit(f"icmp ugt {width} {rest}, {abs(step)}"), more, end)
            self.place(more)
        operation, flag = ("add", f" n{sign}w") if step > 0 else ("sub", f" n{sign}w")
        self.do(f"store {width} {self.emit(f'{operation}{flag} {width} {current}, {abs(step)}')}, ptr {counter}")
        self.jump(head)

    def range_of(self, node: ast.For) -> tuple[Kind, str, str, int]:
        """The kind, start, stop and step of `range(...)`."""
        call = node.iter
        is_range = isinstance(call, ast.Call) and self.static(call.func) is range and not call.keywords
        if not isinstance(call, ast.Call) or not is_range or not 1 <= len(call.args) <= 3:
            self.refuse(subset.LOOP_RANGE, node)
        step: Value = (None, 1) if len(call.args) < 3 else self.value(call.args[2])
        if step[0] is not None or type(step[1]) is not int or step[1] == 0:
            self.refuse(subset.LOOP_RANGE, node)
        start: Value = (None, 0) if len(call.args) == 1 else self.value(call.args[0])
        stop = self.value(call.args[min(1, len(call.args) - 1)])
        if start[0] is None and stop[0] is None:
            known = self.locals.get(node.target.id) if isinstance(node.target, ast.Name) else None
            start = known[0] if known else i64, self.adapted_to(start, known[0] if known else i64, node, 0)
        kind, first, last = self.matched(call, "range", start, stop)
        if kind not in INTEGERS:
            self.refuse(subset.INDEX_TYPE, call, kind_name(kind))
        return kind, first, last, step[1]

    def break_(self, node: ast.Break) -> None:
        """Out of the loop."""
        self.loops[-1].at_breaks.append(set(self.assigned))
        self.jump(self.loops[-1].end)

    def continue_(self, node: ast.Continue) -> None:
        """To the next round."""
        self.jump(self.loops[-1].again)

    def return_(self, node: ast.Return) -> None:
        """`return`, `return x`, `return x, y`."""
        result = self.signature.result
        if result is None or result is NoReturn:
            if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
                self.refuse(subset.RETURN_TYPE, node, "a value", kind_name(result))
            self.do("ret void")
        elif node.value is None:
            self.refuse(subset.RETURN_TYPE, node, "nothing", kind_name(result))
        elif isinstance(result, tuple) and isinstance(node.value, ast.Tuple):
            self.do(f"ret {llvm_type(result)} {self.packed(node, node.value.elts, result)}")
        else:
            self.do(f"ret {llvm_type(result)} {self.returned(node.value, result)}")
        self.is_open = False

    def returned(self, node: ast.expr, kind: Kind) -> str:
        """The operand of a returned expression."""
        found, operand = self.value_wanted(node, kind)
        if found is None:
            spelt = None if isinstance(kind, tuple) else self.adapted(operand, kind, node, subset.RETURN_TYPE)
            return spelt or self.refuse(subset.RETURN_TYPE, node, operand, kind_name(kind))
        if found is not kind and found != kind:
            self.refuse(subset.RETURN_TYPE, node, kind_name(found), kind_name(kind))
        return operand  # type: ignore[no-any-return]

    def packed(self, node: ast.Return, parts: list[ast.expr], kinds: tuple[Kind, ...]) -> str:
        """Several results as one aggregate."""
        if len(parts) != len(kinds):
            self.refuse(subset.RETURN_TYPE, node, f"{len(parts)} values", kind_name(kinds))
        operands = [self.returned(part, kind) for part, kind in zip(parts, kinds, strict=True)]
        whole = "poison"
        for i, (operand, kind) in enumerate(zip(operands, kinds, strict=True)):
            whole = self.emit(f"insertvalue {llvm_type(kinds)} {whole}, {llvm_type(kind)} {operand}, {i}")
        return whole

    # The rest

    def expression(self, node: ast.Expr) -> None:
        """A call, or a docstring."""
        if isinstance(node.value, ast.Call):
            self.call(node.value)
        elif not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, (str, type(...)))):
            self.refuse(subset.UNUSED_VALUE, node)

    def assert_(self, node: ast.Assert) -> None:
        """An invariant: checked in debug builds, and otherwise only as to its types."""
        message = node.msg
        if not isinstance(message, ast.Constant) or not isinstance(message.value, str):
            self.refuse(subset.CONSTANT_TEXT, node, "assert")
        mark, block = len(self.lines), self.block
        bad, good = self.label(), self.label()
        self.condition(node.test, good, bad)
        if self.unit.debug:
            self.place(bad)
            self.throw(message.value)
            self.place(good)
        else:
            del self.lines[mark:]
            self.block, self.is_open = block, True

    def pass_(self, node: ast.Pass) -> None:
        """Nothing."""


STATEMENTS: dict[type, Callable[[Any, Any], None]] = {
    ast.Assign: FunctionLowering.assign,
    ast.AnnAssign: FunctionLowering.annotated,
    ast.AugAssign: FunctionLowering.augmented,
    ast.If: FunctionLowering.if_,
    ast.While: FunctionLowering.while_,
    ast.For: FunctionLowering.for_,
    ast.Break: FunctionLowering.break_,
    ast.Continue: FunctionLowering.continue_,
    ast.Return: FunctionLowering.return_,
    ast.Expr: FunctionLowering.expression,
    ast.Assert: FunctionLowering.assert_,
    ast.Pass: FunctionLowering.pass_,
}
