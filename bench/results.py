"""Results: what a run of `make peers` found, as JSON and as a report.

    Measured   one workload: samples of each peer, collections, compile times
    Results    all of them, with machine, versions, and who was missing

A time of the report is processor time, user and system, of the whole process, start included: it says the same on a
machine that others use, too. Ratios are toyrun's over the peer's, by medians: less than 1 is better than the peer.

Owner: the benchmark.                                                                            Next: plots.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.figures import geometric_mean, short
from bench.harness import Sample, Series, table
from bench.pauses import Pauses
from bench.workload_list import ALLOCATING_GOAL, MEMORY_GOAL, PLAIN_GOAL, WORST

TOY, GO = "toyrun", "Go"
TOY2, GO2 = "toyrun, 2 Ps", "Go, 2 Ps"
SMALL = "toyrun, small pages"
LEAST = 2.0  # MiB above an empty program's: below that a ratio says nothing


@dataclass(frozen=True)
class Measured:
    """One workload."""

    name: str
    kind: str  # allocating or plain
    args: tuple[str, ...]
    series: dict[str, Series]  # by peer
    pauses: dict[str, Pauses]
    compiling: dict[str, float]  # seconds of the processor

    def ratio(self, peer: str = GO, of: str = TOY) -> float | None:
        """Of processor time."""
        if peer not in self.series or of not in self.series:
            return None
        return self.series[of].cpu / self.series[peer].cpu

    def wall_ratio(self, peer: str = GO, of: str = TOY) -> float | None:
        if peer not in self.series or of not in self.series:
            return None
        return self.series[of].wall / self.series[peer].wall

    def others(self) -> list[str]:
        return [name for name in self.series if name not in (TOY, GO, TOY2, GO2, SMALL)]


@dataclass(frozen=True)
class Results:
    """One run."""

    date: str
    machine: str
    versions: dict[str, str]
    missing: dict[str, str]  # why
    rounds: int
    load: list[float]  # average of the minute before, and of the last
    empty: dict[str, Series]
    workloads: list[Measured]

    def kind(self, kind: str) -> list[Measured]:
        return [line for line in self.workloads if line.kind == kind]

    def above_empty(self, line: Measured, peer: str) -> float:
        """MiB."""
        return line.series[peer].rss - self.empty[peer].rss

    def memory_ratio(self, line: Measured) -> float | None:
        """To Go's; None where there is next to nothing."""
        if GO not in line.series:
            return None
        toy, go = self.above_empty(line, TOY), self.above_empty(line, GO)
        return max(toy, 0.1) / go if go >= LEAST else None


# --- JSON ---


def dumped(found: Results) -> str:
    """As JSON, a sample on each line."""
    text = json.dumps(asdict(found), indent=1)
    return re.sub(r'\{\s*"wall"[^}]*\}', lambda match: " ".join(match[0].split()), text) + "\n"


def loaded(path: Path) -> Results:
    plain = json.loads(path.read_text("utf-8"))
    plain["empty"] = series_of(plain["empty"])
    plain["workloads"] = [
        Measured(
            line["name"],
            line["kind"],
            tuple(line["args"]),
            series_of(line["series"]),
            {peer: Pauses(**pauses) for peer, pauses in line["pauses"].items()},
            line["compiling"],
        )
        for line in plain["workloads"]
    ]
    return Results(**plain)


def series_of(plain: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]) -> dict[str, Series]:
    return {
        peer: Series([Sample(s["wall"], s["cpu"], s["rss"], int(s["code"])) for s in one["samples"]])
        for peer, one in plain.items()
    }


# --- Report ---


def mean(ratios: Iterable[float | None]) -> float | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return geometric_mean(known) if known else None


def ratio_text(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def spread_of(series: Series) -> str:
    """Half the distance from the least to the greatest processor time, as a share of the median."""
    times = [sample.cpu for sample in series.samples]
    return f"±{(max(times) - min(times)) / series.cpu / 2:.0%}" if len(times) > 1 and series.cpu else ""


def time_text(series: Series | None) -> str:
    return f"{series.cpu:.2f} {spread_of(series)}".strip() if series else "-"


def verdict(found: Results) -> str:
    """The goals, and whether they are met."""
    heap, plain = found.kind("allocating"), found.kind("plain")
    worst = max(((line.ratio() or 0.0, line.name) for line in heap), default=(0.0, "-"))
    slower = sum((line.ratio() or 0) > WORST for line in heap)
    rows = [
        goal_row("allocating: mean of time / Go", mean(line.ratio() for line in heap), ALLOCATING_GOAL),
        [f"allocating: the worst, {worst[1]} ({slower} above 1)", *goal_row("", worst[0], WORST)[1:]],
        goal_row("plain: mean of time / Go", mean(line.ratio() for line in plain), PLAIN_GOAL),
        goal_row("memory above empty: mean / Go", mean(map(found.memory_ratio, found.workloads)), MEMORY_GOAL),
    ]
    return table(["", "is", "goal", "met"], rows)


def goals_with_small_pages(found: Results) -> str:
    """What the means would be."""
    heap, plain = (
        ratio_text(mean(line.ratio(of=SMALL) for line in found.kind(kind))) for kind in ("allocating", "plain")
    )
    worst = max(((line.ratio(of=SMALL) or 0.0, line.name) for line in found.kind("allocating")), default=(0.0, "-"))
    return (
        f"Without huge pages (`GODEBUG=disablethp=1`, below) the means of time are {heap} and {plain}, "
        f"and the worst is {worst[1]}, {worst[0]:.2f}."
    )


def goal_row(name: str, value: float | None, goal: float) -> list[str]:
    return [name, ratio_text(value), f"<= {goal}", "-" if value is None else "yes" if value <= goal else "NO"]


def times(found: Results, kind: str) -> str:
    heads = ["workload", "toyrun s", "Go s", "toyrun / Go", "by the clock"]
    heads += ["2 Ps: toyrun s", "Go s", "toyrun / Go", "by the clock"]
    rows = []
    for line in found.kind(kind):
        cells = [f"{line.name} {' '.join(line.args)}"]
        for toy, go in ((TOY, GO), (TOY2, GO2)):
            cells += [time_text(line.series.get(toy)), time_text(line.series.get(go))]
            cells += [ratio_text(line.ratio(go, toy)), ratio_text(line.wall_ratio(go, toy))]
        rows.append(cells)
    lines = found.kind(kind)
    means = [mean(line.ratio() for line in lines), mean(line.wall_ratio() for line in lines)]
    means += [mean(line.ratio(GO2, TOY2) for line in lines), mean(line.wall_ratio(GO2, TOY2) for line in lines)]
    a, b, c, d = map(ratio_text, means)
    return table(heads, [*rows, ["geometric mean", "", "", a, b, "", "", c, d]])


def memory(found: Results) -> str:
    rows = []
    for line in found.workloads:
        toy, go = (short(found.above_empty(line, peer)) if peer in line.series else "-" for peer in (TOY, GO))
        rows.append([line.name, toy, go, ratio_text(found.memory_ratio(line))])
    rows.append(["geometric mean", "", "", ratio_text(mean(map(found.memory_ratio, found.workloads)))])
    return table(["MiB above an empty program", "toyrun", "Go", "toyrun / Go"], rows)


def collections(found: Results, peers: tuple[str, str] = (TOY, GO)) -> str:
    """Of both sides, on one P or on two."""
    heads = ["workload", "toyrun: collections", "stopped ms", "longest ms"]
    heads += ["Go: collections", "stopped ms", "longest ms", "marking beside ms"]
    rows = []
    for line in found.kind("allocating"):
        seen = [line.pauses.get(peer) for peer in peers]
        cells = [cell for one in seen for cell in pause_cells(one)]
        rows.append([line.name, *cells, short(seen[1].beside) if seen[1] else "-"])
    return table(heads, rows)


def pause_cells(seen: Pauses | None) -> list[str]:
    return [str(seen.count), short(seen.total), short(seen.longest)] if seen else ["-"] * 3


def other_collections(found: Results) -> str:
    rows = [
        [f"{line.name}, {peer}", *pause_cells(seen)]
        for line in found.workloads
        for peer, seen in line.pauses.items()
        if peer in line.others()
    ]
    return table(["", "collections", "stopped ms", "longest ms"], rows) if rows else ""


def compiling(found: Results) -> str:
    rows = [[line.name, *(f"{line.compiling.get(peer, 0):.2f}" for peer in (TOY, GO))] for line in found.workloads]
    return table(["compile, s", "toyrun, nothing cached", "go build, library built"], rows)


def others(found: Results) -> str:
    """Each other peer beside toyrun: time, ratio, memory."""
    parts = []
    for line in found.workloads:
        names = [TOY, *([GO] if GO in line.series else []), *line.others()]
        if len(names) < 3:
            continue
        rows = []
        for name in names:
            one = line.series[name]
            clock = ratio_text(line.wall_ratio(name))
            rows.append([name, time_text(one), ratio_text(line.ratio(name)), clock, f"{one.rss:.0f}"])
        heads = [f"{line.name} {' '.join(line.args)}", "s", "toyrun / it", "by the clock", "peak MiB"]
        parts.append(table(heads, rows))
    return "\n\n".join(parts)


def small_pages(found: Results) -> str:
    """toyrun without pages of 2 MiB."""
    rows = []
    for line in found.workloads:
        if SMALL in line.series:
            one = line.series[SMALL]
            texts = [time_text(one), ratio_text(line.ratio(of=SMALL)), ratio_text(line.ratio()), f"{one.rss:.0f}"]
            rows.append([line.name, *texts, f"{line.series[TOY].rss:.0f}"])
    if not rows:
        return ""
    means = [ratio_text(mean(line.ratio(of=of) for line in found.workloads)) for of in (SMALL, TOY)]
    heads = ["workload", "small pages: s", "of Go's", "with huge ones: of Go's", "peak MiB", "with huge ones"]
    return table(heads, [*rows, ["geometric mean", "", *means, "", ""]])


def is_behind(found: Results, line: Measured) -> bool:
    """Slower than Go, or than half of Go if it allocates; or with more memory."""
    most = ALLOCATING_GOAL if line.kind == "allocating" else PLAIN_GOAL
    return (line.ratio() or 0) > most or (found.memory_ratio(line) or 0) > MEMORY_GOAL


def explanations(text: str) -> dict[str, str]:
    """Sections of a text by their heading: the name of a workload, or several of them."""
    sections: dict[str, str] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        for name in heading.split(","):
            sections[name.strip()] = body.strip()
    return sections


def behind_text(found: Results, behind: Mapping[str, str]) -> str:
    lines = []
    for line in found.workloads:
        if is_behind(found, line):
            memory_part = f", memory {ratio_text(found.memory_ratio(line))}"
            why = " ".join(behind.get(line.name, "Not looked into yet.").split())
            lines.append(f"- **{line.name}** (time {ratio_text(line.ratio())}{memory_part} of Go's). {why}")
    general = [behind["all"]] if "all" in behind else []
    return "\n".join(general + ([""] if general else []) + (lines or ["Nothing."]))


def images(pictures: Sequence[str]) -> str:
    return "\n\n".join(f"![{Path(name).stem}]({name})" for name in pictures)


def markdown(
    found: Results, behind: Mapping[str, str], pictures: Sequence[str] = (), sections: Sequence[str] = ()
) -> str:
    """The report; the sections are about other things than workloads."""
    versions = table(["", "version"], [[name, version] for name, version in found.versions.items()])
    missing = "".join(f"\nWithout {name}: {reason}.\n" for name, reason in found.missing.items())
    of_collections = [name for name in pictures if Path(name).stem in ("pauses", "heap")]
    load = " to ".join(f"{load:.1f}" for load in found.load)
    parts = [
        "# Beside its peers",
        f"Written by `make peers` on {found.date}: {found.machine}; {found.rounds} interleaved rounds, medians; "
        f"load average {load}, this run's own share of about 1 included.",
        "Seconds are of the processor, user and system, of the whole process, start included (toyrun: Python's start, "
        "too), with half the distance from the fastest to the slowest run. By the clock means the ratio of wall times, "
        "which on a machine that others use is noise. A ratio below 1 is in toyrun's favour.",
        "## Goals",
        verdict(found),
        goals_with_small_pages(found),
        images([name for name in pictures if name not in of_collections]),
        "## What is behind, and why",
        behind_text(found, behind),
        "## Time",
        *(f"### {kind.capitalize()}\n\n{times(found, kind)}" for kind in ("allocating", "plain") if found.kind(kind)),
        "## Memory",
        memory(found),
        "## Collections",
        "From runs of their own, with each runtime's trace; the one with the shortest pauses counts. Go's world stands "
        "still only at the start and the end of a "
        "cycle; while it marks, its workers take the processor from the program in slices, which its trace does not "
        "count as a pause. toyrun's world stands still through all of a cycle. These are times by the clock: other "
        "load on the machine makes them longer.",
        collections(found),
        "The same with two Ps:",
        collections(found, (TOY2, GO2)),
        images(of_collections),
        other_collections(found),
        "## Huge pages",
        "toyrun asks for pages of 2 MiB where it finds their first touch to be cheap, Go does not. What that saves or "
        "costs depends on the machine: `GODEBUG=disablethp=1` is toyrun with small ones.",
        small_pages(found),
        "## Other peers",
        "A time without a spread is of a single run, which took too long by the clock for a second one.",
        others(found),
        "## Compile time",
        "Seconds of the processor, not part of the times above.",
        compiling(found),
        *sections,
        "## Versions",
        versions + ("\n" + missing if missing else ""),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
