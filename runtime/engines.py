"""Engines: how Python calls systems functions, natively or as they are.

    call(f, ...)        the result; pointers come back as addresses
    bind(f, first ...)  a quick call whose first arguments are fixed; the rest are words
    load(functions)     systems functions of the embedder's own, compiled on top of the runtime
    code(f)             what calls one of those

A call is not interrupted half way: native code runs to its end, and under CPython the signals that people send wait,
since an exception in the middle of an allocation would leave the heap in pieces. So they do while Python is called from
native code: what is raised at the first instruction of a function would be lost there. It is Python's handler that
waits: the kernel gives a signal to any thread of the process that takes it, and Python's first one answers.

Runs in Python only.                                                                   Next: handles.py
"""

from __future__ import annotations

# Those of signal make enums of all that they are given, which takes longer than a short call.
import _signal  # type: ignore[import-not-found]
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

from runtime.syspy import FAIL_THROW, Failure, address
from runtime.syspy.image import Image
from runtime.syspy.pointers import View

ENGINES = ("native", "python")
WAITING = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGALRM)


class HeldSignals:
    """Keeps signals from Python's handlers from here to `end`: on the thread that calls those."""

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}  # those that wait, by number
        self._came: list[int] = []  # numbers of the signals that came meanwhile
        if threading.get_ident() == threading.main_thread().ident:
            try:
                for number in WAITING:
                    self._hold(number)
            except BaseException:
                self.end()
                raise

    def _hold(self, number: int) -> None:
        handler = _signal.getsignal(number)
        if callable(handler):  # else it is ignored, or ends the process, which has no use for the heap then
            if isinstance(getattr(handler, "__self__", None), HeldSignals):
                return  # somebody further out holds it
            self._handlers[number] = handler
            _signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        if number not in self._came:
            self._came.append(number)

    def end(self) -> None:
        """Let the handlers be called again, and call those whose signals came; raises what they raise."""
        try:
            for_each(list(self._handlers), lambda number: _signal.signal(number, self._handlers[number]))
        finally:
            for_each(self._came, lambda number: self._handlers[number](number, None))


def for_each(numbers: Sequence[int], do: Callable[[int], object]) -> None:
    """Do it with each number, whatever that raises for another one."""
    if numbers:
        try:
            do(numbers[0])
        finally:
            for_each(numbers[1:], do)


class Engine(Protocol):
    """What calls systems functions."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a call."""

    def bind(self, function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
        """A call whose first arguments are fixed; it is not made inside of itself."""

    def load(self, functions: Sequence[Callable[..., Any]]) -> None:
        """Make systems functions callable. SubsetError if they are none."""

    def code(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What calls a function that was loaded, on any thread. KeyError if it was not."""


class Native:
    """Machine code."""

    def __init__(self) -> None:
        self._image = _image()
        self._loaded: dict[Callable[..., Any], Callable[..., Any]] = {}
        self.call = self._image.call

    def bind(self, function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
        """The bound entry."""
        return self._image.entry(function).bind(*arguments)

    def load(self, functions: Sequence[Callable[..., Any]]) -> None:
        """Compile them, or take what the cache has of them."""
        from runtime.syspy.native import build

        image = build(functions, name="embedded", base=self._image)
        self._loaded.update((function, image.entry(function)) for function in functions)

    def code(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The entry."""
        return self._loaded[function]


@cache
def _image() -> Image:
    """The runtime's code, mapped once for all Runtimes of the process: it holds nothing of any of them."""
    from runtime.image import runtime_image

    return runtime_image()


class Reference:
    """CPython."""

    def __init__(self) -> None:
        self._loaded: set[Callable[..., Any]] = set()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The function as it is, with signals waiting."""
        held = HeldSignals()
        try:
            result = function(*arguments)
        except Failure:
            raise
        except Exception as error:  # an assertion, nil, or no room for a call: the heap is in pieces all the same
            raise Failure(FAIL_THROW, f"{type(error).__name__}: {error}") from error
        finally:
            held.end()
        if isinstance(result, tuple):
            return tuple(map(as_word, result))
        return as_word(result)

    def bind(self, function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
        """The same call, with the arguments in front."""
        return lambda *rest: self.call(function, *arguments, *rest)

    def load(self, functions: Sequence[Callable[..., Any]]) -> None:
        """They are callable as they are."""
        self._loaded.update(functions)

    def code(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same call."""
        if function not in self._loaded:
            raise KeyError(function)
        return self.bind(function)


def as_word(value: Any) -> Any:
    """A pointer as its address; anything else as it is."""
    return address(value) if isinstance(value, View) else value


def backend(name: Any) -> Engine:
    """The engine of a name."""
    if name not in ENGINES:
        raise ValueError(f"engine {name!r}: one of {', '.join(ENGINES)}")
    try:
        return Native() if name == "native" else Reference()
    except MemoryError:  # Python's own, which says nothing
        raise MemoryError("out of memory") from None
