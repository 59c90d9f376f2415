"""Heaps for tests: a runtime on either engine, with the few moves that tests of the allocator and the collector make.

    def test_an_unreachable_object_dies(heap):
        kept, lost = heap.malloc(16), heap.malloc(16)
        heap.root(kept)
        heap.gc()
        assert heap.objects() == {kept}

One native image serves all modules. Every heap is checked from end to end when its test is over, unless the test says
that it broke it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from runtime import (
    active_sweep,
    arenas,
    background_scavenger,
    background_sweeper,
    boundary,
    collect,
    cycle,
    dominators,
    finalizers,
    gc_bits,
    gctrace,
    heap_bits,
    heap_check,
    heap_graph,
    heap_map,
    lock,
    malloc,
    mark,
    mcache,
    mcentral,
    mem_profile,
    mem_sample,
    memory_control,
    memory_limit,
    memstats,
    metrics,
    mheap,
    mspan,
    pacer,
    reclaim,
    roots,
    sampler,
    scavenge,
    settings,
    span_set,
    specials,
    stats_check,
    stress,
    sweep,
    sweep_pacer,
    sweeper,
    types,
    weak,
    work_queue,
    world,
    write_barrier,
    zombies,
)
from runtime import heap as root
from runtime.knobs import Settings
from runtime.layout import PAGE_SIZE
from runtime.mspan import MSpan
from runtime.proc import G
from runtime.syspy import Array, address, array_at, load, nil, store, table, u8, u64
from runtime.types import KIND_STRUCT, Type
from tests.runtime import workers
from tests.runtime.allocation_mix import allocate_mix
from tests.runtime.big_lists import build_list
from tests.runtime.engines import NativeEngine, PythonEngine, as_word
from tests.runtime.soak_driver import check_all, soak

SHADOW_BYTES = 1 << 20

ROOTS: list[Callable[..., Any]] = [
    active_sweep.begin_sweeping,
    active_sweep.end_sweeping,
    active_sweep.is_sweep_done,
    active_sweep.mark_drained,
    active_sweep.reset_sweeper,
    allocate_mix,
    build_list,
    check_all,
    soak,
    arenas.add_arena,
    arenas.alloc_needs_zero,
    arenas.arena_map_close,
    arenas.arena_map_init,
    arenas.clear_span_range,
    arenas.find_object,
    arenas.is_unmarked,
    arenas.next_span,
    arenas.span_of,
    background_scavenger.park,
    background_scavenger.run_scavenger,
    background_scavenger.scavenge_for_a_while,
    background_scavenger.sleep,
    background_scavenger.stop_scavenger,
    background_sweeper.run_sweeper,
    background_sweeper.stop_sweeper,
    background_sweeper.wake_sweeper,
    collect.collect,
    collect.gc,
    cycle.limited_goal,
    cycle.update_goal,
    dominators.find_dominators,
    finalizers.add_cleanup,
    finalizers.closes_over,
    finalizers.keeps_alive,
    finalizers.remove_finalizer,
    finalizers.set_finalizer,
    finalizers.stop_cleanup,
    finalizers.take_ready,
    gc_bits.has_cell,
    gc_bits.take_marks,
    gc_bits.take_nothing,
    gctrace.print_gc_trace,
    gctrace.put_ms,
    gctrace.put_number,
    heap_bits.clear_pointer_bits,
    heap_bits.object_mask,
    heap_bits.read_pointer_bits,
    heap_bits.set_pointer_bits,
    heap_bits.write_pointer_bits,
    heap_check.check_all_marks,
    heap_check.check_heap,
    heap_check.draw_span,
    heap_graph.walk_heap,
    heap_map.check_heap_map,
    heap_map.map_heap,
    malloc.malloc_header,
    malloc.malloc_noscan,
    malloc.malloc_scan,
    malloc.malloc_scan_array,
    malloc.malloc_tiny,
    malloc.mallocgc,
    malloc.new_object,
    mark.finish_marking,
    mark.mark_root,
    mark.mark_words,
    mark.start_marking,
    boundary.keep_both,
    boundary.put_pointer,
    write_barrier.keep_all,
    pacer.heap_to_end_at,
    pacer.step_entries,
    mcache.close_runs,
    mcache.refill,
    mcache.release_all,
    mcentral.cache_span,
    sweeper.ensure_swept,
    sweeper.next_class_of_any,
    reclaim.reclaim,
    sweeper.start_sweep,
    sweeper.sweep_some,
    mcentral.uncache_span,
    memory_control.free_os_memory,
    memory_control.set_memory_limit,
    memory_limit.heap_alloc_bytes,
    memory_limit.memory_limit_heap_goal,
    mem_profile.publish_all,
    mem_sample.set_mem_profile_rate,
    memstats.read_mem_stats,
    metrics.read_samples,
    mheap.alloc_span,
    mheap.free_span,
    mspan.check_span,
    mspan.count_taken,
    mspan.find_zombie,
    mspan.give_back_run,
    mspan.take_run,
    pacer.heap_goal,
    pacer.heap_minimum,
    pacer.percent_of,
    pacer.trigger_below,
    pacer.floating_after,
    pacer.pace,
    pacer.runway_for,
    lock.lock,
    lock.mutex_init,
    lock.unlock,
    root.attach,
    root.close_runtime,
    root.detach,
    root.new_runtime,
    root.runtime_init,
    roots.add_globals,
    scavenge.wake_scavenger,
    roots.check_roots,
    roots.free_handle,
    roots.new_handle,
    settings.apply_settings,
    settings.set_gc_percent,
    settings.set_max_procs,
    sampler.log2,
    sampler.next_sample,
    sampler.set_rate,
    span_set.append_set,
    span_set.check_span_set,
    span_set.cut_front,
    span_set.pop_span,
    span_set.push_span,
    span_set.remove_span,
    stats_check.check_mem_stats,
    stress.poll,
    specials.add_special,
    specials.check_specials,
    specials.find_special,
    specials.sweep_specials,
    sweep.retire_span,
    sweep.sweep_span,
    sweep.try_acquire,
    sweep_pacer.deduct_sweep_credit,
    sweep_pacer.pace_sweeper,
    sweeper.finish_sweep,
    types.check_type,
    weak.weak_make,
    weak.weak_value,
    zombies.check_marks,
    work_queue.grow_queue,
    work_queue.queue_close,
    work_queue.queue_init,
    workers.allocate_large,
    workers.break_down,
    workers.churn,
    workers.collect_often,
    workers.collect_unforced,
    workers.free_os_memory_often,
    workers.rearrange,
    workers.reclaim_pages,
    workers.run_until_stopped,
    workers.sweep_spans,
    world.abandon,
    world.enter,
    world.leave,
    world.start_the_world,
    world.stop_the_world,
]


@cache
def native_engine() -> NativeEngine:
    """The image of ROOTS."""
    return NativeEngine(ROOTS, "heaps")


def engine_named(name: str) -> Any:
    """The engine that a test parameter names."""
    return PythonEngine() if name == "python" else native_engine()


def make_type(size: int, pointers: list[int], name: str = "T") -> Type:
    """A type of size bytes with pointers at these offsets; kept for good."""
    ptr_bytes = max(pointers) + 8 if pointers else 0
    bits = sum(1 << offset // 8 for offset in pointers)
    typ = Type(size=size, ptr_bytes=ptr_bytes, kind=KIND_STRUCT, align=8 if size % 8 == 0 else 1)
    typ.gc_mask = table(u8, bits.to_bytes(max(1, -(-ptr_bytes // 64)), "little"))
    _kept.append(typ)
    return typ


_kept: list[Any] = []

WORD = make_type(8, [0], "*T")
NODE = make_type(16, [0, 8], "node")
NONE: Type = nil(Type)


class HeapUnderTest:
    """A runtime, and its main goroutine's shadow stack as a list of roots."""

    def __init__(self, engine: Any, gogc: int = 100, debug: str = "") -> None:
        self.engine = engine
        self.state = root.Runtime.at(engine.call(root.new_runtime, gogc, SHADOW_BYTES))
        Settings.parsed("off" if gogc < 0 else str(gogc), debug).apply(self.state)
        self.g = self.state.g0
        self.heap = self.state.heap
        self.heap.first_touch.rest = 1 << 63  # nothing depends on the clock: huge pages are worth it
        self.p = self.state.p0
        self.m_cache = self.p.m_cache
        self.gs = [self.g]
        self.is_broken = False  # a test has broken an invariant: no check at the end

    def call(self, f: Callable[..., Any], *arguments: Any) -> Any:
        """Call a systems function; pointers come back as addresses."""
        result = self.engine.call(f, *arguments)
        return tuple(map(as_word, result)) if isinstance(result, tuple) else result

    def close(self) -> None:
        if not self.is_broken:
            self.check()
            self.recount()
        self.call(root.close_runtime, self.state)

    def run_on(self, number: int) -> bool:
        """Let goroutine `number` do what follows, on a P of its own, the others in the host. Whether it is another."""
        if number < len(self.gs) and self.gs[number].p == self.p:
            return False
        self.call(world.leave, self.p)
        while len(self.gs) <= number:
            self.gs.append(G.at(self.call(root.attach, self.state)))
        self.g = self.gs[number]
        self.p = self.g.p
        self.m_cache = self.p.m_cache
        self.call(world.enter, self.p)
        return True

    # --- Objects ---

    def malloc(self, size: int, typ: Type = NONE, zero: bool = True) -> int:
        """mallocgc."""
        return int(self.call(malloc.mallocgc, self.g, size, typ, zero))

    def rooted(self, size: int, typ: Type = NONE) -> int:
        """mallocgc, and a root for the object."""
        addr = self.malloc(size, typ)
        self.root(addr)
        return addr

    def root(self, *addrs: int) -> None:
        """Put words on the shadow stack."""
        for addr in addrs:
            store(u64, self.g.shadow_top, addr)
            self.g.shadow_top = self.g.shadow_top + 8

    def unroot(self) -> None:
        """Take all words off the shadow stack."""
        self.g.shadow_top = self.g.shadow_base

    def list_of(self, length: int, typ: Type = NODE) -> list[int]:
        """A linked list through the first words, its head the only root that is added; the head comes first."""
        at = self.g.shadow_top
        self.root(0)
        nodes = []
        for _ in range(length):
            node = self.malloc(typ.size, typ)
            store(u64, node, load(u64, at))
            store(u64, at, node)
            nodes.append(node)
        return nodes[::-1]

    def objects(self) -> set[int]:
        """The start of every taken slot. Runs that are open count as given back."""
        p = self.state.world.ps
        while address(p) != 0:
            self.call(mcache.close_runs, p.m_cache)
            p = p.next
        found = set()
        for span in self.spans():
            for slot in range(span.nelems):
                if slot < span.free_index or span.alloc_bits[slot // 64] >> slot % 64 & 1:
                    found.add(span.start_addr + slot * span.elem_size)
        return found

    def spans(self) -> Iterator[MSpan]:
        """All spans in use."""
        span = nil(MSpan)
        while address(span := MSpan.at(self.call(arenas.next_span, self.heap.arenas, span))) != 0:
            yield span

    def span_of(self, addr: int) -> MSpan:
        """The span of an object."""
        return MSpan.at(self.call(arenas.span_of, self.heap.arenas, addr))

    # --- The collector ---

    def gc(self) -> None:
        """runtime.GC."""
        self.call(collect.gc, self.g)

    def collect(self) -> None:
        """A collection that leaves the sweeping for later."""
        self.call(collect.collect, self.g, False)

    def check(self) -> None:
        """Check every invariant."""
        self.call(heap_check.check_heap, self.state)

    def recount(self) -> None:
        """Count every counter again."""
        self.call(stats_check.check_mem_stats, self.state)


def drawn(span: MSpan, engine: Any) -> str:
    """A span, one character per slot: # taken, o taken and marked, . free, ! free and marked."""
    out: Any = own_bytes(span.nelems)
    count = engine.call(heap_check.draw_span, span, array_at(u8, address(out)))
    return bytes(out[i] for i in range(count)).decode()


def own_bytes(length: int) -> Array[int]:
    """Zeroed bytes that Python owns."""
    return table(u8, [0] * length)


def span_drawn(alloc: str, mark: str = "", free_index: int = 0, elem_size: int = 1024, **fields: int) -> MSpan:
    """A span of up to 64 slots from drawings of its alloc and mark bits: # for 1."""
    npages = -(-len(alloc) * elem_size // PAGE_SIZE)
    memory = own_bytes((npages + 1) * PAGE_SIZE)
    span = MSpan(npages=npages, elem_size=elem_size, nelems=len(alloc), free_index=free_index, state=1, **fields)
    span.start_addr = -(-address(memory) // PAGE_SIZE) * PAGE_SIZE
    span.limit = span.start_addr + len(alloc) * elem_size
    span.span_class = fields.get("span_class", 65)
    span.small_bits[0], span.small_bits[1] = bits_of(alloc), bits_of(mark)
    span.alloc_bits = array_at(u64, address(span.small_bits))
    span.mark_bits = array_at(u64, address(span.small_bits) + 8)
    span.alloc_count = bin(bits_of(alloc) | (1 << free_index) - 1).count("1")
    if free_index < len(alloc):
        span.alloc_cache = (~bits_of(alloc) & (1 << 64) - 1) >> free_index
    _kept.extend([memory, span])
    return span


def bits_of(drawing: str) -> int:
    """A drawing as a bitmap: # for 1."""
    return sum(1 << i for i, sign in enumerate(drawing) if sign == "#")


@pytest.fixture(params=["python", "native"])
def any_engine(request: pytest.FixtureRequest) -> Any:
    """Both engines, one after the other."""
    return engine_named(request.param)


@pytest.fixture
def new_heap(any_engine: Any) -> Iterator[Callable[..., HeapUnderTest]]:
    """Makes heaps with the knobs that a test wants; they are checked and closed after it."""
    made: list[HeapUnderTest] = []

    def new(gogc: int = 100, debug: str = "") -> HeapUnderTest:
        made.append(HeapUnderTest(any_engine, gogc, debug))
        return made[-1]

    yield new
    for one in made:
        one.close()


@pytest.fixture
def heap(new_heap: Callable[..., HeapUnderTest]) -> HeapUnderTest:
    """A heap with nothing in it."""
    return new_heap()
