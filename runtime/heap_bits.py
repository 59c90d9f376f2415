"""Heap bits: which words of an object are pointers.

    slots up to 512 bytes    a bitmap at the page's end, one bit per word of the page:

        | slots ...                      | pointer bits 128 B | unused 64 B | alloc bits 64 B |   16 to 512 bytes
        | slots ...                                          | pointer bits 128 B |   8 bytes: all ones

    larger slots             the slot's first word is the object's Type; the object follows it
    a span of one object     MSpan.large_type

A run of free slots is given out with all its pointer bits set, so that a type whose words are all pointers writes
none, and any other type clears the bits of its scalar words: one read-modify-write, or two where the object's bits
go over the end of a 64-bit word. Words past the end of the type keep their 1 and always hold zero.

A type that is smaller than its object is repeated: the object is an array of it.

    H1  the pointer bits of a page of 8-byte slots are all set
    H2  the pointer bits of an object are those of its type, as far as the object's size goes

Owner: of the bits of free slots, the span's owner; of those of an object, whoever allocated it, until it is published.
Go: runtime/mbitmap.go heapBits, writeHeapBitsSmall, typePointers.                              Next: gc_bits.py
"""

from __future__ import annotations

from runtime.layout import INLINE_BITS_BYTES, LOG_PTR_SIZE, PAGE_MASK, PAGE_SIZE, PTR_SIZE, align_down
from runtime.mspan import POINTER_BITS_BYTES, WORD_BITS, MSpan, has_inline_bits, low_bits
from runtime.page_bits import ALL_ONES
from runtime.syspy import Array, address, array_at, inline, load, memset, store, u64, uintptr
from runtime.types import Type

POINTER_BITS_OFFSET = PAGE_SIZE - INLINE_BITS_BYTES - POINTER_BITS_BYTES  # in a page with inline bits, bytes
POINTER_BITS_OFFSET_8 = PAGE_SIZE - POINTER_BITS_BYTES  # in a page of 8-byte slots
BITS_PER_BYTE = 8


def pointer_bits(span: MSpan) -> Array[u64]:
    """The pointer bitmap of a span that has one in its page."""
    offset: u64 = POINTER_BITS_OFFSET if has_inline_bits(span.elem_size) else POINTER_BITS_OFFSET_8
    return array_at(u64, span.start_addr + offset)


def init_pointer_bits(span: MSpan) -> None:
    """Set all pointer bits of a new span."""
    memset(address(pointer_bits(span)), 0xFF, POINTER_BITS_BYTES)


def set_pointer_bits(span: MSpan, first: u64, end: u64) -> None:
    """Set the pointer bits of all words of the slots first ... end - 1."""
    bits = pointer_bits(span)
    bit = first * span.elem_size >> LOG_PTR_SIZE
    last = end * span.elem_size >> LOG_PTR_SIZE
    while bit < last:
        word = bit // WORD_BITS
        mask = u64(u64(ALL_ONES) << bit % WORD_BITS)
        bit = (word + 1) * WORD_BITS
        if bit > last:
            mask = mask & low_bits(last % WORD_BITS)
        bits[word] = bits[word] | mask


@inline
def clear_pointer_bits(addr: uintptr, scalars: u64, nwords: u64) -> None:
    """Clear the pointer bits of those words of the object at addr whose bit in scalars is set; they are below nwords.

    The object lies in a page with inline bits. One of 2^n words has a slot of that size, and its bits are in one word.
    """
    first = (addr & PAGE_MASK) >> LOG_PTR_SIZE
    at = align_down(addr, PAGE_SIZE) + POINTER_BITS_OFFSET + first // WORD_BITS * PTR_SIZE
    shift = first % WORD_BITS
    store(u64, at, u64(load(u64, at) & ~(scalars << shift)))
    if nwords & (nwords - 1) != 0 and shift + nwords > WORD_BITS:
        rest = scalars >> (WORD_BITS - shift)
        store(u64, at + PTR_SIZE, u64(load(u64, at + PTR_SIZE) & ~rest))


@inline
def is_pointer_word(typ: Type, word: u64) -> bool:
    """Whether a word of a value of the type, counted from its start, is a pointer."""
    if word << LOG_PTR_SIZE >= typ.ptr_bytes:
        return False
    return u64(typ.gc_mask[word // BITS_PER_BYTE]) >> word % BITS_PER_BYTE & 1 != 0


@inline
def type_mask(typ: Type) -> u64:
    """The pointer words of a value of the type, which has pointers, in at most 64 words."""
    if typ.ptr_bytes <= BITS_PER_BYTE * PTR_SIZE:
        return u64(typ.gc_mask[0])
    mask: u64 = 0
    byte = (typ.ptr_bytes + 63) // 64
    while byte > 0:
        byte = byte - 1
        mask = u64(mask << BITS_PER_BYTE) | u64(typ.gc_mask[byte])
    return mask


@inline
def object_mask(typ: Type, size: u64) -> u64:
    """The pointer words of an object of size bytes, at most 512, that is one value of the type or an array of it."""
    mask = type_mask(typ)
    filled = typ.size >> LOG_PTR_SIZE
    nwords = size >> LOG_PTR_SIZE
    while filled < nwords:
        mask = mask | u64(mask << filled)
        filled = 2 * filled
    return mask & low_bits(nwords)


@inline
def write_pointer_bits(addr: uintptr, typ: Type, size: u64) -> None:
    """Make the pointer bits of the object at addr, all set, those of the type. Its page has inline bits."""
    nwords = size >> LOG_PTR_SIZE
    scalars = object_mask(typ, size) ^ low_bits(nwords)
    if scalars != 0:
        clear_pointer_bits(addr, scalars, nwords)
    assert read_pointer_bits(addr, nwords) == object_mask(typ, size), "H2: pointer bits differ from the type's"


def read_pointer_bits(addr: uintptr, nwords: u64) -> u64:
    """The pointer bits of so many words at addr, at most 64, in a page with inline bits."""
    first = (addr & PAGE_MASK) >> LOG_PTR_SIZE
    at = align_down(addr, PAGE_SIZE) + POINTER_BITS_OFFSET
    mask: u64 = 0
    for word in range(nwords):
        bit = first + word
        mask = mask | u64((load(u64, at + bit // WORD_BITS * PTR_SIZE) >> bit % WORD_BITS & 1) << word)
    return mask
