"""Cycle: one collection, from the decision to the first allocation after it.

    1. Sweep termination   the spans that nobody needed since the last collection are swept
    2. Mark                runs go back to their spans; marking from the roots (mark.py)
    3. Mark termination    what is live is known: the next goal
    4. Sweep               sweep_gen grows by 2: every span is unswept; from here on allocation sweeps

The world stands still through all of them (world.py). A collection starts

    by the heap    when a span or a large object would bring heap_live above the trigger: in malloc.py
    forced         by runtime.GC or an embedder; all is swept before it returns
    by need        when the system refuses memory: in malloc.py
    by stress      at every n-th allocation: in malloc.py

Owner: the goroutine that runs it, which has stopped all others. Go: runtime/mgc.go.               Next: malloc.py
"""

from __future__ import annotations

from runtime.gctrace import print_gc_trace
from runtime.heap import CLOCK_MONOTONIC, CLOCK_REALTIME, PAUSES, Cycle, Runtime, clock_ns
from runtime.heap_check import check_all_marks, check_heap
from runtime.layout import PTR_SIZE
from runtime.mark import finish_marking, mark_globals, mark_words, start_marking
from runtime.mcache import close_runs
from runtime.mcentral import finish_sweep, start_sweep
from runtime.memstats import flush_all
from runtime.p import P
from runtime.pacer import heap_goal, trigger_below, with_floating
from runtime.proc import G
from runtime.syspy import address, is_nil, u64
from runtime.time_histogram import record_time
from runtime.world import World, start_the_world, stop_the_world


def gc(g: G) -> None:
    """runtime.GC: collect, and sweep all."""
    collect(g, True)
    finish_sweep(g.heap, g.p)


def collect(g: G, forced: bool) -> None:
    """Mark what is live, and leave the rest to be swept. Whatever g needs is in its roots."""
    runtime = g.runtime
    count = runtime.gc.num_gc
    stop_the_world(g.p)
    # Another thread may have come first: then this one's allocation has what it needs, or will see that it has not.
    if forced or runtime.gc.num_gc == count:
        collect_stopped(runtime, g.p, forced)
    start_the_world(g.p)


def collect_stopped(runtime: Runtime, p: P, forced: bool) -> None:
    """The collection itself. The caller, who runs on p, has stopped the world."""
    heap = runtime.heap
    cycle = runtime.cycle
    cycle.forced = forced
    cycle.start_ns = clock_ns(runtime, CLOCK_MONOTONIC)
    cycle.live_before = heap.heap_live
    cycle.goal = runtime.gc.heap_goal
    finish_sweep(heap, p)
    if runtime.knobs.gc_check_heap:
        check_heap(runtime)
    close_all_runs(runtime.world)
    cycle.mark_ns = clock_ns(runtime, CLOCK_MONOTONIC)
    cycle.stack_bytes = mark(runtime)
    cycle.sweep_ns = clock_ns(runtime, CLOCK_MONOTONIC)
    if runtime.knobs.gc_check_mark:
        check_all_marks(runtime)
    set_goal(runtime, cycle.stack_bytes)
    start_sweep(heap)
    flush_all(runtime)
    if runtime.knobs.gc_check_heap:
        check_heap(runtime)
    cycle.end_ns = clock_ns(runtime, CLOCK_MONOTONIC)
    count_cycle(runtime, cycle)
    if runtime.knobs.gc_trace:
        print_gc_trace(runtime, cycle)


def close_all_runs(world: World) -> None:
    """The spans tell what is taken. The world is stopped."""
    p = world.ps
    while not is_nil(p):
        close_runs(p.m_cache)
        p = p.next


def mark(runtime: Runtime) -> u64:
    """Mark everything that the roots reach; the bytes of all stacks. All spans are swept, no run is open."""
    marker = runtime.marker
    roots = runtime.roots
    stack_bytes: u64 = 0
    start_marking(marker, runtime.heap.sweep_gen)
    g = runtime.world.gs
    while not is_nil(g):
        mark_words(marker, g.shadow_base, g.shadow_top)
        stack_bytes = stack_bytes + (g.shadow_top - g.shadow_base)
        g = g.next
    mark_words(marker, address(roots.handles), address(roots.handles) + roots.capacity * PTR_SIZE)
    mark_globals(marker, roots)
    finish_marking(marker)
    return stack_bytes


def set_goal(runtime: Runtime, stack_bytes: u64) -> None:
    """What was marked is live; when to collect next follows from it."""
    marked = runtime.marker.marked_bytes
    runtime.gc.heap_marked = marked
    runtime.heap.heap_live = marked
    update_goal(runtime, stack_bytes)


def update_goal(runtime: Runtime, stack_bytes: u64) -> None:
    """Compute the goal anew, after a collection or a change of GOGC."""
    gogc = runtime.knobs.gogc
    marked = with_floating(runtime.gc.heap_marked, gogc)
    goal = heap_goal(marked, stack_bytes, runtime.roots.globals_bytes, gogc)
    runtime.gc.heap_goal = goal
    runtime.heap.trigger = trigger_below(goal, marked, gogc)


def count_cycle(runtime: Runtime, cycle: Cycle) -> None:
    """Count a collection that has ended."""
    stats = runtime.gc
    pause = cycle.end_ns - cycle.start_ns
    stats.last_gc = clock_ns(runtime, CLOCK_REALTIME)
    stats.pause_ns[stats.num_gc % PAUSES] = pause
    stats.pause_end[stats.num_gc % PAUSES] = stats.last_gc
    stats.pause_total_ns = stats.pause_total_ns + pause
    record_time(stats.pauses, pause)
    stats.cpu_ns = stats.cpu_ns + pause
    stats.num_gc = stats.num_gc + 1
    if cycle.forced:
        stats.num_forced_gc = stats.num_forced_gc + 1
