"""Incremental: marking in steps, between which the program runs.

    the world     |start|       |step|       |step|      |step, end|
    the program   ------ runs --------- runs ------- runs ----------- runs ----
    is_marking          1  1  1  1  1  1  1  1  1  1  1  1  0
                        ^ roots                          ^ nothing is grey

For programs that would rather be stopped often for a moment than seldom for long: GODEBUG=gcstoptheworld=0. A step
lasts STEP_NS at most, and comes when STEP_BYTES more were allocated. How much it has to scan follows from what is left
to scan and what may be allocated until marking is to be over (pacer.py).

What was reachable when marking began, and what was allocated since, is taken to be alive: a snapshot at the beginning.

    a pointer in the heap is overwritten               what it led to is marked before (write_barrier.py)
    a weak pointer is followed                         what it leads to is marked
    a run of free slots is handed out, a large object  marked as a whole; what is not used loses its marks again

So the roots are looked at once, at the beginning: local and global variables need no barrier, and the end is no second
search.
Objects made meanwhile are never scanned: what they lead to was reachable before, or is new itself.

Go marks beside the program, on other processors and where the program allocates; its hybrid barrier marks the new
pointer as well, since Go looks at one stack after the other while the others run.

    IM1  when nothing is grey, everything is marked that was reachable at the beginning
    IM2  what was allocated since is marked
    IM3  is_marking of every goroutine is that of the heap's increments

Owner: the collector, while the world is stopped. Go: runtime/mgcmark.go gcAssistAlloc, gcDrainN.        Next: cycle.py
"""

from __future__ import annotations

from runtime.arenas import is_in_window, window_page
from runtime.clock import CLOCK_MONOTONIC
from runtime.gc_bits import set_marks
from runtime.heap import Runtime, clock_ns
from runtime.layout import smaller
from runtime.lock import lock, unlock
from runtime.mark import (
    drain_some,
    finish_marking,
    is_drained,
    look_at_arenas,
    mark_specials,
)
from runtime.mspan import slot_of
from runtime.p import MCache
from runtime.pacer import entries_of, heap_to_end_at, step_entries
from runtime.proc import G
from runtime.syspy import cold, is_nil, u64

STEP_NS = 500_000  # nanoseconds that a step lasts, or an instant more
STEP_BYTES = 64 << 10  # bytes allocated from one step to the next
LOOK_ENTRIES = 256  # entries from one look at the clock to the next
ALL_ENTRIES = (1 << 64) - 1
STRESS_ENTRIES = 2  # entries in a step under stress, where every allocation may be followed by one


def begin_steps(runtime: Runtime) -> None:
    """From now on the program runs while marking is under way. The roots are marked."""
    increments = runtime.increments
    increments.is_marking = True
    increments.done = 0
    if increments.expected == 0:
        increments.expected = entries_of(runtime.cycle.live_before)
    increments.end_at = heap_to_end_at(runtime.heap.heap_live, runtime.gc.heap_goal)
    set_barriers(runtime, 1)
    await_step(runtime)


def set_barriers(runtime: Runtime, on: u64) -> None:
    """Tell all goroutines whether to keep what they overwrite (IM3). The world is stopped."""
    g = runtime.world.gs
    while not is_nil(g):
        g.is_marking = on
        g = g.next
    runtime.g0.is_marking = on


def await_step(runtime: Runtime) -> None:
    """The next step is due when so much more is allocated."""
    runtime.increments.paced_at = runtime.heap.heap_live
    runtime.heap.trigger = runtime.heap.heap_live + STEP_BYTES


def mark_step(runtime: Runtime) -> bool:
    """Mark for a while. Whether nothing is left (IM1). The world is stopped, and heap_live is exact."""
    increments = runtime.increments
    marker = runtime.marker
    heap = runtime.heap
    since = heap.heap_live - smaller(heap.heap_live, increments.paced_at)  # spans that are given back count less
    end = smaller(runtime.gc.heap_goal, increments.end_at)
    room = end - smaller(end, increments.paced_at)
    entries = step_entries(increments.expected, increments.done, since, room)
    if runtime.knobs.is_slow:
        entries = STRESS_ENTRIES
    look_at_arenas(marker)
    increments.steps = increments.steps + 1
    while entries != 0 and not is_drained(marker):
        count = drain_some(marker, smaller(entries, LOOK_ENTRIES))
        increments.done = increments.done + count
        entries = entries - smaller(entries, count)
        if clock_ns(runtime, CLOCK_MONOTONIC) - runtime.cycle.stop_ns >= STEP_NS:
            break
    if is_drained(marker):
        return True  # IM1
    await_step(runtime)
    return False


def end_steps(runtime: Runtime) -> None:
    """Marking is over; what is still grey is scanned now. All runs are closed: what nobody was given is not marked."""
    increments = runtime.increments
    marker = runtime.marker
    increments.is_marking = False
    set_barriers(runtime, 0)
    marker.in_steps = False
    look_at_arenas(marker)
    increments.expected = increments.done + drain_some(marker, ALL_ENTRIES)
    if marker.queue.has_overflowed:
        mark_specials(marker, runtime.heap.specials)
    finish_marking(marker)


# --- What is allocated meanwhile --------------------------------------------------------------------------------------


@cold
def mark_run(g: G, cache: MCache, span_class: u64) -> None:
    """Mark the slots of a run that was just opened (IM2)."""
    span = cache.alloc[span_class]
    first = slot_of(span, cache.run_next[span_class])
    marker = g.runtime.marker
    lock(marker.lock)  # others may mark objects of the same words
    set_marks(span, first, first + (cache.run_limit[span_class] - cache.run_next[span_class]) // span.elem_size)
    unlock(marker.lock)
    arenas = g.heap.arenas
    if is_in_window(arenas, span.start_addr):
        arenas.page_marks[window_page(arenas, span.start_addr)] = 1
