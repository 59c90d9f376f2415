"""mallocgc: where an object goes, and what the fast paths do."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from runtime.heap_bits import read_pointer_bits
from runtime.malloc import malloc_header, malloc_noscan, malloc_scan, malloc_scan_array, malloc_tiny, new_object
from runtime.size_classes import size_to_class
from runtime.syspy import Failure, address, load, memset, store, u64
from runtime.types import Type
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, make_type

MB = 1 << 20


@pytest.mark.parametrize(
    ("size", "typ", "elem_size", "header"),
    [
        (1, NONE, 16, 0),
        (15, NONE, 16, 0),
        (16, NONE, 16, 0),
        (17, NONE, 24, 0),
        (512, NONE, 512, 0),
        (513, NONE, 576, 0),
        (1024, NONE, 1024, 0),
        (1025, NONE, 1152, 0),
        (32760, NONE, 32768, 0),
        (32761, NONE, 32768, 0),
        (32768, NONE, 32768, 0),
        (32769, NONE, 40960, 0),
        (8, WORD, 8, 0),
        (16, NODE, 16, 0),
        (512, WORD, 512, 0),
        (520, WORD, 576, 8),
        (568, WORD, 576, 8),
        (576, WORD, 640, 8),
        (1016, WORD, 1024, 8),
        (1024, WORD, 1152, 8),
        (32752, WORD, 32768, 8),
        (32760, WORD, 32768, 8),
        (32768, WORD, 32768, 0),
        (32776, WORD, 40960, 0),
    ],
)
def test_where_an_object_goes(heap: HeapUnderTest, size: int, typ: Type, elem_size: int, header: int) -> None:
    addr = heap.malloc(size, typ)
    span = heap.span_of(addr)
    assert span.elem_size == elem_size
    assert (addr - span.start_addr) % elem_size == header
    assert span.span_class & 1 == (1 if typ is NONE else 0)
    assert (span.span_class >> 1 == 0) == (size > 32760)
    if header:
        assert load(u64, addr - 8) == address(typ)
    if size > 32760:
        assert span.large_type == typ


def test_objects_without_size_are_all_one(heap: HeapUnderTest) -> None:
    addrs = {heap.malloc(0), heap.malloc(0, NODE), heap.call(new_object, heap.g, make_type(0, []))}
    assert len(addrs) == 1
    assert heap.objects() == set()
    heap.root(*addrs)
    heap.gc()


def test_new_object_is_one_value_of_the_type(heap: HeapUnderTest) -> None:
    addr = heap.call(new_object, heap.g, make_type(40, [8]))
    assert heap.span_of(addr).elem_size == 48
    assert heap.call(read_pointer_bits, addr, 5) == 0b10


def test_a_type_without_pointers_is_noscan(heap: HeapUnderTest) -> None:
    assert heap.span_of(heap.malloc(48, make_type(48, []))).span_class & 1 == 1


# --- Tiny objects ---


def test_sixteen_bytes_share_a_block(heap: HeapUnderTest) -> None:
    addrs = [heap.malloc(1) for _ in range(17)]
    assert [addr - addrs[0] for addr in addrs] == [*range(16), 16]


@pytest.mark.parametrize(
    ("sizes", "offsets"),
    [
        ([1, 8], [0, 8]),
        ([1, 4, 4], [0, 4, 8]),
        ([1, 2, 1], [0, 2, 4]),
        ([1, 12], [0, 4]),
        ([5, 5, 5], [0, 5, 10]),
        ([8, 8, 8], [0, 8, 16]),
        ([12, 8, 4], [0, 16, 24]),
        ([3, 15, 13], [0, 16, 3]),
        ([10, 8, 6], [0, 16, 24]),
        ([2, 15, 8], [0, 16, 8]),
    ],
)
def test_tiny_objects_are_packed_and_aligned(heap: HeapUnderTest, sizes: list[int], offsets: list[int]) -> None:
    addrs = [heap.malloc(size) for size in sizes]
    assert [addr - addrs[0] for addr in addrs] == offsets


def test_a_block_lives_as_long_as_one_of_its_objects(heap: HeapUnderTest) -> None:
    addrs = [heap.malloc(4) for _ in range(4)]
    heap.root(addrs[2])
    heap.gc()
    assert heap.objects() == {addrs[0]}
    assert heap.malloc(4) != addrs[0] + 16 or heap.m_cache.tiny_next != 0


def test_no_block_goes_on_after_a_collection(heap: HeapUnderTest) -> None:
    first = heap.rooted(1)
    heap.gc()
    assert heap.malloc(1) >= first + 16


def test_tiny_blocks_are_zero(heap: HeapUnderTest) -> None:
    for _ in range(2):
        for _ in range(600):
            addr = heap.malloc(15)
            assert (load(u64, addr), load(u64, addr + 7)) == (0, 0)
            memset(addr, 0xAA, 15)
        heap.gc()


# --- Fast paths ---


def test_the_fast_paths_go_through_a_run_and_then_say_zero(heap: HeapUnderTest) -> None:
    first = heap.malloc(64)
    addrs = []
    while addr := heap.call(malloc_noscan, heap.g, 13, 64):
        addrs.append(addr)
    assert addrs == [first + 64 * i for i in range(1, 126)]
    assert heap.malloc(64) not in addrs


def test_the_fast_path_zeroes(heap: HeapUnderTest) -> None:
    for addr in [heap.malloc(64) for _ in range(126)]:
        memset(addr, 0xAA, 64)
    heap.root(heap.span_of(heap.malloc(64)).start_addr)
    heap.gc()
    heap.malloc(64)
    addr = heap.call(malloc_noscan, heap.g, 13, 64)
    assert all(load(u64, addr + i) == 0 for i in range(0, 64, 8))


@pytest.mark.parametrize(("size", "mask"), [(16, 3), (16, 1), (16, 2), (24, 5), (40, 0b10001), (48, 0), (512, 1 << 63)])
def test_the_fast_path_writes_the_pointer_bits(heap: HeapUnderTest, size: int, mask: int) -> None:
    span = heap.span_of(heap.malloc(size, make_type(size, [0])))
    words = size // 8
    for _ in range(min(40, span.nelems - 1)):
        addr = heap.call(malloc_scan, heap.g, span.span_class, size, mask)
        assert heap.call(read_pointer_bits, addr, words) == mask
        assert load(u64, addr) == 0


@pytest.mark.parametrize(
    ("size", "pointers"), [(8, [0]), (16, [8]), (24, [0]), (24, [0, 8, 16]), (40, [32]), (512, [8])]
)
def test_the_fast_path_of_arrays(heap: HeapUnderTest, size: int, pointers: list[int]) -> None:
    longest = 512 // size
    elem = sum(1 << offset // 8 for offset in pointers)
    words = sum(elem << number * size // 8 for number in range(longest))
    mask = words | (1 << 64) - (1 << longest * size // 8)
    for count in range(1, longest + 1):
        span = heap.span_of(heap.malloc(count * size, make_type(count * size, [0])))  # opens a run
        if span.alloc_count < span.nelems:
            addr = heap.call(malloc_scan_array, heap.g, count, size, mask)
            assert heap.span_of(addr).elem_size == span.elem_size
            bits = (1 << 64) - 1 if span.elem_size == 8 else heap.call(read_pointer_bits, addr, count * size // 8)
            assert bits & (1 << count * size // 8) - 1 == words & (1 << count * size // 8) - 1
            assert not any(load(u64, addr + i) for i in range(0, count * size, 8))
    for count in (0, -1, longest + 1, 1 << 61, -(1 << 63)):
        assert heap.call(malloc_scan_array, heap.g, count, size, mask) == 0


def test_the_tiny_fast_path(heap: HeapUnderTest) -> None:
    assert heap.call(malloc_tiny, heap.g, 4, 4) == 0
    first = heap.malloc(1)
    objects = [(4, 4), (1, 1), (2, 2), (8, 8), (3, 1), (8, 8)]
    assert [heap.call(malloc_tiny, heap.g, size, align) for size, align in objects] == [
        first + 4,
        first + 8,
        first + 10,
        first + 16,  # does not fit; the new block has more room left
        first + 24,
        first + 32,
    ]
    assert heap.m_cache.tiny_allocs == 4


def test_a_new_tiny_block_is_given_up_when_the_old_one_has_more_room(heap: HeapUnderTest) -> None:
    first = heap.malloc(5)
    assert heap.call(malloc_tiny, heap.g, 15, 1) == first + 16
    assert heap.call(malloc_tiny, heap.g, 2, 2) == first + 6


def test_the_header_fast_path(heap: HeapUnderTest) -> None:
    typ = make_type(600, [0, 592])
    span_class = size_to_class(608) << 1
    assert heap.call(malloc_header, heap.g, span_class, typ) == 0
    for addr in [heap.malloc(600, typ) for _ in range(13)]:
        memset(addr, 0xAA, 600)
    heap.gc()
    addr = heap.malloc(600, typ)
    fast = heap.call(malloc_header, heap.g, span_class, typ)
    assert fast == addr + 640
    assert load(u64, fast - 8) == address(typ)
    assert all(load(u64, fast + at) == 0 for at in range(0, 600, 8))


# --- Large objects ---


def test_a_large_object_is_zeroed_when_its_pages_were_used(heap: HeapUnderTest) -> None:
    addr = heap.malloc(50_000)
    memset(addr, 0xAA, 50_000)
    heap.gc()
    again = heap.malloc(50_000, WORD)
    assert again == addr
    assert all(load(u64, again + at) == 0 for at in range(0, 50_000, 400))


def test_large_objects_are_freed_one_by_one(heap: HeapUnderTest) -> None:
    addrs = [heap.malloc(100_000) for _ in range(6)]
    heap.root(addrs[1], addrs[4])
    heap.gc()
    assert heap.objects() == {addrs[1], addrs[4]}
    assert heap.heap.pages_in_use == 26
    assert heap.malloc(100_000) == addrs[0]


@pytest.mark.parametrize("size", [1 << 48, (1 << 48) + 1, 1 << 62, (1 << 63) - 1, (1 << 64) - 1, 1 << 46])
def test_what_no_machine_has_is_out_of_memory(heap: HeapUnderTest, size: int) -> None:
    kept = heap.rooted(64)
    with pytest.raises(Failure, match="out of memory"):
        heap.malloc(size)
    heap.check()
    heap.gc()
    assert heap.objects() == {kept}


# --- The system refuses ---


@pytest.mark.full_on_python
@pytest.mark.parametrize("size", [8, 4000, 30_000, 5 * MB, 70 * MB])
def test_every_request_of_an_allocation_can_be_refused(new_heap: Callable[..., HeapUnderTest], size: int) -> None:
    refusals = 0
    for nth in range(1, 20):
        heap = new_heap()
        memory = heap.heap.memory
        memory.refuse_at = memory.requests + nth
        # A refusal is followed by a collection and another try: one refusal is survived.
        kept = heap.rooted(size)
        heap.check()
        refusals += memory.requests >= memory.refuse_at
        heap.gc()
        assert heap.objects() == {kept}
    assert refusals >= 5


def test_memory_is_looked_for_before_giving_up(heap: HeapUnderTest) -> None:
    heap.state.knobs.gogc = -1
    heap.heap.trigger = 1 << 60
    for _ in range(15):
        heap.malloc(4 * MB)
    memory = heap.heap.memory
    memory.refuse_at = memory.requests + 1
    heap.malloc(8 * MB)
    assert heap.state.gc.num_gc == 1
    assert heap.heap.pages_in_use == 8 * MB >> 13


# --- A model ---


@pytest.mark.parametrize(
    "debug", ["", pytest.param("gcstress=7,clobberfree=1,gccheckmark=1", marks=pytest.mark.full_on_python)]
)
def test_random_operations_against_a_dict(new_heap: Callable[..., HeapUnderTest], seed: int, debug: str) -> None:
    draw = random.Random(seed)
    heap = new_heap(gogc=draw.choice([25, 100, 400]), debug=debug)
    contents: dict[int, tuple[int, int]] = {}  # root slot: size and the word that fills the object
    for slot in range(30):
        heap.root(0)
        contents[slot] = (0, 0)
    for step in range(400):
        slot = draw.randrange(30)
        size = draw.choice([1, 7, 8, 15, 16, 24, 100, 512, 513, 2000, 30_000, 40_000])
        typ = draw.choice([NONE, NONE, NODE, WORD]) if size % 16 == 0 else NONE
        addr = heap.malloc(size, typ)
        at = heap.g.shadow_base + 8 * slot
        memset(at, 0, 8)
        for i in range(0, size - 7, max(8, size // 5)):
            assert load(u64, addr + i) == 0
        fill = step % 255 + 1 if typ is NONE else 0
        memset(addr, fill, size)
        store(u64, at, addr)
        contents[slot] = (size, fill)
        if step % 100 == 50:
            heap.gc()
            heap.check()
    for slot, (size, fill) in contents.items():
        addr = load(u64, heap.g.shadow_base + 8 * slot)
        for i in range(0, size - 7, max(8, size // 5)):
            assert load(u64, addr + i) == fill * 0x0101_0101_0101_0101
