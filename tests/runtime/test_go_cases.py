"""What Go's tests of malloc, of the statistics and of the collector say, on this runtime: malloc_test, gc_test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.heap import PAUSES
from runtime.heap_bits import read_pointer_bits
from runtime.layout import HEAP_ARENA_BYTES, PAGE_SIZE
from runtime.memstats import MemStats
from runtime.mheap import ARENA_HINT, ARENA_HINT_STEP, ARENA_HINTS
from runtime.os_memory import MemoryStats, sys_reserve, sys_unreserve
from runtime.syspy import Failure, load, store, u8, u64
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, make_type
from tests.runtime.recount import check_pages, count_pages, mallocs_by_size, read_stats, recounted_stats
from tests.runtime.tables import go_table, section

KINDS = [(1, NONE), (8, WORD), (16, NODE), (100, NONE), (600, WORD), (20_000, NONE), (40_000, NONE), (90_000, WORD)]


def busy(heap: HeapUnderTest, rounds: int = 100) -> None:
    """Objects of all kinds, of which a few are kept; a forced collection; and some more."""
    for i in range(rounds):
        for size, typ in KINDS:
            addr = heap.malloc(size, typ)
            if i % 20 == 0:
                heap.root(addr)
    heap.gc()
    for size, typ in KINDS:
        heap.malloc(size, typ)


# --- malloc_test -----------------------------------------------------------------------------------------------------


def test_mem_stats_are_in_their_ranges(heap: HeapUnderTest) -> None:
    busy(heap)
    m = read_stats(heap)
    for name, bounds in section("malloc", "mem_stats").items():
        value = getattr(m, name)
        assert bounds.get("min", 0) <= value <= bounds.get("max", 1 << 64), name
        assert value == bounds.get("is", value), name


def check_identities(m: MemStats) -> None:
    """What holds between the fields at any time."""
    for name, parts in section("malloc", "sums").items():
        assert getattr(m, name) == sum(getattr(m, part) for part in parts), name
    for low, high in go_table("malloc")["at_most"]["pairs"]:
        assert getattr(m, low) <= getattr(m, high), (low, high)
    assert m.last_gc == m.pause_end[(m.num_gc + PAUSES - 1) % PAUSES]
    pauses = sum(m.pause_ns[i] for i in range(PAUSES))
    assert m.pause_total_ns == pauses if m.num_gc < PAUSES else m.pause_total_ns >= pauses
    for i in range(m.num_gc, PAUSES):
        assert (m.pause_ns[i], m.pause_end[i]) == (0, 0)


def test_the_identities_hold_at_any_time(heap: HeapUnderTest) -> None:
    check_identities(read_stats(heap))
    for rounds in (1, 20, 40):
        busy(heap, rounds)
        check_identities(read_stats(heap))
        heap.collect()
        check_identities(read_stats(heap))
    heap.unroot()
    for _ in range(PAUSES):
        heap.collect()
    check_identities(read_stats(heap))


def test_tiny_objects_share_words(heap: HeapUnderTest) -> None:
    case = section("malloc", "tiny")["TinyAlloc"]
    chunks = {heap.malloc(case["size"]) // case["chunk"] for _ in range(case["count"])}
    assert len(chunks) < case["count"]


def test_a_word_in_an_object_is_aligned_whatever_tiny_ones_came_before(heap: HeapUnderTest) -> None:
    case = section("malloc", "tiny")["TinyAllocIssue37262"]
    heap.gc()
    while heap.malloc(1) % 16 != 15:
        pass
    for size in case["sizes"]:
        addr = heap.malloc(size)
    assert addr % case["align"] == 0


def test_tiny_objects_are_counted(heap: HeapUnderTest) -> None:
    case = section("malloc", "tiny")["counts"]
    for _ in range(case["count"]):
        heap.malloc(case["size"])
    m = read_stats(heap)
    names = ("mallocs", "frees", "total_alloc", "heap_objects")
    assert {name: getattr(m, name) for name in names} == {name: case[name] for name in names}
    assert m.by_size[2].mallocs == case["slots"]


def test_the_collector_looks_at_the_pointers_of_a_slice_only(heap: HeapUnderTest) -> None:
    for length, scanned in section("malloc", "ScanAllocIssue77573").items():
        addr = heap.malloc(8 * int(length), WORD)
        words = heap.call(read_pointer_bits, addr, int(length)) if int(length) > 1 else 1
        assert 8 * words.bit_count() == scanned
        assert heap.span_of(addr).span_class & 1 == 0


@pytest.mark.full_on_python
def test_places_that_are_taken_are_passed_by(heap: HeapUnderTest) -> None:
    case = go_table("malloc")["ArenaCollision"]
    heap.heap.hint = ARENA_HINTS - case["left"]
    others, taken = MemoryStats(), []
    try:
        for _ in range(case["taken"]):
            # Somebody takes the place where the heap would go on; it is full up to there soon.
            place = heap.heap.arena_end or ARENA_HINT + heap.heap.hint * ARENA_HINT_STEP
            taken.append(sys_reserve(others, place, HEAP_ARENA_BYTES))
            arenas = heap.heap.arenas.count
            while heap.heap.arenas.count <= arenas:
                addr = heap.rooted(16 * case["block"])
                assert not any(start - 16 * case["block"] < addr < start + HEAP_ARENA_BYTES for start in taken)
        assert heap.heap.hint == ARENA_HINTS
        heap.check()
        check_pages(heap)
    finally:
        for start in taken:
            sys_unreserve(others, start, HEAP_ARENA_BYTES)


def test_no_page_is_lost_in_a_page_cache(heap: HeapUnderTest) -> None:
    case = go_table("malloc")["PageCacheLeak"]
    for _ in range(4):
        busy(heap, 20)
        assert count_pages(heap).lost == case["pages"]
        check_pages(heap)
        heap.unroot()


# --- gc_test ---------------------------------------------------------------------------------------------------------


def test_pages_in_use_are_counted_while_the_heap_grows_in_small_steps(heap: HeapUnderTest) -> None:
    case = go_table("gc")["PageAccounting"]
    for _ in range(case["blocks"]):
        heap.rooted(case["block_bytes"])
    assert heap.heap.pages_in_use == sum(span.npages for span in heap.spans()) == case["pages"]
    check_pages(heap)


def test_statistics_are_what_a_walk_over_the_heap_counts(heap: HeapUnderTest) -> None:
    for rounds in (1, 30, 60):
        busy(heap, rounds)
        m, slow = read_stats(heap), recounted_stats(heap)
        assert set(go_table("gc")["ReadMemStats"]["fields"]) <= set(slow)
        assert {name: getattr(m, name) for name in slow} == slow
        assert [m.by_size[c].mallocs for c in range(61)] == mallocs_by_size(heap)
        heap.collect()  # not swept: what is not reached counts as freed when it is
        m, slow = read_stats(heap), recounted_stats(heap)
        assert {name: getattr(m, name) for name in slow} == slow
        heap.unroot()


@pytest.mark.parametrize("by_need", [False, True])
def test_a_pointer_to_a_free_slot_is_a_zombie(heap: HeapUnderTest, by_need: bool) -> None:
    case = go_table("gc")["GcZombieReporting"]
    addrs = [heap.malloc(case["object_bytes"]) for _ in range(10)]
    heap.root(addrs[5])
    heap.gc()
    heap.malloc(case["object_bytes"])
    read_stats(heap)  # the span goes back to its mcentral
    heap.root(addrs[7])
    heap.is_broken = True
    heap.collect()
    sweeping = (lambda: heap.malloc(case["object_bytes"])) if by_need else heap.gc
    with pytest.raises(Failure, match=case["message"]):
        sweeping()


def test_exactly_what_is_held_is_reachable(heap: HeapUnderTest) -> None:
    case = go_table("gc")["GCTestIsReachable"]
    addrs = [heap.malloc(8, WORD) for _ in range(case["objects"])]
    heap.root(*addrs[:: case["every"]])
    heap.gc()
    live = heap.objects()
    assert sum(1 << i for i, addr in enumerate(addrs) if addr in live) == case["reachable"]


def test_a_forced_collection_with_gogc_off(new_heap: Callable[..., HeapUnderTest]) -> None:
    case = go_table("gc")["UserForcedGC"]
    heap = new_heap(gogc=case["gogc"])
    heap.malloc(1 << 23)
    assert read_stats(heap).num_gc == 0
    heap.gc()
    m = read_stats(heap)
    assert (m.num_gc, m.num_forced_gc) == (case["num_gc"], case["num_forced_gc"])


def test_pointers_into_objects_keep_them(heap: HeapUnderTest) -> None:
    case = go_table("gc")["GcArraySlice"]
    typ = make_type(case["size"], case["pointers"])
    heap.root(0)
    for _ in range(case["rounds"]):
        head, node = load(u64, heap.g.shadow_base), heap.malloc(case["size"], typ)
        store(u8, node, case["value"])
        for offset in case["pointers"]:
            store(u64, node + offset, head)
        store(u64, heap.g.shadow_base, node)
        heap.gc()
    at, values = load(u64, heap.g.shadow_base), []
    while at:
        values.append(load(u8, at))
        at = load(u64, at + case["pointers"][-1])
    assert values == [case["value"]] * case["rounds"]


def test_one_pointer_in_a_large_array(heap: HeapUnderTest) -> None:
    case = go_table("gc")["GcDeepNesting"]
    array = heap.rooted(8 * case["words"], WORD)
    for word in (0, case["words"] // 2, case["words"] - 1):
        store(u64, array + 8 * word, heap.malloc(8, make_type(8, [])))
        store(u64, load(u64, array + 8 * word), case["value"])
        heap.gc()
        assert load(u64, load(u64, array + 8 * word)) == case["value"]
    assert heap.heap.pages_in_use * PAGE_SIZE >= 8 * case["words"]
