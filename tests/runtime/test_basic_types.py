"""The descriptors of basic types: one for all images."""

from __future__ import annotations

from typing import Any

import pytest

from lang.lower_types import BASIC_DESCRIPTORS, BASIC_NUMBERS
from runtime import basic_types
from runtime.basic_types import BASIC_TYPES, scalar
from runtime.types import KIND_INT, Type, check_type

TYPES = {name: value for name, value in vars(basic_types).items() if isinstance(value, Type)}


def test_the_compiler_knows_them_by_name_and_number() -> None:
    assert {name: typ.number for name, typ in TYPES.items()} == {
        name: BASIC_NUMBERS[kind] for kind, name in BASIC_DESCRIPTORS.items()
    }
    assert sorted(BASIC_NUMBERS.values()) == list(range(1, BASIC_TYPES + 1))


@pytest.mark.parametrize("name", TYPES)
def test_each_holds_together(any_engine: Any, name: str) -> None:
    any_engine.call(check_type, TYPES[name])


@pytest.mark.parametrize("number", [0, BASIC_TYPES + 1])
def test_bt1_broken_once(number: int) -> None:
    with pytest.raises(AssertionError, match="BT1"):
        scalar(number, b"int", KIND_INT, 8)
