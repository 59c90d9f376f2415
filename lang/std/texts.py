"""Texts: where strings are formed, one inside of the other.

    fmt.Sprint(a, b)        begin_text ... a's String method ... begin_text ... end_text ... end_text

A text is an Output in memory, off the heap. While one is being formed, another may be wanted: a value's method forms
one of its own. So they make a chain; the goroutine's `output.current` is the next that is free.

    TX1  behind end_text what was free before begin_text is free again; so it is when a panic was caught (defers.py)

Owner: the statement that forms the text.                                              Next: fmt_integers.py
"""

from __future__ import annotations

from runtime.output import IN_MEMORY, KEPT_TEXT_BYTES, TEXT_BUFFER_BYTES, Output, new_output, shrink_text
from runtime.proc import G
from runtime.syspy import is_nil, nil


def begin_text(g: G) -> Output:
    """An empty text. What a statement has left there that never came to its end is dropped."""
    out = g.output.current
    if is_nil(out.text):
        out.text = new_output(IN_MEMORY, TEXT_BUFFER_BYTES, nil(Output))
    g.output.current = out.text
    shrink_text(out, KEPT_TEXT_BYTES)
    return out


def end_text(g: G, out: Output) -> None:
    """The text is taken."""
    g.output.current = out  # TX1
    shrink_text(out, KEPT_TEXT_BYTES)
