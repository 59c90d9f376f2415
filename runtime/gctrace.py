"""gctrace: the line that GODEBUG=gctrace=1 prints for each collection, in Go's format.

    gc 3 @0.021s 4%: 0.010+1.2+0.003 ms clock, 0.010+0/1.2/0+0.003 ms cpu, ...
       |   |     |   |                               assist/background/idle
       |   |     |   sweep the rest + mark + turn to sweeping
       |   |     share of all time spent collecting
       |   when it began
       number

    ... 4->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 1 P (forced)
        |           what it was to start at
        live before -> after marking -> marked

A line "GC forced" comes before that of a collection which nobody asked for but the clock (periodic.py).

The world stands still all the time, so the parts of the clock add up to the pause, and of the processor's time the
marking is counted as the background's. When marking goes in steps (incremental.py) the middle part of the clock has the
program's time in it as well; the steps come where the program allocates, and count as its assists.

Owner: the collector. Go: runtime/mgc.go gcMarkTermination, fmtNSAsMS, itoaDiv.                 Next: heap_check.py
"""

from __future__ import annotations

from runtime.heap import Cycle, GCStats, Runtime, TraceLine
from runtime.layout import larger
from runtime.output import STDERR_FD, write
from runtime.syspy import Array, address, text, u8, u64

MICROSECOND = 1_000  # nanoseconds
MILLISECOND = 1_000_000
LOG_MB = 20

POINT = 0x2E
ZERO = 0x30

GC = text(b"gc ")
AT = text(b" @")
SECONDS = text(b"s ")
PERCENT = text(b"%: ")
PLUS = text(b"+")
CLOCK = text(b" ms clock, ")
SLASH = text(b"/")
NO_IDLE = text(b"/0+")
CPU = text(b" ms cpu, ")
ARROW = text(b"->")
MB = text(b" MB, ")
GOAL = text(b" MB goal, ")
STACKS = text(b" MB stacks, ")
GLOBALS = text(b" MB globals, ")
PS = text(b" P")
FORCED = text(b" (forced)")
GC_FORCED = text(b"GC forced\n")
NEWLINE = text(b"\n")


def print_gc_trace(runtime: Runtime, cycle: Cycle) -> None:
    """Write the line to standard error."""
    line = runtime.line
    line.length = 0
    put_times(line, runtime.gc, cycle)
    put_sizes(line, runtime, cycle)
    if cycle.forced:
        put(line, FORCED, 9)
    put(line, NEWLINE, 1)
    write(STDERR_FD, address(line.bytes), line.length)


def print_forced(line: TraceLine) -> None:
    """Write the line before that of a collection which only the time has come for."""
    line.length = 0
    put(line, GC_FORCED, 10)
    write(STDERR_FD, address(line.bytes), line.length)


def put_times(line: TraceLine, gc: GCStats, cycle: Cycle) -> None:
    """The line up to "ms cpu, "."""
    put(line, GC, 3)
    put_number(line, gc.num_gc, 0)
    put(line, AT, 2)
    put_number(line, (cycle.start_ns - gc.start_ns) // MILLISECOND, 3)
    put(line, SECONDS, 2)
    put_number(line, gc.cpu_ns * 100 // (cycle.end_ns - gc.start_ns), 0)
    put(line, PERCENT, 3)
    put_ms(line, cycle.mark_ns - cycle.start_ns)
    put(line, PLUS, 1)
    put_ms(line, cycle.sweep_ns - cycle.mark_ns)
    put(line, PLUS, 1)
    put_ms(line, cycle.end_ns - cycle.sweep_ns)
    put(line, CLOCK, 11)
    put_ms(line, cycle.mark_ns - cycle.start_ns)
    put(line, PLUS, 1)
    put_ms(line, stepped_ns(cycle))
    put(line, SLASH, 1)
    put_ms(line, 0 if cycle.in_steps else u64(cycle.sweep_ns - cycle.mark_ns))
    put(line, NO_IDLE, 3)
    put_ms(line, cycle.end_ns - cycle.sweep_ns)
    put(line, CPU, 9)


def stepped_ns(cycle: Cycle) -> u64:
    """Nanoseconds in steps of marking: of the pauses, what is neither before nor behind marking."""
    if not cycle.in_steps:
        return 0
    return u64(cycle.stopped_ns - (cycle.mark_ns - cycle.start_ns) - (cycle.end_ns - cycle.sweep_ns))


def put_sizes(line: TraceLine, runtime: Runtime, cycle: Cycle) -> None:
    """The line from there to the number of Ps."""
    put_number(line, cycle.live_before >> LOG_MB, 0)
    put(line, ARROW, 2)
    put_number(line, cycle.live_after >> LOG_MB, 0)
    put(line, ARROW, 2)
    put_number(line, runtime.gc.heap_marked >> LOG_MB, 0)
    put(line, MB, 5)
    put_number(line, cycle.goal >> LOG_MB, 0)
    put(line, GOAL, 10)
    put_number(line, cycle.stack_bytes >> LOG_MB, 0)
    put(line, STACKS, 12)
    put_number(line, runtime.roots.globals_bytes >> LOG_MB, 0)
    put(line, GLOBALS, 13)
    put_number(line, larger(u64(runtime.knobs.max_procs), runtime.world.ps_count), 0)
    put(line, PS, 2)


def put(line: TraceLine, words: Array[u8], length: u64) -> None:
    """Add constant text."""
    for i in range(length):
        line.bytes[line.length + i] = words[i]
    line.length = line.length + length


def put_number(line: TraceLine, value: u64, decimals: u64) -> None:
    """Add a number; its last so many digits stand behind the point."""
    count = decimals + 1
    rest = value
    for _ in range(decimals + 1):
        rest = rest // 10
    while rest != 0:
        rest = rest // 10
        count = count + 1
    width = count if decimals == 0 else count + 1
    at = line.length + width
    for i in range(count):
        if i == decimals and i != 0:
            at = at - 1
            line.bytes[at] = POINT
        at = at - 1
        line.bytes[at] = u8(ZERO + value % 10)
        value = value // 10
    line.length = line.length + width


def put_ms(line: TraceLine, ns: u64) -> None:
    """Add a time in milliseconds: whole ones from ten on, below that two digits, at most three behind the point."""
    if ns >= 10 * MILLISECOND:
        put_number(line, ns // MILLISECOND, 0)
        return
    value = ns // MICROSECOND
    decimals: u64 = 3
    while value >= 100:
        value = value // 10
        decimals = decimals - 1
    put_number(line, value, decimals if value != 0 else u64(0))
