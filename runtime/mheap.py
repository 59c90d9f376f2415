"""MHeap: the page heap. It turns pages into spans and spans into pages, and asks the system for more address space.

    alloc_span --- page cache --- page allocator --- grow --- arena of 64 MiB --- system
         |         (a P's, no lock)    (heap.lock)     4 MiB at a time
       MSpan   from the P's span cache, which is filled from the cells of span_cells

An arena is reserved as a whole and made usable from its start:

    |==== in the page allocator ====|.... mapped ....|........ reserved ........|
                                arena_next       arena_ready                arena_end

arena_ready is ahead of arena_next only after a request was refused half-way; the next one goes on from there.

Fresh memory is asked for in pages of 2 MiB, but for the first 8 MiB. Go does not ask. To touch 8 KiB of it for the
first time then costs 1.3 us instead of 3.9 (Xeon VM, Linux 6.18), most of it the kernel's zeroing. The page allocator
takes the lowest free pages first, so what is touched and not used is the rest of one such page, at the end of the heap.

With GODEBUG=protectfree=1 pages that go back to the page allocator cannot be touched until they are in a span again: a
use after free ends the process there, with SIGSEGV.

Arenas are asked for at fixed addresses, one after the other, so that a heap is one stretch of address space as long
as nobody else is in the way: first at 0x00c0_0000_0000, where heap pointers are told from numbers by looking, then
a TiB further on, and so on; where none of them is free, the system chooses.

What each thread reads for each span lies in the heap's first cache line, and is written seldom: a line that another
thread has written comes from that one's processor, which takes as long as fifty allocations.

    HP1  arena_next <= arena_ready <= arena_end, all multiples of 4 MiB
    HP2  pages_in_use is the sum of npages over the spans in use
    HP3  the bytes in use, free and released (os_memory.py) add up to what the page allocator has, and what is mapped
    HP4  a heap begins at the start of a cache line

Lock: heap.lock covers pages, the table of arenas, span_cells, bit_cells and the three fields above; the counts are
atomic. What an arena says of a page is written by who has the page.
Go: runtime/mheap.go.                                                                            Next: active_sweep.py
"""

from __future__ import annotations

from runtime import page_alloc
from runtime.active_sweep import DRAINED, Sweeper
from runtime.arenas import (
    ArenaMap,
    add_arena,
    alloc_needs_zero,
    arena_map_close,
    arena_map_init,
    clear_spans,
    set_spans,
)
from runtime.clock import CLOCK_MONOTONIC, time_ns
from runtime.first_touch import FirstTouch, ask_for_huge_pages
from runtime.fixalloc import (
    FixAlloc,
    Persistent,
    fixalloc_alloc,
    fixalloc_free,
    fixalloc_init,
    persistent_close,
    persistent_init,
)
from runtime.gc_bits import CELL_SIZE, free_bits, has_cell, new_bits
from runtime.heap_bits import init_pointer_bits
from runtime.layout import (
    CHUNK_BYTES,
    CHUNK_PAGES,
    HEAP_ARENA_BYTES,
    PAGE_SHIFT,
    PAGE_SIZE,
    align_down,
    align_up,
    arena_index,
)
from runtime.lock import HEAP_LOCK, PERSISTENT_LOCK, LockOrder, Mutex, assert_lock_held, lock, mutex_init, unlock
from runtime.mspan import SPAN_IN_USE, MSpan, has_pointer_bits, refill_alloc_cache
from runtime.os_memory import (
    HEAP_PAGES,
    HEAP_RESERVATION,
    PROT_NONE,
    PROT_READ_WRITE,
    MemoryStats,
    stat_move,
    sys_give_up,
    sys_map,
    sys_name,
    sys_protect,
    sys_reserve,
    sys_reserve_aligned,
    sys_unreserve,
    sys_used,
    unmap,
)
from runtime.p import SPAN_CACHE, SPAN_CACHE_REFILL, HeapStats, P
from runtime.pacer import HEAP_MINIMUM
from runtime.page_alloc import PageAlloc
from runtime.page_cache import alloc_to_cache, cache_alloc, cache_flush
from runtime.scavenge import Scavenger, eager_work, scavenge, scavenger_init
from runtime.size_classes import CLASS_TO_SIZE, DIV_MAGIC, SPAN_CLASS_TO_NELEMS
from runtime.specials import Special, Specials, specials_init
from runtime.syspy import (
    Inline,
    Struct,
    address,
    atomic_add,
    cold,
    inline,
    is_nil,
    nil,
    sizeof,
    struct,
    throw,
    u8,
    u32,
    u64,
    uintptr,
    unlikely,
)
from runtime.types import Type

ARENA_HINT = 0xC0_0000_0000  # where the first arena is asked for
ARENA_HINT_STEP = 1 << 40  # from one place to ask at to the next
ARENA_HINTS = 64  # places
HUGE_PAGES_FROM = 8 << 20  # bytes of heap, before pages of 2 MiB are asked for
PAGE_CACHE_MAX = 16  # pages: requests below go to the page cache first


@struct
class MHeap(Struct):
    """One heap."""

    heap_live: u64  # bytes allocated or reserved for allocation by an mcache, since marked as live or later
    trigger: u64  # bytes: collect before heap_live grows past it
    sweep_gen: u32  # grows by 2 at every collection: see sweep.py
    sweeper: Inline[Sweeper]  # how far sweeping is
    clobber: bool  # clobberfree: fill what is freed
    protects: bool  # protectfree: nobody can touch free pages that were in use
    pages_protected: u64  # how often a page was made inaccessible
    has_pages: bool  # the page allocator was made
    small_pages: bool  # disablethp, gcstoptheworld=0: never ask for pages of 2 MiB
    first_touch: Inline[FirstTouch]  # whether they are worth asking for
    lock: Inline[Mutex]  # see the header
    arena_next: uintptr  # the current arena from here on is not in the page allocator yet
    arena_ready: uintptr  # the current arena up to here is mapped
    arena_end: uintptr  # its end
    hint: u64  # the next place to ask for an arena at: ARENA_HINT + hint * ARENA_HINT_STEP
    pages_in_use: u64  # pages of spans in use
    zero_base: u64  # every object of size 0 lies here
    empty_span: Inline[MSpan]  # what an mcache holds instead of a span: one without slots
    stats: Inline[HeapStats]  # objects, as far as the Ps have flushed their counts
    memory: Inline[MemoryStats]  # what the system gave
    persistent: Inline[Persistent]  # where the structs come from
    span_cells: Inline[FixAlloc]  # MSpans
    bit_cells: Inline[FixAlloc]  # bitmaps that lie off the heap
    specials: Inline[Specials]  # what is to be done when objects die
    arenas: Inline[ArenaMap]  # from address to span
    scavenger: Inline[Scavenger]  # which of them the system gets back
    pages: Inline[PageAlloc]  # which pages are free


def heap_init(heap: MHeap, order: LockOrder) -> bool:
    """Make an all-zero MHeap one without memory. False if the system refuses what it needs for that."""
    memory = heap.memory
    mutex_init(heap.lock, HEAP_LOCK, order)
    mutex_init(heap.persistent.lock, PERSISTENT_LOCK, order)
    scavenger_init(heap.scavenger, order)
    persistent_init(heap.persistent, memory)
    fixalloc_init(heap.span_cells, sizeof(MSpan), False, heap.persistent, memory.m_span)
    fixalloc_init(heap.bit_cells, CELL_SIZE, True, heap.persistent, memory.gc)
    specials_init(heap.specials, heap.persistent, memory, order)
    heap.sweeper.state = u32(DRAINED)
    heap.trigger = HEAP_MINIMUM
    if not arena_map_init(heap.arenas, memory):
        return False
    heap.has_pages = page_alloc.init(heap.pages, heap.lock, heap.persistent, memory, memory.gc)
    return heap.has_pages


def heap_close(heap: MHeap) -> None:
    """Give everything back to the system but the MHeap itself. heap_init may have failed."""
    addr = align_down(heap.arena_next, HEAP_ARENA_BYTES)
    while addr < heap.arena_end and not is_nil(heap.arenas.table[arena_index(addr)]):
        addr = addr + HEAP_ARENA_BYTES
    if addr < heap.arena_end:
        unmap(heap.memory, addr, heap.arena_end - addr)
    arena = heap.arenas.first
    while not is_nil(arena):
        unmap(heap.memory, arena.start_addr, HEAP_ARENA_BYTES)
        arena = arena.next
    arena_map_close(heap.arenas, heap.memory)
    if heap.has_pages:
        page_alloc.close(heap.pages)
    persistent_close(heap.persistent)


# --- Pages to spans --------------------------------------------------------------------------------------------------


def alloc_span(heap: MHeap, p: P, npages: u64, span_class: u64) -> MSpan:
    """A new span of so many pages, all its slots free, swept; nil if the system refuses memory.

    A span of few pages takes no lock, as long as the P's caches have pages and an MSpan.
    """
    base, released = alloc_from_caches(heap, p, npages)
    if base == 0:
        lock(heap.lock)
        base, released = alloc_pages(heap, npages)
        unlock(heap.lock)
        if base == 0:
            return nil(MSpan)
    account_pages(heap.memory, npages << PAGE_SHIFT, released)
    if unlikely(heap.protects) and not sys_protect(heap.memory, base, npages << PAGE_SHIFT, PROT_READ_WRITE):
        free_pages(heap, base, npages)
        return nil(MSpan)
    todo, force = eager_work(heap.scavenger, heap.memory, released)
    if todo != 0:
        give_back_eagerly(heap, p, todo, force)
    span = new_span(heap, p, base, npages, span_class)
    if is_nil(span):
        free_pages(heap, base, npages)
        return span
    # Pages that the kernel does not back read as zero, whatever was there before; if it took them back, that is.
    is_fresh = released == npages << PAGE_SHIFT and not heap.memory.frees_lazily
    needs_zero = alloc_needs_zero(heap.arenas, base, npages)
    span.need_zero = 1 if needs_zero and not is_fresh else 0
    atomic_add(heap, "pages_in_use", npages)
    if has_pointer_bits(span.elem_size, span_class):
        init_pointer_bits(span)
    return span


def alloc_from_caches(heap: MHeap, p: P, npages: u64) -> tuple[uintptr, u64]:
    """Pages in a row from the P's page cache: (address, released bytes among them); (0, 0) if it has no such run."""
    if npages >= PAGE_CACHE_MAX:
        return 0, 0
    if p.pages.cache == 0:
        lock(heap.lock)
        alloc_to_cache(heap.pages, p.pages)
        unlock(heap.lock)
    return cache_alloc(p.pages, npages)


def alloc_pages(heap: MHeap, npages: u64) -> tuple[uintptr, u64]:
    """Free pages in a row, of more memory if need be: (address, released bytes among them); (0, 0) if refused.

    Caller holds heap.lock.
    """
    base, released = page_alloc.alloc(heap.pages, npages)
    if base == 0 and grow(heap, npages):
        base, released = page_alloc.alloc(heap.pages, npages)
    return base, released


@cold
def give_back_eagerly(heap: MHeap, p: P, todo: u64, force: bool) -> None:
    """Give about so many bytes of free pages back for those that an allocation will use. No lock is held."""
    start = time_ns(p.time, CLOCK_MONOTONIC)
    released = scavenge(heap.pages, todo, force)
    atomic_add(heap.scavenger, "assist_ns", time_ns(p.time, CLOCK_MONOTONIC) - start)
    atomic_add(heap.scavenger, "released_eager", released)


def new_span(heap: MHeap, p: P, base: uintptr, npages: u64, span_class: u64) -> MSpan:
    """An MSpan for these pages, entered in the arenas; nil if the system refuses memory."""
    span = take_span_cell(heap, p)
    if is_nil(span):
        return span
    init_span(span, base, npages, span_class)
    span.sweep_gen = heap.sweep_gen
    if not new_bits(heap.arenas, heap.bit_cells, heap.lock, span):
        give_span_cell(p, span)
        return nil(MSpan)
    refill_alloc_cache(span)
    span.state = SPAN_IN_USE
    set_spans(heap.arenas, span)
    return span


def take_span_cell(heap: MHeap, p: P) -> MSpan:
    """An MSpan in no use, from the P's cache; nil if the system refuses memory."""
    if p.span_count == 0:
        lock(heap.lock)
        for _ in range(SPAN_CACHE_REFILL):
            cell = fixalloc_alloc(heap.span_cells)
            if cell == 0:
                break
            give_span_cell(p, MSpan.at(cell))
        unlock(heap.lock)
        if p.span_count == 0:
            return nil(MSpan)
    p.span_count = p.span_count - 1
    return p.spans[p.span_count]


@inline
def give_span_cell(p: P, span: MSpan) -> None:
    """Put an MSpan in the P's cache, which is not full."""
    assert p.span_count < SPAN_CACHE, "PS1: a P keeps more MSpans than it has room for"
    p.spans[p.span_count] = span
    p.span_count = p.span_count + 1


def init_span(span: MSpan, base: uintptr, npages: u64, span_class: u64) -> None:
    """Set the fields that follow from a span's pages and class, and the counts of one whose slots are all free."""
    size_class = span_class >> 1
    span.next = nil(MSpan)
    span.prev = nil(MSpan)
    span.start_addr = base
    span.npages = npages
    span.elem_size = npages << PAGE_SHIFT if size_class == 0 else u64(CLASS_TO_SIZE[size_class])
    span.nelems = SPAN_CLASS_TO_NELEMS[span_class]
    span.limit = base + u64(span.nelems) * span.elem_size
    span.large_type = nil(Type)
    span.specials = nil(Special)
    span.special_hint = nil(Special)
    span.div_magic = DIV_MAGIC[size_class]
    span.free_index = 0
    span.alloc_count = 0
    span.cached_count = 0
    span.span_class = u8(span_class)


def account_pages(memory: MemoryStats, size: u64, released: u64) -> None:
    """Count pages of so many bytes, of which so many were released, as in use."""
    if released != 0:
        sys_used(memory, released)
        stat_move(memory.heap_released, memory.heap_in_use, released)
    if released != size:
        stat_move(memory.heap_free, memory.heap_in_use, size - released)


def free_span(heap: MHeap, p: P, span: MSpan) -> None:
    """Turn a span back into free pages. It is swept, has no object and is in no set."""
    if span.state != SPAN_IN_USE or span.alloc_count != 0 or span.sweep_gen != heap.sweep_gen:
        throw("free_span: not an empty, swept span in use", span.start_addr, u64(span.state), u64(span.alloc_count))
    if not is_nil(span.specials):
        throw("SP3: a span goes out of use with specials", span.start_addr, span.specials.offset)
    clear_spans(heap.arenas, span)
    atomic_add(heap, "pages_in_use", u64(0 - span.npages))
    free_pages(heap, span.start_addr, span.npages)
    give_back_span(heap, p, span)


def free_pages(heap: MHeap, base: uintptr, npages: u64) -> None:
    """Give pages that were in use back to the page allocator."""
    protect_pages(heap, base, npages)
    # First the count: as soon as the lock is free, another P may count the same pages as in use.
    stat_move(heap.memory.heap_in_use, heap.memory.heap_free, npages << PAGE_SHIFT)
    lock(heap.lock)
    page_alloc.free(heap.pages, base, npages)
    unlock(heap.lock)


@inline
def protect_pages(heap: MHeap, base: uintptr, npages: u64) -> None:
    """With protectfree, let nobody touch pages that are about to be free. Where the kernel refuses they stay open."""
    if unlikely(heap.protects) and sys_protect(heap.memory, base, npages << PAGE_SHIFT, PROT_NONE):
        atomic_add(heap, "pages_protected", npages)


def give_back_span(heap: MHeap, p: P, span: MSpan) -> None:
    """Put an MSpan without pages where the next one is taken from, and its bitmaps, if they lie off the heap."""
    if p.span_count == SPAN_CACHE or has_cell(heap.arenas, span):
        lock(heap.lock)
        give_back_locked(heap, p, span)
        unlock(heap.lock)
    else:
        give_span_cell(p, span)


def give_back_locked(heap: MHeap, p: P, span: MSpan) -> None:
    """The same, for a caller who holds heap.lock."""
    free_bits(heap.arenas, heap.bit_cells, span)
    if p.span_count == SPAN_CACHE:
        fixalloc_free(heap.span_cells, address(span))
    else:
        give_span_cell(p, span)


def flush_caches(heap: MHeap, p: P) -> None:
    """Give the pages and MSpans of a P's caches back. The P is the caller's, or stopped."""
    lock(heap.lock)
    cache_flush(p.pages, heap.pages)
    while p.span_count != 0:
        p.span_count = p.span_count - 1
        fixalloc_free(heap.span_cells, address(p.spans[p.span_count]))
    unlock(heap.lock)


# --- Growth ----------------------------------------------------------------------------------------------------------


def grow(heap: MHeap, npages: u64) -> bool:
    """Give the page allocator at least so many pages more in a row. False if refused. Caller holds heap.lock."""
    assert_lock_held(heap.lock)
    ask = align_up(npages, CHUNK_PAGES) << PAGE_SHIFT
    if ask > heap.arena_end - heap.arena_next and not new_arenas(heap, ask):
        return False
    if use_pages(heap, ask):
        return True
    # So much may never be had: addresses that nothing is mapped at are not kept for it.
    unused = align_up(heap.arena_ready, HEAP_ARENA_BYTES)
    if sys_unreserve(heap.memory, unused, heap.arena_end - unused):
        heap.arena_end = unused
    return False


def use_pages(heap: MHeap, size: u64) -> bool:
    """Move so many bytes of reserved address space to the page allocator. False if refused; it can be tried again."""
    end = heap.arena_next + size
    if end > heap.arena_ready:
        # Before anything is done for it: for more than it could ever back, the kernel says no at once.
        if not sys_map(heap.memory, heap.arena_ready, end - heap.arena_ready, heap.memory.heap_released):
            return False
        if not heap.small_pages and heap.pages.in_use.total_bytes >= HUGE_PAGES_FROM:
            ask_for_huge_pages(heap.first_touch, heap.memory, heap.arena_ready, end - heap.arena_ready)
        sys_name(heap.memory, heap.arena_ready, end - heap.arena_ready, HEAP_PAGES)
        heap.arena_ready = end
    if not enter_arenas(heap, end) or not page_alloc.grow(heap.pages, heap.arena_next, size):
        return False
    heap.arena_next = end
    atomic_add(heap.scavenger, "growth", size)
    return True


def enter_arenas(heap: MHeap, end: uintptr) -> bool:
    """Make sure that the arenas from arena_next up to end are in the map. False if refused."""
    addr = align_down(heap.arena_next, HEAP_ARENA_BYTES)
    while addr < end:
        if is_nil(heap.arenas.table[arena_index(addr)]) and not add_arena(heap.arenas, heap.memory, addr):
            return False
        addr = addr + HEAP_ARENA_BYTES
    return True


def new_arenas(heap: MHeap, ask: u64) -> bool:
    """Make room for so many bytes in the current arena. False if refused."""
    size = align_up(ask, HEAP_ARENA_BYTES)
    base = reserve_arenas(heap, heap.arena_end if heap.arena_end != 0 else u64(ARENA_HINT), size)
    if base == 0:
        return False
    if base != heap.arena_end:
        if heap.arena_next < heap.arena_end and not use_pages(heap, heap.arena_end - heap.arena_next):
            sys_give_up(heap.memory, base, size)
            return False
        heap.arena_next = base
        heap.arena_ready = base
    heap.arena_end = base + size
    sys_name(heap.memory, base, size, HEAP_RESERVATION)
    return True


def reserve_arenas(heap: MHeap, start: uintptr, size: u64) -> uintptr:
    """Reserve whole arenas: at start, or at one of the hints, or anywhere. 0 if refused."""
    addr = start
    while heap.hint < ARENA_HINTS:
        base = sys_reserve(heap.memory, addr, size)
        if base == addr or base == 0:
            return base
        # Somebody else is there: another runtime, most likely. This place is given up for good.
        sys_give_up(heap.memory, base, size)
        heap.hint = heap.hint + 1
        addr = ARENA_HINT + heap.hint * ARENA_HINT_STEP
    return sys_reserve_aligned(heap.memory, 0, size, HEAP_ARENA_BYTES)


def check_heap_memory(heap: MHeap) -> None:
    """HP1 and HP3 hold."""
    memory = heap.memory
    if heap.arena_next > heap.arena_ready or heap.arena_ready > heap.arena_end or heap.arena_next % CHUNK_BYTES != 0:
        throw("HP1: the current arena's parts are out of order", heap.arena_next, heap.arena_ready, heap.arena_end)
    total = memory.heap_in_use.bytes + memory.heap_free.bytes + memory.heap_released.bytes
    if total != heap.pages.in_use.total_bytes + (heap.arena_ready - heap.arena_next):
        throw("HP3: the heap's bytes do not add up", total, heap.pages.in_use.total_bytes)
    if memory.heap_in_use.bytes != heap.pages_in_use * PAGE_SIZE:
        throw("HP3: the bytes in use are not the pages in use", memory.heap_in_use.bytes, heap.pages_in_use)
