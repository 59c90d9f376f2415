"""The runtime: Go's memory allocator and a precise collector, for any language that wants them.

    with Runtime() as runtime:
        pair = runtime.describe("pair", 16, pointers=[0, 8])
        with runtime.new(pair) as head, runtime.new(pair) as tail:
            head[0] = tail.address
        runtime.collect()
        print(runtime.stats().heap_objects)

An object lives as long as a handle, another object, or a word of the program's roots leads to it. Every Runtime is
independent of all others, and closing it gives all its memory back. What goes wrong is a Python exception:

    ValueError     an argument that makes no sense: a size, an offset, an address that is no object
    TypeError      one of the wrong kind
    IndexError     a word, a byte or a root that there is not
    MemoryError    the system refuses memory; what was allocated before is as it was
    Closed         use after close
    Busy           a change from inside of a callback of the collector
    Failure        an invariant of the runtime is broken, in a checked mode

README.md is the manual, with a tutorial.

Nothing here is imported before it is used: `import runtime.types` loads neither the native engine nor the allocator.

Go: runtime, runtime/debug.                                                                  Next: layout.py
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.damage import Damage, Damaged
    from runtime.descriptions import HeapType
    from runtime.embedding import Object, Phase, Runtime, Stats
    from runtime.finalizers_embedding import Cleanup
    from runtime.handles import Handle, RootTable, Scope
    from runtime.refusals import Busy, Closed
    from runtime.watcher import Path, Watched
    from runtime.weak_embedding import Weak

_HOMES = {
    "Busy": "refusals",
    "Closed": "refusals",
    "Cleanup": "finalizers_embedding",
    "Damage": "damage",
    "Damaged": "damage",
    "Handle": "handles",
    "HeapType": "descriptions",
    "Object": "embedding",
    "Path": "watcher",
    "Phase": "embedding",
    "RootTable": "handles",
    "Runtime": "embedding",
    "Scope": "handles",
    "Stats": "embedding",
    "Watched": "watcher",
    "Weak": "weak_embedding",
}

__all__ = [
    "Busy",
    "Cleanup",
    "Closed",
    "Damage",
    "Damaged",
    "Handle",
    "HeapType",
    "Object",
    "Path",
    "Phase",
    "RootTable",
    "Runtime",
    "Scope",
    "Stats",
    "Watched",
    "Weak",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"runtime.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'runtime' has no attribute {name!r}")
