"""Control flow, assignment and calls between functions, on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.syspy.subset import SubsetError
from tests.syspy.conftest import outcome
from tests.syspy.modules import Made, made

TEXT = '''
LIMIT = 1 << 4
MASK = LIMIT - 1
IS_ON = True

def ranges(n: i64) -> i64:
    total = 0
    for i in range(n):
        total += i
        i = 100
    for i in range(2, n):
        total = i64(total * 3 + i)
    for j in range(n, 0, -1):
        total = i64(total * 5 - j)
    for j in range(0, n, 3):
        total = i64(total * 7 + j)
    for j in range(n, -n, -4):
        total = i64(total * 11 + j)
    return total

def edges() -> u64:
    count: u64 = 0
    for i in range(u8(250), u8(255), 2):
        count += u64(i)
    for k in range(u8(5), u8(0), -2):
        count += u64(k)
    for m in range(i8(-128), i8(-120), 5):
        count = u64(count * 3 + u64(m))
    return count

def loops(n: u64) -> u64:
    found: u64 = 0
    i: u64 = 0
    while True:
        i += 1
        if i == 3:
            continue
        if i > n:
            break
        for j in range(i):
            if j == 5:
                break
            if j & 1 == 1:
                continue
            found += j
    while i > 1 and (i & 1 == 0 or found > 3):
        i -= 1
        found += i
    return found

def branches(a: i64, b: i64) -> i64:
    if a > b:
        c = 1
    elif a == b:
        return 7 if IS_ON else 8
    else:
        c = -1
    d: i32 = 5 if c > 0 else -5
    return c * i64(d) + (a if a < 10 < b or a == 0 else b)

def swap(a: u64, b: u64) -> tuple[u64, u64]:
    a, b = b, a
    return a, b

def swaps(a: u64, b: u64) -> u64:
    x, y = swap(a, b)
    x, y = y, u64(x + y)
    first, ok = pair(x)
    return u64(first * 3 + y) if ok else 0

def pair(a: u64) -> tuple[u64, bool]:
    return again(a)

def again(a: u64) -> tuple[u64, bool]:
    if a > 5:
        return a, True
    return 0, False

def fibonacci(n: u64) -> u64:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

def is_even(n: u64) -> bool:
    return True if n == 0 else is_odd(n - 1)

def is_odd(n: u64) -> bool:
    return False if n == 0 else is_even(n - 1)

def constants(n: u64) -> u64:
    half = 1.5 * 2
    return (n & MASK) + LIMIT // 3 + u64(half) + (LIMIT << 2) % 7

@inline
def clamp(n: i64) -> i64:
    return min(max(n, -5), 5)

@cold
def give_up(n: i64) -> NoReturn:
    throw("S1: gave up", n)

def calls(n: i64) -> i64:
    if n == 99:
        give_up(n)
    nothing()
    return clamp(n) * clamp(3)

def nothing() -> None:
    """Does nothing."""
    return

def asserted(n: u64) -> u64:
    assert n < 10, "n is small"
    return n
'''

CASES: list[tuple[str, tuple[int, ...]]] = [
    *(("ranges", (n,)) for n in (-3, 0, 1, 2, 7)),
    ("edges", ()),
    *(("loops", (n,)) for n in (0, 1, 5, 20)),
    *(("branches", pair) for pair in ((1, 0), (1, 1), (0, 5), (9, 12), (-4, 3))),
    ("swap", (1, 2)),
    *(("swaps", pair) for pair in ((1, 2), (7, 9), (2, 1 << 63))),
    ("fibonacci", (15,)),
    ("is_even", (101,)),
    *(("constants", (n,)) for n in (0, 31)),
    *(("calls", (n,)) for n in (-9, 2, 9, 99)),
    ("nothing", ()),
    ("asserted", (3,)),
]


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "statements")


@pytest.fixture(scope="module", params=[False, True], ids=["release", "debug"])
def image(functions: Made, request: pytest.FixtureRequest) -> Any:
    return functions.image(debug=request.param)


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}{case}" for name, case in CASES])
def test_a_function_agrees(functions: Made, image: Any, name: str, case: tuple[int, ...]) -> None:
    expected = outcome(getattr(functions, name), *case)
    assert outcome(image.entry(f"statements.{name}"), *case) == expected


DEBUG_FAILURES = {
    "asserted": ("n is small", (12,)),
    "add": ("arithmetic overflow in debugging.add", (1 << 63, 1 << 63)),
    "sub": ("arithmetic overflow in debugging.sub", (3, 4)),
    "mul": ("arithmetic overflow in debugging.mul", (-1 << 63, -1)),
    "shl": ("arithmetic overflow in debugging.shl", (1 << 60, 5)),
    "count": ("shift count out of range in debugging.count", (1, 32)),
    "div": ("division by zero in debugging.div", (1, 0)),
    "mod": ("// or % of a negative number in debugging.mod", (-1, 5)),
    "divide": ("division by zero in debugging.divide", (1, 0)),
}

DEBUGGING = """
def asserted(n: u64) -> u64:
    assert n < 10, "n is small"
    return n
def add(a: u64, b: u64) -> u64:
    return a + b
def sub(a: u64, b: u64) -> u64:
    return a - b
def mul(a: i64, b: i64) -> i64:
    return a * b
def shl(a: u64, b: u64) -> u64:
    return a << b
def count(a: u32, b: u64) -> u32:
    return a >> b
def div(a: u64, b: u64) -> u64:
    return a // b
def mod(a: i64, b: i64) -> i64:
    return a % b
def divide(a: i64, b: i64) -> i64:
    return quotient(a, b)
"""


@pytest.fixture(scope="module")
def debugging() -> Any:
    return made(DEBUGGING, "debugging").image(debug=True)


@pytest.mark.parametrize("name", DEBUG_FAILURES)
def test_a_debug_build_checks_what_is_left_to_the_author(debugging: Any, name: str) -> None:
    text, case = DEBUG_FAILURES[name]
    assert outcome(debugging.entry(f"debugging.{name}"), *case) == (1, text, ())


ASSIGNED = {
    "after a loop that may not run": "    while a > 1:\n        b = a\n        a -= 1\n    return b\n",
    "after an endless loop with a break before it": (
        "    while True:\n        if a > 1:\n            break\n        b = a\n        break\n    return b\n"
    ),
    "in the other branch": "    if a > 1:\n        b = a\n    else:\n        a = b\n    return a\n",
    "after a for": "    for i in range(a):\n        pass\n    return i\n",
}


@pytest.mark.parametrize("body", ASSIGNED.values(), ids=ASSIGNED)
def test_a_local_that_may_be_unassigned_is_refused(body: str) -> None:
    with pytest.raises(SubsetError, match=r"\[unassigned\]"):
        made(f"def f(a: u64) -> u64:\n{body}").lowered()


FINE = {
    "a branch that leaves": "    if a > 1:\n        b = a\n    else:\n        throw('S1: no')\n    return b\n",
    "an endless loop": (
        "    while True:\n        b = a\n        if a > 1:\n            break\n        a += 1\n    return b\n"
    ),
    "no way out": "    while True:\n        a = u64(a + 1)\n",
}


@pytest.mark.parametrize("body", FINE.values(), ids=FINE)
def test_a_local_that_is_assigned_on_every_path_is_fine(body: str) -> None:
    assert made(f"def f(a: u64) -> u64:\n{body}").lowered().text()
