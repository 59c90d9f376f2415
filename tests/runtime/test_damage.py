"""Damage: a check that walks on past what is wrong, and tells all of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lang import child
from lang.execution import Run
from runtime import Damaged, Runtime
from runtime.arenas import span_of
from runtime.damage import Damage, find_damages, heap_sections
from runtime.engines import ENGINES
from runtime.heap import Runtime as State
from runtime.heap import close_runtime
from runtime.layout import PAGE_SIZE
from runtime.roots import new_handle
from runtime.syspy import Failure, address, store, throw, u64
from tests.runtime.compiled import break_down
from tests.runtime.heaps import HeapUnderTest, engine_named
from tests.runtime.test_heap_check import BREAKS, Break, populated

pytestmark = pytest.mark.full_on_python


def names(damages: tuple[Damage, ...]) -> set[str]:
    return {damage.invariant for damage in damages}


def test_a_healthy_heap_has_none(heap: HeapUnderTest) -> None:
    populated(heap)
    assert find_damages(heap.state) == ()


def test_a_heap_between_two_steps_of_marking_has_none(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gcstoptheworld=0,gcstress=1000000000")
    heap.list_of(50)
    heap.collect()
    assert heap.state.increments.is_marking
    heap.check()
    assert find_damages(heap.state) == ()


@pytest.mark.parametrize(("tag", "damage"), BREAKS, ids=[f"{tag}-{i}" for i, (tag, _) in enumerate(BREAKS)])
def test_each_invariant_broken_once_is_among_them(tag: str, damage: Break) -> None:
    heap = HeapUnderTest(engine_named("native"))
    populated(heap)
    heap.call(new_handle, heap.state.roots, 0)
    damage(heap)
    assert tag in names(find_damages(heap.state))
    heap.call(close_runtime, heap.state)


@pytest.fixture(params=ENGINES)
def broken(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """A runtime that will not be checked at its end."""
    runtime = Runtime(request.param, gogc="off")
    yield runtime
    runtime.close()


def test_all_of_it_with_place_name_and_values(broken: Runtime) -> None:
    kept = [broken.new_bytes(size) for size in (1024, 48, 640, 40_000)]
    broken.collect()
    spans = [span_of(broken.state.heap.arenas, handle.address) for handle in kept]
    spans[0].alloc_count, spans[0].limit = 9, 5
    spans[1].mark_bits[0] = 1
    spans[2].limit = 0
    broken.state.heap.stats.large_alloc_count = 77
    broken.state.g0.shadow_top = broken.state.g0.shadow_base + 4
    with pytest.raises(Damaged, match=r"^fatal error: G1: a shadow stack's top is out of place") as raised:
        broken.check()
    found = raised.value.damages
    places = {(damage.invariant, damage.place) for damage in found}
    first, second, third = (f"the page at {span.start_addr:#x}" for span in spans[:3])
    assert places >= {("G1", "the heap"), ("S1", first), ("S5", first), ("S7", first), ("GB2", second), ("S7", third)}
    assert ("I3", "the totals") in places
    limits = [damage for damage in found if damage.invariant == "S7"]
    assert [damage.values for damage in limits] == [(spans[0].start_addr, 5), (spans[2].start_addr, 0)]
    assert limits[0].address == spans[0].start_addr
    line = f"{first}: S7: limit is not the end of the last slot {spans[0].start_addr:#x} 0x5"
    assert f"\n  {line}\n" in str(raised.value)


def test_looking_changes_nothing(broken: Runtime) -> None:
    kept = broken.new_bytes(640)
    span = span_of(broken.state.heap.arenas, kept.address)
    limit, span.limit = span.limit, 0
    assert names(broken.damages()) == {"S7"}
    span.limit = limit
    assert broken.damages() == ()
    broken.check()
    broken.collect()
    assert kept[0] == 0


def test_a_pointer_that_leads_nowhere_does_not_end_the_check(broken: Runtime) -> None:
    kept = [broken.new_bytes(size) for size in (1024, 640, 40_000)]
    arena = broken.state.heap.arenas.first
    for handle in kept[:2]:
        page = (handle.address - arena.start_addr) // PAGE_SIZE
        store(u64, address(arena.spans) + 8 * page, 0x7000_0000_1000)
    span_of(broken.state.heap.arenas, kept[2].address).limit = 0
    found = broken.damages()
    fatal = [damage for damage in found if damage.invariant == ""]
    assert [damage.place for damage in fatal] == [f"the page at {handle.address:#x}" for handle in kept[:2]]
    assert all(damage.text == "the check could not go on: signal SIGSEGV" for damage in fatal)
    assert "S7" in names(found)


def test_a_check_without_end_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(state: State) -> None:
        while True:
            throw("X1: again")

    def asleep(state: State) -> None:
        while True:
            pass

    def broken_check(state: State) -> None:
        raise IndexError("beyond")

    def sections(state: State) -> Iterator[tuple[str, object]]:
        for check in (endless, asleep, broken_check):
            yield check.__name__, lambda check=check: check(state)

    monkeypatch.setattr("runtime.damage.SECTION_SECONDS", 2)
    with Runtime("python") as runtime:
        found = find_damages(runtime.state, sections)  # type: ignore[arg-type]
    assert len(found) == 1000 + 3
    assert [str(damage) for damage in (found[0], *found[1000:])] == [
        "endless: X1: again",
        "endless: the check could not go on: 1000 damages",
        "asleep: the check could not go on: it came to no end",
        "broken_check: the check could not go on: beyond",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_second_marking_tells_every_difference(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(engine, gogc="off", debug="gccheckmark=1")
    node = runtime.describe("node", 16, [0])
    roots = runtime.roots(4)
    hidden = [runtime.new(node) for _ in range(3)]
    holders = [runtime.new(node) for _ in range(3)]
    addresses = [handle.address for handle in hidden]
    for holder, target in zip(holders, hidden, strict=True):
        holder[0] = target
    hidden[0][0] = roots.new(1, node)
    # The marker is made to pass the roots over: their pages are no longer known to hold objects of that class.
    state = runtime.state
    window = (addresses[0] - state.heap.arenas.window_base) // PAGE_SIZE
    state.heap.arenas.inline_class[window] = 5  # as if without pointers: the holders are not looked into
    for handle in hidden:
        handle.release()
    with pytest.raises(Failure, match="MK2: checkmark found unmarked object") as raised:
        runtime.collect()
    assert isinstance(raised.value, Damaged)
    found = raised.value.damages
    assert {damage.address for damage in found if damage.invariant == "MK2"} == set(addresses)
    assert {damage.values[2] for damage in found} == {holder.address for holder in holders}
    runtime.close()


def test_the_sections_name_each_page_once(heap: HeapUnderTest) -> None:
    populated(heap)
    places = [place for place, _ in heap_sections(heap.state)]
    assert len(places) == len(set(places)) > 8192


@pytest.mark.parametrize("engine", ENGINES)
def test_a_check_around_a_collection_tells_all_as_well(engine: str) -> None:
    runtime = Runtime(engine, gogc="off", debug="heapcheck=1")
    spans = [span_of(runtime.state.heap.arenas, runtime.new_bytes(size).address) for size in (640, 1024)]
    for span in spans:
        span.limit = 0
    with pytest.raises(Damaged) as raised:
        runtime.collect()
    assert [damage.address for damage in raised.value.damages] == [span.start_addr for span in spans]
    runtime.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_failure_of_something_else_is_no_damage(engine: str) -> None:
    runtime = Runtime(engine)
    runtime.load(break_down)
    with pytest.raises(Failure, match="broken on purpose") as raised:
        runtime.run(break_down)
    assert not isinstance(raised.value, Damaged)
    runtime.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_toyrun_lists_them(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Run.open

    def open_damaged(run: Run) -> None:
        opened(run)
        stats = State.at(run.runtime).heap.stats
        stats.large_alloc_count, stats.small_free_count[7] = 77, 3

    monkeypatch.setattr(Run, "open", open_damaged)
    path = tmp_path / "hello.toy"
    path.write_text("func main() {}\n", encoding="utf-8")
    done = child.run(path, engine=engine, environ={**os.environ, "GODEBUG": "heapcheck=1"})
    message, _, damages = done.stderr.decode().partition("\ndamages:\n")
    assert done.exit_code == 2
    assert message.startswith("fatal error: I3: objects allocated less objects freed are not the taken slots")
    text = "  the totals: I3: objects allocated less objects freed are not the taken slots"
    assert damages == f"{text} 0x0 0x4d\n{text} 0x7 0xfffffffffffffffd\n"
