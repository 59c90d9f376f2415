"""What holds for every test: checked runs, and a compilation cache that is not the user's."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest

pytest_plugins = ["_hypothesis_pytestplugin"]

BUILD = Path(__file__).resolve().parent.parent / "build"

# Read when the runtime is imported, so set before any test module is.
os.environ.setdefault("TOY_CHECKED", "1")
os.environ.setdefault("TOY_CACHE_DIR", str(BUILD / "toy-cache"))
# A shell starts its background jobs with the interrupt key ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for knob in ("GOGC", "GOMEMLIMIT", "GODEBUG", "GOMAXPROCS", "GOTRACEBACK"):
    os.environ.pop(knob, None)


@pytest.hookimpl(tryfirst=True)  # before some are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked `full_on_python` is marked `full` where it runs on the python engine."""
    for item in items:
        if item.get_closest_marker("full_on_python") and is_on_python(item):
            item.add_marker(pytest.mark.full)


def is_on_python(item: pytest.Item) -> bool:
    """Whether one of a test's parameters says so."""
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "python" in [value for value in callspec.params.values() if type(value) is str]


def pytest_configure() -> None:
    """The process from which programs are forked is made while this one is small."""
    from tests import small_process

    small_process.start()


def pytest_collection_finish() -> None:
    """What thousands of tests consist of is there to stay: no collection, here or in a forked child, looks at it."""
    gc.collect()
    gc.freeze()
