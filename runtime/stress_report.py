"""Stress report: what a run under stress did, for whoever wants to know that it proved something.

    gcstress: 1234 collections at 5678 allocations, 4321 objects freed, 3210 slots used again, seed 42

Where marking goes in steps (incremental.py) each of them counts:

    gcstress: 1234 steps of 56 collections at 5678 allocations, 789 pointers kept by write barriers, 4321 objects ...

With protectfree=1 it also says how many pages that were freed could not be touched.

Runs in Python only. Next: knobs.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.refusals import counted
from runtime.size_classes import NUM_SIZE_CLASSES
from runtime.syspy import is_nil

if TYPE_CHECKING:
    from runtime.heap import Runtime
    from runtime.p import HeapStats


@dataclass(frozen=True)
class StressReport:
    """What was done while every allocation was counted."""

    allocations: int  # seen
    safepoints: int  # counted; allocations that collected by their number are not among them
    collections: int  # made by stress; steps, where marking goes in steps
    freed: int  # objects freed, by any collection
    slots_reused: int  # slots handed out that had been another object before
    seed: int | None  # of gcrandom, if that is on
    ended: int  # collections that are over, by stress or not
    kept: int | None  # pointers kept by write barriers, where marking goes in steps
    pages_protected: int  # how often protectfree has made a page inaccessible

    def __str__(self) -> str:
        """One line."""
        seed = "" if self.seed is None else f", seed {self.seed}"
        protected = f", {counted(self.pages_protected, 'page protected')}" if self.pages_protected else ""
        collected, kept = counted(self.collections, "collection"), ""
        if self.kept is not None:
            collected = f"{counted(self.collections, 'step')} of {counted(self.ended, 'collection')}"
            kept = f"{counted(self.kept, 'pointer kept by write barriers')}, "
        return (
            f"gcstress: {collected} at {counted(self.allocations, 'allocation')}, {kept}"
            f"{counted(self.freed, 'object freed')}, {counted(self.slots_reused, 'slot used again')}{protected}{seed}"
        )


def stress_report(state: Runtime, seed: int | None) -> StressReport:
    """The counts of a runtime that stands still."""
    gc = state.gc
    counts, reused = [state.heap.stats], 0
    p = state.world.ps
    while not is_nil(p):
        counts.append(p.stats)
        reused += p.m_cache.slots_reused
        p = p.next
    freed = sum(map(freed_objects, counts))
    reused += sum(count.slots_reused for count in counts)
    counted = gc.stress_count, gc.stress_safepoints, gc.stress_collections, freed, reused
    kept = state.increments.kept if state.knobs.is_incremental else None
    return StressReport(*counted, seed, gc.num_gc, kept, state.heap.pages_protected)


def freed_objects(stats: HeapStats) -> int:
    """Objects freed, of all sizes."""
    return stats.large_free_count + sum(int(stats.small_free_count[i]) for i in range(NUM_SIZE_CLASSES))
