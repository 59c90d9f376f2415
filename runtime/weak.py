"""Weak pointers: they lead to an object, and do not keep it alive.

    program -----> handle: [ address ]  ......> object
                      ^                            |
                      '------- WEAK_HANDLE <-------'  special of its span

The handle is an object of 16 bytes without pointers, which the collector does not follow: an object that only handles
lead to dies. When its span is swept, its special sets the handle to 0. There is one handle for an address, as long as
the object lives, so two weak pointers are equal when their handles are. It lives as long as the object (for the special
keeps it) or somebody who holds it.

Between marking and the sweep of its span a dead object still lies there. So weak_value sweeps the span first. What it
gives is alive: nothing can be reused before it is swept, and what was swept is marked, or younger.

In a block of the tiny allocator objects live and die together: a weak pointer to one of them may lead to it for longer
than the program can reach it.

    WK1  the handle of an address holds that address, or 0 after its object was found dead

Owner: the goroutine that calls. Go: src/weak; runtime/mheap.go getOrAddWeakHandle, makeStrongFromWeak.
Next: panics.py
"""

from __future__ import annotations

from runtime.arenas import span_of
from runtime.layout import PTR_SIZE
from runtime.malloc import mallocgc
from runtime.mspan import MSpan, is_taken, slot_addr, slot_of
from runtime.proc import G
from runtime.specials import WEAK_HANDLE, add_special, find_special
from runtime.sweeper import ensure_swept
from runtime.syspy import is_nil, load, nil, store, throw, u64, uintptr
from runtime.types import Type
from runtime.world import is_in_run
from runtime.write_barrier import keep_old

HANDLE_BYTES = 16  # the address, and as much again: so it never lies in a block of the tiny allocator


def weak_make(g: G, p: uintptr) -> uintptr:
    """The handle of an address in a live object, which the caller keeps alive. 0: there is no object.

    Throws "out of memory".
    """
    span = live_span(g, p)
    if is_nil(span):
        return 0
    specials = g.heap.specials
    found = find_special(specials, span, p - span.start_addr, WEAK_HANDLE)
    if not is_nil(found):
        if load(uintptr, found.value) != p:
            throw("WK1: a weak handle does not hold its address", p, load(uintptr, found.value))
        return found.value
    handle = new_handle_of(g, p)
    found = add_special(specials, span, p - span.start_addr, WEAK_HANDLE, handle)
    if is_nil(found):
        throw("out of memory")
    return found.value


def live_span(g: G, p: uintptr) -> MSpan:
    """The span of the live object that p points to or into, swept; nil if there is none."""
    span = span_of(g.heap.arenas, p)
    if not is_nil(span):
        ensure_swept(g.heap, g.p, span)
        # A dead object's span may be gone by now.
        if span_of(g.heap.arenas, p) != span or not is_object(g, span, p):
            return nil(MSpan)
    return span


def is_object(g: G, span: MSpan, p: uintptr) -> bool:
    """Whether an address of a swept span lies in an object: its slot is taken, and not only for a run."""
    slot = slot_of(span, p)
    return is_taken(span, slot) and not is_in_run(g.runtime.world, u64(span.span_class), slot_addr(span, slot))


def new_handle_of(g: G, p: uintptr) -> uintptr:
    """A handle that holds p, whose object stays alive although this may collect."""
    store(uintptr, g.shadow_top, p)
    g.shadow_top = g.shadow_top + PTR_SIZE
    handle = mallocgc(g, HANDLE_BYTES, nil(Type), True)
    g.shadow_top = g.shadow_top - PTR_SIZE
    store(uintptr, handle, p)
    return handle


def weak_value(g: G, handle: uintptr) -> uintptr:
    """The address that a handle holds, or 0 once its object was found dead. The caller keeps both alive from here."""
    p = load(uintptr, handle)
    span = span_of(g.heap.arenas, p)
    if is_nil(span):
        return 0
    # Perhaps not even the object's span, but one that has taken the place: then the handle is 0 already.
    ensure_swept(g.heap, g.p, span)
    p = load(uintptr, handle)
    keep_old(g, p)  # to the marker it is as if the pointer had been in the heap
    return p
