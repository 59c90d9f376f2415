"""Knobs: what the environment and the command line say about how to run, in Go's words.

    GOGC=200                                   percent that the heap may grow by; off
    GOMEMLIMIT=512MiB                          bytes that may be ready: B, KiB, MiB, GiB, TiB; off
    GOMAXPROCS=4                               Ps
    GODEBUG=gctrace=1,gccheckmark=1            a comma list of name=number, the last of a name counts

    gctrace=1        a line for each collection, on standard error
    gcpacertrace=1   lines for each collection, of how it was paced
    gccheckmark=1    after each marking, mark again in another way, and compare
    clobberfree=1    fill what is freed with 0xdeadbeef
    disablethp=1     no pages of 2 MiB for the heap
    scavtrace=1      a line for each cycle of what went back to the system
    gcstoptheworld=0 marking goes in steps, between which the program runs; Go's default, not this runtime's
    invalidptr=0     a pointer into a page without objects is passed over; else it is fatal
    madvdontneed=0   memory that is given back leaves when the kernel needs it; else at once
    memprofilerate=n sample an allocation once in n bytes, on average, if a profile is asked for; 1: each; 0: none
    gcstress=n       collect at every n-th allocation
    gcsafepoint=n    collect at every n-th safepoint: at allocations, and where a long loop says poll
    gcrandom=n       collect at one allocation in n, by chance
    gcseed=s         what gcrandom begins from; a number is drawn, and told, if none is given
    protectfree=1    pages that are freed cannot be touched until they are used again
    heapcheck=1      check every invariant of the heap around each collection, every counter at the end

The last six are ours. Go is lenient with all but one: a malformed GOGC is 100, a malformed GOMAXPROCS is the
number of processors, and a setting of GODEBUG that is malformed, or whose name nobody knows, is passed over. A
malformed GOMEMLIMIT is fatal. The environment is read in the same way; an embedder's arguments are not: each mistake is
an error.

Runs in Python only, on the host's side. Go: runtime/runtime1.go parsegodebug; string.go parseByteCount; mgcpacer.go
readGOGC, readGOMEMLIMIT; proc.go schedinit.                                                  Next: image.py
"""

from __future__ import annotations

import os

from runtime.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime.heap import Runtime

GOGC_OFF = -1  # no collections but forced ones
DEFAULT_GOGC = 100
NO_MEMORY_LIMIT = (1 << 63) - 1
MAX_INT32 = (1 << 31) - 1
UNITS = {"": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}  # of byte counts, as powers of two
ENVIRONMENT_FIELDS = {"gogc", "memory_limit", "gomaxprocs", "processors"}  # settings that GODEBUG does not have


class KnobError(ValueError):
    """A setting that cannot be understood."""


class Settings(Record):
    """How to run. The order is that of settings.SettingWords."""

    gogc: int = DEFAULT_GOGC  # percent; GOGC_OFF
    memory_limit: int = NO_MEMORY_LIMIT  # bytes
    gomaxprocs: int = 1
    processors: int = 1  # that this process may use
    gctrace: int = 0
    gcpacertrace: int = 0
    gccheckmark: int = 0
    clobberfree: int = 0
    protectfree: int = 0
    gcstoptheworld: int = 1
    invalidptr: int = 1
    madvdontneed: int = 1
    gcstress: int = 0  # allocations from one collection to the next; 0: no
    gcsafepoint: int = 0  # safepoints from one collection to the next; 0: no
    gcrandom: int = 0  # allocations from one collection to the next, on average; 0: no
    gcseed: int = -1  # -1: not given
    heapcheck: int = 0
    scavtrace: int = 0
    disablethp: int = 0
    memprofilerate: int = -1  # bytes; -1: not given

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of the environment; what Go passes over is passed over. KnobError has Go's words."""
        processors = len(os.sched_getaffinity(0))
        return cls(
            gogc=or_else(DEFAULT_GOGC, parse_gogc, environment.get("GOGC", "")),
            memory_limit=parse_memory_limit(environment.get("GOMEMLIMIT", "")),
            gomaxprocs=or_else(processors, parse_max_procs, environment.get("GOMAXPROCS", "")),
            processors=processors,
            **known_settings(environment.get("GODEBUG", "")),
        )

    @classmethod
    def parsed(cls, gogc: str, godebug: str) -> Settings:
        """The settings that two texts in the form of GOGC and GODEBUG ask for; empty ones ask for nothing."""
        return cls(parse_gogc(gogc), **parse_godebug(godebug))

    def with_seed(self) -> Settings:
        """The same, with a seed drawn if one is needed and none is given."""
        if self.gcrandom <= 0 or self.gcseed >= 0:
            return self
        return self._replace(gcseed=int.from_bytes(os.urandom(4), "little") >> 1)

    @property
    def is_stress(self) -> bool:
        """Whether allocations are counted, to collect at some of them."""
        return max(self.gcstress, self.gcsafepoint, self.gcrandom) > 0

    @property
    def stress_seed(self) -> int | None:
        """The seed of the allocations to collect at, if chance says which."""
        return self.gcseed if self.gcrandom > 0 else None

    def apply(self, state: Runtime) -> None:
        """Set the knobs of a runtime."""
        from runtime.settings import SettingWords, apply_settings

        apply_settings(state, SettingWords(**self._asdict()))


def or_else(default: int, parse: Callable[[str], int], text: str) -> int:
    """What a text stands for, or the default if it is malformed."""
    try:
        return parse(text)
    except KnobError:
        return default


def parse_int32(text: str) -> int | None:
    """A decimal number of 32 bits, with or without a sign; None if it is none."""
    value = parse_whole(text)
    return value if value is not None and -MAX_INT32 - 1 <= value <= MAX_INT32 else None


def parse_whole(text: str) -> int | None:
    """A decimal number of at most 19 digits, with or without a sign; None if it is none."""
    digits = text[1:] if text.startswith(("+", "-")) else text
    if not (digits.isascii() and digits.isdigit()) or len(digits.lstrip("0")) > 19:
        return None
    value = int(digits.lstrip("0") or "0")
    return -value if text[0] == "-" else value


def parse_gogc(text: str) -> int:
    """The percentage that GOGC=text asks for."""
    if text in ("", "off"):
        return DEFAULT_GOGC if text == "" else GOGC_OFF
    value = parse_int32(text)
    if value is None:
        raise KnobError(f"malformed GOGC={text}: a whole number of percent up to {MAX_INT32}, or off")
    return max(value, GOGC_OFF)


def parse_max_procs(text: str) -> int:
    """The number of Ps that GOMAXPROCS=text asks for."""
    value = parse_int32(text)
    if value is None or value < 1:
        raise KnobError(f"malformed GOMAXPROCS={text}: a number from 1 on")
    return value


def parse_memory_limit(text: str) -> int:
    """The bytes that GOMEMLIMIT=text allows."""
    if text in ("", "off"):
        return NO_MEMORY_LIMIT
    number = text.rstrip("BiKMGT")
    shift, count = UNITS.get(text[len(number) :]), parse_whole(number)
    value = count << shift if count is not None and shift is not None else -1
    if not 0 <= value <= NO_MEMORY_LIMIT:
        message = "fatal error: malformed GOMEMLIMIT; see `go doc runtime/debug.SetMemoryLimit`"
        raise KnobError(f"GOMEMLIMIT={text}\n{message}")
    return value


def setting_names() -> set[str]:
    """The names of GODEBUG's settings that this runtime has."""
    return set(Settings._fields) - ENVIRONMENT_FIELDS


def known_settings(text: str) -> dict[str, int]:
    """The settings of this runtime among those of GODEBUG=text, as far as they are understood."""
    names = setting_names()
    found: dict[str, int] = {}
    for setting in text.split(","):
        name, _, number = setting.partition("=")
        value = parse_int32(number)
        if name in names and value is not None:
            found[name] = value
    return found


def parse_godebug(text: str) -> dict[str, int]:
    """The same, where every setting has to be name=number, and the name one of this runtime's."""
    for setting in filter(None, text.split(",")):
        name, equals, number = setting.partition("=")
        if not equals:
            raise KnobError(f"malformed GODEBUG setting {setting!r}: name=number")
        if name not in setting_names():
            raise KnobError(f"unknown GODEBUG setting {name!r}: there are {', '.join(sorted(setting_names()))}")
        if parse_int32(number) is None:
            raise KnobError(f"malformed GODEBUG setting {setting!r}: {number!r} is no number")
    return known_settings(text)
