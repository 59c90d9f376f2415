"""The report of slots that are marked and free, as Go prints it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runtime.mspan import MSpan
from runtime.sweeper import finish_sweep
from runtime.syspy import Failure, address, memset, store, u64
from runtime.zombies import check_marks
from tests.runtime.heaps import HeapUnderTest, span_drawn

HEADER = "                   7 6 5 4  3 2 1 0   f e d c  b a 9 8  0123456789abcdef\n"


def report(any_engine: Any, capfd: pytest.CaptureFixture[str], span: MSpan) -> str:
    """What is printed, with the addresses of slots as offsets from the span's start."""
    with pytest.raises(Failure, match=r"^fatal error: found pointer to free object$"):
        any_engine.call(check_marks, span)
    found = capfd.readouterr().err.replace(f"{address(span):#x}", "SPAN")
    return re.sub(r"\b(0x)?0*([0-9a-f]{6,})(?=[: ])", lambda m: relative(m[0], int(m[2], 16), span), found)


def relative(found: str, addr: int, span: MSpan) -> str:
    offset = addr - span.start_addr
    return f"+{offset}" if 0 <= offset <= 8192 else found


def test_the_report(any_engine: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Byte by byte what Go 1.27 prints for a span of 24-byte slots like this one, but for the addresses."""
    span = span_drawn(alloc="..#..", mark="#.##.", free_index=1, elem_size=24)
    store(u64, span.start_addr + 72, 65)
    store(u64, span.start_addr + 80, 0x7E << 56 | 0xFF42)
    assert report(any_engine, capfd, span) == (
        "runtime: marked free object in span SPAN, elemsize=24 freeindex=1"
        " (bad use of unsafe.Pointer or having race conditions? try -d=checkptr or -race)\n"
        "+0 alloc marked  \n"
        "+24 free  unmarked\n"
        "+48 alloc marked  \n"
        "+72 free  marked   zombie\n"
        f"{HEADER}"
        "+64:                    00000000 00000041          A.......\n"
        "+80: 7e000000 0000ff42  00000000 00000000  B......~........\n"
        "+96 free  unmarked\n"
    )


def test_a_dump_ends_with_the_slot_and_after_1024_bytes(any_engine: Any, capfd: pytest.CaptureFixture[str]) -> None:
    for elem_size, lines, last in ((8, 1, 8), (1024, 64, 16), (2048, 64, 16)):
        span = span_drawn(alloc="...", mark=".#.", elem_size=elem_size)
        memset(span.start_addr, 0x20, 3 * elem_size)
        memset(span.start_addr + elem_size, 0x61, elem_size)
        dumped = re.findall(r"^\+\d+: .*$", report(any_engine, capfd, span), re.MULTILINE)
        assert len(dumped) == lines
        assert dumped[-1].endswith("a" * last)
        assert "".join(dumped).count("61616161") == lines * last // 4


def test_a_pointer_to_a_freed_object_is_found_by_the_sweep(
    heap: HeapUnderTest, capfd: pytest.CaptureFixture[str]
) -> None:
    kept, lost = heap.rooted(64), heap.malloc(64)
    heap.gc()
    heap.root(lost)
    heap.is_broken = True
    heap.collect()
    with pytest.raises(Failure, match=r"^fatal error: found pointer to free object$"):
        heap.call(finish_sweep, heap.heap, heap.p)
    printed = capfd.readouterr().err
    assert re.search(rf"^{kept:#x} alloc marked  $", printed, re.MULTILINE)
    assert re.search(
        rf"^{lost:#x} free  marked   zombie\n +7 6 5 4  3 2 1 0 .*\n0*{lost:x}: ([0-9a-f]{{8}} +){{4}}.{{16}}$",
        printed,
        re.MULTILINE,
    )
