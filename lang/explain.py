"""Explanations: what the code of an error means, for `toyrun explain`.

    toyrun explain                all codes, each with its rule
    toyrun explain unused         its rule, a program that breaks it, what is said about that, how to mend it

The programs are the examples of codes.py, and what is said about one is what the front end says now.

Next: driver.py
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from textwrap import fill, indent

from lang.check_package import check
from lang.codes import CODES
from lang.diagnostics import Code, Diagnostics
from lang.parse import parse
from lang.source import Source

ANNOUNCEMENT = re.compile(r' ?/\* ERROR "(?:[^"\\]|\\.)*" \*/ ?')
CLINGING = re.compile(r"[(\[\].)\n]|\{\}|:(?!=)")  # what stands next to the token before it
MAX_NEAR = 4  # codes that a hint names
WIDTH = 80


class UnknownCode(Exception):
    """There is no such code; the text says which ones look like it."""


def explained(names: Sequence[str]) -> str:
    """The text about some codes, or about all of them."""
    return "\n".join(explanation(code_named(name)) for name in names) if names else listing()


def listing() -> str:
    """A line for each code."""
    width = max(map(len, CODES))
    return "".join(f"{name:{width}}  {code.rule}\n" for name, code in CODES.items())


def code_named(name: str) -> Code:
    """The code of that name."""
    if name in CODES:
        return CODES[name]
    near = nearest(name)
    hint = f"nearest: {', '.join(near)}" if near else "toyrun explain lists them"
    raise UnknownCode(f"no error code {name!r}; {hint}")


def nearest(name: str) -> list[str]:
    """The codes that look like a name, and those whose rules speak of it."""
    word = name.lower()
    alike = get_close_matches(word, CODES, n=3, cutoff=0.6)
    related = [code.name for code in CODES.values() if len(word) > 2 and word in f"{code.name} {code.rule}".lower()]
    return list(dict.fromkeys(alike + related))[:MAX_NEAR]


def explanation(code: Code) -> str:
    """The rule, the example, what is said about it, and how to mend it."""
    program = example(code)
    said = complaint(f"{code.name}.toy", program)
    parts = [f"{code.name}: {code.rule}\n", indent(program, "    "), indent(said, "    ")]
    if code.mend:
        parts.append(fill(code.mend, WIDTH, break_long_words=False) + "\n")
    return "\n".join(parts)


def example(code: Code) -> str:
    """The program that breaks the rule, without the comments that announce its errors."""
    return ANNOUNCEMENT.sub(_space_for, code.bad)


def _space_for(announcement: re.Match[str]) -> str:
    """What stands instead of an announcement between two tokens."""
    text, start, end = announcement.string, announcement.start(), announcement.end()
    return "" if text[start - 1] in "([" or CLINGING.match(text, end) else " "


def complaint(name: str, text: str) -> str:
    """What the front end says about a program."""
    diagnostics = Diagnostics(Source(name, text))
    file = parse(diagnostics.source, diagnostics)
    if file is not None:
        check(file, diagnostics)
    return diagnostics.render()
