"""Package os: Args and Exit, and the reading and writing of open files.

    host: argv  -->  p r o g \\0 - n \\0 1 0 0 \\0   --os_args-->   a []string on the heap   -->   os.Args

Owner: the goroutine that runs main. Go: os/proc.go.                                   Next: runtime_pkg.py
"""

from __future__ import annotations

from typing import NoReturn

from runtime.output import EINTR, STDOUT_FD, check_interrupt, end_statement, flush, write_bytes
from runtime.panics import UNKNOWN_POSITION
from runtime.proc import G
from runtime.slices import make_slice
from runtime.strings import slice_bytes_to_string
from runtime.syspy import (
    FAIL_EXIT,
    Array,
    Inline,
    address,
    array_at,
    c_function,
    element,
    errno,
    fail,
    i32,
    i64,
    store,
    u8,
    u64,
    uintptr,
)
from runtime.types import String, Type


@c_function
def read(fd: i32, data: uintptr, n: u64) -> i64:  # type: ignore[empty-body]
    """Read up to n bytes; how many came, 0 at the end, or -1."""


POINTER_BYTES = 8  # of a slot of the shadow stack


def os_args(g: G, packed: Array[u8], count: i64, elem: Type) -> uintptr:
    """The array of a []string of the arguments in `packed`, each ended by a zero byte. `elem` describes string."""
    data = make_slice(g, elem, count, count, UNKNOWN_POSITION)
    store(uintptr, g.shadow_top, data)  # a root while the strings are made
    g.shadow_top = g.shadow_top + POINTER_BYTES
    strings = array_at(Inline[String], data)
    at: i64 = 0
    for i in range(count):
        n = length_of(element(packed, at))
        made, length = slice_bytes_to_string(g, address(packed) + uintptr(at), n)
        strings[i].data = made
        strings[i].length = length
        at = at + n + 1
    g.shadow_top = g.shadow_top - POINTER_BYTES
    return data


def length_of(ended: Array[u8]) -> i64:
    """The bytes before the first zero byte."""
    n: i64 = 0
    while ended[n] != 0:
        n = n + 1
    return n


def os_write(g: G, fd: i64, data: Array[u8], n: i64) -> i64:
    """Write n bytes to standard output or standard error; how many were taken."""
    if fd == STDOUT_FD:
        write_bytes(g.output, data, n)
        end_statement(g.output)
    else:
        flush(g.output)
        write_bytes(g.output.stderr, data, n)
        flush(g.output.stderr)
    return n


def os_read(g: G, fd: i64, data: Array[u8], n: i64) -> i64:
    """Read up to n bytes of a file; 0 at its end, -1 after an error. A reader at a terminal sees what was printed."""
    if g.output.line_buffered != 0:
        flush(g.output)
    while True:
        count = read(i32(fd), address(data), u64(n))
        check_interrupt(g.output)
        if count >= 0 or errno() != EINTR:
            return count


def os_exit(g: G, code: i64) -> NoReturn:
    """os.Exit: nothing printed is lost."""
    flush(g.output)
    fail(FAIL_EXIT, "exit status %d", code)
