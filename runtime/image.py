"""The runtime's image: all of it as one piece of native code, under every program.

    runtime_image()                          what an embedder needs
    runtime_image(ROOTS of the language)     the same, with what programs call

Built at first use, then taken from the cache (syspy/native.py).

Runs in Python only. Next: __init__.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from runtime.arenas import find_object
from runtime.background_scavenger import run_scavenger, stop_scavenger
from runtime.background_sweeper import abandon_sweeper, run_sweeper, stop_sweeper
from runtime.boundary import allocate, keep_both, put_pointer, reserve_handles
from runtime.collect import collect, gc
from runtime.finalizers import (
    add_cleanup,
    keeps_alive,
    remove_finalizer,
    set_finalizer,
    stop_cleanup,
    take_ready,
)
from runtime.heap import attach, break_waits, close_runtime, detach, new_runtime
from runtime.heap_check import check_all_marks, check_heap, draw_span, find_path
from runtime.malloc import mallocgc, new_object
from runtime.mark_team import break_team, disband, run_marker, stop_markers
from runtime.mem_profile import publish_all
from runtime.mem_sample import set_mem_profile_rate
from runtime.memory_control import free_os_memory, set_memory_limit
from runtime.memstats import read_mem_stats
from runtime.metrics import read_samples
from runtime.roots import add_globals, check_roots, free_handle, new_handle
from runtime.settings import set_gc_percent
from runtime.stress import count_allocations
from runtime.sweeper import finish_sweep
from runtime.syspy.image import Image
from runtime.walk import count_objects, list_objects, object_at
from runtime.weak import weak_make, weak_value
from runtime.world import abandon, enter, leave, start_the_world, stop_the_world

ROOTS: list[Callable[..., Any]] = [
    new_runtime,
    close_runtime,
    attach,
    detach,
    enter,
    leave,
    abandon,
    break_waits,
    mallocgc,
    new_object,
    gc,
    collect,
    finish_sweep,
    read_mem_stats,
    read_samples,
    free_os_memory,
    set_memory_limit,
    set_gc_percent,
    run_scavenger,
    stop_scavenger,
    run_marker,
    stop_markers,
    break_team,
    disband,
    run_sweeper,
    stop_sweeper,
    abandon_sweeper,
    stop_the_world,
    start_the_world,
    add_globals,
    new_handle,
    free_handle,
    find_object,
    allocate,
    put_pointer,
    keep_both,
    reserve_handles,
    object_at,
    count_objects,
    list_objects,
    check_heap,
    check_all_marks,
    check_roots,
    draw_span,
    find_path,
    count_allocations,
    set_mem_profile_rate,
    publish_all,
    set_finalizer,
    remove_finalizer,
    add_cleanup,
    stop_cleanup,
    keeps_alive,
    take_ready,
    weak_make,
    weak_value,
]


def runtime_image(further: Sequence[Callable[..., Any]] = (), debug: bool = False) -> Image:
    """The image of the runtime, with further roots; debug: with its assertions."""
    from runtime.syspy.native import build

    return build([*ROOTS, *further], name="runtime", debug=debug)
