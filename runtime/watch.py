"""Watch: objects known by the number of their allocation, and what becomes of them.

    allocation   1  2  3  4  5 ...                 counted where stress counts: stress.py
    numbers      |  3 | 70 | 12345 |               ascending; the host's
                    ^next
    records      | number | address | bytes | site | collections |   for each number, when its object is made

A number means the same object in each run of a program with one thread, on both engines. So who has seen one object
too many, or one too few, runs the program again, and asks for the story of that one. The host is told when an object
of the list is made; of each collection's end it knows by its phases, and finds out then (watcher.py).

    WA1  next is the place of the first number that is still to come

Owner: the host before the program runs, then whoever allocates. Go has no like.              Next: heap.py
"""

from __future__ import annotations

from runtime.syspy import Array, Struct, call_address, cold, struct, u64, uintptr

RECORD_WORDS = 5  # of an object: number, address, bytes, site, collections so far


@struct
class Watch(Struct):
    """The objects to watch."""

    numbers: Array[u64]  # of their allocations, ascending
    count: u64  # of numbers
    next: u64  # place of the first that is still to come
    records: Array[u64]  # RECORD_WORDS for each number
    hook: uintptr  # C function that is told the place of an object that was made


@cold
def note_allocation(watch: Watch, number: u64, addr: uintptr, size: u64, site: u64, collections: u64) -> None:
    """The object of a number was made: write it down, and tell the host, if it is watched."""
    while watch.next < watch.count and watch.numbers[watch.next] <= number:
        at = watch.next
        watch.next = at + 1
        if watch.numbers[at] == number:  # WA1: one that was passed over is of another thread
            base = at * RECORD_WORDS
            watch.records[base] = number
            watch.records[base + 1] = addr
            watch.records[base + 2] = size
            watch.records[base + 3] = site
            watch.records[base + 4] = collections
            call_address(watch.hook, at)
