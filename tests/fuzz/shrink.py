"""Shrinking: leaving out and replacing parts of a program while it still fails in the same way.

Candidates are tried from large cuts to small ones, until none of them helps any more, or as many were tried as there
may be, or the time is up. The checker sorts out those that are no right programs before anything is built.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from lang.driver import UserError, check_file, parse_source
from lang.source import Source
from tests.fuzz.tree import Program, edits


def shrink(program: Program, still_fails: Callable[[str], bool], seconds: float, tries: int) -> str:
    """The smallest text found for which `still_fails`, asked so many times at most; the program is changed to it."""
    deadline = time.monotonic() + seconds
    seen = {program.text()}
    improved = True
    while improved:
        improved = False
        number = 0  # edits that did not help; behind one that did, the next has its number
        while tries > 0 and (edit := next(islice(edits(program), number, None), None)) and time.monotonic() < deadline:
            edit.apply()
            text = program.text()
            is_candidate = text not in seen and is_right(text)
            seen.add(text)
            tries -= is_candidate
            if is_candidate and still_fails(text):
                improved = True
            else:
                edit.undo()
                number += 1
    return program.text()


def is_right(text: str) -> bool:
    """Whether Toy's checker takes a program; one that breaks the compiler is right, too."""
    try:
        source = Source.of_bytes("candidate.toy", text.encode())
        check_file(parse_source(source), source)
    except UserError:
        return False
    except Exception:
        return True
    return True
