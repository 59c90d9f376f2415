"""Handles, globals and locals."""

from __future__ import annotations

import random

import pytest

from runtime.roots import FREE_BIT, LOCAL_FLAG, NO_HANDLE, add_globals, check_roots, free_handle, new_handle
from runtime.syspy import Failure, address, array_at, store, table, u8, u64
from runtime.types import Type
from tests.runtime.heaps import NODE, HeapUnderTest, make_type, own_bytes


def test_a_handle_keeps_its_object_until_it_is_freed(heap: HeapUnderTest) -> None:
    kept, lost = heap.malloc(16), heap.malloc(16)
    handle = heap.call(new_handle, heap.state.roots, kept)
    heap.gc()
    assert heap.objects() == {kept}
    assert lost != kept
    heap.call(free_handle, heap.state.roots, handle)
    heap.gc()
    assert heap.objects() == set()


def test_a_local_keeps_what_its_pointer_words_lead_to(heap: HeapUnderTest) -> None:
    typ = make_type(160, [8, 16, 72, 152], "local")
    memory = own_bytes(8 + typ.size)
    start = address(memory)
    store(Type, start, typ)
    words = {offset: heap.malloc(16, NODE) for offset in range(0, typ.size, 8)}
    for offset, addr in words.items():
        store(u64, start + 8 + offset, addr + offset % 16)
    heap.root(start | LOCAL_FLAG, heap.malloc(32))
    heap.gc()  # with checkmark: the second marking looks for itself
    assert heap.objects() > {words[offset] for offset in (8, 16, 72, 152)}
    assert len(heap.objects()) == 5
    store(u64, start + 8 + 72, 0)
    heap.gc()
    assert words[72] not in heap.objects()
    heap.unroot()
    heap.gc()
    assert heap.objects() == set()


def test_handles_against_a_dict(heap: HeapUnderTest, seed: int) -> None:
    draw, held = random.Random(seed), dict[int, int]()
    for step in range(2500):
        if held and draw.random() < 0.3:
            handle = draw.choice(list(held))
            del held[handle]
            heap.call(free_handle, heap.state.roots, handle)
        else:
            addr = 8 * step
            handle = heap.call(new_handle, heap.state.roots, addr)
            assert handle not in held
            held[handle] = addr
    assert heap.state.roots.capacity > 512
    assert all(heap.state.roots.handles[handle] == addr for handle, addr in held.items())
    heap.call(check_roots, heap.state.roots)


def test_a_freed_handle_is_not_freed_again(heap: HeapUnderTest) -> None:
    handle = heap.call(new_handle, heap.state.roots, 8)
    heap.call(free_handle, heap.state.roots, handle)
    for wrong in (handle, 511, 512, NO_HANDLE):
        with pytest.raises(Failure, match="RT2: a handle is freed that is not in use"):
            heap.call(free_handle, heap.state.roots, wrong)


def test_a_refused_table_changes_nothing(heap: HeapUnderTest) -> None:
    memory = heap.heap.memory
    memory.refuse_at = memory.requests + 1
    assert heap.call(new_handle, heap.state.roots, 8) == NO_HANDLE
    assert heap.call(new_handle, heap.state.roots, 8) == 0


def test_each_invariant_broken_once(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    roots = heap.state.roots
    for _ in range(3):
        heap.call(new_handle, roots, 8)
    roots.handles[5] = FREE_BIT | 7
    with pytest.raises(Failure, match="RT1: "):
        heap.call(check_roots, roots)
    roots.free = 1
    with pytest.raises(Failure, match="RT2: "):
        heap.call(check_roots, roots)


def test_globals_are_read_by_their_mask(heap: HeapUnderTest) -> None:
    block = own_bytes(80 * 8)
    start = address(block)
    start += -start % 8
    mask = table(u8, [0b0101, 0, 0, 0, 0, 0, 0, 0, 0b10])
    assert heap.call(add_globals, heap.state.roots, heap.heap.persistent, start, 79 * 8, array_at(u8, address(mask)))
    words = {0: heap.malloc(16, NODE), 1: heap.malloc(16), 2: heap.malloc(24), 65: heap.malloc(48)}
    for word, addr in words.items():
        store(u64, start + 8 * word, addr)
    store(u64, start + 8 * 64, heap.malloc(64))
    heap.gc()
    assert heap.objects() == {words[0], words[2], words[65]}
    assert heap.state.roots.globals_bytes == 79 * 8
    store(u64, start, 0)
    heap.gc()
    assert heap.objects() == {words[2], words[65]}


def test_several_ranges_of_globals(heap: HeapUnderTest) -> None:
    mask = table(u8, [1])
    blocks = [own_bytes(16) for _ in range(3)]
    kept = set()
    for block in blocks:
        start = address(block) + -address(block) % 8
        heap.call(add_globals, heap.state.roots, heap.heap.persistent, start, 8, array_at(u8, address(mask)))
        addr = heap.malloc(16)
        store(u64, start, addr)
        kept.add(addr)
    heap.gc()
    assert heap.objects() == kept
