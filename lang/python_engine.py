"""The python engine: a program and its runtime as CPython executes them, so that a debugger can stop in either.

    engine = PythonEngine(program_module(lowered.text))
    engine.call("start", g, arguments, count)         addresses become views

Next: driver.py
"""

from __future__ import annotations

import linecache
import re
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from lang.std import start
from runtime.syspy.attempts import listen, tell
from runtime.syspy.entries import MASK64
from runtime.syspy.failure import FAIL_PANIC, FAIL_THROW, Failure
from runtime.syspy.pointers import View, address
from runtime.syspy.sources import place_of
from runtime.traceback import PLACE, Trace, add_place, add_word, forget_frames

DEFINITION = re.compile(r"^(def \w+)\(.*\n(?: .*\n|\n(?= ))*", re.MULTILINE)
PROGRAM_FILE = "<program>"
PYTHON_FRAMES = 100_000  # calls that CPython may nest before it is a stack overflow


def program_module(text: str) -> Any:
    """The module that a lowered program is, executed, so that its classes and functions exist."""
    return module_of("program", text)


def module_of(name: str, text: str) -> Any:
    """A module, executed."""
    module = types.ModuleType(name)
    sys.modules[name] = module  # where references between its classes are looked up
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), module.__dict__)
    return module


def declarations(text: str) -> str:
    """The text of a lowered module without what its functions do: all that translating it needs at run time.

    What their parameters are, translating finds in the text.
    """
    return DEFINITION.sub(r"\1(): ...\n", text)


class PythonEngine:
    """Systems functions as CPython runs them: a debugger can stop in them."""

    def __init__(self, program: Any) -> None:
        sys.setrecursionlimit(PYTHON_FRAMES)
        self.functions: dict[str, Any] = {**vars(start), "start": program.start}

    def call(self, name: str, *values: int) -> Any:
        """Call a function, its pointer arguments turned into views."""
        try:
            return call_with_words(self.functions[name], *values)
        except BaseException as failure:
            if name == "start":
                tell(failure)
            raise

    def listen(self, trace: int) -> None:
        """Note calls as they are in the exceptions that failures are here."""
        listen((lambda failure: note_calls(Trace.at(trace), failure)) if trace else None)


def note_calls(trace: Trace, failure: BaseException) -> None:
    """What note_failure of traceback.py does in native code."""
    if not isinstance(failure, Failure | RecursionError):
        return
    frames = trace.frames
    if isinstance(failure, RecursionError):
        forget_frames(frames)
    elif failure.kind not in (FAIL_PANIC, FAIL_THROW):
        return
    elif not failure.is_again:
        forget_frames(frames)
        if failure.kind == FAIL_PANIC and failure.words:
            add_place(frames, failure.words[-1] & MASK64)
    for place in places_of(failure)[::-1]:
        add_word(frames, PLACE | place, 1)


def places_of(failure: BaseException) -> list[int]:
    """The places of the calls that an exception has come through, outermost first."""
    lines = linecache.getlines(PROGRAM_FILE)
    found = []
    at = failure.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == PROGRAM_FILE:
            found.append(place_of(lines[at.tb_lineno - 1]))
        at = at.tb_next
    return [place for place in found if place >= 0]


def call_with_words(function: Callable[..., Any], *values: int) -> Any:
    """Call a systems function whose pointers are addresses, as arguments and as its result."""
    kinds = typing.get_type_hints(function)
    views = [
        kind.at(value) if hasattr(kind, "at") else value
        for kind, value in zip((kinds[parameter] for parameter in function.__annotations__), values, strict=False)
    ]
    result = function(*views)
    return address(result) if isinstance(result, View) else result
