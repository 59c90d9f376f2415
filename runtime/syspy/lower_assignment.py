"""Assignment: to locals, fields and elements.

    x = value          a local takes the type of its first value
    a, b = b, a        all values are taken before the first is stored
    s.x += value       the place is evaluated once

Next: lower_statements.py
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from runtime.syspy import subset
from runtime.syspy.annotations import resolve
from runtime.syspy.arrays import InlineOf
from runtime.syspy.emission import Value
from runtime.syspy.kinds import Kind, is_type, kind_name, llvm_type
from runtime.syspy.lower_intrinsics import Intrinsics
from runtime.syspy.lower_memory import element_tag, field_tag
from runtime.syspy.subset import spelt

# What can be stored to: the kind, and how to store an operand.
Place = tuple[Kind, Callable[[str], None]]


class Assignment(Intrinsics):
    """Statements that store."""

    def assign(self, node: ast.Assign) -> None:
        """`target = value`, `a, b = x, y`, `a, b = f()`."""
        if len(node.targets) != 1:
            self.refuse(subset.STATEMENT, node, "a = b = c")
        target = node.targets[0]
        if isinstance(target, ast.Tuple):
            self.unpack(node, target.elts)
        elif isinstance(target, ast.Name):
            known = self.locals.get(target.id)
            value = self.value_wanted(node.value, known[0] if known else None)
            self.assign_name(target, value)
        else:
            kind, put = self.target(target)
            put(self.typed(node.value, kind, subset.ONE_TYPE, spelt(target), kind_name(kind)))

    def unpack(self, node: ast.Assign, targets: list[ast.expr]) -> None:
        """All values are taken before the first is stored."""
        values: list[Value]
        if isinstance(node.value, ast.Tuple):
            values = [self.value(part) for part in node.value.elts]
        else:
            kind, operand = self.value(node.value)
            parts = kind if isinstance(kind, tuple) else (kind,)
            values = [
                (part, self.emit(f"extractvalue {llvm_type(kind)} {operand}, {i}"))
                if len(parts) > 1
                else (part, operand)
                for i, part in enumerate(parts)
            ]
        if len(values) != len(targets):
            self.refuse(subset.UNPACKING, node, len(targets), len(values))
        for target, value in zip(targets, values, strict=True):
            self.assign_value(target, value)

    def assign_value(self, target: ast.expr, value: Value) -> None:
        """Assign a value that is there already."""
        if isinstance(target, ast.Name):
            self.assign_name(target, value)
            return
        kind, put = self.target(target)
        put(self.fitted(value, kind, target))

    def fitted(self, value: Value, kind: Kind, target: ast.expr) -> str:
        """The operand of a value for a target of a kind."""
        found, operand = value
        rule, name = subset.ONE_TYPE, spelt(target)
        if found is None:
            return self.adapted(operand, kind, target, rule, name, kind_name(kind))
        if found is not kind:
            self.refuse(rule, target, name, kind_name(kind), kind_name(found))
        return operand  # type: ignore[no-any-return]

    def assign_name(self, target: ast.Name, value: Value) -> None:
        """A local takes the type of its first value."""
        name = target.id
        if name not in self.locals:
            kind, operand = self.settled(value, target)
            if not is_type(kind):
                self.refuse(subset.UNPACKING, target, 1, len(kind))
            if name in self.written_once:
                self.locals[name] = (kind, operand)
                self.assigned.add(name)
                return
            self.locals[name] = (kind, self.alloca(kind, name))
        else:
            kind = self.locals[name][0]
            operand = self.fitted(value, kind, target)
        self.do(f"store {llvm_type(kind)} {operand}, ptr {self.locals[name][1]}")
        self.assigned.add(name)

    def annotated(self, node: ast.AnnAssign) -> None:
        """`n: u64 = 0`."""
        if not isinstance(node.target, ast.Name) or node.value is None:
            self.refuse(subset.STATEMENT, node, "an annotation without a value")
        name, written = node.target.id, spelt(node.annotation)
        try:
            kind = resolve(written, self.names)
        except Exception as error:
            self.refuse(subset.ANNOTATION, node, name, f"{written}: {error}")
        if not is_type(kind):
            self.refuse(subset.ANNOTATION, node, name, f"{written} is none")
        operand = self.typed(node.value, kind, subset.ONE_TYPE, name, kind_name(kind))
        self.assign_name(node.target, (kind, operand))

    def augmented(self, node: ast.AugAssign) -> None:
        """`target += value`: the place is evaluated once."""
        target = node.target
        if isinstance(target, ast.Name):
            reading = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            operation = ast.copy_location(ast.BinOp(reading, node.op, node.value), node)
            self.assign_name(target, self.value(operation))
            return
        kind, place, tail = self.place_of(target)
        current = ast.copy_location(Known(kind, self.load(kind, place, tail)), target)
        operation = ast.copy_location(ast.BinOp(current, node.op, node.value), node)
        self.store(
            kind, self.typed(operation, kind, subset.ONE_TYPE, spelt(target), kind_name(kind)), place, tail
        )

    def target(self, target: ast.expr) -> Place:
        """A field or an element to store to; or a local."""
        if isinstance(target, ast.Name):
            kind, slot = self.locals[target.id]
            return kind, lambda operand: self.do(f"store {llvm_type(kind)} {operand}, ptr {slot}")
        kind, place, tail = self.place_of(target)
        return kind, lambda operand: self.store(kind, operand, place, tail)

    def place_of(self, target: ast.expr) -> tuple[Kind, str, str]:
        """The kind of a field or an element, the pointer to it, and the tail of its accesses."""
        if isinstance(target, ast.Attribute):
            field, place = self.field_place(target)
            if not is_type(field.type):
                self.refuse(subset.IN_PLACE, target, spelt(target))
            return field.type, place, field_tag(field.type)
        if isinstance(target, ast.Subscript):
            element, place = self.element_place(target)
            if isinstance(element, InlineOf):
                self.refuse(subset.ELEMENT_IN_PLACE, target, f"Array[{kind_name(element)}]")
            return element, place, element_tag(element)
        self.refuse(subset.TARGET, target, spelt(target))


class Known(ast.expr):
    """An expression whose value is there already: the target of `+=`."""

    _fields = ()

    def __init__(self, kind: Kind, operand: str) -> None:
        super().__init__()
        self.kind = kind
        self.operand = operand


def known_value(_: Assignment, node: Known) -> Value:
    """The value that is there already."""
    return node.kind, node.operand
