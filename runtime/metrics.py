"""Metrics: all figures of the runtime under the names of Go's runtime/metrics.

    /gc/heap/allocs:bytes                a name is a path and a unit
    kind        uint64, float64, or float64-histogram
    cumulative  it only grows

A Float64Histogram has counts[i] values from buckets[i] on, below buckets[i + 1].

`read_samples` takes all of them at one moment; what is to be computed from that, METRICS says, a line for each.
Go has more names, for what is not here: goroutine states; what marking costs beside the program, by whom (here the
world stands still, so all of it is in the pauses); idle processors and the scavenger's time, which nobody adds up; how
long the world takes to stop; and the size that stacks start with.

    identities    /memory/classes/total is the sum of the other classes, and MemStats.sys
                  /gc/scan/total is the sum of the other scans; /cpu/classes/total of user and gc/total

Owner: of Samples the caller. Go: runtime/metrics.go, runtime/metrics/description.go.           Next: settings.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from runtime.heap import Runtime
from runtime.memstats import MemStats, read_stopped, scannable_bytes
from runtime.proc import G
from runtime.size_classes import CLASS_TO_SIZE, NUM_SIZE_CLASSES
from runtime.syspy import Array, Inline, Struct, copy_struct, i64, struct, u64
from runtime.time_histogram import TIME_COUNTS, TimeHistogram, time_bounds
from runtime.world import start_the_world, stop_the_world

UINT64 = "uint64"
FLOAT64 = "float64"
HISTOGRAM = "float64-histogram"
NANOSECONDS = 1e9  # in a second


@struct
class Samples(Struct):
    """What all metrics are computed from, at one moment."""

    stats: Inline[MemStats]  # runtime.ReadMemStats
    allocs: Annotated[Array[u64], NUM_SIZE_CLASSES]  # objects allocated, by size class; large ones at 0
    frees: Annotated[Array[u64], NUM_SIZE_CLASSES]  # objects freed, by size class; large ones at 0
    tiny_allocs: u64  # objects put in a block of the tiny allocator
    heap_live: u64  # bytes that the last collection marked
    limiter_last_enabled: u64  # the number of the last collection that the limiter stepped in at; 0: none
    gogc: i64  # percent; negative: off
    memory_limit: u64  # bytes
    max_procs: u64  # Ps
    heap_scan: u64  # bytes of slots with pointers
    stack_scan: u64  # bytes of stacks that the last collection scanned
    globals_scan: u64  # bytes of package variables
    finalizers_queued: u64  # finalizers of objects that were found dead
    finalizers_taken: u64  # of them, those called
    cleanups_queued: u64  # cleanups of objects that were freed
    cleanups_taken: u64  # of them, those called
    gc_cpu_ns: u64  # nanoseconds of the processor in all collections
    total_cpu_ns: u64  # nanoseconds of the processor up to the end of the last collection
    pauses: Inline[TimeHistogram]  # nanoseconds of every pause


def read_samples(g: G, samples: Samples) -> None:
    """Take all samples; flushes all mcaches, as ReadMemStats does."""
    stop_the_world(g.p)
    read_samples_stopped(g.runtime, samples)
    start_the_world(g.p)


def read_samples_stopped(runtime: Runtime, samples: Samples) -> None:
    """The same, while the world is stopped."""
    read_stopped(runtime, samples.stats)
    stats = runtime.heap.stats
    for size_class in range(u64(1), u64(NUM_SIZE_CLASSES)):
        samples.allocs[size_class] = stats.small_alloc_count[size_class]
        samples.frees[size_class] = stats.small_free_count[size_class]
    samples.allocs[0] = stats.large_alloc_count
    samples.frees[0] = stats.large_free_count
    samples.tiny_allocs = stats.tiny_alloc_count
    samples.heap_live = runtime.gc.heap_marked
    samples.limiter_last_enabled = runtime.limiter.last_enabled
    samples.gogc = runtime.knobs.gogc
    samples.memory_limit = runtime.heap.scavenger.memory_limit
    samples.max_procs = u64(runtime.knobs.max_procs)
    samples.heap_scan = scannable_bytes(runtime.heap.arenas)
    samples.stack_scan = runtime.cycle.stack_bytes
    samples.globals_scan = runtime.roots.globals_bytes
    specials = runtime.heap.specials
    samples.finalizers_queued = specials.finalizers_queued
    samples.finalizers_taken = specials.finalizers_taken
    samples.cleanups_queued = specials.cleanups_queued
    samples.cleanups_taken = specials.cleanups_taken
    samples.gc_cpu_ns = runtime.gc.cpu_ns
    samples.total_cpu_ns = 0
    if runtime.gc.num_gc != 0:
        samples.total_cpu_ns = runtime.cycle.end_ns - runtime.gc.start_ns
    copy_struct(samples.pauses, runtime.gc.pauses)


# --- What Python makes of them ---------------------------------------------------------------------------------------


class Histogram(NamedTuple):
    """A distribution: counts[i] values v with buckets[i] <= v < buckets[i + 1]."""

    counts: tuple[int, ...]
    buckets: tuple[float, ...]


Value = int | float | Histogram


class Metric(NamedTuple):
    """One metric."""

    name: str  # path:unit
    kind: str  # UINT64, FLOAT64, HISTOGRAM
    cumulative: bool
    value: Callable[[Any], Value]  # of Samples


def by_size(objects: Any) -> Histogram:
    """Objects by size; a class holds sizes up to its own, the last bucket the large objects."""
    counts = [objects[size_class] for size_class in range(1, NUM_SIZE_CLASSES)]
    return Histogram((*counts, objects[0]), SIZE_BOUNDS)


def by_time(times: Any) -> Histogram:
    """Times in seconds. None is negative."""
    counts = [times.counts[i] for i in range(TIME_COUNTS)]
    return Histogram((0, *counts, times.overflow), TIME_BOUNDS)


def objects_in(sizes: Any) -> int:
    """Objects of all size classes."""
    return sum(sizes[size_class] for size_class in range(NUM_SIZE_CLASSES))


def scanned(s: Any) -> int:
    """Bytes that a collection may have to scan."""
    return int(s.heap_scan + s.stack_scan + s.globals_scan)


SIZE_BOUNDS = (1.0, *(float(CLASS_TO_SIZE[i] + 1) for i in range(1, NUM_SIZE_CLASSES)), float("inf"))
TIME_BOUNDS = tuple(time_bounds())
MAX_WORD = (1 << 64) - 1  # GOGC=off is -1, as a uint64

METRICS = (
    Metric("/cpu/classes/gc/pause:cpu-seconds", FLOAT64, True, lambda s: s.gc_cpu_ns / NANOSECONDS),
    Metric("/cpu/classes/gc/total:cpu-seconds", FLOAT64, True, lambda s: s.gc_cpu_ns / NANOSECONDS),
    Metric("/cpu/classes/total:cpu-seconds", FLOAT64, True, lambda s: s.total_cpu_ns / NANOSECONDS),
    Metric("/cpu/classes/user:cpu-seconds", FLOAT64, True, lambda s: (s.total_cpu_ns - s.gc_cpu_ns) / NANOSECONDS),
    Metric("/gc/cleanups/executed:cleanups", UINT64, True, lambda s: s.cleanups_taken),
    Metric("/gc/cleanups/queued:cleanups", UINT64, True, lambda s: s.cleanups_queued),
    Metric("/gc/cycles/automatic:gc-cycles", UINT64, True, lambda s: s.stats.num_gc - s.stats.num_forced_gc),
    Metric("/gc/cycles/forced:gc-cycles", UINT64, True, lambda s: s.stats.num_forced_gc),
    Metric("/gc/cycles/total:gc-cycles", UINT64, True, lambda s: s.stats.num_gc),
    Metric("/gc/finalizers/executed:finalizers", UINT64, True, lambda s: s.finalizers_taken),
    Metric("/gc/finalizers/queued:finalizers", UINT64, True, lambda s: s.finalizers_queued),
    Metric("/gc/gogc:percent", UINT64, False, lambda s: s.gogc & MAX_WORD),
    Metric("/gc/gomemlimit:bytes", UINT64, False, lambda s: s.memory_limit),
    Metric("/gc/heap/allocs-by-size:bytes", HISTOGRAM, True, lambda s: by_size(s.allocs)),
    Metric("/gc/heap/allocs:bytes", UINT64, True, lambda s: s.stats.total_alloc),
    Metric("/gc/heap/allocs:objects", UINT64, True, lambda s: objects_in(s.allocs)),
    Metric("/gc/heap/frees-by-size:bytes", HISTOGRAM, True, lambda s: by_size(s.frees)),
    Metric("/gc/heap/frees:bytes", UINT64, True, lambda s: s.stats.total_alloc - s.stats.heap_alloc),
    Metric("/gc/heap/frees:objects", UINT64, True, lambda s: objects_in(s.frees)),
    Metric("/gc/heap/goal:bytes", UINT64, False, lambda s: s.stats.next_gc),
    Metric("/gc/heap/live:bytes", UINT64, False, lambda s: s.heap_live),
    Metric("/gc/heap/objects:objects", UINT64, False, lambda s: s.stats.heap_objects),
    Metric("/gc/heap/tiny/allocs:objects", UINT64, True, lambda s: s.tiny_allocs),
    Metric("/gc/limiter/last-enabled:gc-cycle", UINT64, False, lambda s: s.limiter_last_enabled),
    Metric("/gc/pauses:seconds", HISTOGRAM, True, lambda s: by_time(s.pauses)),
    Metric("/gc/scan/globals:bytes", UINT64, False, lambda s: s.globals_scan),
    Metric("/gc/scan/heap:bytes", UINT64, False, lambda s: s.heap_scan),
    Metric("/gc/scan/stack:bytes", UINT64, False, lambda s: s.stack_scan),
    Metric("/gc/scan/total:bytes", UINT64, False, scanned),
    Metric("/memory/classes/heap/free:bytes", UINT64, False, lambda s: s.stats.heap_idle - s.stats.heap_released),
    Metric("/memory/classes/heap/objects:bytes", UINT64, False, lambda s: s.stats.heap_alloc),
    Metric("/memory/classes/heap/released:bytes", UINT64, False, lambda s: s.stats.heap_released),
    Metric("/memory/classes/heap/stacks:bytes", UINT64, False, lambda s: s.stats.stack_inuse),
    Metric("/memory/classes/heap/unused:bytes", UINT64, False, lambda s: s.stats.heap_inuse - s.stats.heap_alloc),
    Metric(
        "/memory/classes/metadata/mcache/free:bytes", UINT64, False, lambda s: s.stats.mcache_sys - s.stats.mcache_inuse
    ),
    Metric("/memory/classes/metadata/mcache/inuse:bytes", UINT64, False, lambda s: s.stats.mcache_inuse),
    Metric(
        "/memory/classes/metadata/mspan/free:bytes", UINT64, False, lambda s: s.stats.mspan_sys - s.stats.mspan_inuse
    ),
    Metric("/memory/classes/metadata/mspan/inuse:bytes", UINT64, False, lambda s: s.stats.mspan_inuse),
    Metric("/memory/classes/metadata/other:bytes", UINT64, False, lambda s: s.stats.gc_sys),
    Metric("/memory/classes/os-stacks:bytes", UINT64, False, lambda s: s.stats.stack_sys - s.stats.stack_inuse),
    Metric("/memory/classes/other:bytes", UINT64, False, lambda s: s.stats.other_sys),
    Metric("/memory/classes/profiling/buckets:bytes", UINT64, False, lambda s: s.stats.buck_hash_sys),
    Metric("/memory/classes/total:bytes", UINT64, False, lambda s: s.stats.sys),
    Metric("/sched/gomaxprocs:threads", UINT64, False, lambda s: s.max_procs),
    Metric("/sched/pauses/total/gc:seconds", HISTOGRAM, True, lambda s: by_time(s.pauses)),
)


def metric_values(samples: Samples) -> dict[str, Value]:
    """Every metric by its name, in the order of names."""
    return {metric.name: metric.value(samples) for metric in METRICS}


def metrics_text(samples: Samples) -> str:
    """A line for each metric; of a histogram, the buckets that have something."""
    values = metric_values(samples)
    width = max(map(len, values))
    return "".join(f"{name:<{width}}  {value_text(value)}\n" for name, value in values.items())


def value_text(value: Value) -> str:
    """A value on one line."""
    if not isinstance(value, Histogram):
        return f"{value:.9f}" if isinstance(value, float) else str(value)
    bounds = zip(value.buckets, value.buckets[1:], strict=False)
    parts = [f"[{low:.9g},{high:.9g}):{n}" for (low, high), n in zip(bounds, value.counts, strict=True) if n]
    return " ".join(parts) or "-"
