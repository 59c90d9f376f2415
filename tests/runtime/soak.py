"""Soak: the driver's random operations by the million, on heaps of drawn settings. `make soak` runs ten.

    python -m tests.runtime.soak --operations 10000000 --seed 7

A run is cut into legs. Each has its own GOGC and its own way of collecting, drawn from the seed; after each the heap is
checked from end to end, and every page and every statistic is counted again; every few legs the heap is closed and a
new one made. The run counts what it did, and something that never happened is a failure: then it proved nothing.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from runtime.mcache import RUN_BYTES
from runtime.syspy import Failure
from tests.runtime.heaps import NONE, HeapUnderTest, engine_named, make_type
from tests.runtime.recount import check_pages, read_stats, recounted_stats
from tests.runtime.soak_driver import DOINGS, ENTRIES, SHAPES, Soak, check_all, soak

LEG = 100_000  # operations
LEGS_PER_HEAP = 5
# Words of the types, 1 for a pointer.
WORDS = [(1,), (1, 1), (0, 1), (0, 0, 1), (1, 0, 0, 0, 0, 0, 0), (0,) * 40 + (1,) * 24, (0,) * 69 + (1,)]
COUNTED = [*DOINGS, "heaps", "collections", "freed", "slots_reused", "stress_collections"]


@dataclass
class Run:
    """A soak run."""

    engine: Any
    seed: int
    did: Counter[str] = field(default_factory=Counter)
    legs: int = 0

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def run(self, operations: int, leg: int = LEG) -> None:
        """So many operations, in legs."""
        left = operations
        while left > 0:
            heap, state = self.new_heap(min(ENTRIES, leg // 8))
            for _ in range(LEGS_PER_HEAP):
                now = min(leg, left)
                self.run_leg(heap, state, now)
                left -= now
            self.count(heap, state)
            heap.close()

    def new_heap(self, used: int = ENTRIES) -> tuple[HeapUnderTest, Soak]:
        """A heap, and a driver without objects that will use so many entries."""
        debug = f"clobberfree={self.draw.randrange(2)}"
        heap, state = HeapUnderTest(self.engine, 100, debug), Soak()
        state.random, state.used = self.draw.getrandbits(64), used
        state.shapes[0] = NONE
        for shape, words in zip(range(1, SHAPES), WORDS, strict=True):
            pointers = [8 * i for i, bit in enumerate(words) if bit]
            state.shapes[shape] = make_type(8 * len(words), pointers)
            state.link_words[shape] = pointers[0] // 8
        return heap, state

    def run_leg(self, heap: HeapUnderTest, state: Soak, operations: int) -> None:
        """Some operations with settings of their own, and all checks after them."""
        knobs = heap.state.knobs
        knobs.gogc = self.draw.choice([5, 50, 100, 100, 300])
        self.legs += 1
        knobs.gc_stress = max(20, operations // 200) if self.legs % 4 == 0 else 0
        knobs.gc_check_mark = self.draw.random() < 0.1
        heap.m_cache.run_bytes = 0 if knobs.gc_stress else RUN_BYTES
        heap.call(soak, state, heap.g, operations)
        heap.check()
        check_pages(heap)
        heap.call(check_all, state, heap.g)
        m, slow = read_stats(heap), recounted_stats(heap)
        assert {name: getattr(m, name) for name in slow} == slow
        check_pages(heap)

    def count(self, heap: HeapUnderTest, state: Soak) -> None:
        """Add up what was done on a heap."""
        self.did.update({name: state.done[i] for i, name in enumerate(DOINGS)})
        m = read_stats(heap)
        self.did.update(heaps=1, collections=m.num_gc, freed=m.frees)
        self.did.update(slots_reused=heap.heap.stats.slots_reused, stress_collections=heap.state.gc.stress_collections)

    def missing(self) -> list[str]:
        """What never happened."""
        return [name for name in COUNTED if self.did[name] == 0]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.runtime.soak", description="Random operations on the heap.")
    parser.add_argument("--operations", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    run = Run(engine_named("native"), arguments.seed)
    start = time.monotonic()
    try:
        run.run(arguments.operations)
    except (Failure, AssertionError) as failure:
        print(f"FAILED with --operations {arguments.operations} --seed {arguments.seed}: {failure}")
        return 1
    print(f"{arguments.operations} operations in {time.monotonic() - start:.1f} s")
    print("\n".join(f"{name:>20} {run.did[name]:>12}" for name in COUNTED))
    if run.missing():
        print(f"FAILED: never done: {', '.join(run.missing())}")
    return 1 if run.missing() else 0


if __name__ == "__main__":
    sys.exit(main())
