"""`make curves`: time and memory along one quantity, beside Go in the same run.

    python -m bench.curves --record          all curves, kept in bench/results, and in the report
    python -m bench.curves --only GOGC       those whose name contains the word: printed, not kept
    python -m bench.curves --most 1024       heaps and address spaces of up to so many MiB
    python -m bench.curves --quick           less of everything: to see that it works, not to quote

    GOGC             25 to 800: what a program takes of the processor, and by how much its peak is above an empty one's
    live heap        1 MiB to 8 GiB: what a collection takes for each live object and byte of a binary tree, until all
                     is marked. The whole cost is linear where these are flat
    address space    64 MiB to 64 GiB in use: what the allocator takes for an object or a span. Nobody touches the
                     memory that is in use, so that it needs none; what is measured lies beyond it. Last, the page
                     allocator by itself, which has to find its way past a hole in every 4 MiB

A live heap that the machine has no room for is left out, and named. From LARGE MiB on one round has to be enough.

Owner: the benchmark.                                                                              Next: report.py
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import methodcaller
from pathlib import Path

from bench.allocation_loops import BALLAST_BYTES, GoLoops, Loops, ToyLoops
from bench.figures import GO, TOY, Comparison, Figures, interleaved
from bench.harness import Command, CommandFailed, Harness
from bench.heaps import GoHeaps, Heaps, Live, ToyHeaps
from bench.malloc import LAP_BYTES, SMALL, SPANS, class_of_pages, share
from bench.malloc import LARGE as LARGE_KINDS
from bench.mark import check_alike
from bench.measurements import Group, Run
from bench.page_loops import time_pages, time_runs
from bench.peers import EMPTY, Go, Peer, Toyrun, Workload, launcher
from bench.report import keep, parsed
from bench.workload_list import allocating
from runtime.layout import CHUNK_BYTES, CHUNK_PAGES
from tests.runtime.engines import NativeEngine
from tests.runtime.page_heaps import PAGE_HEAP_ROOTS, PageHeap

GOGC, LIVE_HEAP, ADDRESS_SPACE = "GOGC", "live heap", "address space"
TIME, MEMORY = "time", "memory"
PERCENTS = (25, 50, 100, 200, 400, 800)
PROGRAMS = {"binary_trees": "10", "gcbench": "12", "splay_tree": "500"}  # by the argument in a quick run
LIVE_MIB = tuple(1 << power for power in range(14))
USED_MIB = tuple(64 << power for power in range(0, 11, 2))
NODE = 24  # bytes
COLLECTIONS = 3  # of one heap
ROOM = 1.3  # of the live heap: what a process needs
LARGE = 512  # MiB
LAPS = 10
BEYOND_HOLES = "two pages, beyond holes of one"
RUNS = 250  # of pages, taken before the first is freed
QUICK_MIB = 64
MIB = 1 << 20


@dataclass
class Curves:
    """One run."""

    rounds: int
    only: str
    most: int  # MiB
    is_quick: bool
    notes: list[str]

    def measured(self) -> dict[str, Group]:
        """All tables that are wanted, printed as they come."""
        groups = {}
        for curve in (gogc, live_heap, address_space):
            for name, group in curve(self):
                groups[name] = group
                print(f"{name}\n\n{group.table()}\n", flush=True)
        return groups

    def is_wanted(self, name: str) -> bool:
        return self.only in name


# --- GOGC ------------------------------------------------------------------------------------------------------------


def gogc(curves: Curves) -> Iterator[tuple[str, Group]]:
    """Programs with a heap that may grow by so many percent."""
    peers = {side: peer for side, peer in ((TOY, Toyrun(procs=1)), (GO, Go())) if not peer.missing()}
    harness = Harness(launcher())
    workloads = [workload for workload in allocating() if workload.name in PROGRAMS]
    for workload in workloads:
        if curves.is_wanted(f"{GOGC}, {workload.name}"):
            chosen = replace(workload, args=(PROGRAMS[workload.name],)) if curves.is_quick else workload
            yield from program_curve(harness, chosen, peers, curves.rounds)


def program_curve(
    harness: Harness, workload: Workload, peers: Mapping[str, Peer], rounds: int
) -> Iterator[tuple[str, Group]]:
    """Time and memory of one program, all percentages in turn."""
    commands = {f"empty, {side}": peer.command(Workload("empty", EMPTY)) for side, peer in peers.items()}
    for percent in PERCENTS:
        for side, peer in peers.items():
            command = peer.command(workload)
            commands[f"{percent}, {side}"] = Command(command.argv, {**command.environ, "GOGC": str(percent)})
    for command in commands.values():
        harness.output(command)  # compiled before it is measured
    found = harness.interleaved(commands, rounds)

    def lines(what: str) -> list[Comparison]:
        return [
            Comparison(
                str(percent),
                {
                    side: Figures(
                        [one.cpu for one in found[f"{percent}, {side}"].samples]
                        if what == TIME
                        else [one.rss - found[f"empty, {side}"].rss for one in found[f"{percent}, {side}"].samples]
                    )
                    for side in peers
                },
                None,
            )
            for percent in PERCENTS
        ]

    yield f"{GOGC}, {workload.name}: {TIME}", Group("GOGC: s of the processor", lines(TIME))
    yield f"{GOGC}, {workload.name}: {MEMORY}", Group("GOGC: MiB above an empty program", lines(MEMORY))


# --- Live heap -------------------------------------------------------------------------------------------------------


def live_heap(curves: Curves) -> Iterator[tuple[str, Group]]:
    """Collections of binary trees, until all is marked."""
    if not curves.is_wanted(LIVE_HEAP):
        return
    go = GoHeaps.built()
    sides: dict[str, Heaps] = {TOY: ToyHeaps.built()} | ({GO: go} if go else {})
    objects, sizes = [], []
    for mib in LIVE_MIB:
        if mib <= curves.most and has_room(mib, curves.notes):
            lives: dict[str, list[Live]] = {side: [] for side in sides}
            build = methodcaller("live", "tree", mib * MIB // NODE, COLLECTIONS)
            samplers = {side: partial(noted, partial(build, heaps), lives[side]) for side, heaps in sides.items()}
            rounds = curves.rounds if mib < LARGE else 1
            objects.append(Comparison(str(mib), interleaved(samplers, rounds, f"{LIVE_HEAP}, {mib} MiB"), None))
            check_alike(f"{mib} MiB", {side: ones[-1] for side, ones in lives.items()})
            by_size = {side: Figures([live.cpu / live.size for live in ones]) for side, ones in lives.items()}
            sizes.append(Comparison(str(mib), by_size, None))
    yield f"{LIVE_HEAP}: an object", Group("MiB live: ns / object", objects)
    yield f"{LIVE_HEAP}: a byte", Group("MiB live: ns / byte", sizes)


def noted(build: partial[Live], lives: list[Live]) -> float:
    """What marking one object cost; the heap is noted."""
    lives.append(build())
    return lives[-1].cpu / lives[-1].objects


def has_room(mib: int, notes: list[str]) -> bool:
    """Whether a heap fits into what memory is available; if not it is noted."""
    found = re.search(r"^MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text("utf-8"), re.MULTILINE)
    available = int(found[1]) >> 10 if found else 0
    if available >= ROOM * mib:
        return True
    notes.append(f"Without a live heap of {mib} MiB: {available} MiB of memory were available.")
    print(notes[-1], file=sys.stderr)
    return False


# --- Address space ---------------------------------------------------------------------------------------------------


def address_space(curves: Curves) -> Iterator[tuple[str, Group]]:
    """Operations of the allocator, with much or little in use beside them."""
    if not curves.is_wanted(ADDRESS_SPACE):
        return
    go = GoLoops.built()
    sides: dict[str, Loops] = {TOY: ToyLoops.built()} | ({GO: go} if go else {})
    laps = 2 if curves.is_quick else LAPS
    operations = {
        "an object of 16 bytes": partial(an_object, "scan16", LAP_BYTES // SMALL["scan16"], laps),
        "an object of 64 KiB": partial(an_object, "large64K", LAP_BYTES // LARGE_KINDS["large64K"], laps),
        "a span of one page, and back": partial(a_span, 1, laps),
        "a span of ten pages, and back": partial(a_span, 10, laps),
    }
    for what, operation in operations.items():
        lines = []
        for mib in (mib for mib in USED_MIB if mib <= curves.most):
            samplers = {side: partial(operation, loops, mib * MIB // BALLAST_BYTES) for side, loops in sides.items()}
            lines.append(Comparison(str(mib), interleaved(samplers, curves.rounds, f"{what}, {mib} MiB in use"), None))
        yield f"{ADDRESS_SPACE}: {what}", Group("MiB in use: ns", lines)


    yield f"{ADDRESS_SPACE}: {BEYOND_HOLES}", Group("MiB in use: ns", list(beyond_holes(curves)))


def beyond_holes(curves: Curves) -> Iterator[Comparison]:
    """Runs of two pages, of which only the last chunk has any; the others have one free page each."""
    engine = NativeEngine([*PAGE_HEAP_ROOTS, time_pages], "pages", debug=False)
    for mib in (mib for mib in USED_MIB if mib <= curves.most):
        last = mib * MIB // CHUNK_BYTES - 1
        with PageHeap(engine, {**dict.fromkeys(range(last), f"0+{CHUNK_PAGES - 1}"), last: ""}) as heap:
            sample = partial(time_runs, engine.call, heap.pages, 2, RUNS)
            times = interleaved({TOY: partial(per_run, sample)}, curves.rounds, f"{BEYOND_HOLES}, {mib} MiB in use")
        yield Comparison(str(mib), times, None)


def per_run(sample: Callable[[], int]) -> float:
    """What one of them cost; the first lap is not counted."""
    sample()
    return sample() / RUNS


def an_object(kind: str, n: int, laps: int, loops: Loops, ballast: int) -> float:
    return share(methodcaller("reused", kind, n, laps, ballast), loops, n)


def a_span(npages: int, laps: int, loops: Loops, ballast: int) -> float:
    return sum(loops.spans(npages, 2 * class_of_pages(npages) + 1, SPANS, laps, ballast)) / SPANS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.curves", description="time and memory along one quantity")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each side (default 3)")
    parser.add_argument("--only", metavar="WORD", default="", help="curves whose name contains the word")
    parser.add_argument("--most", type=int, default=max(USED_MIB), metavar="MIB", help="of a heap, or address space")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    return parsed(parser)


def main() -> int:
    options = arguments()
    run = Run.begun(options.rounds)
    most = min(options.most, QUICK_MIB) if options.quick else options.most
    curves = Curves(options.rounds, options.only, most, options.quick, [])
    try:
        groups = curves.measured()
    except CommandFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if not groups:
        print(f"bench: no curve is called {options.only}", file=sys.stderr)
        return 1
    keep("curves", run.ended(groups, notes=curves.notes), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
