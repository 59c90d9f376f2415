"""The instruction counts: what is reported, and what fails."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from bench import instructions
from bench.instructions import SCENARIOS, TOLERANCE, Counts, Scenario, count, has_grown, missing, row, versions


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What runs are pretended to take, by the last argument."""
    taken: dict[str, int] = {}
    monkeypatch.setattr(instructions, "counted", lambda path, arguments: taken[arguments[-1]])
    monkeypatch.setattr(instructions, "missing", lambda: None)
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
    assert json.loads(stored.read_text()) == {"holds": versions(), "counts": {"allocate noscan16": 10}}
    counts["101"] = 12_000_000
    assert run() == 1
    assert "GREW" in capsys.readouterr().out
    assert run("--update") == 0
    assert run() == 0


def test_counts_of_other_versions_are_not_compared(
    counts: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(instructions, "STORED", tmp_path / "stored.json")
    monkeypatch.setattr(sys, "argv", ["instructions", "--only", "noscan16"])
    Counts(versions() | {"LLVM": "1.2.3"}, {"allocate noscan16": 1, "gone": 1}).store()
    counts |= {"1": 0, "101": 10_000_000}
    assert instructions.main() == 0
    assert f"the stored counts are of LLVM 1.2.3, not {versions()['LLVM']}" in capsys.readouterr().err
    sys.argv.append("--update")
    assert instructions.main() == 0
    assert Counts.stored() == Counts(versions(), {"allocate noscan16": 10}), "those of the other version are gone"


def test_who_cannot_count_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "CPU_FLAGS", set())
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert missing() is None
    monkeypatch.setattr(instructions, "CPU_FLAGS", {"no such flag"})
    assert missing() == "this processor is no x86-64-v3"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert missing() == "valgrind is not installed"


def test_every_scenario_has_a_stored_count() -> None:
    assert set(Counts.stored().counts) == {scenario.name for scenario in SCENARIOS}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_takes_more_instructions_than_it_did(scenario: Scenario) -> None:
    stored = Counts.stored()
    if reason := missing() or stored.difference(versions()):
        pytest.skip(reason)
    now, before = count(scenario), stored.counts[scenario.name]
    message = f"{now:.3f} instructions, {before} before: if that has to be, python -m bench.instructions --update"
    assert not has_grown(now, before), message
