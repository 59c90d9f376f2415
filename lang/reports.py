"""Reports: what is written about a run when it is over, and what is known of the run by then.

    before the program runs    report.begin(engine, runtime, program)
    when it is over            report.write(End.RETURNED)

Owner: the host's main thread.        Next: execution.py
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lang.execution import Executable


class End(Enum):
    """How far a program has come when what was asked for is written."""

    RETURNED = auto()  # to its end by itself: main has returned, or os.Exit was called
    FAILED = auto()  # a panic, a fatal error, or Ctrl-C stopped it
    BROKEN = auto()  # an invariant of the runtime is broken: nothing is asked of it any more
    RUNNING = auto()  # it does not react to Ctrl-C, and the process will end under it


class Engine(Protocol):
    """Something that runs systems functions by name, on addresses."""

    def call(self, name: str, *values: int) -> Any:
        """Call a function of lang.std.start or of the program."""
        ...

    def listen(self, trace: int) -> None:
        """Note in the Trace at an address who called whom when a failure leaves; 0: no more."""
        ...


class Report(Protocol):
    """Something that is written about a run when it is over."""

    name: str  # as messages have it: "the memory profile"

    def begin(self, engine: Engine, runtime: int, program: Executable) -> None:
        """Before the program runs, on the runtime at an address."""
        ...

    def write(self, end: End) -> None:
        """When it is over. Raises OSError."""
        ...
