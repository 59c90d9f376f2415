"""A copy of the source tree, and tests that are run in it: each under a limit of time, all under one of memory."""

from __future__ import annotations

import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.go_oracle import ROOT

COPIED = ("runtime", "lang", "tests", "examples", "bench", "pyproject.toml")
SILENCE = 120.0  # seconds without a word of pytest, which says one for each test: then it hangs
MOST_DATA = 16 << 30  # bytes of writable memory, address space for the most part: 300 MiB for each of a test's Runtimes
PYTEST = ("-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow", "--tb=no")
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)

# What a run of pytest can end with: its exit codes.
PASSED = 0
TESTS_FAILED = 1
INTERRUPTED = 2
MISUSED = 4


@dataclass(frozen=True)
class Outcome:
    """How a run of tests ended."""

    failed: bool  # a test failed, the process crashed or it did not end
    how: str  # the test's name, or what happened instead
    test: str | None  # the test's name, if it is known
    seconds: float


def copy_tree(folder: Path) -> Path:
    """The source tree again, in a folder that is there."""
    tree = folder / "tree"
    tree.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            # Compiled Python goes along: whatever is changed has another time than its source had.
            shutil.copytree(ROOT / name, tree / name)
        else:
            shutil.copy2(ROOT / name, tree / name)
    return tree


def run_tests(tree: Path, tests: tuple[str, ...]) -> Outcome:
    """Run tests in a copy, which has a cache of compiled images of its own, until one fails or hangs."""
    env = {**os.environ, "TOY_CACHE_DIR": str(tree.parent / "cache"), "PYTHONPATH": str(tree)}
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *PYTEST, *tests],
        cwd=tree,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    resource.prlimit(process.pid, resource.RLIMIT_DATA, (MOST_DATA, MOST_DATA))
    try:
        output = read_output(process)
        if output is None:
            return Outcome(True, f"hangs: nothing for {SILENCE:.0f} s", None, time.monotonic() - start)
        return judged(process.wait(), output, time.monotonic() - start)
    finally:
        end_session(process)


def read_output(process: subprocess.Popen[bytes]) -> str | None:
    """All that a process prints, until it ends; None if it prints nothing for SILENCE seconds."""
    assert process.stdout is not None
    parts: list[bytes] = []
    while select.select([process.stdout], [], [], SILENCE)[0]:
        part = os.read(process.stdout.fileno(), 1 << 16)
        if not part:
            return b"".join(parts).decode("utf-8", "replace")
        parts.append(part)
    return None


def end_session(process: subprocess.Popen[bytes]) -> None:
    """End a process, if it still runs, and whatever it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.communicate()


def judged(code: int, output: str, seconds: float) -> Outcome:
    """What an exit code and an output of pytest say. RuntimeError: no test was run."""
    if code == PASSED:
        return Outcome(False, "passed", None, seconds)
    if code < 0:
        return Outcome(True, f"crash: {signal.Signals(-code).name}", None, seconds)
    if code == MISUSED and "ImportError while loading conftest" in output:
        return Outcome(True, "the runtime cannot be imported", None, seconds)
    if code not in (TESTS_FAILED, INTERRUPTED):
        raise RuntimeError(f"pytest ends with {code}:\n{output}")
    found = FAILED.search(output)
    test = found[1] if found else None
    return Outcome(True, test or output.strip().rpartition("\n")[2], test, seconds)
