"""Fixalloc and the persistent allocator: where the runtime's own structs live.

    persistent_alloc    |hdr| block | block |  ...  free ------>|   256 KiB at a time; blocks are never given back
    fixalloc            |cell|cell|cell|....................|       16 KiB of one size of cell, taken from the former
                          ^ freed cells: a list through their first words, last freed first handed out

Every piece that the persistent allocator got from the system starts with an Extent, or has one in another piece when
it was asked for alone (64 KiB and more). The list of extents serves one purpose: closing a runtime.

    X1  offset <= PERSISTENT_CHUNK, and the bytes above it are zero
    X2  a fixalloc's size divides what it asks for: no tail is lost
    X3  in_use is size times the cells that are out

Go's fixalloc calls a function for a cell that is handed out for the first time. Here there are no function values: such
a cell is all zero, so an owner that cares keeps a field which is not, and leaves zero off.

Owner: fixalloc's caller holds the lock that covers it (heap.lock); the persistent allocator has its own, a leaf.
Go: runtime/mfixalloc.go, malloc.go persistentalloc.                                             Next: xorshift.py
"""

from __future__ import annotations

from runtime.layout import (
    CACHE_LINE,
    FIXALLOC_CHUNK,
    PERSISTENT_CHUNK,
    PERSISTENT_MAX_BLOCK,
    PHYS_PAGE_SIZE,
    PTR_SIZE,
    align_up,
)
from runtime.lock import Mutex, lock, unlock
from runtime.os_memory import IMMORTAL_METADATA, MemoryStats, SysStat, stat_move, sys_alloc, sys_name, unmap
from runtime.syspy import Inline, Struct, is_nil, load, memset, sizeof, store, struct, throw, u64, uintptr


@struct
class Extent(Struct):
    """One piece of memory that the persistent allocator got from the system."""

    next: Extent  # the piece before it
    start_addr: uintptr  # its first byte
    size: u64  # bytes


@struct
class Persistent(Struct):
    """A persistent allocator."""

    lock: Inline[Mutex]  # covers the fields below
    stats: MemoryStats  # counts what is taken from the system
    extents: Extent  # every piece, last one first
    chunk: uintptr  # the piece that blocks are cut from; 0 before the first
    offset: u64  # bytes of it that are taken


@struct
class FixAlloc(Struct):
    """An allocator of cells of one size."""

    persistent: Persistent  # where chunks come from
    stat: SysStat  # counts the chunks
    size: u64  # bytes per cell
    free_list: uintptr  # the free cells: each one's first word leads to the next
    chunk: uintptr  # the cells from here on were never handed out
    chunk_left: u64  # bytes of them
    chunk_size: u64  # bytes to ask for at a time
    in_use: u64  # bytes of cells that are out
    zero: bool  # whether a reused cell is cleared


def persistent_init(p: Persistent, stats: MemoryStats) -> None:
    """Prepare an all-zero Persistent; nothing is asked for yet."""
    p.stats = stats


def persistent_alloc(p: Persistent, size: u64, align: u64, stat: SysStat) -> uintptr:
    """size zero bytes, for good, counted for stat; align is a power of two up to PHYS_PAGE_SIZE. 0 if refused."""
    if size == 0 or align > PHYS_PAGE_SIZE:
        throw("persistent_alloc: bad size or alignment", size, align)
    lock(p.lock)
    addr = persistent_alloc_large(p, size) if size >= PERSISTENT_MAX_BLOCK else persistent_alloc_block(p, size, align)
    unlock(p.lock)
    if addr != 0:
        stat_move(p.stats.other, stat, size)
    return addr


def persistent_alloc_block(p: Persistent, size: u64, align: u64) -> uintptr:
    """A block cut from the current chunk, or from a new one. Caller holds p.lock."""
    offset = align_up(p.offset, align)
    if p.chunk == 0 or offset + size > PERSISTENT_CHUNK:
        chunk = sys_alloc(p.stats, PERSISTENT_CHUNK, p.stats.other)
        if chunk == 0:
            return 0
        sys_name(p.stats, chunk, PERSISTENT_CHUNK, IMMORTAL_METADATA)
        add_extent(p, chunk, chunk, PERSISTENT_CHUNK)
        p.chunk = chunk
        offset = align_up(sizeof(Extent), align)
    p.offset = offset + size
    assert p.offset <= PERSISTENT_CHUNK, "X1: a block leaves its chunk"
    return p.chunk + offset


def persistent_alloc_large(p: Persistent, size: u64) -> uintptr:
    """A piece of its own. Caller holds p.lock."""
    node = persistent_alloc_block(p, sizeof(Extent), PTR_SIZE)
    if node == 0:
        return 0
    addr = sys_alloc(p.stats, size, p.stats.other)
    if addr == 0:
        p.offset -= sizeof(Extent)
        return 0
    add_extent(p, node, addr, size)
    return addr


def add_extent(p: Persistent, node: uintptr, start_addr: uintptr, size: u64) -> None:
    """Write down a piece, at node."""
    extent = Extent.at(node)
    extent.next = p.extents
    extent.start_addr = start_addr
    extent.size = size
    p.extents = extent


def persistent_close(p: Persistent) -> None:
    """Give every piece back to the system: the runtime ends, its structs and its counts with it."""
    extent = p.extents
    while not is_nil(extent):
        # A large piece has its extent in an older one, which is further down the list and still there.
        next_extent = extent.next
        unmap(p.stats, extent.start_addr, extent.size)
        extent = next_extent


def fixalloc_init(f: FixAlloc, size: u64, zero: bool, persistent: Persistent, stat: SysStat) -> None:
    """Prepare to hand out cells of size bytes; zero: whether a cell that is reused is cleared first."""
    if size > FIXALLOC_CHUNK:
        throw("fixalloc: size too large", size)
    f.persistent = persistent
    f.stat = stat
    f.size = align_up(size, PTR_SIZE)
    f.free_list = 0
    f.chunk = 0
    f.chunk_left = 0
    f.chunk_size = FIXALLOC_CHUNK // f.size * f.size
    assert f.chunk_size % f.size == 0, "X2: a chunk ends with a part of a cell"
    f.in_use = 0
    f.zero = zero


def fixalloc_alloc(f: FixAlloc) -> uintptr:
    """A cell: the last one freed, else a fresh one, which is all zero. 0 if the system refuses memory."""
    cell = f.free_list
    if cell != 0:
        f.free_list = load(uintptr, cell)
        if f.zero:
            memset(cell, 0, f.size)
    else:
        if f.chunk_left == 0 and not fixalloc_refill(f):
            return 0
        cell = f.chunk
        f.chunk += f.size
        f.chunk_left -= f.size
    f.in_use += f.size
    return cell


def fixalloc_refill(f: FixAlloc) -> bool:
    """Get a chunk of fresh cells, at the start of a cache line."""
    chunk = persistent_alloc(f.persistent, f.chunk_size, CACHE_LINE, f.stat)
    if chunk == 0:
        return False
    f.chunk = chunk
    f.chunk_left = f.chunk_size
    return True


def fixalloc_free(f: FixAlloc, cell: uintptr) -> None:
    """Take a cell back. Its first word is overwritten."""
    assert f.in_use >= f.size, "X3: a cell is freed and none is out"
    f.in_use -= f.size
    store(uintptr, cell, f.free_list)
    f.free_list = cell
