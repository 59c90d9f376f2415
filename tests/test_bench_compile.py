"""The program of a thousand lines: it is one, and prints what its parts print."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.compile_time import PARTS, stages, thousand_lines
from tests.test_toyrun import toyrun

WORKLOADS = Path(__file__).resolve().parent.parent / "bench" / "workloads"


@pytest.mark.full
def test_it_prints_what_its_parts_print(tmp_path: Path) -> None:
    program = tmp_path / "thousand_lines.toy"
    program.write_text(thousand_lines(), encoding="utf-8")
    parts = [toyrun(WORKLOADS / f"{name}.toy", "1").out for name in PARTS]
    assert toyrun(program, "1").out == "".join(parts)
    assert 900 < program.read_text("utf-8").count("\n") < 1100


@pytest.mark.full
def test_every_stage_is_measured() -> None:
    assert all(seconds >= 0 for seconds in stages().values())
