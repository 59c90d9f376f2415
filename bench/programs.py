"""`make bench-programs`: toyrun beside the real Go, in the same run.

    python -m bench.programs                    the workloads that have a goal, and start-up
    python -m bench.programs --all              every example at its default size as well
    python -m bench.programs --only matmul      workloads whose name contains the word
    python -m bench.programs --json out.json    every sample as well
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import uuid
from dataclasses import asdict
from pathlib import Path

from bench.harness import Command, CommandFailed, Harness, Series, show_progress, table
from bench.peers import EMPTY, PEERS, ROOT, Peer, Toyrun, Workload, launcher

EXAMPLES = ROOT / "examples"
WORKLOADS = [
    Workload("binary_trees 18", EXAMPLES / "binary_trees.toy", ("18",), goal=0.35),
    Workload("nbody 5000000", EXAMPLES / "nbody.toy", ("5000000",), goal=1.1),
    Workload("matmul 1000", EXAMPLES / "matmul.toy", ("1000",), goal=1.1),
]
HELLO = Workload("hello", EXAMPLES / "hello.toy")


def all_examples() -> list[Workload]:
    """Every example at its default size."""
    return [Workload(path.stem, path) for path in sorted(EXAMPLES.glob("*.toy")) if path != HELLO.path]


def check_outputs(harness: Harness, workload: Workload, commands: dict[str, Command]) -> None:
    """All peers print the same; this also fills the compilation cache."""
    outputs = {}
    for name, command in commands.items():
        show_progress(f"{workload.name}: trying {name}")
        outputs[name] = harness.output(command)
    if len(set(outputs.values())) != 1:
        raise CommandFailed(f"{workload.name}: the peers print different things")


def compile_seconds(harness: Harness, workload: Workload, warm: Series) -> float:
    """A run of a copy that no cache has seen, less a warm run: parsing, checking, lowering, LLVM."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / workload.path.name
        copy.write_text(f"{workload.path.read_text('utf-8')}\n// {uuid.uuid4()}\n", encoding="utf-8")
        cold = harness.sample(Toyrun().command(Workload(workload.name, copy, workload.args)))
    return cold.wall - warm.wall


def measure(harness: Harness, workload: Workload, peers: list[Peer], rounds: int) -> dict[str, Series]:
    commands = {peer.name: peer.command(workload) for peer in peers}
    check_outputs(harness, workload, commands)
    return harness.interleaved(commands, rounds)


def row(workload: Workload, series: dict[str, Series], empty: dict[str, Series], compiling: float) -> list[str]:
    """One line of the report: times, their ratio, and memory above each side's empty program."""
    cells = [workload.name]
    for name, one in series.items():
        cells += [f"{one.wall:.3f} ±{one.spread / 2:.0%}", f"{one.cpu:.3f}", f"{one.rss - empty[name].rss:.1f}"]
    toy, *others = series
    for other in others:
        above, theirs = series[toy].rss - empty[toy].rss, series[other].rss - empty[other].rss
        memory = f"{above / theirs:.2f}" if theirs > 0.5 else "-"
        times = [f"{series[toy].wall / series[other].wall:.2f}", f"{series[toy].cpu / series[other].cpu:.2f}"]
        cells += [*times, memory]
    goal = f"<= {workload.goal}" if workload.goal else "-"
    return [*cells, goal, f"{compiling:.2f}"]


def heads(peers: list[Peer]) -> list[str]:
    cells = ["workload"]
    for peer in peers:
        cells += [f"{peer.name} s", "cpu s", "MiB above empty"]
    for other in peers[1:]:
        cells += [f"time / {other.name}", f"cpu / {other.name}", f"memory / {other.name}"]
    return [*cells, "goal", "compile s"]


def startup(harness: Harness, rounds: int) -> tuple[str, dict[str, Series]]:
    """Hello, world: the second run beside an empty Python, and the first run of all."""
    second, python_alone = Toyrun().command(HELLO), Command((sys.executable, "-c", "pass"))
    harness.output(second)
    series = harness.interleaved({"toyrun hello, second run": second, "python3 -c pass": python_alone}, rounds)
    hello, python = series.values()
    with tempfile.TemporaryDirectory() as directory:
        first = harness.sample(Toyrun(Path(directory) / "cache").command(HELLO))
    rows = [
        [name, f"{one.wall:.3f} ±{one.spread / 2:.0%}", f"{one.cpu:.3f}", f"{one.rss:.1f}", "-"]
        for name, one in series.items()
    ]
    difference = [hello.wall - python.wall, hello.cpu - python.cpu]
    rows += [["difference", *(f"{x:.3f}" for x in difference), f"{hello.rss - python.rss:.1f}", "<= 0.15"]]
    rows += [["toyrun hello, first run ever", f"{first.wall:.3f}", f"{first.cpu:.3f}", f"{first.rss:.1f}", "< 5"]]
    return table(["start-up", "s", "cpu s", "MiB", "goal"], rows), {**series, "first": Series([first])}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.programs", description="toyrun beside the real Go")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each workload (default 5)")
    parser.add_argument("--only", metavar="WORD", default="", help="workloads whose name contains the word")
    parser.add_argument("--all", action="store_true", help="every example at its default size as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to a file")
    return parser.parse_args()


def present(peers: tuple[Peer, ...]) -> list[Peer]:
    """The peers that can take part; the others are named."""
    for peer in peers:
        if reason := peer.missing():
            print(f"without {peer.name}: {reason}", file=sys.stderr)
    return [peer for peer in peers if not peer.missing()]


def main() -> int:
    options = arguments()
    peers = present(PEERS)
    harness = Harness(launcher())
    if harness.launcher is None:
        print("no launcher: peak memory includes that of this harness", file=sys.stderr)
    workloads = WORKLOADS + (all_examples() if options.all else [])
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    print(f"{machine}; medians of {options.rounds} interleaved rounds\n")
    samples = {}
    try:
        empty = measure(harness, Workload("empty", EMPTY), peers, options.rounds)
        rows = []
        for workload in workloads:
            if options.only in workload.name:
                series = measure(harness, workload, peers, options.rounds)
                rows.append(row(workload, series, empty, compile_seconds(harness, workload, series[peers[0].name])))
                samples[workload.name] = series
        print(table(heads(peers), rows), end="\n\n")
        text, samples["start-up"] = startup(harness, 2 * options.rounds)
        print(text)
    except (CommandFailed, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.json:
        plain = {name: {peer: asdict(one) for peer, one in series.items()} for name, series in samples.items()}
        options.json.write_text(json.dumps(plain, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
