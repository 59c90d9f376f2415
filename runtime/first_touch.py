"""First touch: what pages of 2 MiB cost when they are touched first, beside their 512 small ones.

    the heap grows by 4 MiB     |  huge, one byte is touched  |  small, 16 pages are touched  |
                                  huge_ns                       small_ns: 32 times as long

Huge pages save misses of the TLB as long as the heap lives. But the kernel has to find and clear them, and how dear
that is differs by more than an order of magnitude: between machines, and on one machine from one page to the next. A
virtual one whose host has taken free memory back was seen to need 0.2 ms for a huge page that the host still has, 8 ms
for one that it has not, and 1.3 ms for small pages, of which it keeps some in stock. So it is measured wherever the
heap grows, on pages that it is about to use: no memory is touched for it that would not be soon.

    FT1  huge pages are asked for while they cost at most half as much again as small ones: the last one counts for a
         half, the one before for a quarter, and so on
    FT2  while they cost more, growths go by without them before one is measured again, twice as many each time

Lock: mheap.lock. Go does not ask for huge pages.                                              Next: output.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, TimeSpec, time_ns
from runtime.layout import HUGE_PAGE_SIZE, PHYS_PAGE_SIZE, smaller
from runtime.os_memory import MemoryStats, sys_huge_page
from runtime.syspy import Inline, Struct, store, struct, u8, u64, uintptr

FIRST_REST = 8  # growths that are not measured when huge pages were found to be dear
SMALL_PAGES = 16  # that are touched for one measurement
SAMPLED = HUGE_PAGE_SIZE // (SMALL_PAGES * PHYS_PAGE_SIZE)  # so many times that is a huge page


@struct
class FirstTouch(Struct):
    """What is known of the cost of pages."""

    huge_ns: u64  # for 2 MiB in one, as FT1 counts
    small_ns: u64  # least time for 2 MiB in small pages; 0: not measured yet
    rest: u64  # growths to come that are not measured
    next_rest: u64  # how many that will be the next time
    time: Inline[TimeSpec]  # where the clock is read to


def ask_for_huge_pages(touch: FirstTouch, memory: MemoryStats, addr: uintptr, size: u64) -> None:
    """[addr, addr + size) is mapped and was never touched: ask for huge pages there, if they are worth it."""
    if size >= 2 * HUGE_PAGE_SIZE and addr % HUGE_PAGE_SIZE == 0:
        if touch.rest == 0:
            measure(touch, memory, addr)
        else:
            touch.rest = touch.rest - 1
    if is_worth_it(touch):
        sys_huge_page(memory, addr, size)


def is_worth_it(touch: FirstTouch) -> bool:
    """Whether huge pages are cheap enough, as far as it is known."""
    return touch.huge_ns <= touch.small_ns + touch.small_ns // 2  # FT1


def measure(touch: FirstTouch, memory: MemoryStats, addr: uintptr) -> None:
    """Touch the first 2 MiB as a huge page; and of the next some small ones, unless they shall be huge."""
    if not sys_huge_page(memory, addr, HUGE_PAGE_SIZE):
        return
    is_first = touch.small_ns == 0
    start = time_ns(touch.time, CLOCK_MONOTONIC)
    store(u8, addr, 0)
    middle = time_ns(touch.time, CLOCK_MONOTONIC)
    touch.huge_ns = middle - start if is_first else (touch.huge_ns + middle - start) // 2
    if is_worth_it(touch):
        return
    for page in range(u64(SMALL_PAGES)):
        store(u8, addr + HUGE_PAGE_SIZE + page * PHYS_PAGE_SIZE, 0)
    small_ns = (time_ns(touch.time, CLOCK_MONOTONIC) - middle) * SAMPLED
    touch.small_ns = small_ns if is_first else smaller(touch.small_ns, small_ns)
    if not is_worth_it(touch):
        touch.rest = FIRST_REST if touch.next_rest == 0 else touch.next_rest  # FT2
        touch.next_rest = touch.rest * 2
