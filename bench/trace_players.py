"""Trace players: a decoded trace played by each side, in a process of its own.

    traces/lua.trace.xz --decoded once--> operations --+--> ToyPlayer       a fork of this process, a new Runtime
                                                       |
                                                  file +--> ProgramPlayer   bench/go/replay
                                                       `--> ProgramPlayer   bench/replay_malloc.c with some malloc

All of them print the same report: nanoseconds of the processor for each repetition, then by how many KiB the resident
memory grew in the first one, at its peak, and after so many words of the operations, if ends are given. Each starts to
count when the operations lie in memory.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench import replay
from bench.builds import c_program, go_program
from bench.harness import CommandFailed
from bench.peers import BUILD, ROOT
from lang import toolchain
from runtime.heap import close_runtime, new_runtime
from runtime.syspy import array_at, native, u8, u32, u64
from runtime.syspy.image import Image

GOGC = 100
SHADOW_BYTES = 1 << 20
SAMPLES = 60  # of the memory, over the operations of a trace
WORD = 8
FORGET_PEAK = "5"  # written to /proc/self/clear_refs, it makes VmHWM start anew
MALLOCS = {"glibc": "", "mimalloc": "mimalloc", "jemalloc": "jemalloc", "tcmalloc": "tcmalloc_minimal"}

ROOTS: list[Callable[..., Any]] = [
    replay.count,
    replay.decode,
    replay.new_slots,
    replay.replay,
    replay.replay_checked,
    replay.check_living,
    replay.clear_slots,
]


def replay_image() -> Image:
    """The replay as machine code, on top of what programs run on."""
    return native.build([*ROOTS, new_runtime, close_runtime], "replay", base=toolchain.runtime_image())


@dataclass(frozen=True)
class Trace:
    """A decoded trace."""

    ops: Any  # decoded words, an array of ctypes
    words: int  # of them
    operations: int
    objects: int
    slots: int  # objects that were alive at once
    live_peak: int  # bytes
    ends: list[int]  # where it is looked at: words up to there
    live: list[int]  # bytes, at each end


def decoded(data: bytes, call: Callable[..., Any]) -> Trace:
    """Decode a trace; `call` calls systems functions. Failure if it is malformed."""
    text = ctypes.create_string_buffer(data, max(1, len(data)))
    decoder = replay.Decoder()
    decoder.data = array_at(u8, ctypes.addressof(text))
    decoder.size = len(data)
    operations, objects = call(replay.count, decoder)
    decoder.sample_step = max(1, operations // SAMPLES)
    samples = (ctypes.c_uint64 * (2 * (operations // decoder.sample_step) + 1))()
    ops = (ctypes.c_uint64 * (2 * operations + 1))()
    tables = [(ctypes.c_uint32 * (objects + 1))() for _ in range(4)]
    decoder.ops, decoder.samples = (array_at(u64, ctypes.addressof(words)) for words in (ops, samples))
    decoder.free_slots, decoder.slot_of, decoder.length, decoder.capacity = (
        array_at(u32, ctypes.addressof(table)) for table in tables
    )
    call(replay.decode, decoder)
    found = list(samples[: 2 * decoder.sample_count])
    counts = decoder.words, decoder.operations, decoder.objects, decoder.slots, decoder.live_peak
    return Trace(ops, *counts, found[::2], found[1::2])


@dataclass(frozen=True)
class Played:
    """What one process did with a trace."""

    times: list[int]  # nanoseconds, by repetition
    grown: int  # bytes by which its resident memory grew in the first one
    resident: list[int]  # the same at each end that it was told

    @classmethod
    def of(cls, text: str, repetitions: int) -> Played:
        """The report that a process printed."""
        numbers = [int(line) for line in text.split()]
        grown, *resident = (kib << 10 for kib in numbers[repetitions:])
        return cls(numbers[:repetitions], grown, resident)


class Player(Protocol):
    """One side."""

    def play(self, trace: Trace, repetitions: int, fill: bool) -> Played:
        """Play a trace in a fresh process; with fill, every byte of every object is written, and it stops at all ends
        of the trace to tell how much memory is resident."""


@dataclass(frozen=True)
class ToyPlayer:
    """This project's runtime."""

    image: Image

    def play(self, trace: Trace, repetitions: int, fill: bool) -> Played:
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.write(write_end, self.report(trace, repetitions, fill).encode())
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(write_end)
        with open(read_end) as report:
            text = report.read()
        _, status = os.waitpid(child, 0)
        if status:
            raise CommandFailed(f"exit code {os.waitstatus_to_exitcode(status)}: a replay")
        return Played.of(text, repetitions)

    def report(self, trace: Trace, repetitions: int, fill: bool) -> str:
        """Play the trace in this process."""
        touch_pages(trace.ops)
        before = resident("VmRSS:")
        Path("/proc/self/clear_refs").write_text(FORGET_PEAK)
        g = self.image.call(new_runtime, GOGC, SHADOW_BYTES)
        slots = self.image.call(replay.new_slots, g, trace.slots)
        times, grown, at_ends = [], 0, list[int]()
        for number in range(repetitions):
            ends = trace.ends if fill and number == 0 else []
            elapsed = begin = 0
            for end in [*ends, trace.words]:
                at = ctypes.addressof(trace.ops) + WORD * begin
                elapsed += self.image.call(replay.replay, g, at, end - begin, slots, fill)
                if len(at_ends) < len(ends):
                    at_ends.append(resident("VmRSS:") - before)
                begin = end
            if number == 0:
                grown = resident("VmHWM:") - before
            times.append(elapsed)
            self.image.call(replay.clear_slots, slots, trace.slots)
        return "\n".join(map(str, [*times, grown, *at_ends]))


def touch_pages(words: Any) -> None:
    """Read an array from end to end, so that it is resident in this process."""
    memoryview(words).tobytes()


def resident(name: str) -> int:
    """A line of the kernel's account of this process, in KiB."""
    found = re.search(rf"{name}\s*(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise CommandFailed(f"/proc/self/status has no {name}")
    return int(found[1])


@dataclass(frozen=True)
class ProgramPlayer:
    """A program that takes the operations as a file."""

    executable: Path

    def play(self, trace: Trace, repetitions: int, fill: bool) -> Played:
        environ = {**os.environ, "GOMAXPROCS": "1", "GOGC": str(GOGC)}
        with tempfile.NamedTemporaryFile() as file:
            file.write(memoryview(trace.ops).cast("B")[: 8 * trace.words])
            file.flush()
            command = [str(self.executable), file.name, str(trace.slots), str(repetitions)]
            command += ["fill", *map(str, trace.ends)] if fill else ["touch"]
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(f"exit code {done.returncode}: {self.executable}\n{done.stderr}")
        return Played.of(done.stdout, repetitions)


def go_player() -> ProgramPlayer | None:
    """Go's runtime; None without Go."""
    source = ROOT / "bench" / "go" / "replay" / "main.go"
    executable = go_program("replay", {source.name: source.read_text("utf-8")})
    return None if executable is None else ProgramPlayer(executable)


def malloc_players() -> dict[str, ProgramPlayer | str]:
    """malloc and free of the C libraries that are installed; for the others, why not."""
    gcc = shutil.which("gcc")
    players: dict[str, ProgramPlayer | str] = {}
    for name, library in MALLOCS.items():
        found = find_library(library) if library else ""
        if gcc is None or found is None:
            players[name] = "gcc is not installed" if gcc is None else f"lib{library} is not installed"
            continue
        source = ROOT / "bench" / "replay_malloc.c"
        libraries = ["-Wl,--no-as-needed", f"-l:{found}"] if found else []
        players[name] = ProgramPlayer(c_program(BUILD / "malloc" / name, [gcc, "-O2"], source, libraries))
    return players
