"""Xorshift: the random numbers of the runtime, by the generator xorshift64*.

    state    0x9E37...  --next_state-->  ...  --next_state-->  ...        never 0
    number              spread(state)

Whoever draws keeps a state of its own.

Next: sampler.py
"""

from __future__ import annotations

from runtime.syspy import inline, u64

RANDOM_FACTOR = 0x2545_F491_4F6C_DD1D


@inline
def next_state(x: u64) -> u64:
    """The state behind x, which is not 0."""
    x = x ^ x >> 12
    x = x ^ u64(x << 25)
    return x ^ x >> 27


@inline
def spread(x: u64) -> u64:
    """The number that a state gives: its upper bits are the best."""
    return u64(x * RANDOM_FACTOR)
