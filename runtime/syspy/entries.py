"""Entries: how Python calls into an image, and how a failure comes back.

Every root of an image has a thunk, which takes three addresses: arguments, results (8 bytes each) and a record.

    record     0  the jump buffer of libc
             256  DESCRIPTOR: of the failure; 0 if the call returned
             264  OUTER: the record of the native call that this one is made under, on the same thread
             272  INNERMOST: of the thread's outermost call: the record of its innermost one
             280  WORDS: of the failure

    descriptor { kind, number of words, which words are signed, bytes of the text: u32 each; the text }

ctypes lets other threads of Python run while native code does.

Next: elf_link.py
"""

from __future__ import annotations

import ctypes
import struct as packing

from runtime.syspy.failure import MAX_WORDS, Failure, failure_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DESCRIPTOR, OUTER, INNERMOST, WORDS = 256, 264, 272, 280
FAILED = DESCRIPTOR // 8  # the word of a record that says whether the call failed
RECORD_WORDS = WORDS // 8 + MAX_WORDS

MASK64 = (1 << 64) - 1

_THUNK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_RECORD = ctypes.c_uint64 * RECORD_WORDS


def _thread_key() -> int:
    """The key under which each thread keeps the address of INNERMOST, where the record of its innermost call is."""
    key = ctypes.c_uint32()
    if ctypes.CDLL(None).pthread_key_create(ctypes.byref(key), None):
        raise OSError("no thread-specific data left")
    return key.value


THREAD_KEY = _thread_key()


class Entry:
    """One root: its thunk, and how its words are read."""

    def __init__(self, name: str, addr: int, parameters: list[str], results: list[str]) -> None:
        self.name = name
        self._thunk = _THUNK(addr)
        self._parameters = [(kind, *bounds(kind)) for kind in parameters]
        self._arguments = ctypes.c_uint64 * max(1, len(parameters))
        self._results = ctypes.c_uint64 * max(1, len(results))
        self._decoders = [_decoder(kind) for kind in results]

    def __call__(self, *values: Any) -> Any:
        """Call it: the result, a tuple of several, or None. A failure is raised as Failure."""
        if len(values) != len(self._parameters):
            plural = "" if len(self._parameters) == 1 else "s"
            raise TypeError(f"{self.name} takes {len(self._parameters)} argument{plural}, not {len(values)}")
        arguments = self._arguments(*map(_word, values, self._parameters))
        results, record = self._results(), _RECORD()
        self._thunk(ctypes.addressof(arguments), ctypes.addressof(results), ctypes.addressof(record))
        if record[FAILED]:
            raise _failure(record, record[FAILED])
        found = [decode(word) for decode, word in zip(self._decoders, results, strict=False)]
        return tuple(found) if len(found) > 1 else found[0] if found else None

    def bind(self, *values: Any) -> Callable[..., Any]:
        """A quick call whose first arguments are fixed; the rest are words, and so is what comes back.

        It keeps its buffers: it is not called by two threads at a time, nor while one of its own calls is under way.
        """
        words = list(map(_word, values, self._parameters))
        first, count = len(words), len(self._decoders)
        arguments = self._arguments(*words)
        results, record = self._results(), _RECORD()
        thunk, places = self._thunk, tuple(map(ctypes.addressof, (arguments, results, record)))

        def call(*rest: int) -> Any:
            for i, word in enumerate(rest, first):
                arguments[i] = word
            thunk(*places)
            if record[FAILED]:
                leave()
            return results[0] if count == 1 else tuple(results[:count]) if count else None

        def call_again() -> Any:
            thunk(*places)
            if record[FAILED]:
                leave()
            return results[0]

        def leave() -> None:
            record[FAILED], descriptor = 0, record[FAILED]
            raise _failure(record, descriptor)

        vars(call_again)["arguments"] = arguments  # nobody else names them, and the thunk reads them
        return call_again if count == 1 and first == len(self._parameters) else call


def bounds(kind: str) -> tuple[int, int]:
    """The least and the greatest value of an integer kind."""
    if kind == "bool":
        return 0, 1
    if kind.startswith("f"):
        return 0, 0
    bits = 64 if kind == "uintptr" else int(kind[1:])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "i" else (0, (1 << bits) - 1)


def _word(value: Any, parameter: tuple[str, int, int]) -> int:
    """An argument as the 64 bits that the thunk reads."""
    kind, low, high = parameter
    if kind == "f64":
        return int.from_bytes(packing.pack("<d", value), "little")
    if kind == "f32":
        return int.from_bytes(bytes(ctypes.c_float(value)), "little")
    number: int = value if isinstance(value, int) else ctypes.addressof(value)
    if not low <= number <= high:
        raise OverflowError(f"{number} does not fit in a {kind}")
    return number & MASK64


def _decoder(kind: str) -> Callable[[int], Any]:
    """How to read a result of a kind from its 64 bits."""
    if kind == "f64":
        return lambda word: packing.unpack("<d", word.to_bytes(8, "little"))[0]
    if kind == "f32":
        return lambda word: packing.unpack("<f", (word & 0xFFFFFFFF).to_bytes(4, "little"))[0]
    if kind == "bool":
        return bool
    if kind[0] == "i":
        return _signed
    return int


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _failure(record: Any, descriptor: int) -> Failure:
    """The failure that native code left in a record."""
    return failure_at(descriptor, record[WORDS // 8 :])
