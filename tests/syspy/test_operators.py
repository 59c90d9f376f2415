"""Every operator, on every type, over edge values, on both engines: CPython's result is the native one's.

One module is generated, with a function for each pair of operator and type, and built once. Cases that an operator
leaves to its author (an overflow of plain arithmetic, a division by zero) are left out; wrapping forms have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

import pytest

from runtime.syspy.machine import RANGES, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64
from tests.syspy.modules import Made, made

INTEGERS: list[Any] = [u8, u16, u32, u64, i8, i16, i32, i64]
FLOATS: list[Any] = [f32, f64]
NAMES = {kind: kind.__name__ for kind in INTEGERS + FLOATS} | {bool: "bool"}

FLOAT_VALUES = [0.0, -0.0, 1.0, -1.5, 0.1, 3.0e38, -7.25, 1.0e-40, math.inf, -math.inf, math.nan, 2.0**63, -(2.0**63)]


def is_signed(kind: Any) -> bool:
    return RANGES[kind][0] < 0


def edge_values(kind: Any) -> list[Any]:
    if kind is bool:
        return [False, True]
    if kind in FLOATS:
        return [kind(value) for value in FLOAT_VALUES]
    low, high = RANGES[kind]
    middle = {low + 1, -1, 0, 1, 2, 3, 7, 0x55, high // 3, high // 2, high // 2 + 1, high - 1}
    return sorted({low, high} | {value for value in middle if low <= value <= high})


def fits(kind: Any, value: int) -> bool:
    low, high = RANGES[kind]
    return low <= value <= high


# Each operator: its expression, its result (None: the operands' type), and for which operands it is defined.
Case = tuple[str, str | None, Callable[[Any, Any, Any], bool]]


def always(kind: Any, a: Any, b: Any) -> bool:
    return True


INTEGER_OPERATORS: dict[str, Case] = {
    "add": ("a + b", None, lambda kind, a, b: fits(kind, a + b)),
    "sub": ("a - b", None, lambda kind, a, b: fits(kind, a - b)),
    "mul": ("a * b", None, lambda kind, a, b: fits(kind, a * b)),
    "div": ("a // b", None, lambda kind, a, b: a >= 0 and b > 0),
    "mod": ("a % b", None, lambda kind, a, b: a >= 0 and b > 0),
    "bit_and": ("a & b", None, always),
    "bit_or": ("a | b", None, always),
    "bit_xor": ("a ^ b", None, always),
    "and_not": ("a & ~b", None, always),
    "wrap_add": ("{t}(a + b)", None, always),
    "wrap_sub": ("{t}(a - b)", None, always),
    "wrap_mul": ("{t}(a * b)", None, always),
    "wrap_tree": ("{t}((a * b + 3) ^ ~a & -b)", None, always),
    "quotient": ("{t}(quotient(a, b))", None, lambda kind, a, b: b != 0),
    "remainder": ("remainder(a, b)", None, lambda kind, a, b: b != 0),
    "least": ("min(a, b)", None, always),
    "greatest": ("max(a, b)", None, always),
    "eq": ("a == b", "bool", always),
    "ne": ("a != b", "bool", always),
    "lt": ("a < b", "bool", always),
    "le": ("a <= b", "bool", always),
    "gt": ("a > b", "bool", always),
    "ge": ("a >= b", "bool", always),
    "chain": ("1 <= a < b", "bool", always),
    "choice": ("a if a < b and not a == 1 or b == 2 else b", None, always),
    "invert": ("{t}(~a)", None, always),
    "wrap_negate": ("{t}(-a)", None, always),
    "literals": ("{t}(a * 3 + 100)", None, always),
    "shift_left_3": ("{t}(a << 3)", None, always),
    "shift_right_3": ("a >> 3", None, always),
}

SIGNED_OPERATORS: dict[str, Case] = {
    "negate": ("-a", None, lambda kind, a, b: fits(kind, -a)),
    "plain_invert": ("~a", None, always),
}

FLOAT_OPERATORS: dict[str, Case] = {
    "add": ("{t}(a + b)", None, always),
    "sub": ("{t}(a - b)", None, always),
    "mul": ("{t}(a * b)", None, always),
    "div": ("{t}(a / b)", None, lambda kind, a, b: b != 0.0),
    "negate": ("-a", None, always),
    "eq": ("a == b", "bool", always),
    "ne": ("a != b", "bool", always),
    "lt": ("a < b", "bool", always),
    "le": ("a <= b", "bool", always),
    "gt": ("a > b", "bool", always),
    "ge": ("a >= b", "bool", always),
}

BOOL_OPERATORS: dict[str, Case] = {
    "bit_and": ("a & b", None, always),
    "bit_or": ("a | b", None, always),
    "bit_xor": ("a ^ b", None, always),
    "both": ("a and b", None, always),
    "either": ("a or b", None, always),
    "neither": ("not (a or b)", None, always),
    "eq": ("a == b", None, always),
    "ne": ("a != b", None, always),
}

SHIFTS = {
    "left": "{t}(a << n)",
    "right": "a >> n",
    "any_left": "{t}(shift_left(a, n))",
    "any_right": "shift_right(a, n)",
}


def operators_of(kind: Any) -> dict[str, Case]:
    if kind in FLOATS:
        return FLOAT_OPERATORS
    if kind is bool:
        return BOOL_OPERATORS
    return {**INTEGER_OPERATORS, **(SIGNED_OPERATORS if is_signed(kind) else {})}


def definitions() -> Iterator[str]:
    for kind, t in NAMES.items():
        for name, (expression, result, _) in operators_of(kind).items():
            text = expression.format(t=t)
            yield f"def {name}_{t}(a: {t}, b: {t}) -> {result or t}:\n    return {text}\n"
        for target in INTEGERS + FLOATS:
            yield f"def {NAMES[target]}_of_{t}(a: {t}) -> {NAMES[target]}:\n    return {NAMES[target]}(a)\n"
        if kind in INTEGERS:
            for name, expression in SHIFTS.items():
                yield f"def {name}_{t}(a: {t}, n: u64) -> {t}:\n    return {expression.format(t=t)}\n"


@pytest.fixture(scope="module")
def functions() -> Made:
    return made("\n".join(definitions()), "operators")


@pytest.fixture(scope="module")
def image(functions: Made) -> Any:
    return functions.image(opt_level=1)


def same(a: Any, b: Any) -> bool:
    """Equal, where NaN equals NaN and -0.0 differs from 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return repr(a) == repr(b)
    return bool(a == b)


def compare(functions: Made, image: Any, name: str, cases: Iterable[tuple[Any, ...]]) -> int:
    """Compare the engines over some cases; how many."""
    python, native = getattr(functions, name), image.entry(f"operators.{name}")
    tried = list(cases)
    for case in tried:
        assert same(native(*case), python(*case)), f"{name}{case}: {native(*case)}, under CPython {python(*case)}"
    return len(tried)


@pytest.mark.parametrize("kind", list(NAMES), ids=NAMES.values())
def test_operators_agree(functions: Made, image: Any, kind: Any) -> None:
    values = edge_values(kind)
    for name, (_, _, is_defined) in operators_of(kind).items():
        cases = (pair for pair in product(values, values) if is_defined(kind, *pair))
        assert compare(functions, image, f"{name}_{NAMES[kind]}", cases) > 1


@pytest.mark.parametrize("kind", list(NAMES), ids=NAMES.values())
def test_conversions_agree(functions: Made, image: Any, kind: Any) -> None:
    for target in INTEGERS + FLOATS:
        compare(functions, image, f"{NAMES[target]}_of_{NAMES[kind]}", ((value,) for value in edge_values(kind)))


@pytest.mark.parametrize("kind", INTEGERS, ids=[NAMES[kind] for kind in INTEGERS])
def test_shifts_agree(functions: Made, image: Any, kind: Any) -> None:
    bits = RANGES[kind][1].bit_length() + is_signed(kind)
    near = [0, 1, bits // 2, bits - 1]
    for name in SHIFTS:
        counts = near if not name.startswith("any") else [*near, bits, bits + 1, 64, 255, 256, 1 << 32, (1 << 64) - 1]
        compare(functions, image, f"{name}_{NAMES[kind]}", product(edge_values(kind), counts))
