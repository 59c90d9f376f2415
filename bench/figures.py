"""Figures: measurements of both sides, taken in turn, and the lines of a report that are made of them.

round 1   toy  go     round 2   go  toy     ...          drift of the machine hits both alike
  |
  v
Figures    one per side: the samples of all rounds, their median and spread
  |
  v
| noscan16 | 2.91 ±3% | 15.2 ±5% | 0.19 | <= 0.35 | yes |
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.harness import show_progress, table

TOY, GO = "toy", "Go"


@dataclass
class Figures:
    """All samples of one side."""

    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def spread(self) -> float:
        """Half the distance from the least to the greatest sample, as a share of the median."""
        return (max(self.samples) - min(self.samples)) / self.median / 2 if self.median else 0.0

    def __str__(self) -> str:
        return f"{short(self.median)} ±{self.spread:.0%}"


@dataclass
class Comparison:
    """One line of a report: the same thing on both sides."""

    name: str
    sides: dict[str, Figures]
    goal: float | None  # the share of Go's that this runtime may need; None: only for information

    @property
    def ratio(self) -> float:
        """This runtime's median over Go's; not a number without Go."""
        go = self.sides.get(GO)
        return self.sides[TOY].median / go.median if go and go.median else math.nan

    @property
    def is_met(self) -> bool:
        return self.goal is None or not self.ratio > self.goal

    def complaint(self) -> str:
        """By how much the goal is missed."""
        return f"{self.ratio:.2f} of Go's, not {self.goal}"

    def row(self) -> list[str]:
        """The cells of its line, those of other peers behind the verdict."""
        others = [str(figures) for name, figures in self.sides.items() if name not in (TOY, GO)]
        go = str(self.sides[GO]) if GO in self.sides else "-"
        ratio = "-" if math.isnan(self.ratio) else f"{self.ratio:.2f}"
        goal = "-" if self.goal is None else f"<= {self.goal:.2f}"
        verdict = "-" if self.goal is None or math.isnan(self.ratio) else "yes" if self.is_met else "NO"
        return [self.name, str(self.sides[TOY]), go, ratio, goal, verdict, *others]


@dataclass
class AtLeast(Comparison):
    """One line of a report whose goal is an own figure, and not less than that."""

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.sides[TOY].median >= self.goal

    def complaint(self) -> str:
        return f"{self.sides[TOY].median:.2f}, not {self.goal}"

    def row(self) -> list[str]:
        name, toy, go, ratio, _goal, _verdict, *others = super().row()
        return [name, toy, go, ratio, f">= {self.goal:.2f}", "yes" if self.is_met else "NO", *others]


@dataclass
class Near(Comparison):
    """One line of a report whose figure should be Go's, give or take the goal's share of it, or one."""

    @property
    def is_met(self) -> bool:
        if self.goal is None or GO not in self.sides:
            return True
        go = self.sides[GO].median
        return abs(self.sides[TOY].median - go) <= max(1, self.goal * go)

    def complaint(self) -> str:
        return f"{self.ratio:.2f} of Go's, not within {self.goal:.0%} of it"

    def row(self) -> list[str]:
        name, toy, go, ratio, _goal, verdict, *others = super().row()
        return [name, toy, go, ratio, f"1 ±{self.goal:.0%}", verdict, *others]


def interleaved(samplers: Mapping[str, Callable[[], float]], rounds: int, title: str) -> dict[str, Figures]:
    """Take a sample of each side in turn, `rounds` times, every other round backwards."""
    figures = {name: Figures() for name in samplers}
    for number in range(rounds):
        names = list(samplers)
        for name in names if number % 2 == 0 else reversed(names):
            show_progress(f"{title}: round {number + 1} of {rounds}: {name}")
            figures[name].samples.append(samplers[name]())
    show_progress("")
    return figures


def short(value: float) -> str:
    """A number with three digits that count."""
    if value == 0 or not math.isfinite(value):
        return str(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def report(unit: str, comparisons: Sequence[Comparison]) -> str:
    """The table of a group of comparisons."""
    others = [name for name in comparisons[0].sides if name not in (TOY, GO)]
    heads = [unit, TOY, GO, "toy / Go", "goal", "met", *others]
    return table(heads, [comparison.row() for comparison in comparisons])


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios, and of times of unlike things."""
    return statistics.geometric_mean(values)


def print_verdict(groups: Mapping[str, Sequence[Comparison]]) -> None:
    """How many goals were met, and which were missed."""
    lines = [(group, line) for group, comparisons in groups.items() for line in comparisons]
    missed = [f"{group} {line.name}: {line.complaint()}" for group, line in lines if not line.is_met]
    judged = sum(line.goal is not None for _, line in lines)
    print(f"{judged - len(missed)} of {judged} goals met", *missed, sep="\n  ")
