"""Copies of functions for the functions that they are given."""

from __future__ import annotations

import pytest

from lang.driver import compile_source
from lang.source import Source

EACH = """func each(n int, f func(int)) {{
	if n > 0 {{
		f(n)
		each(n-1, {passed})
	}}
}}

func main() {{
	each(3, func(i int) {{ println(i) }})
}}
"""


@pytest.mark.parametrize("passed", ["f", "func(i int) { f(i) }", "func(i int) { println(i) }"])
def test_a_function_that_calls_itself_has_a_copy_for_each_literal(passed: str) -> None:
    source = Source("each.toy", EACH.format(passed=passed))
    assert compile_source(source).text.count("\ndef each_with") in (1, 2)
