"""Heap check: the runtime's invariants as code, a second opinion on marking, and drawings.

    check_heap(runtime)        walks everything and throws at the first tagged invariant that does not hold
    check_all_marks(runtime)   after marking: marks again, its own way, and throws at an object that has no mark bit
    draw_span(span, out)       one character per slot

        #   taken                       o   taken and marked
        .   free                        !   free and marked: a zombie

The second marking shares no code that enumerates objects or pointers with mark.py: it looks a slot up by division
in the MSpan, reads pointer maps bit by bit, and has a bitmap (one bit per word of the heap, in the arenas) and a
list of its own. It takes the nearest objects first, so the same code finds the shortest way to one of them.

    I1  each span in use is in the arenas, in one set of its mcentral or in an mcache
    I2  pages of spans in use are taken in the page allocator
    I3  objects allocated less objects freed are the taken slots, by size class

Owner: the world is stopped. Go: runtime/mcheckmark.go; mheap.go has no walk like this.     Next: incremental.py
"""

from __future__ import annotations

from typing import Annotated

from runtime import page_alloc
from runtime.active_sweep import is_drained
from runtime.arenas import ArenaMap, HeapArena, is_in_window, is_unmarked, mark_line, page_of, window_page
from runtime.central_sets import swept, unswept
from runtime.heap import Runtime
from runtime.heap_bits import pointer_bits
from runtime.layout import (
    HEAP_ARENA_BYTES,
    LOG_HEAP_ARENA_BYTES,
    MALLOC_HEADER_SIZE,
    MAX_BITMAP_SIZE,
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGES_PER_ARENA,
    PTR_SIZE,
    chunk_index,
    chunk_page_index,
)
from runtime.mem_profile import check_profile
from runtime.mheap import MHeap, check_heap_memory
from runtime.mspan import (
    SPAN_IN_USE,
    WORD_BITS,
    MSpan,
    check_span,
    count_bits,
    find_zombie,
    has_bit,
    has_inline_bits,
    is_taken,
    slot_addr,
)
from runtime.os_memory import MemoryStats, sys_alloc, sys_discard
from runtime.p import HeapStats, MCache, P
from runtime.proc import G
from runtime.roots import check_roots, is_local, local_pointer, local_words
from runtime.scavenge import pause_background, resume_background
from runtime.size_classes import NUM_SIZE_CLASSES, NUM_SPAN_CLASSES
from runtime.span_set import SpanSet, check_span_set
from runtime.specials import FINALIZER, PROFILE, WEAK_HANDLE, as_root, check_roots_and_queue, check_specials
from runtime.sweeper import check_batch
from runtime.syspy import (
    Array,
    Struct,
    address,
    array_at,
    i64,
    is_nil,
    load,
    memmove,
    sizeof,
    store,
    struct,
    throw,
    u8,
    u32,
    u64,
    uintptr,
)
from runtime.types import Type
from runtime.world import World, check_world

CHECKMARK_BYTES = HEAP_ARENA_BYTES // PTR_SIZE // 8  # of one arena's bitmap
FIRST_STACK_BYTES = 64 << 10

REACHED_WORDS = 3  # address, the word that leads to it, the object with that word as in Checker.parent

FREE = 0x2E  # .
TAKEN = 0x23  # #
MARKED = 0x6F  # o
ZOMBIE = 0x21  # !


@struct
class Checker(Struct):
    """What a check has found so far."""

    memory: MemoryStats  # counts what is taken from the system
    runtime: Runtime  # whose heap it is
    is_marking: bool  # marking goes in steps, and has begun
    spans: u64  # spans in use
    pages: u64  # their pages
    roots: u64  # specials that keep something alive
    taken: Annotated[Array[u64], NUM_SIZE_CLASSES]  # their taken slots, by size class
    base: uintptr  # the list of objects reached that have pointers, REACHED_WORDS for each: first word
    top: uintptr  # its end
    limit: uintptr  # the end of its room
    marked: u64  # objects reached
    parent: uintptr  # where in the list the object is that is scanned now; 0 while the roots are
    target: uintptr  # the object that a path is looked for to; 0: none, marks are checked
    found: bool  # there is one
    found_source: uintptr  # the word that leads to it
    found_parent: uintptr  # the object with that word, as in parent


def new_checker(runtime: Runtime) -> Checker:
    """A Checker that has seen nothing."""
    memory = runtime.heap.memory
    block = sys_alloc(memory, sizeof(Checker), memory.other)
    if block == 0:
        refuse_check(runtime.world)
    checker = Checker.at(block)
    checker.memory = memory
    checker.runtime = runtime
    return checker


def refuse_check(world: World) -> None:
    """The system refuses memory to check with. Throws; whoever has stopped the world for a check cannot go on."""
    if not is_nil(world.stopped_by):
        throw("no memory is left to check the heap with")
    throw("out of memory")


def give_up(checker: Checker) -> None:
    """The same in the middle of a check: what it has taken so far is given back."""
    world = checker.runtime.world
    free_checker(checker)
    refuse_check(world)


def free_checker(checker: Checker) -> None:
    """Give a checker's memory back, and the bitmaps that it has in the arenas."""
    memory = checker.memory
    arena = checker.runtime.heap.arenas.first
    while not is_nil(arena):
        if not is_nil(arena.checkmarks):
            sys_discard(memory, address(arena.checkmarks), CHECKMARK_BYTES, memory.other)
            arena.checkmarks = array_at(u64, 0)
        arena = arena.next
    if checker.base != 0:
        sys_discard(memory, checker.base, checker.limit - checker.base, memory.other)
    sys_discard(memory, address(checker), sizeof(Checker), memory.other)


# --- The walk --------------------------------------------------------------------------------------------------------


def check_heap(runtime: Runtime) -> None:
    """Every invariant of the heap holds. Any time but during a step of marking, or while sweeping."""
    heap = runtime.heap
    checker = new_checker(runtime)
    pause_background(heap.scavenger)
    check_parts(runtime)
    checker.is_marking = runtime.increments.is_marking
    arena = heap.arenas.first
    while not is_nil(arena):
        check_arena_place(heap, arena)
        for page in range(u64(PAGES_PER_ARENA)):
            check_page(checker, heap, arena, page)
        arena = arena.next
    check_totals(checker, runtime)
    free_checker(checker)
    resume_background(heap.scavenger, heap.memory)


def check_parts(runtime: Runtime) -> None:
    """The invariants of what is not in an arena."""
    heap = runtime.heap
    check_heap_memory(heap)
    page_alloc.check_page_alloc(heap.pages)
    check_roots(runtime.roots)
    g = runtime.world.gs
    while not is_nil(g):
        if (g.is_marking != 0) != runtime.increments.is_marking:
            throw("IM3: a goroutine does not know whether marking goes in steps", address(g), g.is_marking)
        g = g.next
    check_world(runtime.world)
    g = runtime.world.gs
    while not is_nil(g):
        check_g(runtime, g)
        g = g.next


def check_totals(checker: Checker, runtime: Runtime) -> None:
    """The invariants over all spans, when the checker has seen them."""
    heap = runtime.heap
    if checker.pages != heap.pages_in_use:
        throw("HP2: pages_in_use is not the sum over the spans", heap.pages_in_use, checker.pages)
    held: u64 = 0
    p = runtime.world.ps
    while not is_nil(p):
        check_batch(p)
        held = held + check_centrals(heap, p) + check_mcache(heap, p.m_cache)
        p = p.next
    if held != checker.spans:
        throw("I1: spans in sets and mcaches are not the spans in use", held, checker.spans)
    check_counts(checker, heap, runtime.world)
    check_roots_and_queue(heap.specials, checker.roots)
    check_profile(heap.specials.profile)


def check_g(runtime: Runtime, g: G) -> None:
    """G1 and RN1 hold."""
    end = g.shadow_base + runtime.shadow_bytes
    if g.shadow_base > g.shadow_top or g.shadow_top > end or g.shadow_limit > end or g.shadow_top % PTR_SIZE != 0:
        throw("G1: a shadow stack's top is out of place", g.shadow_base, g.shadow_top, g.shadow_limit)
    if g.runtime != runtime or g.heap != runtime.heap or g.m_cache != g.p.m_cache:
        throw("RN1: a goroutine belongs to another runtime", address(g))


def check_arena_place(heap: MHeap, arena: HeapArena) -> None:
    """AR4 holds for an arena."""
    arenas = heap.arenas
    if arenas.table[arena.start_addr >> LOG_HEAP_ARENA_BYTES] != arena:
        throw("AR4: an arena is not in the table", arena.start_addr)
    end = arenas.lowest + arenas.extent
    if arena.start_addr < arenas.lowest or arena.start_addr + HEAP_ARENA_BYTES > end:
        throw("AR4: an arena is outside of lowest and extent", arena.start_addr, arenas.lowest, arenas.extent)


def check_page(checker: Checker, heap: MHeap, arena: HeapArena, page: u64) -> None:
    """The invariants of a page that is the first of a span in use, or of none; count the span."""
    if arena.in_use[page // WORD_BITS] >> page % WORD_BITS & 1 == 0:
        if class_at(heap.arenas, arena.start_addr + page * PAGE_SIZE) != 0:
            throw("AR2: a page without a span has a span class", arena.start_addr, page)
        return
    check_span_in_use(heap, arena, page, checker.is_marking)
    span = arena.spans[page]
    size_class = u64(span.span_class) >> 1
    checker.spans = checker.spans + 1
    checker.pages = checker.pages + span.npages
    checker.roots = checker.roots + check_specials(span)
    checker.taken[size_class] = checker.taken[size_class] + u64(span.alloc_count)


def check_span_in_use(heap: MHeap, arena: HeapArena, page: u64, is_marking: bool) -> None:
    """The invariants of one span, and of what the arenas, the bitmaps and the page allocator say of it."""
    span = arena.spans[page]
    if is_nil(span) or span.state != SPAN_IN_USE or span.start_addr != arena.start_addr + page * PAGE_SIZE:
        throw("AR3: a span in use is not at its page", arena.start_addr, page)
    check_span(span)
    addr = span.start_addr
    while addr < span.start_addr + (span.npages << PAGE_SHIFT):
        if heap.arenas.table[addr >> LOG_HEAP_ARENA_BYTES].spans[page_of(addr)] != span:
            throw("AR1: a page of a span leads elsewhere", span.start_addr, addr)
        taken = page_alloc.chunk_of(heap.pages, chunk_index(addr)).alloc
        if taken.words[chunk_page_index(addr) // WORD_BITS] >> chunk_page_index(addr) % WORD_BITS & 1 == 0:
            throw("I2: a page of a span in use is free", span.start_addr, addr)
        addr = addr + PAGE_SIZE
    expected = u64(span.span_class) if has_inline_bits(span.elem_size) else u64(0)
    if class_at(heap.arenas, span.start_addr) != expected and is_in_window(heap.arenas, span.start_addr):
        throw("AR2: inline_class is not the span's class", span.start_addr, expected)
    if is_swept_now(heap, span):
        check_swept_bits(heap, span, is_marking)
    elif is_unmarked(heap.arenas, span) and count_bits(span.mark_bits, u64(span.nelems)) != 0:
        throw("AR5: a page has mark bits and no page mark", span.start_addr)
    if span.elem_size == PTR_SIZE and span.span_class & 1 == 0:
        if count_bits(pointer_bits(span), PAGE_SIZE // PTR_SIZE) != PAGE_SIZE // PTR_SIZE:
            throw("H1: a pointer bit of an 8-byte slot is clear", span.start_addr)


def class_at(arenas: ArenaMap, addr: uintptr) -> u64:
    """What inline_class says of a page; 0 outside of the window."""
    if not is_in_window(arenas, addr):
        return 0
    return u64(arenas.inline_class[window_page(arenas, addr)])


def is_swept_now(heap: MHeap, span: MSpan) -> bool:
    """Whether the span has been swept in this collection."""
    return span.sweep_gen == heap.sweep_gen or span.sweep_gen == u32(heap.sweep_gen + 3)


def check_swept_bits(heap: MHeap, span: MSpan, is_marking: bool) -> None:
    """GB1 and GB2 hold; between two steps of marking S4 does instead of GB2."""
    if has_inline_bits(span.elem_size) and is_in_window(heap.arenas, span.start_addr):
        if address(span.mark_bits) != mark_line(heap.arenas, span.start_addr):
            throw("GB1: a span's mark bits are not its page's line", span.start_addr, address(span.mark_bits))
    if is_marking:
        if find_zombie(span) != u64(span.nelems):
            throw("S4: a slot is marked and not taken", span.start_addr, find_zombie(span))
    elif count_bits(span.mark_bits, u64(span.nelems)) != 0:
        throw("GB2: a swept span has mark bits", span.start_addr)


def check_centrals(heap: MHeap, p: P) -> u64:
    """CS1 to CS3 hold for the mcentrals of a P. Returns the number of spans in all sets."""
    count: u64 = 0
    for span_class in range(NUM_SPAN_CLASSES):
        central = p.central[span_class]
        sweep_gen = heap.sweep_gen
        partial = unswept(central.partial, sweep_gen)
        full = unswept(central.full, sweep_gen)
        if is_drained(heap.sweeper) and (not is_nil(partial.first) or not is_nil(full.first)):
            throw("CS1: an unswept span is left", u64(span_class))
        before = count
        count = count + check_set(partial, u32(sweep_gen - 2), False, False)
        count = count + check_set(full, u32(sweep_gen - 2), True, False)
        count = count + check_set(swept(central.partial, sweep_gen), sweep_gen, False, True)
        count = count + check_set(swept(central.full, sweep_gen), sweep_gen, True, True)
        is_used = count != before or p.m_cache.alloc[span_class].nelems != 0
        if is_used and not has_bit(p.m_cache.classes, u64(span_class)):
            throw("PS2: a P has spans of a class without its bit", u64(p.id), u64(span_class))
    return count


def check_set(spans: SpanSet, sweep_gen: u32, is_full: bool, is_swept: bool) -> u64:
    """CS2 and CS3 hold for one set. Returns the number of its spans."""
    check_span_set(spans)
    span = spans.first
    while not is_nil(span):
        if span.sweep_gen != sweep_gen:
            throw("CS2: a span is in a set of another sweep_gen", span.start_addr, u64(span.sweep_gen), u64(sweep_gen))
        if (span.alloc_count == span.nelems) != is_full:
            throw("CS3: a span is in the wrong set for its free slots", span.start_addr, u64(span.alloc_count))
        span = span.next
    return spans.count


def check_mcache(heap: MHeap, cache: MCache) -> u64:
    """MC1 to MC3 hold. Returns the number of spans that are cached."""
    count: u64 = 0
    for span_class in range(NUM_SPAN_CLASSES):
        span = cache.alloc[span_class]
        following = cache.run_next[span_class]
        limit = cache.run_limit[span_class]
        if following > limit:
            throw("MC2: a run ends before its next slot", u64(span_class), following, limit)
        if span.nelems != 0:
            count = count + 1
            if span.sweep_gen != u32(heap.sweep_gen + 3):
                throw("MC1: a cached span has a bad sweep_gen", span.start_addr, u64(span.sweep_gen))
        if following != limit and limit != slot_addr(span, u64(span.free_index)):
            throw("MC3: a run does not end at its span's free_index", span.start_addr, limit)
    return count


def check_counts(checker: Checker, heap: MHeap, world: World) -> None:
    """I3 holds."""
    for size_class in range(NUM_SIZE_CLASSES):
        counted = counted_objects(heap.stats, size_class)
        p = world.ps
        while not is_nil(p):
            counted = u64(counted + counted_objects(p.stats, size_class) + newly_cached(p.m_cache, size_class))
            p = p.next
        if counted != checker.taken[size_class]:
            throw("I3: objects allocated less objects freed are not the taken slots", u64(size_class), counted)


def counted_objects(stats: HeapStats, size_class: i64) -> u64:
    """Objects of a class allocated less those freed; class 0 is that of large ones. May be less than 0: wraps."""
    if size_class == 0:
        return u64(stats.large_alloc_count - stats.large_free_count)
    return u64(stats.small_alloc_count[size_class] - stats.small_free_count[size_class])


def newly_cached(cache: MCache, size_class: i64) -> u64:
    """Slots of a class that were taken from cached spans and are not counted yet."""
    count: u64 = 0
    for span_class in range(2 * size_class, 2 * size_class + 2):
        span = cache.alloc[span_class]
        count = count + (u64(span.alloc_count) - u64(span.cached_count))
    return count


# --- The second marking ----------------------------------------------------------------------------------------------


def check_all_marks(runtime: Runtime) -> u64:
    """Everything reachable has its mark bit. Returns how many objects that is. Called before anything is swept."""
    checker = new_checker(runtime)
    reach_all(checker, runtime)
    marked = checker.marked
    free_checker(checker)
    return marked


def reach_all(checker: Checker, runtime: Runtime) -> None:
    """Reach everything from the roots, the nearest first; or until a path to the target is found."""
    arenas = runtime.heap.arenas
    arena = arenas.first
    while not is_nil(arena):
        block = sys_alloc(checker.memory, CHECKMARK_BYTES, checker.memory.other)
        if block == 0:
            give_up(checker)
        arena.checkmarks = array_at(u64, block)
        arena = arena.next
    reach_roots(checker, runtime)
    offset: u64 = 0  # of the object to scan: the list may move
    while offset != checker.top - checker.base and not checker.found:
        checker.parent = offset + 1
        reach_children(checker, arenas, load(uintptr, checker.base + offset))
        offset = offset + REACHED_WORDS * PTR_SIZE


def reach_roots(checker: Checker, runtime: Runtime) -> None:
    """Reach what the roots point to."""
    arenas = runtime.heap.arenas
    g = runtime.world.gs
    while not is_nil(g):
        addr = g.shadow_top
        while addr > g.shadow_base:
            addr = addr - PTR_SIZE
            word = load(uintptr, addr)
            reach(checker, arenas, word, addr)
            if is_local(word):
                for number in range(local_words(word)):
                    reach(checker, arenas, local_pointer(word, number), addr)
        g = g.next
    for handle in range(runtime.roots.capacity):
        reach(checker, arenas, runtime.roots.handles[handle], handle)
    globals_range = runtime.roots.globals
    while not is_nil(globals_range):
        for offset in range(u64(0), globals_range.size, PTR_SIZE):
            if is_mask_bit(globals_range.mask, offset):
                addr = globals_range.start_addr + offset
                reach(checker, arenas, load(uintptr, addr), addr)
        globals_range = globals_range.next
    arena = arenas.first
    while not is_nil(arena):
        for page in range(u64(PAGES_PER_ARENA)):
            if arena.in_use[page // WORD_BITS] >> page % WORD_BITS & 1 != 0:
                reach_specials(checker, arenas, arena.spans[page])
        arena = arena.next
    ready = runtime.heap.specials.ready
    while not is_nil(ready):
        if ready.special.kind == FINALIZER:
            reach(checker, arenas, ready.special.value, address(ready))
        reach(checker, arenas, ready.fn, address(ready))
        reach(checker, arenas, ready.arg, address(ready))
        ready = ready.next


def reach_specials(checker: Checker, arenas: ArenaMap, span: MSpan) -> None:
    """Reach what the specials of a span's objects keep alive."""
    special = span.specials
    while not is_nil(special):
        if special.kind == WEAK_HANDLE:
            reach(checker, arenas, special.value, address(special))
        elif special.kind != PROFILE:
            reach(checker, arenas, as_root(special).fn, address(special))
            reach(checker, arenas, as_root(special).arg, address(special))
        if special.kind == FINALIZER and span.span_class & 1 == 0:
            reach_children(checker, arenas, special.value - special.offset % span.elem_size)
        special = special.next


def reach(checker: Checker, arenas: ArenaMap, p: uintptr, source: uintptr) -> None:
    """Reach the object that p points into, if any; source is where p was found."""
    arena = arenas.first
    while not is_nil(arena) and (p < arena.start_addr or p >= arena.start_addr + HEAP_ARENA_BYTES):
        arena = arena.next
    if is_nil(arena):
        return
    span = arena.spans[(p - arena.start_addr) // PAGE_SIZE]
    if is_nil(span) or span.state != SPAN_IN_USE:
        if checker.target != 0:
            return
        throw("MK1: checkmark found a pointer to a page without objects", p, source)
    slot = (p - span.start_addr) // span.elem_size
    start = span.start_addr + slot * span.elem_size
    # A large object may begin in an arena before that of p.
    checkmarks = arenas.table[start >> LOG_HEAP_ARENA_BYTES].checkmarks
    word = start % HEAP_ARENA_BYTES // PTR_SIZE
    if checkmarks[word // WORD_BITS] >> word % WORD_BITS & 1 != 0:
        return
    checkmarks[word // WORD_BITS] = checkmarks[word // WORD_BITS] | u64(u64(1) << word % WORD_BITS)
    if checker.target != 0:
        if start == checker.target and not checker.found:
            checker.found = True
            checker.found_source = source
            checker.found_parent = checker.parent
    elif slot >= u64(span.nelems) or span.mark_bits[slot // WORD_BITS] >> slot % WORD_BITS & 1 == 0:
        throw("MK2: checkmark found unmarked object", start, span.elem_size, source)
    checker.marked = checker.marked + 1
    if span.span_class & 1 == 0:
        push_reached(checker, start, source)


def push_reached(checker: Checker, start: uintptr, source: uintptr) -> None:
    """Put an object in the list, which grows."""
    if checker.limit - checker.top < REACHED_WORDS * PTR_SIZE:
        used = checker.top - checker.base
        room = checker.limit - checker.base
        size = 2 * room if room != 0 else u64(FIRST_STACK_BYTES)
        base = sys_alloc(checker.memory, size, checker.memory.other)
        if base == 0:
            give_up(checker)
        if room != 0:
            memmove(base, checker.base, used)
            sys_discard(checker.memory, checker.base, room, checker.memory.other)
        checker.base = base
        checker.top = base + used
        checker.limit = base + size
    store(uintptr, checker.top, start)
    store(uintptr, checker.top + PTR_SIZE, source)
    store(uintptr, checker.top + 2 * PTR_SIZE, checker.parent)
    checker.top = checker.top + REACHED_WORDS * PTR_SIZE


def reach_children(checker: Checker, arenas: ArenaMap, start: uintptr) -> None:
    """Reach what the object at start points to."""
    arena = arenas.table[start >> LOG_HEAP_ARENA_BYTES]
    span = arena.spans[(start - arena.start_addr) // PAGE_SIZE]
    for offset in range(u64(0), span.elem_size, PTR_SIZE):
        if is_pointer_at(span, start, offset):
            reach(checker, arenas, load(uintptr, start + offset), start + offset)


def is_pointer_at(span: MSpan, start: uintptr, offset: u64) -> bool:
    """Whether the word at an offset of an object is a pointer, by the object's pointer map."""
    if span.elem_size <= MAX_BITMAP_SIZE:
        return is_mask_bit(array_at(u8, address(pointer_bits(span))), start + offset - span.start_addr)
    if span.span_class >> 1 == 0:
        return not is_nil(span.large_type) and is_pointer_of(span.large_type, offset)
    return offset >= MALLOC_HEADER_SIZE and is_pointer_of(Type.at(load(uintptr, start)), offset - MALLOC_HEADER_SIZE)


def is_pointer_of(typ: Type, offset: u64) -> bool:
    """Whether a word of an array of values of the type is a pointer."""
    within = offset % typ.size
    return within < typ.ptr_bytes and is_mask_bit(typ.gc_mask, within)


def is_mask_bit(mask: Array[u8], offset: u64) -> bool:
    """The bit of the word at an offset in bytes."""
    word = offset // PTR_SIZE
    return mask[word // 8] >> u8(word % 8) & 1 != 0


def find_path(runtime: Runtime, target: uintptr, out: Array[u64], room: u64) -> u64:
    """The shortest way from a root to the object of a slot; how many links it has, 0 if there is none.

    Written are two words for each link: the word that leads on, of a handle its number; and the slot that it leads to.
    The target's comes first, and the root's last; of those before the root, as many as there is room for. The world
    stands still.
    """
    checker = new_checker(runtime)
    checker.target = target
    reach_all(checker, runtime)
    count: u64 = 0
    if checker.found:
        start = target
        source = checker.found_source
        parent = checker.found_parent
        put_link(out, count, room, source, start)
        count = 1
        while parent != 0:
            entry = checker.base + (parent - 1)
            start = load(uintptr, entry)
            source = load(uintptr, entry + PTR_SIZE)
            parent = load(uintptr, entry + 2 * PTR_SIZE)
            put_link(out, count, room, source, start)
            count = count + 1
    free_checker(checker)
    return count


def put_link(out: Array[u64], i: u64, room: u64, source: uintptr, start: uintptr) -> None:
    """Write a link of a path."""
    at = i if i < room else room - 1
    out[2 * at] = source
    out[2 * at + 1] = start


# --- Drawing ---------------------------------------------------------------------------------------------------------


def draw_span(span: MSpan, out: Array[u8]) -> u64:
    """A span as text, one character per slot; returns how many that is."""
    for slot in range(u64(span.nelems)):
        taken = is_taken(span, slot)
        if has_bit(span.mark_bits, slot):
            out[slot] = MARKED if taken else ZOMBIE
        else:
            out[slot] = TAKEN if taken else FREE
    return u64(span.nelems)
