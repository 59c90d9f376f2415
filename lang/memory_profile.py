"""Memory profile: what `--memprofile` writes when a program has ended, however it did.

    toyrun --memprofile out.pb.gz prog.toy
    go tool pprof -top out.pb.gz

    at its end    runtime.GC first, so that "in use" is what package variables lead to
    otherwise     (a panic, out of memory, Ctrl-C) everything that was not found dead yet is in use

A program is compiled for it: allocations and calls say where they are (shadow_stack.py).

Owner: the host's main thread. Go: testing -memprofile; runtime/pprof.        Next: driver.py
"""

from __future__ import annotations

from lang.execution import Executable
from lang.output_file import OutputFile
from lang.reports import End, Engine
from runtime.heap import Runtime
from runtime.knobs import Settings
from runtime.pprof import Frame, pprof_bytes
from runtime.profile_records import read_records
from runtime.sampler import DEFAULT_RATE

UNKNOWN = "unknown"  # the function of an allocation that no line of the program asked for


class MemoryProfile:
    """A file that a profile will be written to."""

    name = "the memory profile"

    def __init__(self, path: str, rate: int | None, knobs: Settings) -> None:
        """Open it. Raises OSError."""
        self.file = OutputFile(path)
        asked = knobs.memprofilerate if rate is None else rate
        self.rate = asked if asked >= 0 else DEFAULT_RATE

    def begin(self, engine: Engine, runtime: int, program: Executable) -> None:
        """Sample, from now on."""
        self.engine, self.runtime, self.program = engine, runtime, program
        engine.call("set_memory_profile", runtime, self.rate)

    def write(self, end: End) -> None:
        """Write the profile. Raises OSError."""
        self.engine.call("finish_memory_profile", self.runtime, int(end is End.RETURNED))
        records = read_records(Runtime.at(self.runtime).heap.specials.profile)
        self.file.write(pprof_bytes(records, self.rate, self.frame_of))

    def frame_of(self, site: int) -> Frame:
        """The function and the line of a site."""
        if not 1 <= site <= len(self.program.positions):
            return Frame(UNKNOWN, self.program.name, 0)
        function, line, file = self.program.positions[site - 1]
        return Frame(function, file or self.program.name, line)
