"""Work buffers: grey objects on their way from a marker that has many to one that has none.

    marker 0's queue                          WorkPool                              marker 1
      | older half | newer half |               full -> buffer -> buffer              idle
            '--------- balance ------------------^          '-------- get_work -------^

A buffer is handed over only when a marker waits for work and no buffer does. It has the older half of a queue: what
lies at the bottom of a stack leads furthest. Its objects are marked, and have to be scanned; an entry is what it is
in a work queue, of one word or three.

`pending` is the number of markers that are active plus the number of buffers that are full and not yet taken in:

    marker                  before                                 pending
    hands a buffer over     the buffer can be taken                + 1
    has taken buffers in    it goes on                             - buffers
    becomes idle            it looks at the pool again             - 1
    finds a buffer          it takes the buffer                    + 1

    WB1  pending is 0 only when no grey object and no full buffer is left: marking is done

An idle marker that finds buffers counts itself while they are still counted, so the sum does not reach 0 in between;
and only an active marker can make work. tests/runtime/test_mark_team.py goes through all interleavings of a model.

A buffer that the system refuses memory for is not made: the objects stay where they are.

Owner: a WorkShare belongs to its marker, a full buffer to nobody; WorkPool is atomic. Go: runtime/mgcwork.go workbuf,
gcWork.balance, getfull.                                                                          Next: mark.py
"""

from __future__ import annotations

from runtime.layout import PTR_SIZE
from runtime.lock import LOOKS
from runtime.os_memory import MARK_QUEUE, MemoryStats, sys_alloc, sys_discard, sys_name
from runtime.syspy import (
    Struct,
    address,
    atomic_add,
    atomic_load,
    atomic_load_at,
    c_function,
    cas_at,
    cold,
    i32,
    inline,
    load,
    memmove,
    offsetof,
    relax,
    store,
    struct,
    u64,
    uintptr,
)

MAX_MARKERS = 8

BUF_BYTES = 4096
BUF_LINK = 0  # where in a buffer: the one behind it in the pool or a free list
BUF_END = 8  # where its last word ends
BUF_HEAD = 16  # where its first word is
BUF_WORDS = (BUF_BYTES - BUF_HEAD) // PTR_SIZE
BLOCK_BUFS = 16  # buffers that memory is taken for at a time
BLOCK_BYTES = (BLOCK_BUFS + 1) * BUF_BYTES  # the first 4 KiB have the link


@c_function
def sched_yield() -> i32:  # type: ignore[empty-body]
    """Let another thread have the processor."""


@struct
class WorkPool(Struct):
    """What all markers of a heap share."""

    pending: u64  # active markers, and full buffers that are not taken in: WB1
    idle: u64  # markers that have nothing to do
    is_broken: u64  # 1: a marker has failed, and nobody waits for it
    full: uintptr  # full buffers, linked; the last handed over comes first


@struct
class WorkShare(Struct):
    """One marker's part."""

    pool: WorkPool  # of the heap
    memory: MemoryStats  # counts what is taken from the system
    others: u64  # markers beside this one
    free: uintptr  # empty buffers
    blocks: uintptr  # memory for buffers: blocks, linked through their first word, which no buffer uses
    block_count: u64  # how many
    handed: u64  # buffers handed over, in all markings


@inline
def full_at(pool: WorkPool) -> uintptr:
    """Where the first full buffer is told."""
    return address(pool) + offsetof(WorkPool, "full")


# --- Giving ----------------------------------------------------------------------------------------------------------


@inline
def is_work_wanted(pool: WorkPool) -> bool:
    """Whether a marker waits that nobody has handed anything."""
    idle: u64 = atomic_load(pool, "idle")
    return idle != 0 and atomic_load_at(uintptr, full_at(pool)) == 0


def hand_over(share: WorkShare, start: uintptr, end: uintptr) -> bool:
    """Hand the words from start to end over, BUF_WORDS at most. False if the system refuses memory for a buffer."""
    if share.free == 0 and not new_block(share):
        return False
    buf = share.free
    share.free = load(uintptr, buf + BUF_LINK)
    memmove(buf + BUF_HEAD, start, end - start)
    store(uintptr, buf + BUF_END, buf + BUF_HEAD + (end - start))
    share.handed = share.handed + 1
    atomic_add(share.pool, "pending", 1)
    full = full_at(share.pool)
    while True:
        first = atomic_load_at(uintptr, full)
        store(uintptr, buf + BUF_LINK, first)
        if cas_at(uintptr, full, first, buf):
            return True


# --- Taking ----------------------------------------------------------------------------------------------------------


def take_bufs(pool: WorkPool) -> uintptr:
    """All full buffers, linked; 0 if there is none."""
    full = full_at(pool)
    first = atomic_load_at(uintptr, full)
    while first != 0 and not cas_at(uintptr, full, first, 0):
        first = atomic_load_at(uintptr, full)
    return first


def free_buf(share: WorkShare, buf: uintptr) -> uintptr:
    """Keep a buffer that was taken in for what the marker will hand over; the buffer that was behind it."""
    following = load(uintptr, buf + BUF_LINK)
    store(uintptr, buf + BUF_LINK, share.free)
    share.free = buf
    return following


def wait_for_work(pool: WorkPool) -> bool:
    """Be idle until a buffer can be taken, or until marking is done: then False."""
    atomic_add(pool, "idle", 1)
    atomic_add(pool, "pending", 0 - u64(1))
    looks: u64 = 0
    while atomic_load_at(uintptr, full_at(pool)) == 0:
        if atomic_load(pool, "pending") == 0 or atomic_load(pool, "is_broken") != 0:
            return False
        looks = looks + 1
        relax()
        if looks % LOOKS == 0:
            sched_yield()
    atomic_add(pool, "pending", 1)
    atomic_add(pool, "idle", 0 - u64(1))
    return True


# --- Memory ----------------------------------------------------------------------------------------------------------


@cold
def new_block(share: WorkShare) -> bool:
    """Take memory for buffers. False if the system refuses."""
    block = sys_alloc(share.memory, BLOCK_BYTES, share.memory.gc)
    if block == 0:
        return False
    sys_name(share.memory, block, BLOCK_BYTES, MARK_QUEUE)
    store(uintptr, block, share.blocks)
    share.blocks = block
    share.block_count = share.block_count + 1
    free_block(share, block)
    return True


def free_block(share: WorkShare, block: uintptr) -> None:
    """Add the buffers of a block to the free ones."""
    for i in range(u64(1), u64(BLOCK_BUFS + 1)):
        buf = block + i * BUF_BYTES
        store(uintptr, buf + BUF_LINK, share.free)
        share.free = buf


def trim_share(share: WorkShare, keep: u64) -> None:
    """Give all blocks but so many back. No buffer is in use, of any marker: those that lie here and there come home."""
    share.free = 0
    while share.block_count > keep:
        block = share.blocks
        share.blocks = load(uintptr, block)
        share.block_count = share.block_count - 1
        sys_discard(share.memory, block, BLOCK_BYTES, share.memory.gc)
    block = share.blocks
    while block != 0:
        free_block(share, block)
        block = load(uintptr, block)
