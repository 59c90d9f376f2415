"""Plots: the results as pictures, if matplotlib is there (it is among the `bench` extras).

    time.svg     each workload: toyrun's processor time, Go's is 1
    memory.svg   the same of peak memory above an empty program's
    peers.svg    the workloads that other peers have a version of: seconds of each

Owner: the benchmark.                                                                   Next: side_by_side.py
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.results import GO, TOY, Results, mean
from bench.workload_list import ALLOCATING_GOAL

GREEN, RED, GREY = "#2a7f62", "#c0392b", "#8a8f98"
METADATA = {"Date": None, "Creator": None}  # so that equal results make equal files


def draw(found: Results, directory: Path) -> list[str]:
    """Write the plots; their paths from the directory above. None without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("no plots: matplotlib is not installed", file=sys.stderr)
        return []
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "toy"
    pictures = [
        ratios(directory / "time.svg", "Processor time, of Go's", [(w.name, w.ratio()) for w in found.workloads]),
        ratios(
            directory / "memory.svg",
            "Peak memory above an empty program's, of Go's",
            [(w.name, found.memory_ratio(w)) for w in found.workloads],
        ),
        peers(directory / "peers.svg", found),
    ]
    return [f"{directory.name}/{path.name}" for path in pictures if path]


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


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
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(1, len(lines), figsize=(3 * len(lines), 3.6), layout="constrained", squeeze=False)
    for axes, line in zip(rows[0], lines, strict=True):
        names = [name for name in (TOY, GO, *line.others()) if name in line.series]
        seconds = [line.series[name].cpu for name in names]
        bars = axes.barh(names, seconds, color=[GREEN if name == TOY else GREY for name in names])
        axes.bar_label(bars, [f"{value:.2g}" for value in seconds], padding=2, fontsize=8)
        axes.set_xscale("log")
        axes.set_xlim(min(0.1, *seconds), 4 * max(seconds))
        axes.xaxis.set_minor_formatter("")
        axes.spines[["top", "right"]].set_visible(False)
        axes.invert_yaxis()
        axes.set_title(f"{line.name}, s", loc="left", fontsize=10)
    return save(figure, path)
