"""The library against a model of who leads to whom; how the runtime runs is drawn as well.

Drawn are the settings (GOGC, a memory limit, GOMAXPROCS, stress, all checks), and what an embedder does: objects, links
into objects, handles, scopes, a table of roots, weak pointers, finalizers that keep their object or do not, cleanups,
collections with and without sweeping. After each step every object that can be reached reads back; after each
collection the heap has exactly the objects that the model says, and the calls that are due.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runtime import Handle, Runtime, Scope, Weak
from runtime.engines import ENGINES
from tests.runtime.machines import run_machine

WORD = 8
KINDS: dict[str, tuple[int, Iterable[int]]] = {  # bytes, and where the pointers are
    "pair": (16, (0, 8)),
    "mixed": (48, (8, 40)),
    "wide": (512, range(0, 512, 16)),
    "headed": (1024, (0, 512, 1016)),
}
ANY = st.integers(0, 1 << 30)
TABLE = 5  # roots
DOINGS = "new plain array linked numbered dropped tabled scoped weak finalized cleaned collected unswept called".split()
RARER = "revived cleared kept limited gone stressed stepped".split()


@dataclass(eq=False)
class Node:
    """An object, as it should be."""

    addr: int
    size: int
    pointers: frozenset[int]  # numbers of the words that are
    words: dict[int, int] = field(default_factory=dict)  # those that are not 0
    links: dict[int, Node] = field(default_factory=dict)  # by word: what it leads to
    finalizer: str = ""  # "": none; drops or keeps its object
    cleanups: list[Node | None] = field(default_factory=list)  # what each is to get

    def text(self) -> bytes:
        """Its bytes."""
        words = (ctypes.c_uint64 * (self.size // WORD))()
        for word, value in self.words.items():
            words[word] = value
        return bytes(words)


def closure(starts: Iterable[Node]) -> set[Node]:
    """Everything that these lead to, they too."""
    waiting, found = list(starts), set[Node]()
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += node.links.values()
    return found


class EmbeddingMachine(RuleBasedStateMachine):
    """An embedder that nobody wrote."""

    def __init__(self, engine: str, did: Counter[str]) -> None:
        super().__init__()
        self.did = did
        self.engine = engine
        self.handles: list[tuple[Handle, Node]] = []
        self.scopes: list[tuple[Scope, list[Node]]] = []
        self.table_nodes: dict[int, Node] = {}
        self.weak: list[tuple[Weak, Node]] = []
        self.dead_weak: list[Weak] = []
        self.special: list[Node] = []  # with finalizers or cleanups that are not due yet
        self.ready: list[Node] = []  # whose finalizers are due
        self.due: list[Node | None] = []  # what the cleanups that are due are to get

    @initialize(
        gogc=st.sampled_from(["off", 1, 50, 100, 400]),
        procs=st.sampled_from([1, 1, 2]),
        stress=st.sampled_from(["", "", "gcstress=1", "gcstress=5", "gcrandom=3,gcseed=7", "gcsafepoint=4"]),
        steps=st.sampled_from(["", "gcstoptheworld=0"]),
        checks=st.sampled_from(["", "clobberfree=1", "protectfree=1,clobberfree=1", "gccheckmark=1,heapcheck=1"]),
    )
    def begin(self, gogc: str | int, procs: int, stress: str, steps: str, checks: str) -> None:
        if self.engine == "python" and stress:
            stress, checks = "gcstress=9", checks.replace("gccheckmark=1,heapcheck=1", "")
        self.is_stress = stress != ""
        debug = ",".join(filter(None, [stress, steps, checks]))
        self.runtime = Runtime(self.engine, gogc=gogc, procs=procs, debug=debug)
        if procs > 1:
            self.runtime.state.team.least_bytes = 0
        for name, (size, offsets) in KINDS.items():
            self.runtime.describe(name, size, offsets)
        self.runtime.describe("word", WORD, [0])
        self.table = self.runtime.roots(TABLE)

    def teardown(self) -> None:
        if hasattr(self, "runtime"):
            self.did["stressed"] += self.runtime.stress().collections
            self.did["stepped"] += self.runtime.state.increments.steps
            self.did["gone"] += self.runtime.stats().frees
            self.runtime.check()
            self.runtime.close()

    # --- The model ---

    def rooted(self) -> list[Node]:
        """What roots lead to, as far as the embedder can see."""
        scoped = [node for _, nodes in self.scopes for node in nodes]
        return [node for _, node in self.handles] + scoped + list(self.table_nodes.values())

    def seen(self) -> list[Node]:
        """What the embedder can reach, in an order that does not depend on chance."""
        return sorted(closure(self.rooted()), key=lambda node: node.addr)

    def held(self) -> list[Node]:
        """What the runtime keeps for calls to come, beside that."""
        arguments = [argument for node in self.special for argument in node.cleanups]
        return self.ready + [node for node in arguments + self.due if node is not None]

    def pick(self, i: int) -> Node | None:
        """Something that can be reached."""
        nodes = self.seen()
        return nodes[i % len(nodes)] if nodes else None

    def hold(self, node: Node) -> Handle:
        """A handle of something that can be reached."""
        return self.runtime.hold(node.addr)

    def found_dead(self) -> set[Node]:
        """What follows from a collection, now that all is swept. What is alive."""
        finalized = [node for node in self.special if node.finalizer]
        children = [child for node in finalized for child in node.links.values()]
        marked = closure(self.rooted() + self.held() + children)
        queued = [node for node in finalized if node not in marked]
        self.ready += queued
        alive = marked | set(queued)
        for node in self.special:
            if node not in alive:
                self.due += node.cleanups
                node.cleanups = []
        self.special = [node for node in self.special if node in alive and node not in queued or node.cleanups]
        for weak, _ in [pair for pair in self.weak if pair[1] not in marked]:
            self.dead_weak.append(weak)
        self.weak = [pair for pair in self.weak if pair[1] in marked]
        return alive

    def boxes(self) -> set[int]:
        """The objects through which weak pointers lead."""
        found = [self.runtime.object_at(weak._at) for weak in [weak for weak, _ in self.weak] + self.dead_weak]
        return {addr for addr, _ in filter(None, found)}

    # --- Objects and links ---

    def enter(self, handle: Handle, size: int, pointers: Iterable[int], where: int) -> None:
        """Root a new object in one of three ways."""
        node = Node(handle.address, size, frozenset(pointers))
        if where % 3 == 0 and self.scopes:
            scope, nodes = self.scopes[-1]
            nodes.append(node)
            scope.add(handle)
        elif where % 3 == 1:
            self.table[where % TABLE] = handle
            self.table_nodes[where % TABLE] = node
            handle.release()
            self.did["tabled"] += 1
        else:
            self.handles.append((handle, node))

    @rule(kind=st.sampled_from(sorted(KINDS)), where=ANY)
    def new(self, kind: str, where: int) -> None:
        size, offsets = KINDS[kind]
        self.enter(self.runtime.new(self.runtime.types[kind]), size, (at // WORD for at in offsets), where)
        self.did["new"] += 1

    @rule(words=st.sampled_from([2, 3, 40, 130, 4097]), where=ANY)
    def new_plain(self, words: int, where: int) -> None:
        self.enter(self.runtime.new_bytes(words * WORD), words * WORD, (), where)
        self.did["plain"] += 1

    @rule(words=st.sampled_from([1, 2, 64, 65, 300, 5000]), where=ANY)
    def new_array(self, words: int, where: int) -> None:
        words = min(words, 300) if self.engine == "python" else words
        self.enter(self.runtime.new(self.runtime.types["word"], words), words * WORD, range(words), where)
        self.did["array"] += 1

    @rule(i=ANY, word=ANY, j=ANY, inside=ANY)
    def link(self, i: int, word: int, j: int, inside: int) -> None:
        source, target = self.pick(i), self.pick(j)
        if source is None or target is None or not source.pointers:
            return
        at = sorted(source.pointers)[word % len(source.pointers)]
        addr = target.addr + (inside % target.size if inside % 3 == 0 else 0)
        with self.hold(source) as handle:
            handle[at] = addr
        source.words[at] = addr
        source.links[at] = target
        self.did["linked"] += 1

    @rule(i=ANY, word=ANY)
    def unlink(self, i: int, word: int) -> None:
        source = self.pick(i)
        if source is not None and source.links:
            at = sorted(source.links)[word % len(source.links)]
            with self.hold(source) as handle:
                handle[at] = None
            del source.links[at], source.words[at]

    @rule(i=ANY, word=ANY, number=st.integers(0, (1 << 64) - 1))
    def set_number(self, i: int, word: int, number: int) -> None:
        node = self.pick(i)
        if node is not None:
            at = word % (node.size // WORD)
            if at not in node.pointers:
                with self.hold(node) as handle:
                    handle[at] = number
                node.words[at] = number
                self.did["numbered"] += 1

    # --- Roots ---

    @rule(i=ANY, count=st.integers(1, 5))
    def drop(self, i: int, count: int) -> None:
        for _ in range(min(count, len(self.handles))):
            handle, _ = self.handles.pop(i % len(self.handles))
            handle.release()
            self.did["dropped"] += 1

    @rule(i=ANY)
    def clear_table(self, i: int) -> None:
        self.table[i % TABLE] = None
        self.table_nodes.pop(i % TABLE, None)

    @rule()
    def open_scope(self) -> None:
        if len(self.scopes) < 3:
            self.scopes.append((self.runtime.scope(), []))

    @rule()
    def close_scope(self) -> None:
        if self.scopes:
            scope, _ = self.scopes.pop()
            scope.close()
            self.did["scoped"] += 1

    # --- The lives of objects ---

    @rule(i=ANY)
    def make_weak(self, i: int) -> None:
        node = self.pick(i)
        if node is not None:
            self.weak.append((self.runtime.weak(node.addr), node))
            self.did["weak"] += 1

    @rule(i=ANY)
    def look(self, i: int) -> None:
        if self.weak:
            weak, node = self.weak[i % len(self.weak)]
            handle = weak.value()
            if handle is None:
                assert node not in closure(self.rooted())
            else:
                assert handle.address == node.addr
                self.handles.append((handle, node))
                self.did["revived"] += 1

    @rule(i=ANY, finalizer=st.sampled_from(["drops", "keeps"]))
    def set_finalizer(self, i: int, finalizer: str) -> None:
        node = self.pick(i)
        if node is None:
            return
        if node.finalizer:
            with pytest.raises(ValueError, match="finalizer already set"):
                self.runtime.set_finalizer(node.addr, print)
            return
        with self.hold(node) as handle:
            self.runtime.set_finalizer(handle, lambda object_: self.finalized(node, object_))
        node.finalizer = finalizer
        if node not in self.special:
            self.special.append(node)
        self.did["finalized"] += 1

    def finalized(self, node: Node, handle: Handle) -> None:
        """A finalizer is called."""
        assert handle.address == node.addr
        self.ready.remove(node)
        finalizer, node.finalizer = node.finalizer, ""
        if finalizer == "keeps":
            self.handles.append((handle, node))
            self.did["kept"] += 1

    @rule(i=ANY, j=ANY)
    def add_cleanup(self, i: int, j: int) -> None:
        node, argument = self.pick(i), self.pick(j)
        if node is None or argument is node:
            return
        with self.hold(node) as handle:
            if argument is None or j % 2:
                self.runtime.add_cleanup(handle, self.cleaned, None)
                node.cleanups.append(None)
            else:
                with self.hold(argument) as passed:
                    self.runtime.add_cleanup(handle, self.cleaned, passed)
                node.cleanups.append(argument)
        if node not in self.special:
            self.special.append(node)
        self.did["cleaned"] += 1

    def cleaned(self, argument: Handle | None) -> None:
        """A cleanup is called."""
        addrs = [None if node is None else node.addr for node in self.due]
        del self.due[addrs.index(None if argument is None else argument.address)]

    @rule()
    def run_finalizers(self) -> None:
        self.collect(True)
        expected = len(self.ready) + len(self.due)
        assert self.runtime.ready_finalizers == expected
        assert self.runtime.run_finalizers() == expected
        assert (self.ready, self.due) == ([], [])
        self.did["called"] += expected

    # --- The collector ---

    @rule(sweep=st.booleans())
    def collect(self, sweep: bool) -> None:
        if sweep:
            self.runtime.collect()
            alive = self.found_dead()
            boxes = self.boxes()
            assert self.runtime.stats().heap_objects == len(alive) + len(boxes)
            for weak in self.dead_weak:
                assert weak.value() is None
                weak.release()
            self.did["cleared"] += len(self.dead_weak)
            self.dead_weak = []
            self.did["collected"] += 1
        else:
            self.runtime.collect(sweep=False)
            finalized = [node for node in self.special if node.finalizer]
            alive = closure(self.rooted() + self.held() + finalized)
            boxes = self.boxes()
            self.did["unswept"] += 1
        assert {found.address for found in self.runtime.objects()} == {node.addr for node in alive} | boxes

    @rule(gogc=st.sampled_from(["off", 1, 100]), limit=st.sampled_from([1 << 40, 16 << 20]))
    def run_otherwise(self, gogc: str | int, limit: int) -> None:
        self.runtime.set_gogc(gogc)
        self.runtime.set_memory_limit(limit)
        self.did["limited"] += 1

    @rule()
    def free_os_memory(self) -> None:
        self.runtime.free_os_memory()

    # --- At any time ---

    @invariant()
    def every_object_reads_back(self) -> None:
        if hasattr(self, "runtime"):
            for node in self.seen():
                assert ctypes.string_at(node.addr, node.size) == node.text()
                assert self.runtime.object_at(node.addr + node.size - 1) is not None


@pytest.mark.full
@pytest.mark.parametrize("engine", ENGINES)
def test_embedders_that_nobody_wrote(engine: str, seed: int) -> None:
    if engine == "python":
        run_machine(EmbeddingMachine, engine, seed, examples=15, steps=50, wanted=DOINGS)
    else:
        run_machine(EmbeddingMachine, engine, seed, examples=50, steps=50, wanted=DOINGS + RARER)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_embedders_that_nobody_wrote_for_long(engine: str, seed: int) -> None:
    examples = 200 if engine == "python" else 600
    run_machine(EmbeddingMachine, engine, seed, examples, 60, DOINGS if engine == "python" else DOINGS + RARER)
