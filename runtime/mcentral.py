"""MCentral: spans on their way to an mcache and back.

    cache_span      swept partial, else sweep partial, else sweep full, else new pages      to an mcache
    uncache_span    swept partial or swept full                                             from an mcache

The sets are in central_sets.py. Looking for a free slot among unswept spans has a budget: after a hundred full ones,
new pages are cheaper.

Go has one mcentral per class for all Ps. Here each P has its own: the spans that it filled are in its processor's
cache, and so are their lists. It sweeps and fills them again; only when it has none left it looks into the others'.

Owner: the P that calls. Go: runtime/mcentral.go cacheSpan, uncacheSpan.                          Next: mcache.py
"""

from __future__ import annotations

from runtime.active_sweep import begin_sweeping, end_sweeping
from runtime.central_sets import MCentral, acquire_unswept, place_span, take_swept
from runtime.layout import PAGE_SHIFT
from runtime.mheap import MHeap
from runtime.mspan import MSpan, set_bit
from runtime.p import P
from runtime.reclaim import alloc_in_use_span
from runtime.size_classes import CLASS_TO_NPAGES
from runtime.sweep import FULL
from runtime.sweep_pacer import deduct_sweep_credit
from runtime.sweeper import sweep_and_place, sweep_counted
from runtime.syspy import atomic_release, atomic_store, inline, is_nil, nil, throw, u32, u64

SPAN_BUDGET = 100  # unswept spans to look into before taking new pages


def cache_span(heap: MHeap, p: P, span_class: u64) -> MSpan:
    """A span of the class with a free slot, for an mcache of p; nil if the system refuses memory."""
    deduct_sweep_credit(heap, p, u64(CLASS_TO_NPAGES[span_class >> 1]) << PAGE_SHIFT, 0)
    span = find_span(heap, p, p.central[span_class])
    other = p.world.ps
    while is_nil(span) and not is_nil(other):
        if other != p:
            span = find_span(heap, p, other.central[span_class])
        other = other.next
    if is_nil(span):
        span = alloc_in_use_span(heap, p, u64(CLASS_TO_NPAGES[span_class >> 1]), span_class)
        if is_nil(span):
            return span
    if span.alloc_count == span.nelems:
        throw("CS3: span has no free objects", span.start_addr, u64(span.nelems))
    take_home(p, span)
    return span


@inline
def take_home(p: P, span: MSpan) -> None:
    """Whatever becomes of the span, it comes back to this P's mcentral."""
    span.home = p
    set_bit(p.m_cache.classes, u64(span.span_class))  # PS2


def find_span(heap: MHeap, p: P, central: MCentral) -> MSpan:
    """A span with a free slot out of a central's sets; nil if there is none, or finding it takes too long."""
    span = take_swept(central, heap.sweep_gen)
    if is_nil(span) and begin_sweeping(heap.sweeper, p):
        span = sweep_for_slots(heap, p, central)
        end_sweeping(p)
    return span


def sweep_for_slots(heap: MHeap, p: P, central: MCentral) -> MSpan:
    """Sweep unswept spans of a central until one has a free slot, and take that; nil if that takes too long."""
    for _ in range(SPAN_BUDGET):
        span = acquire_unswept(central, heap.sweep_gen)
        if is_nil(span):
            return span
        p.pages_swept = p.pages_swept + span.npages
        if sweep_counted(heap, p, span, True) != FULL:
            return span
        place_span(span, heap.sweep_gen)
    return nil(MSpan)


def uncache_span(heap: MHeap, p: P, span: MSpan) -> None:
    """Take a span back from an mcache. Its counts are final, and at least one slot is taken."""
    sweep_gen = heap.sweep_gen
    if span.alloc_count == 0:
        throw("uncache_span: no slot was taken", span.start_addr)
    if span.sweep_gen == u32(sweep_gen + 1):
        # It was cached before this collection, so it is in no set and nobody else can sweep it.
        atomic_store(span, "sweep_gen", u32(sweep_gen - 1))
        sweep_and_place(heap, p, span)
    else:
        atomic_release(span, "sweep_gen", sweep_gen)
        place_span(span, sweep_gen)
