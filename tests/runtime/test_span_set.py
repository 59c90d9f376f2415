"""Queues of spans."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime.mspan import MSpan
from runtime.span_set import SpanSet, append_set, check_span_set, cut_front, pop_span, push_span, remove_span
from runtime.syspy import Failure, address, nil


def test_first_in_first_out(any_engine: Any) -> None:
    spans, queue = [MSpan() for _ in range(5)], SpanSet()
    for span in spans:
        any_engine.call(push_span, queue, span)
    assert queue.count == 5
    any_engine.call(check_span_set, queue)
    assert [any_engine.call(pop_span, queue) for _ in range(6)] == [*map(address, spans), 0]


def test_random_moves_against_a_list(any_engine: Any, seed: int) -> None:
    draw = random.Random(seed)
    free, inside, queue = [MSpan() for _ in range(12)], list[MSpan](), SpanSet()
    for _ in range(300):
        move = draw.choice(["push", "push", "pop", "remove", "cut", "append"])
        if move == "push" and free:
            inside.append(free.pop())
            any_engine.call(push_span, queue, inside[-1])
        elif move == "pop":
            expected = address(inside[0]) if inside else 0
            assert any_engine.call(pop_span, queue) == expected
            free += inside[:1]
            del inside[:1]
        elif move == "remove" and inside:
            free.append(inside.pop(draw.randrange(len(inside))))
            any_engine.call(remove_span, queue, free[-1])
        elif move == "cut":
            count = draw.randrange(len(inside) + 1)
            rest = inside[count] if count < len(inside) else nil(MSpan)
            span = MSpan.at(any_engine.call(cut_front, queue, rest, count))
            for expected_span in inside[:count]:
                assert address(span) == address(expected_span)
                span = span.next
            assert address(span) == 0
            free += inside[:count]
            del inside[:count]
        elif move == "append":
            more = SpanSet()
            for _ in range(draw.randrange(len(free) + 1)):
                inside.append(free.pop())
                any_engine.call(push_span, more, inside[-1])
            any_engine.call(append_set, queue, more)
            assert (more.count, address(more.first), address(more.last)) == (0, 0, 0)
        any_engine.call(check_span_set, queue)
        assert queue.count == len(inside)


@pytest.mark.parametrize(("what", "tag"), [("prev", "V1"), ("last", "V1"), ("more", "V2"), ("fewer", "V2")])
def test_each_invariant_broken_once(any_engine: Any, what: str, tag: str) -> None:
    spans, queue = [MSpan() for _ in range(3)], SpanSet()
    for span in spans:
        any_engine.call(push_span, queue, span)
    if what == "prev":
        spans[2].prev = spans[0]
    elif what == "last":
        queue.last = nil(MSpan)
    else:
        queue.count = queue.count + (1 if what == "fewer" else -1)
    with pytest.raises(Failure, match=f"{tag}: "):
        any_engine.call(check_span_set, queue)
