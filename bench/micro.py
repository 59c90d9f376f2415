"""`make bench`: each level of the climb by itself, with pytest-benchmark.

    make bench                                           all levels, on both engines
    make bench ARGS="-k 'native and mark'"               those whose name has the words
    make bench ARGS=--benchmark-save=before              keep them in .benchmarks; later
    make bench ARGS=--benchmark-compare                  beside the last that were kept
    make bench ARGS=--benchmark-json=out.json            every sample

    program -> 1 tiny, 2 small -> 3 refill -> 4 span -> 5 pages          6 large: a span of its own
               a slot of a run    the next    a run of    the radix
                                  span        pages       tree           7 mark, 8 sweep: the way back

A figure is what one operation took of the processor, by the clock that the loop itself reads: an allocation, a span, a
run of pages, a live object that is marked, a span that is swept. So the host's calls are not in it, nor is what a lap
has to prepare. The python engine shows the work that a level does without LLVM, and which of two levels does more.

Owner: the benchmark.                                                                       Next: allocation_loops.py
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bench.allocation_loops import GOGC_OFF, ToyLoops
from bench.collection_loops import time_collection
from bench.heaps import ToyHeaps
from bench.malloc import LAP_BYTES, LARGE, SMALL, SPANS, TINY, class_of_pages
from bench.page_loops import time_pages, time_runs
from bench.span_loops import time_spans
from runtime.collect import gc
from runtime.layout import CHUNK_PAGES
from runtime.size_classes import SPAN_CLASS_TO_NELEMS, make_span_class, size_to_class
from tests.runtime.engines import Engine, NativeEngine, PythonEngine
from tests.runtime.page_heaps import PAGE_HEAP_ROOTS, PageHeap

NATIVE, PYTHON = "native", "python"
ROUNDS = 20
WARM_ROUNDS = 2  # after them every page was touched: in new memory nobody clears what is known to be zero
KINDS = ("noscan16", "scan16", "noscan64", "scan64", "pointers512", "noscan1024")
FULL_SPANS = 1024  # of `refill`
OBJECTS = 100_000  # of a live heap
SWEPT_OBJECTS = 1_000_000
PYTHON_SHARE = 100  # of all that, the python engine does so much less
CHUNKS = 64  # 256 MiB of address space
RUNS = 64  # of pages, taken before the first is freed
SHAPES = ("chain", "array", "noscan", "tree", "uneven", "shuffled", "lists", "graph")
NODE = 16  # bytes of what is swept
ALL, ODD = f"0+{CHUNK_PAGES}", " ".join(f"{page}+1" for page in range(1, CHUNK_PAGES, 2))
FRAGMENTATION = {  # what is taken of the chunks from the first on, of those at the end, and pages of a request
    "nothing is taken": ("", 0, 1),
    "every second page is": (ODD, 0, 1),
    "all but the last chunk is": (ALL, 1, 1),
    "holes too small, room in the last chunk": (ODD, 1, 2),
    "holes too small, room across two chunks": (ODD, 2, CHUNK_PAGES + 1),
}


class LoopTime:
    """What the loops say they took, for one of what they do: to pytest-benchmark it is a clock."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


TIME = LoopTime()
pytestmark = pytest.mark.benchmark(timer=TIME)

Measure = Callable[..., None]


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    """Call a lap again and again: it returns nanoseconds of the processor, for one of `n` that it did."""

    def run(level: str, lap: Callable[[], float], n: int, prepare: Callable[[], object] | None = None) -> None:
        def timed() -> None:
            elapsed = lap()
            assert elapsed > 0
            TIME.seconds += elapsed / n / 1e9

        def before() -> None:
            if prepare is not None:
                prepare()

        benchmark.group = level
        benchmark.pedantic(timed, setup=before, rounds=ROUNDS, warmup_rounds=WARM_ROUNDS)

    return run


@pytest.fixture(scope="module", params=[NATIVE, PYTHON])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def share(engine: str) -> int:
    """Of the work: 1, or more for less."""
    return PYTHON_SHARE if engine == PYTHON else 1


@pytest.fixture(scope="module")
def loops(engine: str) -> ToyLoops:
    return ToyLoops.interpreted() if engine == PYTHON else ToyLoops.built()


@pytest.fixture(scope="module")
def heaps(engine: str) -> ToyHeaps:
    return ToyHeaps.interpreted() if engine == PYTHON else ToyHeaps.built()


# --- Allocation ------------------------------------------------------------------------------------------------------


def measure_reused(measure: Measure, level: str, loops: ToyLoops, kind: str, n: int) -> None:
    """n allocations, nothing alive, in spans made anew of pages that were in use before."""
    with loops.toy.runtime(GOGC_OFF) as g:
        measure(level, lambda: loops.timed(g, kind, n), n, lambda: loops.collect(g))


@pytest.mark.parametrize("kind", TINY)
def test_tiny(measure: Measure, loops: ToyLoops, share: int, kind: str) -> None:
    measure_reused(measure, "1 tiny", loops, kind, LAP_BYTES // TINY[kind] // share)


@pytest.mark.parametrize("kind", KINDS)
def test_small(measure: Measure, loops: ToyLoops, share: int, kind: str) -> None:
    measure_reused(measure, "2 small", loops, kind, LAP_BYTES // SMALL[kind] // share)


def test_refill(measure: Measure, loops: ToyLoops, share: int) -> None:
    """A span with one free slot is used up, and the next one comes from the cache."""
    n = FULL_SPANS // share
    with loops.toy.runtime(GOGC_OFF) as g:
        loops.timed(g, "fill", n)
        measure("3 refill", lambda: loops.timed(g, "noscan128", n), n, lambda: loops.collect(g))


@pytest.mark.parametrize("npages", [1, 10])
@pytest.mark.parametrize("what", ["alloc", "free"])
def test_span(measure: Measure, loops: ToyLoops, what: str, npages: int) -> None:
    """The page heap, without the objects."""
    room, span_class = (ctypes.c_uint64 * SPANS)(), 2 * class_of_pages(npages) + 1
    half = ("alloc", "free").index(what)
    with loops.toy.runtime(GOGC_OFF) as g:
        lap = (time_spans, g, npages, span_class, ctypes.addressof(room), SPANS)
        measure("4 span", lambda: loops.image.call(*lap)[half], SPANS)


@pytest.mark.parametrize("kind", ["large32K", "large64K", "large1M"])
def test_large(measure: Measure, loops: ToyLoops, kind: str) -> None:
    """Objects with a span of their own, zeroed."""
    measure_reused(measure, "6 large", loops, kind, LAP_BYTES // LARGE[kind])


# --- Pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages_engine(engine: str) -> Engine:
    if engine == PYTHON:
        return PythonEngine()
    return NativeEngine([*PAGE_HEAP_ROOTS, time_pages], "pages", debug=False)


@contextmanager
def fragmented(engine: Engine, state: str) -> Iterator[PageHeap]:
    """A page allocator in one of the states of FRAGMENTATION."""
    taken, free_chunks, _ = FRAGMENTATION[state]
    with PageHeap(engine, {chunk: "" if chunk >= CHUNKS - free_chunks else taken for chunk in range(CHUNKS)}) as heap:
        yield heap


@pytest.mark.parametrize("state", FRAGMENTATION)
def test_pages(measure: Measure, pages_engine: Engine, state: str) -> None:
    """A run of pages being taken, and freed again, in address space that is in use already."""
    npages = FRAGMENTATION[state][2]
    n = 1 if npages > CHUNK_PAGES else RUNS
    with fragmented(pages_engine, state) as heap:
        measure("5 pages", lambda: time_runs(pages_engine.call, heap.pages, npages, n), n)


# --- Collection ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_mark(measure: Measure, heaps: ToyHeaps, share: int, shape: str) -> None:
    """A collection until all is marked, for each live object."""
    call, objects = heaps.toy.image.call, OBJECTS // share
    with heaps.toy.runtime(GOGC_OFF) as g:
        heaps.build(g, shape, objects)
        call(gc, g)
        measure("7 mark", lambda: call(time_collection, g)[0], heaps.toy.figures(g)["HeapObjects"])


@pytest.mark.parametrize("state", ["dead", "half", "live"])
def test_sweep(measure: Measure, heaps: ToyHeaps, share: int, state: str) -> None:
    """Sweeping a span of which all objects were found dead, every second one, or none."""
    call, objects = heaps.toy.image.call, SWEPT_OBJECTS // share
    spans = -(-objects // SPAN_CLASS_TO_NELEMS[make_span_class(size_to_class(NODE), False)])

    def prepare() -> None:
        heaps.let_go(g)
        call(gc, g)
        heaps.build(g, "half" if state == "half" else "chain", objects)
        if state == "dead":
            heaps.let_go(g)

    with heaps.toy.runtime(GOGC_OFF) as g:
        measure("8 sweep", lambda: call(time_collection, g)[2], spans, prepare)
