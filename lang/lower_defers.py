"""Defers: functions with deferred calls, which are two, and recover.

    func f(x int) (n int, err error) {
        defer g(x)
        body
    }

    f       x, n and err in memory; defers, a list; run_with_defers(g, closure of f_body, defers); returns n and err
    f_body  a function literal over all of these; `return 1, nil` sets n and err first, and defers.place
    g(x)    a closure over the values that x and g have now, pushed onto defers; it lies behind them, in the frame of f,
            unless the statement may be executed again: in a loop, or where a goto leads back

recover asks whether its function was called as a deferred call: it reads `g.unwinding.may_recover` at its beginning,
and takes it off. So does every other function that a closure leads to, in a program that calls recover at all. Those
that no program spells out, and that stand between a deferred call and what it calls, leave it on for who knows better
(hand_on).

Next: lower_function.py
"""

from __future__ import annotations

from dataclasses import replace

from lang import syntax
from lang.flow import Return
from lang.go_types import BOOL, STRING, UINT8, UINT64, Field, Param, Pointer, Signature, Struct, Type
from lang.layout import size_of
from lang.lower_closures import method_call, used_name
from lang.lower_frame import Place, Value, strip
from lang.lower_gotos import Gotos
from lang.lower_interfaces import DATA, TYPE, interface_type
from lang.lower_literals import NIL_INTERFACE
from lang.lower_types import VIEW, Component, is_boxed
from lang.objects import FunctionInfo, Var
from lang.syntax import (
    Adjust,
    Call,
    CallKind,
    Expr,
    FuncLit,
    InterfaceSelection,
    MethodSelection,
    Mode,
    PackageSelection,
    Selector,
)

DEFERS = Pointer(Struct((Field("head", Pointer(UINT8)), Field("place", UINT64), Field("has_ended", UINT64))))
DEFER = Struct((Field("closure", Pointer(UINT8)), Field("next", Pointer(UINT8))))
MOST_DEFERRED_BYTES = 1024  # in a frame
DEFERRED = Signature((), ())
TEXT_METHOD = Signature((), (Param("", STRING),))
TEXT_METHODS = {"ERROR_TEXT": "Error", "STRING_TEXT": "String", "SYNTAX_TEXT": "GoString"}
SAID = Component("", "MethodText", "", "")


class Defers(Gotos):
    """Functions that defer calls."""

    parameters: list[str]
    defers: Var | None = None  # in the body of such a function
    deferred: list[Field]  # what lies in the frame for deferred calls: a Defers, and the calls that are deferred once
    recovers: Var | None = None  # in a function that calls recover: whether that may give something

    # ---- the two functions

    def note_call(self, is_value: bool) -> None:
        """At the beginning of a function: was it called as a deferred call? Only recover wants to know."""
        if self.info.calls_recover:
            self.recovers = Var("recovers", self.pos, BOOL)
            self.declare_variable(self.recovers, "recovers", ("(g.unwinding.may_recover != 0)",))
            self.step("g.unwinding.may_recover = 0")
        elif is_value and self.program.recovers:
            self.step("g.unwinding.may_recover = 0")

    def hand_on(self, call: Call) -> None:
        """Before the call that a function stands for, which is deferred if the function is."""
        self.hands_on = call.kind is CallKind.DYNAMIC
        self.note_call(not self.hands_on and (call.target is None or not self.program.may_recover(call.target)))

    def run_body(self, body: syntax.Block) -> None:
        """The outer function of one that defers: its parameters and results are there."""
        defers = Var("defers", self.pos, DEFERS)
        shared = [*self.info.captures, *self.variables_of_frame(), *([self.recovers] if self.recovers else []), defers]
        for var in self.info.results:
            if var not in self.locals:
                self.declare_variable(var, self.wish(var), None)
        inner = replace(self.info, captures=shared, params=[], receiver=None)
        self.deferred = [Field("defers", DEFERS.elem)]
        name = self.program.deferring_body(inner, body, self, defers)
        memory = self.frame_memory(Struct(tuple(self.deferred)), "deferred", has_roots=True)
        pointer = self.temporary(f"{self.types.pointee(DEFERS.elem)}.at(address({memory}))")
        self.locals[defers] = (pointer,)
        self.step(f"{pointer}.place = {self.program.position(self.info, body.end)}")
        outer = FunctionInfo("", DEFERRED, captures=shared)
        closure = self.bind(DEFERRED, (self.new_closure(name, outer, stays=True),))
        text = f"run_with_defers(g, {closure[0]}, Defers.at(address({pointer})))"
        self.is_shown = False  # traces have the body instead, or defers.place
        self.call(text, (), "", (name, self.program.shape(DEFERRED)))
        self.return_named()

    def variables_of_frame(self) -> list[Var]:
        """Receiver, parameters and results."""
        return [*self.info.given, *self.info.results]

    def return_statement(self, node: syntax.Return) -> None:
        """return: in the body of a function that defers, the results are set first."""
        if self.defers is None:
            super().return_statement(node)
            return
        if node.results:
            self.set_results(node)
        self.step(f"{self.list_of_deferred()}.place = {self.position(node)}")
        self.add(Return())

    # ---- defer

    def defer(self, node: syntax.Defer) -> None:
        """defer f(x): f and x are evaluated now."""
        call = strip(node.call)
        assert isinstance(call, Call), "what is deferred is a call"
        if call.builtin == "recover":
            with self.inside(self.if_(self.may_give()).then):
                self.push_defer("nil(Closure)")
        else:
            self.push_defer(self.deferred_closure(call))

    def push_defer(self, closure: str) -> None:
        """One more deferred call; no closure stands for recover."""
        defers = f"Defers.at(address({self.list_of_deferred()}))"
        if self.may_repeat():
            self.call_runtime(f"push_defer(g, {defers}, {closure})", ())
        else:
            made = self.memory_for_deferred(DEFER)
            self.step(f"link_defer({defers}, {closure}, Defer.at(address({made})))")

    def list_of_deferred(self) -> str:
        """A pointer to the Defers of the function."""
        assert self.defers is not None, "a function that defers was taken apart"
        (defers,) = self.variable(self.defers)  # type: ignore[misc]
        return defers

    def may_repeat(self) -> bool:
        """Whether a statement may be executed several times in one call of the function."""
        return len(self.rounds) > 1 or bool(self.entries)

    def memory_for_deferred(self, t: Type) -> str:
        """A pointer to memory for what is deferred once: behind the Defers, as long as there is room."""
        offset = size_of(Struct(tuple(self.deferred)))
        if offset + size_of(t) > MOST_DEFERRED_BYTES:
            return self.new(t)
        self.deferred.append(Field(f"part{len(self.deferred)}", t))
        return self.temporary(f"{self.types.pointee(t)}.at(address({self.list_of_deferred()}) + {offset})")

    def deferred_closure(self, call: Call) -> str:
        """A func() that makes the call."""
        memory = None if self.may_repeat() else self.memory_for_deferred
        function = strip(call.function)
        if isinstance(function, FuncLit) and not call.args and not call.signature.results:  # type: ignore[union-attr]
            return self.bind(function.type, self.function_literal(function, memory))[0]
        if isinstance(function, Selector) and isinstance(function.selection, MethodSelection):
            self.make_all_calls([function.operand, *call.args])
        captured: list[tuple[Var, Value]] = []
        made = replace_call(call, self.deferred_function(call, function, captured))
        made.args = self.deferred_arguments(call, captured)
        made.expands_tuple = False
        name = self.program.deferred(made, [var for var, _ in captured])
        self.program.take_address(name, DEFERRED)
        if not captured:
            return self.static_closure(name)
        kept = [self.kept(var.type, parts) for var, parts in captured]
        return self.bind(DEFERRED, (self.closure_over(name, kept, memory),))[0]

    def keep(self, captured: list[tuple[Var, Value]], t: Type, parts: Value) -> Expr:
        """A value that a deferred call needs, by the name that it has there."""
        var = Var(f"kept{len(captured)}", self.pos, t)
        captured.append((var, self.snapshot(t, parts)))
        return used_name(var.name, var, t)

    def deferred_function(self, call: Call, function: Expr, captured: list[tuple[Var, Value]]) -> Expr:
        """What is called, with its receiver evaluated."""
        selection = function.selection if isinstance(function, Selector) else None
        if isinstance(function, Selector) and isinstance(selection, MethodSelection):
            method = selection.method
            receiver = self.keep(captured, method.receiver_type, self.receiver_of(function))
            chosen = MethodSelection((), method, Adjust.NONE)
            return method_call(receiver.object, chosen, method.signature).function  # type: ignore[attr-defined]
        if isinstance(function, Selector) and isinstance(selection, InterfaceSelection):
            t = interface_type(function, selection)
            typ, data = self.interface_receiver(function, selection)
            receiver = self.keep(captured, t, (f"nonnil({typ}, {self.position(function)})", data))
            assert call.signature is not None, "a method has a signature"
            chosen_method = InterfaceSelection((), selection.name)
            return method_call(receiver.object, chosen_method, call.signature).function  # type: ignore[attr-defined]
        if call.kind is CallKind.DYNAMIC and not isinstance(selection, PackageSelection):
            return self.keep(captured, function.type, self.value(function))
        return call.function

    def deferred_arguments(self, call: Call, captured: list[tuple[Var, Value]]) -> list[Expr]:
        """The arguments, evaluated."""
        if call.expands_tuple:
            return [self.keep(captured, t, parts) for t, parts in self.split(call.args[0])]
        return [
            arg if arg.mode in (Mode.CONSTANT, Mode.NIL, Mode.TYPE) else self.keep(captured, arg.type, self.value(arg))
            for arg in call.args
        ]

    # ---- recover

    def recover(self) -> Value:
        """The value of the panic under way, or nil."""
        if self.recovers is None:  # in the value of a package-level variable
            return NIL_INTERFACE
        typ, data = self.declare_temporary(TYPE), self.declare_temporary(DATA)
        self.set_locals((typ, data), (TYPE, DATA), NIL_INTERFACE)
        with self.inside(self.if_(self.may_give()).then):
            self.step(f"{typ}, {data} = recovered(g)", typ, data)
        return (typ, data)

    def may_give(self) -> str:
        """Whether recover may give something."""
        assert self.recovers is not None, "the function calls recover"
        found = self.variable(self.recovers)
        (may,) = self.load(found) if isinstance(found, Place) else found
        return may

    # ---- what values say of themselves

    def lower_text_of(self, spoken: list[tuple[Type, str, MethodSelection | InterfaceSelection]]) -> None:
        """The function that calls Error or String of the value at an address, or GoString, and hands on what they give.

        It is asked for GoString by SYNTAX_TEXT, as the kind of `said`, and by ERROR_TEXT whether there is an Error.
        """
        typ, data, said = self.declare("typ", TYPE), self.declare("data", DATA), self.declare("said", SAID)
        self.parameters += [f"{typ}: Type", f"{data}: uintptr", f"{said}: MethodText"]
        errors = [f"{typ}.number == {self.types.number(t)}" for t, kind, _ in spoken if kind == "ERROR_TEXT"]
        with self.inside(self.if_(f"{said}.kind == ERROR_TEXT").then):
            self.step(f"{said}.kind = ERROR_TEXT if {' or '.join(errors) or 'False'} else NO_TEXT")
            self.add(Return())
        with self.inside(self.if_(f"{said}.kind == SYNTAX_TEXT").then):
            self.lower_asking([found for found in spoken if found[1] == "SYNTAX_TEXT"], typ, data, said)
            self.step(f"{said}.kind = NO_TEXT")
            self.add(Return())
        self.lower_asking([found for found in spoken if found[1] != "SYNTAX_TEXT"], typ, data, said)

    def lower_asking(
        self, spoken: list[tuple[Type, str, MethodSelection | InterfaceSelection]], typ: str, data: str, said: str
    ) -> None:
        """The types' methods are called, each where the value is of the type."""
        for t, kind, selected in spoken:
            with self.inside(self.if_(f"{typ}.number == {self.types.number(t)}").then):
                self.step(f"{said}.kind = {kind}")
                place = self.pointed(self.temporary(f"{self.types.pointee(t)}.at({data})", VIEW), t)
                receiver = Var("receiver", 0, t)
                self.locals[receiver] = place if is_boxed(t) else self.bind(t, self.load(place))
                text = self.value(method_call(receiver, selected, TEXT_METHOD, []))
                self.step(f"{said}.data = {text[0]}")
                self.step(f"{said}.length = {text[1]}")
                self.add(Return())


def replace_call(call: Call, function: Expr) -> Call:
    """A call like another, of a function."""
    made = Call(call.pos, function, [], call.spread, call.end)
    made.kind, made.builtin, made.target, made.signature = call.kind, call.builtin, call.target, call.signature
    made.type, made.mode = call.type, call.mode
    return made
