"""The PI controller stays finite, and finds its set point."""

from __future__ import annotations

import math
import random

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runtime.pi_controller import PIController, next_output
from runtime.syspy import float_of
from tests.runtime.engines import Engine

ROOTS = [next_output]

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = finite.filter(lambda x: x > 0)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(positive, positive, positive, finite, finite, finite, st.integers(0, 1 << 32))
@example(0.3375, 3.2e6, 1e9, 0.001, 1000.0, 0.01, 800)
@example(0.9, 4.0, 1000.0, -1000.0, 1000.0, 0.84, 800)
def test_the_output_is_finite_whatever_comes_in(
    engine: Engine, kp: float, ti: float, tt: float, one: float, other: float, set_point: float, seed: int
) -> None:
    draw = random.Random(seed)
    least, most = sorted((one, other))
    c = PIController(kp=kp, ti=ti, tt=tt, least=least, most=most)
    for _ in range(20):
        output, _ = engine.call(next_output, c, float_of(draw.getrandbits(64)), set_point, 1.0)
        assert math.isfinite(output)
        assert least <= output <= most
        assert math.isfinite(c.error_sum)


def test_a_plant_is_brought_to_the_set_point(engine: Engine) -> None:
    c = PIController(kp=0.5, ti=2.0, tt=10.0, least=0.0, most=100.0)
    value = 0.0
    for _ in range(200):
        output, is_sure = engine.call(next_output, c, value, 30.0, 1.0)
        assert is_sure
        value += 0.2 * (output - value)
    assert abs(value - 30.0) < 0.01


def test_a_held_output_comes_off_its_end_soon(engine: Engine) -> None:
    c = PIController(kp=1.0, ti=10.0, tt=5.0, least=0.0, most=1.0)
    for _ in range(1000):
        assert engine.call(next_output, c, 0.0, 10.0, 1.0) == (1.0, True)
    rounds = 0
    while engine.call(next_output, c, 20.0, 10.0, 1.0)[0] == 1.0:
        rounds += 1
    assert rounds < 3, "the sum of the errors has wound up"


def test_a_lost_count_begins_anew(engine: Engine) -> None:
    c = PIController(kp=1.0, ti=1.0, tt=1.0, least=-5.0, most=5.0, error_sum=3.0)
    assert engine.call(next_output, c, math.inf, 0.0, 1.0) == (-5.0, False)
    assert c.error_sum == 0.0
    assert engine.call(next_output, c, 1e300, 0.0, 1e300) == (-5.0, False)
    assert c.error_sum == 0.0
    assert engine.call(next_output, c, 1.0, 0.0, 1.0) == (-1.0, True)
