"""Page allocators made from a description, and drawn.

A description says of each chunk which runs of pages are allocated, and which scavenged: {0: "0+512", 1: "3+5 121+10"},
chunk by chunk from a base, each run as first page + length. The drawing of a chunk is eight rows of 64 pages:

    #  allocated    .  free    s  free and scavenged    !  allocated and scavenged: broken
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.addr_ranges import check_addr_ranges
from runtime.fixalloc import Persistent, persistent_close, persistent_init
from runtime.layout import CHUNK_BYTES, CHUNK_PAGES, CHUNK_WORDS, PAGE_SIZE
from runtime.lock import Mutex, lock
from runtime.os_memory import MemoryStats
from runtime.page_alloc import PageAlloc, alloc, alloc_range, check_page_alloc, chunk_of, close, free, grow, init
from tests.runtime.engines import Engine

GO_BASE = 0xC000  # the chunk where Go's heap starts
LAST_CHUNK = (1 << 26) - 1

Description = dict[int, str]


def go_cases(name: str) -> list[dict[str, Any]]:
    """The cases of a table of Go's own tests."""
    path = Path(__file__).parent / "go_tables" / f"{name}.json"
    return list(json.loads(path.read_text("utf-8"))["cases"])


# What a PageHeap calls; part of the ROOTS of a module that uses it.
PAGE_HEAP_ROOTS: list[Callable[..., Any]] = [
    alloc,
    alloc_range,
    check_addr_ranges,
    check_page_alloc,
    close,
    free,
    grow,
    init,
    lock,
    persistent_close,
    persistent_init,
]


def runs(text: str) -> list[tuple[int, int]]:
    """(first page, length) of each run of a description."""
    return [(int(first), int(n)) for first, n in (run.split("+") for run in text.split())]


def bits(text: str) -> int:
    """The runs of a description as one number, bit i for page i."""
    return sum(((1 << n) - 1) << first for first, n in runs(text))


def draw(allocated: int, scavenged: int) -> str:
    """A chunk's bitmaps as text."""
    signs = [".s#!"[2 * (allocated >> page & 1) + (scavenged >> page & 1)] for page in range(CHUNK_PAGES)]
    return "\n".join("".join(signs[row : row + 64]) for row in range(0, CHUNK_PAGES, 64))


def number(words: Any) -> int:
    """A bitmap in memory as one number."""
    return int(sum(words[i] << 64 * i for i in range(CHUNK_WORDS)))


class PageHeap:
    """A page allocator with everything around it."""

    def __init__(
        self, engine: Engine, allocated: Description, scavenged: Description | None = None, base: int = GO_BASE
    ):
        self.engine = engine
        self.base = base
        self.stats, self.persistent, self.lock, self.pages = MemoryStats(), Persistent(), Mutex(), PageAlloc()
        engine.call(persistent_init, self.persistent, self.stats)
        engine.call(lock, self.lock)
        assert engine.call(init, self.pages, self.lock, self.persistent, self.stats, self.stats.gc)
        for chunk, text in allocated.items():
            self.add_chunk(chunk, text, (scavenged or {}).get(chunk, ""))

    def __enter__(self) -> PageHeap:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.call(close, self.pages)
        self.engine.call(persistent_close, self.persistent)

    def add_chunk(self, chunk: int, allocated: str, scavenged: str) -> None:
        """Grow by one chunk in the described state."""
        assert self.engine.call(grow, self.pages, self.addr(chunk), CHUNK_BYTES)
        # To the scavenge index a page is new, until it has been taken and freed.
        self.engine.call(alloc_range, self.pages, self.addr(chunk), CHUNK_PAGES)
        self.engine.call(free, self.pages, self.addr(chunk), CHUNK_PAGES)
        words = chunk_of(self.pages, self.base + chunk).scavenged.words
        for i in range(CHUNK_WORDS):
            words[i] = bits(scavenged) >> 64 * i & (1 << 64) - 1
        for first, n in runs(allocated):
            self.engine.call(alloc_range, self.pages, self.addr(chunk, first), n)

    def addr(self, chunk: int, page: int = 0) -> int:
        """The address of a page of a chunk, counted from the base."""
        return (self.base + chunk) * CHUNK_BYTES + page * PAGE_SIZE

    def place(self, addr: int) -> tuple[int, int] | None:
        """The way back: (chunk, page), or None for address 0."""
        if addr == 0:
            return None
        return addr // CHUNK_BYTES - self.base, addr % CHUNK_BYTES // PAGE_SIZE

    def alloc(self, npages: int) -> tuple[tuple[int, int] | None, int]:
        """Where npages were allocated, and how many of them were scavenged."""
        addr, scavenged = self.engine.call(alloc, self.pages, npages)
        return self.place(addr), scavenged // PAGE_SIZE

    def free(self, chunk: int, page: int, npages: int) -> None:
        """Give pages back."""
        self.engine.call(free, self.pages, self.addr(chunk, page), npages)

    def drawn(self, chunk: int) -> str:
        """A chunk as it is."""
        data = chunk_of(self.pages, self.base + chunk)
        return draw(number(data.alloc.words), number(data.scavenged.words))

    def check(self, allocated: Description | None = None, scavenged: Description | None = None) -> None:
        """Look at every invariant, and at every chunk described."""
        for chunk, text in (allocated or {}).items():
            expected = draw(bits(text), bits((scavenged or {}).get(chunk, "")) & ~bits(text))
            assert self.drawn(chunk) == expected, f"chunk {chunk}"
        self.engine.call(check_page_alloc, self.pages)

    def in_use(self) -> list[tuple[int, int]]:
        """(first chunk, one past the last) of each range in use, counted from the base."""
        ranges = self.pages.in_use
        return [
            (ranges.ranges[i].base // CHUNK_BYTES - self.base, ranges.ranges[i].limit // CHUNK_BYTES - self.base)
            for i in range(ranges.count)
        ]
