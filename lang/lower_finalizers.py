"""Finalizers and cleanups: how the runtime is told of a function, and how it calls it.

    runtime.SetFinalizer(p, f)       set_finalizer_of(g, address(p), closure, False)
    runtime.AddCleanup(p, f, x)      add_cleanup_of(g, address(p), closure, box)
    c.Stop()                         stop_cleanup_of(g, c_ptr, c_id)

The closure's code takes one word, the object's address or the box's, makes f's argument of it, and calls f. run_ready
(lang/std/finalizer_calls.py) makes the calls that are ready. It is called where a program may be held up in Go as well:
behind runtime.GC, runtime.Gosched and time.Sleep, and behind an allocation that found no free slot at hand
(shadow_stack.py). A finalizer is not called inside of another.

Next: lower_natives.py
"""

from __future__ import annotations

from lang.check_finalizers import takes
from lang.flow import Leave
from lang.go_types import STRING, UINT64, Array, Field, Pointer, Signature, Struct, Type
from lang.layout import has_pointers, size_of
from lang.lower_frame import Value, strip
from lang.lower_interfaces import Interfaces
from lang.lower_types import VIEW, Component
from lang.objects import Func
from lang.runtime_names import runtime_name, signature_name
from lang.syntax import Call, Expr, Mode, Name
from runtime.layout import TINY_SIZE

READY_CODE = "ready_code"  # the shape of what the runtime calls
NUMBER = (Component("", "u64", "", ""),)


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
        signature = function.type.underlying
        if not isinstance(signature, Signature):
            self.value(function)
            return self.refused(f"second argument is {runtime_name(function.type)}, not a function")
        if not takes(signature, t):
            why = " because dotdotdot" if signature.variadic else ""
            return self.refused(f"cannot pass {runtime_name(t)} to finalizer {signature_name(signature)}{why}")
        closure = self.ready_closure(expr, signature, t)
        return self.call_runtime(f"set_finalizer_of(g, {place}, {closure}, {is_tiny})", ())

    def refused(self, why: str) -> Value:
        """A fatal error."""
        text = f"runtime.SetFinalizer: {why}"
        self.add(Leave(f"throw({text!r})"))
        return ()

    def add_cleanup(self, expr: Call) -> Value:
        """runtime.AddCleanup(p, f, x): the components of a Cleanup."""
        # Not above: it imports most of the runtime, which nothing else here does.
        from runtime.finalizers import EQUAL_TEXT, NIL_CLEANUP_TEXT, WITHIN_TEXT

        ptr, function, arg = expr.args
        signature = function.type.underlying
        assert isinstance(signature, Signature), "a cleanup is a function"
        t = signature.params[0].type
        pointer = self.snapshot(ptr.type, self.value(ptr))[0]
        parts = self.snapshot(t, self.value_as(arg, t))
        self.panics_if(f"is_nil({pointer})", NIL_CLEANUP_TEXT, expr)
        if isinstance(t.underlying, Pointer):
            self.panics_if(f"address({pointer}) == address({parts[0]})", EQUAL_TEXT, expr)
            self.panics_if(f"keeps_alive(g, address({pointer}), address({parts[0]}))", WITHIN_TEXT, expr)
        box = box_type(t)
        held = self.new(box)
        self.store(self.member_place(held, "value", t, f"address({held})"), parts)
        closure = self.ready_closure(expr, signature, t, pointer)
        text = f"add_cleanup_of(g, address({pointer}), {closure}, address({held}))"
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

    def ready_closure(self, expr: Call, signature: Signature, given: Type, cleaned: str = "") -> str:
        """The address of the closure that the runtime keeps, and calls with one word; `cleaned` has a cleanup.

        A cleanup that closes over what it cleans panics.
        """
        self.program.has_finalizers = True
        function, is_cleanup = expr.args[1], bool(cleaned)
        inner = strip(function)
        target = inner.object if isinstance(inner, Name) else None
        if isinstance(target, Func) and not target.is_native:
            name = self.program.ready_thunk(target, signature, given, is_cleanup)
            return f"address({self.static_closure(name)})"
        parts = self.bind(function.type, self.value(function))
        if is_cleanup:
            from runtime.finalizers import CLOSED_OVER_TEXT

            self.panics_if(f"closes_over(g, address({parts[0]}), address({cleaned}))", CLOSED_OVER_TEXT, expr)
        name = self.program.ready_thunk(None, signature, given, is_cleanup)
        return f"address({self.bind(signature, (self.closure_over(name, [(signature, parts)]),))[0]})"

    # ---- making the calls

    def run_finalizers(self) -> None:
        """A call of what makes the calls that are ready."""
        self.call("run_ready(g, {sp})", (), "", (READY_CODE,))

    def ready_argument(self, given: Type, is_cleanup: bool, word: str) -> Value:
        """What a word leads to: the pointer that a finalizer is given, or what lies in the box of a cleanup."""
        if is_cleanup:
            view = self.temporary(f"{self.types.pointee(box_type(given))}.at({word})", VIEW)
            parts = self.load(self.member_place(view, "value", given, f"address({view})"))
        else:
            assert isinstance(given.underlying, Pointer), "finalizers are given pointers"
            view = self.types.pointee(given.underlying.elem)
            parts = (self.temporary(f"{view}.at({word})", VIEW),)
        return self.bind(given, parts)
