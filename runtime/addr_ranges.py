"""Address ranges: the address space in use, as a sorted array of ranges that neither touch nor overlap.

    [base, limit)   [base, limit)         [base, limit)     free entries ...
    0               1                     2          count              capacity

A heap is most often one range, for neighbours merge when one is added.

    RG1  base < limit in every range
    RG2  ranges[i].limit < ranges[i + 1].base: sorted, apart, merged
    RG3  total_bytes is the sum of all sizes
    RG4  count <= capacity

Owner: whoever holds heap.lock. Go: runtime/mranges.go.                                       Next: page_summaries.py
"""

from __future__ import annotations

from runtime.fixalloc import Persistent, persistent_alloc
from runtime.layout import PTR_SIZE
from runtime.os_memory import SysStat
from runtime.syspy import Array, Inline, Struct, address, array_at, memmove, sizeof, struct, throw, u64, uintptr

INITIAL_CAPACITY = 16  # ranges
SCAN_LENGTH = 8  # so few candidates are looked at one by one, more are halved


@struct
class AddrRange(Struct):
    """The addresses base <= a < limit."""

    base: uintptr  # the first address in the range
    limit: uintptr  # the first one after it


@struct
class AddrRanges(Struct):
    """A set of addresses."""

    ranges: Array[Inline[AddrRange]]  # sorted
    count: u64  # ranges in use
    capacity: u64  # ranges there is room for
    total_bytes: u64  # addresses in the set
    persistent: Persistent  # where the array comes from
    stat: SysStat  # counts the array


def addr_ranges_init(a: AddrRanges, persistent: Persistent, stat: SysStat) -> bool:
    """Make an empty set. False if the system refuses memory."""
    a.persistent = persistent
    a.stat = stat
    a.count = 0
    a.capacity = 0
    a.total_bytes = 0
    return reserve_ranges(a, INITIAL_CAPACITY)


def reserve_ranges(a: AddrRanges, capacity: u64) -> bool:
    """Move the ranges to an array of that capacity. False if the system refuses memory; then nothing has changed."""
    array = persistent_alloc(a.persistent, capacity * sizeof(AddrRange), PTR_SIZE, a.stat)
    if array == 0:
        return False
    if a.count != 0:
        memmove(array, address(a.ranges), a.count * sizeof(AddrRange))
    a.ranges = array_at(Inline[AddrRange], array)
    a.capacity = capacity
    return True


def find_succ(a: AddrRanges, addr: uintptr) -> u64:
    """The number of the first range that starts above addr; count if there is none."""
    bottom: u64 = 0
    top = a.count
    while top - bottom > SCAN_LENGTH:
        middle = (bottom + top) // 2
        if addr < a.ranges[middle].base:
            top = middle
        else:
            bottom = middle + 1
    while bottom < top and addr >= a.ranges[bottom].base:
        bottom += 1
    return bottom


def contains(a: AddrRanges, addr: uintptr) -> bool:
    """Whether addr is in the set."""
    i = find_succ(a, addr)
    return i != 0 and addr < a.ranges[i - 1].limit


def find_addr_greater_equal(a: AddrRanges, addr: uintptr, otherwise: uintptr) -> uintptr:
    """The least address of the set that is not below addr, or `otherwise`."""
    i = find_succ(a, addr)
    if i != 0 and addr < a.ranges[i - 1].limit:
        return addr
    return a.ranges[i].base if i < a.count else otherwise


def add_range(a: AddrRanges, base: uintptr, limit: uintptr) -> bool:
    """Add [base, limit), none of which is in the set. False if there is no memory for it; then nothing has changed."""
    if base >= limit:
        throw("RG1: an empty range added", base, limit)
    i = find_succ(a, base)
    joins_below = i != 0 and a.ranges[i - 1].limit == base
    joins_above = i < a.count and a.ranges[i].base == limit
    if joins_below and joins_above:
        a.ranges[i - 1].limit = a.ranges[i].limit
        close_gap(a, i)
    elif joins_below:
        a.ranges[i - 1].limit = limit
    elif joins_above:
        a.ranges[i].base = base
    else:
        if a.count == a.capacity and not reserve_ranges(a, 2 * a.capacity):
            return False
        open_gap(a, i)
        a.ranges[i].base = base
        a.ranges[i].limit = limit
    a.total_bytes += limit - base
    return True


def open_gap(a: AddrRanges, i: u64) -> None:
    """Make room for a range at i. Caller has made sure of the capacity (RG4)."""
    memmove(address(a.ranges[i + 1]), address(a.ranges[i]), (a.count - i) * sizeof(AddrRange))
    a.count += 1


def close_gap(a: AddrRanges, i: u64) -> None:
    """Drop range i."""
    memmove(address(a.ranges[i]), address(a.ranges[i + 1]), (a.count - i - 1) * sizeof(AddrRange))
    a.count -= 1


def check_addr_ranges(a: AddrRanges) -> None:
    """RG1 to RG4, by a walk over all ranges."""
    total: u64 = 0
    for i in range(a.count):
        r = a.ranges[i]
        if r.base >= r.limit:
            throw("RG1: a range is empty", r.base, r.limit)
        if i != 0 and a.ranges[i - 1].limit >= r.base:
            throw("RG2: two ranges touch, overlap or are out of order", a.ranges[i - 1].limit, r.base)
        total += r.limit - r.base
    if total != a.total_bytes:
        throw("RG3: the sizes do not add up", total, a.total_bytes)
    if a.count > a.capacity:
        throw("RG4: more ranges than there is room for", a.count, a.capacity)
