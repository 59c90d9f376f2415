"""Modules made from text: for tests whose systems functions are generated, or are examples in a document."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from runtime.syspy.native import build
from runtime.syspy.translate import lowered
from runtime.syspy.unit import Unit

PRELUDE = """
from __future__ import annotations
import functools
from typing import Any, NoReturn
from runtime.syspy import *
"""


class Made:
    """A module of systems functions that has no file."""

    def __init__(self, text: str, name: str = "made") -> None:
        self.name = name
        self.text = text
        self.names: dict[str, Any] = {"__name__": name, "__source__": text}
        exec(compile(text, f"<{name}>", "exec"), self.names)

    @property
    def functions(self) -> list[FunctionType]:
        """The functions that the text defines, in order."""
        return [f for f in self.names.values() if isinstance(f, FunctionType) and f.__module__ == self.name]

    def lowered(self, *roots: Any, debug: bool = False) -> Unit:
        """Checked and in LLVM text: these functions, or the last one."""
        return lowered(roots or self.functions[-1:], debug=debug)

    def image(self, *roots: Any, **options: Any) -> Any:
        """Built: these functions, or all."""
        options.setdefault("name", self.name)
        return build(roots or self.functions, **options)

    def __getattr__(self, name: str) -> Any:
        return self.names[name]


def made(text: str, name: str = "made") -> Made:
    """A module of the prelude and a text."""
    return Made(PRELUDE + text, name)
