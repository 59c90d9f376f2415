"""Closures: function literals, and functions and methods as values.

    func(n int) int { return n + k }      Closure_k { code, k }, allocated; code is main_func1(g, sp, closure, n)
    double                                a closure without variables, in the package's struct: nothing to allocate
    t.insert                              Closure { code, t }; code calls Tree_insert
    f(3)                                  call_at(like, f.code, g, sp, f, 3), where like has f's parameters and results

A variable that nobody writes to after its declaration is captured as a copy. Others live in memory of their own, which
the closure leads to.

    FV1  the code of a closure takes the closure as its third parameter
    FV2  what a function value of a type may call is known: all functions of that shape whose address was taken

Next: lower_interfaces.py
"""

from __future__ import annotations

from collections.abc import Callable

from lang.go_types import UINTPTR, Field, Pointer, Signature, Struct, Type
from lang.layout import has_pointers
from lang.lower_calls import Calls
from lang.lower_frame import NotYet, Place, Value, strip
from lang.lower_types import VIEW, Component, is_boxed, needs_memory
from lang.objects import Func, FunctionInfo, Object, Var, VarKind
from lang.spelling import spelled
from lang.syntax import (
    Adjust,
    Call,
    CallKind,
    Expr,
    FuncLit,
    InterfaceSelection,
    MethodExpression,
    MethodSelection,
    Mode,
    Name,
    Selector,
)

Selected = MethodSelection | InterfaceSelection
Memory = Callable[[Type], str]  # gives a pointer to memory for a value of a type

CLOSURE = Component("", "Closure", VIEW, "")
# A call of them is made for the types of what they are given.
NOT_VALUES = frozenset([("errors", "As"), ("runtime", "AddCleanup"), ("runtime", "SetFinalizer")])


def closure_type(captured: list[Type]) -> Struct:
    """How a closure over values of these types lies in memory."""
    fields = [Field("code", UINTPTR), *(Field(f"c{number}", t) for number, t in enumerate(captured))]
    return Struct(tuple(fields))


def kept_type(t: Type) -> Type:
    """What a closure keeps of a value of type t."""
    return Pointer(t) if is_boxed(t) else t


class Closures(Calls):
    """Function values: how they are made, and how they are called."""

    literal_names: dict[FuncLit, str]

    # ---- calls

    def dynamic_call(self, expr: Call) -> Value:
        """f(x), where f is known only when the program runs."""
        signature = expr.signature
        assert signature is not None, "what is called has a signature"
        function = strip(expr.function)
        if isinstance(function, Selector) and isinstance(function.selection, InterfaceSelection):
            return self.interface_call(expr, function, function.selection, signature)
        known = self.known_function(function)
        if known:
            return self.known_call(known, expr, signature)
        (closure,) = self.bind(expr.function.type, self.value(expr.function))
        arguments = self.argument_parts(expr, signature)
        return self.call_closure(closure, self.position(strip(expr.function)), signature, arguments)

    def interface_call(
        self, expr: Call, function: Selector, selection: InterfaceSelection, signature: Signature
    ) -> Value:
        """x.m(a), where x is an interface."""
        raise NotImplementedError

    def call_closure(self, closure: str, pos: str, signature: Signature, arguments: Value) -> Value:
        """A call of what a closure leads to."""
        like = self.program.shape(signature)
        words = ", ".join((f"nonnil({closure}, {pos}).code", "g", "{sp}", closure, *arguments))  # FV1
        return self.call(f"call_at({like}, {words})", self.result_components(signature), like)

    # ---- values

    def function_literal(self, expr: FuncLit, memory: Memory | None = None) -> Value:
        """func(params) results { body }, whose closure is in memory that is asked for, if any."""
        name = self.literal_names[expr] = self.program.literal(expr, self.known)
        return (self.new_closure(name, expr.info, expr.stays, memory),)

    # ---- functions that are known

    def known_function(self, expr: Expr) -> str:
        """The name of the function that a variable surely leads to; "" when nobody knows."""
        return self.known.get(expr.object, "") if isinstance(expr, Name) and isinstance(expr.object, Var) else ""

    def known_call(self, name: str, expr: Call, signature: Signature) -> Value:
        """A call of a function value that leads to a function which is known: the call is direct."""
        (closure,) = self.bind(expr.function.type, self.value(expr.function))
        return self.call_toy(name, (closure, *self.argument_parts(expr, signature)), signature)

    def note_known(self, var: Var, expr: Expr) -> None:
        """Remember where a variable leads that was declared with a function literal."""
        expr = strip(expr)
        if isinstance(expr, FuncLit) and not var.assigned and not var.address_taken:
            self.known[var] = self.literal_names[expr]

    def known_arguments(self, expr: Call) -> dict[int, str]:
        """Which arguments of a call lead to functions that are known: literals, and variables that hold one."""
        found: dict[int, str] = {}
        for number, arg in enumerate(expr.args if not expr.expands_tuple else ()):
            inner = strip(arg)
            name = self.literal_names.get(inner, "") if isinstance(inner, FuncLit) else self.known_function(inner)
            if name:
                found[number] = name
        return found

    def new_closure(self, name: str, info: FunctionInfo, stays: bool = False, memory: Memory | None = None) -> str:
        """A closure of the function `name` over the variables that it captures; in the frame, if it stays there."""
        self.program.take_address(name, info.signature)  # FV2
        if not info.captures:
            return self.static_closure(name)
        if info.name:
            captured = ", ".join(var.name for var in info.captures)
            self.tell_place(self.pos, "func literal", stays or memory is not None, f" ({captured})")
        if stays:
            return self.closure_in_frame(name, info)
        return self.closure_over(name, [self.captured(var) for var in info.captures], memory)

    def captured(self, var: Var) -> tuple[Type, Value]:
        """What a closure keeps of a variable: where it lives, or what it holds."""
        found = self.variable(var)
        return (Pointer(var.type), (found.pointer,)) if isinstance(found, Place) else (var.type, found)

    def kept(self, t: Type, parts: Value) -> tuple[Type, Value]:
        """What a closure keeps of a value: the value, or where a copy of it lies (Y2)."""
        return kept_type(t), (self.new_memory(t, "", parts).pointer,) if is_boxed(t) else parts

    def closure_over(self, name: str, values: list[tuple[Type, Value]], memory: Memory | None = None) -> str:
        """A closure of the function `name` over values, in memory that is asked for; else on the heap."""
        t = closure_type([value_type for value_type, _ in values])
        return self.filled_closure(name, values, self.new(t) if memory is None else memory(t))

    def closure_in_frame(self, name: str, info: FunctionInfo) -> str:
        """A closure that nobody needs when the function returns. What stays in a frame, too, is no root."""
        values = [self.captured(var) for var in info.captures]
        t = closure_type([value_type for value_type, _ in values])
        has_roots = any(has_pointers(t) and not var.stays for var, (t, _) in zip(info.captures, values, strict=True))
        return self.filled_closure(name, values, self.frame_memory(t, "", has_roots))

    def filled_closure(self, name: str, values: list[tuple[Type, Value]], pointer: str) -> str:
        """A closure in memory that is there."""
        self.step(f"{pointer}.code = function_address({name})")
        for number, (value_type, parts) in enumerate(values):
            self.initialize(self.captured_place(pointer, number, value_type), parts)
        return f"Closure.at(address({pointer}))"

    def captured_place(self, pointer: str, number: int, t: Type) -> Place:
        """Variable `number` of a closure."""
        return self.member_place(pointer, f"c{number}", t, f"address({pointer})")

    def static_closure(self, name: str) -> str:
        """The closure of a function that captures nothing."""
        self.uses_globals = True
        field = self.program.static_closure(name)
        return f"Closure.at(address(package) + offsetof(Package, {field!r}))"

    def function_value(self, target: Func, expr: Expr) -> Value:
        """A function as a value."""
        if (target.package, target.name) in NOT_VALUES:
            raise NotYet(expr, f"{target.package}.{target.name} as a value")
        function = used_name(target.name, target, target.type)
        call = call_of(function, target.signature, CallKind.FUNCTION, target)
        return (self.static_closure(self.program.thunk(target, target.name, call, [])),)

    def method_value(self, expr: Selector, selection: MethodSelection) -> Value:
        """x.m: the receiver is evaluated now."""
        method = selection.method
        parts = self.bind(method.receiver_type, self.receiver_of(expr))
        return self.bound_method(expr, method, method.receiver_type, parts, MethodSelection((), method, Adjust.NONE))

    def bound_method(self, expr: Selector, key: object, t: Type, receiver: Value, selected: Selected) -> Value:
        """The closure of a method over its receiver."""
        assert isinstance(expr.type, Signature), "a method value is a function"
        var = Var("receiver", expr.pos, t)
        call = method_call(var, selected, expr.type)
        name = self.program.thunk(("value", key), expr.name.name, call, [var])
        self.tell_place(expr.pos, spelled(expr), expr.stays, " (with its receiver)")
        memory = self.made_in_frame if expr.stays else None
        return (self.closure_over(name, [self.kept(t, receiver)], memory),)

    def method_expression(self, expr: Selector, selection: MethodExpression) -> Value:
        """T.m: a function that takes the receiver first."""
        assert isinstance(expr.type, Signature), "a method expression is a function"
        first, *rest = expr.type.params
        receiver = Var("receiver", expr.pos, first.type, VarKind.PARAM)
        signature = Signature(tuple(rest), expr.type.results, expr.type.variadic)
        call = method_call(receiver, selection.selected, signature)
        key = ("expression", receiver.type, expr.name.name)
        return (self.static_closure(self.program.thunk(key, expr.name.name, call, [], receiver)),)

    def captured_values(self, closure: str, types: list[Type]) -> list[Value]:
        """What a closure over values of these types holds."""
        view = self.types.struct_class(closure_type(types))
        pointer = self.temporary(f"{view}.at(address({closure}))", VIEW)
        return [
            self.bind(t, self.load(self.captured_place(pointer, number, t))) for number, t in enumerate(types)
        ]

    # ---- in the function that a closure leads to

    def bind_captures(self, closure: str, info: FunctionInfo) -> None:
        """The variables that a function literal captures, as it finds them in its closure."""
        if not info.captures:
            return
        is_copied = [not needs_memory(var) for var in info.captures]
        kept = zip(info.captures, is_copied, strict=True)
        types = [var.type if copied else Pointer(var.type) for var, copied in kept]
        values = self.captured_values(closure, types)
        for var, copied, parts in zip(info.captures, is_copied, values, strict=True):
            self.locals[var] = parts if copied else self.pointed(parts[0], var.type)
            if not copied and var.stays:
                self.pointers.pop(parts[0], None)  # it leads to a frame


# ---- calls that no program spells out


def used_name(name: str, object_: Object, t: Type) -> Name:
    """A name that stands for an object."""
    found = Name(object_.pos, name)
    found.object, found.type = object_, t
    found.mode = Mode.VARIABLE if isinstance(object_, Var) else Mode.VALUE
    return found


def parameters_of(signature: Signature, pos: int) -> list[Var]:
    """Variables for the parameters of a function."""
    return [Var(param.name, pos, param.type, VarKind.PARAM) for param in signature.params]


def call_of(
    function: Expr, signature: Signature, kind: CallKind, target: Func | None, params: list[Var] | None = None
) -> Call:
    """A call of a function with variables of its parameters' types."""
    params = parameters_of(signature, function.pos) if params is None else params
    call = Call(function.pos, function, [used_name(var.name, var, var.type) for var in params], signature.variadic, 0)
    call.kind, call.target, call.signature = kind, target, signature
    call.type, call.mode = signature.result, Mode.VALUE
    return call


def method_call(receiver: Var, selected: Selected, signature: Signature, params: list[Var] | None = None) -> Call:
    """receiver.m(...)"""
    target = selected.method if isinstance(selected, MethodSelection) else None
    name = target.name if target is not None else ""
    selector = Selector(receiver.pos, used_name("receiver", receiver, receiver.type), Name(receiver.pos, name))
    selector.selection, selector.type, selector.mode = selected, signature, Mode.VALUE
    return call_of(selector, signature, CallKind.METHOD if target is not None else CallKind.DYNAMIC, target, params)
