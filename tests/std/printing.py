"""Printing, for tests: a goroutine that can print, and what it printed."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from runtime.output import close_output, open_output
from runtime.proc import G
from runtime.syspy import address


@contextmanager
def printing_goroutine() -> Iterator[G]:
    """A G with standard output and standard error of its own, that go nowhere."""
    g = G()
    g.output = open_output()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    g.output.fd = g.output.stderr.fd = nowhere
    yield g
    close_output(g.output)
    os.close(nowhere)


def taken(g: G) -> bytes:
    """What waits in standard output; it is taken out."""
    out = g.output
    content = ctypes.string_at(address(out.data), out.length)
    out.length = 0
    return content
