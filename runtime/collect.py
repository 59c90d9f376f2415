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
    runtime = g.runtime
    if forced or not runtime.knobs.is_incremental:
        collect_whole(g, forced)
        return
    count = runtime.gc.num_gc
    take_turn(g.p)
    if runtime.gc.num_gc != count:
        give_turn(g.p)  # as in collect_whole
        return
    stop_others(g.p)
    collect_some(runtime, g.p)
    start_the_world(g.p)
    if g.is_marking == 0:
        wake_sweeper(runtime.heap.sweeper)


def collect_whole(g: G, forced: bool) -> None:
    """Mark what is live, and leave the rest to be swept. Whatever g needs is in its roots."""
    runtime = g.runtime
    count = runtime.gc.num_gc
    take_turn(g.p)
    if not forced and runtime.gc.num_gc != count:
        # Another thread came first: this one's allocation has what it needs, or will see that it has not.
        give_turn(g.p)
        return
    stop_others(g.p)
    collect_stopped(runtime, g.p, forced)
    start_the_world(g.p)
    wake_sweeper(runtime.heap.sweeper)
