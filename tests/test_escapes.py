"""Escapes: what stays in a frame here does so on the real Go as well.

Go is asked with inlining off, since here nothing is inlined before it is known what escapes. A variable, a closure or
the arguments of a variadic parameter that Go moves to the heap and Toy does not would be a mistake; the other way round
it is only less precise.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lang.driver import compile_source, read_source
from tests.go_oracle import BUILD_DIR, ROOT, remarks
from tests.test_programs import EXAMPLES, PROGRAMS, needs_go

PARTS = 4  # of all programs, for as many processors
WORKLOADS = sorted((ROOT / "bench" / "workloads").glob("*.toy"))
MOVED = re.compile(r"main\.go:(\d+):\d+: moved to heap: (\w+)")
UNNAMED = re.compile(r"main\.go:(\d+):\d+: (func literal|\.\.\. argument) (escapes to heap|does not escape)")

# Results that are shared by closures which are deferred in a loop: Go puts those on the heap, and all that they share.
# Here results are there until the last deferred call is made.
MORE_PRECISE = {"many.toy:7: total", "deferring.toy:60: sum"}


def decisions(path: Path) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """What stays in frames, by line and name: the variables, and the closures and arguments, which have no names."""
    source = read_source(str(path))
    staying = [(pos, text) for pos, text in compile_source(source).escapes if "does not escape" in text]
    named = {(source.line_of(pos), text.partition(" does not escape")[0]) for pos, text in staying}
    unnamed = {(line, text) for line, text in named if " " in text}
    return named - unnamed, unnamed


@needs_go
@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_what_stays_in_a_frame_does_so_in_go(part: int) -> None:
    paths = [*PROGRAMS, *EXAMPLES, *WORKLOADS][part::PARTS]
    names = {path.name for path in paths}
    said = remarks(paths, BUILD_DIR / "escapes", "-m -l")
    variables = others = 0
    wrong: list[str] = []
    for path in paths:
        text = said[path]
        moved = {(int(line), name) for line, name in MOVED.findall(text)}
        escaping = {(int(line), name) for line, name, what in UNNAMED.findall(text) if what == "escapes to heap"}
        staying = {(int(line), name) for line, name, what in UNNAMED.findall(text) if what == "does not escape"}
        kept, unnamed = decisions(path)
        wrong += [f"{path.name}:{line}: {name}" for line, name in sorted(kept & moved)]
        wrong += [f"{path.name}:{line}: {name}" for line, name in sorted(unnamed & (escaping - staying))]
        variables += len(kept)
        others += len(unnamed)
    assert set(wrong) == {place for place in MORE_PRECISE if place.partition(":")[0] in names}
    assert variables > 150 // PARTS, "so many were compared"
    assert others > 1000 // PARTS
