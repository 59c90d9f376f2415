"""The work queue: objects that are marked and still have to be scanned: the grey ones.

    base                              top                 limit
      | grey | grey | grey | ....      |                    |
      <- put and taken at the end ->

It is a stack in memory of its own, for depth first follows the order in which programs build their data. An object
is put once per collection, so a list of ten million nodes takes no more of it than a list of two; what grows it is
breadth.

    small     its address; it lies in the window of arenas.py, in a page with inline bits
    other     its address | OTHER
    rest      its address | REST; the two words under it in the queue are from where to where it is to be scanned

A large object is scanned piece by piece: its rest is put back before the children of a piece.

The queue starts with 32 KiB and doubles. If the system refuses, entries are dropped and `has_overflowed` is set:
those objects are marked, but what they point to may not be. The marker then goes through the heap for marked
objects and scans them again, until nothing overflows; each such round marks more, so it ends.

Whoever takes an entry makes sure first that there is room for what it may put: ROOM bytes.

    Q1  base <= top <= limit

Owner: the marker. Go: runtime/mgcwork.go (lists of small buffers, for many markers).            Next: mark.py
"""

from __future__ import annotations

from runtime.os_memory import MARK_QUEUE, MemoryStats, sys_alloc, sys_discard, sys_free, sys_name
from runtime.syspy import Struct, cold, memmove, struct, uintptr

REST = 1  # flags of entries: objects lie at multiples of 8
OTHER = 2
FLAGS = REST | OTHER

PIECE_WORDS = 128  # of a large object, scanned at a time
ROOM = (PIECE_WORDS + 64 + 3) * 8  # bytes: the children of a piece, those of one of them, and the rest
FIRST_BYTES = 32 << 10


@struct
class WorkQueue(Struct):
    """The grey objects."""

    base: uintptr  # first entry
    top: uintptr  # end of the last entry
    limit: uintptr  # end of the room
    brim: uintptr  # limit - ROOM: beyond it the queue has to grow first
    first: uintptr  # the memory it starts with, kept between collections
    memory: MemoryStats  # counts what is taken from the system
    has_overflowed: bool  # an entry was dropped


def queue_init(queue: WorkQueue, memory: MemoryStats) -> bool:
    """Make an all-zero WorkQueue an empty one. False if the system refuses memory."""
    queue.memory = memory
    queue.first = sys_alloc(memory, FIRST_BYTES, memory.gc)
    queue_reset(queue)
    return queue.first != 0


def queue_reset(queue: WorkQueue) -> None:
    """Use the first memory."""
    queue.base = queue.first
    queue.top = queue.first
    set_limit(queue, queue.first + FIRST_BYTES)


def queue_close(queue: WorkQueue) -> None:
    """Give all memory back."""
    shrink_queue(queue)
    if queue.first != 0:
        sys_free(queue.memory, queue.first, FIRST_BYTES, queue.memory.gc)


@cold
def grow_queue(queue: WorkQueue) -> bool:
    """Double the room. False if the system refuses memory."""
    used = queue.top - queue.base
    size = queue.limit - queue.base
    base = sys_alloc(queue.memory, 2 * size, queue.memory.gc)
    if base == 0:
        return False
    sys_name(queue.memory, base, 2 * size, MARK_QUEUE)
    memmove(base, queue.base, used)
    shrink_queue(queue)
    queue.base = base
    queue.top = base + used
    set_limit(queue, base + 2 * size)
    return True


def set_limit(queue: WorkQueue, limit: uintptr) -> None:
    """Say where the room ends."""
    queue.limit = limit
    queue.brim = limit - ROOM


def shrink_queue(queue: WorkQueue) -> None:
    """Give the memory back that the queue has grown to. What is in it is lost."""
    if queue.base != queue.first:
        sys_discard(queue.memory, queue.base, queue.limit - queue.base, queue.memory.gc)
        queue_reset(queue)
