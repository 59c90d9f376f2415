"""Collect: who asks for a collection, and how far it goes.

    by the heap    when a span or a large object would bring heap_live above the trigger: in malloc.py
    forced         by runtime.GC or an embedder; all is swept before it returns
    by time        two minutes after the one before: periodic.py
    by need        when the system refuses memory: in malloc.py
    by stress      at every n-th allocation: in stress.py

Where marking goes in steps (incremental.py), each of these asks for one step, but for those who need what a whole
collection gives: the second and the fourth.

Owner: whoever asks; who gets its turn stops the others. Go: runtime/mgc.go gcStart, GC.        Next: memory_control.py
"""

from __future__ import annotations

from runtime.background_sweeper import wake_sweeper
from runtime.cycle import collect_some, collect_stopped, sweep_rest
from runtime.mem_profile import publish_swept
from runtime.proc import G
from runtime.scavtrace import print_scav_trace
from runtime.world import give_turn, start_the_world, stop_others, stop_the_world, take_turn


def gc(g: G) -> None:
    """runtime.GC: collect, and sweep all."""
    collect(g, True)
    sweep_rest(g.runtime, g.p)
    publish_swept(g.heap.specials.profile)
    if g.runtime.knobs.scav_trace:
        stop_the_world(g.p)
        print_scav_trace(g.runtime)
        start_the_world(g.p)


def collect(g: G, forced: bool) -> None:
    """Find what is dead, or do a step towards that unless it is forced. Whatever g needs is in its roots."""
    collect_in_turn(g, forced, forced or not g.runtime.knobs.is_incremental)


def collect_whole(g: G) -> None:
    """The same to its end, whether marking goes in steps or not: for who needs the memory."""
    collect_in_turn(g, False, True)


def collect_in_turn(g: G, forced: bool, whole: bool) -> None:
    """A whole collection, or a step of one, when it is this thread's turn; what is dead is left to be swept."""
    runtime = g.runtime
    count = runtime.gc.num_gc
    take_turn(g.p)
    if not forced and runtime.gc.num_gc != count:
        # Another thread came first: this one's allocation has what it needs, or will see that it has not.
        give_turn(g.p)
        return
    stop_others(g.p)
    collect_and_start(g, forced, whole)


def collect_and_start(g: G, forced: bool, whole: bool) -> None:
    """The same for a caller who has stopped the world: it goes on, and the background sweeps if there is something."""
    runtime = g.runtime
    if whole:
        collect_stopped(runtime, g.p, forced)
    else:
        collect_some(runtime, g.p)
    start_the_world(g.p)
    if g.is_marking == 0:
        wake_sweeper(runtime.heap.sweeper)
