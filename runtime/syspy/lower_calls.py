"""Calls: of systems functions, of C functions, and of conversions.

    f(a, b)            call fastcc; a function of the base image by its symbol there
    call_at(f, e, a)   call fastcc of the address e, with the types of f
    u32(x)             trunc, zext, sext, fptosi.sat, ...; arithmetic directly inside wraps
    T.at(e)            the pointer of the address e

Each name of the vocabulary has one method, found in CALLS by the Python object that the name stands for: see the next
two layers.

Next: lower_vocabulary.py
"""

from __future__ import annotations

import ast
from typing import NoReturn

from runtime.syspy import subset
from runtime.syspy.arrays import InlineOf
from runtime.syspy.emission import MISSING, VOID, Value
from runtime.syspy.intrinsics import shift_left
from runtime.syspy.kinds import (
    BITS,
    FLOATS,
    INTEGERS,
    LLVM,
    SIGNED,
    SUFFIX,
    UNSIGNED,
    Kind,
    is_pointer,
    is_type,
    kind_name,
    llvm_type,
)
from runtime.syspy.lower_memory import Memory
from runtime.syspy.machine import f32, u64
from runtime.syspy.signatures import Signature
from runtime.syspy.subset import counted_arguments, spelt

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
            method = self.CALLS.get(callee)
        except TypeError:
            method = None
        if method is not None:
            return method(self, node)
        if callee in BITS:
            return self.conversion(node, callee)
        if callee is MISSING or not hasattr(callee, "__code__"):
            is_name = isinstance(node.func, ast.Name) and callee is MISSING and node.func.id not in self.locals
            self.refuse(subset.UNDEFINED if is_name else subset.CALLEE, node, spelt(node.func))
        return self.call_function(node, self.unit.signature(callee, self.signature.file, node))

    def call_function(self, node: ast.Call, callee: Signature) -> Value:
        """A call of a systems function or a C function."""
        words = self.passed(node, node.args, callee)
        convention = "" if callee.mark == "c" else "fastcc "
        return self.called(f"call {convention}{llvm_type(callee.result)} {self.unit.use(callee)}({words})", callee)

    def function_address(self, node: ast.Call) -> Value:
        """`function_address(f)`: a constant of the linker."""
        self.count(node, 1)
        return u64, self.emit(f"ptrtoint ptr {self.unit.use(self.systems_function(node, 0))} to i64")

    def call_at(self, node: ast.Call) -> Value:
        """`call_at(f, addr, a, b)`: a direct call but for where it goes; f itself is not needed for it."""
        if len(node.args) < 2:
            self.refuse(subset.ARGUMENT_COUNT, node, "call_at", counted_arguments("2 or more"), len(node.args))
        like = self.systems_function(node, 0)
        target = self.pointer(node.args[1])
        words = self.passed(node, node.args[2:], like)
        return self.called(f"call fastcc {llvm_type(like.result)} {target}({words}) nounwind", like)

    def systems_function(self, node: ast.Call, i: int) -> Signature:
        """Argument i, which names a systems function; C's are called otherwise."""
        function = self.static(node.args[i])
        if hasattr(function, "__code__"):
            signature = self.unit.signature(function, self.signature.file, node)
            if signature.mark != "c":
                return signature
        self.refuse(subset.CALLEE, node, spelt(node.args[i]))

    def passed(self, node: ast.Call, arguments: list[ast.expr], callee: Signature) -> str:
        """The arguments of a call in LLVM's spelling."""
        name = callee.node.name
        if len(arguments) != len(callee.parameters):
            expected = counted_arguments(len(callee.parameters))
            self.refuse(subset.ARGUMENT_COUNT, node, name, expected, len(arguments))
        words = []
        for argument, (parameter, kind) in zip(arguments, callee.parameters, strict=True):
            operand = self.typed(argument, kind, subset.ARGUMENT_TYPE, name, kind_name(kind), parameter)
            words.append(f"{parameter_type(kind, callee.mark)} {operand}")
        return ", ".join(words)

    def called(self, text: str, callee: Signature) -> Value:
        """The value that a call gives."""
        if callee.mark != "c":
            text = self.traced(text)
        if callee.result is NoReturn:
            # Each copy of what is inlined has the place of the call that it stands for.
            is_copied = self.signature.mark == "inline" and not self.scope
            self.do(f"{text} nomerge" if is_copied else text)
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
            expected = counted_arguments(" or ".join(str(n) for n in allowed))
            self.refuse(subset.ARGUMENT_COUNT, node, spelt(node.func), expected, len(node.args))

    def arguments(self, node: ast.Call, *kinds: Kind) -> list[str]:
        """The operands of all arguments, of these kinds."""
        self.count(node, len(kinds))
        return [self.argument(node, i, kind) for i, kind in enumerate(kinds)]

    def argument(self, node: ast.Call, i: int, kind: Kind) -> str:
        """The operand of argument i, of a kind."""
        name = spelt(node.func)
        return self.typed(node.args[i], kind, subset.ARGUMENT_TYPE, name, kind_name(kind), f"argument {i + 1}")

    def pointer_argument(self, node: ast.Call, i: int) -> tuple[Kind, str]:
        """Argument i, which is a struct or an Array."""
        kind, operand = self.value(node.args[i])
        if not is_pointer(kind):
            self.refuse(subset.POINTER, node, spelt(node.func), kind_name(kind) if kind else "constant")
        return kind, operand

    def type_argument(self, node: ast.Call, i: int = 0) -> Kind:
        """Argument i, which names a type."""
        kind = self.static(node.args[i])
        if not is_type(kind) and not isinstance(kind, InlineOf):
            self.refuse(subset.TYPE_EXPECTED, node, spelt(node.func), spelt(node.args[i]))
        return kind

    def value_type(self, node: ast.Call) -> Kind:
        """The first argument, which names the type of a value in memory."""
        kind = self.type_argument(node)
        if isinstance(kind, InlineOf):
            self.refuse(subset.TYPE_EXPECTED, node, spelt(node.func), kind_name(kind))
        return kind

    def text_argument(self, node: ast.Call, i: int) -> str:
        """Argument i, which is a string in the source."""
        argument = node.args[i]
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            self.refuse(subset.CONSTANT_TEXT, node, spelt(node.func))
        return argument.value

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


def parameter_type(kind: Kind, mark: str) -> str:
    """LLVM's type of a parameter; C wants small integers extended by the caller."""
    if mark == "c" and BITS.get(kind, 64) < 32:
        return f"{llvm_type(kind)} {'signext' if kind in SIGNED else 'zeroext'}"
    return llvm_type(kind)
