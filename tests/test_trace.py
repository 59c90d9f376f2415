"""toyrun --trace: a timeline that Perfetto reads, with times that fit together and counters that are MemStats'."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lang import heap_record
from lang.driver import Options
from lang.toyrun import run_guarded
from tests.forked_toyrun import toyrun
from tests.test_toyrun import ENGINES, program

Write = Callable[..., Path]
Event = dict[str, Any]
__all__ = ["program"]

PROGRAM = """import ("fmt"; "runtime")
var kept [][]int
func main() {
	for round := 0; round < 3; round++ {
		for i := 0; i < 100; i++ {
			kept = append(kept, make([]int, 4))
		}
		runtime.GC()
	}
	kept = nil
	runtime.GC()
	fmt.Println(len(kept))
}
"""


def trace_of(path: Path) -> list[Event]:
    """The events of a trace, each checked by the rules of the format."""
    events: list[Event] = json.loads(path.read_text("utf-8"))["traceEvents"]
    for event in events:
        assert event["pid"] == 1
        assert event["ph"] in ("M", "X", "C")
        if event["ph"] == "X":
            assert event["ts"] >= 0
            assert event["dur"] >= 0
            assert event["tid"] in (1, 2, 3)
        if event["ph"] == "C":
            assert event["ts"] >= 0
            assert all(isinstance(value, int) for value in event["args"].values())
    return events


def slices(events: list[Event], thread: int) -> list[tuple[str, float, float]]:
    """Name, begin and end of what a thread has, in order."""
    return [(e["name"], e["ts"], e["ts"] + e["dur"]) for e in events if e["ph"] == "X" and e["tid"] == thread]


@pytest.mark.parametrize("engine", ENGINES)
def test_phases_lie_in_their_collection_and_the_program_runs_between(
    program: Write, tmp_path: Path, engine: str
) -> None:
    out = tmp_path / "out.json"
    done = toyrun("--engine", engine, "--trace", out, program(PROGRAM))
    assert (done.code, done.out, done.err) == (0, "0\n", "")
    events = trace_of(out)
    names = {e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert names == {"program", "collector", "sweeper"}
    collector = slices(events, 2)
    wholes = collector[::5]
    assert [name for name, *_ in wholes] == ["forced 1", "forced 2", "forced 3", "forced 4"]
    phases = ["sweep termination", "mark", "toyrun looks at the heap", "mark termination"]
    for number, (_, begin, end) in enumerate(wholes):
        inside = collector[5 * number + 1 : 5 * number + 5]
        assert [name for name, *_ in inside] == phases
        at = begin
        for _, start, stop in inside:
            assert start == pytest.approx(at, abs=0.01)
            at = stop
        assert at == pytest.approx(end, abs=0.01)
    runs = slices(events, 1)
    edges = [0.0, *(edge for _, begin, end in wholes for edge in (begin, end))]
    assert [edge for _, *both in runs for edge in both][:-1] == pytest.approx(edges, abs=0.01)
    for (_, _, end), (name, begin, stop) in zip(wholes, slices(events, 3), strict=True):
        assert name.startswith("sweep ")
        assert begin == pytest.approx(end, abs=0.01)
        assert stop > begin


@pytest.mark.parametrize("engine", ENGINES)
def test_counters_say_what_the_heap_holds(program: Write, tmp_path: Path, engine: str) -> None:
    out = tmp_path / "out.json"
    toyrun("--engine", engine, "--trace", out, program(PROGRAM))
    events = [event for event in trace_of(out) if event["ph"] == "C"]
    heap = [event["args"] for event in events if event["name"] == "heap"]
    assert len(heap) == 8
    before, after = [one["live"] for one in heap[::2]], [one["live"] for one in heap[1::2]]
    # 32 bytes for each list, and the array of kept.
    assert [live - 24 * 512 <= 3200 * (i + 1) <= live for i, live in enumerate(after[:3])] == [True] * 3
    assert after[3] < 200
    assert all(a >= b for a, b in zip(before, after, strict=True))
    pages = [event["args"] for event in events if event["name"] == "pages"]
    assert all(sum(one.values()) == 4 << 20 for one in pages)
    spans = [event["args"]["spans"] for event in events if event["name"] == "spans 32 B, no pointers"]
    assert len(spans) == 4
    assert spans[0] >= 1
    assert spans == sorted(spans)


def test_a_collection_that_nobody_asked_for_is_swept_until_the_next(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    path = Path(__file__).parent.parent / "examples" / "binary_trees.toy"
    done = toyrun("--trace", out, "--memstats", path, "12", env={"GOGC": "20"})
    assert done.code == 0
    collections = [event for event in trace_of(out) if event["name"].startswith("GC ")]
    found = re.search(r"NumGC +(\d+)", done.err)
    assert found is not None
    assert len(collections) == int(found[1]) > 2
    sweeps = slices(trace_of(out), 3)
    assert len(sweeps) >= len(collections) - 1
    assert not any(event["args"]["forced"] for event in collections)


def test_a_program_that_never_collects_has_a_trace_too(program: Write, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert toyrun("--trace", out, program("func main() {}")).code == 0
    assert [name for name, *_ in slices(trace_of(out), 1)] == ["runs"]


def test_what_is_left_out_is_said(program: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap_record, "MOST_COLLECTIONS", 2)
    out = tmp_path / "out.json"
    assert run_guarded(str(program(PROGRAM)), [], Options(engine="python", trace=str(out)), {}) == 0
    whole = json.loads(out.read_text())
    assert whole["otherData"] == {
        "program": str(tmp_path / "prog.toy"),
        "collections": 4,
        "collections left out": 2,
    }
    assert [name for name, *_ in slices(whole["traceEvents"], 1)] == ["runs", "runs", "2 more collections"]
