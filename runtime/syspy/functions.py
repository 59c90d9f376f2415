"""Functions: marks on systems functions, and functions of the C library.

    @inline        its body is copied into every caller, in other images too
    @cold          hardly ever called: kept out of line, and so is every path that leads to it
    @once          runs at most once: kept out of line, as its copy in the caller would gain nothing

    @c_function
    def mmap(addr: uintptr, length: u64, prot: i32, flags: i32, fd: i32, offset: i64) -> uintptr: ...

A C function is called by its name: under CPython through ctypes, which lets other threads run meanwhile, and in native
code by its symbol. `errno()` tells why the last one failed.

    addr = function_address(double)      a word, to be kept anywhere
    call_at(double, addr, 21)            calls what is there, which has the parameters and results of `double`

Under CPython the address is that of the function object, in native code that of the code; either is good on its own
engine alone, as long as the function is there.

Next: attempts.py
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from runtime.syspy.annotations import resolve
from runtime.syspy.machine import CTYPES
from runtime.syspy.pointers import View, address

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")

MARK = "__systems__"  # attribute of a marked function: "inline", "cold", "once" or "c"

_ADDRESSED: WeakValueDictionary[int, Callable[..., Any]] = WeakValueDictionary()  # by address, while they live


def inline(function: F) -> F:
    """Copy the body of this function into its callers."""
    setattr(function, MARK, "inline")
    return function


def cold(function: F) -> F:
    """Lay this function, and the paths that lead to it, out of line."""
    setattr(function, MARK, "cold")
    return function


def once(function: F) -> F:
    """Lay this function, which runs at most once, out of line: its callers stay small."""
    setattr(function, MARK, "once")
    return function


def c_function(function: F) -> F:
    """Bind a declaration to the C function of that name, at its first call."""
    bound: list[Callable[..., Any]] = []

    @functools.wraps(function)
    def call(*words: Any) -> Any:
        if not bound:
            bound.append(_bind(function))
        return bound[0](*[address(word) if isinstance(word, View) else word for word in words])

    setattr(call, MARK, "c")
    return call  # type: ignore[return-value]


def _bind(function: Callable[..., Any]) -> Callable[..., Any]:
    texts = dict(function.__annotations__)
    result = resolve(texts.pop("return"), function.__globals__)
    kinds = [resolve(text, function.__globals__) for text in texts.values()]
    entry = ctypes.CDLL(None, use_errno=True)[function.__name__]
    entry.argtypes = [CTYPES.get(kind, ctypes.c_uint64) for kind in kinds]
    entry.restype = None if result is None else CTYPES.get(result, ctypes.c_uint64)
    if result is None or result in CTYPES:
        return entry
    return lambda *words: result.at(entry(*words))


def errno() -> int:
    """Why the last C function of this thread failed."""
    return ctypes.get_errno()


def function_address(function: Callable[..., Any]) -> int:
    """The address of a systems function, for call_at; never 0."""
    addr = id(function)
    _ADDRESSED[addr] = function
    return addr


def call_at(like: Callable[P, R], addr: int, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call the systems function at addr. Its parameters and results are those of `like`, which is not called."""
    function = _ADDRESSED.get(addr)
    assert function is not None, f"no systems function is at {addr:#x}"
    result: R = function(*args, **kwargs)
    return result
