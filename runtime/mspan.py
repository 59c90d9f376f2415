"""Spans: runs of pages cut into equal slots, and the bitmaps over the slots.

    pages   |--------- npages * 8 KiB ---------|
    slots   [0][1][2][3] ... [nelems-1] (tail)
    alloc    1  1  0  1    who was alive after the last sweep
    mark     0  1  0  0    who the current mark phase has reached

A slot is handed out by moving `free_index` past it; its alloc bit stays 0 until the next sweep. So a slot is
*taken* when it lies below free_index or has its alloc bit. `alloc_cache` is a word of the alloc bitmap,
complemented and shifted so that bit 0 stands for free_index: counting its trailing zeros finds the next free slot,
counting the ones from there its *run*, the free slots in a row. Slots leave the span a run at a time.

    alloc_cache  ...1 1 1 0 0 1 1 1 1 0      ctz = 1: slot free_index + 1 starts a run of four

Where the two bitmaps lie depends on the size of the slots: gc_bits.py. Sweeping copies mark to alloc, and clears it.

    S1  alloc_count <= nelems
    S2  free_index <= nelems
    S3  elem_size * nelems <= npages * PAGE_SIZE, less what the bits in the pages take
    S4  a marked slot is taken: below free_index, or its alloc bit is set
    S5  alloc_count is the number of taken slots
    S6  alloc_cache is what the alloc bits from free_index to the end of their word say
    S7  limit == start_addr + nelems * elem_size

Owner: whoever moved sweep_gen to "cached" or "sweeping"; nobody else writes.
Go: runtime/mheap.go mspan, mbitmap.go nextFreeIndex.                                            Next: zombies.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runtime.layout import (
    INLINE_BITS_BYTES,
    INLINE_BITS_MAX_SIZE,
    INLINE_BITS_MIN_SIZE,
    MALLOC_HEADER_SIZE,
    MAX_BITMAP_SIZE,
    PAGE_SHIFT,
    PAGE_SIZE,
    PTR_SIZE,
    smaller,
)
from runtime.page_bits import ALL_ONES
from runtime.size_classes import slot_index
from runtime.syspy import (
    Array,
    Struct,
    ctz64,
    inline,
    popcount64,
    shift_left,
    struct,
    throw,
    u8,
    u16,
    u32,
    u64,
    uintptr,
)
from runtime.types import Type

if TYPE_CHECKING:
    from runtime.p import P
    from runtime.specials import Special

SPAN_DEAD = 0  # its pages are free, or it has none yet
SPAN_IN_USE = 1  # its slots are objects

WORD_BITS = 64
SMALL_BITS_SLOTS = WORD_BITS  # spans of at most this many slots keep their bitmaps in the MSpan
POINTER_BITS_BYTES = PAGE_SIZE // PTR_SIZE // 8  # bytes of a page's pointer bitmap


@struct
class MSpan(Struct):
    """One run of pages, held by exactly one of mheap, mcentral or an mcache.

    The structs lie side by side, so the first cache line of one may be the last of another, whose span another thread
    has. What is written again and again is in the middle: of 144 bytes those from 48 to 95 are always the span's own.
    """

    start_addr: uintptr  # first byte of the run; page aligned
    limit: uintptr  # end of the last slot
    npages: u64  # length of the run, in pages
    elem_size: u64  # bytes per slot
    alloc_bits: Array[u64]  # one bit per slot: alive after the last sweep
    mark_bits: Array[u64]  # one bit per slot: reached by this mark phase

    next: MSpan  # in a span set: the span behind this one
    prev: MSpan  # in a span set: the span before this one
    home: P  # whose mcentral it is in, or goes to; set when it is cached
    alloc_cache: u64  # free slots from free_index on, one bit each; see above
    sweep_gen: u32  # against mheap.sweep_gen: see the table in sweep.py
    free_index: u16  # slots below are taken; the search starts here
    nelems: u16  # slots in the run
    alloc_count: u16  # slots taken
    cached_count: u16  # of them, those taken before the span came to its mcache
    span_class: u8  # size class << 1 | noscan
    state: u8  # SPAN_*
    need_zero: u8  # 1: free slots may hold old data
    unused: u8  # ends the middle

    large_type: Type  # of the object in a span of class 0; nil: no pointers, or not zeroed yet
    specials: Special  # what is to be done when objects die, by offset; nil for nearly all spans: specials.py
    special_hint: Special  # the one added last, if it is still there: the next is likely to come behind it
    small_bits: Annotated[Array[u64], 2]  # both bitmaps, where they fit
    div_magic: u32  # slot of an offset: offset * div_magic >> 32; 0 for a large object


@inline
def slot_addr(span: MSpan, index: u64) -> uintptr:
    """The first byte of a slot."""
    return span.start_addr + index * span.elem_size


@inline
def slot_of(span: MSpan, addr: uintptr) -> u64:
    """The slot that an address of the span lies in."""
    return slot_index(addr - span.start_addr, u64(span.div_magic))


@inline
def has_inline_bits(elem_size: u64) -> bool:
    """Whether spans of such slots keep their alloc bits in their page; their marks are elsewhere: gc_bits.py."""
    return elem_size >= INLINE_BITS_MIN_SIZE and elem_size <= INLINE_BITS_MAX_SIZE


@inline
def has_pointer_bits(elem_size: u64, span_class: u64) -> bool:
    """Whether spans of the class keep a pointer bitmap in their page."""
    return elem_size <= MAX_BITMAP_SIZE and span_class & 1 == 0


def reserved_bytes(elem_size: u64, span_class: u64) -> u64:
    """What bitmaps take of a span's pages."""
    pointers: u64 = POINTER_BITS_BYTES if has_pointer_bits(elem_size, span_class) else 0
    return pointers + INLINE_BITS_BYTES if has_inline_bits(elem_size) else pointers


@inline
def bit_words(nelems: u64) -> u64:
    """Words in a bitmap over so many slots."""
    return (nelems + (WORD_BITS - 1)) // WORD_BITS


@inline
def has_bit(bits: Array[u64], index: u64) -> bool:
    """Whether a bit of a bitmap is set."""
    return bits[index // WORD_BITS] >> index % WORD_BITS & 1 != 0


@inline
def set_bit(bits: Array[u64], index: u64) -> None:
    """Set a bit of a bitmap."""
    word = index // WORD_BITS
    bits[word] = bits[word] | u64(u64(1) << index % WORD_BITS)


@inline
def next_bit(bits: Array[u64], index: u64, end: u64) -> u64:
    """The first bit from this one on that a bitmap has set; `end` if none of those below it is."""
    while index < end:
        word = bits[index // WORD_BITS] >> index % WORD_BITS
        if word != 0:
            return index + ctz64(word)
        index = (index // WORD_BITS + 1) * WORD_BITS
    return end


@inline
def low_bits(n: u64) -> u64:
    """A word with its n lowest bits set; all of them for n of 64 and more."""
    return u64(~shift_left(u64(ALL_ONES), n))


def is_taken(span: MSpan, index: u64) -> bool:
    """Whether a slot has been handed out and not been swept since."""
    return index < u64(span.free_index) or has_bit(span.alloc_bits, index)


def taken_word(span: MSpan, word: u64) -> u64:
    """The taken slots among the 64 of a bitmap word, one bit each."""
    first = word * WORD_BITS
    below: u64 = 0
    if u64(span.free_index) > first:
        below = low_bits(u64(span.free_index) - first)
    return span.alloc_bits[word] | below


def refill_alloc_cache(span: MSpan) -> None:
    """Make alloc_cache say what S6 asks for."""
    index = u64(span.free_index)
    if index < u64(span.nelems):
        span.alloc_cache = u64(~span.alloc_bits[index // WORD_BITS]) >> index % WORD_BITS
    else:
        span.alloc_cache = 0


def take_run(span: MSpan, most: u64) -> tuple[u64, u64]:
    """Take the next free slots in a row, at most so many: from first up to end. Both are nelems if the span is full."""
    nelems = u64(span.nelems)
    index = u64(span.free_index)
    free = span.alloc_cache
    while free == 0:
        index = index // WORD_BITS * WORD_BITS + WORD_BITS
        if index >= nelems:
            span.free_index = u16(nelems)
            return nelems, nelems
        free = u64(~span.alloc_bits[index // WORD_BITS])
    skipped = ctz64(free)
    first = smaller(index + skipped, nelems)
    end = smaller(smaller(run_end(span, first, free >> skipped), nelems), first + most)
    span.free_index = u16(end)
    span.alloc_count = u16(u64(span.alloc_count) + (end - first))
    refill_alloc_cache(span)
    return first, end


@inline
def run_end(span: MSpan, first: u64, free: u64) -> u64:
    """Where the run that starts at first ends, perhaps past nelems; free is alloc_cache shifted to first."""
    end = first + ctz64(u64(~free))
    while end % WORD_BITS == 0 and end < u64(span.nelems):
        length = ctz64(span.alloc_bits[end // WORD_BITS])
        end = end + length
        if length < WORD_BITS:
            break
    return end


def give_back_run(span: MSpan, index: u64) -> None:
    """Undo the taking of all slots from index on, and their marks. They are what is left of the run taken last."""
    first = index
    while first < u64(span.free_index):
        word = first // WORD_BITS
        if span.mark_bits[word] != 0:  # marking goes in steps, and all of a run was marked
            behind = smaller(u64(span.free_index), (word + 1) * WORD_BITS)
            span.mark_bits[word] = span.mark_bits[word] & u64(~u64(low_bits(behind - first) << first % WORD_BITS))
        first = (word + 1) * WORD_BITS
    span.alloc_count = u16(u64(span.alloc_count) - (u64(span.free_index) - index))
    span.free_index = u16(index)
    refill_alloc_cache(span)


def count_bits(bits: Array[u64], nelems: u64) -> u64:
    """How many bits of a bitmap are set."""
    count: u64 = 0
    for word in range(bit_words(nelems)):
        count = count + popcount64(bits[word])
    return count


def count_taken(span: MSpan) -> u64:
    """How many slots are taken, counted slowly."""
    count: u64 = 0
    for word in range(bit_words(u64(span.nelems))):
        count = count + popcount64(taken_word(span, word))
    return count


@inline
def header_bytes(span: MSpan) -> u64:
    """The bytes of a slot before its object."""
    if span.span_class & 1 == 0 and span.elem_size > MAX_BITMAP_SIZE and span.span_class > 1:
        return MALLOC_HEADER_SIZE
    return 0


def check_span(span: MSpan) -> None:
    """S1 to S3, S5 to S7 hold; S4 is for a sweep to ask: zombies.py."""
    nelems = u64(span.nelems)
    if u64(span.alloc_count) > nelems:
        throw("S1: more slots taken than there are", span.start_addr, u64(span.alloc_count), nelems)
    if u64(span.free_index) > nelems:
        throw("S2: free_index beyond the last slot", span.start_addr, u64(span.free_index), nelems)
    room = (span.npages << PAGE_SHIFT) - reserved_bytes(span.elem_size, u64(span.span_class))
    if span.elem_size * nelems > room:
        throw("S3: slots do not fit in their pages", span.start_addr, span.elem_size, nelems)
    if count_taken(span) != u64(span.alloc_count):
        throw("S5: alloc_count is not the number of taken slots", span.start_addr, u64(span.alloc_count))
    index = u64(span.free_index)
    if index < nelems and span.alloc_cache != u64(~span.alloc_bits[index // WORD_BITS]) >> index % WORD_BITS:
        throw("S6: alloc_cache differs from the alloc bits", span.start_addr, span.alloc_cache)
    if span.limit != span.start_addr + nelems * span.elem_size:
        throw("S7: limit is not the end of the last slot", span.start_addr, span.limit)


def find_zombie(span: MSpan) -> u64:
    """The first slot that is marked and not taken (against S4); nelems if there is none."""
    for word in range(bit_words(u64(span.nelems))):
        zombies = u64(span.mark_bits[word] & ~taken_word(span, word))
        if zombies != 0:
            return word * WORD_BITS + ctz64(zombies)
    return u64(span.nelems)
