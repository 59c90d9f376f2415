"""Finalizers and cleanups of an embedder: Python functions that are called when an object has died.

    runtime.set_finalizer(handle, close)            close(handle of the object), once
    cleanup = runtime.add_cleanup(handle, f, arg)   f(arg)
    cleanup.stop()                                  no more
    runtime.run_finalizers()                        makes the calls of all that were found dead

The runtime knows a function by a number (finalizers.py), by which a Runtime finds it in Calls. Nothing is called but in
run_finalizers: everywhere else an embedder may be in the middle of something.

Runs in Python only. Go: runtime.SetFinalizer, AddCleanup, Cleanup.                               Next: holdings.py
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.handles import Handle, address_of

if TYPE_CHECKING:
    from runtime.descriptions import HeapType
    from runtime.embedding import Runtime


@dataclass(frozen=True)
class Finalizer:
    """What is to be called with a handle of an object."""

    function: Callable[[Handle], object]
    size: int  # of the object, in bytes
    type: HeapType  # of the object


@dataclass(frozen=True)
class CleanupCall:
    """What is to be called with a value."""

    function: Callable[[Any], object]
    arg: Any  # a handle is one of the cleanup's own

    def run(self) -> None:
        """Make the call."""
        self.function(self.arg)


class Cleanup:
    """One cleanup of one object."""

    def __init__(self, runtime: Runtime, at: int, number: int) -> None:
        """For Runtime.add_cleanup."""
        self._runtime = runtime
        self._at = at  # the address that it was added to
        self._number = number  # of the cleanup; 0 for what never dies

    def stop(self) -> None:
        """Let the call not be made. Too late, without harm, when the object was found dead."""
        self._runtime._stop_cleanup(self._at, self._number)


class Calls:
    """The functions of one Runtime, by number."""

    def __init__(self) -> None:
        self._waiting: dict[int, Finalizer | CleanupCall] = {}
        self._last = 0

    def add(self, call: Finalizer | CleanupCall) -> int:
        """Its number. Never 0, and no address of an object."""
        self._last += 1
        self._waiting[self._last] = call
        return self._last

    def take(self, number: int) -> Finalizer | CleanupCall | None:
        """The call of a number, which nobody needs any more; None for 0."""
        return self._waiting.pop(number, None)

    def __len__(self) -> int:
        return len(self._waiting)


def place_of(runtime: Runtime, target: Handle | int) -> tuple[int, Handle]:
    """The address that a handle or an int means, and a handle of its object."""
    if not isinstance(target, Handle):
        return target, runtime.hold(target)
    return address_of(runtime, target), target


def held(runtime: Runtime, arg: Any) -> Any:
    """The argument of a cleanup: of a handle, another one, which nobody releases."""
    if isinstance(arg, Handle) and arg._runtime is runtime:
        return copy(arg)
    return arg


def checked(function: Any) -> Callable[[Any], object]:
    """The function, which can be called."""
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called")
    return function  # type: ignore[no-any-return]
