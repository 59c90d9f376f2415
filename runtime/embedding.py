"""Embedding: the runtime as a Python class, on either engine. README.md is its manual.

    Runtime     one heap and its collector
    Object      what a walk over the heap tells of an object
    Phase       what a callback of the collector is told
    Stats       what runtime.ReadMemStats tells

Runs in Python only. Every call of a systems function goes through `_run`, or, if it changes nothing, through `_look`:

    EB1  one call at a time is inside of the runtime; inside of a callback of the collector, only looks
    EB2  an exception of a callback waits until the runtime's own call is done, and is raised there; so does one of a
         signal's handler, since it could come where a callback begins
    EB3  after a Failure that is not "out of memory", nothing but close
    EB4  what is allocated, or found at an address, has its handle before another thread can come in

The state of a Runtime, the struct of heap.py, is `runtime.state`: all of it can be looked at.

Go has no like: a Go program is the only one of its runtime.                               Next: syspy/__init__.py
"""

from __future__ import annotations

import ctypes
from _thread import get_ident
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from operator import setitem
from types import FunctionType, TracebackType
from typing import Any, NoReturn, Self, cast
from weakref import ref

from runtime import boundary, finalizers, walk
from runtime.collect import collect, gc
from runtime.damage import Damage, find_damages, with_damages
from runtime.descriptions import WORD, HeapType, TypeTable
from runtime.engines import HeldSignals, backend
from runtime.finalizers_embedding import Calls, Cleanup, CleanupCall, Finalizer, checked, held, place_of
from runtime.handles import MEMORY, Handle, RootTable, Scope, address_of, addresses_of, check_handle
from runtime.heap import SHADOW_BYTES, new_runtime
from runtime.heap import Runtime as State
from runtime.heap_check import check_heap, find_path
from runtime.holdings import Holdings, give_back_dropped
from runtime.knobs import MAX_INT32, KnobError, Settings
from runtime.layout import ADDRESS_LIMIT, PHYS_PAGE_SIZE, TINY_SIZE, align_up
from runtime.malloc import MAX_ALLOC, mallocgc
from runtime.mem_profile import publish_all
from runtime.mem_sample import set_mem_profile_rate
from runtime.memory_control import free_os_memory, set_memory_limit
from runtime.memstats import MemStats, read_mem_stats
from runtime.metrics import Samples, Value, metric_values, read_samples
from runtime.mheap import MHeap
from runtime.parallel import Abandoned, run_parallel
from runtime.profile_records import Record, read_records
from runtime.refusals import MAX_WORD, Busy, Closed, counted, each, flag, raw, shown, whole, whole_in
from runtime.roots import add_globals
from runtime.scavenge import NO_LIMIT
from runtime.settings import set_gc_percent
from runtime.specials import ADDED, FINALIZER
from runtime.stress import count_allocations
from runtime.stress_report import StressReport, stress_report
from runtime.syspy import FAIL_THROW, Failure, address, array_at, offsetof, u8, u64
from runtime.syspy.entries import bounds
from runtime.types import Type
from runtime.watcher import Path, Watched, Watcher, path_to
from runtime.weak import weak_make, weak_value
from runtime.weak_embedding import Weak
from runtime.world import start_the_world, stop_the_world

PHASES = ("start", "marked", "swept")  # by PHASE_* of phases.py
HANDLES_AT_ONCE = 64  # numbers of handles that are reserved together
INTEGER_NAMES = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "uintptr")
HOOK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)  # what the runtime calls at a phase


@dataclass(frozen=True)
class Stats:
    """What the heap holds and the collector did; bytes, unless a name says otherwise."""

    heap_alloc: int  # of objects that are not freed
    heap_objects: int  # objects that are not freed
    mallocs: int  # objects allocated so far
    frees: int  # objects freed so far
    heap_inuse: int  # of pages in spans
    heap_sys: int  # of all the heap's pages
    heap_released: int  # of those that the system does not back
    sys: int  # taken from the system
    next_gc: int  # of the heap when the next collection starts
    num_gc: int  # collections
    num_forced_gc: int  # collections asked for
    pause_total_ns: int  # nanoseconds in all collections


@dataclass(frozen=True)
class Phase:
    """A collection has come so far."""

    name: str  # "start", "marked" or "swept"
    number: int  # of the collection; the first is 1
    forced: bool  # somebody asked for it
    heap_live: int  # bytes in use: before the collection, or those that it marked
    goal: int  # bytes: what it was to start at; once marked, what the next one is to start at


@dataclass(frozen=True)
class Object:
    """An object of the heap."""

    address: int  # first byte
    size: int  # bytes that there is room for: of its size class, perhaps more than were asked for
    type: HeapType | None  # None if the heap does not know: up to 512 bytes, or without pointers


class Runtime:
    """A heap and its collector."""

    def __init__(
        self,
        engine: str = "native",
        *,
        gogc: int | str = 100,
        debug: str | Mapping[str, int] = "",
        shadow_bytes: int = SHADOW_BYTES,
        background: bool = False,
        procs: int = 1,
        mem_profile_rate: int | None = None,
        watch: Iterable[int] = (),
    ) -> None:
        """Engine: "native" or "python". gogc and debug are as in GOGC and GODEBUG (knobs.py); debug may be a mapping.

        shadow_bytes is the room for the shadow stack of a compiled program. background: one thread gives free memory
        back to the system and another one sweeps, as in a Go program. procs: threads that mark a heap of some size
        together, GOMAXPROCS; at most 8 do. mem_profile_rate: sample one allocation in so many bytes; 1: each; 0: none,
        unless memprofilerate is in debug. watch: numbers of allocations, from 1 on, whose objects' stories are kept.
        """
        self.is_open = False
        self.lives: dict[int, ref[Handle]] = {}  # the handles that Python has, by number
        self.dropped: dict[int, object] = {}  # the numbers of those that it has dropped
        self.notes: dict[int, partial[None]] = {}  # by number, what puts it there when it is called
        self._is_idle = True  # EB1: nothing is inside of the runtime
        self._teller = 0  # the thread that a callback is running on
        self._error: BaseException | None = None  # EB2
        self._failure: Failure | None = None  # EB3
        self._callbacks: list[Callable[[Phase], object]] = []
        self._hook = HOOK(self._tell)
        self._tables: list[RootTable] = []
        self._calls = Calls()
        self._free: list[int] = []  # numbers of handles that are reserved, and hold nil
        self._in_steps = False  # stores need a write barrier
        self._has_callbacks = engine == "python"  # Python runs inside of calls: it may be the runtime itself
        settings = _settings(gogc, debug).with_seed()
        settings = self._settings = settings._replace(gomaxprocs=whole_in(procs, 1, MAX_INT32, "procs"))
        room = align_up(whole_in(shadow_bytes, WORD, ADDRESS_LIMIT, "shadow_bytes"), PHYS_PAGE_SIZE)
        give_back_dropped()
        self._engine = backend(engine)
        self._has_background = False  # something of the runtime's own runs beside the embedder
        self._state = State.at(self._run(self._engine.call, new_runtime, settings.gogc, room))
        self._holdings = Holdings(self._engine, self._state)
        self._holdings.owned_by(self)
        self._g = self._state.g0
        self._zero_base = address(self._state.heap) + offsetof(MHeap, "zero_base")  # of objects that have no bytes
        self.is_open = True
        try:
            self._equip(settings, background, mem_profile_rate, watch)
        except BaseException:
            self.close()
            raise

    def _equip(self, settings: Settings, background: bool, mem_profile_rate: int | None, watch: Iterable[int]) -> None:
        """Make a runtime that has its memory one that can be used."""
        settings.apply(self._state)
        self._in_steps = settings.gcstoptheworld == 0
        self._allocate = self._engine.bind(boundary.allocate, self._g)
        self._put_pointer = self._engine.bind(boundary.put_pointer, self._g)
        self._object_at = self._engine.bind(walk.object_at, self._g)
        self._types = TypeTable(self)
        self.types: Mapping[str, HeapType] = self._types.names  # by name
        if flag(background, "background"):
            self._holdings.start_background()
            self._has_background = True
        self._state.team.hook = self._holdings.markers.hook
        self._watcher = self._started_watcher(watch)
        rate = max(settings.memprofilerate, 0) if mem_profile_rate is None else mem_profile_rate
        if rate != 0:
            self.set_mem_profile_rate(rate)

    @property
    def has_failed(self) -> bool:
        """Whether an invariant was found broken: nothing but close is left."""
        return self._failure is not None

    @property
    def state(self) -> State:
        """The root struct. To look at; it and its views end with the Runtime, at close or when Python drops it."""
        self.check_open()
        return self._state

    # --- Types ---

    def describe(self, name: str, size: int, pointers: Iterable[int] = (), align: int | None = None) -> HeapType:
        """A type of size bytes with pointers at these offsets. It lives as long as this Runtime."""
        self.check_open()
        return self._types.describe(name, size, pointers, align)

    def array(self, name: str, element: HeapType, count: int) -> HeapType:
        """The type of count values in a row. (An array that is an object needs none: new(typ, count).)"""
        self.check_open()
        return self._types.array(name, element, count)

    # --- Objects ---

    def new(self, typ: HeapType, count: int = 1) -> Handle:
        """A zeroed object: count values of the type."""
        if type(count) is int and count == 1 and type(typ) is HeapType and typ.owner is self and typ.name:
            addr, number = self._run(self._rooted, typ.make)
            return Handle(self, addr, number, typ.size, typ)
        size = self._size_of(typ, count)
        addr, number = self._run(self._rooted, self._allocate, size, typ.struct_address)
        return Handle(self, addr, number, size, typ)

    def new_bytes(self, size: int | bytes) -> Handle:
        """A zeroed object of size bytes without pointers; or one that holds these bytes."""
        if issubclass(type(size), Integral):  # one of numpy's is a buffer as well, but meant as a number
            return self.new(self._types.bytes, cast(int, size))
        data = raw(size, "what is stored")
        made = self.new(self._types.bytes, len(data))
        made.write(0, data)
        return made

    def allocate(self, typ: HeapType, count: int = 1) -> int:
        """The address of a new object that no root leads to yet: it lives until the next call that can collect."""
        return int(self._run(self._allocate, self._size_of(typ, count), typ.struct_address))

    def _size_of(self, typ: HeapType, count: int) -> int:
        """How many bytes so many values of a type are, which an object can have."""
        self._types.check_own(typ)
        size = typ.size * whole(count, "count")
        if not 0 <= size <= MAX_ALLOC or count < 0:
            raise ValueError(
                f"{counted(count, 'value')} of {counted(typ.size, 'byte')}: an object has 0 to {MAX_ALLOC} bytes"
            )
        return size

    def hold(self, addr: int) -> Handle:
        """A handle of the object that addr points to or into. Its size is that of the object's slot, perhaps more.

        Objects of less than 16 bytes without pointers share a slot: of those, what is behind addr.
        """
        whole_in(addr, 0, MAX_WORD, "an address")
        made: Handle | None = self._run(self._held, addr)
        if made is None:
            raise ValueError(f"there is no object at {addr:#x}")
        return made

    def _held(self, addr: int) -> Handle | None:
        """A handle of what is at an address. EB4."""
        found = self._told(addr, self._stopped(self._object_at, addr))
        if found is None:
            return None
        start, size, typ = found
        if size == TINY_SIZE and not typ.pointers:
            start, size = addr, start + size - addr
        return Handle(self, start, self._root(start), size, typ)

    def object_at(self, addr: int) -> tuple[int, int] | None:
        """The object that addr points to or into, as its address and its bytes; None if there is none."""
        found = self._found(addr)
        return found[:2] if found else None

    def _found(self, addr: int) -> tuple[int, int, HeapType] | None:
        """The object that addr points to or into, and its type: without a name, if the heap knows only its pointers."""
        if type(addr) is not int or not 0 <= addr <= MAX_WORD:
            whole_in(addr, 0, MAX_WORD, "an address")
        return self._told(addr, self._look(self._object_at, addr))

    def _told(self, addr: int, words: tuple[int, int, int, int]) -> tuple[int, int, HeapType] | None:
        """What the runtime says of an address, in Python's words."""
        start, size, typ, words_of_pointers = words
        if start:
            return start, size, self._types.at(typ) or self._types.unnamed(size, words_of_pointers)
        return (addr, 0, self._types.bytes) if addr == self._zero_base else None

    def objects(self) -> Iterator[Object]:
        """All objects that are not dead or freed, as they are now. After collect(): those that something leads to."""
        room = self._look(self._engine.call, walk.count_objects, self._g)
        found = (ctypes.c_uint64 * (walk.ENTRY_WORDS * room + 1))()
        self._look(self._engine.call, walk.list_objects, self._g, array_at(u64, ctypes.addressof(found)), room)
        at = self._types.at
        return (Object(found[i], found[i + 1], at(found[i + 2])) for i in range(0, len(found) - 1, walk.ENTRY_WORDS))

    def referents(self, start: Handle | int) -> list[int]:
        """The pointers of an object that are not nil, in the order of its words; as they are, interior ones too."""
        addr = address_of(self, start)
        found = self._found(addr)
        if found is None:
            raise ValueError(f"there is no object at {addr:#x}")
        first, size, typ = found
        words = (MEMORY[(first >> 3) + i] for i in range(size // WORD) if typ.is_pointer(i))
        return [word for word in words if word]

    def reachable_from(self, *starts: Handle | int) -> set[int]:
        """The addresses of all objects that pointers lead to from these; they are among them."""
        self.check_open()
        waiting, reached = addresses_of(self, starts), set[int]()
        while waiting:
            found = self.object_at(waiting.pop())
            if found is not None and found[0] not in reached:
                reached.add(found[0])
                waiting += self.referents(found[0])
        return reached

    # --- Roots ---

    def scope(self) -> Scope:
        """Handles that end together: `with runtime.scope() as s: s.new(...)`."""
        self.check_open()
        return Scope(self)

    def roots(self, count: int) -> RootTable:
        """A table of so many words that are roots, for good."""
        self.check_open()
        made = RootTable(self, count)
        heap, size, mask = self._state.heap, len(made) * WORD, array_at(u8, ctypes.addressof(made.mask))
        if not self._run(self._engine.call, add_globals, self._state.roots, heap.persistent, made.address, size, mask):
            raise MemoryError("out of memory")
        self._tables.append(made)
        return made

    def root(self, addr: int) -> int:
        """The number of a new handle, which holds an address of or in an object until unroot."""
        if self._found(addr) is None:
            raise ValueError(f"there is no object at {addr:#x}")
        return int(self._run(self._root, addr))

    def _root(self, addr: int) -> int:
        """The same, inside of the runtime. EB4."""
        if not self._free:
            self._reserve()
        if self._in_steps:
            self._engine.call(boundary.keep_both, self._g, 0, addr)
        return self._claimed(addr)

    def _allocate_at(self, at: int, typ: HeapType, count: int) -> int:
        """The address of a new object, which is stored in the root at an address; for RootTable."""
        return int(self._run(self._allocated_at, at, self._size_of(typ, count), typ.struct_address))

    def _allocated_at(self, at: int, size: int, typ: int) -> int:
        """The same. EB4."""
        addr: int = self._allocate(size, typ)
        MEMORY[at >> 3] = addr
        return addr

    def check_idle(self) -> None:
        """Raise unless something can be changed now."""
        if not self._is_idle:
            self._refuse()

    def _rooted(self, call: Callable[..., int], *values: int) -> tuple[int, int]:
        """The address of what a call allocates, and the number of a new handle of it. EB4."""
        if not self._free:
            self._reserve()
        addr = call(*values)
        return addr, self._claimed(addr)

    def _claimed(self, addr: int) -> int:
        """The number of a reserved handle, which holds an address from now on."""
        number = self._free.pop()  # EB4
        MEMORY[self._handles + number] = addr
        return number

    def unroot(self, number: int) -> None:
        """End a handle that `root` has made."""
        self.check_open()
        is_one = whole(number, "the number of a handle") in self.notes and number not in self.lives
        if not is_one or number in self._free or number in self.dropped:
            raise ValueError(f"{shown(number)} is no number that root has given, or was ended")
        self._end_handle(number)

    def _end_handle(self, number: int) -> None:
        """End a handle."""
        self.lives.pop(number, None)  # none, if Python has only the number
        if not self._is_idle:
            self.dropped[number] = None  # HD1
        elif self.is_open:
            MEMORY[self._handles + number] = 0
            self._free.append(number)

    def _end_dropped(self) -> None:
        """End the handles that Python has dropped. EB4."""
        while self.dropped:
            number, _ = self.dropped.popitem()
            self.lives.pop(number, None)
            MEMORY[self._handles + number] = 0
            self._free.append(number)

    def _reserve(self) -> None:
        """Reserve numbers for handles. The table may move. EB4."""
        numbers = (ctypes.c_uint64 * HANDLES_AT_ONCE)()
        view = array_at(u64, ctypes.addressof(numbers))
        self._engine.call(boundary.reserve_handles, self._g, view, HANDLES_AT_ONCE)
        self._handles = address(self._state.roots.handles) >> 3
        self.notes |= {number: partial(setitem, self.dropped, number) for number in numbers}
        self._free = numbers[::-1]  # last: an interrupt may come in between

    def _store_pointer(self, at: int, value: Handle | int | None) -> None:
        """Store in a pointer word, for Handle and RootTable: a Handle, None, or the address of or in an object."""
        if not self._is_idle:
            self._refuse()
        if isinstance(value, Handle):
            if value._runtime is not self:
                raise ValueError(f"{value!r} is of another runtime")
            word = value._address if value._number >= 0 else value.address
        elif value is None or type(value) is int and value == 0:
            word = 0
        elif self._run(self._put_pointer, at, whole_in(value, 0, MAX_WORD, "a pointer")):
            return
        else:
            raise ValueError(f"{value:#x} is not the address of an object: the collector could not follow it")
        if self._in_steps:
            self._run(self._stored, at, word)
        else:
            MEMORY[at >> 3] = word

    def _stored(self, at: int, word: int) -> None:
        """The same, with a barrier: no collection begins in between. EB1."""
        self._engine.call(boundary.keep_both, self._g, MEMORY[at >> 3], word)
        MEMORY[at >> 3] = word

    # --- The system's memory ---

    def free_os_memory(self) -> None:
        """Collect, and give all that is free back to the system."""
        self._run(self._engine.call, free_os_memory, self._g)

    def set_memory_limit(self, limit: int) -> int:
        """Let so many bytes be ready from now on; less than 0 changes nothing. Returns how many could be before."""
        limit = min(max(whole(limit, "a memory limit"), -1), NO_LIMIT)
        return int(self._run(self._engine.call, set_memory_limit, self._g, limit))

    # --- The collector ---

    def collect(self, sweep: bool = True) -> None:
        """Collect now, and sweep all unless told not to."""
        if flag(sweep, "sweep"):
            self._run(self._engine.call, gc, self._g)
        else:
            self._run(self._engine.call, collect, self._g, True)

    def set_gogc(self, gogc: int | str) -> int:
        """Change GOGC from now on. Returns what it was, -1 for off."""
        return int(self._run(self._engine.call, set_gc_percent, self._g, _settings(gogc, "").gogc))

    def check(self) -> None:
        """Check every invariant of the heap. Damaged, which is a Failure, has all that do not hold."""
        self._run(self._stopped, self._engine.call, check_heap, self._state)

    def damages(self) -> tuple[Damage, ...]:
        """Every invariant of the heap that does not hold, and where; the runtime is as it was before."""
        self.check_open()
        if self._failure is not None:
            return find_damages(self._state)
        found: tuple[Damage, ...] = self._run(self._stopped, find_damages, self._state)
        return found

    def stats(self) -> Stats:
        """What the heap holds and the collector did."""
        m = MemStats()
        self._run(self._engine.call, read_mem_stats, self._g, m)
        return Stats(**{name: getattr(m, name) for name in Stats.__dataclass_fields__})

    def stress(self) -> StressReport:
        """What the stress modes in debug did so far: what was counted, and the seed to do the same again."""
        self.check_open()
        return stress_report(self._state, self._settings.stress_seed)

    def _started_watcher(self, numbers: Iterable[int]) -> Watcher | None:
        """What keeps the stories of the objects of so many allocations; None if there are none."""
        wanted = [whole_in(number, 1, MAX_WORD, "the number of an allocation") for number in each(numbers, "watch")]
        if not wanted:
            return None
        self._run(self._stopped, self._engine.call, count_allocations, self._state)
        self._has_callbacks = True
        self._state.phase_hook = ctypes.cast(self._hook, ctypes.c_void_p).value or 0
        return Watcher(self._state, wanted, self._find_path)

    def watched(self, number: int) -> Watched:
        """What has happened so far to the object of an allocation that is watched."""
        self.check_open()
        whole(number, "the number of an allocation")
        if self._watcher is None or number not in self._watcher.watched:
            raise ValueError(f"allocation {shown(number)} is not watched: Runtime(watch=[...])")
        return self._watcher.watched[number]

    def path_to(self, target: Handle | int) -> Path | None:
        """The shortest way from a root to an object, or to an address in one; None if nothing leads there."""
        addr = address_of(self, target)
        if self._found(addr) is None:
            raise ValueError(f"there is no object at {addr:#x}")
        return path_to(self._state, addr, self._find_path)

    def _find_path(self, slot: int, out: int, room: int) -> int:
        """find_path, for path_to."""
        return int(self._look(self._engine.call, find_path, self._state, slot, array_at(u64, out), room))

    def weak(self, target: Handle | int) -> Weak:
        """A weak pointer to the object of a handle, or to an address in an object that is alive."""
        addr = address_of(self, target)
        box = self._run(self._engine.call, weak_make, self._state.g0, addr)
        if addr == address(self._state.heap) + offsetof(MHeap, "zero_base"):
            raise ValueError("objects of size 0 are all one that never dies: nothing can lead to it weakly")
        if box == 0:
            raise ValueError(f"there is no object at {addr:#x}")
        return Weak(self, box)

    def _weak_target(self, box: int) -> Handle | None:
        """A handle of what a weak handle leads to; None once that was found dead. For Weak."""
        found: Handle | None = self._run(self._weakly_held, box)
        return found

    def _weakly_held(self, box: int) -> Handle | None:
        """The same. EB4."""
        addr = self._engine.call(weak_value, self._g, box)
        return self._held(addr) if addr != 0 else None

    # --- Finalizers and cleanups ---

    def set_finalizer(self, target: Handle | int, function: Callable[[Handle], object] | None) -> None:
        """Call function with a handle of the object, once, when only that would still lead to it; None: do not.

        Called by run_finalizers. What the object leads to lives until then. ValueError, in Go's words: there is one
        already, or target is no object's first byte.
        """
        addr, shape = place_of(self, target)
        if function is None:
            self._calls.take(self._run(self._engine.call, finalizers.remove_finalizer, self._g, addr))
            return
        number = self._calls.add(Finalizer(checked(function), shape.size, shape.type))
        is_tiny = shape.size < TINY_SIZE and not shape.type.pointers
        outcome = ADDED + 1
        try:
            outcome = self._run(self._engine.call, finalizers.set_finalizer, self._g, addr, number, is_tiny)
        finally:
            if outcome != ADDED:
                self._calls.take(number)
        if outcome in finalizers.SET_TEXTS:
            raise ValueError(finalizers.SET_TEXTS[outcome])

    def add_cleanup(self, target: Handle | int, function: Callable[[Any], object], arg: Any) -> Cleanup:
        """Call function with arg when the object is dead and will not come back. An object can have many.

        Called by run_finalizers. arg is kept alive until then: neither it nor function may lead to the object.
        ValueError, in Go's words: arg is a handle of the object.
        """
        addr, _ = place_of(self, target)
        if isinstance(arg, Handle) and arg._runtime is self:
            if arg.address == addr:
                raise ValueError(finalizers.EQUAL_TEXT)
            if self._run(self._engine.call, finalizers.keeps_alive, self._g, addr, arg.address):
                raise ValueError(finalizers.WITHIN_TEXT)
        number = self._calls.add(CleanupCall(checked(function), held(self, arg)))
        cleanup = finalizers.IMMORTAL_CLEANUP
        try:
            cleanup = self._run(self._engine.call, finalizers.add_cleanup, self._g, addr, number, 0)
        finally:
            if cleanup == finalizers.IMMORTAL_CLEANUP:
                self._calls.take(number)
        return Cleanup(self, addr, cleanup)

    def _stop_cleanup(self, addr: int, number: int) -> None:
        """For Cleanup."""
        self._calls.take(self._run(self._engine.call, finalizers.stop_cleanup, self._g, addr, number))

    @property
    def ready_finalizers(self) -> int:
        """How many calls of finalizers and cleanups run_finalizers would make."""
        self.check_open()
        specials = self._state.heap.specials
        queued = specials.finalizers_queued + specials.cleanups_queued
        return int(queued - specials.finalizers_taken - specials.cleanups_taken)

    def run_finalizers(self) -> int:
        """Call the finalizers and cleanups that are ready now; how many that was. The runtime never does so on its own.

        What one of them raises is raised here; the others wait for the next time.
        """
        count = 0
        for _ in range(self.ready_finalizers):
            call = self._run(self._taken)
            if call is None:  # one of them has called this, and the others with it
                break
            call()
            count += 1
        return count

    def _taken(self) -> Callable[[], object] | None:
        """The call that is ready next, with what it needs alive; None if there is none. EB4."""
        if not self._free:
            self._reserve()
        kind, number, word = self._engine.call(finalizers.take_ready, self._g)
        call = self._calls.take(number)
        if kind == FINALIZER and isinstance(call, Finalizer):
            return partial(call.function, Handle(self, word, self._root(word), call.size, call.type))
        return call.run if isinstance(call, CleanupCall) else None

    def keep_alive(self, handle: Handle) -> None:
        """Say that the object is needed up to here. Closed if the handle was released before."""
        check_handle(self, handle)

    # --- The memory profile ---

    def set_mem_profile_rate(self, rate: int) -> None:
        """From now on, sample one allocation in so many bytes; 1: each; 0: none."""
        whole_in(rate, 0, MAX_WORD, "a memory profile rate")
        self._run(self._stopped, self._engine.call, set_mem_profile_rate, self._state, rate)

    @property
    def alloc_site(self) -> int:
        """Where the next allocations are, for the profile: any number that means a place to the embedder; 0 unknown."""
        self.check_open()
        return self._state.g0.alloc_site

    @alloc_site.setter
    def alloc_site(self, site: int) -> None:
        self.check_open()
        self._state.g0.alloc_site = whole_in(site, 0, MAX_WORD, "alloc_site")

    def memory_profile(self) -> list[Record]:
        """The samples as of the collection before the last one; after collect(), as of then. Before the first, all."""
        self.check_open()
        profile = self._state.heap.specials.profile
        if self._state.gc.num_gc == 0:
            self._run(self._engine.call, publish_all, profile)
        return read_records(profile)

    def metrics(self) -> dict[str, Value]:
        """Every metric by its name in Go's runtime/metrics: a number, or a Histogram."""
        samples = Samples()
        self._run(self._engine.call, read_samples, self._g, samples)
        return metric_values(samples)

    def on_phase(self, callback: Callable[[Phase], object]) -> Callable[[Phase], object]:
        """Call this at each phase of each collection, at the moment itself; also as a decorator. EB1, EB2."""
        self.check_open()
        if not callable(callback):
            raise TypeError(f"{callback!r} cannot be called")
        self._callbacks.append(callback)
        self._has_callbacks = True
        self._state.phase_hook = ctypes.cast(self._hook, ctypes.c_void_p).value or 0
        return callback

    def off_phase(self, callback: Callable[[Phase], object]) -> None:
        """Call this no more."""
        self.check_open()
        if callback not in self._callbacks:
            raise ValueError(f"{callback!r} is no callback of this runtime")
        self._callbacks.remove(callback)
        if not self._callbacks and self._watcher is None:
            self._state.phase_hook = 0

    def _tell(self, phase: int) -> int:
        """What the runtime calls at a phase. Nothing is raised into it: EB2."""
        if self._error is None:
            self._teller = get_ident()
            try:
                told = self._phase(phase)
                if self._watcher is not None and told.name == "marked":
                    self._watcher.marked()
                for callback in tuple(self._callbacks):
                    callback(told)
            except BaseException as error:
                self._error = error
            self._teller = 0
        return 0

    def _phase(self, phase: int) -> Phase:
        """What there is to tell."""
        state, name = self._state, PHASES[phase]
        goal = state.cycle.goal if name == "start" else state.gc.heap_goal
        number = state.gc.num_gc + (name != "swept")
        return Phase(name, number, state.cycle.forced, state.heap.heap_live, goal)

    # --- Compiled code ---

    def load(self, *functions: Callable[..., Any]) -> None:
        """Make systems functions of the embedder's own callable: compiled on top of the runtime, or as they are.

        Each takes the goroutine first: `def f(g: G, ...)`. It keeps its pointers on g's shadow stack (proc.py) wherever
        it may allocate. Raises SubsetError, with the place, if one is no systems Python.
        """
        self.check_open()
        for function in functions:
            if not isinstance(function, FunctionType):
                raise TypeError(f"{function!r} is no function of systems Python")
        self._engine.load(functions)

    def run(self, function: Callable[..., Any], *arguments: Handle | HeapType | int) -> Any:
        """Call a loaded function. What it leaves with by `fail` is raised as Failure, and the runtime goes on."""
        code, words = self._code(function, len(arguments)), _words(self, function, arguments)
        g = self._g
        top = g.shadow_top
        try:
            return self._run(code, g, *words)
        finally:
            g.shadow_top = top

    def parallel(self, *calls: tuple[Any, ...]) -> list[Any]:
        """Make calls (function, argument, ...) of loaded functions at once, each on a thread and a P of its own.

        Returns their results, in order, when all are done.
        """
        prepared = [self._prepared(call) for call in calls]
        try:
            results: list[Any] = self._run(self._undisturbed, run_parallel, self._engine, self._state, prepared)
        except Abandoned as error:
            self._holdings.is_abandoned = self._holdings.is_broken = True
            self._failure = Failure(FAIL_THROW, str(error))
            raise
        return results

    def _prepared(self, call: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """What calls a loaded function, and the words of its arguments."""
        self.check_open()
        if not isinstance(call, tuple | list) or not call:
            raise TypeError(f"{call!r} is no call: (function, argument, ...)")
        function, *arguments = call
        return self._code(function, len(arguments)), _words(self, function, arguments)

    def _code(self, function: Callable[..., Any], count: int) -> Callable[..., Any]:
        """What calls a loaded function, with so many arguments behind the goroutine."""
        self.check_open()
        name = getattr(function, "__name__", function)
        try:
            code = self._engine.code(function)
        except (KeyError, TypeError):
            raise ValueError(f"{name} was not loaded into this runtime") from None
        if function.__code__.co_argcount != count + 1:
            raise TypeError(f"{name} takes {counted(function.__code__.co_argcount - 1, 'argument')}, not {count}")
        return code

    # --- Calls and life ---

    def _run(self, call: Callable[..., Any], *values: Any) -> Any:
        """A call into the runtime."""
        if not self._is_idle:  # EB1: no call stands between here and the store, so no other thread comes in between
            self._refuse()
        try:
            self._is_idle = False
            if self.dropped:
                self._end_dropped()
            result = self._undisturbed(call, *values) if self._has_callbacks else call(*values)
            if self._has_background and (failure := self._holdings.failure()) is not None:
                raise failure
        except Failure as failure:
            raise self._translated(failure) from None
        finally:
            self._is_idle = self._failure is None
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return result

    def _undisturbed(self, call: Callable[..., Any], *values: Any) -> Any:
        """The same, while signals wait. EB2."""
        held = HeldSignals()
        try:
            return call(*values)
        finally:
            try:
                held.end()
            except BaseException as error:
                self._error = self._error or error

    def _look(self, call: Callable[..., Any], *values: Any) -> Any:
        """A call into the runtime that changes nothing; a callback may make it, too, on its thread."""
        return call(*values) if self._teller == get_ident() else self._run(self._stopped, call, *values)

    def _stopped(self, call: Callable[..., Any], *values: Any) -> Any:
        """A call during which nothing is swept in the background."""
        if not self._has_background:
            return call(*values)
        self._engine.call(stop_the_world, self._state.p0)
        try:
            return call(*values)
        finally:
            self._engine.call(start_the_world, self._state.p0)

    def _refuse(self) -> None:
        """Say why nothing can be called now."""
        self.check_open()
        if self._failure is not None:
            raise Closed(f"the runtime has failed, and can only be closed: {self._failure}")
        if self._teller == get_ident():
            raise Busy("inside of a callback of the collector the heap can be looked at, and not changed")
        raise Busy("another call is inside of the runtime: one thread at a time")

    def _translated(self, failure: Failure) -> BaseException:
        """What a Failure is for the embedder: EB2, EB3."""
        if self.is_open:
            failure = self._holdings.failure() or failure  # who has failed there may have been waited for here
        error, self._error = self._error, None
        is_bug = failure.kind == FAIL_THROW and failure.text != "out of memory"
        if is_bug and self.is_open:
            self._holdings.is_broken = True
            failure = self._failure = with_damages(self._state, failure)
        if error is not None:
            return error
        return failure if is_bug or failure.kind != FAIL_THROW else MemoryError("out of memory")

    def check_open(self) -> None:
        """Raise Closed if it is not."""
        if not self.is_open:
            raise Closed("the runtime was closed")

    def close(self) -> None:
        """Give all memory back. More than once does no harm."""
        if self.is_open:
            if not self._is_idle and self._failure is None:
                self._refuse()
            self.is_open = self._is_idle = False
            self._holdings.give_back()
        give_back_dropped()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a runtime cannot be copied or pickled: its memory has one owner")

    def __enter__(self) -> Self:
        self.check_open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def struct_of(self, typ: HeapType) -> Type:
        """What the runtime knows of a type of its own, for compiled functions."""
        self.check_open()
        self._types.check_own(typ)
        return typ.struct

    def _allocator(self, size: int, typ: Type) -> Callable[[], int]:
        """What allocates an object of a size and a type, for TypeTable."""
        return self._engine.bind(mallocgc, self._g, size, typ, True)


def _words(
    runtime: Runtime, function: Callable[..., Any], arguments: Sequence[Handle | HeapType | int]
) -> tuple[Any, ...]:
    """Arguments of a compiled function: types as their Type, objects by address, numbers as they are."""
    words: list[Any] = []
    for name, argument in zip(function.__code__.co_varnames[1:], arguments, strict=False):
        if isinstance(argument, HeapType):
            words.append(runtime.struct_of(argument))
        elif isinstance(argument, Handle):
            words.append(address_of(runtime, argument))
        else:
            words.append(whole_in(argument, *_limits(function.__annotations__.get(name)), name))
    return tuple(words)


def _limits(annotation: Any) -> tuple[int, int]:
    """The least and the greatest number that a parameter takes."""
    kind = getattr(annotation, "__name__", annotation)
    return bounds(kind) if kind in INTEGER_NAMES else (-MAX_WORD // 2 - 1, MAX_WORD)


def _settings(gogc: int | str, debug: str | Mapping[str, int]) -> Settings:
    """Knobs, from what an embedder may write."""
    if isinstance(gogc, bool) or not isinstance(gogc, int | str):
        raise TypeError(f"gogc is of type {type(gogc).__name__}: a number of percent, or a text as in GOGC")
    if isinstance(gogc, int) and gogc > MAX_INT32:
        raise KnobError(f"malformed GOGC={shown(gogc)}: more than {MAX_INT32}")
    if isinstance(debug, Mapping):
        settings = [(name, whole_in(value, 0, MAX_INT32, f"debug {name}")) for name, value in debug.items()]
        debug = ",".join(f"{name}={value}" for name, value in settings)
    if not isinstance(debug, str):
        raise TypeError(f"debug is of type {type(debug).__name__}: a text as in GODEBUG, or a mapping")
    return Settings.parsed(str(max(gogc, -1)) if isinstance(gogc, int) else gogc, debug)
