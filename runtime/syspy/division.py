"""Division: the functions of a unit in two halves, which two processes compile at the same time.

    main -> read -> digit          halves: main, read, digit  |  solve, step
        `-> solve -> step          step calls digit, which is small: it is copied there, to be inlined
                       `-> digit

Functions are defined in the order in which calls of them are met, depth first. What calls each other is close together
there, and LLVM inlines within a half alone; so the halves are a cut through that order, near the middle, where the
fewest calls cross it.

    DV1  each function and each constant is defined in one half; a half may have copies, which give no code
    DV2  the halves' code together does what the whole's does

Next: unit.py
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import NamedTuple

LEAST_TEXT = 300_000  # characters of functions that are worth dividing
MOST_COPIED = 3_000  # characters of a function that is copied
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


def symbols_in(text: str) -> set[str]:
    """What an LLVM text refers to."""
    return set(SYMBOL.findall(text))


def halves(functions: dict[str, Function]) -> list[set[str]]:
    """The functions of each half, by symbol; one set if they are too few for two."""
    order = list(functions)
    before = [0, *accumulate(len(function.text) for function in functions.values())]
    if before[-1] < LEAST_TEXT:
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
