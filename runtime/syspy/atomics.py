"""Atomics: reads and writes of one word that other threads see whole and, but for release, in one order.

    of a field      atomic_add(s, "count", 1)           the type is the field's
    at an address   atomic_add_at(u64, addr, 1)         the type is given

    atomic_release(s, "state", 1)       a store that only what this thread did before is ordered with

Adding wraps. A pointer field takes load, store and cas. Under CPython a lock makes a read and a write one.

Next: functions.py
"""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar

from runtime.syspy.memory import load, store
from runtime.syspy.pointers import address

T = TypeVar("T")

_lock = Lock()


def _place(s: Any, field: str) -> tuple[Any, int]:
    """The type and the address of a field."""
    found = s.FIELDS[field]
    return found.type, address(s) + found.offset


def atomic_load_at(kind: type[T], addr: int) -> T:
    """The value at addr."""
    return load(kind, addr)


def atomic_store_at(kind: type[T], addr: int, value: T) -> None:
    """Put a value at addr."""
    with _lock:
        store(kind, addr, value)


def atomic_release_at(kind: type[T], addr: int, value: T) -> None:
    """Put a value at addr: who sees it sees all that this thread did before. What comes after may be seen first."""
    atomic_store_at(kind, addr, value)


def atomic_add_at(kind: type[T], addr: int, delta: int) -> T:
    """Add delta; the new value."""
    wrap: Any = kind
    with _lock:
        value = wrap(load(wrap, addr) + delta)
        store(kind, addr, value)
        return value  # type: ignore[no-any-return]


def cas_at(kind: type[T], addr: int, old: T, new: T) -> bool:
    """Compare and swap: if old is at addr, put new there and say True."""
    with _lock:
        if load(kind, addr) != old:
            return False
        store(kind, addr, new)
        return True


def atomic_or_at(kind: type[T], addr: int, bits: int) -> T:
    """Set bits; the value before."""
    wrap: Any = kind
    with _lock:
        before = load(wrap, addr)
        store(wrap, addr, before | bits)
        return before  # type: ignore[no-any-return]


def atomic_and_at(kind: type[T], addr: int, bits: int) -> T:
    """Keep only bits; the value before."""
    wrap: Any = kind
    with _lock:
        before = load(wrap, addr)
        store(wrap, addr, before & bits)
        return before  # type: ignore[no-any-return]


def atomic_load(s: Any, field: str) -> Any:
    """The value of a field."""
    return atomic_load_at(*_place(s, field))


def atomic_store(s: Any, field: str, value: Any) -> None:
    """Put a value in a field."""
    atomic_store_at(*_place(s, field), value)


def atomic_release(s: Any, field: str, value: Any) -> None:
    """Put a value in a field: who sees it sees all that this thread did before. What comes after may be seen first."""
    atomic_release_at(*_place(s, field), value)


def atomic_add(s: Any, field: str, delta: int) -> int:
    """Add delta to a field; the new value."""
    return atomic_add_at(*_place(s, field), delta)  # type: ignore[no-any-return]


def cas(s: Any, field: str, old: Any, new: Any) -> bool:
    """Compare and swap a field: if it holds old, put new there and say True."""
    return cas_at(*_place(s, field), old, new)


def atomic_or(s: Any, field: str, bits: int) -> int:
    """Set bits of a field; the value before."""
    return atomic_or_at(*_place(s, field), bits)  # type: ignore[no-any-return]


def atomic_and(s: Any, field: str, bits: int) -> int:
    """Keep only bits of a field; the value before."""
    return atomic_and_at(*_place(s, field), bits)  # type: ignore[no-any-return]
