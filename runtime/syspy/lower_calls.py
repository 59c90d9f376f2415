"""Calls: of systems functions, of C functions, of conversions, and the vocabulary that is spelled as calls.

    f(a, b)            call fastcc; a function of the base image by its symbol there
    u32(x)             trunc, zext, sext, fptosi.sat, ...; arithmetic directly inside wraps
    T.at(e)            the pointer of the address e
    load, store, ...   one instruction, or a libc-like LLVM intrinsic
    throw, fail        a call of a routine that never comes back, with a constant descriptor

Each name of the vocabulary has one method, found in CALLS by the Python object that the name stands for. The intrinsics
that need no syntax (ctz64, sqrt, ...) are in lower_intrinsics.py.

Next: lower_intrinsics.py
"""

from __future__ import annotations

import ast
import ctypes
from collections.abc import Callable
from typing import Any, NoReturn

from runtime.syspy import subset
from runtime.syspy.arrays import Array, InlineOf, array_at, element
from runtime.syspy.emission import MISSING, VOID, Value
from runtime.syspy.failure import FAIL_THROW, MAX_WORDS, fail, throw
from runtime.syspy.intrinsics import likely, shift_left, unlikely
from runtime.syspy.kinds import (
    BITS,
    FLOATS,
    INTEGERS,
    LLVM,
    SIGNED,
    SUFFIX,
    UNSIGNED,
    Kind,
    is_array,
    is_pointer,
    is_type,
    kind_name,
    llvm_type,
    size_of,
)
from runtime.syspy.lower_memory import Memory
from runtime.syspy.lower_values import LIKELY, UNLIKELY, VALUES
from runtime.syspy.machine import CTYPES, f32, i64, u8, u64
from runtime.syspy.memory import load, memmove, memset, store
from runtime.syspy.pointers import address, is_nil, nil
from runtime.syspy.signatures import Signature
from runtime.syspy.structs import copy_struct, offsetof, sizeof

NOTHING: Value = (VOID, "")


class Calls(Memory):
    """Expressions and statements that are calls."""

    def call(self, node: ast.Call) -> Value:
        """A call, of whatever the name stands for; VOID if it gives no value."""
        if node.keywords:
            self.refuse(subset.PARAMETERS, node.keywords[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr == "at":
            kind = self.static(node.func.value)
            if is_pointer(kind):
                self.count(node, 1)
                return kind, self.pointer(node.args[0])
        callee = self.static(node.func)
        try:
            method = CALLS.get(callee)
        except TypeError:
            method = None
        if method is not None:
            return method(self, node)
        if callee in BITS:
            return self.conversion(node, callee)
        if callee is MISSING or not hasattr(callee, "__code__"):
            is_name = isinstance(node.func, ast.Name) and callee is MISSING and node.func.id not in self.locals
            self.refuse(subset.UNDEFINED if is_name else subset.CALLEE, node, ast.unparse(node.func))
        return self.call_function(node, self.unit.signature(callee, self.signature.file, node))

    def call_function(self, node: ast.Call, callee: Signature) -> Value:
        """A call of a systems function or a C function."""
        if len(node.args) != len(callee.parameters):
            self.refuse(subset.ARGUMENT_COUNT, node, callee.node.name, len(callee.parameters), len(node.args))
        name = callee.node.name
        words = []
        for argument, (parameter, kind) in zip(node.args, callee.parameters, strict=True):
            operand = self.typed(argument, kind, subset.ARGUMENT_TYPE, name, kind_name(kind), parameter)
            words.append(f"{parameter_type(kind, callee.mark)} {operand}")
        symbol = self.unit.use(callee)
        convention = "" if callee.mark == "c" else "fastcc "
        text = f"call {convention}{llvm_type(callee.result)} {symbol}({', '.join(words)})"
        if callee.result is NoReturn:
            self.do(text)
            self.end()
            return NOTHING
        if callee.result is None:
            self.do(text)
            return NOTHING
        return callee.result, self.emit(text)

    def end(self) -> None:
        """Control does not come here."""
        self.do("unreachable")
        self.is_open = False

    # Arguments

    def count(self, node: ast.Call, *allowed: int) -> None:
        """The number of arguments is one of those allowed."""
        if len(node.args) not in allowed:
            expected = " or ".join(str(n) for n in allowed)
            self.refuse(subset.ARGUMENT_COUNT, node, ast.unparse(node.func), expected, len(node.args))

    def arguments(self, node: ast.Call, *kinds: Kind) -> list[str]:
        """The operands of all arguments, of these kinds."""
        self.count(node, len(kinds))
        return [self.argument(node, i, kind) for i, kind in enumerate(kinds)]

    def argument(self, node: ast.Call, i: int, kind: Kind) -> str:
        """The operand of argument i, of a kind."""
        name = ast.unparse(node.func)
        return self.typed(node.args[i], kind, subset.ARGUMENT_TYPE, name, kind_name(kind), f"argument {i + 1}")

    def pointer_argument(self, node: ast.Call, i: int) -> tuple[Kind, str]:
        """Argument i, which is a struct or an Array."""
        kind, operand = self.value(node.args[i])
        if not is_pointer(kind):
            self.refuse(subset.POINTER, node, ast.unparse(node.func), kind_name(kind) if kind else "constant")
        return kind, operand

    def type_argument(self, node: ast.Call, i: int = 0) -> Kind:
        """Argument i, which names a type."""
        kind = self.static(node.args[i])
        if not is_type(kind) and not isinstance(kind, InlineOf):
            self.refuse(subset.TYPE_EXPECTED, node, ast.unparse(node.func), ast.unparse(node.args[i]))
        return kind

    def value_type(self, node: ast.Call) -> Kind:
        """The first argument, which names the type of a value in memory."""
        kind = self.type_argument(node)
        if isinstance(kind, InlineOf):
            self.refuse(subset.TYPE_EXPECTED, node, ast.unparse(node.func), kind_name(kind))
        return kind

    # Conversions

    def conversion(self, node: ast.Call, target: Kind) -> Value:
        """`u32(x)`: arithmetic directly inside wraps."""
        self.count(node, 1)
        inner = node.args[0]
        if target is f32:
            self.rounded.add(inner)
        source, operand = self.operand(inner, BITS[target], ast.Call)
        if source is None and target is not bool:
            return target, self.adapted(target(operand), target, node, subset.CONVERSION)
        is_number = source in INTEGERS or source in FLOATS or source is bool
        if target is bool and source is not bool or not is_number:
            self.refuse(subset.CONVERSION, node, kind_name(source) if source else "constant", kind_name(target))
        return target, operand if source is target else self.converted(operand, source, target)

    def converted(self, operand: str, source: Kind, target: Kind) -> str:
        """A number as a number of another type."""
        if target in INTEGERS and source not in FLOATS:
            return self.resized(operand, source, target)
        if target in INTEGERS:
            way = "fptosi" if target in SIGNED else "fptoui"
            name = f"llvm.{way}.sat.{LLVM[target]}.{SUFFIX[source]}"
            self.unit.declare(name, f"{LLVM[target]} @{name}({LLVM[source]})")
            return self.emit(f"call {LLVM[target]} @{name}({LLVM[source]} {operand})")
        if source in FLOATS:
            operation = "fptrunc" if target is f32 else "fpext"
        else:
            operation = "sitofp" if source in SIGNED else "uitofp"
        return self.emit(f"{operation} {LLVM[source]} {operand} to {LLVM[target]}")

    def call_wrapped(self, node: ast.Call, wrap: int) -> Value:
        """A call inside a conversion: shift_left is allowed there, if it is as wide as the conversion."""
        if self.static(node.func) is not shift_left:
            return self.value(node)
        self.count(node, 2)
        kind, operand = self.operand(node.args[0], wrap, ast.LShift)
        if kind not in INTEGERS:
            self.refuse(subset.ARGUMENT_TYPE, node, "shift_left", "number of a type", "argument 1", kind_name(kind))
        if BITS[kind] < wrap:
            self.refuse(subset.SHIFT_LEFT_WRAP, node, kind_name(kind))
        return kind, self.shifted("shl", kind, operand, self.any_count(node, kind), "0")

    def shift_left(self, node: ast.Call) -> Value:
        """`shift_left` outside a conversion."""
        kind, _ = self.settled(self.value(node.args[0]), node)
        self.refuse(subset.SHIFT_LEFT_WRAP, node, kind_name(kind))

    def any_count(self, node: ast.Call, kind: Kind) -> tuple[str, str]:
        """A shift count of any size: whether it is below the width of kind, and the count in that width."""
        found, operand = self.value(node.args[1])
        if found is None and type(operand) is int and operand >= 0:
            found, operand = u64, str(operand)
        if found not in UNSIGNED:
            self.refuse(subset.SHIFT_COUNT, node, "any")
        return self.emit(f"icmp ult {LLVM[found]} {operand}, {BITS[kind]}"), self.resized(operand, found, kind)

    def shifted(self, operation: str, kind: Kind, operand: str, count: tuple[str, str], beyond: str) -> str:
        """A shift by any count; `beyond` for counts of the width or more."""
        near = self.emit(f"{operation} {LLVM[kind]} {operand}, {count[1]}")
        return self.emit(f"select i1 {count[0]}, {LLVM[kind]} {near}, {LLVM[kind]} {beyond}")

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

    def text_argument(self, node: ast.Call, i: int) -> str:
        """Argument i, which is a string in the source."""
        argument = node.args[i]
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            self.refuse(subset.CONSTANT_TEXT, node, ast.unparse(node.func))
        return argument.value

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
        self.unit.declare("llvm.memset.p0.i64", "void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        self.do(f"call void @llvm.memset.p0.i64(ptr {place}, i8 {byte}, i64 {length}, i1 false)")
        return NOTHING

    def memmove(self, node: ast.Call) -> Value:
        """`memmove(dst, src, n)`."""
        self.count(node, 3)
        self.copy("memmove", self.pointer(node.args[0]), self.pointer(node.args[1]), self.argument(node, 2, u64))
        return NOTHING

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
            self.refuse(subset.CONSTANT_TEXT, node, ast.unparse(node.func))
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
        self.do(f"call fastcc void {routine}({', '.join([f'ptr {descriptor}', *wide])})")
        self.end()

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


def parameter_type(kind: Kind, mark: str) -> str:
    """LLVM's type of a parameter; C wants small integers extended by the caller."""
    if mark == "c" and BITS.get(kind, 64) < 32:
        return f"{llvm_type(kind)} {'signext' if kind in SIGNED else 'zeroext'}"
    return llvm_type(kind)


CALLS: dict[Any, Callable[[Any, ast.Call], Value]] = {
    sizeof: Calls.sizeof,
    offsetof: Calls.offsetof,
    nil: Calls.nil,
    is_nil: Calls.is_nil,
    address: Calls.address,
    array_at: Calls.array_at,
    element: Calls.element,
    load: Calls.load_raw,
    store: Calls.store_raw,
    memset: Calls.memset,
    memmove: Calls.memmove,
    copy_struct: Calls.copy_struct,
    throw: Calls.throw_call,
    fail: Calls.fail_call,
    likely: Calls.expected,
    unlikely: Calls.expected,
    shift_left: Calls.shift_left,
}

VALUES[ast.Call] = Calls.call
