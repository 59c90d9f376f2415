"""Settings: what the environment asks for, on its way into a Runtime, and what a program may change of it later.

    host: knobs.Settings(gogc=50, gctrace=1, ...)  --words-->  SettingWords  --apply_settings-->  where it is looked at

A word for each setting, in the order of knobs.Settings: so a new one changes no signature between host and runtime.

Go keeps gcPercent and memoryLimit in the pacer, and the rest in one struct, debug. Here each lies where it is read.

    SE1  GOGC is GOGC_OFF or not negative

Owner: the host before the program runs, then the goroutine that calls. Go: runtime/runtime1.go, mgcpacer.go
setGCPercent; proc.go GOMAXPROCS.                                                 Next: knobs.py
"""

from __future__ import annotations

from runtime.cycle import update_goal
from runtime.heap import Runtime
from runtime.memory_control import set_memory_limit
from runtime.proc import G
from runtime.stress import count_allocations, seed_stress
from runtime.syspy import Struct, i32, i64, struct, u64
from runtime.world import start_the_world, stop_the_world

GOGC_OFF = -1  # no collections but forced ones


@struct
class SettingWords(Struct):
    """knobs.Settings as words."""

    gogc: i64  # percent that the heap may grow by; GOGC_OFF
    memory_limit: i64  # bytes that may be ready
    gomaxprocs: i64  # Ps
    processors: i64  # processors that this process may use
    gctrace: i64  # more than 0: a line for each collection
    gcpacertrace: i64  # more than 0: two lines for each collection, of how it was paced
    gccheckmark: i64  # more than 0: mark a second time, and compare
    clobberfree: i64  # not 0: overwrite what is freed
    protectfree: i64  # not 0: nobody can touch pages that are freed
    gcstoptheworld: i64  # 0: marking goes in steps, and there are no pages of 2 MiB
    invalidptr: i64  # not 0: a pointer to a page without objects is fatal
    madvdontneed: i64  # not 0: the kernel takes pages at once; 0: when it needs them
    gcstress: i64  # more than 0: collect at every n-th allocation
    gcsafepoint: i64  # more than 0: collect at every n-th safepoint
    gcrandom: i64  # more than 0: collect at one allocation in n, by chance
    gcseed: i64  # what gcrandom begins from
    heapcheck: i64  # more than 0: check every invariant around each collection
    scavtrace: i64  # more than 0: a line for each cycle of what went back to the system
    disablethp: i64  # not 0: no pages of 2 MiB for the heap
    memprofilerate: i64  # bytes from one sample of a memory profile to the next; the host reads it


def apply_settings(runtime: Runtime, words: SettingWords) -> None:
    """Run as the host says, from the first allocation on."""
    knobs = runtime.knobs
    set_memory_limit(runtime.g0, words.memory_limit)
    knobs.max_procs = words.gomaxprocs
    knobs.processors = words.processors
    knobs.gc_trace = words.gctrace > 0
    knobs.pacer_trace = words.gcpacertrace > 0
    knobs.gc_check_mark = words.gccheckmark > 0
    knobs.gc_check_heap = words.heapcheck > 0
    knobs.scav_trace = words.scavtrace > 0
    knobs.is_incremental = words.gcstoptheworld == 0
    runtime.heap.clobber = words.clobberfree != 0
    runtime.heap.protects = words.protectfree != 0
    # Touching a page of 2 MiB for the first time may take longer than any step of marking.
    runtime.heap.small_pages = words.disablethp != 0 or words.gcstoptheworld == 0
    runtime.marker.ignores_bad_pointers = words.invalidptr == 0
    runtime.heap.memory.frees_lazily = words.madvdontneed == 0
    apply_stress(runtime, words)
    change_gc_percent(runtime, words.gogc)


def apply_stress(runtime: Runtime, words: SettingWords) -> None:
    """Collect where stress asks for it. From the first allocation on, so that they have their numbers."""
    knobs = runtime.knobs
    knobs.gc_stress = u64(larger_of(words.gcstress, 0))
    knobs.gc_safepoint = u64(larger_of(words.gcsafepoint, 0))
    knobs.gc_random = u64(larger_of(words.gcrandom, 0))
    seed_stress(runtime, u64(larger_of(words.gcseed, 0)))
    if knobs.gc_stress != 0 or knobs.gc_safepoint != 0 or knobs.gc_random != 0:
        count_allocations(runtime)


def larger_of(a: i64, b: i64) -> i64:
    """The larger of two numbers, which may be negative."""
    return a if a > b else b


def set_gc_percent(g: G, percent: i64) -> i64:
    """debug.SetGCPercent: GOGC from now on, with a new goal at once; less than 0 is off. Returns what it was."""
    stop_the_world(g.p)
    before = change_gc_percent(g.runtime, percent)
    start_the_world(g.p)
    return before


def change_gc_percent(runtime: Runtime, percent: i64) -> i64:
    """The same, while the world is stopped."""
    before = runtime.knobs.gogc
    percent = i64(i32(percent))
    runtime.knobs.gogc = percent if percent >= 0 else i64(GOGC_OFF)  # SE1
    update_goal(runtime)
    return before


def set_max_procs(g: G, n: i64) -> i64:
    """runtime.GOMAXPROCS: n Ps from now on; n less than 1 asks only. Returns what it was."""
    knobs = g.runtime.knobs
    before = knobs.max_procs
    if n > 0:
        knobs.max_procs = n
    return before
