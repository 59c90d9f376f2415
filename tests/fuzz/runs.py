"""Runs: what a program does on Go, on both engines, and while the collector runs all the time.

go       the oracle
native   the same output, the same beginning of standard error, the same exit code
stress   native, collecting at every n-th allocation, with every check that the runtime has
steps    the same, where marking goes in steps: runtime/incremental.py
python   the python engine, for programs that it finishes in time
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lang import driver, toolchain
from lang.build import Build
from runtime.syspy import native
from runtime.syspy.image import Image
from tests.expectations import STRESS_REPORT, difference
from tests.fuzz.children import in_child

# Go keeps small slices on the stack when it can, with capacities that no rule fixes: not here.
GO_FLAGS = ["-gcflags=-d=variablemakehash=n"]
SECONDS = {"go": 20.0, "native": 30.0, "stress": 120.0, "steps": 120.0, "python": 20.0}
PATIENCE = 40.0  # seconds of a machine that is busy, in seconds of its processor
TIMED_OUT = "did not end in time"
BUILD = native.build
COMPILER = toolchain.compiler  # always at the users' level
USERS_LEVEL = 3


PANIC_ADDRESS = re.compile(r"^(panic: \(.*\)) 0x[0-9a-f]+", re.MULTILINE)  # of a value that has no short form


@dataclass(frozen=True)
class Outcome:
    """What a run left behind, as far as Go and Toy have to agree."""

    exit_code: int
    stdout: str
    stderr: str  # up to the first line of a panic, without what stress has to tell

    @classmethod
    def of(cls, exit_code: int, stdout: bytes, stderr: bytes) -> Outcome:
        text = stderr.decode("utf-8", "backslashreplace")
        lines = [line for line in text.splitlines() if not line.startswith(STRESS_REPORT)]
        ends = [i for i, line in enumerate(lines) if line.startswith(("panic: ", "fatal error: "))]
        said = "\n".join(lines[: ends[-1] + 1] if ends else lines)
        said = PANIC_ADDRESS.sub(r"\1 an address", said)
        return cls(exit_code, stdout.decode("utf-8", "backslashreplace"), said)


@dataclass(frozen=True)
class Failure:
    """A way in which Toy did not do what Go does."""

    mode: str  # compile, native, stress, steps or python
    kind: str  # what kind of difference; shrinking keeps it
    details: str = field(compare=False)


def run_toy(path: Path, mode: str, environ: Mapping[str, str]) -> Outcome | str:
    """Run a program with Toy; a text says why there is no outcome."""
    from lang import child

    engine = "python" if mode == "python" else "native"
    ended = in_child(
        lambda: child.run(path, engine=engine, environ={**os.environ, **environ}), SECONDS[mode], patience=PATIENCE
    )
    if ended.value is not None and ended.value.exit_code == -signal.SIGXCPU:
        return TIMED_OUT
    if ended.value is None:
        return TIMED_OUT if ended.timed_out else f"was killed by signal {ended.signal}"
    return Outcome.of(ended.value.exit_code, ended.value.stdout, ended.value.stderr)


def run_go(executable: Path) -> Outcome | str:
    seconds = SECONDS["go"] * PATIENCE
    try:
        done = subprocess.run([executable], capture_output=True, timeout=seconds, check=False, env=go_environ())
    except subprocess.TimeoutExpired:
        return TIMED_OUT
    return Outcome.of(done.returncode, done.stdout, done.stderr)


def go_environ() -> dict[str, str]:
    return {**os.environ, "GOMAXPROCS": "1", "GODEBUG": "", "GOGC": "100"}


def environ_of(mode: str, every: int) -> dict[str, str]:
    """Under stress: collect at every n-th allocation, and check everything."""
    if mode not in ("stress", "steps"):
        return {}
    checks = f"gcstress={every},gccheckmark=1,clobberfree=1,heapcheck=1"
    return {"GODEBUG": f"{checks},gcstoptheworld=0" if mode == "steps" else checks}


def compared(mode: str, expected: Outcome | str, found: Outcome | str) -> Failure | None:
    """What a run of Toy did differently; a run that takes too long on Go or the python engine says nothing."""
    if isinstance(expected, str) or (mode == "python" and found == TIMED_OUT):
        return None
    if isinstance(found, str):
        return Failure(mode, found, found)
    if found.exit_code < 0 or "Traceback" in found.stderr or "internal error" in found.stderr:
        return Failure(mode, f"exit code {found.exit_code}, {last_words(found.stderr)}", found.stderr[-600:])
    if expected.stderr != found.stderr and "fatal error: " in found.stderr:
        return Failure(mode, found.stderr.splitlines()[-1], found.stderr)
    if expected.stdout != found.stdout:
        text = difference(expected.stdout, found.stdout)
        return Failure(mode, "standard output", f"{text}\n{found.stderr}")
    if expected.exit_code != found.exit_code or expected.stderr != found.stderr:
        text = f"expected {expected.exit_code}\n{expected.stderr}\nfound {found.exit_code}\n{found.stderr}"
        return Failure(mode, "end", text)
    return None


def last_words(stderr: str) -> str:
    """The last line, without numbers and names: what two crashes for the same reason have in common."""
    return re.sub(r"\d+|'\w*'", "", stderr.rpartition("\n")[2])


def examine(path: Path, executable: Path | str, modes: list[str], every: int) -> tuple[list[Failure], list[str]]:
    """The first thing that goes wrong with a program, if any; and the modes in which it was compared."""
    if isinstance(executable, str):
        return [Failure("compile", "Go refuses it", executable)], []
    expected = run_go(executable)
    done: list[str] = []
    for mode in modes:
        found = run_toy(path, mode, environ_of(mode, every))
        failure = compared(mode, expected, found)
        if failure is not None:
            return [failure], done
        if not isinstance(expected, str) and not isinstance(found, str):
            done.append(mode)
    return [], done


def prepare() -> None:
    """Load the compiler, and make the images that programs rest on: processes forked later share it."""
    driver.prepare()
    toolchain.library_image(toolchain.runtime_image())


def optimise_programs(level: int) -> None:
    """From now on LLVM optimises programs at a level; what they rest on is made before and stays as it is."""
    native.build = partial(BUILD, opt_level=level)
    toolchain.cached_program = partial(cached_program, level)
    toolchain.compiler = COMPILER if level == USERS_LEVEL else lambda base: nullcontext()


def cached_program(level: int, text: str, base: Image, build: Build) -> Image | None:
    """The image of a program that was compiled before at a level."""
    return native.cached("program", toolchain.program_key(text, build), base=base, opt_level=level)


def drop_programs(cache: Path) -> None:
    """Empty the cache of programs; the runtime stays."""
    for path in cache.rglob("program-*"):
        path.unlink(missing_ok=True)
