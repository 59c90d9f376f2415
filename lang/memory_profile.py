"""Memory profile: what `--memprofile` writes when a program has ended, however it did.

    toyrun --memprofile out.pb.gz prog.toy
    go tool pprof -top out.pb.gz

    at its end    runtime.GC first, so that "in use" is what package variables lead to
    otherwise     (a panic, out of memory, Ctrl-C) everything that was not found dead yet is in use

A program is compiled for it: allocations and calls say where they are (shadow_stack.py).

Owner: the host's main thread. Go: testing -memprofile; runtime/pprof.        Next: driver.py
"""

from __future__ import annotations

import os
import stat

from lang.execution import Engine, Executable
from runtime.heap import Runtime
from runtime.knobs import Settings
from runtime.pprof import Frame, pprof_bytes
from runtime.profile_records import read_records
from runtime.sampler import DEFAULT_RATE

UNKNOWN = "unknown"  # the function of an allocation that no line of the program asked for


class MemoryProfile:
    """A file that a profile will be written to."""

    def __init__(self, path: str, rate: int | None, knobs: Settings) -> None:
        """Open it. Raises OSError. What it holds stays until there is something to write."""
        self.stream = open(path, "ab", buffering=0)  # noqa: SIM115 (closed by write)
        asked = knobs.memprofilerate if rate is None else rate
        self.rate = asked if asked >= 0 else DEFAULT_RATE

    def write(self, engine: Engine, runtime: int, program: Executable, is_at_end: bool) -> None:
        """Write the profile of the runtime at an address, and close the file. Raises OSError."""
        engine.call("finish_memory_profile", runtime, int(is_at_end))

        def frame_of(site: int) -> Frame:
            if not 1 <= site <= len(program.positions):
                return Frame(UNKNOWN, program.name, 0)
            function, line = program.positions[site - 1]
            return Frame(f"main.{function}", program.name, line)

        records = read_records(Runtime.at(runtime).heap.specials.profile)
        with self.stream as stream:
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                stream.truncate(0)
            data = pprof_bytes(records, self.rate, frame_of)
            while data:
                data = data[stream.write(data) or 0 :]
