"""Children: a function run in a process of its own, under limits of time and memory.

What runs there may hang, crash or be killed; the caller gets the result, or learns how the process ended.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Ended(Generic[T]):
    """How a child ended."""

    value: T | None  # None unless it came to its end
    signal: int = 0  # that killed it
    timed_out: bool = False


def in_child(function: Callable[[], T], seconds: float, memory_bytes: int = 0, patience: float = 1.0) -> Ended[T]:
    """Run a function in a forked process group, for so many seconds at most: of a busy machine, times `patience`."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        run_as_child(function, writer, seconds, memory_bytes)
    os.close(writer)
    data, timed_out = read_until(reader, time.monotonic() + seconds * patience)
    os.close(reader)
    if timed_out:
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if timed_out or code == -signal.SIGXCPU:
        return Ended(None, timed_out=True)
    return Ended(pickle.loads(data) if code == 0 else None, -min(code, 0))


def run_as_child(function: Callable[[], T], writer: int, seconds: float, memory_bytes: int) -> None:
    """The child's part; it never returns."""
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        if memory_bytes:
            # On top of what this process has already: earlier tests may have left large reservations.
            limit = address_space() + memory_bytes
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        data = pickle.dumps(function())
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(data)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(70)


def address_space() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def read_until(reader: int, deadline: float) -> tuple[bytes, bool]:
    """All that comes out of a pipe; and whether time ran out first."""
    chunks: list[bytes] = []
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b"", True
        chunk = os.read(reader, 1 << 16)
        if not chunk:
            return b"".join(chunks), False
        chunks.append(chunk)
