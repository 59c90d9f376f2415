"""Emission: LLVM text, one function at a time, and the few things that every layer of the lowering needs.

The lowering of a function is one pass over its syntax tree, which infers types, checks the rules and writes LLVM text.
It is one class in layers, each in its file and resting on those before it:

    Emission  ->  Values           ->  Conditions   ->  Memory            ->  Calls        ->
    text, blocks  names, operators     comparisons      fields, elements      conversions

    Vocabulary    ->  Intrinsics   ->  Assignment   ->  FunctionLowering
    load, throw       ctz64, cas       places           control flow

A *value* is a pair (kind, operand): (u64, "%t7"), (Span, "null"). An untyped constant is (None, its Python value) until
it meets a type: `typed` adapts it. Locals live in allocas; LLVM turns them into registers.

Next: lower_values.py
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from runtime.syspy import subset
from runtime.syspy.arrays import Array, Inline
from runtime.syspy.kinds import Kind, default_kind, kind_name, literal, llvm_type
from runtime.syspy.signatures import Signature
from runtime.syspy.subset import Rule, SubsetError

if TYPE_CHECKING:
    from runtime.syspy.unit import Unit

Value = tuple[Kind, Any]

VOID: Kind = NoReturn  # the kind of a call that gives no value
MISSING = object()  # no static object

BLOCKS = (ast.If, ast.While, ast.For)  # statements that hold others
ASSIGNMENTS = (ast.AnnAssign, ast.AugAssign)  # of one target

LIKELY, UNLIKELY = ", !prof !3", ", !prof !4"  # weights of a branch; see unit.py


class Emission:
    """The text of one function in the making."""

    # Which method lowers what: each layer has its own part of these, and FunctionLowering puts them together.
    VALUES: ClassVar[dict[type, Callable[[Any, Any], Value]]]  # by the class of an expression
    CALLS: ClassVar[dict[Any, Callable[[Any, ast.Call], Value]]]  # by what is called, for names of the vocabulary

    def __init__(self, unit: Unit, signature: Signature) -> None:
        self.unit = unit
        self.signature = signature
        self.names: dict[str, Any] = signature.function.__globals__
        self.lines: list[str] = []
        self.allocas: list[str] = []
        # The kind of each local, and where it is: its alloca, or the value itself of one that is written in one place.
        self.locals: dict[str, tuple[Kind, str]] = {}
        self.written_once = written_once(signature.node)
        self.assigned: set[str] = set()  # locals that are assigned on every path to here
        self.is_open = True  # whether control reaches the end of the text so far
        self.block = "entry"  # label of the current block
        source = unit.sources.of(signature.function)
        self.places = source.places
        self.lines_before = source.lines_before.get(signature.function.__name__, 0)  # those that no node counts
        self.scope = unit.scope() if self.places else ""  # as LLVM knows the function when it keeps places
        self.named = -1  # what traces call the statement under way
        self.measures_stack = False  # it asks for the stack pointer
        self.rounded: set[ast.expr] = set()  # f32 operations that stand directly in f32(...)
        self._count = 0

    # Text and blocks

    def emit(self, operation: str) -> str:
        """Append an instruction; the name of its result."""
        self._count += 1
        name = f"%t{self._count}"
        self.lines.append(f"  {name} = {operation}")
        return name

    def do(self, instruction: str) -> None:
        """Append an instruction that has no result."""
        self.lines.append(f"  {instruction}")

    def label(self) -> str:
        """A new label."""
        self._count += 1
        return f"L{self._count}"

    def place(self, label: str) -> None:
        """Begin the block of a label; control falls into it if it got this far."""
        if self.is_open:
            self.lines.append(f"  br label %{label}")
        self.lines.append(f"{label}:")
        self.block = label
        self.is_open = True

    def jump(self, label: str) -> None:
        """End the block by a jump."""
        self.lines.append(f"  br label %{label}")
        self.is_open = False

    def branch(self, condition: str, yes: str, no: str, weight: str = "") -> None:
        """End the block by a two-way branch."""
        self.lines.append(f"  br i1 {condition}, label %{yes}, label %{no}{weight}")
        self.is_open = False

    def alloca_bytes(self, size: int) -> str:
        """A pointer to bytes of the frame."""
        slot = f"%local.{len(self.allocas)}"
        self.allocas.append(f"  {slot} = alloca [{size} x i8], align 8")
        return slot

    def traced(self, call: str) -> str:
        """A call that failures may come out of, with its place, which LLVM keeps as a line of a text; line 0 is none.

        It is not merged with another call, and its caller stays on the stack.
        """
        if not self.scope:
            return call
        return f"notail {call} nomerge, !dbg !DILocation(line: {self.named + 1}, scope: {self.scope})"

    def alloca(self, kind: Kind, name: str) -> str:
        """A slot for a local, in the entry block."""
        slot = f"%{name}.{len(self.allocas)}" if name.isascii() else f"%v{len(self.allocas)}"
        self.allocas.append(f"  {slot} = alloca {llvm_type(kind)}")
        return slot

    # Errors

    def refuse(self, rule: Rule, node: ast.AST, *details: object) -> NoReturn:
        """A rule is broken at node."""
        raise SubsetError(rule, self.signature.file, node, *details)

    # Values

    def value(self, node: ast.expr) -> Value:
        """The value of an expression: Values fills this in."""
        raise NotImplementedError

    def typed(self, node: ast.expr, kind: Kind, rule: Rule, *details: object) -> str:
        """The operand of an expression that has to be of a kind; by `rule`, whose last detail is the kind it has."""
        found, operand = self.value_wanted(node, kind)
        if found is kind:
            return operand  # type: ignore[no-any-return]
        if found is None:
            return self.adapted(operand, kind, node, rule, *details)
        self.refuse(rule, node, *details, kind_name(found))

    def value_wanted(self, node: ast.expr, kind: Kind) -> Value:
        """The value of an expression whose untyped parts had better be of a kind."""
        raise NotImplementedError

    def adapted(self, constant: Any, kind: Kind, node: ast.AST, rule: Rule, *details: object) -> str:
        """An untyped constant as an operand of a kind."""
        spelt = literal(kind, constant)
        if spelt is None:
            if type(constant) is int and type(literal(kind, 0)) is str:
                self.refuse(subset.CONSTANT_RANGE, node, constant, kind_name(kind))
            self.refuse(rule, node, *details, f"constant {constant}")
        return spelt

    def settled(self, value: Value, node: ast.AST) -> tuple[Kind, str]:
        """A value with a type: an untyped constant takes its default one."""
        kind, operand = value
        if kind is None:
            kind = default_kind(operand)
            return kind, self.adapted(operand, kind, node, subset.CONSTANT_RANGE)
        return kind, operand

    # Static objects: what a name or a dotted name means before anything runs

    def static(self, node: ast.expr) -> Any:
        """The Python object that an expression names at translation time, or MISSING."""
        if isinstance(node, ast.Name):
            if node.id in self.locals:
                return MISSING
            return self.names[node.id] if node.id in self.names else getattr(builtins, node.id, MISSING)
        if isinstance(node, ast.Attribute):
            base = self.static(node.value)
            return getattr(base, node.attr, MISSING) if isinstance(base, ModuleType) else MISSING
        if isinstance(node, ast.Subscript):
            base = self.static(node.value)
            if base is Array or base is Inline:
                argument = self.static(node.slice)
                return MISSING if argument is MISSING else base[argument]
        return MISSING


def written_once(node: ast.FunctionDef) -> set[str]:
    """The names that a function writes in one place; for a parameter that is where it begins.

    As each is written on every path before it is read, that place comes before all that read it.
    """
    places = Counter(argument.arg for argument in node.args.args)
    waiting = [node.body]
    while waiting:
        for statement in waiting.pop():
            if isinstance(statement, ast.Assign):
                target = statement.targets[0]
                targets = target.elts if isinstance(target, ast.Tuple) else [target]
                places.update([target.id for target in targets if isinstance(target, ast.Name)])
            elif isinstance(statement, BLOCKS):
                waiting += [statement.body, statement.orelse]
                if isinstance(statement, ast.For) and isinstance(statement.target, ast.Name):
                    places[statement.target.id] += 1
            elif isinstance(statement, ASSIGNMENTS) and isinstance(statement.target, ast.Name):
                places[statement.target.id] += 1
    return {name for name, count in places.items() if count == 1}
