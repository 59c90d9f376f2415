"""Background threads: where the host runs the background scavenger and the background sweeper.

    thread = BackgroundThread("scavenger", lambda: call(run_scavenger, state), lambda: call(stop_scavenger, state))
    ...
    if thread.stop():
        call(close_runtime, state)

The thread sleeps in the kernel, without Python's lock, until there is something to do. It is gone before the
memory of the runtime is: that is closed after `stop` has said so.

Runs in Python only. Next: embedding.py
"""

from __future__ import annotations

import threading
from collections.abc import Callable

STACK_BYTES = 1 << 20
GRACE_SECONDS = 2.0  # for it to end; it takes as long only when the runtime broke while it held a lock


class BackgroundThread:
    """A thread that works for one runtime in the background."""

    def __init__(self, name: str, run: Callable[[], object], ask_to_stop: Callable[[], object]) -> None:
        self.failure: BaseException | None = None  # what ended it before its time
        self._run = run
        self._ask_to_stop = ask_to_stop
        before = threading.stack_size(STACK_BYTES)
        self._thread: threading.Thread | None = threading.Thread(target=self._body, name=name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads: the program does without
            self._thread = None
        finally:
            threading.stack_size(before)

    def _body(self) -> None:
        try:
            self._run()
        except BaseException as failure:  # handed to whoever stops it
            self.failure = failure

    def stop(self) -> bool:
        """Make it end, and wait for that. False if it does not: then the runtime cannot be closed."""
        if self._thread is None:
            return True
        self._ask_to_stop()
        self._thread.join(GRACE_SECONDS)
        return not self._thread.is_alive()
