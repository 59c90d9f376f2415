"""The PI controller: what to set an output to, so that a measured input comes to a set point.

    input ---> error = set point - input ---> kp * error + sum of the errors over time ---> output, least to most

The sum grows by kp / ti of the error per unit of time. While the output is held at an end of its range it is pulled
back within tt, so that it does not wind up; and a sum or an input without a finite value sets it to zero.

    PI1  the output is finite, and least to most

Owner: whoever has it. Go: runtime/mgcscavenge.go piController.                              Next: scavenge_sleep.py
"""

from __future__ import annotations

from runtime.syspy import Struct, f64, fabs, inline, struct

LARGEST = 1.7976931348623157e308  # of all finite numbers


@struct
class PIController(Struct):
    """One controller."""

    kp: f64  # how strongly an error shows at once
    ti: f64  # time in which a lasting error shows as strongly again
    tt: f64  # time in which the sum is pulled back from an end
    least: f64  # the output's range
    most: f64  # the same
    error_sum: f64  # of the errors so far, as a part of the output


@inline
def is_finite(x: f64) -> bool:
    """Whether a number is neither infinite nor NaN."""
    return fabs(x) <= LARGEST


def next_output(c: PIController, value: f64, set_point: f64, period: f64) -> tuple[f64, bool]:
    """The output after a value was measured for a period; False if the controller has lost count, and begins anew."""
    error = set_point - value
    raw = c.kp * error + c.error_sum
    if not is_finite(raw):
        c.error_sum = 0.0
        return c.least, False
    output = c.least if raw < c.least else raw
    output = c.most if output > c.most else output
    if c.ti != 0.0 and c.tt != 0.0:
        c.error_sum = c.error_sum + c.kp * period / c.ti * error + period / c.tt * (output - raw)
        if not is_finite(c.error_sum):
            c.error_sum = 0.0
            return c.least, False
    assert c.least <= output <= c.most, "PI1: an output outside of its range"
    return output, True
