"""A page allocator as it should be: a byte per page, and a search from the start.

    pages       0 0 1 1 1 0 0 ...    1: taken, or in a page cache
    scavenged   1 1 0 0 0 0 1 ...    1: the kernel does not back it

Chunks are counted from a base, as in page_heaps.py; a page's number is its chunk's times 512, and its place in it.
"""

from __future__ import annotations

from runtime.layout import CHUNK_PAGES, PAGE_CACHE_PAGES


class Model:
    """The pages of ranges of chunks, all free and scavenged at first."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self.pages: dict[int, bytearray] = {}  # by the number of a range's first page
        self.scavenged: dict[int, bytearray] = {}
        for low, high in ranges:
            self.grow(low, high)

    def grow(self, low: int, high: int) -> None:
        """Add the chunks low to high - 1; they join a range that ends or begins there."""
        first, end = low * CHUNK_PAGES, high * CHUNK_PAGES
        pages, scavenged = bytearray(end - first), bytearray(b"\1" * (end - first))
        for start in [start for start in self.pages if start + len(self.pages[start]) == first]:
            pages, scavenged = self.pages.pop(start) + pages, self.scavenged.pop(start) + scavenged
            first = start
        if end in self.pages:
            pages, scavenged = pages + self.pages.pop(end), scavenged + self.scavenged.pop(end)
        self.pages[first], self.scavenged[first] = pages, scavenged

    def range_of(self, page: int) -> int:
        """The first page of the range that a page is in."""
        return max(first for first in self.pages if first <= page)

    def find(self, npages: int) -> int | None:
        """The lowest npages free pages in a row."""
        for first, pages in sorted(self.pages.items()):
            i = pages.find(bytes(npages))
            if i >= 0:
                return first + i
        return None

    def take(self, page: int, npages: int) -> int:
        """Take pages; how many were scavenged."""
        first = self.range_of(page)
        at = slice(page - first, page - first + npages)
        scavenged = sum(self.scavenged[first][at])
        self.pages[first][at] = b"\1" * npages
        self.scavenged[first][at] = bytes(npages)
        return scavenged

    def alloc(self, npages: int) -> tuple[int | None, int]:
        """(first page, how many were scavenged)."""
        page = self.find(npages)
        return page, 0 if page is None else self.take(page, npages)

    def free(self, page: int, npages: int, scavenged: bool = False) -> None:
        """Give pages back."""
        first = self.range_of(page)
        at = slice(page - first, page - first + npages)
        self.pages[first][at] = bytes(npages)
        self.scavenged[first][at] = bytes([scavenged]) * npages

    def take_block(self) -> tuple[int, int, int] | None:
        """What a page cache gets: the block of 64 around the lowest free page, its free pages, the scavenged ones."""
        page = self.find(1)
        if page is None:
            return None
        block = page // PAGE_CACHE_PAGES * PAGE_CACHE_PAGES
        first = self.range_of(block)
        at = slice(block - first, block - first + PAGE_CACHE_PAGES)
        free = sum((taken ^ 1) << i for i, taken in enumerate(self.pages[first][at]))
        scavenged = sum(bit << i for i, bit in enumerate(self.scavenged[first][at]))
        self.pages[first][at] = b"\1" * PAGE_CACHE_PAGES
        self.scavenged[first][at] = bytes(PAGE_CACHE_PAGES)
        return block, free, scavenged

    def free_pages(self) -> int:
        """How many pages are free."""
        return sum(pages.count(0) for pages in self.pages.values())

    def chunks(self) -> list[int]:
        """All chunks."""
        return [
            chunk
            for first, pages in self.pages.items()
            for chunk in range(first // CHUNK_PAGES, (first + len(pages)) // CHUNK_PAGES)
        ]

    def drawn(self, chunk: int) -> str:
        """A chunk, as PageHeap draws it."""
        first = self.range_of(chunk * CHUNK_PAGES)
        at = slice(chunk * CHUNK_PAGES - first, (chunk + 1) * CHUNK_PAGES - first)
        pairs = zip(self.pages[first][at], self.scavenged[first][at], strict=True)
        text = "".join(".s#!"[2 * taken + scavenged] for taken, scavenged in pairs)
        return "\n".join(text[row : row + 64] for row in range(0, CHUNK_PAGES, 64))
