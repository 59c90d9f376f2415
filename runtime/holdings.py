"""Holdings: what a Runtime has of the system, its memory and its threads, and how all of that is given back.

    runtime.close()                    at once
    Python drops the Runtime           when the next Runtime is made, or one is closed
    the process ends                   by the system

Python may drop an object anywhere, in the middle of another runtime's collection too, and what the handler of a signal
raises there is lost, Ctrl-C with it. So no line of Python runs at that moment: a weak reference notes it, as it does
for handles (handles.py). A Runtime is one of a ring of objects, so it is Python's own collector that finds it dropped.

    HO1  nothing here leads to the Runtime: it would never be dropped

Runs in Python only. Go has no like.                                                    Next: embedding.py
"""

from __future__ import annotations

from functools import partial
from operator import setitem
from typing import TYPE_CHECKING
from weakref import ref

from runtime.background_scavenger import run_scavenger, stop_scavenger
from runtime.background_sweeper import abandon_sweeper, run_sweeper, stop_sweeper
from runtime.engines import Engine
from runtime.heap import Runtime as State
from runtime.heap import attach, break_waits, close_runtime
from runtime.host_thread import HostThread, MarkerThreads, first_failure
from runtime.mark_team import break_team, disband, run_marker, stop_markers
from runtime.proc import G
from runtime.syspy import Failure
from runtime.world import abandon

if TYPE_CHECKING:
    from runtime.embedding import Runtime

_OWNERS: dict[Holdings, ref[Runtime]] = {}  # of all that are not given back
_DROPPED: dict[Holdings, object] = {}  # those of which Python has dropped the owner


class Holdings:
    """The memory and the threads of one Runtime."""

    def __init__(self, engine: Engine, state: State) -> None:
        self.engine = engine  # HO1: it knows nothing of who calls it
        self.state = state
        self.markers = self._marker_threads()
        self.background: list[HostThread] = []
        self.is_broken = False  # after a bug of the runtime
        self.is_abandoned = False  # threads hang in the runtime: its memory cannot be given back

    def owned_by(self, runtime: Runtime) -> None:
        """Give all back when this Runtime is dropped, if nobody has done so before."""
        _OWNERS[self] = ref(runtime, partial(setitem, _DROPPED, self))

    def failure(self) -> Failure | None:
        """What has ended a thread of the runtime's own before its time."""
        failure = first_failure([*self.markers.threads, *self.background])
        return failure if isinstance(failure, Failure) else None

    def give_back(self) -> None:
        """End the threads, then give the memory back. Nothing of the runtime may be used again."""
        _OWNERS.pop(self, None)
        if self.is_broken:
            self._free_waiting()
        has_ended = [self.markers.stop(), *(thread.stop() for thread in self.background)]
        if not self.is_abandoned and all(has_ended):
            self.engine.call(close_runtime, self.state)

    def _free_waiting(self) -> None:
        """Let no thread of the runtime's own wait for what the embedder's held when it failed."""
        for thread in self.background:
            thread.ask_to_stop()  # first: nothing is to be done to a broken heap
        self.engine.call(break_waits, self.state)
        self.engine.call(abandon, self.state.p0)

    def start_background(self) -> None:
        """Start the threads that give memory back and sweep."""
        call, state = self.engine.call, self.state
        g = G.at(call(attach, state))
        self.background = [
            HostThread(
                lambda: call(run_scavenger, state),
                lambda: call(stop_scavenger, state),
                lambda: call(break_waits, state),
            ),
            HostThread(lambda: call(run_sweeper, g), lambda: call(stop_sweeper, g), lambda: call(abandon_sweeper, g)),
        ]

    def _marker_threads(self) -> MarkerThreads:
        """The threads that mark beside the one that collects, none until they are asked for."""
        call, team = self.engine.call, self.state.team
        return MarkerThreads(
            lambda: call(run_marker, team),
            lambda: call(stop_markers, team),
            lambda: call(break_team, team),
            lambda: call(disband, team),
        )


def give_back_dropped() -> None:
    """Give back what Runtimes had that Python has dropped."""
    while _DROPPED:
        try:
            holdings, _ = _DROPPED.popitem()
        except KeyError:  # another thread has come first
            return
        holdings.give_back()
