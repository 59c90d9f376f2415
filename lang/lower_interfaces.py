"""Interfaces: values that know their type, calls of their methods, and the questions what they hold.

    var s Shape = square       (type_main_Square, address of a copy); of a pointer, a function or a map: the word itself
    s.Area()                   Area_dispatch(g, sp, s_typ, s_data): one branch for each type that may lie in s
    s.(Square)                 address(s_typ) == address(type_main_Square)
    s.(Stringer)               implements(s_typ): whether the type's number is one of those that have String

Every program is compiled as a whole, so the types that ever get into an interface are known when its last function is
lowered. A method is found by the number of the type: LLVM makes a table of jumps of it, or inlines the methods when
there are few. There are no itabs, and all interfaces are alike in memory: one converts to another by doing nothing.

    IF1  a type that was put into an interface anywhere has a branch in the dispatch of each of its methods

Go: runtime/iface.go, cmd/compile/internal/walk/convert.go.     Next: lower_finalizers.py
"""

from __future__ import annotations

from lang.flow import Leave
from lang.go_types import BOOL, Interface, Signature, Type
from lang.lower_closures import Closures, Selected
from lang.lower_frame import Value
from lang.lower_types import WORD, Component, is_boxed, is_direct
from lang.syntax import Call, InterfaceSelection, Selector, TypeAssert

TYPE = Component("typ", "Type", "", ".typ")
DATA = Component("data", "uintptr", WORD, ".data")


def interface_type(function: Selector, selection: InterfaceSelection) -> Type:
    """The type of x, in x.m, through the fields on the way."""
    return selection.steps[-1].field.type if selection.steps else function.operand.type


class Interfaces(Closures):
    """Interface values."""

    hands_on = False  # a call that is deferred if this function is

    # ---- methods

    def interface_call(
        self, expr: Call, function: Selector, selection: InterfaceSelection, signature: Signature
    ) -> Value:
        """x.m(a), where x is an interface."""
        receiver = self.interface_receiver(function, selection)
        arguments = self.argument_parts(expr, signature)
        name = self.program.dispatch(selection.name, signature, self.hands_on)
        typ = f"nonnil({receiver[0]}, {self.position(function)})"
        return self.call_toy(name, (typ, receiver[1], *arguments), signature)

    def interface_receiver(self, function: Selector, selection: InterfaceSelection) -> Value:
        """The interface that a method is called on."""
        t = interface_type(function, selection)
        if selection.steps:
            return self.bind(t, self.stepped_value(function.operand, selection.steps, function))
        return self.bind(t, self.value(function.operand))

    def interface_method_value(self, expr: Selector, selection: InterfaceSelection) -> Value:
        """x.m of an interface, not called: a closure over x, which must not be nil."""
        t = interface_type(expr, selection)
        typ, data = self.interface_receiver(expr, selection)
        typ = self.temporary(f"nonnil({typ}, {self.position(expr)})")
        selected: Selected = InterfaceSelection((), selection.name)
        return self.bound_method(expr, (t, selection.name), t, (typ, data), selected)

    # ---- what an interface holds

    def held_value(self, data: str, t: Type) -> Value:
        """The value of an interface that holds a t, given its second word."""
        if is_direct(t):
            (component,) = self.types.components(t)
            return (f"{component.annotation}.at({data})",)
        return self.load(self.pointed(self.temporary(f"{self.types.pointee(t)}.at({data})", "address({})"), t))

    def holds(self, typ: str, t: Type) -> str:
        """Whether the first word of an interface says that it holds a t, or what implements t."""
        if isinstance(t.underlying, Interface):
            return f"{self.program.implements(t.underlying)}({typ})"
        return f"(address({typ}) == address({self.types.descriptor(t)}))"

    def assertion(self, expr: TypeAssert) -> Value:
        """x.(T), with its ok if that is asked for."""
        t = expr.type
        typ, data = self.bind(expr.operand.type, self.value(expr.operand))
        is_interface = isinstance(t.underlying, Interface)
        if expr.comma_ok:
            return self.asked(typ, data, t)
        with self.inside(self.if_(f"not {self.holds(typ, t)}").then):
            wanted = self.types.descriptor(t)
            if is_interface:
                missing = f"{self.program.missing_method(t.underlying)}({typ})"  # type: ignore[arg-type]
                self.add(Leave(f"panic_missing_method({typ}, {wanted}, {missing}, {self.position(expr)})"))
            else:
                interface = self.types.descriptor(expr.operand.type)
                self.add(Leave(f"panic_conversion({interface}, {typ}, {wanted}, {self.position(expr)})"))
        return (typ, data) if is_interface else self.held_value(data, t)

    def asked(self, typ: str, data: str, t: Type) -> Value:
        """The components of v, ok := x.(T)."""
        components = self.types.components(t)
        found = tuple(self.declare_temporary(component) for component in components)
        ok = self.declare_temporary(self.types.components(BOOL)[0])
        branch = self.if_(self.holds(typ, t))
        with self.inside(branch.then):
            parts = (typ, data) if isinstance(t.underlying, Interface) else self.held_value(data, t)
            self.set_locals(found, components, parts)
            self.step(f"{ok} = True", ok)
        with self.inside(branch.orelse):
            parts = (self.new(t),) if is_boxed(t) else tuple(component.zero for component in components)
            self.set_locals(found, components, parts)
            self.step(f"{ok} = False", ok)
        return (*found, ok)

    # ---- comparison

    def equal_mixed(self, one: Type, left: Value, other: Type, right: Value) -> str:
        """x == y, where one of the two or both are interfaces."""
        if isinstance(one.underlying, Interface) and isinstance(other.underlying, Interface):
            return self.equal_interfaces(left, right)
        if isinstance(one.underlying, Interface):
            return self.equal_to_held(left, other, right)
        return self.equal_to_held(right, one, left)

    def equal_interfaces(self, left: Value, right: Value) -> str:
        """Both are interfaces."""
        return f"equal_any(g, {left[0]}, {left[1]}, {right[0]}, {right[1]}, {self.position_text()})"

    def equal_to_held(self, interface: Value, t: Type, parts: Value) -> str:
        """Whether an interface holds a t that is equal to a value."""
        typ, data = (self.temporary(part) for part in interface)
        parts = self.bind(t, parts)
        equal = self.temporary("False")
        with self.inside(self.if_(self.holds(typ, t)).then):
            self.step(f"{equal} = {self.compared('==', t, self.held_value(data, t), parts)}", equal)
        return equal
