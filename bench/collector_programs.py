"""Collector programs: whole programs, and what the collector did while they ran.

Both sides tell /cpu/classes/gc/total:cpu-seconds and /gc/cycles/total:gc-cycles of runtime/metrics at the end: toyrun
by --metrics, Go by bench/go/collector/report.go, which is compiled into the program. GOGC is 100, GOMAXPROCS 1.

The time is, for Go, what its mark workers, assists and pauses took; here, all pauses, which is everything but sweeping
while the program allocates: that is not in Go's figure either, nor are write barriers. Both read the clock on the wall,
so it takes a quiet machine.

Owner: the benchmark.                                                                           Next: mark.py
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Protocol

from bench.builds import go_program
from bench.harness import Command, CommandFailed
from bench.peers import ROOT, Toyrun, Workload
from tests.go_oracle import to_go

REPORT = ROOT / "bench" / "go" / "collector" / "report.go"
ENVIRON = {"GOGC": "100", "GOMAXPROCS": "1"}
SECONDS, COLLECTIONS = "/cpu/classes/gc/total:cpu-seconds", "/gc/cycles/total:gc-cycles"


@dataclass(frozen=True)
class Collected:
    """What the collector did in one run."""

    seconds: float
    collections: int

    @classmethod
    def of(cls, text: str) -> Collected:
        """What a run printed on standard error: lines of a metric's name and its value."""
        values = dict(line.split() for line in text.splitlines() if line.startswith((SECONDS, COLLECTIONS)))
        return cls(float(values[SECONDS]), int(values[COLLECTIONS]))


class Programs(Protocol):
    """One side."""

    def run(self, workload: Workload) -> Collected:
        """Run a program, which is compiled if need be."""


@dataclass(frozen=True)
class ToyPrograms:
    """toyrun."""

    def run(self, workload: Workload) -> Collected:
        command = Toyrun().command(workload)
        at = command.argv.index(str(workload.path))
        return collected(Command((*command.argv[:at], "--metrics", *command.argv[at:]), command.environ))


@dataclass(frozen=True)
class GoPrograms:
    """The real Go, which has to be there."""

    def run(self, workload: Workload) -> Collected:
        texts = {"main.go": to_go(workload.path.read_text("utf-8")), REPORT.name: REPORT.read_text("utf-8")}
        executable = go_program(f"collector-{workload.path.stem}", texts)
        assert executable is not None
        return collected(Command((str(executable), *workload.args)))


def collected(command: Command) -> Collected:
    """Run a command and read its metrics."""
    environ = {**os.environ, **ENVIRON, **command.environ}
    done = subprocess.run(command.argv, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"exit code {done.returncode}: {' '.join(command.argv)}\n{done.stderr}")
    return Collected.of(done.stderr)
