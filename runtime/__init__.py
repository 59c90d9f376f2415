"""The runtime: Go's memory allocator and a precise collector, for any language that wants them.

    with Runtime() as runtime:
        pair = runtime.describe("pair", 16, pointers=[0, 8])
        with runtime.new(pair) as head, runtime.new(pair) as tail:
            head[0] = tail.address
        runtime.collect()
        print(runtime.stats().heap_objects)

An object lives as long as a handle, another object, or a word of the program's roots leads to it. Every Runtime is
independent of all others, and closing it gives all its memory back. What goes wrong is a Python exception:

    ValueError    an argument that makes no sense: a size, an offset, an address that is no object
    MemoryError   the system refuses memory; what was allocated before is as it was
    Closed        use after close
    Failure       an invariant of the runtime is broken, in a checked mode

Nothing here is imported before it is used: `import runtime.types` loads neither the native engine nor the allocator.

Go: runtime, runtime/debug.                                                                  Next: layout.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.embedding import Closed, Handle, Runtime, Stats
    from runtime.weak_embedding import Weak

__all__ = ["Closed", "Handle", "Runtime", "Stats", "Weak"]


def __getattr__(name: str) -> Any:
    if name == "Weak":
        from runtime import weak_embedding

        return weak_embedding.Weak
    if name in __all__:
        from runtime import embedding

        return getattr(embedding, name)
    raise AttributeError(f"module 'runtime' has no attribute {name!r}")
