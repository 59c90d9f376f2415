"""Which code points are printable: compared with Unicode as Python knows it, and with the real Go."""

from __future__ import annotations

import subprocess
import unicodedata
from pathlib import Path

import pytest

from lang.std.printable import ALPHABET, BOUNDARIES, BOUNDARY_COUNT, is_printable
from tests import go_oracle
from tests.runtime.engines import Engine

ROOTS = [is_printable]

PROGRAM = """package main
import ("fmt"; "strconv")
func main() {
	for r, last := rune(0), false; r <= 0x110000; r++ {
		if now := strconv.IsPrint(r); now != last { fmt.Println(r); last = now }
	}
}
"""


def boundaries() -> list[int]:
    return [BOUNDARIES[i] for i in range(BOUNDARY_COUNT)]


def test_the_alphabet_has_no_character_twice() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET)


def test_ascii_and_boundaries(engine: Engine) -> None:
    for r in range(0x80):
        assert engine.call(is_printable, r) == (0x20 <= r < 0x7F)
    for i, at in enumerate(boundaries()):
        assert engine.call(is_printable, at) == (i % 2 == 0)
        assert engine.call(is_printable, at - 1) == (i % 2 == 1)


def test_every_code_point_that_python_knows_to_be_printable_is() -> None:
    for r in range(0x80, 0x30000):
        if unicodedata.category(chr(r))[0] in "LMNPS":
            assert is_printable(r), hex(r)


@pytest.mark.skipif(go_oracle.find_go() is None, reason="the go command is not installed")
def test_the_boundaries_are_gos(tmp_path: Path) -> None:
    (tmp_path / "printable.go").write_text(PROGRAM)
    built = go_oracle.build([tmp_path / "printable.go"], go_oracle.BUILD_DIR.parent / "go-printable")
    lines = subprocess.run([str(*built.values())], capture_output=True, text=True, check=True).stdout.split()
    assert [int(line) for line in lines] == boundaries()
