"""The two engines, for tests: every call goes to CPython, or to one native image per test module.

A test module names the systems functions it calls in `ROOTS`; the image of them is built once, and cached on disk.
One whose functions allocate says `RESTS_ON = native_engine`, of heaps.py: what that image has is not translated again.

    ROOTS = [page_alloc.alloc, page_alloc.free]

    def test_free_undoes_alloc(engine):
        addr, scavenged = engine.call(page_alloc.alloc, pages, 3)

Structs are given as they are (both engines see the same memory), and every result is an int, a bool or a tuple of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from runtime.syspy import Failure, address
from runtime.syspy.image import Image
from runtime.syspy.pointers import View

# What an assert that does not hold raises: under CPython, and in native code built for debugging.
BROKEN = (AssertionError, Failure)


def as_word(value: Any) -> Any:
    """A pointer as its address; anything else as it is."""
    return address(value) if isinstance(value, View) else value


class PythonEngine:
    """The reference: systems functions are called as they are."""

    name = "python"

    def call(self, f: Callable[..., Any], *arguments: Any) -> Any:
        """Call f; a pointer comes back as its address."""
        return as_word(f(*arguments))


class NativeEngine:
    """The same functions, translated."""

    name = "native"

    def __init__(
        self, roots: list[Callable[..., Any]], name: str, debug: bool = True, base: NativeEngine | None = None
    ) -> None:
        from runtime.syspy.native import build

        self.image: Image = build(roots, name=name, debug=debug, base=base.image if base else None)

    def call(self, f: Callable[..., Any], *arguments: Any) -> Any:
        """Call the translation of f."""
        return self.image.call(f, *[as_word(argument) for argument in arguments])


Engine = PythonEngine | NativeEngine


@pytest.fixture(scope="module", params=["python", "native"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Both engines, one after the other."""
    if request.param == "python":
        return PythonEngine()
    module: Any = request.module
    base = module.RESTS_ON() if hasattr(module, "RESTS_ON") else None
    return NativeEngine(module.ROOTS, module.__name__.rpartition(".")[2], base=base)


@pytest.fixture
def seed() -> int:
    """A seed for random operations: printed when the test fails, and taken from TOY_SEED to repeat it."""
    value = int(os.environ.get("TOY_SEED") or random.randrange(1 << 32))
    print(f"TOY_SEED={value}")
    return value
