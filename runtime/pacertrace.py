"""pacertrace: the lines that GODEBUG=gcpacertrace=1 prints for each collection, in Go's format.

    pacer: assist ratio=0 (scan 3 MB in 3->4 MB) workers=0+0
                                |       |  |
                                |       |  the goal
                                |       live when it starts
                                in objects with pointers, dead ones too

    pacer: 100% CPU (100 exp.) for 3145728+24+8 B work (32 B exp.) ...
           |                       |       |  |         |
           |                       |       |  globals   expected: of the heap what the one before did
           |                       |       stacks
           |                       objects with pointers that are live
           of the processors while marking

    ... in 4005888 B -> 4005888 B (∆goal -188416, cons/mark 0.281671)
           |            |                |                  |
           |            |                beyond the goal    bytes allocated in a time, by bytes scanned in as long
           |            live at its end
           live when it started

While it marks the world stands still: all of the processors are the collector's, nothing is allocated, and nobody
assists or works beside the program. Go leaves the second line out where nothing was allocated meanwhile, which there is
so of the collections that somebody asked for; here it is left out of those. Go's third line is of the pace at which it
sweeps. Floats are spelled as Go's print does it, of cons/mark six decimals.

Owner: the collector. Go: runtime/mgcpacer.go startCycle, endCycle.                           Next: heap_check.py
"""

from __future__ import annotations

from runtime.gctrace import LOG_MB, put, put_number
from runtime.heap import Cycle, Runtime, TraceLine
from runtime.memstats import scannable_bytes
from runtime.output import STDERR_FD, write
from runtime.syspy import address, f64, text, u64

DECIMALS = 1_000_000  # of cons/mark
DECIMAL_PLACES = 6
LARGEST_RATIO = 1e9  # of cons/mark that is printed: all of its digits are then those of a float
LEAST_POINT = 100  # millionths: less is spelled with an exponent
MINUS = text(b"-")

SCAN = text(b"pacer: assist ratio=0 (scan ")
MB_IN = text(b" MB in ")
ARROW = text(b"->")
WORKERS = text(b" MB) workers=0+0\n")

CPU = text(b"pacer: 100% CPU (100 exp.) for ")
PLUS = text(b"+")
WORK = text(b" B work (")
EXPECTED = text(b" B exp.) in ")
BYTES_ARROW = text(b" B -> ")
GOAL = text(b" B (\xe2\x88\x86goal ")
CONS_MARK = text(b", cons/mark ")
END = text(b")\n")
EXPONENT = text(b"e-0")


def print_pacer_start(runtime: Runtime, cycle: Cycle) -> None:
    """Write the line of a collection that starts. All spans are swept, no run is open."""
    line = runtime.line
    line.length = 0
    put(line, SCAN, 28)
    put_number(line, scannable_bytes(runtime.heap.arenas) >> LOG_MB, 0)
    put(line, MB_IN, 7)
    put_number(line, cycle.live_before >> LOG_MB, 0)
    put(line, ARROW, 2)
    put_number(line, cycle.goal >> LOG_MB, 0)
    put(line, WORKERS, 17)
    write(STDERR_FD, address(line.bytes), line.length)


def print_pacer_end(runtime: Runtime, cycle: Cycle) -> None:
    """Write the line of a collection that has marked, unless it was asked for and nothing was allocated meanwhile."""
    if cycle.forced and cycle.live_after <= cycle.live_before:
        return
    line = runtime.line
    scanned = runtime.gc.heap_scanned
    globals_bytes = runtime.roots.globals_bytes
    line.length = 0
    put(line, CPU, 31)
    put_number(line, scanned, 0)
    put(line, PLUS, 1)
    put_number(line, cycle.stack_bytes, 0)
    put(line, PLUS, 1)
    put_number(line, globals_bytes, 0)
    put(line, WORK, 9)
    put_number(line, cycle.expected, 0)
    put(line, EXPECTED, 12)
    put_number(line, cycle.live_before, 0)
    put(line, BYTES_ARROW, 6)
    put_number(line, cycle.live_after, 0)
    put(line, GOAL, 12)
    put_difference(line, cycle.live_after, cycle.goal)
    put(line, CONS_MARK, 12)
    put_millionths(line, cons_mark(cycle, scanned + cycle.stack_bytes + globals_bytes))
    put(line, END, 2)
    write(STDERR_FD, address(line.bytes), line.length)


def put_difference(line: TraceLine, a: u64, b: u64) -> None:
    """Add a - b."""
    if a < b:
        put(line, MINUS, 1)
    put_number(line, b - a if a < b else a - b, 0)


def put_millionths(line: TraceLine, millionths: u64) -> None:
    """Add a number of millionths as the float that it is."""
    has_exponent = millionths != 0 and millionths < LEAST_POINT
    places: u64 = DECIMAL_PLACES
    while places != 0 and millionths % 10 == 0:
        millionths = millionths // 10
        places = places - 1
    if has_exponent:
        decimals: u64 = 1 if millionths >= 10 else 0
        put_number(line, millionths, decimals)
        put(line, EXPONENT, 3)
        put_number(line, places - decimals, 0)
    else:
        put_number(line, millionths, places)


def cons_mark(cycle: Cycle, scanned: u64) -> u64:
    """Bytes that the program allocates in the time in which so many bytes are scanned, per byte, in millionths."""
    if scanned == 0 or cycle.ran_ns == 0:
        return 0
    ratio = f64(cycle.allocated) / f64(cycle.ran_ns) / (f64(scanned) / f64(cycle.sweep_ns - cycle.mark_ns))
    return u64((ratio if ratio < LARGEST_RATIO else LARGEST_RATIO) * f64(DECIMALS))
