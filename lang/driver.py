"""The driver: from a program's text to its exit code, as a list of phases.

    read -> parse -> check -> lower ---> python engine: the module is executed as it is
                                   `---> native engine: translated, kept in the cache, run

A phase is a plain function from one form to the next, so that `--emit` can stop behind any of them. A program that was
compiled before is found in the cache by its text, and none of the phases run.

Owner: one run.        Next: toyrun.py
"""

from __future__ import annotations

import errno
import gc
import os
import sys

from lang import toolchain
from lang.build import PLAIN, Build
from lang.execution import INTERRUPT_EXIT, WRITE_ERROR_EXIT, Executable, NativeEngine, execute
from lang.source import Source
from runtime.knobs import KnobError, Settings, known_settings
from runtime.record import Record
from runtime.syspy.cache import file_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from lang.diagnostics import Diagnostics
    from lang.lower_library import Common
    from lang.lower_program import LoweredProgram
    from lang.reports import Engine, Report
    from lang.syntax import File, Package
    from runtime.syspy.compiler import Compiler
    from runtime.syspy.image import Image

COMPILE_ERROR = 1
RUN_ERROR = 2  # it did not even start, or ran out of memory
INTERNAL_ERROR = 70  # a bug of Toy's own
# What CPython says when the system refuses memory: for a thread's stack, in the middle of a call, for a module's code.
WITHOUT_MEMORY = ("can't start new thread", "error return without exception set", "failed to map segment")
WITHOUT_FILES = (errno.EMFILE, errno.ENFILE)  # what the system says when it lets this process open no more of them


class UserError(Exception):
    """What the user has to mend; the text is shown as it is, the exit code is 1."""


class OutputError(Exception):
    """Standard output does not take what Toy itself prints."""

    def __init__(self, number: int) -> None:
        self.number = number  # of the error, as the system counts them
        super().__init__(f"write to standard output: {os.strerror(number).lower()}")


class Options(Record):
    """What the command line asks for."""

    engine: str = "native"  # or "python"
    emit: str = ""  # tree, typed, python, escapes, llvm or asm: print that and stop
    check: bool = False  # stop after checking
    gctrace: bool = False  # as GODEBUG=gctrace=1
    memstats: bool = False  # the allocator's figures at the end
    metrics: bool = False  # all metrics at the end
    memprofile: str = ""  # write a memory profile to this file
    memprofilerate: int | None = None  # bytes from one sample to the next
    heapmap: str = ""  # write a page that shows the heap to this file
    heapmapat: int | None = None  # the collection that its graph of objects is of
    trace: str = ""  # write the collections on a timeline to this file
    watch: tuple[int, ...] = ()  # numbers of allocations whose objects' stories are told

    @property
    def is_profiled(self) -> bool:
        """Whether the program says where it allocates."""
        return bool(self.memprofile or self.heapmap or self.watch)

    @property
    def figures(self) -> list[str]:
        """What is wanted at the end."""
        return [name for name in ("memstats", "metrics") if getattr(self, name)]


def guarded(action: Callable[[], int]) -> int:
    """The exit code of an action; what goes wrong on the way becomes a message and an exit code, never a traceback."""
    try:
        return action()
    except UserError as error:
        sys.stderr.write(str(error))
        return COMPILE_ERROR
    except KnobError as error:
        sys.stderr.write(f"{error}\n")
        return RUN_ERROR
    except OutputError as error:
        if error.number == errno.EPIPE:  # nobody is there to read: a quiet end, as a program's
            from runtime.output import EXIT_BROKEN_PIPE

            return EXIT_BROKEN_PIPE
        sys.stderr.write(f"toyrun: {error}\n")
        return WRITE_ERROR_EXIT
    except KeyboardInterrupt:
        return INTERRUPT_EXIT
    except Exception as error:
        if is_out_of_memory(error):
            sys.stderr.write("fatal error: out of memory\n")
            return RUN_ERROR
        if isinstance(error, OSError) and error.errno in WITHOUT_FILES:
            sys.stderr.write(f"toyrun: {os.strerror(error.errno).lower()}\n")
            return RUN_ERROR
        sys.stderr.write(f"toyrun: internal error: {type(error).__name__}: {error}\n")
        return INTERNAL_ERROR


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the system has refused memory, as far as CPython tells, or what was raised before another error was."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if any(words in str(error) for words in WITHOUT_MEMORY):
        return True
    return error.__context__ is not None and is_out_of_memory(error.__context__)


# --- Phases ----------------------------------------------------------------------------------------------------------


def read_source(path: str) -> Source:
    """The text of a program; `-` is standard input."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else file_bytes(path)
    except OSError as error:
        raise UserError(f"toyrun: {path}: {(error.strerror or str(error)).lower()}\n") from None
    name = "standard input" if path == "-" else path
    refuse_binary(name, data)
    return Source.of_bytes(name, data)


def refuse_binary(name: str, data: bytes) -> None:
    """A file that is no text is refused in one line, at its first byte that no text has."""
    at, what = data.find(b"\0"), "invalid NUL character"
    if at < 0:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            at, what = error.start, "invalid UTF-8 encoding"
        else:
            return
    line, column = data.count(b"\n", 0, at) + 1, at - data.rfind(b"\n", 0, at)
    raise UserError(f"{name}:{line}:{column}: {what}\n")


def parse_source(source: Source) -> File:
    """The syntax tree."""
    from lang.diagnostics import Diagnostics
    from lang.parse import parse

    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    if file is None:
        raise UserError(shown(diagnostics))
    return file


def check_file(file: File, source: Source) -> Package:
    """The tree with types, or all errors."""
    from lang.check_package import check
    from lang.diagnostics import Diagnostics

    diagnostics = Diagnostics(source)
    package = check(file, diagnostics)
    if package is None:
        raise UserError(shown(diagnostics))
    return package


def shown(diagnostics: Diagnostics) -> str:
    """The errors; whoever sees them on a terminal is told where more is said about them."""
    more = f"(more: toyrun explain {diagnostics.codes()})\n" if sys.stderr.isatty() else ""
    return diagnostics.render() + more


def lower_checked(
    package: Package,
    source: Source,
    build: Build = PLAIN,
    shown_from: int | None = None,
    common: Common | None = None,
) -> LoweredProgram:
    """The program as systems Python; the options are lower_package's."""
    from lang.codes import NOT_YET
    from lang.diagnostics import Diagnostics
    from lang.lower_frame import NotYet
    from lang.lower_program import lower_package

    try:
        with room_for_nesting(source):
            return lower_package(package, source, build, shown_from, common)
    except NotYet as missing:
        diagnostics = Diagnostics(source)
        diagnostics.report(NOT_YET, missing.node.pos, f"Toy does not have {missing.construct} yet")
        raise UserError(shown(diagnostics)) from None


def compile_source(source: Source, build: Build = PLAIN, common: Common | None = None) -> LoweredProgram:
    """All phases up to systems Python."""
    return lower_checked(check_file(parse_source(source), source), source, build, common=common)


def common_of(library: Image) -> Common:
    """The functions in the library's image, for programs on top of it."""
    from lang.lower_library import Common

    return Common.of_notes(library.notes)


def translate(
    lowered: LoweredProgram,
    source: Source,
    base: Image,
    use_cache: bool = True,
    build: Build = PLAIN,
    compiler: Compiler | None = None,
) -> Image:
    """The program as machine code."""
    from lang.lower_imports import COMMON_MODULE
    from lang.lower_program import stubs

    sources = {"program": lowered.text, COMMON_MODULE: stubs(lowered.common)}
    with room_for_nesting(source):
        key = toolchain.program_key(source.text, build)
        return toolchain.build_program(key, sources, base, notes_of(lowered), use_cache, compiler)


class without_collections:
    """Where much is made and little of it is garbage: CPython's collector is not run, and leaves it alone from then on.

    All of it would be young to the first collection behind, which would take a thirtieth of a second.
    """

    def __enter__(self) -> None:
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.freeze()
        gc.enable()


class room_for_nesting:
    """Where the compiler follows the nesting of a program; one that is too deep for it, or for CPython, is refused."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.limit = sys.getrecursionlimit()  # before

    def __enter__(self) -> None:
        from lang.check_package import RECURSION_LIMIT

        sys.setrecursionlimit(max(self.limit, RECURSION_LIMIT))

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        sys.setrecursionlimit(self.limit)
        if isinstance(error, RecursionError) or isinstance(error, SyntaxError) and error.msg.startswith("too many"):
            raise self.refusal() from None

    def refusal(self) -> UserError:
        """What the user is told."""
        from lang.codes import NESTING
        from lang.diagnostics import Diagnostics

        diagnostics = Diagnostics(self.source)
        diagnostics.report(NESTING, 0, "the program is nested too deeply")
        return UserError(shown(diagnostics))


# --- Running ---------------------------------------------------------------------------------------------------------


def run_file(path: str, arguments: Sequence[str], options: Options, environ: Mapping[str, str]) -> int:
    """Do what the command line asks for; the exit code."""
    source = read_source(path)
    if options.check or options.emit:
        return show(source, options, build_of(options, environ))
    make = on_python if options.engine == "python" else on_native
    engine, program = make(source, build_of(options, environ))
    knobs = knobs_of(options, environ)
    reports = open_reports(options, knobs, source) if options.is_profiled or options.trace else []
    return execute(engine, program, [path, *arguments], knobs, options.figures, reports)


def open_reports(options: Options, knobs: Settings, source: Source) -> list[Report]:
    """What is asked for about the run: files, open, and the watched objects.

    The memory profile comes behind the heap map: the rate of its samples is what counts. Who watches hands the
    collector's phases on to whom has asked before.
    """
    from lang.heap_page import HeapPage
    from lang.heap_record import HeapRecord
    from lang.memory_profile import MemoryProfile
    from lang.trace_file import TraceFile
    from lang.watching import Watching

    record = HeapRecord(bool(options.heapmap), options.memprofilerate, options.heapmapat)
    opened: list[Report] = []
    path = ""
    try:
        if path := options.heapmap:
            opened.append(HeapPage(path, record, source, options.engine))
        if path := options.trace:
            opened.append(TraceFile(path, record))
        if path := options.memprofile:
            opened.append(MemoryProfile(path, options.memprofilerate, knobs))
        if options.watch:
            opened.append(Watching(options.watch))
    except OSError as error:
        raise UserError(f"toyrun: {path}: {(error.strerror or str(error)).lower()}\n") from None
    return opened


def on_python(source: Source, build: Build = PLAIN) -> tuple[Engine, Executable]:
    """A program ready to be run by CPython."""
    lowered = compile_source(source, build)
    from lang.python_engine import PythonEngine, program_module

    with room_for_nesting(source):
        module = program_module(lowered.text)
    return PythonEngine(module), executable(source, notes_of(lowered))


def on_native(source: Source, build: Build = PLAIN) -> tuple[Engine, Executable]:
    """A program ready to be run as machine code."""
    runtime = toolchain.runtime_image()
    base = toolchain.library_image(runtime)
    image = toolchain.cached_program(source.text, base, build)
    if image is None:
        with without_collections(), toolchain.compiler(base) as compiler:
            lowered = compile_source(source, build, common_of(base))
            image = translate(lowered, source, base, True, build, compiler)
    return NativeEngine(runtime, image), executable(source, image.notes)


def build_of(options: Options, environ: Mapping[str, str]) -> Build:
    """What a program has to have in it to run like that; what is wrong with other knobs is for who runs it to say."""
    return Build(options.is_profiled, known_settings(environ.get("GODEBUG", "")).get("gcstoptheworld") == 0)


def knobs_of(options: Options, environ: Mapping[str, str]) -> Settings:
    """How to run, by the environment and the command line; read when a program starts, as a Go program does."""
    knobs = Settings.from_environment(environ)
    return knobs._replace(gctrace=1) if options.gctrace else knobs


def notes_of(lowered: LoweredProgram) -> dict[str, Any]:
    """What running a program needs besides its code, in a form that the cache can keep."""
    return {
        "positions": [list(position) for position in lowered.positions],
        "globals_size": lowered.globals_size,
        "globals_mask": f"{lowered.globals_mask:x}",
        "objects": lowered.objects,
    }


def executable(source: Source, notes: dict[str, Any]) -> Executable:
    """The same, read back."""
    mask = int(notes["globals_mask"], 16)
    positions = [(function, line, file) for function, line, file in notes["positions"]]
    mask_bytes = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
    return Executable(source.name, positions, notes["globals_size"], mask_bytes, notes["objects"])


def show(source: Source, options: Options, build: Build) -> int:
    """--check and --emit."""
    from lang.tree_text import tree_text

    file = parse_source(source)
    if options.emit == "tree" and not options.check:
        sys.stdout.write(tree_text(file, typed=False))
        return 0
    package = check_file(file, source)
    if options.emit == "typed" and not options.check:
        sys.stdout.write(tree_text(file, typed=True))
        return 0
    base = toolchain.library_image(toolchain.runtime_image()) if options.emit in ("llvm", "asm") else None
    common = common_of(base) if base is not None else None
    lowered = lower_checked(package, source, build, common=common)
    if options.check:
        return 0
    if options.emit == "python":
        sys.stdout.write(lowered.text)
        return 0
    if options.emit == "escapes":
        for pos, text in lowered.escapes:
            line, column = source.line_column(pos)
            sys.stdout.write(f"{source.name}:{line}:{column}: {text}\n")
        return 0
    assert base is not None, "machine code is wanted"
    image = translate(lowered, source, base, use_cache=False)
    sys.stdout.write(image.ir if options.emit == "llvm" else image.assembly)
    return 0


def prepare() -> None:
    """Import and load all that compiling and running need: processes forked later share it."""
    source = Source("prepare.toy", "func main() {}")
    translate(compile_source(source), source, toolchain.runtime_image(), use_cache=False)
