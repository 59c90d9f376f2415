"""Span sets: lists of spans, linked through the spans themselves.

    first --> span <--> span <--> span <-- last          put in at the back, taken out anywhere

Go keeps them in arrays of blocks that several threads push to and pop from without a lock, and that take memory as they
grow. A list through the spans needs none: a push cannot fail, wherever a collection or a sweep happens to be when
the system runs out of memory. And a span can leave a set from its middle, so a set never holds one that was swept
elsewhere. The price is a lock per mcentral, taken once or twice for each span, that is for hundreds of objects.

    V1  each span's next has it as prev; first has no prev and last no next
    V2  count is the number of spans
    V3  a span in no set has neither next nor prev

Owner: the lock of the mcentral. Go: runtime/mspanset.go.                                       Next: heap_bits.py
"""

from __future__ import annotations

from runtime.mspan import MSpan
from runtime.syspy import Struct, inline, is_nil, nil, struct, throw, u64


@struct
class SpanSet(Struct):
    """A queue of spans."""

    first: MSpan  # the next to be taken out; nil when empty
    last: MSpan  # the last put in; nil when empty
    count: u64  # spans


@inline
def push_span(spans: SpanSet, span: MSpan) -> None:
    """Put a span in at the back. It is in no set."""
    span.prev = spans.last
    span.next = nil(MSpan)
    if is_nil(spans.last):
        spans.first = span
    else:
        spans.last.next = span
    spans.last = span
    spans.count = spans.count + 1


@inline
def remove_span(spans: SpanSet, span: MSpan) -> None:
    """Take a span out, which is in this set."""
    if is_nil(span.prev):
        spans.first = span.next
    else:
        span.prev.next = span.next
    if is_nil(span.next):
        spans.last = span.prev
    else:
        span.next.prev = span.prev
    span.prev = nil(MSpan)  # V3
    span.next = nil(MSpan)
    spans.count = spans.count - 1


@inline
def pop_span(spans: SpanSet) -> MSpan:
    """Take a span out at the front; nil if there is none."""
    span = spans.first
    if not is_nil(span):
        remove_span(spans, span)
    return span


def cut_front(spans: SpanSet, rest: MSpan, count: u64) -> MSpan:
    """Take out the spans before `rest`, of which there are so many: the first, linked by next. Nil for `rest`: all."""
    first = spans.first
    if count == 0:
        return nil(MSpan)
    last = spans.last if is_nil(rest) else rest.prev
    last.next = nil(MSpan)
    spans.first = rest
    if is_nil(rest):
        spans.last = nil(MSpan)
    else:
        rest.prev = nil(MSpan)
    spans.count = spans.count - count
    return first


def append_set(spans: SpanSet, more: SpanSet) -> None:
    """Put all spans of another set in at the back; that one is empty then."""
    if is_nil(more.first):
        return
    more.first.prev = spans.last
    if is_nil(spans.last):
        spans.first = more.first
    else:
        spans.last.next = more.first
    spans.last = more.last
    spans.count = spans.count + more.count
    more.first = nil(MSpan)
    more.last = nil(MSpan)
    more.count = 0


def check_span_set(spans: SpanSet) -> None:
    """V1 and V2, by a walk along the list."""
    count: u64 = 0
    before = nil(MSpan)
    span = spans.first
    while not is_nil(span):
        if span.prev != before:
            throw("V1: a span's prev is not the span before it", span.start_addr)
        count = count + 1
        if count > spans.count:
            throw("V2: a span set holds more spans than it counts", spans.count)
        before = span
        span = span.next
    if spans.last != before:
        throw("V1: last is not the last span", count)
    if count != spans.count:
        throw("V2: a span set holds fewer spans than it counts", count, spans.count)
