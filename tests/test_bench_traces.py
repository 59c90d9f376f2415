"""Traces: decoding against a slow decoder, the replay against what it wrote, the players. No test looks at a time."""

from __future__ import annotations

import lzma
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import addressof, c_uint64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench import replay
from bench.figures import GO, TOY
from bench.harness import CommandFailed
from bench.trace_players import ROOTS as REPLAY_ROOTS
from bench.trace_players import (
    SAMPLES,
    Player,
    ProgramPlayer,
    ToyPlayer,
    Trace,
    decoded,
    go_player,
    malloc_players,
    replay_image,
)
from bench.traces import COLD, MEMORY, TRACES, WARM, groups, measure, trace_name, trace_paths
from runtime.collect import gc
from runtime.heap import Runtime, close_runtime, new_runtime
from runtime.knobs import Settings
from runtime.syspy import Array, Failure, array_at, store, u64
from tests.runtime.engines import Engine, engine, seed

pytestmark = pytest.mark.full  # what measures is for the full run

__all__ = ["engine", "seed"]

COUNTER_SLACK = 512 << 10  # bytes that the kernel's count of resident memory may be behind

ROOTS = [*REPLAY_ROOTS, new_runtime, close_runtime, gc]

# Operations as a test writes them: malloc and calloc have a size, free an object's number, realloc both.
Operation = tuple[Any, ...]


def varint(n: int) -> bytes:
    text = bytearray()
    while n > 0x7F:
        text.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*text, n])


def encoded(operations: list[Operation]) -> bytes:
    """A trace."""
    text, objects = b"", 0
    for name, *values in operations:
        if name in ("malloc", "calloc"):
            text += varint(values[0] << 2 | (3 if name == "calloc" else 0))
            objects += 1
        else:
            text += varint((objects - 1 - values[0]) << 2 | (2 if name == "realloc" else 1))
            text += varint(values[1]) if name == "realloc" else b""
    return text


def random_operations(count: int, seed: int) -> list[Operation]:
    """Operations that fit together; sizes around every limit of the allocator."""
    chosen = random.Random(seed)
    sizes = [0, 1, 7, 8, 15, 16, 24, 100, 512, 1000, 1024, 4097, 9000, 32760, 32761, 70000]
    operations: list[Operation] = []
    alive: list[int] = []
    objects = 0
    for _ in range(count):
        kind = chosen.choice(["malloc", "malloc", "calloc", "free", "realloc"])
        if kind in ("malloc", "calloc"):
            operations.append((kind, chosen.choice(sizes)))
            alive.append(objects)
            objects += 1
        elif alive and kind == "free":
            operations.append((kind, alive.pop(chosen.randrange(len(alive)))))
        elif alive:
            operations.append((kind, chosen.choice(alive), chosen.choice(sizes)))
    return operations


def slowly_decoded(data: bytes) -> Iterator[Operation]:
    """The operations of a trace, by the description in bench/traces/README.md."""
    numbers: list[int] = []
    shift = value = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            shift = value = 0
    objects, following = 0, iter(numbers)
    for first in following:
        match first & 3:
            case 0 | 3:
                yield "malloc" if first & 3 == 0 else "calloc", first >> 2
                objects += 1
            case 1:
                yield "free", objects - 1 - (first >> 2)
            case 2:
                yield "realloc", objects - 1 - (first >> 2), next(following)


def told(trace: Trace) -> Iterator[Operation]:
    """The operations that decoded words stand for, with the objects' numbers."""
    words = iter(trace.ops[: trace.words])
    in_slot: dict[int, int] = {}
    objects = 0
    for word in words:
        kind, slot, size = word & 3, word >> 2 & (1 << 30) - 1, word >> 32
        if kind == replay.MALLOC:
            in_slot[slot] = objects
            objects += 1
            yield "malloc", size
        elif kind == replay.FREE:
            yield "free", in_slot.pop(slot)
        else:
            if kind == replay.GROW:
                next(words)
            yield "realloc", in_slot[slot], size


def check_decoded(trace: Trace, operations: list[Operation]) -> None:
    expected = [("malloc", *rest) if name == "calloc" else (name, *rest) for name, *rest in operations]
    assert list(told(trace)) == expected
    assert trace.operations == len(operations)
    assert trace.objects == sum(name == "malloc" for name, *_ in expected)
    live = peak = most = 0
    alive: dict[int, int] = {}
    after = []
    for number, (name, *values) in enumerate_objects(expected):
        match name:
            case "malloc":
                alive[number] = values[0]
                live += values[0]
            case "free":
                live -= alive.pop(values[0])
            case _:
                live += values[1] - alive[values[0]]
                alive[values[0]] = values[1]
        peak, most = max(peak, live), max(most, len(alive))
        after.append(live)
    step = max(1, len(operations) // SAMPLES)
    assert trace.live == after[step - 1 :: step]
    assert trace.ends == ends_of_operations(list(trace.ops[: trace.words]))[step - 1 :: step]
    assert (trace.live_peak, trace.slots) == (peak, most)


def ends_of_operations(words: list[int]) -> list[int]:
    """How many words there are up to each operation, and with it."""
    ends, at = [], 0
    while at < len(words):
        at += 2 if words[at] & 3 == replay.GROW else 1
        ends.append(at)
    return ends


def enumerate_objects(operations: list[Operation]) -> Iterator[tuple[int, Operation]]:
    """Each operation with the number that an object allocated by it has."""
    objects = 0
    for operation in operations:
        yield objects, operation
        objects += operation[0] == "malloc"


# --- Decoding ---


def test_decoding_random_traces(engine: Engine, seed: int) -> None:
    operations = random_operations(300, seed)
    data = encoded(operations)
    assert list(slowly_decoded(data)) == operations
    check_decoded(decoded(data, engine.call), operations)


def test_an_empty_trace(engine: Engine) -> None:
    trace = decoded(b"", engine.call)
    assert (trace.words, trace.operations, trace.slots, trace.live_peak) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", ["git", "lua"])
def test_decoding_real_traces(name: str) -> None:
    data = lzma.decompress((TRACES / f"{name}.trace.xz").read_bytes())
    check_decoded(decoded(data, replay_image().call), list(slowly_decoded(data)))


@pytest.mark.parametrize(
    ("sizes", "capacities"),
    [
        ([10, 11, 24, 25], [10, 24, 48]),  # twice as much, up to what the size class has
        ([300, 301], [300, 576]),  # from 256 on by a quarter and 192: 567
        ([10, 500], [10, 512]),  # more than twice: what is asked for
        ([100, 0, 100, 101], [100, 208]),  # what shrank keeps its room
    ],
)
def test_realloc_grows_as_append_does(engine: Engine, sizes: list[int], capacities: list[int]) -> None:
    """The capacities are those of Go's append; each is seen when the next growth tells it."""
    sizes = [*sizes, capacities[-1] + 1]
    trace = decoded(encoded([("malloc", sizes[0]), *(("realloc", 0, size) for size in sizes[1:])]), engine.call)
    words = list(trace.ops[: trace.words])
    grown = [words[i + 1] >> 32 for i, word in enumerate(words[:-1]) if is_grow(words, i)]
    assert grown == capacities


def is_grow(words: list[int], i: int) -> bool:
    """Whether word i is a growth, and not the second word of one."""
    return i in [0, *ends_of_operations(words)] and words[i] & 3 == replay.GROW


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (varint(8 << 2) + varint(1 << 2 | 1), "RP1: an object that was not allocated yet"),
        (varint(8 << 2) + varint(0 << 2 | 1) * 2, "RP1: an object that is not alive"),
        (varint(1 << 34), "RP1: an object too large"),
        (varint(8 << 2) + varint(0 << 2 | 2), "RP2: the trace ends within an operation"),
        (b"\x80", "RP2: the trace ends within an operation"),
        (b"\xff" * 20 + b"\x01", "RP2: the trace ends within an operation"),
    ],
)
def test_what_is_no_trace_is_refused(engine: Engine, data: bytes, message: str) -> None:
    with pytest.raises(Failure, match=message):
        decoded(data, engine.call)


ROW = re.compile(r"^\| (\w+) \| [^|]+ \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", re.MULTILINE)


def test_every_trace_is_what_its_description_says() -> None:
    call = replay_image().call
    rows = {name: [int(text.replace(",", "")) for text in rest] for name, *rest in ROW.findall(readme())}
    assert set(rows) == {trace_name(path) for path in trace_paths()}
    for path in trace_paths():
        trace = decoded(lzma.decompress(path.read_bytes()), call)
        assert [trace.operations, trace.objects, trace.live_peak] == rows[trace_name(path)], path


def readme() -> str:
    return (TRACES / "README.md").read_text("utf-8")


# --- Playing ---


@dataclass
class Checked:
    """A trace that was played with all checks, and is still there."""

    state: Runtime
    slots: Array[u64]
    sizes: Any  # what each slot's object should be: bytes
    tags: Any  # and its first word
    checked: int  # objects looked at

    def living(self, engine: Engine, n: int) -> int:
        """How many objects are alive, all of them checked."""
        return int(engine.call(replay.check_living, self.slots, words_at(self.sizes), words_at(self.tags), n))


def words_at(where: Any) -> Array[u64]:
    """Words, of an array of ctypes or at an address, as both engines take them."""
    return array_at(u64, where if isinstance(where, int) else addressof(where))


@contextmanager
def played(engine: Engine, trace: Trace, debug: str = "") -> Iterator[Checked]:
    """Play a trace with all checks."""
    state = Runtime.at(engine.call(new_runtime, 100, 1 << 20))
    try:
        Settings.parsed("", debug).apply(state)
        slots = words_at(engine.call(replay.new_slots, state.g0, trace.slots))
        sizes, tags = (c_uint64 * (trace.slots + 1))(), (c_uint64 * (trace.slots + 1))()
        ops = words_at(trace.ops)
        checked = engine.call(replay.replay_checked, state.g0, ops, trace.words, slots, words_at(sizes), words_at(tags))
        yield Checked(state, slots, sizes, tags, checked)
    finally:
        engine.call(close_runtime, state)


STRESS = "gcstress=3,clobberfree=1,gccheckmark=1"  # what is freed is overwritten


def test_the_replay_finds_what_it_wrote(engine: Engine, seed: int) -> None:
    operations = random_operations(200, seed)
    trace = decoded(encoded(operations), engine.call)
    with played(engine, trace, STRESS) as run:
        assert run.state.gc.stress_collections > 10
        assert run.checked == sum(name in ("free", "realloc") for name, *_ in operations)
        allocated = sum(name in ("malloc", "calloc") for name, *_ in operations)
        assert run.living(engine, trace.slots) == allocated - sum(name == "free" for name, *_ in operations)


def test_an_object_that_changed_is_noticed(engine: Engine) -> None:
    trace = decoded(encoded([("malloc", 64), ("malloc", 3), ("malloc", 0)]), engine.call)
    with played(engine, trace) as run:
        assert run.living(engine, trace.slots) == 3
        store(u64, run.slots[0], 12345)
        with pytest.raises(Failure, match="RP3: an object has lost its first word"):
            run.living(engine, trace.slots)


def test_an_object_that_is_collected_too_early_is_noticed(engine: Engine) -> None:
    """The slots are taken away from the roots; their words are kept aside, to look where they point."""
    trace = decoded(encoded([("malloc", 64)] * 50), engine.call)
    with played(engine, trace, STRESS) as run:
        aside = (c_uint64 * trace.slots)(*(run.slots[i] for i in range(trace.slots)))
        run.state.g0.shadow_top = run.state.g0.shadow_base
        engine.call(gc, run.state.g0)
        run.slots = words_at(aside)
        with pytest.raises(Failure, match="RP3: an object has lost its first word"):
            run.living(engine, trace.slots)


def test_a_real_trace_with_all_checks() -> None:
    """Some twenty collections by the heap's growth, and no object lost."""
    image = replay_image()
    trace = decoded(lzma.decompress((TRACES / "git.trace.xz").read_bytes()), image.call)
    g = image.call(new_runtime, 100, 1 << 20)
    slots = image.call(replay.new_slots, g, trace.slots)
    sizes, tags = (c_uint64 * trace.slots)(), (c_uint64 * trace.slots)()
    checked = image.call(replay.replay_checked, g, trace.ops, trace.words, slots, sizes, tags)
    collections = Runtime.at(g).gc.num_gc
    image.call(close_runtime, g)
    assert checked > 60_000
    assert collections > 10


# --- The sides ---


def sides() -> dict[str, Player]:
    """All that can take part here."""
    players: dict[str, Player] = {TOY: ToyPlayer(replay_image())}
    if go := go_player():
        players[GO] = go
    return players | {name: found for name, found in malloc_players().items() if isinstance(found, ProgramPlayer)}


def test_all_sides_play_a_trace() -> None:
    """A list of live objects of 8 MB in all: every side needs at least so much, and none twenty times as much."""
    operations: list[Operation] = [("malloc", 1000)] * 8000 + [("realloc", n, 1050) for n in range(0, 8000, 10)]
    operations += [("realloc", 5, 40), ("free", 7), ("calloc", 3), ("realloc", 8000, 100), ("malloc", 0)]
    trace = decoded(encoded(operations), replay_image().call)
    for name, player in sides().items():
        run = player.play(trace, 3, True)
        assert len(run.times) == 3
        assert min(run.times) > 0
        assert trace.live_peak < 1.1 * run.grown < 20 * trace.live_peak, name
        assert len(run.resident) == len(trace.ends) == len(trace.live) >= SAMPLES
        pairs = list(zip(trace.live, run.resident, strict=True))
        assert all(live < 1.1 * grown + COUNTER_SLACK for live, grown in pairs), (name, pairs)
        assert run.resident[2] < run.resident[-1] / 4, name
        assert player.play(trace, 1, False).resident == []


def test_the_report() -> None:
    operations: list[Operation] = [("malloc", 3 << 20)]
    operations += [op for n in range(1000) for op in (("malloc", 3000), ("free", n + 1))]
    trace = decoded(encoded(operations), replay_image().call)
    players = sides()
    results = [measure(name, trace, players, 1) for name in ("one", "other")]
    tables = groups(results, True)
    assert list(tables) == [COLD, WARM, MEMORY]
    for lines in (group.lines for group in tables.values()):
        assert [line.name for line in lines] == ["one", "other", "geometric mean"]
        assert [line.goal is None for line in lines] == [True, True, False]
        assert all(set(line.sides) == set(players) for line in lines)
    for measured in results:
        assert set(measured.course()) == {"live", *players}
        assert measured.course()["live"][-1] == pytest.approx(3, abs=0.01), "MiB"
    assert groups(results, False)[WARM].lines[-1].goal is None


def test_a_player_that_fails_is_no_measurement() -> None:
    trace = decoded(encoded([("malloc", 1)]), replay_image().call)
    with pytest.raises(CommandFailed, match="exit code 1"):
        ProgramPlayer(Path("/bin/false")).play(trace, 1, False)
