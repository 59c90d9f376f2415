"""Cycle: one collection, from the decision to the first allocation after it.

    1. Sweep termination   the spans that nobody needed since the last collection are swept
    2. Mark                runs go back to their spans; marking from the roots (mark.py)
    3. Mark termination    what is live is known: the next goal
    4. Sweep               sweep_gen grows by 2: every span is unswept; from here on allocation sweeps

The world stands still (world.py), through all of them; or it stands for 1 and the roots, for steps of marking, and for
3 and 4, and the program runs in between (incremental.py). The times of a Cycle, in steps; without them, start_ns is the
last stop_ns as well:

    the program  |   1      the roots  |  program  |  a step  |  program  |  the last step    3 and 4   |  the program
       ran_ns    |         |           |           |          |           |             |               |
                 start_ns  mark_ns                                        stop_ns       sweep_ns        end_ns

    stopped_ns    the pauses that are over; from stop_ns on there is one more

The end of a cycle has an order: the limiter is told before the goal is set, for it compares with what was marked the
time before; the profile turns to its next cycle before anything is swept, which counts frees; sweeping begins before
the mcaches are flushed, whose spans are known by that to be of the time before; and it is paced when they have been.

Owner: the goroutine that runs it, which has stopped all others. Go: runtime/mgc.go.                   Next: collect.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, CLOCK_REALTIME
from runtime.gc_limiter import note_collection
from runtime.gctrace import print_gc_trace
from runtime.heap import PAUSES, Cycle, Runtime, clock_ns
from runtime.heap_check import check_all_marks, check_heap
from runtime.incremental import begin_steps, end_steps, mark_step
from runtime.layout import PTR_SIZE, larger, smaller
from runtime.lock import lock, unlock
from runtime.mark import finish_marking, mark_globals, mark_specials, mark_words, start_marking
from runtime.mark_team import begin_round, end_round
from runtime.mcache import close_runs, flush_live
from runtime.mem_profile import next_cycle
from runtime.memory_limit import heap_alloc_bytes, memory_limit_heap_goal
from runtime.memstats import flush_all, uncounted_bytes
from runtime.mheap import MHeap
from runtime.p import P, flush_stats
from runtime.pacer import floating_after, pace, runway_for, trigger_below
from runtime.pacertrace import print_pacer_end, print_pacer_start
from runtime.phases import PHASE_MARKED, PHASE_START, PHASE_SWEPT, tell
from runtime.scavenge import note_cycle, pace_scavenger, ready_bytes, wake_scavenger
from runtime.scavenge_index import next_gen
from runtime.scavtrace import print_scav_trace
from runtime.sweep_pacer import pace_sweeper
from runtime.sweeper import finish_sweep, start_sweep
from runtime.syspy import address, is_nil, u64
from runtime.time_histogram import record_time
from runtime.world import World


def sweep_rest(runtime: Runtime, p: P) -> None:
    """Sweep what is left of the last collection, and tell that it is over."""
    finish_sweep(runtime.heap, p)
    if runtime.owes_swept:
        runtime.owes_swept = False
        tell(runtime, PHASE_SWEPT)


def collect_stopped(runtime: Runtime, p: P, forced: bool) -> None:
    """A whole collection; one under way is brought to its end. The caller, who runs on p, has stopped the world."""
    begin_stop(runtime)
    if runtime.increments.is_marking:
        flush_all_live(runtime)
        end_cycle(runtime, p)
        begin_stop(runtime)
    begin_cycle(runtime, p, forced)
    runtime.cycle.stack_bytes = mark_roots(runtime)
    mark_rest(runtime)
    end_cycle(runtime, p)


def collect_some(runtime: Runtime, p: P) -> None:
    """One step of a collection: its beginning, or marking, at the end of which it is over. As for collect_stopped."""
    begin_stop(runtime)
    if not runtime.increments.is_marking:
        begin_cycle(runtime, p, False)
        runtime.cycle.in_steps = True
        runtime.marker.in_steps = True
        runtime.cycle.stack_bytes = mark_roots(runtime)
        begin_steps(runtime)
    else:
        flush_all_live(runtime)
        if mark_step(runtime):
            end_cycle(runtime, p)
            return
    count_pause(runtime, clock_ns(runtime, CLOCK_MONOTONIC) - runtime.cycle.stop_ns)


def begin_stop(runtime: Runtime) -> None:
    """The world has just been stopped, for a collection or a part of one."""
    runtime.cycle.stop_ns = clock_ns(runtime, CLOCK_MONOTONIC)


# --- Its parts -------------------------------------------------------------------------------------------------------


def begin_cycle(runtime: Runtime, p: P, forced: bool) -> None:
    """All is swept, and no run is open: marking may begin."""
    heap = runtime.heap
    cycle = runtime.cycle
    cycle.ran_ns = cycle.stop_ns - larger(cycle.end_ns, runtime.gc.start_ns)
    cycle.start_ns = cycle.stop_ns
    cycle.stopped_ns = 0
    cycle.in_steps = False
    flush_all_live(runtime)
    cycle.live_before = heap.heap_live
    cycle.goal = runtime.gc.heap_goal
    cycle.trigger = heap.trigger
    sweep_rest(runtime, p)
    if runtime.knobs.scav_trace:
        print_scav_trace(runtime)
    cycle.forced = forced  # what was told until here is of the collection before
    tell(runtime, PHASE_START)
    if runtime.knobs.gc_check_heap:
        check_heap(runtime)
    close_all_runs(runtime.world)
    if runtime.knobs.pacer_trace:
        print_pacer_start(runtime, cycle)
    cycle.mark_ns = clock_ns(runtime, CLOCK_MONOTONIC)


def end_cycle(runtime: Runtime, p: P) -> None:
    """Marking is over, or what is left of it is done now: turn to sweeping."""
    heap = runtime.heap
    cycle = runtime.cycle
    cycle.live_after = larger(heap.heap_live, cycle.live_before)
    if cycle.in_steps:
        close_all_runs(runtime.world)
        end_steps(runtime)
    cycle.sweep_ns = clock_ns(runtime, CLOCK_MONOTONIC)
    if runtime.knobs.gc_check_mark:
        check_all_marks(runtime)
    flush_counts(runtime)
    limit_collecting(runtime)
    note_cycle(heap.scavenger, heap.memory, cycle.goal)
    set_goal(runtime)
    if runtime.knobs.pacer_trace:
        print_pacer_end(runtime, cycle)
    tell(runtime, PHASE_MARKED)
    runtime.owes_swept = True
    next_cycle(heap.specials.profile)
    start_sweep(heap, p)
    flush_all(runtime)
    pace_sweeper(heap)
    start_scavenge_gen(heap)
    if runtime.knobs.gc_check_heap:
        check_heap(runtime)
    cycle.end_ns = clock_ns(runtime, CLOCK_MONOTONIC)
    count_pause(runtime, cycle.end_ns - cycle.stop_ns)
    count_cycle(runtime, cycle)
    if runtime.knobs.gc_trace:
        print_gc_trace(runtime, cycle)


def flush_all_live(runtime: Runtime) -> None:
    """heap_live knows what all Ps have allocated. The world is stopped."""
    p = runtime.world.ps
    while not is_nil(p):
        flush_live(runtime.heap, p)
        p = p.next


def close_all_runs(world: World) -> None:
    """The spans tell what is taken. The world is stopped."""
    p = world.ps
    while not is_nil(p):
        close_runs(p.m_cache)
        p = p.next


def mark_roots(runtime: Runtime) -> u64:
    """Mark what the roots lead to, and more; the bytes of all stacks. All spans are swept, no run is open."""
    marker = runtime.marker
    roots = runtime.roots
    stack_bytes: u64 = 0
    start_marking(marker)
    mark_specials(marker, runtime.heap.specials)
    g = runtime.world.gs
    while not is_nil(g):
        mark_words(marker, g.shadow_base, g.shadow_top)
        stack_bytes = stack_bytes + (g.shadow_top - g.shadow_base)
        g = g.next
    mark_words(marker, address(roots.handles), address(roots.handles) + roots.capacity * PTR_SIZE)
    mark_globals(marker, roots)
    return stack_bytes


def mark_rest(runtime: Runtime) -> None:
    """Mark everything that the roots lead to, with the other markers if there are some."""
    # What a root leads to is marked already: an entry that another marker loses is made good from marked objects.
    begin_round(runtime.team, runtime.cycle.live_before, u64(runtime.knobs.max_procs))
    end_round(runtime.team)
    finish_marking(runtime.marker)


def set_goal(runtime: Runtime) -> None:
    """What was marked is live; when to collect next follows from it."""
    cycle = runtime.cycle
    stats = runtime.gc
    root_bytes = cycle.stack_bytes + runtime.roots.globals_bytes
    cycle.expected = stats.heap_scanned + root_bytes
    stats.heap_marked = runtime.marker.marked_bytes
    stats.heap_scanned = runtime.marker.scanned_bytes
    stats.floating = 0
    if not cycle.forced:  # a program that forces one waits for its end
        scanned = stats.heap_scanned + root_bytes
        stats.floating = floating_after(stats.heap_goal, cycle.trigger, cycle.expected, scanned)
        # What the program did allocate meanwhile is marked.
        stats.floating = stats.floating - smaller(stats.floating, cycle.live_after - cycle.live_before)
    runtime.heap.heap_live = stats.heap_marked
    update_goal(runtime)


def update_goal(runtime: Runtime) -> None:
    """Compute the goal anew, after a collection or a change of GOGC or of the memory limit. The world is stopped."""
    heap = runtime.heap
    stats = runtime.gc
    marked = stats.heap_marked + stats.floating
    root_bytes = runtime.cycle.stack_bytes + runtime.roots.globals_bytes
    is_first = runtime.cycle.start_ns == 0
    goal, trigger = pace(marked, stats.heap_scanned, root_bytes, runtime.knobs.gogc, is_first)
    heap.scavenger.other_ready = uncounted_bytes(runtime)
    limited = limited_goal(runtime)
    if limited < goal:
        goal = limited
        trigger = larger(limited, stats.heap_marked + runtime.limiter.runway)
        if runtime.knobs.is_incremental:
            runway = runway_for(stats.heap_scanned + root_bytes)
            trigger = trigger_below(limited, smaller(limited, stats.heap_marked), runway, runtime.limiter.runway)
    stats.heap_goal = goal
    if not runtime.increments.is_marking:
        heap.trigger = trigger
    pace_sweeper(heap)
    pace_scavenger(heap.scavenger, heap.memory, stats.heap_goal)


def limited_goal(runtime: Runtime) -> u64:
    """The goal that the memory limit asks for."""
    heap = runtime.heap
    memory = heap.memory
    ready = ready_bytes(heap.scavenger, memory)
    allocated = heap_alloc_bytes(heap.stats)
    limit = heap.scavenger.memory_limit
    return memory_limit_heap_goal(limit, ready, memory.heap_free.bytes, allocated, runtime.gc.heap_marked)


def limit_collecting(runtime: Runtime) -> None:
    """Count a collection that has marked against the limiter."""
    cycle = runtime.cycle
    stats = runtime.gc
    s = runtime.heap.scavenger
    cycle.allocated = cycle.live_before - smaller(cycle.live_before, stats.heap_marked)
    gave_back_ns = smaller(s.assist_ns, cycle.ran_ns)
    s.assist_ns = 0
    stopped_ns = cycle.stopped_ns + (cycle.sweep_ns - cycle.stop_ns)
    # Between two steps of marking the program runs as well.
    ran_ns = cycle.ran_ns - gave_back_ns + (cycle.sweep_ns - cycle.start_ns - stopped_ns)
    allocated = cycle.allocated + (cycle.live_after - cycle.live_before)
    note_collection(runtime.limiter, stats.num_gc + 1, ran_ns, stopped_ns + gave_back_ns, allocated)
    s.is_limiting = runtime.limiter.is_limiting


def start_scavenge_gen(heap: MHeap) -> None:
    """What was freed since the last collection may go back to the system, if it is too much."""
    lock(heap.lock)
    next_gen(heap.pages.index)
    unlock(heap.lock)
    wake_scavenger(heap.scavenger, heap.memory)


def flush_counts(runtime: Runtime) -> None:
    """What the Ps have counted is in the heap's counts. The world is stopped."""
    p = runtime.world.ps
    while not is_nil(p):
        flush_stats(runtime.heap.stats, p.stats)
        p = p.next


def count_pause(runtime: Runtime, pause: u64) -> None:
    """Count nanoseconds in which the world stood still for a collection, or for a part of one."""
    stats = runtime.gc
    runtime.cycle.stopped_ns = runtime.cycle.stopped_ns + pause
    stats.pause_count = stats.pause_count + 1
    record_time(stats.pauses, pause)
    stats.cpu_ns = stats.cpu_ns + pause


def count_cycle(runtime: Runtime, cycle: Cycle) -> None:
    """Count a collection that has ended."""
    stats = runtime.gc
    stats.last_gc = clock_ns(runtime, CLOCK_REALTIME)
    stats.pause_total_ns = stats.pause_total_ns + cycle.stopped_ns
    stats.pause_ns[stats.num_gc % PAUSES] = cycle.stopped_ns
    stats.pause_end[stats.num_gc % PAUSES] = stats.last_gc
    stats.num_gc = stats.num_gc + 1
    if cycle.forced:
        stats.num_forced_gc = stats.num_forced_gc + 1
