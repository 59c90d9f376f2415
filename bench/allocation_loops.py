"""Allocation loops: bench/workloads/allocations.toy on both sides, each loop to be called and timed by itself.

    allocations.toy --- parse, check, lower, + timers ---> native image on the runtime's image     ToyLoops
          |
          '--- to_go, + timer.go, spans.go ---> go build ---> an executable                        GoLoops

A sample starts from nothing on either side: a new Runtime here, a new process there. What they do is described in
bench/go/allocations/timer.go, and done here in the same order.
"""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.builds import go_program
from bench.harness import CommandFailed
from bench.peers import ROOT
from bench.span_loops import clear_again, meet, time_clearing, time_spans
from bench.toy_program import STACK_BYTES, Interpreter, ToyProgram
from runtime.heap import attach, detach
from runtime.proc import G
from runtime.syspy.image import Image
from runtime.world import enter, leave
from tests.go_oracle import to_go

SOURCE = ROOT / "bench" / "workloads" / "allocations.toy"
GO_SOURCES = ROOT / "bench" / "go" / "allocations"
GOGC, GOGC_OFF = 100, -1
BALLAST_BYTES = 64 << 20  # of one object of ballast

TIMERS_BEGIN = """
from bench.span_loops import CLOCK_PROCESS_CPUTIME
from runtime.heap import clock_ns
from runtime.world import enter, leave

def collect_all(g: G) -> None:
    g.shadow_top = g.shadow_base
    runtime_gc(g)
"""
TIMER = """
def timed_{name}(g: G, n: i64) -> u64:
    begin = clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME)
    {name}(g, g.shadow_base, n)
    return clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME) - begin
"""
TOGETHER = """
def together_{name}(g: G, n: i64) -> None:
    enter(g.p)
    {name}(g, g.shadow_base, n)
    leave(g.p)
"""


class Loops(Protocol):
    """One side. Every result is in nanoseconds of the processor, the median of the laps."""

    def reused(self, kind: str, n: int, laps: int, ballast: int = 0) -> float:
        """n allocations, collection off, in spans made anew of pages that were in use before.

        Beside them there is so much ballast: address space in use that nobody touches, in units of BALLAST_BYTES.
        """

    def new(self, kind: str, n: int) -> float:
        """n allocations, collection off, in memory fresh from the system."""

    def collected(self, kind: str, n: int) -> float:
        """n allocations at GOGC=100 while nothing stays alive."""

    def refill(self, n: int, laps: int) -> float:
        """n allocations, each from a span of its own with one free slot."""

    def spans(self, npages: int, span_class: int, n: int, laps: int, ballast: int = 0) -> tuple[float, float]:
        """n spans being allocated, and freed."""

    def memory(self, kind: str, n: int) -> tuple[int, int]:
        """Sys and HeapSys, in bytes, with n objects alive."""

    def threads(self, kind: str, n: int, count: int) -> float:
        """n allocations at GOGC=100 on each of so many threads: nanoseconds by the clock on the wall.

        So it needs a machine with as many processors to spare.
        """


@dataclass(frozen=True)
class ToyLoops:
    """The loops on this project's runtime, in this process."""

    toy: ToyProgram

    @classmethod
    def built(cls) -> ToyLoops:
        """Compile them; the cache has them the second time."""
        roots: list[Callable[..., Any]] = [time_spans, time_clearing, clear_again, meet, attach, detach, enter, leave]
        return cls(ToyProgram.compiled(SOURCE, TIMERS_BEGIN, [TIMER, TOGETHER], roots))

    @classmethod
    def interpreted(cls) -> ToyLoops:
        """The same under CPython."""
        return cls(ToyProgram.interpreted(SOURCE, TIMERS_BEGIN, [TIMER]))

    @property
    def image(self) -> Image | Interpreter:
        return self.toy.image

    def collect(self, g: int) -> None:
        """Collect, with nothing alive but what package variables lead to."""
        self.image.call("program.collect_all", g)

    def timed(self, g: int, kind: str, n: int) -> int:
        return int(self.image.call(f"program.timed_{kind}", g, n))

    def laps(self, g: int, kind: str, n: int, laps: int) -> float:
        """The loop again and again, each time after a collection."""
        times = []
        for _ in range(laps):
            self.collect(g)
            times.append(self.timed(g, kind, n))
        return statistics.median(times)

    def reused(self, kind: str, n: int, laps: int, ballast: int = 0) -> float:
        with self.toy.runtime(GOGC_OFF) as g:
            self.timed(g, "ballast", ballast)
            self.timed(g, kind, n)
            # Only now is every page touched: in new memory, nobody clears what is known to be zero.
            self.laps(g, kind, n, 1)
            return self.laps(g, kind, n, laps)

    def new(self, kind: str, n: int) -> float:
        with self.toy.runtime(GOGC_OFF) as g:
            return self.timed(g, kind, n)

    def collected(self, kind: str, n: int) -> float:
        with self.toy.runtime(GOGC) as g:
            self.timed(g, kind, n // 8)
            return self.timed(g, kind, n)

    def refill(self, n: int, laps: int) -> float:
        with self.toy.runtime(GOGC_OFF) as g:
            self.timed(g, "fill", n)
            return self.laps(g, "noscan128", n, laps)

    def spans(self, npages: int, span_class: int, n: int, laps: int, ballast: int = 0) -> tuple[float, float]:
        room = (ctypes.c_uint64 * n)()
        with self.toy.runtime(GOGC_OFF) as g:
            self.timed(g, "ballast", ballast)
            times = [self.image.call(time_spans, g, npages, span_class, room, n) for _ in range(laps + 1)]
        return median_pair(times[1:])

    def memory(self, kind: str, n: int) -> tuple[int, int]:
        with self.toy.runtime(GOGC_OFF) as g:
            self.timed(g, kind, n)
            self.collect(g)
            figures = self.toy.figures(g)
        return figures["Sys"], figures["HeapSys"]

    def threads(self, kind: str, n: int, count: int) -> float:
        """All threads share one runtime, and have a P each. Its first goroutine is in the host meanwhile."""
        return self.together(count, lambda g, share: self.image.call(f"program.together_{kind}", g, n if share else 1))

    def threads_clearing(self, size: int, laps: int, count: int) -> float:
        """The same for threads that clear so many bytes of their own again and again, and share nothing."""
        rooms: dict[int, ctypes.Array[ctypes.c_char]] = {}

        def clear(g: int, share: bool) -> None:
            if not share:
                rooms[g] = ctypes.create_string_buffer(size)
            self.image.call(clear_again, ctypes.addressof(rooms[g]), size, laps if share else 1)

        return self.together(count, clear)

    def together(self, count: int, work: Callable[[int, bool], object]) -> float:
        """So many threads, each with a goroutine, at work at once: first on a trifle, then on their share.

        Between the two they meet without sleeping. A thread that another one wakes is put on the waker's processor, and
        would wait there, since the waker goes on, until the kernel takes it elsewhere: for some milliseconds.
        """
        arrived = (ctypes.c_uint64 * 1)()

        def body(g: int) -> tuple[int, int]:
            self.toy.start("prepare_thread", g, STACK_BYTES)
            work(g, False)
            self.image.call(meet, ctypes.addressof(arrived), count)
            begin = time.perf_counter_ns()
            work(g, True)
            return begin, time.perf_counter_ns()

        with self.toy.runtime(GOGC) as first, ThreadPoolExecutor(count) as pool:
            p = G.at(first).p
            gs = [int(self.image.call(attach, first)) for _ in range(count)]
            self.image.call(leave, p)
            times = [body.result() for body in [pool.submit(body, g) for g in gs]]
            self.image.call(enter, p)
            for g in gs:
                self.image.call(detach, g)
        return max(end for _, end in times) - min(begin for begin, _ in times)

    def clearing(self, size: int, laps: int) -> float:
        """So many bytes, of memory that is used again and again, being cleared."""
        room = ctypes.create_string_buffer(size)
        with self.toy.runtime(GOGC_OFF) as g:
            times = [int(self.image.call(time_clearing, g, ctypes.addressof(room), size)) for _ in range(laps + 1)]
        return statistics.median(times[1:])


@dataclass(frozen=True)
class GoLoops:
    """The same loops on Go's runtime, a process for each sample."""

    executable: Path

    @classmethod
    def built(cls) -> GoLoops | None:
        """Compile them; None without Go."""
        texts = {source.name: source.read_text("utf-8") for source in GO_SOURCES.iterdir()}
        texts["loops.go"] = to_go(SOURCE.read_text("utf-8"))
        executable = go_program("allocations", texts, ["-ldflags=-checklinkname=0"])
        return None if executable is None else cls(executable)

    def measure(self, *arguments: object, procs: int = 1) -> list[list[int]]:
        """The numbers that it prints, by line."""
        command = [str(self.executable), "measure", *map(str, arguments)]
        environ = {**os.environ, "GOMAXPROCS": str(procs)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(f"exit code {done.returncode}: {' '.join(command)}\n{done.stderr}")
        return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]

    def median(self, *arguments: object) -> float:
        return statistics.median(line[0] for line in self.measure(*arguments))

    def reused(self, kind: str, n: int, laps: int, ballast: int = 0) -> float:
        return self.median("reused", kind, n, laps, ballast)

    def new(self, kind: str, n: int) -> float:
        return self.median("new", kind, n)

    def collected(self, kind: str, n: int) -> float:
        return self.median("collected", kind, n)

    def refill(self, n: int, laps: int) -> float:
        return self.median("refill", n, laps)

    def spans(self, npages: int, span_class: int, n: int, laps: int, ballast: int = 0) -> tuple[float, float]:
        lines = self.measure("spans", npages, span_class, n, laps, ballast)
        return median_pair([(line[0], line[1]) for line in lines])

    def memory(self, kind: str, n: int) -> tuple[int, int]:
        [[total, heap]] = self.measure("memory", kind, n)
        return total, heap

    def threads(self, kind: str, n: int, count: int) -> float:
        [[elapsed]] = self.measure("threads", kind, n, count, procs=count)
        return float(elapsed)


def median_pair(pairs: list[tuple[int, int]]) -> tuple[float, float]:
    """The medians of the first and of the second numbers."""
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
