"""What keeps an object, and that nothing else does: each kind of root alone, each offset and place of a pointer."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from runtime import Runtime
from runtime.arenas import find_object
from runtime.layout import MALLOC_HEADER_SIZE, MAX_BITMAP_SIZE
from runtime.size_classes import CLASS_TO_SIZE, NUM_SIZE_CLASSES
from runtime.syspy import load, store, u64
from runtime.types import Type
from tests.runtime.heaps import NODE, NONE, WORD, HeapUnderTest, make_type

pytestmark = pytest.mark.full_on_python

# --- Each kind of root alone -----------------------------------------------------------------------------------------

Clear = Callable[[], object]
RootedBy = Callable[[Runtime, int], Clear]


def by_handle(runtime: Runtime, addr: int) -> Clear:
    return runtime.hold(addr).release


def by_scope(runtime: Runtime, addr: int) -> Clear:
    scope = runtime.scope()
    scope.hold(addr)
    return scope.close


def by_number(runtime: Runtime, addr: int) -> Clear:
    number = runtime.root(addr)
    return lambda: runtime.unroot(number)


def by_table(runtime: Runtime, addr: int) -> Clear:
    table = runtime.roots(70)
    table[69] = addr
    return table.clear


def by_pointer_into_it(runtime: Runtime, addr: int) -> Clear:
    table = runtime.roots(1)
    table[0] = addr + 40
    return table.clear


def by_object(runtime: Runtime, addr: int) -> Clear:
    holder = runtime.new(runtime.types["pair"])
    holder[1] = addr

    def clear() -> None:
        holder[1] = None

    return clear


def by_chain(runtime: Runtime, addr: int) -> Clear:
    held = runtime.hold(addr)
    for _ in range(5):
        holder = runtime.new(runtime.types["pair"])
        holder[0] = held
        held.release()
        held = holder
    return held.release


@pytest.mark.parametrize(
    "rooted_by", [by_handle, by_scope, by_number, by_table, by_pointer_into_it, by_object, by_chain]
)
def test_a_root_alone_keeps_an_object_and_what_it_leads_to(runtime: Runtime, rooted_by: RootedBy) -> None:
    pair = runtime.describe("pair", 48, pointers=[0, 8])
    target, child, lost = runtime.new(pair), runtime.new(pair), runtime.new(pair)
    target[1] = child
    lost[0] = target
    kept = {target.address, child.address}
    gone = lost.address
    clear = rooted_by(runtime, target.address)
    for handle in (target, child, lost):
        handle.release()
    for _ in range(2):
        runtime.collect()
        alive = {found.address for found in runtime.objects()}
        assert kept <= alive
        assert gone not in alive
    clear()
    runtime.collect()
    assert not kept & {found.address for found in runtime.objects()}


def test_the_argument_of_a_cleanup_lives_until_the_call(runtime: Runtime) -> None:
    calls: list[int] = []
    watched, argument = runtime.new_bytes(64), runtime.new_bytes(80)
    addr = argument.address
    runtime.add_cleanup(watched, lambda handle: calls.append(handle.address), argument)
    argument.release()
    for _ in range(2):
        runtime.collect()
        assert addr in {found.address for found in runtime.objects()}
    watched.release()
    runtime.collect()
    assert addr in {found.address for found in runtime.objects()}
    assert runtime.run_finalizers() == 1
    assert calls == [addr]
    runtime.collect()
    assert addr not in {found.address for found in runtime.objects()}


def test_what_keeps_nothing(runtime: Runtime) -> None:
    pair = runtime.describe("pair", 48, pointers=[0, 8])
    target = runtime.new(pair)
    weak = runtime.weak(target)
    plain = runtime.new_bytes(64)
    plain[0] = target.address  # a number, for all that the collector knows
    own = runtime.new(pair)
    own[2] = target.address  # not one of its pointers
    target[0] = target
    target.release()
    runtime.collect()
    assert weak.value() is None
    assert {found.address for found in runtime.objects()} >= {plain.address, own.address}


# --- Pointers into objects -------------------------------------------------------------------------------------------


def slot_at(heap: HeapUnderTest, addr: int) -> int:
    """The first byte of the slot of an object."""
    return int(heap.call(find_object, heap.heap.arenas, addr)[0])


def offsets_in(size: int, most: int, draw: random.Random) -> list[int]:
    """Offsets in a slot: all, or the ends of it and some between."""
    ends = [at for at in (0, 1, 7, 8, 9, size // 2, size - 9, size - 8, size - 1) if 0 <= at < size]
    return sorted({*ends, *(range(size) if size <= most else draw.sample(range(size), most - len(ends)))})


@pytest.mark.parametrize("is_scan", [False, True], ids=["noscan", "scan"])
@pytest.mark.parametrize("size_class", range(2, NUM_SIZE_CLASSES))
def test_a_pointer_to_any_byte_keeps_exactly_its_object(
    heap: HeapUnderTest, size_class: int, is_scan: bool, seed: int
) -> None:
    size = CLASS_TO_SIZE[size_class]
    header = MALLOC_HEADER_SIZE if is_scan and size > MAX_BITMAP_SIZE else 0
    typ = make_type(size - header, [0]) if is_scan else NONE
    is_native = heap.engine.__class__.__name__ != "PythonEngine"
    most = (1024 if size <= 1024 else 40) if is_native else 12
    kept = set()
    for offset in offsets_in(size, most, random.Random(seed)):
        slot = slot_at(heap, heap.malloc(size - header, typ))
        heap.malloc(size - header, typ)  # its neighbour dies
        if offset >= header:
            heap.root(slot + offset)
            kept.add(slot)
    heap.gc()
    assert heap.objects() == kept


@pytest.mark.parametrize("size", [40_000, 200_000])
@pytest.mark.parametrize("typ", [NONE, NODE], ids=["noscan", "scan"])
def test_a_pointer_to_any_page_of_a_large_object(heap: HeapUnderTest, size: int, typ: Type) -> None:
    kept = set()
    for offset in (0, 8, 8191, 8192, 8193, size // 2, size - 8, size - 1):
        addr = heap.malloc(size, typ)
        heap.malloc(size, typ)
        heap.root(addr + offset)
        kept.add(addr)
    heap.gc()
    assert heap.objects() == kept


def test_a_pointer_into_a_block_of_tiny_objects_keeps_the_block(heap: HeapUnderTest) -> None:
    for offset in range(16):
        tiny = heap.malloc(1)
        slot = slot_at(heap, tiny)
        heap.root(slot + offset)
        heap.gc()
        assert heap.objects() == {slot}
        heap.unroot()
        heap.gc()
        assert heap.objects() == set()


@pytest.mark.parametrize("size", [16, 24, 48, 112, 512])
def test_one_past_an_object_is_the_next_one(heap: HeapUnderTest, size: int) -> None:
    first, second, third = (heap.malloc(size) for _ in range(3))
    assert (second, third) == (first + size, second + size)
    heap.root(first + size)
    heap.gc()
    assert heap.objects() == {second}


# --- Places of pointers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 24, 48, 80, 112, 208, 416, 512, 528, 1040, 2048, 9000])
def test_a_pointer_in_any_word_is_followed_and_no_other(heap: HeapUnderTest, size: int, seed: int) -> None:
    # Slot by slot the bits of an object begin elsewhere in their word, and those of many lie in two of them.
    draw = random.Random(seed)
    words = range(size // 8)
    chosen = words if len(words) <= 64 else draw.sample(words, 64)
    kept = set()
    for word in chosen:
        holder = heap.rooted(size, make_type(size, [8 * word]))
        kept.add(slot_at(heap, holder))
        for other in {0, len(words) - 1, max(word - 1, 0), min(word + 1, len(words) - 1)}:
            target = heap.malloc(32)
            store(u64, holder + 8 * other, target)
            if other == word:
                kept.add(target)
        if load(u64, holder + 8 * word) == 0:
            target = heap.malloc(32)
            store(u64, holder + 8 * word, target)
            kept.add(target)
    heap.gc()
    assert heap.objects() == kept


# --- Cycles ----------------------------------------------------------------------------------------------------------


def ring(heap: HeapUnderTest, sizes: list[int]) -> list[int]:
    """Objects of these sizes, each of which leads to the next, and the last to the first; nothing else leads there."""
    at = heap.g.shadow_top
    addrs = [heap.rooted(size, make_type(size, [0, size - 8])) for size in sizes]
    for addr, size, following in zip(addrs, sizes, addrs[1:] + addrs[:1], strict=True):
        store(u64, addr + size - 8, following)
    heap.g.shadow_top = at
    return addrs


@pytest.mark.parametrize("sizes", [[16], [16, 16], [16, 512, 520, 30_000, 40_000, 200_000], [24] * 500, [40_000] * 3])
def test_rings_that_nothing_leads_to_are_freed_whole(heap: HeapUnderTest, sizes: list[int]) -> None:
    dead, alive = ring(heap, sizes), ring(heap, sizes)
    store(u64, dead[0], alive[-1])  # what is dead may lead to what is not
    heap.root(alive[len(alive) // 2] + 8)
    heap.gc()
    assert heap.objects() == {slot_at(heap, addr) for addr in alive}
    heap.unroot()
    heap.gc()
    assert heap.objects() == set()


def test_an_array_that_holds_itself(heap: HeapUnderTest) -> None:
    array = heap.malloc(8 * 1000, WORD)
    for i in range(1000):
        store(u64, array + 8 * i, array + 8 * (i // 2))
    heap.root(array + 4000)
    heap.gc()
    assert heap.objects() == {slot_at(heap, array)}
    heap.unroot()
    heap.gc()
    assert heap.objects() == set()
