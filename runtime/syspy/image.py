"""Image: native code in memory, and its roots, callable from Python.

    image.call(main, 1, 2)     a root, by its function or its name; raises Failure
    image.symbol(name)         the address of a function or a constant: what images above are bound to
    image.listen(address)      who is told of failures before they leave: a struct that begins with the address of code
    image.code, code_bytes     where its code is; image.frames is the table for walks up the stack (frame_table.py)
    image.ir, image.assembly   what it was made of

Next: native.py
"""

from __future__ import annotations

import ctypes

from runtime.syspy.entries import THREAD_KEY, Entry
from runtime.syspy.mapping import map_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runtime.syspy.cache import Facts

_libc = ctypes.CDLL(None)


class Image:
    """Loaded native code."""

    def __init__(self, facts: Facts, code: bytes | memoryview, base: Image | None) -> None:
        self.name: str = facts["name"]
        self.key: str = facts.get("key", "")
        self.base = base
        self.notes: dict[str, Any] = facts.get("notes", {})  # what its builder wanted kept with it
        self.texts: Callable[[], tuple[str, str]] | None = None  # makes IR and assembly
        self.code, self.symbols = _loaded(facts, code, base)  # the first byte, and where the rest is
        self.code_bytes: int = facts.get("constants", 0)
        self._entries: dict[str, Entry] = {}
        self._kinds: dict[str, tuple[list[str], list[str]]] = facts["entries"]
        self.frames: bytes = facts.get("frames", b"")  # empty where llvmlite's loader has placed the code
        ctypes.c_uint32.from_address(self.symbols["syspy.key"]).value = THREAD_KEY

    def entry(self, function: Any) -> Entry:
        """The entry of a root, to be called many times."""
        name = function if isinstance(function, str) else f"{function.__module__}.{function.__name__}"
        if name not in self._entries:
            if name not in self._kinds:
                raise KeyError(f"{name} is no root of the image {self.name}")
            self._entries[name] = Entry(name, self.symbols[f"entry.{name}"], *self._kinds[name])
        return self._entries[name]

    def call(self, function: Any, *values: Any) -> Any:
        """Call a root. Pointers are passed as addresses or views, and come back as addresses."""
        return self.entry(function)(*values)

    def symbol(self, name: str) -> int:
        """The address of a function or a constant, here or in an image underneath."""
        if name in self.symbols:
            return self.symbols[name]
        if self.base is not None:
            return self.base.symbol(name)
        raise KeyError(f"no symbol {name} in the image {self.name}")

    @property
    def frames_at(self) -> int:
        """The address of that table."""
        return ctypes.cast(ctypes.c_char_p(self.frames), ctypes.c_void_p).value or 0

    def listen(self, listener: int) -> None:
        """Tell the listener at an address of the failures that leave from here; see unit.py."""
        ctypes.c_uint64.from_address(self.symbols["syspy.listener"]).value = listener

    def names(self) -> frozenset[str]:
        """All symbols that an image above can refer to."""
        below = frozenset() if self.base is None else self.base.names()
        return below | {name for name in self.symbols if not name.startswith(("entry.", "syspy.", "."))}

    @property
    def ir(self) -> str:
        """The optimised LLVM text."""
        return self._texts()[0]

    @property
    def assembly(self) -> str:
        """The machine's assembly."""
        return self._texts()[1]

    def _texts(self) -> tuple[str, str]:
        if self.texts is None:
            raise LookupError(
                f"the image {self.name} was loaded from disk and has no texts: build it without the cache"
            )
        return self.texts()


def _loaded(facts: Facts, code: bytes | memoryview, base: Image | None) -> tuple[int, dict[str, int]]:
    """Bring code into memory, bound to the image underneath and to C."""
    def resolve(name: str) -> int:
        if base is not None and "." in name:
            return base.symbol(name)
        return ctypes.cast(_libc[name], ctypes.c_void_p).value or 0

    if facts["is_object"]:
        from runtime.syspy.llvm_loader import load_object

        symbols = load_object(bytes(code), facts["defined"], facts["imported"], resolve)
        return symbols["syspy.key"], symbols
    return map_image(facts, code, resolve, 0 if base is None else base.symbols["syspy.key"] & -4096)
