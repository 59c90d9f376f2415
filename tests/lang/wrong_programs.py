"""Wrong programs: source text with the errors it must give, in comments behind the tokens that cause them.

    x := foo /* ERROR `undefined: foo` */ + 1

The regular expression, in backquotes or double quotes, must match the message of an error that lies in the token right
before the comment (or at the end of the line or file that follows it). Every error must be expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lang.check_package import check
from lang.diagnostics import Diagnostic, Diagnostics
from lang.parse import parse
from lang.source import Source

COMMENT = re.compile(r'/\* ERROR (?:`([^`]*)`|"((?:[^"\\]|\\.)*)") \*/')
SPACE_OR_COMMENT = re.compile(r"\s+|//[^\n]*|/\*.*?\*/", re.DOTALL)
TOKEN = re.compile(
    r"""\w+(?:\.\w+)?|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`[^`]*`|[-+*/%&|^<>=!:.]+|.""", re.DOTALL
)


@dataclass(frozen=True)
class Expected:
    pattern: str  # regular expression for the message
    start: int  # offset of the token before the comment
    end: int  # offset behind it
    after: int  # offset of what follows the comment, if that is the end of a line


def expectations(text: str) -> list[Expected]:
    """The errors that a program's comments announce."""
    found, token, at = [], (0, 0), 0
    while at < len(text):
        comment = COMMENT.match(text, at)
        space = SPACE_OR_COMMENT.match(text, at)
        if comment is not None:
            pattern = comment[1] if comment[1] is not None else comment[2].replace('\\"', '"').replace("\\\\", "\\")
            found.append(Expected(pattern, *token, comment.end()))
            at = comment.end()
        elif space is not None:
            at = space.end()
        else:
            matched = TOKEN.match(text, at)
            assert matched is not None
            token = matched.span()
            at = matched.end()
    return found


def diagnosed(text: str, name: str = "prog.toy") -> Diagnostics:
    """What the front end says about a program."""
    diagnostics = Diagnostics(Source(name, text))
    file = parse(diagnostics.source, diagnostics)
    if file is not None:
        check(file, diagnostics)
    return diagnostics


def errors_of(text: str) -> list[Diagnostic]:
    """The errors of a program, but for constructs that Toy lacks so far."""
    return [d for d in diagnosed(text).in_order() if d.code.name != "not-yet"]


def matches(expected: Expected, error: Diagnostic, text: str) -> bool:
    """Whether an error is the one expected."""
    in_token = expected.start <= error.pos <= expected.end
    at_line_end = error.pos == expected.after or (error.pos > expected.after and not text[expected.after :].strip())
    return (in_token or at_line_end) and re.search(expected.pattern, error.message) is not None


def complaints(text: str, with_refusals: bool = False) -> list[str]:
    """What differs between the errors expected and those given; may be, those about what Toy lacks are among them."""
    errors, said = diagnosed(text).in_order() if with_refusals else errors_of(text), []
    for expected in expectations(text):
        error = next((e for e in errors if matches(expected, e, text)), None)
        line = text.count("\n", 0, expected.start) + 1
        if error is None:
            said.append(f"line {line}: expected `{expected.pattern}`")
        else:
            errors.remove(error)
    source = Source("prog.toy", text)
    return said + [f"{source.line_column(e.pos)}: not expected: {e.message}" for e in errors]
