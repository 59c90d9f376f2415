"""Runtimes: made, several at a time, and closed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.heap import Runtime, close_runtime, new_runtime
from runtime.proc import OWN_ROOTS
from runtime.syspy import Failure, load, store, u64
from tests.runtime.heaps import NODE, NONE, SHADOW_BYTES, HeapUnderTest

ROOT = Path(__file__).resolve().parents[2]


def mappings() -> int:
    """Bytes of address space that this process has mapped."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmSize:"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmSize")


def test_ten_runtimes_live_side_by_side(new_heap: Callable[..., HeapUnderTest]) -> None:
    heaps = [new_heap() for _ in range(10)]
    lists = [heap.list_of(10 + i) for i, heap in enumerate(heaps)]
    for heap, nodes in zip(heaps, lists, strict=True):
        store(u64, nodes[0] + 8, nodes[-1])
        heap.gc()
    for heap, nodes in zip(heaps, lists, strict=True):
        assert heap.objects() == set(nodes)
        assert heap.state.gc.num_gc == 1
    assert len({nodes[0] for nodes in lists}) == 10


def test_closing_gives_all_memory_back(any_engine: Any) -> None:
    def one() -> None:
        heap = HeapUnderTest(any_engine)
        for size in (8, 16, 1000, 100_000, 80 << 20):
            heap.rooted(size, NODE if size == 16 else NONE)
        heap.gc()
        heap.close()

    one()
    before = mappings()
    for _ in range(3):
        one()
    assert mappings() - before < 1 << 20


def test_a_new_runtime_is_empty(heap: HeapUnderTest) -> None:
    g = heap.g
    assert g.runtime == heap.state
    assert (g.shadow_top, g.shadow_limit) == (g.shadow_base, g.shadow_base + SHADOW_BYTES - 8 * OWN_ROOTS)
    assert load(u64, g.shadow_base) == 0
    assert (heap.heap.heap_live, heap.heap.pages_in_use, heap.heap.arenas.count) == (0, 0, 0)


def test_a_full_shadow_stack_has_room_for_what_the_runtime_holds(heap: HeapUnderTest) -> None:
    heap.malloc(4 << 20)
    heap.gc()  # what it was in is to be zeroed
    g = heap.g
    top, g.shadow_top = g.shadow_top, g.shadow_limit
    made = heap.malloc(2 << 20)
    assert load(u64, g.shadow_limit) == made  # a root while it was zeroed
    assert g.shadow_limit + 8 * OWN_ROOTS == g.shadow_base + SHADOW_BYTES
    heap.check()
    g.shadow_top = top


def test_every_refused_request_at_birth_is_out_of_memory(any_engine: Any) -> None:
    limited = """
import resource, sys
from runtime import Runtime
from runtime.syspy import Failure
if {engine!r} == "native":
    Runtime("native").close()
used = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize:")).split()[1]) << 10
outcomes = set()
for megabytes in (1, 20, 40, 60, 100, 200, 500, 650, 800, 1100):
    resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20), resource.RLIM_INFINITY))
    try:
        with Runtime({engine!r}) as runtime:
            handle = runtime.new_bytes(100)
        outcomes.add("works")
    except MemoryError as error:
        assert str(error) in ("out of memory", ""), error  # Python's own says nothing
        outcomes.add("refused")
print(sorted(outcomes))
"""
    code = limited.format(engine=any_engine.name)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "['refused', 'works']\n"), done.stderr


def test_a_runtime_that_cannot_be_made_leaves_nothing(any_engine: Any) -> None:
    def attempt() -> None:
        with pytest.raises(Failure, match="out of memory"):
            any_engine.call(new_runtime, 100, 1 << 50)

    attempt()
    before = mappings()
    for _ in range(5):
        attempt()
    assert mappings() - before < 1 << 20
    any_engine.call(close_runtime, Runtime.at(any_engine.call(new_runtime, 100, SHADOW_BYTES)))
