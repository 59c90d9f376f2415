"""Heap map: what each page of the heap is used for, and how well, at one moment.

    arenas   |------------ 8192 pages ------------|------------ 8192 pages ------------|    by address
    kinds     9  9 20 20 20 F  F  R  R  9  U  U     span class, PAGE_FREE, PAGE_RELEASED or PAGE_UNUSED
    taken    31 63 12  c  c 0  0  0  0 63  0  0     slots taken of the page's span; c: CONTINUED, no first page
    marked   30 63  0  c  c 0  0  0  0 12  0  0     of them, those that the collection under way has marked

    PAGE_FREE        no span has it; the kernel backs it: the page allocator's, or in the page cache of a P
    PAGE_RELEASED    the same, given back to the kernel
    PAGE_UNUSED      reserved address space; the page allocator was never given it

The map belongs to the host, who looks at it when it likes. It is drawn from the spans and from the bitmaps of the page
allocator, which know nothing of each other.

    HM1  every page of every arena has one kind: a page with a span is not free, and no two spans have it
    HM2  the pages, slots and bytes of the map are those of MemStats, what the Ps have not flushed yet included

Owner: the host; the world is stopped. Go has no like.                                          Next: heap_graph.py
"""

from __future__ import annotations

from runtime.addr_ranges import contains
from runtime.arenas import ArenaMap, is_unmarked, next_span, page_of
from runtime.heap import Runtime
from runtime.heap_check import counted_objects, newly_cached
from runtime.layout import (
    HEAP_ARENA_BYTES,
    LOG_HEAP_ARENA_BYTES,
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGES_PER_ARENA,
    chunk_index,
    chunk_page_index,
)
from runtime.lock import lock, unlock
from runtime.mspan import WORD_BITS, MSpan, count_bits
from runtime.p import P
from runtime.page_alloc import PageAlloc, chunk_of
from runtime.page_bits import PallocData
from runtime.size_classes import CLASS_TO_SIZE, NUM_SIZE_CLASSES, NUM_SPAN_CLASSES
from runtime.syspy import Annotated, Array, Struct, ctz64, is_nil, nil, struct, throw, u8, u16, u64, uintptr

PAGE_FREE = 252
PAGE_RELEASED = 253
PAGE_UNUSED = 254
CONTINUED = 1 << 15  # in `taken` and `marked` of a page that is not its span's first


@struct
class HeapMap(Struct):
    """A map, in arrays of the host's."""

    room: u64  # arenas that the arrays have room for
    arenas: Array[u64]  # address of each arena, ascending
    kinds: Array[u8]  # by page: span class, or PAGE_*
    taken: Array[u16]  # by page: slots taken in its span, or CONTINUED
    marked: Array[u16]  # by page: marked slots of its span, or CONTINUED
    count: u64  # arenas that there are
    spans: Annotated[Array[u64], NUM_SPAN_CLASSES]  # spans in use, by span class
    span_pages: u64  # pages with a span
    free_pages: u64  # pages of kind PAGE_FREE
    released_pages: u64  # pages of kind PAGE_RELEASED
    objects: u64  # slots taken
    object_bytes: u64  # of them, bytes
    marked_bytes: u64  # of the marked ones


def map_heap(runtime: Runtime, picture: HeapMap, is_marking: u64) -> u64:
    """Draw the heap, if there is room; how many arenas it has. No run is open.

    is_marking: everything live has its mark, and nothing is swept. Otherwise what is taken counts as marked.
    """
    arenas = runtime.heap.arenas
    picture.count = arenas.count
    if arenas.count > picture.room:
        return arenas.count
    clear_counts(picture)
    lock(runtime.heap.lock)  # the background may be giving pages back, although the world is stopped
    draw_idle_pages(runtime, picture)
    unlock(runtime.heap.lock)
    span = next_span(arenas, nil(MSpan))
    while not is_nil(span):
        draw_span_pages(arenas, picture, span, is_marking)
        span = next_span(arenas, span)
    return arenas.count


def clear_counts(picture: HeapMap) -> None:
    """Begin the counts anew."""
    for span_class in range(NUM_SPAN_CLASSES):
        picture.spans[span_class] = 0
    picture.span_pages = 0
    picture.free_pages = 0
    picture.released_pages = 0
    picture.objects = 0
    picture.object_bytes = 0
    picture.marked_bytes = 0


# --- Pages without a span --------------------------------------------------------------------------------------------


def draw_idle_pages(runtime: Runtime, picture: HeapMap) -> None:
    """Draw every page as if it had no span, arena by arena. Caller holds heap.lock."""
    heap = runtime.heap
    addr = heap.arenas.lowest
    at: u64 = 0
    while addr < heap.arenas.lowest + heap.arenas.extent:
        arena = heap.arenas.table[addr >> LOG_HEAP_ARENA_BYTES]
        if not is_nil(arena):
            picture.arenas[at] = addr
            draw_arena(heap.pages, picture, addr, at * PAGES_PER_ARENA)
            at = at + 1
        addr = addr + HEAP_ARENA_BYTES
    p = runtime.world.ps
    while not is_nil(p):
        draw_page_cache(heap.arenas, picture, p)
        p = p.next


def draw_arena(pages: PageAlloc, picture: HeapMap, start: uintptr, first: u64) -> None:
    """The same for an arena, whose first page is the map's page `first`."""
    for page in range(u64(PAGES_PER_ARENA)):
        addr = start + (page << PAGE_SHIFT)
        kind: u64 = PAGE_UNUSED
        if contains(pages.in_use, addr):
            kind = PAGE_RELEASED if is_scavenged(chunk_of(pages, chunk_index(addr)), addr) else PAGE_FREE
        picture.taken[first + page] = 0
        picture.marked[first + page] = 0
        picture.kinds[first + page] = PAGE_UNUSED
        set_kind(picture, first + page, kind)


def is_scavenged(chunk: PallocData, addr: uintptr) -> bool:
    """Whether the page allocator has given a page back to the kernel."""
    page = chunk_page_index(addr)
    return chunk.scavenged.words[page // WORD_BITS] >> page % WORD_BITS & 1 != 0


def draw_page_cache(arenas: ArenaMap, picture: HeapMap, p: P) -> None:
    """The pages of a P's cache that the kernel does not back: the page allocator says nothing of them."""
    released = p.pages.scav
    while released != 0:
        set_kind(picture, map_page(arenas, picture, p.pages.base + (ctz64(released) << PAGE_SHIFT)), PAGE_RELEASED)
        released = released & u64(released - 1)


def set_kind(picture: HeapMap, page: u64, kind: u64) -> None:
    """Let a page be of another kind."""
    before = u64(picture.kinds[page])
    if before == PAGE_FREE:
        picture.free_pages = picture.free_pages - 1
    elif before == PAGE_RELEASED:
        picture.released_pages = picture.released_pages - 1
    if kind == PAGE_FREE:
        picture.free_pages = picture.free_pages + 1
    elif kind == PAGE_RELEASED:
        picture.released_pages = picture.released_pages + 1
    elif kind != PAGE_UNUSED:
        picture.span_pages = picture.span_pages + 1
    picture.kinds[page] = u8(kind)


def map_page(arenas: ArenaMap, picture: HeapMap, addr: uintptr) -> u64:
    """The map's page of an address in an arena."""
    low: u64 = 0
    high = arenas.count
    while high - low > 1:
        middle = (low + high) // 2
        if picture.arenas[middle] <= addr:
            low = middle
        else:
            high = middle
    return low * PAGES_PER_ARENA + page_of(addr)


# --- Pages with a span -----------------------------------------------------------------------------------------------


def draw_span_pages(arenas: ArenaMap, picture: HeapMap, span: MSpan, is_marking: u64) -> None:
    """Draw the pages of a span in use."""
    taken = u64(span.alloc_count)
    marked = taken
    if is_marking != 0:
        marked = 0 if is_unmarked(arenas, span) else count_bits(span.mark_bits, u64(span.nelems))
    # The pages of a span may lie in several arenas, which then follow one another.
    first = map_page(arenas, picture, span.start_addr)
    for page in range(first, first + span.npages):
        kind = u64(picture.kinds[page])
        if kind != PAGE_FREE and kind != PAGE_RELEASED:
            throw("HM1: a page of a span is another's, or nobody's", span.start_addr, page - first, kind)
        set_kind(picture, page, u64(span.span_class))
        picture.taken[page] = CONTINUED
        picture.marked[page] = CONTINUED
    picture.taken[first] = u16(taken)
    picture.marked[first] = u16(marked)
    picture.spans[span.span_class] = picture.spans[span.span_class] + 1
    picture.objects = picture.objects + taken
    picture.object_bytes = picture.object_bytes + taken * span.elem_size
    picture.marked_bytes = picture.marked_bytes + marked * span.elem_size


# --- Checking --------------------------------------------------------------------------------------------------------


def check_heap_map(runtime: Runtime, picture: HeapMap) -> None:
    """HM1 and HM2 hold for a map that was drawn just now; the world is still stopped."""
    memory = runtime.heap.memory
    pages = picture.span_pages + picture.free_pages + picture.released_pages
    unused: u64 = 0
    for page in range(picture.count * PAGES_PER_ARENA):
        if picture.kinds[page] == PAGE_UNUSED:
            unused = unused + 1
    if pages + unused != picture.count * PAGES_PER_ARENA:
        throw("HM1: the pages of the map are not those of the arenas", pages, unused, picture.count)
    if picture.span_pages * PAGE_SIZE != memory.heap_in_use.bytes:
        throw("HM2: pages with a span are not HeapInuse", picture.span_pages, memory.heap_in_use.bytes)
    # What is on its way back to the kernel is counted in one of the two, so their sum is what can be compared.
    idle = memory.heap_free.bytes + memory.heap_released.bytes
    if (picture.free_pages + picture.released_pages) * PAGE_SIZE != idle:
        throw("HM2: pages without a span are not HeapIdle", picture.free_pages, picture.released_pages, idle)
    check_objects(runtime, picture)


def check_objects(runtime: Runtime, picture: HeapMap) -> None:
    """HM2 holds for objects: those of each class that were allocated and not freed, as far as anybody has counted."""
    count: u64 = 0
    size: u64 = 0
    for size_class in range(NUM_SIZE_CLASSES):
        counted = counted_objects(runtime.heap.stats, size_class)
        p = runtime.world.ps
        while not is_nil(p):
            counted = u64(counted + counted_objects(p.stats, size_class) + newly_cached(p.m_cache, size_class))
            p = p.next
        count = count + counted
        size = size + counted * u64(CLASS_TO_SIZE[size_class])
    stats = runtime.heap.stats
    size = size + (stats.large_alloc_bytes - stats.large_free_bytes)
    p = runtime.world.ps
    while not is_nil(p):
        size = u64(size + p.stats.large_alloc_bytes - p.stats.large_free_bytes)
        p = p.next
    if picture.objects != count:
        throw("HM2: the slots taken are not HeapObjects", picture.objects, count)
    if picture.object_bytes != size:
        throw("HM2: the bytes of the slots taken are not HeapAlloc", picture.object_bytes, size)
