"""Attempts: calls whose failure comes back to the caller, in systems code itself.

    if not attempt(caught, like, addr, a, b):     as call_at; False when throw or fail left the function
        kind = load(u32, load(uintptr, caught))   the words at `caught` tell of the failure
        fail_again(caught)                        it leaves once more, from here

    caught      0  address of the descriptor, whose layout is in entries.py: kind, words, signs, bytes of the text; text
                8  its words, MAX_WORDS at most

The function that is called gives nothing. What it had begun stays as it was when it failed: the caller knows what that
may have been. Under CPython an attempt catches Failure, and tells the listener of it; native code hangs a record of its
own on the thread, as the thunks of entries do, and a failure jumps there.

Next: constants.py
"""

from __future__ import annotations

import ctypes
import struct as packing
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec

from runtime.syspy.failure import MAX_WORDS, Failure, failure_at
from runtime.syspy.functions import call_at

P = ParamSpec("P")

CAUGHT_BYTES = 8 * (1 + MAX_WORDS)

_listener: list[Callable[[BaseException], None]] = []  # one, or none
_descriptors: dict[tuple[int, str, int, int], Any] = {}  # of failures that were caught: they stay, as in native code


def attempt(caught: int, like: Callable[P, None], addr: int, *args: P.args, **kwargs: P.kwargs) -> bool:
    """Call the systems function at addr, whose types are those of `like`. If it fails, tell of that at `caught`."""
    try:
        call_at(like, addr, *args, **kwargs)
    except Failure as failure:
        tell(failure)
        words = [word & (1 << 64) - 1 for word in failure.words]
        signs = sum(1 << i for i, word in enumerate(failure.words) if word < 0)
        place = (ctypes.c_uint64 * (1 + len(words))).from_address(caught)
        place[:] = [ctypes.addressof(_descriptor(failure, signs)), *words]
        return False
    return True


def fail_again(caught: int) -> NoReturn:
    """Leave with the failure that the words at `caught` tell of."""
    words = (ctypes.c_uint64 * MAX_WORDS).from_address(caught + 8)
    failure = failure_at(ctypes.c_uint64.from_address(caught).value, words)
    failure.is_again = True
    raise failure


def tell(failure: BaseException) -> None:
    """Under CPython, whoever catches what has left systems code tells the listener."""
    for listener in _listener:
        listener(failure)


def listen(listener: Callable[[BaseException], None] | None) -> None:
    """Be told from now on of failures under CPython; None: no more. Images have listeners of their own (unit.py)."""
    _listener[:] = [] if listener is None else [listener]


def _descriptor(failure: Failure, signs: int) -> Any:
    key = (failure.kind, failure.text, len(failure.words), signs)
    if key not in _descriptors:
        text = failure.text.encode()
        data = packing.pack("<4I", failure.kind, len(failure.words), signs, len(text)) + text
        _descriptors[key] = ctypes.create_string_buffer(data, len(data))
    return _descriptors[key]
