"""Walk: every object of a heap, the object that an address belongs to, and where its pointers are.

    span   |##o.#===......|     # o  objects, o dead: unmarked, in a span that is still to be swept
                                .    free
                                =    an open run: taken in the span, and nobody's yet

An object is a slot that is taken, no part of an open run, and not dead. What an embedder hands over as an object is
looked up here, since a root or a pointer to anything else in the heap would make the collector throw.

    type known        objects above 512 bytes with pointers: it stands before them, or in the MSpan
    type not known    smaller ones, which have a pointer bitmap, and those without pointers

Owner: whoever runs on the P; nothing is changed. Go: runtime/heapdump.go is the nearest.     Next: boundary.py
"""

from __future__ import annotations

from runtime.arenas import find_object, next_span
from runtime.heap_bits import read_pointer_bits
from runtime.layout import LOG_PTR_SIZE
from runtime.mheap import MHeap
from runtime.mspan import MSpan, has_bit, has_inline_bits, has_pointer_bits, header_bytes, is_taken, slot_addr
from runtime.proc import G
from runtime.specials import will_live_on
from runtime.sweep import needs_sweep
from runtime.syspy import Array, address, array_at, is_nil, load, nil, offsetof, u64, uintptr
from runtime.world import is_in_run

ENTRY_WORDS = 3  # words that list_objects writes for an object: address, bytes, address of its type or 0


def is_object(g: G, span: MSpan, slot: u64) -> bool:
    """Whether a slot of a span in use is an object."""
    if not is_taken(span, slot):
        return False
    if needs_sweep(span, g.heap.sweep_gen):
        return has_bit(span.mark_bits, slot) or will_live_on(g.heap.specials, span, slot)
    return not is_in_run(g.runtime.world, u64(span.span_class), slot_addr(span, slot))


def type_of(span: MSpan, slot: u64) -> uintptr:
    """The address of the type of the object in a slot; 0 if it is not known."""
    if header_bytes(span) != 0:
        return load(uintptr, slot_addr(span, slot))
    return address(span.large_type) if span.span_class == 0 else u64(0)


def object_at(g: G, addr: uintptr) -> tuple[uintptr, u64, uintptr, u64]:
    """The object that addr points to or into: first byte, bytes, type if known, else its pointer words. 0 for none."""
    start, span, slot = find_object(g.heap.arenas, addr)
    if is_nil(span) or not is_object(g, span, slot) or addr < start + header_bytes(span):
        return 0, 0, 0, 0
    header = header_bytes(span)
    return start + header, span.elem_size - header, type_of(span, slot), pointer_words(span, start)


def pointer_words(span: MSpan, start: uintptr) -> u64:
    """The pointer words of an object that has a pointer bitmap, one bit each; 0 for any other."""
    if not has_pointer_bits(span.elem_size, u64(span.span_class)):
        return 0
    return read_pointer_bits(start, span.elem_size >> LOG_PTR_SIZE) if has_inline_bits(span.elem_size) else u64(1)


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
