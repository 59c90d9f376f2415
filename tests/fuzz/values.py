"""Values: expressions of maps, function values and interfaces, and what the library computes.

    maps         literals, make, elements; keys that often meet
    functions    literals, functions and methods as values
    interfaces   conversions of what they may hold; errors, which wrap one another
    library      strings, strconv, math, fmt.Sprint; errors.Is

A function value is called by statements only: it may change what an expression reads.
"""

from __future__ import annotations

from tests.fuzz.expressions import Expressions, under_name
from tests.fuzz.scope import Function, Variable
from tests.fuzz.shapes import (
    ANY,
    BOOL,
    ERROR,
    FLOAT64,
    INT,
    STRING,
    THING,
    Func,
    Interface,
    Map,
    Number,
    Shape,
    Slice,
    Text,
    Truth,
    can_be_key,
)
from tests.fuzz.tree import Expr, Node

TEXT_CALLS = ["strings.ToUpper(", "strings.ToLower(", "strings.TrimSpace(", "strconv.Quote(", "strconv.QuoteToASCII("]
MATH_CALLS = ["math.Sqrt", "math.Floor", "math.Ceil", "math.Trunc", "math.Abs", "math.Round"]
CUTS = ['"a"', '"o"', '" "', '"%"', '"\\xff"', '"日"', '"ll"']


class Values(Expressions):
    """Random values of the types that hold others out of sight."""

    is_initial = False

    def function_literal(self, shape: Func) -> Expr:
        """A function with statements of its own."""
        raise NotImplementedError

    def other_value(self, shape: Shape, depth: int) -> Expr:
        match shape:
            case Map():
                return self.map_value(shape, depth)
            case Func():
                return self.function_value(shape, depth)
            case Interface():
                return self.interface_value(shape, depth)
        raise AssertionError(f"{shape.spelling} is none of these types")

    def other_composite(self, shape: Shape, depth: int) -> Expr:
        if isinstance(shape, Map):
            return self.fresh_map(shape, depth)
        if isinstance(shape, Func) or depth <= 0:
            return Expr([shape.zero], shape)
        return self.other_value(shape, depth)

    # ---- maps

    def map_value(self, shape: Map, depth: int) -> Expr:
        return self.fresh_map(shape, depth)

    def fresh_map(self, shape: Map, depth: int) -> Expr:
        roll = self.rng.random()
        if depth <= 0 and roll < 0.3:
            return Expr([shape.zero], shape)
        if depth <= 0 or roll < 0.4:
            room = self.rng.choice(["", "", ", 3", ", 9", ", 40"])
            return Expr([f"make({shape.spelling}{room})"], shape)
        parts: list[str | Node] = []
        count = self.rng.choice([0, 1, 2, 4, 9, 14] if depth > 1 else [0, 1, 2])
        # Of two equal keys that are no constants Go stores those first whose entries it can lay out beforehand.
        for _ in range(count if isinstance(shape.key, Number | Text | Truth) else min(count, 1)):
            parts += [self.key(shape.key, 1), ": ", self.element(shape.elem, depth - 1), ", "]
        return Expr([shape.spelling, "{", *parts[:-1], "}"], shape)

    def key(self, shape: Shape, depth: int) -> Expr:
        """A key: never constant, since Go refuses literals with the same one twice; one of few, mostly; and no NaN."""
        match shape:
            case Number(is_float=True):
                value: list[str | Node] = ["tame(float64(", self.changing(shape, depth), "))"]
                return Expr(value if shape == FLOAT64 else [f"{shape.spelling}(", *value, ")"], shape)
            case Number() if self.chance(0.7):
                return Expr(["(", self.changing(shape, depth), f" & {self.rng.choice([3, 7, 31])})"], shape)
            case Number() | Text() | Truth():
                return self.changing(shape, depth)
            case Interface() if shape == ANY:
                inner = self.rng.choice([held for held in self.world.flat if can_be_key(held)])
                return Expr(["any(", self.key(inner, depth), ")"], shape)
        return self.expr(shape, depth)

    def map_variables(self) -> list[Variable]:
        """Maps that may be asked here: not beside calls that change them."""
        return [] if self.only_stable else [v for v in self.variables() if isinstance(v.shape, Map)]

    def map_element(self, shape: Shape, depth: int) -> Expr | None:
        found = [v for v in self.map_variables() if isinstance(v.shape, Map) and v.shape.elem == shape]
        if not found or shape.is_reference or self.chance(0.5):
            return None
        variable = self.rng.choice(found)
        assert isinstance(variable.shape, Map), "only maps were chosen"
        return Expr([variable.name, "[", self.key(variable.shape.key, 1), "]"], shape)

    # ---- functions

    def function_value(self, shape: Func, depth: int) -> Expr:
        return self.choose(
            [
                (5, lambda: self.function_literal(shape)),
                (4, lambda: self.function_name(shape)),
                (4, lambda: self.method_value(shape, depth)),
            ]
        )

    def fitting(self, shape: Func) -> list[Function]:
        """Functions and methods of this type that may be called by who has the value."""
        functions = [f for f in self.world.functions if f.is_pure or not (self.is_pure or self.is_initial)]
        return [f for f in functions if (f.params, f.results, f.is_variadic) == (shape.params, shape.results, False)]

    def function_name(self, shape: Func) -> Expr | None:
        found = [f.name for f in self.fitting(shape) if f.receiver is None]
        return under_name([self.rng.choice(found)], shape) if found else None

    def method_value(self, shape: Func, depth: int) -> Expr | None:
        found = [f for f in self.fitting(shape) if f.receiver is not None]
        if not found:
            return None
        function = self.rng.choice(found)
        receiver = self.receiver(function, depth)
        return under_name([receiver, f".{function.name}"], shape) if receiver is not None else None

    # ---- interfaces

    def interface_value(self, shape: Interface, depth: int) -> Expr:
        if shape == ERROR:
            return self.error(depth)
        if depth <= 0 or (not shape.has_methods and self.chance(0.05)):
            return Expr([shape.zero], shape)
        held = self.rng.choice(self.world.held(shape))
        inside = self.world.wrappers.get(held)
        if shape.has_methods and inside is not None:
            return Expr(
                [f"{shape.spelling}({held.spelling}{{{inside.spelling}: ", self.expr(inside, depth - 1), "})"], shape
            )
        return Expr([f"{shape.spelling}(", self.expr(held, depth - 1), ")"], shape)

    def error(self, depth: int) -> Expr:
        if depth <= 0:
            return Expr([self.rng.choice(["errA", "errB", 'error(E1("low"))'])], ERROR)
        depth -= 1
        number = self.rng.choice(self.world.numbers)
        return self.choose(
            [
                (3, lambda: Expr(["errors.New(", self.expr(STRING, depth), ")"], ERROR)),
                (
                    3,
                    lambda: Expr(
                        ['fmt.Errorf("w%v: %w", ', self.expr(number, depth), ", brief(", self.expr(ERROR, depth), "))"],
                        ERROR,
                    ),
                ),
                (
                    1,
                    lambda: Expr(
                        [
                            'fmt.Errorf("%w and %w", brief(',
                            self.expr(ERROR, depth),
                            "), brief(",
                            self.expr(ERROR, depth),
                            "))",
                        ],
                        ERROR,
                    ),
                ),
                (
                    2,
                    lambda: Expr(
                        ["error(&E0{", self.expr(INT, depth), ", brief(", self.expr(ERROR, depth), ")})"], ERROR
                    ),
                ),
                (2, lambda: Expr(["error(E1(", self.expr(STRING, depth), "))"], ERROR)),
                (2, lambda: Expr(["error(E2{", self.expr(INT, depth), ", ", self.expr(BOOL, depth), "})"], ERROR)),
                (1, lambda: Expr(["errors.Join(errA, brief(", self.expr(ERROR, depth), "))"], ERROR)),
            ]
        )

    def other_truth(self, depth: int) -> Expr | None:
        return self.choose(
            [
                (2, lambda: self.error_test(depth)),
                (2, lambda: self.held_test(depth)),
                (1, lambda: self.same(depth)),
                (1, lambda: self.text_test(depth)),
            ]
        )

    def error_test(self, depth: int) -> Expr:
        value = self.expr(ERROR, depth)
        target = self.expr(ERROR, 1) if self.chance(0.5) else Expr([self.rng.choice(["errA", "errB"])], ERROR)
        return Expr(["errors.Is(", value, ", ", target, ")"], BOOL)

    def held_test(self, depth: int) -> Expr | None:
        """An interface compared with a value that it may hold, which cannot panic."""
        kinds = [ANY, THING, *self.world.interfaces]
        shape = self.rng.choice(kinds)
        held = [s for s in self.world.held(shape) if s.is_comparable]
        if not held:
            return None
        parts = [self.expr(shape, depth), self.expr(self.rng.choice(held), depth)]
        op = self.rng.choice([" == ", " != "])
        return Expr(
            ["(", parts[0], op, parts[1], ")"] if self.chance(0.8) else ["(", parts[1], op, parts[0], ")"], BOOL
        )

    def same(self, depth: int) -> Expr:
        """A comparison that may panic, in a function that recovers."""
        shape = self.rng.choice([THING, *self.world.interfaces])
        return Expr(["same(", self.expr(shape, depth), ", ", self.expr(shape, depth), ")"], BOOL)

    def text_test(self, depth: int) -> Expr:
        name = self.rng.choice(["Contains", "HasPrefix", "HasSuffix", "EqualFold", "ContainsAny"])
        return Expr([f"strings.{name}(", self.expr(STRING, depth), ", ", self.expr(STRING, 1), ")"], BOOL)

    # ---- the library

    def printable_value(self, depth: int) -> Expr:
        shape = self.rng.choice([s for s in [*self.world.numbers, *self.world.shapes, STRING, BOOL] if s.is_printable])
        return self.expr(shape, depth)

    def library_text(self, depth: int) -> Expr | None:
        clipped = self.choose(
            [
                (3, lambda: Expr([self.rng.choice(TEXT_CALLS), self.expr(STRING, depth), ")"], STRING)),
                (2, lambda: Expr(["strings.Repeat(", self.expr(STRING, depth), f", {self.rng.randrange(4)})"], STRING)),
                (
                    2,
                    lambda: Expr(
                        [
                            "strings.ReplaceAll(",
                            self.expr(STRING, depth),
                            f", {self.rng.choice(CUTS)}, ",
                            self.expr(STRING, 0),
                            ")",
                        ],
                        STRING,
                    ),
                ),
                (
                    2,
                    lambda: Expr(
                        ["strings.Join(", self.expr(Slice.of(STRING), depth), f", {self.rng.choice(CUTS)})"], STRING
                    ),
                ),
                (2, lambda: Expr(["strings.Trim(", self.expr(STRING, depth), f", {self.rng.choice(CUTS)})"], STRING)),
                (2, lambda: Expr(["strconv.Itoa(", self.expr(INT, depth), ")"], STRING)),
                (
                    1,
                    lambda: Expr(
                        [
                            "strconv.FormatInt(int64(",
                            self.changing(INT, depth),
                            f"), {self.rng.choice([2, 8, 16, 36])})",
                        ],
                        STRING,
                    ),
                ),
                (
                    1,
                    lambda: Expr(
                        [
                            "strconv.FormatFloat(",
                            self.expr(FLOAT64, depth),
                            f", {self.rng.choice(['103', '101', '102'])}, {self.rng.choice([-1, 0, 3])}, 64)",
                        ],
                        STRING,
                    ),
                ),
                (
                    4,
                    lambda: Expr(
                        [
                            self.rng.choice(["fmt.Sprint(", "fmt.Sprintln("]),
                            self.printable_value(depth),
                            ", ",
                            self.printable_value(depth - 1),
                            ")",
                        ],
                        STRING,
                    ),
                ),
                (
                    2,
                    lambda: Expr(
                        [
                            'fmt.Sprintf("%v|%6v|%T", ',
                            self.printable_value(depth),
                            ", ",
                            self.printable_value(depth - 1),
                            ", ",
                            self.printable_value(depth - 1),
                            ")",
                        ],
                        STRING,
                    ),
                ),
                (2, lambda: Expr(["(", self.expr(ERROR, depth), ").Error()"], STRING)),
            ]
        )
        return Expr(["clip(", clipped, ")"], STRING)

    def library_number(self, shape: Shape, depth: int) -> Expr | None:
        if shape == FLOAT64:
            return Expr([f"{self.rng.choice(MATH_CALLS)}(", self.changing(FLOAT64, depth), ")"], FLOAT64)
        roll = self.rng.random()
        found = self.map_variables()
        if found and roll < 0.4:
            return Expr([f"len({self.rng.choice(found).name})"], INT)
        name = self.rng.choice(["Index", "LastIndex", "Count", "Compare", "IndexAny"])
        return Expr([f"strings.{name}(", self.expr(STRING, depth), ", ", self.expr(STRING, 1), ")"], INT)


def is_ordered(shape: Shape) -> bool:
    """Whether a slice of them can be sorted, and equal ones cannot be told apart."""
    return isinstance(shape, Text) or (isinstance(shape, Number) and not shape.is_float)
