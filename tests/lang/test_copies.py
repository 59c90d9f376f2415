"""Copies of functions for the functions that they are given."""

from __future__ import annotations

import re

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


@pytest.mark.parametrize(
    ("passed", "copies"), [("f", 1), ("func(i int) { f(i) }", 2), ("func(i int) { println(i) }", 2)]
)
def test_a_function_that_calls_itself_has_a_copy_for_each_literal(passed: str, copies: int) -> None:
    text = compile_source(Source("each.toy", EACH.format(passed=passed))).text
    assert len(re.findall(r"^def each_with(?:_\d)?\(", text, re.MULTILINE)) == copies
