"""Clang: LLVM text to object code, each text by a process of its own.

    with Clang(text, 3) as first, Clang(other, 3) as second:     both are under way
        first.result()                                           object code; None if that process failed, why ever

It is the clang of the package ziglang. Its LLVM is llvmlite's, and so is the code, byte for byte; but llvmlite's is
built with LLVM's assertions, takes twice as long, and has to be loaded.

Whoever has None can have the text compiled by optimise.py, which has llvmlite, and says what is wrong.

Next: optimise.py
"""

from __future__ import annotations

import os
import platform
import signal
from collections.abc import Sequence
from typing import Self

from runtime.syspy.cache import chosen_cpu, installed

OBJECT = ("-c",)
IR = ("-S", "-emit-llvm")
ASSEMBLY = ("-S", "-fno-verbose-asm")


def executable() -> str | None:
    """Where it is, if this machine has it."""
    return installed("ziglang", "zig") if platform.machine() == "x86_64" else None


class Clang:
    """One such process. Whoever leaves without its result ends it."""

    def __init__(self, text: str, opt_level: int, wanted: Sequence[str] = OBJECT) -> None:
        self.pid = 0
        self.output = -1
        path = executable()
        if path is None:
            return
        command = [path, "clang", *wanted, f"-O{opt_level}", f"-march={chosen_cpu() or 'native'}", *OPTIONS]
        source = -1
        try:
            self.output = os.memfd_create("output")
            source = os.memfd_create("text")
            with open(source, "w", encoding="utf-8", closefd=False) as file:
                file.write(text)
            os.lseek(source, 0, os.SEEK_SET)
            streams = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, self.output, 1), NO_ERRORS]
            self.pid = os.posix_spawn(path, command, os.environ, file_actions=streams)
        except OSError:  # no room for a process, or too many open files: as if it had failed
            return
        finally:
            if source >= 0:
                os.close(source)

    def __enter__(self) -> Self:
        return self

    def result(self) -> bytes | None:
        """Wait for it. What a process has written before it failed counts for nothing."""
        if not self.pid:
            return None
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.pread(self.output, os.fstat(self.output).st_size, 0) if status == 0 else None

    def __exit__(self, *_exception: object) -> None:
        if self.output >= 0:
            os.close(self.output)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


# Position-independent code of the small model, and nothing in the object that elf_link.py does not know. The text names
# no system, and is checked.
OPTIONS = (
    *("--target=x86_64-unknown-linux-gnu", "-fPIC", "-fno-addrsig", "-fverify-intermediate-code", "-w"),
    *("-x", "ir", "-", "-o", "-"),
)
NO_ERRORS = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
