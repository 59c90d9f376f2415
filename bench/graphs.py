"""Graphs: the live heaps of real programs, from a file to flat words that heaps are built of on every side.

    bench/graphs/lua.graph.xz    varints; what they mean is in the README beside it
      |  read
      v
    Graph    objects in the order of their addresses: size, and edges (word, target)
      |  flat
      v
    words of 64 bits, for graph_heap.py, bench/go/mark/graphs.go and bench/mark_boehm.c

        counts      5: of types, of words of masks, of objects, of edges, of roots
        types       ptr_bytes << 32 | size, then the number of the mask's first word
        masks       a bit for each word of a type that is a pointer
        objects     number of edges << 32 | type
        edges       target's number << 32 | word; those of the first object come first
        roots       numbers of the objects that the roots lead to

A word of an object is a pointer if it has an edge. Objects with the same size and the same edges' words share a type.
Those without edges have at least 16 bytes, as smaller ones would share a slot, and be one for the collector.

    GR1  an edge lies within its object, behind the edge before, and its target exists
    GR2  a graph ends where its last object ends
    GR3  every object can be reached from the roots

Owner: the benchmark.                                                                       Next: graph_heap.py
"""

from __future__ import annotations

import lzma
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.harness import CommandFailed
from bench.peers import ROOT

GRAPHS = ROOT / "bench" / "graphs"
SUFFIX = ".graph.xz"
WORD = 8
LEAST_PLAIN_SIZE = 16  # bytes


@dataclass(frozen=True)
class Graph:
    """The objects of a heap."""

    sizes: list[int]  # bytes, by object
    edges: list[list[tuple[int, int]]]  # by object: the pointer's word, and its target's number

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(self.sizes)


def graph_paths(only: str = "") -> list[Path]:
    """The graphs whose name contains a word."""
    return [path for path in sorted(GRAPHS.glob(f"*{SUFFIX}")) if only in graph_name(path)]


def graph_name(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def read(path: Path) -> Graph:
    """The graph of a file."""
    try:
        return decoded(lzma.decompress(path.read_bytes()))
    except (OSError, lzma.LZMAError, ValueError) as error:
        raise CommandFailed(f"{path}: {error}") from None


def decoded(data: bytes) -> Graph:
    """The graph that the varints stand for. ValueError if they are malformed."""
    numbers = varints(data)
    try:
        graph = Graph([], [])
        count = next(numbers)
        for number in range(count):
            size = next(numbers)
            graph.sizes.append(size)
            graph.edges.append(edges_of(number, size, count, numbers))
    except StopIteration:
        raise ValueError("GR2: it ends within an object") from None
    if next(numbers, None) is not None:
        raise ValueError("GR2: it goes on after its last object")
    return graph


def edges_of(number: int, size: int, count: int, numbers: Iterator[int]) -> list[tuple[int, int]]:
    """The edges of an object. StopIteration if the numbers end within them."""
    edges: list[tuple[int, int]] = []
    word = 0
    for i in range(next(numbers)):
        step = next(numbers)
        word += step
        zigzag = next(numbers)
        target = number + (zigzag >> 1 if zigzag & 1 == 0 else -(zigzag >> 1) - 1)
        if (step == 0 and i != 0) or (word + 1) * WORD > size or not 0 <= target < count:
            raise ValueError(f"GR1: a wrong edge: object {number}, word {word}, to {target}")
        edges.append((word, target))
    return edges


def varints(data: bytes) -> Iterator[int]:
    """The numbers of LEB128."""
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
    if shift:
        raise ValueError("GR2: it ends within a number")


def roots_of(graph: Graph) -> list[int]:
    """Objects that lead to all: first those that nothing points to, then what is left, from the lowest on (GR3)."""
    pointed = {target for edges in graph.edges for _, target in edges}
    objects = range(len(graph.sizes))
    candidates = [*(number for number in objects if number not in pointed), *objects]
    reached = bytearray(len(graph.sizes))
    roots = []
    for root in candidates:
        if not reached[root]:
            roots.append(root)
            reach(graph, root, reached)
    return roots


def reach(graph: Graph, root: int, reached: bytearray) -> None:
    """Note all that an object leads to."""
    reached[root] = 1
    grey = [root]
    while grey:
        for _, target in graph.edges[grey.pop()]:
            if not reached[target]:
                reached[target] = 1
                grey.append(target)


def flat(graph: Graph) -> array[int]:
    """The words that stand for the graph."""
    types: dict[tuple[int, int], int] = {}
    objects, edges = array("Q"), array("Q")
    for size, pairs in zip(graph.sizes, graph.edges, strict=True):
        mask = sum(1 << word for word, _ in pairs)
        size_class = -(-size // WORD) * WORD if pairs else max(size, LEAST_PLAIN_SIZE)
        objects.append(len(pairs) << 32 | types.setdefault((size_class, mask), len(types)))
        edges.extend(target << 32 | word for word, target in pairs)
    descriptions, masks = array("Q"), array("Q")
    for size, mask in types:
        descriptions.extend([mask.bit_length() * WORD << 32 | size, len(masks)])
        masks.frombytes(mask.to_bytes(-(-mask.bit_length() // 64) * WORD, "little"))
    roots = array("Q", roots_of(graph))
    counts = array("Q", [len(types), len(masks), len(objects), len(edges), len(roots)])
    return counts + descriptions + masks + objects + edges + roots
