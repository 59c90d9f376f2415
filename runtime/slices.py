"""Slices: making, growing and copying the arrays behind them.

    Slice    data --> [ e0 e1 e2 | -- -- ]          length 3 in use, capacity 5
                       `length'   room for append

`append` writes into the room while there is some; when there is none `grow_slice` moves the elements to a larger array:

    old capacity    new capacity
    < 256           twice the old
    >= 256          grown by a quarter + 192 until it is enough: towards 1.25 times, smoothly
    either          what is needed, if that is more than twice the old

and then as many as the size class (or the pages) of that many bytes has room for anyway.

Room beyond the length that an append asked for is zero.

    SL1  0 <= length <= capacity

Owner: nobody; who holds a slice may write to its array. Go: runtime/slice.go, msize.go.      Next: strings.py
"""

from __future__ import annotations

from runtime.layout import (
    MALLOC_HEADER_SIZE,
    MAX_BITMAP_SIZE,
    MAX_SMALL_SIZE,
    PAGE_SIZE,
    align_up,
)
from runtime.malloc import MAX_ALLOC, malloc_array, mallocgc
from runtime.panics import UNKNOWN_POSITION, panic_grow_slice, panic_makeslice_cap, panic_makeslice_len
from runtime.proc import G
from runtime.size_classes import CLASS_TO_SIZE, size_to_class
from runtime.syspy import i64, inline, memmove, memset, multiply_high, nil, u64, uintptr, unlikely
from runtime.types import Type
from runtime.write_barrier import keep_words

GROWTH_THRESHOLD = 256  # elements; below, capacity doubles
MAX_LENGTH = (1 << 63) - 1  # of any slice


@inline
def is_too_large(elem: Type, count: i64) -> bool:
    """Are `count` elements, taken as unsigned, more bytes than can be asked for?"""
    return multiply_high(elem.size, u64(count)) != 0 or u64(elem.size * u64(count)) > MAX_ALLOC


def make_slice(g: G, elem: Type, length: i64, capacity: i64, pos: i64) -> uintptr:
    """The array of make([]T, length, capacity), zeroed. Lengths out of range panic."""
    if length < 0 or length > capacity or is_too_large(elem, capacity):
        if length < 0 or is_too_large(elem, length):
            panic_makeslice_len(pos)
        panic_makeslice_cap(pos)
    return malloc_array(g, elem.size * u64(capacity), elem)


@inline
def length_with(length: i64, more: i64, pos: i64) -> i64:
    """The length of append(s, make([]T, more)...), and of any append of `more` elements without bytes."""
    if unlikely(more < 0):
        panic_makeslice_len(pos)
    if unlikely(more > MAX_LENGTH - length):
        panic_grow_slice(pos)
    return length + more


def round_up_size(size: u64, noscan: bool) -> u64:
    """The bytes that an allocation of `size` bytes could use without taking more memory."""
    if size > MAX_SMALL_SIZE - MALLOC_HEADER_SIZE:
        return align_up(size, PAGE_SIZE)
    header: u64 = 0 if noscan or size <= MAX_BITMAP_SIZE else MALLOC_HEADER_SIZE
    return u64(CLASS_TO_SIZE[size_to_class(size + header)]) - header


def next_capacity(needed: i64, capacity: i64) -> i64:
    """The capacity that an array of `capacity` elements grows to when `needed` are, before size classes round it up."""
    if needed - capacity > capacity:
        return needed
    if capacity < GROWTH_THRESHOLD:
        return capacity + capacity
    grown = capacity
    while grown < needed:
        grown = i64(grown + ((grown + 3 * GROWTH_THRESHOLD) >> 2))
        if grown < 0:
            return needed
    return grown


def grow_slice(g: G, data: uintptr, length: i64, capacity: i64, needed: i64, elem: Type) -> tuple[uintptr, i64]:
    """A larger array for `needed` > `capacity` elements, and its capacity; the first `length` are copied.

    Elements between length and needed hold anything when their type has no pointers: append writes them next.
    """
    assert 0 <= length <= capacity, "SL1: a slice is longer than its array"
    if needed < 0:
        panic_grow_slice(UNKNOWN_POSITION)
    if elem.size == 0:
        return mallocgc(g, 0, elem, True), needed
    wanted = next_capacity(needed, capacity)
    if is_too_large(elem, wanted):
        panic_grow_slice(UNKNOWN_POSITION)
    noscan = elem.ptr_bytes == 0
    room = round_up_size(elem.size * u64(wanted), noscan) // elem.size
    size = room * elem.size
    if size > MAX_ALLOC:
        panic_grow_slice(UNKNOWN_POSITION)
    made = new_array(g, size, elem.size * u64(needed)) if noscan else malloc_array(g, size, elem)
    memmove(made, data, elem.size * u64(length))
    return made, i64(room)


@inline
def new_array(g: G, size: u64, used: u64) -> uintptr:
    """An array without pointers whose first `used` bytes hold anything; the rest is zero."""
    made = mallocgc(g, size, nil(Type), False)
    memset(made + used, 0, size - used)
    return made


@inline
def copy_slice(to: uintptr, to_length: i64, source: uintptr, source_length: i64, elem_size: u64) -> i64:
    """copy(to, source): as many elements as both have; how many that is. The arrays may overlap."""
    n = source_length if source_length < to_length else to_length
    memmove(to, source, u64(n) * elem_size)
    return n


@inline
def copy_keeping(g: G, to: uintptr, to_length: i64, source: uintptr, source_length: i64, elem: Type) -> i64:
    """The same for elements with pointers, in a program with write barriers."""
    n = source_length if source_length < to_length else to_length
    keep_words(g, to, u64(n) * elem.size, elem)
    return copy_slice(to, to_length, source, source_length, elem.size)
