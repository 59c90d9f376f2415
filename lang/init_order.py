"""Initialisation order: which package-level variable gets its value when.

    var a = b + f()        b first, for a uses it; then c, for f uses c; then a
    func f() int { return c }
    var b, c = 1, 2

Repeatedly the first variable in the source whose value needs no other uninitialised one is initialised. What a value
needs is followed through functions. Without an initial value a variable is zero and needs nothing.

Go: types2/initorder.go.                                        Next: check_package.py
"""

from __future__ import annotations

from collections.abc import Mapping

from lang.objects import Func, Object, Var
from lang.syntax import Initializer

Uses = Mapping[Object, list[Object]]


def variables_needed(var: Object, uses: Uses) -> set[Var]:
    """The package-level variables that an object's value refers to, directly or through functions."""
    needed: set[Var] = set()
    seen: set[Object] = set()
    waiting = list(uses.get(var, []))
    while waiting:
        object_ = waiting.pop()
        if object_ in seen:
            continue
        seen.add(object_)
        if isinstance(object_, Var):
            needed.add(object_)
        elif isinstance(object_, Func):
            waiting += uses.get(object_, [])
    return needed


def in_order(initializers: list[Initializer], uses: Uses) -> list[Initializer]:
    """The initialisers in the order in which they run. There is no cycle among them."""
    owned = {var for initializer in initializers for var in initializer.vars if var is not None}
    waits_for = [
        {v for owner in initializer.owners for v in variables_needed(owner, uses)} & owned - set(initializer.vars)
        for initializer in initializers
    ]
    ordered: list[Initializer] = []
    pending = list(range(len(initializers)))
    while pending:
        ready = next(number for number in pending if not waits_for[number])
        pending.remove(ready)
        ordered.append(initializers[ready])
        done = set(initializers[ready].vars)
        for number in pending:
            waits_for[number] -= done
    return ordered


def find_cycle(start: Object, uses: Uses) -> list[Object]:
    """A way from a variable back to itself through what values refer to; empty if there is none."""
    path: list[Object] = [start]
    seen: set[Object] = set()

    def search(object_: Object) -> bool:
        for used in uses.get(object_, []):
            if used is start:
                return True
            if used in seen or not isinstance(used, (Var, Func)):
                continue
            seen.add(used)
            path.append(used)
            if search(used):
                return True
            path.pop()
        return False

    return path if search(start) else []
