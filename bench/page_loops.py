"""Page loops: the page allocator alone, timed in systems Python.

Its pages need no memory: it knows them by their addresses. So the address space may be as large as there is any.
`time_runs` is what the host calls.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from bench.span_loops import CLOCK_PROCESS_CPUTIME
from runtime.clock import TimeSpec, time_ns
from runtime.page_alloc import PageAlloc, alloc, free
from runtime.syspy import Array, array_at, throw, u64


def time_pages(pages: PageAlloc, time: TimeSpec, npages: u64, places: Array[u64], n: u64) -> tuple[u64, u64]:
    """Nanoseconds for n runs of pages being taken, and for the same being freed. `places` has room for n addresses.

    There are as many such runs, and the caller has the allocator's lock.
    """
    begin = time_ns(time, CLOCK_PROCESS_CPUTIME)
    for i in range(n):
        places[i], _ = alloc(pages, npages)
    middle = time_ns(time, CLOCK_PROCESS_CPUTIME)
    for i in range(n):
        if places[i] == 0:
            throw("there are not so many free runs", npages, i)
        free(pages, places[i], npages)
    return middle - begin, time_ns(time, CLOCK_PROCESS_CPUTIME) - middle


def time_runs(call: Callable[..., Any], pages: PageAlloc, npages: int, n: int) -> int:
    """The same for both together, on the engine that `call` belongs to."""
    room = (ctypes.c_uint64 * n)()
    return int(sum(call(time_pages, pages, TimeSpec(), npages, array_at(u64, ctypes.addressof(room)), n)))
