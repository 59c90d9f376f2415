"""The plugin for pytest: fixtures, options, and what the summary counts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable

import pytest

from runtime import pytest_plugin
from tests.go_oracle import ROOT

pytest_plugins = ["pytester"]

Run = Callable[..., tuple[int, str]]

TESTS = """
import random

def test_a_list(toy_runtime, toy_seed):
    node = toy_runtime.describe("node", 16, pointers=[0])
    head = toy_runtime.new(node)
    for _ in range(random.Random(toy_seed).randrange(100, 200)):
        toy_runtime.new(node)
    assert toy_runtime.stats().heap_objects > 0

def test_several(new_toy_runtime):
    one, other = new_toy_runtime(gogc=50), new_toy_runtime("python", debug={"clobberfree": 1})
    one.new_bytes(10), other.new_bytes(10)
    assert other.state.heap.clobber and not one.state.heap.clobber
    one.close()

def test_no_runtime():
    pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest with the plugin, pytest-xdist and no others; gives its exit code and its output."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(text: str, *options: str) -> tuple[int, str]:
        pytester.makepyfile(text)
        done = pytester.runpytest_subprocess("-p", "xdist", "-p", "runtime.pytest_plugin", *options)
        return int(done.ret), done.stdout.str() + done.stderr.str()

    return run


def counts(output: str) -> dict[str, int]:
    """The numbers of the summary's line, by the word behind them."""
    line = next(line for line in output.splitlines() if re.match(r"\d+ runtimes?, ", line))
    found = re.findall(r"(\d+) (runtime|collection|allocation)s?( by)?", line)
    return {**{f"{name}s{by}": int(n) for n, name, by in found}, "seed": int(line.rpartition(" ")[2])}


def test_the_entry_point_is_the_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"toy": pytest_plugin.__name__}


@pytest.mark.parametrize(("engine", "passed"), [("native", 3), ("python", 3), ("both", 5)])
def test_tests_run_on_the_engines_wanted(run: Run, engine: str, passed: int) -> None:
    code, output = run(TESTS, f"--toy-engine={engine}", "-v")
    assert code == 0, output
    assert f"{passed} passed" in output
    assert ("[python]" in output, "[native]" in output) == (engine != "native", engine != "python")
    found = counts(output)
    assert found["runtimes"] == (4 if engine == "both" else 2)  # one of test_several's is closed
    assert found["collections"] == 0


@pytest.mark.parametrize("processes", ["0", "2"])
def test_stress_is_counted_in_all_processes(run: Run, processes: str) -> None:
    code, output = run(TESTS, "--toy-gcstress=5", "--toy-seed=42", f"-n{processes}")
    assert code == 0, output
    found = counts(output)
    assert found["seed"] == 42
    assert 100 < found["allocations"] < 210
    assert found["collections by"] == found["allocations"] // 5


def test_the_seed_begins_the_same_again(run: Run) -> None:
    outputs = [run(TESTS, "--toy-gcrandom=4", *seed)[1] for seed in ([], [], ["--toy-seed=9"], ["--toy-seed=9"])]
    found = [counts(output) for output in outputs]
    assert found[2] == found[3]
    assert found[0] != found[1]
    again = counts(run(TESTS, "--toy-gcrandom=4", f"--toy-seed={found[0]['seed']}")[1])
    assert again == found[0]
    assert found[0]["collections by"] > 10


def test_damage_is_an_error_of_the_test(run: Run) -> None:
    text = """
def test_break(toy_runtime):
    toy_runtime.new_bytes(640)
    toy_runtime.state.heap.stats.large_alloc_count = 77

def test_fail(toy_runtime):
    toy_runtime.state.heap.stats.large_alloc_count = 77
    toy_runtime.check()

def test_after_it(toy_runtime):
    toy_runtime.new_bytes(8)
"""
    code, output = run(text)
    assert code == 1
    assert "2 passed, 1 error" in output.replace("1 failed, ", "")
    assert "1 failed" in output
    assert "the totals: I3: objects allocated less objects freed are not the taken slots 0x0 0x4d" in output
    assert counts(output)["runtimes"] == 3


def test_without_runtimes_nothing_is_said(run: Run) -> None:
    code, output = run("def test_nothing():\n    pass\n", "--toy-gcstress=5")
    assert code == 0
    assert "toy runtimes" not in output


@pytest.mark.parametrize(
    "option",
    ["--toy-gcstress=-1", f"--toy-gcstress={1 << 31}", "--toy-seed=-1", "--toy-engine=jit", "--toy-gcrandom=x"],
)
def test_wrong_options(run: Run, option: str) -> None:
    code, output = run(TESTS, option)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--toy-" in output
