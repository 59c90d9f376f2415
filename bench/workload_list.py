"""Workload list: what `make peers` runs, each of a size that takes Go about a second.

    allocating   time goes into making objects, and into finding the dead ones
    plain        nothing is allocated in the loops

Programs that are worth reading by themselves are in examples/, the others in bench/workloads/. Each checks its own
result; the tests run them at sizes for which the python engine takes a second or two.

Owner: the benchmark.                                                                   Next: side_by_side.py
"""

from __future__ import annotations

import re
from pathlib import Path

from bench.peers import ROOT, Workload

EXAMPLES = ROOT / "examples"
OWN = ROOT / "bench" / "workloads"
ALLOCATING_GOAL, PLAIN_GOAL = 0.5, 1.0  # geometric mean of time to Go's
WORST = 1.0  # time to Go's of any allocating workload
MEMORY_GOAL = 1.0  # geometric mean of the peak above an empty program's, to Go's


def example(name: str, size: int) -> Workload:
    return Workload(name, EXAMPLES / f"{name}.toy", (str(size),))


def own(name: str) -> Workload:
    """One of ours at its default size, which is passed so that all peers get it."""
    path = OWN / f"{name}.toy"
    match = re.search(r"argument\((\d+)\)", path.read_text("utf-8"))
    assert match, f"{path} has no default size"
    return Workload(name, path, (match[1],))


def allocating() -> list[Workload]:
    return [
        example("binary_trees", 17),
        example("gcbench", 17),
        example("splay_tree", 25_000),
        example("lru_cache", 40_000_000),
        own("lru_map"),
        example("word_counter", 10_000_000),
        own("word_count"),
        example("json_builder", 200_000),
        own("json_values"),
        own("constraint_solver"),
        example("expression_interpreter", 800_000),
        own("closure_interpreter"),
        own("graph_search"),
        own("string_building"),
        own("big_slices"),
        own("ring"),
        own("k_nucleotide"),
    ]


def plain() -> list[Workload]:
    return [
        example("nbody", 5_000_000),
        example("spectral_norm", 5000),
        own("fannkuch"),
        example("mandelbrot", 2400),
        example("matmul", 1200),
    ]


def small_size(path: Path) -> str:
    """The argument in the program's own words: // python-size: 7"""
    match = re.search(r"^// python-size: (\d+)$", path.read_text("utf-8"), re.MULTILINE)
    assert match, f"{path} does not say its small size"
    return match[1]
