"""protectfree: pages that are freed cannot be touched until they are used again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from runtime import Runtime
from runtime.engines import ENGINES
from runtime.syspy import Failure, load, u64
from tests.go_oracle import ROOT
from tests.runtime.heaps import NODE, NONE, HeapUnderTest

pytestmark = pytest.mark.full_on_python

USE_AFTER_FREE = """
import ctypes, sys
from runtime import Runtime
with Runtime(sys.argv[1], gogc="off", debug=sys.argv[2]) as runtime:
    handle = runtime.new_bytes({size})
    address = handle.address
    ctypes.string_at(address, {size})
    handle.release()
    runtime.collect()
    ctypes.string_at(address, 1)
"""


@pytest.mark.parametrize("size", [40, 5000, 100_000])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_use_after_free_ends_the_process(engine: str, size: int) -> None:
    script = USE_AFTER_FREE.format(size=size)
    codes = [
        subprocess.run([sys.executable, "-c", script, engine, debug], check=False, cwd=ROOT).returncode
        for debug in ("protectfree=1", "")
    ]
    assert codes == [-signal.SIGSEGV, 0]


def test_pages_are_used_again_and_read_as_zero(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1, debug="protectfree=1,clobberfree=1,heapcheck=1,gccheckmark=1")
    sizes = (24, 700, 9000, 70_000, 300_000)
    before = {heap.malloc(size, typ) for size in sizes for typ in (NODE, NONE) for _ in range(3)}
    heap.gc()
    pages = heap.heap.pages_protected
    assert pages >= 2 * sum(size // 8192 for size in sizes)
    after = {heap.malloc(size, typ) for size in sizes for typ in (NODE, NONE) for _ in range(3)}
    assert len(before & after) >= 10
    assert all(load(u64, addr) == 0 for addr in after)
    heap.check()
    heap.gc()
    assert heap.heap.pages_protected == 2 * pages


def test_without_it_no_page_is_protected(heap: HeapUnderTest) -> None:
    heap.malloc(100_000)
    heap.gc()
    assert heap.heap.pages_protected == 0


def test_a_kernel_that_refuses(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(gogc=-1, debug="protectfree=1")
    memory = heap.heap.memory
    heap.malloc(100_000)
    memory.refuse_at = memory.requests + 1  # to protect what is freed: it stays as it is
    heap.gc()
    assert heap.heap.pages_protected == 0
    heap.malloc(100_000)
    heap.gc()
    assert heap.heap.pages_protected == 13
    memory.refuse_at = memory.requests + 1  # to open it again: as if there was no memory, so it is tried once more
    assert load(u64, heap.malloc(100_000)) == 0
    memory.refuse_at = memory.requests + 1
    memory.refuse_more = 100
    heap.gc()
    with pytest.raises(Failure, match="out of memory"):
        heap.malloc(100_000)
    memory.refuse_at = 0
    assert load(u64, heap.malloc(100_000)) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_the_library_tells_how_many(engine: str) -> None:
    with Runtime(engine, gogc="off", debug={"protectfree": 1}) as runtime:
        runtime.new_bytes(3 * 8192).release()
        runtime.collect()
        report = runtime.stress()
    assert report.pages_protected == 3
    assert str(report).endswith("3 pages protected")
