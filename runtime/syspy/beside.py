"""Beside: a function that runs in a process of its own while this one goes on.

    with Beside(function) as other:      forked: it sees all that this process has
        own = ...
        theirs = other.result()          its bytes; None if that process failed, for whatever reason

Next: translate.py
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Self


def processors() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Beside:
    """One such process. Whoever leaves without its result ends it."""

    def __init__(self, function: Callable[[], bytes]) -> None:
        self.pid = 0
        self.reader = -1
        try:
            self.reader, writer = os.pipe()
        except OSError:  # too many open files: as if the process had failed
            return
        try:
            self.pid = os.fork()
        except OSError:  # no room for a process: the same
            os.close(writer)
            return
        if self.pid == 0:
            _run(function, writer)
        os.close(writer)

    def __enter__(self) -> Self:
        return self

    def result(self) -> bytes | None:
        """Wait for it. What a process has written before it failed counts for nothing."""
        if not self.pid:
            return None
        with os.fdopen(self.reader, "rb", closefd=False) as pipe:
            data = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return data if status == 0 else None

    def __exit__(self, *_exception: object) -> None:
        if self.reader >= 0:
            os.close(self.reader)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def _run(function: Callable[[], bytes], writer: int) -> None:
    """The other process's part; it never returns, and says nothing of what goes wrong."""
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        data = function()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(data)
        os._exit(0)
    finally:
        os._exit(1)
