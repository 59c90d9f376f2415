"""The map of the heap: every page once, sums that are MemStats', and what a page says of its span."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runtime import heap_map
from runtime.heap_buffers import MapBuffers
from runtime.heap_map import CONTINUED, PAGE_FREE, PAGE_RELEASED, PAGE_UNUSED
from runtime.layout import PAGE_SIZE, PAGES_PER_ARENA
from runtime.memory_control import free_os_memory
from runtime.phases import PHASE_MARKED
from runtime.syspy import Failure, address
from tests.runtime.heaps import NODE, NONE, HeapUnderTest
from tests.runtime.test_memstats import read
from tests.runtime.test_stats_check import random_step

pytestmark = pytest.mark.full_on_python

HOOK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)
ROOM = 6  # arenas


class Drawn(MapBuffers):
    """A map of a heap."""

    def __init__(self, room: int = ROOM) -> None:
        super().__init__(room)

    def draw(self, heap: HeapUnderTest, is_marking: bool = False) -> Drawn:
        heap.call(heap_map.map_heap, heap.state, self.map, int(is_marking))
        return self

    def page(self, addr: int) -> tuple[int, int, int]:
        """Kind, taken and marked slots of the page at an address."""
        arena = next(i for i in range(self.map.count) if 0 <= addr - self.map.arenas[i] < PAGES_PER_ARENA * PAGE_SIZE)
        page = arena * PAGES_PER_ARENA + (addr - self.map.arenas[arena]) // PAGE_SIZE
        return self.map.kinds[page], self.map.taken[page], self.map.marked[page]

    def pages(self, kind: int) -> int:
        """How many pages have a kind."""
        return self.bytes_of("kinds", self.map.count * PAGES_PER_ARENA).count(kind)


def flushed(heap: HeapUnderTest) -> Drawn:
    """The map of a heap whose counts are flushed."""
    read(heap)
    return Drawn().draw(heap)


@contextmanager
def told(heap: HeapUnderTest, phase: int, do: Callable[[], Any]) -> Iterator[list[Any]]:
    """While this lasts: what `do` returned at each such phase, or the exception it raised."""
    found: list[Any] = []

    def hook(now: int) -> int:
        if now == phase:
            try:
                found.append(do())
            except Exception as error:
                found.append(error)
        return 0

    kept = HOOK(hook)
    heap.state.phase_hook = ctypes.cast(kept, ctypes.c_void_p).value or 0
    yield found
    heap.state.phase_hook = 0


def test_a_page_says_what_its_span_holds(heap: HeapUnderTest) -> None:
    nodes = heap.list_of(700)
    large = heap.rooted(5 * PAGE_SIZE)
    drawn = flushed(heap)
    kind = heap.span_of(nodes[0]).span_class
    spans = {address(span): span for span in map(heap.span_of, nodes)}
    assert len(spans) == 2
    for span in spans.values():
        assert drawn.page(span.start_addr) == (kind, span.alloc_count, span.alloc_count)
    assert [drawn.page(large + offset) for offset in (0, PAGE_SIZE, 5 * PAGE_SIZE - 1)] == [
        (1, 1, 1),
        (1, CONTINUED, CONTINUED),
        (1, CONTINUED, CONTINUED),
    ]
    assert drawn.map.objects == 701
    assert drawn.pages(PAGE_UNUSED) == PAGES_PER_ARENA - 512
    assert drawn.map.span_pages + drawn.map.free_pages + drawn.map.released_pages == 512


def test_at_the_end_of_marking_it_tells_the_living_from_the_dead(heap: HeapUnderTest) -> None:
    nodes = heap.list_of(100)
    for _ in range(50):
        heap.malloc(16, NODE)
    drawn = Drawn()
    with told(heap, PHASE_MARKED, lambda: drawn.draw(heap, is_marking=True)):
        heap.gc()
    assert drawn.page(nodes[0]) == (heap.span_of(nodes[0]).span_class, 150, 100)
    assert (drawn.map.objects, drawn.map.object_bytes, drawn.map.marked_bytes) == (150, 150 * 16, 100 * 16)
    assert drawn.map.marked_bytes == heap.state.gc.heap_marked


def test_its_sums_are_those_of_mem_stats_whatever_the_program_does(
    new_heap: Callable[..., HeapUnderTest], seed: int
) -> None:
    rng = random.Random(seed)
    heap = new_heap(gogc=rng.choice([0, 10, 100]))
    drawn = Drawn()

    def look() -> int:
        drawn.draw(heap, is_marking=True)
        heap.call(heap_map.check_heap_map, heap.state, drawn.map)
        return int(drawn.map.marked_bytes)

    handles: list[int] = []
    with told(heap, PHASE_MARKED, look) as found:
        for _ in range(8):
            for _ in range(rng.randrange(1, 40)):
                random_step(heap, rng, handles)
            heap.gc()
            assert found[-1] == heap.state.gc.heap_marked
            m = read(heap)
            drawn.draw(heap)
            heap.call(heap_map.check_heap_map, heap.state, drawn.map)
            assert drawn.map.span_pages * PAGE_SIZE == m.heap_inuse
            assert drawn.map.free_pages * PAGE_SIZE == m.heap_idle - m.heap_released
            assert drawn.map.released_pages * PAGE_SIZE == m.heap_released
            assert (drawn.map.objects, drawn.map.object_bytes) == (m.heap_objects, m.heap_alloc)
    assert all(isinstance(one, int) for one in found), found


def test_an_object_lies_in_two_arenas(heap: HeapUnderTest) -> None:
    size = PAGES_PER_ARENA * PAGE_SIZE + PAGE_SIZE
    addr = heap.rooted(size)
    drawn = flushed(heap)
    assert drawn.map.count == 2
    assert drawn.pages(1) == PAGES_PER_ARENA + 1
    assert [drawn.page(addr + offset)[1] for offset in (0, size - 1)] == [1, CONTINUED]
    heap.call(heap_map.check_heap_map, heap.state, drawn.map)


def test_pages_that_went_back_are_told_from_free_ones(heap: HeapUnderTest) -> None:
    heap.malloc(1 << 20)
    heap.gc()
    assert flushed(heap).pages(PAGE_FREE) >= 128
    heap.call(free_os_memory, heap.g)
    drawn = flushed(heap)
    assert drawn.pages(PAGE_RELEASED) * PAGE_SIZE == read(heap).heap_released > 0
    heap.call(heap_map.check_heap_map, heap.state, drawn.map)


def test_without_room_it_only_says_how_much_is_needed(heap: HeapUnderTest) -> None:
    heap.rooted(PAGES_PER_ARENA * PAGE_SIZE + 1)
    drawn = Drawn(room=1)
    assert heap.call(heap_map.map_heap, heap.state, drawn.map, 0) == 2
    assert drawn.bytes_of("arenas", 8) == bytes(8)


@pytest.mark.parametrize(
    ("spoil", "tag"),
    [
        (lambda heap, drawn: setattr(drawn.map, "span_pages", drawn.map.span_pages + 1), "HM1"),
        (lambda heap, drawn: setattr(drawn.map, "objects", 5), "HM2"),
        (lambda heap, drawn: setattr(drawn.map, "object_bytes", 5), "HM2"),
        (lambda heap, drawn: heap.malloc(1 << 20), "HM2"),
    ],
    ids=["pages", "objects", "bytes", "late"],
)
def test_a_map_that_is_not_of_this_heap_is_found_out(
    heap: HeapUnderTest, spoil: Callable[[HeapUnderTest, Drawn], object], tag: str
) -> None:
    heap.rooted(1000, NONE)
    drawn = flushed(heap)
    heap.call(heap_map.check_heap_map, heap.state, drawn.map)
    spoil(heap, drawn)
    with pytest.raises(Failure, match=tag):
        heap.call(heap_map.check_heap_map, heap.state, drawn.map)


def test_a_span_on_free_pages_of_another_is_found_out(heap: HeapUnderTest) -> None:
    span = heap.span_of(heap.rooted(PAGE_SIZE * 5))
    span.npages += 512
    with pytest.raises(Failure, match="HM1"):
        flushed(heap)
    span.npages -= 512
