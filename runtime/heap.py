"""The root struct: one Runtime holds everything, so that any number of them can live side by side.

    Runtime
      |-- heap       MHeap     spans, arenas, the page allocator
      |-- p0         P         the first P: mcache, page cache
      |-- g0         G         the main goroutine: its shadow stack
      |-- world      World     all Ps and goroutines
      |-- roots      Roots     globals and handles
      |-- marker     Marker    the collector's queue
      |-- increments Increments  marking in steps
      |-- knobs      Knobs     GOGC, GODEBUG and the like
      `-- gc         GCStats   what the collector did

A Runtime is one mapping; what hangs off it are others. Closing it gives all of them back.

A thread besides the first asks for a goroutine with a P (`attach`), and gives both back (`detach`). The first has g0
and p0, and runs: new_runtime leaves p0 to it as P_RUNNING.

    RN1  heap, p and runtime of each goroutine are those of this Runtime

Owner: whoever created it. Go: package variables (mheap_, work, memstats, debug).        Next: memstats.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.active_sweep import FAILED
from runtime.central_sets import MCentral
from runtime.clock import CLOCK_MONOTONIC, TimeSpec, time_ns
from runtime.fixalloc import persistent_alloc
from runtime.gc_limiter import GCLimiter
from runtime.layout import CACHE_LINE, PHYS_PAGE_SIZE, PTR_SIZE, align_up
from runtime.lock import (
    CENTRAL_LOCK,
    MARKER_LOCK,
    ROOTS_LOCK,
    WORLD_LOCK,
    WORLD_STOPPER,
    break_lock,
    forget_held,
    lock,
    mutex_init,
    unlock,
)
from runtime.mark import Marker, marker_close, marker_init
from runtime.mark_team import MarkTeam, team_close, team_init
from runtime.mcache import mcache_init
from runtime.mheap import MHeap, heap_close, heap_init
from runtime.os_memory import (
    MAP_FAILED,
    MAP_NORESERVE,
    MAP_PRIVATE_ANONYMOUS,
    PROT_READ_WRITE,
    SHADOW_STACK,
    map_anywhere,
    mmap,
    munmap,
    sys_name,
    unmap,
    unmap_kept,
)
from runtime.p import P_RUNNING, P_STOPPED, P_SYSCALL, P
from runtime.pacer import pace
from runtime.proc import OWN_ROOTS, G
from runtime.roots import Roots, roots_close, roots_init
from runtime.sampler import set_rate
from runtime.size_classes import NUM_SPAN_CLASSES
from runtime.syspy import (
    Array,
    Inline,
    Struct,
    address,
    array_at,
    atomic_store,
    i32,
    i64,
    is_nil,
    nil,
    sizeof,
    struct,
    throw,
    u8,
    u64,
    uintptr,
)
from runtime.time_histogram import TimeHistogram
from runtime.watch import Watch
from runtime.world import World, add_p, give_p, take_p

PAUSES = 256  # collections whose pauses are remembered
SHADOW_BYTES = 64 << 20  # of a shadow stack, if its creator does not say; only what is used becomes memory

TRACE_BYTES = 512  # a gctrace line is shorter


@struct
class Knobs(Struct):
    """What the environment asks for: settings.py."""

    gogc: i64  # percent; negative: off
    max_procs: i64  # GOMAXPROCS
    processors: i64  # processors that this process may use
    gc_trace: bool  # a line for each collection
    gc_check_mark: bool  # mark again, independently, and compare
    gc_check_heap: bool  # walk the whole heap around each collection
    pacer_trace: bool  # lines for each collection, of how it was paced
    scav_trace: bool  # a line for each cycle, of what was given back to the system
    gc_stress: u64  # collect at every n-th allocation; 0: no
    gc_safepoint: u64  # collect at every n-th safepoint; 0: no
    gc_random: u64  # collect at one allocation in n, by chance; 0: no
    is_slow: bool  # every allocation takes the slow path, which counts it: stress.py
    is_incremental: bool  # collections that nobody waits for mark in steps: incremental.py


@struct
class TraceLine(Struct):
    """A line of text being put together."""

    length: u64  # bytes so far
    bytes: Annotated[Array[u8], TRACE_BYTES]  # the text


@struct
class GCStats(Struct):
    """What the collector did."""

    num_gc: u64  # collections
    num_forced_gc: u64  # of them, by runtime.GC or an embedder
    heap_marked: u64  # bytes that the last collection marked
    heap_scanned: u64  # of them, in objects with pointers
    floating: u64  # bytes that would count as marked besides if the program had run on: pacer.py
    heap_goal: u64  # bytes: what the last collection was to start at
    pause_count: u64  # pauses: one for a collection, or one for each of its steps
    pause_total_ns: u64  # nanoseconds in the pauses of all collections that are over
    cpu_ns: u64  # nanoseconds of the processor in all collections
    last_gc: u64  # when the last one ended: nanoseconds since 1970
    start_ns: u64  # when the runtime began, by the monotonic clock
    stress_count: u64  # allocations, while each takes the slow path
    stress_safepoints: u64  # safepoints, while they are counted
    stress_collections: u64  # collections that stress made
    stress_random: u64  # state of the random numbers of gc_random
    pause_ns: Annotated[Array[u64], PAUSES]  # nanoseconds, by collection; the last at (num_gc + 255) % 256
    pause_end: Annotated[Array[u64], PAUSES]  # when they ended: nanoseconds since 1970
    pauses: Inline[TimeHistogram]  # nanoseconds of every pause


@struct
class Cycle(Struct):
    """The figures of one collection."""

    start_ns: u64  # when it began, by the monotonic clock
    stop_ns: u64  # when the world was stopped last
    stopped_ns: u64  # nanoseconds in its pauses before that one
    mark_ns: u64  # when marking began
    sweep_ns: u64  # when marking ended
    end_ns: u64  # when the world went on
    live_before: u64  # bytes
    live_after: u64  # bytes, when marking was over: more than before if the program ran meanwhile
    goal: u64  # bytes: what it was to start at
    trigger: u64  # bytes: what it did start at
    stack_bytes: u64  # of shadow stacks
    ran_ns: u64  # from the end of the one before
    allocated: u64  # bytes, in that time
    expected: u64  # bytes to scan: of the heap as many as the one before did
    forced: bool  # by runtime.GC or an embedder
    in_steps: bool  # it marks in steps


@struct
class Increments(Struct):
    """Marking in steps: incremental.py."""

    is_marking: bool  # the program runs between two steps of a marking
    done: u64  # entries of the queue that the steps of this marking have scanned
    expected: u64  # entries that this marking is taken to scan: as many as the one before
    paced_at: u64  # heap_live at the last step
    end_at: u64  # heap_live when marking should be over
    steps: u64  # of all markings
    kept: u64  # pointers that write barriers have kept, those to small objects that were not marked already


@struct
class Runtime(Struct):
    """The root of everything."""

    g0: Inline[G]  # the main goroutine
    unused: u64  # brings the heap to the start of a cache line: HP4
    heap: Inline[MHeap]  # where memory comes from
    p0: Inline[P]  # the first P
    world: Inline[World]  # all Ps and goroutines
    knobs: Inline[Knobs]  # how to run
    gc: Inline[GCStats]  # what the collector did
    cycle: Inline[Cycle]  # the collection under way, or the last one
    limiter: Inline[GCLimiter]  # keeps a memory limit from taking all the time
    marker: Inline[Marker]  # the collector's state
    increments: Inline[Increments]  # of the marking under way, if it goes in steps
    team: Inline[MarkTeam]  # it, and the markers on other threads
    roots: Inline[Roots]  # globals and handles
    watch: Inline[Watch]  # objects that the host wants to know everything of
    phase_hook: uintptr  # C function that is told of the collector's phases (phases.py); 0: nobody asks
    owes_swept: bool  # the last collection's PHASE_SWEPT is still to be told
    shadow_bytes: u64  # size of each goroutine's shadow stack
    time: Inline[TimeSpec]  # where the clock is read to
    clock_ahead_ns: u64  # nanoseconds that its clocks are ahead of the system's: a test lets time pass
    line: Inline[TraceLine]  # where gctrace forms its line


def clock_ns(runtime: Runtime, clock: i32) -> u64:
    """The time of a clock, in nanoseconds."""
    return time_ns(runtime.time, clock) + runtime.clock_ahead_ns


def new_runtime(gogc: i64, shadow_bytes: u64) -> Runtime:
    """A runtime with an empty heap. Throws "out of memory" if the system refuses what it needs, with nothing kept."""
    size = align_up(sizeof(Runtime), PHYS_PAGE_SIZE)
    flags: i32 = MAP_PRIVATE_ANONYMOUS | MAP_NORESERVE
    block = mmap(0, size, PROT_READ_WRITE, flags, -1, 0)
    if block == MAP_FAILED:
        throw("out of memory")
    runtime = Runtime.at(block)
    if not runtime_init(runtime, gogc, shadow_bytes):
        close_runtime(runtime)
        throw("out of memory")
    return runtime


def runtime_init(runtime: Runtime, gogc: i64, shadow_bytes: u64) -> bool:
    """Make an all-zero Runtime one with an empty heap. False if the system refuses memory."""
    heap = runtime.heap
    world = runtime.world
    assert address(heap) % CACHE_LINE == 0, "HP4: the heap begins in the middle of a cache line"
    runtime.knobs.gogc = gogc
    runtime.shadow_bytes = shadow_bytes
    runtime.gc.start_ns = clock_ns(runtime, CLOCK_MONOTONIC)
    mutex_init(world.stopper, WORLD_STOPPER, world.order)
    mutex_init(world.lock, WORLD_LOCK, world.order)
    mutex_init(runtime.roots.lock, ROOTS_LOCK, world.order)
    mutex_init(runtime.marker.lock, MARKER_LOCK, world.order)
    roots_init(runtime.roots, heap.memory)
    if not heap_init(heap, world.order):
        return False
    heap.scavenger.other_ready = sizeof(Runtime)
    runtime.gc.heap_goal, heap.trigger = pace(0, 0, 0, gogc, True)
    if not p_init(runtime, runtime.p0) or not g_init(runtime, runtime.g0):
        return False
    if not marker_init(runtime.marker, heap.arenas, heap.memory):
        return False
    team_init(runtime.team, runtime.marker, heap.arenas, heap.memory)
    give_p(runtime.p0, runtime.g0)
    runtime.p0.status = P_RUNNING
    return True


# --- Goroutines and Ps -----------------------------------------------------------------------------------------------


def p_init(runtime: Runtime, p: P) -> bool:
    """Make an all-zero P one that holds nothing, and enter it. False if the system refuses memory.

    Caller holds world.lock, or nobody else is there.
    """
    heap = runtime.heap
    block = persistent_alloc(heap.persistent, NUM_SPAN_CLASSES * sizeof(MCentral), CACHE_LINE, heap.memory.other)
    if block == 0:
        return False
    p.central = array_at(Inline[MCentral], block)
    for span_class in range(NUM_SPAN_CLASSES):
        mutex_init(p.central[span_class].lock, CENTRAL_LOCK, runtime.world.order)
    mcache_init(p.m_cache, heap)
    if runtime.knobs.is_slow:
        p.m_cache.run_bytes = 0
    set_rate(p.m_cache.sampler, runtime.p0.m_cache.sampler.rate, runtime.world.ps_count)
    add_p(runtime.world, p)
    return True


def g_init(runtime: Runtime, g: G) -> bool:
    """Make an all-zero G one with an empty shadow stack. False if the system refuses memory."""
    g.runtime = runtime
    g.heap = runtime.heap
    # Address space, of which the part that is used becomes memory: memstats.py counts that.
    g.shadow_base = map_anywhere(runtime.heap.memory, 0, runtime.shadow_bytes, PROT_READ_WRITE)
    g.shadow_top = g.shadow_base
    g.shadow_limit = g.shadow_base + runtime.shadow_bytes - OWN_ROOTS * PTR_SIZE
    if g.shadow_base == 0:
        return False
    sys_name(runtime.heap.memory, g.shadow_base, runtime.shadow_bytes, SHADOW_STACK)
    return True


def attach(runtime: Runtime) -> G:
    """A goroutine with a P for the calling thread, which is in the host: it has to `enter`. Throws "out of memory"."""
    world = runtime.world
    lock(world.stopper)  # the world is not stopped, and not about to be
    lock(world.lock)
    g = free_g(runtime)
    p = free_p(runtime)
    complete = not is_nil(g) and not is_nil(p)
    if complete:
        world.free_gs = g.next
        world.idle = p.next_idle
        g.globals = runtime.g0.globals
        g.is_marking = runtime.g0.is_marking
        give_p(p, g)
    unlock(world.lock)
    unlock(world.stopper)
    if not complete:
        throw("out of memory")
    return g


def free_g(runtime: Runtime) -> G:
    """The first of the free Gs, a new one if there was none; nil if refused memory. Caller holds world.lock."""
    world = runtime.world
    if is_nil(world.free_gs):
        block = persistent_alloc(runtime.heap.persistent, sizeof(G), PTR_SIZE, runtime.heap.memory.other)
        if block == 0 or not g_init(runtime, G.at(block)):
            return nil(G)
        world.free_gs = G.at(block)
    return world.free_gs


def free_p(runtime: Runtime) -> P:
    """The first of the idle Ps, a new one if there was none; nil if refused memory. Caller holds world.lock."""
    world = runtime.world
    if is_nil(world.idle):
        block = persistent_alloc(runtime.heap.persistent, sizeof(P), CACHE_LINE, runtime.heap.memory.m_cache)
        if block == 0 or not p_init(runtime, P.at(block)):
            return nil(P)
        world.idle = P.at(block)
    return world.idle


def detach(g: G) -> None:
    """End a thread's goroutine, whose P is P_SYSCALL; what its P holds stays there for the next one."""
    runtime = g.runtime
    if g.p.status != P_SYSCALL and g.p.status != P_STOPPED:
        throw("detach: the thread has not left", u64(g.p.status))
    lock(runtime.world.stopper)
    lock(runtime.world.lock)
    take_p(g)
    unlock(runtime.world.lock)
    unlock(runtime.world.stopper)


# --- Failures --------------------------------------------------------------------------------------------------------


def break_waits(runtime: Runtime) -> None:
    """The calling thread has failed in the middle of something: who waits for a lock of its, or a sweep, fails as well.

    Its P is another matter: `abandon`. That takes world.lock, which is left whole: what is done under it does not fail.
    """
    heap = runtime.heap
    forget_held(runtime.world.order)
    atomic_store(heap.sweeper, "wanted", FAILED)
    break_lock(runtime.world.stopper)
    break_lock(heap.scavenger.lock)
    break_lock(heap.lock)
    break_lock(runtime.roots.lock)
    break_lock(heap.specials.lock)
    break_lock(heap.specials.profile.lock)
    break_lock(runtime.marker.lock)
    break_lock(heap.persistent.lock)
    p = runtime.world.ps
    while not is_nil(p):
        for span_class in range(NUM_SPAN_CLASSES):
            break_lock(p.central[span_class].lock)
        p = p.next


# --- The end ---------------------------------------------------------------------------------------------------------


def close_runtime(runtime: Runtime) -> None:
    """Give all memory of a runtime back, also of one whose init failed. Nothing of it may be used again."""
    if is_nil(runtime.g0.p) and runtime.g0.shadow_base != 0:
        unmap(runtime.heap.memory, runtime.g0.shadow_base, runtime.shadow_bytes)
    close_stacks(runtime, runtime.world.gs)
    close_stacks(runtime, runtime.world.free_gs)
    marker_close(runtime.marker)
    team_close(runtime.team)
    roots_close(runtime.roots)
    heap_close(runtime.heap)
    unmap_kept(runtime.heap.memory)
    munmap(address(runtime), align_up(sizeof(Runtime), PHYS_PAGE_SIZE))


def close_stacks(runtime: Runtime, g: G) -> None:
    """Unmap the shadow stacks of a list of goroutines."""
    while not is_nil(g):
        if g.shadow_base != 0:
            unmap(runtime.heap.memory, g.shadow_base, runtime.shadow_bytes)
        g = g.next
