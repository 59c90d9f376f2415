"""Sampler: which objects the memory profile gets to see.

    bytes of a class   |-----|-----|--X--|-----|-----|-----|X----|-----|      slots; X: a sample
                        <------left--->|<--------left------->|

The distance from one sample to the next is random: exponential, of mean `rate` bytes. Such distances have no memory, so
a slot of s bytes holds a sample with the probability 1 - exp(-s / rate), whatever was allocated before; who divides by
that gets an unbiased estimate of all objects. Objects that are larger than a few rates are hardly ever missed.

Go counts down at every allocation. Here slots leave their span a run at a time (mcache.py), and the run is where to
count: it ends before the slot that holds the next sample, which then is a run of its own. So an object that is sampled
always takes the slow path, no other allocation pays anything, and nor does the slow path while the profile is off.

Every class has a countdown of its own. One for all would be wrong here: a run is counted when it is opened, so the rest
of a short one, whose end tells where the sample is, would make the objects of other classes pay for it. What a run
gives back when it is closed is counted again when it is taken again.

    SA1  left of a class counts the slots of its run as taken; what is given back is added again

Owner: the P. Go: runtime/malloc.go nextSample, fastexprand; fastlog2.go.                        Next: mem_profile.py
"""

from __future__ import annotations

from runtime.layout import larger, smaller
from runtime.size_classes import NUM_SPAN_CLASSES
from runtime.syspy import Annotated, Array, Struct, clz64, f64, struct, u64
from runtime.xorshift import next_state, spread

DEFAULT_RATE = 512 << 10  # bytes from one sample to the next, on average
MAX_MEAN = 0x700_0000  # bytes: a larger rate counts as this
RANDOM_BITS = 26  # of a random number: the largest distance is about 18 times the mean
RANDOM_START = 0x9E37_79B9_7F4A_7C15  # any number but 0
LN_2 = 0.6931471805599453


@struct
class Sampler(Struct):
    """The countdowns of one P."""

    rate: u64  # bytes from one sample to the next, on average; 1: every object; 0: the profile is off
    random: u64  # state of the generator; not 0
    is_due: bool  # the slot that was taken last is a sample, and not written down yet
    left: Annotated[Array[u64], NUM_SPAN_CLASSES]  # bytes that go by before the next sample, by span class


def set_rate(sampler: Sampler, rate: u64, id: u64) -> None:
    """Begin anew, with another rate. No run is open. Each P has random numbers of its own, by its id."""
    sampler.rate = rate
    if sampler.random == 0:
        sampler.random = u64(RANDOM_START * (2 * id + 1))
    for span_class in range(NUM_SPAN_CLASSES):
        sampler.left[span_class] = next_sample(sampler)


def slots_to_take(sampler: Sampler, span_class: u64, elem_size: u64, most: u64) -> u64:
    """How many of so many slots can be taken at once: those before the next sample, or that one alone."""
    return larger(1, smaller(most, sampler.left[span_class] // elem_size))


def count_slots(sampler: Sampler, span_class: u64, size: u64) -> None:
    """Slots of so many bytes in all were taken, as many as slots_to_take said."""
    if size > sampler.left[span_class]:
        sampler.is_due = True
        sampler.left[span_class] = next_sample(sampler)
    else:
        sampler.left[span_class] = sampler.left[span_class] - size


def count_back(sampler: Sampler, span_class: u64, size: u64) -> None:
    """Slots of so many bytes in all were given back."""
    sampler.left[span_class] = sampler.left[span_class] + size  # SA1


# --- The distance ----------------------------------------------------------------------------------------------------


def next_sample(sampler: Sampler) -> u64:
    """How many bytes go by before the next sample."""
    if sampler.rate <= 1:
        return 0
    q = next_random(sampler) + 1
    # q / 2**26 is what an exponential distribution leaves beyond the distance, so the distance is -ln of it.
    mean = f64(smaller(sampler.rate, MAX_MEAN))
    return u64((f64(RANDOM_BITS) - log2(q)) * (LN_2 * mean)) + 1


def next_random(sampler: Sampler) -> u64:
    """A random number of RANDOM_BITS bits."""
    sampler.random = next_state(sampler.random)
    return spread(sampler.random) >> (64 - RANDOM_BITS)


def log2(q: u64) -> f64:
    """The logarithm of q, at least 1 and less than 2**52; it is off by less than a billionth."""
    exponent = 63 - clz64(q)
    mantissa = f64(q) / f64(u64(1) << exponent)
    # ln(m) = 2 * (t + t**3 / 3 + t**5 / 5 + ...) with t = (m - 1) / (m + 1), which is at most 1 / 3.
    t = (mantissa - 1.0) / (mantissa + 1.0)
    square = t * t
    power = t
    total = 0.0
    for i in range(9):
        total = total + power / f64(2 * i + 1)
        power = power * square
    return f64(exponent) + 2.0 * total / LN_2
