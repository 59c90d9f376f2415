"""Frames: the first and the last words are kept, the others are counted."""

from __future__ import annotations

from runtime.syspy import uintptr
from runtime.traceback import (
    AT,
    INNER_FRAMES,
    OUTER_WORDS,
    PANIC,
    PLACE,
    Trace,
    add_frames,
    add_place,
    add_word,
    forget_frames,
    words_of,
)

MASK64 = (1 << 64) - 1


def filled(count: int, first: int = 0) -> Trace:
    trace = Trace()
    for number in range(first, first + count):
        add_word(trace.frames, PLACE | number, 1)
    return trace


def test_a_few_frames_are_all_there() -> None:
    trace = filled(3)
    assert words_of(trace.frames) == ([PLACE, PLACE | 1, PLACE | 2], [])
    assert trace.frames.frames == 3


def test_of_many_frames_the_last_ones_are_kept() -> None:
    trace = filled(1000)
    inner, outer = words_of(trace.frames)
    assert inner == [PLACE | number for number in range(INNER_FRAMES)]
    assert outer == [PLACE | number for number in range(1000 - OUTER_WORDS, 1000)]
    assert trace.frames.frames == 1000


def test_the_place_that_a_failure_names_is_no_frame_and_may_be_none() -> None:
    trace = Trace()
    add_place(trace.frames, 7)
    add_place(trace.frames, -1 & MASK64)
    assert words_of(trace.frames) == ([AT | 7], [])
    assert trace.frames.frames == 0


def test_the_frames_of_a_panic_under_way_come_behind_those_of_a_deferred_call() -> None:
    under_way = filled(2, first=10)
    trace = filled(1)
    add_word(trace.frames, PANIC, 1)
    add_frames(trace, under_way.frames)
    assert words_of(trace.frames)[0] == [PLACE, PANIC, PLACE | 10, PLACE | 11]
    assert trace.frames.frames == 4


def test_frames_that_were_left_out_stay_counted() -> None:
    under_way = filled(1000)
    trace = filled(1, first=5000)
    add_frames(trace, under_way.frames)
    inner, outer = words_of(trace.frames)
    assert trace.frames.frames == 1001
    assert inner == [PLACE | 5000, *(PLACE | number for number in range(INNER_FRAMES - 1))]
    assert outer == [PLACE | number for number in range(1000 - OUTER_WORDS, 1000)]


def test_forgotten_frames_are_gone() -> None:
    trace = filled(1000)
    forget_frames(trace.frames)
    assert words_of(trace.frames) == ([], [])
    assert trace.frames.frames == 0


def test_a_copy_may_end_behind_the_words_that_are_used() -> None:
    """No word behind the last one is looked at."""
    trace, short = Trace(), filled(2)
    short.frames.words[2] = uintptr(MASK64)
    add_frames(trace, short.frames)
    assert words_of(trace.frames) == ([PLACE, PLACE | 1], [])
