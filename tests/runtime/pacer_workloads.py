"""Programs simulated by their rates, against which the pacer runs: the workloads of go_tables/pacer.json.

    each cycle    the program allocates up to the trigger | the world stands still: marking | goal and trigger anew

As Go's own simulation has it, nothing is in memory but objects. One processor marks; the limiter counts its time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from runtime.gc_limiter import GCLimiter, note_collection
from runtime.memory_limit import memory_limit_heap_goal
from runtime.pacer import floating_after, pace
from runtime.scavenge import NO_LIMIT
from tests.runtime.tables import go_table

ROOTS = [pace, floating_after, memory_limit_heap_goal, note_collection]

KIB = 1024
MILLISECOND = 1_000_000  # nanoseconds
LEAST_RATE = 0.0001
STACK_STEP = 2048


@dataclass(frozen=True)
class Cycle:
    """One cycle, as the program went through it. Bytes, and nanoseconds."""

    marked: int  # by the collection before it, what floats included
    live: int  # of these, without what floats
    trigger: int
    goal: int
    peak: int  # live when the collection started
    ran_ns: int
    collected_ns: int
    is_limiting: bool  # after its collection

    @property
    def goal_ratio(self) -> float:
        return self.peak / self.goal

    @property
    def trigger_ratio(self) -> float:
        """Where on the way from what was marked to the goal the collection started."""
        return (self.trigger - self.marked) / (self.goal - self.marked)

    @property
    def utilisation(self) -> float:
        """The share of time that went into collecting."""
        return self.collected_ns / (self.ran_ns + self.collected_ns)


# --- Streams: a number for each cycle --------------------------------------------------------------------------------


def constant(value: float) -> Iterator[float]:
    while True:
        yield value


def ramp(height: float, cycles: int, delay: int = 0) -> Iterator[float]:
    """From zero to height in so many cycles."""
    for cycle in count(-delay):
        yield height * min(max(cycle, 0), cycles) / cycles


def unit(amplitude: float, delay: int) -> Iterator[float]:
    """One peak, after so many cycles."""
    for cycle in count():
        yield amplitude if cycle == delay else 0.0


def oscillate(amplitude: float, phase: float, period: int) -> Iterator[float]:
    for cycle in count():
        yield amplitude * math.sin(2 * math.pi * (cycle % period) / period + phase)


def noise(amplitude: float, seed: int) -> Iterator[float]:
    """Random numbers from -amplitude to amplitude."""
    generator = random.Random(seed)
    while True:
        yield amplitude * generator.uniform(-1, 1)


STREAMS: dict[str, Callable[..., Iterator[float]]] = {
    "constant": constant,
    "ramp": ramp,
    "unit": unit,
    "oscillate": oscillate,
    "random": noise,
}


def stream(terms: list[list[Any]]) -> Iterator[float]:
    """The sum of terms."""
    return map(sum, zip(*(STREAMS[name](*numbers) for name, *numbers in terms), strict=True))


# --- The simulation --------------------------------------------------------------------------------------------------


def simulate(call: Callable[..., Any], name: str) -> list[Cycle]:
    """All cycles of a workload; systems functions are called by `call`."""
    table = go_table("pacer")
    work = table["workloads"][name]
    alloc_rates, growths = stream(work["alloc_rate"]), stream(work["growth"])
    shares, stacks = stream(work["scannable"]), stream(work["stack"])
    gogc, limit = work["gogc"], work.get("limit", NO_LIMIT)
    limiter = GCLimiter()
    live = marked = scanned = root_bytes = 0
    goal, trigger = call(pace, 0, 0, 0, gogc, True)
    goal = min(goal, call(memory_limit_heap_goal, limit, 0, 0, 0, 0))
    trigger = min(trigger, goal)
    cycles: list[Cycle] = []
    for number in range(1, work["cycles"] + 1):
        # The program allocates.
        peak = max(trigger, live)
        rate = max(next(alloc_rates), LEAST_RATE) * KIB * table["processors"] / MILLISECOND
        ran_ns = int((peak - live) / rate)
        before = (marked, live, trigger, goal, peak, ran_ns)
        # A collection.
        allocated, growth = peak - live, max(next(growths), LEAST_RATE)
        live = int(live * growth) if live else table["first_live"]
        expected = scanned + root_bytes
        scanned = int(live * min(max(next(shares), 0.0), 1.0))
        root_bytes = work["globals"] + int(next(stacks)) // STACK_STEP * STACK_STEP
        collected_ns = int((scanned + root_bytes) / (work["scan_rate"] * KIB / MILLISECOND))
        call(note_collection, limiter, number, ran_ns, collected_ns, allocated)
        marked = live + call(floating_after, goal, trigger, expected, scanned + root_bytes)
        cycles.append(Cycle(*before, collected_ns, limiter.runway != 0))
        # The next goal.
        goal, trigger = call(pace, marked, scanned, root_bytes, gogc, False)
        limited = call(memory_limit_heap_goal, limit, peak, 0, peak, live)
        if limited < goal:
            goal, trigger = limited, max(limited, live + limiter.runway)
    return cycles
