"""Finalizers and cleanups: when a call becomes ready, what lives until then, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from runtime.finalizers import (
    IMMORTAL,
    IMMORTAL_CLEANUP,
    NO_CLEANUP,
    NO_OBJECT,
    NOT_AT_START,
    add_cleanup,
    closes_over,
    keeps_alive,
    remove_finalizer,
    set_finalizer,
    stop_cleanup,
    take_ready,
)
from runtime.layout import PERSISTENT_CHUNK
from runtime.mcache import close_runs
from runtime.mem_sample import set_mem_profile_rate
from runtime.metrics import Samples, metric_values, read_samples
from runtime.roots import add_globals
from runtime.specials import ADDED, ALREADY_SET, CLEANUP, FINALIZER, RootSpecial
from runtime.syspy import Failure, address, array_at, load, store, u8, u64
from runtime.types import Type
from runtime.weak import weak_make, weak_value
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, make_type, own_bytes

pytestmark = pytest.mark.full_on_python

KINDS = [
    pytest.param(4, NONE, id="tiny"),
    pytest.param(48, NONE, id="noscan"),
    pytest.param(8, WORD, id="word"),
    pytest.param(16, NODE, id="node"),
    pytest.param(512, WORD, id="bitmap"),
    pytest.param(4000, WORD, id="header"),
    pytest.param(100_000, NODE, id="large"),
    pytest.param(100_000, NONE, id="large noscan"),
]
FN = 17  # a number means a function here


def finalize(heap: HeapUnderTest, addr: int, fn: int = FN, is_tiny: bool = False) -> int:
    outcome: int = heap.call(set_finalizer, heap.g, addr, fn, is_tiny)
    return outcome


def clean_up(heap: HeapUnderTest, addr: int, arg: int = 0, fn: int = FN) -> int:
    number: int = heap.call(add_cleanup, heap.g, addr, fn, arg)
    return number


def ready(heap: HeapUnderTest) -> list[tuple[int, int, int]]:
    """All calls that are ready, taken."""
    found = []
    while (call := heap.call(take_ready, heap.g))[0]:
        found.append(call)
    return found


def collected(heap: HeapUnderTest) -> list[tuple[int, int, int]]:
    """What a collection makes ready."""
    heap.gc()
    heap.check()
    return ready(heap)


# --- Finalizers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "typ"), KINDS)
def test_an_object_is_finalized_once_and_freed_by_the_next_collection(
    new_heap: Callable[..., HeapUnderTest], size: int, typ: Type
) -> None:
    heap = new_heap(debug="gccheckmark=1,heapcheck=1,clobberfree=1")
    addr = heap.malloc(size, typ)
    assert finalize(heap, addr) == ADDED
    heap.root(addr)
    assert collected(heap) == []
    heap.unroot()
    last = addr + size - 4 if typ is NONE else addr
    store(u8, last, 0)
    heap.gc()
    assert len(heap.objects()) == 1
    assert ready(heap) == [(FINALIZER, FN, addr)]
    assert collected(heap) == []
    assert heap.objects() == set()
    heap.recount()


def test_all_that_it_leads_to_lives_until_it_is_freed(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gccheckmark=1,clobberfree=1")
    nodes = heap.list_of(40)
    finalize(heap, nodes[0])
    heap.unroot()
    heap.gc()
    assert heap.objects() == set(nodes)
    assert ready(heap) == [(FINALIZER, FN, nodes[0])]
    assert [load(u64, node) for node in nodes] == [*nodes[1:], 0]
    heap.gc()
    assert heap.objects() == set()


def test_a_call_that_is_ready_keeps_its_object(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gccheckmark=1,clobberfree=1")
    nodes = heap.list_of(3)
    finalize(heap, nodes[0])
    heap.unroot()
    for _ in range(3):
        heap.gc()
        heap.check()
        assert heap.objects() == set(nodes)
    assert ready(heap) == [(FINALIZER, FN, nodes[0])]


def test_who_leads_to_another_is_finalized_first(heap: HeapUnderTest) -> None:
    nodes = heap.list_of(4)
    for node in nodes:
        finalize(heap, node)
    heap.unroot()
    order = [collected(heap) for _ in range(5)]
    assert order == [*([(FINALIZER, FN, node)] for node in nodes), []]
    assert heap.objects() == set()


def test_a_ring_is_never_finalized(heap: HeapUnderTest) -> None:
    nodes = heap.list_of(3)
    store(u64, nodes[2], nodes[0])
    finalize(heap, nodes[1])
    heap.unroot()
    for _ in range(3):
        assert collected(heap) == []
    assert heap.objects() == set(nodes)
    heap.call(remove_finalizer, heap.g, nodes[1])
    heap.gc()
    assert heap.objects() == set()


def test_a_large_object_leads_to_what_is_far_behind_its_start(heap: HeapUnderTest) -> None:
    room = make_type(16, [8])
    addr = heap.malloc(400_000, room)
    heap.root(addr)
    ends = []
    for offset in (8, 200_008, 399_992):
        ends.append(heap.malloc(64))
        store(u64, addr + offset, ends[-1])
    finalize(heap, addr)
    heap.unroot()
    heap.gc()
    assert heap.objects() == {addr, *ends}


def test_all_it_leads_to_is_marked_though_the_queue_of_the_marker_overflows(heap: HeapUnderTest) -> None:
    owner = heap.rooted(8 * 1000, WORD)
    for i in range(1000):
        leaf = heap.malloc(8, WORD)
        store(u64, owner + 8 * i, leaf)
        store(u64, leaf, heap.malloc(24))
    finalize(heap, owner)
    heap.unroot()
    heap.root(*[heap.malloc(16, NODE) for _ in range(64)])  # the queue is at its brim
    expected = heap.objects()
    queue, memory = heap.state.marker.queue, heap.heap.memory
    queue.brim = queue.base + 64 * 8  # it is full early; what room there is more, one step may need
    memory.refuse_at, memory.refuse_more = memory.requests + 1, 1000
    heap.gc()
    assert memory.requests > memory.refuse_at, "it did overflow"
    memory.refuse_at = 0
    assert heap.objects() == expected
    assert ready(heap) == [(FINALIZER, FN, owner)]


def test_it_can_be_set_again_when_it_was_called(heap: HeapUnderTest) -> None:
    addr = heap.malloc(64)
    for fn in (5, 6, 7):
        assert finalize(heap, addr, fn) == ADDED
        assert collected(heap) == [(FINALIZER, fn, addr)]
    assert collected(heap) == []
    assert heap.objects() == set()


def test_a_second_one_is_refused_until_the_first_is_removed(heap: HeapUnderTest) -> None:
    addr = heap.malloc(64)
    assert [finalize(heap, addr, 3), finalize(heap, addr, 4)] == [ADDED, ALREADY_SET]
    assert heap.call(remove_finalizer, heap.g, addr) == 3
    heap.check()
    assert heap.call(remove_finalizer, heap.g, addr) == 0
    assert finalize(heap, addr, 5) == ADDED
    assert collected(heap) == [(FINALIZER, 5, addr)]


@pytest.mark.parametrize(("size", "typ"), KINDS[1:])
def test_it_is_set_at_the_first_byte_of_an_object(heap: HeapUnderTest, size: int, typ: Type) -> None:
    addr = heap.rooted(size, typ)
    assert finalize(heap, addr + 1) == NOT_AT_START
    assert finalize(heap, addr + size - 1) == NOT_AT_START
    assert heap.call(remove_finalizer, heap.g, addr) == 0


def test_what_is_no_object_has_none(heap: HeapUnderTest) -> None:
    kept, lost = heap.rooted(64), heap.malloc(64)
    heap.collect()
    for addr in (0, 8, lost, kept + 64, 1 << 47, (1 << 64) - 1):
        assert finalize(heap, addr) == NO_OBJECT
        assert clean_up(heap, addr) == NO_CLEANUP
        assert heap.call(remove_finalizer, heap.g, addr) == 0
        assert heap.call(stop_cleanup, heap.g, addr, 1) == 0


def test_globals_and_what_has_no_bytes_never_die(heap: HeapUnderTest) -> None:
    words, mask = own_bytes(64), own_bytes(1)
    heap.call(add_globals, heap.state.roots, heap.heap.persistent, address(words), 64, array_at(u8, address(mask)))
    for addr in (address(words), address(words) + 63, heap.malloc(0)):
        assert finalize(heap, addr) == IMMORTAL
        assert clean_up(heap, addr) == IMMORTAL_CLEANUP
        assert heap.call(stop_cleanup, heap.g, addr, IMMORTAL_CLEANUP) == 0
    assert finalize(heap, address(words) + 64) == NO_OBJECT


def test_all_of_a_tiny_block_are_finalized_when_all_are_dead(heap: HeapUnderTest) -> None:
    heap.call(close_runs, heap.m_cache)
    first, second, third = heap.malloc(4), heap.malloc(4), heap.malloc(4)
    assert third == first + 8, "they lie in one block"
    assert finalize(heap, second) == NOT_AT_START
    assert finalize(heap, second, 2, is_tiny=True) == ADDED
    assert finalize(heap, first, 1, is_tiny=True) == ADDED
    heap.root(third)
    assert collected(heap) == []
    heap.unroot()
    assert collected(heap) == [(FINALIZER, 2, second), (FINALIZER, 1, first)]
    assert collected(heap) == []
    assert heap.objects() == set()


def test_a_function_that_is_an_object_lives_as_long_as_it_may_be_called(
    new_heap: Callable[..., HeapUnderTest],
) -> None:
    heap = new_heap(debug="gccheckmark=1")
    addr, closure, variable = heap.malloc(64), heap.malloc(16, NODE), heap.malloc(24)
    store(u64, closure + 8, variable)
    finalize(heap, addr, closure)
    heap.root(addr)
    heap.gc()
    assert heap.objects() == {addr, closure, variable}
    heap.unroot()
    heap.gc()
    heap.gc()
    assert heap.objects() == {addr, closure, variable}, "the call waits"
    assert ready(heap) == [(FINALIZER, closure, addr)]
    heap.gc()
    assert heap.objects() == set()


def test_weak_pointers_are_nil_before_it_is_called_and_stay_so(heap: HeapUnderTest) -> None:
    addr = heap.malloc(64)
    handle = heap.call(weak_make, heap.g, addr)
    heap.root(handle)
    finalize(heap, addr)
    heap.collect()
    assert heap.call(weak_value, heap.g, handle) == 0
    assert ready(heap) == [(FINALIZER, FN, addr)]
    heap.root(addr)
    heap.gc()
    assert heap.call(weak_value, heap.g, handle) == 0
    again = heap.call(weak_make, heap.g, addr)
    assert again != handle
    assert heap.call(weak_value, heap.g, again) == addr


def test_the_system_refuses_memory_for_it(heap: HeapUnderTest) -> None:
    addr = heap.rooted(64)
    memory = heap.heap.memory
    # Cells are cut from a chunk that is there already: it is used up first.
    heap.heap.persistent.offset = PERSISTENT_CHUNK
    for make in (finalize, clean_up):
        memory.refuse_at = memory.requests + 1
        with pytest.raises(Failure, match="out of memory"):
            make(heap, addr)
        heap.check()
    assert finalize(heap, addr) == ADDED


# --- Cleanups --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "typ"), KINDS)
@pytest.mark.parametrize("inner", [False, True])
def test_a_cleanup_is_called_when_its_object_is_freed(heap: HeapUnderTest, size: int, typ: Type, inner: bool) -> None:
    addr, arg = heap.rooted(size, typ), heap.rooted(32)
    clean_up(heap, addr + inner * 3, arg)
    assert collected(heap) == []
    heap.unroot()
    heap.gc()
    assert heap.objects() == {arg}, "the call that is ready keeps its argument, not the object"
    assert ready(heap) == [(CLEANUP, FN, arg)]
    assert collected(heap) == []
    assert heap.objects() == set()


def test_an_object_has_several_and_each_can_be_stopped(heap: HeapUnderTest) -> None:
    addr = heap.rooted(64)
    numbers = [clean_up(heap, addr + offset, fn=fn) for fn, offset in ((1, 0), (2, 0), (3, 0), (4, 8))]
    assert len(set(numbers)) == 4
    assert heap.call(stop_cleanup, heap.g, addr, numbers[1]) == 2
    assert heap.call(stop_cleanup, heap.g, addr, numbers[1]) == 0
    assert heap.call(stop_cleanup, heap.g, addr, numbers[3]) == 0, "it is of another address"
    heap.check()
    heap.unroot()
    heap.gc()
    assert heap.call(stop_cleanup, heap.g, addr, numbers[0]) == 0, "it is ready: too late"
    assert sorted(ready(heap)) == [(CLEANUP, 1, 0), (CLEANUP, 3, 0), (CLEANUP, 4, 0)]


def test_cleanups_come_after_the_finalizer(heap: HeapUnderTest) -> None:
    addr = heap.malloc(64)
    clean_up(heap, addr, fn=1)
    clean_up(heap, addr + 8, fn=2)
    finalize(heap, addr, 3)
    assert collected(heap) == [(FINALIZER, 3, addr)]
    assert sorted(collected(heap)) == [(CLEANUP, 1, 0), (CLEANUP, 2, 0)]
    assert heap.objects() == set()


def test_an_argument_that_leads_to_the_object_keeps_it(heap: HeapUnderTest) -> None:
    addr, arg = heap.malloc(64), heap.malloc(16, NODE)
    store(u64, arg, addr)
    number = clean_up(heap, addr, arg)
    for _ in range(2):
        assert collected(heap) == []
    assert heap.call(stop_cleanup, heap.g, addr, number) == FN
    heap.gc()
    assert heap.objects() == set()


def test_which_arguments_keep_their_object_is_seen_at_once(heap: HeapUnderTest) -> None:
    addr, other = heap.rooted(64), heap.rooted(64)
    for p, q, expected in [
        (addr, addr, True),
        (addr, addr + 63, True),
        (addr + 32, addr, True),
        (addr, other, False),
        (addr, 0, False),
        (0, addr, False),
    ]:
        assert heap.call(keeps_alive, heap.g, p, q) is expected
    tiny = heap.rooted(4)
    assert heap.call(keeps_alive, heap.g, tiny, tiny + 4) is False


@pytest.mark.parametrize("size", [16, 512, 1024, 100_000])
def test_which_closures_keep_an_object_is_seen_at_once(heap: HeapUnderTest, size: int) -> None:
    addr, other, closure = heap.rooted(64), heap.rooted(64), heap.rooted(size, NODE)
    last = closure + size - 8
    for held, expected in [(0, False), (other, False), (addr, True), (addr + 63, True), (addr + 64, False)]:
        store(u64, last, held)
        assert heap.call(closes_over, heap.g, closure, addr) is expected
    store(u64, last, 0)
    assert heap.call(closes_over, heap.g, 0, addr) is False
    assert heap.call(closes_over, heap.g, closure, 0) is False


# --- Counting and checking -------------------------------------------------------------------------------------------


def test_a_sample_of_the_profile_is_freed_with_the_object(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap()
    heap.call(set_mem_profile_rate, heap.state, 1)
    specials = heap.heap.specials
    addr = heap.malloc(64)
    finalize(heap, addr)
    assert collected(heap) == [(FINALIZER, FN, addr)]
    assert specials.cells.in_use != 0
    heap.gc()
    assert specials.cells.in_use == specials.root_cells.in_use == 0


def test_calls_are_counted(heap: HeapUnderTest) -> None:
    for _ in range(3):
        finalize(heap, heap.malloc(64))
        clean_up(heap, heap.malloc(64))
        clean_up(heap, heap.malloc(64))
    heap.gc()
    specials = heap.heap.specials
    assert (specials.finalizers_queued, specials.cleanups_queued) == (3, 6)
    for number in range(9):
        assert specials.finalizers_taken + specials.cleanups_taken == number
        heap.call(take_ready, heap.g)
        heap.check()
    assert (specials.finalizers_taken, specials.cleanups_taken) == (3, 6)


def test_the_counts_are_metrics(heap: HeapUnderTest) -> None:
    for _ in range(3):
        finalize(heap, heap.malloc(64))
    clean_up(heap, heap.malloc(64))
    heap.gc()
    heap.call(take_ready, heap.g)
    samples = Samples()
    heap.call(read_samples, heap.g, samples)
    found = metric_values(samples)
    names = ("finalizers/queued:finalizers", "finalizers/executed:finalizers")
    assert [found[f"/gc/{name}"] for name in names] == [3, 1]
    assert [found[f"/gc/cleanups/{name}:cleanups"] for name in ("queued", "executed")] == [1, 0]


def test_the_checker_sees_a_queue_that_lost_a_call(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    finalize(heap, heap.malloc(64))
    heap.gc()
    heap.heap.specials.ready = RootSpecial.at(0)
    with pytest.raises(Failure, match="SP6: the queue is not what was queued and not taken"):
        heap.check()


def test_the_checker_sees_what_a_finalizer_needs_and_was_not_marked(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gccheckmark=1")
    heap.is_broken = True
    finalize(heap, heap.list_of(2)[0])
    heap.unroot()
    heap.heap.specials.roots = RootSpecial.at(0)
    with pytest.raises(Failure, match="MK2: checkmark found unmarked object"):
        heap.gc()


@pytest.mark.parametrize(
    "debug", ["", pytest.param("gcstress=3,clobberfree=1,gccheckmark=1,heapcheck=1", marks=pytest.mark.full_on_python)]
)
def test_random_operations_against_a_model(new_heap: Callable[..., HeapUnderTest], seed: int, debug: str) -> None:
    """Objects in rooms, each with its number in its second half; what becomes ready, and when at the latest."""
    draw = random.Random(seed)
    heap = new_heap(debug=debug)
    rooms = 10
    heap.root(*[0] * rooms)
    objects: dict[int, int] = {}  # room: the object's number
    finalizers: set[int] = set()  # numbers of objects that have one
    cleanups: dict[int, list[int]] = {}  # the object's number: its cleanups' fns
    dead: dict[int, int] = {}  # number of an object: collections since nothing leads to it
    expected: set[tuple[int, int]] = set()  # of dead objects: kind and fn
    seen: set[tuple[int, int]] = set()
    for number in range(1, 120):
        room = draw.randrange(rooms)
        at = heap.g.shadow_base + 8 * room
        match draw.randrange(6):
            case 0 | 1:
                if room in objects:
                    dead[objects[room]] = 0
                size, typ = draw.choice([(16, NODE), (24, NONE), (600, WORD), (40_000, NONE)])
                store(u64, at, heap.malloc(size, typ))
                objects[room] = number
            case 2 if room in objects and objects[room] not in finalizers:
                assert finalize(heap, load(u64, at), objects[room]) == ADDED
                finalizers.add(objects[room])
            case 3 if room in objects:
                clean_up(heap, load(u64, at) + draw.randrange(16), fn=number)
                cleanups.setdefault(objects[room], []).append(number)
            case 4 if room in objects:
                store(u64, at, 0)
                dead[objects.pop(room)] = 0
            case _:
                heap.gc()
        for kind, fn, _ in ready(heap):
            assert (kind, fn) not in seen, "once only"
            seen.add((kind, fn))
    for room in range(rooms):
        store(u64, heap.g.shadow_base + 8 * room, 0)
    dead.update(dict.fromkeys(objects.values(), 0))
    for _ in range(2):
        heap.gc()
        seen.update((kind, fn) for kind, fn, _ in ready(heap))
    expected = {(FINALIZER, one) for one in finalizers}
    expected |= {(CLEANUP, fn) for fns in cleanups.values() for fn in fns}
    assert seen == expected
    assert heap.objects() == set()
