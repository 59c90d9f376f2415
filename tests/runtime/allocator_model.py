"""What a heap must hold, as plain Python: which objects are alive, and every byte of each.

    roots     slot -> number        words of the shadow stack
    handles   handle -> number
    objects   number -> where it is, how large, its type, its links and its bytes

An object is filled with a pattern that its number gives, but for the words that its type calls pointers: those hold
links to other objects, somewhere into them, or nil. Nothing is ever taken out because the runtime freed it: an object
is out as soon as no root leads to it, and the others must read back whatever the collector does.
"""

from __future__ import annotations

import ctypes
import random
from dataclasses import dataclass, field
from itertools import pairwise

from runtime import roots
from runtime.mspan import MSpan
from runtime.syspy import address, store, u64
from runtime.types import Type
from tests.runtime.heaps import NONE, HeapUnderTest

WORD = 8
ROOT_SLOTS = 24
MOST_IN_USE = 96 << 20  # bytes, garbage included: tests share their machine


@dataclass
class Object:
    """One object of the heap."""

    number: int
    addr: int
    content: bytearray  # what must be there
    pointers: list[int]  # offsets of its pointer words
    links: dict[int, int] = field(default_factory=dict)  # offset: number of the object there

    @property
    def size(self) -> int:
        return len(self.content)


def pattern(number: int, size: int) -> bytearray:
    """Bytes that no other number gives, and none of them zero for long."""
    return bytearray(random.Random(number).randbytes(min(size, 512)) * (size // 512 + 1))[:size]


def memory(addr: int, size: int) -> bytes:
    """What is there."""
    return ctypes.string_at(addr, size)


class AllocatorModel:
    """A heap, and what must be in it."""

    def __init__(self, heap: HeapUnderTest) -> None:
        self.heap = heap
        self.objects: dict[int, Object] = {}
        self.roots: dict[int, int] = {}
        self.handles: dict[int, int] = {}
        self.made = 0
        heap.root(*[0] * ROOT_SLOTS)

    # --- Objects ---

    def fresh(self, size: int, typ: Type, zero: bool = True) -> int:
        """A new object that nothing leads to. All allocations come through here: where a P would be chosen."""
        if self.heap.heap.memory.heap_in_use.bytes > MOST_IN_USE:
            self.heap.gc()
        return self.heap.malloc(size, typ, zero)

    def malloc(self, size: int, typ: Type, pointers: list[int], slot: int, zero: bool = True) -> Object:
        """A new object, filled, with a root in the slot."""
        addr = self.fresh(size, typ, zero)
        self.made += 1
        if zero or typ is not NONE:
            assert memory(addr, size) == bytes(size), f"object {self.made} of {size} bytes is not zero"
        made = Object(self.made, addr, pattern(self.made, size), pointers)
        for offset in pointers:
            made.content[offset : offset + WORD] = bytes(WORD)
        ctypes.memmove(addr, bytes(made.content), size)
        self.objects[made.number] = made
        self.set_root(slot, made, 0)
        return made

    def set_root(self, slot: int, target: Object | None, offset: int) -> None:
        """Let a root lead to an object, somewhere into it; or nowhere."""
        store(u64, self.heap.state.g0.shadow_base + slot * WORD, 0 if target is None else target.addr + offset)
        self.roots.pop(slot, None)
        if target is not None:
            self.roots[slot] = target.number
        self.forget()

    def link(self, source: Object, offset: int, target: Object | None, inside: int) -> None:
        """Let a pointer word of an object lead to another, somewhere into it; or nowhere."""
        word = 0 if target is None else target.addr + inside
        store(u64, source.addr + offset, word)
        source.content[offset : offset + WORD] = word.to_bytes(WORD, "little")
        source.links.pop(offset, None)
        if target is not None:
            source.links[offset] = target.number
        self.forget()

    def new_handle(self, target: Object) -> bool:
        """A handle of an object; False if the system refuses."""
        handle = self.heap.call(roots.new_handle, self.heap.state.roots, target.addr)
        if handle == roots.NO_HANDLE:
            return False
        assert handle not in self.handles
        self.handles[handle] = target.number
        return True

    def free_handle(self, handle: int) -> None:
        """End a handle."""
        self.heap.call(roots.free_handle, self.heap.state.roots, handle)
        del self.handles[handle]
        self.forget()

    def forget(self) -> None:
        """Take out the objects that no root leads to any more."""
        seen: set[int] = set()
        grey = [*self.roots.values(), *self.handles.values()]
        while grey:
            number = grey.pop()
            if number not in seen:
                seen.add(number)
                grey += self.objects[number].links.values()
        for number in self.objects.keys() - seen:
            del self.objects[number]

    # --- Checks ---

    def check_contents(self) -> None:
        """Every byte of every object is as it was written."""
        for one in self.objects.values():
            assert memory(one.addr, one.size) == one.content, f"object {one.number} of {one.size} bytes"

    def slots(self) -> set[int]:
        """The first bytes of the slots that the objects lie in; some tiny objects share one."""
        return {self.slot_of(one) for one in self.objects.values() if one.size}

    def slot_of(self, one: Object) -> int:
        span: MSpan = self.heap.span_of(one.addr)
        assert address(span) != 0, f"object {one.number} is in no span"
        return int(span.start_addr + (one.addr - span.start_addr) // span.elem_size * span.elem_size)

    def check_survivors(self) -> None:
        """After a collection and all sweeping: exactly the objects of the model are alive."""
        assert self.heap.objects() == self.slots()

    def check_apart(self) -> None:
        """No two objects overlap, whatever they are."""
        runs = sorted((one.addr, one.size, one.number) for one in self.objects.values() if one.size)
        for (addr, size, number), (following, _, other) in pairwise(runs):
            assert addr + size <= following, f"objects {number} and {other} overlap"

    def linkable(self) -> list[Object]:
        """The objects that have a pointer word."""
        return [one for one in self.objects.values() if one.pointers]
