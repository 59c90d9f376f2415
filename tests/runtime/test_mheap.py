"""Pages to spans and back, and growing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.first_touch import FIRST_REST
from runtime.layout import HEAP_ARENA_BYTES, PAGE_SIZE, PAGES_PER_ARENA
from runtime.mheap import ARENA_HINT, ARENA_HINT_STEP, alloc_span, free_span
from runtime.mspan import MSpan
from runtime.size_classes import CLASS_TO_NPAGES, CLASS_TO_SIZE, SPAN_CLASS_TO_NELEMS
from runtime.syspy import Failure, address, memset
from tests.runtime.heaps import HeapUnderTest

MB = 1 << 20


def span_of_pages(heap: HeapUnderTest, npages: int, span_class: int = 1) -> MSpan:
    """A new span; nil if the system refused. The test gives it back."""
    return MSpan.at(heap.call(alloc_span, heap.heap, heap.p, npages, span_class))


@pytest.mark.parametrize("span_class", [2, 3, 4, 5, 6, 7, 53, 54, 102, 103, 134, 135])
def test_a_new_span_is_what_its_class_says(heap: HeapUnderTest, span_class: int) -> None:
    size_class = span_class >> 1
    span = span_of_pages(heap, CLASS_TO_NPAGES[size_class], span_class)
    assert (span.elem_size, span.nelems) == (CLASS_TO_SIZE[size_class], SPAN_CLASS_TO_NELEMS[span_class])
    assert (span.alloc_count, span.free_index, span.state, span.need_zero) == (0, 0, 1, 0)
    assert span.sweep_gen == heap.heap.sweep_gen
    heap.call(free_span, heap.heap, heap.p, span)


def test_spans_are_given_out_in_address_order(heap: HeapUnderTest) -> None:
    spans = [span_of_pages(heap, npages) for npages in (1, 2, 3, 1)]
    starts = [span.start_addr for span in spans]
    assert starts == [starts[0] + PAGE_SIZE * before for before in (0, 1, 3, 6)]
    assert heap.heap.pages_in_use == 7
    for span in spans:
        heap.call(free_span, heap.heap, heap.p, span)
    assert heap.heap.pages_in_use == 0


def test_reused_pages_need_zeroing_and_fresh_ones_do_not(heap: HeapUnderTest) -> None:
    span = span_of_pages(heap, 20)
    start = span.start_addr
    assert span.need_zero == 0
    memset(start, 0xAA, 20 * PAGE_SIZE)
    heap.call(free_span, heap.heap, heap.p, span)
    again = span_of_pages(heap, 20)
    assert (again.start_addr, again.need_zero) == (start, 1)
    beyond = span_of_pages(heap, 20)
    assert beyond.need_zero == 0
    for one in (again, beyond):
        heap.call(free_span, heap.heap, heap.p, one)


def vm_flags(addr: int) -> list[str]:
    """What the kernel knows of the mapping at an address."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        bounds = re.match("([0-9a-f]+)-([0-9a-f]+) ", line)
        if bounds:
            inside = int(bounds[1], 16) <= addr < int(bounds[2], 16)
        elif inside and line.startswith("VmFlags:"):
            return line.split()[1:]
    return []


@pytest.mark.parametrize(("small_pages", "huge_ns"), [(False, 1500), (False, 1501), (True, 1500)])
def test_huge_pages_are_asked_for_beyond_the_first_8_mib(heap: HeapUnderTest, small_pages: bool, huge_ns: int) -> None:
    """If they are wanted, and known to cost at most half as much again as small ones."""
    heap.heap.small_pages = small_pages
    touch = heap.heap.first_touch
    touch.huge_ns, touch.small_ns = huge_ns, 1000
    spans = [span_of_pages(heap, 4 * MB // PAGE_SIZE) for _ in range(3)]
    is_asked = not small_pages and huge_ns == 1500
    assert [("hg" in vm_flags(span.start_addr)) for span in spans] == [False, False, is_asked]
    for span in spans:
        heap.call(free_span, heap.heap, heap.p, span)


def grown(heap: HeapUnderTest, times: int) -> list[MSpan]:
    """Spans of 4 MiB, on pages that were never used."""
    return [span_of_pages(heap, 4 * MB // PAGE_SIZE) for _ in range(times)]


def test_what_pages_cost_is_measured_where_the_heap_grows(heap: HeapUnderTest) -> None:
    touch = heap.heap.first_touch
    touch.rest = 0
    spans = grown(heap, 2)
    assert (touch.huge_ns, touch.small_ns) == (0, 0)
    spans += grown(heap, 1)
    assert min(touch.huge_ns, touch.small_ns) > 0
    assert spans[-1].need_zero == 0
    give_back(heap, spans)


@pytest.mark.parametrize(("small_ns", "is_asked"), [(10**14, False), (10**15, True)])
def test_ft1_the_last_huge_pages_count_for_a_half(heap: HeapUnderTest, small_ns: int, is_asked: bool) -> None:
    """Half of what was known before is more than they ever take here, and more or less than small ones do."""
    spans = grown(heap, 2)
    touch = heap.heap.first_touch
    touch.huge_ns, touch.small_ns, touch.rest = 10**15, small_ns, 0
    spans += grown(heap, 1)
    assert 10**15 // 2 <= touch.huge_ns < 10**15
    if is_asked:
        assert touch.small_ns == small_ns  # all pages were to be huge: none was measured
    else:
        assert touch.small_ns < small_ns  # the least counts
    assert ("hg" in vm_flags(spans[-1].start_addr + 2 * MB)) == is_asked
    give_back(heap, spans)


def test_ft2_the_more_often_they_were_dear_the_rarer_they_are_measured(heap: HeapUnderTest) -> None:
    spans = grown(heap, 2)
    touch = heap.heap.first_touch
    touch.rest = 0
    measured = []
    for number in range(4 * FIRST_REST):
        touch.huge_ns, touch.small_ns = 10**15, 1
        spans += grown(heap, 1)
        if touch.huge_ns != 10**15:
            measured.append(number)
    assert measured == [0, FIRST_REST + 1, 3 * FIRST_REST + 2]
    give_back(heap, spans)


def give_back(heap: HeapUnderTest, spans: list[MSpan]) -> None:
    for span in spans:
        heap.call(free_span, heap.heap, heap.p, span)


def test_a_heap_goes_on_without_huge_pages(heap: HeapUnderTest) -> None:
    """A kernel that refuses the wish does no harm: nothing is counted, nothing is lost."""
    memory = heap.heap.memory
    spans = [span_of_pages(heap, 4 * MB // PAGE_SIZE) for _ in range(2)]
    memory.refuse_at = memory.requests + 2  # the first maps the pages
    spans.append(span_of_pages(heap, 4 * MB // PAGE_SIZE))
    assert memory.requests >= memory.refuse_at
    assert address(spans[2]) != 0
    for span in spans:
        heap.call(free_span, heap.heap, heap.p, span)


def test_reused_pages_of_a_second_arena_need_zeroing(heap: HeapUnderTest) -> None:
    span = span_of_pages(heap, PAGES_PER_ARENA + 100)
    heap.call(free_span, heap.heap, heap.p, span)
    first, second = span_of_pages(heap, PAGES_PER_ARENA), span_of_pages(heap, 100)
    assert second.start_addr == first.start_addr + HEAP_ARENA_BYTES
    assert (first.need_zero, second.need_zero) == (1, 1)
    for one in (first, second):
        heap.call(free_span, heap.heap, heap.p, one)


def test_a_heap_grows_by_4_mib_and_counts_it_released(heap: HeapUnderTest) -> None:
    memory = heap.heap.memory
    span = span_of_pages(heap, 1)
    assert (memory.heap_in_use.bytes, memory.heap_free.bytes) == (PAGE_SIZE, 0)
    assert memory.heap_released.bytes == 4 * MB - PAGE_SIZE
    heap.call(free_span, heap.heap, heap.p, span)
    assert (memory.heap_in_use.bytes, memory.heap_free.bytes) == (0, PAGE_SIZE)
    large = span_of_pages(heap, 600)
    assert memory.heap_in_use.bytes == 600 * PAGE_SIZE
    heap.call(free_span, heap.heap, heap.p, large)


def test_arenas_follow_each_other(heap: HeapUnderTest) -> None:
    spans = [span_of_pages(heap, 5000) for _ in range(4)]
    base = heap.heap.arenas.lowest
    assert base % HEAP_ARENA_BYTES == 0
    assert heap.heap.arenas.extent == heap.heap.arenas.count * HEAP_ARENA_BYTES == 3 * HEAP_ARENA_BYTES
    assert [span.start_addr for span in spans] == [base + 5000 * PAGE_SIZE * i for i in range(4)]
    for span in spans:
        heap.call(free_span, heap.heap, heap.p, span)


def test_a_span_larger_than_an_arena(heap: HeapUnderTest) -> None:
    addr = heap.malloc(3 * HEAP_ARENA_BYTES + 1, zero=False)
    span = heap.span_of(addr + 3 * HEAP_ARENA_BYTES)
    assert span.start_addr == addr
    assert heap.span_of(addr + HEAP_ARENA_BYTES + 17) == span
    heap.gc()
    assert heap.heap.pages_in_use == 0


def test_heaps_side_by_side_ask_at_places_of_their_own(new_heap: Callable[..., HeapUnderTest]) -> None:
    heaps = [new_heap() for _ in range(3)]
    bases = []
    for heap in heaps:
        heap.rooted(16)
        bases.append(heap.heap.arenas.lowest)
    assert len(set(bases)) == 3
    assert all((base - ARENA_HINT) % ARENA_HINT_STEP < 64 * HEAP_ARENA_BYTES for base in bases)


def test_with_every_hint_taken_the_system_chooses(heap: HeapUnderTest) -> None:
    heap.heap.hint = 64
    heap.rooted(100_000)
    assert heap.heap.arenas.lowest % HEAP_ARENA_BYTES == 0


def test_what_is_left_of_an_arena_is_used_before_a_new_one_elsewhere(heap: HeapUnderTest) -> None:
    first = span_of_pages(heap, 1)
    old = heap.heap.arenas.lowest
    heap.heap.hint = 64
    elsewhere = span_of_pages(heap, 8192)
    assert elsewhere.start_addr - old not in range(HEAP_ARENA_BYTES)
    inside = span_of_pages(heap, 8000)
    assert inside.start_addr - old in range(HEAP_ARENA_BYTES)
    for span in (first, elsewhere, inside):
        heap.call(free_span, heap.heap, heap.p, span)


@pytest.mark.full_on_python
@pytest.mark.parametrize("npages", [1, 600, 9000])
def test_each_refused_request_leaves_a_heap_that_works(new_heap: Callable[..., HeapUnderTest], npages: int) -> None:
    refused = 0
    for nth in range(1, 30):
        heap = new_heap()
        memory = heap.heap.memory
        memory.refuse_at = memory.requests + nth
        span = span_of_pages(heap, npages, 3 if npages == 1 else 1)
        if address(span) == 0:
            refused += 1
            heap.check()
            span = span_of_pages(heap, npages, 3 if npages == 1 else 1)
        asked = memory.requests >= memory.refuse_at
        assert address(span) != 0
        heap.call(free_span, heap.heap, heap.p, span)
        heap.check()
        if not asked:
            break
    assert 5 <= refused < 29


def test_a_span_with_objects_is_not_freed(heap: HeapUnderTest) -> None:
    span = heap.span_of(heap.malloc(1 << 20))
    with pytest.raises(Failure, match="free_span: not an empty, swept span in use"):
        heap.call(free_span, heap.heap, heap.p, span)
