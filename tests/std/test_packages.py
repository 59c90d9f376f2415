"""Packages os and runtime: arguments on the heap, exits that lose nothing, statistics and collections."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import pytest

from lang.std import os_pkg, runtime_pkg
from lang.std.runtime_pkg import MemStats
from runtime import heap, malloc
from runtime.heap import Runtime
from runtime.output import close_output, open_output, write_bytes
from runtime.proc import G
from runtime.syspy import FAIL_EXIT, FAIL_PANIC, Array, Failure, Inline, address, array_at, nil, sizeof, table, u8
from runtime.types import String, Type
from tests.runtime.engines import Engine
from tests.std.values import STRING, Memory

ROOTS = [heap.new_runtime, heap.close_runtime, os_pkg.os_args, os_pkg.os_exit, malloc.mallocgc]
ROOTS += [runtime_pkg.runtime_gc, runtime_pkg.read_mem_stats]

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


def test_the_statistics_are_as_large_as_gos() -> None:
    assert sizeof(MemStats) == 5776


def test_statistics_into_nil_panic(engine: Engine, g: G) -> None:
    with pytest.raises(Failure, match="nil pointer dereference") as caught:
        engine.call(runtime_pkg.read_mem_stats, g, nil(MemStats))
    assert caught.value.kind == FAIL_PANIC
