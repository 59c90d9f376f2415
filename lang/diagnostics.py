"""Diagnostics: what is wrong with a program, where, and how it is shown.

    prog.toy:3:7: undefined: foo
            x := foo + 1
                 ^

Every error has a code with the rule that was broken and a program that breaks it; the tests run these programs. The
wording of a message is Go's wherever Go has one. At most ten errors are shown, in order of their positions.

Next: codes.py
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lang.source import Source

MAX_SHOWN = 10
MAX_WIDTH = 120  # characters of a source line that are shown


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of error."""

    name: str                                                   # what `toyrun explain` is asked for
    rule: str                                                   # what holds in a right program
    bad: str                                                    # a program that breaks it, with /* ERROR "regexp" */
    mend: str = ""                                              # what to do about it


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error."""

    pos: int                                                    # offset in the source
    code: Code
    message: str                                                # further lines begin with a tab


@dataclass(slots=True)
class Diagnostics:
    """The errors of one source."""

    source: Source
    found: list[Diagnostic] = field(default_factory=list)

    def report(self, code: Code, pos: int, message: str) -> None:
        """Add an error, unless it repeats the last one on the same line."""
        last = self.found[-1] if self.found else None
        repeats = last is not None and last.message == message
        if repeats and last is not None and self.source.line_of(last.pos) == self.source.line_of(pos):
            return
        self.found.append(Diagnostic(pos, code, message))

    @property
    def has_syntax_errors(self) -> bool:
        """Whether there is no tree to go on with."""
        return any(is_syntax_error(diagnostic) for diagnostic in self.found)

    def __bool__(self) -> bool:
        return bool(self.found)

    @property
    def is_full(self) -> bool:
        """Whether more errors would not be shown."""
        return len(self.found) > MAX_SHOWN

    def in_order(self) -> list[Diagnostic]:
        """Sorted by position, without repetitions; of the syntax errors of a line only the first."""
        kept: list[Diagnostic] = []
        seen: set[tuple[int, str]] = set()
        for diagnostic in sorted(self.found, key=lambda d: d.pos):
            key = (diagnostic.pos, diagnostic.message)
            if is_syntax_error(diagnostic):
                key = (self.source.line_of(diagnostic.pos), "syntax error")
            if key not in seen:
                seen.add(key)
                kept.append(diagnostic)
        return kept

    def render(self) -> str:
        """The text for the user: up to ten errors, each with its line and a caret."""
        ordered = self.in_order()
        lines = [self.rendered(diagnostic) for diagnostic in ordered[:MAX_SHOWN]]
        if len(ordered) > MAX_SHOWN:
            lines.append("too many errors\n")
        return "".join(lines)

    def codes(self) -> str:
        """The codes of the errors that are shown, in their order."""
        return " ".join(dict.fromkeys(diagnostic.code.name for diagnostic in self.in_order()[:MAX_SHOWN]))

    def rendered(self, diagnostic: Diagnostic) -> str:
        """One error: `file:line:column: message`, the source line, a caret."""
        line, column = self.source.line_column(diagnostic.pos)
        text, at = around(self.source.line_text(line), diagnostic.pos - self.source.line_starts[line - 1])
        before = text[:at]
        padding = "".join(char if char == "\t" else " " for char in before)
        head = f"{self.source.name}:{line}:{column}: {diagnostic.message}\n"
        return f"{head}\t{shown(text)}\n\t{padding}^\n" if text.strip() else head


def is_syntax_error(diagnostic: Diagnostic) -> bool:
    """Whether an error is about the grammar."""
    return diagnostic.message.startswith("syntax error")


def around(line: str, at: int) -> tuple[str, int]:
    """The part of a line that is shown for an error at index `at`, and that index in it: long lines are cut."""
    if len(line) <= MAX_WIDTH:
        return line, at
    start = max(0, min(at - MAX_WIDTH // 2, len(line) - MAX_WIDTH))
    return line[start : start + MAX_WIDTH], at - start


def shown(line: str) -> str:
    """A source line made safe to print: control characters and undecodable bytes are replaced."""
    return "".join(char if char == "\t" or char.isprintable() else "\ufffd" for char in line)
