"""Sources: the text and the syntax tree of the modules that systems functions are defined in.

A module is parsed once, whatever the number of its functions that are translated. Its text is the one given here,
or the module's `__source__` (both of programs made by a compiler, which have no file), or else its file's.

Next: signatures.py
"""

from __future__ import annotations

import ast
import linecache
from types import FunctionType
from typing import Any


class Source:
    """One module's text, and its functions by name."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._functions: dict[str, ast.FunctionDef] | None = None

    def function(self, name: str) -> ast.FunctionDef | None:
        """The definition of a function, or None if the module's top level has none of that name."""
        if self._functions is None:
            body = ast.parse(self.text, self.file).body
            self._functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        return self._functions.get(name)


class Sources:
    """All modules that one translation meets."""

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        self._texts = texts or {}  # by module name
        self._known: dict[str, Source] = {}

    def of(self, function: FunctionType) -> Source:
        """The source of the module that a function is defined in."""
        return self.of_module(function.__module__, function.__code__.co_filename, function.__globals__)

    def of_module(self, name: str, file: str, names: dict[str, Any]) -> Source:
        """The source of a module, by its name, its file and its globals."""
        if name not in self._known:
            text = self._texts.get(name, names.get("__source__"))
            self._known[name] = Source(file, "".join(linecache.getlines(file)) if text is None else text)
        return self._known[name]
