"""Mark: from the roots to everything they reach.

    white    not reached: no mark bit
    grey     marked, in the work queue: its pointers have not been followed
    black    marked and scanned, or without pointers

    shade(p)    white -> grey: find the object that p points to or into, set its mark bit, put it in the queue
    drain()     grey -> black: take an object, shade every pointer in it; until the queue is empty

Nearly all objects lie in spans of one page with inline bits (mspan.py). For those everything is found from the
pointer itself: one byte of the arena tells the span class, the class gives the slot by a multiplication, and the page's
number where its mark bits are (gc_bits.py); the pointer bits lie in the page. The MSpan is not read. Objects without
pointers are marked, and never touched.

The world is stopped, and as long as one thread marks, a mark is a plain load and store. So it is with two: each has
mark bits of its own, of the whole heap, and looks at the other's as well (mark_team.py). An atomic `or` for each object
would take as long as all the rest. More than two share each set of bits, and pay that. None of them asks whether it was
the first: an object that two claim at the same moment is scanned twice, and that costs less than the answer.

Memory is asked for before it is needed. An object that is taken from the queue goes into a ring first, and the one that
has been there longest is scanned, once RING_ENTRIES are there or the queue is empty: so up to so many wait at a time.
The single object of a list goes past the ring, as there is nothing to wait for together. The objects of an array are
scanned in the order of the array, each asked for some time before.

Objects are taken one by one, not span by span as by Go's Green Tea collector, whose gain is that memory is touched in
order and marks are found without a lookup. Both are had here without: by the order in which programs allocate, by the
ring where that fails, and by the one byte per page. Nanoseconds per object, one P, beside Go 1.27 in the same minute:

    10 million objects      here    Go               10 million             here    Go
    list, in order           3.9    29               tree                    5.8    19
    array of pointers        3.9    12               thirty lists            4.6    15
    array of noscan          2.1    11               1 million of 128 bytes
    list, shuffled           194    376              with 8 random edges      65    190

    without the ring: graph 121, tree 12.4       with mark bits that had no lines of their own: graph 173

On two Ps, nanoseconds on the wall on another machine (real heaps: the mean of bench/graphs). The third column has one
set of mark bits, set by atomic instructions. With marks that belong to one of two markers by their address, which write
to each other about pointers that lead there, real heaps took a third longer still.

    million objects                    one P     two Ps    atomic marks
    10    array of pointers             4.6        2.4        2.3
    10    tree                          7.4        5.0        7.2
    10    tree of uneven halves        16.4        8.6        9.4
    1     of 128 bytes, random edges     64         49         42
    10    thirty lists                  6.0        6.6        7.2
    10    list, shuffled                160        163        155
    1..2  real heaps                   19.2       10.9       11.4

One marker goes through the balanced tree in step with itself, and the processor foresees every branch; two do not. The
random graph is what twins are bad for: nearly every mark is looked for in two lines, and both markers write to both.

    MK1  what is marked is in a span in use
    MK2  after drain, without overflow, all that marked objects point to is marked
    MK3  ring_first <= ring_end <= ring_first + RING_ENTRIES: places of the ring are numbers modulo RING_ENTRIES

Owner: the collector, while the world is stopped. Go: runtime/mgcmark.go, mgcmark_greenteagc.go.      Next: heap.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.arenas import (
    WINDOW_BYTES,
    ArenaMap,
    HeapArena,
    arena_of,
    clear_page_marks,
    is_in_arenas,
    is_in_window,
    mark_line,
    next_in_use,
    next_span,
    page_of,
    span_of,
    window_page,
)
from runtime.heap_bits import POINTER_BITS_OFFSET
from runtime.layout import (
    CACHE_LINE,
    INLINE_HALF,
    LOG_PTR_SIZE,
    MALLOC_HEADER_SIZE,
    MAX_BITMAP_SIZE,
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGES_PER_ARENA,
    PTR_SIZE,
    align_down,
    smaller,
)
from runtime.lock import Mutex, lock, unlock
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
from runtime.roots import GlobalRange, Roots, is_local, local_pointer, local_words
from runtime.size_classes import CLASS_TO_SIZE, DIV_MAGIC, NUM_SPAN_CLASSES
from runtime.specials import FINALIZER, WEAK_HANDLE, Specials
from runtime.syspy import (
    Array,
    Inline,
    Struct,
    address,
    array_at,
    atomic_add,
    atomic_or_at,
    cold,
    ctz64,
    element,
    inline,
    is_nil,
    likely,
    load,
    memmove,
    nil,
    popcount64,
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
    queue_close,
    queue_init,
    shrink_queue,
)
from runtime.workbufs import (
    BUF_END,
    BUF_HEAD,
    BUF_WORDS,
    WorkShare,
    free_buf,
    hand_over,
    is_work_wanted,
    take_bufs,
    trim_share,
    wait_for_work,
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


LOOK_EVERY = 64  # entries from one look at who waits for work to the next
LEAST_WORDS = 8  # of a queue, half of which is handed over
LEAST_REST = 16 * PIECE_WORDS * PTR_SIZE  # bytes of an object's rest, half of which is handed over
RING_ENTRIES = 64  # objects that wait for their memory at a time
DEEP = 2 * PTR_SIZE  # bytes in the queue from which on objects go through the ring
AHEAD = 64 * PTR_SIZE  # bytes in an array of pointers, from the object that is scanned to the one that is asked for
SHORT_CLASS = 2 * 4 + 1  # up to this span class, of 32 bytes, nearly all objects lie in one cache line


@struct
class Marker(Struct):
    """The state of one marking."""

    arenas: ArenaMap  # of the heap; the next three are copies of its fields
    inline_class: Array[u8]  # span classes of pages with inline bits
    page_marks: Array[u8]  # of the same pages: whether an object was marked
    window_base: uintptr  # where they begin
    has_outside: bool  # whether there are arenas that they do not cover
    ignores_bad_pointers: bool  # GODEBUG=invalidptr=0
    in_steps: bool  # the program runs on in the middle of the marking: incremental.py
    lock: Inline[Mutex]  # covers the queue and the mark bits then, while the world is not stopped
    mark_lines: uintptr  # where this marker sets bits: of the heap's arenas, or of its team
    twin: u64  # bytes from there to the bits of the others; 0 without any
    marked_bytes: u64  # bytes of the marked objects, counted when marking is over
    scanned_bytes: u64  # of them, in objects with pointers
    queue: Inline[WorkQueue]  # the grey objects
    share: Inline[WorkShare]  # what goes to the other markers, when there are some
    ring: Annotated[Array[uintptr], RING_ENTRIES]  # grey objects whose memory is on its way, by number
    ring_first: u64  # number of the one that was put there first
    ring_end: u64  # number of the next; MK3


def marker_init(marker: Marker, arenas: ArenaMap, memory: MemoryStats) -> bool:
    """Prepare an all-zero Marker. False if the system refuses memory."""
    marker.arenas = arenas
    marker.share.memory = memory
    return queue_init(marker.queue, memory)


def marker_close(marker: Marker) -> None:
    """Give all memory back."""
    trim_share(marker.share, 0)
    queue_close(marker.queue)


def start_marking(marker: Marker) -> None:
    """Begin a mark phase, with this marker alone. All spans are swept."""
    clear_page_marks(marker.arenas)
    ready_marker(marker)
    marker.marked_bytes = 0
    marker.scanned_bytes = 0


def ready_marker(marker: Marker) -> None:
    """Make a marker ready for a marking."""
    look_at_arenas(marker)
    marker.queue.has_overflowed = False


def look_at_arenas(marker: Marker) -> None:
    """Look up what the marker needs to know of the heap's arenas, which may have become more."""
    marker.inline_class = marker.arenas.inline_class
    marker.page_marks = marker.arenas.page_marks
    marker.window_base = marker.arenas.window_base
    marker.has_outside = marker.arenas.has_outside
    marker.mark_lines = marker.arenas.mark_lines
    marker.twin = 0


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
def shade(marker: Marker, p: uintptr, top: uintptr, soon: bool, shared: bool) -> uintptr:
    """Mark the object that p points into, if there is a white one. From the end of the queue to its new end.

    soon: it will be scanned before it can wait in the ring, so its memory is asked for now.
    shared: other markers may mark as well at this moment.
    """
    found, top, _, _, _ = claim(marker, p, top, shared, False, 0, 0, 0)
    if found == 0:
        return top
    if soon:
        prefetch_object(p, found)
    # What is put is p, not what was computed from it: the processor can scan before it knows that they are equal.
    store(uintptr, top, p)
    return top + PTR_SIZE


@inline
def claim(
    marker: Marker, p: uintptr, top: uintptr, shared: bool, near: bool, at: uintptr, marks: u64, fresh: u64
) -> tuple[u64, uintptr, uintptr, u64, u64]:
    """Mark the object that p points into, if there is a white one.

    First the span class of what was white, starts at p and has pointers: its scanning is left to the caller. Or 0: what
    else is to be scanned is put in the queue. Then the queue's end, where the word of mark bits is that was looked at
    last, what it says now, and which of these bits others do not see yet.
    near: `at`, `marks` and `fresh` are those of the pointer before, and the caller ends with `publish`. Neighbours
    share a word, and to take it from where it has just been stored would make each wait for the one before.
    """
    nothing: u64 = 0
    offset = u64(p - marker.window_base)
    if offset >= WINDOW_BYTES:
        return nothing, shade_other(marker, p, top, shared) if unlikely(marker.has_outside) else top, at, marks, fresh
    span_class = u64(marker.inline_class[offset >> PAGE_SHIFT])
    if unlikely(span_class == 0):
        return nothing, shade_other(marker, p, top, shared), at, marks, fresh
    # One product gives the slot (Z2) and, in its lower half, whether p is the start of it.
    magic = SPAN_DIV_MAGIC[span_class]
    product = (p & PAGE_MASK) * magic
    word = marker.mark_lines + (offset >> PAGE_SHIFT) * INLINE_HALF + (product >> 38) * PTR_SIZE
    if not near or word != at:
        if shared and near:
            publish(marker, at, fresh)
            fresh = 0
        marks = load(u64, word)
        if shared:
            marks = marks | load(u64, uintptr(word + marker.twin))
    mark = u64(u64(1) << (product >> 32) % WORD_BITS)
    if marks & mark != 0:
        return nothing, top, word, marks, fresh
    if unlikely(marks == 0):
        marker.page_marks[offset >> PAGE_SHIFT] = 1
    marks = marks | mark
    if not shared:
        store(u64, word, marks)
    elif near:
        fresh = fresh | mark
    else:
        publish(marker, word, mark)
    if span_class & 1 != 0:
        return nothing, top, word, marks, fresh
    if unlikely(u64(u32(product)) >= magic):
        start = align_down(p, PAGE_SIZE) + (product >> 32) * u64(CLASS_TO_SIZE[span_class >> 1])
        return nothing, put_entry(top, start), word, marks, fresh
    return span_class, top, word, marks, fresh


@inline
def publish(marker: Marker, word: uintptr, fresh: u64) -> None:
    """Set bits of a word of mark bits, where others see them."""
    if fresh == 0:
        return
    if likely(marker.share.others == 1):
        store(u64, word, load(u64, word) | fresh)
    else:
        atomic_or_at(u64, word, fresh)


@cold
def put_entry(top: uintptr, entry: uintptr) -> uintptr:
    """Put an entry in the queue; the new end."""
    store(uintptr, top, entry)
    return top + PTR_SIZE


def shade_other(marker: Marker, p: uintptr, top: uintptr, shared: bool) -> uintptr:
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
    if not shared:
        set_bit(span.mark_bits, slot)
    elif not set_bit_first(span.mark_bits, slot):
        return top
    if span.span_class & 1 != 0:
        return top
    prefetch(slot_addr(span, slot))
    return put_entry(top, slot_addr(span, slot) | OTHER)


def set_bit_first(bits: Array[u64], index: u64) -> bool:
    """Set a bit that other markers may set as well. False if it was set."""
    bit = u64(u64(1) << index % WORD_BITS)
    return atomic_or_at(u64, address(element(bits, index // WORD_BITS)), bit) & bit == 0


@cold
def bad_pointer(p: uintptr) -> None:
    """MK1 is broken."""
    throw("MK1: found bad pointer in the heap: it leads to a page without objects", p)


# --- Scanning --------------------------------------------------------------------------------------------------------


def drain(marker: Marker) -> None:
    """Scan grey objects until there is none. There is no other marker."""
    drain_with(marker, False, False, 0)


def drain_some(marker: Marker, limit: u64) -> u64:
    """Scan so many entries of the queue, or all there are; how many that was. There is no other marker."""
    return drain_with(marker, False, True, limit)


def is_drained(marker: Marker) -> bool:
    """Whether there is no grey object."""
    return marker.queue.top == marker.queue.base and marker.ring_first == marker.ring_end


@inline
def has_others(marker: Marker) -> bool:
    """Whether there are other markers at work."""
    return marker.share.others != 0


@inline
def drain_with(marker: Marker, shared: bool, limited: bool, limit: u64) -> u64:
    """The same, for one of three copies; the entries that were taken, if somebody counts them.

    shared: other markers mark as well at this moment. They are handed work when they wait for it.
    limited: ends when so many entries were taken.
    """
    queue = marker.queue
    top = queue.top
    first = marker.ring_first
    end = marker.ring_end
    count: u64 = 0
    while True:
        if limited:
            if unlikely(count == limit):
                break
            count = count + 1
        if shared:
            count = count + 1
            if unlikely(count % LOOK_EVERY == 0) and is_work_wanted(marker.share.pool) and can_hand_over(queue, top):
                top = balance(marker, top)
        if unlikely(top == queue.base):
            if first == end:
                break
            entry = marker.ring[first % RING_ENTRIES]
            first = first + 1
        else:
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
            if unlikely(entry & FLAGS != 0):
                top = scan_flagged(marker, entry, top)
                assert top <= queue.limit, "Q1: the queue's end lies beyond its room"
                continue
            if first != end or top - queue.base >= DEEP:
                prefetch_object(entry, u64(marker.inline_class[(entry - marker.window_base) >> PAGE_SHIFT]))
                marker.ring[end % RING_ENTRIES] = entry
                end = end + 1
                if end - first < RING_ENTRIES and top != queue.base:
                    continue
                entry = marker.ring[first % RING_ENTRIES]
                first = first + 1
        span_class = u64(marker.inline_class[(entry - marker.window_base) >> PAGE_SHIFT])
        top = scan_small(marker, entry, span_class, top, shared)
        assert top <= queue.limit, "Q1: the queue's end lies beyond its room"
    queue.top = top
    marker.ring_first = first
    marker.ring_end = end
    return count


@inline
def scan_flagged(marker: Marker, entry: uintptr, top: uintptr) -> uintptr:
    """Scan what an entry with flags stands for, which has just been taken out; top as for shade."""
    if entry & REST == 0:
        return scan_other(marker, entry ^ OTHER, top)
    top = top - 2 * PTR_SIZE
    return scan_piece(marker, entry ^ REST, load(uintptr, top), load(uintptr, top + PTR_SIZE), top)


def drop_entry(top: uintptr) -> uintptr:
    """Take the last entry out, which may be of three words, and forget it."""
    top = top - PTR_SIZE
    return top if load(u64, top) & REST == 0 else top - 2 * PTR_SIZE


@inline
def pointer_bits_at(addr: uintptr) -> uintptr:
    """The byte in which the pointer bits of an object begin, in a page with inline bits."""
    return align_down(addr, PAGE_SIZE) + POINTER_BITS_OFFSET + (addr & PAGE_MASK) // (8 * PTR_SIZE)


@inline
def prefetch_object(addr: uintptr, span_class: u64) -> None:
    """Ask for the memory of an object whose span has inline bits, and of its pointer bits."""
    prefetch(addr)
    prefetch(pointer_bits_at(addr))
    if unlikely(span_class > SHORT_CLASS):
        last = addr + u64(CLASS_TO_SIZE[span_class >> 1]) - PTR_SIZE
        at = addr + CACHE_LINE
        while at < last:
            prefetch(at)
            at = at + CACHE_LINE
        prefetch(last)


@inline
def scan_small(marker: Marker, addr: uintptr, span_class: u64, top: uintptr, shared: bool) -> uintptr:
    """Shade the pointers of an object whose span has inline bits; top as for shade."""
    pointers = pointers_of(addr, span_class)
    # The first two words have code of their own: their addresses do not wait for the bits, which only decide a branch.
    if pointers & 1 != 0:
        top = shade(marker, load(uintptr, addr), top, False, shared)
    if pointers & 2 != 0:
        top = shade(marker, load(uintptr, addr + PTR_SIZE), top, False, shared)
    pointers = pointers >> 2 << 2
    while pointers != 0:
        word = ctz64(pointers)
        pointers = pointers & (pointers - 1)
        top = shade(marker, load(uintptr, addr + word * PTR_SIZE), top, False, shared)
    return top


@inline
def pointers_of(addr: uintptr, span_class: u64) -> u64:
    """The words of an object that are pointers, one bit each; its span has inline bits."""
    # They fit in the 64 bits from the byte on that they start in, for every size of slot.
    return load(u64, pointer_bits_at(addr)) >> (addr >> LOG_PTR_SIZE) % 8 & SPAN_WORDS[span_class]


def scan_other(marker: Marker, addr: uintptr, top: uintptr) -> uintptr:
    """Shade the pointers of any object, of a large one those of the first piece."""
    span = span_of(marker.arenas, addr)
    if span.elem_size == PTR_SIZE:
        return shade(marker, load(uintptr, addr), top, True, has_others(marker))
    if has_inline_bits(span.elem_size):
        return scan_small(marker, addr, u64(span.span_class), top, has_others(marker))
    if span.span_class >> 1 != 0:
        return scan_piece(marker, addr, addr + MALLOC_HEADER_SIZE, addr + span.elem_size, top)
    if is_nil(span.large_type):
        return top  # its thread is still zeroing it
    return scan_piece(marker, addr, addr, span.limit, top)


@inline
def put_rest(top: uintptr, addr: uintptr, start: uintptr, end: uintptr) -> uintptr:
    """Put in the queue that the object at addr is to be scanned from start to end; the queue's new end."""
    store(uintptr, top, start)
    store(uintptr, top + PTR_SIZE, end)
    store(u64, top + 2 * PTR_SIZE, addr | REST)
    return top + 3 * PTR_SIZE


def scan_piece(marker: Marker, addr: uintptr, start: uintptr, end: uintptr, top: uintptr) -> uintptr:
    """Shade the pointers in the first piece of [start, end) in the object at addr; put its rest in the queue first."""
    span = span_of(marker.arenas, addr)
    is_large = span.span_class >> 1 == 0
    typ = span.large_type if is_large else Type.at(load(uintptr, addr))
    first = addr if is_large else addr + MALLOC_HEADER_SIZE
    limit = span.limit if is_large else addr + span.elem_size
    if end - start > PIECE_WORDS * PTR_SIZE:
        top = put_rest(top, addr, start + PIECE_WORDS * PTR_SIZE, end)
        end = start + PIECE_WORDS * PTR_SIZE
        for line in range(PIECE_WORDS * PTR_SIZE // CACHE_LINE):
            prefetch(end + u64(line * CACHE_LINE))
    if typ.size == PTR_SIZE:
        if has_others(marker):
            return scan_array(marker, start, end, limit, top, True)
        return scan_array(marker, start, end, limit, top, False)
    return scan_pushed(marker, top, scan_range(marker, typ, start, end, (start - first) % typ.size, top))


@inline
def scan_array(marker: Marker, start: uintptr, end: uintptr, limit: uintptr, top: uintptr, shared: bool) -> uintptr:
    """Shade the pointers in [start, end) of an array that ends at limit; what they lead to is scanned at once."""
    brim = marker.queue.brim
    at: uintptr = 0
    marks: u64 = 0
    fresh: u64 = 0
    addr = start
    while addr < end:
        p = load(uintptr, addr)
        found, top, at, marks, fresh = claim(marker, p, top, shared, True, at, marks, fresh)
        if found != 0:
            if unlikely(top > brim):
                top = put_entry(top, p)
            else:
                if likely(addr + AHEAD < limit):
                    # What comes is taken to be as what is here.
                    prefetch_object(load(uintptr, addr + AHEAD), found)
                pointers = pointers_of(p, found)
                while pointers != 0:
                    child = load(uintptr, p + ctz64(pointers) * PTR_SIZE)
                    pointers = pointers & (pointers - 1)
                    if child != 0:
                        found, top, at, marks, fresh = claim(marker, child, top, shared, True, at, marks, fresh)
                        if found != 0:
                            store(uintptr, top, child)
                            top = top + PTR_SIZE
        addr = addr + PTR_SIZE
    publish(marker, at, fresh)
    return top


def scan_range(marker: Marker, typ: Type, start: uintptr, end: uintptr, offset: u64, top: uintptr) -> uintptr:
    """Shade the pointers in [start, end), an array of values of the type; start is so many bytes into one of them."""
    shared = has_others(marker)
    value = start - offset
    word = offset >> LOG_PTR_SIZE
    while value < end:
        while word << LOG_PTR_SIZE < typ.ptr_bytes:
            pointers = u64(typ.gc_mask[word // 8]) >> word % 8
            while pointers != 0:
                at = value + ((word + ctz64(pointers)) << LOG_PTR_SIZE)
                if at >= end:
                    return top
                top = shade(marker, load(uintptr, at), top, True, shared)
                pointers = pointers & (pointers - 1)
            word = align_down(word, 8) + 8
        value = value + typ.size
        word = 0
    return top


def scan_pushed(marker: Marker, first: uintptr, top: uintptr) -> uintptr:
    """Scan the entries from first to top in the order in which they came, as far as they are small.

    That is the order of an array's objects in memory, more often than not, and gives each the time to arrive.
    """
    end = top
    at = first
    while at < end and top <= marker.queue.brim:
        entry = load(uintptr, at)
        if unlikely(entry & FLAGS != 0):
            break
        span_class = u64(marker.inline_class[(entry - marker.window_base) >> PAGE_SHIFT])
        top = scan_small(marker, entry, span_class, top, has_others(marker))
        at = at + PTR_SIZE
    memmove(first, at, top - at)
    return first + (top - at)


# --- With other markers ----------------------------------------------------------------------------------------------


def mark_together(marker: Marker) -> None:
    """Mark until no marker has anything left to do (WB1)."""
    is_active = True
    while is_active:
        drain_with(marker, True, False, 0)
        is_active = get_work(marker) or wait_for_work(marker.share.pool)


def can_hand_over(queue: WorkQueue, top: uintptr) -> bool:
    """Whether a queue that ends at top has enough for two."""
    if top - queue.base >= LEAST_WORDS * PTR_SIZE:
        return True
    return has_rest(queue, top) and load(uintptr, queue.base + PTR_SIZE) - load(uintptr, queue.base) >= LEAST_REST


def has_rest(queue: WorkQueue, top: uintptr) -> bool:
    """Whether a queue begins with the rest of an object."""
    return top - queue.base >= 3 * PTR_SIZE and load(u64, queue.base + 2 * PTR_SIZE) & REST != 0


@cold
def balance(marker: Marker, top: uintptr) -> uintptr:
    """Hand half of the queue over, from its base on, or half of the rest that it begins with; its new end."""
    base = marker.queue.base
    if top - base < LEAST_WORDS * PTR_SIZE:
        start = load(uintptr, base)
        end = load(uintptr, base + PTR_SIZE)
        middle = align_down(start + (end - start) // 2, CACHE_LINE)
        store(uintptr, base, middle)
        if hand_over(marker.share, base, base + 3 * PTR_SIZE):
            store(uintptr, base + PTR_SIZE, middle)
        store(uintptr, base, start)
        return top
    cut = base + smaller((top - base) // PTR_SIZE // 2, BUF_WORDS - 2) * PTR_SIZE
    if load(u64, cut) & REST != 0:
        cut = cut + PTR_SIZE
    elif load(u64, cut + PTR_SIZE) & REST != 0:
        cut = cut + 2 * PTR_SIZE
    if not hand_over(marker.share, base, cut):
        return top
    memmove(base, cut, top - cut)
    return base + (top - cut)


def get_work(marker: Marker) -> bool:
    """Take in all that was handed over. False if there is nothing."""
    count: u64 = 0
    buf = take_bufs(marker.share.pool)
    while buf != 0:
        take_in(marker.queue, buf)
        buf = free_buf(marker.share, buf)
        count = count + 1
    if count != 0:
        atomic_add(marker.share.pool, "pending", 0 - count)
    return count != 0


def take_in(queue: WorkQueue, buf: uintptr) -> None:
    """Put the entries of a buffer in the queue."""
    size = load(uintptr, buf + BUF_END) - (buf + BUF_HEAD)
    while queue.top + size > queue.brim:
        if not grow_queue(queue):
            queue.has_overflowed = True
            return
    memmove(queue.top, buf + BUF_HEAD, size)
    queue.top = queue.top + size


# --- Roots -----------------------------------------------------------------------------------------------------------


def mark_root(marker: Marker, p: uintptr) -> None:
    """Shade what a root points to."""
    queue = marker.queue
    make_room(marker)
    queue.top = shade(marker, p, queue.top, True, has_others(marker))


def make_room(marker: Marker) -> None:
    """Let the queue have room for the children of an object. What is in it is scanned, but for who cannot wait."""
    while marker.queue.top > marker.queue.brim:
        if not marker.in_steps or not grow_queue(marker.queue):
            drain(marker)


def mark_words(marker: Marker, start: uintptr, end: uintptr) -> None:
    """Mark from every word of a range: a shadow stack, or the table of handles, which has no locals."""
    for addr in range(start, end, PTR_SIZE):
        word = load(uintptr, addr)
        if is_local(word):
            for number in range(local_words(word)):
                mark_root(marker, local_pointer(word, number))
        else:
            mark_root(marker, word)


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
    In steps there is no time for that, and who ends them marks from here again if there was an overflow.
    """
    span = span_of(marker.arenas, p)
    slot = slot_of(span, p)
    if span.span_class & 1 != 0 or has_bit(span.mark_bits, slot):
        return
    if marker.in_steps:
        make_room(marker)
        marker.queue.top = scan_other(marker, slot_addr(span, slot), marker.queue.top)
    else:
        drain(marker)
        marker.queue.top = put_entry(marker.queue.top, slot_addr(span, slot) | OTHER)
        drain(marker)


# --- While the program runs ------------------------------------------------------------------------------------------


@inline
def is_marked_small(marker: Marker, p: uintptr) -> bool:
    """Whether p points to a marked object whose span has inline bits. Marks only become more until marking is over."""
    offset = u64(p - marker.window_base)
    if offset >= WINDOW_BYTES:
        return False
    product = (p & PAGE_MASK) * SPAN_DIV_MAGIC[u64(marker.inline_class[offset >> PAGE_SHIFT])]
    word = marker.mark_lines + (offset >> PAGE_SHIFT) * INLINE_HALF + (product >> 38) * PTR_SIZE
    return load(u64, word) >> (product >> 32) % WORD_BITS & 1 != 0


def mark_late(marker: Marker, p: uintptr) -> None:
    """Shade what p points to, between two steps of marking. Other threads may do the same, or mark what is theirs."""
    lock(marker.lock)
    look_at_arenas(marker)
    queue = marker.queue
    if queue.top > queue.brim and not grow_queue(queue):
        queue.has_overflowed = True
        queue.top = drop_entry(queue.top)
    queue.top = shade(marker, p, queue.top, False, True)
    unlock(marker.lock)


# --- Over all marked objects -----------------------------------------------------------------------------------------


def count_marked(marker: Marker) -> None:
    """Add up what is marked. That costs less than counting each object when it is marked."""
    arena = marker.arenas.first
    while not is_nil(arena):
        page = next_in_use(arena, 0)
        while page < PAGES_PER_ARENA:
            if page % 8 == 0 and is_unmarked_group(marker, arena.start_addr + page * PAGE_SIZE):
                page = next_in_use(arena, page + 8)
                continue
            marked, span_class = marked_in_span(marker, arena, page)
            marker.marked_bytes = marker.marked_bytes + marked
            if span_class & 1 == 0:
                marker.scanned_bytes = marker.scanned_bytes + marked
            page = next_in_use(arena, page + 1)
        arena = arena.next


@inline
def is_unmarked_group(marker: Marker, addr: uintptr) -> bool:
    """Whether eight pages have inline bits and no mark, as most of a heap has whose objects died young."""
    if not is_in_window(marker.arenas, addr):
        return False
    at = window_page(marker.arenas, addr)
    if load(u64, address(marker.page_marks) + at) != 0:
        return False
    classes = load(u64, address(marker.inline_class) + at)
    return u64(classes - 0x0101010101010101) & ~classes & 0x8080808080808080 == 0


def marked_in_span(marker: Marker, arena: HeapArena, page: u64) -> tuple[u64, u64]:
    """Bytes of the marked objects of the span that starts at a page, and its class."""
    addr = arena.start_addr + page * PAGE_SIZE
    if is_in_window(marker.arenas, addr):
        at = window_page(marker.arenas, addr)
        span_class = u64(marker.inline_class[at])
        if span_class != 0:
            # Neither the MSpan nor, if the page has no mark, its bits are touched.
            if marker.page_marks[at] == 0:
                return 0, span_class
            return count_line(mark_line(marker.arenas, addr)) * u64(CLASS_TO_SIZE[span_class >> 1]), span_class
    span = arena.spans[page]
    return count_bits(span.mark_bits, u64(span.nelems)) * span.elem_size, u64(span.span_class)


@inline
def count_line(line: uintptr) -> u64:
    """The bits set in a page's line of mark bits, without a look at how many slots it has: the others are 0."""
    marks = array_at(u64, line)
    count: u64 = 0
    for word in range(INLINE_HALF // PTR_SIZE):
        count = count + popcount64(marks[word])
    return count


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
