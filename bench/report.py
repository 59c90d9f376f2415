"""Report: bench/RESULTS.md, made of what is kept in bench/results.

    python -m bench.report

    samples.json    make peers                           workloads: time, memory, pauses
    curves.json     make curves                          GOGC, the live heap, the address space
    traces.json     make bench-traces ARGS=--record      allocations of real programs
    mark.json       make bench-mark ARGS=--record        the collector, on heaps of real programs too
    malloc.json     make bench-malloc ARGS=--record      the allocator, level by level
      |
      v
    bench/RESULTS.md, bench/results/*.svg

Each of the benchmarks writes the report at its end; `make results` runs them all. What is not there is left out.

Owner: the benchmark.                                                                       Next: section_plots.py
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import plots, results, section_plots
from bench.figures import GO, TOY, Comparison, report
from bench.harness import table
from bench.measurements import RESULTS, Group, Measurements, dumped, record, recorded
from bench.peers import ROOT

SAMPLES = RESULTS / "samples.json"
REPORT = ROOT / "bench" / "RESULTS.md"
LARGE_LIVE = 16  # MiB; below, what a collection does besides marking is most of it


def write() -> Path:
    """Make the report once more."""
    with_plots = plots.can_draw()
    sections = []
    for name, (section, draw) in SECTIONS.items():
        if measured := recorded(name):
            pictures = draw(measured, RESULTS) if with_plots else []
            sections.append("\n\n".join(part for part in section(measured, pictures) if part))
    behind = results.explanations((ROOT / "bench" / "behind.md").read_text("utf-8"))
    found = results.loaded(SAMPLES)
    pictures = plots.draw(found, RESULTS) if with_plots else []
    REPORT.write_text(results.markdown(found, behind, pictures, sections), encoding="utf-8")
    return REPORT


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of a benchmark, with those that all have which can keep what they found."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to a file")
    parser.add_argument("--record", action="store_true", help="keep the results in bench/results, for bench/RESULTS.md")
    options = parser.parse_args()
    if options.record and any(getattr(options, part, None) for part in ("only", "quick", "files")):
        parser.error("only what is complete can be recorded")
    return options


def keep(name: str, found: Measurements, options: argparse.Namespace) -> None:
    """Do what those options say."""
    if options.json:
        options.json.write_text(dumped(found), encoding="utf-8")
    if options.record:
        record(name, found)
        print(f"written: {write().relative_to(ROOT)}")


# --- Sections --------------------------------------------------------------------------------------------------------


def curves(found: Measurements, pictures: Sequence[str]) -> list[str]:
    """GOGC, live heap, address space."""
    groups = found.groups
    programs = [name.removesuffix(": time") for name in groups if name.endswith(": time")]
    live = [name for name in groups if name.startswith("live heap")]
    used = [name for name in groups if name.startswith("address space")]
    return [
        "## Heap-size curves",
        " ".join([found.taken(), *found.notes]),
        "### GOGC",
        "Seconds are of the processor, MiB the peak above an empty program's.",
        shown(pictures, "gogc"),
        *(time_and_memory(name, groups[f"{name}: time"], groups[f"{name}: memory"]) for name in programs),
        *(["### The collector, by what is alive", linear(groups), shown(pictures, "live_heap")] if live else []),
        *(side_by_side(groups[name]) for name in live),
        *(["### The allocator, by address space in use", flat(groups, used), shown(pictures, "address_space")]),
        *(titled(name.partition(": ")[2], side_by_side(groups[name])) for name in used),
    ]


def time_and_memory(name: str, time: Group, memory: Group) -> str:
    """One table of two groups with the same lines."""
    heads = [name, "toy s", "Go s", "toy / Go", "toy MiB", "Go MiB", "toy / Go"]
    pairs = zip(time.lines, memory.lines, strict=True)
    return table(heads, [[one.name, *cells(one, [TOY, GO]), *cells(other, [TOY, GO])] for one, other in pairs])


def side_by_side(group: Group) -> str:
    """A table without goals."""
    sides = list(group.lines[0].sides)
    return table([group.unit, *sides, "toy / Go"], [[line.name, *cells(line, sides)] for line in group.lines])


def cells(line: Comparison, sides: Sequence[str]) -> list[str]:
    """Figures of each side, then toy's share of Go's."""
    return [*(str(line.sides[side]) if side in line.sides else "-" for side in sides), line.row()[3]]


def linear(groups: dict[str, Group]) -> str:
    """What the curve of the live heap says."""
    lines = [line for line in groups["live heap: an object"].lines if int(line.name) >= LARGE_LIVE]
    if not lines:
        return ""
    text = ", ".join(f"{spread(lines, side):.2f} on {side}'s side" for side in lines[0].sides)
    return (
        f"Binary trees of nodes of 24 bytes, collected until all is marked. From {lines[0].name} to {lines[-1].name} "
        f"MiB the dearest object costs this many times the cheapest: {text}. So much is the whole cost off a straight "
        "line."
    )


def flat(groups: dict[str, Group], names: Sequence[str]) -> str:
    """What the curves of the address space say."""
    if not names:
        return ""
    ends = groups[names[0]].lines
    texts = []
    for name in names:
        first, last = groups[name].lines[0].sides, groups[name].lines[-1].sides
        ratios = " and ".join(f"{last[side].median / first[side].median:.2f} on {side}'s side" for side in first)
        texts.append(f"{name.partition(': ')[2]}, {ratios}")
    return (
        f"Beside {ends[-1].name} MiB in use an operation takes this many times what it takes beside {ends[0].name}: "
        f"{'; '.join(texts)}."
    )


def spread(lines: Sequence[Comparison], side: str) -> float:
    medians = [line.sides[side].median for line in lines]
    return max(medians) / min(medians)


def traces(found: Measurements, pictures: Sequence[str]) -> list[str]:
    """Allocations of real programs."""
    return [
        "## Allocation traces",
        f"{found.taken()} Each trace is what a real program asked of its allocator ([traces](traces/README.md)), "
        "played in a fresh process of each side: with a collector at GOGC=100, or with malloc and free, as the program "
        "did. Cold is the first pass, warm the best of those after it. Memory is by how much the resident memory grows "
        "while every byte of every object is written, over the most that was ever alive.",
        *(report(group.unit, group.lines) for group in found.groups.values()),
        "Over the operations of each trace: what is alive, and what each side has resident for it.",
        shown(pictures, "fragmentation"),
    ]


def mark(found: Measurements, pictures: Sequence[str]) -> list[str]:
    """The collector."""
    return [
        "## The collector",
        f"{found.taken()} `shapes` and `graphs` are live heaps, of nodes of one kind and of real programs "
        "([graphs](graphs/README.md)), collected until all is marked; the others are explained in "
        "[mark.py](mark.py).",
        shown(pictures, "mark"),
        *(titled(name, report(group.unit, group.lines)) for name, group in found.groups.items()),
    ]


def malloc(found: Measurements, pictures: Sequence[str]) -> list[str]:
    """The allocator."""
    return [
        "## The allocator, level by level",
        f"{found.taken()} What each group is, [malloc.py](malloc.py) says.",
        shown(pictures, "malloc"),
        *(titled(name, report(group.unit, group.lines)) for name, group in found.groups.items()),
    ]


def titled(title: str, text: str) -> str:
    return f"**{title}**\n\n{text}"


def shown(pictures: Sequence[str], *names: str) -> str:
    """The pictures of these names, as far as they are there."""
    return results.images([picture for picture in pictures if Path(picture).stem in names])


Section = Callable[[Measurements, Sequence[str]], list[str]]
Draw = Callable[[Measurements, Path], list[str]]
SECTIONS: dict[str, tuple[Section, Draw]] = {
    "curves": (curves, section_plots.curves),
    "traces": (traces, section_plots.courses),
    "mark": (mark, section_plots.graphs),
    "malloc": (malloc, section_plots.levels),
}


def main() -> int:
    argparse.ArgumentParser(prog="python -m bench.report", description="bench/RESULTS.md once more").parse_args()
    try:
        print(f"written: {write().relative_to(ROOT)}")
    except (OSError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
