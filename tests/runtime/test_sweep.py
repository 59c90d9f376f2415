"""Sweeping, in drawings."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.arenas import is_unmarked
from runtime.mspan import check_span
from runtime.sweep import CLOBBER_WORD, FREED, FULL, PARTIAL, retire_span, sweep_span, try_acquire
from runtime.syspy import Failure, load, store, u32, u64
from tests.runtime.heaps import HeapUnderTest, drawn, span_drawn

H = 10  # the heap's sweep_gen


@pytest.mark.parametrize(
    ("alloc", "mark", "free_index", "after", "outcome"),
    [
        ("##.##.##", "#...#..#", 0, "#...#..#", PARTIAL),
        ("##.##.##", "##.##.##", 0, "##.##.##", PARTIAL),
        ("########", "########", 0, "########", FULL),
        ("########", "........", 0, "........", FREED),
        ("........", "........", 0, "........", FREED),
        ("........", "########", 8, "########", FULL),
        ("........", "#.#.....", 3, "#.#.....", PARTIAL),
        ("#......#", ".......#", 4, ".......#", PARTIAL),
    ],
)
def test_exactly_the_marked_slots_are_kept(
    any_engine: Any, alloc: str, mark: str, free_index: int, after: str, outcome: int
) -> None:
    span = span_drawn(alloc, mark, free_index, sweep_gen=H - 1)
    assert any_engine.call(sweep_span, span, H, False, False) == outcome
    assert drawn(span, any_engine) == after
    assert (span.alloc_count, span.free_index, span.sweep_gen) == (after.count("#"), 0, H)
    assert span.mark_bits[0] == 0
    any_engine.call(check_span, span)


def test_freed_slots_need_zeroing(any_engine: Any) -> None:
    kept, freed = (span_drawn("##......", mark, sweep_gen=H - 1) for mark in ("##......", "#......."))
    any_engine.call(sweep_span, kept, H, False, False)
    any_engine.call(sweep_span, freed, H, False, False)
    assert (kept.need_zero, freed.need_zero) == (0, 1)


def test_clobberfree_fills_what_is_freed_and_nothing_else(any_engine: Any) -> None:
    span = span_drawn("##.#....", "#..#....", sweep_gen=H - 1)
    for slot in range(8):
        store(u64, span.start_addr + slot * 1024, 7)
        store(u64, span.start_addr + slot * 1024 + 1016, 7)
    any_engine.call(sweep_span, span, H, False, True)
    clobbered = CLOBBER_WORD << 32 | CLOBBER_WORD
    words = [
        (load(u64, span.start_addr + slot * 1024), load(u64, span.start_addr + slot * 1024 + 1016)) for slot in range(8)
    ]
    assert words == [(clobbered, clobbered) if slot == 1 else (7, 7) for slot in range(8)]
    assert load(u32, span.start_addr + 1024) == 0xDEADBEEF


def test_a_zombie_is_reported(any_engine: Any) -> None:
    span = span_drawn("#.......", "#..#....", sweep_gen=H - 1)
    with pytest.raises(Failure, match=r"^fatal error: found pointer to free object$"):
        any_engine.call(sweep_span, span, H, False, False)


def test_sweeping_frees_only(any_engine: Any) -> None:
    span = span_drawn("#.......", "##......", free_index=8, sweep_gen=H - 1)
    span.alloc_count = 1
    with pytest.raises(Failure, match="W2: sweep increased allocation count"):
        any_engine.call(sweep_span, span, H, False, False)


@pytest.mark.parametrize("sweep_gen", [H - 2, H, H + 1, H + 3])
def test_only_an_acquired_span_is_swept(any_engine: Any, sweep_gen: int) -> None:
    with pytest.raises(Failure, match="W1: sweep of a span in the wrong state"):
        any_engine.call(sweep_span, span_drawn("#", sweep_gen=sweep_gen), H, False, False)


def test_a_dead_span_is_not_swept(any_engine: Any) -> None:
    span = span_drawn("#", sweep_gen=H - 1)
    span.state = 0
    with pytest.raises(Failure, match="W1"):
        any_engine.call(sweep_span, span, H, False, False)


@pytest.mark.parametrize(
    ("sweep_gen", "gets"), [(H - 2, True), (H - 1, False), (H, False), (H + 1, False), (H + 3, False)]
)
def test_an_unswept_span_is_acquired_once(any_engine: Any, sweep_gen: int, gets: bool) -> None:
    span = span_drawn("#", sweep_gen=sweep_gen)
    assert any_engine.call(try_acquire, span, H) is gets
    assert span.sweep_gen == (H - 1 if gets else sweep_gen)
    assert any_engine.call(try_acquire, span, H) is False


def test_sweep_gen_wraps(any_engine: Any) -> None:
    span = span_drawn("#", "#", sweep_gen=(1 << 32) - 2)
    assert any_engine.call(try_acquire, span, 0) is True
    assert any_engine.call(sweep_span, span, 0, False, False) == FULL


def test_a_span_without_a_mark_is_swept_without_a_look(any_engine: Any) -> None:
    """What it is told counts: the bits that are there would keep a slot."""
    span = span_drawn(alloc="##.##.##", mark="#.......", sweep_gen=H - 1, need_zero=0)
    assert any_engine.call(sweep_span, span, H, True, False) == FREED
    assert (span.alloc_count, span.free_index, span.need_zero) == (0, 0, 1)


def test_a_dead_span_that_is_used_again_has_all_its_slots(heap: HeapUnderTest) -> None:
    kept = [heap.rooted(64) for _ in range(4 * 124)]
    heap.gc()
    heap.unroot()
    heap.collect()
    assert heap.malloc(64) in kept, "a span swept by the allocation that needed it"
    heap.check()
    assert len({heap.malloc(64) for _ in range(3 * 124)}) == 3 * 124


def test_a_span_that_goes_back_keeps_its_bits(any_engine: Any) -> None:
    span = span_drawn(alloc="##.##.##", free_index=3, sweep_gen=H - 1)
    bits = span.small_bits[0]
    any_engine.call(retire_span, span, H, True)
    assert (span.alloc_count, span.sweep_gen, span.small_bits[0]) == (0, H, bits)
    assert [load(u32, span.start_addr + slot * 1024) for slot in (2, 5, 7)] == [CLOBBER_WORD, 0, CLOBBER_WORD]
    with pytest.raises(Failure, match="W1"):
        any_engine.call(retire_span, span, H, False)


def test_pages_without_marks_are_known_as_such(heap: HeapUnderTest) -> None:
    dead, kept = [heap.malloc(64) for _ in range(126)], heap.rooted(64)
    heap.collect()
    spans = [heap.span_of(addr) for addr in (dead[0], kept)]
    assert spans[0].start_addr != spans[1].start_addr
    assert [heap.call(is_unmarked, heap.heap.arenas, span) for span in spans] == [True, False]
    heap.gc()
    assert heap.objects() == {kept}
