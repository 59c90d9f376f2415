"""Mem sample: an allocation that the sampler has picked is written down, with the call stack it came from.

    g.alloc_site        where the allocation is
    shadow stack        |  p  q  *7  |  r  *3  |  s  |          * SITE_FLAG: where a function was called from
                         `- main ---' `- f ---' ` h             here: alloc_site, 3, 7

A site is a number that means a place in the program to whoever compiled it; 0 is unknown. Neither engine can walk the
machine's stack: native code is optimised, with calls copied into one another. But the shadow stack is there. A program
that was compiled for profiling puts the site of each call on it, behind the pointers that stay alive across the call. A
word with SITE_FLAG is no address, and so no root. It costs a store per call, and only programs compiled so pay.

A sample for which the system refuses memory is left out: a profile never makes a program fail.

Owner: the P; the goroutine's own stack. Go: runtime/malloc.go profilealloc; mprof.go mProf_Malloc.    Next: malloc.py
"""

from __future__ import annotations

from runtime.heap import Runtime
from runtime.layout import PTR_SIZE, smaller
from runtime.lock import lock, unlock
from runtime.mcache import close_runs
from runtime.mem_profile import MAX_DEPTH, MemProfile, count_alloc, find_bucket
from runtime.mspan import MSpan
from runtime.proc import G
from runtime.sampler import count_slots, set_rate
from runtime.specials import PROFILE, add_special
from runtime.syspy import address, cold, is_nil, load, u64, uintptr

SITE_FLAG = 1 << 63  # of a word on the shadow stack: the rest of it is a site
MOST_WORDS = 16 * MAX_DEPTH  # of the shadow stack that are looked at


def set_mem_profile_rate(runtime: Runtime, rate: u64) -> None:
    """Sample once in so many bytes from now on, on average; 1: every object; 0: none. The world is stopped."""
    p = runtime.world.ps
    while not is_nil(p):
        close_runs(p.m_cache)
        set_rate(p.m_cache.sampler, rate, u64(p.id))
        p = p.next


@cold
def sample_large(g: G, span: MSpan) -> None:
    """Count a large object, and write it down if it is a sample."""
    sampler = g.m_cache.sampler
    count_slots(sampler, u64(span.span_class), span.elem_size)
    if sampler.is_due:
        write_sample(g, span, span.start_addr)


@cold
def write_sample(g: G, span: MSpan, slot: uintptr) -> None:
    """A slot of the span, taken a moment ago, is a sample."""
    g.m_cache.sampler.is_due = False
    specials = g.heap.specials
    profile = specials.profile
    lock(profile.lock)
    read_sites(g, profile)
    bucket = find_bucket(profile, span.elem_size)
    unlock(profile.lock)
    if is_nil(bucket):
        return
    # After the special is there: a free is never counted without its allocation.
    if not is_nil(add_special(specials, span, slot - span.start_addr, PROFILE, address(bucket))):
        lock(profile.lock)
        count_alloc(profile, bucket)
        unlock(profile.lock)


def read_sites(g: G, profile: MemProfile) -> None:
    """Set profile.sites to the call stack of the allocation under way. Caller holds profile.lock."""
    profile.sites[0] = g.alloc_site
    depth: u64 = 1
    addr = g.shadow_top
    end = addr - smaller(addr - g.shadow_base, MOST_WORDS * PTR_SIZE)
    while addr > end and depth < MAX_DEPTH:
        addr = addr - PTR_SIZE
        word = load(u64, addr)
        if word & SITE_FLAG != 0:
            profile.sites[depth] = word ^ SITE_FLAG
            depth = depth + 1
    profile.depth = depth
