"""toyrun in a process forked from one that is there: what it does, without the second in which a new process loads it.

For tests of what a program, a report or a session is like. How a process starts is what test_toyrun.py is about.
"""

from __future__ import annotations

from pathlib import Path

from tests import small_process
from tests.test_toyrun import TIMEOUT_SECONDS, Finished, environment


def toyrun(
    *args: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: Path | None = None
) -> Finished:
    """What test_toyrun.toyrun gives."""
    words = [str(arg) for arg in args]
    done = small_process.toyrun(words, environment(**(env or {})), TIMEOUT_SECONDS, stdin, cwd or ".")
    return Finished(done.exit_code, done.stdout, done.stderr)
