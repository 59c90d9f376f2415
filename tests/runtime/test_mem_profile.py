"""The memory profile: exact when everything is sampled, unbiased when little is, consistent at every moment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runtime import Runtime
from runtime.layout import PERSISTENT_CHUNK
from runtime.mcache import close_runs
from runtime.mem_profile import Bucket, MemProfile, bucket_sites, publish_all
from runtime.mem_sample import SITE_FLAG, set_mem_profile_rate
from runtime.memstats import MemStats, read_mem_stats
from runtime.profile_records import Record
from runtime.sweeper import finish_sweep
from runtime.syspy import Failure, is_nil
from tests.runtime.allocation_mix import LARGE_EVERY, LARGE_SITE, SITE_SIZES, TINY_SITE, allocate_mix
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, engine_named

Records = dict[tuple[tuple[int, ...], int], tuple[int, int]]  # by sites and size: objects allocated, objects freed


def records(heap: HeapUnderTest) -> Records:
    """What is published."""
    profile: MemProfile = heap.heap.specials.profile
    found: Records = {}
    bucket: Bucket = profile.buckets
    while not is_nil(bucket):
        sites = tuple(bucket_sites(bucket)[i] for i in range(bucket.depth))
        if bucket.active.allocs:
            found[sites, bucket.size] = bucket.active.allocs, bucket.active.frees
        bucket = bucket.all_next
    return found


def profiled(heap: HeapUnderTest, rate: int = 1) -> HeapUnderTest:
    heap.call(set_mem_profile_rate, heap.state, rate)
    return heap


def malloc_at(heap: HeapUnderTest, site: int, size: int, typ: Any = NONE) -> int:
    heap.g.alloc_site = site
    return heap.malloc(size, typ)


def test_nothing_is_recorded_unless_asked_for(heap: HeapUnderTest) -> None:
    for _ in range(100):
        malloc_at(heap, 1, 40_000)
        malloc_at(heap, 1, 24)
    heap.gc()
    assert records(heap) == {}
    assert heap.heap.memory.buck_hash.bytes == 0


def test_at_rate_one_every_slot_is_counted(heap: HeapUnderTest) -> None:
    profiled(heap)
    kept = [malloc_at(heap, 1, 100) for _ in range(10)]
    heap.root(*kept[:4])
    malloc_at(heap, 2, 100)
    malloc_at(heap, 2, 24, WORD)
    heap.root(malloc_at(heap, 2, 2000, WORD))
    malloc_at(heap, 3, 100_000)
    malloc_at(heap, 4, 0)
    for _ in range(32):
        malloc_at(heap, 5, 4)
    assert records(heap) == {}, "nothing is published before a collection"
    heap.gc()
    assert records(heap) == {
        ((1,), 112): (10, 6),
        ((2,), 112): (1, 1),
        ((2,), 24): (1, 1),
        ((2,), 2048): (1, 0),
        ((3,), 106_496): (1, 1),
        ((5,), 16): (8, 8),
    }
    assert heap.heap.memory.buck_hash.bytes >= 8 * 179_999
    m = MemStats()
    heap.call(read_mem_stats, heap.g, m)
    assert m.buck_hash_sys == heap.heap.memory.buck_hash.bytes


def test_a_call_stack_is_read_off_the_shadow_stack(heap: HeapUnderTest) -> None:
    profiled(heap)
    root = heap.malloc(64)
    heap.root(root, SITE_FLAG | 7, root, 0, SITE_FLAG | 3)
    for _ in range(2):
        malloc_at(heap, 9, 64)
    heap.gc()
    assert records(heap) == {((0,), 64): (1, 0), ((9, 3, 7), 64): (2, 2)}


def test_of_a_deep_stack_the_innermost_part_is_kept(heap: HeapUnderTest) -> None:
    profiled(heap)
    heap.root(*(SITE_FLAG | i for i in range(1000)))
    malloc_at(heap, 1000, 64)
    heap.gc()
    assert records(heap) == {(tuple(range(1000, 872, -1)), 64): (1, 1)}


def test_what_is_published_lags_behind_but_is_never_skewed(heap: HeapUnderTest) -> None:
    profiled(heap)
    # Between collections: 10 objects that die, 1 that stays.
    for collections in range(1, 6):
        for _ in range(10):
            malloc_at(heap, 1, 64)
        heap.root(malloc_at(heap, 1, 64))
        heap.collect()
        published = records(heap).get(((1,), 64), (0, 0))
        assert published == (11 * (collections - 1), 10 * (collections - 1)), "as of the collection before"
    heap.gc()
    assert records(heap) == {((1,), 64): (55, 50)}


def test_before_the_first_collection_all_can_be_published(heap: HeapUnderTest) -> None:
    profiled(heap)
    for _ in range(3):
        malloc_at(heap, 1, 64)
    heap.call(publish_all, heap.heap.specials.profile)
    assert records(heap) == {((1,), 64): (3, 0)}
    heap.gc()
    assert records(heap) == {((1,), 64): (3, 3)}


def test_in_use_is_what_the_heap_holds(new_heap: Callable[..., HeapUnderTest], seed: int) -> None:
    heap = profiled(new_heap(gogc=50, debug="heapcheck=1"))
    for i in range(300):
        addr = malloc_at(heap, i % 7, [16, 40, 700, 33_000][(seed + i * i) % 4], NONE)
        if (seed >> i % 30) & 1:
            heap.root(addr)
    heap.gc()
    in_use: Counter[int] = Counter()
    for (_, size), (allocs, frees) in records(heap).items():
        in_use[size] += allocs - frees
    held = Counter(heap.span_of(addr).elem_size for addr in heap.objects())
    assert +in_use == held


@pytest.mark.parametrize("rate", [0, 1, 2, 4096])
def test_the_rate_can_change_at_any_time(heap: HeapUnderTest, rate: int) -> None:
    profiled(heap, 1)
    malloc_at(heap, 1, 64)
    profiled(heap, rate)
    malloc_at(heap, 2, 64)
    profiled(heap, 1)
    malloc_at(heap, 3, 64)
    heap.gc()
    found = records(heap)
    assert found.pop(((2,), 64), (1, 1)) == (1, 1)
    assert found == {((1,), 64): (1, 1), ((3,), 64): (1, 1)}
    assert (rate == 1) <= (((2,), 64) in records(heap))


def test_a_profile_never_makes_a_program_fail(heap: HeapUnderTest) -> None:
    profiled(heap)
    heap.malloc(64)
    memory = heap.heap.memory
    lost = 0
    for site in range(1, 40):
        heap.heap.persistent.offset = PERSISTENT_CHUNK
        memory.refuse_at = memory.requests + 1
        lost += malloc_at(heap, site, 64) != 0 and memory.requests >= memory.refuse_at
        heap.check()
    memory.refuse_at = 0
    heap.gc()
    found = records(heap)
    assert lost > 0
    assert len(found) == 40 - lost
    assert all(counts == (1, 1) for counts in found.values())


def test_the_checker_sees_a_bucket_that_is_in_no_list(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    profiled(heap)
    malloc_at(heap, 1, 64)
    heap.heap.specials.profile.buckets.hash += 1
    with pytest.raises(Failure, match="MP1: a bucket of the memory profile is not in its list"):
        heap.check()


# --- Estimates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gogc", [-1, 30])
def test_the_mix_is_counted_exactly_at_rate_one(new_heap: Callable[..., HeapUnderTest], gogc: int) -> None:
    heap = profiled(new_heap(gogc=gogc))
    rounds = 200
    heap.call(allocate_mix, heap.g, rounds, NODE)
    heap.gc()
    expected = {((site,), size): (rounds, rounds) for site, size in SITE_SIZES.items()}
    large = -(-rounds // LARGE_EVERY)
    expected[(LARGE_SITE,), SITE_SIZES[LARGE_SITE]] = large, large
    found = records(heap)
    # A collection gives up the tiny allocator's block, so that some blocks hold one object only.
    tiny = found.pop(((TINY_SITE,), 16))
    del expected[(TINY_SITE,), 16]
    assert tiny[0] == tiny[1]
    assert rounds <= tiny[0] <= rounds + heap.state.gc.num_gc
    assert found == expected


def check_estimates(heap: HeapUnderTest, objects: dict[int, int], rate: int) -> None:
    """The samples of each site are as many as so many objects have on average, give or take four deviations."""
    heap.gc()
    samples: Counter[int] = Counter()
    for (sites, _), (allocs, frees) in records(heap).items():
        assert allocs == frees
        samples[sites[0]] += allocs
    for site, size in SITE_SIZES.items():
        chance = 1 - math.exp(-size / rate)
        deviation = math.sqrt(objects[site] * chance * (1 - chance))
        assert abs(samples[site] - objects[site] * chance) <= 4 * deviation, (site, samples[site])
        assert samples[site] > 50, "a test that samples nothing proves nothing"


@pytest.mark.parametrize(("rate", "calls"), [(4 << 10, 15), (512 << 10, 300)])
@pytest.mark.parametrize("gogc", [-1, 100])
def test_estimates_per_site_are_unbiased(rate: int, calls: int, gogc: int) -> None:
    heap = HeapUnderTest(engine_named("native"), gogc)
    rounds = 10_000
    profiled(heap, rate)
    for _ in range(calls):
        heap.call(allocate_mix, heap.g, rounds, NODE)
        heap.call(finish_sweep, heap.heap, heap.g.p)
        if gogc < 0:
            heap.gc()
    objects = dict.fromkeys(SITE_SIZES, calls * rounds)
    objects[LARGE_SITE] = calls * -(-rounds // LARGE_EVERY)
    check_estimates(heap, objects, rate)
    heap.close()


def test_estimates_are_unbiased_when_most_of_a_run_is_given_back() -> None:
    heap = profiled(HeapUnderTest(engine_named("native")), 4096)
    calls = 20_000
    for _ in range(calls):
        heap.call(allocate_mix, heap.g, 2, NODE)
        heap.call(close_runs, heap.m_cache)
    check_estimates(heap, {**dict.fromkeys(SITE_SIZES, 2 * calls), TINY_SITE: 2 * calls, LARGE_SITE: calls}, 4096)
    heap.close()


# --- Through the library ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["python", "native"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    with Runtime(request.param, mem_profile_rate=1) as made:
        yield made


def test_an_embedder_names_the_sites(runtime: Runtime) -> None:
    runtime.alloc_site = 5
    kept = runtime.new_bytes(100)
    runtime.new_bytes(100).release()
    runtime.alloc_site = 6
    runtime.new_bytes(100).release()
    assert runtime.alloc_site == 6
    first = Record(sites=(5,), size=112, alloc_objects=2, free_objects=0)
    assert runtime.memory_profile() == [first, Record((6,), 112, 1, 0)]
    runtime.collect()
    assert runtime.memory_profile() == [Record((5,), 112, 2, 1), Record((6,), 112, 1, 1)]
    assert (first.site, first.alloc_bytes, first.free_bytes) == (5, 224, 0)
    kept.release()


def test_an_embedder_changes_the_rate(runtime: Runtime) -> None:
    runtime.set_mem_profile_rate(0)
    runtime.new_bytes(64)
    assert runtime.memory_profile() == []
    for rate in (-1, 1 << 64):
        with pytest.raises(ValueError, match=f"a memory profile rate is {rate}"):
            runtime.set_mem_profile_rate(rate)
        with pytest.raises(ValueError, match="alloc_site is"):
            runtime.alloc_site = rate


@pytest.mark.parametrize(
    ("debug", "rate", "expected"),
    [("memprofilerate=1", None, 1), ("memprofilerate=1", 0, 0), ("", None, 0), ("", 7, 7)],
)
def test_the_rate_is_an_argument_or_a_knob(debug: str, rate: int | None, expected: int) -> None:
    with Runtime("python", debug=debug, mem_profile_rate=rate) as runtime:
        assert runtime.state.p0.m_cache.sampler.rate == expected
