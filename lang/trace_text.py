"""Trace text: who called whom, as Go prints it when a panic ends a program.

    goroutine 1 [running]:
    main.inner(...)
            /tmp/p.toy:10
    panic(...)                     what runs deferred calls, on top of the panic that was under way
            .../defers.py:116
    main.main()
            /tmp/p.toy:31

What there is to tell was noted when the failure left: runtime/traceback.py. Of more than a hundred frames the first
fifty and the last fifty are shown.

Owner: the host.        Next: execution.py
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from lang.std.defers import run_with_defers
from runtime.traceback import (
    AT,
    INNER_FRAMES,
    KIND_MASK,
    OUTER_FRAMES,
    PANIC,
    PLACE,
    Trace,
    places_of,
    words_of,
)

Place = tuple[str, int, str]  # function, line and file
Entry = tuple[str, int, str]  # function with its parentheses, line and file

WITHOUT_ARGUMENTS = re.compile(r"main\.main|\w+\.init(\.\d+)?")  # Go calls these itself: it never inlines them


def trace_text(trace: Trace, place_at: Callable[[int], Place | None]) -> str:
    """The lines below "goroutine 1 [running]:", given what the numbers of places mean."""
    inner_words, outer_words = words_of(trace.frames)
    inner, outer = (list(entries(trace, words, place_at)) for words in (inner_words, outer_words))
    elided = trace.frames.frames - INNER_FRAMES - OUTER_FRAMES
    if elided <= 0:
        return "".join(map(entry_text, inner + outer))
    first = "".join(map(entry_text, inner[:INNER_FRAMES]))
    last = "".join(map(entry_text, (inner + outer)[-OUTER_FRAMES:]))
    return f"{first}...{elided} frames elided...\n{last}"


def entry_text(entry: Entry) -> str:
    """One call, in two lines."""
    return f"{entry[0]}\n\t{entry[2]}:{entry[1]}\n"


def entries(trace: Trace, words: Iterable[int], place_at: Callable[[int], Place | None]) -> Iterator[Entry]:
    """The calls that words stand for."""
    said: Place | None = None  # by the failure, of the frame that comes next
    for word in words:
        kind, number = word & KIND_MASK, word & ~KIND_MASK
        if kind == AT:
            said = place_at(number)
        elif kind == PANIC:
            code = run_with_defers.__code__
            yield "panic(...)", code.co_firstlineno, code.co_filename
        else:
            for found in [number] if kind == PLACE else places_of(trace, word):
                place = place_at(found)
                if said is not None and (place is None or place[0] == said[0]):
                    place = said
                said = None
                if place is not None:
                    yield called(place[0]), place[1], place[2]
    if said is not None:
        yield called(said[0]), said[1], said[2]


def called(function: str) -> str:
    """A function with its arguments, which nobody has kept."""
    return f"{function}()" if WITHOUT_ARGUMENTS.fullmatch(function) else f"{function}(...)"
