"""Build: for what a program is compiled, besides being run.

Owner: nobody. Go has the flags of go build.        Next: toolchain.py
"""

from __future__ import annotations

from runtime.record import Record


class Build(Record):
    """What the code of a program has in it."""

    is_profiled: bool = False  # allocations and calls say where they are
    has_barriers: bool = False  # who overwrites a pointer in the heap says so: runtime/write_barrier.py

    @property
    def words(self) -> list[str]:
        """The same for the key of an image."""
        return [name for name in self._fields if getattr(self, name)]


PLAIN = Build()
