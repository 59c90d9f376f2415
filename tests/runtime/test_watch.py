"""Watch: the story of an object by its number: where it was made, what kept it alive, and why it is dead."""

from __future__ import annotations

from itertools import pairwise

import pytest

from runtime import Runtime, Watched
from runtime.engines import ENGINES
from runtime.finalizers import add_cleanup, stop_cleanup
from runtime.syspy import address, store, u64
from runtime.watcher import LONGEST_PATH

both = pytest.mark.parametrize("engine", ENGINES)


def kinds(watched: Watched) -> list[tuple[str, int]]:
    return [(event.kind, event.collection) for event in watched.events]


@both
def test_the_whole_story_of_an_object(engine: str) -> None:
    with Runtime(engine, gogc="off", watch=[3]) as runtime:
        node = runtime.describe("node", 16, [0])
        root = runtime.new(node)
        root[0] = runtime.new(node)
        middle = root[0]
        runtime.alloc_site = 77
        last = runtime.new(node)  # number 3
        runtime.alloc_site = 0
        addr = last.address
        middle_handle = runtime.hold(middle)
        middle_handle[0] = last
        last.release()
        middle_handle.release()
        runtime.collect()
        runtime.collect()
        root[0] = None
        runtime.collect()
        runtime.collect()
        story = runtime.watched(3)
        assert (story.address, story.size, story.site, story.is_dead) == (addr, 16, 77, True)
        assert kinds(story) == [("allocated", 0), ("kept", 1), ("kept", 2), ("dead", 3)]
        path = story.events[1].path
        assert path is not None
        assert (path.kind, path.length) == ("handle", 3)
        assert [link.target for link in path.links] == [root.address, middle, addr]
        assert str(path) == f"handle {path.root} -> {root.address:#x}+0 -> {middle:#x}+0 -> {addr:#x}"
        broken = story.events[3].broken
        assert broken is not None
        assert (broken.source, broken.target, story.events[3].now) == (root.address, middle, 0)


@both
@pytest.mark.parametrize("size", [1, 8, 16, 24, 513, 3000, 40_000])
def test_objects_of_every_kind_have_numbers(engine: str, size: int) -> None:
    with Runtime(engine, gogc="off", watch=range(1, 7)) as runtime:
        typ = runtime.describe("pointers", -(-size // 8) * 8, [0])
        made = [runtime.new(typ) if i % 2 else runtime.new_bytes(size) for i in range(5)]
        runtime.new_bytes(0)  # of no bytes: no allocation, no number
        runtime.collect()
        for number, handle in enumerate(made, 1):
            story = runtime.watched(number)
            assert story.address == handle.address
            assert kinds(story) == [("allocated", 0), ("kept", 1)]
        assert runtime.watched(6).address == 0
        assert runtime.stress().allocations == 5


@both
def test_every_kind_of_root_is_named(engine: str) -> None:
    with Runtime(engine, gogc="off") as runtime:
        node = runtime.describe("node", 16, [0])
        table = runtime.roots(10)
        table.new(7, node)
        handle = runtime.new(node)
        found = runtime.path_to(table[7])
        assert found is not None
        assert (found.kind, found.root, found.length) == ("global", 56, 1)
        found = runtime.path_to(handle)
        assert found is not None
        assert found.kind == "handle"
        stack = runtime.state.g0
        lost = runtime.allocate(node)
        store(u64, stack.shadow_top, lost)
        stack.shadow_top = stack.shadow_top + 8
        found = runtime.path_to(lost)
        assert found is not None
        assert (found.kind, found.root) == ("stack", 0)
        stack.shadow_top = stack.shadow_base
        assert runtime.path_to(lost) is None
        runtime.weak(handle)  # dropped, but not the object's note of it
        box = runtime.state.heap.specials.roots.special.value
        runtime.collect()
        found = runtime.path_to(box)
        assert found is not None
        assert found.kind == "special"


@both
def test_a_path_into_the_middle_and_through_a_header(engine: str) -> None:
    with Runtime(engine, gogc="off") as runtime:
        wide = runtime.describe("wide", 800, [792])
        first, data = runtime.new(wide), runtime.new_bytes(100)
        addr = data.address
        first[99] = data.interior(50)
        data.release()
        path = runtime.path_to(addr + 20)
        assert path is not None
        assert path.way() == f" -> {first.address:#x}+792 -> {addr:#x}"


@both
def test_the_shortest_of_several_ways(engine: str) -> None:
    with Runtime(engine, gogc="off") as runtime:
        node = runtime.describe("node", 16, [0, 8])
        nodes = [runtime.new(node) for _ in range(20)]
        for one, other in pairwise(nodes):
            one[0] = other
        nodes[5][1] = nodes[19]
        nodes[19][1] = nodes[0]
        addr = nodes[19].address
        for handle in nodes[1:]:
            handle.release()
        path = runtime.path_to(addr)
        assert path is not None
        assert path.length == 7


@both
def test_a_long_path_keeps_both_ends(engine: str) -> None:
    with Runtime(engine, gogc="off") as runtime:
        node = runtime.describe("node", 16, [0])
        table = runtime.roots(1)
        addr = table.new(0, node)
        for _ in range(LONGEST_PATH + 50):
            before = table[0]
            table.new(0, node)
            runtime.hold(table[0])[0] = before
        path = runtime.path_to(addr)
        assert path is not None
        assert (path.kind, path.length, len(path.links)) == ("global", LONGEST_PATH + 51, LONGEST_PATH)
        assert path.links[0].target == table[0]
        assert path.links[-1].target == addr
        assert " -> ... 51 objects ... -> " in str(path)


@both
def test_why_it_is_dead_a_root_is_no_more(engine: str) -> None:
    with Runtime(engine, gogc="off", watch=[1, 2, 3]) as runtime:
        node = runtime.describe("node", 16, [0])
        handle, table = runtime.new(node), runtime.roots(1)
        table.new(0, node)
        lost = runtime.new(node)
        lost.release()
        runtime.collect()
        handle.release()
        table[0] = runtime.new(node)
        runtime.collect()
        by_handle, by_table, never = (runtime.watched(number) for number in (1, 2, 3))
        assert kinds(by_handle) == kinds(by_table) == [("allocated", 0), ("kept", 1), ("dead", 2)]
        assert (by_handle.events[2].now, by_table.events[2].now) == (0, table[0])
        assert kinds(never) == [("allocated", 0), ("dead", 1)]
        assert never.events[1].broken is None


@both
@pytest.mark.parametrize("breaks", ["special", "closure"])
def test_why_it_is_dead_what_a_special_keeps_is_looked_at(engine: str, breaks: str) -> None:
    with Runtime(engine, gogc="off", watch=[3]) as runtime:
        node = runtime.describe("node", 16, [0])
        target, closure, last = (runtime.new(node) for _ in range(3))
        addr, closure[0] = closure.address, last
        number = runtime._run(runtime._engine.call, add_cleanup, runtime._g, target.address, addr, 0)
        special = address(runtime.state.heap.specials.roots)
        closure.release()
        last.release()
        runtime.collect()
        if breaks == "special":
            assert runtime._run(runtime._engine.call, stop_cleanup, runtime._g, target.address, number) == addr
        else:
            runtime.hold(addr)[0] = None
        runtime.collect()
        kept, dead = runtime.watched(3).events[1:]
        assert kept.path is not None
        assert (kept.path.kind, kept.path.root, kept.path.length) == ("special", special, 2)
        assert dead.broken is not None
        assert dead.broken.source == (special if breaks == "special" else addr)


@both
def test_numbers_are_the_same_under_any_collections(engine: str) -> None:
    sites = []
    for debug in ("", "gcstress=1", "gcrandom=3,gcseed=5"):
        with Runtime(engine, debug=debug, watch=[40, 75]) as runtime:
            for i in range(100):
                runtime.alloc_site = i + 1
                runtime.new_bytes(24 if i % 3 else 5).release()
            sites.append([runtime.watched(number).site for number in (40, 75)])
    assert sites == [[40, 75]] * 3


def test_what_is_not_watched() -> None:
    with Runtime("python", watch=[5]) as runtime, pytest.raises(ValueError, match="allocation 6 is not watched"):
        runtime.watched(6)
    with pytest.raises(ValueError, match="the number of an allocation"):
        Runtime("python", watch=[0])
    with Runtime("python") as runtime, pytest.raises(ValueError, match="there is no object at 0x10"):
        runtime.path_to(16)
