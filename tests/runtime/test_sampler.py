"""The distance between samples: its distribution, and how slots are counted against it."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from runtime.sampler import MAX_MEAN, RANDOM_BITS, Sampler, log2, next_sample, set_rate
from runtime.xorshift import RANDOM_FACTOR


def test_the_logarithm(any_engine: Any) -> None:
    draw = random.Random(1)
    for q in [*range(1, 70), *(1 << n for n in range(53)), *(draw.randrange(1, 1 << 52) for _ in range(300))]:
        assert any_engine.call(log2, q) == pytest.approx(math.log2(q), abs=1e-9)


def expected_distance(state: int, rate: int) -> tuple[int, float]:
    """The next state of the generator, and the distance that Python's own logarithm gives."""
    mask = (1 << 64) - 1
    state ^= state >> 12
    state ^= state << 25 & mask
    state ^= state >> 27
    q = (state * RANDOM_FACTOR & mask) >> 64 - RANDOM_BITS
    return state, -math.log((q + 1) / (1 << RANDOM_BITS)) * min(rate, MAX_MEAN)


@pytest.mark.parametrize("rate", [2, 100, 4096, 512 << 10, MAX_MEAN, 1 << 40])
def test_the_distance_is_that_of_the_formula(any_engine: Any, rate: int, seed: int) -> None:
    sampler = Sampler(rate=rate, random=seed + 1)
    for _ in range(200):
        state, distance = expected_distance(sampler.random, rate)
        assert any_engine.call(next_sample, sampler) == pytest.approx(distance, abs=1 + 1e-7 * rate)
        assert sampler.random == state


def test_the_distance_is_exponential() -> None:
    sampler = Sampler(rate=1000, random=42)
    distances = [next_sample(sampler) for _ in range(20_000)]
    assert sum(distances) / len(distances) == pytest.approx(1000, rel=0.03)
    classes = [0] * 10
    for distance in distances:
        classes[min(9, int(10 * (1 - math.exp(-distance / 1000))))] += 1
    assert sum((count - 2000) ** 2 / 2000 for count in classes) < 27.9, "chi-square, 9 degrees of freedom: 0.1 percent"


@pytest.mark.parametrize(("rate", "distance"), [(0, 0), (1, 0)])
def test_every_object_or_none(any_engine: Any, rate: int, distance: int) -> None:
    sampler = Sampler()
    any_engine.call(set_rate, sampler, rate, 0)
    assert (sampler.rate, sampler.left[7]) == (rate, distance)
    assert sampler.random != 0
