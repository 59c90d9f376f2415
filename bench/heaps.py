"""Heaps: the same live heaps on both sides, collected and timed.

    heaps.toy --- ToyProgram ---> image with collection_loops, graph_heap          ToyHeaps
        |
        '--- to_go, + bench/go/mark ---> go build ---> an executable               GoHeaps
    mark_boehm.c ---> gcc, where libgc-dev is installed: graphs only               BoehmHeaps

A sample starts from nothing on either side: a new Runtime here, a new process there. What they do is described in
bench/go/mark/collections.go, and done here in the same order. Automatic collection is off.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import statistics
import subprocess
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.builds import c_program, go_program
from bench.collection_loops import time_collection, time_collections
from bench.graph_heap import GraphParts, build_copies, bytes_of_types, open_graph
from bench.harness import CommandFailed
from bench.peers import BUILD, ROOT
from bench.toy_program import ToyProgram
from runtime.collect import gc
from runtime.layout import PAGE_SIZE
from tests.go_oracle import to_go

SOURCE = ROOT / "bench" / "workloads" / "heaps.toy"
GO_SOURCES = ROOT / "bench" / "go" / "mark"
BOEHM_SOURCE = ROOT / "bench" / "mark_boehm.c"
GOGC_OFF = -1
MOST_COPIES = 4096  # what the others have room for

BEGIN = """
def let_go(g: G) -> None:
    letGo(g, g.shadow_base)
    g.shadow_top = g.shadow_base
"""
BUILD_HEAP = """
def build_{name}(g: G, n: i64) -> None:
    {name}(g, g.shadow_base, n)
    g.shadow_top = g.shadow_base
"""


@dataclass(frozen=True)
class Live:
    """A live heap, and how long collecting it takes."""

    objects: int
    size: int  # bytes of their slots
    cpu: float  # nanoseconds of the processor until all is marked; the median of some collections
    wall: float  # the same by the clock on the wall

    @classmethod
    def of(cls, objects: int, size: int, times: list[tuple[int, ...]]) -> Live:
        return cls(objects, size, *(statistics.median(time[i] for time in times) for i in range(2)))


@dataclass(frozen=True)
class GraphFile:
    """The flat words of a graph (graphs.py), and a file that has them."""

    words: array[int]
    path: Path


class CopyHeaps(Protocol):
    """A side that builds copies of graphs."""

    def copies(self, graph: GraphFile, count: int, collections: int) -> Live:
        """So many copies of a real program's heap, collected so often."""


class Heaps(CopyHeaps, Protocol):
    """A side that does everything."""

    def live(self, kind: str, n: int, collections: int, procs: int = 1) -> Live:
        """A heap of n objects, collected so often."""

    def dead(self, n: int, laps: int) -> tuple[int, float]:
        """n objects of 16 bytes, all dead: how many spans they take, nanoseconds of the processor for sweeping them."""

    def little(self, n: int, collections: int) -> float:
        """n live objects of 16 bytes: nanoseconds of the processor for a whole collection."""


@dataclass(frozen=True)
class ToyHeaps:
    """This project's runtime, in this process."""

    toy: ToyProgram

    @classmethod
    def built(cls) -> ToyHeaps:
        """Compile them; the cache has them the second time."""
        roots: list[Callable[..., Any]] = [
            time_collection,
            time_collections,
            gc,
            bytes_of_types,
            open_graph,
            build_copies,
        ]
        return cls(ToyProgram.compiled(SOURCE, BEGIN, [BUILD_HEAP], roots))

    @classmethod
    def interpreted(cls) -> ToyHeaps:
        """The same under CPython."""
        return cls(ToyProgram.interpreted(SOURCE, BEGIN, [BUILD_HEAP]))

    def live(self, kind: str, n: int, collections: int, procs: int = 1) -> Live:
        with self.toy.runtime(GOGC_OFF, procs) as g:
            return self.measured(g, lambda: self.build(g, kind, n), collections)

    def copies(self, graph: GraphFile, count: int, collections: int) -> Live:
        call = self.toy.image.call
        parts = GraphParts()
        words = (ctypes.c_uint64 * len(graph.words)).from_buffer(graph.words)
        types = ctypes.create_string_buffer(call(bytes_of_types, words))
        addrs = (ctypes.c_uint64 * graph.words[2])()
        call(open_graph, parts, words, ctypes.addressof(types), ctypes.addressof(addrs))
        with self.toy.runtime(GOGC_OFF) as g:
            return self.measured(g, lambda: call(build_copies, g, parts, count), collections)

    def measured(self, g: int, build: Callable[[], object], collections: int) -> Live:
        """Build a heap, and collect it."""
        before = self.toy.figures(g)
        build()
        self.toy.image.call(gc, g)
        live = self.toy.figures(g)
        objects, size = (live[name] - before[name] for name in ("HeapObjects", "HeapAlloc"))
        return Live.of(objects, size, [self.toy.image.call(time_collection, g) for _ in range(collections)])

    def dead(self, n: int, laps: int) -> tuple[int, float]:
        with self.toy.runtime(GOGC_OFF) as g:
            before = self.toy.figures(g)
            self.build(g, "chain", n)
            built = self.toy.figures(g)
            self.let_go(g)
            self.toy.image.call(gc, g)
            times = []
            for _ in range(laps):
                self.build(g, "chain", n)
                self.let_go(g)
                times.append(self.toy.image.call(time_collection, g)[2])
        return (built["HeapInuse"] - before["HeapInuse"]) // PAGE_SIZE, statistics.median(times)

    def little(self, n: int, collections: int) -> float:
        with self.toy.runtime(GOGC_OFF) as g:
            self.build(g, "chain", n)
            self.toy.image.call(gc, g)
            return float(self.toy.image.call(time_collections, g, collections)) / collections

    def build(self, g: int, kind: str, n: int) -> None:
        self.toy.image.call(f"program.build_{kind}", g, n)

    def let_go(self, g: int) -> None:
        self.toy.image.call("program.let_go", g)


@dataclass(frozen=True)
class GoHeaps:
    """Go's runtime, a process for each sample."""

    executable: Path

    @classmethod
    def built(cls) -> GoHeaps | None:
        """Compile it; None without Go."""
        texts = {source.name: source.read_text("utf-8") for source in GO_SOURCES.iterdir()}
        texts["heaps.go"] = to_go(SOURCE.read_text("utf-8"))
        executable = go_program("mark", texts, ["-ldflags=-checklinkname=0"])
        return None if executable is None else cls(executable)

    def measure(self, *arguments: object, procs: int = 1) -> list[tuple[int, ...]]:
        """The numbers that it prints, by line."""
        return printed([str(self.executable), "mark", *map(str, arguments)], {"GOMAXPROCS": str(procs)})

    def live(self, kind: str, n: int, collections: int, procs: int = 1) -> Live:
        (objects, size), *times = self.measure("live", kind, n, collections, procs=procs)
        return Live.of(objects, size, times)

    def copies(self, graph: GraphFile, count: int, collections: int) -> Live:
        (objects, size), *times = self.measure("copies", graph.path, count, collections)
        return Live.of(objects, size, times)

    def dead(self, n: int, laps: int) -> tuple[int, float]:
        (size,), *times = self.measure("dead", n, laps)
        return size // PAGE_SIZE, statistics.median(time[2] for time in times)

    def little(self, n: int, collections: int) -> float:
        [[elapsed]] = self.measure("little", n, collections)
        return elapsed / collections


@dataclass(frozen=True)
class BoehmHeaps:
    """Boehm's collector with one thread, a process for each sample."""

    executable: Path

    @classmethod
    def built(cls) -> BoehmHeaps | str:
        """Compile it; without it, why not."""
        gcc = shutil.which("gcc")
        if gcc is None:
            return "gcc is not installed"
        header = [gcc, "-fsyntax-only", "-include", "gc.h", "-x", "c", os.devnull]
        if subprocess.run(header, capture_output=True, check=False).returncode:
            return "libgc-dev is not installed"
        return cls(c_program(BUILD / "boehm" / "mark", [gcc, "-O2"], BOEHM_SOURCE, ["-lgc"]))

    def copies(self, graph: GraphFile, count: int, collections: int) -> Live:
        command = [str(self.executable), str(graph.path), str(count), str(collections)]
        (objects, size), *times = printed(command, {"GC_MARKERS": "1"})
        return Live.of(objects, size, times)


def printed(command: list[str], environ: dict[str, str]) -> list[tuple[int, ...]]:
    """The numbers that a program prints, by line."""
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"exit code {done.returncode}: {' '.join(command)}\n{done.stderr}")
    return [tuple(int(word) for word in line.split()) for line in done.stdout.splitlines()]
