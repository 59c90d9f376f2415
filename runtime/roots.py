"""Roots: where marking starts.

    shadow stack   [shadow_base, shadow_top) of each goroutine        every word, and the locals that it names
    globals        ranges with a pointer mask                         the words of the mask
    handles        the embedder's table                               every word that is in use

    handles   | addr | addr | free -+ | addr | free -+ | ...
                               ^-----------------+   `----> none         free entries: FREE_BIT | next free index

A root may be any word: nil, a pointer into the middle of an object, or one that leads outside the heap. A word of a
shadow stack with LOCAL_FLAG is the address of a Local in a frame of the native stack: the pointers in it are roots.

    local     | typ | the variable ...       <- addr | LOCAL_FLAG

    RT1  capacity is what words has room for; every free entry is on the free list, once
    RT2  a free entry has FREE_BIT, which no address has

Lock: roots.lock; the world is stopped while roots are read.
Go: runtime/mgcmark.go markroot; handles have no like in Go.                                      Next: work_queue.py
"""

from __future__ import annotations

from runtime.fixalloc import Persistent, persistent_alloc
from runtime.layout import LOG_PTR_SIZE, PTR_SIZE
from runtime.lock import Mutex, lock, unlock
from runtime.os_memory import MemoryStats, sys_alloc, sys_discard, sys_free
from runtime.syspy import (
    Array,
    Inline,
    Struct,
    address,
    array_at,
    inline,
    load,
    memmove,
    sizeof,
    struct,
    throw,
    u8,
    u64,
    uintptr,
)
from runtime.types import Type

FIRST_HANDLES = 512  # room for so many at first
FREE_BIT = 1 << 63
LOCAL_FLAG = 1 << 62  # of a word on a shadow stack: the rest of it is the address of a Local
NO_HANDLE = FREE_BIT - 1  # end of the free list; also what new_handle says when the system refuses memory


@struct
class Local(Struct):
    """What a variable with pointers begins with that lives in the frame of a function."""

    typ: Type  # of what lies behind this


@struct
class GlobalRange(Struct):
    """A range of memory outside the heap with pointers in it."""

    next: GlobalRange  # the range added before this one
    start_addr: uintptr  # first byte; a multiple of 8
    size: u64  # bytes
    mask: Array[u8]  # one bit per word: it is a pointer


@struct
class Roots(Struct):
    """Globals and handles."""

    globals: GlobalRange  # the range added last; nil: none
    globals_bytes: u64  # bytes in all ranges
    handles: Array[u64]  # addresses and free entries
    capacity: u64  # of handles
    free: u64  # the first free handle; NO_HANDLE: none
    memory: MemoryStats  # counts what is taken from the system
    lock: Inline[Mutex]  # covers the list and the table


def roots_init(roots: Roots, memory: MemoryStats) -> None:
    """Make an all-zero Roots one without roots."""
    roots.memory = memory
    roots.free = NO_HANDLE


def roots_close(roots: Roots) -> None:
    """Give the memory of the table back."""
    if roots.capacity != 0:
        sys_free(roots.memory, address(roots.handles), roots.capacity * PTR_SIZE, roots.memory.other)


def add_globals(roots: Roots, persistent: Persistent, start_addr: uintptr, size: u64, mask: Array[u8]) -> bool:
    """Add a range of globals, for good. False if the system refuses memory."""
    node = persistent_alloc(persistent, sizeof(GlobalRange), PTR_SIZE, roots.memory.gc)
    if node == 0:
        return False
    added = GlobalRange.at(node)
    added.start_addr = start_addr
    added.size = size
    added.mask = mask
    lock(roots.lock)
    added.next = roots.globals
    roots.globals = added
    roots.globals_bytes = roots.globals_bytes + size
    unlock(roots.lock)
    return True


@inline
def is_local(word: u64) -> bool:
    """Whether a word of a shadow stack is the address of a Local, with LOCAL_FLAG."""
    return word >> 62 == 1


@inline
def local_words(word: u64) -> u64:
    """Of such a word: up to which word of the variable there may be pointers."""
    return Local.at(word ^ LOCAL_FLAG).typ.ptr_bytes >> LOG_PTR_SIZE


@inline
def local_pointer(word: u64, number: u64) -> uintptr:
    """Of such a word: what word `number` of the variable holds; 0 if it is no pointer."""
    mask = Local.at(word ^ LOCAL_FLAG).typ.gc_mask
    if mask[number // 8] >> number % 8 & 1 == 0:
        return 0
    return load(uintptr, (word ^ LOCAL_FLAG) + sizeof(Local) + number * PTR_SIZE)


def new_handle(roots: Roots, addr: uintptr) -> u64:
    """A handle that keeps the object at addr alive; NO_HANDLE if the system refuses memory."""
    lock(roots.lock)
    handle: u64 = NO_HANDLE
    if roots.free != NO_HANDLE or grow_handles(roots):
        handle = roots.free
        roots.free = roots.handles[handle] & (FREE_BIT - 1)
        roots.handles[handle] = addr
    unlock(roots.lock)
    return handle


def grow_handles(roots: Roots) -> bool:
    """Double the room. False if the system refuses memory. Caller holds roots.lock."""
    capacity = 2 * roots.capacity if roots.capacity != 0 else u64(FIRST_HANDLES)
    block = sys_alloc(roots.memory, capacity * PTR_SIZE, roots.memory.other)
    if block == 0:
        return False
    handles = array_at(u64, block)
    if roots.capacity != 0:
        memmove(block, address(roots.handles), roots.capacity * PTR_SIZE)
        sys_discard(roots.memory, address(roots.handles), roots.capacity * PTR_SIZE, roots.memory.other)
    for i in range(roots.capacity, capacity):
        handles[i] = FREE_BIT | (i + 1)
    handles[capacity - 1] = FREE_BIT | NO_HANDLE
    roots.handles = handles
    roots.free = roots.capacity
    roots.capacity = capacity
    return True


def is_handle(roots: Roots, handle: u64) -> bool:
    """Whether the handle is in use."""
    return handle < roots.capacity and roots.handles[handle] < FREE_BIT


def free_handle(roots: Roots, handle: u64) -> None:
    """End a handle."""
    lock(roots.lock)
    in_use = is_handle(roots, handle)
    if in_use:
        roots.handles[handle] = FREE_BIT | roots.free
        roots.free = handle
    unlock(roots.lock)
    if not in_use:
        throw("RT2: a handle is freed that is not in use", handle)


def check_roots(roots: Roots) -> None:
    """RT1 and RT2 hold."""
    free: u64 = 0
    for i in range(roots.capacity):
        if roots.handles[i] >= FREE_BIT:
            free = free + 1
    listed: u64 = 0
    handle = roots.free
    while handle != NO_HANDLE and listed <= free:
        if handle >= roots.capacity or roots.handles[handle] < FREE_BIT:
            throw("RT2: a handle on the free list is in use", handle)
        listed = listed + 1
        handle = roots.handles[handle] & (FREE_BIT - 1)
    if listed != free:
        throw("RT1: the free list has not every free handle once", listed, free)
