"""Execution: a compiled program on one of the two engines, on a thread of its own.

    main thread                          program's thread, with a large stack               scavenger's thread
    open the runtime  ---------------->  start(g, ...): returns, or leaves with a Failure   gives memory back
    waits; Ctrl-C sets `interrupted`
    flush, figures, close  <--------------------------------------------------------------------------'

What a program leaves with becomes an exit code: 0 at its end, 2 after a panic or a fatal error, os.Exit's own, 130
after Ctrl-C. What it had printed is written out in every case.

Owner: the host's main thread.        Next: memory_profile.py
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import threading
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runtime.knobs import Settings
from runtime.scavenger_thread import ScavengerThread
from runtime.syspy.failure import FAIL_EXIT, FAIL_INTERRUPT, FAIL_PANIC, FAIL_THROW, Failure
from runtime.syspy.image import Image

if TYPE_CHECKING:
    from runtime.stress_report import StressReport

STACK_BYTES = (1 << 30) - (1 << 20)  # Go's limit on a goroutine's stack is 1 GB
LEAST_STACK_BYTES = 1 << 20
SHADOW_SHARE = 4  # a frame of the shadow stack is at most so many times the native frame: see lower_function.py
PANIC_EXIT = 2
WRITE_ERROR_EXIT = 1
INTERRUPT_EXIT = 130  # 128 + SIGINT, as a shell reports it
FIGURES = (  # the words that runtime.MemStats begins with
    "Alloc TotalAlloc Sys Lookups Mallocs Frees "
    "HeapAlloc HeapSys HeapIdle HeapInuse HeapReleased HeapObjects "
    "StackInuse StackSys MSpanInuse MSpanSys MCacheInuse MCacheSys "
    "BuckHashSys GCSys OtherSys NextGC LastGC PauseTotalNs"
).split()
NUM_GC_WORD = len(FIGURES) + 512  # behind the rings of pauses
MEM_STATS_WORDS = 722  # of the whole struct
GRACE_SECONDS = 0.2  # after Ctrl-C, for the program to reach a place where it can stop


class Executable(NamedTuple):
    """What is left of a program when it has been compiled."""

    name: str  # the source's, for traces
    positions: list[tuple[str, int]]  # function and line: what the last word of a panic counts
    globals_size: int  # bytes of the package variables
    globals_mask: bytes  # a bit per word of them that is a pointer
    variables: list[tuple[int, str]]  # offset and name of each of them, in order


class ProfileFile(Protocol):
    """Where the memory profile of a run goes."""

    rate: int  # bytes from one sample to the next, on average

    def write(self, engine: Engine, runtime: int, program: Executable, is_at_end: bool) -> None:
        """Write the profile of the runtime at an address. Raises OSError.

        is_at_end: the program has come to its end by itself.
        """
        ...


class Watching(Protocol):
    """What wants to know of objects while the program runs."""

    def begin(self, engine: Engine, runtime: int, program: Executable) -> None:
        """Before the program runs, on the runtime at an address."""
        ...

    def finish(self) -> None:
        """When it is over."""
        ...


class Engine(Protocol):
    """Something that runs systems functions by name, on addresses."""

    def call(self, name: str, *values: int) -> Any:
        """Call a function of lang.std.start or of the program."""
        ...


def execute(
    engine: Engine,
    program: Executable,
    arguments: Sequence[str],
    knobs: Settings,
    figures: Collection[str] = (),
    profile: ProfileFile | None = None,
    watching: Watching | None = None,
) -> int:
    """Run a program; its exit code. At its end the figures wanted go to standard error: memstats, metrics."""
    run = Run(engine, program, arguments, knobs, profile, watching)
    try:
        run.open()
    except Failure as failure:
        run.report(failure)
        return PANIC_EXIT
    code = run.main()
    try:
        run.print_figures(figures)
    except Failure as failure:
        code = run.report(failure)
    code = run.write_profile(code)
    run.close()
    return code


class Run:
    """One run of one program."""

    def __init__(
        self,
        engine: Engine,
        program: Executable,
        arguments: Sequence[str],
        knobs: Settings,
        profile: ProfileFile | None = None,
        watching: Watching | None = None,
    ) -> None:
        self.engine = engine
        self.profile = profile
        self.watching = watching
        self.program = program
        self.knobs = knobs.with_seed()
        self.packed = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
        self.argument_count = len(arguments)
        self.runtime = 0  # address; that of its first field, the main goroutine, as well
        self.failure: BaseException | None = None
        self.scavenger: ScavengerThread | None = None
        self.stack_bytes = stack_bytes_wanted()

    def open(self) -> None:
        """Make the runtime."""
        mask = ctypes.create_string_buffer(self.program.globals_mask or b"\0")
        self.kept = [mask, ctypes.create_string_buffer(self.packed)]
        self.runtime = self.opened(ctypes.addressof(mask))
        words = (ctypes.c_int64 * len(self.knobs))(*self.knobs)
        self.engine.call("set_knobs", self.runtime, ctypes.addressof(words))
        if self.profile is not None:
            self.engine.call("set_memory_profile", self.runtime, self.profile.rate)
        if self.watching is not None:
            self.watching.begin(self.engine, self.runtime, self.program)
        self.engine.call("set_line_buffered", self.runtime, int(is_terminal(1)))

    def opened(self, mask: int) -> int:
        """A new runtime; its stacks as large as the system allows."""
        while True:
            shadow = SHADOW_SHARE * self.stack_bytes
            try:
                made = self.engine.call("open_program", self.knobs.gogc, shadow, self.program.globals_size, mask)
            except Failure as failure:
                if failure.text != "out of memory" or self.stack_bytes <= LEAST_STACK_BYTES:
                    raise
                self.stack_bytes //= 2
            else:
                return int(made)

    def main(self) -> int:
        """Run the program's main function on a thread with a large stack; the exit code."""
        self.scavenger = self.started_scavenger()
        thread = self.thread = self.started_thread()
        try:
            thread.join()
        except KeyboardInterrupt:
            self.engine.call("interrupt_program", self.runtime)
            thread.join(GRACE_SECONDS)
            self.flush()
            self.write_profile(INTERRUPT_EXIT)
            leave_now(INTERRUPT_EXIT)
        if self.scavenger.stop():
            self.failure = self.failure or self.scavenger.failure
        self.flush()
        code = 0 if self.failure is None else self.report(self.failure)
        error = self.engine.call("output_error", self.runtime)
        if error:
            sys.stderr.write(f"toyrun: write to standard output: {os.strerror(error).lower()}\n")
            return code or WRITE_ERROR_EXIT
        return code

    def started_scavenger(self) -> ScavengerThread:
        """The thread that gives memory back, running."""
        return ScavengerThread(
            lambda: self.engine.call("scavenge_in_background", self.runtime),
            lambda: self.engine.call("end_scavenging", self.runtime),
        )

    def started_thread(self) -> threading.Thread:
        """The program's thread, running; its stack as large as the system allows."""
        while True:
            threading.stack_size(self.stack_bytes)
            thread = threading.Thread(target=self.body, name="toy", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                if self.stack_bytes <= LEAST_STACK_BYTES:
                    raise
                self.stack_bytes //= 2
            else:
                return thread

    def body(self) -> None:
        """What the program's thread does."""
        try:
            self.engine.call("prepare_thread", self.runtime, self.stack_bytes)
            self.engine.call("start", self.runtime, ctypes.addressof(self.kept[1]), self.argument_count)
        except BaseException as failure:  # handed to the main thread, which reports it
            self.failure = failure

    def flush(self) -> None:
        """Write out what waits."""
        try:
            self.engine.call("flush_program", self.runtime)
        except Failure as failure:
            self.failure = self.failure or failure

    def write_profile(self, code: int) -> int:
        """Write the memory profile, if one is asked for. The exit code of a program whose own is given."""
        if self.profile is None:
            return code
        try:
            self.profile.write(self.engine, self.runtime, self.program, self.is_at_end())
        except OSError as error:
            sys.stderr.write(f"toyrun: write of the memory profile: {(error.strerror or str(error)).lower()}\n")
            return code or WRITE_ERROR_EXIT
        return code

    def is_at_end(self) -> bool:
        """Whether the program has come to its end by itself: main has returned, or os.Exit was called."""
        failure = self.failure
        has_exited = isinstance(failure, Failure) and failure.kind == FAIL_EXIT
        return not self.thread.is_alive() and (failure is None or has_exited)

    def close(self) -> None:
        """Give the runtime's memory back, unless somebody is in it still: then the end of the process does."""
        if self.scavenger is None or self.scavenger.stop():
            self.engine.call("close_program", self.runtime)

    def print_figures(self, figures: Collection[str]) -> None:
        """What is wanted of the runtime when the program is over. With heapcheck its counters are checked first."""
        broken = isinstance(self.failure, Failure) and self.failure.kind == FAIL_THROW
        if self.knobs.heapcheck > 0 and not broken:
            self.engine.call("recount", self.runtime)
        if self.watching is not None:
            self.watching.finish()
        if self.knobs.is_stress:
            sys.stderr.write(f"{self.stress()}\n")
        if "memstats" in figures:
            sys.stderr.write(self.memory_figures())
        if "metrics" in figures:
            sys.stderr.write(self.metrics())

    def stress(self) -> StressReport:
        """What was collected where, and what for."""
        from runtime.heap import Runtime
        from runtime.stress_report import stress_report

        return stress_report(Runtime.at(self.runtime), self.knobs.stress_seed)

    def metrics(self) -> str:
        """What --metrics prints: every metric, by name."""
        from runtime.metrics import Samples, metrics_text
        from runtime.syspy import address

        samples = Samples()
        self.engine.call("read_metrics", self.runtime, address(samples))
        return metrics_text(samples)

    def memory_figures(self) -> str:
        """What --memstats prints: the first words of runtime.MemStats, and the number of collections."""
        words = (ctypes.c_uint64 * MEM_STATS_WORDS)()
        self.engine.call("read_figures", self.runtime, ctypes.addressof(words))
        figures = [*zip(FIGURES, words, strict=False), ("NumGC", words[NUM_GC_WORD] & 0xFFFF_FFFF)]
        width = max(len(str(value)) for _, value in figures)
        return "".join(f"{name:<14}{value:>{width}}\n" for name, value in figures)

    # ---- how it ended

    def report(self, failure: BaseException) -> int:
        """Tell the user why the program ended; the exit code."""
        if isinstance(failure, RecursionError):
            failure = Failure(FAIL_THROW, "stack overflow", ())
        if not isinstance(failure, Failure):
            raise failure
        if failure.kind == FAIL_EXIT:
            return failure.words[0] & 0xFF
        if failure.kind == FAIL_INTERRUPT:
            return INTERRUPT_EXIT
        from runtime.panics import panic_message

        sys.stderr.write(f"{panic_message(failure)}\n\ngoroutine 1 [running]:\n{self.trace(failure)}")
        if failure.kind == FAIL_THROW and max(self.knobs.heapcheck, self.knobs.gccheckmark) > 0:
            sys.stderr.write(self.damages(failure))
        return PANIC_EXIT

    def damages(self, failure: Failure) -> str:
        """All that a check of the heap finds, when one has failed: a line each."""
        from runtime.damage import Damaged, with_damages
        from runtime.heap import Runtime

        found = with_damages(Runtime.at(self.runtime), failure)
        if not isinstance(found, Damaged):
            return ""
        return "".join(["\ndamages:\n", *(f"  {damage}\n" for damage in found.damages)])

    def trace(self, failure: Failure) -> str:
        """The function and the line that panicked."""
        if failure.kind != FAIL_PANIC or not failure.words:
            return ""
        position = failure.words[-1]
        if not 0 <= position < len(self.program.positions):
            return ""
        function, line = self.program.positions[position]
        return f"main.{function}(...)\n\t{self.program.name}:{line}\n"


def stack_bytes_wanted() -> int:
    """The size of the program's stack: less where address space is limited, since the heap needs some as well."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return STACK_BYTES if limit == resource.RLIM_INFINITY else min(STACK_BYTES, max(limit // 32, LEAST_STACK_BYTES))


def is_terminal(fd: int) -> bool:
    """Whether a descriptor is a terminal; a closed one is not."""
    try:
        return os.isatty(fd)
    except OSError:
        return False


def leave_now(code: int) -> None:
    """End the process without waiting for the program's thread, which may be in a loop without end."""
    sys.stderr.flush()
    os._exit(code)


class NativeEngine:
    """Systems functions as machine code."""

    def __init__(self, runtime: Image, program: Image) -> None:
        self.runtime = runtime
        self.program = program

    def call(self, name: str, *values: int) -> Any:
        """Call a function by its name."""
        if name == "start":
            return self.program.call("program.start", *values)
        return self.runtime.call(f"lang.std.start.{name}", *values)
