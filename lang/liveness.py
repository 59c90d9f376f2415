"""Liveness: which locals of a function are read later, at each place of its flow.

    a = f(x)        { x }       from here on x is read before it is written
    b = g(a, y)     { a, y }
    return b        { b }

Sets of locals are numbers, with a bit for each local that is asked about. A block is walked from its end to its
start; a loop until what its head needs no longer grows.

Owner: one function at a time.        Next: shadow_stack.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lang.flow import Allocate, Break, Call, Continue, Flow, If, Loop, Step

IDENTIFIER = re.compile(r"(?<![.\w])[A-Za-z_]\w*", re.ASCII)  # not behind a dot: that is a field


class Liveness:
    """Liveness among the locals `names`."""

    def __init__(self, names: Iterable[str]) -> None:
        self.bits = {name: 1 << number for number, name in enumerate(names)}
        self.read_bits: dict[str, int] = {}
        self.across: dict[int, int] = {}  # id of a Call or Allocate: what has to be kept during it

    def reads(self, text: str) -> int:
        """The locals that the line `text` reads."""
        found = self.read_bits.get(text)
        if found is None:
            found = 0
            for name in IDENTIFIER.findall(text):
                found |= self.bits.get(name, 0)
            self.read_bits[text] = found
        return found

    def targets(self, names: tuple[str, ...]) -> int:
        """Those asked about among the written locals `names`."""
        found = 0
        for name in names:
            found |= self.bits.get(name, 0)
        return found

    def right_side(self, text: str, targets: tuple[str, ...]) -> int:
        """The reads of an assignment's right side."""
        return self.reads(text.partition(" = ")[2] if targets else text)

    def live_before(self, block: list[Flow], after: int, at_break: int, at_continue: int) -> int:
        """The locals alive at the start of `block`, given those alive at its exits."""
        live = after
        for node in reversed(block):
            live = self.live_before_node(node, live, at_break, at_continue)
        return live

    def live_before_node(self, node: Flow, live: int, at_break: int, at_continue: int) -> int:
        """The locals alive before `node`, given those alive after it."""
        if isinstance(node, Step):
            return (live & ~self.targets(node.targets)) | self.right_side(node.text, node.targets)
        if isinstance(node, Call):
            reads = self.right_side(node.text, node.targets)
            live &= ~self.targets(node.targets)
            self.across[id(node)] = (live | reads if node.roots_arguments else live) | self.targets(node.frame)
            return live | reads
        if isinstance(node, Allocate):
            live = (live & ~self.targets(node.targets)) | self.right_side(node.text, node.targets)
            live &= ~self.targets((node.word,))
            self.across[id(node)] = live | self.targets(node.frame)
            return live | self.reads(node.fast) | self.reads(node.slow)
        if isinstance(node, If):
            then = self.live_before(node.then, live, at_break, at_continue)
            orelse = self.live_before(node.orelse, live, at_break, at_continue)
            return then | orelse | self.reads(node.condition)
        if isinstance(node, Loop):
            return self.live_before_loop(node, live)
        if isinstance(node, Break):
            return at_break
        if isinstance(node, Continue):
            return at_continue
        return self.reads(node.text)

    def live_before_loop(self, loop: Loop, after: int) -> int:
        """Liveness at a loop's head, found by repetition: what the body needs is alive at its end as well."""
        leaves_by_condition = 0 if loop.condition == "True" else after
        head = leaves_by_condition | self.reads(loop.condition)
        while True:
            grown = head | self.live_before(loop.body, head, after, head)
            if grown == head:
                return head
            head = grown

    def read_by(self, block: list[Flow]) -> list[str]:
        """The locals that a block reads before it writes them, if it runs to the end of the function."""
        live = self.live_before(block, 0, 0, 0)
        return [name for name, bit in self.bits.items() if live & bit]
