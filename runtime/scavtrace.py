"""scavtrace: the line that GODEBUG=scavtrace=1 prints when a cycle's sweep is done, in Go's format.

    scav 640 KiB work (bg), 0 KiB work (eager), 61496 KiB now, 43% util
         |                  |                   |              of what the heap keeps, in spans
         |                  by allocations      released, in all
         given back by the background since the last line

At its end " (forced)" for debug.FreeOSMemory, whose work stands as eager; or " [controller reset]" if the background
lost count of its time.

Owner: the goroutine that collects. Go: runtime/mgcscavenge.go printScavTrace.                  Next: heap_check.py
"""

from __future__ import annotations

from runtime.gctrace import put, put_number
from runtime.heap import Runtime
from runtime.output import STDERR_FD, write
from runtime.scavenge import retained_bytes
from runtime.syspy import address, atomic_add, text, u64

LOG_KIB = 10

SCAV = text(b"scav ")
BACKGROUND = text(b" KiB work (bg), ")
EAGER = text(b" KiB work (eager), ")
NOW = text(b" KiB now, ")
UTIL = text(b"% util")
FORCED = text(b" (forced)")
RESET = text(b" [controller reset]")
NEWLINE = text(b"\n")


def print_scav_trace(runtime: Runtime) -> None:
    """Write the line of a cycle that is swept, unless that was done."""
    s = runtime.heap.scavenger
    if s.is_untraced:
        s.is_untraced = False
        eager = s.released_eager
        background = atomic_add(s, "released_bg", 0)
        s.released_eager = 0
        atomic_add(s, "released_bg", u64(0 - background))
        put_figures(runtime, background, eager)
        if s.pacer.was_reset:
            s.pacer.was_reset = False
            put(runtime.line, RESET, 19)
        end_line(runtime)


def print_forced_scav_trace(runtime: Runtime, released: u64) -> None:
    """Write the line of debug.FreeOSMemory, which gave so many bytes back."""
    put_figures(runtime, 0, released)
    put(runtime.line, FORCED, 9)
    end_line(runtime)


def put_figures(runtime: Runtime, background: u64, eager: u64) -> None:
    """The line up to "% util"."""
    line = runtime.line
    memory = runtime.heap.memory
    retained = retained_bytes(memory)
    line.length = 0
    put(line, SCAV, 5)
    put_number(line, background >> LOG_KIB, 0)
    put(line, BACKGROUND, 16)
    put_number(line, eager >> LOG_KIB, 0)
    put(line, EAGER, 19)
    put_number(line, memory.heap_released.bytes >> LOG_KIB, 0)
    put(line, NOW, 10)
    put_number(line, memory.heap_in_use.bytes * 100 // retained if retained != 0 else u64(0), 0)
    put(line, UTIL, 6)


def end_line(runtime: Runtime) -> None:
    """Write what was put together to standard error."""
    line = runtime.line
    put(line, NEWLINE, 1)
    write(STDERR_FD, address(line.bytes), line.length)
