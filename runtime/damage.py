"""Damage: all that is wrong with a heap, not only what a check meets first.

    runtime.check()                           a process forked from this one
    check_heap: throws at the first  ---->    section 1     a check, as CPython runs it, on the same memory
    raises Damaged with all       <----       section 2     check: a throw is written down, and the check goes on
                                                 ...
                                              section n

The checks are those of heap_check.py, with an answer to `throw` that returns. What a check does after that may be
anything: it may follow a pointer that leads nowhere, or never end. So it happens in a child, section by section; one
that ends the child is named, and the next child leaves it out. Nothing of the heap is changed, whatever happens.

One thing that is wrong may break several invariants: a span that cannot be read is missing in the totals, too.

It takes about a second for each 64 MiB in use.

Runs in Python only. Go has no like: it stops at the first.                                  Next: embedding.py
"""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import signal
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from runtime.heap_check import (
    Checker,
    check_all_marks,
    check_arena_place,
    check_page,
    check_parts,
    check_totals,
)
from runtime.layout import PAGE_SIZE, PAGES_PER_ARENA
from runtime.syspy import FAIL_THROW, Failure, is_nil
from runtime.syspy.failure import go_on_after_throws

if TYPE_CHECKING:
    from runtime.heap import Runtime

SECTION_SECONDS = 60  # a child that takes longer for all of its sections is in a loop
MOST_CHILDREN = 50  # sections that may end one
MOST_DAMAGES = 1000  # of a section: beyond that it is in a loop

Section = tuple[str, Callable[[], object]]


@dataclass(frozen=True)
class Damage:
    """One invariant that does not hold, at one place."""

    place: str  # the part of the heap that was looked at
    invariant: str  # its name, as in the header of the module that states it; "" if the check could not go on
    text: str  # the sentence, or why the check could not go on
    values: tuple[int, ...] = ()  # what was found: mostly the address of the span or object first

    @property
    def address(self) -> int | None:
        """The first value, if there is one."""
        return self.values[0] if self.values else None

    def __str__(self) -> str:
        """One line."""
        name = f"{self.invariant}: " if self.invariant else ""
        return " ".join([f"{self.place}: {name}{self.text}", *map(hex, self.values)])


class Damaged(Failure):
    """An invariant does not hold: the first that was met, and in `damages` all of them."""

    def __init__(self, first: Failure, damages: tuple[Damage, ...]) -> None:
        super().__init__(first.kind, first.text, first.words)
        self.damages = damages

    def __str__(self) -> str:
        """The first one's sentence, then a line for each."""
        return "\n".join([super().__str__(), *(f"  {damage}" for damage in self.damages)])


class _TooMany(Exception):
    """A section found more than MOST_DAMAGES."""


def is_by_checkmark(failure: Failure) -> bool:
    """Whether the second marking found it: then the heap is in the middle of a collection."""
    return failure.kind == FAIL_THROW and "checkmark found" in failure.text


def with_damages(state: Runtime, failure: Failure) -> Failure:
    """The same failure; with all else that is wrong, if a check of the heap has found it."""
    if is_by_checkmark(failure):
        return Damaged(failure, find_damages(state, mark_sections))
    # Only a check pauses the background, and after a failure it stays so.
    if failure.kind == FAIL_THROW and state.heap.scavenger.is_paused:
        return Damaged(failure, find_damages(state))
    return failure


# --- What is looked at -----------------------------------------------------------------------------------------------


def heap_sections(state: Runtime) -> Iterator[Section]:
    """The parts of check_heap."""
    heap = state.heap
    yield "the heap", partial(check_parts, state)
    checker = Checker(memory=heap.memory, is_marking=state.increments.is_marking)
    arena = heap.arenas.first
    while not is_nil(arena):
        start = arena.start_addr
        yield f"the arena at {start:#x}", partial(check_arena_place, heap, arena)
        for page in range(PAGES_PER_ARENA):
            yield f"the page at {start + page * PAGE_SIZE:#x}", partial(check_page, checker, heap, arena, page)
        arena = arena.next
    yield "the totals", partial(check_totals, checker, state)


def mark_sections(state: Runtime) -> Iterator[Section]:
    """The second marking, when the first is over."""
    yield "the second marking", partial(check_all_marks, state)


# --- Children --------------------------------------------------------------------------------------------------------


def find_damages(
    state: Runtime, sections: Callable[[Runtime], Iterator[Section]] = heap_sections
) -> tuple[Damage, ...]:
    """All that the checks find. The world stands still, or no other thread is in the runtime."""
    found: list[Damage] = []
    fatal: list[int] = []  # numbers of sections that ended a child
    with mmap.mmap(-1, mmap.PAGESIZE) as progress:
        for _ in range(MOST_CHILDREN):
            ending = _run_child(state, sections, fatal, progress, found)
            if ending == 0:
                break
            at = struct.unpack_from("q", progress)[0]
            place = next(place for i, (place, _) in enumerate(sections(state)) if i == at)
            found.append(Damage(place, "", f"the check could not go on: {_reason(ending)}"))
            fatal.append(at)
    return tuple(found)


def _reason(ending: int) -> str:
    """Why a child ended, by what waitpid says."""
    if ending == -signal.SIGALRM:
        return "it came to no end"
    return f"signal {signal.Signals(-ending).name}" if ending < 0 else f"exit code {ending}"


def _run_child(
    state: Runtime,
    sections: Callable[[Runtime], Iterator[Section]],
    fatal: Sequence[int],
    progress: mmap.mmap,
    found: list[Damage],
) -> int:
    """Let a child go through all but the fatal sections; append what it finds behind those. Returns how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_child(state, sections, fatal, progress, writer)
    os.close(writer)
    with open(reader, encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                place, invariant, text, values = json.loads(line)
                found.append(Damage(place, invariant, text, tuple(values)))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _be_child(
    state: Runtime,
    sections: Callable[[Runtime], Iterator[Section]],
    fatal: Sequence[int],
    progress: mmap.mmap,
    writer: int,
) -> NoReturn:
    """What the child does, and nothing else: no handler and no buffer of the parent's comes to its turn."""
    faulthandler.disable()
    for caught in (signal.SIGALRM, signal.SIGSEGV, signal.SIGBUS, signal.SIGINT):
        signal.signal(caught, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    signal.alarm(SECTION_SECONDS)
    devnull = os.open(os.devnull, os.O_WRONLY)
    code = 1
    try:
        for number, (place, check) in enumerate(sections(state)):
            struct.pack_into("q", progress, 0, number)
            if number not in fatal:  # those before were seen, but the totals need them
                _check_section(place, check, writer if number > max(fatal, default=-1) else devnull)
        code = 0
    finally:
        os._exit(code)


def _check_section(place: str, check: Callable[[], object], writer: int) -> None:
    """Make a check; write down every throw on the way, and what it ends with."""
    count = 0

    def record(failure: Failure) -> None:
        nonlocal count
        invariant, colon, text = failure.text.partition(": ")
        _write(writer, Damage(place, invariant if colon else "", text if colon else invariant, failure.words))
        count += 1
        if count == MOST_DAMAGES:
            raise _TooMany

    go_on_after_throws(record)
    try:
        check()
    except _TooMany:
        _write(writer, Damage(place, "", f"the check could not go on: {MOST_DAMAGES} damages"))
    except Exception as error:  # a nil pointer followed, an index out of range: what comes of damage
        _write(writer, Damage(place, "", f"the check could not go on: {error}"))


def _write(writer: int, damage: Damage) -> None:
    line = json.dumps([damage.place, damage.invariant, damage.text, list(damage.values)])
    os.write(writer, f"{line}\n".encode())
