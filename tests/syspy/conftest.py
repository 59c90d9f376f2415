"""What tests of systems Python share: memory, and calls on both engines."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest

from runtime.syspy import Failure, address
from runtime.syspy.pointers import View


@pytest.fixture
def memory() -> Any:
    """A kilobyte, zeroed; its address by ctypes.addressof."""
    return (ctypes.c_uint64 * 128)()


def outcome(call: Callable[..., Any], *values: Any) -> Any:
    """What a call gives: a result, pointers as addresses; or kind, text and words of its failure."""
    try:
        result = call(*values)
    except Failure as failure:
        return failure.kind, failure.text, failure.words
    return address(result) if isinstance(result, View) else result
