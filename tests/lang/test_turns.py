"""What is evaluated in its turn: how often the lowering looks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lang import lower_places
from lang.check_tree import parts
from lang.driver import compile_source
from lang.source import Source
from lang.syntax import Node


@pytest.mark.parametrize(
    "expression",
    [
        lambda n: " + ".join(["f()"] * n),
        lambda n: " + (".join(["f()"] * n) + ")" * (n - 1),
        lambda n: " + (".join(["x"] * n) + ")" * (n - 1),
        lambda n: "g(x, " * n + "f()" + ")" * n,
    ],
    ids=["calls", "calls in parentheses", "variables in parentheses", "arguments"],
)
def test_twice_as_long_an_expression_is_looked_at_twice_as_often(
    expression: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def counting(node: Node) -> Iterator[Node]:
        nonlocal looks
        looks += 1
        return parts(node)

    monkeypatch.setattr(lower_places, "parts", counting)
    found = []
    for n in (20, 40):
        looks = 0
        text = "var x int\nfunc f() int { return 1 }\nfunc g(a, b int) int { return a + b }\n"
        text += f"func main() {{ println({expression(n)}) }}\n"
        compile_source(Source("turns.toy", text))
        found.append(looks)
    assert 0 < found[1] <= 2.5 * found[0]
