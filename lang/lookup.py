"""Lookup: what x.name selects, through embedded fields.

    type Inner struct{ n int }                     Outer{}.n   is   Outer{}.Inner.n : two steps
    type Outer struct{ *Inner; name string }

The search goes breadth first, by depth of embedding. At the first depth where the name is found once, it is what is
selected; found twice there, it is ambiguous.

Go: types2/lookup.go.                                           Next: check_base.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lang.go_types import (
    INVALID,
    Field,
    Interface,
    InterfaceMethod,
    Named,
    Pointer,
    Signature,
    Struct,
    Type,
    signature_string,
)
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

    @property
    def name(self) -> str:
        """As declared."""
        member = self.field or self.method or self.interface_method
        assert member is not None
        return member.name

    @property
    def package(self) -> str | None:
        """Where it is declared; None for a method of an interface."""
        if self.field is not None:
            return self.field.package
        return self.method.receiver.package if self.method and self.method.receiver else None


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    name: str
    package: str | None                                         # who asks; None: somebody who sees everything
    folds: bool                                                 # any name will do that differs in case only, of anybody

    def is_met_by(self, name: str, package: str) -> bool:
        """Whether a member of that name, declared in a package, is meant."""
        if self.folds:
            return name.lower() == self.name.lower()
        return name == self.name and (self.package in (None, package) or is_exported(name))


def is_exported(name: str) -> bool:
    """Whether other packages see a name."""
    return name[:1].isupper()


def find(type_: Type, name: str, package: str | None = None, folds: bool = False) -> Found | Ambiguous | None:
    """The field or method of a value of type type_, as a package sees it."""
    return None if name == "_" else _found(type_, Wanted(name, package, folds))


def _found(type_: Type, wanted: Wanted) -> Found | Ambiguous | None:
    if isinstance(type_, Named) and isinstance(type_.underlying, Pointer):
        found = _found(type_.underlying, wanted)
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
            candidates = _direct(entry, wanted)
            found_here += candidates * (2 if entry.several else 1)
            if not found_here:
                following += _embedded_fields(entry)
        if found_here:
            return found_here[0] if len(found_here) == 1 else Ambiguous()
        current = _merged(following)
    return None


def _pointed(type_: Type) -> tuple[Type, bool]:
    return (type_.elem, True) if isinstance(type_, Pointer) else (type_, False)


def _direct(entry: _Embedded, wanted: Wanted) -> list[Found]:
    """The method or field that is wanted, if a type itself has it."""
    type_ = entry.type
    receiver = entry.steps[-1].field.type if entry.steps else None
    if isinstance(type_, Named):
        for method in type_.methods.values():
            if wanted.is_met_by(method.name, type_.package):
                return [Found(entry.steps, method=method, through_pointer=entry.through_pointer, receiver=receiver)]
    under = type_.underlying
    if isinstance(under, Struct):
        for i, field in enumerate(under.fields):
            if wanted.is_met_by(field.name, field.package):
                step = _step(entry, under, i)
                return [Found((*entry.steps, step), field=field, through_pointer=entry.through_pointer)]
    elif isinstance(under, Interface):
        for method_ in under.methods:
            if wanted.is_met_by(method_.name, wanted.package or ""):
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


def missing_method(type_: Type, interface: Interface, resolve: Callable[[Func], None] | None = None) -> str:
    """Why a type does not implement an interface, in parentheses; "" if it does.

    While declarations are being resolved, `resolve` makes sure that a method has its signature.
    """
    why = _missing(type_, interface, resolve)
    return "" if why and _embeds_invalid(type_, []) else why


def _missing(type_: Type, interface: Interface, resolve: Callable[[Func], None] | None) -> str:
    for wanted in interface.methods:
        found = find(type_, wanted.name)
        if isinstance(found, Ambiguous):
            return f"(ambiguous selector {type_}.{wanted.name})"
        if found is None and _is_pointer_to_interface(type_):
            return f"(type {type_} is pointer to interface, not interface)"
        if found is None:
            return f"(missing method {wanted.name}){_similar(type_, wanted, resolve)}"
        if found.field is not None:
            return f"({type_}.{wanted.name} is a field, not a method)"
        if not is_in_method_set(found):
            return f"(method {wanted.name} has pointer receiver)"
        have = _signature(found, resolve)
        if have != wanted.signature:
            return (
                f"(wrong type for method {wanted.name})\n\t\thave {wanted.name}{_bare(have)}"
                f"\n\t\twant {wanted.name}{_bare(wanted.signature)}"
            )
    return ""


def _embeds_invalid(type_: Type, around: list[Type]) -> bool:
    """Whether a type, or one that it embeds, is wrong: nobody knows which methods it has."""
    base = _pointed(type_)[0]
    under = base.underlying
    if not isinstance(under, Struct) or base in around:
        return under == INVALID
    return any(field.embedded and _embeds_invalid(field.type, [*around, base]) for field in under.fields)


def _is_pointer_to_interface(type_: Type) -> bool:
    under = type_.underlying
    return isinstance(under, Pointer) and isinstance(under.elem.underlying, Interface)


def _similar(type_: Type, wanted: InterfaceMethod, resolve: Callable[[Func], None] | None) -> str:
    """The lines about a method whose name differs only in the case of its letters."""
    found = None if isinstance(type_.underlying, Interface) else find(type_, wanted.name, folds=True)
    if not isinstance(found, Found) or found.field is not None:
        return ""
    have = found.method or found.interface_method
    assert have is not None
    signature = _signature(found, resolve)
    return f"\n\t\thave {have.name}{_bare(signature)}\n\t\twant {wanted.name}{_bare(wanted.signature)}"


def _bare(signature: Signature) -> str:
    """A signature without the names of its parameters."""
    params = tuple(type(p)("", p.type) for p in signature.params)
    results = tuple(type(r)("", r.type) for r in signature.results)
    return signature_string(Signature(params, results, signature.variadic))


def _signature(found: Found, resolve: Callable[[Func], None] | None) -> Signature:
    if found.interface_method is not None:
        return found.interface_method.signature
    assert found.method is not None
    if resolve is not None:
        resolve(found.method)
    return found.method.signature
