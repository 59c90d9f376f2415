"""Heap buffers: the memory of the host's that a map and a graph of the heap are drawn in.

    buffers = MapBuffers(arenas=4)            GraphBuffers(nodes=250_000, edges=1_000_000, roots=10_000)
    map_heap(runtime, buffers.map, 1)         walk_heap(runtime, buffers.graph)
                                              find_dominators(buffers.graph, buffers.tree)

A Toy heap is not asked for it, so that looking at a heap does not change what is looked at. Pages that are not written
to cost address space only.

Runs in Python only.                                                                              Next: walk.py
"""

from __future__ import annotations

import mmap
from ctypes import addressof, c_char
from typing import Any

from runtime.dominators import Dominators
from runtime.heap_graph import HeapGraph
from runtime.heap_map import HeapMap
from runtime.layout import PAGES_PER_ARENA
from runtime.syspy import Struct, array_at, u8, u16, u32, u64

WIDTHS = {"Array[u8]": (u8, 1), "Array[u16]": (u16, 2), "Array[u32]": (u32, 4), "Array[u64]": (u64, 8)}
BY_EDGE = ("target", "word", "source")
BY_ROOT = ("root_kind", "root_place")


class Buffers:
    """Zeroed memory, as long as it is kept."""

    def __init__(self) -> None:
        self.memory: dict[str, mmap.mmap] = {}  # by field

    def give(self, struct: Struct, name: str, room: int) -> None:
        """Let an array of a struct's be one of so many entries."""
        kind, width = WIDTHS[type(struct).__annotations__[name]]
        found = self.memory[name] = mmap.mmap(-1, width * room)
        setattr(struct, name, array_at(kind, addressof(c_char.from_buffer(found))))

    def bytes_of(self, name: str, count: int) -> bytes:
        """The first bytes of an array."""
        return bytes(memoryview(self.memory[name])[:count])


class MapBuffers(Buffers):
    """A map of so many arenas."""

    def __init__(self, arenas: int) -> None:
        super().__init__()
        self.map = HeapMap(room=arenas)
        self.give(self.map, "arenas", arenas)
        for name in ("kinds", "taken", "marked"):
            self.give(self.map, name, arenas * PAGES_PER_ARENA)


class GraphBuffers(Buffers):
    """A graph with room for so much, and its dominators."""

    def __init__(self, nodes: int, edges: int, roots: int) -> None:
        super().__init__()
        self.graph = HeapGraph(nodes_room=nodes, edges_room=edges, roots_room=roots)
        self.graph.table_bits = (2 * nodes).bit_length()
        self.tree = Dominators()
        for struct in (self.graph, self.tree):
            for name, kind in type(struct).__annotations__.items():
                if kind in WIDTHS:
                    self.give(struct, name, self.room(name, nodes, edges, roots))

    def room(self, name: str, nodes: int, edges: int, roots: int) -> int:
        """Entries of an array."""
        if name == "table":
            return int(1 << self.graph.table_bits)
        return edges if name in BY_EDGE else roots if name in BY_ROOT else nodes + 1

    def words_of(self, struct: Any, name: str, count: int) -> memoryview[int]:
        """The first entries of an array, as numbers."""
        _, width = WIDTHS[type(struct).__annotations__[name]]
        part = memoryview(self.memory[name])[: width * count]
        return part.cast("B") if width == 1 else part.cast("I") if width == 4 else part.cast("Q")
