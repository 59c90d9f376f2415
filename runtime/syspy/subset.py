"""The subset: every rule of systems Python that the native engine checks, with its code and its message.

SUBSET.md explains each rule with an example; a test holds the two together. A rule is broken at a place: SubsetError
names file, line and column, as `file:line:col: message [code]`.

Next: sources.py, signatures.py, operators.py
"""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One rule: a code to look up in SUBSET.md, and a message with `{}` for what it speaks of."""

    code: str
    message: str


class SubsetError(Exception):
    """A construct that is not systems Python, and where it stands."""

    def __init__(self, rule: Rule, file: str, node: ast.AST, *details: object) -> None:
        self.code = rule.code
        self.file = file
        self.line = getattr(node, "lineno", 1)
        self.col = getattr(node, "col_offset", 0) + 1
        self.message = rule.message.format(*details)
        super().__init__(f"{file}:{self.line}:{self.col}: {self.message} [{self.code}]")


RULES: dict[str, Rule] = {}


def _rule(code: str, message: str) -> Rule:
    RULES[code] = Rule(code, message)
    return RULES[code]


# Functions
NO_SOURCE = _rule("no-source", "{} is no function at the top level of a module")
PARAMETERS = _rule("parameters", "parameters are plain: no defaults, no *, no keywords")
ANNOTATION = _rule("annotation", "{} needs a type: {}")
DECORATOR = _rule("decorator", "@{} is no decorator of a systems function")
MISSING_RETURN = _rule("missing-return", "{} can end without returning its {}")
RETURN_TYPE = _rule("return-type", "returned {}, declared {}")
STATEMENT = _rule("statement", "{} is no statement of systems Python")
LOOP_ELSE = _rule("loop-else", "a loop has no else")
LOOP_RANGE = _rule("loop-range", "for goes over range(...), whose step is a constant but 0")

# Names and types
UNDEFINED = _rule("undefined", "undefined: {}")
GLOBAL_STATE = _rule("global-state", "{} is module-level state: only numbers, functions, structs and constants are")
UNASSIGNED = _rule("unassigned", "{} may be read before it is assigned")
ONE_TYPE = _rule("one-type", "{} is {} and is assigned {}")
UNPACKING = _rule("unpacking", "{} targets but {} values")
TARGET = _rule("target", "cannot assign to {}")
IN_PLACE = _rule("in-place", "{} lies in place and cannot be assigned: use copy_struct")
NO_VALUE = _rule("no-value", "{} gives no value")
EXPRESSION = _rule("expression", "{} is no expression of systems Python")
UNUSED_VALUE = _rule("unused-value", "a statement that is an expression is a call")

# Operators
MIXED_TYPES = _rule("mixed-types", "{} {} {}: the types differ, convert one")
OPERAND = _rule("operand", "{} has no operator {}")
CONSTANT_RANGE = _rule("constant-range", "constant {} does not fit in {}")
CONSTANT_FOLD = _rule("constant-fold", "the constant expression has no value: {}")
CONDITION = _rule("condition", "a condition is a bool, not {}")
SHIFT_COUNT = _rule("shift-count", "a shift count is unsigned, or a constant from 0 to {}")
UNTYPED_SHIFT = _rule("untyped-shift", "an untyped constant shifted by a variable: convert the constant")
NEGATE_UNSIGNED = _rule("negate-unsigned", "minus {} is negative: write {}(-x)")
INVERT_UNSIGNED = _rule("invert-unsigned", "~ of {} stands in a conversion, {}(~x), or beside &")
FLOAT_ROUNDING = _rule("float-rounding", "f32 arithmetic is one operation in a conversion: f32(a * b)")
SHIFT_LEFT_WRAP = _rule("shift-left-wrap", "shift_left wraps: write {}(shift_left(x, n))")

# Pointers and memory
POINTER = _rule("pointer", "{} needs a pointer, not {}")
FIELD = _rule("field", "{} has no field {}")
INDEX_TYPE = _rule("index-type", "an index is an integer, not {}")
ELEMENT_IN_PLACE = _rule("element-in-place", "the structs of {} lie in place: use copy_struct")
TYPE_EXPECTED = _rule("type-expected", "{} needs a type that is known here, not {}")
ATOMIC = _rule("atomic", "{} has no atomic {}")
CONSTANT_TARGET = _rule("constant-target", "the constant {} points to memory that is no constant")

# Calls
CALLEE = _rule("callee", "{} is no function of systems Python")
ARGUMENT_COUNT = _rule("argument-count", "{} takes {}, not {}")
ARGUMENT_TYPE = _rule("argument-type", "{} takes {} as {}, not {}")
CONVERSION = _rule("conversion", "{} cannot be converted to {}")
CONSTANT_TEXT = _rule("constant-text", "{} needs a constant text")
FAILURE_WORDS = _rule("failure-words", "a failure has a constant kind and up to {} integer words")


def counted_arguments(count: object) -> str:
    """So many arguments, in words: `1 argument`, `2 or more arguments`."""
    return f"{count} argument{'' if str(count) == '1' else 's'}"


def spelt(node: ast.expr) -> str:
    """The text of an expression; names and what hangs on them, which most are, at once."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{spelt(node.value)}.{node.attr}"
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return f"{spelt(node.value)}[{', '.join(map(spelt, inside))}]"
    return ast.unparse(node)
