"""P: what one processor owns, and needs no lock for.

    P
      |-- m_cache   MCache      a span of each class, and of each the run that is handed out
      |-- pages     PageCache   64 pages in a row
      |-- spans                 MSpans without pages: | used | used | nil | ...
      |-- central   MCentral    by span class: spans that were last allocated from here, and are not cached now
      |-- batch     SweepBatch  spans on their way from being swept to where they belong
      |-- stats     HeapStats   what was allocated and freed here since the last flush
      `-- status                who may touch all this:

    P_IDLE       no thread has it                          whoever holds world.lock
    P_RUNNING    a thread runs systems code with it        that thread
    P_SYSCALL    its thread is outside, in the host        that thread, once it is back; or who stops the world
    P_STOPPED    the world is stopped                      who stopped it

A thread that allocates has a P to itself, so nothing on the way of an allocation is atomic or locked until a page or a
span is wanted that the P does not have. How a status changes is in world.py. Only the mcentrals have a lock: another P
whose own have nothing looks there, and so does who sweeps.

Most programs have objects of a few classes only. Where all of a P's runs, spans or sets are gone through, as a
collection does several times, the bits in m_cache.classes say which classes there are to look at.

    PS1  spans[0 .. span_count) are cells of span_cells that are out and in no use
    PS2  a P has a run or a span of a class, or spans in the sets of its mcentral, only if the class's bit is set

Owner: see the table. Go: runtime/runtime2.go p, mcache.go mcache, mstats.go heapStatsDelta.      Next: mheap.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runtime.clock import TimeSpec
from runtime.mspan import WORD_BITS, MSpan, next_bit
from runtime.page_cache import PageCache
from runtime.sampler import Sampler
from runtime.size_classes import NUM_SIZE_CLASSES, NUM_SPAN_CLASSES
from runtime.span_set import SpanSet
from runtime.syspy import Array, Inline, Struct, address, array_at, inline, sizeof, struct, u32, u64, uintptr

if TYPE_CHECKING:
    from runtime.central_sets import MCentral
    from runtime.proc import G
    from runtime.world import World

P_IDLE = 0
P_RUNNING = 1
P_SYSCALL = 2
P_STOPPED = 3

SPAN_CACHE = 128  # MSpans that a P keeps at most
SPAN_CACHE_REFILL = 64  # it takes so many at a time
CLASS_WORDS = (NUM_SPAN_CLASSES + WORD_BITS - 1) // WORD_BITS


@struct
class HeapStats(Struct):
    """What was allocated and freed, in objects and bytes. Nothing but u64."""

    large_alloc_bytes: u64  # of large objects, in whole pages
    large_alloc_count: u64  # large objects
    large_free_bytes: u64  # of large objects that were freed
    large_free_count: u64  # large objects that were freed
    tiny_alloc_count: u64  # objects that went into a block of the tiny allocator
    slots_reused: u64  # slots handed out that had been another object before
    small_alloc_count: Annotated[Array[u64], NUM_SIZE_CLASSES]  # slots handed out, by size class
    small_free_count: Annotated[Array[u64], NUM_SIZE_CLASSES]  # slots swept free, by size class


@struct
class MCache(Struct):
    """What a P allocates from: mcache.py."""

    run_next: Annotated[Array[uintptr], NUM_SPAN_CLASSES]  # next slot of the run, by span class
    run_limit: Annotated[Array[uintptr], NUM_SPAN_CLASSES]  # end of the run
    tiny_next: uintptr  # first free byte of the tiny allocator's block
    tiny_limit: uintptr  # its end
    tiny_allocs: u64  # objects put in such blocks since the last flush
    run_bytes: u64  # the longest run, in bytes; 0: one slot, so that every allocation takes the slow path
    slots_reused: u64  # slots since the last flush that had been another object before
    classes: Annotated[Array[u64], CLASS_WORDS]  # one bit per span class: it had a span of the class once (PS2)
    alloc: Annotated[Array[MSpan], NUM_SPAN_CLASSES]  # the span of each class; heap.empty_span for none
    sampler: Inline[Sampler]  # which slots the memory profile gets to see


@struct
class SweepBatch(Struct):
    """Spans that were swept and are not where they belong yet: sweeper.py. Empty unless the P's thread sweeps."""

    partial: Inline[SpanSet]  # those with some objects, of one central
    full: Inline[SpanSet]  # those full of objects, of the same central
    central: MCentral  # which; nil: there are none
    dead: MSpan  # the last of those without objects, linked by next; nil: there are none
    start: uintptr  # first byte of their pages, which are in a row
    end: uintptr  # the end of the pages; 0: there are none


@struct
class P(Struct):
    """One processor."""

    m_cache: Inline[MCache]  # spans of all classes
    pages: Inline[PageCache]  # free pages
    stats: Inline[HeapStats]  # since the last flush
    status: u32  # P_*
    id: u32  # 0, 1, 2, ...
    is_sweeping: u64  # 1: its thread is a sweeper (active_sweep.py)
    live: u64  # bytes to be added to heap_live; wraps
    live_batch: u64  # bytes: so many are added at once (flush_live)
    pages_swept: u64  # pages to be added to the sweeper's
    span_count: u64  # MSpans in spans
    spans: Annotated[Array[MSpan], SPAN_CACHE]  # MSpans without pages
    central: Array[Inline[MCentral]]  # the spans that were last allocated from here, by span class
    batch: Inline[SweepBatch]  # what is being swept
    time: Inline[TimeSpec]  # where it reads the clock to
    world: World  # where it belongs
    g: G  # the goroutine that it runs; nil while idle
    next: P  # the P made before this one
    next_idle: P  # while idle: the next idle one


@inline
def next_class(cache: MCache, span_class: u64) -> u64:
    """The first span class from this one on that an mcache has the bit of; NUM_SPAN_CLASSES if there is none."""
    return next_bit(cache.classes, span_class, NUM_SPAN_CLASSES)


def flush_stats(total: HeapStats, part: HeapStats) -> None:
    """Add the counts of a part to the total, and begin them anew. The part's P is the caller's, or stopped."""
    sums = array_at(u64, address(total))
    counts = array_at(u64, address(part))
    for i in range(sizeof(HeapStats) // 8):
        # Most counts are 0; and what is not written stays in the cache of the P's processor.
        if counts[i] != 0:
            sums[i] = sums[i] + counts[i]
            counts[i] = 0
