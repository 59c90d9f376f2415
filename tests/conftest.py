"""What holds for every test: checked runs, and a compilation cache that is not the user's."""

from __future__ import annotations

import os
import signal
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"

# Read when the runtime is imported, so set before any test module is.
os.environ.setdefault("TOY_CHECKED", "1")
os.environ.setdefault("TOY_CACHE_DIR", str(BUILD / "toy-cache"))
# A shell starts its background jobs with the interrupt key ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for knob in ("GOGC", "GOMEMLIMIT", "GODEBUG", "GOMAXPROCS", "GOTRACEBACK"):
    os.environ.pop(knob, None)
