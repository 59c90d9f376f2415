"""Compiled functions of an embedder: called by themselves, and on several threads at once."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from runtime import Busy, Closed, Runtime, parallel
from runtime.embedding import Phase
from runtime.engines import ENGINES
from runtime.syspy import Failure, address
from runtime.syspy.subset import SubsetError
from tests.runtime.compiled import (
    allocate_bytes,
    break_down,
    break_down_locked,
    build_list,
    churn,
    give_up,
    grow_for_ever,
    sum_list,
    widened,
)
from tests.runtime.embedders import runtime
from tests.runtime.kernel import mapping

__all__ = ["runtime"]


def size(runtime: Runtime, python: int, native: int) -> int:
    return python if type(runtime._engine).__name__ == "Reference" else native


def test_a_compiled_function_allocates_and_its_result_is_an_object(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(build_list, sum_list)
    head = runtime.hold(runtime.run(build_list, node, 100))
    runtime.collect()
    assert runtime.stats().heap_objects == 100
    assert head[1] == 99
    assert runtime.run(sum_list, head) == 4950


def test_functions_run_at_once_and_collect_for_each_other(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(churn)
    kept = runtime.new(node)
    kept[1] = 77
    rounds, length = size(runtime, 3, 400), size(runtime, 40, 2000)
    results = runtime.parallel(*[(churn, node, rounds, length)] * 3)
    assert results == [rounds * length * (length - 1) // 2] * 3
    assert kept[1] == 77
    assert runtime.state.world.ps_count == 4
    assert runtime.stats().num_gc > 0 or size(runtime, 1, 0)
    runtime.collect()
    assert runtime.stats().heap_objects == 1
    assert runtime.parallel() == []
    assert runtime.parallel((churn, node, 1, 10), (churn, node, 1, 20)) == [45, 190]
    assert runtime.state.world.ps_count == 4


def test_phases_are_told_from_whatever_thread_collects(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(churn)
    runtime.set_gogc(1)
    told: list[tuple[str, int]] = []

    @runtime.on_phase
    def note(phase: Phase) -> None:
        told.append((phase.name, phase.number))
        assert all(found.size for found in runtime.objects())
        with pytest.raises(Busy, match="callback"):
            runtime.new(node)

    runtime.parallel(*[(churn, node, size(runtime, 3, 240), size(runtime, 1500, 2000))] * 2)
    starts = [number for name, number in told if name == "start"]
    assert len(starts) >= size(runtime, 1, 10)
    assert starts == sorted(set(starts))


def test_an_exception_of_a_callback_is_raised_by_parallel(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(churn)
    runtime.set_gogc(1)

    def refuse(phase: Phase) -> None:
        raise LookupError(phase.name)

    runtime.on_phase(refuse)
    with pytest.raises(LookupError, match="start"):
        runtime.parallel(*[(churn, node, size(runtime, 3, 60), size(runtime, 1500, 2000))] * 2)
    runtime.off_phase(refuse)
    assert runtime.parallel((churn, node, 1, 3)) == [3]


def test_a_call_meanwhile_is_refused(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(churn)
    work = (churn, node, size(runtime, 10, 3000), size(runtime, 100, 2000))
    others = threading.Thread(target=runtime.parallel, args=[work, work], daemon=True)
    others.start()
    refused = 0
    while others.is_alive():
        try:
            runtime.new(node).release()
        except Busy:
            refused += 1
    assert refused > 0
    runtime.new(node)


def test_what_a_function_gives_up_with_is_raised_and_the_runtime_goes_on(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(give_up, churn)
    top = runtime.state.g0.shadow_top
    with pytest.raises(Failure, match="mistake 7"):
        runtime.run(give_up, 7)
    assert runtime.state.g0.shadow_top == top
    with pytest.raises(Failure, match="mistake 8"):
        runtime.parallel((churn, node, 2, 10), (give_up, 8), (give_up, 9))
    assert runtime.parallel((churn, node, 1, 3)) == [3]


def test_memory_that_is_refused_in_one_thread(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(churn, grow_for_ever)
    for attempt in (lambda: runtime.run(grow_for_ever, node), lambda: runtime.parallel((grow_for_ever, node))):
        with pytest.raises(MemoryError, match="out of memory"):
            attempt()
    with pytest.raises(MemoryError):
        runtime.parallel((churn, node, 2, 10), (grow_for_ever, node), (churn, node, 2, 10))
    runtime.collect()
    assert runtime.stats().heap_objects == 0


def test_no_room_for_a_thread_is_out_of_memory(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(churn)
    start, started = threading.Thread.start, list[threading.Thread]()

    def refused(thread: threading.Thread) -> None:
        started.append(thread)
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(MemoryError, match="out of memory"):
        runtime.parallel(*[(churn, node, 2, 10)] * 3)
    monkeypatch.undo()
    assert [thread.is_alive() for thread in started] == [False] * 3
    assert runtime.parallel((churn, node, 1, 10), (churn, node, 1, 20)) == [45, 190]
    runtime.collect()


def test_a_signal_waits_until_all_threads_are_done(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(churn)
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runtime.parallel((churn, node, 2, 10), (churn, node, 2, 10))
    monkeypatch.undo()
    assert runtime.parallel((churn, node, 1, 10), (churn, node, 1, 20)) == [45, 190]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bug_of_the_runtime_in_one_thread_ends_all(engine: str) -> None:
    with Runtime(engine) as runtime:
        node = runtime.describe("node", 16, pointers=[0])
        runtime.load(churn, break_down)
        with pytest.raises(Failure, match="broken on purpose"):
            runtime.parallel((churn, node, 2, 10), (break_down,))
        with pytest.raises(Closed, match="can only be closed"):
            runtime.new(node)


@pytest.mark.parametrize("engine", ENGINES)
def test_who_waits_for_the_lock_of_a_thread_that_has_failed_fails_as_well(engine: str) -> None:
    with Runtime(engine, gogc="off") as runtime:
        runtime.load(allocate_bytes, break_down_locked)
        start, root = time.monotonic(), address(runtime.state)
        with pytest.raises(Failure, match="broken on purpose"):
            runtime.parallel((allocate_bytes, 100_000, 10_000), (break_down_locked,))
        with pytest.raises(Closed, match="broken on purpose"):
            runtime.new_bytes(8)
    assert time.monotonic() - start < parallel.GRACE_SECONDS
    assert mapping(root) == ""


def test_wrong_input(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    runtime.load(churn, sum_list, widened)
    assert runtime.run(widened, 255) == 255
    with Runtime("python") as other:
        mistakes: list[tuple[Any, tuple[Any, ...], type[Exception], str]] = [
            (runtime.run, (build_list, node, 3), ValueError, "build_list was not loaded"),
            (runtime.run, (print,), ValueError, "print was not loaded"),
            (runtime.run, ([],), ValueError, "was not loaded"),
            (runtime.run, (churn, node, 3), TypeError, "churn takes 3 arguments, not 2"),
            (runtime.run, (churn, node, 3, "x"), TypeError, "length is of type str, not int"),
            (runtime.run, (churn, node, 3, 1 << 64), ValueError, "length is 18446744073709551616: it can be 0 to"),
            (runtime.run, (widened, 256), ValueError, "n is 256: it can be 0 to 255"),
            (runtime.run, (widened, -1), ValueError, "n is -1: it can be 0 to 255"),
            (runtime.run, (churn, other.describe("node", 16), 1, 1), ValueError, "another runtime"),
            (runtime.run, (sum_list, other.new_bytes(16)), ValueError, "another runtime"),
            (runtime.parallel, ((churn, node, 1),), TypeError, "churn takes 3 arguments, not 2"),
        ]
        for mistake, arguments, error, text in mistakes:
            with pytest.raises(error, match=text):
                mistake(*arguments)
    released = runtime.new(node)
    released.release()
    with pytest.raises(Closed):
        runtime.run(sum_list, released)


def test_what_is_no_systems_python_is_refused_with_its_place() -> None:
    with Runtime() as runtime, pytest.raises(SubsetError, match=r"test_parallel\.py"):
        runtime.load(test_wrong_input)


def test_two_threads_share_the_heap_and_no_object(runtime: Runtime) -> None:
    runtime.load(allocate_bytes)
    n = size(runtime, 300, 100_000)
    before = runtime.stats().mallocs
    runtime.parallel((allocate_bytes, 48, n), (allocate_bytes, 48, n), (allocate_bytes, 5, n))
    assert runtime.stats().mallocs == before + 3 * n
