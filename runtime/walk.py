"""Walk: every object of a heap, the object that an address belongs to, and the pointers of an object.

    span   |##o.#===......|     # o  objects, o dead: unmarked, in a span that is still to be swept
                                .    free
                                =    the open run: taken in the span, and nobody's yet

An object is a slot that is taken, not part of an open run, and not dead. What an embedder hands over as an object is
looked up here, since a root or a pointer to anything else in the heap would make the collector throw.

    type known        objects above 512 bytes with pointers: it stands before them, or in the MSpan
    type not known    smaller ones, which have a pointer bitmap, and those without pointers

Owner: whoever runs on the P; nothing is changed. Go: runtime/heapdump.go is the nearest.     Next: boundary.py
"""

from __future__ import annotations

from runtime.arenas import find_object, next_span
from runtime.heap_check import is_pointer_at
from runtime.layout import MALLOC_HEADER_SIZE, MAX_BITMAP_SIZE, PTR_SIZE
from runtime.mcache import MCache
from runtime.mheap import MHeap
from runtime.mspan import MSpan, has_bit, is_taken, slot_addr
from runtime.proc import G
from runtime.sweep import needs_sweep
from runtime.syspy import Array, address, array_at, inline, is_nil, load, nil, offsetof, u64, uintptr

ENTRY_WORDS = 3  # words that list_objects writes for an object: address, bytes, address of its type or 0


def is_object(g: G, span: MSpan, slot: u64) -> bool:
    """Whether a slot of a span in use is an object."""
    if not is_taken(span, slot):
        return False
    if needs_sweep(span, g.heap.sweep_gen):
        return has_bit(span.mark_bits, slot)
    return not is_in_run(g.m_cache, u64(span.span_class), slot_addr(span, slot))


@inline
def is_in_run(cache: MCache, span_class: u64, slot: uintptr) -> bool:
    """Whether a slot belongs to the run that the P is handing out: MC2."""
    return slot >= cache.run_next[span_class] and slot < cache.run_limit[span_class]


@inline
def header_bytes(span: MSpan) -> u64:
    """The bytes of a slot before its object."""
    if span.span_class & 1 == 0 and span.elem_size > MAX_BITMAP_SIZE and span.span_class > 1:
        return MALLOC_HEADER_SIZE
    return 0


def type_of(span: MSpan, slot: u64) -> uintptr:
    """The address of the type of the object in a slot; 0 if it is not known."""
    if header_bytes(span) != 0:
        return load(uintptr, slot_addr(span, slot))
    return address(span.large_type) if span.span_class == 0 else u64(0)


def object_at(g: G, addr: uintptr) -> tuple[uintptr, u64, uintptr, bool]:
    """The object that addr points to or into: first byte, bytes, type if known, whether it has pointers. 0 for none."""
    start, span, slot = find_object(g.heap.arenas, addr)
    if is_nil(span) or not is_object(g, span, slot) or addr < start + header_bytes(span):
        return 0, 0, 0, False
    header = header_bytes(span)
    return start + header, span.elem_size - header, type_of(span, slot), span.span_class & 1 == 0


def is_reference(g: G, word: u64) -> bool:
    """Whether a word may be stored as a pointer: nil, the address of or in an object, or that of what has no bytes."""
    if word == 0 or word == address(g.heap) + offsetof(MHeap, "zero_base"):
        return True
    start, span, slot = find_object(g.heap.arenas, word)
    return not is_nil(span) and is_object(g, span, slot) and word >= start + header_bytes(span)


def count_objects(g: G) -> u64:
    """How many objects there are."""
    return list_objects(g, array_at(u64, 0), 0)


def list_objects(g: G, out: Array[u64], room: u64) -> u64:
    """Write ENTRY_WORDS for each object, as far as there is room for so many; returns how many objects there are."""
    count: u64 = 0
    span = next_span(g.heap.arenas, nil(MSpan))
    while not is_nil(span):
        for slot in range(u64(span.nelems)):
            if is_object(g, span, slot):
                if count < room:
                    put_entry(out, count * ENTRY_WORDS, span, slot)
                count = count + 1
        span = next_span(g.heap.arenas, span)
    return count


def put_entry(out: Array[u64], at: u64, span: MSpan, slot: u64) -> None:
    """Write the entry of an object."""
    header = header_bytes(span)
    out[at] = slot_addr(span, slot) + header
    out[at + 1] = span.elem_size - header
    out[at + 2] = type_of(span, slot)


def list_pointers(g: G, addr: uintptr, out: Array[u64], room: u64) -> u64:
    """Write the offsets of the pointer words of the object that starts at addr, as far as there is room for so many.

    Returns how many there are.
    """
    start, span, slot = find_object(g.heap.arenas, addr)
    count: u64 = 0
    if is_nil(span) or not is_object(g, span, slot) or span.span_class & 1 != 0:
        return 0
    header = header_bytes(span)
    for offset in range(header, span.elem_size, PTR_SIZE):
        if is_pointer_at(span, start, offset):
            if count < room:
                out[count] = offset - header
            count = count + 1
    return count


def has_pointer_at(g: G, addr: uintptr, offset: u64) -> bool:
    """Whether the word at an offset of the object that starts at addr is a pointer."""
    start, span, slot = find_object(g.heap.arenas, addr)
    if is_nil(span) or not is_object(g, span, slot) or span.span_class & 1 != 0:
        return False
    return is_pointer_at(span, start, offset + header_bytes(span))
