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
    is_noscan,
    make_span_class,
    size_class_of,
    size_to_class,
    slot_index,
)
from runtime.syspy import u64
from tests.runtime.engines import Engine

# Of each class, from 1: bytes per slot, pages per span, slots of a noscan span, slots of a scan span.
GO = """
    8 1 1024 1008      16 1 504 496      24 1 336 330      32 1 252 248      48 1 168 165      64 1 126 124
    80 1 100 99        96 1 84 82        112 1 72 70       128 1 63 62       144 1 56 55       160 1 50 49
    176 1 45 45        192 1 42 41       208 1 38 38       224 1 36 35       240 1 33 33       256 1 31 31
    288 1 28 27        320 1 25 24       352 1 22 22       384 1 21 20       416 1 19 19       448 1 18 17
    480 1 16 16        512 1 15 15       576 1 14 14       640 1 12 12       704 1 11 11       768 1 10 10
    896 1 9 9          1024 1 8 8        1152 1 7 7        1280 1 6 6        1408 2 11 11      1536 1 5 5
    1792 2 9 9         2048 1 4 4        2304 2 7 7        2688 1 3 3        3072 3 8 8        3200 2 5 5
    3456 3 7 7         4096 1 2 2        4864 3 5 5        5376 2 3 3        6144 3 4 4        6528 4 5 5
    6784 5 6 6         6912 6 7 7        8192 1 1 1        9472 7 6 6        9728 6 5 5        10240 5 4 4
    10880 4 3 3        12288 3 2 2       13568 5 3 3       14336 7 4 4       16384 2 1 1       18432 9 4 4
    19072 7 3 3        20480 5 2 2       21760 8 3 3       24576 3 1 1       27264 10 3 3      28672 7 2 2
    32768 4 1 1
"""


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


ROOTS = [class_numbers, first_wrong_class, first_wrong_slot, make_span_class, size_class_of, is_noscan, size_to_class]


def test_the_classes_are_gos(engine: Engine) -> None:
    numbers = [int(word) for word in GO.split()]
    rows = [tuple(numbers[i : i + 4]) for i in range(0, len(numbers), 4)]
    assert len(rows) == NUM_SIZE_CLASSES - 1 == 67
    assert [engine.call(class_numbers, size_class) for size_class in range(1, NUM_SIZE_CLASSES)] == rows
    assert max(row[2] for row in rows) == MAX_OBJS_PER_SPAN == 1024


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
        assert engine.call(size_class_of, span_class) == size_class
        assert engine.call(is_noscan, span_class) == noscan


def test_tiny_blocks_are_a_noscan_class() -> None:
    assert TINY_SPAN_CLASS == 5
    assert CLASS_TO_SIZE[TINY_SPAN_CLASS >> 1] == TINY_SIZE
