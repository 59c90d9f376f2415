"""Specials: the order of a span's list, and what sweeping does with it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from runtime.mspan import MSpan
from runtime.specials import PROFILE, WEAK_HANDLE, RootSpecial, Special, add_special, find_special
from runtime.sweeper import ensure_swept
from runtime.syspy import Failure, address, is_nil, load, sizeof, u64
from tests.runtime.heaps import NODE, HeapUnderTest

SIZE = 48


def special_list(span: MSpan) -> Iterator[Special]:
    special = span.specials
    while not is_nil(special):
        yield special
        special = special.next


def drawn_list(span: MSpan) -> list[tuple[int, int]]:
    """A span's specials, as slot and kind."""
    return [(special.offset // span.elem_size, special.kind) for special in special_list(span)]


def add(heap: HeapUnderTest, addr: int, kind: int, value: int) -> int:
    span = heap.span_of(addr)
    added: int = heap.call(add_special, heap.heap.specials, span, addr - span.start_addr, kind, value)
    return added


def test_they_are_sorted_by_offset_then_kind_whatever_the_order(heap: HeapUnderTest, seed: int) -> None:
    draw = random.Random(seed)
    objects = [heap.rooted(SIZE) for _ in range(8)]
    handle = heap.rooted(16)
    wanted = [(objects[i] + j, kind) for i in range(8) for j in (0, 5, 47) for kind in (WEAK_HANDLE, PROFILE)]
    draw.shuffle(wanted)
    for addr, kind in wanted:
        assert add(heap, addr, kind, handle) != 0
    span = heap.span_of(objects[0])
    assert [(span.start_addr + s.offset, s.kind) for s in special_list(span)] == sorted(wanted)
    heap.check()
    assert heap.heap.specials.root_count == 24
    assert heap.heap.specials.cells.in_use == 24 * sizeof(Special)
    assert heap.heap.specials.root_cells.in_use == 24 * sizeof(RootSpecial)


def test_an_address_has_one_special_of_a_kind(heap: HeapUnderTest) -> None:
    addr, handle, other = heap.rooted(SIZE), heap.rooted(16), heap.rooted(16)
    first = add(heap, addr, WEAK_HANDLE, handle)
    assert add(heap, addr, WEAK_HANDLE, other) == first
    assert Special.at(first).value == handle
    span = heap.span_of(addr)
    specials = heap.heap.specials
    assert heap.call(find_special, specials, span, addr - span.start_addr, WEAK_HANDLE) == first
    assert heap.call(find_special, specials, span, addr - span.start_addr, PROFILE) == 0
    assert heap.call(find_special, specials, span, addr - span.start_addr + 1, WEAK_HANDLE) == 0


ALL = [(slot, kind) for slot in range(3) for kind in (WEAK_HANDLE, PROFILE)]


@pytest.mark.parametrize(("last", "then"), [(last, then) for last in ALL for then in ALL if last != then])
def test_from_the_one_added_last_the_next_finds_its_place(
    heap: HeapUnderTest, last: tuple[int, int], then: tuple[int, int]
) -> None:
    objects = [heap.rooted(SIZE) for _ in range(3)]
    handle = heap.rooted(16)
    for slot, kind in [*(entry for entry in ALL if entry not in (last, then)), last, then]:
        add(heap, objects[slot], kind, handle)
    assert drawn_list(heap.span_of(objects[0])) == ALL


def test_sweeping_takes_out_those_of_the_dead(heap: HeapUnderTest) -> None:
    objects = [heap.malloc(SIZE) for _ in range(6)]
    handles = []
    for addr in objects:
        handles.append(heap.rooted(16))
        add(heap, addr, WEAK_HANDLE, handles[-1])
    for i in (1, 2, 4):
        heap.root(objects[i])
    heap.gc()
    assert [slot for slot, _ in drawn_list(heap.span_of(objects[1]))] == [1, 2, 4]
    assert heap.heap.specials.root_count == 3
    heap.check()
    heap.unroot()
    heap.gc()
    assert heap.heap.specials.root_count == heap.heap.specials.root_cells.in_use == 0
    assert heap.objects() <= set(handles)


def test_a_span_that_is_freed_whole_has_none_left(heap: HeapUnderTest) -> None:
    handle = heap.rooted(16)
    add(heap, heap.malloc(100_000), WEAK_HANDLE, handle)
    add(heap, heap.malloc(100_000, NODE) + 70_000, WEAK_HANDLE, heap.rooted(16))
    heap.gc()
    assert heap.heap.specials.root_cells.in_use == 0
    assert heap.heap.pages_in_use == 1


@pytest.mark.parametrize("count", [1, 200, 504])
def test_a_span_can_be_swept_before_its_turn(heap: HeapUnderTest, count: int) -> None:
    objects = [heap.malloc(16) for _ in range(2 * count)]
    heap.root(*objects[:count:3])
    heap.collect()
    span = heap.span_of(objects[0])
    for _ in range(2):
        heap.call(ensure_swept, heap.heap, heap.g.p, span)
        assert span.alloc_count == len(range(0, min(count, 504), 3))
        assert span.sweep_gen == heap.heap.sweep_gen
        heap.check()
    heap.gc()
    assert heap.objects() == set(objects[:count:3])


def test_the_checker_sees_a_list_out_of_order(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    first, second, handle = heap.rooted(SIZE), heap.rooted(SIZE), heap.rooted(16)
    for addr in (first, second):
        add(heap, addr, WEAK_HANDLE, handle)
    span = heap.span_of(first)
    one, other = special_list(span)
    one.offset, other.offset = other.offset, one.offset
    with pytest.raises(Failure, match="SP1: a span's specials are not in order"):
        heap.check()
    other.offset = one.offset
    with pytest.raises(Failure, match="SP1: an address has two specials of a kind"):
        heap.check()


def test_the_checker_sees_a_special_of_a_free_slot(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    addr, handle = heap.rooted(SIZE), heap.rooted(16)
    Special.at(add(heap, addr, WEAK_HANDLE, handle)).offset += 70 * SIZE
    heap.objects()
    with pytest.raises(Failure, match="SP2: a special is left of an object that was freed"):
        heap.check()


def test_the_checker_sees_a_hint_that_leads_nowhere(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    special = Special.at(add(heap, heap.rooted(SIZE), WEAK_HANDLE, heap.rooted(16)))
    heap.span_of(heap.rooted(16)).special_hint = special
    with pytest.raises(Failure, match="SP5: a span's hint is none of its specials"):
        heap.check()


def test_the_checker_sees_a_root_that_is_not_listed(heap: HeapUnderTest) -> None:
    heap.is_broken = True
    special = Special.at(add(heap, heap.rooted(SIZE), WEAK_HANDLE, heap.rooted(16)))
    heap.heap.specials.roots = RootSpecial.at(0)
    with pytest.raises(Failure, match="SP4: the list of roots"):
        heap.check()
    assert load(u64, address(special)) == 0
