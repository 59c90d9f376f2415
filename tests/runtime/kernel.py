"""What the kernel says of this process."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path


def mapping(addr: int) -> str:
    """The line of /proc/self/maps for an address; empty if nothing is mapped there."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        low, high = (int(end, 16) for end in line.split()[0].split("-"))
        if low <= addr < high:
            return line
    return ""


def state(addr: int) -> str:
    """The permissions of an address as in /proc/self/maps, or "none" if nothing is mapped there."""
    line = mapping(addr)
    return line.split()[1] if line else "none"


def lazy_bytes(addr: int) -> int:
    """Bytes of the mapping of an address that the kernel may take whenever it wants (MADV_FREE)."""
    is_found = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            low, high = (int(end, 16) for end in first.split("-"))
            is_found = low <= addr < high
        elif is_found and first == "LazyFree:":
            return int(line.split()[1]) << 10
    return 0


def backed(addr: int, count: int, size: int) -> list[bool]:
    """Whether the kernel backs any of each of `count` neighbours of so many bytes: bit 63 or 62 of a pagemap entry."""
    per_page = mmap.PAGESIZE
    with Path("/proc/self/pagemap").open("rb") as pagemap:
        pagemap.seek(addr // per_page * 8)
        entries = struct.unpack(f"<{count * size // per_page}Q", pagemap.read(count * size // per_page * 8))
    step = size // per_page
    return [any(entry >> 62 for entry in entries[i : i + step]) for i in range(0, len(entries), step)]


def resident_bytes() -> int:
    """What of this process is in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * mmap.PAGESIZE
