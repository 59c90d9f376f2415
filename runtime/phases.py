"""Phases: the host of a runtime is told how far a collection is, at the moment itself.

    PHASE_START     the world stands still; all that was freed before is swept, nothing is marked yet
    PHASE_MARKED    everything that is live has its mark; nothing is freed yet, and the next goal is known
    PHASE_SWEPT     what was not marked is free: at the end of a forced collection, else when the next one starts,
                    since allocation sweeps as it goes

Every collection tells the three in this order. The hook is a C function of the host's (call_address in
syspy/intrinsics.py). It looks and returns: it must not allocate, collect, or change what is reachable.

Go has no like; its tracer tells the same moments (GCStart, GCSweepBegin).                          Next: cycle.py
"""

from __future__ import annotations

from runtime.heap import Runtime
from runtime.syspy import call_address, cold, u64

PHASE_START = 0
PHASE_MARKED = 1
PHASE_SWEPT = 2


@cold
def tell(runtime: Runtime, phase: u64) -> None:
    """Tell the host, if it asked."""
    if runtime.phase_hook != 0:
        call_address(runtime.phase_hook, phase)
