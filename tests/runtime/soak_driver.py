"""The soak driver: random operations on a heap, with a model of it beside, in systems Python: millions a second.

    entry   0   1   2   3   4  ...  4095          each: an object, or nothing
            |   |       ^
          root  +-link--+                         what leads to it: a root, a handle, or a link of another entry

An object is filled with words that follow from its number, but for its pointers: those are nil, and one of them may
be the link by which it keeps another entry's object alive, somewhere into it. So for each entry the driver knows what
must be there, byte for byte, and throws SOAK when it is not. An entry that is dropped takes those along that it kept.

Objects of more than DENSE bytes are filled and looked at here and there only; that they begin as zeroes is looked at
everywhere.

    SK1  fresh memory is zero                      SK2  an object reads back as it was written
    SK3  after a collection and all sweeping, the slots in use are those of the entries

Owner: the test that made it.
"""

from __future__ import annotations

from runtime.arenas import next_span
from runtime.collect import collect, gc
from runtime.heap_bits import is_pointer_word
from runtime.malloc import mallocgc
from runtime.mspan import MSpan
from runtime.proc import G
from runtime.roots import NO_HANDLE, free_handle, new_handle
from runtime.size_classes import TINY_SPAN_CLASS
from runtime.sweeper import sweep_some
from runtime.syspy import (
    Annotated,
    Array,
    Inline,
    Struct,
    is_nil,
    load,
    nil,
    store,
    struct,
    table,
    throw,
    u8,
    u64,
    uintptr,
)
from runtime.types import Type

ENTRIES = 4096
SHAPES = 8  # types to draw from; the first is none
DENSE = 4096  # bytes
STRIDE = 61  # words from one that is looked at to the next, in a larger object

# What is counted, by index in `done`.
DOINGS = "zero tiny noscan small header large large_scan checked hidden shown held dropped collected swept".split()
ZERO, TINY, NOSCAN, SMALL, HEADER, LARGE, LARGE_SCAN = 0, 1, 2, 3, 4, 5, 6
CHECKED, HIDDEN, SHOWN, HELD, DROPPED, COLLECTED, SWEPT = 7, 8, 9, 10, 11, 12, 13

BORDERS = table(
    u64, [0, 1, 7, 8, 9, 15, 16, 17, 24, 511, 512, 513, 1023, 1024, 1025, 8192, 8193, 32759, 32760, 32761, 32768, 32769]
)
BORDER_COUNT = 22


@struct
class Entry(Struct):
    """One object, or none."""

    number: u64  # gives its contents; 0: no object
    addr: uintptr  # where it is
    size: u64  # bytes
    shape: u64  # index of its type; 0: no pointers
    child: u64  # 1 + the entry that its link leads to; 0: none
    inside: u64  # bytes into the child's object that the link leads to
    keeper: u64  # 1 + the entry whose link leads here; 0: a root or a handle does
    handle: u64  # its handle; NO_HANDLE: none


@struct
class Soak(Struct):
    """A run of the driver."""

    random: u64  # state of the generator
    made: u64  # objects so far
    live: u64  # entries with an object that has a slot of its own
    used: u64  # entries in play: the first ones
    done: Annotated[Array[u64], len(DOINGS)]  # how often
    shapes: Annotated[Array[Type], SHAPES]  # nil for the first
    link_words: Annotated[Array[u64], SHAPES]  # the first pointer word of a value of the type
    entries: Annotated[Array[Inline[Entry]], ENTRIES]  # the model


# --- Numbers ---------------------------------------------------------------------------------------------------------


def mixed(x: u64) -> u64:
    """A number from a number, all bits of it from all bits."""
    x = u64((x ^ x >> 30) * 0xBF58_476D_1CE4_E5B9)
    x = u64((x ^ x >> 27) * 0x94D0_49BB_1331_11EB)
    return x ^ x >> 31


def draw(s: Soak, n: u64) -> u64:
    """A number below n."""
    s.random = u64(s.random + 0x9E37_79B9_7F4A_7C15)
    return mixed(s.random) % n


def word_of(number: u64, i: u64) -> u64:
    """A word of an object's contents."""
    return mixed(u64(number * 0x9E37_79B9_7F4A_7C15 + i))


def draw_size(s: Soak) -> u64:
    """The size of an object: most are small, many at a border."""
    kind = draw(s, 1000)
    if kind < 300:
        return 1 + draw(s, 24)
    if kind < 700:
        return 8 + draw(s, 505)
    if kind < 850:
        return BORDERS[draw(s, BORDER_COUNT)]
    if kind < 950:
        return 512 + draw(s, 3584)
    if kind < 990:
        return 4096 + draw(s, 36_864)
    if kind < 998:
        return 40_960 + draw(s, 500_000)
    return (1 << 20) + draw(s, 2 << 20)


# --- Contents --------------------------------------------------------------------------------------------------------


def stride_of(size: u64) -> u64:
    """Words from one that is filled to the next."""
    return 1 if size <= DENSE else STRIDE


def is_pointer_at(s: Soak, shape: u64, word: u64) -> bool:
    """Whether a word of an object is a pointer."""
    if shape == 0:
        return False
    typ = s.shapes[shape]
    return is_pointer_word(typ, word % (typ.size >> 3))


def link_addr(s: Soak, e: Entry) -> uintptr:
    """Where the link of an object with pointers is: in its last value's first pointer."""
    size = s.shapes[e.shape].size
    return e.addr + (e.size - size) + s.link_words[e.shape] * 8


def check_zero(addr: uintptr, size: u64) -> None:
    """SK1."""
    for i in range(size >> 3):
        if load(u64, addr + i * 8) != 0:
            throw("SOAK SK1: fresh memory is not zero", addr, size, i * 8)
    for at in range(size & ~u64(7), size):
        if load(u8, addr + at) != 0:
            throw("SOAK SK1: fresh memory is not zero", addr, size, at)


def fill(s: Soak, e: Entry) -> None:
    """Write an object's contents."""
    stride = stride_of(e.size)
    words = e.size >> 3
    i: u64 = 0
    while i < words:
        if not is_pointer_at(s, e.shape, i):
            store(u64, e.addr + i * 8, word_of(e.number, i))
        i = i + stride
    for at in range(e.size & ~u64(7), e.size):
        store(u8, e.addr + at, u8(word_of(e.number, at)))


def check_entry(s: Soak, e: Entry) -> None:
    """SK2."""
    stride = stride_of(e.size)
    words = e.size >> 3
    link = link_addr(s, e) if e.shape != 0 else u64(0)
    i: u64 = 0
    while i < words:
        is_pointer = is_pointer_at(s, e.shape, i)
        expected = u64(0) if is_pointer else word_of(e.number, i)
        if load(u64, e.addr + i * 8) != expected and e.addr + i * 8 != link:
            throw("SOAK SK2: a word is not as it was written", e.number, e.addr, e.size, i)
        i = i + stride
    for at in range(e.size & ~u64(7), e.size):
        if load(u8, e.addr + at) != u8(word_of(e.number, at)):
            throw("SOAK SK2: a byte is not as it was written", e.number, e.addr, e.size, at)
    if e.shape != 0:
        expected = s.entries[e.child - 1].addr + e.inside if e.child != 0 else u64(0)
        if load(u64, link) != expected:
            throw("SOAK SK2: a link is not as it was written", e.number, e.addr, e.size, expected)
    s.done[CHECKED] = s.done[CHECKED] + 1


# --- Operations ------------------------------------------------------------------------------------------------------


def has_slot(e: Entry) -> bool:
    """Whether the object has a slot of its own: it is neither tiny nor nothing."""
    return e.size >= 16 or (e.shape != 0 and e.size != 0)


def set_root(g: G, i: u64, addr: uintptr) -> None:
    """Set the root of an entry."""
    store(u64, g.shadow_base + i * 8, addr)


def count_kind(s: Soak, size: u64, shape: u64) -> None:
    """Count an allocation by the way that it takes."""
    kind: u64 = NOSCAN if size >= 16 else TINY
    if size > 32760:
        kind = LARGE_SCAN if shape != 0 else LARGE
    elif shape != 0:
        kind = SMALL if size <= 512 else HEADER
    elif size == 0:
        kind = ZERO
    s.done[kind] = s.done[kind] + 1


def allocate(s: Soak, g: G, i: u64) -> None:
    """A new object for an entry, in place of the one it has."""
    drop(s, g, i)
    size = draw_size(s)
    shape: u64 = draw(s, SHAPES) if draw(s, 2) == 0 else u64(0)
    needzero = shape != 0 or draw(s, 8) != 0
    if shape != 0:
        unit = s.shapes[shape].size
        size = size // unit * unit if size > unit else unit
    addr = mallocgc(g, size, s.shapes[shape], needzero)
    if needzero:
        check_zero(addr, size)
    s.made = s.made + 1
    e = s.entries[i]
    e.number = s.made
    e.addr = addr
    e.size = size
    e.shape = shape
    e.child = 0
    e.keeper = 0
    e.handle = NO_HANDLE
    fill(s, e)
    set_root(g, i, addr)
    count_kind(s, size, shape)
    if has_slot(e):
        s.live = s.live + 1


def detach(s: Soak, i: u64) -> None:
    """Clear the link that leads to an entry, if one does."""
    e = s.entries[i]
    if e.keeper != 0:
        keeper = s.entries[e.keeper - 1]
        store(u64, link_addr(s, keeper), 0)
        keeper.child = 0
        e.keeper = 0


def drop(s: Soak, g: G, i: u64) -> None:
    """Let an entry's object go, and those that it kept."""
    if s.entries[i].number == 0:
        return
    detach(s, i)
    following = i + 1
    while following != 0:
        e = s.entries[following - 1]
        check_entry(s, e)
        set_root(g, following - 1, 0)
        if e.handle != NO_HANDLE:
            free_handle(g.runtime.roots, e.handle)
            e.handle = NO_HANDLE
        if has_slot(e):
            s.live = s.live - 1
        following = e.child
        e.number = 0
        e.child = 0
        e.keeper = 0
        s.done[DROPPED] = s.done[DROPPED] + 1


def hide(s: Soak, g: G, i: u64, by: u64) -> None:
    """Let a link of another entry keep an object, and no root."""
    e = s.entries[i]
    keeper = s.entries[by]
    if e.number == 0 or e.size == 0 or e.keeper != 0 or e.handle != NO_HANDLE:
        return
    if keeper.number == 0 or keeper.shape == 0 or keeper.child != 0:
        return
    above = by + 1
    while above != 0:
        if above == i + 1:
            return  # it would keep itself
        above = s.entries[above - 1].keeper
    e.keeper = by + 1
    keeper.child = i + 1
    keeper.inside = draw(s, e.size) if draw(s, 2) == 0 else e.size - 1
    store(u64, link_addr(s, keeper), e.addr + keeper.inside)
    set_root(g, i, 0)
    s.done[HIDDEN] = s.done[HIDDEN] + 1


def show(s: Soak, g: G, i: u64) -> None:
    """Let a root keep an object that a link kept: the entry's, or its child."""
    if s.entries[i].child != 0:
        i = s.entries[i].child - 1
    e = s.entries[i]
    if e.number != 0 and e.keeper != 0:
        set_root(g, i, e.addr)
        detach(s, i)
        s.done[SHOWN] = s.done[SHOWN] + 1


def hold(s: Soak, g: G, i: u64) -> None:
    """Let a handle keep an object that a root kept; or a root one that a handle kept."""
    e = s.entries[i]
    if e.number == 0 or e.keeper != 0:
        return
    if e.handle != NO_HANDLE:
        set_root(g, i, e.addr)
        free_handle(g.runtime.roots, e.handle)
        e.handle = NO_HANDLE
        return
    e.handle = new_handle(g.runtime.roots, e.addr)
    if e.handle != NO_HANDLE:
        set_root(g, i, 0)
        s.done[HELD] = s.done[HELD] + 1


def check_survivors(s: Soak, g: G) -> None:
    """SK3. All is swept, and no run is open."""
    slots: u64 = 0
    span = next_span(g.heap.arenas, nil(MSpan))
    while not is_nil(span):
        if u64(span.span_class) != TINY_SPAN_CLASS:
            slots = slots + u64(span.alloc_count)
        else:
            slots = slots + count_plain(s, span)
        span = next_span(g.heap.arenas, span)
    if slots != s.live:
        throw("SOAK SK3: the slots in use are not those of the entries", slots, s.live)


def count_plain(s: Soak, span: MSpan) -> u64:
    """The objects of 16 bytes in a span that tiny blocks are in, too; by a look at all entries."""
    count: u64 = 0
    for i in range(u64(ENTRIES)):
        e = s.entries[i]
        if e.number != 0 and e.size == 16 and e.addr >= span.start_addr and e.addr < span.limit:
            count = count + 1
    return count


def collect_now(s: Soak, g: G) -> None:
    """A collection, of one kind or the other; or some sweeping."""
    kind = draw(s, 1000)
    if kind < 10:
        collect(g, False)
        s.done[COLLECTED] = s.done[COLLECTED] + 1
    elif kind < 20:
        gc(g)
        check_survivors(s, g)
        s.done[SWEPT] = s.done[SWEPT] + 1
    else:
        sweep_some(g.heap, g.p, 1)


def operate(s: Soak, g: G) -> None:
    """One operation."""
    kind = draw(s, 100)
    i = draw(s, s.used)
    if kind < 60:
        allocate(s, g, i)
    elif kind < 68:
        drop(s, g, i)
    elif kind < 78:
        hide(s, g, i, draw(s, s.used))
    elif kind < 83:
        show(s, g, i)
    elif kind < 88:
        hold(s, g, i)
    elif kind < 98:
        if s.entries[i].number != 0:
            check_entry(s, s.entries[i])
    else:
        collect_now(s, g)


def soak(s: Soak, g: G, operations: u64) -> None:
    """So many operations. The first ENTRIES words of the shadow stack are the roots."""
    g.shadow_top = g.shadow_base + ENTRIES * 8
    for _ in range(operations):
        operate(s, g)


def check_all(s: Soak, g: G) -> None:
    """Every entry reads back, and nothing else is alive."""
    for i in range(ENTRIES):
        if s.entries[i].number != 0:
            check_entry(s, s.entries[i])
    gc(g)
    check_survivors(s, g)
