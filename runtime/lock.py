"""Mutex: a lock in one word, on the kernel's futex.

      lock                             unlock
    UNLOCKED --- cas --> LOCKED       LOCKED ----------> UNLOCKED
        |                  |          SLEEPING --------> UNLOCKED, wake one
        +---- after a wait +--> SLEEPING: held, and somebody may be asleep on it

Taking a free lock, and giving one back that nobody waits for, is one atomic instruction, with no call of the kernel. A
thread that finds the lock taken looks at it for a moment, since the holder is most often about to let go, then sleeps.

The lock order. Whoever holds a lock takes only locks further down; a thread holds no two of one line.

    1  world.stopper      who stops the world; held until it starts again
    2  world.lock         the lists of Ps and goroutines, and what stopping counts
    3  scavenger.lock     free pages on their way back to the system in the background, and its pause
    4  heap.lock          page allocator, arenas, spans of the heap, fixallocs; filling and flushing page caches
    5  central.lock       the four span sets of one mcentral
    6  roots.lock         the table of handles, the list of globals
    7  specials.lock      the specials of all spans, and the weak handles
    8  profile.lock       the memory profile
    9  marker.lock        the queue and the mark bits while the program runs, marking in steps (incremental.py)
   10  persistent.lock    the persistent allocator, which memory for all of the above comes from

A thread that fails in the middle of something may hold a lock that it never gives back. Its host breaks the locks of
the runtime then (heap.py): whoever waits for one, or wants one later, fails as well.

A lock that was given its line by mutex_init is checked against the order, under CPython and in debug builds. A
LockOrder says which lines each thread holds:

    thread   | 7f01.. | 0 | 7f33.. | ...        0: nobody's row
    held     | 0b1100 |   | 0b0100 |            bit n: a lock of line n

    LK1  only a held lock is unlocked
    LK2  what a lock protects is touched only while it is held: assert_lock_held stands at the entries
    LK3  a lock is taken only by a thread that holds none of its line or of a line further down

Owner: the thread that changed key from UNLOCKED. Go: runtime/lock_futex.go, lockrank.go.        Next: os_memory.py
"""

from __future__ import annotations

import os

from runtime.clock import TimeSpec
from runtime.syspy import (
    Annotated,
    Array,
    Struct,
    address,
    atomic_load,
    atomic_load_at,
    atomic_store,
    atomic_store_at,
    c_function,
    cas,
    cas_at,
    cold,
    element,
    i64,
    is_nil,
    likely,
    offsetof,
    relax,
    struct,
    throw,
    u32,
    u64,
    uintptr,
)

UNLOCKED = 0
LOCKED = 1
SLEEPING = 2
BROKEN = 3  # a thread has failed, perhaps while it held the lock

ALL_THREADS = (1 << 31) - 1  # to wake
LOOKS = 2000  # at a word that another thread is about to change, before sleeping: about as long as a collection

_FUTEX_NUMBERS = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}
SYS_FUTEX = _FUTEX_NUMBERS[os.uname().machine]
FUTEX_WAIT_PRIVATE = 128
FUTEX_WAKE_PRIVATE = 129


WORLD_STOPPER = 1  # the lines of the lock order
WORLD_LOCK = 2
SCAVENGER_LOCK = 3
HEAP_LOCK = 4
CENTRAL_LOCK = 5
ROOTS_LOCK = 6
SPECIALS_LOCK = 7
PROFILE_LOCK = 8
MARKER_LOCK = 9
PERSISTENT_LOCK = 10

ORDER_ROWS = 8  # threads that hold locks at the same time; those beyond are not checked


@struct
class LockOrder(Struct):
    """Who holds locks of which lines."""

    thread: Annotated[Array[u64], ORDER_ROWS]  # pthread_self of the row's thread; 0: none
    held: Annotated[Array[u64], ORDER_ROWS]  # bit n: it holds a lock of line n


@struct
class Mutex(Struct):
    """A lock. All zero is unlocked, and not checked against the order."""

    key: u32  # UNLOCKED, LOCKED, SLEEPING or BROKEN
    line: u32  # of the lock order
    order: LockOrder  # who holds what; nil: not checked


@c_function
def syscall(  # type: ignore[empty-body]
    number: i64, addr: uintptr, operation: u64, value: u64, timeout: u64, addr2: uintptr, value3: u64
) -> i64:
    """The kernel's entry; here for futex only, which libc does not wrap."""


@c_function
def pthread_self() -> uintptr:  # type: ignore[empty-body]
    """What tells the calling thread from the others."""


def mutex_init(m: Mutex, line: u32, order: LockOrder) -> None:
    """Give an all-zero lock its line."""
    m.line = line
    m.order = order


def lock(m: Mutex) -> None:
    """Take the lock, sleeping while another thread holds it."""
    assert takes_in_order(m), "LK3: a lock is taken against the order"
    if likely(cas(m, "key", UNLOCKED, LOCKED)):
        return
    lock_contended(m)


@cold
def lock_contended(m: Mutex) -> None:
    """Take a lock that was seen taken. Throws if it is broken."""
    for _ in range(LOOKS):
        if atomic_load(m, "key") == UNLOCKED and cas(m, "key", UNLOCKED, LOCKED):
            return
        relax()
    # Whoever has slept takes the lock as SLEEPING: others may sleep still, and its unlock must wake the next.
    while not cas(m, "key", UNLOCKED, SLEEPING):
        if atomic_load(m, "key") == BROKEN:
            throw("a thread has failed that may hold this lock", u64(m.line))
        if atomic_load(m, "key") == SLEEPING or cas(m, "key", LOCKED, SLEEPING):
            futex_sleep(address(m) + offsetof(Mutex, "key"), SLEEPING)


def unlock(m: Mutex) -> None:
    """Give the lock back, and wake one of those asleep on it. Caller holds it."""
    assert gives_back(m), "LK3: a lock is given back by a thread that did not take it"
    if likely(cas(m, "key", LOCKED, UNLOCKED)):
        return
    found: u32 = atomic_load(m, "key")
    if found == UNLOCKED:
        throw("LK1: unlock of an unlocked lock")
    if found == SLEEPING and cas(m, "key", SLEEPING, UNLOCKED):
        futex_wake(address(m) + offsetof(Mutex, "key"), 1)


def break_lock(m: Mutex) -> None:
    """Let all fail that wait for the lock or want it later. Nothing happens to who holds it."""
    atomic_store(m, "key", BROKEN)
    futex_wake(address(m) + offsetof(Mutex, "key"), ALL_THREADS)


# --- The order, in checked builds ------------------------------------------------------------------------------------


def takes_in_order(m: Mutex) -> bool:
    """Whether the calling thread may take the lock now (LK3); writes down that it does."""
    if is_nil(m.order):
        return True
    row = order_row(m.order, True)
    if row == ORDER_ROWS:
        return True
    held = m.order.held[row]
    m.order.held[row] = held | u64(u64(1) << m.line)
    return held >> m.line == 0


def gives_back(m: Mutex) -> bool:
    """Whether the calling thread has the lock, as far as the order knows; writes down that it no longer does."""
    if is_nil(m.order):
        return True
    row = order_row(m.order, False)
    if row == ORDER_ROWS:
        return True
    held = m.order.held[row]
    m.order.held[row] = held & ~u64(u64(1) << m.line)
    if m.order.held[row] == 0:
        atomic_store_at(u64, address(element(m.order.thread, row)), 0)
    return held >> m.line & 1 != 0


def forget_held(order: LockOrder) -> None:
    """The calling thread has failed, and left the locks that it held as they were."""
    row = order_row(order, False)
    if row != ORDER_ROWS:
        order.held[row] = 0
        atomic_store_at(u64, address(element(order.thread, row)), 0)


def order_row(order: LockOrder, claim: bool) -> u64:
    """The calling thread's row, or a free one if it wants one and has none; ORDER_ROWS without either."""
    me = pthread_self()
    for row in range(u64(ORDER_ROWS)):
        if order.thread[row] == me:
            return row
    for row in range(u64(ORDER_ROWS)):
        if claim and order.thread[row] == 0 and cas_at(u64, address(element(order.thread, row)), 0, me):
            return row
    return ORDER_ROWS


def assert_lock_held(m: Mutex) -> None:
    """LK2: somebody holds the lock. Checked in debug builds and under CPython."""
    assert m.key != UNLOCKED, "LK2: the lock is not held"


# --- The kernel ------------------------------------------------------------------------------------------------------


@cold
def wait_while(addr: uintptr, value: u32) -> None:
    """Wait until the u32 at addr is another than this: by looking at it, then asleep. May return early."""
    for _ in range(LOOKS):
        if atomic_load_at(u32, addr) != value:
            return
        relax()
    futex_sleep(addr, value)


@cold
def futex_sleep(addr: uintptr, value: u32) -> None:
    """Sleep until woken, unless the u32 at addr is no longer that value. May return early."""
    syscall(SYS_FUTEX, addr, FUTEX_WAIT_PRIVATE, u64(value), 0, 0, 0)


def futex_sleep_for(addr: uintptr, value: u32, time: TimeSpec) -> None:
    """The same for at most so long."""
    syscall(SYS_FUTEX, addr, FUTEX_WAIT_PRIVATE, u64(value), address(time), 0, 0)


@cold
def futex_wake(addr: uintptr, count: u64) -> None:
    """Wake so many threads at most that sleep on addr."""
    syscall(SYS_FUTEX, addr, FUTEX_WAKE_PRIVATE, count, 0, 0, 0)
