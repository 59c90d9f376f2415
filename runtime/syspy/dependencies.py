"""Dependencies: the texts that the code of some functions depends on.

From a module, every module is reached that defines a function, a struct or a constant among its globals, or is one of
them. That is more than the closure of calls, and needs no syntax tree. Numbers can come from anywhere (`from layout
import PAGE_SIZE`), so the values of all module-level numbers count as text, too.

Next: cache.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any

from runtime.syspy.constants import find
from runtime.syspy.pointers import View, address
from runtime.syspy.sources import Sources

OWN = __name__.rpartition(".")[0]  # systems Python itself: its text is part of every key

Globals = dict[str, Any]


def texts_of(roots: Sequence[Callable[..., Any]], sources: dict[str, str]) -> list[str]:
    """The text of every module that the roots can depend on, its name before it; and the roots' names."""
    texts = [f"{root.__module__}.{root.__name__}" for root in roots]
    known = Sources(sources)
    seen: dict[str, Globals] = {}
    judged: set[tuple[str, bool]] = set()  # modules met, with or without their globals
    waiting = [(root.__module__, root.__globals__) for root in roots]
    while waiting:
        name, names = waiting.pop()
        if name not in seen:
            seen[name] = names
            for found in _neighbours(names):
                what = (found[0], bool(found[1]))
                if what not in judged:
                    judged.add(what)
                    if _is_project(*found):
                        waiting.append(found)
    for name in sorted(seen):
        names = seen[name]
        numbers = sorted((key, value) for key, value in names.items() if isinstance(value, (int, float)))
        texts += [name, known.of_module(name, str(names.get("__file__", "")), names).text, repr(numbers)]
    return texts


def _neighbours(names: Globals) -> Iterator[tuple[str, Globals]]:
    """The modules that the objects among some globals come from."""
    for value in list(names.values()):
        if isinstance(value, ModuleType):
            found: tuple[str, Globals] = (value.__name__, vars(value))
        elif isinstance(value, FunctionType):
            found = (value.__module__, getattr(value, "__wrapped__", value).__globals__)
        elif isinstance(value, View):
            data = find(address(value))
            found = (str(data.names.get("__name__")), data.names) if data else ("", {})
        elif isinstance(value, type) and issubclass(value, View):
            found = (value.__module__, vars(sys.modules[value.__module__]) if value.__module__ in sys.modules else {})
        else:
            continue
        yield found


def _is_project(name: str, names: Globals) -> bool:
    """Whether a module can hold systems functions: it refers to systems Python, and is no part of it."""
    if not names or name.startswith(OWN):
        return False
    return any(getattr(value, "__module__", "").startswith(OWN) for value in names.values() if callable(value))
