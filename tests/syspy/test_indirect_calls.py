"""Calls through an address, on both engines: results of every shape, failures, and functions of the image below."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.syspy import call_at, function_address
from runtime.syspy.native import build
from runtime.syspy.subset import SubsetError
from tests.syspy.conftest import outcome
from tests.syspy.modules import Made, made

TEXT = """
@struct
class Node(Struct):
    value: i64
    code: uintptr
    next: Node

def unary(n: i64) -> i64: ...

def several(node: Node, small: u8, ok: bool, f: f64) -> tuple[i64, bool, f64, Node]: ...

def effect(node: Node) -> None: ...

def double(n: i64) -> i64:
    return n + n

@cold
def square(n: i64) -> i64:
    return n * n

@inline
def negated(n: i64) -> i64:
    return 0 - n

def failing(n: i64) -> i64:
    throw("failed", n)
    return n

def through(which: i64, n: i64) -> i64:
    addr = function_address(double)
    if which == 1:
        addr = function_address(square)
    elif which == 2:
        addr = function_address(negated)
    elif which == 3:
        addr = function_address(failing)
    return call_at(unary, addr, n)

def swapped(node: Node, small: u8, ok: bool, f: f64) -> tuple[i64, bool, f64, Node]:
    return node.value + i64(small), not ok, f * 2.0, node.next

def unpacked(node: Node, small: u8, ok: bool, f: f64) -> tuple[i64, bool, f64, Node]:
    node.code = function_address(swapped)
    value, flag, g, next = call_at(several, node.code, node, small, ok, f)
    return value + 1, flag, g, next

def counted(node: Node) -> None:
    node.value += 1
    if node.value < 10:
        call_at(effect, node.code, node)

def recursive(node: Node) -> i64:
    node.code = function_address(counted)
    call_at(effect, node.code, node)
    return node.value

def is_something() -> bool:
    return function_address(double) != 0
"""

DECLARED = ("unary", "several", "effect")  # types alone: they have no bodies


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "indirect")


@pytest.fixture(scope="module", params=[False, True], ids=["release", "debug"])
def image(functions: Made, request: pytest.FixtureRequest) -> Any:
    roots = [f for f in functions.functions if f.__name__ not in DECLARED]
    return functions.image(*roots, debug=request.param)


@pytest.mark.parametrize(("which", "expected"), [(0, 14), (1, 49), (2, -7)])
def test_the_function_whose_address_it_is_is_called(functions: Made, image: Any, which: int, expected: int) -> None:
    assert functions.through(which, 7) == expected
    assert image.entry("indirect.through")(which, 7) == expected


def test_a_failure_leaves_through_the_call(functions: Made, image: Any) -> None:
    python = outcome(functions.through, 3, 5)
    assert python[1:] == ("failed", (5,))
    assert outcome(image.entry("indirect.through"), 3, 5) == python


def test_several_arguments_and_results_of_all_kinds_pass(functions: Made, image: Any) -> None:
    last = functions.Node(value=1)
    node = functions.Node(value=40, next=last)
    from_python = functions.unpacked(node, 200, True, 1.25)
    assert from_python[:3] == (241, False, 2.5)
    assert from_python[3] == last
    from_native = image.entry("indirect.unpacked")(node, 200, True, 1.25)
    assert from_native == (*from_python[:3], functions.address(last))


def test_a_call_without_a_result_through_a_field_recurses(functions: Made, image: Any) -> None:
    for call in (functions.recursive, image.entry("indirect.recursive")):
        assert call(functions.Node(value=0)) == 10


def test_no_address_is_zero(functions: Made, image: Any) -> None:
    assert functions.is_something()
    assert image.entry("indirect.is_something")()


def test_it_is_one_indirect_call_and_the_declared_function_is_not_translated(functions: Made) -> None:
    unit = functions.lowered(functions.unpacked)
    assert "indirect.several" not in unit.defined
    assert unit.text().count("call fastcc { i64, i1, double, ptr } %") == 1


def test_a_function_of_the_image_below_has_an_address_above(functions: Made) -> None:
    below = functions.image(functions.double, functions.square, functions.failing, name="indirect_below")
    above = build([functions.through], base=below, name="indirect_above")
    call = above.entry("indirect.through")
    assert [call(which, 7) for which in range(3)] == [14, 49, -7]
    assert outcome(call, 3, 5)[1] == "failed"


def test_cpython_notices_an_address_where_nothing_is(functions: Made) -> None:
    with pytest.raises(AssertionError, match="no systems function is at 0x10"):
        call_at(functions.double, 16, 1)
    assert call_at(functions.double, function_address(functions.square), 3) == 9


REFUSED = {
    "call_at(double, 1)": "double takes 1 argument, not 0",
    "call_at(double, 1, True)": "double takes i64 as n, not constant True",
    "call_at(double)": "call_at takes 2 or more arguments, not 1",
    "call_at(labs, 1, 2)": "labs is no function of systems Python",
    "call_at(i64, 1, 2)": "i64 is no function at the top level of a module",
    "i64(function_address(labs))": "labs is no function of systems Python",
    "i64(function_address(double, double))": "function_address takes 1 argument, not 2",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_called_so_is_refused(text: str) -> None:
    source = f"""
@c_function
def labs(x: i64) -> i64: ...

def double(n: i64) -> i64:
    return n + n

def wrong() -> i64:
    return {text}
"""
    with pytest.raises(SubsetError, match=REFUSED[text]):
        made(source, "refused").lowered()
