"""A module of systems functions that has a file."""

from __future__ import annotations

from runtime.syspy import u64

FACTOR = 2


def twice(n: u64) -> u64:
    """n doubled."""
    return n * FACTOR
