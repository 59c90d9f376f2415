"""Shadow stack: which pointers are alive at each call, and the stores that say so to the collector.

    before a call that may collect      slots of this frame, from `sp` upward
        store(uintptr, sp, a)           [a][b][c] | the callee's frame begins here
        store(uintptr, sp + 8, b)
        f(g, sp + 24, ...)

A function gets `sp`, its first free slot, as a parameter, so that a call needs neither a load
nor a store to move it. Only pointers that are alive *across* the call are stored, packed in the
order of their definition: no slot ever holds a dead pointer, so the collector keeps exactly what
the program can still reach. Two passes over the flow of one function:

    backwards   the pointers that are read after each call on some path (liveness.py)
    forwards    which slot still holds which pointer since an earlier store; those stores are left out

An allocation stores nothing unless its fast path fails; behind that, finalizers may run. A call of the runtime (not of
a Toy function, which keeps its own parameters alive) stores its pointer arguments as well.

A program that is compiled for the memory profile also says where it is: `g.alloc_site = 7` before it
allocates, and at a call of a Toy function, in the slot behind the pointers, the number of the call's
place with SITE_FLAG (mem_sample.py).

Memory that lies in the native frame and has pointers in it (`local`, escapes.py) is a slot's word, too, with
LOCAL_FLAG: at each call during its round, read again or not, since others may lead to it.

    L1  at a call every slot below the passed sp holds the current value of a live pointer, a local, or a site
    L2  a callee writes no slot below the sp that it was passed

Owner: one function at a time.        Next: fronts.py
"""

from __future__ import annotations

from dataclasses import dataclass

from lang.flow import Allocate, Break, Call, Continue, Flow, If, Leave, Loop, Step
from lang.liveness import Liveness

SLOT_BYTES = 8
INDENT = "    "

Slots = tuple[int, ...]  # per slot: the bit number of the pointer that it holds, or EMPTY, or EMPTY - a site
EMPTY = -1


def emit_function_body(
    body: list[Flow], pointers: dict[str, str], level: int = 1, finalizers: str = "", runs_once: bool = False
) -> tuple[list[str], int]:
    """The lines of `body` and the number of slots its frame uses at most.

    `pointers` maps each local that can hold a heap pointer to the text of its address. `finalizers` is the name of the
    function that makes the calls of finalizers which are ready; "" in programs without such. In a function that
    `runs_once`, only loops have the fast paths of allocations.
    """
    frame = _Frame(pointers, finalizers, runs_once)
    frame.live_before(body, 0, 0, 0)
    lines: list[str] = []
    frame.emit(body, (), lines, level)
    return lines, frame.depth


@dataclass(slots=True)
class _LoopState:
    """What the exits of a loop know: the slots at each `break` and each `continue`."""

    breaks: list[Slots]
    continues: list[Slots]


class _Frame(Liveness):
    """The pass forwards over one function, behind the one backwards: lines, and which slot still holds what."""

    def __init__(self, pointers: dict[str, str], finalizers: str, runs_once: bool) -> None:
        super().__init__(pointers)
        self.addresses = list(pointers.values())
        self.finalizers = finalizers
        self.runs_once = runs_once
        self.depth = 0
        self.loops: list[_LoopState] = []

    def emit(self, block: list[Flow], slots: Slots | None, lines: list[str], level: int) -> Slots | None:
        """Appends the lines of `block`; returns the slots at its end, or None when the end is never reached."""
        for node in block:
            if slots is None:
                break
            slots = self.emit_node(node, slots, lines, level)
        if not block:
            lines.append(INDENT * level + "pass")
        return slots

    def emit_node(self, node: Flow, slots: Slots, lines: list[str], level: int) -> Slots | None:
        """Appends the lines of `node`."""
        indent = INDENT * level
        if isinstance(node, Step):
            assert "{sp}" not in node.text, "F1: a plain line passes the shadow pointer"
            assert node.text.startswith(", ".join(node.targets)), "F2: a line writes other locals than its targets"
            lines.append(f"{indent}{node.text}{mark(node)}")
            return self.forget(slots, node.targets)
        if isinstance(node, Call):
            return self.emit_call(node, slots, lines, indent)
        if isinstance(node, Allocate):
            return self.emit_allocate(node, slots, lines, indent)
        if isinstance(node, If):
            return self.emit_if(node, slots, lines, level)
        if isinstance(node, Loop):
            return self.emit_loop(node, slots, lines, level)
        if isinstance(node, Leave):
            lines.append(f"{indent}{node.text}{mark(node)}")
        elif isinstance(node, Break):
            self.loops[-1].breaks.append(slots)
            lines.append(indent + "break")
        elif isinstance(node, Continue):
            self.loops[-1].continues.append(slots)
            lines.append(indent + "continue")
        else:
            lines.append(f"{indent}return {node.text}{mark(node)}" if node.text else f"{indent}return")
        return None

    def forget(self, slots: Slots, written: tuple[str, ...]) -> Slots:
        """`slots` after the locals `written` got new values."""
        stale = {self.bits[name].bit_length() - 1 for name in written if name in self.bits}
        if stale.isdisjoint(slots):
            return slots
        return tuple(EMPTY if held in stale else held for held in slots)

    def store_live(self, live: int, slots: Slots, lines: list[str], indent: str) -> Slots:
        """Appends the stores that make the first slots hold `live` (L1); returns the slots then."""
        wanted = numbers(live)
        self.depth = max(self.depth, len(wanted))
        kept = len(slots) if wanted[: len(slots)] == slots else 0  # at the front, as a rule: it is told at once
        for slot in range(kept, len(wanted)):
            if slot >= len(slots) or slots[slot] != wanted[slot]:
                lines.append(f"{indent}store(uintptr, {shadow_pointer(slot)}, {self.addresses[wanted[slot]]})")
        return wanted  # L1

    def store_site(self, site: int, held: Slots, slots: Slots, lines: list[str], indent: str) -> Slots:
        """Appends the store that puts `site` in the slot behind those that are `held`; returns the slots then."""
        from runtime.mem_sample import SITE_FLAG  # not above: it imports most of the runtime

        slot = len(held)
        self.depth = max(self.depth, slot + 1)
        if slot >= len(slots) or slots[slot] != EMPTY - site:
            lines.append(f"{indent}store(u64, {shadow_pointer(slot)}, {SITE_FLAG | site:#x})")
        return (*held, EMPTY - site)

    def emit_call(self, node: Call, slots: Slots, lines: list[str], indent: str) -> Slots:
        """Stores, the shadow pointer, and the call."""
        held = self.store_live(self.across[id(node)], slots, lines, indent)
        if node.site and node.callee:
            held = self.store_site(node.site, held, slots, lines, indent)
        top = shadow_pointer(len(held))  # L2: the callee's frame begins behind this one's slots
        if "{sp}" not in node.text:
            lines.append(f"{indent}g.shadow_top = {top}")
            if node.site:
                lines.append(f"{indent}g.alloc_site = {node.site}")
        lines.append(indent + node.text.replace("{sp}", top) + mark(node))
        return self.forget(held, node.targets)

    def emit_allocate(self, node: Allocate, slots: Slots, lines: list[str], indent: str) -> Slots:
        """The fast path; the stores only on the slow one, so they count for nothing behind it.

        What is allocated once is not worth a fast path: the slow one is a call.
        """
        if self.runs_once and not self.loops:
            held = self.emit_slow(node, slots, lines, indent)
        else:
            lines.append(f"{indent}{node.word} = {node.fast}")
            lines.append(f"{indent}if unlikely({node.word} == 0):")
            held = meet(slots, self.emit_slow(node, slots, lines, indent + INDENT))
        lines.append(indent + node.text)
        return self.forget(held, node.targets)

    def emit_slow(self, node: Allocate, slots: Slots, lines: list[str], indent: str) -> Slots:
        """The stores and the call of an allocation."""
        held = self.store_live(self.across[id(node)], slots, lines, indent)
        lines.append(f"{indent}g.shadow_top = {shadow_pointer(len(held))}")
        if node.site:
            lines.append(f"{indent}g.alloc_site = {node.site}")
        lines.append(f"{indent}{node.word} = {node.slow}{mark(node)}")
        if self.finalizers:
            self.call_finalizers(node, len(held), lines, indent)
        return held

    def call_finalizers(self, node: Allocate, slot: int, lines: list[str], indent: str) -> None:
        """Behind an allocation: the new object is one more root, while finalizers run."""
        self.depth = max(self.depth, slot + 1)
        lines.append(f"{indent}if is_ready(g.heap.specials):")
        lines.append(f"{indent}{INDENT}store(uintptr, {shadow_pointer(slot)}, {node.word})")
        lines.append(f"{indent}{INDENT}{self.finalizers}(g, {shadow_pointer(slot + 1)}){mark(node)}")

    def emit_if(self, node: If, slots: Slots, lines: list[str], level: int, keyword: str = "if") -> Slots | None:
        """Both branches; behind them the slots that both left alike."""
        lines.append(f"{INDENT * level}{keyword} {node.condition}:{mark(node)}")
        then = self.emit(node.then, slots, lines, level + 1)
        if not node.orelse:
            return meet_paths([then, slots])
        if len(node.orelse) == 1 and isinstance(chained := node.orelse[0], If):
            return meet_paths([then, self.emit_if(chained, slots, lines, level, "elif")])
        lines.append(f"{INDENT * level}else:")
        return meet_paths([then, self.emit(node.orelse, slots, lines, level + 1)])

    def emit_loop(self, node: Loop, slots: Slots, lines: list[str], level: int) -> Slots | None:
        """The loop, from slots that hold at its head on every round: found by repetition, lines kept of the last."""
        lines.append(f"{INDENT * level}while {node.condition}:{mark(node)}")
        start = len(lines)
        head = slots
        while True:
            state = _LoopState([], [])
            self.loops.append(state)
            end = self.emit(node.body, head, lines, level + 1)
            self.loops.pop()
            again = meet_paths([head, end, *state.continues])
            if again == head:
                break
            head = again if again is not None else ()
            del lines[start:]
        by_condition = None if node.condition == "True" else head
        return meet_paths([by_condition, *state.breaks])


def numbers(bits: int) -> Slots:
    """The numbers of the bits that are set, in order."""
    digits = f"{bits:b}"[::-1]
    found: list[int] = []
    at = digits.find("1")
    while at >= 0:
        found.append(at)
        at = digits.find("1", at + 1)
    return tuple(found)


def mark(node: Flow) -> str:
    """What traces call a node's line: a comment (syspy/sources.py)."""
    return "" if isinstance(node, Break | Continue) or node.place < 0 else f"  # {node.place}"


def shadow_pointer(slot: int) -> str:
    """The text of the address of slot number `slot` of this frame."""
    return "sp" if slot == 0 else f"sp + {SLOT_BYTES * slot}"


def meet(one: Slots, other: Slots) -> Slots:
    """The slots that hold the same on both paths."""
    return tuple(a if a == b else EMPTY for a, b in zip(one, other, strict=False))


def meet_paths(paths: list[Slots | None]) -> Slots | None:
    """`meet` over the paths that are reached; None when none is."""
    met: Slots | None = None
    for path in paths:
        if path is not None:
            met = path if met is None else meet(met, path)
    return met
