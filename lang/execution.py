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

import _thread
import ctypes
import os
import sys

from runtime.host_thread import Ending, HostThread, MarkerThreads, first_failure, threads_of_process
from runtime.record import Record
from runtime.syspy.failure import FAIL_EXIT, FAIL_INTERRUPT, FAIL_PANIC, FAIL_THROW, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from lang.reports import End, Engine, Report
    from runtime.knobs import Settings
    from runtime.panics import PanicRecord
    from runtime.stress_report import StressReport
    from runtime.syspy.image import Image

STACK_BYTES = (1 << 30) - (1 << 20)  # Go's limit on a goroutine's stack is 1 GB
LEAST_STACK_BYTES = 1 << 20
RLIMIT_AS = 9  # Linux's; the module `resource` takes longer to load than the question
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
CLEAN_FAILURES = ("out of memory", "stack overflow")  # fatal errors that leave the heap as it should be
GRACE_SECONDS = 0.2  # after Ctrl-C, for the program to reach a place where it can stop


class Executable(Record):
    """What is left of a program when it has been compiled."""

    name: str  # the source's, for traces
    positions: list[tuple[str, int, str]]  # function, line and file: what the last word of a panic counts
    globals_size: int  # bytes of the package variables
    globals_mask: bytes  # a bit per word of them that is a pointer
    objects: dict[str, Any]  # of a profiled program: its types, for who looks at the heap (type_notes.py)


def execute(
    engine: Engine,
    program: Executable,
    arguments: Sequence[str],
    knobs: Settings,
    figures: Collection[str] = (),
    reports: Sequence[Report] = (),
) -> int:
    """Run a program; its exit code. At its end the figures wanted go to standard error: memstats, metrics."""
    run = Run(engine, program, arguments, knobs, reports)
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
    code = run.write_reports(code)
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
        reports: Sequence[Report] = (),
    ) -> None:
        self.engine = engine
        self.reports = reports
        self.program = program
        self.knobs = knobs.with_seed()
        self.packed = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
        self.argument_count = len(arguments)
        self.runtime = 0  # address; that of its first field, the main goroutine, as well
        self.failure: BaseException | None = None
        self.noted: BaseException | None = None  # that of the program's thread, whose calls are noted
        self.ended = Ending()  # the program's thread has left the program
        self.has_begun = False  # it is in the program
        self.scavenger: HostThread | None = None
        self.markers: MarkerThreads | None = None
        self.stack_bytes = stack_bytes_wanted()

    def open(self) -> None:
        """Make the runtime."""
        mask = ctypes.create_string_buffer(self.program.globals_mask or b"\0")
        self.kept = [mask, ctypes.create_string_buffer(self.packed)]
        self.runtime = self.opened(ctypes.addressof(mask))
        words = (ctypes.c_int64 * len(self.knobs))(*self.knobs)
        self.engine.call("set_knobs", self.runtime, ctypes.addressof(words))
        for report in self.reports:
            report.begin(self.engine, self.runtime, self.program)
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
        self.markers = self.marker_threads()
        self.engine.call("set_marker_hook", self.runtime, self.markers.hook)
        try:
            self.start_thread()
            self.ended.wait(self.look_after_thread)
        except KeyboardInterrupt:
            self.leave_interrupted()
        self.scavenger.stop()
        # What ended one of these says more than what its end did to a thread that waited for it.
        self.failure = first_failure([self.scavenger, *self.markers.threads]) or self.failure
        self.flush()
        code = 0 if self.failure is None else self.report(self.failure)
        error = self.engine.call("output_error", self.runtime)
        if error:
            sys.stderr.write(f"toyrun: write to standard output: {os.strerror(error).lower()}\n")
            return code or WRITE_ERROR_EXIT
        return code

    def leave_interrupted(self) -> None:
        """After Ctrl-C: the end of the process. A second one is not waited for: what is being written is cut short."""
        self.engine.call("interrupt_program", self.runtime)
        self.ended.wait_for(GRACE_SECONDS)
        self.flush()
        self.write_reports(INTERRUPT_EXIT)
        leave_now(INTERRUPT_EXIT)

    def started_scavenger(self) -> HostThread:
        """The thread that gives memory back, running."""
        return HostThread(
            lambda: self.engine.call("scavenge_in_background", self.runtime),
            lambda: self.engine.call("end_scavenging", self.runtime),
            lambda: self.engine.call("give_up_scavenging", self.runtime),
        )

    def marker_threads(self) -> MarkerThreads:
        """The threads that mark beside the program's, once it has much to mark."""
        return MarkerThreads(
            lambda: self.engine.call("mark_in_background", self.runtime),
            lambda: self.engine.call("end_marking", self.runtime),
            lambda: self.engine.call("give_up_marking", self.runtime),
        )

    def start_thread(self) -> None:
        """Start the program's thread; its stack is as large as the system allows.

        Whether it is over is asked of `ended`.
        """
        while True:
            _thread.stack_size(self.stack_bytes)
            try:
                _thread.start_new_thread(self.body, ())
            except RuntimeError:
                if self.stack_bytes <= LEAST_STACK_BYTES:
                    raise
                self.stack_bytes //= 2
            else:
                return

    def look_after_thread(self) -> None:
        """RuntimeError if the program's thread is gone, and never came as far as its first line.

        One for which CPython finds no memory ends without a word to anybody in this process.
        """
        if not self.has_begun and threads_of_process() <= 1 + self.running_beside():
            raise RuntimeError("can't start new thread")

    def running_beside(self) -> int:
        """How many threads run beside the program's and this one."""
        found = 0 if self.scavenger is None else int(self.scavenger.is_running)
        return found if self.markers is None else found + self.markers.running

    def body(self) -> None:
        """What the program's thread does."""
        self.has_begun = True
        try:
            self.engine.listen(self.engine.call("prepare_thread", self.runtime, self.stack_bytes))
            self.engine.call("start", self.runtime, ctypes.addressof(self.kept[1]), self.argument_count)
        except BaseException as failure:  # handed to the main thread, which reports it
            self.failure = self.noted = failure
        finally:
            try:
                self.engine.listen(0)
            finally:  # whatever becomes of that: somebody waits
                self.ended.come()

    def flush(self) -> None:
        """Write out what waits."""
        try:
            self.engine.call("flush_program", self.runtime)
        except Failure as failure:
            self.failure = self.failure or failure

    def write_reports(self, code: int) -> int:
        """Write what was asked for about the run. The exit code of a program whose own is given."""
        if not self.reports:
            return code
        end = self.end()
        for report in self.reports:
            try:
                report.write(end)
            except OSError as error:
                sys.stderr.write(f"toyrun: write of {report.name}: {(error.strerror or str(error)).lower()}\n")
                code = code or WRITE_ERROR_EXIT
        return code

    def end(self) -> End:
        """How far the program has come."""
        from lang.reports import End

        if not self.ended.has_come:
            return End.RUNNING
        if self.failure is None:
            return End.RETURNED
        if not isinstance(self.failure, Failure):
            return End.FAILED
        if self.failure.kind == FAIL_EXIT:
            return End.RETURNED
        is_broken = self.failure.kind == FAIL_THROW and self.failure.text not in CLEAN_FAILURES
        return End.BROKEN if is_broken else End.FAILED

    def close(self) -> None:
        """Give the runtime's memory back, unless somebody is in it still: then the end of the process does."""
        threads = [thread for thread in (self.scavenger, self.markers) if thread is not None]
        if all(thread.stop() for thread in threads):
            self.engine.call("close_program", self.runtime)

    def print_figures(self, figures: Collection[str]) -> None:
        """What is wanted of the runtime when the program is over. With heapcheck its counters are checked first."""
        broken = isinstance(self.failure, Failure) and self.failure.kind == FAIL_THROW
        if self.knobs.heapcheck > 0 and not broken:
            self.engine.call("recount", self.runtime)
        if self.knobs.is_stress or self.knobs.protectfree:
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
        is_noted = failure is self.noted
        if isinstance(failure, RecursionError):
            failure = Failure(FAIL_THROW, "stack overflow", ())
        if not isinstance(failure, Failure):
            raise failure
        if failure.kind == FAIL_EXIT:
            return failure.words[0] & 0xFF
        if failure.kind == FAIL_INTERRUPT:
            return INTERRUPT_EXIT
        from runtime.panics import fatal_message

        message = fatal_message(failure, self.panics(failure))
        sys.stderr.write(f"{message}\n\ngoroutine 1 [running]:\n{self.trace() if is_noted else ''}")
        if failure.kind == FAIL_THROW and max(self.knobs.heapcheck, self.knobs.gccheckmark) > 0:
            sys.stderr.write(self.damages(failure))
        return PANIC_EXIT

    def panics(self, failure: Failure) -> list[PanicRecord]:
        """The panics under way, in the order in which they began, if functions with deferred calls have seen them."""
        from lang.std.defers import Panic, panic_records
        from runtime.heap import Runtime

        if failure.kind != FAIL_PANIC:
            return []
        return panic_records(Panic.at(Runtime.at(self.runtime).g0.unwinding.last))

    def damages(self, failure: Failure) -> str:
        """All that a check of the heap finds, when one has failed: a line each."""
        from runtime.damage import Damaged, with_damages
        from runtime.heap import Runtime

        found = with_damages(Runtime.at(self.runtime), failure)
        if not isinstance(found, Damaged):
            return ""
        return "".join(["\ndamages:\n", *(f"  {damage}\n" for damage in found.damages)])

    def trace(self) -> str:
        """Who called whom when the program's thread failed."""
        from lang.trace_text import trace_text
        from runtime.heap import Runtime
        from runtime.syspy.pointers import is_nil

        trace = Runtime.at(self.runtime).g0.unwinding.trace
        return "" if is_nil(trace) else trace_text(trace, self.place)

    def place(self, number: int) -> tuple[str, int, str] | None:
        """The function, the line and the file of a position."""
        if not 0 <= number < len(self.program.positions):
            return None
        function, line, file = self.program.positions[number]
        return function, line, file or self.program.name


def stack_bytes_wanted() -> int:
    """The size of the program's stack: less where address space is limited, since the heap needs some as well."""
    limit = (ctypes.c_uint64 * 2)()  # what holds now, and what it could be raised to
    ctypes.CDLL(None).getrlimit(RLIMIT_AS, limit)
    return min(STACK_BYTES, max(limit[0] // 32, LEAST_STACK_BYTES))


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

    def listen(self, trace: int) -> None:
        """Let all images tell of their failures, and what notes them know their code."""
        image: Image | None = self.program
        while image is not None:
            if trace and image.frames:
                self.call("add_frame_table", trace, image.code, image.code_bytes, image.frames_at)
            image.listen(trace)
            image = image.base

    def call(self, name: str, *values: int) -> Any:
        """Call a function by its name."""
        if name == "start":
            return self.program.call("program.start", *values)
        return self.runtime.call(f"lang.std.start.{name}", *values)
