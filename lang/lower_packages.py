"""Packages: what the calls and variables of imported packages become, and the names behind a dot.

    fmt.Println(a, b)     fmt_println(g, args, 2): args is an array of interfaces
    println(a, b)         one call per operand, by its kind
    runtime.GC()          gc(g)
    os.Args               os_args(g)

Next: lower_statements.py
"""

from __future__ import annotations

from lang.flow import Leave
from lang.go_types import (
    BOOL,
    ERROR,
    STRING,
    Basic,
    Chan,
    Interface,
    Kind,
    Map,
    Param,
    Pointer,
    Signature,
    Slice,
    Type,
)
from lang.lower_finalizers import Finalizers
from lang.lower_frame import NotYet, Place, Value
from lang.lower_literals import NIL_INTERFACE, POINTER_RESULT
from lang.lower_natives import NATIVES
from lang.lower_types import Component
from lang.objects import Func, Var
from lang.syntax import (
    Call,
    FieldSelection,
    InterfaceSelection,
    MethodExpression,
    MethodSelection,
    Name,
    PackageSelection,
    Selector,
)

PRINT_FUNCTIONS = ("Println", "Print", "Printf")
RUNTIME_CALLS = {  # functions of runtime and runtime/debug that take integers, and give one or nothing
    "GOMAXPROCS": "set_max_procs",
    "NumCPU": "num_cpu",
    "FreeOSMemory": "free_os_memory",
    "SetGCPercent": "set_gc_percent",
    "SetMemoryLimit": "set_memory_limit",
}
MATCHER = Signature((Param("", ERROR),), (Param("", BOOL),))
PRINTED = (Component("", "i64", "", ""),)
VERSION = b"toy0.1.0"


class Packages(Finalizers):
    """Names of variables, fields and package members; calls of packages."""

    # ---- names

    def named_value(self, expr: Name) -> Value:
        """The value of a variable."""
        if isinstance(expr.object, Func):
            return self.function_value(expr.object, expr)
        assert isinstance(expr.object, Var), "a name stands for a variable or a function"
        found = self.variable(expr.object)
        return self.load(found) if isinstance(found, Place) else found

    def selector_value(self, expr: Selector) -> Value:
        """x.f"""
        selection = expr.selection
        if isinstance(selection, FieldSelection):
            return self.stepped_value(expr.operand, selection.steps, expr)
        if isinstance(selection, PackageSelection):
            return self.package_variable(expr, selection)
        if isinstance(selection, MethodSelection):
            return self.method_value(expr, selection)
        if isinstance(selection, InterfaceSelection):
            return self.interface_method_value(expr, selection)
        assert isinstance(selection, MethodExpression), "every selector was resolved"
        return self.method_expression(expr, selection)

    def package_variable(self, expr: Selector, selection: PackageSelection) -> Value:
        """package.Variable"""
        if isinstance(selection.object, Func):
            return self.function_value(selection.object, expr)
        if (selection.package.path, expr.name.name) == ("os", "Args"):
            self.uses_globals = self.program.uses_arguments = True
            return self.load(Place("package.os_Args", expr.type, ""))
        assert isinstance(selection.object, Var), "what a package exports is a function or a variable"
        found = self.variable(selection.object)
        return self.load(found) if isinstance(found, Place) else found

    # ---- calls

    def package_call(self, expr: Call, target: Func) -> Value:
        """A call of a package's function."""
        results = self.result_components(target.signature)
        if (target.package, target.name) in NATIVES:
            return self.native_call(expr, target, results)
        match target.package, target.name:
            case "fmt", name if name in PRINT_FUNCTIONS:
                return (*self.print_call(expr, target, PRINTED), *NIL_INTERFACE)
            case "fmt", _:
                return self.print_call(expr, target, results)
            case "runtime", "ReadMemStats":
                self.call_runtime(f"read_mem_stats(g, MemStats.at(address({self.value(expr.args[0])[0]})))", ())
            case "runtime", "SetFinalizer":
                return self.set_finalizer(expr)
            case "runtime", "AddCleanup":
                return self.add_cleanup(expr)
            case "runtime", "Stop":
                return self.stop_cleanup(expr)
            case "runtime", "KeepAlive":
                return self.keep_alive(expr)
            case "runtime", "GC" | "Gosched":
                if target.name == "GC":
                    self.call_runtime("runtime_gc(g)", ())
                self.run_finalizers()
            case "time", "Sleep":
                self.call_runtime(f"time_sleep(g, {self.as_i64(expr.args[0])})", ())
                self.run_finalizers()
            case "runtime", "NumGoroutine":
                return ("1",)
            case "runtime", "Version":
                return self.program.string(VERSION)
            case ("runtime" | "runtime/debug"), name if name in RUNTIME_CALLS:
                arguments = "".join(f", {self.as_i64(arg)}" for arg in expr.args)
                return self.call_runtime(f"{RUNTIME_CALLS[name]}(g{arguments})", results)
            case "runtime/debug", "ReadGCStats":
                pointer = self.value(expr.args[0])[0]
                self.call_runtime(f"read_gc_stats(g, DebugGCStats.at(address({pointer})))", ())
            case "weak", "Make":
                return self.weak_make(expr, target)
            case "weak", "Value":
                return self.weak_value(expr, target)
            case "errors", "As":
                return self.errors_as(expr)
            case "os", "Exit":
                self.add(Leave(f"os_exit(g, {self.as_i64(expr.args[0])})"))
            case _:
                raise NotYet(expr, f"{target.package}.{target.name}")
        return ()

    def weak_make(self, expr: Call, target: Func) -> Value:
        """weak.Make(p): the one component of a weak.Pointer, which leads to the handle."""
        pointer = self.argument_parts(expr, target.signature)[0]
        word = self.call_runtime(f"weak_handle(g, address({pointer}))", (POINTER_RESULT,))[0]
        return (self.word_as(word, target),)

    def weak_value(self, expr: Call, target: Func) -> Value:
        """w.Value()"""
        handle = self.receiver(expr)[0]
        word = self.call_runtime(f"weak_referent(g, address({handle}))", (POINTER_RESULT,))[0]
        return (self.word_as(word, target),)

    def word_as(self, word: str, target: Func) -> str:
        """A word as the one component of what a function gives."""
        (component,) = self.result_components(target.signature)
        return self.temporary(f"{component.annotation}.at({word})", component.address)

    def errors_as(self, expr: Call) -> Value:
        """errors.As(err, &target): a search with a function that knows the target's type."""
        err, target = expr.args
        under = target.type.underlying
        if not isinstance(under, Pointer):
            raise NotYet(target, "errors.As with a target that is no pointer to a variable")
        held = self.snapshot(err.type, self.value_as(err, ERROR))
        pointer = self.snapshot(target.type, self.value(target))
        with self.inside(self.if_(f"is_nil({pointer[0]})").then):
            typ, data = self.interface_of(STRING, self.program.string(b"errors: target must be a non-nil pointer"))
            self.add(Leave(f"panic_any({typ}, {data}, {self.position(target)})"))
        name = self.program.matcher(under.elem)
        closure = self.bind(MATCHER, (self.closure_over(name, [(target.type, pointer)], self.made_in_frame),))
        search = self.program.library_function("errors", "search")
        arguments = (*held, *self.interface_of(target.type, pointer), *closure)
        return self.call_toy(self.program.function_name(search), arguments, search.signature)

    def native_call(self, expr: Call, target: Func, results: tuple[Component, ...]) -> Value:
        """A call of a function of the library that has no body."""
        parts = self.argument_parts(expr, target.signature)
        template = NATIVES[target.package, target.name]
        if isinstance(template, tuple):
            texts = [component.format(*parts) for component in template]
            return tuple(self.temporary(text, to.address) for text, to in zip(texts, results, strict=True))
        text = template.format(*parts)
        if not results:
            self.step(text)
            return ()
        return (self.temporary(text),)

    def print_call(self, expr: Call, target: Func, results: tuple[Component, ...]) -> Value:
        """A call of fmt, which may call the methods of what it prints."""
        parts = [part for t, given in self.arguments(expr, target.signature) for part in self.bind(t, given)]
        text = f"fmt_{target.name.lower()}({', '.join(('g', *parts[:-1]))})"  # without the capacity of the operands
        return self.call(text, results, "", (self.program.text_of,) if self.program.text_of else ())

    def print_builtin(self, expr: Call) -> Value:
        """print and println: to standard error, each operand by its kind."""
        self.make_all_calls(expr.args)
        operands = [(arg.type, self.bind(arg.type, self.value(arg))) for arg in expr.args]
        self.step("print_begin(g)")
        for number, (t, parts) in enumerate(operands):
            if number and expr.builtin == "println":
                self.step("print_space(g)")
            self.step(self.print_operand(t, parts))
        if expr.builtin == "println":
            self.step("print_newline(g)")
        self.step("print_end(g)")
        return ()

    def print_operand(self, t: Type, parts: Value) -> str:
        """The call that prints one operand of print."""
        match t.underlying:
            case Basic(kind=Kind.STRING):
                return f"print_string(g, {parts[0]}, {parts[1]})"
            case Basic(kind=Kind.BOOL):
                return f"print_bool(g, {parts[0]})"
            case Basic() as under if under.is_float:
                return f"print_float(g, {parts[0]})" if under.bits == 64 else f"print_float32(g, f64({parts[0]}))"
            case Basic() as under if under.is_signed:
                return f"print_int(g, i64({parts[0]}))"
            case Basic():
                return f"print_uint(g, u64({parts[0]}))"
            case Pointer() | Map() | Chan() | Signature():
                return f"print_pointer(g, address({parts[0]}))"
            case Slice():
                return f"print_slice(g, address({parts[0]}), {parts[1]}, {parts[2]})"
        assert isinstance(t.underlying, Interface), "the checker refuses arrays and structs"
        box = self.new_memory(t, "", parts)
        return f"print_interface(g, {box.pointer})"
