"""Lookup: what x.name selects, through embedded fields.

    type Inner struct{ n int }                     Outer{}.n   is   Outer{}.Inner.n : two steps
    type Outer struct{ *Inner; name string }

The search goes breadth first, by depth of embedding. At the first depth where the name is found once, it is what is
selected; found twice there, it is ambiguous.

Go: types2/lookup.go.                                           Next: check_base.py
"""

from __future__ import annotations

from dataclasses import dataclass

from lang.go_types import Field, Interface, InterfaceMethod, Named, Pointer, Signature, Struct, Type, signature_string
from lang.objects import Func
from lang.syntax import Adjust, FieldStep, InterfaceSelection, MethodSelection


@dataclass(slots=True)
class Found:
    """What a selector leads to: exactly one of field, method, interface_method."""

    steps: tuple[FieldStep, ...]                                # for a method, to its receiver
    field: Field | None = None
    method: Func | None = None
    interface_method: InterfaceMethod | None = None
    through_pointer: bool = False                               # some step, or the start, is a pointer
    receiver: Type | None = None                                # type of the operand after the steps


@dataclass(slots=True)
class Ambiguous:
    """The name is found more than once at the same depth."""


@dataclass(slots=True)
class _Embedded:
    """A type on the way, and how it is reached."""

    type: Type
    steps: tuple[FieldStep, ...]
    through_pointer: bool
    several: bool                                               # reached in two ways at this depth


def find(type_: Type, name: str) -> Found | Ambiguous | None:
    """The field or method of a value of type type_."""
    if name == "_":
        return None
    if isinstance(type_, Named) and isinstance(type_.underlying, Pointer):
        found = find(type_.underlying, name)
        return None if isinstance(found, Found) and found.method is not None else found
    start, is_pointer = _pointed(type_)
    if is_pointer and isinstance(start.underlying, Interface):
        return None
    current = [_Embedded(start, (), is_pointer, False)]
    seen: set[Named] = set()
    while current:
        found_here: list[Found] = []
        following: list[_Embedded] = []
        for entry in current:
            if isinstance(entry.type, Named):
                if entry.type in seen:
                    continue
                seen.add(entry.type)
            candidates = _direct(entry, name)
            found_here += candidates * (2 if entry.several else 1)
            if not found_here:
                following += _embedded_fields(entry)
        if found_here:
            return found_here[0] if len(found_here) == 1 else Ambiguous()
        current = _merged(following)
    return None


def _pointed(type_: Type) -> tuple[Type, bool]:
    return (type_.elem, True) if isinstance(type_, Pointer) else (type_, False)


def _direct(entry: _Embedded, name: str) -> list[Found]:
    """The method or field of that name that a type itself has."""
    type_ = entry.type
    receiver = entry.steps[-1].field.type if entry.steps else None
    if isinstance(type_, Named) and name in type_.methods:
        method = type_.methods[name]
        return [Found(entry.steps, method=method, through_pointer=entry.through_pointer, receiver=receiver)]
    under = type_.underlying
    if isinstance(under, Struct):
        for i, field in enumerate(under.fields):
            if field.name == name:
                step = _step(entry, under, i)
                return [Found((*entry.steps, step), field=field, through_pointer=entry.through_pointer)]
    elif isinstance(under, Interface):
        for method_ in under.methods:
            if method_.name == name:
                return [Found(entry.steps, interface_method=method_, through_pointer=entry.through_pointer)]
    return []


def _step(entry: _Embedded, struct: Struct, index: int) -> FieldStep:
    reached_by_pointer = isinstance(entry.steps[-1].field.type, Pointer) if entry.steps else entry.through_pointer
    return FieldStep(struct, index, struct.fields[index], reached_by_pointer)


def _embedded_fields(entry: _Embedded) -> list[_Embedded]:
    under = entry.type.underlying
    if not isinstance(under, Struct):
        return []
    below = []
    for i, field in enumerate(under.fields):
        if field.embedded:
            type_, is_pointer = _pointed(field.type)
            steps = (*entry.steps, _step(entry, under, i))
            below.append(_Embedded(type_, steps, entry.through_pointer or is_pointer, entry.several))
    return below


def _merged(entries: list[_Embedded]) -> list[_Embedded]:
    """One entry a named type; a type met twice is marked."""
    merged: list[_Embedded] = []
    by_type: dict[Type, _Embedded] = {}
    for entry in entries:
        earlier = by_type.get(entry.type) if isinstance(entry.type, Named) else None
        if earlier is not None:
            earlier.several = True
        else:
            by_type[entry.type] = entry
            merged.append(entry)
    return merged


def is_in_method_set(found: Found) -> bool:
    """Whether a method found can be called on a value that is not addressable."""
    return found.method is None or not found.method.pointer_receiver or found.through_pointer


def adjustment(method: Func, receiver: Type) -> Adjust:
    """What is done to a receiver that a method is called with."""
    if method.pointer_receiver == isinstance(receiver, Pointer):
        return Adjust.NONE
    return Adjust.ADDRESS if method.pointer_receiver else Adjust.DEREFERENCE


def selected_method(type_: Type, name: str) -> MethodSelection | InterfaceSelection | None:
    """How a method of a type is reached from a value; None when the type has none of that name."""
    found = find(type_, name)
    if not isinstance(found, Found) or found.field is not None:
        return None
    if found.method is None:
        return InterfaceSelection(found.steps, name)
    return MethodSelection(found.steps, found.method, adjustment(found.method, found.receiver or type_))


def missing_method(type_: Type, interface: Interface) -> str:
    """Why a type does not implement an interface, in parentheses; "" if it does."""
    for wanted in interface.methods:
        found = find(type_, wanted.name)
        if not isinstance(found, Found) or found.field is not None:
            return f"(missing method {wanted.name}){_similar(type_, wanted)}"
        if not is_in_method_set(found):
            return f"(method {wanted.name} has pointer receiver)"
        have = _signature(found)
        if have != wanted.signature:
            return (
                f"(wrong type for method {wanted.name})\n\t\thave {wanted.name}{_bare(have)}"
                f"\n\t\twant {wanted.name}{_bare(wanted.signature)}"
            )
    return ""


def _similar(type_: Type, wanted: InterfaceMethod) -> str:
    """The lines about a method whose name differs only in the case of its letters."""
    base = type_.elem if isinstance(type_, Pointer) else type_
    for name, method in base.methods.items() if isinstance(base, Named) else ():
        if name.lower() == wanted.name.lower() and isinstance(method.type, Signature):
            return f"\n\t\thave {name}{_bare(method.type)}\n\t\twant {wanted.name}{_bare(wanted.signature)}"
    return ""


def _bare(signature: Signature) -> str:
    """A signature without the names of its parameters."""
    params = tuple(type(p)("", p.type) for p in signature.params)
    results = tuple(type(r)("", r.type) for r in signature.results)
    return signature_string(Signature(params, results, signature.variadic))


def _signature(found: Found) -> Signature:
    if found.interface_method is not None:
        return found.interface_method.signature
    assert found.method is not None
    return found.method.signature
