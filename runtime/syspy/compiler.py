"""Compiler: a process that gets ready to translate while its parent still finds out what is to be translated.

    with Compiler("program", prepare, roots_of, base) as compiler:   forked here; LLVM is loaded beside all that the
        sources = ...                                                parent does, and what `prepare` imports
        compiler.code(sources)                                       facts and code; None if something went wrong

While it waits it translates the functions that `prepare` gives, for practice: the first that comes through takes longer
than the next ones. llvmlite in particular is a large library, which gets into memory where it is used.

Who has no answer translates for himself: that finds the same error, and says so.

Next: native.py
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from runtime.syspy.beside import Beside

if TYPE_CHECKING:
    from runtime.syspy.cache import Facts
    from runtime.syspy.image import Image

    Sources = dict[str, str]  # the text of each module, by its name
    Roots = list[Callable[..., Any]]


class Compiler:
    """One such process, for one request. Whoever leaves without it ends the process."""

    def __init__(
        self, name: str, prepare: Callable[[], Roots], roots_of: Callable[[Sources], Roots], base: Image | None = None
    ) -> None:
        reader, self.writer = os.pipe()  # OSError: too many open files

        def answer() -> bytes:
            os.close(self.writer)
            return translated(name, prepare, reader, roots_of, base)

        self.other = Beside(answer)
        os.close(reader)

    def __enter__(self) -> Self:
        return self

    def code(self, sources: Sources) -> tuple[Facts, bytes] | None:
        """The code of modules, and what has to be known of it; None if the process failed, for whatever reason."""
        try:
            with os.fdopen(self.writer, "wb", closefd=False) as pipe:
                pipe.write(marshal.dumps((sources, sys.getrecursionlimit())))
        except OSError:  # nobody is there to read
            return None
        finally:
            self.hang_up()
        found = self.other.result()
        return marshal.loads(found) if found is not None else None

    def hang_up(self) -> None:
        """Say that nothing more comes."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def __exit__(self, *exception: object) -> None:
        self.hang_up()
        self.other.__exit__(*exception)


def translated(
    name: str, prepare: Callable[[], Roots], reader: int, roots_of: Callable[[Sources], Roots], base: Image | None
) -> bytes:
    """The process's part: import and load all that translating needs, wait for a request, and do what it says."""
    from runtime.syspy.optimise import practise
    from runtime.syspy.translate import lowered, translate

    known = frozenset() if base is None else base.names()
    practice = prepare()
    own = {f"{function.__module__}.{function.__name__}" for function in practice}  # these are in the base
    practise(lowered(practice, known - own).text())
    with os.fdopen(reader, "rb") as pipe:
        sources, nesting = marshal.loads(pipe.read())
    sys.setrecursionlimit(nesting)
    unit = lowered(roots_of(sources), None if base is None else known, sources)
    facts, code, _ = translate(unit, name, opt_level=3, is_whole=False)
    return marshal.dumps((facts, code))
