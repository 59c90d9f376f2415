"""The walk over a heap, and what an address belongs to."""

from __future__ import annotations

import pytest

from runtime import Runtime

SIZES = [8, 16, 24, 48, 512, 520, 1024, 32752, 32768, 100_000]


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_found_with_its_pointers(runtime: Runtime, size: int) -> None:
    typ = runtime.describe("T", size, [0, size - 8] if size > 8 else [0])
    made = [runtime.new(typ) for _ in range(3)]
    target = runtime.new_bytes(16)
    for handle in made:
        handle[size // 8 - 1] = target
    found = {one.address: one for one in runtime.objects()}
    assert found.keys() == {handle.address for handle in [*made, target]}
    for handle in made:
        one = found[handle.address]
        assert one.size >= size
        assert one.type is (typ if size > 512 else None)
        assert runtime.referents(handle) == [target.address]
        assert runtime.object_at(handle.address + size - 1) == (handle.address, one.size)
    assert runtime.reachable_from(made[0]) == {made[0].address, target.address}


def test_arrays_repeat_their_type(runtime: Runtime) -> None:
    pair = runtime.describe("pair", 24, [8])
    for count in (2, 20, 40, 5000):
        array = runtime.new(pair, count)
        for i in range(count):
            array[3 * i + 1] = array
        assert runtime.referents(array) == [array.address] * count
        held = runtime.hold(array.address)
        assert [held.type.is_pointer(i) for i in range(6)] == [False, True, False] * 2


def test_slots_that_nobody_has_are_no_objects(runtime: Runtime) -> None:
    kept = runtime.new_bytes(64)
    for offset in (64, 128, 4096):
        assert runtime.object_at(kept.address + offset) is None  # the rest of the run that is being handed out
    assert [one.address for one in runtime.objects()] == [kept.address]


def test_the_dead_are_no_objects_even_before_they_are_swept(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, [0])
    made = [runtime.new(node) for _ in range(1200)]  # three spans; the last is in the mcache, and swept with it
    kept, addr = made[0], made[1].address
    del made
    assert runtime.object_at(addr) == (addr, 16)
    runtime.collect(sweep=False)
    assert runtime.object_at(addr) is None
    assert [one.address for one in runtime.objects()] == [kept.address]
    with pytest.raises(ValueError, match="is not the address of an object"):
        kept[0] = addr


def test_the_word_before_an_object_is_not_the_object(runtime: Runtime) -> None:
    wide = runtime.new(runtime.describe("wide", 600, [0]))
    assert runtime.object_at(wide.address - 1) is None
    assert runtime.object_at(wide.address) == (wide.address, 632)


def test_reachability_goes_through_cycles_and_interior_pointers(runtime: Runtime) -> None:
    node = runtime.describe("node", 32, [0, 8])
    a, b, c, apart = (runtime.new(node) for _ in range(4))
    a[0], b[0], c[0], c[1] = b.interior(31), c, a, c
    everything = {a.address, b.address, c.address}
    assert runtime.reachable_from(b) == everything == runtime.reachable_from(b.interior(9), c)
    assert runtime.reachable_from(apart) == {apart.address}
    assert runtime.reachable_from() == set()
    assert runtime.reachable_from(apart, c) == everything | {apart.address}


def test_a_walk_is_a_picture_of_its_moment(runtime: Runtime) -> None:
    kept = [runtime.new_bytes(32) for _ in range(1000)]
    walk = runtime.objects()
    next(walk)
    for handle in kept:
        handle.release()
    runtime.collect()
    assert len(list(walk)) == 999
    assert list(runtime.objects()) == []


def test_tiny_objects_are_found_by_the_block_that_they_share(runtime: Runtime) -> None:
    first, second = runtime.new_bytes(3), runtime.new_bytes(4)
    assert runtime.object_at(second.address) == (first.address, 16)
    assert [(one.address, one.size) for one in runtime.objects()] == [(first.address, 16)]
    second.write(0, b"abcd")
    held = runtime.hold(second.address)
    assert held == second
    assert held.read(0, 4) == b"abcd"
    assert held.size == first.address + 16 - second.address
