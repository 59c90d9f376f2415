"""Layout: how many bytes a value takes, where its fields lie, and which of its words are pointers.

    struct { a byte; p *T; s string }       word   0      1      2      3
                                                   a...   p      data   len      size 32, align 8
                                            mask   0      1      1      0        pointer_mask 0b0110

Sizes and offsets are Go's on amd64. Of an interface only the second word is a pointer into the heap: the first one
leads to a type, which is never collected.

    LA1  size is a multiple of align
    LA2  bit i of pointer_mask is word i; no bit at or above pointer_bytes / 8

Go: cmd/compile/internal/types/size.go.                         Next: objects.py
"""

from __future__ import annotations

from functools import cache

from lang.go_types import Array, Basic, Chan, Interface, Kind, Map, Pointer, Signature, Slice, Struct, Type

WORD = 8  # bytes
MAX_SIZE = 1 << 50  # bytes; Go's compiler has no type that takes so many
MAX_EMPTY = 1 << 24  # elements of an array that takes no bytes: CPython needs memory for each, to describe it


@cache
def size_of(t: Type) -> int:
    """Bytes that a value of type t takes in memory."""
    size = _size_of(t)
    assert size % align_of(t) == 0, f"LA1: {t} takes {size} bytes"
    return size


def _size_of(t: Type) -> int:
    under = t.underlying
    match under:
        case Basic(kind=Kind.BOOL):
            return 1
        case Basic(kind=Kind.STRING) | Interface():
            return 2 * WORD
        case Basic():
            return under.bits // 8
        case Slice():
            return 3 * WORD
        case Array(length, elem):
            return length * size_of(elem)
        case Struct():
            return _struct_layout(under)[1]
        case Pointer() | Map() | Chan() | Signature():
            return WORD
    raise AssertionError(f"no size for {t}")


@cache
def align_of(t: Type) -> int:
    """The power of two that divides every address of a value of type t."""
    under = t.underlying
    match under:
        case Basic(kind=Kind.BOOL):
            return 1
        case Basic(kind=Kind.STRING):
            return WORD
        case Basic():
            return max(under.bits // 8, 1)
        case Array(_, elem):
            return align_of(elem)
        case Struct(fields):
            return max((align_of(f.type) for f in fields), default=1)
    return WORD


def field_offsets(struct: Struct) -> tuple[int, ...]:
    """Where each field begins, in bytes from the start of the struct."""
    return _struct_layout(struct)[0]


@cache
def _struct_layout(struct: Struct) -> tuple[tuple[int, ...], int]:
    """Offsets of the fields and size of the whole.

    A last field of size zero is given a byte, so that its address stays inside the object.
    """
    offsets, end, align = [], 0, 1
    for f in struct.fields:
        align = max(align, align_of(f.type))
        offset = _round_up(end, align_of(f.type))
        offsets.append(offset)
        end = offset + size_of(f.type)
    if struct.fields and end > 0 and size_of(struct.fields[-1].type) == 0:
        end += 1
    return tuple(offsets), _round_up(end, align)


def _round_up(n: int, align: int) -> int:
    return (n + align - 1) // align * align


@cache
def pointer_mask(t: Type) -> int:
    """A bit for each word of a value that holds a heap pointer, the first word lowest (LA2)."""
    under = t.underlying
    match under:
        case Basic(kind=Kind.STRING) | Slice() | Pointer() | Map() | Chan() | Signature():
            return 1
        case Interface():
            return 0b10
        case Array(length, elem):
            return _repeated(pointer_mask(elem), size_of(elem) // WORD, length)
        case Struct(fields):
            mask = 0
            for f, offset in zip(fields, field_offsets(under), strict=True):
                mask |= pointer_mask(f.type) << (offset // WORD)
            return mask
    return 0


def _repeated(mask: int, words: int, count: int) -> int:
    """`count` copies of a mask, `words` bits apart, by doubling."""
    if mask == 0 or count == 0:
        return 0
    half = _repeated(mask, words, count // 2)
    both = half | half << (words * (count // 2))
    return both | mask << (words * (count - 1)) if count % 2 else both


def pointer_bytes(t: Type) -> int:
    """Bytes up to and including the last pointer word: what a collector has to look at."""
    end = pointer_mask(t).bit_length() * WORD
    assert end <= size_of(t), f"LA2: a pointer behind the end of {t}"
    return end


def has_pointers(t: Type) -> bool:
    """Whether a value of type t can lead into the heap."""
    return pointer_mask(t) != 0
