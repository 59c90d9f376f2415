"""G: a goroutine as the runtime sees it.

Whatever allocates takes `g` first. It leads to the mcache of the P it runs on, to the heap, and to the goroutine's
own roots:

    shadow_base            shadow_top           shadow_limit
        |  w0  w1  w2 ...  |   (free)                |
           live pointers        next frame's slots

A compiled function gets its first free slot as an argument, so a call that cannot allocate touches none of this.
Before a call that can, it stores its live pointers and raises `shadow_top`: the words below are the goroutine's
roots, and nothing else but the call sites of a program that is profiled, which are no addresses (mem_sample.py).

    G1  shadow_base <= shadow_top <= shadow_limit, all multiples of 8

Owner: the thread that runs the goroutine; the collector reads it while the world is stopped.
Go: runtime/runtime2.go g, m (its P's mcache hangs off g directly).                   Next: world.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.mheap import MHeap
from runtime.output import Output
from runtime.p import MCache, P
from runtime.syspy import Struct, struct, u64, uintptr

if TYPE_CHECKING:
    from runtime.heap import Runtime


@struct
class G(Struct):
    """One goroutine."""

    m_cache: MCache  # of the P that runs this goroutine
    shadow_top: uintptr  # first free word of the shadow stack; the words below are roots
    shadow_base: uintptr  # first word of the shadow stack
    shadow_limit: uintptr  # end of the shadow stack
    stack_guard: uintptr  # a native stack pointer below this means "stack overflow"
    globals: uintptr  # first byte of the program's package-level variables
    heap: MHeap  # where memory comes from
    output: Output  # buffered standard output
    runtime: Runtime  # the root of everything
    p: P  # the processor that it runs on
    next: G  # the goroutine made before this one; of a G that is free, the next free one
    alloc_number: u64  # of the allocation under way, while they are counted: stress.py
    alloc_site: u64  # for profiles: function and line of the allocation under way, 0 unknown
