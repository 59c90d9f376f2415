"""`make bench-functions`: single functions of the library, and small loops, beside the real Go.

    python -m bench.functions                   all of both programs, those furthest behind first
    python -m bench.functions --only sort       those whose name contains the word
    python -m bench.functions --rounds 3        each program so often, in turn with Go's; the best counts
    python -m bench.functions --json out.json   all times as well

A program measures itself: what one call takes at best is told from others, in one process, down to a nanosecond.

Owner: the benchmark.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.harness import CommandFailed, Harness, show_progress, table
from bench.peers import ROOT, Go, Peer, Toyrun, Workload

PROGRAMS = tuple(ROOT / "bench" / "functions" / name for name in ("library.toy", "loops.toy"))
LEAST = 0.1  # nanoseconds: what takes less was not done at all

Times = dict[str, float]  # nanoseconds of one call, by name


def parsed(output: str) -> Times:
    """What a program has printed: a name, a tabulator and nanoseconds in each line."""
    return {name: float(nanoseconds) for name, nanoseconds in (line.split("\t") for line in output.splitlines())}


def best(runs: Iterable[Times]) -> Times:
    """The least of several runs."""
    found: Times = {}
    for run in runs:
        for name, nanoseconds in run.items():
            found[name] = min(nanoseconds, found.get(name, math.inf))
    return found


def measured(program: Path, peers: tuple[Peer, ...], rounds: int) -> list[Times]:
    """The best times of each peer."""
    harness = Harness(None)
    runs: list[list[Times]] = [[] for _ in peers]
    for number in range(rounds):
        for peer, found in zip(peers, runs, strict=True):
            show_progress(f"{program.name}, round {number + 1} of {rounds}: {peer.name}")
            found.append(parsed(harness.output(peer.command(Workload(program.stem, program))).decode()))
    show_progress("")
    return [best(found) for found in runs]


def rows(toy: Times, go: Times, word: str) -> list[list[str]]:
    """A row for each function that both have measured, the slowest beside Go first."""
    ratios = {name: toy[name] / go[name] for name in toy if word in name and min(toy[name], go[name]) >= LEAST}
    ordered = sorted(ratios, key=lambda name: -ratios[name])
    lines = [[name, f"{toy[name]:.1f}", f"{go[name]:.1f}", f"{ratios[name]:.2f}"] for name in ordered]
    if lines:
        mean = math.exp(math.fsum(map(math.log, ratios.values())) / len(ratios))
        lines.append([f"geometric mean of {len(lines)}", "", "", f"{mean:.2f}"])
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.functions", description="functions beside the real Go")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each program (default 2)")
    parser.add_argument("--only", metavar="WORD", default="", help="functions whose name contains the word")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the best times of both to a file")
    options = parser.parse_args()
    peers = (Toyrun(procs=1), Go())
    if reason := peers[1].missing():
        print(f"bench: without Go: {reason}", file=sys.stderr)
        return 1
    found = {}
    try:
        for program in PROGRAMS:
            toy, go = measured(program, peers, options.rounds)
            found[program.stem] = {"toyrun": toy, "Go": go}
            print(table([program.stem, "toyrun ns", "Go ns", "toyrun / Go"], rows(toy, go, options.only)), end="\n\n")
    except (CommandFailed, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
