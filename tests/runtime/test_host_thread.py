"""Waiting for a thread of the runtime."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

INTERRUPTED = """
import signal, threading, time
from runtime.host_thread import Ending

ending, waiting = Ending(), threading.Event()

def interrupt():
    waiting.wait()
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
try:
    waiting.set()
    ending.wait()
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_signal_that_does_not_wake_who_waits_ends_the_wait_all_the_same() -> None:
    """Python notes it on another thread; as when it comes just before the lock is waited for."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
