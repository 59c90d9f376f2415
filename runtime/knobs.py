"""Knobs: what the environment and the command line say about how to run, in Go's words.

    GOGC=200                                   percent that the heap may grow by; off
    GODEBUG=gctrace=1,gccheckmark=1            a comma list of name=number, the last of a name counts

    gctrace=1        a line for each collection, on standard error
    gccheckmark=1    after each marking, mark again in another way, and compare
    clobberfree=1    fill what is freed with 0xdeadbeef
    gcstress=n       collect at every n-th allocation
    heapcheck=1      check every invariant of the heap around each collection
    memprofilerate=n sample an allocation once in n bytes, on average, if a profile is asked for; 1: each; 0: none

gcstress and heapcheck are ours. A name that Go knows and this runtime has no use for yet is accepted, as Go accepts
names it does not know; a value that is no number is an error, which Go leaves unsaid.

Runs in Python only, on the host's side. Go: runtime/runtime1.go parsedebugvars; mgcpacer.go readGOGC.     Next:
image.py
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runtime.heap import Runtime

GOGC_OFF = -1  # no collections but forced ones
MAX_GOGC = (1 << 31) - 1
DEFAULT_GOGC = 100


class KnobError(ValueError):
    """A setting that cannot be understood."""


class Settings(NamedTuple):
    """How to run."""

    gogc: int = DEFAULT_GOGC  # percent; GOGC_OFF
    gctrace: int = 0
    gccheckmark: int = 0
    clobberfree: int = 0
    gcstress: int = 0  # allocations from one collection to the next; 0: no
    heapcheck: int = 0
    memprofilerate: int = -1  # bytes; -1: not given

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of GOGC and GODEBUG."""
        return cls.parsed(environment.get("GOGC", ""), environment.get("GODEBUG", ""))

    @classmethod
    def parsed(cls, gogc: str, godebug: str) -> Settings:
        """The settings that two texts in the form of GOGC and GODEBUG ask for; empty ones ask for nothing."""
        return cls(parse_gogc(gogc), **parse_godebug(godebug))

    def apply(self, state: Runtime) -> None:
        """Set the knobs of a runtime; its GOGC was given to it at birth."""
        knobs = state.knobs
        knobs.gc_trace = self.gctrace > 0
        knobs.gc_check_mark = self.gccheckmark > 0
        knobs.gc_check_heap = self.heapcheck > 0
        knobs.gc_stress = self.gcstress
        state.heap.clobber = self.clobberfree > 0
        if self.gcstress:
            state.m_cache.run_bytes = 0


def parse_gogc(text: str) -> int:
    """The percentage that GOGC=text asks for."""
    if text in ("", "off"):
        return DEFAULT_GOGC if text == "" else GOGC_OFF
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise KnobError(f"malformed GOGC={text}: a whole number of percent, or off")
    value = int(text)
    if value > MAX_GOGC:
        raise KnobError(f"malformed GOGC={text}: more than {MAX_GOGC}")
    return max(value, GOGC_OFF)


def parse_godebug(text: str) -> dict[str, int]:
    """The settings of this runtime among those of GODEBUG=text."""
    known = set(Settings._fields) - {"gogc"}
    found: dict[str, int] = {}
    for setting in filter(None, text.split(",")):
        name, equals, value = setting.partition("=")
        if not equals:
            raise KnobError(f"malformed GODEBUG setting {setting!r}: name=number")
        if name in known:
            if not re.fullmatch(r"[0-9]{1,18}", value):
                raise KnobError(f"malformed GODEBUG setting {setting!r}: {value!r} is no number")
            found[name] = int(value)
    return found
