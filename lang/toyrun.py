"""toyrun: the command line.

    toyrun [flags] program.toy [arguments]
    toyrun [--engine python] repl
    toyrun explain [code ...]

Owner: nobody.        Next: driver.py
"""

from __future__ import annotations

import io
import os
import sys
from itertools import combinations

from lang.driver import Options, OutputError, guarded, run_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from _typeshed import ReadableBuffer

    Setting = str | bool | int

USAGE_ERROR = 2
USAGE = """\
usage: toyrun [flags] program.toy [arguments]      (- for standard input)
       toyrun repl                                 a prompt: see README.md
  --engine native|python   run translated by LLVM (the default), or as Python
  --emit FORM              print it: tree, typed, python, escapes, llvm or asm
  --check                  report errors in the program and stop
  --gctrace                a line on standard error for each collection
  --memstats, --metrics    the allocator's figures on standard error at the end
  --memprofile FILE        write a memory profile at the end: go tool pprof FILE
  --memprofilerate N       one sample in N bytes, on average (524288); 1: all
  --heapmap FILE           a page of the heap; --heapmapat N: of collection N
  --trace FILE             write the collections on a timeline, for Perfetto
  --watch N[,N...]         tell what becomes of the object of the Nth allocation
  --version, --help        toyrun explain [CODE...]: what errors mean

environment
  GOGC=100|off             heap growth before a collection, in percent
  GOMEMLIMIT=512MiB|off    memory to stay below, where collecting helps
  GOMAXPROCS=N             threads that mark the heap together, once it is large
  GODEBUG=name=1,...       gctrace, gcpacertrace, scavtrace, heapcheck,
                           gccheckmark, clobberfree, protectfree, invalidptr=0,
                           madvdontneed=0, gcstoptheworld=0, gcstress=N
  TOY_CACHE_DIR            where compiled programs are kept

exit status: 0; 1 the program does not compile; 2 it panicked; os.Exit's
"""


ENGINES = ("native", "python")
SESSION = "repl"  # instead of a program
FORMS = ("tree", "typed", "python", "escapes", "llvm", "asm")
EXPLAIN = "explain"  # the first word, instead of a program


class UsageError(Exception):
    """A wrong command line."""


def main() -> NoReturn:
    """The command line of this process, which ends here: nothing is left for the interpreter to take apart."""
    hold_standard_streams()
    code = guarded(lambda: command_to_the_end(sys.argv[1:]))
    sys.stderr.flush()
    os._exit(code)


def hold_standard_streams() -> None:
    """Make them fit for use, whatever they are.

    One that is closed is the null device, as in Go; the next file that is opened would be taken for it otherwise.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (it stays open)
    sys.stdout = writer(StandardOutput(1, "w", closefd=False), "surrogateescape")
    sys.stderr = writer(StandardError(2, "w", closefd=False), "backslashreplace")


def writer(raw: io.FileIO, errors: str) -> io.TextIOWrapper:
    """A stream of text, which is UTF-8 as programs are, line by line where somebody looks on."""
    is_terminal = raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", errors, line_buffering=is_terminal or raw.fileno() == 2)


class StandardOutput(io.FileIO):
    """Where Toy prints what it is asked for. OutputError where that cannot be written."""

    def write(self, data: ReadableBuffer) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            raise OutputError(error.errno or 0) from None


class StandardError(io.FileIO):
    """Where Toy says what is wrong. What cannot be written is lost: there is nobody to tell."""

    def write(self, data: ReadableBuffer) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data))


def command_to_the_end(words: Sequence[str]) -> int:
    """What a command line asks for, with all of it printed; the exit code."""
    code = command(words)
    sys.stdout.flush()
    return code


def command(words: Sequence[str]) -> int:
    """What a command line asks for; the exit code."""
    if words and words[0] == EXPLAIN:
        return explain(words[1:])
    try:
        path, arguments, options = parse_arguments(words)
        if path == SESSION:
            check_session(arguments, options)
    except UsageError as error:
        sys.stderr.write(f"toyrun: {error}\n{USAGE.partition(chr(10))[0]}\n")
        return USAGE_ERROR
    if path == SESSION:
        from lang.repl import repl

        return repl(options.engine, os.environ)
    return 0 if path is None else run_guarded(path, arguments, options, os.environ)


def explain(names: Sequence[str]) -> int:
    """Print what the codes of errors mean; without a name, list them."""
    from lang.explain import UnknownCode, explained

    try:
        sys.stdout.write(explained(names))
    except UnknownCode as error:
        sys.stderr.write(f"toyrun: {error}\n")
        return USAGE_ERROR
    return 0


def run_guarded(path: str, arguments: Sequence[str], options: Options, environ: Mapping[str, str]) -> int:
    """Run a program; what goes wrong on the way becomes a message and an exit code, never a traceback."""
    return guarded(lambda: run_file(path, arguments, options, environ))


def parse_arguments(words: Sequence[str]) -> tuple[str | None, list[str], Options]:
    """The program, its arguments and the options; no program after --help and --version."""
    settings: dict[str, Setting] = {}
    watch: tuple[int, ...] = ()
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name in ("--help", "-h"):
            sys.stdout.write(USAGE)
            return None, [], Options()
        if name == "--version":
            sys.stdout.write(f"toyrun {version()}\n")
            return None, [], Options()
        if name == "--watch":
            watch += watch_option(value if equals or not rest else rest.pop(0))
            continue
        settings |= option(name, value if equals else None, rest)
    if not rest:
        raise UsageError("no program given")
    check_files(settings, rest[0])
    return rest[0], rest[1:], Options(**settings, watch=watch)  # type: ignore[arg-type]


def watch_option(value: str) -> tuple[int, ...]:
    """The numbers that --watch names."""
    if not all(is_number(word) and word[0] != "0" for word in value.split(",")):
        raise UsageError(f"--watch takes numbers of allocations, not {value!r}")
    return tuple(map(int, value.split(",")))


def is_number(text: str) -> bool:
    """Whether a text has nothing but digits, and not too many."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def check_session(arguments: Sequence[str], options: Options) -> None:
    """A session is no single run: there is little to choose."""
    if arguments:
        raise UsageError(f"{SESSION} takes no arguments; a program of that name is ./{SESSION}")
    if options != Options(engine=options.engine):
        raise UsageError(f"{SESSION} takes no flag but --engine")


FILES = ("--memprofile", "--heapmap", "--trace")
NUMBERS = {"--memprofilerate": "a number of bytes", "--heapmapat": "the number of a collection"}


def check_files(settings: Mapping[str, Setting], program: str) -> None:
    """What is written at the end goes to files of its own, none of which is the program."""
    if "heapmapat" in settings and "heapmap" not in settings:
        raise UsageError("--heapmapat goes with --heapmap")
    named = {name: os.path.realpath(str(settings[name[2:]])) for name in FILES if name[2:] in settings}
    for one, other in combinations(named, 2):
        if named[one] == named[other]:
            raise UsageError(f"{one} and {other} name the same file")
    for name, path in named.items():
        if path == os.path.realpath(program):
            raise UsageError(f"{name} names the program's file")


def report_option(name: str, value: str | None) -> dict[str, Setting]:
    """The setting of a flag about what is written at the end."""
    if not value:
        raise UsageError(f"{name} takes {NUMBERS.get(name, 'a file')}")
    if name in FILES:
        return {name[2:]: value}
    if not is_number(value) or name == "--heapmapat" and int(value) == 0:
        raise UsageError(f"{name} takes {NUMBERS[name]}, not {value!r}")
    return {name[2:]: int(value)}


def option(name: str, value: str | None, rest: list[str]) -> dict[str, Setting]:
    """The setting that one flag makes; its value may be the next word."""
    if name in ("--check", "--gctrace", "--memstats", "--metrics"):
        if value is not None:
            raise UsageError(f"{name} takes no value")
        return {name[2:]: True}
    if name in FILES or name in NUMBERS:
        return report_option(name, value if value is not None or not rest else rest.pop(0))
    choices = {"--engine": ENGINES, "--emit": FORMS}.get(name)
    if choices is None:
        raise UsageError(f"unknown flag {name}")
    if value is None:
        value = rest.pop(0) if rest else ""
    if value not in choices:
        raise UsageError(f"{name} takes one of {', '.join(choices)}, not {value!r}")
    return {name[2:]: value}


def version() -> str:
    """The installed version."""
    from importlib import metadata

    try:
        return metadata.version("toy-lang")
    except metadata.PackageNotFoundError:
        return "0.1.0"


if __name__ == "__main__":
    main()
