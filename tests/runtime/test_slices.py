"""Slices: make's panics, append's growth as Go's, copies."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from runtime import heap, slices
from runtime.heap import Runtime
from runtime.proc import G
from runtime.syspy import FAIL_PANIC, Failure, address, load, table, text, u8, u64
from runtime.types import KIND_STRUCT, Type
from tests.runtime.engines import Engine
from tests.runtime.heaps import native_engine
from tests.runtime.tables import go_table, section

ROOTS = [heap.new_runtime, heap.close_runtime, slices.make_slice, slices.grow_slice, slices.copy_slice]
ROOTS += [slices.round_up_size, slices.next_capacity]
RESTS_ON = native_engine


@pytest.fixture
def g(engine: Engine) -> Iterator[G]:
    runtime = Runtime.at(engine.call(heap.new_runtime, 100, 1 << 20))
    yield runtime.g0
    engine.call(heap.close_runtime, runtime)


def elem_type(size: int, has_pointer: bool) -> Type:
    """A type of that size, with a pointer in its first word or with none."""
    made = Type(size=size, kind=KIND_STRUCT, align=8 if size % 8 == 0 else 1)
    if has_pointer:
        made.ptr_bytes = 8
        made.gc_mask = table(u8, [1])
    made.name, made.name_length = text(b"E"), 1
    return made


ONE_BY_ONE = section("slices", "one_by_one")
BULK = section("slices", "bulk")


def typed(name: str) -> Type:
    return elem_type(int(name.rstrip("p")), name.endswith("p"))


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_appending_one_by_one_grows_as_in_go(engine: Engine, g: G, name: str) -> None:
    elem, data, capacity, capacities = typed(name), 0, 0, []
    for _ in ONE_BY_ONE[name]:
        data, capacity = engine.call(slices.grow_slice, g, data, capacity, capacity, capacity + 1, elem)
        capacities.append(capacity)
    assert capacities == ONE_BY_ONE[name]


@pytest.mark.parametrize("name", BULK)
def test_appending_many_grows_as_in_go(engine: Engine, g: G, name: str) -> None:
    elem, capacities = typed(name), []
    for n, more in go_table("slices")["bulk_lengths"]:
        data = engine.call(slices.make_slice, g, elem, n, n, 0)
        capacities.append(engine.call(slices.grow_slice, g, data, n, n, n + more, elem)[1])
    assert capacities == BULK[name]


@pytest.mark.parametrize("has_pointer", [False, True])
def test_growth_keeps_the_elements_and_zeroes_the_room(engine: Engine, g: G, has_pointer: bool) -> None:
    elem = elem_type(8, has_pointer)
    for _ in range(50):  # slots that were used before come back, too
        data = engine.call(slices.make_slice, g, elem, 3, 3, 0)
        for i in range(3):
            ctypes.c_uint64.from_address(data + 8 * i).value = address(g) if has_pointer else i + 1
        kept = [load(u64, data + 8 * i) for i in range(3)]
        grown, capacity = engine.call(slices.grow_slice, g, data, 3, 3, 4, elem)
        words = [load(u64, grown + 8 * i) for i in range(capacity)]
        assert (words[:3], words[4:]) == (kept, [0] * (capacity - 4))


def test_elements_without_size_grow_to_what_is_needed(engine: Engine, g: G) -> None:
    data, capacity = engine.call(slices.grow_slice, g, 0, 0, 0, 5, elem_type(0, False))
    assert capacity == 5
    assert data != 0


PANICS = [
    ("len", -1, 5),
    ("cap", 5, 4),
    ("len", 1 << 60, 1 << 60),
    ("cap", 5, 1 << 60),
    ("len", 2**63 - 1, 2**63 - 1),
    ("cap", 0, -1),
]


@pytest.mark.parametrize(("what", "length", "capacity"), PANICS)
def test_make_refuses_impossible_lengths(engine: Engine, g: G, what: str, length: int, capacity: int) -> None:
    with pytest.raises(Failure, match=f"makeslice: {what} out of range") as caught:
        engine.call(slices.make_slice, g, elem_type(8, True), length, capacity, 77)
    assert (caught.value.kind, caught.value.words) == (FAIL_PANIC, (77,))


@pytest.mark.parametrize("needed", [-(2**63), 2**62, 2**47])
def test_append_refuses_impossible_lengths(engine: Engine, g: G, needed: int) -> None:
    with pytest.raises(Failure, match="growslice: len out of range"):
        engine.call(slices.grow_slice, g, 0, 0, 0, needed, elem_type(8, False))


@pytest.mark.parametrize("kind", ["noscan", "scan"])
def test_sizes_are_rounded_up_to_classes_and_pages(engine: Engine, kind: str) -> None:
    rounded = section("slices", "round_up")[kind]
    assert {size: engine.call(slices.round_up_size, int(size), kind == "noscan") for size in rounded} == rounded


def test_copy_takes_the_shorter_length_and_overlaps_safely(engine: Engine) -> None:
    memory = (ctypes.c_uint64 * 6)(1, 2, 3, 4, 5, 6)
    at = ctypes.addressof(memory)
    assert engine.call(slices.copy_slice, at + 8, 4, at, 5, 8) == 4
    assert list(memory) == [1, 1, 2, 3, 4, 6]
    assert engine.call(slices.copy_slice, at, 6, 0, 0, 8) == 0


def test_a_length_above_the_capacity_breaks_sl1(engine: Engine, g: G) -> None:
    with pytest.raises((Failure, AssertionError), match="SL1"):
        engine.call(slices.grow_slice, g, 0, 2, 1, 3, elem_type(8, False))
