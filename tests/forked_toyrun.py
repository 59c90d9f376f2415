"""toyrun in a process forked from this one: what it does, without the second in which a new process loads it.

For tests of what a program, a report or a session is like. How a process starts is what test_toyrun.py is about.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path

from lang import driver
from lang.toyrun import command
from tests.test_toyrun import TIMEOUT_SECONDS, Finished


@cache
def prepare() -> None:
    """Load the compiler, once for all children."""
    driver.prepare()


def toyrun(
    *args: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: Path | None = None
) -> Finished:
    """What test_toyrun.toyrun gives, of a child that this process is forked into."""
    prepare()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            signal.alarm(TIMEOUT_SECONDS)
            for number, file in enumerate((given, out, err)):
                os.dup2(file.fileno(), number)
            os.chdir(cwd or ".")
            os._exit(child_main([str(arg) for arg in args], env or {}))
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return Finished(os.waitstatus_to_exitcode(status), out.read(), err.read())


def child_main(words: list[str], env: dict[str, str]) -> int:
    """What the forked process does; its exit code."""
    os.environ.update(env)
    with (
        open(0, closefd=False, encoding="utf-8", errors="surrogateescape") as sys.stdin,
        open(1, "w", closefd=False, encoding="utf-8", errors="surrogateescape") as sys.stdout,
        open(2, "w", closefd=False, encoding="utf-8", errors="backslashreplace") as sys.stderr,
    ):
        try:
            return command(words)
        except BaseException:
            traceback.print_exc()
            return 1
