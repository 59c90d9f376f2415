"""The background scavenger: it gives back while nobody asks, stops at the goals, and goes when the runtime does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime import Runtime, background_scavenger
from runtime.background_scavenger import park, scavenge_for_a_while, sleep, stop_scavenger
from runtime.engines import ENGINES
from runtime.host_thread import HostThread
from runtime.lock import UNLOCKED
from runtime.scavenge import IDLE, STOP, WORK, wake_scavenger
from runtime.scavenge_pacer import NO_SCAVENGE_GOAL
from runtime.sweeper import finish_sweep
from runtime.syspy import FAIL_THROW, Failure, memset
from tests.runtime.heaps import HeapUnderTest
from tests.runtime.kernel import resident_bytes

ROOT = Path(__file__).resolve().parents[2]
MB = 1 << 20
MILLISECOND = 1_000_000


def garbage(heap: HeapUnderTest) -> None:
    """16 MiB of free pages that the kernel backs, in chunks that were not dense in this generation or the last."""
    for _ in range(4):
        memset(heap.malloc(4 * MB), 1, 4 * MB)
    for _ in range(3):
        heap.gc()


def test_it_stops_at_the_goals(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1)
    garbage(heap)
    s, memory = heap.heap.scavenger, heap.heap.memory
    before = memory.heap_free.bytes
    assert before >= 16 * MB
    s.gc_percent_goal = s.memory_limit_goal = NO_SCAVENGE_GOAL
    assert heap.call(scavenge_for_a_while, heap.heap)[0] == 0
    s.gc_percent_goal = memory.heap_in_use.bytes + 10 * MB
    released = 0
    while (n := heap.call(scavenge_for_a_while, heap.heap)[0]) != 0:
        released += n
    assert memory.heap_free.bytes == before - released
    assert 8 * MB < memory.heap_free.bytes <= 10 * MB
    s.gc_percent_goal, s.memory_limit_goal = NO_SCAVENGE_GOAL, memory.ready + s.other_ready - 5 * MB
    while heap.call(scavenge_for_a_while, heap.heap)[0] != 0:
        pass
    assert 3 * MB < memory.heap_free.bytes <= 5 * MB


def test_it_works_for_about_a_millisecond(heap: HeapUnderTest) -> None:
    garbage(heap)
    heap.heap.scavenger.gc_percent_goal = 0
    released, worked_ns = heap.call(scavenge_for_a_while, heap.heap)
    assert released % 8192 == 0
    assert worked_ns >= MILLISECOND or heap.heap.memory.heap_free.bytes == 0
    heap.heap.scavenger.is_paused = True
    assert heap.call(scavenge_for_a_while, heap.heap)[0] == 0
    heap.heap.scavenger.is_paused = False
    heap.heap.scavenger.wanted = STOP
    assert heap.call(scavenge_for_a_while, heap.heap)[0] == 0


def test_it_parks_until_woken(heap: HeapUnderTest) -> None:
    s = heap.heap.scavenger
    wakes: list[tuple[Callable[..., None], Any]] = [
        (wake_scavenger, (s, heap.heap.memory)),
        (stop_scavenger, (heap.state,)),
    ]
    for wake, words in wakes:
        s.gc_percent_goal = 0
        heap.malloc(1)
        s.wanted = IDLE
        thread = threading.Thread(target=heap.call, args=(park, s))
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
        heap.call(wake, *words)
        thread.join(10)
        assert not thread.is_alive()
    assert s.wanted == STOP


def test_the_end_of_a_sweep_wakes_it(heap: HeapUnderTest) -> None:
    heap.malloc(MB)
    heap.collect()
    s = heap.heap.scavenger
    s.wanted, s.gc_percent_goal = IDLE, 0
    heap.call(finish_sweep, heap.heap, heap.p)
    assert s.wanted == WORK


def test_it_sleeps_as_long_as_it_should(heap: HeapUnderTest) -> None:
    s = heap.heap.scavenger
    for wanted in (IDLE, WORK):
        s.wanted = wanted
        start = time.monotonic_ns()
        slept = heap.call(sleep, s, 20 * MILLISECOND)
        assert 20 * MILLISECOND <= slept <= time.monotonic_ns() - start
    thread = threading.Thread(target=heap.call, args=(sleep, s, 1000 * 1000 * MILLISECOND))
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    heap.call(stop_scavenger, heap.state)
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_goes_back_while_nobody_asks(engine: str) -> None:
    with Runtime(engine, background=True) as runtime:
        data = [runtime.new_bytes(8 * MB) for _ in range(8)]
        for one in data:
            memset(one.address, 1, 8 * MB)
            one.release()
        before = runtime.stats()
        resident = resident_bytes()
        for _ in range(3):
            runtime.collect()
        deadline = time.monotonic() + 20
        while runtime.stats().heap_released - before.heap_released < 40 * MB and time.monotonic() < deadline:
            time.sleep(0.05)
        given_back = runtime.stats().heap_released - before.heap_released
        assert given_back >= 40 * MB
        assert resident - resident_bytes() > given_back - 8 * MB
        runtime.check()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_runtime_closes_at_once_whatever_it_does(engine: str) -> None:
    threads = threading.active_count()
    for size in (0, 32 * MB):
        runtime = Runtime(engine, background=True)
        if size:
            data = runtime.new_bytes(size)
            memset(data.address, 1, size)
            data.release()
            for _ in range(3):
                runtime.collect()
        start = time.monotonic()
        runtime.close()
        assert time.monotonic() - start < 1
        assert threading.active_count() == threads


@pytest.mark.parametrize("engine", ENGINES)
def test_a_runtime_whose_check_has_failed_still_closes(engine: str) -> None:
    runtime = Runtime(engine, background=True)
    runtime.new_bytes(100)
    runtime.state.heap.pages_in_use += 1
    with pytest.raises(Failure, match="HP3"):
        runtime.check()
    start = time.monotonic()
    runtime.close()
    assert time.monotonic() - start < 1


def test_a_failure_under_its_lock_is_raised_by_who_wants_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise Failure(FAIL_THROW, "broken on purpose")

    monkeypatch.setattr(background_scavenger, "is_over_goal", lambda *_: True)
    monkeypatch.setattr(background_scavenger, "scavenge", fail)
    with Runtime("python", background=True) as runtime:
        until = time.monotonic() + 10
        while runtime.state.heap.scavenger.lock.key == UNLOCKED and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(Failure, match="broken on purpose"):
            runtime.check()


def test_what_ends_the_thread_is_kept() -> None:
    def fail() -> None:
        raise ValueError("broken")

    thread = HostThread(fail, lambda: None)
    assert thread.stop()
    assert str(thread.failure) == "broken"


def test_a_forked_process_does_not_wait_for_a_thread_that_it_does_not_have() -> None:
    leave = threading.Event()
    thread = HostThread(lambda: leave.wait(20), leave.set)
    child = os.fork()
    if child == 0:
        start = time.monotonic()
        os._exit(int(not (thread.stop() and time.monotonic() - start < 1)))
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert thread.stop()


PROGRAM = """
import "runtime"

type Buffer struct {
	bytes []byte
}

func use(n int) int {
	sum := 0
	for i := 0; i < n; i++ {
		b := make([]byte, 8<<20)
		for j := 0; j < len(b); j += 4096 {
			b[j] = byte(i)
		}
		sum += int(b[4096])
	}
	return sum
}

func main() {
	var before, after runtime.MemStats
	use(8)
	runtime.ReadMemStats(&before)
	runtime.GC()
	runtime.GC()
	runtime.GC()
	x := uint32(1)
	for i := 0; i < 12000 && after.HeapReleased < before.HeapReleased+(4<<20); i++ {
		for j := 0; j < COUNT; j++ {
			x = x*1664525 + 1013904223
		}
		runtime.ReadMemStats(&after)
	}
	println(after.HeapReleased-before.HeapReleased >= 4<<20, x != 0)
}
"""


@pytest.mark.parametrize(
    ("engine", "count"), [("native", 10_000_000), pytest.param("python", 50_000, marks=pytest.mark.full)]
)
def test_a_program_that_computes_gets_smaller(engine: str, count: int, tmp_path: Path) -> None:
    path = tmp_path / "compute.toy"
    path.write_text(PROGRAM.replace("COUNT", str(count)))
    command = [sys.executable, "-m", "lang.toyrun", "--engine", engine, str(path)]
    env = {**os.environ, "GOGC": "off", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "true true\n")
