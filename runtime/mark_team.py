"""Mark team: marking by several threads at once, on all of GOMAXPROCS.

    the collecting thread                        workers: threads of the host, in run_marker
    marks the roots                              asleep on `round`
    begin_round: everybody's Marker is ready
        round = number, size  -----------------> awake, those with number < size
    end_round: mark_together                     mark_together: takes what is handed over
        . . . . until WB1: all are done . . . . . . . . . . . .
        waits for `out` == 0  <----------------- out - 1, asleep

Two markers set bits apart from each other: one in the mark lines of the heap (arenas.py), one in lines of the team,
their twins, which cover the same pages. Each looks at both, and what the second has marked is merged at the end. So no
mark needs an atomic instruction. Of more than two, every other one uses the twins, and those of one side set bits by
atomic `or`. The twins are reserved when there is a second marker, and become memory where it marks: a 128th of the heap
at most, which memstats.py counts.

Each marker has a queue, a ring and work buffers of its own (mark.py, workbufs.py). The first is the Runtime's, of the
thread that collects; it alone counts what was marked, and does over what an overflow of any of them has lost.

Workers come when they are needed first: a heap of LEAST_BYTES is the least that several markers are quicker for, so
begin_round asks the host for threads when it sees one, and goes on with those that are there.

    MT1  between rounds every worker's queue and ring are empty, and no buffer is full
    MT2  between rounds all twins are zero

A worker that fails says so by break_team: the collecting thread then fails as well instead of waiting.

Owner: the collecting thread, while the world is stopped; `round`, `out` and `present` are atomic. Go: runtime/mgc.go
gcBgMarkWorker, gcMarkDone.                                                                       Next: proc.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.arenas import WINDOW_BYTES, WINDOW_PAGES, ArenaMap
from runtime.layout import INLINE_HALF, PAGE_SHIFT, PHYS_PAGE_SIZE, PTR_SIZE, align_up, smaller
from runtime.lock import ALL_THREADS, Mutex, break_lock, futex_wake, lock, unlock, wait_while
from runtime.mark import Marker, mark_together, marker_close, marker_init, ready_marker
from runtime.os_memory import (
    HEAP_INDEX,
    PROT_READ_WRITE,
    MemoryStats,
    map_anywhere,
    sys_alloc,
    sys_discard,
    sys_name,
    unmap,
)
from runtime.syspy import (
    Array,
    Inline,
    Struct,
    address,
    atomic_add,
    atomic_load,
    atomic_store,
    call_address,
    is_nil,
    load,
    offsetof,
    sizeof,
    store,
    struct,
    throw,
    u32,
    u64,
    uintptr,
)
from runtime.workbufs import MAX_MARKERS, WorkPool, trim_share

LEAST_BYTES = 8 << 20  # of a heap: a smaller one is marked before the others are awake
SIZE_MASK = MAX_MARKERS * 2 - 1  # the part of `round` that says how many markers it has
TWINS_BYTES = WINDOW_PAGES * INLINE_HALF
KEPT_BLOCKS = 1  # of work buffers, by each marker from one round to the next


@struct
class MarkTeam(Struct):
    """The markers of a heap."""

    lead: Marker  # of the thread that collects
    workers: Annotated[Array[Marker], MAX_MARKERS]  # by number; the first is nil
    arenas: ArenaMap  # of the heap
    memory: MemoryStats  # counts what is taken from the system
    pool: Inline[WorkPool]  # what the markers share
    joining: Inline[Mutex]  # covers `present` and `workers` while a thread becomes a worker
    round: u32  # count of rounds * (SIZE_MASK + 1) + markers in it; workers sleep on it
    out: u32  # workers that are still in the round; the collecting thread sleeps on it
    present: u32  # threads there are, the collecting one included
    is_leaving: u32  # 1: the workers are to end
    asked: u64  # threads that the host was asked for, the collecting one included
    least_bytes: u64  # of a heap that several threads mark
    hook: uintptr  # C function of the host that starts so many workers; 0: it has none
    rounds: u64  # markings by more than one marker
    twins: uintptr  # mark lines of the pages of the window, for every other marker; 0 until there is a second


def team_init(team: MarkTeam, lead: Marker, arenas: ArenaMap, memory: MemoryStats) -> None:
    """Make an all-zero MarkTeam one of the collecting thread alone."""
    team.lead = lead
    team.arenas = arenas
    team.memory = memory
    team.present = 1
    team.least_bytes = LEAST_BYTES
    team.asked = 1
    lead.share.pool = team.pool


# --- The collecting thread -------------------------------------------------------------------------------------------


def begin_round(team: MarkTeam, heap_bytes: u64, max_procs: u64) -> None:
    """Let as many markers take part as may and can, now that the lead has marked what the roots lead to."""
    if heap_bytes < team.least_bytes or max_procs < 2:
        return
    wanted = smaller(max_procs, MAX_MARKERS)
    if team.hook != 0 and team.asked < wanted:
        call_address(team.hook, wanted - team.asked)
        team.asked = wanted
    size = smaller(wanted, u64(atomic_load(team, "present")))
    if size == 1 or not has_twins(team):
        return
    team.pool.pending = size
    team.pool.idle = 0
    team.lead.share.others = size - 1
    take_side(team, team.lead, False)
    for number in range(u64(1), size):
        ready_marker(team.workers[number])
        take_side(team, team.workers[number], number % 2 != 0)
        team.workers[number].share.others = size - 1
        team.workers[number].ignores_bad_pointers = team.lead.ignores_bad_pointers
    team.rounds = team.rounds + 1
    atomic_store(team, "out", u32(size - 1))
    atomic_store(team, "round", u32(team.rounds * (SIZE_MASK + 1) + size))
    futex_wake(address(team) + offsetof(MarkTeam, "round"), ALL_THREADS)


def end_round(team: MarkTeam) -> None:
    """Mark with the others until nothing is left, and wait until they are out. Nothing to do without a round."""
    lead = team.lead
    if lead.share.others == 0:
        return
    mark_together(lead)
    found: u32 = atomic_load(team, "out")
    while found != 0 and atomic_load(team.pool, "is_broken") == 0:
        wait_while(address(team) + offsetof(MarkTeam, "out"), found)
        found = atomic_load(team, "out")
    if atomic_load(team.pool, "is_broken") != 0:
        throw("a marker has failed on another thread")
    gather(team, lead, lead)
    for number in range(u64(1), lead.share.others + 1):
        gather(team, lead, team.workers[number])
    lead.share.others = 0
    lead.twin = 0
    merge_twins(team.arenas, team.twins)


def has_twins(team: MarkTeam) -> bool:
    """Have twins for all mark lines. False if the system refuses memory."""
    if team.twins == 0:
        team.twins = map_anywhere(team.memory, 0, TWINS_BYTES, PROT_READ_WRITE)
        if team.twins != 0:
            sys_name(team.memory, team.twins, TWINS_BYTES, HEAP_INDEX)
    return team.twins != 0


def take_side(team: MarkTeam, marker: Marker, is_twin: bool) -> None:
    """Let a marker set bits in the twins, or in the mark lines of the heap, and look at both."""
    lines = team.arenas.mark_lines
    marker.mark_lines = team.twins if is_twin else lines
    marker.twin = u64(lines - team.twins) if is_twin else u64(team.twins - lines)


def merge_twins(arenas: ArenaMap, twins: uintptr) -> None:
    """Bring what was marked in the twins over to the heap's own lines (MT2)."""
    for page in range(0, smaller(arenas.extent, WINDOW_BYTES) >> PAGE_SHIFT, PTR_SIZE):
        if load(u64, address(arenas.page_marks) + page) != 0:
            for at in range(page * INLINE_HALF, (page + PTR_SIZE) * INLINE_HALF, PTR_SIZE):
                marks = load(u64, twins + at)
                if marks != 0:
                    store(u64, arenas.mark_lines + at, load(u64, arenas.mark_lines + at) | marks)
                    store(u64, twins + at, 0)  # MT2


def gather(team: MarkTeam, lead: Marker, marker: Marker) -> None:
    """What one of the markers has lost, the lead will find again (MT1)."""
    if marker.queue.has_overflowed:
        lead.queue.has_overflowed = True
    if marker.queue.top != marker.queue.base or atomic_load(team.pool, "full") != 0:
        throw("MT1: a marker is done, and has work")
    trim_share(marker.share, KEPT_BLOCKS)


# --- The others ------------------------------------------------------------------------------------------------------


def run_marker(team: MarkTeam) -> None:
    """Be a worker, until stop_markers. Returns at once if there are enough, or the system refuses memory."""
    number = join_team(team)
    if number == 0:
        return
    seen: u32 = 0
    while atomic_load(team, "is_leaving") == 0:
        found: u32 = atomic_load(team, "round")
        if found == seen:
            wait_while(address(team) + offsetof(MarkTeam, "round"), seen)
        else:
            seen = found
            if number < u64(seen & SIZE_MASK):
                mark_together(team.workers[number])
                if atomic_add(team, "out", u32(0 - u32(1))) == 0:
                    futex_wake(address(team) + offsetof(MarkTeam, "out"), 1)


def join_team(team: MarkTeam) -> u64:
    """The number of a new worker; 0 if there are enough, or the system refuses memory."""
    size = align_up(sizeof(Marker), PHYS_PAGE_SIZE)
    lock(team.joining)
    number = u64(team.present)
    joined = False
    if number < MAX_MARKERS:
        block = sys_alloc(team.memory, size, team.memory.gc)
        if block != 0:
            worker = Marker.at(block)
            joined = marker_init(worker, team.arenas, team.memory)
            worker.share.pool = team.pool
            if joined:
                team.workers[number] = worker
                atomic_store(team, "present", u32(number + 1))
            else:
                sys_discard(team.memory, block, size, team.memory.gc)
    unlock(team.joining)
    return number if joined else u64(0)


def stop_markers(team: MarkTeam) -> None:
    """Make every run_marker return soon, also when it is called later."""
    atomic_store(team, "is_leaving", 1)
    atomic_store(team.pool, "is_broken", 1)  # nobody waits for the others of a round that was left in its middle
    atomic_store(team, "round", u32((team.rounds + 1) * (SIZE_MASK + 1)))
    futex_wake(address(team) + offsetof(MarkTeam, "round"), ALL_THREADS)


def break_team(team: MarkTeam) -> None:
    """A worker has failed: nobody waits for it."""
    break_lock(team.joining)
    atomic_store(team.pool, "is_broken", 1)
    futex_wake(address(team) + offsetof(MarkTeam, "out"), 1)


def disband(team: MarkTeam) -> None:
    """The workers' threads are gone, as in a forked process: from now on the collecting thread marks alone."""
    team.hook = 0
    atomic_store(team, "present", 1)


def team_close(team: MarkTeam) -> None:
    """Give the memory of all workers back. Their threads have ended."""
    if team.twins != 0:
        unmap(team.memory, team.twins, TWINS_BYTES)
    for number in range(u64(1), u64(MAX_MARKERS)):
        worker = team.workers[number]
        if not is_nil(worker):
            marker_close(worker)
            sys_discard(team.memory, address(worker), align_up(sizeof(Marker), PHYS_PAGE_SIZE), team.memory.gc)
