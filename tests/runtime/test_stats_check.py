"""The recount of every counter: after random programs, with many kinds of memory, and with each counter broken once."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from runtime.layout import PAGE_SIZE
from runtime.roots import free_handle, new_handle
from runtime.stats_check import check_mem_stats
from runtime.syspy import Failure
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest
from tests.runtime.test_memstats import busy, read

pytestmark = pytest.mark.full_on_python


def random_step(heap: HeapUnderTest, rng: random.Random, handles: list[int]) -> None:
    """Allocate something, forget something, collect, or change the handles."""
    what = rng.random()
    if what < 0.85:
        typ = rng.choice([NONE, WORD, NODE])
        size = rng.choice([1, 7, 8, 16, 24, 48, 512, 520, 1024, 8192, 32760, 40_000, 300_000])
        size = -(-size // 16) * 16 if typ is NODE else -(-size // 8) * 8 if typ is WORD else size
        addr = heap.malloc(size, typ)
        if rng.random() < 0.3:
            heap.root(addr)
    elif what < 0.90:
        handles.append(heap.call(new_handle, heap.state.roots, 0))
    elif what < 0.92 and handles:
        heap.call(free_handle, heap.state.roots, handles.pop())
    elif what < 0.95:
        heap.unroot()
    else:
        heap.gc() if rng.random() < 0.5 else heap.collect()


def test_random_programs_are_counted_rightly(new_heap: Callable[..., HeapUnderTest], seed: int) -> None:
    rng = random.Random(seed)
    heap = new_heap(gogc=rng.choice([0, 10, 100, -1]))
    handles: list[int] = []
    for _ in range(20):
        for _ in range(rng.randrange(1, 40)):
            random_step(heap, rng, handles)
        heap.recount()
    m = read(heap)
    assert m.mallocs > 100, "the program did something"
    assert m.num_gc > 0


def test_more_collections_than_the_ring_has_room_for(heap: HeapUnderTest) -> None:
    for n in (255, 1, 1, 200):
        for _ in range(n):
            heap.collect()
        heap.recount()
    m = read(heap)
    assert (m.num_gc, m.num_forced_gc) == (457, 0)
    assert m.pause_total_ns > sum(m.pause_ns[i] for i in range(256))


def test_a_table_of_handles_that_grew(heap: HeapUnderTest) -> None:
    for _ in range(3000):
        heap.call(new_handle, heap.state.roots, 0)
    heap.recount()


def test_memory_that_the_kernel_does_not_take_back_stays_counted(heap: HeapUnderTest) -> None:
    memory = heap.heap.memory
    for _ in range(512):
        heap.call(new_handle, heap.state.roots, 0)
    memory.refuse_at = memory.requests + 2  # the table grows: one request for memory, one to give the old back
    heap.call(new_handle, heap.state.roots, 0)
    assert memory.lost == 512 * 8
    heap.recount()


def add(target: Any, field: str, n: int) -> None:
    setattr(target, field, getattr(target, field) + n)


def add_at(array: Any, i: int, n: int) -> None:
    array[i] = array[i] + n


def move(heap: HeapUnderTest, source: str, target: str, n: int) -> None:
    memory = heap.heap.memory
    add(getattr(memory, source), "bytes", -n)
    add(getattr(memory, target), "bytes", n)


def count_what_is_not_there(heap: HeapUnderTest) -> None:
    """In the state and in the purpose, so that O1 holds."""
    add(heap.heap.memory, "ready", 8)
    add(heap.heap.memory.other, "bytes", 8)


def lose_a_cell(cells: Any) -> None:
    """A cell that was freed is on no list."""
    assert cells.free_list != 0
    cells.free_list = 0


Break = Callable[[HeapUnderTest], None]
BREAKS: list[tuple[str, Break]] = [
    ("ST1", lambda h: add_at(h.heap.stats.small_alloc_count, 5, 1)),
    ("ST1", lambda h: add_at(h.heap.stats.small_free_count, 2, 1)),
    ("ST1", lambda h: add(h.heap.stats, "large_alloc_count", 1)),
    ("ST1", lambda h: add(h.heap.stats, "large_alloc_bytes", PAGE_SIZE)),
    ("ST1", lambda h: add(h.heap.stats, "large_free_bytes", PAGE_SIZE)),
    ("ST2", lambda h: add(h.heap, "pages_in_use", 1)),
    ("ST2", lambda h: move(h, "heap_free", "heap_in_use", PAGE_SIZE)),
    ("ST2", lambda h: move(h, "heap_free", "heap_released", PAGE_SIZE)),
    ("ST2", lambda h: move(h, "heap_released", "heap_free", PAGE_SIZE)),
    ("ST2", lambda h: add_at(h.heap.pages.chunks[h.heap.arena_next >> 35].data[0].scavenged.words, 0, 1)),
    ("ST3", lambda h: add(h.heap.span_cells, "in_use", 168)),
    ("ST3", lambda h: add(h.heap.span_cells, "chunk_left", -160)),
    ("ST3", lambda h: lose_a_cell(h.heap.bit_cells)),
    ("ST3", lambda h: add(h.heap.bit_cells, "in_use", 256)),
    ("ST3", lambda h: move(h, "other", "m_span", 168)),
    ("ST4", lambda h: move(h, "other", "gc", 8)),
    ("ST4", lambda h: move(h, "gc", "other", 8)),
    ("ST4", lambda h: move(h, "other", "m_cache", 8)),
    ("ST4", lambda h: add(h.state.roots, "globals_bytes", 8)),
    ("ST4", count_what_is_not_there),
    ("O1", lambda h: add(h.heap.memory, "ready", 8)),
    ("ST6", lambda h: add(h.state.gc, "num_gc", 1)),
    ("ST6", lambda h: add(h.state.gc, "pause_total_ns", 1)),
    ("ST6", lambda h: add(h.state.gc, "num_forced_gc", 100)),
    ("ST6", lambda h: add(h.state.gc, "last_gc", 1)),
]


@pytest.mark.parametrize(("tag", "damage"), BREAKS, ids=[f"{tag}-{i}" for i, (tag, _) in enumerate(BREAKS)])
def test_each_counter_broken_once(heap: HeapUnderTest, tag: str, damage: Break) -> None:
    busy(heap)
    for _ in range(40):
        heap.malloc(8)  # more than the cells of one span
        heap.malloc(300_000)
    heap.unroot()
    heap.rooted(16, NODE)
    heap.rooted(40_000)
    heap.gc()
    heap.recount()
    heap.is_broken = True
    damage(heap)
    with pytest.raises(Failure, match=f"{tag}: "):
        heap.call(check_mem_stats, heap.state)
