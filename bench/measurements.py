"""Measurements: what a benchmark found, as JSON, with when, where and how it was taken.

    groups     tables: the lines of each are Comparisons, with all samples of all sides
    courses    things that change over time or over operations: columns of numbers, by what they are of

`--json FILE` of a benchmark writes them; `--record` writes them to bench/results, of which bench/RESULTS.md is made.

Owner: the benchmark.                                                                             Next: report.py
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.figures import AtLeast, Comparison, Figures, Near, report
from bench.peers import ROOT

RESULTS = ROOT / "bench" / "results"
KINDS = {kind.__name__: kind for kind in (Comparison, AtLeast, Near)}

Course = dict[str, list[float]]  # by column


@dataclass(frozen=True)
class Group:
    """One table."""

    unit: str
    lines: list[Comparison]

    def table(self) -> str:
        return report(self.unit, self.lines)


@dataclass(frozen=True)
class Measurements:
    """All that one run of a benchmark found."""

    date: str
    machine: str
    load: list[float]  # average of the minute before, and of the last
    rounds: int
    groups: dict[str, Group]
    courses: dict[str, Course] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what was left out, and why

    def taken(self) -> str:
        """A sentence on how they were taken."""
        load = " to ".join(f"{load:.1f}" for load in self.load)
        return f"Taken on {self.date}: {self.machine}; {self.rounds} interleaved rounds, medians; load average {load}."


@dataclass(frozen=True)
class Run:
    """A run that goes on."""

    rounds: int
    load: float

    @classmethod
    def begun(cls, rounds: int) -> Run:
        return cls(rounds, os.getloadavg()[0])

    def ended(
        self,
        groups: Mapping[str, Group],
        courses: Mapping[str, Course] | None = None,
        notes: list[str] | None = None,
    ) -> Measurements:
        """What it found."""
        load = [self.load, os.getloadavg()[0]]
        return Measurements(today(), machine(), load, self.rounds, dict(groups), dict(courses or {}), notes or [])


def today() -> str:
    return datetime.date.today().isoformat()


def machine() -> str:
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ":")
    return f"{model.split(':')[1].strip()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


# --- JSON ------------------------------------------------------------------------------------------------------------


def dumped(found: Measurements) -> str:
    """As JSON, the samples of a side on one line."""
    plain = {**vars(found), "groups": {name: plain_group(group) for name, group in found.groups.items()}}
    text = json.dumps(plain, indent=1)
    return re.sub(r"\[[^\[\]{}\"]*\]", lambda match: " ".join(match[0].split()), text) + "\n"


def plain_group(group: Group) -> dict[str, Any]:
    return {"unit": group.unit, "lines": [plain_line(line) for line in group.lines]}


def plain_line(line: Comparison) -> dict[str, Any]:
    sides = {side: [float(f"{sample:.6g}") for sample in figures.samples] for side, figures in line.sides.items()}
    return {"name": line.name, "kind": type(line).__name__, "goal": line.goal, "sides": sides}


def loaded(path: Path) -> Measurements:
    plain = json.loads(path.read_text("utf-8"))
    plain["groups"] = {
        name: Group(group["unit"], [line_of(line) for line in group["lines"]])
        for name, group in plain["groups"].items()
    }
    return Measurements(**plain)


def line_of(plain: Mapping[str, Any]) -> Comparison:
    sides = {side: Figures(samples) for side, samples in plain["sides"].items()}
    return KINDS[plain["kind"]](plain["name"], sides, plain["goal"])


def recorded(name: str) -> Measurements | None:
    """What was recorded of a benchmark; None if nothing was."""
    path = RESULTS / f"{name}.json"
    return loaded(path) if path.exists() else None


def record(name: str, found: Measurements) -> Path:
    """Keep what was found, in place of what was there."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(dumped(found), encoding="utf-8")
    return path
