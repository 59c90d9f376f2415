"""Span loops: the page heap's operations, and the clearing of memory, timed in systems Python.

The counterpart in Go is bench/go/allocations/spans.go, which calls the same functions of Go's runtime. Clearing has
none: it is the part of an allocation that neither side can leave out.
"""

from __future__ import annotations

from runtime.heap import clock_ns
from runtime.layout import PAGE_SIZE
from runtime.mheap import free_span
from runtime.mspan import MSpan
from runtime.proc import G
from runtime.reclaim import alloc_in_use_span
from runtime.syspy import Array, address, atomic_add_at, atomic_load_at, memset, relax, u8, u64, uintptr

CLOCK_PROCESS_CPUTIME = 2  # time that the process waited on a busy machine does not count


def time_spans(g: G, npages: u64, span_class: u64, spans: Array[u64], n: u64) -> tuple[u64, u64]:
    """Nanoseconds for n spans being allocated, and for the same being freed. `spans` has room for n addresses."""
    heap = g.heap
    begin = clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME)
    for i in range(n):
        spans[i] = address(alloc_in_use_span(heap, g.p, npages, span_class))
    middle = clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME)
    for i in range(n):
        free_span(heap, g.p, MSpan.at(spans[i]))
    return middle - begin, clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME) - middle


def time_clearing(g: G, addr: uintptr, size: u64) -> u64:
    """Nanoseconds for size bytes at addr, whole pages, being cleared one by one."""
    begin = clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME)
    for offset in range(0, size, PAGE_SIZE):
        memset(addr + offset, 0, PAGE_SIZE)
    return clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME) - begin


def clear_again(addr: uintptr, size: u64, laps: u64) -> None:
    """Clear size bytes at addr so many times; with what differs, or the compiler would do it once."""
    for lap in range(laps):
        memset(addr, u8(lap & 0xFF), size)


def meet(addr: uintptr, count: u64) -> None:
    """Wait, without sleep, until so many threads have come here; the u64 at addr was 0."""
    atomic_add_at(u64, addr, 1)
    while atomic_load_at(u64, addr) < count:
        relax()
