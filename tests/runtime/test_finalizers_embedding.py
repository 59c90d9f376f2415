"""Finalizers and cleanups through the library, as runtime.SetFinalizer and runtime.AddCleanup of Go have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runtime import Busy, Closed, Handle, Runtime


@pytest.fixture(params=["python", "native"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    with Runtime(request.param) as made:
        yield made
        made.check()


def collected(runtime: Runtime) -> int:
    """Collect, and make the calls that are ready then: how many."""
    runtime.collect()
    return runtime.run_finalizers()


@pytest.mark.parametrize("size", [4, 48, 4000, 100_000])
def test_a_finalizer_gets_its_object_once(runtime: Runtime, size: int) -> None:
    seen: list[tuple[int, int, bytes]] = []
    handle = runtime.new_bytes(b"x" * size)
    addr = handle.address
    runtime.set_finalizer(handle, lambda dead: seen.append((dead.address, dead.size, dead.read())))
    assert collected(runtime) == 0
    handle.release()
    runtime.collect()
    assert (seen, runtime.ready_finalizers) == ([], 1)
    assert runtime.run_finalizers() == 1
    assert seen == [(addr, size, b"x" * size)]
    assert collected(runtime) == 0
    assert runtime.stats().heap_objects == 0
    assert len(runtime._calls) == 0


def test_what_the_object_leads_to_is_there(runtime: Runtime) -> None:
    node = runtime.describe("node", 16, pointers=[0])
    head, tail = runtime.new(node), runtime.new(node)
    head[0], tail[1] = tail, 42
    seen: list[Any] = []

    def finalize(dead: Handle) -> None:
        following = dead.target(0)
        assert following is not None
        seen.extend((dead.type.name, following[1]))

    runtime.set_finalizer(head, finalize)
    head.release()
    tail.release()
    assert collected(runtime) == 1
    assert seen == ["node", 42]
    runtime.collect()
    assert runtime.stats().heap_objects == 0


def test_an_object_can_be_kept_by_its_finalizer_and_have_another(runtime: Runtime) -> None:
    kept: list[Handle] = []
    runtime.set_finalizer(runtime.new_bytes(64), kept.append)
    assert collected(runtime) == 1
    for _ in range(2):
        assert collected(runtime) == 0
        runtime.set_finalizer(kept.pop(), kept.append)
        assert collected(runtime) == 1
    assert len(kept) == 1
    kept.clear()
    runtime.collect()
    assert runtime.stats().heap_objects == 0


def test_before_it_is_swept_an_object_that_will_be_finalized_is_an_object(runtime: Runtime) -> None:
    handle, lost = runtime.new_bytes(64), runtime.new_bytes(64)
    addr, gone = handle.address, lost.address
    runtime.set_finalizer(handle, lambda _: None)
    handle.release()
    lost.release()
    runtime.collect(sweep=False)
    assert [found.address for found in runtime.objects()] == [addr]
    assert (runtime.object_at(addr), runtime.object_at(gone)) == ((addr, 64), None)


def test_a_finalizer_can_be_taken_back(runtime: Runtime) -> None:
    handle = runtime.new_bytes(64)
    runtime.set_finalizer(handle, print)
    with pytest.raises(ValueError, match=r"runtime\.SetFinalizer: finalizer already set"):
        runtime.set_finalizer(handle, print)
    runtime.set_finalizer(handle, None)
    runtime.set_finalizer(handle, None)
    handle.release()
    assert collected(runtime) == 0
    assert (len(runtime._calls), runtime.stats().heap_objects) == (0, 0)


def test_what_can_have_no_finalizer(runtime: Runtime) -> None:
    handle = runtime.new_bytes(64)
    with pytest.raises(ValueError, match=r"runtime\.SetFinalizer: pointer not at beginning of allocated block"):
        runtime.set_finalizer(handle.address + 8, print)
    with pytest.raises(ValueError, match="there is no object at"):
        runtime.set_finalizer(8, print)
    with pytest.raises(ValueError, match="is of another runtime"), Runtime("python") as other:
        other.set_finalizer(handle, print)
    wrong: Any = 17
    for add in (lambda: runtime.set_finalizer(handle, wrong), lambda: runtime.add_cleanup(handle, wrong, 1)):
        with pytest.raises(TypeError, match="17 cannot be called"):
            add()
    runtime.set_finalizer(runtime.new_bytes(0), print)  # never dies
    runtime.add_cleanup(runtime.new_bytes(0), print, "never").stop()
    assert collected(runtime) == 0
    assert len(runtime._calls) == 0


def test_an_address_will_do(runtime: Runtime) -> None:
    seen: list[Any] = []
    handle = runtime.new_bytes(64)
    runtime.set_finalizer(handle.address, lambda dead: seen.append(dead.size))
    runtime.add_cleanup(handle.address + 8, seen.append, "gone")
    handle.release()
    assert [collected(runtime), collected(runtime)] == [1, 1]
    assert seen == [64, "gone"]


def test_cleanups_get_their_argument_and_can_be_stopped(runtime: Runtime) -> None:
    seen: list[Any] = []
    handle = runtime.new_bytes(64)
    cleanups = [runtime.add_cleanup(handle, seen.append, number) for number in range(4)]
    cleanups[1].stop()
    cleanups[1].stop()
    handle.release()
    runtime.collect()
    cleanups[2].stop()  # too late
    assert runtime.run_finalizers() == 3
    assert sorted(seen) == [0, 2, 3]
    cleanups[0].stop()
    assert len(runtime._calls) == 0


def test_an_argument_that_is_a_handle_lives_until_the_call(runtime: Runtime) -> None:
    seen: list[Any] = []
    handle, arg = runtime.new_bytes(64), runtime.new_bytes(b"argument")
    runtime.add_cleanup(handle, lambda given: seen.append(given.read()), arg)
    handle.release()
    arg.release()
    assert collected(runtime) == 1
    assert seen == [b"argument"]
    runtime.collect()
    assert runtime.stats().heap_objects == 0


def test_an_argument_that_would_keep_the_object(runtime: Runtime) -> None:
    handle = runtime.new_bytes(64)
    with pytest.raises(ValueError, match=r"runtime\.AddCleanup: ptr is equal to arg, cleanup will never run"):
        runtime.add_cleanup(handle, print, handle)
    with pytest.raises(ValueError, match=r"runtime\.AddCleanup: ptr is within arg, cleanup will never run"):
        runtime.add_cleanup(handle.address + 8, print, handle)
    assert len(runtime._calls) == 0


def test_what_a_finalizer_raises_is_raised_and_the_others_wait(runtime: Runtime) -> None:
    seen: list[int] = []
    for number in range(3):

        def finalize(_: Handle, number: int = number) -> None:
            seen.append(number)
            raise ZeroDivisionError(str(number))

        runtime.set_finalizer(runtime.new_bytes(64), finalize)
    runtime.collect()
    for left in (2, 1, 0):
        with pytest.raises(ZeroDivisionError):
            runtime.run_finalizers()
        assert runtime.ready_finalizers == left
    assert sorted(seen) == [0, 1, 2]


def test_a_finalizer_may_allocate_and_collect(runtime: Runtime) -> None:
    made: list[Handle] = []

    def finalize(dead: Handle) -> None:
        made.append(runtime.new_bytes(100))
        runtime.collect()
        assert dead.read() == b"still here" + bytes(6)

    for _ in range(3):
        handle = runtime.new_bytes(16)
        handle.write(0, b"still here")
        runtime.set_finalizer(handle, finalize)
        del handle
    assert collected(runtime) == 3
    runtime.collect()
    assert runtime.stats().heap_objects == 3


def test_a_finalizer_may_call_the_others_and_each_is_counted_once(runtime: Runtime) -> None:
    counts: list[int] = []
    for _ in range(5):
        runtime.set_finalizer(runtime.new_bytes(64), lambda _: counts.append(runtime.run_finalizers()))
    runtime.collect()
    assert runtime.run_finalizers() == 1
    assert counts == [0, 1, 1, 1, 1]
    assert runtime.ready_finalizers == 0


def test_nothing_is_called_from_a_phase_or_by_closing() -> None:
    seen: list[Any] = []
    with Runtime("python") as runtime:

        @runtime.on_phase
        def told(_: object) -> None:
            with pytest.raises(Busy):
                runtime.set_finalizer(kept, seen.append)
            seen.append("phase")

        kept = runtime.new_bytes(64)
        runtime.set_finalizer(runtime.new_bytes(64), seen.append)
        runtime.collect()
        cleanup = runtime.add_cleanup(kept, seen.append, 1)
        assert runtime.ready_finalizers == 1
    assert seen == ["phase"] * 3
    for use in (runtime.run_finalizers, cleanup.stop, lambda: runtime.set_finalizer(kept, None)):
        with pytest.raises(Closed):
            use()


def test_keep_alive_needs_a_handle_that_is_not_released(runtime: Runtime) -> None:
    handle = runtime.new_bytes(64)
    runtime.keep_alive(handle)
    handle.release()
    with pytest.raises(Closed, match="the handle was released"):
        runtime.keep_alive(handle)


@pytest.mark.full_on_python
@pytest.mark.parametrize("engine", ["python", "native"])
def test_under_stress(engine: str) -> None:
    seen: list[int] = []
    with Runtime(engine, debug="gcstress=1,clobberfree=1,gccheckmark=1,heapcheck=1") as runtime:
        node = runtime.describe("node", 24, pointers=[0, 8])
        for number in range(30):
            first, second = runtime.new(node), runtime.new(node)
            first[0], second[2] = second, number
            runtime.set_finalizer(first, lambda dead: seen.append(number_behind(dead)))
            runtime.run_finalizers()
        first.release()
        second.release()
        collected(runtime)
        assert sorted(seen) == list(range(30))
        runtime.collect()
        assert runtime.stats().heap_objects == 0


def number_behind(dead: Handle) -> int:
    """The number in the object that a dead one leads to."""
    following = dead.target(0)
    assert following is not None
    return int(following[2])
