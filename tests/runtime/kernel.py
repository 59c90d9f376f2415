"""What the kernel says of this process."""

from __future__ import annotations

from pathlib import Path


def state(addr: int) -> str:
    """The permissions of an address as in /proc/self/maps, or "none" if nothing is mapped there."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, permissions, *_ = line.split()
        low, high = (int(end, 16) for end in span.split("-"))
        if low <= addr < high:
            return permissions
    return "none"


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
