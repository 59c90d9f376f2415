"""Host thread: where the host runs what works for a runtime beside its program.

    thread = HostThread(lambda: call(run_scavenger, state), lambda: call(stop_scavenger, state))
    ...
    if thread.stop():
        call(close_runtime, state)

Such a thread sleeps in the kernel, without Python's lock, until there is something to do. It is gone before the memory
of the runtime is: that is closed after `stop` has said so.

    scavenger    background_scavenger.py: gives memory back
    markers      mark_team.py: mark beside the thread that collects; MarkerThreads starts them when they are asked for

They are `_thread`'s: `threading` takes longer to import than a small program runs.

Runs in Python only. Next: embedding.py
"""

from __future__ import annotations

import _thread
import ctypes
import os
from _weakref import ref
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STACK_BYTES = 1 << 20
LOOK_SECONDS = 0.2  # between looks for signals that came in between
GRACE_SECONDS = 2.0  # for it to end; it takes as long only when the runtime broke while it held a lock
MARKER_HOOK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)  # what the runtime asks for markers


class Ending:
    """The end of something that happens once: threads wait for it, and KeyboardInterrupt ends the wait."""

    def __init__(self) -> None:
        self.has_come = False
        self._lock = _thread.allocate_lock()  # held until then
        self._lock.acquire()

    def come(self) -> None:
        """It has ended."""
        self.has_come = True
        self._lock.release()

    def wait(self, look: Callable[[], object] = lambda: None) -> None:
        """Wait for it, however long; by looks: a signal that comes just before the lock is waited for wakes nobody.

        `look` is called each time; what it raises ends the wait.
        """
        while not self.wait_for(LOOK_SECONDS):
            look()

    def wait_for(self, seconds: float) -> bool:
        """Wait for it so long; whether it has come."""
        if not self.has_come and self._lock.acquire(timeout=seconds):
            self._lock.release()
        return self.has_come


def threads_of_process() -> int:
    """How many there are to the kernel, from the moment on that one is started."""
    return len(os.listdir("/proc/self/task"))


class HostThread:
    """A thread that runs one function of a runtime, until it is asked to stop."""

    def __init__(
        self,
        run: Callable[[], object],
        ask_to_stop: Callable[[], object],
        has_failed: Callable[[], object] | None = None,
    ) -> None:
        """has_failed is called, on the thread, when run has raised something."""
        self.failure: BaseException | None = None  # what ended it before its time
        self.failed_at = 0  # when, by the monotonic clock
        self._run = run
        self.ask_to_stop = ask_to_stop
        self._has_failed = has_failed
        self._ended = Ending()
        self._has_begun = False
        self._process = os.getpid()  # whose thread it is: a forked one has none
        before = _thread.stack_size(STACK_BYTES)
        try:
            _thread.start_new_thread(self._body, ())
        except RuntimeError:  # no more threads: the program does without
            self._ended.come()
        finally:
            _thread.stack_size(before)

    @property
    def is_running(self) -> bool:
        """Whether it has begun, and has not ended."""
        return self._has_begun and not self._ended.has_come

    def _body(self) -> None:
        self._has_begun = True
        try:
            self._run()
        except BaseException as failure:  # handed to whoever stops it
            self.failure, self.failed_at = failure, monotonic_ns()
            if self._has_failed is not None:
                self._has_failed()
        finally:
            self._ended.come()

    def stop(self) -> bool:
        """Make it end, and wait for that. False if it does not: then the runtime cannot be closed."""
        if self._ended.has_come or self._process != os.getpid():
            return True
        self.ask_to_stop()
        return self._ended.wait_for(GRACE_SECONDS)


def first_failure(threads: Iterable[HostThread]) -> BaseException | None:
    """What ended the first of those that ended before their time: it may have been the end of others."""
    failed = [(thread.failed_at, thread.failure) for thread in threads if thread.failure is not None]
    return min(failed, key=lambda one: one[0])[1] if failed else None


class MarkerThreads:
    """The threads that mark for one runtime, none until it asks for some."""

    def __init__(
        self,
        run: Callable[[], object],
        ask_to_stop: Callable[[], object],
        has_failed: Callable[[], object],
        are_gone: Callable[[], object] = lambda: None,
    ) -> None:
        """are_gone is called in a forked process, which has none of them."""
        self._functions = run, ask_to_stop, has_failed
        self._are_gone = are_gone
        self._is_over = False  # nothing of the runtime may be touched any more
        self.threads: list[HostThread] = []
        self._hook = MARKER_HOOK(self._start)
        self.hook = ctypes.cast(self._hook, ctypes.c_void_p).value or 0  # for MarkTeam.hook

    def _start(self, count: int) -> int:
        """What the runtime calls for more. Without them it marks alone, so nothing is raised into it."""
        if not self.threads:
            myself = ref(self)
            os.register_at_fork(after_in_child=lambda: MarkerThreads._forked(myself()))
        self.threads += [HostThread(*self._functions) for _ in range(count)]
        return 0

    @staticmethod
    def _forked(threads: MarkerThreads | None) -> None:
        """This process is a forked one."""
        if threads is not None and not threads._is_over:
            threads._are_gone()

    @property
    def running(self) -> int:
        """How many have begun, and have not ended."""
        return sum(thread.is_running for thread in self.threads)

    def stop(self) -> bool:
        """Make all end, and wait for that. False if one does not."""
        self._is_over = True
        return all(thread.stop() for thread in self.threads)
