"""Compiler: a process that loads LLVM while its parent still finds out what is to be compiled.

    with Compiler() as compiler:              forked here; LLVM is loaded beside all that the parent does
        unit = ...
        compiler.objects(texts, opt_level)    an object for each of one or two texts; none if something went wrong

Two texts are compiled by two processes: the other one is forked from this one.

Next: translate.py
"""

from __future__ import annotations

import marshal
import os
from typing import Self

from runtime.syspy.beside import Beside
from runtime.syspy.optimise import compile_text


class Compiler:
    """One such process, for one request. Whoever leaves without it ends the process."""

    def __init__(self) -> None:
        reader, self.writer = os.pipe()
        self.other = Beside(lambda: answer(reader, self.writer))
        os.close(reader)

    def __enter__(self) -> Self:
        return self

    def objects(self, texts: list[str], opt_level: int) -> list[bytes]:
        """The objects of LLVM texts, of one or of two; none if a process failed, for whatever reason."""
        try:
            with os.fdopen(self.writer, "wb", closefd=False) as pipe:
                pipe.write(marshal.dumps((texts, opt_level)))
        except OSError:  # nobody is there to read
            return []
        finally:
            self.hang_up()
        found = self.other.result()
        return list(marshal.loads(found)) if found is not None else []

    def hang_up(self) -> None:
        """Say that nothing more comes."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def __exit__(self, *exception: object) -> None:
        self.hang_up()
        self.other.__exit__(*exception)


def answer(reader: int, writer: int) -> bytes:
    """The process's part: load LLVM, wait for a request, and do what it says."""
    os.close(writer)
    compile_text("")
    with os.fdopen(reader, "rb") as pipe:
        texts, opt_level = marshal.loads(pipe.read())
    return marshal.dumps(objects_of(texts, opt_level))


def objects_of(texts: list[str], opt_level: int) -> list[bytes]:
    """The objects of one or two texts; none if the process beside, which has the second one, failed."""
    if len(texts) == 1:
        return [compile_text(texts[0], opt_level).object_code]
    with Beside(lambda: compile_text(texts[1], opt_level).object_code) as other:
        own = compile_text(texts[0], opt_level).object_code
        others = other.result()
    return [own, others] if others is not None else []
