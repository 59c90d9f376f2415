"""Boundary: what an embedder's calls need beyond mallocgc and gc, each in one entry of the runtime.

    allocate           mallocgc with the type as a word
    reserve_handles    numbers for handles, many at a time: making and ending one is then a store of the embedder's
    put_pointer        a pointer stored in an object or a root, if it is one: anything else would make marking throw
    keep_both          a store, or a new root, while marking goes in steps: what was there, and what is there now

A reserved handle is in use, and holds nil until the embedder stores an address in it.

Owner: the embedder's thread. Go has no like.                                             Next: knobs.py
"""

from __future__ import annotations

from runtime.malloc import mallocgc
from runtime.proc import G
from runtime.roots import NO_HANDLE, free_handle, new_handle
from runtime.syspy import Array, load, store, throw, u64, uintptr
from runtime.types import Type
from runtime.walk import is_reference
from runtime.write_barrier import keep_old


def allocate(g: G, size: u64, typ: uintptr) -> uintptr:
    """A zeroed object of size bytes and the type whose Type is at an address; 0 for no pointers."""
    return mallocgc(g, size, Type.at(typ), True)


def reserve_handles(g: G, numbers: Array[u64], count: u64) -> None:
    """Write the numbers of so many new handles. Throws "out of memory", and then has reserved none."""
    roots = g.runtime.roots
    for i in range(count):
        numbers[i] = new_handle(roots, 0)
        if numbers[i] == NO_HANDLE:
            for taken in range(i):
                free_handle(roots, numbers[taken])
            throw("out of memory")


def put_pointer(g: G, at: uintptr, word: u64) -> bool:
    """Store a pointer at an address that is known to be a pointer word. False, and nothing is stored, if it is none."""
    if not is_reference(g, word):
        return False
    keep_both(g, load(u64, at), word)
    store(u64, at, word)
    return True


def keep_both(g: G, old: uintptr, new: uintptr) -> None:
    """Before a store. The new pointer may be one that the embedder has found where nothing led any more."""
    keep_old(g, old)
    keep_old(g, new)
