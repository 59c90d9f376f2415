"""Refusals: the exceptions of an embedder's own, the checks of arguments that several modules make, how numbers read.

    Closed    use after close, after release, or after the runtime has failed
    Busy      a call from inside of a callback of the collector, or from a second thread

The others are Python's: ValueError, TypeError, IndexError, KeyError, MemoryError.

Runs in Python only.                                                                Next: stress_report.py
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def counted(count: int, noun: str) -> str:
    """So many of what a noun means: "1 object", "2 objects"; the first word of a longer one is in the plural."""
    first, *rest = noun.split(" ", 1)
    return " ".join([shown(count), first if count == 1 else f"{first}s", *rest])


def whole(value: Any, what: str) -> int:
    """The value, which is an int; `what` names it in the TypeError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is of type {type(value).__name__}, not int")
    return value


def flag(value: Any, what: str) -> bool:
    """The value, which is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} is of type {type(value).__name__}, not bool")
    return value


def each(values: Any, what: str) -> Iterator[Any]:
    """The values one after the other, if there can be several; `what` names them all."""
    if not isinstance(values, Iterable):
        raise TypeError(f"{what} is of type {type(values).__name__}: several of them, as a list")
    return iter(values)


def raw(data: Any, what: str) -> bytes:
    """The bytes of a bytes-like object."""
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"{what} is of type {type(data).__name__}: bytes, or a bytes-like object") from None
    return bytes(view)


def whole_in(value: Any, low: int, high: int, what: str) -> int:
    """The value, which is an int from low to high."""
    if not low <= whole(value, what) <= high:
        raise ValueError(f"{what} is {shown(value)}: it can be {low} to {high}")
    return value  # type: ignore[no-any-return]
