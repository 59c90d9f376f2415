"""Images over images: what is underneath is called there, @inline functions are copied, constants are shared."""

from __future__ import annotations

import ctypes
import sys
from types import ModuleType
from typing import Any

import pytest

from runtime.syspy import Failure, llvm_loader, native
from runtime.syspy.entries import THREAD_KEY, Entry
from runtime.syspy.optimise import compile_text
from tests.syspy.modules import PRELUDE, Made, made

BELOW = """
@struct
class Counter(Struct):
    n: u64
    step: u64

STEP = constant(Counter, n=1, step=2)

def advance(c: Counter) -> u64:
    c.n = c.n + c.step
    return c.n

@inline
def twice(c: Counter) -> u64:
    advance(c)
    return advance(c)

@inline
def is_step(c: Counter) -> bool:
    return c == STEP

def step() -> Counter:
    return STEP

def refuse(n: i64) -> i64:
    throw("S1: refused", n)
"""

ABOVE = """
import below
from below import Counter, twice, is_step, step

def main(c: Counter) -> u64:
    return below.advance(c) + twice(c)

def shares_constants() -> tuple[bool, bool]:
    return is_step(step()), step() == below.STEP

def fails() -> i64:
    return below.refuse(-4)

def step_of_step() -> u64:
    return below.STEP.step
"""


@pytest.fixture(scope="module")
def below() -> Any:
    module = Made(PRELUDE + BELOW, "below")
    registered = ModuleType("below")
    vars(registered).update(module.names)
    sys.modules["below"] = registered
    yield module
    del sys.modules["below"]


@pytest.fixture(scope="module")
def base(below: Made) -> Any:
    return below.image(below.advance, below.step, below.refuse)


@pytest.fixture(scope="module")
def above(below: Made, base: Any) -> Any:
    return made(ABOVE, "above").image(base=base, use_cache=False)


def test_functions_underneath_are_called_there(below: Made, above: Any) -> None:
    counter = below.Counter(n=1, step=10)
    assert above.call("above.main", counter) == 11 + 31
    assert "@below.advance(" in above.ir
    assert not any(line.startswith("define") and "below.advance" in line for line in above.ir.splitlines())


def test_inline_functions_are_copied(above: Any) -> None:
    assert "below.twice" not in above.ir


def test_constants_are_one(above: Any) -> None:
    assert above.call("above.shares_constants") == (True, True)
    assert above.call("above.step_of_step") == 2


def test_a_failure_underneath_comes_out_on_top(above: Any) -> None:
    with pytest.raises(Failure) as failure:
        above.call("above.fails")
    assert failure.value.words == (-4,)


def test_a_program_is_cached_over_its_base(below: Made, base: Any) -> None:
    program = made(ABOVE, "above")
    roots = [f for f in program.functions if f.__name__ == "main"]
    program.image(*roots, base=base)
    again = program.image(*roots, base=base)
    assert again.texts is None
    assert again.call("above.main", below.Counter(n=0, step=1)) == 1 + 3


def test_symbols_are_found_here_and_underneath(base: Any, above: Any) -> None:
    assert above.symbol("below.advance") == base.symbol("below.advance")
    with pytest.raises(KeyError):
        above.symbol("below.nothing")


def test_llvmlites_loader_does_the_same(below: Made) -> None:
    unit = below.lowered(below.advance)
    code = compile_text(unit.text()).object_code
    symbols = llvm_loader.load_object(code, unit.exported(), unit.imported(), lambda name: 0)
    ctypes.c_uint32.from_address(symbols["syspy.key"]).value = THREAD_KEY
    counter = below.Counter(n=1, step=10)
    assert Entry("advance", symbols["entry.below.advance"], ["uintptr"], ["u64"])(counter) == 11


def test_two_images_of_one_name_live_side_by_side() -> None:
    text = "def f() -> i64:\n    return {}\n"
    images = [made(text.format(i), "same").image() for i in range(3)]
    assert [image.call("same.f") for image in images] == [0, 1, 2]


def test_names_that_are_not_ascii(below: Made) -> None:
    module = made("def größe(π: i64) -> i64:\n    ü = π * 2\n    return ü\n", "näme")
    assert module.image().call("näme.größe", 4) == 8


def test_load_is_cached() -> None:
    assert native.load is native.cached


def test_notes_are_kept_with_an_image() -> None:
    module = made("def f() -> i64:\n    return 1\n", "noted")
    assert module.image(notes={"lines": [1, 2]}).notes == {"lines": [1, 2]}
    again = module.image(notes={"lines": [1, 2]})
    assert again.texts is None
    assert again.notes == {"lines": [1, 2]}


# An image in the middle: functions that further images call, and Python does not

MIDDLE = """
import below
from below import Counter

@cold
def helper(c: Counter) -> u64:
    return below.advance(c) + 1

def offered(c: Counter) -> u64:
    return helper(c)

def also_offered(c: Counter) -> u64:
    return offered(c) + 1
"""

TOP = """
from middle import Counter, also_offered, offered

def both(c: Counter) -> u64:
    return offered(c) * 100 + also_offered(c)
"""


@pytest.fixture
def middle(below: Made) -> Any:
    module = Made(PRELUDE + MIDDLE, "middle")
    registered = ModuleType("middle")
    vars(registered).update(module.names)
    sys.modules["middle"] = registered
    yield module
    del sys.modules["middle"]


def test_exports_are_called_from_images_above(middle: Made, base: Any, memory: Any) -> None:
    """Also when one of them has called another before that is known to be one."""
    exports = [middle.also_offered, middle.offered]
    between = native.build([], "middle", base=base, exports=exports, use_cache=False)
    top = made(TOP, "top").image(base=between, use_cache=False)
    memory[1] = 1
    assert top.call("top.both", ctypes.addressof(memory)) == 2 * 100 + 4


def test_what_is_not_exported_has_no_name_above(middle: Made, base: Any) -> None:
    between = native.build([], "middle", base=base, exports=[middle.offered], use_cache=False)
    own = between.names() - base.names()
    assert own == {"middle.offered"}


def test_a_constant_is_exported(below: Made) -> None:
    image = native.build([], "constants", exports=[below.STEP], use_cache=False)
    assert "below.STEP" in image.names()
