"""Intrinsics: the LLVM body of each operation in intrinsics.py and atomics.py, and of memory_equal and errno.

Next: lower_assignment.py
"""

from __future__ import annotations

import ast
import builtins
import os
from collections.abc import Callable
from typing import Any

from runtime.syspy import atomics, intrinsics, subset
from runtime.syspy.emission import UNLIKELY, Value
from runtime.syspy.failure import FAIL_PANIC, INDEX_TEXT, NIL_TEXT
from runtime.syspy.functions import errno
from runtime.syspy.kinds import BITS, INTEGERS, LLVM, SIGNED, Kind, is_pointer, kind_name, llvm_type
from runtime.syspy.lower_calls import NOTHING
from runtime.syspy.lower_memory import memory_type
from runtime.syspy.lower_vocabulary import Vocabulary
from runtime.syspy.machine import IS_X86, f64, i32, i64, u64
from runtime.syspy.memory import memory_equal
from runtime.syspy.subset import spelt

RELAX_HINTS = {"x86_64": ("x86.sse2.pause", "", ""), "aarch64": ("aarch64.hint", "i32", "i32 1")}  # by the machine


class Intrinsics(Vocabulary):
    """Calls of the vocabulary that are operations."""

    def intrinsic(self, name: str, result: str, arguments: str) -> str:
        """Call an LLVM intrinsic, or a C function that every libc has; arguments as `i64 %a, i1 true`."""
        kinds = ", ".join(part.strip().split(" ")[0] for part in arguments.split(",")) if arguments else ""
        self.unit.declare(name, f"{result} @{name}({kinds})")
        return self.emit(f"call {result} @{name}({arguments})")

    def word_function(self, node: ast.Call) -> Value:
        """ctz64, clz64, popcount64, reverse_bytes."""
        (x,) = self.arguments(node, u64)
        name, tail = WORD_FUNCTIONS[self.static(node.func)]
        return u64, self.intrinsic(f"llvm.{name}.i64", "i64", f"i64 {x}{tail}")

    def multiply_high(self, node: ast.Call) -> Value:
        """The upper half of an i128 product."""
        a, b = (self.emit(f"zext i64 {x} to i128") for x in self.arguments(node, u64, u64))
        product = self.emit(f"mul nuw i128 {a}, {b}")
        return u64, self.emit(f"trunc i128 {self.emit(f'lshr i128 {product}, 64')} to i64")

    def divide_integers(self, node: ast.Call) -> Value:
        """quotient, remainder: sdiv traps on the least value by -1, so -1 is divided by as 1 and then negated."""
        self.count(node, 2)
        is_quotient = self.static(node.func) is intrinsics.quotient
        values = self.value(node.args[0]), self.value(node.args[1])
        kind, a, b = self.matched(node, spelt(node.func), *values)
        if kind not in INTEGERS:
            self.refuse(subset.OPERAND, node, kind_name(kind), spelt(node.func))
        width = LLVM[kind]
        if self.unit.debug:
            self.trap(self.emit(f"icmp eq {width} {b}, 0"), "division by zero")
        if kind not in SIGNED:
            return kind, self.emit(f"{'udiv' if is_quotient else 'urem'} {width} {a}, {b}")
        if b.lstrip("-").isdigit() and b != "-1":
            return kind, self.emit(f"{'sdiv' if is_quotient else 'srem'} {width} {a}, {b}")
        return kind, self.divide_safely(is_quotient, width, a, b)

    def divide_safely(self, is_quotient: bool, width: str, a: str, b: str) -> str:
        """A signed division whose divisor may be -1."""
        is_minus_one = self.emit(f"icmp eq {width} {b}, -1")
        divisor = self.emit(f"select i1 {is_minus_one}, {width} 1, {width} {b}")
        if not is_quotient:
            return self.emit(f"srem {width} {a}, {divisor}")
        q = self.emit(f"sdiv {width} {a}, {divisor}")
        negated = self.emit(f"sub {width} 0, {a}")
        return self.emit(f"select i1 {is_minus_one}, {width} {negated}, {width} {q}")

    def shift_right(self, node: ast.Call) -> Value:
        """A shift by any count: signed types shift by at most their width less one."""
        self.count(node, 2)
        kind, operand = self.value(node.args[0])
        if kind not in INTEGERS:
            self.refuse(subset.ARGUMENT_TYPE, node, "shift_right", "number of a type", "argument 1", kind_name(kind))
        is_near, count = self.any_count(node, kind)
        width = LLVM[kind]
        if kind not in SIGNED:
            return kind, self.shifted("lshr", kind, operand, (is_near, count), "0")
        count = self.emit(f"select i1 {is_near}, {width} {count}, {width} {BITS[kind] - 1}")
        return kind, self.emit(f"ashr {width} {operand}, {count}")

    def known(self, node: ast.Call) -> Value:
        """What LLVM may conclude from; nothing is evaluated for it."""
        self.count(node, 1)
        kind, operand = self.value(node.args[0])
        if kind is not bool:
            self.refuse(subset.ARGUMENT_TYPE, node, "known", "condition", "argument 1", kind_name(kind))
        self.unit.declare("llvm.assume", "void @llvm.assume(i1)")
        self.do(f"call void @llvm.assume(i1 {operand})")
        return NOTHING

    def prefetch(self, node: ast.Call) -> Value:
        """Into all levels, for reading."""
        self.count(node, 1)
        place = self.pointer(node.args[0])
        self.unit.declare("llvm.prefetch.p0", "void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.do(f"call void @llvm.prefetch.p0(ptr {place}, i32 0, i32 3, i32 1)")
        return NOTHING

    def relax(self, node: ast.Call) -> Value:
        """The processor's own hint, where it has one."""
        self.count(node, 0)
        hint = RELAX_HINTS.get(os.uname().machine)
        if hint is not None:
            name, parameter, argument = hint
            self.unit.declare(f"llvm.{name}", f"void @llvm.{name}({parameter})")
            self.do(f"call void @llvm.{name}({argument})")
        return NOTHING

    def stack_pointer(self, node: ast.Call) -> Value:
        """The register itself. A function that measures the stack keeps its calls: none becomes a loop."""
        self.count(node, 0)
        self.measures_stack = True
        self.unit.declare("llvm.read_register.i64", "i64 @llvm.read_register.i64(metadata)")
        return u64, self.emit("call i64 @llvm.read_register.i64(metadata !5)")

    def call_address(self, node: ast.Call) -> Value:
        """An indirect call of C. What is there is not known to LLVM: it may read and write all memory."""
        self.count(node, 2)
        target, word = self.pointer(node.args[0]), self.argument(node, 1, u64)
        return u64, self.emit(f"call i64 {target}(i64 {word}) nounwind")

    def bits_of(self, node: ast.Call) -> Value:
        """A register moved."""
        return u64, self.emit(f"bitcast double {self.arguments(node, f64)[0]} to i64")

    def float_of(self, node: ast.Call) -> Value:
        """A register moved."""
        return f64, self.emit(f"bitcast i64 {self.arguments(node, u64)[0]} to double")

    def integer_of(self, node: ast.Call) -> Value:
        """machine_i32, machine_i64: the instruction by its own name, since LLVM's general one may do what it wants."""
        (x,) = self.arguments(node, f64)
        target, tail = (i32, "") if self.static(node.func) is intrinsics.machine_i32 else (i64, "64")
        if not IS_X86:
            return target, self.converted(x, f64, target)
        vector = self.emit(f"insertelement <2 x double> zeroinitializer, double {x}, i32 0")
        name, result = f"llvm.x86.sse2.cvttsd2si{tail}", LLVM[target]
        self.unit.declare(name, f"{result} @{name}(<2 x double>)")
        return target, self.emit(f"call {result} @{name}(<2 x double> {vector})")

    def divide(self, node: ast.Call) -> Value:
        """fdiv, which is defined for every divisor."""
        a, b = self.arguments(node, f64, f64)
        return f64, self.emit(f"fdiv double {a}, {b}")

    def float_function(self, node: ast.Call) -> Value:
        """sqrt, floor, ceil, trunc, fabs."""
        (x,) = self.arguments(node, f64)
        return f64, self.intrinsic(f"llvm.{FLOAT_FUNCTIONS[self.static(node.func)]}.f64", "double", f"double {x}")

    def fma(self, node: ast.Call) -> Value:
        """One instruction, or where the processor has none the function of C, which is as exact."""
        x, y, z = self.arguments(node, f64, f64, f64)
        return f64, self.intrinsic("llvm.fma.f64", "double", f"double {x}, double {y}, double {z}")

    def extreme(self, node: ast.Call) -> Value:
        """min, max of two integers."""
        self.count(node, 2)
        left, right = self.value(node.args[0]), self.value(node.args[1])
        if left[0] is None and right[0] is None:
            return self.folded(node, self.static(node.func), left[1], right[1])
        kind, a, b = self.matched(node, "and", left, right)
        name = spelt(node.func)
        if kind not in INTEGERS:
            self.refuse(subset.OPERAND, node, kind_name(kind), name)
        sign = "s" if kind in SIGNED else "u"
        width = LLVM[kind]
        return kind, self.intrinsic(f"llvm.{sign}{name}.{width}", width, f"{width} {a}, {width} {b}")

    def out_of_bounds(self, node: ast.Call) -> Value:
        """One unsigned comparison: n is not negative."""
        i, n = self.arguments(node, i64, i64)
        return bool, self.emit(f"icmp uge i64 {i}, {n}")

    def nonnil(self, node: ast.Call) -> Value:
        """`nonnil(p, pos)`."""
        self.count(node, 2)
        kind, p = self.pointer_argument(node, 0)
        pos = self.argument(node, 1, i64)
        self.fail_if(self.emit(f"icmp eq ptr {p}, null"), NIL_TEXT, [pos])
        return kind, p

    def index(self, node: ast.Call) -> Value:
        """`index(i, n, pos)`."""
        i, n, pos = self.arguments(node, i64, i64, i64)
        self.fail_if(self.emit(f"icmp uge i64 {i}, {n}"), INDEX_TEXT, [i, n, pos])
        return i64, i

    def fail_if(self, condition: str, text: str, words: list[str]) -> None:
        """A Go panic out of line."""
        bad, good = self.label(), self.label()
        self.branch(condition, bad, good, UNLIKELY)
        self.place(bad)
        self.leave(FAIL_PANIC, text, [(i64, word) for word in words])
        self.place(good)

    def memory_equal(self, node: ast.Call) -> Value:
        """memcmp, which LLVM expands for small constant lengths."""
        self.count(node, 3)
        a, b = self.pointer(node.args[0]), self.pointer(node.args[1])
        n = self.argument(node, 2, u64)
        verdict = self.intrinsic("memcmp", "i32", f"ptr {a}, ptr {b}, i64 {n}")
        return bool, self.emit(f"icmp eq i32 {verdict}, 0")

    def errno(self, node: ast.Call) -> Value:
        """The calling thread's."""
        self.count(node, 0)
        place = self.intrinsic("__errno_location", "ptr", "")
        return i32, self.emit(f"load i32, ptr {place}")

    # Atomics

    def atomic(self, node: ast.Call) -> Value:
        """All operations, of a field (`atomic_add(s, "f", 1)`) or at an address (`atomic_add_at(u64, addr, 1)`)."""
        operation, is_at = ATOMICS[self.static(node.func)]
        self.count(node, 2 + OPERANDS[operation])
        if is_at:
            kind, place = self.value_type(node), self.pointer(node.args[1])
        else:
            kind, place = self.atomic_field(node)
        is_word = is_pointer(kind) or kind is bool
        allowed = kind in INTEGERS or (is_word and operation in ("load", "store", "release", "cas"))
        if not allowed:
            self.refuse(subset.ATOMIC, node, kind_name(kind), operation)
        operands = [self.argument(node, 2 + i, kind) for i in range(OPERANDS[operation])]
        return self.atomic_operation(operation, kind, place, operands)

    def atomic_field(self, node: ast.Call) -> tuple[Kind, str]:
        """The type of a field, and the pointer to it."""
        kind, base = self.pointer_argument(node, 0)
        name = self.text_argument(node, 1)
        if name not in getattr(kind, "FIELDS", ()):
            self.refuse(subset.FIELD, node, kind_name(kind), name)
        field, place = self.field_at(kind, name, base, node)
        return field.type, place

    def atomic_operation(self, operation: str, kind: Kind, place: str, operands: list[str]) -> Value:
        """One operation, sequentially consistent but for the store that is called release."""
        width, align = memory_type(kind), BITS.get(kind, 64) // 8 or 1
        if kind is bool:
            operands = [self.emit(f"zext i1 {operand} to i8") for operand in operands]
        if operation == "load":
            loaded = self.emit(f"load atomic {width}, ptr {place} seq_cst, align {align}")
            return kind, self.emit(f"icmp ne i8 {loaded}, 0") if kind is bool else loaded
        if operation in ("store", "release"):
            order = "seq_cst" if operation == "store" else "release"
            self.do(f"store atomic {width} {operands[0]}, ptr {place} {order}, align {align}")
            return NOTHING
        if operation == "cas":
            old, new = operands
            pair = self.emit(f"cmpxchg ptr {place}, {width} {old}, {width} {new} seq_cst seq_cst")
            return bool, self.emit(f"extractvalue {{ {width}, i1 }} {pair}, 1")
        before = self.emit(f"atomicrmw {operation} ptr {place}, {llvm_type(kind)} {operands[0]} seq_cst")
        if operation == "add":
            return kind, self.emit(f"add {width} {before}, {operands[0]}")
        return kind, before


WORD_FUNCTIONS: dict[Any, tuple[str, str]] = {
    intrinsics.ctz64: ("cttz", ", i1 false"),
    intrinsics.clz64: ("ctlz", ", i1 false"),
    intrinsics.popcount64: ("ctpop", ""),
    intrinsics.reverse_bytes: ("bswap", ""),
}

FLOAT_FUNCTIONS: dict[Any, str] = {
    getattr(intrinsics, name): name for name in ("sqrt", "floor", "ceil", "trunc", "fabs")
}

OPERANDS = {"load": 0, "store": 1, "release": 1, "add": 1, "cas": 2, "or": 1, "and": 1}

ATOMICS: dict[Any, tuple[str, bool]] = {
    getattr(atomics, name + tail): (operation, tail != "")
    for operation in OPERANDS
    for name in ["cas" if operation == "cas" else f"atomic_{operation}"]
    for tail in ("", "_at")
}

INTRINSICS: dict[Any, Callable[[Any, ast.Call], Value]] = {
    **dict.fromkeys(WORD_FUNCTIONS, Intrinsics.word_function),
    **dict.fromkeys(FLOAT_FUNCTIONS, Intrinsics.float_function),
    **dict.fromkeys(ATOMICS, Intrinsics.atomic),
    intrinsics.multiply_high: Intrinsics.multiply_high,
    intrinsics.machine_i32: Intrinsics.integer_of,
    intrinsics.machine_i64: Intrinsics.integer_of,
    intrinsics.quotient: Intrinsics.divide_integers,
    intrinsics.remainder: Intrinsics.divide_integers,
    intrinsics.shift_right: Intrinsics.shift_right,
    intrinsics.known: Intrinsics.known,
    intrinsics.prefetch: Intrinsics.prefetch,
    intrinsics.relax: Intrinsics.relax,
    intrinsics.stack_pointer: Intrinsics.stack_pointer,
    intrinsics.call_address: Intrinsics.call_address,
    intrinsics.bits_of: Intrinsics.bits_of,
    intrinsics.float_of: Intrinsics.float_of,
    intrinsics.divide: Intrinsics.divide,
    intrinsics.fma: Intrinsics.fma,
    intrinsics.out_of_bounds: Intrinsics.out_of_bounds,
    intrinsics.nonnil: Intrinsics.nonnil,
    intrinsics.index: Intrinsics.index,
    builtins.min: Intrinsics.extreme,
    builtins.max: Intrinsics.extreme,
    memory_equal: Intrinsics.memory_equal,
    errno: Intrinsics.errno,
}
