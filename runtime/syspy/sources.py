"""Sources: the text and the syntax tree of the modules that systems functions are defined in.

Of a module only the functions are parsed that are asked for, each by itself. Its text is the one given here, or the
module's `__source__` (both of programs made by a compiler, which have no file), or else its file's.

A function's tree counts lines from where its text begins: nobody wants to know where things stand, but for errors and
places. After an error all is parsed again where it stands (translate.py).

A line of a text that is given may say what traces shall call it: a number that means a place to the compiler.

        t3 = inner(g, sp, t2, 2, 2, i)  # 7

Next: signatures.py
"""

from __future__ import annotations

import ast
import linecache
import re
from types import FunctionType
from typing import Any

# A function at the top level: what comes in front of its name, and all up to the next line that begins something else.
FUNCTION = re.compile(r"^(?:@.*\n)*def (\w+)\(.*\n?(?:[ \t)#].*\n?|\n)*", re.MULTILINE)
PLACE = re.compile(r"  # (\d+)\n?$")  # at the end of a line


def place_of(line: str) -> int:
    """What traces call a line of a program's text: its number; -1 if they do not name it."""
    found = PLACE.search(line)
    return int(found[1]) if found else -1


class Source:
    """One module's text, and its functions by name."""

    def __init__(self, file: str, text: str, stands: bool = False) -> None:
        self.file = file
        self.text = text
        self.stands = stands  # functions are parsed where they stand
        self.lines_before: dict[str, int] = {}  # by function: of its text, which its tree does not count
        self.places: list[int] = []  # by line, from 0: what traces call it; none where they name no line
        # Where what looks like each function begins and ends, and how many lines are in front of it.
        self._spans: dict[str, list[tuple[int, int, int]]] = {}
        self._functions: dict[str, ast.FunctionDef | None] = {}

    def function(self, name: str) -> ast.FunctionDef | None:
        """The definition of a function, or None if the module's top level has none of that name."""
        if name not in self._functions:
            self._functions[name] = self._parsed(name)
        return self._functions[name]

    def _parsed(self, name: str) -> ast.FunctionDef | None:
        if not self._spans:
            lines, at = 0, 0
            for match in FUNCTION.finditer(self.text):
                lines, at = lines + self.text.count("\n", at, match.start()), match.start()
                self._spans.setdefault(match[1], []).append((*match.span(), lines))
        spans = self._spans.get(name, [])
        body = self._piece(name, *spans[0]) if len(spans) == 1 else None
        if body is None and spans:
            body = ast.parse(self.text, self.file).body
        found = [node for node in body or () if isinstance(node, ast.FunctionDef) and node.name == name]
        return found[-1] if found else None

    def _piece(self, name: str, start: int, end: int, lines_before: int) -> list[ast.stmt] | None:
        """A part of the text, parsed; None if a text of several lines ends it too early."""
        in_front = "\n" * lines_before if self.stands else ""
        try:
            body = ast.parse(in_front + self.text[start:end], self.file).body
        except SyntaxError:
            return None
        self.lines_before[name] = lines_before - len(in_front)
        return body


class Sources:
    """All modules that one translation meets."""

    def __init__(self, texts: dict[str, str] | None = None, stand: bool = False) -> None:
        self._texts = texts or {}  # by module name
        self._stand = stand
        self._known: dict[str, Source] = {}

    def of(self, function: FunctionType) -> Source:
        """The source of the module that a function is defined in."""
        return self.of_module(function.__module__, function.__code__.co_filename, function.__globals__)

    def of_module(self, name: str, file: str, names: dict[str, Any]) -> Source:
        """The source of a module, by its name, its file and its globals."""
        if name not in self._known:
            text = self._texts.get(name, names.get("__source__"))
            text = "".join(linecache.getlines(file)) if text is None else text
            source = self._known[name] = Source(file, text, self._stand)
            if name in self._texts:
                source.places = [place_of(line) for line in source.text.split("\n")]
        return self._known[name]
