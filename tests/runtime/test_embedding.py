"""The runtime as a Python class."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime import Closed, Runtime
from runtime.embedding import ENGINES


@pytest.fixture(params=ENGINES)
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    with Runtime(request.param) as made:
        yield made
        made.check()


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
    assert runtime.object_at(records.address + 5) == (records.address - 8, 24_576)


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
    runtime.set_gogc(50)
    assert 15 << 20 <= runtime.stats().next_gc <= (15 << 20) * 137 // 100
    runtime.set_gogc("off")
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
    with pytest.raises(ValueError, match="an object of -1 bytes"):
        runtime.new_bytes(-1)
    with pytest.raises(ValueError, match="engine 'jit': one of native, python"):
        Runtime("jit")
    with pytest.raises(ValueError, match="malformed GOGC"):
        Runtime("python", gogc="many")
    handle = runtime.new(word)
    for i in (-1, 1):
        with pytest.raises(IndexError):
            handle[i]
    with pytest.raises(ValueError, match="does not fit"):
        handle[0] = 1 << 64


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
