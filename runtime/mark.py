"""Mark: from the roots to everything they reach.

    white    not reached: no mark bit
    grey     marked, in the work queue: its pointers have not been followed
    black    marked and scanned, or without pointers

    shade(p)    white -> grey: find the object that p points to or into, set its mark bit, put it in the queue
    drain()     grey -> black: take an object, shade every pointer in it; until the queue is empty

Nearly all objects lie in spans of one page with inline bits (mspan.py). For those everything is found from the
pointer itself: one byte of the arena tells the span class, the class gives the slot by a multiplication, and mark
bits and pointer bits lie in the same page. The MSpan is not read. Objects without pointers are marked, and never
touched.

The world is stopped and one thread marks, so a mark is a plain load and store. Go has to lock the bus for each, and
to keep track of who scans which span. An object is prefetched when it is put in the queue.

    MK1  what is marked is in a span in use
    MK2  after drain, without overflow, all that marked objects point to is marked

Owner: the collector, while the world is stopped. Go: runtime/mgcmark.go, mgcmark_greenteagc.go.      Next: heap.py
"""

from __future__ import annotations

from runtime.arenas import (
    WINDOW_BYTES,
    ArenaMap,
    HeapArena,
    arena_of,
    clear_page_marks,
    is_in_arenas,
    is_in_window,
    next_in_use,
    next_span,
    page_of,
    span_of,
    window_page,
)
from runtime.gc_bits import inline_mark_offset
from runtime.heap_bits import POINTER_BITS_OFFSET, is_pointer_word
from runtime.layout import (
    LOG_PTR_SIZE,
    MALLOC_HEADER_SIZE,
    MAX_BITMAP_SIZE,
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGES_PER_ARENA,
    PTR_SIZE,
    align_down,
)
from runtime.mspan import (
    SPAN_IN_USE,
    WORD_BITS,
    MSpan,
    count_bits,
    has_bit,
    has_inline_bits,
    set_bit,
    slot_addr,
    slot_of,
)
from runtime.os_memory import MemoryStats
from runtime.roots import GlobalRange, Roots
from runtime.size_classes import CLASS_TO_SIZE, DIV_MAGIC, NUM_SPAN_CLASSES, SPAN_CLASS_TO_NELEMS
from runtime.specials import FINALIZER, WEAK_HANDLE, Specials
from runtime.syspy import (
    Array,
    Inline,
    Struct,
    array_at,
    cold,
    ctz64,
    inline,
    is_nil,
    likely,
    load,
    nil,
    prefetch,
    store,
    struct,
    table,
    throw,
    u8,
    u32,
    u64,
    uintptr,
    unlikely,
)
from runtime.types import Type
from runtime.work_queue import (
    FLAGS,
    OTHER,
    PIECE_WORDS,
    REST,
    WorkQueue,
    grow_queue,
    queue_init,
    shrink_queue,
)

# By span class: DIV_MAGIC, and the words of a slot that has its pointer bits in its page, one bit each.
SPAN_DIV_MAGIC = table(u64, [DIV_MAGIC[span_class >> 1] for span_class in range(NUM_SPAN_CLASSES)])
SPAN_WORDS = table(
    u64,
    [
        (1 << CLASS_TO_SIZE[span_class >> 1] // PTR_SIZE) - 1
        if CLASS_TO_SIZE[span_class >> 1] <= MAX_BITMAP_SIZE
        else 0
        for span_class in range(NUM_SPAN_CLASSES)
    ],
)


@struct
class Marker(Struct):
    """The state of one marking."""

    arenas: ArenaMap  # of the heap; the next three are copies of its fields
    inline_class: Array[u8]  # span classes of pages with inline bits
    page_marks: Array[u8]  # of the same pages: whether an object was marked
    window_base: uintptr  # where they begin
    has_outside: bool  # whether there are arenas that they do not cover
    ignores_bad_pointers: bool  # GODEBUG=invalidptr=0
    mark_offset: u64  # where in a page the mark bits are, in bytes
    marked_bytes: u64  # bytes of the marked objects, counted when marking is over
    queue: Inline[WorkQueue]  # the grey objects


def marker_init(marker: Marker, arenas: ArenaMap, memory: MemoryStats) -> bool:
    """Prepare an all-zero Marker. False if the system refuses memory."""
    marker.arenas = arenas
    return queue_init(marker.queue, memory)


def start_marking(marker: Marker, sweep_gen: u32) -> None:
    """Begin a mark phase. All spans are swept."""
    clear_page_marks(marker.arenas)
    marker.inline_class = marker.arenas.inline_class
    marker.page_marks = marker.arenas.page_marks
    marker.window_base = marker.arenas.window_base
    marker.has_outside = marker.arenas.has_outside
    marker.mark_offset = inline_mark_offset(sweep_gen)
    marker.marked_bytes = 0
    marker.queue.has_overflowed = False


def finish_marking(marker: Marker) -> None:
    """Mark what is reachable from the grey objects, whatever happens to the queue (MK2)."""
    drain(marker)
    while marker.queue.has_overflowed:
        marker.queue.has_overflowed = False
        rescan(marker)
    shrink_queue(marker.queue)
    count_marked(marker)


# --- Shading ---------------------------------------------------------------------------------------------------------


@inline
def shade(marker: Marker, p: uintptr, top: uintptr) -> uintptr:
    """Mark the object that p points into, if there is a white one. From the end of the queue to its new end."""
    offset = u64(p - marker.window_base)
    if offset >= WINDOW_BYTES:
        return shade_other(marker, p, top) if unlikely(marker.has_outside) else top
    span_class = u64(marker.inline_class[offset >> PAGE_SHIFT])
    if unlikely(span_class == 0):
        return shade_other(marker, p, top)
    # One product gives the slot (Z2) and, in its lower half, whether p is the start of it.
    magic = SPAN_DIV_MAGIC[span_class]
    product = (p & PAGE_MASK) * magic
    at = align_down(p, PAGE_SIZE) + marker.mark_offset + (product >> 38) * PTR_SIZE
    marks = load(u64, at)
    mark = u64(u64(1) << (product >> 32) % WORD_BITS)
    if marks & mark != 0:
        return top
    store(u64, at, marks | mark)
    if unlikely(marks == 0):
        marker.page_marks[offset >> PAGE_SHIFT] = 1
    if span_class & 1 != 0:
        return top
    if unlikely(u64(u32(product)) >= magic):
        return put_entry(top, align_down(p, PAGE_SIZE) + (product >> 32) * u64(CLASS_TO_SIZE[span_class >> 1]))
    # What is put is p, not what was computed from it: the processor can scan before it knows that they are equal.
    prefetch(p)
    store(uintptr, top, p)
    return top + PTR_SIZE


@cold
def put_entry(top: uintptr, entry: uintptr) -> uintptr:
    """Put an entry in the queue; the new end."""
    store(uintptr, top, entry)
    return top + PTR_SIZE


def shade_other(marker: Marker, p: uintptr, top: uintptr) -> uintptr:
    """The same for a pointer that leads outside of the window, or to a page that has no inline bits."""
    arenas = marker.arenas
    if not is_in_arenas(arenas, p) or is_nil(arena_of(arenas, p)):
        return top
    span = arena_of(arenas, p).spans[page_of(p)]
    if is_nil(span) or span.state != SPAN_IN_USE or p < span.start_addr or p >= span.limit:
        if not marker.ignores_bad_pointers:
            bad_pointer(p)
        return top
    slot = slot_of(span, p)
    if has_bit(span.mark_bits, slot):
        return top
    set_bit(span.mark_bits, slot)
    if span.span_class & 1 != 0:
        return top
    prefetch(slot_addr(span, slot))
    return put_entry(top, slot_addr(span, slot) | OTHER)


@cold
def bad_pointer(p: uintptr) -> None:
    """MK1 is broken."""
    throw("MK1: found bad pointer in the heap: it leads to a page without objects", p)


# --- Scanning --------------------------------------------------------------------------------------------------------


def drain(marker: Marker) -> None:
    """Scan grey objects until there is none."""
    queue = marker.queue
    top = queue.top
    while top != queue.base:
        if unlikely(top > queue.brim):
            queue.top = top
            if not grow_queue(queue):
                # With entries dropped there is room again for the children of the next.
                queue.has_overflowed = True
                queue.top = drop_entry(top)
            top = queue.top
            continue
        top = top - PTR_SIZE
        entry = load(uintptr, top)
        if likely(entry & FLAGS == 0):
            span_class = u64(marker.inline_class[(entry - marker.window_base) >> PAGE_SHIFT])
            top = scan_small(marker, entry, span_class, top)
        elif entry & REST == 0:
            top = scan_other(marker, entry ^ OTHER, top)
        else:
            top = top - PTR_SIZE
            top = scan_piece(marker, entry ^ REST, load(uintptr, top), top)
        assert top <= queue.limit, "Q1: the queue's end lies beyond its room"
    queue.top = top


def drop_entry(top: uintptr) -> uintptr:
    """Take the last entry out, which may be of two words, and forget it."""
    top = top - PTR_SIZE
    return top if load(u64, top) & REST == 0 else top - PTR_SIZE


@inline
def scan_small(marker: Marker, addr: uintptr, span_class: u64, top: uintptr) -> uintptr:
    """Shade the pointers of an object whose span has inline bits; top as for shade."""
    # The bits of an object fit in the 64 from the byte on that they start in, for every size of slot.
    first = (addr & PAGE_MASK) >> LOG_PTR_SIZE
    at = align_down(addr, PAGE_SIZE) + POINTER_BITS_OFFSET + first // 8
    pointers = load(u64, at) >> first % 8 & SPAN_WORDS[span_class]
    # The first two words have code of their own: their addresses do not wait for the bits, which only decide a branch.
    if pointers & 1 != 0:
        top = shade(marker, load(uintptr, addr), top)
    if pointers & 2 != 0:
        top = shade(marker, load(uintptr, addr + PTR_SIZE), top)
    pointers = pointers >> 2 << 2
    while pointers != 0:
        word = ctz64(pointers)
        pointers = pointers & (pointers - 1)
        top = shade(marker, load(uintptr, addr + word * PTR_SIZE), top)
    return top


def scan_other(marker: Marker, addr: uintptr, top: uintptr) -> uintptr:
    """Shade the pointers of any object, of a large one those of the first piece."""
    span = span_of(marker.arenas, addr)
    if span.elem_size == PTR_SIZE:
        return shade(marker, load(uintptr, addr), top)
    if has_inline_bits(span.elem_size):
        return scan_small(marker, addr, u64(span.span_class), top)
    is_large = span.span_class >> 1 == 0
    if is_large and is_nil(span.large_type):
        return top  # its thread is still zeroing it
    header: u64 = 0 if is_large else MALLOC_HEADER_SIZE
    return scan_piece(marker, addr, addr + header, top)


def scan_piece(marker: Marker, addr: uintptr, start: uintptr, top: uintptr) -> uintptr:
    """Shade the pointers of the large object at addr, one piece from start on; put its rest in the queue first."""
    span = span_of(marker.arenas, addr)
    is_large = span.span_class >> 1 == 0
    typ = span.large_type if is_large else Type.at(load(uintptr, addr))
    first = addr if is_large else addr + MALLOC_HEADER_SIZE
    end = span.limit if is_large else addr + span.elem_size
    if end - start > PIECE_WORDS * PTR_SIZE:
        end = start + PIECE_WORDS * PTR_SIZE
        store(uintptr, top, end)
        store(u64, top + PTR_SIZE, addr | REST)
        top = top + 2 * PTR_SIZE
    return scan_range(marker, typ, start, end, (start - first) % typ.size, top)


def scan_range(marker: Marker, typ: Type, start: uintptr, end: uintptr, offset: u64, top: uintptr) -> uintptr:
    """Shade the pointers in [start, end), an array of values of the type; start is so many bytes into one of them."""
    addr = start
    if typ.size == PTR_SIZE:
        while addr < end:
            top = shade(marker, load(uintptr, addr), top)
            addr = addr + PTR_SIZE
        return top
    while addr < end:
        if offset >= typ.ptr_bytes:
            addr = addr + (typ.size - offset)
            offset = 0
        else:
            if is_pointer_word(typ, offset >> LOG_PTR_SIZE):
                top = shade(marker, load(uintptr, addr), top)
            addr = addr + PTR_SIZE
            offset = offset + PTR_SIZE
            if offset == typ.size:
                offset = 0
    return top


# --- Roots -----------------------------------------------------------------------------------------------------------


def mark_root(marker: Marker, p: uintptr) -> None:
    """Shade what a root points to. Scans some of the queue when that gets full."""
    queue = marker.queue
    if queue.top > queue.brim:
        drain(marker)
    queue.top = shade(marker, p, queue.top)


def mark_words(marker: Marker, start: uintptr, end: uintptr) -> None:
    """Mark from every word of a range: a shadow stack, or the table of handles."""
    for addr in range(start, end, PTR_SIZE):
        mark_root(marker, load(uintptr, addr))


def mark_globals(marker: Marker, roots: Roots) -> None:
    """Mark from the pointers of all ranges of globals."""
    ranges = roots.globals
    while not is_nil(ranges):
        mark_global_range(marker, ranges)
        ranges = ranges.next


def mark_global_range(marker: Marker, r: GlobalRange) -> None:
    """Mark from the pointers of one range of globals."""
    for word in range(r.size >> LOG_PTR_SIZE):
        if u64(r.mask[word // 8]) >> word % 8 & 1 != 0:
            mark_root(marker, load(uintptr, r.start_addr + word * PTR_SIZE))


def mark_specials(marker: Marker, specials: Specials) -> None:
    """Mark what specials keep alive, not their objects; and all that the calls which are ready are to get."""
    root = specials.roots
    while not is_nil(root):
        special = root.special
        if special.kind == WEAK_HANDLE:
            mark_root(marker, special.value)
        else:
            if special.kind == FINALIZER:
                mark_from(marker, special.value)
            mark_root(marker, root.fn)
            mark_root(marker, root.arg)
        root = root.next
    root = specials.ready
    while not is_nil(root):
        if root.special.kind == FINALIZER:
            mark_root(marker, root.special.value)
        mark_root(marker, root.fn)
        mark_root(marker, root.arg)
        root = root.next


def mark_from(marker: Marker, p: uintptr) -> None:
    """Mark what the object at p leads to, not the object: it dies when only its finalizer leads to it.

    If the queue overflows nobody finds the object again (rescan), so it is put where nothing is dropped: at the base.
    """
    drain(marker)
    span = span_of(marker.arenas, p)
    slot = slot_of(span, p)
    if span.span_class & 1 == 0 and not has_bit(span.mark_bits, slot):
        marker.queue.top = put_entry(marker.queue.top, slot_addr(span, slot) | OTHER)
        drain(marker)


# --- Over all marked objects -----------------------------------------------------------------------------------------


def count_marked(marker: Marker) -> None:
    """Add up what is marked. That costs less than counting each object when it is marked."""
    arena = marker.arenas.first
    while not is_nil(arena):
        page = next_in_use(arena, 0)
        while page < PAGES_PER_ARENA:
            marker.marked_bytes = marker.marked_bytes + marked_in_span(marker, arena, page)
            page = next_in_use(arena, page + 1)
        arena = arena.next


def marked_in_span(marker: Marker, arena: HeapArena, page: u64) -> u64:
    """Bytes of the marked objects of the span that starts at a page."""
    addr = arena.start_addr + page * PAGE_SIZE
    if is_in_window(marker.arenas, addr):
        at = window_page(marker.arenas, addr)
        span_class = u64(marker.inline_class[at])
        if span_class != 0:
            # Neither the MSpan nor, if the page has no mark, its bits are touched.
            if marker.page_marks[at] == 0:
                return 0
            marks = array_at(u64, addr + marker.mark_offset)
            return count_bits(marks, u64(SPAN_CLASS_TO_NELEMS[span_class])) * u64(CLASS_TO_SIZE[span_class >> 1])
    span = arena.spans[page]
    return count_bits(span.mark_bits, u64(span.nelems)) * span.elem_size


def rescan(marker: Marker) -> None:
    """After an overflow: scan every marked object of the heap again."""
    span = next_span(marker.arenas, nil(MSpan))
    while not is_nil(span):
        if span.span_class & 1 == 0:
            rescan_span(marker, span)
        span = next_span(marker.arenas, span)


def rescan_span(marker: Marker, span: MSpan) -> None:
    """Scan every marked object of a span again."""
    queue = marker.queue
    for slot in range(u64(span.nelems)):
        if has_bit(span.mark_bits, slot):
            queue.top = put_entry(queue.top, slot_addr(span, slot) | OTHER)
            drain(marker)
