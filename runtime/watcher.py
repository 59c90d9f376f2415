"""Watcher: the story of objects that are known by the number of their allocation, told as it happens.

    allocated     where, and how many bytes
    kept          by a collection: the shortest way that leads to it from a root
    dead          found by a collection: which link of that way is no more

What a collection thinks of an object is known when all is marked and nothing is freed: then the host is told anyway
(phases.py), and the object, and what led to it before, are still there to be read.

Runs in Python only. Next: damage.py
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from runtime.arenas import find_object
from runtime.mspan import header_bytes
from runtime.refusals import counted
from runtime.roots import is_local, local_pointer, local_words
from runtime.syspy import address, array_at, is_nil, load, u64
from runtime.watch import RECORD_WORDS

if TYPE_CHECKING:
    from runtime.heap import Runtime

LONGEST_PATH = 1000  # links that are kept of a path: those nearest to the object
HOOK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)  # what the runtime calls
HANDLE = "handle"
STACK = "stack"
GLOBAL = "global"
SPECIAL = "special"


@dataclass(frozen=True)
class Link:
    """One word that leads to an object."""

    source: int  # address of the word; of a handle its number
    target: int  # first byte of the slot that it leads to or into

    def __str__(self) -> str:
        """The word, and where it leads."""
        return f"{self.source:#x} -> {self.target:#x}"


@dataclass(frozen=True)
class Path:
    """The shortest way from a root to an object."""

    kind: str  # of the root: "handle", "stack", "global", or "special": that, or an object with a finalizer
    root: int  # number of the handle; else word of the stack, byte of the globals, address of the special or the word
    links: tuple[Link, ...]  # the root's first; of a long path some behind it are left out
    length: int  # links that it has

    def __str__(self) -> str:
        """On one line: the root, then each object on the way, with the offset of the word that leads on."""
        return f"{self.kind} {self.root}{self.way()}"

    def way(self) -> str:
        """What comes behind the root."""
        words = [f"{link.target:#x}+{after.source - link.target}" for link, after in pairwise(self.links)]
        if self.length != len(self.links):
            words[0] = f"{self.links[0].target:#x} -> ... {counted(self.length - len(self.links), 'object')} ..."
        return "".join(f" -> {word}" for word in [*words, f"{self.links[-1].target:#x}"])


@dataclass(frozen=True)
class Event:
    """One thing that happened to a watched object."""

    kind: str  # "allocated", "kept" or "dead"
    collection: int  # its number; of "allocated": collections that there were before
    path: Path | None = None  # "kept": what leads to it. "dead": what led to it at the collection before
    broken: Link | None = None  # "dead": the link of that path that is no more
    now: int = 0  # "dead": what that word holds instead


@dataclass
class Watched:
    """What is known of one watched object."""

    number: int  # of its allocation; the first is 1
    address: int = 0  # first byte; 0: it was not made yet
    size: int = 0  # bytes that there is room for
    site: int = 0  # where it was allocated, as the embedder or the compiler counts places
    is_dead: bool = False  # a collection found that nothing leads to it
    events: list[Event] = field(default_factory=list)  # in order

    @property
    def last_path(self) -> Path | None:
        """What kept it alive the last time."""
        return next((event.path for event in reversed(self.events) if event.kind == "kept"), None)


FindPath = Callable[[int, int, int], int]  # slot, address to write to, room: heap_check.find_path
Tell = Callable[[Watched, Event], object]


class Watcher:
    """Watches objects of one runtime."""

    def __init__(self, state: Runtime, numbers: Iterable[int], find_path: FindPath, tell: Tell | None = None) -> None:
        """Watch the objects of these allocations; tell is called at each event. Before the first allocation."""
        ordered = sorted(set(numbers))
        self._state = state
        self._find_path = find_path
        self._tell = tell
        self.watched = {number: Watched(number) for number in ordered}
        self._places = list(self.watched.values())
        self._numbers = (ctypes.c_uint64 * len(ordered))(*ordered)
        self._records = (ctypes.c_uint64 * (RECORD_WORDS * len(ordered)))()
        self._hook = HOOK(self._made)
        watch = state.watch
        watch.numbers = array_at(u64, ctypes.addressof(self._numbers))
        watch.records = array_at(u64, ctypes.addressof(self._records))
        watch.hook = ctypes.cast(self._hook, ctypes.c_void_p).value or 0
        watch.count = len(ordered)

    def _made(self, place: int) -> int:
        """The runtime's call: an object was made."""
        watched = self._places[place]
        base = place * RECORD_WORDS
        watched.address, watched.size, watched.site, collections = self._records[base + 1 : base + RECORD_WORDS]
        self._add(watched, Event("allocated", collections))
        return 0

    def marked(self) -> None:
        """A collection has marked all that it will, and nothing is freed yet."""
        number = self._state.gc.num_gc + 1
        for watched in self._places:
            if watched.address and not watched.is_dead:
                path = path_to(self._state, watched.address, self._find_path)
                if path is not None:
                    self._add(watched, Event("kept", number, path))
                else:
                    watched.is_dead = True
                    self._add(watched, self._death(number, watched.last_path))

    def _death(self, number: int, path: Path | None) -> Event:
        """Why an object is dead: the first link, from the root on, of its last path that is no more."""
        if path is None:
            return Event("dead", number)
        for link in path.links:
            word = self._word(path, link)
            if word is None or _object(self._state, word) != link.target:
                return Event("dead", number, path, link, word or 0)
        return Event("dead", number, path)

    def _word(self, path: Path, link: Link) -> int | None:
        """What the word of a link holds now; None if it is no root any more."""
        if link is path.links[0]:
            if path.kind == HANDLE:
                return int(self._state.roots.handles[link.source])
            if path.kind == STACK:
                return self._stack_word(link) if _stack_with(self._state, link.source) else None
            if path.kind == SPECIAL and not _object(self._state, link.source):
                return self._special_word(link)
        return int(load(u64, link.source))

    def _stack_word(self, link: Link) -> int | None:
        """What a word of a shadow stack holds now; of a local, the pointer in it to the object, if there is one."""
        word = int(load(u64, link.source))
        if not is_local(word):
            return word
        held = [local_pointer(word, number) for number in range(local_words(word))]
        return next((pointer for pointer in held if _object(self._state, pointer) == link.target), None)

    def _special_word(self, link: Link) -> int | None:
        """What a special keeps that leads to the object; None if it does so no more, or is not there."""
        specials = self._state.heap.specials
        for first in (specials.roots, specials.ready):
            root = first
            while not is_nil(root):
                if address(root) == link.source:
                    kept = (root.special.value, root.fn, root.arg)
                    return next((word for word in kept if _object(self._state, word) == link.target), None)
                root = root.next
        return None

    def _add(self, watched: Watched, event: Event) -> None:
        watched.events.append(event)
        if self._tell is not None:
            self._tell(watched, event)


# --- Paths -----------------------------------------------------------------------------------------------------------


def path_to(state: Runtime, addr: int, find_path: FindPath) -> Path | None:
    """The shortest way from a root to the object at an address; None if nothing leads to it. The world stands still."""
    slot = find_object(state.heap.arenas, addr)[0]
    out = (ctypes.c_uint64 * (2 * LONGEST_PATH))()
    length = find_path(slot, ctypes.addressof(out), LONGEST_PATH)
    if length == 0:
        return None
    kept = min(length, LONGEST_PATH)
    links = tuple(Link(out[2 * i], _object(state, out[2 * i + 1])) for i in reversed(range(kept)))
    kind, root = _root_of(state, links[0].source)
    return Path(kind, root, links, length)


def _root_of(state: Runtime, source: int) -> tuple[str, int]:
    """The kind of a root, and which one it is."""
    if source < state.roots.capacity:
        return HANDLE, source
    base = _stack_with(state, source)
    if base:
        return STACK, (source - base) // 8
    found = state.roots.globals
    while not is_nil(found):
        if found.start_addr <= source < found.start_addr + found.size:
            return GLOBAL, source - found.start_addr
        found = found.next
    return SPECIAL, source


def _stack_with(state: Runtime, addr: int) -> int:
    """The first word of the shadow stack that a root is on; 0 if it is on none."""
    g = state.world.gs
    while not is_nil(g):
        if g.shadow_base <= addr < g.shadow_top:
            return g.shadow_base
        g = g.next
    return 0


def _object(state: Runtime, addr: int) -> int:
    """The first byte of the object in whose slot an address is; 0 for none."""
    start, span, _ = find_object(state.heap.arenas, addr)
    return start + header_bytes(span) if start else 0
