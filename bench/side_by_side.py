"""`make peers`: the same workloads under toyrun and under its peers, in turn, in one run.

    python -m bench.side_by_side                         all, 5 rounds, and bench/RESULTS.md of it
    python -m bench.side_by_side --only json --rounds 3  workloads whose name contains the word; prints only
    python -m bench.side_by_side --pauses                the samples of the last run, its pauses measured anew

    trial      each peer runs the workload once: all must print the same, caches fill
    rounds     toyrun, Go, ... in turn; every other round backwards. Another peer that took longer than the patience in
               its trial is not run again: the trial is its sample
    pauses     as many runs with the runtime's own trace, of which the one with the shortest pauses counts
    compile    one run of a text that no cache has seen

Owner: the benchmark.                                                                           Next: pauses.py
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path

from bench import results
from bench.harness import Command, CommandFailed, Harness, ProgressBar, Series, show_progress
from bench.languages import LANGUAGES, VERSIONS, version_of
from bench.measurements import machine, today
from bench.pauses import Pauses, observed
from bench.peers import BUILD, EMPTY, ROOT, Go, Peer, Toyrun, Workload, launcher
from bench.report import SAMPLES, write
from bench.results import GO, GO2, SMALL, TOY, TOY2, Measured, Results
from bench.workload_list import allocating, plain
from tests.go_oracle import find_go, go_environment, to_go

CONTENDERS: tuple[Peer, ...] = (
    Toyrun(procs=1),
    Go(),
    Toyrun(procs=2),
    Go(2),
    Toyrun(procs=1, huge=False),
    *LANGUAGES,
)
PATIENCE = 4.0  # seconds of the trial
UNFINISHED = BUILD / "samples.json"  # what there is so far, should the run end before its time
EXTRA_STEPS = 3  # of a workload, beside its samples: pauses of both sides, compile times


def present(peers: tuple[Peer, ...]) -> tuple[list[Peer], dict[str, str]]:
    """The peers that can take part, and why the others can't."""
    reasons = {peer.name: peer.missing() for peer in peers}
    missing = {name: reason for name, reason in reasons.items() if reason}
    for name, reason in missing.items():
        print(f"without {name}: {reason}", file=sys.stderr)
    return [peer for peer in peers if peer.name not in missing], missing


def agreed(harness: Harness, workload: Workload, commands: dict[str, Command], bar: ProgressBar) -> dict[str, Series]:
    """The trial of each peer; they all print the same."""
    trials, outputs = {}, {}
    for name, command in commands.items():
        sample, outputs[name] = harness.trial(command)
        trials[name] = Series([sample])
        bar.step(f"{workload.name}: trying {name}")
    expected = next(iter(outputs.values()))
    if different := [name for name, output in outputs.items() if output != expected]:
        raise CommandFailed(f"{workload.name}: {', '.join(different)} prints something else than {next(iter(outputs))}")
    return trials


def sampled(
    harness: Harness, workload: Workload, peers: list[Peer], rounds: int, patience: float, bar: ProgressBar
) -> dict[str, Series]:
    """The trial, then the rounds."""
    commands = {peer.name: peer.command(workload) for peer in peers if peer.takes(workload)}
    trials = agreed(harness, workload, commands, bar)
    engines = {peer.name for peer in peers if isinstance(peer, Toyrun | Go)}
    quick = {name: command for name, command in commands.items() if name in engines or trials[name].wall <= patience}
    series = harness.interleaved(quick, rounds, lambda text: bar.step(f"{workload.name}: {text}"))
    bar.step(workload.name, (len(commands) - len(quick)) * rounds)
    return {name: series.get(name, trials[name]) for name in commands}


def compile_seconds(harness: Harness, workload: Workload, warm: Series) -> dict[str, float]:
    """Processor time of compiling: toyrun's cold run less a warm one, and `go build` with the library built."""
    text = workload.path.read_text("utf-8") + f"\n// {uuid.uuid4()}\n"
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / workload.path.name
        copy.write_text(text, encoding="utf-8")
        cold = harness.sample(Toyrun(procs=1).command(Workload(workload.name, copy, workload.args)))
        seconds = {"toyrun": cold.cpu - warm.cpu}
        if go := find_go():
            (Path(directory) / "main.go").write_text(to_go(text), encoding="utf-8")
            target = str(Path(directory) / "program")
            build = Command((go, "build", "-o", target, str(Path(directory) / "main.go")), go_environment())
            seconds["Go"] = harness.sample(build).cpu
    return seconds


def collections(kind: str, workload: Workload, peers: list[Peer], rounds: int) -> dict[str, Pauses]:
    """Of each peer that tells, the run of so many that stood still the least; of toyrun and Go, if it allocates."""
    seen: dict[str, Pauses] = {}
    silent = {SMALL} if kind == "allocating" else {SMALL, TOY, GO, TOY2, GO2}
    for peer in [peer for peer in peers if peer.takes(workload) and peer.name not in silent] * rounds:
        if pauses := observed(peer, workload):
            seen[peer.name] = min(pauses, seen.get(peer.name, pauses), key=lambda one: one.total)
    return seen


def with_new_pauses(found: Results, rounds: int) -> Results:
    """The same samples with the pauses of today."""
    peers, _ = present(CONTENDERS)
    workloads = {workload.name: workload for workload in allocating() + plain()}
    bar = ProgressBar(len(found.workloads))
    lines = []
    for line in found.workloads:
        bar.step(f"{line.name}: pauses")
        workload = replace(workloads[line.name], args=line.args)
        lines.append(replace(line, pauses=collections(line.kind, workload, peers, rounds)))
    show_progress("")
    return replace(found, workloads=lines)


def measured(
    harness: Harness, kind: str, workload: Workload, peers: list[Peer], options: argparse.Namespace, bar: ProgressBar
) -> Measured:
    series = sampled(harness, workload, peers, options.rounds, options.patience, bar)
    bar.step(f"{workload.name}: pauses", 2)
    pauses = collections(kind, workload, peers, options.rounds)
    bar.step(f"{workload.name}: compiling")
    compiling = compile_seconds(harness, workload, series["toyrun"])
    return Measured(workload.name, kind, workload.args, series, pauses, compiling)


def steps(workloads: list[tuple[str, Workload]], peers: list[Peer], rounds: int) -> int:
    """How many steps the progress bar counts, the empty program's included."""
    runs = sum(peer.takes(workload) for _, workload in workloads for peer in peers)
    return (runs + sum(isinstance(peer, Toyrun | Go) for peer in peers)) * (rounds + 1) + EXTRA_STEPS * len(workloads)


def versions(peers: list[Peer]) -> dict[str, str]:
    """What takes part, in its own words."""
    python = f"Python {platform.python_version()}"
    found = {"toyrun": f"{version_of(Toyrun().command(Workload('', Path('--version'))).argv)}, {python}"}
    if go := find_go():
        found["Go"] = version_of((go, "version"))
    return found | {peer.name: version_of(VERSIONS[peer.name]) for peer in peers if peer.name in VERSIONS}


def run(options: argparse.Namespace) -> Results:
    peers, missing = present(CONTENDERS)
    harness = Harness(launcher())
    if harness.launcher is None:
        print("no launcher: peak memory includes that of this harness", file=sys.stderr)
    kinds = [("allocating", workload) for workload in allocating()] + [("plain", workload) for workload in plain()]
    workloads = [(kind, workload) for kind, workload in kinds if options.only in workload.name]
    bar = ProgressBar(steps(workloads, peers, options.rounds))
    engines: list[Peer] = [peer for peer in peers if isinstance(peer, Toyrun | Go)]
    load = [os.getloadavg()[0]]
    empty = sampled(harness, Workload("empty", EMPTY), engines, options.rounds, options.patience, bar)
    found = Results(today(), machine(), versions(peers), missing, options.rounds, load, empty, [])
    for kind, workload in workloads:
        found.workloads.append(measured(harness, kind, workload, peers, options, bar))
        UNFINISHED.write_text(results.dumped(found), encoding="utf-8")
    load.append(os.getloadavg()[0])
    show_progress("")
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make peers", description="toyrun and its peers side by side")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each workload (default 5)")
    parser.add_argument("--only", metavar="WORD", default="", help="workloads whose name contains the word")
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds; a peer that is slower runs once (default 4)"
    )
    parser.add_argument("--pauses", action="store_true", help="measure the pauses of the last run once more")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    try:
        found = with_new_pauses(results.loaded(SAMPLES), options.rounds) if options.pauses else run(options)
    except (CommandFailed, ValueError, OSError) as error:
        show_progress("")
        print(f"peers: {error}", file=sys.stderr)
        return 1
    if options.only and not options.pauses:
        print(results.markdown(found, {}))
        return 0
    SAMPLES.parent.mkdir(exist_ok=True)
    SAMPLES.write_text(results.dumped(found), encoding="utf-8")
    print(results.verdict(found), f"written: {write().relative_to(ROOT)}", sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
