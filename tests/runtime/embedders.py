"""A Runtime on either engine, for tests of the library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime import Runtime
from runtime.engines import ENGINES


@pytest.fixture(params=ENGINES)
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """An empty one, whose invariants are checked when the test is over."""
    with Runtime(request.param) as made:
        yield made
        made.check()
