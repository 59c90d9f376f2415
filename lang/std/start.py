"""Start: a runtime made ready for one program, and what the host asks of it from outside.

    host                                        here                                     program
    open_program(gogc, shadow, globals, mask) -> Runtime, Output, package variables
    set_knobs(runtime, words)
    prepare_thread(g, stack) -> Trace         -> g.stack_guard                           start(g, arguments)
    scavenge_in_background(runtime)           -> returns after end_scavenging(runtime)
    mark_in_background(runtime)               -> returns after end_marking(runtime)     set_marker_hook(runtime, hook)
    interrupt_program(g)                      -> the next print leaves
    hide_output(g, fd)                        -> what is printed goes elsewhere             show_output(g)
    flush_program(g), close_program(runtime)

A Runtime begins with its main goroutine, so one address serves as both.

Owner: the host. Go: runtime/proc.go schedinit, rt0_go.
"""

from __future__ import annotations

from runtime.background_scavenger import run_scavenger, stop_scavenger
from runtime.collect import gc
from runtime.cycle import sweep_rest
from runtime.dominators import Dominators, find_dominators
from runtime.fixalloc import persistent_alloc
from runtime.heap import Runtime, break_waits, close_runtime, new_runtime
from runtime.heap_check import check_heap, find_path
from runtime.heap_graph import HeapGraph, walk_heap
from runtime.heap_map import HeapMap, map_heap
from runtime.layout import PTR_SIZE
from runtime.mark_team import break_team, run_marker, stop_markers
from runtime.mem_profile import publish_all
from runtime.mem_sample import set_mem_profile_rate
from runtime.memstats import MemStats, flush_all, read_mem_stats
from runtime.metrics import Samples, read_samples
from runtime.output import STDERR_FD, STDOUT_FD, close_output, flush, open_output
from runtime.proc import G
from runtime.roots import add_globals
from runtime.settings import SettingWords, apply_settings
from runtime.stats_check import check_mem_stats
from runtime.stress import count_allocations
from runtime.syspy import (
    Array,
    address,
    atomic_store,
    function_address,
    i32,
    i64,
    is_nil,
    sizeof,
    stack_pointer,
    throw,
    u8,
    u32,
    u64,
    uintptr,
)
from runtime.traceback import Trace, add_table, note_failure
from runtime.world import start_the_world, stop_the_world

HOST_BYTES = 64 << 10  # at most what the host takes less of the stack when it starts the program
GUARD_BYTES = 256 << 10  # kept free below the stack's limit: for functions that do not recurse, and the runtime
SHADOW_GUARD_BYTES = 4 * GUARD_BYTES  # of the shadow stack, for the same: see SHADOW_SHARE in execution.py


def open_program(gogc: i64, shadow_bytes: u64, globals_bytes: u64, globals_mask: Array[u8]) -> Runtime:
    """A runtime with package variables, all zero. Throws "out of memory", with nothing kept."""
    runtime = new_runtime(gogc, shadow_bytes)
    heap = runtime.heap
    g = runtime.g0
    if globals_bytes != 0:
        g.globals = persistent_alloc(heap.persistent, globals_bytes, PTR_SIZE, heap.memory.other)
        if g.globals == 0 or not add_globals(runtime.roots, heap.persistent, g.globals, globals_bytes, globals_mask):
            close_runtime(runtime)
            throw("out of memory")
    g.output = open_output()
    g.unwinding.trace = Trace.at(persistent_alloc(heap.persistent, sizeof(Trace), PTR_SIZE, heap.memory.other))
    return runtime


def set_knobs(runtime: Runtime, words: SettingWords) -> None:
    """What the environment asks for, before the program starts."""
    apply_settings(runtime, words)


def recount(runtime: Runtime) -> None:
    """Check every invariant of the heap, and every counter."""
    check_heap(runtime)
    check_mem_stats(runtime)


def set_memory_profile(runtime: Runtime, rate: u64) -> None:
    """Sample an allocation once in so many bytes, before the program starts."""
    set_mem_profile_rate(runtime, rate)


def finish_memory_profile(g: G, is_at_end: u64) -> None:
    """Publish what was recorded. A program that is at its end has nothing in use but what its variables lead to."""
    if is_at_end != 0:
        leave_stack(g)
        gc(g)
    else:
        publish_all(g.heap.specials.profile)


def draw_heap(g: G, picture: HeapMap) -> u64:
    """The map of the heap when nothing runs any more; what the last collection found dead is swept first."""
    sweep_rest(g.runtime, g.p)
    stop_the_world(g.p)
    flush_all(g.runtime)
    arenas = map_heap(g.runtime, picture, 0)
    start_the_world(g.p)
    return arenas


def draw_marked_heap(runtime: Runtime, picture: HeapMap) -> u64:
    """The same at the end of marking, for a hook."""
    return map_heap(runtime, picture, 1)


def draw_graph(runtime: Runtime, graph: HeapGraph, tree: Dominators) -> u64:
    """The graph of the heap, and what each object keeps alive; for a hook, or when nothing runs any more."""
    nodes = walk_heap(runtime, graph)
    find_dominators(graph, tree)
    return nodes


def leave_stack(g: G) -> None:
    """The program is at its end: nothing is in use but what its variables lead to."""
    g.shadow_top = g.shadow_base


def number_allocations(runtime: Runtime) -> None:
    """Count allocations, before the program starts, so that objects are known by number."""
    count_allocations(runtime)


def path_from_root(runtime: Runtime, target: u64, out: Array[u64], room: u64) -> u64:
    """What leads to an object: heap_check.find_path. For a hook."""
    return find_path(runtime, target, out, room)


def set_line_buffered(g: G, line_buffered: u32) -> None:
    """Whether what is printed should be seen at the end of each statement."""
    g.output.line_buffered = line_buffered


def hide_output(g: G, fd: i32) -> None:
    """Let what the program prints go to another descriptor, until it calls show_output."""
    g.output.fd = fd
    g.output.stderr.fd = fd


def show_output(g: G) -> None:
    """From here on, what the program prints is seen."""
    flush(g.output)
    g.output.fd = STDOUT_FD
    g.output.stderr.fd = STDERR_FD


def interrupt_program(g: G) -> None:
    """Ask the program to stop when it next prints. Called from another thread."""
    atomic_store(g.output, "interrupted", 1)


def read_figures(g: G, figures: Array[u64]) -> None:
    """The FIGURES of this moment; `figures` has room for a whole MemStats."""
    stats = MemStats.at(address(figures))
    read_mem_stats(g, stats)


def read_metrics(g: G, samples: Samples) -> None:
    """All metrics of this moment."""
    read_samples(g, samples)


def output_error(g: G) -> i32:
    """The error number of the first write that failed for good; 0 for none."""
    return g.output.error


def prepare_thread(g: G, stack_bytes: u64) -> Trace:
    """Note where the stacks of the calling thread end; one has `stack_bytes` from here. What notes its calls."""
    g.stack_guard = stack_pointer() - (stack_bytes - GUARD_BYTES)
    g.shadow_limit = g.shadow_base + g.runtime.shadow_bytes - SHADOW_GUARD_BYTES
    trace = g.unwinding.trace
    if not is_nil(trace):
        trace.listener = function_address(note_failure)
        trace.stack_low = stack_pointer() - stack_bytes
        trace.stack_high = stack_pointer() + HOST_BYTES
    return trace


def add_frame_table(trace: Trace, code: uintptr, size: u64, table: uintptr) -> None:
    """Tell what notes calls of the code of one more image; the table is as on disk."""
    add_table(trace, code, size, table)


def scavenge_in_background(runtime: Runtime) -> None:
    """Be the thread that gives memory back while the program runs, until end_scavenging."""
    run_scavenger(runtime)


def end_scavenging(runtime: Runtime) -> None:
    """Make that thread return."""
    stop_scavenger(runtime)


def give_up_scavenging(runtime: Runtime) -> None:
    """That thread has failed."""
    break_waits(runtime)


def set_marker_hook(runtime: Runtime, hook: uintptr) -> None:
    """Ask the host by this C function for threads that mark."""
    runtime.team.hook = hook


def mark_in_background(runtime: Runtime) -> None:
    """Be a thread that marks beside the one that collects, until end_marking."""
    run_marker(runtime.team)


def end_marking(runtime: Runtime) -> None:
    """Make those threads return."""
    stop_markers(runtime.team)


def give_up_marking(runtime: Runtime) -> None:
    """One of those threads has failed."""
    break_team(runtime.team)


def flush_program(g: G) -> None:
    """Write out what the program printed."""
    flush(g.output)


def close_program(runtime: Runtime) -> None:
    """Give all memory back."""
    if not is_nil(runtime.g0.output):
        close_output(runtime.g0.output)
    close_runtime(runtime)
