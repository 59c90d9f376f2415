"""Package os: Args and Exit, files as the operating system has them, and the environment.

    host: argv  -->  p r o g \\0 - n \\0 1 0 0 \\0   --os_args-->   a []string on the heap   -->   os.Args

Owner: the goroutine that runs main. Go: os/proc.go.                                   Next: runtime_pkg.py
"""

from __future__ import annotations

from typing import NoReturn

from runtime.output import EINTR, STDOUT_FD, check_interrupt, end_statement, flush, write, write_bytes
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


@c_function
def open(path: uintptr, flags: i32, mode: i32) -> i32:  # type: ignore[empty-body]
    """Open a file; its descriptor, or -1."""


@c_function
def close(fd: i32) -> i32:  # type: ignore[empty-body]
    """Close a file; 0, or -1."""


@c_function
def unlink(path: uintptr) -> i32:  # type: ignore[empty-body]
    """Remove a file; 0, or -1."""


@c_function
def rmdir(path: uintptr) -> i32:  # type: ignore[empty-body]
    """Remove an empty directory; 0, or -1."""


@c_function
def getenv(name: uintptr) -> uintptr:  # type: ignore[empty-body]
    """The text of a variable of the environment, ended by a zero byte; 0 if there is none."""


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


def os_open(path: Array[u8], flags: i64, mode: i64) -> i64:
    """Open the file whose name is `path`, ended by a zero byte; its descriptor, or the negated error number."""
    while True:
        fd = open(address(path), i32(flags), i32(mode))
        if fd >= 0:
            return i64(fd)
        if errno() != EINTR:
            return -i64(errno())


def os_close(g: G, fd: i64) -> i64:
    """Close a file, once what was printed to it is written; 0, or the negated error number."""
    if fd == STDOUT_FD:
        flush(g.output)
    if close(i32(fd)) < 0:
        return -i64(errno())
    return 0


def os_remove(path: Array[u8]) -> i64:
    """Remove the file whose name is `path`; 0, or the negated error number."""
    return 0 if unlink(address(path)) == 0 else -i64(errno())


def os_remove_directory(path: Array[u8]) -> i64:
    """Remove the empty directory whose name is `path`; 0, or the negated error number."""
    return 0 if rmdir(address(path)) == 0 else -i64(errno())


def os_write_file(fd: i64, data: Array[u8], n: i64) -> i64:
    """Write up to n bytes to a file; how many were taken, or the negated error number."""
    while True:
        count = write(i32(fd), address(data), u64(n))
        if count >= 0:
            return count
        if errno() != EINTR:
            return -i64(errno())


def os_read(g: G, fd: i64, data: Array[u8], n: i64) -> i64:
    """Read up to n bytes of a file; 0 at its end, or the negated error number.

    A reader at a terminal sees what was printed.
    """
    if g.output.line_buffered != 0:
        flush(g.output)
    while True:
        count = read(i32(fd), address(data), u64(n))
        check_interrupt(g.output)
        if count >= 0:
            return count
        if errno() != EINTR:
            return -i64(errno())


def os_exit(g: G, code: i64) -> NoReturn:
    """os.Exit: nothing printed is lost."""
    flush(g.output)
    fail(FAIL_EXIT, "exit status %d", code)
