"""The runtime as a Python class."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import pytest

from runtime import Busy, Closed, Handle, Phase, Runtime
from runtime.boundary import keep_both
from runtime.engines import ENGINES
from runtime.syspy import Failure
from runtime.syspy.image import Image


def test_objects_live_as_long_as_something_leads_to_them(runtime: Runtime) -> None:
    pair = runtime.describe("pair", 16, pointers=[0, 8])
    head, tail, lost = runtime.new(pair), runtime.new(pair), runtime.new(pair)
    head[0] = tail.address
    tail[1] = head.address
    tail.release()
    lost.release()
    runtime.collect()
    assert runtime.stats().heap_objects == 2
    head.release()
    runtime.collect()
    assert runtime.stats().heap_objects == 0


def test_the_first_lines_of_the_documentation(runtime: Runtime) -> None:
    pair = runtime.describe("pair", 16, pointers=[0, 8])
    with runtime.new(pair) as head, runtime.new(pair) as tail:
        head[0] = tail.address
    runtime.collect()
    assert runtime.stats().heap_objects == 0


def test_arrays_and_bytes(runtime: Runtime) -> None:
    record = runtime.describe("record", 24, pointers=[16])
    records, data = runtime.new(record, 1000), runtime.new_bytes(3)
    assert (records.size, data.size) == (24_000, 3)
    records[3 * 999 + 2] = data.address
    records[3 * 999 + 1] = 77
    data.release()
    runtime.collect()
    held = runtime.hold(records[3 * 999 + 2])
    assert held.address == records[3 * 999 + 2]
    assert runtime.stats().heap_objects == 2
    assert runtime.object_at(records.address + 5) == (records.address, 24_568)


def test_no_room_for_the_code_is_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Image:
        raise MemoryError

    monkeypatch.setattr("runtime.engines._image", refused)
    with pytest.raises(MemoryError, match="out of memory"):
        Runtime("native")


def test_the_code_is_mapped_once_for_all_runtimes(monkeypatch: pytest.MonkeyPatch) -> None:
    Runtime("native").close()
    monkeypatch.delattr("runtime.image.runtime_image")
    Runtime("native").close()


def test_statistics(runtime: Runtime) -> None:
    for _ in range(50):
        runtime.new_bytes(100).release()
    runtime.collect()
    stats = runtime.stats()
    assert (stats.mallocs, stats.frees, stats.num_gc, stats.num_forced_gc) == (50, 50, 1, 1)
    assert stats.heap_alloc == 0 < stats.heap_sys <= stats.sys


def test_gogc_changes_the_next_collection(runtime: Runtime) -> None:
    kept = runtime.new_bytes(10 << 20)
    runtime.collect()
    assert runtime.set_gogc(50) == 100
    assert runtime.stats().next_gc == pytest.approx(15 << 20, abs=10_000)
    assert runtime.set_gogc("off") == 50
    assert runtime.set_gogc(-7) == -1
    assert runtime.stats().next_gc > 0.96 * (1 << 63)
    kept.release()


def test_debug_settings_are_those_of_godebug() -> None:
    with Runtime("python", gogc="off", debug="gcstress=2,clobberfree=1") as runtime:
        for _ in range(10):
            runtime.new_bytes(32).release()
        assert runtime.stats().num_gc == 5


@pytest.mark.parametrize(("size", "pointers"), [(-1, []), (12, [0]), (16, [4]), (16, [16]), (16, [-8]), (1 << 60, [])])
def test_a_type_that_makes_no_sense(runtime: Runtime, size: int, pointers: list[int]) -> None:
    with pytest.raises(ValueError, match="type wrong: "):
        runtime.describe("wrong", size, pointers)


def test_arguments_that_make_no_sense(runtime: Runtime) -> None:
    word = runtime.describe("word", 8, [0])
    for count in (-1, 1 << 62):
        with pytest.raises(ValueError, match="values of 8 bytes"):
            runtime.new(word, count)
    with pytest.raises(ValueError, match="-1 values of 1 byte"):
        runtime.new_bytes(-1)
    with pytest.raises(ValueError, match="engine 'jit': one of native, python"):
        Runtime("jit")
    with pytest.raises(ValueError, match="malformed GOGC"):
        Runtime("python", gogc="many")
    handle = runtime.new(word)
    for i in (-1, 1):
        with pytest.raises(IndexError):
            handle[i]
    with pytest.raises(ValueError, match=r"a pointer is"):
        handle[0] = 1 << 64


@pytest.mark.parametrize("debug", ["gccheckmark=1", "heapcheck=1"])
def test_without_memory_for_a_check_a_collection_fails_for_good(debug: str) -> None:
    with Runtime("native", debug=debug) as runtime:
        memory = runtime.state.heap.memory
        kept = runtime.new_bytes(64)
        memory.refuse_at = memory.requests + 1
        with pytest.raises(Failure, match="no memory is left to check the heap with"):
            runtime.collect()
        with pytest.raises(Closed, match="the runtime has failed"):
            runtime.stats()
        assert kept.size == 64


def test_without_memory_a_check_is_not_made_and_all_is_as_before() -> None:
    with Runtime("native") as runtime:
        memory = runtime.state.heap.memory
        memory.refuse_at = memory.requests + 1
        with pytest.raises(MemoryError):
            runtime.check()
        assert not runtime.state.heap.scavenger.is_paused
        runtime.check()
        runtime.collect()


def test_without_memory_a_path_is_not_looked_for_and_nothing_is_lost(runtime: Runtime) -> None:
    node, row = runtime.describe("node", 16, [0]), runtime.describe("word", 8, [0])
    with runtime.new(row, 3000) as head:
        for i in range(3000):
            head[i] = runtime.allocate(node)
        memory = runtime.state.heap.memory
        held = memory.ready
        for number in range(1, 5):  # the check itself, a bitmap, the list, and a longer list
            memory.refuse_at = memory.requests + number
            with pytest.raises(MemoryError):
                runtime.path_to(head[2999])
            assert memory.ready == held
        assert runtime.path_to(head[2999]) is not None


def test_addresses_that_are_no_objects(runtime: Runtime) -> None:
    lost = runtime.new_bytes(64)
    addr = lost.address
    lost.release()
    kept = runtime.new_bytes(64)
    runtime.collect()
    for wrong in (0, 8, addr, kept.address + 64, 1 << 47, (1 << 64) - 1):
        with pytest.raises(ValueError, match="there is no object at"):
            runtime.hold(wrong)
        assert runtime.object_at(wrong) is None


def test_out_of_memory_is_a_memory_error(runtime: Runtime) -> None:
    kept = runtime.new_bytes(64)
    with pytest.raises(MemoryError, match="out of memory"):
        runtime.new_bytes(1 << 47)
    runtime.check()
    assert kept[0] == 0


def test_after_close(runtime: Runtime) -> None:
    other = Runtime("python")
    handle = other.new_bytes(8)
    other.close()
    other.close()
    for use in (
        other.collect,
        other.stats,
        other.check,
        lambda: other.new_bytes(1),
        lambda: handle.address,
        lambda: handle[0],
    ):
        with pytest.raises(Closed):
            use()
    handle.release()
    gone = runtime.new_bytes(8)
    gone.release()
    gone.release()
    with pytest.raises(Closed, match="the handle was released"):
        gone.address  # noqa: B018


def test_many_handles(runtime: Runtime) -> None:
    handles = [runtime.new_bytes(16) for _ in range(1500)]
    for handle in handles[::2]:
        handle.release()
    runtime.collect()
    assert runtime.stats().heap_objects == 750


# --- Callbacks of the collector's phases ---


def test_each_collection_tells_its_three_phases_in_order(runtime: Runtime) -> None:
    told: list[Phase] = []
    assert runtime.on_phase(told.append) == told.append
    runtime.set_gogc(1000)
    kept = runtime.new_bytes(8 << 20)
    runtime.new_bytes(8 << 20).release()
    runtime.collect()
    names = [(phase.number, phase.name, phase.forced) for phase in told]
    assert names == [(1, "start", True), (1, "marked", True), (1, "swept", True)]
    assert told[0].heap_live == 16 << 20
    assert told[1].heap_live == told[2].heap_live == 8 << 20
    assert told[1].goal == runtime.stats().next_gc != told[0].goal
    kept.release()


def test_sweeping_is_told_when_the_next_collection_begins(runtime: Runtime) -> None:
    told: list[str] = []
    runtime.on_phase(lambda phase: told.append(f"{phase.name} {phase.number}"))
    runtime.new_bytes(64).release()
    runtime.collect(sweep=False)
    assert told == ["start 1", "marked 1"]
    runtime.collect(sweep=False)
    assert told == ["start 1", "marked 1", "swept 1", "start 2", "marked 2"]


def test_collections_that_nobody_asked_for_are_told_at_the_moment_itself(runtime: Runtime) -> None:
    seen: list[tuple[str, bool, int]] = []
    runtime.on_phase(lambda phase: seen.append((phase.name, phase.forced, len(list(runtime.objects())))))
    runtime.set_gogc(1)
    made = 0
    while len(seen) < 2:
        runtime.new_bytes(256 << 10).release()
        made += 1
    # At "marked" the dead are still there; the object that is being made is not.
    assert seen == [("start", False, made - 1), ("marked", False, made - 1)]


def test_a_callback_can_look_and_can_change_nothing(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, [0])
    head, roots = runtime.new(node), runtime.roots(4)
    head[0] = runtime.new(node)
    refused: list[str] = []

    def callback(phase: Phase) -> None:
        assert runtime.reachable_from(head) == {head.address, head[0]}
        assert runtime.referents(head) == [head[0]]
        head[1] = phase.number  # a word that is no pointer
        changes: list[Callable[[], object]] = [
            lambda: runtime.new(node),
            lambda: runtime.new_bytes(8),
            lambda: runtime.hold(head[0]),
            lambda: roots.new(0, node),
            lambda: roots.__setitem__(0, head),
            lambda: head.__setitem__(0, None),
            runtime.collect,
            runtime.stats,
            runtime.check,
            runtime.close,
            lambda: runtime.set_gogc(5),
        ]
        for change in changes:
            with pytest.raises(Busy, match="inside of a callback of the collector"):
                change()
            refused.append(phase.name)

    runtime.on_phase(callback)
    runtime.collect()
    assert refused == ["start"] * 11 + ["marked"] * 11 + ["swept"] * 11
    runtime.off_phase(callback)
    runtime.collect()
    assert len(refused) == 33
    assert head[1] == 1
    assert runtime.stats().heap_objects == 2


def test_a_release_inside_of_a_callback_counts_from_the_next_call_on(runtime: Runtime) -> None:
    lost = runtime.new_bytes(64)
    runtime.on_phase(lambda phase: lost.release())
    runtime.collect()
    runtime.collect()
    assert runtime.stats().heap_objects == 0


@pytest.mark.parametrize("at", ["start", "marked", "swept"])
def test_what_a_callback_raises_is_raised_by_the_call_that_collected(runtime: Runtime, at: str) -> None:
    told: list[str] = []
    kept = runtime.new_bytes(b"kept")

    def callback(phase: Phase) -> None:
        told.append(phase.name)
        if phase.name == at:
            raise KeyboardInterrupt(at)

    runtime.on_phase(callback)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt, match=at):
            runtime.collect()
    assert told == 2 * told[: ["start", "marked", "swept"].index(at) + 1]
    runtime.off_phase(callback)
    runtime.check()
    assert kept.read() == b"kept"
    assert runtime.stats().num_gc == 2


def test_a_callback_raises_out_of_an_allocation(runtime: Runtime) -> None:
    def callback(phase: Phase) -> None:
        raise LookupError(phase.name)

    runtime.on_phase(callback)
    runtime.set_gogc(1)

    def allocate() -> None:
        while True:
            runtime.new_bytes(256 << 10).release()

    with pytest.raises(LookupError, match="start"):
        allocate()


def collect_for_seconds(runtime: Runtime, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        runtime.collect()


def test_a_signal_waits_until_the_call_is_done_and_is_not_lost(runtime: Runtime) -> None:
    class Rung(Exception):
        pass

    def ring(_number: int, _frame: object) -> None:
        raise Rung

    node = runtime.describe("node", 16, [0])
    head = runtime.new(node)
    for _ in range(50_000 if type(runtime._engine).__name__ == "Native" else 300):
        following = runtime.new(node)
        following[0] = head
        head = following
    told: list[str] = []
    runtime.on_phase(lambda phase: told.append(phase.name))
    is_over = threading.Event()
    other = threading.Thread(target=is_over.wait)  # the kernel may choose it to take the signal
    other.start()
    before = signal.signal(signal.SIGALRM, ring)
    try:
        for i in range(20):
            signal.setitimer(signal.ITIMER_REAL, 0.005 + i * 0.0003)
            with pytest.raises(Rung):
                collect_for_seconds(runtime, 5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        is_over.set()
        other.join()
    runtime.check()
    assert told[-3:] == ["start", "marked", "swept"]


def test_callbacks_that_are_none(runtime: Runtime) -> None:
    with pytest.raises(TypeError, match="5 cannot be called"):
        runtime.on_phase(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is no callback of this runtime"):
        runtime.off_phase(print)


def test_several_runtimes_and_callbacks_do_not_meet(runtime: Runtime) -> None:
    told: list[str] = []
    with Runtime("native") as other:
        runtime.on_phase(lambda phase: other.collect())
        other.on_phase(lambda phase: told.append(phase.name))
        runtime.on_phase(lambda phase: told.append("own " + phase.name))
        runtime.collect()
    one = ["start", "marked", "swept"]
    assert told == [*one, "own start", *one, "own marked", *one, "own swept"]


def test_a_runtime_that_cannot_be_made_leaves_nothing() -> None:
    def ran() -> tuple[int, int]:
        with open("/proc/self/maps") as maps:
            return len(os.listdir("/proc/self/task")), len(list(maps))

    for engine in ENGINES:
        for wrong in ({"watch": [0]}, {"watch": 5}, {"mem_profile_rate": -1}):
            before = ran()
            for _ in range(5):
                with pytest.raises((TypeError, ValueError)):
                    Runtime(engine, background=True, **wrong)
            threads, mappings = ran()
            assert threads < before[0] + 5  # one that was waited for may not be gone yet
            assert mappings < before[1] + 30  # a runtime takes sixteen, and those of a thread's stack are kept


def test_a_damage_is_looked_for_when_nobody_is_inside(runtime: Runtime) -> None:
    kept = runtime.new_bytes(64)
    table = runtime.roots(3)
    refused: list[str] = []

    @runtime.on_phase
    def told(phase: Phase) -> None:
        for change in (runtime.damages, table.clear):
            with pytest.raises(Busy, match="inside of a callback"):
                change()
            refused.append(phase.name)

    runtime.collect()
    assert refused == ["start", "start", "marked", "marked", "swept", "swept"]
    assert (runtime.damages(), kept[0]) == ((), 0)


def test_a_forked_process_marks_alone() -> None:
    with Runtime("native", gogc="off", procs=2) as runtime:
        node = runtime.describe("node", 16, [0])
        runtime.state.team.least_bytes = 0
        kept = [runtime.new(node) for _ in range(1000)]
        until = time.monotonic() + 10
        while runtime.state.team.rounds == 0 and time.monotonic() < until:
            runtime.collect()
        assert runtime.state.team.rounds > 0
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                runtime.collect()
                runtime.check()
                alive = runtime.stats().heap_objects
                runtime.close()
                os._exit(0 if alive == len(kept) else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        runtime.collect()
        assert runtime.stats().heap_objects == len(kept)


# --- After a failure ---


@pytest.mark.parametrize("engine", ENGINES)
def test_after_a_failure_nothing_but_close(engine: str) -> None:
    runtime = Runtime(engine)
    kept = runtime.new_bytes(32)
    runtime.state.heap.stats.small_alloc_count[3] = 77
    with pytest.raises(Failure, match="I3"):
        runtime.check()
    for use in (runtime.collect, lambda: runtime.new_bytes(1), runtime.stats, lambda: runtime.hold(kept.address)):
        with pytest.raises(Closed, match="the runtime has failed, and can only be closed: fatal error: I3"):
            use()
    runtime.close()
    with pytest.raises(Closed, match="the runtime was closed"):
        runtime.collect()


def refused_elsewhere(use: Callable[[], object]) -> bool:
    """Whether another thread is refused what it tries."""
    refused: list[Busy] = []

    def try_it() -> None:
        try:
            use()
        except Busy as busy:
            refused.append(busy)

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    return [str(busy) for busy in refused] == ["another call is inside of the runtime: one thread at a time"]


def test_a_second_thread_is_refused_while_the_runtime_is_at_work(runtime: Runtime) -> None:
    kept, refused = runtime.new_bytes(8), []
    runtime.on_phase(lambda _: refused.append(refused_elsewhere(lambda: runtime.new_bytes(8))))
    runtime.on_phase(lambda _: refused.append(refused_elsewhere(lambda: list(runtime.objects()))))
    runtime.on_phase(lambda _: refused.append(refused_elsewhere(lambda: runtime.object_at(kept.address))))
    runtime.collect()
    assert refused == [True] * 9


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_comes_between_a_write_barrier_and_its_store(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Runtime(engine, debug="gcstoptheworld=0") as runtime:
        node = runtime.describe("node", 16, [0])
        one, other, call, refused = runtime.new(node), runtime.new(node), runtime._engine.call, []

        def spy(function: Callable[..., object], *arguments: object) -> object:
            if function is keep_both:
                refused.append(refused_elsewhere(runtime.collect))
            return call(function, *arguments)

        monkeypatch.setattr(runtime._engine, "call", spy)
        one[0] = other
        monkeypatch.undo()
        assert (one[0], refused) == (other.address, [True])


def test_what_several_threads_do_at_once_is_right_or_refused(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, [0])
    wrong: list[object] = []
    until = time.monotonic() + 1.5

    def work(number: int) -> None:
        kept: list[tuple[Handle, int]] = []
        tries = 0
        while time.monotonic() < until:
            tries += 1
            try:
                made = runtime.new(node)
                made[1] = tries * 4 + number
                kept = [*kept[-20:], (made, tries * 4 + number)]
                if tries % 10 == 0:
                    runtime.collect()
                wrong.extend(handle for handle, written in kept if handle[1] != written)
            except Busy:
                continue
            except BaseException as error:
                wrong.append(error)
                return

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)
    assert wrong == []
    runtime.check()
