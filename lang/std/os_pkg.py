"""Package os: Args and Exit.

    host: argv  -->  p r o g \\0 - n \\0 1 0 0 \\0   --os_args-->   a []string on the heap   -->   os.Args

Owner: the goroutine that runs main. Go: os/proc.go.                                   Next: runtime_pkg.py
"""

from __future__ import annotations

from typing import NoReturn

from runtime.output import flush
from runtime.panics import UNKNOWN_POSITION
from runtime.proc import G
from runtime.slices import make_slice
from runtime.strings import slice_bytes_to_string
from runtime.syspy import FAIL_EXIT, Array, Inline, address, array_at, element, fail, i64, store, u8, uintptr
from runtime.types import String, Type

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


def os_exit(g: G, code: i64) -> NoReturn:
    """os.Exit: nothing printed is lost."""
    flush(g.output)
    fail(FAIL_EXIT, "exit status %d", code)
