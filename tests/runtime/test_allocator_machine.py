"""The whole allocator and the collector against a model that knows what is alive, and every byte of it.

Drawn are sizes (often at a border), types, links, roots, collections with and without sweeping, GOGC, gcstress and what
the system refuses. After each step every object reads back, every invariant of the heap holds, and every page is
counted again.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runtime.cycle import update_goal
from runtime.sweeper import sweep_some
from runtime.syspy import memset
from runtime.types import Type
from tests.runtime.allocator_model import ROOT_SLOTS, WORD, AllocatorModel, Object
from tests.runtime.heaps import NONE, HeapUnderTest, make_type
from tests.runtime.machines import run_machine
from tests.runtime.recount import check_pages, read_stats, recounted_stats

pytestmark = pytest.mark.full_on_python

KIB, MIB = 1 << 10, 1 << 20

BORDERS = [0, 1, 7, 8, 9, 15, 16, 17, 24, 32, 48, 504, 511, 512, 513, 520, 1016, 1023, 1024, 1025, 8184, 8192, 8193]
BORDERS += [32752, 32759, 32760, 32761, 32767, 32768, 32769, 40960, 65536]
SIZES = st.one_of(
    st.sampled_from(BORDERS),
    st.integers(1, 128),
    st.integers(1, 2048),
    st.integers(1, 40 * KIB),
    st.sampled_from([1 * MIB, 1 * MIB + 1, 4 * MIB, 5 * MIB - 8]),
)
# The words of a type that are pointers; the type is repeated as often as it fits.
SHAPES = st.one_of(
    st.just(()),
    st.sampled_from([(1,), (1, 1), (1, 0), (0, 1), (0, 0, 1), (1, 0, 0, 0, 0, 0, 0), (0,) * 63 + (1,), (1,) * 64]),
    st.lists(st.integers(0, 1), min_size=1, max_size=70).map(tuple),
)
ANY = st.integers(0, 1 << 30)
WORDS = st.one_of(st.just(0), st.just(-1), ANY)  # of an object: the first, the last, any
SLOTS = st.integers(0, ROOT_SLOTS - 1)
GOGCS = st.sampled_from([-1, 1, 10, 50, 100, 100, 400])
DOINGS = "noscan small linked dropped collected swept freed switched".split()  # in any round
RARER = (
    "recycled below inside tiny header large unlinked moved held released partly_swept counted stressed refused".split()
)


class AllocatorMachine(RuleBasedStateMachine):
    """Programs that nobody wrote."""

    def __init__(self, engine: Any, did: Counter[str]) -> None:
        super().__init__()
        self.did = did
        self.engine = engine
        self.types: dict[tuple[int, ...], Type] = {}
        # The slow engine marks a word in microseconds.
        self.most_scan, self.most_lost = (64 * KIB, 12) if engine.name == "python" else (MIB, 200)

    @initialize(gogc=GOGCS, stress=st.sampled_from([0, 0, 1, 3, 7]), checked=st.booleans(), clobber=st.booleans())
    def begin(self, gogc: int, stress: int, checked: bool, clobber: bool) -> None:
        if self.engine.name == "python" and stress:
            stress, checked = 7, False  # a check takes a tenth of a second there
        debug = f"gcstress={stress},gccheckmark={int(checked)},heapcheck={int(checked)},clobberfree={int(clobber)}"
        self.heap = HeapUnderTest(self.engine, gogc, debug)
        self.model = AllocatorModel(self.heap)

    def teardown(self) -> None:
        if not hasattr(self, "heap"):
            return
        heap = self.heap.heap
        self.did["stressed"] += self.heap.state.gc.stress_collections
        self.did["freed"] += sum(heap.stats.small_free_count[c] for c in range(68)) + heap.stats.large_free_count
        self.heap.close()

    def one_of(self, i: int) -> Object:
        """Some object."""
        objects = list(self.model.objects.values())
        return objects[i % len(objects)]

    def type_of(self, shape: tuple[int, ...]) -> Type:
        """The type of a shape."""
        if not any(shape):
            return NONE
        if shape not in self.types:
            self.types[shape] = make_type(WORD * len(shape), [WORD * i for i, bit in enumerate(shape) if bit])
        return self.types[shape]

    # --- Allocation ---

    @rule(size=SIZES, shape=SHAPES, slot=SLOTS, zero=st.booleans())
    def malloc(self, size: int, shape: tuple[int, ...], slot: int, zero: bool) -> None:
        typ = self.type_of(shape)
        if typ is not NONE:
            size = max(1, min(size, self.most_scan) // typ.size) * typ.size
        pointers = [at for at in range(0, size, WORD) if shape[at // WORD % len(shape)]] if typ is not NONE else []
        self.model.malloc(size, typ, pointers, slot, zero)
        self.did[self.kind(size, typ)] += 1

    @rule(size=st.integers(1, 24), slot=SLOTS)
    def malloc_tiny(self, size: int, slot: int) -> None:
        self.malloc(size, (), slot, True)

    @rule(size=st.integers(8, 1200), shape=SHAPES, slot=SLOTS)
    def malloc_small(self, size: int, shape: tuple[int, ...], slot: int) -> None:
        self.malloc(size, shape, slot, True)

    @rule(size=st.sampled_from(BORDERS), shape=st.sampled_from([(), (1,)]), slot=SLOTS)
    def malloc_at_a_border(self, size: int, shape: tuple[int, ...], slot: int) -> None:
        self.malloc(size, shape, slot, True)

    def kind(self, size: int, typ: Type) -> str:
        if size == 0 or size > 32760:
            return "large" if size else "zero"
        if typ is NONE:
            return "tiny" if size < 16 else "noscan"
        return "small" if size <= 512 else "header"

    @rule(size=st.one_of(st.sampled_from(BORDERS), st.integers(1, 2048)), shape=SHAPES, count=st.integers(10, 200))
    def malloc_many_and_lose_them(self, size: int, shape: tuple[int, ...], count: int) -> None:
        typ = self.type_of(shape)
        if typ is not NONE:
            size = max(1, size // typ.size) * typ.size
        count = min(count, 20 if self.heap.state.knobs.gc_stress else self.most_lost)
        for _ in range(count):
            # Nothing leads there, so it may be anything, pointers too; whoever gets the slot next gets zeroes.
            memset(self.model.fresh(size, typ), 0xA5, size)
        self.did["lost"] += count

    @rule(
        size=st.one_of(st.integers(1, 24), st.sampled_from(BORDERS), st.integers(1, 2048)),
        shape=SHAPES,
        count=st.integers(1, 60),
        more=st.sampled_from([0, 0, 0, 8, 8 * KIB, 300 * KIB]),
        sweep=st.booleans(),
        slot=SLOTS,
    )
    def recycle(self, size: int, shape: tuple[int, ...], count: int, more: int, sweep: bool, slot: int) -> None:
        self.malloc_many_and_lose_them(size, shape, count)
        self.heap.gc() if sweep else self.heap.collect()
        for i in range(min(count, 4)):
            self.malloc(size + more, shape, (slot + i) % ROOT_SLOTS, True)
        self.did["recycled"] += 1

    @precondition(lambda self: self.model.linkable())
    @rule(source=ANY, word=WORDS, inside=ANY, size=SIZES, shape=SHAPES)
    def malloc_below(self, source: int, word: int, inside: int, size: int, shape: tuple[int, ...]) -> None:
        sources = self.model.linkable()
        one = sources[source % len(sources)]
        slot = next((slot for slot in range(ROOT_SLOTS) if slot not in self.model.roots), None)
        if slot is not None:
            self.malloc(size, shape, slot, True)
            made = self.model.objects[self.model.roots[slot]]
            self.model.link(one, one.pointers[word % len(one.pointers)], made, inside % max(1, made.size))
            self.model.set_root(slot, None, 0)
            self.did["below"] += 1

    # --- Links and roots ---

    @precondition(lambda self: self.model.linkable())
    @rule(source=ANY, word=WORDS, to=ANY, inside=ANY)
    def link(self, source: int, word: int, to: int, inside: int) -> None:
        sources = self.model.linkable()
        one, other = sources[source % len(sources)], self.one_of(to)
        offset = one.pointers[word % len(one.pointers)]
        self.model.link(one, offset, other, inside % max(1, other.size))
        self.did["linked"] += 1

    @precondition(lambda self: any(one.links for one in self.model.objects.values()))
    @rule(source=ANY, word=ANY)
    def unlink(self, source: int, word: int) -> None:
        sources = [one for one in self.model.objects.values() if one.links]
        one = sources[source % len(sources)]
        self.model.link(one, sorted(one.links)[word % len(one.links)], None, 0)
        self.did["unlinked"] += 1

    @precondition(lambda self: self.model.roots)
    @rule(slot=ANY)
    def drop(self, slot: int) -> None:
        slots = sorted(self.model.roots)
        self.model.set_root(slots[slot % len(slots)], None, 0)
        self.did["dropped"] += 1

    @precondition(lambda self: self.model.objects)
    @rule(slot=SLOTS, to=ANY, inside=ANY)
    def root(self, slot: int, to: int, inside: int) -> None:
        one = self.one_of(to)
        self.model.set_root(slot, one, inside % max(1, one.size))
        self.did["moved"] += 1

    @precondition(lambda self: self.model.roots)
    @rule(slot=ANY, inside=st.one_of(ANY, st.just(-1)))
    def let_roots_lead_inside(self, slot: int, inside: int) -> None:
        number = self.model.roots[sorted(self.model.roots)[slot % len(self.model.roots)]]
        one = self.model.objects[number]
        for at in [at for at, held in self.model.roots.items() if held == number]:
            self.model.set_root(at, one, inside % max(1, one.size))
        self.did["inside"] += 1

    @precondition(lambda self: self.model.objects)
    @rule(to=ANY)
    def hold(self, to: int) -> None:
        self.did["held"] += self.model.new_handle(self.one_of(to))

    @precondition(lambda self: self.model.handles)
    @rule(handle=ANY)
    def release(self, handle: int) -> None:
        handles = sorted(self.model.handles)
        self.model.free_handle(handles[handle % len(handles)])
        self.did["released"] += 1

    # --- The collector ---

    @rule()
    def collect(self) -> None:
        self.heap.collect()
        self.did["collected"] += 1

    @rule()
    def collect_and_sweep(self) -> None:
        self.heap.gc()
        self.model.check_survivors()
        self.did["swept"] += 1

    @rule(spans=st.integers(1, 20))
    def sweep(self, spans: int) -> None:
        for _ in range(spans):
            self.heap.call(sweep_some, self.heap.heap, self.heap.p, 1)
        self.did["partly_swept"] += 1

    @rule(number=st.integers(0, 3))
    def run_on(self, number: int) -> None:
        """Another P goes on with the same program: what one has cached, another's collection takes."""
        self.did["switched"] += self.heap.run_on(number)

    @rule(gogc=GOGCS)
    def set_gogc(self, gogc: int) -> None:
        self.heap.state.knobs.gogc = gogc
        self.heap.call(update_goal, self.heap.state)

    @rule()
    def count(self) -> None:
        m, slow = read_stats(self.heap), recounted_stats(self.heap)
        assert {name: getattr(m, name) for name in slow} == slow
        self.did["counted"] += 1

    @precondition(lambda self: not self.heap.state.knobs.gc_check_mark)  # the check needs memory of its own
    @rule(nth=st.integers(1, 3), size=st.one_of(SIZES, st.integers(MIB, 6 * MIB)), shape=SHAPES, slot=SLOTS)
    def malloc_while_the_system_refuses_once(self, nth: int, size: int, shape: tuple[int, ...], slot: int) -> None:
        memory = self.heap.heap.memory
        memory.refuse_at = memory.requests + nth
        self.malloc(size, shape, slot, True)
        self.did["refused"] += memory.requests >= memory.refuse_at
        memory.refuse_at = 0

    # --- At any time ---

    @invariant()
    def every_object_reads_back(self) -> None:
        self.model.check_contents()
        self.model.check_apart()

    @invariant()
    def every_invariant_holds(self) -> None:
        self.heap.check()

    @invariant()
    def every_page_is_counted_once(self) -> None:
        check_pages(self.heap)


def test_programs_that_nobody_wrote(any_engine: Any, seed: int) -> None:
    if any_engine.name == "python":
        run_machine(AllocatorMachine, any_engine, seed, examples=4, steps=25, wanted=DOINGS)
    else:
        run_machine(AllocatorMachine, any_engine, seed, examples=40, steps=40, wanted=DOINGS + RARER)


@pytest.mark.slow
def test_programs_that_nobody_wrote_for_long(any_engine: Any, seed: int) -> None:
    examples, steps = (15, 40) if any_engine.name == "python" else (300, 60)
    wanted = DOINGS if any_engine.name == "python" else DOINGS + RARER
    run_machine(AllocatorMachine, any_engine, seed, examples, steps, wanted)
