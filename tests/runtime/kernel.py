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
