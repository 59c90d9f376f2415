"""Marking by several threads: what each of them may miss, and how they know that they are done."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import sys
from array import array
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from runtime import Runtime, mark, mark_team, syspy, work_queue, workbufs
from runtime.handles import Handle
from runtime.knobs import Settings
from runtime.mark import Marker as MarkerState
from runtime.memstats import MemStats, read_mem_stats
from runtime.stats_check import check_mem_stats
from runtime.syspy import Failure
from tests.go_oracle import ROOT

# --- A model of the pool, and all its interleavings ------------------------------------------------------------------


class Marker(NamedTuple):
    place: str = "active"  # active; taken: has taken buffers that are still counted; idle; late: a mistake; found; done
    grey: int = 0  # objects in its queue
    taken: int = 0  # buffers that it has taken in, still counted


class State(NamedTuple):
    markers: tuple[Marker, ...]
    pending: int
    full: int  # buffers in the pool, of one object each
    fuel: int  # objects that may still be found

    def with_marker(self, number: int, marker: Marker, pending: int = 0, full: int = 0, fuel: int = 0) -> State:
        markers = (*self.markers[:number], marker, *self.markers[number + 1 :])
        return State(markers, self.pending + pending, self.full + full, self.fuel + fuel)


def steps(state: State, counts_itself_first: bool, waits_for_zero: bool) -> Iterator[State]:
    """What may happen next, one atomic instruction of one marker at a time."""
    full = state.full
    for number, marker in enumerate(state.markers):
        place, grey = marker.place, marker.grey
        if place == "active" and grey:
            yield state.with_marker(number, marker._replace(grey=grey - 1))
            if state.fuel:
                yield state.with_marker(number, marker, fuel=-1)  # one scanned, one found
                yield state.with_marker(number, marker._replace(grey=grey + 1), fuel=-1)
        if place == "active" and grey > 1:
            yield state.with_marker(number, marker._replace(grey=grey - 1), pending=1, full=1)
        if place == "active" and not grey and full:
            yield state.with_marker(number, Marker("taken", full, full), full=-full)
        if place == "taken":
            yield state.with_marker(number, marker._replace(taken=0, place="active"), pending=-marker.taken)
        if place == "active" and not grey and not full:
            yield state.with_marker(number, marker._replace(place="idle"), pending=-1)
        if place == "idle" and full:
            if counts_itself_first:
                yield state.with_marker(number, marker._replace(place="found"))
            else:  # wrong: takes, and counts itself when the buffers are no longer counted
                yield state.with_marker(number, Marker("late", full), pending=-full, full=-full)
        if place in ("found", "late"):  # by now another marker may have taken what was found
            yield state.with_marker(number, marker._replace(place="active"), pending=1)
        if place == "idle" and not full and (state.pending == 0 or not waits_for_zero):
            yield state.with_marker(number, marker._replace(place="done"))


def explore(grey: tuple[int, ...], fuel: int, counts_itself_first: bool = True, waits_for_zero: bool = True) -> str:
    """Go through all states that can be reached; what is wrong with one of them, or "" with none."""
    start = State(tuple(Marker(grey=count) for count in grey), len(grey), 0, fuel)
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        places = [marker.place for marker in state.markers]
        at_work = [marker for marker in state.markers if marker.grey]
        if "done" in places and (at_work or state.full):
            return f"WB1: a marker is done, and there is work: {state}"
        following = list(steps(state, counts_itself_first, waits_for_zero))
        if not following and set(places) != {"done"}:
            return f"no marker can go on: {state}"
        todo += [step for step in following if step not in seen]
        seen.update(following)
    return ""


@pytest.mark.parametrize("fuel", [0, 1, 4, 7])
@pytest.mark.parametrize("grey", [(0, 0), (1, 0), (0, 3), (2, 2), (3, 0, 0), (2, 0, 1)])
def test_markers_are_done_when_nothing_is_left_and_not_before(grey: tuple[int, ...], fuel: int) -> None:
    assert explore(grey, fuel) == ""


def test_the_model_sees_a_marker_that_counts_itself_too_late() -> None:
    assert explore((2, 0), 3, counts_itself_first=False).startswith("WB1")


def test_the_model_sees_a_marker_that_does_not_wait_for_the_others() -> None:
    assert explore((2, 0), 3, waits_for_zero=False).startswith("WB1")


# --- The markers themselves -----------------------------------------------------------------------------------------


@pytest.fixture(params=["python", "native"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def team_runtime(engine: str, procs: int, debug: str = "gccheckmark=1,heapcheck=1") -> Runtime:
    """A runtime that marks every heap, however small, by several threads."""
    runtime = Runtime(engine, gogc="off", procs=procs, debug=debug)
    describe_kinds(runtime)
    runtime.state.team.least_bytes = 0
    runtime.collect()  # asks for the threads
    while runtime.state.team.present < procs:
        os.sched_yield()
    return runtime


def describe_kinds(runtime: Runtime) -> None:
    """Types of every way to tell where the pointers are."""
    runtime.describe("pair", 16, pointers=[0, 8])
    runtime.describe("wide", 256, pointers=range(0, 256, 8))
    runtime.describe("headed", 1024, pointers=range(8, 1024, 64))
    runtime.describe("word", 8, pointers=[0])
    runtime.describe("blob", 48, pointers=[])
    runtime.describe("pointer", 8, pointers=[0])


def random_graph(runtime: Runtime, draw: random.Random, count: int) -> list[Handle]:
    """Objects of several kinds, with pointers to one another; handles of a few of them."""
    kinds = [runtime.types[name] for name in ("pair", "wide", "headed", "word", "blob")]
    pointer = runtime.types["pointer"]
    with runtime.scope() as scope:
        objects = [scope.new(draw.choice(kinds)) for _ in range(count)]
        arrays = [scope.new(pointer, draw.choice([100, 2000, 20_000])) for _ in range(3)]
        for source in objects:
            words = [at // 8 for at in source.type.pointers]
            for word in draw.sample(words, min(len(words), 3)):
                source[word] = draw.choice(objects)
        for array in arrays:
            for _ in range(200):
                array[draw.randrange(100)] = draw.choice(objects)
            array[array.words - 1] = scope.new(kinds[0])  # in the part that is handed over first
        return [scope.escape(chosen) for chosen in draw.sample(objects, 3)] + [scope.escape(arrays[0])]


@pytest.mark.parametrize("procs", [2, 3, 4])
def test_what_is_reachable_survives_and_nothing_else(engine: str, procs: int, seed: int) -> None:
    draw = random.Random(seed + procs)
    with team_runtime(engine, procs) as runtime:
        for _ in range(2):
            kept = random_graph(runtime, draw, 80 if engine == "python" else 3000)
            rounds = runtime.state.team.rounds
            expected = runtime.reachable_from(*kept)
            runtime.collect()
            assert {found.address for found in runtime.objects()} == expected
            assert runtime.state.team.rounds == rounds + 1
        assert runtime.state.marker.share.others == 0


def all_markers(runtime: Runtime) -> list[MarkerState]:
    """Those of all threads."""
    team = runtime.state.team
    return [runtime.state.marker, *(team.workers[number] for number in range(1, team.present))]


def wide_heap(runtime: Runtime, count: int) -> Handle:
    """An array of pointers to as many lists of three."""
    pair, pointer = runtime.types["pair"], runtime.types["pointer"]
    with runtime.scope() as scope:
        array = scope.new(pointer, count)
        for number in range(count):
            array[number] = last = scope.new(pair)
            for _ in range(2):
                last[0] = last = scope.new(pair)
        return scope.escape(array)


@pytest.mark.parametrize("procs", [2, 3])
def test_a_marker_with_much_to_do_hands_it_to_the_others(procs: int) -> None:
    with team_runtime("native", procs) as runtime:
        array = wide_heap(runtime, 30_000)
        for _ in range(20):
            runtime.collect()
        assert sum(marker.share.handed for marker in all_markers(runtime)) > 0
        assert len(list(runtime.objects())) == 90_001
        array.release()
        runtime.collect()
        assert list(runtime.objects()) == []


def twins_of(runtime: Runtime, size: int) -> list[int]:
    """The first words of the twins' lines."""
    return list((ctypes.c_uint64 * size).from_address(runtime.state.team.twins))


def test_what_was_marked_in_the_twins_comes_to_the_heaps_own_lines(engine: str) -> None:
    with team_runtime(engine, 2, debug="") as runtime:
        team, arenas = runtime.state.team, runtime.state.heap.arenas
        kept = runtime.new(runtime.types["pair"])
        assert mark_team.has_twins(team)
        own = (ctypes.c_uint64 * 128).from_address(arenas.mark_lines)
        twins = (ctypes.c_uint64 * 128).from_address(team.twins)
        before = list(own)
        for word, mine, theirs in [(3, 5, 3), (8 * 9, 0, 1 << 63), (8 * 9 + 7, 1, 1)]:
            own[word], twins[word], arenas.page_marks[word // 8] = mine, theirs, 1
        mark_team.merge_twins(arenas, team.twins)  # as CPython runs it, on the memory of either engine
        assert [own[word] for word in (3, 8 * 9, 8 * 9 + 7)] == [7, 1 << 63, 1]
        assert not any(twins)  # MT2
        own[:] = before
        kept.release()


def test_every_other_marker_sets_bits_in_the_twins(engine: str) -> None:
    with team_runtime(engine, 4, debug="") as runtime:
        runtime.collect()
        team, lines = runtime.state.team, runtime.state.heap.arenas.mark_lines
        assert [marker.mark_lines for marker in all_markers(runtime)] == [lines, team.twins, lines, team.twins]
        assert [team.workers[number].twin for number in (1, 2, 3)] == [
            (lines - team.twins) % (1 << 64),
            (team.twins - lines) % (1 << 64),
            (lines - team.twins) % (1 << 64),
        ]
        assert runtime.state.marker.twin == 0  # the lead marks alone until the next round


def test_the_twins_are_empty_between_rounds(seed: int) -> None:
    with team_runtime("native", 2) as runtime:
        kept = random_graph(runtime, random.Random(seed), 3000)
        for _ in range(5):
            runtime.collect()
            assert not any(twins_of(runtime, runtime.state.heap.arenas.extent >> 10))  # MT2
        assert kept


def test_the_twins_are_counted(engine: str) -> None:
    with Runtime(engine, gogc="off", procs=2) as runtime:
        runtime.new_bytes(1 << 20)
        state, before, after = runtime.state, MemStats(), MemStats()
        runtime._run(runtime._engine.call, read_mem_stats, state.g0, before)
        assert mark_team.has_twins(state.team)  # as CPython runs it, on the memory of either engine
        runtime._run(runtime._engine.call, read_mem_stats, state.g0, after)
        lines = -(-state.heap.arenas.first.zeroed_base // 8192 * 64 // 4096) * 4096
        assert (after.gc_sys - before.gc_sys, after.sys - before.sys) == (lines, lines)
        check_mem_stats(state)


def test_without_memory_for_the_twins_one_marks_alone(engine: str) -> None:
    with Runtime(engine, gogc="off", procs=2, debug="gccheckmark=1") as runtime:
        describe_kinds(runtime)
        kept = random_graph(runtime, random.Random(1), 50)
        expected = runtime.reachable_from(*kept)
        team, memory = runtime.state.team, runtime.state.heap.memory
        team.least_bytes = 0
        memory.refuse_at = memory.requests + 1
        memory.refuse_more = 1 << 30
        assert not mark_team.has_twins(team)
        memory.refuse_at = 0
        assert team.twins == 0
        runtime.collect()
        assert {found.address for found in runtime.objects()} == expected


def test_a_list_is_marked_by_one(engine: str) -> None:
    with team_runtime(engine, 2) as runtime:
        count = 100 if engine == "python" else 100_000
        pair = runtime.types["pair"]
        first = last = runtime.new(pair)
        with runtime.scope() as scope:
            for _ in range(count - 1):
                last[0] = following = scope.new(pair)
                last = following
        runtime.collect()
        assert [marker.share.handed for marker in all_markers(runtime)] == [0, 0]
        assert len(list(runtime.objects())) == count
        first.release()


def test_what_the_markers_have_taken_is_counted(engine: str) -> None:
    with team_runtime(engine, 3) as runtime:
        for marker in all_markers(runtime):
            assert workbufs.new_block(marker.share)
        check_mem_stats(runtime.state)  # as CPython runs it, on the memory of either engine
        wide_heap(runtime, 20)
        runtime.collect()
        check_mem_stats(runtime.state)


# --- Handing over ---------------------------------------------------------------------------------------------------

def entries_of(draw: random.Random, count: int) -> list[tuple[int, ...]]:
    """So many entries of a work queue."""
    addrs = [8 * draw.randrange(1, 1 << 40) for _ in range(count)]
    weights = draw.choice([(8, 1, 1), (1, 0, 0), (0, 0, 1)])
    flags = draw.choices([0, work_queue.OTHER, work_queue.REST], weights, k=count)
    rests = [(addr + 8 * draw.randrange(100), addr + 800) for addr in addrs]
    return [
        (*(rest if flag == work_queue.REST else ()), addr | flag)
        for addr, flag, rest in zip(addrs, flags, rests, strict=True)
    ]


def put(queue: work_queue.WorkQueue, entries: list[tuple[int, ...]]) -> None:
    """Put entries in an empty queue."""
    words = [word for entry in entries for word in entry]
    data = array("Q", words).tobytes()
    ctypes.memmove(queue.base, data, len(data))
    queue.top = queue.base + 8 * len(words)


def entries_in(queue: work_queue.WorkQueue) -> list[tuple[int, ...]]:
    """Take all entries out, the last first."""
    words = list((ctypes.c_uint64 * ((queue.top - queue.base) // 8)).from_address(queue.base))
    found = []
    while words:
        size = 3 if words[-1] & work_queue.REST else 1
        found.append(tuple(words[-size:]))
        del words[-size:]
    queue.top = queue.base
    return found


def test_no_entry_is_torn_or_lost_when_a_queue_is_halved(seed: int) -> None:
    draw = random.Random(seed)
    with Runtime("python") as runtime:
        marker, queue = runtime.state.marker, runtime.state.marker.queue
        handed = 0
        for count in [*range(1, 40), *(draw.randrange(40, 1300) for _ in range(30))]:
            entries = entries_of(draw, count)
            put(queue, entries)
            if not mark.can_hand_over(queue, queue.top):
                assert queue.top - queue.base < 8 * mark.LEAST_WORDS
                entries_in(queue)
                continue
            queue.top = mark.balance(marker, queue.top)
            kept = entries_in(queue)[::-1]
            assert mark.get_work(marker)
            given = entries_in(queue)[::-1]
            assert given + kept == entries  # the older part
            assert kept
            assert given
            handed += 1
        assert handed > 30
        marker.share.pool.pending = 0


def test_half_of_an_objects_rest_is_handed_over() -> None:
    with Runtime("python") as runtime:
        marker, queue = runtime.state.marker, runtime.state.marker.queue
        start, end = 1 << 30, (1 << 30) + mark.LEAST_REST
        put(queue, [(start, end, start | work_queue.REST), (8,)])
        assert mark.can_hand_over(queue, queue.top)
        assert mark.balance(marker, queue.top) == queue.top
        [small, (kept_start, kept_end, _)] = entries_in(queue)
        assert mark.get_work(marker)
        [(given_start, given_end, addr)] = entries_in(queue)
        assert small == (8,)
        assert (kept_start, kept_end, given_start, given_end) == (start, given_start, kept_end, end)
        assert (kept_end - start, addr) == ((end - start) // 2, start | work_queue.REST)
        put(queue, [(start, end - 8, start | work_queue.REST), (8,)])
        assert not mark.can_hand_over(queue, queue.top)
        entries_in(queue)
        marker.share.pool.pending = 0


def test_all_buffers_in_the_pool_are_taken_in() -> None:
    with Runtime("python") as runtime:
        marker, queue = runtime.state.marker, runtime.state.marker.queue
        for number in range(3):
            put(queue, [(8 * number + 8,)])
            assert workbufs.hand_over(marker.share, queue.base, queue.top)
            entries_in(queue)
        marker.share.pool.pending += 1
        assert mark.get_work(marker)
        assert marker.share.pool.pending == 1
        assert sorted(entries_in(queue)) == [(8,), (16,), (24,)]
        assert not mark.get_work(marker)
        marker.share.pool.pending = 0


def test_a_buffer_counts_before_it_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    pending_when_handed = []
    with Runtime("python") as runtime:
        share, queue = runtime.state.marker.share, runtime.state.marker.queue

        def cas_at(kind: type, at: int, old: int, new: int) -> bool:
            pending_when_handed.append(share.pool.pending)
            return syspy.cas_at(kind, at, old, new)

        monkeypatch.setattr(workbufs, "cas_at", cas_at)
        share.pool.pending = 2
        for _ in range(3):
            assert workbufs.hand_over(share, queue.base, queue.base + 8)
        share.pool.pending, share.pool.full = 0, 0
    assert pending_when_handed == [3, 4, 5]


@pytest.mark.parametrize("refused_at", [1, 2, 3])
def test_without_memory_to_hand_work_over_all_is_marked(engine: str, refused_at: int, seed: int) -> None:
    with team_runtime(engine, 2, debug="") as runtime:
        draw = random.Random(seed)
        kept = random_graph(runtime, draw, 80 if engine == "python" else 3000)
        expected = runtime.reachable_from(*kept)
        memory = runtime.state.heap.memory
        memory.refuse_at = memory.requests + refused_at
        memory.refuse_more = 1 << 30
        runtime.collect(sweep=False)
        memory.refuse_at = 0
        runtime.collect()
        assert {found.address for found in runtime.objects()} == expected


def test_what_a_marker_has_no_room_for_is_found_again() -> None:
    with Runtime("python") as runtime:
        marker, queue = runtime.state.marker, runtime.state.marker.queue
        put(queue, [(8 * number + 8,) for number in range(200)])
        assert workbufs.hand_over(marker.share, queue.base, queue.top)
        queue.top = queue.brim
        memory = runtime.state.heap.memory
        memory.refuse_at = memory.requests + 1
        assert mark.get_work(marker)
        assert queue.has_overflowed
        queue.top, queue.has_overflowed, memory.refuse_at = queue.base, False, 0
        marker.share.pool.pending = 0


def test_what_a_worker_has_lost_the_lead_finds_again() -> None:
    with team_runtime("native", 2, debug="") as runtime:
        team, lead = runtime.state.team, runtime.state.marker
        team.workers[1].queue.has_overflowed = True
        mark_team.gather(team, lead, team.workers[1])
        assert lead.queue.has_overflowed
        lead.queue.has_overflowed = team.workers[1].queue.has_overflowed = False


def test_a_small_heap_is_marked_alone() -> None:
    with Runtime(procs=2) as runtime:
        runtime.new_bytes(1000)
        runtime.collect()
        assert (runtime.state.team.present, runtime.state.team.rounds) == (1, 0)


def test_one_processor_marks_alone(engine: str) -> None:
    with Runtime(engine) as runtime:
        runtime.state.team.least_bytes = 0
        runtime.collect()
        assert (runtime.state.team.present, runtime.state.team.rounds) == (1, 0)


def test_a_marker_that_fails_fails_the_collection() -> None:
    runtime = team_runtime("native", 2, debug="")
    array = runtime.new(runtime.types["pointer"], 1 << 20)
    freed = runtime.new_bytes(100_000)
    runtime.new_bytes(100)
    array[(1 << 20) - 1] = bad = freed.address
    array[0] = bad
    freed.release()
    runtime.state.heap.arenas.table[bad >> 26].spans[(bad >> 13) % 8192].state = 0
    with pytest.raises(Failure, match="MK1: found bad pointer"):
        runtime.collect()
    runtime.close()


def test_a_program_is_marked_on_all_its_processors() -> None:
    program = ROOT / "examples" / "binary_trees.toy"
    environment = {**os.environ, "GOMAXPROCS": "2", "GODEBUG": "gctrace=1"}
    command = [sys.executable, "-m", "lang.toyrun", str(program), "18"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    alone = subprocess.run(command, env={**environment, "GOMAXPROCS": "1"}, capture_output=True, text=True, check=True)
    assert run.stdout == alone.stdout
    assert "2 P" in run.stderr.splitlines()[-1]


def test_settings_of_an_embedder_are_for_one_thread() -> None:
    assert Settings().gomaxprocs == 1
