"""Fronts of recursive functions: where a function is divided, and what its pieces are."""

from __future__ import annotations

import re

import pytest

from lang.driver import compile_source
from lang.source import Source

FUNCTION = re.compile(r"^def (\w+)\((.*)\) -> .*:\n((?:    .*\n)+)", re.MULTILINE)
MARK = re.compile(r"  # \d+$", re.MULTILINE)
PARAMETERS = "g: G, sp: uintptr"

NODE = "type Node struct { left, right *Node; key int }\n"


def functions(text: str) -> dict[str, str]:
    """The functions of a program without its packages: their parameters and their lines, by name."""
    lowered = MARK.sub("", compile_source(Source("x.toy", text)).text)
    return {name: f"{given.removeprefix(PARAMETERS)}\n{body}" for name, given, body in FUNCTION.findall(lowered)}


def pieces(text: str, name: str) -> set[str]:
    """What the pieces of a function are called, without its name."""
    return {found.removeprefix(name) for found in functions(text) if found.startswith(name)}


def test_what_ends_the_recursion_is_the_front_and_is_called_by_the_rest() -> None:
    found = functions("func f(n int) int { if n < 2 { return n }; return f(n-1) * f(n-2) }\nfunc main() { f(9) }")
    assert found["f_front"] == ", n: i64\n    if (n < 2):\n        return n\n    return f_rest(g, sp, n)\n"
    assert "f_front(g, sp, n)" in found["f"]
    assert "n < 2" not in found["f_rest"]
    assert "f_again(g, sp, i64(n - 1))" in found["f_rest"]
    assert "f_front(g, sp, i64(n - 1))" in found["f_again"]


def test_each_branch_that_goes_on_has_a_rest_that_is_given_what_it_reads() -> None:
    found = functions(
        NODE
        + """
        func f(n *Node, a, b, c int) int {
            a++
            switch n.key {
            case 0:
                return a
            case 1:
                return f(n.left, a, a, a) + b
            case 2:
                return f(n.right, c, c, c)
            }
            return -1
        }
        func main() { println(f(&Node{}, 1, 2, 3)) }
    """
    )
    assert found["f_front"].count("return f_rest") == 2
    assert found["f_rest"].startswith(", n: Node, a: i64, b: i64\n")
    assert found["f_rest_2"].startswith(", n: Node, c: i64\n")
    assert "return -1" in found["f_front"]


def test_a_function_without_results_ends_at_its_end() -> None:
    found = functions(
        NODE
        + """
        func f(n *Node) { if n != nil { f(n.left); f(n.right) } }
        func main() { f(nil) }
    """
    )
    assert found["f_front"].splitlines()[1:] == [
        "    if (not is_nil(n)):",
        "        f_rest(g, sp, n)",
        "        return",
        "    else:",
        "        return",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "return f(n - 1)",  # nothing ends it in front of the call
        "x := f(n - 1); if x > 3 { return 1 }; return 2",
        "for i := 0; i < n; i++ { if i == 7 { return 1 } }; return f(n - 1)",
        "if n == 0 { panic(n) }; return f(n - 1)",
        "defer println(); if n == 0 { return 1 }; return f(n - 1)",
        "if n == 0 { return 1 }; return" + " + ".join(f" f(n - {i})" for i in range(1, 10)),
        "switch n {" + "".join(f"case {i}: return {2 * i};" for i in range(13)) + "}; return f(n - 1)",  # too large
    ],
)
def test_what_is_not_divided(body: str) -> None:
    assert not any("front" in piece for piece in pieces(f"func f(n int) int {{ {body} }}\nfunc main() {{ f(1) }}", "f"))


def test_what_does_not_call_itself_is_not_divided() -> None:
    text = "func f(n int) int { if n == 0 { return 1 }; return g(n) }\nfunc g(n int) int { return f(n - 1) }"
    assert pieces(text + "\nfunc main() { f(1) }", "f") == {""}
