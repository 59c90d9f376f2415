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
from runtime.boundary import allocate, put_pointer, reserve_handles
from runtime.cycle import collect, gc, update_goal
from runtime.heap import attach, close_runtime, detach, new_runtime
from runtime.heap_check import check_all_marks, check_heap, draw_span, find_path
from runtime.malloc import mallocgc, new_object
from runtime.mcentral import finish_sweep
from runtime.mem_profile import publish_all
from runtime.mem_sample import set_mem_profile_rate
from runtime.memory_control import free_os_memory, set_memory_limit
from runtime.memstats import read_mem_stats
from runtime.metrics import read_samples
from runtime.roots import add_globals, check_roots, free_handle, new_handle
from runtime.stress import count_allocations
from runtime.syspy.image import Image
from runtime.walk import count_objects, list_objects, object_at
from runtime.weak import weak_make, weak_value
from runtime.world import abandon, enter, leave

ROOTS: list[Callable[..., Any]] = [
    new_runtime,
    close_runtime,
    attach,
    detach,
    enter,
    leave,
    abandon,
    mallocgc,
    new_object,
    gc,
    collect,
    finish_sweep,
    update_goal,
    read_mem_stats,
    read_samples,
    free_os_memory,
    set_memory_limit,
    run_scavenger,
    stop_scavenger,
    add_globals,
    new_handle,
    free_handle,
    find_object,
    allocate,
    put_pointer,
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
    weak_make,
    weak_value,
]


def runtime_image(further: Sequence[Callable[..., Any]] = (), debug: bool = False) -> Image:
    """The image of the runtime, with further roots; debug: with its assertions."""
    from runtime.syspy.native import build

    return build([*ROOTS, *further], name="runtime", debug=debug)
