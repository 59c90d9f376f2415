"""Descriptions: the types of an embedder's objects, and the table that knows them by name.

    pair = runtime.describe("pair", 16, pointers=[0, 8])       | pointer | pointer |
    runtime.array("pairs", pair, 100)                          100 of them in a row, as one type
    runtime.types["pair"]

A HeapType belongs to one Runtime, and lives as long as it: the headers of large objects point to its Type.

Runs in Python only. Go: reflect.StructOf, ArrayOf.                                       Next: handles.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from runtime.malloc import MAX_ALLOC
from runtime.refusals import counted, each, shown, whole, whole_in
from runtime.syspy import Array, address, nil, u8
from runtime.syspy.arrays import array_class
from runtime.types import KIND_ARRAY, KIND_STRUCT, Type

if TYPE_CHECKING:
    from runtime.embedding import Runtime

WORD = 8
ALIGNMENTS = (1, 2, 4, 8)
MAX_POINTER_BYTES = 1 << 20  # of a type with pointers: its map has a bit for each word. Longer arrays: new(typ, count)


class HeapType:
    """The shape of an object."""

    __slots__ = (
        "__weakref__",
        "align",
        "kept",
        "make",
        "name",
        "owner",
        "pointer_words",
        "pointers",
        "size",
        "struct",
        "struct_address",
        "words",
    )

    def __init__(self, owner: Runtime, name: str, size: int, pointers: tuple[int, ...], align: int) -> None:
        self.owner = owner
        self.name = name
        self.size = size  # bytes
        self.pointers = pointers  # offsets in bytes, in order
        self.align = align  # bytes
        self.words = size // WORD
        self.pointer_words = frozenset(offset // WORD for offset in pointers)
        self.struct: Type = nil(Type)  # what the runtime knows of it
        self.struct_address = 0
        self.kept: tuple[Any, ...] = ()  # the memory that struct points to
        self.make: Callable[[], int]  # allocates one: the bound entry

    def is_pointer(self, word: int) -> bool:
        """Whether a word of an array of this type is a pointer."""
        return bool(self.pointer_words) and word % self.words in self.pointer_words

    def __repr__(self) -> str:
        return f"<type {self.name}: {counted(self.size, 'byte')}, pointers at {list(self.pointers)}>"


class TypeTable:
    """The types of a Runtime."""

    def __init__(self, owner: Runtime) -> None:
        self._owner = owner
        self._named: dict[str, HeapType] = {}
        self._by_address: dict[int, HeapType] = {}
        self._unnamed: dict[tuple[int, int], HeapType] = {}
        self.names = MappingProxyType(self._named)
        self.bytes = HeapType(owner, "bytes", 1, (), 1)  # of objects without pointers, if nothing else is known
        self.bytes.make = owner._allocator(1, nil(Type))

    def describe(self, name: str, size: int, pointers: Iterable[int], align: int | None) -> HeapType:
        """See Runtime.describe."""
        self._check_name(name)
        what = f"type {name}"
        whole_in(size, 0, MAX_ALLOC, f"{what}: size")
        given = each(pointers, f"{what}: pointers")
        offsets = tuple(sorted(whole(offset, f"{what}: the offset of a pointer") for offset in given))
        for i, offset in enumerate(offsets):
            if offset % WORD != 0 or not 0 <= offset <= size - WORD:
                raise ValueError(
                    f"{what}: no pointer can be at {shown(offset)} of {counted(size, 'byte')}: 0, 8, 16, ..."
                )
            if i and offsets[i - 1] == offset:
                raise ValueError(f"{what}: two pointers at {offset}")
        if offsets and (size % WORD != 0 or size > MAX_POINTER_BYTES):
            raise ValueError(f"{what}: size {size} with pointers: a multiple of 8, at most {MAX_POINTER_BYTES}")
        align = (WORD if offsets else 1) if align is None else whole(align, f"{what}: align")
        if align not in ALIGNMENTS or size % align != 0 or (offsets and align != WORD):
            raise ValueError(f"{what}: alignment {shown(align)}: 1, 2, 4 or 8, a divisor of its size; 8 with pointers")
        return self._enter(HeapType(self._owner, name, size, offsets, align), KIND_STRUCT)

    def array(self, name: str, element: HeapType, count: int) -> HeapType:
        """See Runtime.array."""
        self._check_name(name)
        self.check_own(element)
        limit = MAX_POINTER_BYTES if element.pointers else MAX_ALLOC
        whole_in(count, 0, limit // max(1, element.size), f"type {name}: count")
        starts = range(0, element.size * count, max(1, element.size)) if element.pointers else ()
        offsets = tuple(start + offset for start in starts for offset in element.pointers)
        made = HeapType(self._owner, name, element.size * count, offsets, element.align)
        self._enter(made, KIND_ARRAY)
        made.struct.elem, made.struct.length = element.struct, count
        return made

    def check_own(self, typ: Any) -> None:
        """Raise unless typ is a type of this Runtime."""
        if not isinstance(typ, HeapType):
            raise TypeError(f"{typ!r} is no type: describe makes one")
        if typ.owner is not self._owner:
            raise ValueError(f"type {typ.name} is of another runtime")
        if not typ.name:
            raise ValueError("a type without a name is no description: nothing can be made of it")

    def at(self, addr: int) -> HeapType | None:
        """The type whose Type is at an address."""
        return self._by_address.get(addr)

    def unnamed(self, size: int, words: int) -> HeapType:
        """What is known of an object whose type is not: its size, and its pointer words, one bit each."""
        if not words:
            return self.bytes
        found = self._unnamed.get((size, words))
        if found is None:
            pointers = tuple(WORD * i for i in range(words.bit_length()) if words >> i & 1)
            found = self._unnamed[size, words] = HeapType(self._owner, "", size, pointers, WORD)
        return found

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a type is of type {type(name).__name__}, not str")
        if not name:
            raise ValueError("a type has a name")
        if name in self._named:
            raise ValueError(f"type {name}: there is one of that name")
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"type {name!a}: the name is no valid text") from None

    def _enter(self, made: HeapType, kind: int) -> HeapType:
        """Make the Type of a HeapType, and keep both."""
        ptr_bytes = made.pointers[-1] + WORD if made.pointers else 0
        bits = bytearray(-(-ptr_bytes // (WORD * 8)) or 1)
        for word in made.pointer_words:
            bits[word // 8] |= 1 << word % 8
        mask, spelling = owned(bits), owned(made.name.encode())
        made.struct = Type(size=made.size, ptr_bytes=ptr_bytes, kind=kind, align=made.align)
        made.struct.gc_mask, made.struct.name, made.struct.name_length = mask, spelling, len(made.name.encode())
        made.kept = (mask, spelling)
        made.make = self._owner._allocator(made.size, made.struct)
        made.struct_address = address(made.struct)
        self._named[made.name] = self._by_address[made.struct_address] = made
        return made


def owned(data: bytes | bytearray) -> Any:
    """Bytes that live as long as this view of them."""
    return array_class(u8, len(data)).from_buffer_copy(data) if data else Array[u8].at(0)
