"""Malloc: an object of a size and a type, zeroed.

    size                  pointers          where
    0                                       zero_base: all of them are one
    1 .. 15               none              the tiny allocator: several in a slot of 16 bytes
    up to 32760           none              a slot of a noscan class
    up to 512             some              a slot of a scan class; the pointer map is in the page
    up to 32760           some              the same, with the type in the slot's first word: the object is at slot + 8
    larger                                  a span of its own

Allocation climbs as far as it must, and sweeping takes the same way back:

    run of the mcache --> next run of its span --> mcentral: a span with free slots --> mheap: pages --> the system
      next_free_fast        open_run                 refill (may collect)                alloc_span        grow

For a size and type known when a program is compiled, `malloc_noscan`, `malloc_scan`, `malloc_header` and `malloc_tiny`
are the first step alone, copied into the program: five instructions, and the pointer bits or the header of the type;
`malloc_scan_array` is the same for a short array whose length is computed. Go calls a function for each, which turns
preemption off and on, searches the bitmap for the slot, updates three fields of the span, zeroes the slot, and counts
towards the next profile sample: 108 instructions for 16 bytes. Here a run ends before a slot that is a sample, so only
that one is looked at (sampler.py).

A collection happens on the way up, before the new object exists: whoever calls has its pointers in the roots.

Owner: the P. Go: runtime/malloc.go.                                               Next: write_barrier.py
"""

from __future__ import annotations

from runtime.collect import collect, collect_whole
from runtime.heap_bits import clear_pointer_bits, write_pointer_bits
from runtime.incremental import mark_run
from runtime.layout import (
    ADDRESS_LIMIT,
    INLINE_BITS_MIN_SIZE,
    LOG_PTR_SIZE,
    MALLOC_HEADER_SIZE,
    MAX_BITMAP_SIZE,
    MAX_SMALL_SIZE,
    PAGE_SHIFT,
    PAGE_SIZE,
    PTR_SIZE,
    TINY_SIZE,
    align_up,
    smaller,
)
from runtime.mcache import alloc_large, has_zeroed_runs, is_collection_due, open_run, refill
from runtime.mem_sample import sample_large, write_sample
from runtime.mheap import MHeap
from runtime.mspan import MSpan, low_bits, set_bit
from runtime.p import MCache
from runtime.page_bits import ALL_ONES
from runtime.periodic import collect_if_overdue
from runtime.proc import G
from runtime.size_classes import (
    CLASS_TO_NPAGES,
    CLASS_TO_SIZE,
    SIZE_TO_CLASS_8,
    SMALL_SIZE_DIV,
    TINY_SPAN_CLASS,
    size_to_class,
)
from runtime.stress import note_object, poll, stress_allocation
from runtime.sweeper import finish_sweep
from runtime.syspy import (
    address,
    cold,
    i64,
    inline,
    is_nil,
    known,
    memset,
    offsetof,
    store,
    throw,
    u64,
    uintptr,
    unlikely,
)
from runtime.types import Type
from runtime.world import safepoint

MAX_SMALL_OBJECT = MAX_SMALL_SIZE - MALLOC_HEADER_SIZE  # bytes; larger objects have a span of their own
CLEAR_BYTES = 256 << 10  # of a large object, zeroed without a safepoint in between
MAX_ALLOC = ADDRESS_LIMIT  # bytes; more than that is out of memory whatever the system says


def mallocgc(g: G, size: u64, typ: Type, needzero: bool) -> uintptr:
    """An object of size bytes: one value of the type, or an array of them; nil for the type means no pointers.

    An object with pointers is always zeroed. Throws "out of memory".
    """
    if size > MAX_SMALL_OBJECT:
        return malloc_large(g, size, typ, needzero)
    if size == 0:
        return address(g.heap) + offsetof(MHeap, "zero_base")
    if is_nil(typ) or typ.ptr_bytes == 0:
        if size < TINY_SIZE:
            return malloc_tiny_block(g, size)
        return malloc_small_noscan(g, size, needzero)
    if size <= MAX_BITMAP_SIZE:
        return malloc_small_scan(g, size, typ)
    return malloc_small_header(g, size, typ)


@inline
def malloc_array(g: G, size: u64, elem: Type) -> uintptr:
    """mallocgc of size bytes for an array, zeroed. Most arrays that a program makes anew are short ones of pointers."""
    if elem.ptr_bytes != 0 and 0 < size <= MAX_BITMAP_SIZE:
        return malloc_small_scan(g, size, elem)
    return mallocgc(g, size, elem, True)


def new_object(g: G, typ: Type) -> uintptr:
    """new(T)."""
    return mallocgc(g, typ.size, typ, True)


# --- Fast paths, for programs ----------------------------------------------------------------------------------------


@inline
def next_free_fast(cache: MCache, span_class: u64) -> uintptr:
    """The next slot of the class's run, or 0 at its end."""
    slot = cache.run_next[span_class]
    if unlikely(slot == cache.run_limit[span_class]):
        return 0
    known(slot != 0)  # only an empty run begins at 0
    cache.run_next[span_class] = slot + u64(CLASS_TO_SIZE[span_class >> 1])
    return slot


@inline
def malloc_noscan(g: G, span_class: u64, size: u64) -> uintptr:
    """A zeroed object of size bytes without pointers, at least 16; 0: call mallocgc. The class is that of its size."""
    slot = next_free_fast(g.m_cache, span_class)
    if unlikely(slot == 0):
        return 0
    if not has_zeroed_runs(u64(CLASS_TO_SIZE[span_class >> 1]), span_class):
        memset(slot, 0, size)
    return slot


@inline
def malloc_scan(g: G, span_class: u64, size: u64, mask: u64) -> uintptr:
    """A zeroed object of size bytes, at most 512, with pointers in the words of the mask; 0: call mallocgc."""
    slot = next_free_fast(g.m_cache, span_class)
    if unlikely(slot == 0):
        return 0
    nwords = size >> LOG_PTR_SIZE
    scalars = u64(low_bits(nwords) & ~mask)
    if scalars != 0:
        clear_pointer_bits(slot, scalars, nwords)
    return slot


@inline
def malloc_scan_array(g: G, count: i64, elem_size: u64, mask: u64) -> uintptr:
    """A zeroed array of so many elements, at most 512 bytes, whose pointer words are in the mask; 0: call make_slice.

    The mask is that of 512 bytes of elements; the bits behind them are set.
    """
    if u64(u64(count) - 1) >= MAX_BITMAP_SIZE // elem_size:
        return 0
    size = elem_size * u64(count)
    slot = next_free_fast(g.m_cache, u64(SIZE_TO_CLASS_8[size // SMALL_SIZE_DIV]) << 1)
    if unlikely(slot == 0):
        return 0
    nwords = size >> LOG_PTR_SIZE
    if mask != ALL_ONES:
        clear_pointer_bits(slot, u64(~mask) & low_bits(nwords), nwords)
    return slot


@inline
def malloc_header(g: G, span_class: u64, typ: Type) -> uintptr:
    """A zeroed object of the type, of 513 to 32760 bytes and with pointers; 0: call mallocgc."""
    slot = next_free_fast(g.m_cache, span_class)
    if unlikely(slot == 0):
        return 0
    store(uintptr, slot, address(typ))
    return slot + MALLOC_HEADER_SIZE


@inline
def malloc_tiny(g: G, size: u64, align: u64) -> uintptr:
    """A zeroed object of size bytes without pointers, 1 to 15, at a multiple of align; 0: call mallocgc."""
    cache = g.m_cache
    addr = align_up(cache.tiny_next, align)
    if addr + size <= cache.tiny_limit:
        known(addr != 0)  # there is no block at 0
        cache.tiny_next = addr + size
        cache.tiny_allocs = cache.tiny_allocs + 1
        return addr
    slot = next_free_fast(cache, TINY_SPAN_CLASS)
    if unlikely(slot == 0):
        return 0
    return begin_tiny_block(cache, slot, size)


@inline
def begin_tiny_block(cache: MCache, slot: uintptr, size: u64) -> uintptr:
    """Put an object at the start of a new block; go on with the block that has more room left."""
    if TINY_SIZE - size > cache.tiny_limit - cache.tiny_next:
        cache.tiny_next = slot + size
        cache.tiny_limit = slot + TINY_SIZE
    return slot


# --- One function per row of the table -------------------------------------------------------------------------------


def malloc_tiny_block(g: G, size: u64) -> uintptr:
    """An object for the tiny allocator, from its block or from a new one."""
    addr = malloc_tiny(g, size, tiny_align(size))
    return malloc_tiny_slow(g, size) if unlikely(addr == 0) else addr


@cold
def malloc_tiny_slow(g: G, size: u64) -> uintptr:
    """The same, when the block has no room and the run of the blocks is used up."""
    slot = next_free_slow(g, TINY_SPAN_CLASS)
    if g.m_cache.run_bytes == 0:
        return slot  # with stress, each object has a block of its own
    return begin_tiny_block(g.m_cache, slot, size)


@inline
def tiny_align(size: u64) -> u64:
    """The alignment that a value of so many bytes may need: the largest power of two that divides it, at most 8."""
    return (size | 8) & u64(-i64(size | 8))


def malloc_small_noscan(g: G, size: u64, needzero: bool) -> uintptr:
    """An object without pointers in a slot of its own."""
    span_class = size_to_class(size) << 1 | 1
    slot = next_free_fast(g.m_cache, span_class)
    if unlikely(slot == 0):
        return malloc_noscan_slow(g, span_class, size, needzero)
    clear_noscan(g, slot, span_class, size, needzero)
    return slot


@cold
def malloc_noscan_slow(g: G, span_class: u64, size: u64, needzero: bool) -> uintptr:
    """The same, when the class's run is used up: a call in the middle of the fast path would cost it registers."""
    slot = next_free_slow(g, span_class)
    clear_noscan(g, slot, span_class, size, needzero)
    return slot


@inline
def clear_noscan(g: G, slot: uintptr, span_class: u64, size: u64, needzero: bool) -> None:
    """Zero an object without pointers, if that is asked for and its run was not zeroed as a whole."""
    span = g.m_cache.alloc[span_class]
    if needzero and span.need_zero != 0 and not has_zeroed_runs(span.elem_size, span_class):
        memset(slot, 0, size)


def malloc_small_scan(g: G, size: u64, typ: Type) -> uintptr:
    """An object with pointers, whose pointer map is in its page."""
    span_class = size_to_class(size) << 1
    slot = next_free_fast(g.m_cache, span_class)
    if unlikely(slot == 0):
        return malloc_scan_slow(g, span_class, size, typ)
    if has_scalars(typ, size):
        write_pointer_bits(slot, typ, size)
    return slot


@cold
def malloc_scan_slow(g: G, span_class: u64, size: u64, typ: Type) -> uintptr:
    """The same, when the class's run is used up."""
    slot = next_free_slow(g, span_class)
    if has_scalars(typ, size):
        write_pointer_bits(slot, typ, size)
    return slot


@inline
def has_scalars(typ: Type, size: u64) -> bool:
    """Whether an object may have words that are no pointers; those of arrays of pointers all are, as in a free slot."""
    return typ.size != PTR_SIZE and size >= INLINE_BITS_MIN_SIZE


def malloc_small_header(g: G, size: u64, typ: Type) -> uintptr:
    """An object with pointers, whose type stands before it."""
    slot = next_free(g, size_to_class(size + MALLOC_HEADER_SIZE) << 1)
    store(uintptr, slot, address(typ))
    return slot + MALLOC_HEADER_SIZE


def malloc_large(g: G, size: u64, typ: Type, needzero: bool) -> uintptr:
    """An object in a span of its own."""
    if size > MAX_ALLOC:
        throw("out of memory")
    noscan = is_nil(typ) or typ.ptr_bytes == 0
    safepoint(g.p)
    if g.m_cache.run_bytes == 0:
        stress_allocation(g)
    collect_if_overdue(g)
    if is_collection_due(g.heap, g.p, align_up(size, PAGE_SIZE)):
        collect(g, False)
    span_class: u64 = 1 if noscan else 0
    span = alloc_large(g.heap, g.p, size, span_class)
    if is_nil(span):
        collect_all(g)
        span = alloc_large(g.heap, g.p, size, span_class)
        if is_nil(span):
            throw("out of memory")
    if unlikely(g.is_marking != 0):
        set_bit(span.mark_bits, 0)  # IM2
    if span.need_zero != 0 and (needzero or not noscan):
        clear_large(g, span)
    if not noscan:
        span.large_type = typ
    if unlikely(g.m_cache.sampler.rate != 0):
        sample_large(g, span)
    if unlikely(g.m_cache.run_bytes == 0):
        note_object(g, span.start_addr, span)
    return span.start_addr


def clear_large(g: G, span: MSpan) -> None:
    """Zero a large object piece by piece, so that a thread which wants to stop the world need not wait for all of it.

    It has no type yet, so a collection in between sees no pointers in it; it is kept by a root of its own.
    """
    store(uintptr, g.shadow_top, span.start_addr)
    g.shadow_top = g.shadow_top + PTR_SIZE
    addr = span.start_addr
    while addr < span.limit:
        size = smaller(span.limit - addr, CLEAR_BYTES)
        memset(addr, 0, size)
        addr = addr + size
        poll(g)
    g.shadow_top = g.shadow_top - PTR_SIZE


# --- The slow path ---------------------------------------------------------------------------------------------------


@inline
def next_free(g: G, span_class: u64) -> uintptr:
    """A free slot of the class: zeroed, its pointer bits set, if the class is for pointers. Throws "out of memory"."""
    slot = next_free_fast(g.m_cache, span_class)
    if unlikely(slot == 0):
        return next_free_slow(g, span_class)
    return slot


def next_free_slow(g: G, span_class: u64) -> uintptr:
    """The same, when the class's run is used up."""
    cache = g.m_cache
    safepoint(g.p)
    if cache.run_bytes == 0:
        stress_allocation(g)
    if not open_run(cache, span_class):
        if g.p.live >= g.p.live_batch:
            collect_if_overdue(g)
        if is_collection_due(g.heap, g.p, u64(CLASS_TO_NPAGES[span_class >> 1]) << PAGE_SHIFT):
            collect(g, False)
        if not refill(g.heap, g.p, span_class):
            collect_all(g)
            if not refill(g.heap, g.p, span_class):
                throw("out of memory")
        open_run(cache, span_class)
    if unlikely(g.is_marking != 0):
        mark_run(g, cache, span_class)
    if unlikely(cache.sampler.is_due):
        write_sample(g, cache.alloc[span_class], cache.run_next[span_class])
    if unlikely(cache.run_bytes == 0):
        note_object(g, cache.run_next[span_class], cache.alloc[span_class])
    return next_free_fast(cache, span_class)


@cold
def collect_all(g: G) -> None:
    """The system has refused memory: see what is left here."""
    collect_whole(g)
    finish_sweep(g.heap, g.p)
