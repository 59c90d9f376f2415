"""Size classes: the 67 slot sizes that objects of up to 32 KiB are rounded up to, and what follows from each.

    class    1   2   3   4   5 ...  26  27 ...  32 ...    67      class 0: a large object, its span is its own slot
    bytes    8  16  24  32  48     512 576     1024     32768

The sizes are computed here, at import, from three rules:

    1. Candidates grow by a step: 8 bytes, 16 from 32, an eighth of the last power of two from 128, 256 from 2048.
    2. A candidate's span is the fewest pages that waste at most an eighth of themselves at the end. Neighbours with
       equally many pages and slots are one class: the larger.
    3. What the slots of a span leave over is shared out among them, in multiples of 128 bytes.

A span class is a size class and one bit: noscan, for objects without pointers. Spans of one page with slots of 16 to
512 bytes leave the page's last 128 bytes to bits, as in Go; their alloc bits are there (gc_bits.py). Scan spans up to
512 bytes keep their pointer bits before that, one per word; the slots have the rest.

    Z1  size_to_class(n) is the smallest class whose slots hold n bytes
    Z2  offset * DIV_MAGIC[class] >> 32 is the number of the slot that offset lies in, for every offset into a span
    Z3  slots * size + what the span keeps for its bits <= bytes of the span

Owner: nobody; constants. Go: internal/runtime/gc/sizeclasses.go, runtime/mheap.go spanClass.       Next: lock.py
"""

from __future__ import annotations

from itertools import pairwise

from runtime.layout import (
    INLINE_BITS_BYTES,
    INLINE_BITS_MAX_SIZE,
    INLINE_BITS_MIN_SIZE,
    MAX_BITMAP_SIZE,
    MAX_SMALL_SIZE,
    PAGE_SIZE,
    PTR_SIZE,
    TINY_SIZE,
)
from runtime.syspy import inline, table, u8, u16, u32, u64

SMALL_SIZE_DIV = 8  # classes of sizes up to SMALL_SIZE_MAX are looked up in these steps ...
SMALL_SIZE_MAX = 1024
LARGE_SIZE_DIV = 128  # ... and those of larger sizes in these


def _step(size: int) -> int:
    """Rule 1: the distance to the next candidate."""
    if size >= 2048:
        return 256
    if size >= 128:
        return 1 << (size.bit_length() - 4)
    return 16 if size >= 32 else 8


def _span_pages(size: int) -> int:
    """Rule 2: the fewest pages of which slots of this size leave at most an eighth unused."""
    npages = 1
    while npages * PAGE_SIZE % size > npages * PAGE_SIZE // 8:
        npages += 1
    return npages


def _size_classes() -> list[tuple[int, int]]:
    """(bytes per slot, pages per span) of every class, class 0 first."""
    candidates = [SMALL_SIZE_DIV]
    while candidates[-1] < MAX_SMALL_SIZE:
        candidates.append(candidates[-1] + _step(candidates[-1]))
    classes: dict[tuple[int, int], int] = {}
    for size in candidates:
        npages = _span_pages(size)
        classes[npages, npages * PAGE_SIZE // size] = size  # rule 2: a later equal takes the place
    shared_out = {  # rule 3
        max(size, npages * PAGE_SIZE // slots // LARGE_SIZE_DIV * LARGE_SIZE_DIV): npages
        for (npages, slots), size in classes.items()
    }
    return [(0, 0), *shared_out.items()]


def _reserved(size: int, npages: int, noscan: bool) -> int:
    """Bytes at the end of a span that its bits take."""
    marks = INLINE_BITS_BYTES if npages == 1 and INLINE_BITS_MIN_SIZE <= size <= INLINE_BITS_MAX_SIZE else 0
    pointers = 0 if noscan or size > MAX_BITMAP_SIZE else npages * PAGE_SIZE // PTR_SIZE // 8
    return marks + pointers


def _slots(size_class: int, noscan: bool) -> int:
    """Slots in a span of the class; class 0 has one, whatever its size."""
    size, npages = _CLASSES[size_class]
    return (npages * PAGE_SIZE - _reserved(size, npages, noscan)) // size if size else 1


def _class_per_step(first: int, last: int, step: int) -> list[int]:
    """The smallest class for first, first + step, ... last bytes."""
    classes = []
    size_class = 0
    for size in range(first, last + 1, step):
        while _CLASSES[size_class][0] < size:
            size_class += 1
        classes.append(size_class)
    return classes


_CLASSES = _size_classes()
NUM_SIZE_CLASSES = len(_CLASSES)
NUM_SPAN_CLASSES = 2 * NUM_SIZE_CLASSES

CLASS_TO_SIZE = table(u16, [size for size, _ in _CLASSES])  # bytes per slot
CLASS_TO_NPAGES = table(u8, [npages for _, npages in _CLASSES])  # pages per span
DIV_MAGIC = table(u32, [0xFFFF_FFFF // size + 1 if size else 0 for size, _ in _CLASSES])  # see Z2

SIZE_TO_CLASS_8 = table(u8, _class_per_step(0, SMALL_SIZE_MAX, SMALL_SIZE_DIV))
SIZE_TO_CLASS_128 = table(u8, _class_per_step(SMALL_SIZE_MAX, MAX_SMALL_SIZE, LARGE_SIZE_DIV))

SPAN_CLASS_TO_NELEMS = table(  # slots per span, by span class
    u16, [_slots(span_class >> 1, span_class & 1 == 1) for span_class in range(NUM_SPAN_CLASSES)]
)
MAX_OBJS_PER_SPAN = max(npages * PAGE_SIZE // size for size, npages in _CLASSES[1:])

# Z2: the magic number is too large by magic * size - 2**32, which must not add up to one over a span's bytes.
_EXCESS = [(0xFFFF_FFFF // size + 1) * size - (1 << 32) for size, _ in _CLASSES[1:]]

assert all(small < large for (small, _), (large, _) in pairwise(_CLASSES)), "Z1: the classes are out of order"
assert _CLASSES[-1][0] == MAX_SMALL_SIZE, "Z1: a small size has no class"
assert all(excess * npages * PAGE_SIZE < 1 << 32 for excess, (_, npages) in zip(_EXCESS, _CLASSES[1:], strict=True)), (
    "Z2: 32 bits are not precise enough to divide by a slot's size"
)
assert all(
    _slots(size_class, noscan) * size + _reserved(size, npages, noscan) <= npages * PAGE_SIZE
    for noscan in (False, True)
    for size_class, (size, npages) in enumerate(_CLASSES)
), "Z3: the slots of a span and its bits overlap"

TINY_SIZE_CLASS = [size for size, _ in _CLASSES].index(TINY_SIZE)
TINY_SPAN_CLASS = TINY_SIZE_CLASS << 1 | 1


@inline
def size_to_class(size: u64) -> u64:
    """The smallest size class whose slots hold size bytes. Size is at most MAX_SMALL_SIZE."""
    if size <= SMALL_SIZE_MAX - SMALL_SIZE_DIV:
        return u64(SIZE_TO_CLASS_8[(size + (SMALL_SIZE_DIV - 1)) // SMALL_SIZE_DIV])
    return u64(SIZE_TO_CLASS_128[(size + (LARGE_SIZE_DIV - 1) - SMALL_SIZE_MAX) // LARGE_SIZE_DIV])


@inline
def make_span_class(size_class: u64, noscan: bool) -> u64:
    """The span class of a size class, for objects without (noscan) or with pointers."""
    return size_class << 1 | (u64(1) if noscan else u64(0))


@inline
def slot_index(offset: u64, div_magic: u64) -> u64:
    """The number of the slot at offset bytes from the span's start; div_magic is its class's DIV_MAGIC."""
    return offset * div_magic >> 32
