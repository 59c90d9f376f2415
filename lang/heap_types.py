"""Heap types: of which type each object of a heap graph is, although the heap keeps no types of small objects.

    known     the heap has the type of large objects with pointers
    sampled   the memory profile has seen where it was allocated, and that line makes one thing of this shape
    led to    a pointer of an object, or a package variable, whose type is known leads to it
    guessed   of all that the program makes, one thing has this shape; of several, one leads to what this leads to
    else      it is called by what it may be, "main.Tree or *main.Node", or by its shape, "32 bytes, pointers at 0, 8"

    shape     bytes of the slot, whether it has pointers, and which of its words are some

What a way finds is believed only if it has the object's shape: a pointer may lead to the first field of something
larger. Several small objects without pointers share a slot of 16 bytes, and stay unnamed: "tiny objects".

Owner: one graph.        Next: heap_summary.py
"""

from __future__ import annotations

import ctypes
from typing import Any

from lang.type_notes import ARRAY, BOX, BYTES, ONE
from runtime.heap_buffers import GraphBuffers
from runtime.heap_graph import ROOT_GLOBAL
from runtime.layout import MALLOC_HEADER_SIZE, MAX_BITMAP_SIZE, MAX_SMALL_SIZE, PAGE_SIZE, PTR_SIZE, TINY_SIZE
from runtime.refusals import counted
from runtime.size_classes import CLASS_TO_SIZE, size_to_class
from runtime.syspy import address
from runtime.types import Type

TINY = "tiny objects"
UNKNOWN = -1  # no label yet
MOST_MEANINGS = 3  # that are named for an object which may have any of them

Shape = tuple[int, int, int]  # bytes of the slot, whether it has no pointers, pointer words
Label = tuple[int, int]  # what (ONE, ARRAY, BYTES) and the number of the type


class ObjectTypes:
    """The labels of all nodes of a graph."""

    def __init__(self, buffers: GraphBuffers, notes: dict[str, Any]) -> None:
        graph = buffers.graph
        self.count = graph.nodes
        self.size = buffers.words_of(graph, "size", self.count)
        self.words = buffers.words_of(graph, "words", self.count)
        self.span_class = buffers.words_of(graph, "span_class", self.count)
        self.site = buffers.words_of(graph, "site", self.count)
        self.typ = buffers.words_of(graph, "typ", self.count)
        self.first_edge = buffers.words_of(graph, "first_edge", self.count + 1)
        self.target = buffers.words_of(graph, "target", graph.edges)
        self.word = buffers.words_of(graph, "word", graph.edges)
        self.types: list[list[Any]] = [list(note) for note in notes.get("types", ())]
        self.links = [{offset: plain_label(what, elem) for offset, what, elem, _ in note[2]} for note in self.types]
        self.by_name = {note[0]: number for number, note in enumerate(self.types)}
        self.sites = {
            int(site): [plain_label(what, t) for what, t in made] for site, made in notes.get("sites", {}).items()
        }
        self.variables = sorted((offset, name, t) for name, offset, t in notes.get("variables", ()))
        self.names: list[str] = []  # by label number
        self.labels: list[Label | None] = []  # by label number; None of those that are no type
        self.label_of: list[int] = [UNKNOWN] * self.count  # by node
        self.guessed: dict[int, int] = {}  # by label number: objects whose label is a guess
        self._numbers: dict[Label | str, int] = {}
        self._find(buffers)

    def _find(self, buffers: GraphBuffers) -> None:
        """Give every node but 0 a label."""
        waiting = []
        for node in range(1, self.count):
            label = self._known(node) or self._sampled(node)
            if label is not None:
                self.label_of[node] = self.number(label)
                waiting.append(node)
        self._follow_variables(buffers, waiting)
        self._follow(waiting)
        self._guess()

    def _guess(self) -> None:
        """Label those that no way leads to: what has one meaning first, since it may tell the meaning of the rest."""
        made = {label for found in self.sites.values() for label in found}
        by_shape: dict[Shape, list[Label]] = {}
        for is_agreement_asked in (False, True):
            for node in range(1, self.count):
                if self.label_of[node] != UNKNOWN or self.shape_text(node) == TINY:
                    continue
                shape = self.shape(node)
                if shape not in by_shape:
                    by_shape[shape] = [label for label in made if self.fits(label, node)]
                fitting = by_shape[shape]
                if is_agreement_asked:
                    fitting = [label for label in fitting if self.agrees(label, node)]
                if len(fitting) == 1:
                    label = self.label_of[node] = self.number(fitting[0])
                    self.guessed[label] = self.guessed.get(label, 0) + 1
                    self._follow([node])
        for node in range(1, self.count):
            if self.label_of[node] == UNKNOWN:
                fitting = [] if self.shape_text(node) == TINY else by_shape[self.shape(node)]
                self.label_of[node] = self.number(self.choice_text(node, fitting))

    def choice_text(self, node: int, fitting: list[Label]) -> str:
        """The label of an object that has one of few meanings, or one of many."""
        names = sorted({self.label_text(label) for label in fitting if self.agrees(label, node)})
        return " or ".join(names) if 1 < len(names) <= MOST_MEANINGS else self.shape_text(node)

    def shape(self, node: int) -> Shape:
        """The shape of an object."""
        return self.size[node], self.span_class[node] & 1, self.words[node]

    def agrees(self, label: Label, node: int) -> bool:
        """Whether the types of what a node leads to, as far as they are known, are those that this would lead to."""
        if label[0] == BYTES:
            return True
        links, size = self.links[label[1]], self.types[label[1]][1]
        for edge in range(self.first_edge[node], self.first_edge[node + 1]):
            there = self.label_of[self.target[edge]]
            found = self.labels[there] if there != UNKNOWN else None
            wanted = links.get(PTR_SIZE * self.word[edge] % size)
            if found is not None and wanted is not None and wanted[0] != BOX and found != wanted:
                return False
        return True

    def number(self, label: Label | str) -> int:
        """The number of a label."""
        found = self._numbers.get(label)
        if found is None:
            found = self._numbers[label] = len(self.names)
            self.names.append(label if isinstance(label, str) else self.label_text(label))
            self.labels.append(None if isinstance(label, str) else label)
        return found

    def label_text(self, label: Label) -> str:
        """How a label is written: what a slice or a string leads to is called as that is."""
        what, number = label
        name = str(self.types[number][0])
        return "string" if what == BYTES else f"[]{name}" if what == ARRAY else name

    def shape_text(self, node: int) -> str:
        """The label of an object of unknown type."""
        size, words = self.size[node], self.words[node]
        if self.span_class[node] & 1:
            return TINY if size == TINY_SIZE else f"{counted(size, 'byte')}, no pointers"
        places = [str(PTR_SIZE * i) for i in range(64) if words >> i & 1]
        shown = ", ".join(places[:4]) + (", ..." if len(places) > 4 else "")
        return f"{size} bytes, pointers at {shown}" if places else f"{size} bytes, with pointers"

    # --- The ways to find a type

    def _known(self, node: int) -> Label | None:
        """What the heap knows."""
        if not self.typ[node]:
            return None
        typ = Type.at(self.typ[node])
        name = ctypes.string_at(address(typ.name), typ.name_length).decode("utf-8", "replace")
        number = self.by_name.get(name)
        if number is None:
            number = self.by_name[name] = len(self.types)
            self.types.append([name, typ.size, []])
            self.links.append({})
        room = self.size[node] - (MALLOC_HEADER_SIZE if self.span_class[node] > 1 else 0)
        label = (ONE, number)
        return label if self.fits(label, node) and typ.size <= room else (ARRAY, number)

    def _sampled(self, node: int) -> Label | None:
        """What the line makes that it was allocated at."""
        fitting = [label for label in self.sites.get(self.site[node], ()) if self.fits(label, node)]
        return fitting[0] if len(fitting) == 1 and self.shape_text(node) != TINY else None

    def _follow_variables(self, buffers: GraphBuffers, waiting: list[int]) -> None:
        """Label what package variables lead to."""
        graph = buffers.graph
        for root in range(graph.roots):
            if graph.root_kind[root] == ROOT_GLOBAL:
                offset, _, number = self.variable_at(graph.root_place[root])
                self._lead(self.links[number], graph.root_place[root] - offset, self.target[root], waiting)

    def variable_at(self, place: int) -> tuple[int, str, int]:
        """Offset, name and type of the package variable that a byte belongs to."""
        return max((found for found in self.variables if found[0] <= place), key=lambda found: found[0])

    def _follow(self, waiting: list[int]) -> None:
        """Label what these nodes lead to, and what that leads to."""
        while waiting:
            node = waiting.pop()
            label = self.labels[self.label_of[node]]
            if label is None or label[0] == BYTES or not self.links[label[1]]:
                continue
            links, size = self.links[label[1]], self.types[label[1]][1]
            for edge in range(self.first_edge[node], self.first_edge[node + 1]):
                if self.label_of[self.target[edge]] == UNKNOWN:
                    self._lead(links, PTR_SIZE * self.word[edge] % size, self.target[edge], waiting)

    def _lead(self, links: dict[int, Label], offset: int, node: int, waiting: list[int]) -> None:
        """Label what the pointer at an offset leads to, if that has the shape, and no label yet."""
        label = links.get(offset)
        if label is None or label[0] == BOX or self.label_of[node] != UNKNOWN or not self.fits(label, node):
            return
        if self.span_class[node] & 1 and self.size[node] == TINY_SIZE:
            return
        self.label_of[node] = self.number(label)
        waiting.append(node)

    # --- Shapes

    def fits(self, label: Label, node: int) -> bool:
        """Whether an object of the node's shape can be this. An array has as many elements as need such a slot."""
        what, number = label
        slot, noscan = self.size[node], self.span_class[node] & 1
        if what == BYTES:
            return noscan == 1
        size, links = self.types[number][1], self.links[number]
        if noscan == 1 or not links:
            return noscan == 1 and not links and (what == ARRAY or slot == slot_bytes(size, False))
        if what == ARRAY and slot < size or what == ONE and slot != slot_bytes(size, True):
            return False
        if slot > MAX_BITMAP_SIZE:
            return True
        least = size if what == ONE else (CLASS_TO_SIZE[size_to_class(slot) - 1] // size + 1) * size
        mask = sum(1 << (start + offset) // PTR_SIZE for start in range(0, least, size) for offset in links)
        return bool(self.words[node] & ((1 << least // PTR_SIZE) - 1) == mask)


def plain_label(what: int, number: int) -> Label:
    """A label: the bytes of all strings have one, whatever their type is called."""
    return (what, 0 if what == BYTES else number)


def slot_bytes(size: int, has_pointers: bool) -> int:
    """The bytes of the slot that one value of so many bytes lies in."""
    if has_pointers and size > MAX_BITMAP_SIZE:
        size += MALLOC_HEADER_SIZE
    if size > MAX_SMALL_SIZE:
        return -(-size // PAGE_SIZE) * PAGE_SIZE
    if size < TINY_SIZE and not has_pointers:
        return TINY_SIZE
    return int(CLASS_TO_SIZE[size_to_class(size)])
