"""Toy program: compiled with systems functions beside it, whose loops a benchmark calls one by one.

    program.toy --- parse, check, lower, + text of the benchmark's --+--> native image on the runtime's image
                                                                     '--> Interpreter: the same, as CPython runs it

A loop is a function of the program with one parameter, `n int`, and no result. The added text is systems Python: it has
what stands in a template once for each loop, and calls the loops.

Owner: the benchmark.                                                           Next: allocation_loops.py
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lang import driver, toolchain
from lang.execution import FIGURES, MEM_STATS_WORDS, Executable
from lang.lower_program import LoweredProgram
from lang.python_engine import PythonEngine, call_with_words, program_module
from lang.source import Source
from lang.std import start
from runtime.heap import Runtime
from runtime.host_thread import MarkerThreads
from runtime.syspy import native
from runtime.syspy.image import Image

SHADOW_BYTES = 1 << 20
STACK_BYTES = 4 << 20  # of this thread that a loop may count on
MARKING = ("mark_in_background", "end_marking", "give_up_marking")  # functions of lang.std.start
LOOP = re.compile(r"^def (\w+)\(g: G, sp: uintptr, n: i64\) -> None:$", re.MULTILINE)
NAME = re.compile(r"^def (\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class ProgramText:
    """A program as systems Python, with what a benchmark adds."""

    source: Source
    program: LoweredProgram
    added: str
    text: str  # all of it
    module: Any  # executed

    @classmethod
    def of(cls, path: Path, begin: str, templates: Sequence[str]) -> ProgramText:
        source = Source.of_bytes(str(path), path.read_bytes())
        program = driver.compile_source(source)
        added = begin + "".join(each.format(name=name) for name in LOOP.findall(program.text) for each in templates)
        text = program.text + added
        return cls(source, program, added, text, program_module(text))


class Interpreter:
    """The calls of an Image, under CPython."""

    def __init__(self, program: Any) -> None:
        self.functions = {f"program.{name}": function for name, function in vars(program).items()}
        starting = PythonEngine(program).functions
        self.functions |= {f"{start.__name__}.{name}": function for name, function in starting.items()}

    @property
    def base(self) -> Interpreter:
        return self

    def call(self, function: str | Callable[..., Any], *values: Any) -> Any:
        """Call a function of the program or of the runtime. Pointers are passed as addresses, and come back so."""
        return call_with_words(self.functions[function] if isinstance(function, str) else function, *values)


@dataclass(frozen=True)
class ToyProgram:
    """A compiled program, to be run in this process."""

    image: Image | Interpreter
    program: Executable

    @classmethod
    def compiled(
        cls, path: Path, begin: str, templates: Sequence[str], roots: Sequence[Callable[..., Any]]
    ) -> ToyProgram:
        """Compile it; the cache has it the second time.

        `begin` comes after the program's text, then the templates, for the {name} of each loop. What they define can be
        called as program.NAME, and so can the roots.
        """
        text = ProgramText.of(path, begin, templates)
        functions = [getattr(text.module, name) for name in NAME.findall(text.added)]
        notes = driver.notes_of(text.program)
        image = native.build(
            [*functions, *roots],
            "program",
            base=toolchain.runtime_image(),
            sources={"program": text.text},
            notes=notes,
        )
        return cls(image, driver.executable(text.source, notes))

    @classmethod
    def interpreted(cls, path: Path, begin: str, templates: Sequence[str]) -> ToyProgram:
        """The same for CPython, which can call any function."""
        text = ProgramText.of(path, begin, templates)
        return cls(Interpreter(text.module), driver.executable(text.source, driver.notes_of(text.program)))

    @contextmanager
    def runtime(self, gogc: int, procs: int = 1) -> Iterator[int]:
        """A new runtime with the program's variables, which marks on so many Ps: the address of its goroutine."""
        mask = ctypes.create_string_buffer(self.program.globals_mask or b"\0")
        g = self.start("open_program", gogc, SHADOW_BYTES, self.program.globals_size, ctypes.addressof(mask))
        markers = MarkerThreads(*(partial(self.start, name, g) for name in MARKING))
        try:
            Runtime.at(g).knobs.max_procs = procs
            self.start("set_marker_hook", g, markers.hook)
            self.start("prepare_thread", g, STACK_BYTES)
            yield g
        finally:
            markers.stop()
            self.start("close_program", g)

    def start(self, name: str, *values: int) -> int:
        """Call a function of lang.std.start."""
        assert self.image.base is not None
        return int(self.image.base.call(f"lang.std.start.{name}", *values) or 0)

    def figures(self, g: int) -> dict[str, int]:
        """The FIGURES of this moment."""
        words = (ctypes.c_uint64 * MEM_STATS_WORDS)()
        self.start("read_figures", g, ctypes.addressof(words))
        return dict(zip(FIGURES, words, strict=False))
