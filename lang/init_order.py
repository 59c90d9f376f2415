"""Initialisation order: which package-level variable gets its value when.

    var a = b + f()        b first, for a uses it; then c, for f uses c; then a
    func f() int { return c }
    var b, c = 1, 2

Repeatedly the variable that waits for the fewest others is taken, of those the first in the source. What a value needs
is followed through functions. Without an initial value a variable is zero and needs nothing. If even the first one
waits for others, there is a cycle, and it is told if the variable itself is part of it.

Go: types2/initorder.go.                                        Next: check_package.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from lang.objects import Func, Object, Var
from lang.syntax import Initializer

Uses = Mapping[Object, list[Object]]


@dataclass(slots=True)
class Order:
    """How package-level variables get their values."""

    initializers: list[Initializer] = field(default_factory=list)  # in the order in which they run, if nothing is wrong
    cycles: list[list[Object]] = field(default_factory=list)    # variables and functions that need each other


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


def initialization_order(initializers: list[Initializer], uses: Uses) -> Order:
    """The order in which the initialisers run, and what makes it impossible."""
    uses = _shared(initializers, uses)
    initializer_of = {owner: initializer for initializer in initializers for owner in initializer.owners}
    waits_for = {owner: variables_needed(owner, uses) & initializer_of.keys() for owner in initializer_of}
    wanted_by: dict[Object, list[Object]] = {owner: [] for owner in initializer_of}
    for owner, needed in waits_for.items():
        for var in needed:
            wanted_by[var].append(owner)
    missing = {owner: len(needed) for owner, needed in waits_for.items()}
    owners = list(initializer_of)  # in the order of their declarations
    number_of = {owner: number for number, owner in enumerate(owners)}
    queue = [(count, number_of[owner]) for owner, count in missing.items()]
    heapify(queue)
    order = Order()
    taken: set[Object] = set()
    while queue:
        owner = owners[heappop(queue)[1]]
        if owner in taken:
            continue
        taken.add(owner)
        if missing[owner] and (cycle := find_cycle(owner, uses)):
            order.cycles.append(cycle)
        for other in wanted_by[owner]:
            missing[other] -= 1
            heappush(queue, (missing[other], number_of[other]))
        if all(member not in taken or member is owner for member in initializer_of[owner].owners):
            order.initializers.append(initializer_of[owner])
    return order


def _shared(initializers: list[Initializer], uses: Uses) -> Uses:
    """What variables that get their values from one call need, each of them: it is recorded under one."""
    shared = dict(uses)
    for initializer in initializers:
        if len(initializer.owners) > 1:
            needed = [object_ for owner in initializer.owners for object_ in uses.get(owner, [])]
            shared.update(dict.fromkeys(initializer.owners, needed))
    return shared


def find_cycle(start: Object, uses: Uses) -> list[Object]:
    """A way from a variable back to itself through what values refer to; empty if there is none."""
    path: list[Object] = [start]
    seen: set[Object] = set()

    def search(object_: Object) -> bool:
        for used in sorted(uses.get(object_, []), key=lambda used: used.pos):
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
