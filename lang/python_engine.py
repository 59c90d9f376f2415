"""The python engine: a program and its runtime as CPython executes them, so that a debugger can stop in either.

    engine = PythonEngine(program_module(lowered.text))
    engine.call("start", g, arguments, count)         addresses become views

Next: driver.py
"""

from __future__ import annotations

import linecache
import re
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from lang.std import start
from runtime.syspy.pointers import View, address

DEFINITION = re.compile(r"^(def .*)\n(?: .*\n|\n(?= ))*", re.MULTILINE)
PYTHON_FRAMES = 100_000  # calls that CPython may nest before it is a stack overflow


def program_module(text: str) -> Any:
    """The module that a lowered program is, executed, so that its classes and functions exist."""
    return module_of("program", text)


def module_of(name: str, text: str) -> Any:
    """A module, executed."""
    module = types.ModuleType(name)
    sys.modules[name] = module  # where references between its classes are looked up
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), module.__dict__)
    return module


def declarations(text: str) -> str:
    """The text of a lowered module without the bodies of its functions: all that translating it needs at run time."""
    return DEFINITION.sub(r"\1 ...\n", text)


class PythonEngine:
    """Systems functions as CPython runs them: a debugger can stop in them."""

    def __init__(self, program: Any) -> None:
        sys.setrecursionlimit(PYTHON_FRAMES)
        self.functions: dict[str, Any] = {**vars(start), "start": program.start}

    def call(self, name: str, *values: int) -> Any:
        """Call a function, its pointer arguments turned into views."""
        return call_with_words(self.functions[name], *values)


def call_with_words(function: Callable[..., Any], *values: int) -> Any:
    """Call a systems function whose pointers are addresses, as arguments and as its result."""
    kinds = typing.get_type_hints(function)
    views = [
        kind.at(value) if hasattr(kind, "at") else value
        for kind, value in zip((kinds[parameter] for parameter in function.__annotations__), values, strict=False)
    ]
    result = function(*views)
    return address(result) if isinstance(result, View) else result
