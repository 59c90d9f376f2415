"""Pauses: how often a program collected, and for how long it stood still, by what its runtime tells.

    GODEBUG=gctrace=1   toyrun, Go    gc 5 @0.385s 5%: 0.001+6.8+0.004 ms clock, ...
    -Xlog:gc            Java          [0.1s][info][gc] GC(0) Pause Young (Allocation Failure) 33M->1M(123M) 1.234ms
    --trace-gc          node          [1:0x2] 34 ms: Scavenge 2.4 (3.0) -> 2.0 (4.0) MB, 0.5 / 0.0 ms ...

The world of toyrun stands still through all three phases of a line, Go's only in the first and the third; while Go
marks, in the second, its workers take the program's processor in slices, which no line tells: that is `beside`. What
follows, `66->66->27 MB`, is the heap when a collection began, when all was marked, and what was found alive.

Owner: the benchmark.                                                                          Next: results.py
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bench.harness import Command, CommandFailed
from bench.languages import Java, Script
from bench.peers import Go, Peer, Toyrun, Workload

GCTRACE = re.compile(
    r"^gc \d+ @(\S+)s \d+%: ([\d.e-]+)\+([\d.e-]+)\+([\d.e-]+) ms clock, .*?, \d+->(\d+)->(\d+) MB", re.MULTILINE
)
MOST_POINTS = 80  # of a heap over time
JAVA = re.compile(r"Pause .* ([\d.]+)ms$", re.MULTILINE)
NODE = re.compile(r" ms: (?:Scavenge|Mark-Compact).*? MB, ([\d.]+) / ", re.MULTILINE)


@dataclass(frozen=True)
class Pauses:
    """The collections of one run; times in milliseconds."""

    count: int
    total: float
    longest: float
    beside: float = 0.0  # collecting went on beside the program for so long
    heap: list[list[float]] = field(default_factory=list)  # of a collection: seconds from the start, MB before, after

    @classmethod
    def of(cls, pauses: Sequence[float], beside: float = 0.0) -> Pauses:
        return cls(len(pauses), sum(pauses), max(pauses, default=0.0), beside)


def of_toyrun(text: str) -> Pauses:
    lines = traced(text)
    return replace(Pauses.of([sum(line[1:4]) for line in lines]), heap=heap_of(lines))


def of_go(text: str) -> Pauses:
    lines = traced(text)
    stops = [(before, after) for _, before, _, after, *_ in lines]
    longest = max((max(stop) for stop in stops), default=0.0)
    return Pauses(len(lines), sum(map(sum, stops)), longest, sum(line[2] for line in lines), heap_of(lines))


def traced(text: str) -> list[list[float]]:
    """The numbers of each line of a gctrace: when it was, the phases, the heap before and after."""
    return [[float(number) for number in line] for line in GCTRACE.findall(text)]


def heap_of(lines: Sequence[Sequence[float]]) -> list[list[float]]:
    """The heap over time, by as many collections as a picture needs."""
    step = -(-len(lines) // MOST_POINTS) or 1
    return [[when, before, after] for when, *_, before, after in lines[::step]]


def of_java(text: str) -> Pauses:
    return Pauses.of([float(pause) for pause in JAVA.findall(text)])


def of_node(text: str) -> Pauses:
    return Pauses.of([float(pause) for pause in NODE.findall(text)])


def observed(peer: Peer, workload: Workload) -> Pauses | None:
    """What a run of its own tells; None for a peer that tells nothing."""
    command = peer.command(workload)
    if isinstance(peer, Toyrun | Go):
        text = told(Command(command.argv, {**command.environ, "GODEBUG": "gctrace=1"}))
        return of_toyrun(text) if isinstance(peer, Toyrun) else of_go(text)
    if isinstance(peer, Java):
        return of_java(told(Command((command.argv[0], "-Xlog:gc", *command.argv[1:]), command.environ)))
    if isinstance(peer, Script) and peer.name == "node":
        return of_node(told(Command((command.argv[0], "--trace-gc", *command.argv[1:]), command.environ)))
    return None


def told(command: Command) -> str:
    """All that a command prints."""
    with tempfile.TemporaryFile("w+") as file:
        environ = {**os.environ, **command.environ}
        done = subprocess.run(command.argv, env=environ, stdout=file, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise CommandFailed(f"exit code {done.returncode}: {' '.join(command.argv)}")
        file.seek(0)
        return file.read()
