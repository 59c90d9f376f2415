"""Calls of runtime.SetFinalizer and runtime.AddCleanup: what they take, and what they become."""

from __future__ import annotations

import re

import pytest

from lang.driver import UserError, compile_source
from lang.source import Source
from tests.lang.wrong_programs import diagnosed

PROGRAM = """import "runtime"

type T struct{{ a, b int }}

func (t *T) close() {{}}
func closeT(t *T)   {{}}

func main() {{
	t := &T{{}}
	{call}
	runtime.KeepAlive(t)
}}
"""


@pytest.mark.parametrize(
    "call",
    [
        "runtime.SetFinalizer(t, func(t *T) {})",
        "runtime.SetFinalizer(t, (*T).close)",
        "runtime.AddCleanup(t, func(n int) {}, 1)",
        "f := closeT; runtime.SetFinalizer(t, f)",
    ],
)
def test_any_function_value_will_do(call: str) -> None:
    assert re.search(r"(set_finalizer|add_cleanup)_of\(g, address\(t\w*\), address\(", lowered(call))


@pytest.mark.parametrize("name", ["SetFinalizer", "AddCleanup"])
def test_functions_that_ask_for_types_are_no_values(name: str) -> None:
    with pytest.raises(UserError, match=rf"x\.toy:10:\d+: Toy does not have runtime\.{name} as a value yet"):
        compile_source(Source("x.toy", PROGRAM.format(call=f"f := runtime.{name}; _ = f")))


def test_nil_tells_no_type() -> None:
    text = PROGRAM.format(call="runtime.AddCleanup(nil, closeT, t)")
    found = [(error.pos, error.message) for error in diagnosed(text).in_order()]
    place = "declared at $GOROOT/src/runtime/mcleanup.go:76:17"
    assert found == [(text.index("(nil"), f"in call to runtime.AddCleanup, cannot infer T ({place})")]


def lowered(call: str) -> str:
    return compile_source(Source("x.toy", PROGRAM.format(call=call))).text


def test_programs_without_finalizers_pay_nothing_for_them() -> None:
    assert "is_ready(g" not in lowered("_ = new(T)")
    assert "is_ready(g" in lowered("runtime.SetFinalizer(t, closeT); _ = new(T)")


def test_a_function_has_one_closure() -> None:
    call = "runtime.SetFinalizer(t, closeT); runtime.SetFinalizer(t, nil); runtime.SetFinalizer(t, closeT)"
    assert len(set(re.findall(r"set_finalizer_of\(g, .*, (address\(.*\)), ", lowered(call)))) == 1
