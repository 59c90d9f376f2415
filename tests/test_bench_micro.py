"""The micro-benchmarks: every level is measured, in the state that its name says. No test looks at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.allocation_loops import GOGC_OFF, ToyLoops
from bench.micro import CHUNKS, FRAGMENTATION, NATIVE, PYTHON, ROUNDS, fragmented
from runtime.layout import CHUNK_PAGES
from tests.go_oracle import ROOT
from tests.runtime.engines import PythonEngine

pytestmark = pytest.mark.full  # what measures is for the full run

LEVELS = ["1 tiny", "2 small", "3 refill", "4 span", "5 pages", "6 large", "7 mark", "8 sweep"]
CHOSEN = "tiny8 or scan64 or refill or alloc-1 or every or large32K or tree or dead"
FIRST_RUN = dict(zip(FRAGMENTATION, [(0, 0), (0, 0), (CHUNKS - 1, 0), (CHUNKS - 1, 0), (CHUNKS - 2, 0)], strict=True))


@pytest.mark.slow
def test_every_level_is_measured_on_both_engines(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "pytest", "bench/micro.py", "-n", "0", "--benchmark-enable", "-k", CHOSEN]
    command += [f"--benchmark-json={out}"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ["TOY_CHECKED"] = "0"
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    found = json.loads(out.read_text("utf-8"))["benchmarks"]
    for engine in (NATIVE, PYTHON):
        ours = [line for line in found if engine in line["param"].split("-")]
        assert sorted({line["group"] for line in ours}) == LEVELS
        assert all(line["stats"]["rounds"] == ROUNDS and line["stats"]["min"] > 0 for line in ours)


@pytest.mark.parametrize("kind", ["tiny8", "scan64"])
def test_the_loops_do_the_same_under_cpython(kind: str) -> None:
    loops, counts = ToyLoops.interpreted(), []
    with loops.toy.runtime(GOGC_OFF) as g:
        before = loops.toy.figures(g)["Mallocs"]
        assert loops.timed(g, kind, 48) > 0
        counts.append(loops.toy.figures(g)["Mallocs"] - before)
        loops.collect(g)
        counts.append(loops.toy.figures(g)["HeapObjects"])
    assert counts[0] == 48
    assert counts[1] <= 1, "nothing but what the package variable holds"


@pytest.mark.parametrize("state", FRAGMENTATION)
def test_address_space_is_as_fragmented_as_its_name_says(state: str) -> None:
    npages = FRAGMENTATION[state][2]
    with fragmented(PythonEngine(), state) as heap:
        assert heap.alloc(npages) == (FIRST_RUN[state], 0)
        assert (npages > CHUNK_PAGES) is ("across" in state)
