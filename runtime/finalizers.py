"""Finalizers and cleanups: a function is called when an object has died.

    object ----------> what it leads to                 both stay
      : dies
    1st collection     its finalizer is in the queue, and so are its weak pointers cleared
      : f(object)      called by whoever takes it from the queue; the object is as good as new, without a finalizer
      : dies again
    2nd collection     its cleanups are in the queue, and it is freed
      : f(arg)

    set_finalizer      one for an address
    add_cleanup        as many as you like, each with an argument; neither that nor the function may lead to the object
    take_ready         the next call that is to be made

What an object with a finalizer leads to is kept for that. So of two such objects, of which one leads to the other, the
first is finalized, and the other one after a later collection; of a ring of such objects, none ever is.

What `fn` means is the language's: the collector takes it, and the argument, for a root, which a number is as well. The
runtime calls nobody. Go has a goroutine that makes the calls; here whoever runs the program does, where it is fit for
that.

A finalizer is set at the first byte of an object, but for those of the tiny allocator, which the collector cannot tell
apart: all finalizers of a block are called when all of its objects are dead. A cleanup may be added anywhere.

Owner: the goroutine that calls. Go: runtime/mfinal.go, mcleanup.go.                              Next: boundary.py
"""

from __future__ import annotations

from runtime.arenas import span_of
from runtime.layout import PTR_SIZE, smaller
from runtime.mheap import MHeap
from runtime.mspan import MSpan, header_bytes, slot_addr, slot_of
from runtime.proc import G
from runtime.size_classes import TINY_SPAN_CLASS
from runtime.specials import (
    ADDED,
    ANY_VALUE,
    CLEANUP,
    FINALIZER,
    REFUSED,
    add_cleanup_special,
    add_finalizer,
    dequeue,
    is_ready,
    remove_special,
)
from runtime.syspy import address, is_nil, load, offsetof, throw, u64, uintptr
from runtime.weak import live_span

# What set_finalizer says, besides ADDED and ALREADY_SET.
NO_OBJECT = 3
NOT_AT_START = 4
IMMORTAL = 5  # nothing to do

# What add_cleanup says, besides the number of the cleanup.
IMMORTAL_CLEANUP = 0  # nothing to do
NO_CLEANUP = (1 << 64) - 1  # no object

SET_TEXTS = {
    1: "runtime.SetFinalizer: finalizer already set",
    NO_OBJECT: "runtime.SetFinalizer: pointer not in allocated block",
    NOT_AT_START: "runtime.SetFinalizer: pointer not at beginning of allocated block",
}
NIL_CLEANUP_TEXT = "runtime.AddCleanup: ptr is nil"
EQUAL_TEXT = "runtime.AddCleanup: ptr is equal to arg, cleanup will never run"
WITHIN_TEXT = "runtime.AddCleanup: ptr is within arg, cleanup will never run"
CLOSED_OVER_TEXT = "runtime.AddCleanup: cleanup function closes over ptr, cleanup will never run"


def set_finalizer(g: G, p: uintptr, fn: u64, is_tiny: bool) -> u64:
    """Let fn be called with p when its object has died: ADDED, or why not (SET_TEXTS). fn is not 0.

    is_tiny: what p points to is of a type that the tiny allocator serves, so it may be in the middle of a block.
    Throws "out of memory".
    """
    outcome = finalizer_place(g, p, is_tiny)
    if outcome == ADDED:
        outcome = add_finalizer(g.heap.specials, span_of(g.heap.arenas, p), p, fn)
        if outcome == REFUSED:
            throw("out of memory")
    return outcome


def finalizer_place(g: G, p: uintptr, is_tiny: bool) -> u64:
    """ADDED if p can have a finalizer, or why not; then p's span is swept."""
    span = live_span(g, p)
    if is_nil(span):
        return IMMORTAL if is_immortal(g, p) else NO_OBJECT
    if p != slot_addr(span, slot_of(span, p)) + header_bytes(span) and not is_tiny:
        return NOT_AT_START
    return ADDED


def remove_finalizer(g: G, p: uintptr) -> u64:
    """Take the finalizer of p away: its fn, or 0 if there was none."""
    span = live_span(g, p)
    if is_nil(span):
        return 0
    return remove_special(g.heap.specials, span, p - span.start_addr, FINALIZER, ANY_VALUE)


def add_cleanup(g: G, p: uintptr, fn: u64, arg: u64) -> u64:
    """Let fn be called with arg when the object that p points to or into has died. Its number; fn is not 0.

    IMMORTAL_CLEANUP if that never happens, NO_CLEANUP if there is no object. Throws "out of memory".
    """
    span = live_span(g, p)
    if is_nil(span):
        return IMMORTAL_CLEANUP if is_immortal(g, p) else u64(NO_CLEANUP)
    number = add_cleanup_special(g.heap.specials, span, p - span.start_addr, fn, arg)
    if number == 0:
        throw("out of memory")
    return number


def stop_cleanup(g: G, p: uintptr, number: u64) -> u64:
    """Take a cleanup of p away: its fn, or 0 if it is not there, or ready to be called already."""
    if number == IMMORTAL_CLEANUP:
        return 0
    span = live_span(g, p)
    if is_nil(span):
        return 0
    return remove_special(g.heap.specials, span, p - span.start_addr, CLEANUP, number)


def keeps_alive(g: G, p: uintptr, q: uintptr) -> bool:
    """Whether q, as an argument of a cleanup of p, would keep p's object alive by pointing to or into it.

    Not in a block of the tiny allocator: there q may be another object.
    """
    span = span_of(g.heap.arenas, p)
    return not is_nil(span) and span.span_class != TINY_SPAN_CLASS and is_in_slot(g, span, p, q)


def closes_over(g: G, closure: uintptr, p: uintptr) -> bool:
    """Whether a closure, as a cleanup of p, would keep p's object alive: it holds what points to or into it.

    All of its words are looked at: one that is no pointer does not happen to be p.
    """
    span = span_of(g.heap.arenas, p)
    holder = span_of(g.heap.arenas, closure)
    if is_nil(span) or is_nil(holder) or holder.span_class & 1 != 0:
        return False
    word = slot_addr(holder, slot_of(holder, closure))
    end = smaller(word + holder.elem_size, holder.limit)
    while word < end:
        if is_in_slot(g, span, p, load(uintptr, word)):
            return True
        word += PTR_SIZE
    return False


def is_in_slot(g: G, span: MSpan, p: uintptr, q: uintptr) -> bool:
    """Whether q leads to the slot that p of a span leads to."""
    return span == span_of(g.heap.arenas, q) and slot_of(span, p) == slot_of(span, q)


def is_immortal(g: G, p: uintptr) -> bool:
    """Whether p leads to what is no object and never dies: a global, or what has no bytes."""
    if p == address(g.heap) + offsetof(MHeap, "zero_base"):
        return True
    found = g.runtime.roots.globals
    while not is_nil(found):
        if p >= found.start_addr and p < found.start_addr + found.size:
            return True
        found = found.next
    return False


def begin_calls(g: G) -> bool:
    """Whether calls are ready, and the caller may make them: nobody does, so none is made inside of another."""
    specials = g.heap.specials
    if specials.is_calling or not is_ready(specials):
        return False
    specials.is_calling = True
    return True


def end_calls(g: G) -> None:
    """The calls are made."""
    g.heap.specials.is_calling = False


def take_ready(g: G) -> tuple[u64, u64, u64]:
    """The next call that is to be made: FINALIZER, fn and the object's address, or CLEANUP, fn and the argument.

    0 for the kind: there is none. The caller keeps fn and the other word alive from here.
    """
    kind, fn, word = dequeue(g.heap.specials)
    return kind, fn, word
