"""The instruction counts: what is reported, and what fails."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from bench import instructions
from bench.instructions import SCENARIOS, STORED, TOLERANCE, Scenario, count, has_grown, row


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What runs are pretended to take, by the last argument."""
    taken: dict[str, int] = {}
    monkeypatch.setattr(instructions, "counted", lambda path, arguments: taken[arguments[-1]])
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return taken


def test_a_count_is_the_difference_of_two_runs(counts: dict[str, int]) -> None:
    counts |= {"1": 5_000_000, "101": 17_000_000}
    assert count(Scenario.allocation("scan16", 100)) == 12


def test_lines() -> None:
    assert row("x", 10, None) == ["x", "10.0", "-", "-", "new"]
    assert row("x", 10, 10) == ["x", "10.0", "10.0", "+0.0%", "same"]
    assert row("x", 11, 10) == ["x", "11.0", "10.0", "+10.0%", "GREW"]
    assert row("x", 9, 10) == ["x", "9.00", "10.0", "-10.0%", "shrank"]
    assert not has_grown(10 * (1 + TOLERANCE / 2), 10)
    assert has_grown(10 * (1 + 2 * TOLERANCE), 10)
    assert not has_grown(10, None)


def test_a_count_that_grew_fails_until_it_is_stored(
    counts: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = tmp_path / "stored.json"
    monkeypatch.setattr(instructions, "STORED", stored)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["instructions", "--only", "noscan16", *arguments])
        return instructions.main()

    counts |= {"1": 0, "101": 10_000_000}
    assert run() == 0, "nothing to compare with"
    assert run("--update") == 0
    assert json.loads(stored.read_text()) == {"allocate noscan16": 10}
    counts["101"] = 12_000_000
    assert run() == 1
    assert "GREW" in capsys.readouterr().out
    assert run("--update") == 0
    assert run() == 0


def test_every_scenario_has_a_stored_count() -> None:
    assert set(json.loads(STORED.read_text())) == {scenario.name for scenario in SCENARIOS}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_a_real_count() -> None:
    """Four words are cleared, so it takes more than that, and hardly more than fifty."""
    assert 4 < count(Scenario.allocation("noscan64", 10)) < 50
