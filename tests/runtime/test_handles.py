"""Handles, scopes and tables of roots."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import pytest

from runtime import Closed, Handle, Runtime


def alive(runtime: Runtime) -> int:
    """How many objects a collection leaves."""
    runtime.collect()
    return runtime.stats().heap_objects


# --- Words and bytes ---


def test_words_one_by_one_and_in_slices(runtime: Runtime) -> None:
    record = runtime.new(runtime.describe("record", 32, pointers=[8]), 2)
    assert (record.size, record.words) == (64, 8)
    record[0], record[2] = 5, (1 << 64) - 1
    assert record[0:4] == [5, 0, (1 << 64) - 1, 0]
    record[2:4] = [7, 8]
    record[4:6] = (9, record)
    assert record[:] == [5, 0, 7, 8, 9, record.address, 0, 0] == list(record)
    assert record[6:] == record[8:] + [0, 0]


def test_a_pointer_word_takes_a_handle_nil_or_an_address(runtime: Runtime) -> None:
    node = runtime.describe("node", 24, pointers=[0, 16])
    head, tail = runtime.new(node), runtime.new(node)
    head[0], head[2] = tail, tail.interior(16)
    tail.release()
    assert alive(runtime) == 2
    assert head.target(0) == head.target(2) != head
    head[0] = head[2] = None
    assert head.target(0) is None
    assert alive(runtime) == 1
    head[0] = 0


def test_objects_without_bytes_can_be_pointed_to(runtime: Runtime) -> None:
    node, nothing = runtime.describe("node", 8, [0]), runtime.describe("nothing", 0)
    head, empty = runtime.new(node), runtime.new(nothing)
    head[0] = empty.address
    head[0] = empty
    assert head.target(0) == empty
    assert empty.address == runtime.new_bytes(0).address == runtime.new(node, 0).address == head[0]
    assert empty.read() == b""
    assert alive(runtime) == 1


def test_bytes(runtime: Runtime) -> None:
    data = runtime.new_bytes(b"hello world")
    assert data.read() == b"hello world"
    assert data.read(6) == b"world"
    assert data.read(0, 5) == b"hello"
    data.write(6, bytearray(b"WORLD"))
    data.write(11, b"")
    assert (data.read(), data.size, data.words) == (b"hello WORLD", 11, 1)
    record = runtime.new(runtime.describe("record", 24, [8]))
    record.write(16, b"12345678")
    record.write(0, memoryview(b"abcdefgh"))
    assert record.read() == b"abcdefgh" + bytes(8) + b"12345678"


def test_words_that_are_not_aligned(runtime: Runtime) -> None:
    for size in (1, 12, 12, 2, 12):
        data = runtime.new_bytes(size)
        if data.words:
            data[0] = 0x0102030405060708
            assert data[0] == 0x0102030405060708 == data.get("u64", 0)


def test_numbers_by_kind(runtime: Runtime) -> None:
    record = runtime.new(runtime.describe("record", 24, [16]))
    for kind, value in [("u8", 255), ("i8", -128), ("u32", 7), ("i64", -(1 << 63)), ("f32", 0.5), ("f64", -math.inf)]:
        record.put(kind, 3, value)
        assert record.get(kind, 3) == value
    record.put("f64", 0, 3)
    assert record.get("f64", 0) == 3.0


# --- Life ---


def test_what_python_drops_is_released(runtime: Runtime) -> None:
    kept = [runtime.new_bytes(16) for _ in range(200)]
    assert alive(runtime) == 200
    del kept[50:]
    assert alive(runtime) == 50
    cycle: list[object] = [runtime.new_bytes(16)]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert alive(runtime) == 50


def test_numbers_of_handles_are_used_again(runtime: Runtime) -> None:
    for _ in range(3000):
        runtime.new_bytes(16).release()
    assert runtime.state.roots.capacity == 512
    kept = [runtime.new_bytes(16) for _ in range(600)]
    assert runtime.state.roots.capacity == 1024
    assert alive(runtime) == 600
    for handle in kept[::3]:
        handle.release()
        handle.release()
    assert alive(runtime) == 400


def test_handles_of_one_object_are_equal(runtime: Runtime) -> None:
    one, other = runtime.new_bytes(64), runtime.new_bytes(64)
    again = runtime.hold(one.address)
    inside = runtime.hold(one.interior(63))
    assert one == again == inside != other
    assert len({one, again, inside, other}) == 2
    one.release()
    assert alive(runtime) == 2
    again.release()
    inside.release()
    assert alive(runtime) == 1
    assert repr(one) == "<handle, released>"


def test_a_copied_handle_is_one_of_its_own(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, [0])
    handle = runtime.new(node)
    copied = copy.copy(handle)
    assert (copied, copied.type) == (handle, node)
    handle.release()
    others = [runtime.new(node) for _ in range(10)]
    runtime.collect()
    assert runtime.stats().heap_objects == 11
    copied.release()
    runtime.collect()
    assert runtime.stats().heap_objects == len(others)
    with pytest.raises(Closed):
        copy.copy(handle)


@pytest.mark.parametrize("use", [copy.deepcopy, pickle.dumps])
def test_what_leads_to_a_runtime_is_not_pickled(runtime: Runtime, use: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="a handle cannot be pickled"):
        use(runtime.new_bytes(8))
    with pytest.raises(TypeError, match="a runtime cannot be copied or pickled"):
        use(runtime)
    with pytest.raises(TypeError, match="a runtime cannot be copied or pickled"):
        copy.copy(runtime)


def test_a_held_object_has_the_type_that_the_heap_knows(runtime: Runtime) -> None:
    wide = runtime.describe("wide", 600, [8, 592])
    small = runtime.describe("small", 24, [8])
    for typ, count in ((wide, 1), (wide, 100)):
        held = runtime.hold(runtime.new(typ, count).address)
        assert held.type is typ
    held = runtime.hold(runtime.new(small).address)
    assert (held.type.name, held.type.pointers, held.size) == ("", (8,), 24)
    held[1] = held
    with pytest.raises(ValueError, match="bytes 4 to 12 are in part the pointer word 1"):
        held.write(4, bytes(8))
    assert runtime.hold(runtime.new_bytes(100).address).type.name == "bytes"


# --- Scopes ---


def test_a_scope_releases_what_was_made_in_it(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, [0])
    outside = runtime.new(node)
    with runtime.scope() as scope:
        first, second = scope.new(node), scope.new_bytes(b"text")
        outside[0] = first
        scope.hold(outside[0])
        added = scope.add(runtime.new(node, 3))
        kept = scope.escape(scope.new(node))
        assert len(scope) == 4
        assert alive(runtime) == 5
    assert alive(runtime) == 3
    assert kept.address
    assert outside[0]
    for handle in (first, second, added):
        with pytest.raises(Closed, match="the handle was released"):
            handle.address  # noqa: B018
    with pytest.raises(Closed, match="the scope has ended"):
        scope.new(node)
    with pytest.raises(ValueError, match="is not of this scope"):
        scope.escape(kept)
    assert alive(runtime) == 3


def test_scopes_nest_and_end_by_exceptions(runtime: Runtime) -> None:

    def leave() -> None:
        with runtime.scope() as outer, runtime.scope() as inner:
            inner.new_bytes(outer.new_bytes(8).size)
            raise LookupError

    with pytest.raises(LookupError):
        leave()
    assert alive(runtime) == 0


# --- Tables of roots ---


@pytest.mark.parametrize("length", [1, 8, 63, 64, 1000])
def test_every_word_of_a_table_is_a_root(runtime: Runtime, length: int) -> None:
    node = runtime.describe("node", 16, [0])
    table = runtime.roots(length)
    assert len(table) == length
    for i in {0, length // 2, length - 1}:
        table.new(i, node)
        runtime.hold(table[i])[1] = i
    count = len({0, length // 2, length - 1})
    assert alive(runtime) == count
    last = table.target(length - 1)
    assert last is not None
    assert last[1] == length - 1
    table[0] = last
    table.clear(1)
    assert table[0] == last.address
    last.release()
    assert alive(runtime) == 1
    table.clear()
    assert alive(runtime) == 0
    assert table.target(0) is None


def test_tables_may_be_many(runtime: Runtime) -> None:
    tables = [runtime.roots(3) for _ in range(5)]
    for table in tables:
        table[1] = runtime.new_bytes(16)
    tables[2][1] = 0
    assert alive(runtime) == 4


class Interrupt(Exception):
    """What the handler of a signal raises."""


def drop_until(runtime: Runtime, sent: list[int], count: int) -> None:
    """Make handles and drop them until so many signals were sent, one of them from now on."""
    signal.setitimer(signal.ITIMER_REAL, 0.0002)
    while len(sent) < count:
        runtime.new_bytes(8)


def test_no_interrupt_is_lost_while_a_handle_is_dropped(runtime: Runtime) -> None:
    """What a signal's handler raises in a `__del__` is lost."""
    sent: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        sent.append(number)
        raise Interrupt

    outer = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()  # others have callbacks of it that are written in Python
    try:
        for number in range(300):
            with pytest.raises(Interrupt):
                drop_until(runtime, sent, number + 1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.enable()
        signal.signal(signal.SIGALRM, outer)


def test_handles_in_many_hands(runtime: Runtime) -> None:
    """A model of random moves: exactly what it says is alive."""
    import random

    numbers = random.Random(7)
    node = runtime.describe("node", 24, [0, 8])
    handles: list[Handle] = []
    for round_ in range(400):
        move = numbers.randrange(4)
        if move < 2 or not handles:
            handles.append(runtime.new(node))
        elif move == 2:
            handles.pop(numbers.randrange(len(handles))).release()
        else:
            numbers.choice(handles)[numbers.randrange(2)] = numbers.choice([None, numbers.choice(handles)])
        if round_ % 40 == 0:
            expected = runtime.reachable_from(*handles)
            runtime.collect()
            assert {found.address for found in runtime.objects()} == expected
