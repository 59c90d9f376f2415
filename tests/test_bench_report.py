"""What is kept of a benchmark, and the report that is made of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from bench import measurements, plots, report
from bench.figures import GO, TOY, AtLeast, Comparison, Figures, Near
from bench.measurements import Group, Measurements, Run, dumped, loaded
from bench.report import LARGE_LIVE, SECTIONS, keep, parsed
from bench.results import dumped as samples_text
from tests.go_oracle import ROOT
from tests.test_bench_peers import FOUND


def line(name: str, toy: float, go: float, **others: float) -> Comparison:
    sides = {TOY: [toy, toy], GO: [go, go]} | {side: [value] for side, value in others.items()}
    return Comparison(name, {side: Figures(samples) for side, samples in sides.items()}, None)


def measured(groups: dict[str, Group], **rest: object) -> Measurements:
    return Measurements("2030-01-02", "a machine", [1.0, 2.5], 2, groups, **rest)  # type: ignore[arg-type]


CURVES = measured(
    {
        "GOGC, trees: time": Group("s", [line("25", 4, 8), line("800", 1, 4)]),
        "GOGC, trees: memory": Group("MiB", [line("25", 10, 20), line("800", 90, 80)]),
        "live heap: an object": Group("ns", [line("1", 90, 90), line(str(LARGE_LIVE), 10, 20), line("4096", 11, 30)]),
        "live heap: a byte": Group("ns", [line("1", 9, 9), line(str(LARGE_LIVE), 1, 2), line("4096", 1, 3)]),
        "address space: a span": Group("ns", [line("64", 100, 200), line("65536", 110, 300)]),
    },
    notes=["Without a live heap of 8192 MiB: 100 MiB of memory were available."],
)
TRACES = measured(
    {"cold": Group("ns", [line("lua", 20, 40, glibc=30)])},
    courses={"lua": {"live": [1.0, 2.0], TOY: [2.0, 4.5], GO: [3.0, 3.5], "glibc": [1.5, 2.5]}},
)
MARK = measured({"shapes": Group("ns", [line("tree", 10, 20)]), "graphs": Group("ns", [line("lua", 1, 2, Boehm=3)])})
MALLOC = measured(
    {
        "reused": Group("ns", [line("tiny8", 2, 8, clearing=1)]),
        "threads": Group("speed-up", [AtLeast("alone16", {TOY: Figures([1.5]), GO: Figures([1.2])}, 1.8)]),
        "collections": Group("n", [Near("splay", {TOY: Figures([20]), GO: Figures([21])}, 0.1)]),
    }
)
ALL = {"curves": CURVES, "traces": TRACES, "mark": MARK, "malloc": MALLOC}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for what is kept, with the samples of the workloads."""
    results = tmp_path / "results"
    results.mkdir()
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "REPORT", tmp_path / "RESULTS.md")
    monkeypatch.setattr(report, "SAMPLES", results / "samples.json")
    monkeypatch.setattr(report, "RESULTS", results)
    monkeypatch.setattr(measurements, "RESULTS", results)
    (results / "samples.json").write_text(samples_text(FOUND))
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "behind.md").write_text("## maps\n\nBecause.\n")
    return results


@pytest.mark.parametrize("name", ALL)
def test_measurements_survive_json(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(dumped(ALL[name]))
    assert loaded(path) == ALL[name]
    assert [type(one) for group in loaded(path).groups.values() for one in group.lines] == [
        type(one) for group in ALL[name].groups.values() for one in group.lines
    ]


def test_the_samples_of_a_side_stand_on_one_line() -> None:
    assert '"toy": [ 4, 4 ]' in dumped(CURVES).replace("4.0", "4")
    assert '"live": [ 1.0, 2.0 ]' in dumped(TRACES)


def test_a_run_says_when_and_where() -> None:
    found = Run.begun(4).ended({"x": Group("ns", [line("a", 1, 2)])}, notes=["Without b."])
    assert found.taken().startswith(f"Taken on {found.date}: {found.machine}; 4 interleaved rounds")
    assert (len(found.load), found.notes, found.courses) == (2, ["Without b."], {})


@pytest.mark.full
def test_the_report_has_a_section_of_all_that_is_kept(kept: Path) -> None:
    for name, found in ALL.items():
        keep(name, found, argparse.Namespace(json=None, record=True))
    text = report.REPORT.read_text()
    for title in ("Heap-size curves", "Allocation traces", "The collector", "The allocator, level by level"):
        assert f"\n## {title}\n" in text
    assert "| 25          | 4.00 ±0% | 8.00 ±0% |     0.50 | 10.0 ±0% | 20.0 ±0% |     0.50 |" in text
    assert "100 MiB of memory were available" in text
    assert "From 16 to 4096 MiB the dearest object costs this many times the cheapest: 1.10 on toy's side, 1.50" in text
    assert "Beside 65536 MiB in use an operation takes this many times what it takes beside 64: a span, 1.10" in text
    assert "load average 1.0 to 2.5" in text
    assert "Because." in text
    drawn = {path.stem for path in kept.glob("*.svg")}
    if plots.can_draw():
        assert drawn >= {"gogc", "live_heap", "address_space", "fragmentation", "mark", "malloc", "heap", "time"}
    assert all(f"![{name}](results/{name}.svg)" in text for name in drawn)


@pytest.mark.full
def test_what_is_not_kept_is_left_out(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["report"])
    keep("mark", MARK, argparse.Namespace(json=None, record=True))
    (kept / "mark.json").unlink()
    assert report.main() == 0
    assert "## The collector" not in report.REPORT.read_text()
    report.SAMPLES.unlink()
    assert report.main() == 1


def test_a_file_of_samples_changes_no_report(kept: Path, tmp_path: Path) -> None:
    keep("mark", MARK, argparse.Namespace(json=tmp_path / "out.json", record=False))
    assert loaded(tmp_path / "out.json") == MARK
    assert not report.REPORT.exists()
    assert [path.name for path in kept.iterdir()] == ["samples.json"]


def test_a_part_of_a_benchmark_is_not_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def options(*arguments: str) -> argparse.Namespace:
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        parser = argparse.ArgumentParser()
        parser.add_argument("--only", default="")
        return parsed(parser)

    assert options("--record").record
    assert not options("--only", "x").record
    with pytest.raises(SystemExit):
        options("--only", "x", "--record")
    assert "only what is complete can be recorded" in capsys.readouterr().err


def test_the_report_is_the_one_of_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """bench/RESULTS.md is made of bench/results and of nothing else, so it can be made again."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(report, "REPORT", tmp_path / "RESULTS.md")
    monkeypatch.setattr(plots, "save", lambda figure, path: path)
    monkeypatch.setattr("bench.section_plots.save", lambda figure, path: path)
    assert report.write().read_text() == (ROOT / "bench" / "RESULTS.md").read_text("utf-8")
    assert set(SECTIONS) == set(ALL)
