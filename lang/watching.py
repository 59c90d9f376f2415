"""Watching: `toyrun --watch 12345 prog.toy` tells on standard error what becomes of the 12345th object.

    watch 3: allocated before collection 1, 16 bytes at 0xc000012020: main.build lists.toy:12
    watch 3: kept by collection 1: main.main lists.toy:20 -> 0xc000012000+0 -> 0xc000012020
    watch 3: dead in collection 2: 0xc000012000+0 does not lead to 0xc000012020 any more, but to nil

An object's number is that of its allocation, which is the same in every run of a program, on both engines. The program
is compiled as for a memory profile, so allocations and calls say where they are; where a root is the stack, that is
the call whose variable it is.

Owner: the host's main thread; the program's, while a collection stops it.        Next: driver.py
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from itertools import pairwise

from lang.execution import Executable
from lang.reports import End, Engine
from runtime.heap import Runtime
from runtime.mem_sample import SITE_FLAG
from runtime.phases import PHASE_MARKED
from runtime.refusals import counted
from runtime.syspy import is_nil, load, u64
from runtime.watcher import GLOBAL, HOOK, STACK, Event, Path, Watched, Watcher


class Watching:
    """The watched objects of one run."""

    name = "the watched objects"

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers

    def begin(self, engine: Engine, runtime: int, program: Executable) -> None:
        """Watch, from the first allocation on. Somebody else may ask for the phases, too, if he did so before."""
        self.state = Runtime.at(runtime)
        self.program = program
        engine.call("number_allocations", runtime)

        def find_path(slot: int, out: int, room: int) -> int:
            return int(engine.call("path_from_root", runtime, slot, out, room))

        self.watcher = Watcher(self.state, self.numbers, find_path, self.tell)
        further = HOOK(self.state.phase_hook) if self.state.phase_hook else None

        def told(phase: int) -> int:
            if phase == PHASE_MARKED:
                self.watcher.marked()
            return further(phase) if further is not None else 0

        self.hook = HOOK(told)
        self.state.phase_hook = ctypes.cast(self.hook, ctypes.c_void_p).value or 0

    def write(self, end: End) -> None:
        """Tell what the program's end means for those that live, and for those that never were."""
        for watched in self.watcher.watched.values():
            if not watched.address:
                count = self.state.gc.stress_count
                self.line(watched, f"not allocated: the program made {counted(count, 'object')}")
            elif not watched.is_dead:
                self.line(watched, "not found dead by the end of the program")

    def tell(self, watched: Watched, event: Event) -> None:
        """Write down an event."""
        if event.kind == "allocated":
            what = f"{counted(watched.size, 'byte')} at {watched.address:#x}: {self.place(watched.site)}"
            self.line(watched, f"allocated before collection {event.collection + 1}, {what}")
        elif event.kind == "kept":
            assert event.path is not None, "what is kept has something that leads to it"
            self.line(watched, f"kept by collection {event.collection}: {self.root(event.path)}{event.path.way()}")
        else:
            self.line(watched, f"dead in collection {event.collection}: {self.reason(event)}")

    def line(self, watched: Watched, text: str) -> None:
        """One line."""
        sys.stderr.write(f"watch {watched.number}: {text}\n")
        sys.stderr.flush()

    # ---- what to call it

    def place(self, site: int) -> str:
        """A place in the program, by its number."""
        if not 1 <= site <= len(self.program.positions):
            return "the runtime"
        function, line, file = self.program.positions[site - 1]
        return f"{function} {file or self.program.name}:{line}"

    def root(self, path: Path) -> str:
        """A root: the variable, or the call whose variable it is."""
        if path.kind == GLOBAL:
            return self.variable(path.root)
        return self.place(self.site_of(path.links[0].source)) if path.kind == STACK else path.kind

    def variable(self, offset: int) -> str:
        """The package variable with a byte."""
        name, start = "a package variable", 0
        for found, at, _ in self.program.objects["variables"]:
            if at <= offset:
                name, start = found, at
        return f"variable {name}" + (f"+{offset - start}" if offset != start else "")

    def site_of(self, addr: int) -> int:
        """Where the function is that a word of the stack belongs to: its call's site lies behind its words."""
        g = self.state.world.gs
        while not is_nil(g):
            if g.shadow_base <= addr < g.shadow_top:
                for at in range(addr, g.shadow_top, 8):
                    word = load(u64, at)
                    if word & SITE_FLAG:
                        return word ^ SITE_FLAG
                return g.alloc_site
            g = g.next
        return 0

    def reason(self, event: Event) -> str:
        """Why an object is dead."""
        if event.path is None:
            return "no collection before found anything that leads to it"
        if event.broken is None:
            return f"{event.path.kind} {event.path.root} is no root any more"
        link, links = event.broken, event.path.links
        if link is links[0] and event.path.kind == STACK:
            return "the function is over, or needs it no more: nothing on the stack leads to it"
        holder = self.variable(event.path.root) if link is links[0] and event.path.kind == GLOBAL else ""
        for before, after in pairwise(links):
            if after is link:
                holder = f"{before.target:#x}+{link.source - before.target}"
        now = f"to {event.now:#x}" if event.now else "to nil"
        return f"{holder or event.path.kind} does not lead to {link.target:#x} any more, but {now}"
