"""Handles: how Python holds on to objects, and reads and writes them.

    Handle       keeps one object alive, until it is released or Python drops it
    Scope        handles that end together
    RootTable    words of the embedder's own that are roots

    handle[i]  handle[i:j]      words                   a pointer word takes a Handle, None, or the address of an object
    read  write                 bytes                   write refuses pointer words: the collector trusts them
    get  put                    numbers by kind         "u8" ... "f64", at an offset in bytes
    target(i)                   a Handle of what word i points to

A handle has a number in the runtime's table of roots (roots.py). Numbers are reserved many at a time, so making a
handle and ending it are one store each. What Python drops is only noted, and ended by the next call of the runtime:
Python may drop a handle anywhere, in the middle of a collection too. A weak reference notes it, without a line of
Python: what a signal's handler raises in a `__del__` is lost, and Ctrl-C with it.

    HD1  no handle's number is stored through while the table may move: a release inside of a call of the runtime waits

Runs in Python only. Go has no like.                                                    Next: embedding.py
"""

from __future__ import annotations

import ctypes
import struct as packing
import weakref
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Self

from runtime.descriptions import WORD, HeapType
from runtime.refusals import MAX_WORD, Closed, counted, each, raw, shown, whole, whole_in

if TYPE_CHECKING:
    from runtime.embedding import Runtime

RELEASED = -1
MAX_ROOTS = 1 << 27  # words of one RootTable

KINDS = {
    "u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q",
    "i8": "<b", "i16": "<h", "i32": "<i", "i64": "<q",
    "f32": "<f", "f64": "<d",
}  # fmt: skip

# All memory as words, by address >> 3: the quickest load and store that ctypes has.
MEMORY = (ctypes.c_uint64 * (1 << 45)).from_address(0)


class Handle:
    """An object that Python keeps alive."""

    __slots__ = ("__weakref__", "_address", "_number", "_quick", "_runtime", "_type", "size")

    def __init__(self, runtime: Runtime, addr: int, number: int, size: int, typ: HeapType) -> None:
        """For Runtime: number is that of a root that holds addr, the address of an object."""
        runtime.lives[number] = weakref.ref(self, runtime.notes[number])  # first: an interrupt may come behind it
        self._runtime = runtime
        self._number = number
        self._address = addr
        self._type = typ
        self.size = size  # bytes
        self._quick = 0 if addr & 7 else size >> 3  # words that the quick way serves; 0 after release

    @property
    def address(self) -> int:
        """Where the object is; it never moves."""
        self.check_held()
        return self._address

    def check_held(self) -> None:
        """Raise Closed if it was released, or its runtime closed."""
        if self._number == RELEASED:
            raise Closed("the handle was released")
        self._runtime.check_open()

    @property
    def type(self) -> HeapType:
        """What it is one of, or an array of. A type without a name, if the heap does not know more."""
        return self._type

    def interior(self, offset: int) -> int:
        """The address of a byte of the object. As a pointer, it keeps the whole object alive."""
        if not 0 <= whole(offset, "an offset") < self.size:
            raise IndexError(f"offset {shown(offset)} of an object of {counted(self.size, 'byte')}")
        return self.address + offset

    # --- Words ---

    @property
    def words(self) -> int:
        """How many whole words it has."""
        return self.size // WORD

    def __getitem__(self, i: Any) -> Any:
        """A word, or the list of those of a slice."""
        if type(i) is int and 0 <= i < self._quick and self._runtime.is_open:
            return MEMORY[(self._address >> 3) + i]
        if isinstance(i, slice):
            return [self[j] for j in self._range(i)]
        return ctypes.c_uint64.from_address(self._word(i)).value

    def __setitem__(self, i: Any, value: Any) -> None:
        """Store in a word: an int, or in a pointer word a Handle, None, or the address of or in an object."""
        typ = self._type
        if type(i) is int and 0 <= i < self._quick and self._runtime.is_open:
            if typ.pointer_words and i % typ.words in typ.pointer_words:
                self._runtime._store_pointer(self._address + WORD * i, value)
                return
            if type(value) is int and 0 <= value <= MAX_WORD:
                MEMORY[(self._address >> 3) + i] = value
                return
        self._put(i, value)

    def _put(self, i: Any, value: Any) -> None:
        """Store, with all checks."""
        if isinstance(i, slice):
            places, values = self._range(i), list(each(value, "what is stored in a slice"))
            if len(values) != len(places):
                raise ValueError(f"{counted(len(values), 'value')} for {counted(len(places), 'word')}")
            for place, one in zip(places, values, strict=True):
                self[place] = one
            return
        at = self._word(i)
        if self._type.is_pointer(i):
            self._runtime._store_pointer(at, value)
        elif isinstance(value, Handle):
            raise ValueError(f"word {i} is no pointer: the collector would not see what is stored there")
        else:
            ctypes.c_uint64.from_address(at).value = whole_in(value, 0, MAX_WORD, f"word {i}")

    def __iter__(self) -> Iterator[int]:
        """The words, as they are now."""
        return iter(self[:])

    def target(self, i: int) -> Handle | None:
        """A handle of the object that pointer word i leads to; None for nil."""
        word = self[i]
        if not self._type.is_pointer(i):
            raise ValueError(f"word {i} is no pointer")
        return self._runtime.hold(word) if word else None

    def _word(self, i: int) -> int:
        """The address of a word."""
        if not 0 <= whole(i, "the number of a word") < self.words:
            raise IndexError(f"word {shown(i)} of an object of {counted(self.words, 'word')}")
        return self.address + i * WORD

    def _range(self, i: slice) -> range:
        """The words of a slice, within bounds."""
        if i.step not in (None, 1):
            raise ValueError("a slice of an object has no step")
        self.check_held()
        start, stop = i.start or 0, self.words if i.stop is None else i.stop
        if not 0 <= whole(start, "a bound") <= whole(stop, "a bound") <= self.words:
            raise IndexError(f"words {shown(start)} to {shown(stop)} of an object of {counted(self.words, 'word')}")
        return range(start, stop)

    # --- Bytes and numbers ---

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes from start to stop; to the end, if not told."""
        return ctypes.string_at(*self._bytes(start, self.size if stop is None else stop))

    def write(self, start: int, data: bytes | bytearray | memoryview) -> None:
        """Store bytes from start on. Among them is no part of a pointer word."""
        stored = raw(data, "what is written")
        at, count = self._bytes(start, whole(start, "a bound") + len(stored))
        for word in range(start // WORD, -(-(start + count) // WORD)) if self._type.pointer_words else ():
            if self._type.is_pointer(word):
                raise ValueError(f"bytes {start} to {start + count} are in part the pointer word {word}: store words")
        ctypes.memmove(at, stored, count)

    def get(self, kind: str, offset: int) -> int | float:
        """The number of a kind at an offset in bytes."""
        form = number_form(kind)
        size = packing.calcsize(form)
        value: int | float = packing.unpack(form, self.read(offset, whole(offset, "an offset") + size))[0]
        return value

    def put(self, kind: str, offset: int, value: Any) -> None:
        """Store a number of a kind at an offset in bytes."""
        form = number_form(kind)
        accepted = (int, float) if kind[0] == "f" else (int,)
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise TypeError(f"{kind} is the kind, and the value is of type {type(value).__name__}")
        try:
            packed = packing.pack(form, value)
        except (packing.error, OverflowError):
            told = shown(value) if isinstance(value, int) else f"{value}"
            raise ValueError(f"{told} does not fit in {kind}") from None
        self.write(offset, packed)

    def _bytes(self, start: int, stop: int) -> tuple[int, int]:
        """A range of bytes, within bounds: address and length."""
        if not 0 <= whole(start, "a bound") <= whole(stop, "a bound") <= self.size:
            raise IndexError(f"bytes {shown(start)} to {shown(stop)} of an object of {counted(self.size, 'byte')}")
        return self.address + start, stop - start

    # --- Life ---

    def release(self) -> None:
        """Let the object go. More than once does no harm."""
        if self._number != RELEASED:
            number, self._number, self._quick = self._number, RELEASED, 0
            self._runtime._end_handle(number)

    def __eq__(self, other: object) -> bool:
        """Whether both are handles of one object."""
        return isinstance(other, Handle) and (self._runtime, self._address) == (other._runtime, other._address)

    def __hash__(self) -> int:
        return hash(self._address)

    def __copy__(self) -> Handle:
        """One more handle of the object: a number has one owner, who gives it back."""
        addr = self.address
        return Handle(self._runtime, addr, self._runtime.root(addr), self.size, self._type)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a handle cannot be pickled, or copied with all that it leads to")

    def __repr__(self) -> str:
        if self._number == RELEASED:
            return "<handle, released>"
        return f"<handle of {self._type.name or 'an object'} at {self._address:#x}, {counted(self.size, 'byte')}>"

    def __enter__(self) -> Self:
        self.check_held()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Scope:
    """Handles that end together: those that were made through it, at the end of its `with`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._handles: list[Handle] = []
        self._is_open = True

    def new(self, typ: HeapType, count: int = 1) -> Handle:
        """Runtime.new."""
        return self.add(self._runtime.new(typ, count))

    def new_bytes(self, size: int | bytes) -> Handle:
        """Runtime.new_bytes."""
        return self.add(self._runtime.new_bytes(size))

    def hold(self, addr: int) -> Handle:
        """Runtime.hold."""
        return self.add(self._runtime.hold(addr))

    def add(self, handle: Handle) -> Handle:
        """Make a handle one of this scope."""
        check_handle(self._runtime, handle)
        self._check_open()
        self._handles.append(handle)
        return handle

    def escape(self, handle: Handle) -> Handle:
        """Let a handle outlive the scope."""
        kept = [one for one in self._handles if one is not handle]
        if len(kept) == len(self._handles):
            raise ValueError(f"{handle!r} is not of this scope")
        self._handles = kept
        return handle

    def close(self) -> None:
        """Release them all. More than once does no harm."""
        self._is_open = False
        for handle in self._handles:
            handle.release()
        self._handles = []

    def _check_open(self) -> None:
        if not self._is_open:
            raise Closed("the scope has ended")

    def __len__(self) -> int:
        return len(self._handles)

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RootTable:
    """Words that are roots, as long as the Runtime lives: an interpreter's globals, or its stack."""

    def __init__(self, runtime: Runtime, count: int) -> None:
        whole_in(count, 1, MAX_ROOTS, "the length of a table of roots")
        self._runtime = runtime
        self._words = (ctypes.c_uint64 * count)()
        self.address = ctypes.addressof(self._words)
        self.mask = (ctypes.c_uint8 * (count // WORD + 1))()  # one bit per word: all are pointers
        ctypes.memset(self.mask, 0xFF, count // WORD)
        self.mask[count // WORD] = (1 << count % WORD) - 1

    def __len__(self) -> int:
        return len(self._words)

    def _checked(self, i: int) -> int:
        if not 0 <= whole(i, "the number of a root") < len(self._words):
            raise IndexError(f"root {shown(i)} of {len(self._words)}")
        self._runtime.check_open()
        return i

    def __getitem__(self, i: int) -> int:
        """The address in a root; 0 for nil."""
        return self._words[self._checked(i)]

    def __setitem__(self, i: int, value: Handle | int | None) -> None:
        """Store a Handle, None, or the address of or in an object."""
        self._runtime._store_pointer(self.address + WORD * self._checked(i), value)

    def new(self, i: int, typ: HeapType, count: int = 1) -> int:
        """A new object, which root i then leads to; its address. Cheaper than a handle."""
        return self._runtime._allocate_at(self.address + WORD * self._checked(i), typ, count)

    def target(self, i: int) -> Handle | None:
        """A handle of the object that root i leads to; None for nil."""
        word = self[i]
        return self._runtime.hold(word) if word else None

    def clear(self, start: int = 0, stop: int | None = None) -> None:
        """Make the roots from start to stop nil: an interpreter's stack has shrunk."""
        self._runtime.check_idle()
        stop = len(self) if stop is None else stop
        if not 0 <= whole(start, "a bound") <= whole(stop, "a bound") <= len(self):
            raise IndexError(f"roots {shown(start)} to {shown(stop)} of {len(self)}")
        ctypes.memset(self.address + WORD * start, 0, WORD * (stop - start))


def number_form(kind: Any) -> str:
    """How a kind of number lies in memory."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind {kind!r}: one of {', '.join(KINDS)}")
    return KINDS[kind]


def addresses_of(runtime: Runtime, starts: Iterable[Handle | int]) -> list[int]:
    """Handles of a runtime and addresses, as addresses."""
    return [address_of(runtime, one) for one in starts]


def address_of(runtime: Runtime, one: Handle | int) -> int:
    """A handle of a runtime, or an address, as an address."""
    if not isinstance(one, Handle):
        return whole_in(one, 0, MAX_WORD, "an address")
    check_handle(runtime, one)
    return one._address


def check_handle(runtime: Runtime, one: Any) -> None:
    """Raise unless it is a handle of a runtime, and keeps its object alive."""
    if not isinstance(one, Handle):
        raise TypeError(f"a handle is of type {type(one).__name__}, not Handle")
    if one._runtime is not runtime:
        raise ValueError(f"{one!r} is of another runtime")
    one.check_held()
