"""Output file: where something goes that is written when a program has ended, opened before it runs.

Owner: the host's main thread.        Next: heap_record.py
"""

from __future__ import annotations

import os
import stat


class OutputFile:
    """A file that is written to once, or never."""

    def __init__(self, path: str) -> None:
        """Open it. Raises OSError. What it holds stays until there is something to write."""
        self.stream = open(path, "ab", buffering=0)  # noqa: SIM115 (closed by write)

    def write(self, data: bytes) -> None:
        """Make this all that it holds, and close it. Raises OSError."""
        with self.stream as stream:
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                stream.truncate(0)
            while data:
                data = data[stream.write(data) or 0 :]
