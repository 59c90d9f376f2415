"""Expressions: random ones of a wanted type, whose value Go fixes and that cannot panic.

    literals, constants, variables and what is in them, operators, conversions, composites, slices of slices,
    and calls of pure functions; values.py adds maps, function values, interfaces and the library

An expression of constants alone would be computed by the compiler, which rejects overflow; so the left operand of an
operator is never constant.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.fuzz.scope import Below, Function, Path, Scopes, Variable, World, paths
from tests.fuzz.shapes import (
    BOOL,
    FLOAT64,
    INT,
    INT32,
    STRING,
    UINT,
    UINT8,
    Array,
    Func,
    Interface,
    Map,
    Number,
    Pointer,
    Shape,
    Slice,
    Struct,
    Text,
    Truth,
)
from tests.fuzz.tree import Expr, Node

NOTHING = Shape("")  # of a call without a value, or with several
Choice = tuple[int, Callable[[], Expr | None]]

STRINGS = ['""', '"a"', '"toy"', '"héllo"', '"日本"', '"a\\tb\\n"', '"\\xff\\x00z"', '"%d"', "`raw\\`", '"0123456789"']
RUNES = ["'a'", "'é'", "'\\n'", "'\\u65e5'", "'\\x41'", "'\\''"]
FLOATS = ["0.0", "1.0", "0.5", "2.25", "1e3", "3.1", "1e-3", "123456.75", "1e21", "7e-10"]


class Expressions:
    """Random expressions over the variables in scope."""

    def __init__(self, rng: random.Random, world: World, is_pure: bool) -> None:
        self.rng = rng
        self.world = world
        self.is_pure = is_pure
        self.scopes = Scopes()
        self.only_stable = False  # see scope.py: beside calls that change variables
        self.depth = "d-1"  # what calls pass on
        self.frozen: frozenset[Variable] = frozenset()  # stable ones around a literal that is called later
        self.calls_left = 3  # pure calls in the statement

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def choose(self, choices: Sequence[Choice]) -> Expr:
        """One of the choices by weight; one that gives nothing is left out."""
        left = [choice for choice in choices if choice[0]]
        while left:
            choice = self.rng.choices(left, [weight for weight, _ in left])[0]
            found = choice[1]()
            if found is not None:
                return found
            left.remove(choice)
        raise AssertionError("an expression that is always possible is among the choices")

    # ---- what values.py adds

    def other_value(self, shape: Shape, depth: int) -> Expr:
        """A map, function value or interface value, made of smaller expressions."""
        raise NotImplementedError

    def other_composite(self, shape: Shape, depth: int) -> Expr:
        """A small one."""
        raise NotImplementedError

    def other_truth(self, depth: int) -> Expr | None:
        """What interfaces and maps can be asked."""
        raise NotImplementedError

    def map_element(self, shape: Shape, depth: int) -> Expr | None:
        """An element of a map that is a value of the type."""
        raise NotImplementedError

    def library_text(self, depth: int) -> Expr | None:
        """A string that the library makes."""
        raise NotImplementedError

    def library_number(self, shape: Shape, depth: int) -> Expr | None:
        """A number that the library computes."""
        raise NotImplementedError

    # ---- variables

    def variables(self) -> list[Variable]:
        """What an expression may read."""
        found = self.scopes.visible() + self.world.constants
        if not self.is_pure:
            local = {variable.name for variable in found}
            found += [variable for variable in self.world.globals if variable.name not in local]
        return [v for v in found if v.is_stable or not self.only_stable]

    def readable(self, shape: Shape) -> list[Path]:
        """Ways to values of a type; references in fields and elements may be nil and are left out."""
        found = [path for variable in self.variables() for path in paths(variable) if path.shape == shape]
        if self.only_stable:
            found = [path for path in found if not path.is_indirect]
        return [path for path in found if len(path.steps) == 1] if shape.is_reference else found

    def path_expr(self, path: Path, depth: int) -> Expr:
        parts = [self.index(step.bound, depth) if isinstance(step, Below) else step for step in path.steps]
        return Expr(parts, path.shape, path.variable.is_constant)

    def index(self, bound: str, depth: int) -> Expr:
        """An index below `bound`, of one of several types."""
        if depth <= 0 and not bound.isdigit():
            return Expr(["0"], INT, True)
        if bound.isdigit() and (depth <= 0 or self.chance(0.4)):
            return Expr([str(self.rng.randrange(int(bound)))], INT, True)
        if bound.isdigit() and self.chance(0.3):
            return Expr([self.changing(UINT8, depth - 1), f" % {bound}"], UINT8)
        text = f" % {bound}" if bound.isdigit() else f" % uint({bound})"
        if self.chance(0.3):
            return Expr(["int(", self.changing(UINT, depth - 1), text, ")"], INT)
        return Expr([self.changing(UINT, depth - 1), text], UINT)

    def variable_value(self, shape: Shape, depth: int) -> Expr | None:
        found = self.readable(shape)
        return self.path_expr(self.rng.choice(found), depth) if found else None

    # ---- all expressions

    def expr(self, shape: Shape, depth: int = 3, is_bare: bool = False) -> Expr:
        """An expression; `is_bare` where a constant takes the wanted type by itself."""
        if depth <= 0:
            return self.choose([(4, lambda: self.variable_value(shape, -1)), (2, lambda: self.simple(shape, is_bare))])
        return self.choose(
            [
                (5, lambda: self.variable_value(shape, depth)),
                (2, lambda: self.map_element(shape, depth)),
                (1, lambda: self.simple(shape, is_bare)),
                (2, lambda: self.pure_call(shape, depth)),
                (6, lambda: self.built(shape, depth)),
            ]
        )

    def simple(self, shape: Shape, is_bare: bool) -> Expr:
        """A literal, or the smallest value of a type."""
        if isinstance(shape, Number | Text | Truth):
            return self.literal(shape, is_bare)
        return self.composite(shape, 0)

    def literal(self, shape: Shape, is_bare: bool) -> Expr:
        if isinstance(shape, Truth):
            return Expr([self.rng.choice(["true", "false"])], shape, True)
        if isinstance(shape, Text):
            text = self.rng.choice(STRINGS)
        else:
            assert isinstance(shape, Number), "basic types have literals"
            text = self.rng.choice(FLOATS) if shape.is_float else self.integer(shape)
            if shape.is_float and self.chance(0.3):
                text = f"-{text}" if text != "0.0" else text
        bare = is_bare or shape in (INT, STRING, FLOAT64)
        return Expr([text if bare else f"{shape.spelling}({text})"], shape, True)

    def integer(self, shape: Number) -> str:
        roll = self.rng.random()
        if shape == INT32 and roll < 0.2:
            return self.rng.choice(RUNES)
        if roll < 0.7:
            return str(self.rng.randrange(0, 10))
        if roll < 0.8:
            return str(self.rng.choice([shape.least, shape.greatest, shape.least + 1, shape.greatest - 1]))
        number = self.rng.randint(shape.least, shape.greatest)
        return hex(number) if roll < 0.9 else str(number)

    def changing(self, shape: Shape, depth: int) -> Expr:
        """An expression that is not constant."""
        for _ in range(3):
            found = self.expr(shape, depth)
            if not found.is_constant:
                return found
        if isinstance(shape, Number):
            return Expr([f"{shape.spelling}(seed)"], shape)
        match shape:
            case Text():
                text: list[str | Node] = ["clip(", self.literal(STRING, is_bare=True), ")"]
                return Expr(text if shape == STRING else [f"{shape.spelling}(", *text, ")"], shape)
            case Truth():
                return Expr(["(seed != 0)"], shape)
        return Expr([shape.zero], shape)

    def built(self, shape: Shape, depth: int) -> Expr | None:
        """An expression of smaller ones."""
        match shape:
            case Number():
                return self.number(shape, depth - 1)
            case Truth():
                return self.truth(depth - 1)
            case Text():
                return self.string(shape, depth - 1)
            case Slice():
                return self.slice(shape, depth - 1)
            case Pointer():
                return self.address(shape, depth - 1)
            case Map() | Func() | Interface():
                return self.other_value(shape, depth - 1)
        twin = self.world.twins.get(shape)
        if twin is not None and self.chance(0.5):
            return Expr([f"{shape.spelling}(", self.expr(twin, depth - 1), ")"], shape)
        return self.composite(shape, depth - 1)

    # ---- numbers

    def number(self, shape: Number, depth: int) -> Expr:
        return self.choose(
            [
                (6, lambda: self.arithmetic(shape, depth)),
                (2, lambda: self.negated(shape, depth)),
                (0 if shape.is_float else 2, lambda: self.shifted(shape, depth)),
                (3, lambda: self.converted(shape, depth)),
                (1 if shape == INT else 0, lambda: self.length(depth)),
                (1, lambda: self.extreme(shape, depth)),
                (2 if shape == UINT8 else 0, lambda: self.byte_of_string(depth)),
                (1 if shape in (INT, FLOAT64) else 0, lambda: self.library_number(shape, depth)),
            ]
        )

    def arithmetic(self, shape: Number, depth: int) -> Expr:
        left, right = self.changing(shape, depth), self.expr(shape, depth, is_bare=True)
        op = self.rng.choice("+-*/" if shape.is_float else ["+", "-", "*", "/", "%", "&", "|", "^", "&^"])
        if op in "/%" and not shape.is_float:
            return Expr(["(", left, f" {op} (", right, " | 1))"], shape)
        return Expr(["(", left, f" {op} ", right, ")"], shape)

    def negated(self, shape: Number, depth: int) -> Expr:
        op = "-" if shape.is_float else self.rng.choice("-^+")
        return Expr([f"({op}", self.changing(shape, depth), ")"], shape)

    def shifted(self, shape: Number, depth: int) -> Expr:
        op = self.rng.choice(["<<", ">>"])
        left = self.changing(shape, depth)
        count = self.rng.choice([t for t in self.world.numbers if isinstance(t, Number) and not t.is_float])
        if self.chance(0.4):
            return Expr(["(", left, f" {op} {self.rng.randrange(0, 70)})"], shape)
        mask = f" & {self.rng.choice([3, 7, 63, 127])})"
        return Expr(["(", left, f" {op} (", self.changing(count, depth), mask, ")"], shape)

    def converted(self, shape: Number, depth: int) -> Expr:
        source = self.rng.choice([t for t in self.world.numbers if t != shape])
        assert isinstance(source, Number), "only numbers are numbers"
        operand = self.changing(source, depth)
        if source.is_float and not shape.is_float:
            operand = Expr(["whole(float64(", operand, "))"], INT)
        return Expr([f"{shape.spelling}(", operand, ")"], shape)

    def length(self, depth: int) -> Expr | None:
        found = [v for v in self.variables() if isinstance(v.shape, Slice | Array | Text) and not v.is_optional]
        if not found or self.chance(0.3):
            return Expr(["len(", self.changing(STRING, depth), ")"], INT)
        variable = self.rng.choice(found)
        is_constant = isinstance(variable.shape, Array) or variable.is_constant
        op = "cap" if isinstance(variable.shape, Slice | Array) and self.chance(0.3) else "len"
        return None if is_constant else Expr([f"{op}({variable.name})"], INT)

    def extreme(self, shape: Number | Text, depth: int) -> Expr:
        op = self.rng.choice(["min(", "max("])
        return Expr([op, self.changing(shape, depth), ", ", self.expr(shape, depth, is_bare=True), ")"], shape)

    def byte_of_string(self, depth: int) -> Expr:
        return Expr(["byteAt(", self.expr(STRING, depth), ", ", self.expr(INT, depth), ")"], UINT8)

    # ---- bools

    def truth(self, depth: int) -> Expr:
        return self.choose(
            [
                (6, lambda: self.comparison(depth)),
                (2, lambda: Expr(["!", self.changing(BOOL, depth)], BOOL)),
                (3, lambda: self.joined_truth(depth)),
                (2, self.nil_comparison),
                (3, lambda: self.other_truth(depth)),
            ]
        )

    def joined_truth(self, depth: int) -> Expr:
        op = self.rng.choice([" && ", " || "])
        return Expr(["(", self.changing_truth(depth), op, self.expr(BOOL, depth), ")"], BOOL)

    def changing_truth(self, depth: int) -> Expr:
        return self.comparison(depth)

    def comparison(self, depth: int) -> Expr:
        shape = self.rng.choice([s for s in [*self.world.numbers, *self.world.shapes, STRING] if s.is_comparable])
        ordered = isinstance(shape, Number | Text)
        op = self.rng.choice(["==", "!=", "<", "<=", ">", ">="] if ordered else ["==", "!="])
        left, right = self.changing(shape, depth), self.expr(shape, depth, is_bare=ordered)
        return Expr(["(", left, f" {op} ", right, ")"], BOOL)

    def nil_comparison(self) -> Expr | None:
        found = [v for v in self.variables() if isinstance(v.shape, Slice | Pointer | Map | Func | Interface)]
        op = self.rng.choice(["==", "!="])
        return Expr([f"({self.rng.choice(found).name} {op} nil)"], BOOL) if found else None

    # ---- strings

    def string(self, shape: Text, depth: int) -> Expr:
        if shape != STRING:
            return Expr([f"{shape.spelling}(", self.expr(STRING, depth), ")"], shape)
        return self.choose(
            [
                (5, lambda: self.concatenation(depth)),
                (2, lambda: Expr(["clip(", self.expr(STRING, depth), ")"], STRING)),
                (2, lambda: Expr(["rest(", self.expr(STRING, depth), ", ", self.expr(INT, depth), ")"], STRING)),
                (2, lambda: Expr(["string(rune(", self.changing(INT32, depth), "))"], STRING)),
                (2, lambda: self.string_of(depth)),
                (1, lambda: self.extreme(STRING, depth)),
                (4, lambda: self.library_text(depth)),
            ]
        )

    def concatenation(self, depth: int) -> Expr:
        parts: list[str | Node] = ["clip(", self.changing(STRING, depth)]
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            parts += [" + ", self.expr(STRING, depth)]
        return Expr([*parts, ")"], STRING)

    def string_of(self, depth: int) -> Expr:
        """A conversion to string, sometimes there and back."""
        elem = self.rng.choice([UINT8, INT32])
        if self.chance(0.5):
            name = "byte" if elem == UINT8 else "rune"
            return Expr([f"string([]{name}(", self.expr(STRING, depth), "))"], STRING)
        return Expr(["string(", self.expr(Slice.of(elem), depth), ")"], STRING)

    # ---- the rest

    def composite(self, shape: Shape, depth: int) -> Expr:
        """A value in braces, a fresh slice, or the address of a fresh value."""
        match shape:
            case Struct():
                return Expr([shape.spelling, "{", *self.field_values(shape, depth), "}"], shape)
            case Array():
                return self.array(shape, depth)
            case Slice():
                return self.fresh_slice(shape, depth)
            case Pointer(elem=Struct() as elem) if self.chance(0.7):
                brackets = self.rng.choice(["<>", "{}"])
                values = [f"&{elem.spelling}{brackets[0]}", *self.field_values(elem, depth), brackets[1]]
                return Expr(values, shape)
            case Pointer():
                return Expr([shape.zero], shape)
        return self.other_composite(shape, depth)

    def field_values(self, shape: Struct, depth: int) -> list[str | Node]:
        """The inside of a struct literal: all fields in order, or some by name."""
        if depth <= 0:
            return []
        keyed = self.chance(0.5)
        parts: list[str | Node] = []
        for f in shape.fields:
            if not keyed or self.chance(0.6):
                parts += [f"{f.name}: " if keyed else "", self.element(f.shape, depth - 1), ", "]
        return parts[:-1]

    def element(self, shape: Shape, depth: int) -> Expr:
        """A value for a field or an element: references may be nil here."""
        if shape.is_reference and self.chance(0.4):
            return Expr(["nil"], shape, True)
        return self.expr(shape, min(depth, 2), is_bare=True)

    def array(self, shape: Array, depth: int) -> Expr:
        count = self.rng.randint(0, shape.length) if depth > 0 else 0
        indices = sorted(self.rng.sample(range(shape.length), min(count, 5)))
        parts: list[str | Node] = []
        following = 0
        for i in indices:
            parts += [f"{i}: " if i != following or self.chance(0.3) else "", self.element(shape.elem, depth - 1), ", "]
            following = i + 1
        is_full = following == shape.length and self.chance(0.3)
        head = f"[...]{shape.elem.spelling}" if is_full and not shape.is_named else shape.spelling
        return Expr([head, "{", *parts[:-1], "}"], shape)

    def fresh_slice(self, shape: Slice, depth: int) -> Expr:
        roll = self.rng.random()
        if depth <= 0 and roll < 0.3:
            return Expr([shape.zero], shape)
        if roll < 0.5:
            length = self.rng.choice([0, 1, 2, 3, 5, 9, 17])
            room = f", {length + self.rng.choice([0, 1, 8])}" if self.chance(0.5) else ""
            return Expr([f"make({shape.spelling}, {length}{room})"], shape)
        parts: list[str | Node] = []
        for _ in range(self.rng.randrange(5) if depth > 0 else 0):
            parts += [self.element(shape.elem, depth - 1), ", "]
        return Expr([shape.spelling, "{", *parts[:-1], "}"], shape)

    def slice(self, shape: Slice, depth: int) -> Expr:
        return self.choose(
            [
                (4, lambda: self.fresh_slice(shape, depth)),
                (4, lambda: self.resliced(shape)),
                (2, lambda: self.sliced_array(shape)),
                (1 if shape.elem in (UINT8, INT32) else 0, lambda: self.runes_of(shape, depth)),
                (1, lambda: self.appended(shape, depth)),
            ]
        )

    def resliced(self, shape: Slice) -> Expr | None:
        found = [v for v in self.variables() if v.shape == shape]
        if not found:
            return None
        s = self.rng.choice(found).name
        low = self.rng.choice(["", f"len({s})/2", f"len({s})/3", f"min(1, len({s}))", "0"])
        high = self.rng.choice(["", f"len({s})", f"len({s})-len({s})/4", f"(len({s})+cap({s}))/2", f"cap({s})"])
        if high and self.chance(0.3):
            return Expr([f"{s}[{low}:{high}:cap({s})]"], shape)
        if high == f"len({s})" and self.chance(0.3):
            return Expr([f"{s}[{low}:{high}:{high}]"], shape)
        return Expr([f"{s}[{low}:{high}]"], shape)

    def sliced_array(self, shape: Slice) -> Expr | None:
        found = [
            path
            for variable in self.variables()
            for path in paths(variable)
            if isinstance(path.shape, Array) and path.shape.elem == shape.elem and path.is_addressable
        ]
        if not found or self.only_stable:
            return None
        path = self.rng.choice(found)
        assert isinstance(path.shape, Array), "only arrays were chosen"
        high = self.rng.randint(0, path.shape.length)
        low = self.rng.randint(0, high)
        bounds = self.rng.choice([":", f"{low}:", f":{high}", f"{low}:{high}"])
        return under_name([self.path_expr(path, 1), f"[{bounds}]"], shape)

    def runes_of(self, shape: Slice, depth: int) -> Expr:
        """By a function that Go does not inline, which would leave the capacity to chance."""
        name = "bytesOf" if shape.elem == UINT8 else "runesOf"
        return under_name([f"{name}(", self.expr(STRING, depth), ")"], shape)

    def appended(self, shape: Slice, depth: int) -> Expr:
        """append to a fresh slice: to no other, since that would write behind what others see."""
        fresh = self.fresh_slice(shape, depth)
        return Expr(["append(", fresh, ", ", self.element(shape.elem, depth), ")"], shape)

    def address(self, shape: Pointer, depth: int) -> Expr:
        """&x of a variable or a part of one, or of a fresh composite."""
        found = [
            path
            for variable in self.variables()
            for path in paths(variable)
            if path.shape == shape.elem and path.is_addressable and not (self.only_stable or self.chance(0.3))
        ]
        if not found:
            return self.composite(shape, depth)
        return Expr(["&", self.path_expr(self.rng.choice(found), depth)], shape)

    # ---- calls

    def pure_call(self, shape: Shape, depth: int) -> Expr | None:
        found = [f for f in self.world.functions if f.is_pure and f.results == (shape,)]
        if not found or self.calls_left <= 0:
            return None
        self.calls_left -= 1
        return self.call(self.rng.choice(found), depth - 1)

    def call(self, function: Function, depth: int) -> Expr | None:
        """A call of a function, or of a method on something that has it."""
        head: list[str | Node] = [function.name]
        result = function.results[0] if len(function.results) == 1 else NOTHING
        if function.receiver is not None and self.chance(0.15):
            shape = Pointer.to(function.receiver) if function.by_pointer else function.receiver
            head = [f"({shape.spelling}).{function.name}(", self.expr(shape, depth), ", "]
            return Expr([*head, *self.arguments(function, depth), ")"], result)
        if function.receiver is not None:
            receiver = self.receiver(function, depth)
            if receiver is None:
                return None
            head = [receiver, f".{function.name}"]
        return Expr([*head, "(", *self.arguments(function, depth), ")"], result)

    def receiver(self, function: Function, depth: int) -> Expr | None:
        """Something whose method it is; a variable or pointer when the method changes it."""
        shape = function.receiver
        assert shape is not None, "a method"
        if not function.by_pointer and self.chance(0.5):
            value = self.expr(shape, depth)
            return Expr(["(", value, ")"], shape)
        if isinstance(shape, Interface):
            known = self.readable(shape)
            return self.path_expr(self.rng.choice(known), depth) if known else None
        found = [
            path
            for variable in self.variables()
            for path in paths(variable)
            if path.shape in (shape, *self.embedding(shape)) and (path.is_addressable or not function.by_pointer)
        ]
        pointers = [path for path in self.readable(Pointer.to(shape)) if len(path.steps) == 1]
        if self.only_stable:
            found = [path for path in found if not path.is_indirect and not function.by_pointer]
        if not found and not pointers:
            return None
        return self.path_expr(self.rng.choice(found + pointers), depth)

    def embedding(self, shape: Shape) -> list[Shape]:
        """The structs to which a type's methods are promoted."""
        return [s for s in self.world.structs if any(f.is_embedded and f.shape == shape for f in s.fields)]

    def arguments(self, function: Function, depth: int) -> list[str | Node]:
        parts: list[str | Node] = [self.depth]
        fixed = function.params[:-1] if function.is_variadic else function.params
        for shape in fixed:
            parts += [", ", self.expr(shape, min(depth, 2), is_bare=True)]
        if function.is_variadic:
            last = function.params[-1]
            assert isinstance(last, Slice), "a variadic parameter is a slice"
            if self.chance(0.4):
                return [*parts, ", ", self.expr(last, min(depth, 1)), "..."]
            for _ in range(self.rng.randrange(4)):
                parts += [", ", self.element(last.elem, 1)]
        return parts


def under_name(parts: list[str | Node], shape: Shape) -> Expr:
    """A value of an unnamed type as one of a type that may be named."""
    return Expr([f"{shape.spelling}(", *parts, ")"] if shape.is_named else parts, shape)
