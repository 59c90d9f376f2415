"""The prompt: toyrun repl.

    1> func twice(n int) int {      a line number; the input goes on while it is incomplete
    2.     return 2 * n
    3. }
    4> x := twice(21)
    5> x                            the value of an expression
    42
    6> y
    repl:6:1: undefined: y          what is refused, or fails, leaves everything as it was

Declarations that lack something wait for those that come with them, pasted or through a pipe: a program may use
functions and types in front of their declarations. Through a pipe there are no prompts. What runs, runs in a child
process: see replay.py.

Owner: the terminal.        Next: toyrun.py
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace

from lang.driver import UserError, guarded
from lang.execution import INTERRUPT_EXIT
from lang.replay import Outcome, Progress, replay
from lang.session import Entered, InputError, Session
from lang.session_input import blanked, declared_by, is_incomplete
from runtime.syspy.cache import directory as cache_directory

GREETING = "Toy: :help explains, Ctrl-D ends.\n"
HELP = """\
Type declarations, statements or expressions. An expression's value is shown.
An input goes on over several lines until it is complete; Ctrl-C drops it.

  :type EXPRESSION   its type; nothing is run
  :help              this
  :quit, Ctrl-D      the end

A name may be declared again; what was typed before goes on with the old one.
In what is pasted or piped in, declarations may come behind their uses.
An input that is wrong, panics, exits or is interrupted changes nothing.

For each input all earlier ones are run again, with their output hidden. So an
input takes the time of all before it, sleeps included; and what depends on the
clock or on addresses may differ each time.
"""
BYTE_ORDER_MARK = "\ufeff"
NO_EXPRESSION = ":type takes an expression\n"
HISTORY_LINES = 1000


def repl(engine: str, environ: Mapping[str, str]) -> int:
    """A session, until its input ends; the exit code."""
    is_interactive = all(stream.isatty() for stream in (sys.stdin, sys.stdout))
    prompt = Prompt(engine, environ, is_interactive)
    if is_interactive:
        load_history()
        sys.stdout.write(GREETING)
    try:
        return guarded(prompt.run)
    finally:
        if is_interactive:
            save_history()


class Prompt:
    """A session and where its lines come from."""

    def __init__(self, engine: str, environ: Mapping[str, str], is_interactive: bool) -> None:
        self.engine = engine
        self.environ = environ
        self.is_interactive = is_interactive
        self.session = Session()
        self.waiting: list[str] = []  # declarations that lack something, and those behind them
        self.awaited: set[tuple[str, ...]] = set()  # what they declare
        self.pending = ""  # the lines of an input that is not complete yet

    def run(self) -> int:
        """Take lines until they end; the exit code."""
        while self.take_lines():
            pass
        return 0

    def take_lines(self) -> bool:
        """Take what is typed next; whether the session goes on."""
        try:
            goes_on = all(self.take(line) for line in self.typed().split("\n"))
            if self.is_interactive and not self.pending:
                self.settle()
            return goes_on
        except EOFError:
            if self.is_interactive:
                sys.stdout.write("\n")
            self.submit()
            self.settle()
            return False
        except KeyboardInterrupt:
            if not self.is_interactive:
                raise
            sys.stdout.write("\n")
            self.settle()
            self.session.added(self.pending)
            self.pending = ""
            return True

    def typed(self) -> str:
        """The next line, or several that were pasted together. Raises EOFError."""
        number = self.session.lines + "".join([*self.waiting, self.pending]).count("\n") + 1
        if self.is_interactive:
            return input(f"{number}{'.' if self.pending else '>'} ")
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).removesuffix("\n")

    def take(self, line: str) -> bool:
        """Take one line; whether the session goes on."""
        is_command = not self.pending and line.lstrip().startswith(":")
        if is_command:
            self.settle()
        if is_command and line.strip() in (":quit", ":q"):
            return False
        self.pending += f"{line}\n"
        if is_command:
            self.command(line)
        elif not is_incomplete(self.pending):
            self.submit()
        return True

    # ---- what is done

    def command(self, line: str) -> None:
        """Obey a line that begins with a colon."""
        self.pending = ""
        word, *rest = line.split(maxsplit=1)
        if word == ":type" and rest:
            self.show_type(line.removesuffix(rest[0]), f"{rest[0]}\n")
            return
        self.session.added(f"{line}\n")
        if word == ":help":
            sys.stdout.write(HELP)
        else:
            sys.stderr.write(NO_EXPRESSION if word == ":type" else f"{word}? :help lists what there is\n")

    def show_type(self, before: str, text: str) -> None:
        """Show what an expression's type is; `before` stands in front of it."""
        try:
            found = self.session.type_of(before, text)
            if found is None:
                sys.stderr.write(NO_EXPRESSION)
            else:
                sys.stdout.write(f"{found}\n")
        except UserError as error:
            sys.stderr.write(str(error))

    def submit(self) -> None:
        """Take the pending input: declarations may have to wait."""
        text, self.pending = self.pending, ""
        if self.waiting and self.joins(text):
            return
        self.settle()
        if not text.strip():
            self.session.added(text)
            return
        try:
            self.perform(self.session.enter(text))
        except UserError as error:
            if isinstance(error, InputError) and error.may_wait:
                self.session.take_back(text)
                self.joins(text)
            else:
                sys.stderr.write(str(error))

    def joins(self, text: str) -> bool:
        """Let a text wait, if it is declarations of names that do not wait yet, or blank; whether it does."""
        declared = declared_by(text) if text.strip() else set()
        if declared is None or declared & self.awaited:
            return False
        self.waiting.append(text)
        self.awaited |= declared
        return True

    def settle(self) -> None:
        """Enter what waits, together; without those parts that are wrong even so."""
        parts, self.waiting, self.awaited = self.waiting, [], set()
        given = self.session.added("".join(parts))
        while given.text.strip():
            try:
                self.perform(self.session.checked(given))
                return
            except InputError as error:
                sys.stderr.write(str(error))
                parts = without(parts, {place - given.start for place in error.places})
            except UserError as error:
                sys.stderr.write(str(error))
                return
            text = "".join(parts)
            if text == given.text:
                return
            given = replace(given, text=text)

    def perform(self, entered: Entered) -> None:
        """Run an input, and keep it if all goes well."""
        outcome = replay(entered, self.engine, self.environ) if entered.runs else None
        if outcome is None or outcome.progress is Progress.DONE:
            self.session.keep(entered)
        else:
            self.tell(outcome)

    def tell(self, outcome: Outcome) -> None:
        """Say why a run has not come to its end, where it has not said so itself."""
        code = outcome.exit_code
        if code == INTERRUPT_EXIT:
            if not self.is_interactive:
                raise KeyboardInterrupt
            sys.stderr.write("\ninterrupted\n")
        elif code < 0:
            sys.stderr.write(f"signal: {(signal.strsignal(-code) or str(-code)).lower()}\n")
        elif outcome.progress is Progress.EARLIER:
            sys.stderr.write("toyrun: the inputs before this one, run once more, came to another end; it was not run\n")
        elif outcome.progress is Progress.NEWEST:
            sys.stderr.write(f"exit status {code}\n")


def without(parts: list[str], places: set[int]) -> list[str]:
    """Parts of a text, those with one of the offsets in them left blank."""
    kept, at = [], 0
    for part in parts:
        kept.append(blanked(part) if places & {*range(at, at + len(part))} else part)
        at += len(part)
    return kept


# ---- history


def history_file() -> str:
    """Where lines are remembered, beside compiled programs; "" for nowhere."""
    folder = cache_directory()
    return os.path.join(folder, "repl-history") if folder is not None else ""


def load_history() -> None:
    """Have lines edited, and those of earlier sessions at hand, as far as Python has readline."""
    try:
        import readline

        readline.read_history_file(history_file())
    except (ImportError, OSError):
        pass


def save_history() -> None:
    """Remember the lines of this session."""
    path = history_file()
    if not path:
        return
    try:
        import readline

        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        readline.set_history_length(HISTORY_LINES)
        readline.write_history_file(path)
    except (ImportError, OSError):
        pass
