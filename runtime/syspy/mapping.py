"""Mapping: a flat image (elf_link.py) in this process's memory, bound to what it needs. The quick half of loading.

What an image has many of comes as few long values, which are read in a tenth of the time:

    symbols    the names, a line each; the offsets, 4 bytes each
    calls      by symbol: where the calls are, 4 bytes each

No page is ever writable and executable at once. The mapping stays for good: addresses of its constants may be stored
anywhere. It is asked for near the image underneath, so that calls of that can go straight instead of through a stub.

Next: cache.py
"""

from __future__ import annotations

import ctypes
import sys
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_PRIVATE, MAP_ANONYMOUS = 0x02, 0x20
REACH = (1 << 31) - (1 << 24)  # bytes that a call can span, less the size of an image

_WORD, _DISTANCE = Struct("<q"), Struct("<i")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def packed(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts about a flat image, as map_image takes them, from those that elf_link.py has found."""
    calls: dict[str, list[int]] = {}
    for offset, name in facts["calls"]:
        calls.setdefault(name, []).append(offset)
    symbols: dict[str, int] = facts["symbols"]
    return {
        **facts,
        "symbols": ("\n".join(symbols), _offsets(symbols.values())),
        "calls": {name: _offsets(offsets) for name, offsets in calls.items()},
    }


def _offsets(offsets: Iterable[int]) -> bytes:
    return b"".join(offset.to_bytes(4, sys.byteorder) for offset in offsets)


def map_image(
    facts: dict[str, Any], code: bytes | memoryview, resolve: Callable[[str], int], near: int = 0
) -> tuple[int, dict[str, int]]:
    """Map a flat image, bind it and protect it; its address, and those of its symbols."""
    base = _map(len(code), near)
    memory = memoryview((ctypes.c_char * len(code)).from_address(base)).cast("B")
    memory[:] = code
    targets = {name: resolve(name) for _, name in facts["slots"]}
    for offset, name in facts["slots"]:
        _WORD.pack_into(memory, offset, targets[name])
    store = _DISTANCE.pack_into
    for name, offsets in facts["calls"].items():
        distance = targets[name] - base
        if abs(distance) < REACH:
            for offset in memoryview(offsets).cast("I"):
                store(memory, offset, distance - 4 - offset)
    for offset in facts["absolutes"]:
        _WORD.pack_into(memory, offset, _WORD.unpack_from(memory, offset)[0] + base)
    for offset, name in facts["foreign"]:
        _WORD.pack_into(memory, offset, _WORD.unpack_from(memory, offset)[0] + resolve(name))
    constants, variables = facts["constants"], facts["variables"]
    _protect(base, constants, PROT_READ | PROT_EXEC)
    _protect(base + constants, variables - constants, PROT_READ)
    names, offsets = facts["symbols"]
    found = zip(names.split("\n"), memoryview(offsets).cast("I"), strict=True)
    return base, {name: base + offset for name, offset in found}


def _map(size: int, near: int) -> int:
    """Memory to write to, close to an address if the kernel has some there."""
    flags = MAP_PRIVATE | MAP_ANONYMOUS
    addr = _libc.mmap(near or None, size, PROT_READ | PROT_WRITE, flags, -1, 0)
    if addr in (None, ctypes.c_void_p(-1).value):
        raise MemoryError(f"no room for {size} bytes of code")
    return int(addr)


def _protect(addr: int, size: int, protection: int) -> None:
    if size and _libc.mprotect(addr, size, protection):
        raise OSError(ctypes.get_errno(), "cannot protect the pages of an image")
