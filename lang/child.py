"""Child: a program, or a whole toyrun, in a process forked from this one, for tests and benchmarks.

    result = run("prog.toy", ["10"], engine="python")
    result.exit_code, result.stdout, result.stderr
    result = forked(lambda: command(["--check", "prog.toy"]), os.environ, timeout=60)

The child shares what this process has loaded: after `driver.prepare()` a run costs no more than the program itself.

Next: toyrun.py
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lang.driver import INTERNAL_ERROR, Options
from lang.toyrun import run_guarded


@dataclass(frozen=True, slots=True)
class Result:
    """What a program did."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def run(
    path: str | Path,
    args: Sequence[str] = (),
    engine: str = "native",
    environ: Mapping[str, str] | None = None,
    timeout: int = 0,
    stdin: bytes | None = None,
) -> Result:
    """Run a program in a process of its own, forked from this one, and collect what it wrote.

    What it can read is `stdin`; without, what this process can.
    Its environment is this process's, unless another is given.
    After `timeout` seconds, if not 0, it is ended by SIGALRM: the exit code is then -14.
    """
    environ = dict(os.environ if environ is None else environ)
    return forked(lambda: run_guarded(str(path), args, Options(engine=engine), environ), environ, timeout, stdin)


def forked(
    action: Callable[[], int],
    environ: Mapping[str, str],
    timeout: int = 0,
    stdin: bytes | None = None,
    directory: str | Path = ".",
) -> Result:
    """What an action does, which gives an exit code: in a child with this environment; the rest is as for run."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr, tempfile.TemporaryFile() as given:
        given.write(stdin or b"")
        given.seek(0)
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            signal.alarm(timeout)
            if stdin is not None:
                os.dup2(os.open(f"/proc/self/fd/{given.fileno()}", os.O_RDONLY), 0)
            os.dup2(stdout.fileno(), 1)
            os.dup2(stderr.fileno(), 2)
            os.chdir(directory)
            os._exit(child_main(action, environ))
        _, status = os.waitpid(child, 0)
        stdout.seek(0)
        stderr.seek(0)
        return Result(os.waitstatus_to_exitcode(status), stdout.read(), stderr.read())


def child_main(action: Callable[[], int], environ: Mapping[str, str]) -> int:
    """What the forked process does; its exit code. Its streams are those of a Python that has just started."""
    with (
        open(0, closefd=False, encoding="utf-8", errors="surrogateescape") as sys.stdin,
        open(1, "w", closefd=False, encoding="utf-8", errors="surrogateescape") as sys.stdout,
        open(2, "w", closefd=False, encoding="utf-8", errors="backslashreplace") as sys.stderr,
    ):
        try:
            os.environ.clear()
            os.environ.update(environ)
            return action()
        except BaseException:
            traceback.print_exc()
            return INTERNAL_ERROR
