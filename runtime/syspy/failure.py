"""Failure: the one way out of systems code that is no return.

    throw("S3: sentence", word, ...)              a bug of the runtime, or a state it cannot go on from
    fail(FAIL_PANIC, "template %d", word, ...)    leaves for the host with a kind, a text and the words

Under CPython both raise Failure. Native code records the same three things and longjmps to its entry thunk, whose
caller in Python raises the Failure there. The words are integers, as they are (negative ones stay negative); the text
is constant. Words that the text has no directive for are for the host, as a position is.

    KIND            what happened                                   the host's answer
    FAIL_THROW      an invariant of the runtime is broken           "fatal error: ...", exit 2
    FAIL_PANIC      the program did what Go panics at               "panic: ...", exit 2
    FAIL_EXIT       os.Exit(n)                                      exit n
    FAIL_INTERRUPT  the user asked to stop                          exit as by SIGINT

Next: intrinsics.py
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

FAIL_THROW = 1
FAIL_PANIC = 2
FAIL_EXIT = 3
FAIL_INTERRUPT = 4

MAX_WORDS = 8

NIL_TEXT = "invalid memory address or nil pointer dereference"
INDEX_TEXT = "index out of range [%d] with length %d"


class Failure(Exception):
    """Systems code ended by throw or fail."""

    def __init__(self, kind: int, text: str, words: tuple[int, ...] = ()) -> None:
        super().__init__(kind, text, words)
        self.kind = kind
        self.text = text
        self.words = words
        self.is_again = False  # it was caught before, and goes on

    def __str__(self) -> str:
        """The text with its words filled in."""
        import re  # here, since a program that does not fail has no need of it

        rest = iter(self.words)
        message = re.sub("%[dx]", lambda found: format(next(rest, 0), found[0][1]), self.text)
        if self.kind != FAIL_THROW:
            return message
        return " ".join([f"fatal error: {message}", *(hex(word) for word in rest)])


def failure_at(descriptor: int, given: Any) -> Failure:
    """The failure that a descriptor of native code describes (entries.py); its words are the first of `given`."""
    import ctypes  # both here, since a program that does not fail has no need of them
    import struct as packing

    kind, count, signs, length = packing.unpack("<4I", ctypes.string_at(descriptor, 16))
    text = ctypes.string_at(descriptor + 16, length).decode()
    words = [int(word) for word in given[:count]]
    signed = [word - (1 << 64) if signs >> i & 1 and word >> 63 else word for i, word in enumerate(words)]
    return Failure(kind, text, tuple(signed))


def _leave(failure: Failure) -> NoReturn:
    """How throw is answered."""
    raise failure


_answers: list[Callable[[Failure], NoReturn]] = [_leave]


def go_on_after_throws(record: Callable[[Failure], None]) -> None:
    """From now on, for good, a throw under CPython is told, and returns: for a process that looks at damage."""
    _answers.append(record)  # type: ignore[arg-type]


def throw(text: str, *words: int) -> NoReturn:
    """End in a fatal error of the runtime."""
    _answers[-1](Failure(FAIL_THROW, text, tuple(map(int, words))))


def fail(kind: int, text: str, *words: int) -> NoReturn:
    """Leave systems code for its host."""
    raise Failure(kind, text, tuple(map(int, words)))
