"""Division: the functions of a unit in two halves, which two processes compile at the same time.

    main -> read -> digit          halves: main, read, digit  |  solve, step
        `-> solve -> step          step calls digit, which is small: it is copied there, to be inlined
                       `-> digit

Functions are defined in the order in which calls of them are met, depth first. What calls each other is close together
there, and LLVM inlines within a half alone; so the halves are a cut through that order, near the middle, where the
fewest calls cross it.

    DV1  each function and each constant is defined in one half; the other may have a copy, which gives no code

Next: unit.py
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import NamedTuple

LEAST_TEXT = 230_000  # characters of functions that are worth dividing
MOST_COPIED = 2_300  # characters of a function that is copied
MIDDLE = 0.08  # of the whole: how far from the middle the cut may be

SYMBOL = re.compile(r'@(?:"[^"]*"|[\w.]+)')


class Function(NamedTuple):
    """A function in LLVM text."""

    linkage: str  # hidden or internal
    prototype: str  # to declare it
    text: str  # of its definition, behind the linkage

    @property
    def is_copied(self) -> bool:
        """Whether another half has a copy, to inline it."""
        head = self.text[: self.text.index("\n")]
        return " alwaysinline " in head or (len(self.text) <= MOST_COPIED and " noinline " not in head)


class Pieces(NamedTuple):
    """What a unit is made of, in LLVM text, by symbol."""

    functions: dict[str, Function]  # in the order of definition
    routines: dict[str, str]  # internal functions that each half has, if it calls them
    data: dict[str, str]  # linkage, type and value
    declared: dict[str, str]  # prototypes
    thunks: list[str]  # the functions that Python calls


class Module(NamedTuple):
    """The lines of a module."""

    data: list[str]
    declared: list[str]
    functions: list[str]
    is_first: bool = True  # of two


def whole(pieces: Pieces) -> Module:
    """All in one."""
    functions = [f"define {function.linkage} {function.text}" for function in pieces.functions.values()]
    data = [f"{symbol} = {value}" for symbol, value in pieces.data.items()]
    return Module(data, list(pieces.declared.values()), [*pieces.thunks, *pieces.routines.values(), *functions])


def divided(pieces: Pieces) -> list[Module]:
    """Two halves; the whole, if it is too little."""
    parts = halves(pieces.functions)
    if len(parts) == 1:
        return [whole(pieces)]
    shared = [value for value in pieces.data.values() if is_own(value)]
    first, second = named(pieces, parts[0], [*pieces.thunks, *shared]), named(pieces, parts[1], [])
    return [half(pieces, parts[0], first, second, True), half(pieces, parts[1], second, first, False)]


def symbols_in(text: str) -> set[str]:
    """What an LLVM text refers to."""
    return set(SYMBOL.findall(text))


def halves(functions: dict[str, Function]) -> list[set[str]]:
    """The functions of each half, by symbol; one set if they are too few for two."""
    order = list(functions)
    before = [0, *accumulate(len(function.text) for function in functions.values())]
    if before[-1] < LEAST_TEXT or len(order) == 1:
        return [set(order)]
    crossing = calls_across(functions)

    def unbalanced(cut: int) -> float:
        return abs(before[cut] / before[-1] - 0.5)

    cuts = range(1, len(order))
    near = [cut for cut in cuts if unbalanced(cut) <= MIDDLE] or [min(cuts, key=unbalanced)]
    best = min(near, key=lambda cut: (crossing[cut], unbalanced(cut)))
    return [set(order[:best]), set(order[best:])]


def calls_across(functions: dict[str, Function]) -> list[int]:
    """By the number of functions before a cut: how many pairs of one that calls and one called it parts."""
    numbers = {symbol: i for i, symbol in enumerate(functions)}
    changes = [0] * (len(functions) + 2)
    for number, function in enumerate(functions.values()):
        for symbol in symbols_in(function.text):
            other = numbers.get(symbol, number)
            if other != number and not functions[symbol].is_copied:
                changes[min(number, other) + 1] += 1
                changes[max(number, other) + 1] -= 1
    return list(accumulate(changes))


def is_own(value: str) -> bool:
    """Whether a constant is defined by the unit, and by one half only."""
    return value.startswith(("hidden ", "internal "))


def named(pieces: Pieces, part: set[str], further: list[str]) -> set[str]:
    """All that a half refers to: by its own functions, by further texts in it, or by what it has copies of."""
    found: set[str] = set()
    waiting = [*further, *(pieces.functions[symbol].text for symbol in part)]
    while waiting:
        met = symbols_in(waiting.pop()) - found
        found |= met
        copied = (pieces.functions[symbol] for symbol in met - part if symbol in pieces.functions)
        waiting += [function.text for function in copied if function.is_copied]
        for texts in (pieces.routines, pieces.data):
            waiting += [texts[symbol] for symbol in met if symbol in texts]
    return found


def half(pieces: Pieces, part: set[str], names: set[str], names_there: set[str], is_first: bool) -> Module:
    """The module of a half, by what it and the other one name. Constants are defined in the first one."""
    functions = list(pieces.thunks) if is_first else []
    functions += [text for symbol, text in pieces.routines.items() if symbol in names]
    declared = [text for symbol, text in pieces.declared.items() if symbol in names]
    for symbol, function in pieces.functions.items():
        if symbol in part:
            functions.append(f"define {'hidden' if symbol in names_there else function.linkage} {function.text}")
        elif symbol in names and function.is_copied:
            functions.append(f"define available_externally hidden {function.text}")  # DV1
        elif symbol in names:
            declared.append(f"hidden {function.prototype}")
    data = []
    for symbol, value in pieces.data.items():
        if is_own(value) and is_first:
            data.append(f"{symbol} = hidden {value.partition(' ')[2]}")
        elif symbol in names:
            copy = f"available_externally hidden {value.partition(' ')[2]}"  # DV1
            data.append(f"{symbol} = {copy if is_own(value) else value}")
    return Module(data, declared, functions, is_first)
