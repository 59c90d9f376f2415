"""What several threads do to one heap at once, as systems Python: each has a goroutine and a P of its own."""

from __future__ import annotations

from runtime.collect import collect
from runtime.malloc import mallocgc
from runtime.memory_control import free_os_memory
from runtime.proc import G
from runtime.reclaim import reclaim
from runtime.sweeper import NOTHING_LEFT, sweep_some
from runtime.syspy import array_at, load, memset, nil, store, throw, u8, u64, uintptr
from runtime.types import Type
from runtime.world import enter, leave, safepoint
from runtime.write_barrier import keep_old

LIST_LENGTH = 200
LARGE = 40_000


def next_random(x: u64) -> u64:
    """A linear congruential generator."""
    return u64(x * 6364136223846793005 + 1442695040888963407)


def churn(g: G, node: Type, rounds: u64, seed: u64) -> u64:
    """Build lists, throw garbage away between their nodes, read them back; returns how many objects that were."""
    enter(g.p)
    objects: u64 = 0
    for _ in range(rounds):
        seed = next_random(seed)
        objects = objects + build_list_with_garbage(g, node, seed)
        check_list(g, seed)
    g.shadow_top = g.shadow_base
    leave(g.p)
    return objects


def build_list_with_garbage(g: G, node: Type, seed: u64) -> u64:
    """A list whose only root is the first word of the shadow stack. Every node knows the seed and its number."""
    head: uintptr = g.shadow_base
    store(uintptr, head, 0)
    g.shadow_top = head + 8
    for i in range(u64(LIST_LENGTH)):
        addr = mallocgc(g, 24, node, True)
        if load(u64, addr + 8) != 0 or load(u64, addr + 16) != 0:
            throw("new memory is not zero", addr)
        store(uintptr, addr, load(uintptr, head))
        store(u64, addr + 8, seed)
        store(u64, addr + 16, i)
        store(uintptr, head, addr)
        seed_of_size = u64(seed + i * i) >> 3
        fill_garbage(g, LARGE if seed_of_size % 97 == 0 else seed_of_size % 700)
    return 2 * LIST_LENGTH


def fill_garbage(g: G, size: u64) -> None:
    """An object without pointers that nobody keeps, zero at first, then full of ones."""
    data = array_at(u8, mallocgc(g, size, nil(Type), True))
    for i in range(size):
        if data[i] != 0:
            throw("new memory is not zero", i, size)
        data[i] = 0xFF


def check_list(g: G, seed: u64) -> None:
    """The list is as it was built."""
    addr = load(uintptr, g.shadow_base)
    expected: u64 = LIST_LENGTH
    while addr != 0:
        expected = expected - 1
        if load(u64, addr + 8) != seed or load(u64, addr + 16) != expected:
            throw("a node was overwritten", addr, load(u64, addr + 8), load(u64, addr + 16), expected)
        addr = load(uintptr, addr)
    if expected != 0:
        throw("a list was cut", expected)


def rearrange(g: G, node: Type, lists: uintptr, count: u64, rounds: u64, seed: u64) -> u64:
    """Move nodes from one of so many lists to another, make some and drop some. Returns how many there are more.

    Whoever overwrites a pointer says so, since marking may go in steps. Every node knows its own address.
    """
    enter(g.p)
    more: u64 = 0
    for i in range(rounds):
        seed = next_random(seed)
        source: uintptr = lists + (seed >> 20) % count * 8
        target: uintptr = lists + (seed >> 40) % count * 8
        if i % 3 == 0:
            made = mallocgc(g, 24, node, True)
            store(u64, made + 8, made)
            push_node(g, target, made)
            more = more + 1
        moved = pop_node(g, source)
        if moved != 0:
            if (seed >> 60) % 3 == 0:
                more = u64(more - 1)
            else:
                push_node(g, target, moved)
        if i % 16 == 0:
            fill_garbage(g, (seed >> 8) % 500)
    leave(g.p)
    return more


def pop_node(g: G, head: uintptr) -> uintptr:
    """Take the first node of a list out; 0 if there is none."""
    node = load(uintptr, head)
    if node == 0:
        return 0
    if load(u64, node + 8) != node:
        throw("a node was overwritten", node, load(u64, node + 8))
    following = load(uintptr, node)
    keep_old(g, node)
    store(uintptr, head, following)
    return node


def push_node(g: G, head: uintptr, node: uintptr) -> None:
    """Put a node in front of a list."""
    keep_old(g, load(uintptr, node))
    store(uintptr, node, load(uintptr, head))
    keep_old(g, load(uintptr, head))
    store(uintptr, head, node)


def collect_often(g: G, times: u64) -> None:
    """Collections by one thread, whatever the others do."""
    enter(g.p)
    for _ in range(times):
        collect(g, True)
        safepoint(g.p)
    leave(g.p)


def run_until_stopped(g: G) -> u64:
    """Compute without an allocation until somebody has stopped the world; how many rounds that took."""
    enter(g.p)
    rounds: u64 = 0
    before = g.p.world.stops
    while g.p.world.stops == before:
        safepoint(g.p)
        rounds = rounds + 1
    leave(g.p)
    return rounds


def collect_unforced(g: G) -> None:
    """A collection that somebody else may make as well; the first word of the shadow stack says that it is next."""
    enter(g.p)
    store(u64, g.shadow_base, 1)
    collect(g, False)
    leave(g.p)


def free_os_memory_often(g: G, times: u64) -> None:
    """debug.FreeOSMemory again and again."""
    enter(g.p)
    for _ in range(times):
        free_os_memory(g)
    leave(g.p)


def sweep_spans(g: G, most: u64) -> u64:
    """Sweep until nothing is left, so many spans at a time; how many pages became free."""
    enter(g.p)
    freed: u64 = 0
    pages = sweep_some(g.heap, g.p, most)
    while pages != NOTHING_LEFT:
        freed = freed + pages
        safepoint(g.p)
        pages = sweep_some(g.heap, g.p, most)
    leave(g.p)
    return freed


def reclaim_pages(g: G, npages: u64) -> None:
    """Reclaim so many pages, one by one."""
    enter(g.p)
    for _ in range(npages):
        reclaim(g.heap, g.p, 1)
        safepoint(g.p)
    leave(g.p)


def break_down(g: G) -> None:
    """A failure, wherever the thread is."""
    throw("broken on purpose", u64(g.p.id))


def allocate_large(g: G, typ: Type, size: u64, times: u64) -> u64:
    """Large objects of pointers, in pages that were full of other data; how often the world was stopped meanwhile."""
    enter(g.p)
    before = g.p.world.stops
    g.shadow_top = g.shadow_base
    for _ in range(times):
        addr = mallocgc(g, size, typ, True)
        words = array_at(u64, addr)
        for i in range(size // 8):
            if words[i] != 0:
                throw("new memory is not zero", addr, i)
        memset(addr, 0xA5, size)
    stops = g.p.world.stops - before
    leave(g.p)
    return stops
