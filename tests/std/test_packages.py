"""Packages os, runtime and time: arguments on the heap, exits that lose nothing, statistics, collections, sleep."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lang.lower_packages import VERSION
from lang.std import debug_pkg, os_pkg, runtime_pkg, time_pkg, weak_pkg
from lang.std.debug_pkg import DebugGCStats
from lang.std.runtime_pkg import MemStats
from lang.std.time_pkg import Time
from runtime import heap, malloc
from runtime.heap import Runtime
from runtime.mheap import MHeap
from runtime.output import close_output, open_output, write_bytes
from runtime.p import P_RUNNING
from runtime.proc import G
from runtime.syspy import (
    FAIL_EXIT,
    FAIL_PANIC,
    Array,
    Failure,
    Inline,
    address,
    array_at,
    nil,
    offsetof,
    sizeof,
    store,
    table,
    u8,
    u64,
)
from runtime.types import String, Type
from tests.runtime.engines import Engine
from tests.runtime.heaps import native_engine
from tests.std.values import STRING, Memory

ROOTS = [heap.new_runtime, heap.close_runtime, os_pkg.os_args, os_pkg.os_exit, malloc.mallocgc]
ROOTS += [runtime_pkg.runtime_gc, runtime_pkg.read_mem_stats, runtime_pkg.num_cpu, runtime_pkg.set_max_procs]
ROOTS += [runtime_pkg.set_finalizer_of, runtime_pkg.clear_finalizer, time_pkg.time_sleep]
ROOTS += [debug_pkg.free_os_memory, debug_pkg.read_gc_stats, debug_pkg.set_gc_percent, debug_pkg.set_memory_limit]
ROOTS += [time_pkg.wall_clock, time_pkg.monotonic_clock, weak_pkg.weak_handle, weak_pkg.weak_referent]
RESTS_ON = native_engine

STRING.description.ptr_bytes = 8
STRING.description.gc_mask = table(u8, [1])


@pytest.fixture
def g(engine: Engine) -> Iterator[G]:
    runtime = Runtime.at(engine.call(heap.new_runtime, 100, 1 << 20))
    runtime.g0.output = open_output()
    yield runtime.g0
    close_output(runtime.g0.output)
    engine.call(heap.close_runtime, runtime)


def strings_at(data: int, n: int) -> list[bytes]:
    items: Array[Inline[String]] = array_at(Inline[String], data)
    return [ctypes.string_at(address(items[i].data), items[i].length) for i in range(n)]


@pytest.mark.parametrize("stress", [0, 1])
def test_arguments_are_strings_on_the_heap(engine: Engine, g: G, stress: int) -> None:
    g.runtime.knobs.gc_stress = stress
    if stress:
        g.p.m_cache.run_bytes = 0  # every allocation takes the slow path
    memory, arguments = Memory(), [b"prog.toy", b"", b"-n", "é".encode(), b"x" * 300]
    packed = memory.bytes(b"".join(argument + b"\0" for argument in arguments))
    top = g.shadow_top
    data = engine.call(os_pkg.os_args, g, packed, len(arguments), STRING.description)
    assert strings_at(data, len(arguments)) == arguments
    assert g.shadow_top == top
    assert (g.runtime.gc.num_gc > 0) == (stress > 0)


def test_no_arguments(engine: Engine, g: G) -> None:
    assert engine.call(os_pkg.os_args, g, Memory().bytes(b""), 0, STRING.description) != 0


def test_exit_writes_what_waits_and_leaves_with_the_status(engine: Engine, g: G) -> None:
    reader, writer = os.pipe()
    g.output.fd = writer
    memory = Memory()
    write_bytes(g.output, memory.bytes(b"last words"), 10)
    with pytest.raises(Failure) as caught:
        engine.call(os_pkg.os_exit, g, 3)
    assert (caught.value.kind, caught.value.words) == (FAIL_EXIT, (3,))
    assert os.read(reader, 100) == b"last words"
    os.close(reader)
    os.close(writer)


def test_a_collection_frees_and_the_statistics_tell(engine: Engine, g: G) -> None:
    stats = MemStats()
    for _ in range(100):
        engine.call(malloc.mallocgc, g, 64, nil(Type), True)
    engine.call(runtime_pkg.read_mem_stats, g, stats)
    assert (stats.mallocs, stats.heap_objects, stats.num_gc) == (100, 100, 0)
    assert stats.heap_alloc == stats.alloc == 6400
    engine.call(runtime_pkg.runtime_gc, g)
    engine.call(runtime_pkg.read_mem_stats, g, stats)
    assert (stats.mallocs, stats.heap_objects, stats.num_gc, stats.num_forced_gc) == (100, 0, 1, 1)


@pytest.mark.parametrize("ns", [-5, 0, 1, 3_000_000])
def test_a_sleep_lasts_so_long_and_holds_nobody_up(engine: Engine, g: G, ns: int) -> None:
    start = time.monotonic_ns()
    engine.call(time_pkg.time_sleep, g, ns)
    assert time.monotonic_ns() - start >= ns
    assert g.p.status == P_RUNNING


def test_a_finalizer_is_refused_in_go_s_words(engine: Engine, g: G) -> None:
    addr = engine.call(malloc.mallocgc, g, 64, nil(Type), True)
    engine.call(runtime_pkg.set_finalizer_of, g, addr, 1, False)
    for p, said in [(addr, "finalizer already set"), (addr + 8, "pointer not at beginning"), (8, "pointer not in all")]:
        with pytest.raises(Failure, match=rf"runtime\.SetFinalizer: {said}"):
            engine.call(runtime_pkg.set_finalizer_of, g, p, 1, False)
    with pytest.raises(Failure, match="pointer not at beginning of allocated block"):
        engine.call(runtime_pkg.clear_finalizer, g, addr + 8, False)
    engine.call(runtime_pkg.clear_finalizer, g, addr, False)
    assert g.heap.specials.root_count == 0


def test_a_weak_pointer_leads_into_the_heap_by_a_handle(engine: Engine, g: G) -> None:
    addr = engine.call(malloc.mallocgc, g, 64, nil(Type), True)
    handle = engine.call(weak_pkg.weak_handle, g, addr + 8)
    assert handle not in (addr, addr + 8)
    assert engine.call(weak_pkg.weak_handle, g, addr + 8) == handle
    assert engine.call(weak_pkg.weak_referent, g, handle) == addr + 8
    store(u64, g.shadow_top, handle)
    g.shadow_top = g.shadow_top + 8
    engine.call(runtime_pkg.runtime_gc, g)
    assert engine.call(weak_pkg.weak_referent, g, handle) == 0


def test_a_weak_pointer_out_of_the_heap_never_becomes_nil(engine: Engine, g: G) -> None:
    for outside in (0, address(g), address(g.runtime.heap) + offsetof(MHeap, "zero_base")):
        assert engine.call(weak_pkg.weak_handle, g, outside) == outside
        engine.call(runtime_pkg.runtime_gc, g)
        assert engine.call(weak_pkg.weak_referent, g, outside) == outside


def test_the_statistics_are_as_large_as_gos() -> None:
    assert sizeof(MemStats) == 5776


def test_statistics_into_nil_panic(engine: Engine, g: G) -> None:
    with pytest.raises(Failure, match="nil pointer dereference") as caught:
        engine.call(runtime_pkg.read_mem_stats, g, nil(MemStats))
    assert caught.value.kind == FAIL_PANIC


def pauses_of(g: G) -> list[int]:
    """The last pauses by the ring, the latest first."""
    gc = g.runtime.gc
    return [gc.pause_ns[(gc.num_gc - 1 - i) % 256] for i in range(min(gc.num_gc, 256))]


def unix_nano(t: Time) -> int:
    """t.UnixNano()"""
    assert t.loc == time_pkg.AT_LOCAL
    return (t.ext - time_pkg.UNIX_EPOCH) * time_pkg.SECOND + t.wall


def test_the_clocks_go_on(engine: Engine, g: G) -> None:
    for function, now in [(time_pkg.wall_clock, time.time_ns), (time_pkg.monotonic_clock, time.monotonic_ns)]:
        before = now()
        assert before <= engine.call(function, g) <= now()


@pytest.mark.parametrize("collections", [0, 1, 5, 255, 256, 257, 300])
def test_gc_stats_have_the_latest_pause_first(engine: Engine, g: G, collections: int) -> None:
    stats = DebugGCStats()
    for _ in range(collections):
        engine.call(runtime_pkg.runtime_gc, g)
    top = g.shadow_top
    engine.call(debug_pkg.read_gc_stats, g, stats)
    assert (stats.num_gc, stats.pause.length, stats.pause.capacity) == (collections, min(collections, 256), 515)
    assert stats.pause_total == g.runtime.gc.pause_total_ns
    pauses: Array[int] = array_at(u64, stats.pause.data)
    assert [pauses[i] for i in range(stats.pause.length)] == pauses_of(g)
    gc = g.runtime.gc
    ends = [gc.pause_end[(gc.num_gc - 1 - i) % 256] for i in range(min(collections, 256))]
    assert (stats.pause_end.length, stats.pause_end.capacity) == (len(ends), 256)
    times: Array[Any] = array_at(Inline[Time], stats.pause_end.data)
    assert [unix_nano(times[i]) for i in range(len(ends))] == ends
    assert unix_nano(stats.last_gc) == gc.last_gc
    assert g.shadow_top == top


@pytest.mark.parametrize("count", [1, 2, 3, 5, 11])
@pytest.mark.parametrize("collections", [0, 1, 2, 7, pytest.param(400, marks=pytest.mark.full_on_python)])
def test_quantiles(engine: Engine, g: G, collections: int, count: int) -> None:
    stats = DebugGCStats()
    room = table(u64, [99] * count)
    stats.pause_quantiles.data, stats.pause_quantiles.length = address(room), count
    for _ in range(collections):
        engine.call(runtime_pkg.runtime_gc, g)
    engine.call(debug_pkg.read_gc_stats, g, stats)
    pauses = sorted(pauses_of(g)) or [0]
    expected = [pauses[len(pauses) * i // (count - 1)] for i in range(count - 1)] + [pauses[-1]]
    assert [room[i] for i in range(count)] == expected
    latest: Array[int] = array_at(u64, stats.pause.data)
    assert [latest[i] for i in range(stats.pause.length)] == pauses_of(g)


def test_room_for_pauses_is_made_once_and_a_collection_meanwhile_does_no_harm(engine: Engine, g: G) -> None:
    g.runtime.knobs.gc_stress = 1
    g.m_cache.run_bytes = 0
    addr = engine.call(malloc.mallocgc, g, sizeof(DebugGCStats), nil(Type), True)
    stats = DebugGCStats.at(addr)
    engine.call(debug_pkg.read_gc_stats, g, stats)
    assert g.runtime.gc.num_gc == stats.num_gc == 3
    data, ends = stats.pause.data, stats.pause_end.data
    assert len({data, ends, addr, 0}) == 4
    engine.call(debug_pkg.read_gc_stats, g, stats)
    assert (stats.pause.data, stats.pause_end.data) == (data, ends)


def test_gc_stats_into_nil_panic(engine: Engine, g: G) -> None:
    with pytest.raises(Failure, match="nil pointer dereference"):
        engine.call(debug_pkg.read_gc_stats, g, nil(DebugGCStats))


def test_debug_functions(engine: Engine, g: G) -> None:
    assert [engine.call(debug_pkg.set_gc_percent, g, n) for n in (50, -3, 100)] == [100, 50, -1]
    g.heap.scavenger.memory_limit, g.runtime.knobs.processors, g.runtime.knobs.max_procs = 5, 6, 7
    assert [engine.call(debug_pkg.set_memory_limit, g, n) for n in (-1, 9, -1)] == [5, 5, 9]
    assert [engine.call(runtime_pkg.set_max_procs, g, n) for n in (0, 2, 2)] == [7, 7, 2]
    assert engine.call(runtime_pkg.num_cpu, g) == 6
    engine.call(malloc.mallocgc, g, 64, nil(Type), True)
    engine.call(debug_pkg.free_os_memory, g)
    assert g.runtime.gc.num_forced_gc == 1


def test_the_version_is_the_project_s() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{VERSION.decode().removeprefix("toy")}"\n' in project
