"""Sources: the text and the syntax tree of the modules that systems functions are defined in.

Of a module only the functions are parsed that are asked for, each by itself. Its text is the one given here, or the
module's `__source__` (both of programs made by a compiler, which have no file), or else its file's.

Next: signatures.py
"""

from __future__ import annotations

import ast
import linecache
import re
from types import FunctionType
from typing import Any

# A function at the top level: what comes in front of its name, and all up to the next line that begins something else.
FUNCTION = re.compile(r"^(?:@.*\n)*def (\w+)\(.*\n(?:[ \t)#].*\n?|\n)*", re.MULTILINE)


class Source:
    """One module's text, and its functions by name."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._places: dict[str, tuple[int, int]] | None = None  # where each function begins and ends
        self._functions: dict[str, ast.FunctionDef | None] = {}

    def function(self, name: str) -> ast.FunctionDef | None:
        """The definition of a function, or None if the module's top level has none of that name."""
        if name not in self._functions:
            self._functions[name] = self._parsed(name)
        return self._functions[name]

    def _parsed(self, name: str) -> ast.FunctionDef | None:
        if self._places is None:
            self._places = {found[1]: found.span() for found in FUNCTION.finditer(self.text)}
        if name not in self._places:
            return None
        start, end = self._places[name]
        lines_before = "\n" * self.text.count("\n", 0, start)  # so that its positions are those in the module
        try:
            body = ast.parse(lines_before + self.text[start:end], self.file).body
        except SyntaxError:  # a text of several lines ends it too early
            body = ast.parse(self.text, self.file).body
        found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
        return found[-1] if found else None


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
