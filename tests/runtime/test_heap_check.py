"""The whole-heap checker: every invariant broken once, and seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.active_sweep import DRAINED
from runtime.heap_check import check_heap
from runtime.layout import PAGE_SIZE
from runtime.mspan import MSpan
from runtime.page_alloc import chunk_of, update_chunk
from runtime.roots import new_handle
from runtime.scavenge_index import index_free
from runtime.span_set import pop_span
from runtime.syspy import Failure, nil, store, u64
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, drawn

pytestmark = pytest.mark.full_on_python

NOSCAN_1K = 65


def populated(heap: HeapUnderTest) -> None:
    """Something of everything: open runs, swept and unswept spans, large objects, handles."""
    for round_number in range(3):
        for i in range(30):
            for size, typ in [(8, WORD), (16, NODE), (1024, NONE), (600, WORD), (40_000, NONE)]:
                addr = heap.malloc(size, typ)
                if i % 5 == round_number:
                    heap.root(addr)
        heap.collect()
    heap.malloc(1024)
    heap.malloc(16)
    for span in heap.spans():
        if span.elem_size == 1024 and span != cached(heap):
            return
    raise AssertionError("every span of the class is cached")


def test_a_healthy_heap_passes_at_any_time(heap: HeapUnderTest) -> None:
    heap.check()
    for i in range(200):
        heap.malloc(8 + 200 * (i % 7), WORD if i % 3 else NONE)
        if i % 40 == 0:
            heap.check()
    heap.collect()
    heap.check()
    populated(heap)
    heap.check()


def span(heap: HeapUnderTest, size: int) -> MSpan:
    """A span in use with such slots."""
    return next(span for span in heap.spans() if span.elem_size == size)


def cached(heap: HeapUnderTest) -> MSpan:
    return heap.m_cache.alloc[NOSCAN_1K]


def a_set(heap: HeapUnderTest) -> Any:
    """A set of the 1 KiB class that is not empty."""
    central = heap.p.central[NOSCAN_1K]
    kinds: Any = [central.partial[0], central.partial[1], central.full[0], central.full[1]]
    return next(spans for spans in kinds if spans.count)


def count_a_page_too_many(heap: HeapUnderTest) -> None:
    memory = heap.heap.memory
    heap.heap.pages_in_use = heap.heap.pages_in_use + 1
    memory.heap_in_use.bytes = memory.heap_in_use.bytes + PAGE_SIZE
    memory.heap_released.bytes = memory.heap_released.bytes - PAGE_SIZE


def set_field(target: Any, field: str, value: Any) -> None:
    setattr(target, field, value)


def put(array: Any, i: int, value: Any) -> None:
    array[i] = value


def page(heap: HeapUnderTest, size: int) -> int:
    """The number of a span's first page."""
    return (span(heap, size).start_addr - heap.heap.arenas.first.start_addr) // PAGE_SIZE


def swap(heap: HeapUnderTest, span: MSpan) -> None:
    span.alloc_bits, span.mark_bits = span.mark_bits, span.alloc_bits


Break = Callable[[HeapUnderTest], None]

BREAKS: list[tuple[str, Break]] = [
    ("S1", lambda h: set_field(cached(h), "alloc_count", 9)),
    ("S2", lambda h: set_field(cached(h), "free_index", 9)),
    ("S3", lambda h: set_field(span(h, 1024), "elem_size", 2048)),
    ("S5", lambda h: set_field(span(h, 16), "alloc_count", 1)),
    ("S7", lambda h: set_field(span(h, 640), "limit", 0)),
    ("AR1", lambda h: put(h.heap.arenas.first.spans, page(h, 40_960) + 1, nil(MSpan))),
    ("AR2", lambda h: put(h.heap.arenas.inline_class, 300, 4)),
    ("AR2", lambda h: put(h.heap.arenas.inline_class, page(h, 16), 8)),
    ("AR3", lambda h: put(h.heap.arenas.first.in_use, 100, 1)),
    ("AR4", lambda h: set_field(h.heap.arenas, "extent", h.heap.arenas.extent - 8)),
    ("HP1", lambda h: set_field(h.heap, "arena_next", h.heap.arena_end + (4 << 20))),
    ("HP2", count_a_page_too_many),
    ("HP3", lambda h: set_field(h.heap.memory.heap_free, "bytes", 5)),
    ("I1", lambda h: h.call(pop_span, a_set(h))),
    ("I3", lambda h: put(h.heap.stats.small_free_count, 5, 1000)),
    ("I3", lambda h: set_field(h.heap.stats, "large_alloc_count", 1000)),
    ("CS1", lambda h: set_field(h.heap.sweeper, "state", DRAINED)),
    ("CS2", lambda h: set_field(a_set(h).first, "sweep_gen", h.heap.sweep_gen + 20)),
    ("PS2", lambda h: put(h.m_cache.classes, NOSCAN_1K // 64, 0)),
    ("SW1", lambda h: set_field(h.p.batch, "dead", cached(h))),
    ("MC1", lambda h: set_field(cached(h), "sweep_gen", h.heap.sweep_gen)),
    ("MC2", lambda h: put(h.m_cache.run_next, NOSCAN_1K, h.m_cache.run_limit[NOSCAN_1K] + 1024)),
    ("MC3", lambda h: put(h.m_cache.run_limit, 5, h.m_cache.run_limit[5] - 16)),
    ("GB1", lambda h: swap(h, h.m_cache.alloc[5])),
    ("GB2", lambda h: put(cached(h).mark_bits, 0, 1)),
    ("H1", lambda h: store(u64, span(h, 8).start_addr + PAGE_SIZE - 64, 0)),
    ("G1", lambda h: set_field(h.g, "shadow_top", h.g.shadow_base - 8)),
    ("RN1", lambda h: set_field(h.g, "heap", nil(type(h.heap)))),
    ("RT1", lambda h: set_field(h.state.roots, "free", h.state.roots.free + 1)),
]


@pytest.mark.parametrize(("tag", "damage"), BREAKS, ids=[f"{tag}-{i}" for i, (tag, _) in enumerate(BREAKS)])
def test_each_invariant_broken_once(heap: HeapUnderTest, tag: str, damage: Break) -> None:
    populated(heap)
    heap.call(new_handle, heap.state.roots, 0)
    heap.check()
    heap.is_broken = True
    damage(heap)
    with pytest.raises(Failure, match=f"{tag}: "):
        heap.call(check_heap, heap.state)


def test_a_page_of_a_span_that_is_free_is_seen(heap: HeapUnderTest) -> None:
    addr = heap.malloc(1024)
    heap.is_broken = True
    pages = heap.heap.pages
    chunk = addr >> 22
    word = (addr >> 13) % 512 // 64
    bits = chunk_of(pages, chunk).alloc.words
    bits[word] = bits[word] & ~(1 << (addr >> 13) % 64)
    update_chunk(pages, chunk)
    index_free(pages.index, chunk, (addr >> 13) % 512, 1)
    if pages.search_addr > addr:
        pages.search_addr = addr // PAGE_SIZE * PAGE_SIZE
    with pytest.raises(Failure, match="I2: "):
        heap.check()


def test_a_drawing_shows_every_state(heap: HeapUnderTest) -> None:
    addrs = [heap.malloc(1024) for _ in range(3)]
    heap.root(addrs[0], addrs[2])
    heap.gc()
    found = heap.span_of(addrs[0])
    assert drawn(found, heap.engine) == "#.#....."
    found.mark_bits[0] = 0b1001
    assert drawn(found, heap.engine) == "o.#!...."
    found.mark_bits[0] = 0
