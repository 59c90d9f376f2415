"""Memory: fields, elements, and the pointers to them.

    s.npages        getelementptr of the field's offset, load        s.pages (in place)   getelementptr alone
    a[i]            getelementptr by i, load                         a[i] (in place)      getelementptr alone
    T.at(p + n)     getelementptr by n from p: `pointer` keeps a sum of addresses a pointer, so that LLVM sees which
                    object an address belongs to; a lone integer becomes a pointer by inttoptr

Aliasing. Loads and stores of fields and elements carry one of two tags, *float* and *word* (!tbaa): a store of a float
then does not make LLVM reload a length or a pointer. Sound, because memory changes between the two only through the
collector: behind a call that LLVM does not look through. Elements that are integers have no tag, as bitmaps and cleared
memory are written so; neither have load, store, fills, copies and atomics.

Next: lower_calls.py
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import ModuleType
from typing import Any

from runtime.syspy import subset
from runtime.syspy.annotations import FixedArray
from runtime.syspy.arrays import Array, InlineOf
from runtime.syspy.emission import Value
from runtime.syspy.kinds import FLOATS, INTEGERS, LLVM, Kind, is_array, is_pointer, kind_name, llvm_type, size_of
from runtime.syspy.lower_conditions import Conditions
from runtime.syspy.machine import u64
from runtime.syspy.pointers import address
from runtime.syspy.structs import Field

FLOAT_TAG, WORD_TAG = ", !tbaa !1", ", !tbaa !2"  # see unit.py


class Memory(Conditions):
    """Expressions that read memory, and what assignments need to write it."""

    def load(self, kind: Kind, pointer: str, tail: str = "") -> str:
        """The value of a kind at a pointer. A bool is a byte there: anything but 0 is True."""
        if kind is bool:
            return self.emit(f"icmp ne i8 {self.emit(f'load i8, ptr {pointer}{tail}')}, 0")
        return self.emit(f"load {llvm_type(kind)}, ptr {pointer}{tail}")

    def store(self, kind: Kind, operand: str, pointer: str, tail: str = "") -> None:
        """Put a value of a kind at a pointer."""
        if kind is bool:
            self.do(f"store i8 {self.emit(f'zext i1 {operand} to i8')}, ptr {pointer}{tail}")
        else:
            self.do(f"store {llvm_type(kind)} {operand}, ptr {pointer}{tail}")

    # Fields

    def attribute(self, node: ast.Attribute) -> Value:
        """`module.NAME`, or a field."""
        if isinstance(node.value, ast.Name) and isinstance(self.static(node.value), ModuleType):
            return self.object_value(self.static(node), node)
        field, place = self.field_place(node)
        kind = field.type
        if isinstance(kind, InlineOf):
            return kind.struct, place
        if isinstance(kind, FixedArray):
            element: Any = kind.element
            return Array[element], place
        return kind, self.load(kind, place, field_tag(kind))

    def field_place(self, node: ast.Attribute) -> tuple[Field, str]:
        """A field, and the pointer to it."""
        kind, base = self.value(node.value)
        if not is_pointer(kind) or is_array(kind) or node.attr not in kind.FIELDS:
            self.refuse(subset.FIELD, node, kind_name(kind) if kind else "a constant", node.attr)
        return self.field_at(kind, node.attr, base, node)

    def field_at(self, kind: Kind, name: str, base: str, node: ast.AST) -> tuple[Field, str]:
        """The field of a struct at a pointer."""
        field: Field = kind.FIELDS[name]
        try:
            _ = field.type
        except Exception as error:
            self.refuse(subset.ANNOTATION, node, f"{kind_name(kind)}.{name}", f"{field.text}: {error}")
        if field.offset == 0:
            return field, base
        return field, self.emit(f"getelementptr inbounds nuw i8, ptr {base}, i64 {field.offset}")

    # Elements

    def subscript(self, node: ast.Subscript) -> Value:
        """`a[i]`."""
        element, place = self.element_place(node)
        if isinstance(element, InlineOf):
            return element.struct, place
        return element, self.load(element, place, element_tag(element))

    def element_place(self, node: ast.Subscript) -> tuple[Kind, str]:
        """The type of an element, and the pointer to it."""
        kind, base = self.value(node.value)
        if not is_array(kind):
            self.refuse(subset.POINTER, node, "an index", kind_name(kind) if kind else "constant")
        return kind.element, self.element_at(kind.element, base, self.index_operand(node.slice))

    def element_at(self, element: Kind, base: str, index: str) -> str:
        """The pointer to an element."""
        unit = f"[{size_of(element)} x i8]" if isinstance(element, InlineOf) else memory_type(element)
        return self.emit(f"getelementptr inbounds {unit}, ptr {base}, i64 {index}")

    def index_operand(self, node: ast.expr) -> str:
        """An index, as 64 bits."""
        kind, operand = self.value(node)
        if kind is None and type(operand) is int and -(1 << 63) <= operand < 1 << 63:
            return str(operand)
        if kind not in INTEGERS:
            self.refuse(subset.INDEX_TYPE, node, kind_name(kind) if kind else f"constant {operand}")
        return self.resized(operand, kind, u64)

    # Addresses

    def pointer(self, node: ast.expr) -> str:
        """The pointer to an address: sums stay pointers where they can."""
        if isinstance(node, ast.BinOp) and self.is_address_sum(node):
            base = self.pointer(node.left)
            offset = self.typed(node.right, u64, subset.MIXED_TYPES, "u64", "+")
            return self.emit(f"getelementptr i8, ptr {base}, i64 {offset}")
        if isinstance(node, ast.Call) and len(node.args) == 1 and self.static(node.func) is address:
            kind, operand = self.value(node.args[0])
            if is_pointer(kind):
                return operand  # type: ignore[no-any-return]
        operand = self.typed(node, u64, subset.POINTER, "an address")
        return self.emit(f"inttoptr i64 {operand} to ptr")

    def is_address_sum(self, node: ast.BinOp) -> bool:
        """Whether `a + b` can be a pointer moved by b. In debug builds it is plain arithmetic, and checked."""
        return isinstance(node.op, ast.Add) and not self.unit.debug and not self.is_number(node.left)

    def is_number(self, node: ast.expr) -> bool:
        """Whether an expression is an untyped constant, told without lowering it."""
        if isinstance(node, ast.Constant):
            return True
        return isinstance(node, (ast.Name, ast.Attribute)) and isinstance(self.static(node), int)


def memory_type(kind: Kind) -> str:
    """LLVM's type of a value in memory."""
    return "i8" if kind is bool else LLVM.get(kind, "ptr")


def field_tag(kind: Kind) -> str:
    """The alias tag of an access of a field."""
    return FLOAT_TAG if kind in FLOATS else WORD_TAG


def element_tag(kind: Kind) -> str:
    """The alias tag of an access of an element."""
    return FLOAT_TAG if kind in FLOATS else WORD_TAG if is_pointer(kind) else ""


ACCESSES: dict[type, Callable[[Any, Any], Value]] = {
    ast.Attribute: Memory.attribute,
    ast.Subscript: Memory.subscript,
}
