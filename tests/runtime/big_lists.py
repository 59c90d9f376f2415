"""Lists too long for CPython to build one call at a time."""

from __future__ import annotations

from runtime.malloc import mallocgc
from runtime.proc import G
from runtime.syspy import load, store, u64
from runtime.types import Type


def build_list(g: G, typ: Type, length: u64) -> None:
    """Make a linked list through the first words of its nodes; its head is the word below shadow_top."""
    head = g.shadow_top - 8
    for _ in range(length):
        node = mallocgc(g, typ.size, typ, True)
        store(u64, node, load(u64, head))
        store(u64, head, node)
