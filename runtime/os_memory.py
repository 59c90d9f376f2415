"""OS memory: address space from the system, and the count of what was taken.

    None --sys_reserve--> Reserved --sys_map--> Prepared --sys_used--> Ready
      ^                      |  ^                   ^                    |
      +----sys_unreserve-----+  |                   +----sys_unused------+
      |                         +--------------------------sys_fault-----+
      +--------------------------------------------------- sys_free -----+      sys_alloc: None to Ready at once

    Reserved  the addresses are ours, an access faults; costs nothing
    Prepared  may be used after sys_used; the contents are lost, the kernel has the pages
    Ready     read and write

Linux commits a page at its first touch, so Prepared and Ready differ by what may be expected of them, and sys_used
calls nobody. Every other step asks the kernel, which may refuse: out of memory, too many mappings, a limit.
Then the function says so (0 or False) with nothing changed and nothing counted, and the caller decides.

What is Prepared or Ready is counted for one purpose, a SysStat; runtime.MemStats adds them up.

    O1  stats.prepared + stats.ready is the sum over all purposes
    O2  a count never falls below zero

Owner: counts are atomic, memory belongs to whoever asked. Go: runtime/mem.go, mem_linux.go, mstats.go.
Next: fixalloc.py
"""

from __future__ import annotations

from runtime.layout import align_up
from runtime.syspy import (
    Inline,
    Struct,
    atomic_add,
    atomic_load,
    c_function,
    i32,
    i64,
    struct,
    throw,
    u64,
    uintptr,
)

PROT_NONE = 0
PROT_READ_WRITE = 3
MAP_PRIVATE_ANONYMOUS = 0x22
MAP_FIXED = 0x10
MAP_NORESERVE = 0x4000
MAP_FAILED = 0xFFFF_FFFF_FFFF_FFFF
MADV_DONTNEED = 4
MADV_FREE = 8


@struct
class SysStat(Struct):
    """What was taken from the system for one purpose."""

    bytes: u64  # Prepared or Ready now


@struct
class MemoryStats(Struct):
    """What a runtime holds of the system, by state and by purpose."""

    reserved: u64  # bytes Reserved
    prepared: u64  # bytes Prepared
    ready: u64  # bytes Ready
    requests: u64  # requests made to the kernel so far
    refuse_at: u64  # the request with this number is refused without asking; 0: none. Tests set it
    frees_lazily: bool  # madvdontneed=0: the kernel takes unused pages when it needs some, and they keep their contents

    heap_in_use: Inline[SysStat]  # pages of the heap in spans
    heap_free: Inline[SysStat]  # free pages of the heap that the kernel backs
    heap_released: Inline[SysStat]  # pages of the heap that the kernel does not back: never touched, or given back
    stacks: Inline[SysStat]  # program stacks and shadow stacks
    m_span: Inline[SysStat]  # MSpan structs
    m_cache: Inline[SysStat]  # MCache structs
    buck_hash: Inline[SysStat]  # the memory profile's table
    gc: Inline[SysStat]  # the collector's and the page allocator's metadata
    other: Inline[SysStat]  # everything else


@c_function
def mmap(addr: uintptr, length: u64, prot: i32, flags: i32, fd: i32, offset: i64) -> uintptr:  # type: ignore[empty-body]
    """Map pages; MAP_FAILED when refused."""


@c_function
def munmap(addr: uintptr, length: u64) -> i32:  # type: ignore[empty-body]
    """Unmap pages; not 0 when refused."""


@c_function
def madvise(addr: uintptr, length: u64, advice: i32) -> i32:  # type: ignore[empty-body]
    """Say how pages will be used; not 0 when refused."""


def is_refused(stats: MemoryStats) -> bool:
    """Count a request that is about to be made; whether a test wants it refused."""
    return atomic_add(stats, "requests", 1) == stats.refuse_at


def map_fixed(stats: MemoryStats, addr: uintptr, size: u64, prot: i32) -> bool:
    """Map fresh pages over [addr, addr + size), which is ours already."""
    if is_refused(stats):
        return False
    flags: i32 = MAP_PRIVATE_ANONYMOUS | MAP_FIXED
    if prot == PROT_NONE:
        flags = flags | MAP_NORESERVE
    # Without that flag the kernel refuses at once what it could never back.
    return mmap(addr, size, prot, flags, -1, 0) == addr


def map_anywhere(stats: MemoryStats, hint: uintptr, size: u64, prot: i32) -> uintptr:
    """Map fresh pages, at hint if that is free. 0 if refused."""
    if is_refused(stats):
        return 0
    flags: i32 = MAP_PRIVATE_ANONYMOUS | MAP_NORESERVE
    addr = mmap(hint, size, prot, flags, -1, 0)
    return 0 if addr == MAP_FAILED else addr


def unmap(stats: MemoryStats, addr: uintptr, size: u64) -> bool:
    """Give [addr, addr + size) back."""
    if is_refused(stats):
        return False
    return munmap(addr, size) == 0


def stat_add(stat: SysStat, n: u64) -> None:
    """Count n bytes more for a purpose."""
    atomic_add(stat, "bytes", n)


def stat_sub(stat: SysStat, n: u64) -> None:
    """Count n bytes less for a purpose."""
    if atomic_load(stat, "bytes") < n:
        throw("O2: a purpose gives back more bytes than it took", n)
    atomic_add(stat, "bytes", u64(0 - n))


def stat_move(source: SysStat, target: SysStat, n: u64) -> None:
    """Count n bytes for target that were counted for source."""
    stat_sub(source, n)
    stat_add(target, n)


def check_memory_stats(stats: MemoryStats) -> None:
    """O1, while nobody asks the system for memory."""
    heap = stats.heap_in_use.bytes + stats.heap_free.bytes + stats.heap_released.bytes
    structs = stats.m_span.bytes + stats.m_cache.bytes + stats.buck_hash.bytes + stats.gc.bytes
    total = heap + structs + stats.stacks.bytes + stats.other.bytes
    if total != stats.prepared + stats.ready:
        throw("O1: the purposes do not add up to what is held", total, stats.prepared, stats.ready)


def sys_reserve(stats: MemoryStats, hint: uintptr, size: u64) -> uintptr:
    """None to Reserved: size bytes at hint if that is free, else anywhere, on the kernel's pages. 0 if refused."""
    addr = map_anywhere(stats, hint, size, PROT_NONE)
    if addr != 0:
        atomic_add(stats, "reserved", size)
    return addr


def sys_reserve_aligned(stats: MemoryStats, hint: uintptr, size: u64, align: u64) -> uintptr:
    """None to Reserved: exactly size bytes at a multiple of align, a power of two. 0 if refused."""
    start = sys_reserve(stats, hint, size + align)
    if start == 0:
        return 0
    addr = align_up(start, align)
    if addr != start and not sys_unreserve(stats, start, addr - start):
        sys_unreserve(stats, start, size + align)
        return 0
    if not sys_unreserve(stats, addr + size, start + align - addr):
        sys_unreserve(stats, addr, start + align + size - addr)
        return 0
    return addr


def sys_unreserve(stats: MemoryStats, addr: uintptr, size: u64) -> bool:
    """Reserved to None."""
    if size != 0:
        if not unmap(stats, addr, size):
            return False
        atomic_add(stats, "reserved", u64(0 - size))
    return True


def sys_map(stats: MemoryStats, addr: uintptr, size: u64, stat: SysStat) -> bool:
    """Reserved to Prepared, counted for stat."""
    if not map_fixed(stats, addr, size, PROT_READ_WRITE):
        return False
    atomic_add(stats, "reserved", u64(0 - size))
    atomic_add(stats, "prepared", size)
    stat_add(stat, size)
    return True


def sys_used(stats: MemoryStats, prepared: u64) -> None:
    """Prepared to Ready, for a region of which `prepared` bytes are not Ready yet. Linux need not be asked."""
    atomic_add(stats, "prepared", u64(0 - prepared))
    atomic_add(stats, "ready", prepared)


def sys_unused(stats: MemoryStats, addr: uintptr, size: u64) -> bool:
    """Ready to Prepared: the kernel may have the pages, which read as zero from now on unless it frees lazily."""
    if is_refused(stats):
        return False
    is_taken = stats.frees_lazily and madvise(addr, size, MADV_FREE) == 0
    if not is_taken and madvise(addr, size, MADV_DONTNEED) != 0:
        return False
    atomic_add(stats, "ready", u64(0 - size))
    atomic_add(stats, "prepared", size)
    return True


def sys_fault(stats: MemoryStats, addr: uintptr, size: u64, stat: SysStat) -> bool:
    """Ready to Reserved: every access faults from now on."""
    if not map_fixed(stats, addr, size, PROT_NONE):
        return False
    atomic_add(stats, "ready", u64(0 - size))
    atomic_add(stats, "reserved", size)
    stat_sub(stat, size)
    return True


def sys_alloc(stats: MemoryStats, size: u64, stat: SysStat) -> uintptr:
    """None to Ready: size zero bytes, aligned to the kernel's pages, counted for stat. 0 if refused."""
    addr = map_anywhere(stats, 0, size, PROT_READ_WRITE)
    if addr != 0:
        atomic_add(stats, "ready", size)
        stat_add(stat, size)
    return addr


def sys_free(stats: MemoryStats, addr: uintptr, size: u64, stat: SysStat) -> bool:
    """Ready to None."""
    if not unmap(stats, addr, size):
        return False
    atomic_add(stats, "ready", u64(0 - size))
    stat_sub(stat, size)
    return True
