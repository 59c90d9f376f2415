"""Span loops: the page heap's operations, timed in systems Python.

The counterpart in Go is bench/go/allocations/spans.go, which calls the same functions of Go's runtime.
"""

from __future__ import annotations

from runtime.heap import clock_ns
from runtime.mcentral import alloc_in_use_span
from runtime.mheap import free_span
from runtime.mspan import MSpan
from runtime.proc import G
from runtime.syspy import Array, address, u64

CLOCK_PROCESS_CPUTIME = 2  # time that the process waited on a busy machine does not count


def time_spans(g: G, npages: u64, span_class: u64, spans: Array[u64], n: u64) -> tuple[u64, u64]:
    """Nanoseconds for n spans being allocated, and for the same being freed. `spans` has room for n addresses."""
    heap = g.heap
    begin = clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME)
    for i in range(n):
        spans[i] = address(alloc_in_use_span(heap, g.m_cache.pages, npages, span_class))
    middle = clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME)
    for i in range(n):
        free_span(heap, MSpan.at(spans[i]))
    return middle - begin, clock_ns(g.runtime, CLOCK_PROCESS_CPUTIME) - middle
