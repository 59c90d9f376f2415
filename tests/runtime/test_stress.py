"""Stress: collections at numbered allocations, at safepoints and by chance; all of it counted, and repeatable."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lang import child
from runtime import Runtime, malloc, stress
from runtime.engines import ENGINES
from runtime.knobs import Settings
from runtime.stress import poll
from runtime.stress_report import StressReport
from runtime.syspy import load, u64
from tests.runtime.heaps import NODE, NONE, HeapUnderTest

NewHeap = Callable[..., HeapUnderTest]


def collections_at(heap: HeapUnderTest, count: int) -> list[int]:
    """The numbers of those of so many allocations that collected."""
    found = []
    for number in range(1, count + 1):
        before = heap.state.gc.num_gc
        heap.malloc((8, 16, 40, 700, 40_000)[number % 5], NODE if number % 2 else NONE)
        if heap.state.gc.num_gc != before:
            found.append(number)
    return found


def test_every_nth_allocation_whatever_its_size(new_heap: NewHeap) -> None:
    heap = new_heap(gogc=-1, debug="gcstress=7")
    assert collections_at(heap, 50) == [7, 14, 21, 28, 35, 42, 49]
    assert (heap.state.gc.stress_count, heap.state.gc.stress_collections) == (50, 7)


def test_chance_collects_at_the_same_allocations_for_the_same_seed(new_heap: NewHeap) -> None:
    found = [collections_at(new_heap(gogc=-1, debug=f"gcrandom=5,gcseed={seed}"), 200) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert all(20 < len(numbers) < 65 for numbers in found)


def test_the_allocations_that_chance_draws_are_these_on_both_engines(new_heap: NewHeap) -> None:
    assert collections_at(new_heap(gogc=-1, debug="gcrandom=5,gcseed=42"), 40) == SEED_42


SEED_42 = [4, 5, 16, 21, 29, 33, 34, 37]


def test_every_safepoint_is_one_without_an_allocation_too(new_heap: NewHeap) -> None:
    heap = new_heap(gogc=-1, debug="gcsafepoint=2")
    heap.rooted(16)
    assert heap.state.gc.num_gc == 0
    for _ in range(5):
        heap.call(poll, heap.g)
    assert heap.state.gc.num_gc == heap.state.gc.stress_collections == 3
    assert heap.state.gc.stress_count == 1


def test_the_pieces_of_a_large_object_have_safepoints_between_them(new_heap: NewHeap) -> None:
    heap = new_heap(gogc=-1, debug="gcsafepoint=1")
    heap.malloc(8 * malloc.CLEAR_BYTES)
    heap.gc()
    before = heap.state.gc.stress_collections
    addr = heap.malloc(8 * malloc.CLEAR_BYTES)  # these pages have to be cleared now
    assert heap.state.gc.stress_collections == before + 1 + 8
    assert load(u64, addr) == 0


def test_without_stress_nothing_is_counted(heap: HeapUnderTest) -> None:
    heap.malloc(16)
    heap.call(poll, heap.g)
    stats = heap.state.gc
    assert (stats.stress_count, stats.stress_safepoints, stats.stress_collections) == (0, 0, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_library_reports_what_was_done(engine: str) -> None:
    reports = []
    for _ in range(2):
        with Runtime(engine, debug={"gcrandom": 3, "gcseed": 7}) as runtime:
            for _ in range(60):
                runtime.new_bytes(24).release()
            reports.append(runtime.stress())
    assert reports[0] == reports[1]
    assert reports[0].allocations == 60
    assert reports[0].seed == 7
    assert 5 < reports[0].collections < 40
    assert reports[0].freed > 20
    assert reports[0].slots_reused > 0


def test_a_seed_is_drawn_and_told() -> None:
    seeds = set()
    for _ in range(3):
        with Runtime("python", debug="gcrandom=10") as runtime:
            seeds.add(runtime.stress().seed)
    assert len(seeds) == 3
    assert Settings(gcrandom=0).with_seed().gcseed == -1
    assert Settings(gcrandom=1, gcseed=5).with_seed().gcseed == 5


def test_the_report_is_one_line() -> None:
    report = StressReport(5678, 0, 1234, 4321, 3210, 42, 56, None, 0)
    assert str(report) == (
        "gcstress: 1234 collections at 5678 allocations, 4321 objects freed, 3210 slots used again, seed 42"
    )
    assert stress.RANDOM_START % 2 == 1
    protected = StressReport(1, 0, 1, 1, 0, None, 1, None, 99)
    assert str(protected) == (
        "gcstress: 1 collection at 1 allocation, 1 object freed, 0 slots used again, 99 pages protected"
    )


PROGRAM = """import "fmt"

type node struct {
	next *node
}

func main() {
	var head *node
	for i := 0; i < 300; i++ {
		head = &node{}
	}
	fmt.Println(head != nil)
}
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("debug", ["gcstress=10", "gcrandom=10,gcseed=3", "gcsafepoint=10"])
def test_a_program_under_stress_tells_on_standard_error(tmp_path: Path, engine: str, debug: str) -> None:
    path = tmp_path / "lists.toy"
    path.write_text(PROGRAM, encoding="utf-8")
    done = child.run(path, engine=engine, environ={**os.environ, "GODEBUG": debug})
    assert (done.exit_code, done.stdout) == (0, b"true\n")
    line = done.stderr.decode().split()
    assert line[0] == "gcstress:"
    assert 10 < int(line[1]) < 60
    assert int(line[4]) >= 300
    assert int(line[6]) > 200
    assert int(line[9]) > 0
    assert ("seed" in line) == ("gcrandom" in debug)
