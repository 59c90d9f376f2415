"""Compiled functions of an embedder, as a language's compiler would emit them."""

from __future__ import annotations

from runtime.lock import lock
from runtime.malloc import mallocgc
from runtime.proc import G
from runtime.syspy import FAIL_PANIC, fail, load, memset, nil, store, throw, u8, u64, uintptr
from runtime.types import Type


def build_list(g: G, node: Type, n: u64) -> uintptr:
    """A list of n nodes | next | number |, the last number first. Its head is not in a root any more."""
    head = g.shadow_top
    store(uintptr, head, 0)
    g.shadow_top = head + 8
    for i in range(n):
        made = mallocgc(g, 16, node, True)
        store(uintptr, made, load(uintptr, head))
        store(u64, made + 8, i)
        store(uintptr, head, made)
    g.shadow_top = head
    return load(uintptr, head)


def sum_list(g: G, node: uintptr) -> u64:
    """The sum of the numbers of a list."""
    total: u64 = 0
    while node != 0:
        total = total + load(u64, node + 8)
        node = load(uintptr, node)
    return total


def widened(_g: G, n: u8) -> u64:
    """A number that fits in a byte."""
    return u64(n)


def churn(g: G, node: Type, rounds: u64, length: u64) -> u64:
    """Build a list and read it, again and again; the sum of all."""
    total: u64 = 0
    for _ in range(rounds):
        total = total + sum_list(g, build_list(g, node, length))
    return total


def grow_for_ever(g: G, node: Type) -> None:
    """Keep larger and larger objects, until memory is refused; the shadow stack is left as it is then."""
    size: u64 = 1 << 40
    while size != 0:
        store(uintptr, g.shadow_top, mallocgc(g, size, nil(Type), False))
        g.shadow_top = g.shadow_top + 8
        size = size * 2


def give_up(g: G, number: u64) -> None:
    """What a language does at a mistake of its program."""
    g.shadow_top = g.shadow_top + 8
    fail(FAIL_PANIC, "mistake %d", number)


def break_down(g: G) -> None:
    """A bug of the runtime."""
    throw("broken on purpose")


def break_down_locked(g: G) -> None:
    """The same by a thread that holds the heap's lock."""
    lock(g.heap.lock)
    throw("broken on purpose")


def allocate_bytes(g: G, size: u64, n: u64) -> None:
    """n objects without pointers, and nothing else."""
    for _ in range(n):
        memset(mallocgc(g, size, nil(Type), True), 1, size)


def build_array(g: G, word: Type, node: Type, n: u64) -> uintptr:
    """An array of pointers to n nodes | nil | number |, in the order of their numbers. In no root any more."""
    top = g.shadow_top
    store(uintptr, top, mallocgc(g, n * 8, word, True))
    g.shadow_top = top + 8
    for i in range(n):
        made = mallocgc(g, 16, node, True)
        store(u64, made + 8, i)
        store(uintptr, load(uintptr, top) + i * 8, made)
    g.shadow_top = top
    return load(uintptr, top)


def sum_array(g: G, array: uintptr, n: u64) -> u64:
    """The sum of the numbers of an array's nodes."""
    total: u64 = 0
    for i in range(n):
        total = total + load(u64, load(uintptr, array + i * 8) + 8)
    return total


def build_tree(g: G, word: Type, branch: Type, n: u64) -> uintptr:
    """A tree of n nodes | left | right |: those of node i are 2 i + 1 and 2 i + 2. Its root is in no root any more."""
    array = build_array(g, word, branch, n)
    for i in range(n):
        node = load(uintptr, array + i * 8)
        store(uintptr, node, load(uintptr, array + (2 * i + 1) * 8) if 2 * i + 1 < n else u64(0))
        store(uintptr, node + 8, load(uintptr, array + (2 * i + 2) * 8) if 2 * i + 2 < n else u64(0))
    return load(uintptr, array)


def count_tree(g: G, node: uintptr) -> u64:
    """The nodes of a tree."""
    if node == 0:
        return 0
    return 1 + count_tree(g, load(uintptr, node)) + count_tree(g, load(uintptr, node + 8))
