"""Finalizers and cleanups: how the runtime is told of a function, and how the program calls it.

    runtime.SetFinalizer(p, f)       set_finalizer_of(g, address(p), 1, False)     1: the call f(p)
    runtime.AddCleanup(p, f, x)      add_cleanup_of(g, address(p), 2, box)         2: the call f(what is in the box)
    c.Stop()                         stop_cleanup_of(g, c_ptr, c_id)

    def run_finalizers(g, sp):       made for each program that has such calls, or asks for them
        while ...:
            kind, fn, word = take_ready(g)
            if fn == 1: f(g, sp, T.at(word))
            if fn == 2: f(g, sp, Box.at(word).value)

It is called where a program may be held up in Go as well: behind runtime.GC, runtime.Gosched and time.Sleep, and behind
an allocation that found no free slot at hand (shadow_stack.py). A finalizer is not called inside of another.

Next: lower_packages.py
"""

from __future__ import annotations

from dataclasses import dataclass

from lang.check_finalizers import named_function, takes
from lang.flow import Break, If, Leave, Loop, Return
from lang.go_types import STRING, UINT64, Array, Field, Pointer, Struct, Type
from lang.layout import has_pointers, size_of
from lang.lower_frame import NotYet, Value
from lang.lower_interfaces import Interfaces
from lang.lower_types import VIEW, Component, runtime_name, signature_name
from lang.objects import Func
from lang.syntax import Call, Expr, Mode
from runtime.finalizers import EQUAL_TEXT, NIL_CLEANUP_TEXT, WITHIN_TEXT
from runtime.layout import TINY_SIZE

NUMBER = (Component("", "u64", "", ""),)


@dataclass(frozen=True, slots=True)
class ReadyCall:
    """A call that the program makes for the runtime."""

    function: Func
    given: Type  # of what it is given: the object's pointer, or the argument
    is_cleanup: bool


def box_type(t: Type) -> Struct:
    """What the argument of a cleanup lies in: never a block of the tiny allocator, all of which would live with it."""
    room = (Field("room", Array(2, UINT64)),) if size_of(t) < TINY_SIZE and not has_pointers(t) else ()
    return Struct((Field("value", t), *room))


class Finalizers(Interfaces):
    """runtime.SetFinalizer, runtime.AddCleanup, Cleanup.Stop, and the calls that they lead to."""

    def set_finalizer(self, expr: Call) -> Value:
        """runtime.SetFinalizer(p, f): what Go finds out when the program runs, is said when it runs."""
        obj, function = expr.args
        t = obj.type
        if obj.mode is Mode.NIL:
            return self.refused("first argument is nil")
        parts = self.bind(t, self.value(obj))
        if not isinstance(t.underlying, Pointer):
            return self.refused(f"first argument is {runtime_name(t)}, not pointer")
        elem = t.underlying.elem
        place = f"address({parts[0]})"
        is_tiny = not has_pointers(elem) and size_of(elem) < TINY_SIZE
        if function.mode is Mode.NIL:
            return self.call_runtime(f"clear_finalizer(g, {place}, {is_tiny})", ())
        target = named_function(function)
        if target is None:
            self.value(function)
            return self.refused(f"second argument is {runtime_name(function.type)}, not a function")
        if not takes(target.signature, t):
            why = " because dotdotdot" if target.signature.variadic else ""
            return self.refused(f"cannot pass {runtime_name(t)} to finalizer {signature_name(target.signature)}{why}")
        number = self.ready_call(ReadyCall(target, t, False))
        return self.call_runtime(f"set_finalizer_of(g, {place}, {number}, {is_tiny})", ())

    def refused(self, why: str) -> Value:
        """A fatal error."""
        text = f"runtime.SetFinalizer: {why}"
        self.add(Leave(f"throw({text!r})"))
        return ()

    def add_cleanup(self, expr: Call) -> Value:
        """runtime.AddCleanup(p, f, x): the components of a Cleanup."""
        ptr, function, arg = expr.args
        target = named_function(function)
        if target is None:
            raise NotYet(function, "cleanups that are no functions of the program")
        t = target.signature.params[0].type
        pointer = self.snapshot(ptr.type, self.value(ptr))[0]
        parts = self.snapshot(t, self.value_as(arg, t))
        self.panics_if(f"is_nil({pointer})", NIL_CLEANUP_TEXT, expr)
        if isinstance(t.underlying, Pointer):
            self.panics_if(f"address({pointer}) == address({parts[0]})", EQUAL_TEXT, expr)
            self.panics_if(f"keeps_alive(g, address({pointer}), address({parts[0]}))", WITHIN_TEXT, expr)
        box = box_type(t)
        held = self.new(box)
        self.store(self.member_place(held, "value", t, f"address({held})"), parts)
        number = self.ready_call(ReadyCall(target, t, True))
        text = f"add_cleanup_of(g, address({pointer}), {number}, address({held}))"
        made = self.call_runtime(text, NUMBER)[0]
        return (made, self.temporary(f"(address({pointer}) if {made} != 0 else u64(0))"))

    def panics_if(self, condition: str, text: str, expr: Expr) -> None:
        """Panic with a string."""
        with self.inside(self.if_(condition).then):
            typ, data = self.interface_of(STRING, self.program.string(text.encode()))
            self.add(Leave(f"panic_any({typ}, {data}, {self.position(expr)})"))

    def stop_cleanup(self, expr: Call) -> Value:
        """c.Stop()"""
        number, at = self.receiver(expr)
        return self.call_runtime(f"stop_cleanup_of(g, {at}, {number})", ())

    def keep_alive(self, expr: Call) -> Value:
        """runtime.KeepAlive(x): what x leads to is in the roots up to here."""
        arg = expr.args[0]
        parts = self.snapshot(arg.type, self.value(arg)) if arg.mode is not Mode.NIL else ()
        components = self.types.components(arg.type) if parts else ()
        for part, component in zip(parts, components, strict=True):
            if component.address:
                self.step(f"keep_alive({component.address.format(part)})")
        return ()

    def ready_call(self, call: ReadyCall) -> int:
        """The number by which the runtime knows a call; the first is 1."""
        calls = self.program.ready_calls
        if call not in calls:
            calls.append(call)
        return calls.index(call) + 1

    # ---- making the calls

    def run_finalizers(self) -> None:
        """A call of the program's function that makes the calls that are ready."""
        self.program.runs_finalizers = True
        name = self.program.finalizers_name
        self.call(f"{name}(g, {{sp}})", (), name)

    def lower_ready_calls(self) -> None:
        """The body of that function."""
        self.add(If("not begin_calls(g)", [Return()]))
        kind, number, word = (self.names.temporary() for _ in range(3))
        loop = Loop("True")
        self.add(loop)
        with self.inside(loop.body):
            self.step(f"{kind}, {number}, {word} = take_ready(g)", kind, number, word)
            self.add(If(f"{kind} == 0", [Break()]))
            for i, call in enumerate(self.program.ready_calls):
                with self.inside(self.if_(f"{number} == {i + 1}").then):
                    self.make_call(call, word)
        self.step("end_calls(g)")

    def make_call(self, call: ReadyCall, word: str) -> None:
        """One call, of what a word leads to."""
        if call.is_cleanup:
            view = self.temporary(f"{self.types.pointee(box_type(call.given))}.at({word})", VIEW)
            parts = self.load(self.member_place(view, "value", call.given, f"address({view})"))
        else:
            assert isinstance(call.given.underlying, Pointer), "finalizers are given pointers"
            view = self.types.pointee(call.given.underlying.elem)
            parts = (self.temporary(f"{view}.at({word})", VIEW),)
        arguments = self.bind(call.given, parts)
        name = self.program.function_name(call.function)
        results = self.result_components(call.function.signature)
        self.call(f"{name}({', '.join(('g', '{sp}', *arguments))})", results, name)
