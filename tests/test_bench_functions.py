"""The benchmark of single functions: its programs run, and its table tells how far they are behind."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench import functions
from bench.harness import Harness
from bench.peers import Go, Toyrun, Workload


def test_of_several_runs_the_best_times_count() -> None:
    first, second = functions.parsed("a\t2.50\nb\t1.00\n"), functions.parsed("a\t2.00\nb\t3.00\n")
    assert functions.best([first, second]) == {"a": 2.0, "b": 1.0}


def test_the_slowest_beside_go_comes_first() -> None:
    toy, go = {"a": 1.0, "b": 8.0, "c": 0.01}, {"a": 2.0, "b": 1.0, "c": 5.0, "only Go's": 1.0}
    assert functions.rows(toy, go, "") == [
        ["b", "8.0", "1.0", "8.00"],
        ["a", "1.0", "2.0", "0.50"],
        ["geometric mean of 2", "", "", "2.00"],
    ]
    assert functions.rows(toy, go, "nowhere") == []


@pytest.mark.full
@pytest.mark.parametrize("program", functions.PROGRAMS, ids=lambda program: program.stem)
def test_both_measure_the_same_functions(program: Path) -> None:
    workload = Workload(program.stem, program, ("1", "1"))
    toy, go = (
        functions.parsed(Harness(None).output(peer.command(workload)).decode()) for peer in (Toyrun(procs=1), Go())
    )
    assert list(toy) == list(go)
    assert len(toy) > 50
    assert all(0 <= nanoseconds < math.inf for nanoseconds in [*toy.values(), *go.values()])
