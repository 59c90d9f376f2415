"""Traces: who called whom, as a panic tells it, is what the real Go tells, on both engines.

    tests/traces/*.toy    programs whose first argument chooses how they fail; the cases are those of their `switch`

Functions of a package whose inside is another than Go's are left out of the comparison, and so are arguments and
addresses, which Toy does not keep.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from runtime.syspy import division, translate
from tests.go_oracle import ROOT, build, find_go, run
from tests.test_programs import ENGINES, run_toy, run_toy_here

PROGRAMS = sorted((ROOT / "tests" / "traces").glob("*.toy"))
OVERFLOW = ROOT / "tests" / "traces" / "overflow.toy"
CASES = [(path, case) for path in PROGRAMS for case in re.findall(r'\tcase "(.+?)":', path.read_text("utf-8"))]
PANICS = [(path, case) for path, case in CASES if path != OVERFLOW]
FUNCTION = re.compile(r"(\w+(?:\.\(\*\w+\))?[\w.]*)\(.*\)")  # and its arguments
PLACE = re.compile(r"\t(\S+):(\d+)(?: .*)?")  # and an offset in the code
OTHER_INSIDE = ("sort.",)  # packages whose functions that are not exported are others than Go's

every_panic = pytest.mark.parametrize(("path", "case"), PANICS, ids=lambda part: getattr(part, "stem", part))


def frames(text: str) -> list[str]:
    """What a trace shows: functions of main with their lines, others without, and how many are left out."""
    lines = re.split(r"goroutine 1 .*\[running\]:\n", text)[-1].partition("\n\n")[0].splitlines()
    found = []
    for line, following in pairwise(lines):
        function, place = FUNCTION.fullmatch(line), PLACE.fullmatch(following)
        if function and place:
            found.append(f"{function[1]} {place[2]}" if function[1].startswith("main.") else function[1])
        elif following.startswith("..."):
            found.append(following)
    return [frame for frame in found if not frame.startswith(OTHER_INSIDE)]


@cache
def go_frames(path: Path, case: str) -> list[str]:
    executable = executables()[path]
    assert isinstance(executable, Path), f"Go does not compile it:\n{executable}"
    return frames(run(executable, [case]).stderr.decode())


@cache
def executables() -> dict[Path, Path | str]:
    return build(PROGRAMS)


def toy_trace(path: Path, case: str, engine: str) -> str:
    done = run_toy(path, (case,), engine, {})
    assert done.exit_code == 2
    return done.stderr.decode()


@every_panic
def test_a_trace_names_the_callers_that_go_names(path: Path, case: str) -> None:
    native, python = (toy_trace(path, case, engine) for engine in ENGINES)
    assert native == python
    if find_go() is not None:
        assert frames(native) == go_frames(path, case)


@pytest.mark.parametrize(("path", "case"), PANICS[::8], ids=lambda part: getattr(part, "stem", part))
def test_a_trace_is_the_same_when_two_processes_compile_the_program(
    path: Path, case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(division, "LEAST_TEXT", 1)
    monkeypatch.setattr(translate, "processors", lambda: 2)
    other = tmp_path / path.name
    other.write_text(path.read_text(encoding="utf-8") + "\n// in halves\n", encoding="utf-8")
    done = run_toy_here(other, (case,), {})
    assert done.exit_code == 2
    assert frames(done.stderr.decode()) == frames(toy_trace(path, case, "native"))


@pytest.mark.full
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", [case for path, case in CASES if path == OVERFLOW])
def test_of_a_stack_that_overflows_both_ends_are_shown(case: str, engine: str) -> None:
    """Where exactly the python engine's overflows, and how deep either one is, is nothing that Go could tell."""
    shown = frames(toy_trace(OVERFLOW, case, engine))
    assert len(shown) == 101
    assert re.fullmatch(r"\.\.\.\d{4,} frames elided\.\.\.", shown[50])
    if find_go() is not None:
        expected = go_frames(OVERFLOW, case)
        skipped = int(engine == "python")
        assert shown[skipped:50] == expected[skipped:50]
        assert shown[-40:] == [frame for frame in expected if not frame.startswith("runtime.")][-40:]
