"""Marking by several threads: what each of them may miss, and how they know that they are done."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from runtime import Runtime, letters, syspy
from runtime.handles import Handle
from runtime.knobs import Settings
from runtime.letters import REGION_SHIFT
from runtime.mark_team import largest_power
from runtime.stats_check import check_mem_stats
from runtime.syspy import Failure
from tests.go_oracle import ROOT

# --- A model of the post, and all its interleavings -----------------------------------------------------------------


class Marker(NamedTuple):
    place: str = "active"  # active; taken: has read letters that are still counted; idle; late: a mistake; done
    grey: int = 0  # objects in its queue
    unread: int = 0  # letters in its inbox
    taken: int = 0  # letters that it has read, still counted


class State(NamedTuple):
    markers: tuple[Marker, ...]
    pending: int
    fuel: int  # objects that may still be found

    def with_marker(self, number: int, marker: Marker, pending: int = 0, fuel: int = 0) -> State:
        markers = (*self.markers[:number], marker, *self.markers[number + 1 :])
        return State(markers, self.pending + pending, self.fuel + fuel)


def steps(state: State, counts_itself_first: bool, waits_for_zero: bool) -> Iterator[State]:
    """What may happen next, one atomic instruction of one marker at a time."""
    for number, marker in enumerate(state.markers):
        other = 1 - number
        if marker.place == "active" and marker.grey:
            scanned = marker._replace(grey=marker.grey - 1)
            yield state.with_marker(number, scanned)
            if state.fuel:
                yield state.with_marker(number, marker, fuel=-1)  # one found, one of its own
                sent = state.with_marker(number, scanned, pending=1, fuel=-1)
                receiver = sent.markers[other]
                yield sent.with_marker(other, receiver._replace(unread=receiver.unread + 1))
        if marker.place == "active" and marker.unread:
            read = marker._replace(grey=marker.grey + marker.unread, unread=0, taken=marker.unread, place="taken")
            yield state.with_marker(number, read)
        if marker.place == "taken":
            yield state.with_marker(number, marker._replace(taken=0, place="active"), pending=-marker.taken)
        if marker.place == "active" and not marker.grey and not marker.unread:
            yield state.with_marker(number, marker._replace(place="idle"), pending=-1)
        if marker.place == "idle" and marker.unread:
            if counts_itself_first:
                yield state.with_marker(number, marker._replace(place="active"), pending=1)
            else:  # wrong: reads, and counts itself when the letters are no longer counted
                read = marker._replace(grey=marker.unread, unread=0, place="late")
                yield state.with_marker(number, read, pending=-marker.unread)
        if marker.place == "late":
            yield state.with_marker(number, marker._replace(place="active"), pending=1)
        if marker.place == "idle" and not marker.unread and (state.pending == 0 or not waits_for_zero):
            yield state.with_marker(number, marker._replace(place="done"))


def explore(grey: tuple[int, int], fuel: int, counts_itself_first: bool = True, waits_for_zero: bool = True) -> str:
    """Go through all states that can be reached; what is wrong with one of them, or "" with none."""
    start = State(tuple(Marker(grey=count) for count in grey), 2, fuel)
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        places = [marker.place for marker in state.markers]
        work = sum(marker.grey + marker.unread for marker in state.markers)
        if "done" in places and work:
            return f"LT1: a marker is done, and there is work: {state}"
        following = list(steps(state, counts_itself_first, waits_for_zero))
        if not following and places != ["done", "done"]:
            return f"no marker can go on: {state}"
        todo += [step for step in following if step not in seen]
        seen.update(following)
    return ""


@pytest.mark.parametrize("fuel", [0, 1, 4, 7])
@pytest.mark.parametrize("grey", [(0, 0), (1, 0), (0, 3), (2, 2)])
def test_markers_are_done_when_nothing_is_left_and_not_before(grey: tuple[int, int], fuel: int) -> None:
    assert explore(grey, fuel) == ""


def test_the_model_sees_a_marker_that_counts_itself_too_late() -> None:
    assert explore((2, 0), 3, counts_itself_first=False).startswith("LT1")


def test_the_model_sees_a_marker_that_does_not_wait_for_the_others() -> None:
    assert explore((2, 0), 3, waits_for_zero=False).startswith("LT1")


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
    """Objects of several kinds in several regions, with pointers to one another; handles of a few of them."""
    kinds = [runtime.types[name] for name in ("pair", "wide", "headed", "word", "blob")]
    pointer = runtime.types["pointer"]
    with runtime.scope() as scope:
        objects = []
        for number in range(count):
            objects.append(scope.new(draw.choice(kinds)))
            if number % (count // 4) == 0:
                scope.new_bytes(1 << REGION_SHIFT)  # garbage: what follows has another owner
        arrays = [scope.new(pointer, draw.choice([100, 2000, 20_000])) for _ in range(3)]
        for source in objects:
            words = [at // 8 for at in source.type.pointers]
            for word in draw.sample(words, min(len(words), 3)):
                source[word] = draw.choice(objects)
        for array in arrays:
            for _ in range(200):
                array[draw.randrange(100)] = draw.choice(objects)
            array[array.words - 1] = scope.new(kinds[0])  # in the share of the last marker
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
        assert runtime.state.marker.mail.others == 0


def test_what_the_markers_have_taken_is_counted(engine: str, seed: int) -> None:
    with team_runtime(engine, 3) as runtime:
        draw = random.Random(seed)
        kept = random_graph(runtime, draw, 80 if engine == "python" else 3000)
        runtime.collect()
        team = runtime.state.team
        markers = [runtime.state.marker, *(team.workers[number] for number in range(1, team.present))]
        assert sum(marker.mail.block_count for marker in markers) > 0, kept
        check_mem_stats(runtime.state)  # as CPython runs it, on the memory of either engine


def test_each_page_belongs_to_one_marker() -> None:
    assert 1 << REGION_SHIFT >= 8192


@pytest.mark.parametrize(("n", "power"), [(1, 1), (2, 2), (3, 2), (4, 4), (7, 4), (8, 8)])
def test_a_team_is_a_power_of_two(n: int, power: int) -> None:
    assert largest_power(n) == power


def test_a_letter_counts_before_it_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pending_when_posted = []
    with Runtime("python") as runtime:
        mail = runtime.state.marker.mail

        def cas_at(kind: type, at: int, old: int, new: int) -> bool:
            pending_when_posted.append(mail.post.pending)
            return syspy.cas_at(kind, at, old, new)

        monkeypatch.setattr(letters, "cas_at", cas_at)
        mail.others, mail.post.pending = 1, 2
        for n in range(3):
            letters.send_pointer(mail, 1, 16 * n + 16)
            letters.post_all(mail)
        mail.others, mail.post.pending = 0, 0
    assert pending_when_posted == [3, 4, 5]


@pytest.mark.parametrize("fixed", [None, 2955096614])  # with the other one a root's letter was lost
def test_letters_that_get_no_memory_are_made_good(engine: str, fixed: int | None, seed: int) -> None:
    with team_runtime(engine, 2, debug="") as runtime:
        draw = random.Random(seed if fixed is None else fixed)
        kept = random_graph(runtime, draw, 80 if engine == "python" else 3000)
        expected = runtime.reachable_from(*kept)
        memory = runtime.state.heap.memory
        memory.refuse_at = memory.requests + 1
        memory.refuse_more = 1 << 30
        runtime.collect(sweep=False)
        memory.refuse_at = 0
        lost = [marker.mail.was_refused for marker in (runtime.state.marker, runtime.state.team.workers[1])]
        assert any(lost)
        runtime.collect()
        assert {found.address for found in runtime.objects()} == expected


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
