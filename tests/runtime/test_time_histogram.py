"""The time histogram: every time is counted between the bounds that are shown for it."""

from __future__ import annotations

from math import inf

import pytest

from runtime.time_histogram import TIME_COUNTS, TimeHistogram, record_time, time_bounds
from tests.runtime.engines import Engine

ROOTS = [record_time]

TIMES = [0, 1, 63, 64, 255, 256, 319, 320, 511, 512, 639, 640, 1000, 10**6, 123_456_789, 10**12]
TIMES += [(1 << 47) - 1, 1 << 47, 1 << 60, (1 << 64) - 1]


@pytest.mark.parametrize("ns", TIMES)
def test_a_time_lies_between_the_bounds_of_its_counter(engine: Engine, ns: int) -> None:
    h = TimeHistogram()
    engine.call(record_time, h, ns)
    counts = [0, *(h.counts[i] for i in range(TIME_COUNTS)), h.overflow]
    at = counts.index(1)
    assert sum(counts) == 1
    bounds = time_bounds()
    assert bounds[at] <= ns / 1e9 < bounds[at + 1] or ns == (1 << 47) - 1


def test_the_bounds_are_go_s() -> None:
    bounds = time_bounds()
    assert len(bounds) == TIME_COUNTS + 3 == 163
    assert bounds[:7] == [-inf, 0.0, 6.4e-08, 1.28e-07, 1.92e-07, 2.56e-07, 3.2e-07]
    assert bounds[-3:] == [123145.302310912, 140737.488355328, inf]
    assert bounds == sorted(set(bounds))
