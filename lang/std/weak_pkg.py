"""Package weak: weak pointers, as programs make and follow them.

    weak.Make(p)  ----->  handle: [ p ]          in the heap, as runtime/weak.py makes it
    weak.Make(&global)    &global                what is not in the heap never dies, and needs no handle

So a weak pointer leads to a handle if it leads into the heap. Two are equal when they lead to the same, either way.

Owner: the goroutine that calls. Go: src/weak; runtime/mheap.go immortalWeakHandle.    Next: time_pkg.py
"""

from __future__ import annotations

from runtime.arenas import span_of
from runtime.proc import G
from runtime.syspy import is_nil, uintptr
from runtime.weak import weak_make, weak_value

__all__ = ["weak_handle", "weak_referent"]


def weak_handle(g: G, p: uintptr) -> uintptr:
    """weak.Make: what the weak pointer leads to, nil's is nil. The caller keeps p alive."""
    handle = weak_make(g, p)
    return handle if handle != 0 else p


def weak_referent(g: G, handle: uintptr) -> uintptr:
    """Pointer.Value: 0 once the object was found dead. The caller keeps both alive from here."""
    if is_nil(span_of(g.heap.arenas, handle)):
        return handle
    return weak_value(g, handle)
