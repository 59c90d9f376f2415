"""Fronts: what a recursive function does before it calls anything, as a function of its own that calls inline.

    func (n *Node) count() int {           @inline
        if n.left == nil {                 def count_front(g, sp, n):
            return 1                           if is_nil(n.left):
        }                                          return 1
        a := n.left.count()                    return count_rest(g, sp, n)
        b := n.right.count()
        return 1 + a + b                   def count_rest(g, sp, n):
    }                                          a = count_front(g, sp, n.left)
                                               ...

Half of the calls of a recursion, and more, are those that end it. Such a call saves registers and compares the stack
pointer with its limit for nothing; with the front inlined it is no call. Where the front branches, each branch that
goes on has a rest: a `switch` at the beginning is made once, and its cases go on apart.

    FR1  a front has no loop, no call of a Toy function, and calls of the runtime only if the function is small
    FR2  each node of the flow is in the front or in one rest; what ran in the front does not run again
    FR3  a rest is given all locals that it reads and the front has written, and all parameters that it reads

Owner: one function at a time.        Next: lower_function.py
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lang.flow import Allocate, Call, Flow, If, Leave, Return, Step, ends, flow_nodes
from lang.liveness import Liveness

MOST_NODES = 24  # of a front
LARGEST = 200  # nodes of a function that is divided


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left to do behind a way through the front."""

    name: str
    given: list[str]  # the locals that it reads
    body: list[Flow]


@dataclass(frozen=True, slots=True)
class Divided:
    """A function's flow, in pieces."""

    front: list[Flow]
    rests: list[Rest]


def divided(
    body: list[Flow], annotations: Mapping[str, str], has_results: bool, fresh: Callable[[], str]
) -> Divided | None:
    """The pieces of a function's flow; None where a front would be too large, or would end no call.

    Only a local whose annotation is known can be given to a rest. `fresh` makes the name of one.
    """
    nodes = flow_nodes(body)
    if len(nodes) > LARGEST:
        return None
    division = _Division(nodes, annotations, has_results, fresh)
    front = division.front_of(body)
    if front is None:
        return None
    taken = flow_nodes(front)
    ways_out = sum(isinstance(node, Return) for node in taken) - len(division.rests)
    return Divided(front, division.rests) if ways_out > 0 and len(taken) <= MOST_NODES else None


class _Division:
    """The division of one function, with these nodes."""

    def __init__(
        self, nodes: list[Flow], annotations: Mapping[str, str], has_results: bool, fresh: Callable[[], str]
    ) -> None:
        written = [name for node in nodes if isinstance(node, Step | Call | Allocate) for name in node.targets]
        self.liveness = Liveness(dict.fromkeys([*annotations, *written]))
        self.annotations = annotations
        self.has_results = has_results
        self.is_small = len(nodes) <= MOST_NODES
        self.fresh = fresh
        self.rests: list[Rest] = []

    def front_of(self, block: list[Flow]) -> list[Flow] | None:
        """The front of a block that nothing comes behind; None if what it leaves cannot be given what it reads."""
        for number, node in enumerate(block):
            if self.is_plain(node):
                continue
            known = len(self.rests)
            if isinstance(node, If) and (both := self.front_of_branches(node, block[number + 1 :])):
                return [*block[:number], both]
            del self.rests[known:]
            return self.handed_on(block, number)
        return block if ends(block) else [*block, Return()]

    def is_plain(self, node: Flow) -> bool:
        """Whether a node may be in a front as it is (FR1), and has no memory in the frame."""
        if isinstance(node, If):
            return all(self.is_plain(one) for one in node.then + node.orelse)
        if isinstance(node, Call):
            return self.is_small and not node.callee and not node.others  # FR1
        return isinstance(node, Step | Allocate | Return | Leave) and "local(" not in node.text

    def front_of_branches(self, node: If, tail: list[Flow]) -> If | None:
        """The fronts of both branches, of which one at most goes on with the tail."""
        then, orelse = node.then, node.orelse
        if ends(then):
            orelse = orelse + tail
        elif ends(orelse) or not tail:
            then = then + tail
        else:
            return None
        fronts = self.front_of(then), self.front_of(orelse)
        if fronts[0] is None or fronts[1] is None:
            return None
        return If(node.condition, fronts[0], fronts[1], node.place)

    def handed_on(self, block: list[Flow], number: int) -> list[Flow] | None:
        """What is plain in front of a node that is not, as far as a rest can be given what that leaves to do."""
        for start in range(number, -1, -1):
            given = self.liveness.read_by(block[start:])
            if all(name in self.annotations for name in given):  # FR3
                rest = Rest(self.fresh(), given, block[start:])
                self.rests.append(rest)
                call = f"{rest.name}({', '.join(['g', 'sp', *given])})"
                ending = [Return(call)] if self.has_results else [Step(call), Return()]
                return [*block[:start], *ending]  # FR2
        return None
