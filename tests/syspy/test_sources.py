"""Sources: one function of a module is parsed at a time, and its positions are those in the module."""

from __future__ import annotations

import ast

import pytest

from runtime.syspy.sources import Source

TEXT = '''import os

@inline
def one(
    a: u64,  # a comment
) -> u64:
    return a

# between
class C:
    def method(self): ...

def two() -> None:

    x = """
def one(): inside of a text
"""

async_like = 1
def three(): return 3
def two_lines():
    pass
def three(): return 33'''


def whole(name: str) -> ast.FunctionDef:
    found = [node for node in ast.parse(TEXT).body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[-1]


@pytest.mark.parametrize("name", ["one", "two", "three", "two_lines"])
def test_a_function_is_what_parsing_the_whole_gives(name: str) -> None:
    found = Source("x.py", TEXT, stands=True).function(name)
    assert found is not None
    assert ast.dump(found, include_attributes=True) == ast.dump(whole(name), include_attributes=True)


@pytest.mark.parametrize("name", ["one", "two", "three", "two_lines"])
def test_its_tree_counts_the_lines_of_its_own_text(name: str) -> None:
    source = Source("x.py", TEXT)
    found = source.function(name)
    assert found is not None
    assert ast.dump(found) == ast.dump(whole(name))
    assert source.lines_before.get(name, 0) + found.body[0].lineno == whole(name).body[0].lineno


@pytest.mark.parametrize("name", ["method", "C", "missing", "async_like"])
def test_what_is_no_function_at_the_top_level(name: str) -> None:
    assert Source("x.py", TEXT).function(name) is None
