"""Replay: an allocation trace decoded into flat operations, and played against the allocator.

    trace     varints: sizes, and ages of what is freed or resized          bench/traces/README.md
    decoded   words of 64 bits, for the loop that is timed, here and in Go (bench/go/replay/main.go):

         63         32 31         2 1  0
        |  bytes       |   slot     |kind|

        0  malloc   an object of so many bytes, without pointers, zeroed, goes into the slot
        1  free     the slot becomes nil
        2  grow     an object for so many bytes takes the place of the slot's, whose bytes are copied: append's way to
                    grow. The next word is the old object's: room << 32 | bytes in use
        3  keep     a realloc that the object has room for: its first word is written

The slots are one heap object full of pointers, the only root. A slot is used again when its object was freed, so there
are as many as objects were ever alive at once. What is allocated is written to as a program would at least: its first
word, and a byte on every further page.

    RP1  an age is less than the number of objects so far, and its object is alive
    RP2  a trace ends where an operation ends
    RP3  what malloc gives is zero, and what was written is still there when the object is freed, kept or grown

Owner: the benchmark.                                                                       Next: traces.py
"""

from __future__ import annotations

from bench.span_loops import CLOCK_PROCESS_CPUTIME
from runtime.heap import clock_ns
from runtime.malloc import mallocgc
from runtime.proc import G
from runtime.slices import grow_slice, next_capacity, round_up_size
from runtime.syspy import (
    Array,
    Struct,
    address,
    constant,
    i64,
    inline,
    load,
    memset,
    nil,
    store,
    struct,
    table,
    throw,
    u8,
    u32,
    u64,
    uintptr,
)
from runtime.types import KIND_PTR, KIND_UINT8, Type

# In a trace: the two low bits of an operation's first varint.
TRACE_MALLOC, TRACE_FREE, TRACE_REALLOC, TRACE_CALLOC = 0, 1, 2, 3
# Decoded: the two low bits of a word.
MALLOC, FREE, GROW, KEEP = 0, 1, 2, 3
SLOT_SHIFT, SIZE_SHIFT = 2, 32
MAX_SLOTS = 1 << (SIZE_SHIFT - SLOT_SHIFT)
MAX_SIZE = 1 << 31
LOW_WORD = (1 << 32) - 1
DEAD = LOW_WORD  # the slot of an object that was freed
TOUCH_STEP = 4096  # bytes between two that are written
WORD = 8

BYTE = constant(Type, size=1, ptr_bytes=0, kind=KIND_UINT8, align=1)
POINTER = constant(Type, size=8, ptr_bytes=8, gc_mask=table(u8, [1]), kind=KIND_PTR, align=8)


@struct
class Decoder(Struct):
    """A trace being decoded; whoever makes it supplies the arrays."""

    data: Array[u8]  # the trace
    size: u64  # bytes of it
    position: u64  # bytes read
    ops: Array[u64]  # decoded words
    words: u64  # of ops
    operations: u64  # read
    objects: u64  # allocated so far
    slots: u64  # that were ever in use
    live: u64  # bytes asked for and not freed
    live_peak: u64  # the most that it ever was
    free_slots: Array[u32]  # a stack of slots that are not in use
    free_count: u64  # of them
    slot_of: Array[u32]  # by object: its slot, or DEAD
    length: Array[u32]  # by object: bytes in use
    capacity: Array[u32]  # by object: bytes of room
    sample_step: u64  # operations from one sample to the next; not 0
    samples: Array[u64]  # of each: words of ops up to here, and bytes that are live
    sample_count: u64  # of them


# --- Decoding --------------------------------------------------------------------------------------------------------


def read_varint(d: Decoder) -> u64:
    """The next number."""
    value: u64 = 0
    shift: u64 = 0
    while True:
        if d.position == d.size or shift > 56:
            throw("RP2: the trace ends within an operation", d.position)
        byte = u64(d.data[d.position])
        d.position = d.position + 1
        value = value | u64((byte & 0x7F) << shift)
        if byte < 0x80:
            return value
        shift = shift + 7


def count(d: Decoder) -> tuple[u64, u64]:
    """How many operations and objects the trace has. The arrays need not be there."""
    operations: u64 = 0
    objects: u64 = 0
    while d.position < d.size:
        kind = read_varint(d) & 3
        operations = operations + 1
        if kind == TRACE_MALLOC or kind == TRACE_CALLOC:
            objects = objects + 1
        if kind == TRACE_REALLOC:
            read_varint(d)
    d.position = 0
    return operations, objects


def decode(d: Decoder) -> None:
    """Decode the whole trace. ops has room for two words for each operation, samples for those of every step."""
    while d.position < d.size:
        first = read_varint(d)
        kind = first & 3
        if kind == TRACE_FREE:
            decode_free(d, object_of_age(d, first >> 2))
        elif kind == TRACE_REALLOC:
            decode_realloc(d, object_of_age(d, first >> 2), read_varint(d))
        else:
            decode_malloc(d, first >> 2)
        d.operations = d.operations + 1
        if d.operations % d.sample_step == 0:
            d.samples[2 * d.sample_count] = d.words
            d.samples[2 * d.sample_count + 1] = d.live
            d.sample_count = d.sample_count + 1


def object_of_age(d: Decoder, age: u64) -> u64:
    """The number of a living object."""
    if age >= d.objects:
        throw("RP1: an object that was not allocated yet", d.position, age)
    number = d.objects - 1 - age
    if d.slot_of[number] == DEAD:
        throw("RP1: an object that is not alive", d.position, number)
    return number


def decode_malloc(d: Decoder, size: u64) -> None:
    """A new object."""
    if d.free_count != 0:
        d.free_count = d.free_count - 1
        slot = u64(d.free_slots[d.free_count])
    else:
        slot = d.slots
        d.slots = d.slots + 1
    number = d.objects
    d.objects = number + 1
    d.slot_of[number] = u32(slot)
    d.capacity[number] = u32(size)
    d.length[number] = 0
    set_length(d, number, size)
    emit(d, MALLOC, slot, size)


def decode_free(d: Decoder, number: u64) -> None:
    """The end of an object."""
    slot = u64(d.slot_of[number])
    emit(d, FREE, slot, 0)
    set_length(d, number, 0)
    d.slot_of[number] = DEAD
    d.free_slots[d.free_count] = u32(slot)
    d.free_count = d.free_count + 1


def decode_realloc(d: Decoder, number: u64, size: u64) -> None:
    """An object changes its size: within its room, or as append makes room."""
    slot = u64(d.slot_of[number])
    length, capacity = u64(d.length[number]), u64(d.capacity[number])
    set_length(d, number, size)
    if size <= capacity:
        emit(d, KEEP, slot, size)
        return
    emit(d, GROW, slot, size)
    push(d, capacity << SIZE_SHIFT | length)
    d.capacity[number] = u32(round_up_size(u64(next_capacity(i64(size), i64(capacity))), True))


def set_length(d: Decoder, number: u64, size: u64) -> None:
    """An object has so many bytes in use from now on."""
    if size > MAX_SIZE or d.slots > MAX_SLOTS:
        throw("RP1: an object too large, or one too many", d.position, size)
    d.live = d.live + size - u64(d.length[number])
    d.length[number] = u32(size)
    d.live_peak = max(d.live_peak, d.live)


def emit(d: Decoder, kind: u64, slot: u64, size: u64) -> None:
    """A decoded operation."""
    push(d, size << SIZE_SHIFT | slot << SLOT_SHIFT | kind)


def push(d: Decoder, word: u64) -> None:
    """One more word."""
    d.ops[d.words] = word
    d.words = d.words + 1


# --- Playing ---------------------------------------------------------------------------------------------------------


def new_slots(g: G, n: u64) -> uintptr:
    """The table of living objects, all nil: the only root of g."""
    slots = mallocgc(g, n * WORD, POINTER, True)
    store(uintptr, g.shadow_base, slots)
    g.shadow_top = g.shadow_base + WORD
    return slots


def replay(g: G, ops: Array[u64], words: u64, slots: Array[u64], fill: bool) -> u64:
    """Play the operations, and let go of what is still alive: nanoseconds of the processor.

    With fill, all bytes of an object are written, as for measuring memory, where an untouched page is none.
    """
    begin = clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME)
    if fill:
        play(g, ops, words, slots, True)
    else:
        play(g, ops, words, slots, False)
    return clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME) - begin


@inline
def play(g: G, ops: Array[u64], words: u64, slots: Array[u64], fill: bool) -> None:
    """Play the operations. The slots are nil before, and not after."""
    i: u64 = 0
    while i < words:
        op = ops[i]
        kind = op & 3
        slot = slot_of(op)
        size = op >> SIZE_SHIFT
        if kind == MALLOC:
            made = mallocgc(g, size, nil(Type), True)
            write(made, size, i, fill)
            slots[slot] = made
        elif kind == FREE:
            slots[slot] = 0
        elif kind == GROW:
            i = i + 1
            grown = grow(g, slots[slot], ops[i], size)
            write(grown, size, i, fill)
            slots[slot] = grown
        else:
            touch(slots[slot], size, i)
        i = i + 1


@inline
def slot_of(op: u64) -> u64:
    """The slot that an operation is about."""
    return (op & LOW_WORD) >> SLOT_SHIFT


@inline
def grow(g: G, old: uintptr, extent: u64, size: u64) -> uintptr:
    """append(old, make([]byte, ...)...): a larger array; what is beyond the old bytes is zero."""
    length = extent & LOW_WORD
    grown, _room = grow_slice(g, old, i64(length), i64(extent >> SIZE_SHIFT), i64(size), BYTE)
    memset(grown + length, 0, size - length)
    return grown


@inline
def write(addr: uintptr, size: u64, tag: u64, fill: bool) -> None:
    """What the program does with a new object."""
    if fill:
        memset(addr, u8(tag & 0xFF), size)
    touch(addr, size, tag)
    offset: u64 = TOUCH_STEP
    while offset < size:
        store(u8, addr + offset, 1)
        offset = offset + TOUCH_STEP


@inline
def touch(addr: uintptr, size: u64, tag: u64) -> None:
    """Write an object's first word, or its first byte if it is shorter."""
    if size >= WORD:
        store(u64, addr, tag)
    elif size != 0:
        store(u8, addr, u8(tag & 0xFF))


# --- Checking --------------------------------------------------------------------------------------------------------


def replay_checked(g: G, ops: Array[u64], words: u64, slots: Array[u64], sizes: Array[u64], tags: Array[u64]) -> u64:
    """Play the operations, and check RP3 at each. Returns how many objects were looked at.

    sizes and tags have a word for each slot: what its object should be.
    """
    checked: u64 = 0
    i: u64 = 0
    while i < words:
        op = ops[i]
        kind = op & 3
        slot = slot_of(op)
        size = op >> SIZE_SHIFT
        tag = i
        if kind != MALLOC:
            check_first(slots[slot], sizes[slot], tags[slot])
            checked = checked + 1
        if kind == MALLOC:
            slots[slot] = mallocgc(g, size, nil(Type), True)
            check_zero(slots[slot], size)
        elif kind == FREE:
            slots[slot] = 0
        elif kind == GROW:
            i = i + 1
            slots[slot] = grow(g, slots[slot], ops[i], size)
            check_first(slots[slot], sizes[slot], tags[slot])
        if kind == MALLOC or kind == GROW:
            write(slots[slot], size, tag, True)
        elif kind == KEEP:
            touch(slots[slot], size, tag)
        sizes[slot] = size
        tags[slot] = tag
        i = i + 1
    return checked


def check_living(slots: Array[u64], sizes: Array[u64], tags: Array[u64], n: u64) -> u64:
    """RP3 of all objects that are alive. Returns how many there are."""
    living: u64 = 0
    for slot in range(n):
        if slots[slot] != 0:
            check_first(slots[slot], sizes[slot], tags[slot])
            living = living + 1
    return living


def check_first(addr: uintptr, size: u64, tag: u64) -> None:
    """An object's first word, or byte, is what was written."""
    if size >= WORD:
        if load(u64, addr) != tag:
            throw("RP3: an object has lost its first word", addr, load(u64, addr), tag)
    elif size != 0 and u64(load(u8, addr)) != tag & 0xFF:
        throw("RP3: an object has lost its first byte", addr, u64(load(u8, addr)), tag)


def check_zero(addr: uintptr, size: u64) -> None:
    """An object was zeroed."""
    for i in range(size):
        if load(u8, addr + i) != 0:
            throw("RP3: an object is not zero", addr, size, i)


def clear_slots(slots: Array[u64], n: u64) -> None:
    """Let go of all objects."""
    memset(address(slots), 0, n * WORD)
