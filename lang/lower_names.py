"""Names: Toy's identifiers as Python identifiers that clash with nothing.

A Toy name may be a Python keyword, a word of the vocabulary, or hold letters that Python would fold into others. It
keeps its spelling where it can; else it gets an underscore, a number, or its letters' code points.

    N1  one Names hands out no name twice, nor a reserved one, nor a module one that a function of its has
    N2  every name is ASCII

Next: flow.py
"""

from __future__ import annotations

import builtins
import keyword

import runtime.syspy

RESERVED = (
    frozenset(runtime.syspy.__all__) | frozenset(keyword.kwlist) | frozenset(dir(builtins)) | {"g", "sp", "package"}
)
RESERVED_FIELDS = frozenset(dir(runtime.syspy.Struct)) | frozenset(keyword.kwlist)


def safe_name(name: str) -> str:
    """`name` in ASCII (N2), other than a keyword or an attribute that every struct has; no two names become one."""
    ascii_name = "".join(c if c.isascii() else f"_u{ord(c):x}_" for c in name)
    if ascii_name in RESERVED_FIELDS or ascii_name.endswith("_"):
        ascii_name += "_"
    return f"u{ascii_name}" if ascii_name.startswith("_") else ascii_name


def function_name(name: str) -> str:
    """A name for the function that traces call (*T).method.func1."""
    return safe_name("_".join(name.replace("(*", "").replace(")", "").replace("..", ".").split(".")))


class Names:
    """The names in use in a module or a function, and fresh ones."""

    def __init__(self, outer: Names | None = None, taken: frozenset[str] = RESERVED) -> None:
        self.outer = outer
        self.taken = set(taken)
        self.inside: set[str] = set()  # what the names in functions of this module are; they would hide its own
        self.counts: dict[str, int] = {}

    def is_taken(self, name: str) -> bool:
        """Whether `name` is in use here or further out."""
        return name in self.taken or (self.outer is not None and self.outer.is_taken(name))

    def fresh(self, wish: str) -> str:
        """`wish`, or `wish` with a number that makes it new (N1)."""
        name = wish
        while self.is_taken(name) or name in self.inside:
            self.counts[wish] = self.counts.get(wish, 1) + 1
            name = f"{wish}_{self.counts[wish]}"
        self.taken.add(name)  # N1
        if self.outer is not None:
            self.outer.inside.add(name)
        return name

    def temporary(self) -> str:
        """A new name for an intermediate value."""
        self.counts["t"] = self.counts.get("t", 0) + 1
        return self.fresh(f"t{self.counts['t']}")
