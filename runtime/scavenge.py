"""Scavenging: free pages go back to the system.

      free, backed      taken for a moment             free, scavenged
    [......######]     [####  ######]                 [ssss..######]
           take_candidate          sys_unused             give_back
           (heap.lock)             (no lock)              (heap.lock)

The kernel takes its time, so that nobody should wait for it with heap.lock held; and while it is at work, nobody may
allocate the pages. So they are allocated until it is done, for the bitmap and the summaries. The scavenge index goes
on counting them as free: nobody uses them.

    who                                        how much                                dense chunks
    the background, one percent of a CPU       down to the goals of scavenge_pacer     left alone
    an allocation for which the heap grew      as much as it grew, down to the goal    left alone
    an allocation beyond the memory limit      down to the limit                       too
    debug.FreeOSMemory                         everything                              too

A program that frees memory has its pages for a while yet: it may want them again, and the kernel would have to zero
them first.

    SC1  a page that the kernel refuses to take back is free afterwards, and counts as what it was
    SC2  what the kernel has is counted as released, at the end of the same hold of heap.lock

Lock: heap.lock; and scavenger.lock around what the background does, for whom the world does not wait when it stops.
Go: runtime/mgcscavenge.go, mheap.go allocSpan.                                                     Next: mspan.py
"""

from __future__ import annotations

from runtime.clock import TimeSpec
from runtime.layout import CHUNK_PAGES, HUGE_PAGE_PAGES, PAGE_SIZE, PHYS_PAGES, chunk_base, chunk_index, larger, smaller
from runtime.layout import chunk_page_index as page_of
from runtime.lock import SCAVENGER_LOCK, LockOrder, Mutex, assert_lock_held, futex_wake, lock, mutex_init, unlock
from runtime.os_memory import MemoryStats, stat_move, sys_drop, sys_unused
from runtime.page_alloc import PageAlloc, chunk_of, update_chunk
from runtime.page_bits import clear_range, popcnt_range, set_range
from runtime.scavenge_bits import find_scavenge_candidate
from runtime.scavenge_index import find_chunk, index_free, set_empty
from runtime.scavenge_pacer import NO_SCAVENGE_GOAL, gc_percent_goal, memory_limit_goal
from runtime.scavenge_sleep import SleepPacer, sleep_pacer_init
from runtime.syspy import Inline, Struct, address, atomic_load, cas, offsetof, struct, u32, u64, uintptr

NO_LIMIT = (1 << 63) - 1  # bytes: the memory limit of a program that has none

# Scavenger.wanted
IDLE = 0
WORK = 1  # the background has something to do
STOP = 2  # it shall end


@struct
class Scavenger(Struct):
    """How much may be kept, and what was given back."""

    lock: Inline[Mutex]  # held by the background while it gives pages back; covers is_paused
    is_paused: bool  # somebody looks at the heap: the background leaves it alone
    memory_limit: u64  # bytes that may be ready; NO_LIMIT
    other_ready: u64  # bytes that are ready and not counted in MemoryStats, at the last pacing: memstats.py
    gc_percent_goal: u64  # bytes that the heap may keep, or NO_SCAVENGE_GOAL
    memory_limit_goal: u64  # bytes that may be ready before the background begins, or NO_SCAVENGE_GOAL
    last_heap_goal: u64  # bytes: what the last collection was to start at; 0: there was none
    last_in_use: u64  # bytes in spans when it ended
    growth: u64  # bytes that the heap has grown by since somebody last gave back for it
    released_eager: u64  # bytes given back by allocations since the last line of scavtrace
    released_bg: u64  # bytes given back by the background since then
    assist_ns: u64  # nanoseconds that allocations gave pages back for since the last collection
    is_limiting: bool  # the limit costs too much time already: allocations do nothing for it, see gc_limiter.py
    is_untraced: bool  # a cycle was swept, or is being, that no line of scavtrace tells of
    wanted: u32  # IDLE, WORK or STOP: what the background sleeps on
    time: Inline[TimeSpec]  # where the background reads the clock to
    pacer: Inline[SleepPacer]  # how long it sleeps


def scavenger_init(s: Scavenger, order: LockOrder) -> None:
    """Make an all-zero Scavenger one that keeps everything."""
    mutex_init(s.lock, SCAVENGER_LOCK, order)
    s.memory_limit = NO_LIMIT
    s.gc_percent_goal = NO_SCAVENGE_GOAL
    s.memory_limit_goal = NO_SCAVENGE_GOAL
    sleep_pacer_init(s.pacer)


# --- Giving back -----------------------------------------------------------------------------------------------------


def scavenge(pages: PageAlloc, nbytes: u64, force: bool) -> u64:
    """Give about so many bytes back to the system. Returns how many; fewer when no more can be. No lock is held."""
    released: u64 = 0
    while released < nbytes:
        n = scavenge_one(pages, nbytes - released, force)
        if n == 0:
            return released
        released += n
    return released


def drop_released(pages: PageAlloc) -> None:
    """Give back what the kernel backs of pages that count as released: neighbours of others in pages of 2 MiB."""
    lock(pages.lock)
    for i in range(pages.in_use.count):
        in_use = pages.in_use.ranges[i]
        for chunk in range(chunk_index(in_use.base), chunk_index(in_use.limit - 1) + 1):
            drop_released_runs(pages, chunk)
    unlock(pages.lock)


def drop_released_runs(pages: PageAlloc, chunk: u64) -> None:
    """The same for one chunk, run by run. Caller holds heap.lock."""
    bits = chunk_of(pages, chunk).scavenged
    first: u64 = 0
    for page in range(u64(CHUNK_PAGES)):
        if bits.words[page // 64] >> page % 64 & 1 == 0:
            if first < page:
                sys_drop(pages.stats, chunk_base(chunk) + first * PAGE_SIZE, (page - first) * PAGE_SIZE)
            first = page + 1
    if first < CHUNK_PAGES:
        sys_drop(pages.stats, chunk_base(chunk) + first * PAGE_SIZE, (CHUNK_PAGES - first) * PAGE_SIZE)


def scavenge_one(pages: PageAlloc, nbytes: u64, force: bool) -> u64:
    """Give the highest free pages in a row back, about so many bytes. Returns how many; 0: none, or refused."""
    most = nbytes // PAGE_SIZE + u64(nbytes % PAGE_SIZE != 0)
    lock(pages.lock)
    addr, npages = take_candidate(pages, most, force)
    unlock(pages.lock)
    if npages == 0:
        return 0
    is_released = sys_unused(pages.stats, addr, npages * PAGE_SIZE)
    lock(pages.lock)
    give_back(pages, addr, npages, is_released)
    unlock(pages.lock)
    return npages * PAGE_SIZE if is_released else 0


def take_candidate(pages: PageAlloc, most: u64, force: bool) -> tuple[uintptr, u64]:
    """Allocate the highest pages in a row that can be released, about `most`: (address, pages); (0, 0) for none."""
    assert_lock_held(pages.lock)
    chunk, last = find_chunk(pages.index, force)
    while chunk != 0:
        data = chunk_of(pages, chunk)
        first, n = find_scavenge_candidate(data, last, PHYS_PAGES, most, HUGE_PAGE_PAGES)
        if n == 0:
            # The cursor of the background can be below pages of its chunk that this generation freed.
            first, n = find_scavenge_candidate(data, CHUNK_PAGES - 1, PHYS_PAGES, most, HUGE_PAGE_PAGES)
        if n != 0:
            set_range(data.alloc, first, n)
            update_chunk(pages, chunk)
            return chunk_base(chunk) + first * PAGE_SIZE, n
        set_empty(pages.index, chunk)
        chunk, last = find_chunk(pages.index, force)
    return 0, 0


def give_back(pages: PageAlloc, addr: uintptr, npages: u64, is_released: bool) -> None:
    """Free the pages that take_candidate allocated; the kernel has them, or has refused."""
    assert_lock_held(pages.lock)
    chunk = chunk_index(addr)
    first = page_of(addr)
    data = chunk_of(pages, chunk)
    assert popcnt_range(data.alloc, first, npages) == npages, "SC1: pages were lost on the way"
    clear_range(data.alloc, first, npages)
    if is_released:
        set_range(data.scavenged, first, npages)
        stat_move(pages.stats.heap_free, pages.stats.heap_released, npages * PAGE_SIZE)  # SC2
    else:
        index_free(pages.index, chunk, first + npages - 1, 0)
    pages.search_addr = smaller(pages.search_addr, addr)
    update_chunk(pages, chunk)


# --- How much --------------------------------------------------------------------------------------------------------


def retained_bytes(memory: MemoryStats) -> u64:
    """The heap's pages that the kernel backs."""
    return memory.heap_in_use.bytes + memory.heap_free.bytes


def ready_bytes(s: Scavenger, memory: MemoryStats) -> u64:
    """All that the kernel backs, as far as anybody knows: what a memory limit limits."""
    return memory.ready + s.other_ready


def note_cycle(s: Scavenger, memory: MemoryStats, goal: u64) -> None:
    """Remember of a cycle that ends what the next goals follow from: all that it needed is in use now."""
    s.last_heap_goal = goal
    s.last_in_use = memory.heap_in_use.bytes


def pace_scavenger(s: Scavenger, memory: MemoryStats, heap_goal: u64) -> None:
    """Set the goals, after a collection, or after a change of what the heap's goal follows from."""
    s.gc_percent_goal = gc_percent_goal(retained_bytes(memory), heap_goal, s.last_heap_goal, s.last_in_use)
    s.memory_limit_goal = memory_limit_goal(ready_bytes(s, memory), s.memory_limit)


def is_over_goal(s: Scavenger, memory: MemoryStats) -> bool:
    """Whether the background has something to do, if there are free pages."""
    return retained_bytes(memory) > s.gc_percent_goal or ready_bytes(s, memory) > s.memory_limit_goal


def eager_work(s: Scavenger, memory: MemoryStats, released: u64) -> tuple[u64, bool]:
    """What to give back for an allocation of pages, so many bytes of them released before: (bytes, by force).

    The pages are counted as in use.
    """
    todo: u64 = 0
    force = False
    ready = ready_bytes(s, memory)
    if ready > s.memory_limit and not s.is_limiting:
        todo = ready - s.memory_limit
        force = True
    growth: u64 = atomic_load(s, "growth")
    # If it has changed meanwhile, another thread is there to see to it.
    if growth != 0 and cas(s, "growth", growth, 0):
        retained = retained_bytes(memory) - released + growth
        if retained > s.gc_percent_goal:
            todo = larger(todo, smaller(growth, retained - s.gc_percent_goal))
    return todo, force


# --- The background is asked -----------------------------------------------------------------------------------------


def pause_background(s: Scavenger) -> None:
    """The heap stands still, if the world does. A failure after this leaves it so, and nobody waits."""
    lock(s.lock)
    s.is_paused = True
    unlock(s.lock)


def resume_background(s: Scavenger, memory: MemoryStats) -> None:
    """The background may go on."""
    lock(s.lock)
    s.is_paused = False
    unlock(s.lock)
    wake_scavenger(s, memory)


def wake_scavenger(s: Scavenger, memory: MemoryStats) -> None:
    """Pages have become free: wake the background if it has something to do."""
    if is_over_goal(s, memory) and atomic_load(s, "wanted") == IDLE and cas(s, "wanted", IDLE, WORK):
        futex_wake(address(s) + offsetof(Scavenger, "wanted"), 1)
