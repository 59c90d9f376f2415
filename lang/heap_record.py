"""Heap record: what is noted of the heap while a program runs, for the page and the trace that are written at its end.

    collection    1      2      3      4      5      6      7      8        program's end
    figures       *      *      *      *      *      *      *      *             all, up to MOST_COLLECTIONS
    snapshots     *             *             *             *             *      every second, fourth, ... one
    graph                       *                                                where most was in use

It is told of the collector's phases on the program's thread, while the world stands still. At the end of marking it
notes times and sums; draws the map of the heap; and, if more is live than when it last did, the graph of it: each time
into the same memory, so that the last one is that of the largest heap, or of one smaller by less than a tenth.

    HR1  at most MOST_SNAPSHOTS maps are kept, of at most MOST_BYTES in all: from there on only every second one is
    HR2  what was left out is counted

Owner: the program's thread while it runs, then the host's main thread.        Next: execution.py
"""

from __future__ import annotations

import ctypes
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runtime.heap import Runtime
from runtime.heap_buffers import GraphBuffers, MapBuffers
from runtime.heap_map import PAGE_UNUSED
from runtime.layout import PAGE_SIZE, PAGES_PER_ARENA
from runtime.phases import PHASE_MARKED, PHASE_SWEPT
from runtime.size_classes import NUM_SPAN_CLASSES
from runtime.syspy import address

if TYPE_CHECKING:
    from lang.reports import Engine

MOST_COLLECTIONS = 10_000  # that have figures
MOST_SNAPSHOTS = 100
MOST_BYTES = 24 << 20  # of all snapshots, compressed
GRAPH_NODES = 250_000  # objects that a graph has room for
GRAPH_EDGES = 1_000_000
GRAPH_ROOTS = 20_000
GRAPH_GROWTH = 1.1  # a graph is drawn when so much more is live than in the last one
SAMPLE_RATE = 4096  # bytes from one sample of the memory profile to the next: samples tell objects' types
UNUSED = bytes([PAGE_UNUSED])
AT_END = 0  # the number of the collection that the program's end is counted as

HOOK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)


@dataclass
class Collection:
    """The figures of one collection; times in nanoseconds of the monotonic clock, sizes in bytes."""

    number: int  # the first is 1
    forced: bool  # by runtime.GC
    start: int  # when the world was stopped
    mark: int  # when marking began
    marked: int  # when it ended
    looked: int  # when what is noted here was noted: the program had to wait for that
    live_before: int  # bytes that were in use when it began
    live: int  # of them, those that are alive
    goal: int  # when the next collection should be over
    in_use: int  # pages in spans
    free: int  # other pages
    released: int  # pages that the system has back
    spans: list[int] = field(default_factory=list)  # by span class
    end: int = 0  # when the world went on
    swept: int = 0  # when the last span was swept; 0: nobody said so


@dataclass
class Snapshot:
    """A map of the heap."""

    number: int  # of the collection; AT_END
    arenas: list[int]  # addresses
    planes: bytes  # compressed: kinds, taken, marked; each arena by arena
    used_pages: int  # pages up to the last one that was ever used


class HeapRecord:
    """The notes of one run."""

    def __init__(self, keeps_maps: bool, rate: int | None = None, graph_at: int | None = None) -> None:
        """keeps_maps: maps and a graph are wanted. graph_at: the collection that the graph is of."""
        self.rate = SAMPLE_RATE if rate is None else rate
        self.keeps_maps = keeps_maps
        self.graph_at = graph_at
        self.collections: list[Collection] = []
        self.count = 0  # collections that there were
        self.snapshots: list[Snapshot] = []
        self.stride = 1  # of so many collections one has a snapshot
        self.left_out = 0  # snapshots that were taken and thrown away, or not taken
        self.graph: GraphBuffers | None = None
        self.graph_of = AT_END  # the collection that the graph is of
        self.graph_live = 0  # bytes that were alive then
        self.begun = 0  # when the program began
        self.ended = 0  # when it ended
        self.error = ""  # why something is missing
        self._maps = MapBuffers(1)
        self._hook = HOOK(self._tell)
        self._open: Collection | None = None  # the last one, while its end is not known
        self._lock = threading.Lock()  # held while something is noted
        self._is_closed = False  # nothing is noted any more

    def begin(self, engine: Engine, runtime: int) -> None:
        """Be told of what the runtime at an address does. A second time changes nothing."""
        if self.begun:
            return  # the page and the trace have one record
        self.engine, self.runtime = engine, Runtime.at(runtime)
        self.runtime.phase_hook = ctypes.cast(self._hook, ctypes.c_void_p).value or 0
        if self.keeps_maps:
            engine.call("set_memory_profile", runtime, self.rate)
        self.begun = time.monotonic_ns()

    # --- While it runs

    def _tell(self, phase: int) -> int:
        """What the runtime calls. Nothing is raised into it."""
        with self._lock, self._noting():
            if self._is_closed:
                pass
            elif phase == PHASE_MARKED:
                self._note_marked()
            elif phase == PHASE_SWEPT and self._open is not None:
                self._note_swept(self._open)
        return 0

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """What goes wrong in here is missing, and that is noted."""
        try:
            yield
        except Exception as error:
            self.error = self.error or f"{type(error).__name__}: {error}"

    def _note_marked(self) -> None:
        """At the end of marking."""
        state = self.runtime
        number = self.count = state.gc.num_gc + 1
        wants_figures = len(self.collections) < MOST_COLLECTIONS
        wants_map = self.keeps_maps and number % self.stride == 0
        if wants_figures or wants_map:
            self._draw("draw_marked_heap")
        if wants_figures:
            self._note_figures(number)
        if wants_map:
            self._keep_snapshot(number)
        elif self.keeps_maps:
            self.left_out += 1  # HR2
        if self.keeps_maps and self._wants_graph(number):
            self._draw_graph(number)
        if self._open is not None:
            self._open.looked = time.monotonic_ns()

    def _note_figures(self, number: int) -> None:
        """The figures of the collection under way."""
        state, made = self.runtime, self._maps.map
        cycle = state.cycle
        self._open = Collection(
            number=number,
            forced=cycle.forced,
            start=cycle.start_ns,
            mark=cycle.mark_ns,
            marked=cycle.sweep_ns,
            looked=cycle.sweep_ns,
            live_before=cycle.live_before,
            live=state.gc.heap_marked,
            goal=state.gc.heap_goal,
            in_use=made.span_pages * PAGE_SIZE,
            free=made.free_pages * PAGE_SIZE,
            released=made.released_pages * PAGE_SIZE,
            spans=[made.spans[span_class] for span_class in range(NUM_SPAN_CLASSES)],
        )
        self.collections.append(self._open)

    def _note_swept(self, collection: Collection) -> None:
        """When the sweep is over: at the end of a forced collection, or when the next one begins."""
        collection.end = self.runtime.cycle.end_ns
        collection.swept = time.monotonic_ns()
        self._open = None

    def _draw(self, function: str) -> None:
        """Draw the map."""
        arenas = self.engine.call(function, address(self.runtime), address(self._maps.map))
        if arenas > self._maps.map.room:
            self._maps = MapBuffers(2 * arenas)
            self.engine.call(function, address(self.runtime), address(self._maps.map))

    def _keep_snapshot(self, number: int) -> None:
        """Keep what was drawn."""
        made = self._maps
        pages = made.map.count * PAGES_PER_ARENA
        kinds = made.bytes_of("kinds", pages)
        planes = kinds + made.bytes_of("taken", 2 * pages) + made.bytes_of("marked", 2 * pages)
        arenas = [made.map.arenas[i] for i in range(made.map.count)]
        self.snapshots.append(Snapshot(number, arenas, zlib.compress(planes, 6), len(kinds.rstrip(UNUSED))))
        while len(self.snapshots) > MOST_SNAPSHOTS or self._bytes() > MOST_BYTES and len(self.snapshots) > 1:  # HR1
            self._thin_out()

    def _bytes(self) -> int:
        return sum(len(snapshot.planes) for snapshot in self.snapshots)

    def _thin_out(self) -> None:
        """Keep every second snapshot, of those that there are and those to come."""
        self.stride *= 2
        kept = [snapshot for snapshot in self.snapshots if snapshot.number % self.stride == 0]
        self.left_out += len(self.snapshots) - len(kept)  # HR2
        self.snapshots = kept

    def _wants_graph(self, number: int) -> bool:
        if self.graph_at is not None:
            return number == self.graph_at
        return self.runtime.gc.heap_marked > self.graph_live * GRAPH_GROWTH

    def _draw_graph(self, number: int) -> None:
        """Draw the graph in place of the last one."""
        if self.graph is None:
            self.graph = GraphBuffers(GRAPH_NODES, GRAPH_EDGES, GRAPH_ROOTS)
        self.graph_of, self.graph_live = number, self.runtime.gc.heap_marked
        self.engine.call("draw_graph", address(self.runtime), address(self.graph.graph), address(self.graph.tree))

    # --- When it is over

    def looking(self) -> int:
        """The time that the program had to wait for what is noted of its collections, in nanoseconds."""
        return sum(collection.looked - collection.marked for collection in self.collections)

    def finish(self, is_over: bool, is_at_end: bool) -> None:
        """Note how the heap is at the end, if nothing runs any more, so that nobody is in it."""
        if self.ended:
            return
        self.ended = time.monotonic_ns()
        with self._lock:
            if self._open is not None:
                self._open.end = self.runtime.cycle.end_ns
            self._is_closed = not is_over
        if is_over and self.keeps_maps:
            with self._noting():
                self._note_end(is_at_end)

    def _note_end(self, is_at_end: bool) -> None:
        """The map as it is at the end; the graph only if there is none."""
        self._draw("draw_heap")
        self._keep_snapshot(AT_END)
        if self.graph is None and self.graph_at is None:
            if is_at_end:
                self.engine.call("leave_stack", address(self.runtime))
            self._draw_graph(AT_END)
