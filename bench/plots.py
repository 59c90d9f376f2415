"""Plots: the results as pictures, if matplotlib is there (it is among the `bench` extras).

    time.svg     each workload: toyrun's processor time, Go's is 1
    memory.svg   the same of peak memory above an empty program's
    peers.svg    the workloads that other peers have a version of: seconds of each
    pauses.svg   each workload: for how long it stood still, at most and in all
    heap.svg     the heap of a workload over time, by what each collection told

Owner: the benchmark.                                                                   Next: side_by_side.py
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.results import GO, TOY, Measured, Results, mean
from bench.workload_list import ALLOCATING_GOAL

GREEN, RED, GREY = "#2a7f62", "#c0392b", "#8a8f98"
LEAST_PAUSE = 0.001  # ms: what a bar begins with
MOST_HEAPS = 9
METADATA = {"Date": None, "Creator": None}  # so that equal results make equal files


def can_draw() -> bool:
    """Whether matplotlib is there; it is made ready."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("no plots: matplotlib is not installed", file=sys.stderr)
        return False
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "toy"
    return True


def draw(found: Results, directory: Path) -> list[str]:
    """Write the plots; their paths from the directory above."""
    pictures = [
        ratios(directory / "time.svg", "Processor time, of Go's", [(w.name, w.ratio()) for w in found.workloads]),
        ratios(
            directory / "memory.svg",
            "Peak memory above an empty program's, of Go's",
            [(w.name, found.memory_ratio(w)) for w in found.workloads],
        ),
        peers(directory / "peers.svg", found),
        pauses(directory / "pauses.svg", found.kind("allocating")),
        heaps(directory / "heap.svg", found.kind("allocating")),
    ]
    return [f"{directory.name}/{path.name}" for path in pictures if path]


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def grid(count: int, size: tuple[float, float], columns: int = 3) -> tuple[Any, list[Any]]:
    """A figure of so many panels, each of so many inches."""
    from matplotlib import pyplot

    across = min(count, columns)
    down = -(-count // across)
    figure, rows = pyplot.subplots(
        down, across, figsize=(size[0] * across, size[1] * down), layout="constrained", squeeze=False
    )
    panels = [axes for row in rows for axes in row]
    for axes in panels[count:]:
        axes.set_visible(False)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
    return figure, panels[:count]


def save(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot

    figure.savefig(path, metadata=METADATA)
    pyplot.close(figure)
    return path


def ratios(path: Path, title: str, lines: Sequence[tuple[str, float | None]]) -> Path | None:
    """A bar for each workload, the mean below."""
    known = [(name, ratio) for name, ratio in lines if ratio is not None]
    if not known:
        return None
    known.append(("geometric mean", mean(ratio for _, ratio in known) or 0.0))
    figure, axes = new_figure(8, 0.6 + 0.28 * len(known))
    names, values = [name for name, _ in known], [ratio for _, ratio in known]
    bars = axes.barh(names, values, color=[GREEN if value <= 1 else RED for value in values])
    axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=3, fontsize=8)
    axes.axvline(1, color="black", linewidth=1)
    axes.axvline(ALLOCATING_GOAL, color=GREY, linewidth=1, linestyle=":")
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    return save(figure, path)


def peers(path: Path, found: Results) -> Path | None:
    """For each workload that has other peers, their seconds on a logarithmic scale."""
    lines = [line for line in found.workloads if line.others()]
    if not lines:
        return None
    figure, panels = grid(len(lines), (3, 3.6), columns=len(lines))
    for axes, line in zip(panels, lines, strict=True):
        names = [name for name in (TOY, GO, *line.others()) if name in line.series]
        seconds = [line.series[name].cpu for name in names]
        bars = axes.barh(names, seconds, color=[GREEN if name == TOY else GREY for name in names])
        axes.bar_label(bars, [f"{value:.2g}" for value in seconds], padding=2, fontsize=8)
        axes.set_xscale("log")
        axes.set_xlim(min(0.1, *seconds), 4 * max(seconds))
        axes.xaxis.set_minor_formatter("")
        axes.invert_yaxis()
        axes.set_title(f"{line.name}, s", loc="left", fontsize=10)
    return save(figure, path)


def pauses(path: Path, lines: Sequence[Measured]) -> Path | None:
    """The longest pause and all of them together, milliseconds on a logarithmic scale."""
    known = [line for line in lines if TOY in line.pauses and GO in line.pauses]
    if not known:
        return None
    figure, panels = grid(2, (4.5, 0.8 + 0.24 * len(known)))
    for axes, what in zip(panels, ("longest", "total"), strict=True):
        for side, shade, shift in ((TOY, GREEN, -0.2), (GO, GREY, 0.2)):
            values = [max(LEAST_PAUSE, getattr(line.pauses[side], what)) for line in known]
            axes.barh([i + shift for i in range(len(known))], values, 0.4, color=shade, label=side, left=0)
        axes.set_yticks(range(len(known)), [line.name for line in known])
        axes.set_xscale("log")
        axes.invert_yaxis()
        axes.set_title(f"stood still, ms, {what}", loc="left", fontsize=9)
    panels[0].legend(fontsize=7, frameon=False)
    return save(figure, path)


def heaps(path: Path, lines: Sequence[Measured]) -> Path | None:
    """MB of heap over seconds, of the workloads with the largest heaps: up to where a collection begins, and down."""
    known = [line for line in lines if all(line.pauses[side].heap for side in (TOY, GO) if side in line.pauses)]
    known = sorted((line for line in known if TOY in line.pauses), key=peak)[-MOST_HEAPS:]
    if not known:
        return None
    figure, panels = grid(len(known), (3.4, 2.2))
    for axes, line in zip(panels, reversed(known), strict=True):
        for side, shade in ((GO, GREY), (TOY, GREEN)):
            if side in line.pauses:
                points = [(0.0, 0.0)]
                for when, before, after in line.pauses[side].heap:
                    points += [(when, before), (when, after)]
                axes.plot(*zip(*points, strict=True), linewidth=1, color=shade, label=side)
        axes.set_title(f"{line.name}, MB", loc="left", fontsize=9)
        axes.set_xlabel("s", fontsize=7)
    panels[0].legend(fontsize=7, frameon=False)
    return save(figure, path)


def peak(line: Measured) -> float:
    """MB."""
    return max(before for _, before, _ in line.pauses[TOY].heap)
