"""Write barrier: what a pointer led to is marked before the pointer is overwritten, while marking goes in steps.

    a.next --> b --> c         x = a.next; a.next = nil         the marker has not been at a yet, and comes to it too
                               b is only in x now               late: without a barrier b and c would be freed

Only what was in the heap counts (incremental.py): so a barrier looks at the old value of a place, not at the new one,
and there is none for local variables, for globals, and for the first value of a new object's field.

    keep_old      the pointer in a place is about to be overwritten
    keep_words    so are the pointers of an array of values of a type

A program has barriers where it is compiled for them. The runtime's own functions have them always; and an embedder's
functions must, if marking goes in steps in their runtime.

Owner: the goroutine that stores. Go: runtime/mwbbuf.go, mbarrier.go bulkBarrierPreWrite.        Next: weak.py
"""

from __future__ import annotations

from runtime.heap_bits import is_pointer_word
from runtime.layout import LOG_PTR_SIZE, PTR_SIZE
from runtime.mark import is_marked_small, mark_late
from runtime.proc import G
from runtime.syspy import atomic_add, cold, inline, load, u64, uintptr, unlikely
from runtime.types import Type


@inline
def keep_old(g: G, old: uintptr) -> None:
    """A pointer with this value is about to be overwritten."""
    if unlikely(g.is_marking != 0):
        keep(g, old)


@inline
def keep_words(g: G, start: uintptr, size: u64, typ: Type) -> None:
    """So many bytes, an array of values of a type, are about to be overwritten."""
    if unlikely(g.is_marking != 0):
        keep_all(g, start, size, typ)


@cold
def keep(g: G, p: uintptr) -> None:
    """Mark what a pointer leads to, if it leads anywhere."""
    marker = g.runtime.marker
    # Most are marked already: a lock for each would take a program twice the time.
    if p != 0 and not is_marked_small(marker, p):
        mark_late(marker, p)
        atomic_add(g.runtime.increments, "kept", 1)


@cold
def keep_all(g: G, start: uintptr, size: u64, typ: Type) -> None:
    """Mark what the pointers in an array of values of a type lead to."""
    if typ.ptr_bytes == 0:
        return
    at: u64 = 0
    word: u64 = 0  # of the value under way
    while at < size:
        if is_pointer_word(typ, word):
            keep(g, load(uintptr, start + at))
        at = at + PTR_SIZE
        word = word + 1
        if word == typ.size >> LOG_PTR_SIZE:
            word = 0
