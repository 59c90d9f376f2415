"""First touch: what pages of 2 MiB cost when they are touched first, beside their 512 small ones.

    the heap grows by 4 MiB     |  huge, one byte is touched  |  small, 16 pages are touched  |
                                  huge_ns                       small_ns: 32 times as long

Huge pages save misses of the TLB as long as the heap lives. But the kernel has to find and clear them, and how dear
that is differs between machines by an order of magnitude: on one the first touch of 4 KiB costs 2.2 us alone and 0.4 us
as part of 2 MiB, on a virtual one whose host takes memory back it is the other way round. So it is measured where the
heap grows, on pages that it is about to use: no memory is touched for it that would not be soon. The least of several
times counts, since a measurement may be interrupted.

    FT1  huge pages are asked for while they cost at most half as much again as small ones

Lock: mheap.lock. Go does not ask for huge pages.                                              Next: output.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, TimeSpec, time_ns
from runtime.layout import HUGE_PAGE_SIZE, PHYS_PAGE_SIZE, smaller
from runtime.os_memory import MemoryStats, sys_huge_page
from runtime.syspy import Inline, Struct, store, struct, u8, u32, u64, uintptr

MEASUREMENTS = 4  # and then it is known
SMALL_PAGES = 16  # that are touched for one
SAMPLED = HUGE_PAGE_SIZE // (SMALL_PAGES * PHYS_PAGE_SIZE)  # so many times that is a huge page


@struct
class FirstTouch(Struct):
    """What is known of the cost of pages."""

    measurements: u32  # made so far
    huge_ns: u64  # least time for 2 MiB in one
    small_ns: u64  # least time for 2 MiB in small pages
    time: Inline[TimeSpec]  # where the clock is read to


def ask_for_huge_pages(touch: FirstTouch, memory: MemoryStats, addr: uintptr, size: u64) -> None:
    """[addr, addr + size) is mapped and was never touched: ask for huge pages there, if they are worth it."""
    if touch.measurements < MEASUREMENTS and size >= 2 * HUGE_PAGE_SIZE and addr % HUGE_PAGE_SIZE == 0:
        measure(touch, memory, addr)
    if is_worth_it(touch):
        sys_huge_page(memory, addr, size)


def is_worth_it(touch: FirstTouch) -> bool:
    """Whether huge pages are cheap enough, as far as it is known."""
    return touch.huge_ns <= touch.small_ns + touch.small_ns // 2  # FT1


def measure(touch: FirstTouch, memory: MemoryStats, addr: uintptr) -> None:
    """Touch the first 2 MiB as a huge page, and of the next some small ones."""
    if not sys_huge_page(memory, addr, HUGE_PAGE_SIZE):
        return
    start = time_ns(touch.time, CLOCK_MONOTONIC)
    store(u8, addr, 0)
    middle = time_ns(touch.time, CLOCK_MONOTONIC)
    for page in range(u64(SMALL_PAGES)):
        store(u8, addr + HUGE_PAGE_SIZE + page * PHYS_PAGE_SIZE, 0)
    end = time_ns(touch.time, CLOCK_MONOTONIC)
    huge_ns, small_ns = middle - start, (end - middle) * SAMPLED
    touch.huge_ns = huge_ns if touch.measurements == 0 else smaller(touch.huge_ns, huge_ns)
    touch.small_ns = small_ns if touch.measurements == 0 else smaller(touch.small_ns, small_ns)
    touch.measurements = touch.measurements + 1
