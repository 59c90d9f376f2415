"""Type descriptions."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.syspy import Failure, sizeof
from runtime.types import Any as Interface
from runtime.types import Slice, String, check_type
from tests.runtime.heaps import make_type


@pytest.mark.parametrize(("size", "pointers"), [(0, []), (1, []), (8, [0]), (24, [0, 16]), (1024, [0, 512, 1016])])
def test_a_type_that_holds_together(any_engine: Any, size: int, pointers: list[int]) -> None:
    any_engine.call(check_type, make_type(size, pointers))


@pytest.mark.parametrize(
    ("field", "value", "tag"),
    [
        ("ptr_bytes", 32, "TD1"),
        ("ptr_bytes", 12, "TD1"),
        ("size", 20, "TD1"),
        ("ptr_bytes", 16, "TD2"),
        ("ptr_bytes", 8, "TD3"),
        ("align", 3, "TD4"),
        ("align", 16, "TD4"),
    ],
)
def test_each_invariant_broken_once(any_engine: Any, field: str, value: int, tag: str) -> None:
    typ = make_type(24, [0, 16])
    setattr(typ, field, value)
    with pytest.raises(Failure, match=f"{tag}: "):
        any_engine.call(check_type, typ)


def test_values_are_laid_out_as_in_go() -> None:
    assert (sizeof(String), sizeof(Slice), sizeof(Interface)) == (16, 24, 16)
