"""Marking in steps: what a program does between two of them loses nothing, and what is dead is found in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from runtime import heap as root
from runtime import world
from runtime.boundary import keep_both, put_pointer
from runtime.finalizers import set_finalizer
from runtime.gc_limiter import LIMITER_CAPACITY_NS
from runtime.incremental import STEP_BYTES
from runtime.memory_control import free_os_memory
from runtime.memstats import MemStats, read_mem_stats
from runtime.pacer import LEAST_ENTRIES, LEAST_LEFT, heap_to_end_at, step_entries
from runtime.proc import G
from runtime.roots import new_handle
from runtime.settings import set_gc_percent
from runtime.specials import ADDED
from runtime.sweeper import finish_sweep
from runtime.syspy import Failure, is_nil, load, store, u64
from runtime.types import Type
from runtime.weak import weak_make, weak_value
from runtime.write_barrier import keep_all
from tests.runtime import workers
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, make_type

pytestmark = pytest.mark.full_on_python

STEPS = "gcstoptheworld=0,gcstress=1000000000,gccheckmark=1,heapcheck=1,clobberfree=1"  # two entries in each step
KINDS = [
    pytest.param(16, NODE, id="node"),
    pytest.param(8, WORD, id="word"),
    pytest.param(512, WORD, id="bitmap"),
    pytest.param(4000, WORD, id="header"),
    pytest.param(100_000, WORD, id="large"),
]
NewHeap = Callable[..., HeapUnderTest]


def put(heap: HeapUnderTest, at: int, value: int) -> None:
    """Store a pointer as a program with barriers does."""
    if value == 0:
        heap.call(keep_both, heap.g, load(u64, at), 0)
        store(u64, at, 0)
    else:
        assert heap.call(put_pointer, heap.g, at, value)


def is_marking(heap: HeapUnderTest) -> bool:
    return bool(heap.state.increments.is_marking)


def begin(heap: HeapUnderTest) -> None:
    """The first step, which marks what the roots lead to."""
    assert not is_marking(heap)
    heap.collect()
    assert is_marking(heap)
    assert all(g.is_marking == 1 for g in heap.gs)
    heap.check()


def step(heap: HeapUnderTest) -> bool:
    """One more step. Whether there is another one to come."""
    heap.collect()
    heap.check()
    heap.recount()
    return is_marking(heap)


def sweep(heap: HeapUnderTest) -> None:
    heap.call(finish_sweep, heap.heap, heap.p)


def slots(heap: HeapUnderTest, *addrs: int) -> set[int]:
    """The slots of objects, which begin 8 bytes before the larger ones with pointers."""
    return {addr - (addr - heap.span_of(addr).start_addr) % heap.span_of(addr).elem_size for addr in addrs}


def finish(heap: HeapUnderTest) -> int:
    """All the other steps; how many."""
    steps = 1
    while step(heap):
        steps += 1
    assert all(g.is_marking == 0 for g in heap.gs)
    return steps


def test_a_collection_in_steps_finds_what_is_dead(new_heap: NewHeap) -> None:
    heap = new_heap(debug=STEPS)
    nodes = heap.list_of(50)
    for _ in range(30):
        heap.malloc(16, NODE)
    begin(heap)
    assert finish(heap) > 20
    heap.call(free_os_memory, heap.g)
    assert heap.objects() == set(nodes)
    gc = heap.state.gc
    assert (gc.num_gc, gc.num_forced_gc) == (2, 1)
    assert gc.pause_count == heap.state.increments.steps + 2


def test_a_node_that_moves_behind_the_marker_is_kept(new_heap: NewHeap) -> None:
    """Its only pointer goes from an object that is not scanned yet to one that is, or into a local variable."""
    heap = new_heap(debug=STEPS)
    nodes = heap.list_of(50)
    store(u64, nodes[49] + 8, heap.malloc(16, NODE))
    hidden = load(u64, nodes[49] + 8)
    begin(heap)
    step(heap)
    step(heap)
    put(heap, nodes[0] + 8, hidden)
    put(heap, nodes[49] + 8, 0)
    local = load(u64, nodes[30])
    put(heap, nodes[30], 0)
    heap.root(local)
    finish(heap)
    heap.gc()
    assert heap.objects() == {*nodes, hidden}


def test_without_the_barrier_checkmark_misses_the_node(new_heap: NewHeap) -> None:
    heap = new_heap(debug=STEPS)
    heap.is_broken = True
    nodes = heap.list_of(50)
    begin(heap)
    step(heap)
    local = load(u64, nodes[30])
    store(u64, nodes[30], 0)
    heap.root(local)
    with pytest.raises(Failure, match="MK2: checkmark found unmarked object") as caught:
        finish(heap)
    assert caught.value.words[0] == nodes[31]


@pytest.mark.parametrize(("size", "typ"), KINDS)
def test_what_is_allocated_meanwhile_lives_through_the_collection(new_heap: NewHeap, size: int, typ: Type) -> None:
    """And what it leads to. Garbage among it is found by the next one."""
    heap = new_heap(debug=STEPS)
    nodes = heap.list_of(40)
    begin(heap)
    step(heap)
    made = heap.rooted(size, typ)
    put(heap, made, nodes[39])
    put(heap, nodes[38], 0)
    garbage = [heap.malloc(size, typ), heap.malloc(size), heap.malloc(3)]
    finish(heap)
    sweep(heap)
    assert heap.objects() >= slots(heap, *nodes, made, *garbage)
    heap.gc()
    assert heap.objects() == slots(heap, *nodes, made)


def test_slots_that_nobody_was_given_are_free_behind_it(new_heap: NewHeap) -> None:
    """A run is marked as a whole when it is opened."""
    heap = new_heap(debug="gcstoptheworld=0,gccheckmark=1,heapcheck=1")
    nodes = heap.list_of(3000)
    begin(heap)
    made = [heap.rooted(size, typ) for size in (16, 48, 1000) for typ in (NONE, WORD)]
    heap.check()
    heap.call(read_mem_stats, heap.g, MemStats())  # closes the runs in the middle
    heap.check()
    made += [heap.rooted(size, typ) for size in (16, 48, 1000) for typ in (NONE, WORD)]
    finish(heap)
    sweep(heap)
    assert heap.objects() == slots(heap, *nodes, *made)
    assert heap.state.gc.heap_marked == 16 * 3000 + 4 * (16 + 48 + 1024)


def test_the_pauses_of_a_collection_are_counted_when_it_is_over(new_heap: NewHeap) -> None:
    heap = new_heap(debug="gcstoptheworld=0")
    heap.list_of(3000)
    begin(heap)
    m = MemStats()
    heap.call(read_mem_stats, heap.g, m)
    assert (m.num_gc, m.pause_total_ns, m.pause_ns[0]) == (0, 0, 0)
    finish(heap)
    heap.call(read_mem_stats, heap.g, m)
    assert m.num_gc == 1
    assert m.pause_total_ns == m.pause_ns[0] > 0


def test_a_weak_pointer_that_is_followed_meanwhile_holds_its_object(new_heap: NewHeap) -> None:
    heap = new_heap(debug=STEPS)
    heap.list_of(40)
    nodes = [heap.malloc(16, NODE) for _ in range(2)]
    handles = [heap.call(weak_make, heap.g, node) for node in nodes]
    heap.root(*handles)
    begin(heap)
    assert heap.call(weak_value, heap.g, handles[0]) == nodes[0]
    heap.root(nodes[0])
    finish(heap)
    assert [heap.call(weak_value, heap.g, handle) for handle in handles] == [nodes[0], 0]
    heap.gc()
    assert heap.call(weak_value, heap.g, handles[0]) == nodes[0]


def test_an_embedder_may_find_a_dead_object_again(new_heap: NewHeap) -> None:
    """As long as it was not swept: a pointer that is stored holds what it leads to."""
    heap = new_heap(debug=STEPS)
    nodes = heap.list_of(40)
    dead = heap.malloc(16, NODE)
    below = heap.malloc(16, NODE)
    store(u64, dead, below)
    begin(heap)
    step(heap)
    step(heap)
    put(heap, nodes[0] + 8, dead)
    finish(heap)
    heap.gc()
    assert heap.objects() == {*nodes, dead, below}


def test_words_that_are_overwritten_are_kept_by_their_type(new_heap: NewHeap) -> None:
    heap = new_heap(debug=STEPS)
    pair = make_type(24, [16], "pair")
    array = heap.rooted(24 * 5, pair)
    nodes = [heap.malloc(16, NODE) for _ in range(5)]
    for number, node in enumerate(nodes):
        store(u64, array + 24 * number, 12345)  # no pointer
        store(u64, array + 24 * number + 16, node)
    long = heap.rooted(100_000, WORD)
    for number in range(0, 12_000, 100):
        store(u64, long + 8 * number, heap.malloc(16, NODE))
    kept = [load(u64, long + 8 * number) for number in range(0, 12_000, 100)]
    begin(heap)
    heap.call(keep_all, heap.g, array, 24 * 3, pair)
    heap.call(keep_all, heap.g, long, 96_000, WORD)
    heap.call(keep_all, heap.g, array, 24 * 3, make_type(8, [], "int"))
    for number in range(5):
        store(u64, array + 24 * number + 16, 0)
    for number in range(12_000):
        store(u64, long + 8 * number, 0)
    assert heap.state.increments.kept == 3 + 120
    finish(heap)
    sweep(heap)
    assert heap.objects() == {array, long, *nodes[:3], *kept}


def test_runtime_gc_ends_what_is_under_way_and_collects_all(new_heap: NewHeap) -> None:
    heap = new_heap(debug=STEPS)
    nodes = heap.list_of(100)
    begin(heap)
    step(heap)
    heap.malloc(16, NODE)  # garbage that this marking takes to be alive
    heap.gc()
    assert not is_marking(heap)
    assert heap.objects() == set(nodes)
    assert (heap.state.gc.num_gc, heap.state.gc.num_forced_gc) == (2, 1)


def test_a_finalizer_keeps_what_its_object_leads_to(new_heap: NewHeap) -> None:
    """Without its object, also when that is a large one."""
    heap = new_heap(debug=STEPS)
    heap.list_of(40)
    large, small = heap.malloc(100_000, WORD), heap.malloc(16, NODE)
    for at in (large + 99_000, large, small):
        store(u64, at, heap.malloc(16, NODE))
    children = [load(u64, at) for at in (large + 99_000, large, small)]
    function = heap.rooted(16)
    for addr in (large, small):
        assert heap.call(set_finalizer, heap.g, addr, function, False) == ADDED
    begin(heap)
    finish(heap)
    sweep(heap)
    assert not is_nil(heap.heap.specials.ready), "both have died"
    assert heap.objects() >= {large, small, *children}


def test_the_limiter_knows_that_the_program_runs_between_two_steps(new_heap: NewHeap) -> None:
    heap = new_heap(debug="gcstoptheworld=0,gcstress=1000000000")
    heap.list_of(50)
    heap.state.limiter.fill_ns = LIMITER_CAPACITY_NS // 2
    begin(heap)
    heap.state.clock_ahead_ns = heap.state.clock_ahead_ns + 10 * LIMITER_CAPACITY_NS
    finish(heap)
    assert heap.state.limiter.fill_ns <= heap.state.cycle.stopped_ns  # it drains first


def test_marking_is_over_before_the_heap_is_at_its_goal(new_heap: NewHeap) -> None:
    """After a quarter of the way. A step comes with every so many bytes; the trigger is where the next is due."""
    heap = new_heap(debug="gcstoptheworld=0")
    length = 2_000 if heap.engine.name == "python" else 100_000
    heap.list_of(length)
    heap.gc()
    marked = heap.state.gc.heap_marked
    heap.call(set_gc_percent, heap.g, 1000 if heap.engine.name == "python" else 100)
    ends = []
    for _ in range(3):
        while not is_marking(heap):
            heap.malloc(1024)
        goal = heap.state.gc.heap_goal
        assert heap.heap.trigger == heap.heap.heap_live + STEP_BYTES
        while is_marking(heap):
            assert heap.state.gc.heap_goal == goal
            heap.malloc(1024)
        begun, end = heap.state.cycle.live_before, heap.state.cycle.live_after
        ends.append((end - begun) / (goal - begun))
        assert heap.state.gc.heap_marked >= marked
    assert ends[0] < 2  # nothing was known of how much there is to mark
    assert max(ends[1:]) < 0.5
    assert heap.state.increments.steps > 3


def test_entries_of_a_step(new_heap: NewHeap) -> None:
    """In proportion to what was allocated of what there is to allocate; more than was expected is taken to be less."""
    heap = new_heap()

    def entries(expected: int, done: int, since: int, room: int) -> int:
        return int(heap.call(step_entries, expected, done, since, room)) - LEAST_ENTRIES

    assert entries(1_000_000, 0, 64 << 10, 64 << 20) == 976
    assert entries(1_000_000, 500_000, 64 << 10, 64 << 20) == 488
    assert entries(1_000_000, 500_000, 64 << 10, 64 << 10) == 500_000
    assert entries(1_000_000, 500_000, 1 << 30, 0) == 500_000
    assert heap.call(heap_to_end_at, 80 << 20, 100 << 20) == 85 << 20
    assert heap.call(heap_to_end_at, 100 << 20, 80 << 20) == 100 << 20
    assert entries(1_000_000, 2_000_000, 64 << 10, 64 << 10) == 1_000_000 // LEAST_LEFT
    assert entries(0, 0, 64 << 10, 1 << 30) == 0
    assert entries(1 << 40, 0, 1 << 40, 1 << 41) == 1 << 39


def test_threads_rearrange_lists_while_marking_goes_in_steps(new_heap: NewHeap) -> None:
    """Each has lists of its own, and the barriers of all mark in the same words."""
    heap = new_heap(gogc=5, debug="gcstoptheworld=0,gccheckmark=1,clobberfree=1")
    is_slow = heap.engine.name == "python"
    threads, lists, rounds = (2, 20, 1500) if is_slow else (4, 200, 400_000)
    node = make_type(24, [0], "node")
    array = heap.malloc(8 * threads * lists, WORD)
    heap.call(new_handle, heap.state.roots, array)
    heap.call(world.leave, heap.p)
    results: list[int | BaseException] = []

    def run(number: int, g: G) -> None:
        try:
            first = array + 8 * lists * number
            results.append(heap.call(workers.rearrange, g, node, first, lists, rounds, number + 1))
        except BaseException as error:
            results.append(error)
            heap.call(world.abandon, g.p)
        heap.call(root.detach, g)

    gs = [G.at(heap.call(root.attach, heap.state)) for _ in range(threads)]
    running = [threading.Thread(target=run, args=(number, g), daemon=True) for number, g in enumerate(gs)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(timeout=240)
        assert not thread.is_alive(), "a thread hangs"
    for result in results:
        if isinstance(result, BaseException):
            raise result
    heap.call(world.enter, heap.p)
    if is_slow:
        heap.collect()
    heap.gc()
    length = 0
    for number in range(threads * lists):
        at = load(u64, array + 8 * number)
        while at != 0:
            assert load(u64, at + 8) == at
            at, length = load(u64, at), length + 1
    assert length == sum(int(result) for result in results if not isinstance(result, BaseException))
    assert heap.state.increments.steps > (0 if is_slow else 40)
    assert heap.state.increments.kept > (0 if is_slow else 1000)
