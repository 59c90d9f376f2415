"""Section plots: pictures of measurements, beside those of the workloads in plots.py.

    gogc.svg           time against memory of a program, a point for each GOGC
    live_heap.svg      a collection's nanoseconds for each live object and byte, by the size of the live heap
    address_space.svg  nanoseconds of the allocator's operations, by what is in use
    fragmentation.svg  what is alive and what is resident, over the operations of each trace
    mark.svg           marking heaps of real programs, each side
    malloc.svg         an allocation of each kind, each side

Owner: the benchmark.                                                                           Next: plots.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.figures import GO, TOY
from bench.measurements import Group, Measurements
from bench.plots import GREEN, GREY, RED, grid, save

COLORS = {TOY: GREEN, GO: RED, "glibc": "#7a5195", "mimalloc": "#ef8a17", "jemalloc": "#3b6fb6", "Boehm": GREY}
PANEL = (2.9, 2.1)  # inches
GIB = 1024  # MiB
BARS = (4.6, 0.24)  # inches: of a panel, and of a bar


def color(side: str) -> str:
    return COLORS.get(side, "#444444")


def named(directory: Path, *paths: Path | None) -> list[str]:
    """The pictures that there are, from the directory above."""
    return [f"{directory.name}/{path.name}" for path in paths if path]


# --- Curves ----------------------------------------------------------------------------------------------------------


def curves(found: Measurements, directory: Path) -> list[str]:
    groups = found.groups
    live = {f"{name.partition(': ')[2]}, ns": groups[name] for name in groups if name.startswith("live heap")}
    used = {f"{name.partition(': ')[2]}, ns": groups[name] for name in groups if name.startswith("address space")}
    return named(
        directory,
        trade_off(directory / "gogc.svg", groups),
        lines(directory / "live_heap.svg", live, "MiB live", (4.5, 2.6)),
        lines(directory / "address_space.svg", used, "MiB in use", PANEL),
    )


def trade_off(path: Path, groups: Mapping[str, Group]) -> Path | None:
    """A panel for each program: MiB to the right, seconds upwards."""
    programs = [name.removesuffix(": time") for name in groups if name.endswith(": time")]
    if not programs:
        return None
    figure, panels = grid(len(programs), (3.4, 3))
    for axes, program in zip(panels, programs, strict=True):
        times, memories = (groups[f"{program}: {what}"].lines for what in ("time", "memory"))
        for side in times[0].sides:
            xs = [line.sides[side].median for line in memories]
            ys = [line.sides[side].median for line in times]
            axes.plot(xs, ys, marker="o", markersize=4, color=color(side), label=side)
            for x, y, line in zip(xs, ys, times, strict=True):
                axes.annotate(line.name, (x, y), xytext=(3, 4), textcoords="offset points", fontsize=6)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_title(program, loc="left", fontsize=9)
        axes.set_xlabel("MiB", fontsize=8)
    panels[0].set_ylabel("s", fontsize=8)
    panels[0].legend(fontsize=7, frameon=False)
    return save(figure, path)


def lines(path: Path, groups: Mapping[str, Group], across: str, size: tuple[float, float]) -> Path | None:
    """A panel for each group, whose lines are named by a number of MiB."""
    if not groups:
        return None
    figure, panels = grid(len(groups), size, columns=2)
    for axes, (title, group) in zip(panels, groups.items(), strict=True):
        xs = [float(line.name) for line in group.lines]
        for side in group.lines[0].sides:
            ys = [line.sides[side].median for line in group.lines]
            axes.plot(xs, ys, marker="o", markersize=3, color=color(side), label=side)
        axes.set_xscale("log", base=2)
        axes.set_xticks(xs[::2], [f"{x:.0f}" if x < GIB else f"{x / GIB:.0f} Gi" for x in xs[::2]])
        axes.set_ylim(bottom=0)
        axes.set_title(title, loc="left", fontsize=8)
        axes.set_xlabel(across, fontsize=8)
    panels[0].legend(fontsize=7, frameon=False)
    return save(figure, path)


# --- Traces ----------------------------------------------------------------------------------------------------------


def courses(found: Measurements, directory: Path) -> list[str]:
    """What is alive as an area, what is resident as lines."""
    if not found.courses:
        return []
    figure, panels = grid(len(found.courses), PANEL, columns=4)
    for axes, (name, columns) in zip(panels, found.courses.items(), strict=True):
        live = columns["live"]
        xs = [100 * (i + 1) / len(live) for i in range(len(live))]
        axes.fill_between(xs, live, color="#dddddd", label="alive")
        for side, resident in columns.items():
            if side != "live":
                axes.plot(xs, resident, linewidth=1, color=color(side), label=side)
        axes.set_ylim(bottom=0)
        axes.set_title(f"{name}, MiB", loc="left", fontsize=8)
        axes.set_xlabel("% of the operations", fontsize=7)
    panels[0].legend(fontsize=6, frameon=False)
    return named(directory, save(figure, directory / "fragmentation.svg"))


# --- Groups as bars --------------------------------------------------------------------------------------------------


def graphs(found: Measurements, directory: Path) -> list[str]:
    return named(directory, bars(directory / "mark.svg", chosen(found, "shapes", "graphs")))


def levels(found: Measurements, directory: Path) -> list[str]:
    return named(directory, bars(directory / "malloc.svg", chosen(found, "reused", "collected")))


def chosen(found: Measurements, *names: str) -> dict[str, Group]:
    """These groups, as far as they were measured."""
    return {name: found.groups[name] for name in names if name in found.groups}


def bars(path: Path, groups: Mapping[str, Group]) -> Path | None:
    """A panel for each group, a bar for each side of a line."""
    if not groups:
        return None
    most = max(len(group.lines) * len(group.lines[0].sides) for group in groups.values())
    figure, panels = grid(len(groups), (BARS[0], 0.8 + BARS[1] * most * 0.7), columns=len(groups))
    for axes, (name, group) in zip(panels, groups.items(), strict=True):
        draw_bars(axes, group, [side for side in group.lines[0].sides if side in COLORS])
        axes.set_title(f"{name}, {group.unit}", loc="left", fontsize=9)
    return save(figure, path)


def draw_bars(axes: Any, group: Group, sides: Sequence[str]) -> None:
    """The sides of a line together, on a logarithmic scale."""
    height = 0.8 / len(sides)
    for number, side in enumerate(sides):
        places = [i + number * height for i in range(len(group.lines))]
        values = [line.sides[side].median for line in group.lines]
        drawn = axes.barh(places, values, height, color=color(side), label=side)
        axes.bar_label(drawn, [f"{value:.3g}" for value in values], padding=2, fontsize=6)
    axes.set_yticks([i + 0.4 - height / 2 for i in range(len(group.lines))], [line.name for line in group.lines])
    axes.set_xscale("log")
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.legend(fontsize=7, frameon=False)
