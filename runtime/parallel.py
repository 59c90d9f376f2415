"""Parallel: compiled functions of an embedder on several threads of one runtime, each with a goroutine and a P.

    embedder's thread       thread 1                    thread 2
    attach, attach
    leave its own P ------> enter; f(g1, ...); leave    enter; f(g2, ...); leave
    waits  . . . . . . . . . . . allocate side by side, stop each other for collections . . . .
    enter its own P <------ done                        done
    detach, detach

Native code runs without the interpreter's lock, and allocates without a lock of the heap's (p.py). The embedder's own
goroutine is in the host meanwhile: nothing that it holds is lost, for its roots are looked at.

    PL1  when run_parallel returns, all threads have left, and their goroutines are gone

After a bug of the runtime in one thread the others fail as well as soon as they wait for it, and nothing but close is
left of the runtime, which their goroutines are kept for.

Runs in Python only. Go has no like.                                                    Next: embedding.py
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from runtime.engines import Engine
from runtime.heap import Runtime as State
from runtime.heap import attach, break_waits, detach
from runtime.proc import G
from runtime.syspy import FAIL_THROW, Failure
from runtime.world import abandon, enter, leave

GRACE_SECONDS = 10.0  # after a bug of the runtime in one thread: it may hold a lock that the others wait for

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Abandoned(Exception):
    """A bug of the runtime ended a thread, and others hang: their memory stays until the process ends."""


class Worker:
    """One call on a thread of its own."""

    def __init__(self, engine: Engine, g: G, call: Call, bugs: list[BaseException]) -> None:
        """bugs: of the runtime, in the order in which all workers met them."""
        self.engine = engine
        self.bugs = bugs
        self.g = g
        self.code, self.arguments = call
        self.result: Any = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._body, name="toy parallel", daemon=True)

    def _body(self) -> None:
        """What the thread does."""
        try:
            self.engine.call(enter, self.g.p)
            self.result = self.code(self.g, *self.arguments)
            self.engine.call(leave, self.g.p)
        except BaseException as error:  # handed to the embedder's thread
            self.error = error
            if is_bug(error):
                self.bugs.append(error)
                self.engine.call(break_waits, self.g.runtime)
            self.engine.call(abandon, self.g.p)


def is_bug(error: BaseException) -> bool:
    """Whether an error is a bug of the runtime."""
    return isinstance(error, Failure) and error.kind == FAIL_THROW and error.text != "out of memory"


def run_parallel(engine: Engine, state: State, calls: Sequence[Call]) -> list[Any]:
    """Make all calls at once, each on a thread of its own, with its goroutine first; their results, in order.

    The first error, by the order of the calls, is raised when all are done; before any other the first bug of the
    runtime, by the order of time: it may have been the cause of others.
    MemoryError if the system refuses a thread. The caller sees to it that signals wait.
    """
    own = state.p0
    workers: list[Worker] = []
    bugs: list[BaseException] = []
    try:
        for call in calls:
            workers.append(Worker(engine, G.at(engine.call(attach, state)), call, bugs))
        engine.call(leave, own)
        _run_all(workers, bugs)
        engine.call(enter, own)
    finally:
        if not bugs:
            for worker in workers:
                engine.call(detach, worker.g)  # PL1
    for error in [*bugs, *(worker.error for worker in workers)]:
        if error is not None:
            raise error
    return [worker.result for worker in workers]


def _run_all(workers: Sequence[Worker], bugs: Sequence[BaseException]) -> None:
    """Start all, and wait for all."""
    for worker in workers:
        try:
            worker.thread.start()
        except RuntimeError:  # no more threads; those that there are run to their end
            worker.error = MemoryError("out of memory")
    while waiting := [worker for worker in workers if worker.thread.is_alive()]:
        waiting[0].thread.join(GRACE_SECONDS if bugs else None)
        if waiting[0].thread.is_alive():
            raise Abandoned("threads hang after a bug of the runtime: see the failure of another one")
