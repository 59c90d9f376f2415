"""Vocabulary: what is spelled as a call and is none: types, pointers, memory, failure, weights.

    sizeof, offsetof        an untyped constant
    load, store, ...        one instruction, or an LLVM intrinsic
    throw, fail             a call of a routine that never comes back, with a constant descriptor
    likely, unlikely        weights of a branch

Next: lower_intrinsics.py
"""

from __future__ import annotations

import ast
import ctypes
from collections.abc import Callable
from typing import Any

from runtime.syspy import subset
from runtime.syspy.arrays import Array, InlineOf, array_at, element
from runtime.syspy.attempts import attempt, fail_again
from runtime.syspy.emission import LIKELY, UNLIKELY, Value
from runtime.syspy.failure import FAIL_THROW, MAX_WORDS, fail, throw
from runtime.syspy.functions import call_at, function_address
from runtime.syspy.intrinsics import likely, shift_left, unlikely
from runtime.syspy.kinds import INTEGERS, SIGNED, Kind, is_array, is_pointer, kind_name, size_of
from runtime.syspy.lower_calls import NOTHING, Calls, parameter_type
from runtime.syspy.machine import CTYPES, i64, u8, u64
from runtime.syspy.memory import load, memmove, memset, store
from runtime.syspy.pointers import address, is_nil, nil
from runtime.syspy.structs import copy_struct, local, offsetof, sizeof
from runtime.syspy.subset import counted_arguments, spelt


class Vocabulary(Calls):
    """The part of the vocabulary that has a form of its own."""

    # Types

    def sizeof(self, node: ast.Call) -> Value:
        """A constant."""
        self.count(node, 1)
        kind = self.type_argument(node)
        return None, size_of(kind) if kind in CTYPES or isinstance(kind, InlineOf) else ctypes.sizeof(kind)

    def offsetof(self, node: ast.Call) -> Value:
        """A constant."""
        self.count(node, 2)
        kind, name = self.type_argument(node), self.text_argument(node, 1)
        if not is_pointer(kind) or name not in getattr(kind, "FIELDS", ()):
            self.refuse(subset.FIELD, node, kind_name(kind), name)
        return None, kind.FIELDS[name].offset

    # Pointers and memory

    def nil(self, node: ast.Call) -> Value:
        """`nil(T)`."""
        self.count(node, 1)
        kind = self.value_type(node)
        if not is_pointer(kind):
            self.refuse(subset.TYPE_EXPECTED, node, "nil", kind_name(kind))
        return kind, "null"

    def is_nil(self, node: ast.Call) -> Value:
        """`is_nil(p)`."""
        self.count(node, 1)
        return bool, self.emit(f"icmp eq ptr {self.pointer_argument(node, 0)[1]}, null")

    def address(self, node: ast.Call) -> Value:
        """`address(p)`."""
        self.count(node, 1)
        return u64, self.emit(f"ptrtoint ptr {self.pointer_argument(node, 0)[1]} to i64")

    def array_at(self, node: ast.Call) -> Value:
        """`array_at(T, addr)`."""
        self.count(node, 2)
        kind: Any = self.type_argument(node)
        return Array[kind], self.pointer(node.args[1])

    def element(self, node: ast.Call) -> Value:
        """`element(a, i)`."""
        self.count(node, 2)
        kind, base = self.pointer_argument(node, 0)
        if not is_array(kind):
            self.refuse(subset.POINTER, node, "element", kind_name(kind))
        return kind, self.element_at(kind.element, base, self.index_operand(node.args[1]))

    def load_raw(self, node: ast.Call) -> Value:
        """`load(T, addr)`."""
        self.count(node, 2)
        kind = self.value_type(node)
        return kind, self.load(kind, self.pointer(node.args[1]), ", align 1")

    def store_raw(self, node: ast.Call) -> Value:
        """`store(T, addr, value)`."""
        self.count(node, 3)
        kind = self.value_type(node)
        place = self.pointer(node.args[1])
        self.store(kind, self.argument(node, 2, kind), place, ", align 1")
        return NOTHING

    def memset(self, node: ast.Call) -> Value:
        """`memset(addr, byte, n)`."""
        self.count(node, 3)
        place = self.pointer(node.args[0])
        byte, length = self.argument(node, 1, u8), self.argument(node, 2, u64)
        self.fill(place, byte, length)
        return NOTHING

    def fill(self, target: str, byte: str, length: str) -> None:
        """Set bytes."""
        self.unit.declare("llvm.memset.p0.i64", "void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        self.do(f"call void @llvm.memset.p0.i64(ptr {target}, i8 {byte}, i64 {length}, i1 false)")

    def memmove(self, node: ast.Call) -> Value:
        """`memmove(dst, src, n)`."""
        self.count(node, 3)
        self.copy("memmove", self.pointer(node.args[0]), self.pointer(node.args[1]), self.argument(node, 2, u64))
        return NOTHING

    def local(self, node: ast.Call) -> Value:
        """`local(T)`: zeroed where it is called, not at the beginning."""
        self.count(node, 1)
        kind: Any = self.type_argument(node)
        if not is_pointer(kind) or is_array(kind):
            self.refuse(subset.TYPE_EXPECTED, node, "local", kind_name(kind))
        size = ctypes.sizeof(kind)
        place = self.alloca_bytes(size)
        self.fill(place, "0", str(size))
        return kind, place

    def copy_struct(self, node: ast.Call) -> Value:
        """`copy_struct(dst, src)`."""
        self.count(node, 2)
        kind, target = self.pointer_argument(node, 0)
        if is_array(kind):
            self.refuse(subset.POINTER, node, "copy_struct", kind_name(kind))
        self.copy("memmove", target, self.argument(node, 1, kind), str(ctypes.sizeof(kind)))
        return NOTHING

    def copy(self, routine: str, target: str, source: str, length: str) -> None:
        """Copy bytes."""
        name = f"llvm.{routine}.p0.p0.i64"
        self.unit.declare(name, f"void @{name}(ptr, ptr, i64, i1)")
        self.do(f"call void @{name}(ptr {target}, ptr {source}, i64 {length}, i1 false)")

    # Failure

    def throw_call(self, node: ast.Call) -> Value:
        """`throw("text", word, ...)`."""
        self.failure(node, FAIL_THROW, 0)
        return NOTHING

    def fail_call(self, node: ast.Call) -> Value:
        """`fail(KIND, "text", word, ...)`."""
        kind = self.value(node.args[0]) if node.args else (u64, "")
        if kind[0] is not None or type(kind[1]) is not int:
            self.refuse(subset.FAILURE_WORDS, node, MAX_WORDS)
        self.failure(node, kind[1], 1)
        return NOTHING

    def failure(self, node: ast.Call, kind: int, first: int) -> None:
        """Record kind, text and words, and leave."""
        if len(node.args) <= first:
            self.refuse(subset.CONSTANT_TEXT, node, spelt(node.func))
        message = self.text_argument(node, first)
        words: list[tuple[Kind, str]] = []
        for argument in node.args[first + 1 :]:
            word = self.value(argument)
            found, operand = self.settled(word, node)
            if found not in INTEGERS and found is not bool or len(words) == MAX_WORDS:
                self.refuse(subset.FAILURE_WORDS, node, MAX_WORDS)
            words.append((found, operand))
        self.leave(kind, message, words)

    def leave(self, kind: int, message: str, words: list[tuple[Kind, str]]) -> None:
        """Call the routine that longjmps, with a descriptor of the failure."""
        signs = tuple(found in SIGNED for found, _ in words)
        descriptor = self.unit.failure(kind, message, signs)
        wide = [f"i64 {self.resized(operand, found, i64)}" for found, operand in words]
        routine = self.unit.failure_routine(len(words))
        self.do(self.traced(f"call fastcc void {routine}({', '.join([f'ptr {descriptor}', *wide])})"))
        self.end()

    def attempt(self, node: ast.Call) -> Value:
        """`attempt(caught, f, addr, a, b)`: the call, made by a routine that failures come back to."""
        if len(node.args) < 3:
            self.refuse(subset.ARGUMENT_COUNT, node, "attempt", counted_arguments("3 or more"), len(node.args))
        caught = self.pointer(node.args[0])
        like = self.systems_function(node, 1)
        if like.result is not None:
            self.refuse(subset.ARGUMENT_TYPE, node, "attempt", "a function without a result", "f", like.node.name)
        target = self.pointer(node.args[2])
        words = self.passed(node, node.args[3:], like)
        given = f"ptr {caught}, ptr {target}" + (f", {words}" if words else "")
        routine = self.unit.attempt_routine([parameter_type(kind, like.mark) for _, kind in like.parameters])
        return bool, self.emit(self.traced(f"call fastcc i1 {routine}({given})"))

    def fail_again(self, node: ast.Call) -> Value:
        """`fail_again(caught)`"""
        self.count(node, 1)
        self.do(self.traced(f"call fastcc void {self.unit.again_routine()}(ptr {self.pointer(node.args[0])})"))
        self.end()
        return NOTHING

    def throw(self, text: str) -> None:
        """Fail with a constant text."""
        self.leave(FAIL_THROW, text, [])

    # Weights

    def weighted(self, node: ast.expr) -> tuple[ast.expr, str]:
        """The condition inside likely(...) or unlikely(...), and its weight."""
        if isinstance(node, ast.Call) and len(node.args) == 1:
            callee = self.static(node.func)
            if callee is likely:
                return node.args[0], LIKELY
            if callee is unlikely:
                return node.args[0], UNLIKELY
        return node, ""

    def expected(self, node: ast.Call) -> Value:
        """likely and unlikely as values."""
        (condition,) = self.arguments(node, bool)
        self.unit.declare("llvm.expect.i1", "i1 @llvm.expect.i1(i1, i1)")
        verdict = "true" if self.static(node.func) is likely else "false"
        return bool, self.emit(f"call i1 @llvm.expect.i1(i1 {condition}, i1 {verdict})")

    def shift_left(self, node: ast.Call) -> Value:
        """`shift_left` outside a conversion."""
        kind, _ = self.settled(self.value(node.args[0]), node)
        self.refuse(subset.SHIFT_LEFT_WRAP, node, kind_name(kind))


VOCABULARY: dict[Any, Callable[[Any, ast.Call], Value]] = {
    sizeof: Vocabulary.sizeof,
    offsetof: Vocabulary.offsetof,
    nil: Vocabulary.nil,
    is_nil: Vocabulary.is_nil,
    address: Vocabulary.address,
    array_at: Vocabulary.array_at,
    element: Vocabulary.element,
    load: Vocabulary.load_raw,
    store: Vocabulary.store_raw,
    memset: Vocabulary.memset,
    memmove: Vocabulary.memmove,
    copy_struct: Vocabulary.copy_struct,
    local: Vocabulary.local,
    throw: Vocabulary.throw_call,
    fail: Vocabulary.fail_call,
    likely: Vocabulary.expected,
    unlikely: Vocabulary.expected,
    shift_left: Vocabulary.shift_left,
    function_address: Vocabulary.function_address,
    call_at: Vocabulary.call_at,
    attempt: Vocabulary.attempt,
    fail_again: Vocabulary.fail_again,
}
