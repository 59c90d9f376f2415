"""toyrun in a process forked from this one: what it does, without the second in which a new process loads it.

For tests of what a program, a report or a session is like. How a process starts is what test_toyrun.py is about.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lang import child, driver
from lang.toyrun import command
from tests.test_toyrun import TIMEOUT_SECONDS, Finished, environment


@cache
def prepare() -> None:
    """Load the compiler, once for all children."""
    driver.prepare()


def toyrun(
    *args: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: Path | None = None
) -> Finished:
    """What test_toyrun.toyrun gives, of a child that this process is forked into."""
    prepare()
    words = [str(arg) for arg in args]
    done = child.forked(lambda: command(words), environment(**(env or {})), TIMEOUT_SECONDS, stdin, cwd or ".")
    return Finished(done.exit_code, done.stdout, done.stderr)
