"""The faults of tests/mutants: each fits the source as it is, and is systems Python; one is found from end to end."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.image import ROOTS
from runtime.syspy.translate import lowered
from tests.go_oracle import ROOT
from tests.mutants.__main__ import main
from tests.mutants.faults import FAULTS, SUITE, Fault
from tests.mutants.trees import Outcome, end_session, judged, read_output

LEAST = 40

every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


@pytest.fixture(scope="module")
def symbols() -> frozenset[str]:
    """All functions of the runtime's image."""
    return frozenset(lowered(ROOTS, debug=True).defined)


def functions(text: str) -> dict[str, str]:
    """The functions of a module, by name, without regard to layout and comments."""
    return {node.name: ast.unparse(node) for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def changed_functions(fault: Fault) -> tuple[list[Callable[..., Any]], str]:
    """The functions that a fault changes, as they are, and the text of the changed module."""
    before = fault.path(ROOT).read_text("utf-8")
    after = fault.changed(before)
    old, new = functions(before), functions(after)
    module = importlib.import_module(f"runtime.{fault.module}")
    return [getattr(module, name) for name in new if new[name] != old[name]], after


def test_there_are_enough_faults_and_each_has_a_name() -> None:
    names = {fault.name for fault in FAULTS}
    assert len(names) == len(FAULTS) >= LEAST


@pytest.mark.full
@every_fault
def test_a_fault_changes_its_module_in_one_place_and_names_tests(fault: Fault) -> None:
    text = fault.path(ROOT).read_text("utf-8")
    assert ast.dump(ast.parse(fault.changed(text))) != ast.dump(ast.parse(text))
    assert fault.tests
    assert [name for name in fault.tests + SUITE if not (ROOT / name).is_file()] == []


@pytest.mark.full
@every_fault
def test_a_changed_module_is_systems_python(fault: Fault, symbols: frozenset[str]) -> None:
    """Else the native engine notices before anything runs."""
    changed, text = changed_functions(fault)
    for function in changed:
        others = symbols - {name for name in symbols if name.rpartition(".")[2] == function.__name__}
        unit = lowered([function], others, {f"runtime.{fault.module}": text}, debug=True)
        assert any(name.rpartition(".")[2] == function.__name__ for name in unit.defined)


def test_a_fault_that_does_not_fit_the_source_is_refused() -> None:
    fault = Fault("none", "sweep", "nothing", "sweep", "not in the module", "")
    with pytest.raises(ValueError, match="has it 0 times"):
        fault.changed(fault.path(ROOT).read_text("utf-8"))


def unfit(module: str) -> Fault:
    """A fault that does not fit."""
    return Fault("unfit", module, "nothing", "fixalloc", "not in the module", "")


@pytest.mark.parametrize(
    ("module", "why"),
    [("fixalloc", "runtime/fixalloc.py has it 0 times"), ("gone", "there is no runtime/gone.py")],
)
def test_a_fault_that_does_not_fit_is_reported(
    module: str, why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.mutants.__main__.FAULTS", [unfit(module)])
    assert main([]) == 1
    assert capsys.readouterr().out == f"DOES NOT FIT       unfit: {why}\n1 of 1 faults do not fit the code\n"


def test_beside_a_fault_that_does_not_fit_the_others_are_examined(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = next(fault for fault in FAULTS if fault.name == "cell_list_cut")
    noticed = judged(1, "..F\nFAILED tests/x.py::test_y - no\n", 1.0)
    examined: list[Path] = []

    def run(tree: Path, _: tuple[str, ...]) -> Outcome:
        """The tests notice what differs from the code as it is."""
        examined.append(tree)
        is_changed = known.path(tree).read_bytes() != known.path(ROOT).read_bytes()
        return noticed if is_changed else judged(0, "..", 1.0)

    monkeypatch.setattr("tests.mutants.__main__.FAULTS", [unfit("fixalloc"), known])
    monkeypatch.setattr("tests.mutants.__main__.run_tests", run)
    assert main([]) == 1
    output = capsys.readouterr().out
    assert len(examined) == 2
    assert "killed      1.0 s  cell_list_cut: tests/x.py::test_y\n" in output
    assert "1 of 1 faults killed: 100.0 %" in output
    assert output.endswith("\n1 of 2 faults do not fit the code\n")


def test_the_list_says_what_each_fault_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--only", "cell_list_cut"]) == 0
    assert capsys.readouterr().out == "cell_list_cut: of the freed cells only the last is used again (fixalloc)\n"


@pytest.mark.parametrize(
    ("code", "output", "how"),
    [
        (1, "..F\nFAILED tests/x.py::test_y[python-1] - assert 1 == 2\n1 failed\n", "tests/x.py::test_y[python-1]"),
        (2, "ERROR tests/x.py - AssertionError: Z2: no\nInterrupted\n", "tests/x.py"),
        (4, "ImportError while loading conftest '/x'.\nZ1: no\n", "the runtime cannot be imported"),
        (-11, "..", "crash: SIGSEGV"),
    ],
)
def test_how_a_fault_was_noticed(code: int, output: str, how: str) -> None:
    outcome = judged(code, output, 1.0)
    assert (outcome.failed, outcome.how) == (True, how)


def test_tests_that_cannot_be_run_notice_nothing() -> None:
    assert not judged(0, "..", 1.0).failed
    with pytest.raises(RuntimeError, match="pytest ends with 5:\nno tests ran"):
        judged(5, "no tests ran", 1.0)


@pytest.mark.parametrize(("code", "output"), [("print(1)", "1\n"), ("input()", None)])
def test_who_says_nothing_for_long_hangs(code: str, output: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mutants.trees.SILENCE", 0.5 if output is None else 60.0)
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, start_new_session=True)
    assert read_output(process) == output
    end_session(process)
    assert process.returncode in (0, -9)


@pytest.mark.slow
def test_a_fault_is_noticed_by_a_test_that_passes_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "cell_list_cut"]) == 0
    output = capsys.readouterr().out
    assert "cell_list_cut: tests/runtime/test_fixalloc.py::" in output
    assert "1 of 1 faults killed: 100.0 %" in output


@pytest.mark.slow
def test_a_fault_that_nobody_notices_survives(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    harmless = Fault("harmless", "gc_limiter", "nothing", "gc_limiter", "<< 16", "<< 15 + 1")
    monkeypatch.setattr("tests.mutants.__main__.FAULTS", [harmless])
    monkeypatch.setattr("tests.mutants.__main__.SUITE", harmless.tests)
    assert main([]) == 1
    assert "SURVIVED" in capsys.readouterr().out
