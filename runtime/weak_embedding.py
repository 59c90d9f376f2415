"""Weak pointers of an embedder: an object that Python would like to see again, and does not keep alive.

    weak = runtime.weak(handle)
    handle.release()
    runtime.collect()
    weak.value()                    None: the object was found dead

Two weak pointers are equal when they were made for the same address in the same object, also after its death: then and
only then they lead there by the same handle (weak.py), a box of 16 bytes. What Python holds is a Handle of the box.

Runs in Python only. Go: src/weak Pointer.                                                        Next: image.py
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from runtime.embedding import Runtime
    from runtime.handles import Handle


class Weak:
    """A weak pointer, until it is released."""

    def __init__(self, runtime: Runtime, box: int) -> None:
        """For Runtime.weak, which has found the box."""
        self._runtime = runtime
        self._box = runtime.hold(box)
        self._at = box

    def value(self) -> Handle | None:
        """A handle of the object that the address lies in, or None once it was found dead."""
        return self._runtime._weak_target(self._box.address)

    def release(self) -> None:
        """Give the weak pointer up. More than once does no harm."""
        self._box.release()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weak) and (self._runtime, self._at) == (other._runtime, other._at)

    def __hash__(self) -> int:
        return hash(self._at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()
