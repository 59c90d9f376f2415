"""Records: tuples with names, as typing's are."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from runtime.record import Record


class Point(Record):
    """A place."""

    x: int
    y: int = 7

    @property
    def sum(self) -> int:
        return self.x + self.y


def test_items_have_names_and_defaults() -> None:
    point = Point(1)
    assert (point.x, point.y, point.sum) == (1, 7, 8)
    assert point == (1, 7) == Point(y=7, x=1)
    assert tuple(point) == (1, 7)
    assert Point._fields == ("x", "y")
    assert repr(point) == "Point(x=1, y=7)"


def test_other_items_make_another_record() -> None:
    point = Point(1)._replace(y=2)
    assert isinstance(point, Point)
    assert (point, point._asdict()) == ((1, 2), {"x": 1, "y": 2})


def test_a_record_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Point(1).x = 2  # type: ignore[misc]


def test_copies_and_pickles_are_equal() -> None:
    point = Point(1, 2)
    for other in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))):
        assert isinstance(other, Point)
        assert other == point


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), ((1, 2, 3), {}), ((1,), {"x": 2}), ((1,), {"z": 2}), ((), {"y": 2})]
)
def test_items_that_do_not_fit_are_refused(values: tuple[int, ...], named: dict[str, int]) -> None:
    make: Any = Point
    with pytest.raises(TypeError):
        make(*values, **named)
    with pytest.raises(TypeError):
        make(1)._replace(z=1)
