"""Scopes: which name means what where.

    universe     int  len  nil  true  ...
      package    the program's declarations
        file     its imports
          function
            block ...

A name is looked up from the innermost scope outwards. In a function a name is declared when its declaration has been
checked, so a scope never holds what is not visible yet.

Next: packages.py
"""

from __future__ import annotations

from lang import go_types as t
from lang.objects import Builtin, Const, Nil, Object, TypeName


class Scope:
    """The names of one block."""

    __slots__ = ("names", "parent")

    def __init__(self, parent: Scope | None) -> None:
        self.parent = parent                                    # the block around it
        self.names: dict[str, Object] = {}

    def find(self, name: str) -> Object | None:
        """What a name means here."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None


# Name, and how many arguments it takes at least; those in VARIADIC take more.
BUILTINS = {
    "append": 1, "cap": 1, "clear": 1, "close": 1, "complex": 2, "copy": 2, "delete": 2, "imag": 1, "len": 1,
    "make": 1, "max": 1, "min": 1, "new": 1, "panic": 1, "print": 0, "println": 0, "real": 1, "recover": 0,
}  # fmt: skip
VARIADIC_BUILTINS = frozenset(["append", "make", "max", "min", "print", "println"])
# Builtins whose calls may stand alone as a statement.
STATEMENT_BUILTINS = frozenset(["clear", "close", "copy", "delete", "panic", "print", "println", "recover"])

_TYPES: tuple[t.Type, ...] = (
    t.BOOL, t.STRING, t.INT, t.INT8, t.INT16, t.INT32, t.INT64, t.UINT, t.UINT8, t.UINT16, t.UINT32, t.UINT64,
    t.UINTPTR, t.FLOAT32, t.FLOAT64,
)  # fmt: skip


def universe() -> Scope:
    """The predeclared names."""
    scope = Scope(None)
    objects: list[Object] = [TypeName(str(basic), -1, basic) for basic in _TYPES]
    objects += [TypeName("byte", -1, t.BYTE, True), TypeName("rune", -1, t.RUNE, True)]
    objects += [TypeName("any", -1, t.ANY, True), TypeName("error", -1, t.ERROR)]
    objects += [Const("true", -1, t.UNTYPED_BOOL, True), Const("false", -1, t.UNTYPED_BOOL, False)]
    objects += [Const("iota", -1, t.UNTYPED_INT, 0), Nil("nil", -1, t.UNTYPED_NIL)]
    objects += [Builtin(name, -1) for name in BUILTINS]
    scope.names = {object_.name: object_ for object_ in objects}
    return scope
