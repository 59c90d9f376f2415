"""The harness: commands run in turn, several rounds, and what each used.

    round 1   toyrun  go  toyrun  go  ...
    round 2   go  toyrun  ...                 every other round backwards, so that drift hits all alike
      |
      v
    Series    one per command: the samples of all rounds, their median and spread

A sample is taken by bench/launcher, a small Go program, because the kernel counts the memory of the process that starts
another one as the peak of that one. Without Go the harness starts the commands itself, and says so.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """What to run."""

    argv: tuple[str, ...]  # the first is a path
    environ: Mapping[str, str] = field(default_factory=dict)  # beside the harness's own


@dataclass(frozen=True)
class Sample:
    """What one run used."""

    wall: float  # seconds
    cpu: float  # seconds, user and system
    rss: float  # peak resident MiB
    code: int  # exit code; negative: the signal that ended it


@dataclass
class Series:
    """All samples of one command."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def wall(self) -> float:
        return statistics.median(sample.wall for sample in self.samples)

    @property
    def cpu(self) -> float:
        return statistics.median(sample.cpu for sample in self.samples)

    @property
    def rss(self) -> float:
        return statistics.median(sample.rss for sample in self.samples)

    @property
    def spread(self) -> float:
        """The distance from the fastest to the slowest run, as a share of the median."""
        walls = [sample.wall for sample in self.samples]
        return (max(walls) - min(walls)) / self.wall


class CommandFailed(Exception):
    """A command that was to be measured did not work."""


@dataclass(frozen=True)
class Harness:
    """Runs commands, through the launcher when there is one."""

    launcher: Path | None

    def sample(self, command: Command, stdout: Path = Path(os.devnull)) -> Sample:
        """Run the command once."""
        with tempfile.TemporaryDirectory() as directory:
            report = Path(directory) / "usage"
            if self.launcher:
                launched = Command((str(self.launcher), str(report), *command.argv), command.environ)
                direct = run_directly(launched, stdout)
                sample = parse_report(report.read_text()) if direct.code == 0 else direct
            else:
                sample = run_directly(command, stdout)
        if sample.code != 0:
            raise CommandFailed(f"exit code {sample.code}: {' '.join(command.argv)}")
        return sample

    def output(self, command: Command) -> bytes:
        """What the command prints; the run also warms every cache."""
        return self.trial(command)[1]

    def trial(self, command: Command) -> tuple[Sample, bytes]:
        """A run whose output is kept."""
        with tempfile.TemporaryDirectory() as directory:
            stdout = Path(directory) / "stdout"
            sample = self.sample(command, stdout)
            return sample, stdout.read_bytes()

    def interleaved(
        self, commands: Mapping[str, Command], rounds: int, progress: Callable[[str], None] | None = None
    ) -> dict[str, Series]:
        """Run all commands in turn, `rounds` times."""
        tell = progress or show_progress
        series = {name: Series() for name in commands}
        for number in range(rounds):
            names = list(commands)
            for name in names if number % 2 == 0 else reversed(names):
                series[name].samples.append(self.sample(commands[name]))
                tell(f"round {number + 1} of {rounds}: {name}")
        if progress is None:
            show_progress("")
        return series


def run_directly(command: Command, stdout: Path) -> Sample:
    """Start the command from here and wait; its peak memory is at least ours."""
    begin = time.perf_counter()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(stdout), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    ]
    environ = {**os.environ, **command.environ}
    pid = os.posix_spawn(command.argv[0], command.argv, environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    code = os.waitstatus_to_exitcode(status)
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, code)


def parse_report(text: str) -> Sample:
    """The line that the launcher wrote."""
    wall, user, system, rss, code = map(int, text.split())
    return Sample(wall / 1e9, (user + system) / 1e6, rss / 1024, code)


def show_progress(text: str) -> None:
    """One line on a terminal, overwritten by the next."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@dataclass
class ProgressBar:
    """How many steps of so many are done, and how long the rest will take."""

    total: int
    done: int = 0
    begin: float = field(default_factory=time.monotonic)

    def step(self, text: str, steps: int = 1) -> None:
        self.done += steps
        show_progress(self.line(text, time.monotonic() - self.begin))

    def line(self, text: str, elapsed: float) -> str:
        """[#####---------------] 25% 3:20 left  text"""
        share = min(1.0, self.done / self.total)
        left = round(elapsed / share * (1 - share)) if share else 0
        cells = round(20 * share)
        return f"[{'#' * cells}{'-' * (20 - cells)}] {share:4.0%} {left // 60}:{left % 60:02} left  {text}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        aligned = [c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(aligned)} |"

    rule = [("-" * w if i == 0 else "-" * (w - 1) + ":") for i, w in enumerate(widths)]
    return "\n".join([line(heads), line(rule), *map(line, rows)])
