"""Allocations of a known mix in a systems function: many, on the native engine, for tests of the profile."""

from __future__ import annotations

from runtime.malloc import malloc_noscan, malloc_scan, malloc_tiny, mallocgc
from runtime.proc import G
from runtime.syspy import nil, u64, uintptr
from runtime.types import Type

TINY_SITE, SMALL_SITE, PAIR_SITE, MIDDLE_SITE, LARGE_SITE = 1, 2, 3, 4, 5
SITE_SIZES = {TINY_SITE: 16, SMALL_SITE: 48, PAIR_SITE: 16, MIDDLE_SITE: 1152, LARGE_SITE: 40_960}
LARGE_EVERY = 64  # rounds


def allocate_mix(g: G, rounds: u64, node: Type) -> None:
    """Each round: a tiny block's worth, 48 bytes, a pair of pointers, 1100 bytes; every 64th, a large object."""
    for i in range(rounds):
        for _ in range(2):
            if fast(malloc_tiny(g, 8, 8)):
                g.alloc_site = TINY_SITE
                mallocgc(g, 8, nil(Type), True)
        if fast(malloc_noscan(g, 11, 48)):
            g.alloc_site = SMALL_SITE
            mallocgc(g, 48, nil(Type), True)
        if fast(malloc_scan(g, 4, 16, 3)):
            g.alloc_site = PAIR_SITE
            mallocgc(g, 16, node, True)
        g.alloc_site = MIDDLE_SITE
        mallocgc(g, 1100, nil(Type), True)
        if i % LARGE_EVERY == 0:
            g.alloc_site = LARGE_SITE
            mallocgc(g, 33_000, nil(Type), True)


def fast(addr: uintptr) -> bool:
    """Whether the fast path had nothing, so that the slow one is next."""
    return addr == 0
