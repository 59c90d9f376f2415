"""Flow: the small structured form a Toy function takes between its syntax tree and its text.

    Step      one line of systems Python; the locals that it writes
    Call      a Step that calls something which may collect
    Allocate  a Step with a fast path inline and a call of mallocgc behind it
    If, Loop, Break, Continue, Return, Leave

Texts are final, but for the two things that only liveness can tell: `{sp}`, the shadow stack
pointer that a call passes on, and the stores in front of a call that keep pointers alive.
Both are filled in by shadow_stack.py. `site` is what the memory profile calls the place in the source; 0 in programs
that are not compiled for it. The reads of a line are the identifiers in its text. `place` is what the trace of a panic
calls the line, a number of a position; -1 for what it does not show.

    F1  a line that may collect is a Call or an Allocate, and holds nothing else that may
    F2  a local is written only as a target of a Step, never inside an expression

Owner: lower_function.py builds it; shadow_stack.py turns it into lines.   Next: liveness.py
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Step:
    """`text`, which writes the locals `targets`."""

    text: str
    targets: tuple[str, ...] = ()
    place: int = -1


@dataclass(slots=True)
class Call:
    """A call that may collect: of the Toy function `callee`, or of the runtime, whose caller roots the arguments."""

    text: str
    targets: tuple[str, ...]
    callee: str = ""
    site: int = 0
    others: tuple[str, ...] = ()  # Toy functions that the runtime calls in its turn
    frame: tuple[str, ...] = ()  # the memory in the frame that others may lead to
    place: int = -1

    @property
    def roots_arguments(self) -> bool:
        """Whether the pointers passed must be kept alive by the caller."""
        return not self.callee


@dataclass(slots=True)
class Allocate:
    """`word = fast`; when that gives 0, `word = slow`, which may collect; then `text`, which views it."""

    word: str
    fast: str
    slow: str
    text: str
    targets: tuple[str, ...]
    site: int = 0
    frame: tuple[str, ...] = ()
    place: int = -1


@dataclass(slots=True)
class If:
    """`if condition`; the condition is free of calls that may collect."""

    condition: str
    then: list[Flow] = field(default_factory=list)
    orelse: list[Flow] = field(default_factory=list)
    place: int = -1


@dataclass(slots=True)
class Loop:
    """`while condition`; `True` loops until a Break."""

    condition: str
    body: list[Flow] = field(default_factory=list)
    place: int = -1


@dataclass(slots=True)
class Break:
    """Leaves the innermost Loop."""


@dataclass(slots=True)
class Continue:
    """Goes to the innermost Loop's condition."""


@dataclass(slots=True)
class Return:
    """`return text`; of nothing when the text is empty."""

    text: str = ""
    place: int = -1


@dataclass(slots=True)
class Leave:
    """A line that never comes back: a panic."""

    text: str
    place: int = -1


Flow = Step | Call | Allocate | If | Loop | Break | Continue | Return | Leave


def flow_blocks(block: list[Flow], with_loops: bool = True) -> list[list[Flow]]:
    """A flow and all blocks inside it; without loops, those that run once at most."""
    found = [block]
    for part in found:
        for node in part:
            if isinstance(node, If):
                found += [node.then, node.orelse]
            elif isinstance(node, Loop) and with_loops:
                found.append(node.body)
    return found


def flow_nodes(block: list[Flow], with_loops: bool = True) -> list[Flow]:
    """All nodes of a flow, those inside others included."""
    return [node for part in flow_blocks(block, with_loops) for node in part]


def ends(block: list[Flow]) -> bool:
    """Whether the end of a block is surely not reached."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, If):
        return ends(last.then) and ends(last.orelse)
    return isinstance(last, Break | Continue | Return | Leave)
