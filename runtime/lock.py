"""Mutex: a lock in one word, on the kernel's futex.

      lock                             unlock
    UNLOCKED --- cas --> LOCKED       LOCKED ----------> UNLOCKED
        |                  |          SLEEPING --------> UNLOCKED, wake one
        +---- after a wait +--> SLEEPING: held, and somebody may be asleep on it

Taking a free lock, and giving one back that nobody waits for, is one atomic instruction, with no call of the kernel. A
thread that finds the lock taken looks at it for a moment, since the holder is most often about to let go, then sleeps.

The lock order. Whoever holds a lock takes only locks further down; a thread holds no two of one line.

    1  heap.lock          page allocator, arenas, spans of the heap, fixallocs; filling and flushing page caches
    2  central.lock       the four span sets of one mcentral
    3  specials.lock      the specials of all spans, and the weak handles
    4  profile.lock       the memory profile
    5  persistent.lock    the persistent allocator, which memory for all of the above comes from

    LK1  only a held lock is unlocked
    LK2  what a lock protects is touched only while it is held: assert_lock_held stands at the entries

Owner: the thread that changed key from UNLOCKED. Go: runtime/lock_futex.go, lockrank.go.        Next: os_memory.py
"""

from __future__ import annotations

import os

from runtime.syspy import (
    Struct,
    address,
    atomic_load,
    atomic_store,
    c_function,
    cas,
    cold,
    i64,
    likely,
    offsetof,
    struct,
    throw,
    u32,
    u64,
    uintptr,
)

UNLOCKED = 0
LOCKED = 1
SLEEPING = 2

SPINS = 64  # looks at a taken lock before sleeping: about as long as the shortest sleep

_FUTEX_NUMBERS = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}
SYS_FUTEX = _FUTEX_NUMBERS[os.uname().machine]
FUTEX_WAIT_PRIVATE = 128
FUTEX_WAKE_PRIVATE = 129


@struct
class Mutex(Struct):
    """A lock. All zero is unlocked."""

    key: u32  # UNLOCKED, LOCKED or SLEEPING


@c_function
def syscall(  # type: ignore[empty-body]
    number: i64, addr: uintptr, operation: u64, value: u64, timeout: u64, addr2: uintptr, value3: u64
) -> i64:
    """The kernel's entry; here for futex only, which libc does not wrap."""


def lock(m: Mutex) -> None:
    """Take the lock, sleeping while another thread holds it."""
    if likely(cas(m, "key", UNLOCKED, LOCKED)):
        return
    lock_contended(m)


@cold
def lock_contended(m: Mutex) -> None:
    """Take a lock that was seen taken."""
    for _ in range(SPINS):
        if atomic_load(m, "key") == UNLOCKED and cas(m, "key", UNLOCKED, LOCKED):
            return
    # Whoever has slept takes the lock as SLEEPING: others may sleep still, and its unlock must wake the next.
    while not cas(m, "key", UNLOCKED, SLEEPING):
        if atomic_load(m, "key") == SLEEPING or cas(m, "key", LOCKED, SLEEPING):
            futex_sleep(m)


def unlock(m: Mutex) -> None:
    """Give the lock back, and wake one of those asleep on it. Caller holds it."""
    if likely(cas(m, "key", LOCKED, UNLOCKED)):
        return
    if atomic_load(m, "key") == UNLOCKED:
        throw("LK1: unlock of an unlocked lock")
    atomic_store(m, "key", UNLOCKED)
    futex_wake(m)


def assert_lock_held(m: Mutex) -> None:
    """LK2: somebody holds the lock. Checked in debug builds and under CPython."""
    assert m.key != UNLOCKED, "LK2: the lock is not held"


@cold
def futex_sleep(m: Mutex) -> None:
    """Sleep until woken, unless key is no longer SLEEPING. May return early."""
    syscall(SYS_FUTEX, address(m) + offsetof(Mutex, "key"), FUTEX_WAIT_PRIVATE, SLEEPING, 0, 0, 0)


@cold
def futex_wake(m: Mutex) -> None:
    """Wake one thread that sleeps on the lock."""
    syscall(SYS_FUTEX, address(m) + offsetof(Mutex, "key"), FUTEX_WAKE_PRIVATE, 1, 0, 0, 0)
