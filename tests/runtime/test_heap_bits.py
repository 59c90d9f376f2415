"""Which words are pointers."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime.heap_bits import clear_pointer_bits, object_mask, read_pointer_bits, set_pointer_bits, write_pointer_bits
from runtime.layout import MAX_BITMAP_SIZE, PAGE_SIZE
from runtime.size_classes import CLASS_TO_SIZE, NUM_SIZE_CLASSES
from runtime.syspy import load, memset, u64
from tests.runtime.heaps import HeapUnderTest, make_type

SMALL = [CLASS_TO_SIZE[c] for c in range(2, NUM_SIZE_CLASSES) if CLASS_TO_SIZE[c] <= MAX_BITMAP_SIZE]


def tiled(size: int, pointers: list[int], total: int) -> int:
    """The mask of an array of a type, computed word by word."""
    return sum(1 << at // 8 for at in range(0, total, 8) if at % size in pointers)


@pytest.mark.parametrize(
    ("size", "pointers", "total"),
    [
        (8, [0], 8),
        (8, [0], 512),
        (16, [0], 16),
        (16, [8], 160),
        (24, [0, 16], 24),
        (24, [8], 504),
        (40, [0, 8, 16, 24, 32], 40),
        (40, [32], 480),
        (512, [0, 504], 512),
        (512, list(range(0, 512, 8)), 512),
        (136, [128], 136),
        (136, [0, 128], 408),
    ],
)
def test_the_mask_of_an_array_repeats_its_type(any_engine: Any, size: int, pointers: list[int], total: int) -> None:
    assert any_engine.call(object_mask, make_type(size, pointers), total) == tiled(size, pointers, total)


@pytest.mark.parametrize("size", SMALL)
def test_bits_of_neighbours_stay_as_they_are(heap: HeapUnderTest, size: int, seed: int) -> None:
    draw = random.Random(seed)
    words = size // 8
    first = heap.malloc(size, make_type(size, [0]))
    span = heap.span_of(first)
    heap.call(set_pointer_bits, span, 0, span.nelems)
    expected = [(1 << words) - 1] * span.nelems
    for slot in draw.sample(range(span.nelems), min(span.nelems, 12)):
        pointers = sorted({0, *(8 * draw.randrange(words) for _ in range(draw.randrange(words + 1)))})
        heap.call(write_pointer_bits, span.start_addr + slot * size, make_type(size, pointers), size)
        expected[slot] = sum(1 << offset // 8 for offset in pointers)
    assert [heap.call(read_pointer_bits, span.start_addr + i * size, words) for i in range(span.nelems)] == expected


@pytest.mark.parametrize(("first", "end"), [(0, 1), (0, 496), (31, 33), (63, 64), (64, 128), (5, 300), (7, 7)])
def test_a_run_gets_its_bits_and_no_others(heap: HeapUnderTest, first: int, end: int) -> None:
    span = heap.span_of(heap.malloc(16, make_type(16, [0])))
    bitmap = span.start_addr + PAGE_SIZE - 256
    memset(bitmap, 0, 128)
    heap.call(set_pointer_bits, span, first, end)
    bits = sum(load(u64, bitmap + 8 * i) << 64 * i for i in range(16))
    assert bits == ((1 << 2 * (end - first)) - 1) << 2 * first


def test_bits_over_the_end_of_a_word(heap: HeapUnderTest) -> None:
    span = heap.span_of(heap.malloc(48, make_type(48, [0])))
    heap.call(set_pointer_bits, span, 0, span.nelems)
    straddling = span.start_addr + 10 * 48  # words 60 to 65
    heap.call(clear_pointer_bits, straddling, 0b110011, 6)
    assert heap.call(read_pointer_bits, straddling, 6) == 0b001100
    assert heap.call(read_pointer_bits, straddling - 48, 6) == 0b111111
    assert heap.call(read_pointer_bits, straddling + 48, 6) == 0b111111


def test_a_new_object_has_the_bits_of_its_type(heap: HeapUnderTest) -> None:
    for size, pointers in [(16, [0]), (16, [8]), (24, [16]), (40, [0, 24]), (480, [8, 472]), (512, [256])]:
        addr = heap.malloc(size, make_type(size, pointers))
        assert heap.call(read_pointer_bits, addr, size // 8) == sum(1 << offset // 8 for offset in pointers)


def test_bits_are_right_in_a_slot_that_is_reused(heap: HeapUnderTest) -> None:
    typ = make_type(32, [8])
    kept = heap.rooted(32, typ)  # so that its span stays one
    lost = [heap.malloc(32, typ) for _ in range(1000)]
    heap.gc()
    addr = heap.malloc(32, make_type(32, [0, 24]))
    assert addr == lost[0]
    assert addr // PAGE_SIZE == kept // PAGE_SIZE
    assert heap.call(read_pointer_bits, addr, 4) == 0b1001
