"""Sweep pacer: how much is swept for each byte allocated, so that all is swept when the next collection is due.

    pages swept
        |                      . ' |  all of them, shortly before the trigger
        |                . '       |
        |          . '             |         pages_per_byte is the slope
        |    . '   ^               |
        |. ' live_basis            |
        +--------------------------+----  bytes allocated
                                trigger

An allocation that takes a span pays first: it sweeps until the line is reached. Free slots and pages are found without
that (mcentral.py, reclaim.py), so the heap does not grow by what is not swept, but for slots behind a hundred full
spans. It is for what would be left when the next collection begins: the world would stand still for that, and weak
pointers, the memory profile and HeapAlloc would wait for it as long.

What it costs is a comparison for each span that an mcache takes, and none for an object; what it sweeps would have been
swept anyway. A dead span that it comes to is given back as pages, while an allocation of the same class would have
used it as it is. So it keeps less distance from the trigger than Go's MiB, which of a small heap is a third: without it
the allocations of a program whose objects all die sweep as many pages as they take, and it has nothing to do.

Owner: set with the world stopped; set to 0 by who finds nothing to sweep.
Go: runtime/mgcsweep.go gcPaceSweeper, deductSweepCredit.                                        Next: mcentral.py
"""

from __future__ import annotations

from runtime.active_sweep import is_drained
from runtime.layout import PAGE_SIZE, larger
from runtime.mheap import MHeap
from runtime.p import P
from runtime.sweeper import NOTHING_LEFT, sweep_some
from runtime.syspy import atomic_load, f64, u64

MARGIN = 64 << 10  # bytes before the trigger by which all is to be swept: what a P may not have told yet
AHEAD = 10  # spans that are swept together


def pace_sweeper(heap: MHeap) -> None:
    """Compute the slope anew: after a collection, or a change of its trigger. The world is stopped."""
    sweeper = heap.sweeper
    sweeper.pages_per_byte = 0.0
    if is_drained(sweeper) or heap.pages_in_use <= sweeper.pages_swept:
        return
    distance: u64 = PAGE_SIZE
    if heap.trigger > heap.heap_live + MARGIN:
        distance = larger(distance, heap.trigger - heap.heap_live - MARGIN)
    sweeper.pages_per_byte = f64(heap.pages_in_use - sweeper.pages_swept) / f64(distance)
    sweeper.live_basis = heap.heap_live
    sweeper.pages_swept_basis = sweeper.pages_swept


def deduct_sweep_credit(heap: MHeap, p: P, size: u64, caller_pages: u64) -> None:
    """Sweep what has to be swept before a span of so many bytes is taken.

    caller_pages: pages that the caller will sweep itself, looking for pages.
    """
    if heap.sweeper.pages_per_byte != 0.0:
        sweep_up_to(heap, p, size, caller_pages)


def sweep_up_to(heap: MHeap, p: P, size: u64, caller_pages: u64) -> None:
    """The same, while there is a slope."""
    sweeper = heap.sweeper
    live = u64(heap.heap_live + p.live)
    grown = size + (live - sweeper.live_basis if live > sweeper.live_basis else 0)
    target = u64(sweeper.pages_per_byte * f64(grown)) + sweeper.pages_swept_basis
    swept: u64 = atomic_load(sweeper, "pages_swept") + p.pages_swept
    while swept + caller_pages < target:
        if sweep_some(heap, p, AHEAD) == NOTHING_LEFT:
            sweeper.pages_per_byte = 0.0
            return
        swept = atomic_load(sweeper, "pages_swept") + p.pages_swept
