"""World: all Ps and goroutines of a runtime, and how all of them are stopped at once.

    thread A   ----- runs -----|wants to collect|-- waits --|===== collects =====|----- runs -----
    thread B   ------------- runs -------------->| safepoint  . . . waits  . . . |----- runs -----
    thread C   -- in the host ---------------------------------> wants back . . .|-- runs --
                                                             ^ to_stop == 0      ^ stopping = GOING

A thread with a P looks at `stopping` where it allocates and finds no slot in its run, before a large object, and
wherever else its code says `safepoint`. It has its pointers in its roots there. A thread that is in the host has given
its P the status P_SYSCALL; nobody waits for it: who stops the world takes the P from it, and the thread waits when it
comes back.

    status        from                          by
    P_RUNNING     P_SYSCALL                     enter
    P_SYSCALL     P_RUNNING                     leave
    P_STOPPED     P_SYSCALL                     stop_the_world, or leave when it sees `stopping`
    P_SYSCALL     P_STOPPED                     start_the_world; its thread goes on by enter

`stopping` is written before a status is looked at, and a status before `stopping` is; so one of the two threads sees
the other. Both then change the status by compare-and-swap under world.lock, so that to_stop counts it once.

    WD1  to_stop is the number of Ps, the stopper's left out, that are neither stopped nor idle
    WD2  while the world is stopped no P is P_RUNNING but the stopper's
    WD3  every goroutine in the list has a P, whose g it is

Owner: world.lock for the lists and counts; statuses as above. Go: runtime/proc.go stopTheWorld, entersyscall.
Next: heap.py
"""

from __future__ import annotations

from runtime.lock import ALL_THREADS, LOOKS, LockOrder, Mutex, futex_sleep, futex_wake, lock, unlock, wait_while
from runtime.p import P_IDLE, P_RUNNING, P_STOPPED, P_SYSCALL, P
from runtime.proc import G
from runtime.syspy import (
    Inline,
    Struct,
    address,
    atomic_load,
    atomic_store,
    cas,
    cold,
    inline,
    is_nil,
    nil,
    offsetof,
    relax,
    struct,
    throw,
    u32,
    u64,
    uintptr,
    unlikely,
)

GOING = 0  # World.stopping
STOPPING = 1
ASLEEP = 2


@struct
class World(Struct):
    """All Ps and goroutines."""

    stopping: u32  # STOPPING: from the wish to stop until the world starts again; ASLEEP: so, and threads sleep on it
    to_stop: u32  # Ps that are still awaited; the stopper sleeps on it
    stopper: Inline[Mutex]  # held by who stops the world
    lock: Inline[Mutex]  # covers what follows, and to_stop
    stopped_by: P  # of the thread that holds `stopper`, and the world is stopped; nil otherwise
    ps: P  # all Ps, the last made first
    ps_count: u64  # how many
    idle: P  # those that no thread has
    gs: G  # all goroutines, the last made first
    free_gs: G  # Gs to use again: their shadow stacks are kept
    stops: u64  # times that the world was stopped
    order: Inline[LockOrder]  # of all locks of this runtime


# --- One thread ------------------------------------------------------------------------------------------------------


@inline
def safepoint(p: P) -> None:
    """A place where the world may stop. Caller has its pointers in its roots."""
    if unlikely(atomic_load(p.world, "stopping") != GOING):
        park(p)


@cold
def park(p: P) -> None:
    """Wait until the world goes on."""
    leave(p)
    enter(p)


def enter(p: P) -> None:
    """From the host into systems code; waits while the world is stopped."""
    while not cas(p, "status", P_SYSCALL, P_RUNNING):
        found: u32 = atomic_load(p, "status")
        if found == P_STOPPED:
            wait_for_start(p.world)
        elif found != P_SYSCALL:
            throw("WD2: a P is entered that is in use", u64(p.id), u64(found))


@cold
def wait_for_start(world: World) -> None:
    """Wait until the world goes on: by looking, then asleep. May return early."""
    for _ in range(LOOKS):
        if atomic_load(world, "stopping") == GOING:
            return
        relax()
    # Most collections are over by now. Only for those who say that they sleep the kernel is called to wake them.
    if cas(world, "stopping", STOPPING, ASLEEP) or atomic_load(world, "stopping") == ASLEEP:
        futex_sleep(address(world) + offsetof(World, "stopping"), ASLEEP)


def leave(p: P) -> None:
    """From systems code to the host: from here on the world need not wait for this thread."""
    if p.status != P_RUNNING:
        throw("WD2: a P is left that does not run", u64(p.id), u64(p.status))
    atomic_store(p, "status", P_SYSCALL)
    if unlikely(atomic_load(p.world, "stopping") != GOING):
        leave_stopping(p)


@cold
def leave_stopping(p: P) -> None:
    """Tell who stops the world, unless he has taken the P already."""
    world = p.world
    lock(world.lock)
    if world.to_stop != 0 and cas(p, "status", P_SYSCALL, P_STOPPED):
        count_stopped(world)
    unlock(world.lock)


def count_stopped(world: World) -> None:
    """One P less to wait for. Caller holds world.lock."""
    atomic_store(world, "to_stop", u32(world.to_stop - 1))
    if world.to_stop == 0:
        futex_wake(address(world) + offsetof(World, "to_stop"), 1)


def abandon(p: P) -> None:
    """Leave after a failure: systems code was left in its middle, perhaps with the world stopped."""
    world = p.world
    if world.stopped_by == p:
        start_the_world(p)
    if p.status == P_RUNNING:
        leave(p)


# --- All threads -----------------------------------------------------------------------------------------------------


def take_turn(p: P) -> None:
    """Become the one who may stop the world. Another who wants the same comes first, or after start_the_world."""
    # While this thread waits for its turn it must not be waited for.
    leave(p)
    lock(p.world.stopper)
    enter(p)


def give_turn(p: P) -> None:
    """Do without stopping the world. Caller has the turn."""
    unlock(p.world.stopper)


def stop_the_world(p: P) -> None:
    """Stop all Ps but the caller's, which runs, when it is the caller's turn."""
    take_turn(p)
    stop_others(p)


def stop_others(p: P) -> None:
    """The same for a caller who has the turn."""
    world = p.world
    lock(world.lock)
    atomic_store(world, "to_stop", u32(world.ps_count - 1))
    atomic_store(world, "stopping", STOPPING)
    other = world.ps
    while not is_nil(other):
        if other != p and (other.status == P_IDLE or cas(other, "status", P_SYSCALL, P_STOPPED)):
            count_stopped(world)
        other = other.next
    unlock(world.lock)
    awaited: u32 = atomic_load(world, "to_stop")
    while awaited != 0:
        wait_while(address(world) + offsetof(World, "to_stop"), awaited)
        awaited = atomic_load(world, "to_stop")
    world.stopped_by = p
    world.stops = world.stops + 1


def start_the_world(p: P) -> None:
    """Let all Ps go on. The caller has stopped them."""
    world = p.world
    if world.stopped_by != p:
        throw("WD2: the world is started by who has not stopped it", u64(p.id))
    world.stopped_by = nil(P)
    lock(world.lock)
    other = world.ps
    while not is_nil(other):
        if other.status == P_STOPPED:
            atomic_store(other, "status", P_SYSCALL)
        other = other.next
    is_awaited = not cas(world, "stopping", STOPPING, GOING)
    if is_awaited:
        atomic_store(world, "stopping", GOING)
    unlock(world.lock)
    if is_awaited:
        futex_wake(address(world) + offsetof(World, "stopping"), ALL_THREADS)
    unlock(world.stopper)


# --- Ps and goroutines come and go -----------------------------------------------------------------------------------


def add_p(world: World, p: P) -> None:
    """Enter a new P. Caller holds world.lock, and the world is not about to stop; or it is the first."""
    p.id = u32(world.ps_count)
    p.world = world
    p.next = world.ps
    world.ps = p
    world.ps_count = world.ps_count + 1


def give_p(p: P, g: G) -> None:
    """Let g run on an idle P. Caller holds world.lock; its thread has the P from now on, and is in the host."""
    p.g = g
    g.p = p
    g.m_cache = p.m_cache
    g.next = p.world.gs
    p.world.gs = g
    atomic_store(p, "status", P_SYSCALL)


def take_p(g: G) -> None:
    """End g, whose thread is in the host: its P is idle, and nothing of it is left. Caller holds world.lock."""
    p = g.p
    world = p.world
    g.shadow_top = g.shadow_base
    g.alloc_site = 0
    if world.gs == g:
        world.gs = g.next
    else:
        before = world.gs
        while before.next != g:
            before = before.next
        before.next = g.next
    g.next = world.free_gs
    world.free_gs = g
    p.g = nil(G)
    p.next_idle = world.idle
    world.idle = p
    atomic_store(p, "status", P_IDLE)


def is_in_run(world: World, span_class: u64, slot: uintptr) -> bool:
    """Whether a slot belongs to a run that a P is handing out: MC2."""
    p = world.ps
    while not is_nil(p):
        if slot >= p.m_cache.run_next[span_class] and slot < p.m_cache.run_limit[span_class]:
            return True
        p = p.next
    return False


def check_world(world: World) -> None:
    """WD3, and WD1 while the world is stopped, hold."""
    count: u64 = 0
    p = world.ps
    while not is_nil(p):
        count = count + 1
        if p.status != P_IDLE and p.g.p != p:
            throw("WD3: a P's goroutine runs on another P", u64(p.id))
        if not is_nil(world.stopped_by) and p != world.stopped_by and p.status == P_RUNNING:
            throw("WD2: a P runs while the world is stopped", u64(p.id))
        p = p.next
    if count != world.ps_count:
        throw("WD1: ps_count is not the number of Ps", world.ps_count, count)
