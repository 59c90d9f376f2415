"""Replay: a session's program run in a process of its own, and seen only from the newest input on.

    parent                            child, forked for one input
    session.enter(text)
    fork  ------------------------->  compile; hide_output; run the earlier inputs once more, then
    waits                             show_output; run the new one
    keeps the input  <--------------- DONE
    or does not      <--------------- a panic, os.Exit, Ctrl-C, or nothing at all when it was killed

No state of a session lives in a process: it is made again, from the start, for each input. So an input that fails takes
nothing with it, and nothing is printed twice. The price: an input takes as long as all before it together, sleeps
included; and what depends on the clock, on when collections happen or on addresses may come out differently each time.

Owner: the prompt.        Next: repl.py
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import NamedTuple

from lang import toolchain
from lang.driver import (
    INTERNAL_ERROR,
    Options,
    executable,
    guarded,
    knobs_of,
    notes_of,
    prepare,
    room_for_nesting,
    translate,
)
from lang.execution import Executable, NativeEngine, execute
from lang.python_engine import PythonEngine, program_module
from lang.reports import End, Engine
from lang.session import NAME, Entered


class Progress(Enum):
    """How far a run has come; the values are what the child sends."""

    NOWHERE = b""  # it was not compiled, or killed
    EARLIER = b"e"  # what was typed before did not come to its end
    NEWEST = b"n"  # the new input did not
    DONE = b"d"


class Outcome(NamedTuple):
    """What became of a run."""

    progress: Progress
    exit_code: int  # minus the signal that ended the child


def replay(entered: Entered, engine: str, environ: Mapping[str, str]) -> Outcome:
    """Run a session's program in a child, which Ctrl-C ends; this process waits for it, whatever is pressed."""
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    before = signal.signal(signal.SIGINT, ignore)
    try:
        if engine == "native":
            prepare_once()
        child = os.fork()
        if child == 0:
            be_child(entered, engine, environ, writer)
        os.close(writer)
        with open(reader, "rb") as pipe:
            sent = pipe.read()
        _, status = os.waitpid(child, 0)
    finally:
        signal.signal(signal.SIGINT, before)
    return Outcome(Progress(sent), os.waitstatus_to_exitcode(status))


@cache
def prepare_once() -> None:
    """Load the compiler, for all children to share."""
    prepare()


def ignore(*_: object) -> None:
    """A signal is somebody else's."""


def be_child(entered: Entered, engine: str, environ: Mapping[str, str], writer: int) -> None:
    """What the child does; it does not come back."""
    code = INTERNAL_ERROR
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = guarded(lambda: run(entered, engine, environ, writer))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def run(entered: Entered, engine: str, environ: Mapping[str, str], writer: int) -> int:
    """Compile and execute; the exit code."""
    runner, program = ready(entered, engine)
    return execute(runner, program, [NAME], knobs_of(Options(), environ), reports=[Curtain(writer)])


def ready(entered: Entered, engine: str) -> tuple[Engine, Executable]:
    """The program on an engine."""
    source, lowered = entered.source, entered.lowered
    if engine == "python":
        with room_for_nesting(source):
            module = program_module(lowered.text)
        return PythonEngine(module), executable(source, notes_of(lowered))
    base = toolchain.runtime_image()
    image = translate(lowered, source, base, use_cache=False)
    return NativeEngine(base, image), executable(source, image.notes)


class Curtain:
    """Hides what the earlier inputs print, and tells the parent how far the program has come."""

    name = "the session"

    def __init__(self, writer: int) -> None:
        self.writer = writer
        self.runtime = 0  # address
        self.nowhere = -1  # descriptor of what is never read

    def begin(self, engine: Engine, runtime: int, _program: Executable) -> None:
        """Before the program runs."""
        self.runtime = runtime
        self.nowhere = os.open(os.devnull, os.O_WRONLY)
        engine.call("hide_output", runtime, self.nowhere)

    def write(self, _end: End) -> None:
        """When it is over."""
        from runtime.heap import Runtime
        from runtime.syspy import load, u64

        g = Runtime.at(self.runtime).g0
        is_done = load(u64, g.globals) != 0  # the first variable is session.DONE
        progress = Progress.EARLIER if g.output.fd == self.nowhere else Progress.DONE if is_done else Progress.NEWEST
        os.write(self.writer, progress.value)
