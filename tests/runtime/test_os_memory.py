"""Memory from the system: the states, what the kernel says of them, and what is counted."""

from __future__ import annotations

import ctypes

import pytest

from runtime import os_memory
from runtime.layout import PHYS_PAGE_SIZE
from runtime.os_memory import (
    HEAP_PAGES,
    KEPT,
    MemoryStats,
    check_memory_stats,
    keep,
    sys_alloc,
    sys_discard,
    sys_fault,
    sys_free,
    sys_give_up,
    sys_map,
    sys_name,
    sys_reserve,
    sys_reserve_aligned,
    sys_unreserve,
    sys_unused,
    sys_used,
    unmap_kept,
)
from runtime.syspy import Array, Failure, address, load, store, u8, u64, uintptr
from tests.runtime.engines import BROKEN, Engine
from tests.runtime.heaps import HeapUnderTest, engine_named
from tests.runtime.kernel import lazy_bytes, mapping, state

ROOTS = [
    sys_name,
    check_memory_stats,
    keep,
    sys_alloc,
    sys_discard,
    sys_fault,
    sys_free,
    sys_give_up,
    sys_map,
    sys_name,
    sys_reserve,
    sys_reserve_aligned,
    sys_unreserve,
    sys_unused,
    sys_used,
    unmap_kept,
]

MIB = 1 << 20


def counted(stats: MemoryStats) -> tuple[int, int, int]:
    """(reserved, prepared, ready), after a look at O1."""
    check_memory_stats(stats)
    return stats.reserved, stats.prepared, stats.ready


def test_the_climb_from_none_to_ready_and_back(engine: Engine) -> None:
    stats = MemoryStats()
    addr = engine.call(sys_reserve, stats, 0, MIB)
    assert addr % PHYS_PAGE_SIZE == 0
    assert (state(addr), counted(stats)) == ("---p", (MIB, 0, 0))

    assert engine.call(sys_map, stats, addr, MIB, stats.gc)
    assert (state(addr), counted(stats)) == ("rw-p", (0, MIB, 0))
    engine.call(sys_used, stats, MIB)
    assert counted(stats) == (0, 0, MIB)
    assert stats.gc.bytes == MIB
    store(u64, addr, 42)

    assert engine.call(sys_unused, stats, addr, MIB)
    assert counted(stats) == (0, MIB, 0)
    engine.call(sys_used, stats, MIB)
    assert load(u64, addr) == 0

    assert engine.call(sys_fault, stats, addr, MIB, stats.gc)
    assert (state(addr), counted(stats)) == ("---p", (MIB, 0, 0))
    assert engine.call(sys_unreserve, stats, addr, MIB)
    assert (state(addr), counted(stats)) == ("none", (0, 0, 0))


def test_sys_alloc_gives_zero_memory_and_sys_free_takes_it_back(engine: Engine) -> None:
    stats = MemoryStats()
    addr = engine.call(sys_alloc, stats, 3 * PHYS_PAGE_SIZE, stats.other)
    assert [load(u8, addr + i) for i in (0, 3 * PHYS_PAGE_SIZE - 1)] == [0, 0]
    assert counted(stats) == (0, 0, 3 * PHYS_PAGE_SIZE)
    assert engine.call(sys_free, stats, addr, 3 * PHYS_PAGE_SIZE, stats.other)
    assert (state(addr), counted(stats)) == ("none", (0, 0, 0))


def test_memory_given_back_lazily_is_old_or_zero(engine: Engine) -> None:
    stats = MemoryStats(frees_lazily=True)
    addr = engine.call(sys_alloc, stats, MIB, stats.other)
    for i in range(0, MIB, PHYS_PAGE_SIZE):
        store(u64, addr + i, 42)
    assert engine.call(sys_unused, stats, addr, MIB)
    assert counted(stats) == (0, MIB, 0)
    assert lazy_bytes(addr) >= MIB // 2
    engine.call(sys_used, stats, MIB)
    assert load(u64, addr) in (0, 42)
    assert engine.call(sys_free, stats, addr, MIB, stats.other)


@pytest.mark.parametrize("align", [1 << 16, 1 << 22, 1 << 26])
def test_an_aligned_reservation_has_no_ends_hanging_over(engine: Engine, align: int) -> None:
    stats = MemoryStats()
    addr = engine.call(sys_reserve_aligned, stats, 0, MIB, align)
    assert addr % align == 0
    assert state(addr) == state(addr + MIB - 1) == "---p"
    assert counted(stats) == (MIB, 0, 0)
    assert engine.call(sys_unreserve, stats, addr, MIB)


def test_a_hint_is_taken_when_the_place_is_free(engine: Engine) -> None:
    stats = MemoryStats()
    hint = engine.call(sys_reserve, stats, 0, MIB)
    elsewhere = engine.call(sys_reserve, stats, hint, MIB)
    assert elsewhere not in (0, hint)
    engine.call(sys_unreserve, stats, hint, MIB)
    assert engine.call(sys_reserve, stats, hint, MIB) == hint
    engine.call(sys_unreserve, stats, hint, MIB)
    engine.call(sys_unreserve, stats, elsewhere, MIB)
    assert counted(stats) == (0, 0, 0)


def test_what_the_kernel_has_not_got_is_refused_and_not_counted(engine: Engine) -> None:
    stats = MemoryStats()
    assert engine.call(sys_reserve, stats, 0, 1 << 60) == 0
    assert engine.call(sys_alloc, stats, 1 << 60, stats.other) == 0
    assert engine.call(sys_reserve_aligned, stats, 0, 1 << 60, 1 << 26) == 0
    assert not engine.call(sys_map, stats, 1 << 60, MIB, stats.gc)
    assert counted(stats) == (0, 0, 0)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_any_request_of_an_aligned_reservation_can_be_refused(engine: Engine, nth: int) -> None:
    stats = MemoryStats()
    stats.refuse_at = nth
    addr = engine.call(sys_reserve_aligned, stats, 0, MIB, 1 << 40)  # so far apart that there is an end before it
    assert addr == 0
    assert counted(stats) == (0, 0, 0)


@pytest.mark.parametrize("change", [sys_map, sys_unused, sys_fault, sys_free])
def test_a_refused_change_of_state_changes_nothing(engine: Engine, change: object) -> None:
    stats = MemoryStats()
    addr: uintptr = engine.call(sys_reserve, stats, 0, MIB)
    if change is not sys_map:
        engine.call(sys_map, stats, addr, MIB, stats.gc)
        engine.call(sys_used, stats, MIB)
    before = counted(stats), stats.gc.bytes, state(addr)
    stats.refuse_at = stats.requests + 1
    purpose = [] if change is sys_unused else [stats.gc]
    assert engine.call(change, stats, addr, MIB, *purpose) is False  # type: ignore[arg-type]
    assert (counted(stats), stats.gc.bytes, state(addr)) == before


def test_what_the_kernel_does_not_take_back_is_given_back_at_the_end(engine: Engine) -> None:
    stats = MemoryStats()
    ready, reserved = engine.call(sys_alloc, stats, MIB, stats.gc), engine.call(sys_reserve, stats, 0, 2 * MIB)
    stats.refuse_at, stats.refuse_more = stats.requests + 1, 1
    engine.call(sys_discard, stats, ready, MIB, stats.gc)
    engine.call(sys_give_up, stats, reserved, 2 * MIB)
    assert (counted(stats), stats.kept_count) == ((2 * MIB, 0, MIB), 2)
    assert (state(ready), state(reserved)) == ("rw-p", "---p")
    engine.call(unmap_kept, stats)
    assert (state(ready), state(reserved), stats.kept_count) == ("none", "none", 0)


def test_what_the_kernel_takes_back_is_not_kept(engine: Engine) -> None:
    stats = MemoryStats()
    ready, reserved = engine.call(sys_alloc, stats, MIB, stats.gc), engine.call(sys_reserve, stats, 0, MIB)
    engine.call(sys_discard, stats, ready, MIB, stats.gc)
    engine.call(sys_give_up, stats, reserved, MIB)
    assert (counted(stats), stats.kept_count) == ((0, 0, 0), 0)
    assert (state(ready), state(reserved)) == ("none", "none")


def test_more_than_there_is_room_for_is_not_written_down(engine: Engine) -> None:
    stats = MemoryStats()
    addr = engine.call(sys_reserve, stats, 0, (KEPT + 1) * PHYS_PAGE_SIZE)
    for i in range(KEPT + 1):
        engine.call(keep, stats, addr + i * PHYS_PAGE_SIZE, PHYS_PAGE_SIZE)
    engine.call(unmap_kept, stats)
    assert [state(addr + i * PHYS_PAGE_SIZE) for i in (0, KEPT - 1, KEPT)] == ["none", "none", "---p"]
    engine.call(sys_unreserve, stats, addr + KEPT * PHYS_PAGE_SIZE, PHYS_PAGE_SIZE)
    stats.kept_count = KEPT + 1
    with pytest.raises(BROKEN, match="O3"):
        engine.call(unmap_kept, stats)


def test_requests_are_refused_from_one_on(engine: Engine) -> None:
    stats = MemoryStats()
    stats.refuse_at, stats.refuse_more = 2, 2
    worked = [engine.call(sys_alloc, stats, MIB, stats.other) for _ in range(5)]
    assert [addr != 0 for addr in worked] == [True, False, False, False, True]
    for addr in filter(None, worked):
        engine.call(sys_free, stats, addr, MIB, stats.other)


@pytest.mark.parametrize(
    "purpose", ["heap_in_use", "heap_free", "heap_released", "stacks", "m_span", "m_cache", "buck_hash", "gc", "other"]
)
def test_every_purpose_counts(engine: Engine, purpose: str) -> None:
    stats = MemoryStats()
    addr = engine.call(sys_alloc, stats, MIB, getattr(stats, purpose))
    engine.call(check_memory_stats, stats)
    engine.call(sys_free, stats, addr, MIB, getattr(stats, purpose))
    getattr(stats, purpose).bytes = 1
    with pytest.raises(Failure, match="O1"):
        engine.call(check_memory_stats, stats)


def test_a_purpose_cannot_give_back_more_than_it_took(engine: Engine) -> None:
    stats = MemoryStats()
    addr = engine.call(sys_alloc, stats, MIB, stats.other)
    with pytest.raises(Failure, match="O2"):
        engine.call(sys_free, stats, addr, MIB, stats.gc)


# --- Names ---


def test_a_mapping_has_a_name_where_the_kernel_keeps_them(engine: Engine) -> None:
    stats = MemoryStats()
    addr = engine.call(sys_alloc, stats, 1 << 20, stats.other)
    engine.call(sys_name, stats, addr, 1 << 20, HEAP_PAGES)
    assert mapping(addr).endswith("[anon:Toy: heap]") != stats.nameless
    engine.call(sys_free, stats, addr, 1 << 20, stats.other)


def test_what_a_heap_maps_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, int] = {}

    def prctl(option: int, what: int, addr: int, size: int, name: Array[int]) -> int:
        text = ctypes.string_at(address(name)).decode()
        names[text] = names.get(text, 0) + size
        assert state(addr) != "none"
        return 0

    monkeypatch.setattr(os_memory, "prctl", prctl)
    heap = HeapUnderTest(engine_named("python"))
    heap.malloc(9 << 20)
    heap.close()
    assert names["Toy: heap"] == 12 << 20
    assert names["Toy: heap reservation"] == 64 << 20
    rest = "heap index, heap metadata, page summary, page alloc, immortal metadata, shadow stack".split(", ")
    assert {f"Toy: {name}" for name in rest} < set(names)


def test_a_kernel_without_names_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def prctl(option: int, *rest: object) -> int:
        calls.append(option)
        return -1

    monkeypatch.setattr(os_memory, "prctl", prctl)
    HeapUnderTest(engine_named("python")).close()
    assert len(calls) == 1
