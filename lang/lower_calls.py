"""Calls: of functions and methods, and the predeclared functions.

    f(a, s)        f(g, sp, a, s_data, s_length)           results in temporaries
    t.insert(x)    Tree_insert(g, sp, t, x)                the receiver is the first parameter
    f(g())         the results of g, as arguments

Next: lower_closures.py
"""

from __future__ import annotations

from lang.flow import Leave
from lang.go_types import ANY, BOOL, Basic, Interface, Map, Signature, Slice, Tuple, Type
from lang.lower_frame import NotYet, Value, strip
from lang.lower_maps import Maps, is_map_index
from lang.lower_types import Component
from lang.objects import Func, Var
from lang.spelling import spelled
from lang.syntax import (
    Adjust,
    Binary,
    Call,
    CallKind,
    CompositeLit,
    Deref,
    Expr,
    FuncLit,
    Index,
    MethodSelection,
    Mode,
    Name,
    Paren,
    Selector,
    SliceExpr,
    TypeAssert,
    Unary,
)

Argument = tuple[Type, Value]


class Calls(Maps):
    """Calls, builtins, and the expressions that name their operands' memory."""

    def call_expression(self, expr: Call) -> Value:
        """The values that a call gives, all components in a row."""
        match expr.kind:
            case CallKind.CONVERSION:
                return self.conversion(expr)
            case CallKind.BUILTIN:
                return self.builtin(expr)
            case CallKind.FUNCTION | CallKind.METHOD:
                assert expr.target is not None, "the checker knows the function called"
                lent = len(self.lent)
                parts = self.package_call(expr, expr.target) if expr.target.is_native else self.function_call(expr)
                self.take_back(lent)
                return parts
        return self.dynamic_call(expr)

    def known_arguments(self, expr: Call) -> dict[int, str]:
        """Which arguments of a call lead to functions that are known."""
        raise NotImplementedError

    def note_known(self, var: Var, expr: Expr) -> None:
        """Remember where a variable leads that was declared with a function literal."""
        raise NotImplementedError

    def dynamic_call(self, expr: Call) -> Value:
        """A call of a function that only the run knows."""
        raise NotImplementedError

    def package_call(self, expr: Call, target: Func) -> Value:
        """A call of a package's function."""
        raise NotImplementedError

    def function_call(self, expr: Call) -> Value:
        """A call of one of the program's functions or methods."""
        assert expr.target is not None, "a function is called"
        assert expr.signature is not None, "functions have signatures"
        arguments = self.receiver_and_arguments(expr, expr.signature)
        known = self.known_arguments(expr)
        name = self.program.specialized(expr.target, known) if known else self.program.function_name(expr.target)
        return self.call_toy(name, arguments, expr.signature)

    def call_toy(self, name: str, arguments: Value, signature: Signature) -> Value:
        """A call of a Toy function with its arguments' components."""
        text = ", ".join(("g", "{sp}", *arguments))
        return self.call(f"{name}({text})", self.result_components(signature), name)

    def result_components(self, signature: Signature) -> tuple[Component, ...]:
        """The components of all results in a row."""
        return tuple(c for result in signature.results for c in self.types.components(result.type))

    def receiver_and_arguments(self, expr: Call, signature: Signature) -> Value:
        """The components of what a function is given: the calls of a method's receiver come first."""
        if expr.kind is not CallKind.METHOD:
            return self.argument_parts(expr, signature)
        if not any(map(self.waits, expr.args)):
            return self.receiver(expr) + self.argument_parts(expr, signature)
        function = strip(expr.function)
        assert isinstance(function, Selector), "a method stands behind a dot"
        self.make_calls(function.operand)
        arguments = self.argument_parts(expr, signature)
        return self.receiver(expr) + arguments

    def receiver(self, expr: Call) -> Value:
        """The receiver of a method call, as the method takes it."""
        function = strip(expr.function)
        assert isinstance(function, Selector), "a method stands behind a dot"
        return self.receiver_of(function)

    def receiver_of(self, function: Selector) -> Value:
        """The receiver of x.m, as m takes it."""
        assert isinstance(function.selection, MethodSelection), "a method is selected"
        selection = function.selection
        if selection.adjust is Adjust.ADDRESS:
            place = self.stepped_place(function.operand, selection.steps, function)
            assert place is not None, "a method on a pointer is called on a variable"
            return (place.pointer,)
        parts = (
            self.stepped_value(function.operand, selection.steps, function)
            if selection.steps
            else self.value(function.operand)
        )
        if selection.adjust is Adjust.DEREFERENCE:
            receiver = selection.method.receiver
            assert receiver is not None, "a method has a receiver"
            return self.load(self.pointed(self.checked(parts[0], function), receiver))
        return parts

    def argument_parts(self, expr: Call, signature: Signature) -> Value:
        """The components of all arguments in a row."""
        return tuple(part for _, parts in self.arguments(expr, signature) for part in parts)

    def arguments(self, expr: Call, signature: Signature) -> list[Argument]:
        """The arguments, converted to the parameters' types; what a variadic parameter takes as one slice."""
        types = [param.type for param in signature.params]
        self.make_all_calls(expr.args)
        if expr.expands_tuple:
            given = self.split(expr.args[0])
            return self.gathered(expr, given, types, signature.variadic)
        if signature.variadic and not expr.spread:
            fixed = len(types) - 1
            arguments = [(t, self.value_as(arg, t)) for arg, t in zip(expr.args[:fixed], types, strict=False)]
            return [*arguments, (types[-1], self.slice_of(expr.args[fixed:], types[-1], expr))]
        return [(t, self.value_as(arg, t)) for arg, t in zip(expr.args, types, strict=True)]

    def gathered(self, expr: Call, given: list[Argument], types: list[Type], variadic: bool) -> list[Argument]:
        """The results of a call as arguments of another."""
        fixed = len(types) - 1 if variadic else len(types)
        arguments = [
            (t, self.as_type(source, parts, t, expr)) for (source, parts), t in zip(given[:fixed], types, strict=False)
        ]
        if not variadic:
            return arguments
        rest = types[-1]
        assert isinstance(rest, Slice), "a variadic parameter is a slice"
        values = [self.as_type(source, parts, rest.elem, expr) for source, parts in given[fixed:]]
        return [*arguments, (rest, self.slice_holding(values, rest, expr))]

    def as_type(self, source: Type, parts: Value, t: Type, expr: Expr) -> Value:
        """A value of type `source`, out of `expr`, where one of type t is wanted."""
        if isinstance(t.underlying, Interface) and not isinstance(source.underlying, Interface):
            self.check_text(source, expr)
            return self.interface_of(source, parts)
        return parts

    def split(self, expr: Expr) -> list[Argument]:
        """The several values of one call."""
        parts = self.value(expr)
        types = expr.type.elems if isinstance(expr.type, Tuple) else (expr.type,)
        inner = strip(expr)
        if isinstance(inner, TypeAssert | Index) and inner.comma_ok:
            types = (expr.type, BOOL)
        values, start = [], 0
        for t in types:
            count = len(self.types.components(t))
            values.append((t, parts[start : start + count]))
            start += count
        return values

    def slice_of(self, exprs: list[Expr], t: Type, call: Call) -> Value:
        """The slice that a variadic parameter gets."""
        assert isinstance(t, Slice), "a variadic parameter is a slice"
        if not exprs:
            return tuple(component.zero for component in self.types.components(t))
        literal = CompositeLit(call.pos, None, [], call.end)
        literal.type, literal.length, literal.is_lent = t, len(exprs), call.lends
        literal.entries = list(enumerate(exprs))
        return self.slice_literal(literal, t.elem)

    # ---- builtins

    def builtin(self, expr: Call) -> Value:
        """A call of a predeclared function."""
        if expr.builtin in ("len", "clear", "delete") and isinstance(expr.args[0].type.underlying, Map):
            return self.map_builtin(expr)
        match expr.builtin:
            case "len" | "cap":
                return (self.length(expr, expr.args[0]),)
            case "append":
                return self.append(expr)
            case "copy":
                return self.copy(expr)
            case "new":
                self.tell_place(expr.pos, spelled(expr), expr.stays)
                t = expr.args[0].type
                return (self.made_in_frame(t) if expr.stays else self.new(t),)
            case "make":
                self.tell_place(expr.pos, spelled(expr), expr.stays)
                return self.make_map(expr) if isinstance(expr.type.underlying, Map) else self.make(expr)
            case "min" | "max":
                return self.extreme(expr)
            case "panic":
                typ, data = self.value_as(expr.args[0], ANY)
                self.add(Leave(f"panic_any({typ}, {data}, {self.position(expr)})"))
                return ()
            case "recover":
                return self.recover()
            case "clear":
                return self.clear(expr)
            case "print" | "println":
                return self.print_builtin(expr)
        raise NotYet(expr, expr.builtin)

    def recover(self) -> Value:
        """recover()"""
        raise NotImplementedError

    def print_builtin(self, expr: Call) -> Value:
        """print and println"""
        raise NotImplementedError

    def extreme(self, expr: Call) -> Value:
        """min and max of numbers or strings"""
        op = "<" if expr.builtin == "min" else ">"
        self.make_all_calls(expr.args)
        best = self.bind(expr.type, self.value(expr.args[0]))
        under = expr.type.underlying
        for arg in expr.args[1:]:
            other = self.bind(expr.type, self.value(arg))
            if isinstance(under, Basic) and under.is_float:
                wide = [text if under.bits == 64 else f"f64({text})" for text in (best[0], other[0])]
                text = f"{expr.builtin}_float({wide[0]}, {wide[1]})"
                best = (text if under.bits == 64 else f"f32({text})",)
            else:
                better = self.temporary(self.compared(op, expr.type, other, best))
                best = tuple(f"({new} if {better} else {old})" for new, old in zip(other, best, strict=True))
            best = self.bind(expr.type, best)
        return best

    # ---- operands that are memory

    def address_of(self, expr: Expr) -> str:
        """&x"""
        expr = strip(expr)
        if isinstance(expr, CompositeLit):
            self.tell_place(expr.pos, f"&{spelled(expr)}", expr.stays)
            return self.new_literal(expr)
        place = self.place(expr)
        assert place is not None, "a variable whose address is taken is in memory"
        return place.pointer

    # ---- every expression

    def value(self, expr: Expr) -> Value:
        """The components of an expression's value."""
        if expr.mode is Mode.CONSTANT:
            return self.constant(expr)
        if expr in self.ready:
            return self.ready.pop(expr)
        outer, self.pos = self.pos, line_position(expr)
        parts = self.computed_value(expr)
        self.pos = outer
        return parts

    def computed_value(self, expr: Expr) -> Value:
        """The components of the value of an expression that is no constant."""
        match expr:
            case Paren():
                return self.value(expr.inner)
            case Call():
                return self.call_expression(expr)
            case CompositeLit():
                return self.composite(expr)
            case SliceExpr():
                return self.slice_expression(expr)
            case FuncLit():
                return self.function_literal(expr)
            case TypeAssert():
                return self.assertion(expr)
        return self.shallow(expr.type, self.operand_value(expr))

    def operand_value(self, expr: Expr) -> Value:
        """Names, selectors, elements and operators."""
        match expr:
            case Binary():
                return self.binary(expr)
            case Unary():
                return self.unary(expr)
            case Name() if expr.mode is Mode.NIL:
                return tuple(component.zero for component in self.types.components(expr.type))
            case Name():
                return self.named_value(expr)
            case Selector():
                return self.selector_value(expr)
            case Index(target=Func() as target):
                return self.function_value(target, expr)
            case Index() if isinstance(expr.operand.type.underlying, Basic):
                data, length = self.value(expr.operand)
                return (f"{data}[{self.index_text(expr, length)}]",)
            case Index() if is_map_index(expr):
                return self.map_index(expr)
            case Index() | Deref():
                place = self.place(expr)
                if place is None:
                    raise NotYet(expr, f"indexing of {expr.operand.type}")
                return self.load(place)
        raise NotYet(expr, "this expression")

    def assertion(self, expr: TypeAssert) -> Value:
        """x.(T)"""
        raise NotImplementedError

    def function_literal(self, expr: FuncLit) -> Value:
        """func(params) results { body }"""
        raise NotImplementedError

    def named_value(self, expr: Name) -> Value:
        """The value that a name stands for."""
        raise NotImplementedError

    def function_value(self, target: Func, expr: Expr) -> Value:
        """A function as a value."""
        raise NotImplementedError

    def selector_value(self, expr: Selector) -> Value:
        """The value of x.f"""
        raise NotImplementedError


def line_position(expr: Expr) -> int:
    """Where an expression is for traces: a call stands where its arguments begin, as in Go."""
    if not isinstance(expr, Call):
        return expr.pos
    match function := strip(expr.function):
        case FuncLit():
            return function.body.end
        case Selector():
            return function.name.pos
        case Call():
            return function.end
    return function.pos
