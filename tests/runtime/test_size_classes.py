"""The computed size classes are Go's, and every size finds its class and its slot."""

from __future__ import annotations

import pytest

from runtime.layout import MAX_SMALL_SIZE, PAGE_SIZE, TINY_SIZE
from runtime.size_classes import (
    CLASS_TO_NPAGES,
    CLASS_TO_SIZE,
    DIV_MAGIC,
    MAX_OBJS_PER_SPAN,
    NUM_SIZE_CLASSES,
    NUM_SPAN_CLASSES,
    SPAN_CLASS_TO_NELEMS,
    TINY_SPAN_CLASS,
    make_span_class,
    size_to_class,
    slot_index,
)
from runtime.syspy import u64
from tests.runtime.engines import Engine
from tests.runtime.tables import go_table


def class_numbers(size_class: u64) -> tuple[u64, u64, u64, u64]:
    """What the tables say of a size class."""
    noscan = make_span_class(size_class, True)
    scan = make_span_class(size_class, False)
    return (
        u64(CLASS_TO_SIZE[size_class]),
        u64(CLASS_TO_NPAGES[size_class]),
        u64(SPAN_CLASS_TO_NELEMS[noscan]),
        u64(SPAN_CLASS_TO_NELEMS[scan]),
    )


def first_wrong_class() -> u64:
    """The smallest size whose class is not the smallest that holds it; 0: there is none."""
    for size in range(u64(1), u64(MAX_SMALL_SIZE + 1)):
        size_class = size_to_class(size)
        if u64(CLASS_TO_SIZE[size_class]) < size or u64(CLASS_TO_SIZE[size_class - 1]) >= size:
            return size
    return 0


def first_wrong_slot(size_class: u64) -> u64:
    """The first slot of a span of the class of which an end gets another number; 0xFFFF: there is none.

    slot_index never falls as the offset grows, so the offsets between the ends need no look.
    """
    size = u64(CLASS_TO_SIZE[size_class])
    magic = u64(DIV_MAGIC[size_class])
    for slot in range(u64(CLASS_TO_NPAGES[size_class]) * PAGE_SIZE // size):
        first = slot * size
        if slot_index(first, magic) != slot or slot_index(first + size - 1, magic) != slot:
            return slot
    return 0xFFFF


ROOTS = [class_numbers, first_wrong_class, first_wrong_slot, make_span_class, size_to_class]


def test_the_classes_are_gos(engine: Engine) -> None:
    rows = go_table("size_classes")["classes"]
    assert [row[0] for row in rows] == list(range(1, NUM_SIZE_CLASSES)) == list(range(1, 68))
    for size_class, size, npages, most, noscan, scan in rows:
        assert engine.call(class_numbers, size_class) == (size, npages, noscan, scan)
        assert most == npages * PAGE_SIZE // size
    assert max(row[3] for row in rows) == MAX_OBJS_PER_SPAN == 1024


def test_class_0_is_one_large_object(engine: Engine) -> None:
    assert engine.call(class_numbers, 0) == (0, 0, 1, 1)
    assert DIV_MAGIC[0] == 0


def test_every_size_gets_the_smallest_class_that_holds_it(engine: Engine) -> None:
    assert engine.call(first_wrong_class) == 0


def test_every_offset_gets_the_slot_that_it_lies_in(engine: Engine) -> None:
    for size_class in range(1, NUM_SIZE_CLASSES):
        assert engine.call(first_wrong_slot, size_class) == 0xFFFF, f"class {size_class}"


@pytest.mark.parametrize("size_class", [0, 1, 2, 26, 67])
def test_a_span_class_is_a_size_class_and_a_bit(engine: Engine, size_class: int) -> None:
    for noscan in (False, True):
        span_class = engine.call(make_span_class, size_class, noscan)
        assert span_class < NUM_SPAN_CLASSES
        assert (span_class >> 1, span_class & 1) == (size_class, noscan)


def test_tiny_blocks_are_a_noscan_class() -> None:
    assert TINY_SPAN_CLASS == 5
    assert CLASS_TO_SIZE[TINY_SPAN_CLASS >> 1] == TINY_SIZE
