"""How far a program has come, as the one who waits for it sees it."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from typing import Any

import pytest

from lang import execution
from lang.execution import Executable, Run
from lang.reports import End
from runtime import host_thread
from runtime.knobs import Settings
from runtime.syspy.failure import FAIL_EXIT, FAIL_PANIC, FAIL_THROW, Failure
from tests.go_oracle import ROOT


class Waiting:
    """An engine whose program runs until it is told to leave, in its way."""

    def __init__(self) -> None:
        self.leave = threading.Event()
        self.failure: BaseException | None = None

    def call(self, name: str, *_: int) -> Any:
        if name == "start":
            self.leave.wait(10)
            if self.failure is not None:
                raise self.failure

    def listen(self, _trace: int) -> None:
        pass


def run_of(engine: Waiting) -> Run:
    run = Run(engine, Executable("p.toy", [], 0, b"", {}), [], Settings.from_environment({}))
    run.kept = [ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)]
    run.stack_bytes = 1 << 20
    return run


def test_a_program_that_runs_is_not_at_its_end_whatever_its_thread_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A join that Ctrl-C cuts short can leave is_alive() False while the thread runs on."""
    engine = Waiting()
    run = run_of(engine)
    run.start_thread()
    monkeypatch.setattr(threading.Thread, "is_alive", lambda _: False)
    assert run.end() is End.RUNNING
    engine.leave.set()
    assert run.ended.wait_for(10)
    assert run.end() is End.RETURNED


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (None, End.RETURNED),
        (Failure(FAIL_EXIT, "", (3,)), End.RETURNED),
        (Failure(FAIL_PANIC, "", ()), End.FAILED),
        (Failure(FAIL_THROW, "out of memory", ()), End.FAILED),
        (Failure(FAIL_THROW, "stack overflow", ()), End.FAILED),
        (Failure(FAIL_THROW, "S1: more slots taken than there are", ()), End.BROKEN),
        (RecursionError(), End.FAILED),
    ],
    ids=str,
)
def test_how_it_ended(failure: BaseException | None, expected: End) -> None:
    engine = Waiting()
    engine.failure = failure
    engine.leave.set()
    run = run_of(engine)
    run.start_thread()
    assert run.ended.wait_for(10)
    assert run.end() is expected


def test_what_ends_the_scavenger_ends_who_waits_for_it_and_is_told() -> None:
    class Scavenging(Waiting):
        def call(self, name: str, *_: int) -> Any:
            if name == "scavenge_in_background":
                raise Failure(FAIL_THROW, "broken on purpose")
            if name == "give_up_scavenging":
                self.failure = Failure(FAIL_THROW, "a lock is broken")
                self.leave.set()
            return super().call(name)

    run = run_of(Scavenging())
    run.report = str  # type: ignore[assignment,method-assign]
    assert "broken on purpose" in str(run.main())


def test_a_program_whose_thread_can_do_nothing_has_ended_nevertheless() -> None:
    class Exhausted(Waiting):
        def listen(self, _trace: int) -> None:
            raise MemoryError

    run = run_of(Exhausted())
    with pytest.raises(MemoryError):
        run.body()
    assert run.ended.has_come


@pytest.mark.parametrize("threads", [1, 2])
def test_a_thread_that_is_gone_before_its_first_line_is_not_waited_for(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "threads_of_process", lambda: threads)
    monkeypatch.setattr(host_thread, "LOOK_SECONDS", 0.01)
    run = run_of(Waiting())
    if threads == 2:  # the other one may be the program's, which begins late
        threading.Timer(0.05, run.ended.come).start()
        run.ended.wait(run.look_after_thread)
    else:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            run.ended.wait(run.look_after_thread)


def test_threads_are_counted_as_soon_as_they_are_started() -> None:
    code = """
import threading
from runtime.host_thread import threads_of_process
leave = threading.Event()
print(threads_of_process())
threading.Thread(target=leave.wait, args=(10,)).start()
print(threads_of_process())
leave.set()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n2\n"
