"""Heap summary: a graph of objects as a graph of types, small enough for a page.

    objects   a1 -> b1 -> c1        types    A --2--> B --3--> C        pointers, and bytes that they lead to
              a2 -> b2 -> c2
                    `---> c3        retained bytes of a type: what is free when all its objects are; an object that
                                    another one of the same type keeps alive counts once

Roots are nodes as well: one for each package variable, and one for each function with a frame on the stack. For every
type the objects that keep most alive are there, each with a shortest path from a root.

Owner: one graph.        Next: heap_page.py
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from lang.heap_types import ObjectTypes
from lang.type_notes import ARRAY
from runtime.heap_buffers import GraphBuffers
from runtime.heap_graph import ROOT_GLOBAL, ROOT_STACK
from runtime.layout import PTR_SIZE

MOST_TYPES = 60  # on the page, those that retain most
MOST_OBJECTS = 8  # of a type, those that retain most
MOST_SITES = 6  # of a type
PATH_ENDS = 6  # steps of a long path that are shown at each end

Place = Callable[[int], tuple[str, int]]  # the function and the line of a site


def summarize(buffers: GraphBuffers, notes: dict[str, Any], place: Place) -> dict[str, Any]:
    """What the page shows of a graph."""
    return Summary(buffers, notes, place).made()


class Summary:
    """A summary being made."""

    def __init__(self, buffers: GraphBuffers, notes: dict[str, Any], place: Place) -> None:
        graph, tree = buffers.graph, buffers.tree
        self.graph, self.place = graph, place
        self.types = types = ObjectTypes(buffers, notes)
        self.count = graph.nodes
        self.labels = len(types.names)  # numbers from here on are roots
        self.addr = buffers.words_of(graph, "addr", self.count)
        self.parent = buffers.words_of(graph, "parent", self.count)
        self.parent_word = buffers.words_of(graph, "parent_word", self.count)
        self.retained = buffers.words_of(tree, "retained", self.count)
        self.idom = buffers.words_of(tree, "idom", self.count)
        self.order = buffers.words_of(tree, "order", self.count)
        self.roots: list[str] = []
        self.root_of = self.name_roots()

    def name_roots(self) -> list[int]:
        """By root: its number among the names."""
        numbers: dict[str, int] = {}
        found = []
        for root in range(self.graph.roots):
            found.append(numbers.setdefault(self.root_name(root), len(numbers)))
        self.roots = list(numbers)
        return found

    def root_name(self, root: int) -> str:
        """What a root is called."""
        place = self.graph.root_place[root]
        if self.graph.root_kind[root] == ROOT_GLOBAL:
            return f"var {self.types.variable_at(place)[1]}"
        if self.graph.root_kind[root] == ROOT_STACK:
            return f"stack of {self.place(place)[0]}"
        return "handles"

    # --- Types

    def made(self) -> dict[str, Any]:
        """The whole summary."""
        objects, size = Counter[int](), Counter[int]()
        for node in range(1, self.count):
            label = self.types.label_of[node]
            objects[label] += 1
            size[label] += self.types.size[node]
        retained, largest = self.retained_by_type()
        shown = [label for label, _ in retained.most_common(MOST_TYPES)]
        sites = self.sites()
        types = [
            {
                "name": self.types.names[label],
                "objects": objects[label],
                "bytes": size[label],
                "retained": retained[label],
                "guessed": self.types.guessed.get(label, 0),
                "sites": sites.get(label, []),
                "largest": [self.object_note(node) for node in largest[label]],
            }
            for label in shown
        ]
        return {
            "objects": self.count - 1,
            "bytes": self.retained[0],
            "left_out": self.graph.left_out,
            "types": types,
            "more_types": len(retained) - len(shown),
            "roots": self.roots,
            "edges": self.edges({label: number for number, label in enumerate(shown)}),
        }

    def retained_by_type(self) -> tuple[Counter[int], dict[int, list[int]]]:
        """By label: the bytes that its objects keep alive together; and the objects that keep most alive."""
        chain = [0] * self.count  # by node: the labels of what dominates it and its own, a bit each
        retained = Counter[int]()
        found: dict[int, list[int]] = defaultdict(list)
        for i in range(1, self.count):
            node = self.order[i]
            label = self.types.label_of[node]
            above = chain[self.idom[node]]
            chain[node] = above | 1 << label
            if not above >> label & 1:
                retained[label] += self.retained[node]
                found[label].append(node)
        by_size = {
            label: sorted(nodes, key=lambda node: (-self.retained[node], self.addr[node]))[:MOST_OBJECTS]
            for label, nodes in found.items()
        }
        return retained, by_size

    def sites(self) -> dict[int, list[list[Any]]]:
        """By label: [function, line, samples] of the lines that make such objects, those with most samples first."""
        counts: dict[int, Counter[int]] = defaultdict(Counter)
        numbers = {label: number for number, label in enumerate(self.types.labels) if label is not None}
        for site, made in self.types.sites.items():
            for label in made:
                if label in numbers:
                    counts[numbers[label]][site] = 0
        for node in range(1, self.count):
            if self.types.site[node]:
                counts[self.types.label_of[node]][self.types.site[node]] += 1
        return {
            label: [[*self.place(site), samples] for site, samples in found.most_common(MOST_SITES)]
            for label, found in counts.items()
        }

    def edges(self, shown: dict[int, int]) -> list[list[int]]:
        """[from, to, pointers, bytes]: numbers of types; of a root, -1 - its number. Bytes count an object once."""
        pointers, seen = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        last: dict[tuple[int, int], set[int]] = defaultdict(set)
        types = self.types
        for node in range(self.count):
            source = 0 if node == 0 else shown.get(types.label_of[node])
            if source is None:
                continue
            for edge in range(types.first_edge[node], types.first_edge[node + 1]):
                target = types.target[edge]
                to = shown.get(types.label_of[target])
                if to is not None:
                    pair = (-1 - self.root_of[edge] if node == 0 else source, to)
                    pointers[pair] += 1
                    if target not in last[pair]:
                        last[pair].add(target)
                        seen[pair] += types.size[target]
        return [[*pair, count, seen[pair]] for pair, count in pointers.most_common()]

    # --- Objects

    def object_note(self, node: int) -> dict[str, Any]:
        """What the page shows of one object."""
        site = self.types.site[node]
        return {
            "address": f"{self.addr[node]:#x}",
            "bytes": self.types.size[node],
            "retained": self.retained[node],
            "site": list(self.place(site)) if site else None,
            "path": self.path_to(node),
        }

    def path_to(self, node: int) -> list[Any]:
        """A shortest path: the root, then [field, type] for each step; a number for so many steps left out."""
        steps: list[Any] = []
        while node != 0:
            source, word = self.parent[node], self.parent_word[node]
            name = self.types.names[self.types.label_of[node]]
            steps.append([self.field_name(source, word) if source else "", name])
            if source == 0:
                steps.append(self.root_text(word))
            node = source
        steps.reverse()
        if len(steps) > 2 * PATH_ENDS + 1:
            steps[PATH_ENDS:-PATH_ENDS] = [len(steps) - 2 * PATH_ENDS]
        return steps

    def root_text(self, root: int) -> str:
        """A root, with its line."""
        if self.graph.root_kind[root] != ROOT_STACK:
            return self.root_name(root)
        function, line = self.place(self.graph.root_place[root])
        return f"stack of {function}, line {line}" if line else f"stack of {function}"

    def field_name(self, node: int, word: int) -> str:
        """What the type of a node calls one of its words."""
        label = self.types.labels[self.types.label_of[node]]
        if label is None:
            return f"+{PTR_SIZE * word}"
        what, number = label
        _, size, links = self.types.types[number]
        offset = PTR_SIZE * word
        name = next((name for at, _, _, name in links if at == offset % max(size, 1)), f"+{offset % max(size, 1)}")
        return f"[{offset // size}]{'.' if name else ''}{name}" if what == ARRAY else name
