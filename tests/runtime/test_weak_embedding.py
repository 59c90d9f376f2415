"""Weak pointers through the library, as weak.Pointer of Go has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime import Closed, Runtime, Weak


@pytest.fixture(params=["python", "native"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    with Runtime(request.param) as made:
        yield made
        made.check()


def test_it_becomes_none_when_the_object_is_found_dead(runtime: Runtime) -> None:
    handle = runtime.new_bytes(64)
    handle[3] = 77
    weak = runtime.weak(handle)
    runtime.collect()
    seen = weak.value()
    assert seen is not None
    assert (seen.address, seen.size, seen[3]) == (handle.address, 64, 77)
    handle.release()
    runtime.collect()
    again = weak.value()
    assert again is not None, "what value() gave keeps the object alive"
    again.release()
    seen.release()
    runtime.collect(sweep=False)
    assert weak.value() is None


def test_equality_is_that_of_the_address_in_the_object(runtime: Runtime) -> None:
    one, other = runtime.new_bytes(64), runtime.new_bytes(64)
    weak = runtime.weak(one)
    assert weak == runtime.weak(one) == runtime.weak(one.address)
    assert hash(weak) == hash(runtime.weak(one))
    assert len({weak, runtime.weak(other), runtime.weak(one.address + 8), runtime.weak(one)}) == 3
    assert weak != one.address
    again = runtime.weak(one)
    one.release()
    runtime.collect()
    assert weak == again != runtime.weak(other)


def test_an_address_inside_of_an_object(runtime: Runtime) -> None:
    handle = runtime.new_bytes(64)
    with runtime.weak(handle.address + 48) as weak, runtime.weak(handle.address + 48) as other:
        assert weak == other
        seen = weak.value()
        assert seen is not None
        assert seen.address == handle.address, "a handle is one of a whole object"
        with runtime.weak(seen.address) as whole:
            assert whole != weak


def test_released_ones_leave_nothing_behind(runtime: Runtime) -> None:
    handle = runtime.new_bytes(64)
    weak = runtime.weak(handle)
    runtime.collect()
    assert runtime.stats().heap_objects == 2
    weak.release()
    weak.release()
    handle.release()
    runtime.collect()
    runtime.collect()
    assert runtime.stats().heap_objects == 0
    with pytest.raises(Closed, match="the handle was released"):
        weak.value()


def test_what_is_no_object(runtime: Runtime) -> None:
    empty, handle, gone = runtime.new_bytes(0), runtime.new_bytes(64), runtime.new_bytes(64)
    with pytest.raises(ValueError, match="objects of size 0"):
        runtime.weak(empty)
    addr = gone.address
    gone.release()
    runtime.collect()
    for wrong in (0, addr, handle.address + 64, 1 << 47, (1 << 64) - 1):
        with pytest.raises(ValueError, match="there is no object at"):
            runtime.weak(wrong)
    with pytest.raises(Closed, match="the handle was released"):
        runtime.weak(gone)
    with Runtime("python") as other, pytest.raises(ValueError, match="is of another runtime"):
        other.weak(handle)
    with pytest.raises(ValueError, match="an address is -1"):
        runtime.weak(-1)


def test_after_close() -> None:
    runtime = Runtime("python")
    handle = runtime.new_bytes(8)
    weak = runtime.weak(handle)
    runtime.close()
    for use in (weak.value, lambda: runtime.weak(8), lambda: runtime.weak(handle)):
        with pytest.raises(Closed):
            use()
    weak.release()
    assert isinstance(weak, Weak)
