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

A kernel that is at its limit of mappings may even refuse to take memory back. What nobody will ask for again is
then written down, still counted, and given back when the runtime is closed.

What is Prepared or Ready is counted for one purpose, a SysStat; runtime.MemStats adds them up.

    O1  stats.prepared + stats.ready is the sum over all purposes
    O2  a count never falls below zero
    O3  kept_count <= KEPT

Owner: counts are atomic, memory belongs to whoever asked. Go: runtime/mem.go, mem_linux.go, mstats.go.
Next: fixalloc.py
"""

from __future__ import annotations

from runtime.layout import align_up
from runtime.syspy import (
    Annotated,
    Array,
    Inline,
    Struct,
    atomic_add,
    atomic_load,
    c_function,
    i32,
    i64,
    struct,
    text,
    throw,
    u8,
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
MADV_HUGEPAGE = 14
PR_SET_VMA = 0x53564D41
PR_SET_VMA_ANON_NAME = 0

# What mappings are for, as /proc/self/maps shows it: [anon: Toy: heap].
HEAP_RESERVATION = text(b"Toy: heap reservation\0")
HEAP_PAGES = text(b"Toy: heap\0")
HEAP_INDEX = text(b"Toy: heap index\0")
HEAP_METADATA = text(b"Toy: heap metadata\0")
PAGE_SUMMARY = text(b"Toy: page summary\0")
PAGE_ALLOC = text(b"Toy: page alloc\0")
IMMORTAL_METADATA = text(b"Toy: immortal metadata\0")
MARK_QUEUE = text(b"Toy: mark queue\0")
SHADOW_STACK = text(b"Toy: shadow stack\0")

KEPT = 64  # ranges that can be written down for the end; a further one is left to the end of the process


@struct
class SysStat(Struct):
    """What was taken from the system for one purpose."""

    bytes: u64  # Prepared or Ready now


@struct
class KeptRange(Struct):
    """Memory that was given up and that the kernel did not take."""

    start_addr: uintptr  # its first byte
    size: u64  # bytes


@struct
class MemoryStats(Struct):
    """What a runtime holds of the system, by state and by purpose."""

    reserved: u64  # bytes Reserved
    prepared: u64  # bytes Prepared
    ready: u64  # bytes Ready
    lost: u64  # of them, those that the kernel refused to take back; nobody uses them
    requests: u64  # requests made to the kernel so far
    nameless: bool  # the kernel keeps no names for mappings
    frees_lazily: bool  # GODEBUG=madvdontneed=0: what is given back may keep its contents for a while
    refuse_at: u64  # the request with this number is refused without asking; 0: none. Tests set it
    refuse_more: u64  # so many requests after that one are refused, too

    heap_in_use: Inline[SysStat]  # pages of the heap in spans
    heap_free: Inline[SysStat]  # free pages of the heap that the kernel backs
    heap_released: Inline[SysStat]  # pages of the heap that the kernel does not back: never touched, or given back
    stacks: Inline[SysStat]  # program stacks and shadow stacks
    m_span: Inline[SysStat]  # MSpan structs
    m_cache: Inline[SysStat]  # MCache structs
    buck_hash: Inline[SysStat]  # the memory profile's table
    gc: Inline[SysStat]  # the collector's and the page allocator's metadata
    other: Inline[SysStat]  # everything else

    kept_count: u64  # ranges written down for the end
    kept: Annotated[Array[Inline[KeptRange]], KEPT]  # those


@c_function
def mmap(addr: uintptr, length: u64, prot: i32, flags: i32, fd: i32, offset: i64) -> uintptr:  # type: ignore[empty-body]
    """Map pages; MAP_FAILED when refused."""


@c_function
def mprotect(addr: uintptr, length: u64, prot: i32) -> i32:  # type: ignore[empty-body]
    """Say what may be done with pages; not 0 when refused."""


@c_function
def munmap(addr: uintptr, length: u64) -> i32:  # type: ignore[empty-body]
    """Unmap pages; not 0 when refused."""


@c_function
def madvise(addr: uintptr, length: u64, advice: i32) -> i32:  # type: ignore[empty-body]
    """Say how pages will be used; not 0 when refused."""


@c_function
def prctl(option: i32, what: u64, addr: uintptr, size: u64, name: Array[u8]) -> i32:  # type: ignore[empty-body]
    """Change something of this process; not 0 when refused."""


def is_refused(stats: MemoryStats) -> bool:
    """Count a request that is about to be made; whether a test wants it refused."""
    number = atomic_add(stats, "requests", 1)
    return stats.refuse_at != 0 and u64(number - stats.refuse_at) <= stats.refuse_more


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
        sys_give_up(stats, start, size + align)
        return 0
    if not sys_unreserve(stats, addr + size, start + align - addr):
        sys_give_up(stats, addr, start + align + size - addr)
        return 0
    return addr


def sys_unreserve(stats: MemoryStats, addr: uintptr, size: u64) -> bool:
    """Reserved to None."""
    if size != 0:
        if not unmap(stats, addr, size):
            return False
        atomic_add(stats, "reserved", u64(0 - size))
    return True


def sys_give_up(stats: MemoryStats, addr: uintptr, size: u64) -> None:
    """Reserved to None, now or when the runtime is closed."""
    if not sys_unreserve(stats, addr, size):
        keep(stats, addr, size)


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
    """Ready to Prepared: the kernel may have the pages. They read as zero from now on, unless frees_lazily."""
    if is_refused(stats) or not give_back(addr, size, stats.frees_lazily):
        return False
    atomic_add(stats, "ready", u64(0 - size))
    atomic_add(stats, "prepared", size)
    return True


def sys_huge_page(stats: MemoryStats, addr: uintptr, size: u64) -> bool:
    """Ask for pages of 2 MiB where [addr, addr + size) is touched first. Where the kernel has none, nothing is lost."""
    return not is_refused(stats) and madvise(addr, size, MADV_HUGEPAGE) == 0


def sys_protect(stats: MemoryStats, addr: uintptr, size: u64, protection: i32) -> bool:
    """Say what may be done with [addr, addr + size), which keeps what it holds. False if the kernel refuses."""
    return not is_refused(stats) and mprotect(addr, size, protection) == 0


def give_back(addr: uintptr, size: u64, lazily: bool) -> bool:
    """Let the kernel have pages, as soon as it needs them or at once; an old kernel knows one way only."""
    if lazily and madvise(addr, size, MADV_FREE) == 0:
        return True
    return madvise(addr, size, MADV_DONTNEED) == 0


def sys_drop(stats: MemoryStats, addr: uintptr, size: u64) -> None:
    """Let the kernel have what it backs of Prepared memory: of a page of 2 MiB that is all, once a part is touched."""
    if not is_refused(stats):
        madvise(addr, size, MADV_DONTNEED)


def sys_name(stats: MemoryStats, addr: uintptr, size: u64, name: Array[u8]) -> None:
    """Say what a mapping is for, if the kernel is built to keep that: CONFIG_ANON_VMA_NAME."""
    if not stats.nameless and prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, addr, size, name) != 0:
        stats.nameless = True


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
    """Ready to None. Refused, the memory is lost: it stays counted, and nobody asks again."""
    if not unmap(stats, addr, size):
        atomic_add(stats, "lost", size)
        return False
    atomic_add(stats, "ready", u64(0 - size))
    stat_sub(stat, size)
    return True


def sys_discard(stats: MemoryStats, addr: uintptr, size: u64, stat: SysStat) -> None:
    """Ready to None, now or when the runtime is closed; until then it is counted."""
    if not sys_free(stats, addr, size, stat):
        keep(stats, addr, size)


def keep(stats: MemoryStats, addr: uintptr, size: u64) -> None:
    """Write memory down that is to be given back at the end."""
    number = atomic_add(stats, "kept_count", 1)
    if number > KEPT:
        atomic_add(stats, "kept_count", u64(0 - 1))
        return
    stats.kept[number - 1].start_addr = addr
    stats.kept[number - 1].size = size


def unmap_kept(stats: MemoryStats) -> None:
    """Give back what was written down: the runtime ends, its counts with it."""
    assert stats.kept_count <= KEPT, "O3: more was written down than there is room for"
    for i in range(stats.kept_count):
        unmap(stats, stats.kept[i].start_addr, stats.kept[i].size)
    stats.kept_count = 0
