"""G: a goroutine as the runtime sees it.

Whatever allocates takes `g` first. It leads to the mcache of the P it runs on, to the heap, and to the goroutine's
own roots:

    shadow_base            shadow_top           shadow_limit
        |  w0  w1  w2 ...  |   (free)                |  (room)  |
           live pointers        next frame's slots

A compiled function gets its first free slot as an argument, so a call that cannot allocate touches none of this.
Before a call that can, it stores its live pointers and raises `shadow_top`: the words below are the goroutine's
roots, and nothing else but the call sites of a program that is profiled, which are no addresses (mem_sample.py).
A function may fill the stack up to `shadow_limit`. Behind that is room for those that do not ask: the runtime's own,
which hold an object while they allocate another or zero it, and whatever a compiler does not let check.

    G1  shadow_base <= shadow_top, a multiple of 8; it and shadow_limit are at most shadow_base + shadow_bytes

Owner: the thread that runs the goroutine; the collector reads it while the world is stopped.
Go: runtime/runtime2.go g, m (its P's mcache hangs off g directly).                   Next: world.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.mheap import MHeap
from runtime.output import Output
from runtime.p import MCache, P
from runtime.syspy import Annotated, Array, Inline, Struct, i64, struct, u8, u64, uintptr
from runtime.traceback import Trace

if TYPE_CHECKING:
    from runtime.heap import Runtime

OWN_ROOTS = 2  # words that the runtime takes at most: for a map while its groups, a large object, are zeroed
FAILURE_WORDS = 9  # the descriptor and the words of a failure: syspy/attempts.py
ERROR_TYPES = 6

NO_TEXT, ERROR_TEXT, STRING_TEXT, SYNTAX_TEXT = range(4)


@struct
class MethodText(Struct):
    """What a value says of itself."""

    data: Array[u8]  # bytes
    length: i64  # bytes
    kind: u64  # the method that was called: ERROR_TEXT, STRING_TEXT or SYNTAX_TEXT; NO_TEXT: it has none


@struct
class Unwinding(Struct):
    """What a goroutine knows of panics under way: lang/std/defers.py."""

    caught: Annotated[Array[u64], FAILURE_WORDS]  # the failure that an attempt has just caught
    panicking: uintptr  # the Panic that the deferred call under way may recover from; 0: none
    may_recover: u64  # 1: the function that is being called is a deferred call
    is_fatal: u64  # 1: the panic under way cannot be recovered
    last: uintptr  # the Panic that has just left a function, or ends the program; 0: none
    said: Inline[MethodText]  # by the value that was asked last
    text_of: uintptr  # address of the program's function that calls Error, String and GoString; 0: no type has them
    trace: Trace  # who called whom when a failure left; nil where nobody wants to know
    error_types: Annotated[Array[u64], ERROR_TYPES]  # the Types of run-time errors; 0 in programs that see none


@struct
class G(Struct):
    """One goroutine."""

    m_cache: MCache  # of the P that runs this goroutine
    shadow_top: uintptr  # first free word of the shadow stack; the words below are roots
    shadow_base: uintptr  # first word of the shadow stack
    shadow_limit: uintptr  # end of the shadow stack but for the room: OWN_ROOTS words, or more
    stack_guard: uintptr  # a native stack pointer below this means "stack overflow"
    globals: uintptr  # first byte of the program's package-level variables
    heap: MHeap  # where memory comes from
    output: Output  # buffered standard output
    runtime: Runtime  # the root of everything
    p: P  # the processor that it runs on
    is_marking: u64  # 1: marking goes in steps now, and whoever overwrites a pointer says so (write_barrier.py)
    next: G  # the goroutine made before this one; of a G that is free, the next free one
    alloc_number: u64  # of the allocation under way, while they are counted: stress.py
    unwinding: Inline[Unwinding]  # panics
    random: u64  # state of the generator that maps draw from; 0: not used yet
    alloc_site: u64  # for profiles: function and line of the allocation under way, 0 unknown
