"""Refusals: the exceptions of an embedder's own, and the checks of arguments that several modules make.

    Closed    use after close, after release, or after the runtime has failed
    Busy      a call from inside of a callback of the collector, or from a second thread

The others are Python's: ValueError, TypeError, IndexError, KeyError, MemoryError.

Runs in Python only.                                                                Next: descriptions.py
"""

from __future__ import annotations

from typing import Any

MAX_WORD = (1 << 64) - 1
SHOWN_BITS = 256  # of a number that a message spells out


class Closed(Exception):
    """A Runtime, or something of one, was used after its end."""


class Busy(RuntimeError):
    """The runtime is at work, and cannot be changed now."""


def shown(value: int) -> str:
    """A number for a message; an absurd one by its size."""
    return str(value) if value.bit_length() <= SHOWN_BITS else f"a number of {value.bit_length()} bits"


def whole(value: Any, what: str) -> int:
    """The value, which is an int; `what` names it in the TypeError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is of type {type(value).__name__}, not int")
    return value


def whole_in(value: Any, low: int, high: int, what: str) -> int:
    """The value, which is an int from low to high."""
    if not low <= whole(value, what) <= high:
        raise ValueError(f"{what} is {shown(value)}: it can be {low} to {high}")
    return value  # type: ignore[no-any-return]
