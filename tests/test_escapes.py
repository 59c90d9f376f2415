"""Escapes: what stays in a frame here does so on the real Go as well.

Go is asked with inlining off, since here nothing is inlined before it is known what escapes. A variable, or what an
expression makes, that Go puts on the heap and Toy does not would be a mistake; the other way round it is only less
precise.
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
MADE = re.compile(r"main\.go:(\d+):\d+: (.+) (escapes to heap|does not escape)$", re.MULTILINE)

# Results that are shared by closures which are deferred in a loop: Go puts those on the heap, and all that they share.
# Here results are there until the last deferred call is made. Nor does what only leads to strings that are kept, or to
# what a function gives itself when it calls itself, have to be on the heap.
MORE_PRECISE = {
    "many.toy:7: total",
    "deferring.toy:60: sum",
    "frames_are_roots.toy:80: &node{...}",
    "frames_are_roots.toy:124: &node{...}",
}


def decisions(path: Path) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """What stays in frames, by line and text: the variables, and what expressions make."""
    source = read_source(str(path))
    variables: set[tuple[int, str]] = set()
    made: set[tuple[int, str]] = set()
    for pos, said in compile_source(source).escapes:
        text, stays, why = said.partition(" does not escape")
        if stays:
            (made if why or not text.isidentifier() else variables).add((source.line_of(pos), text.replace("…", "...")))
    return variables, made


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
        escaping = {(int(line), name) for line, name, what in MADE.findall(text) if what == "escapes to heap"}
        staying = {(int(line), name) for line, name, what in MADE.findall(text) if what == "does not escape"}
        kept, made = decisions(path)
        wrong += [f"{path.name}:{line}: {name}" for line, name in sorted(kept & moved)]
        wrong += [f"{path.name}:{line}: {name}" for line, name in sorted(made & (escaping - staying))]
        variables += len(kept)
        others += len(made & (escaping | staying))
    assert set(wrong) == {place for place in MORE_PRECISE if place.partition(":")[0] in names}
    assert variables > 150 // PARTS, "so many were compared"
    assert others > 1000 // PARTS
