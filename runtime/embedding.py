"""Embedding: the runtime as a Python class, on either engine.

    Runtime     one heap and its collector
    Handle      an object that Python holds on to; its words by index
    Stats       what runtime.ReadMemStats tells

Runs in Python only. The state of a Runtime, the struct of heap.py, is `runtime.state`: all of it can be looked at.

Go has no like: a Go program is the only one of its runtime.                               Next: syspy/__init__.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from runtime import heap
from runtime.arenas import find_object
from runtime.cycle import collect, gc, update_goal
from runtime.heap import SHADOW_BYTES, close_runtime, new_runtime
from runtime.heap_check import check_heap
from runtime.knobs import Settings
from runtime.malloc import MAX_ALLOC, mallocgc
from runtime.mem_profile import publish_all
from runtime.mem_sample import set_mem_profile_rate
from runtime.memstats import MemStats, read_mem_stats
from runtime.mheap import MHeap
from runtime.mspan import MSpan
from runtime.profile_records import Record, read_records
from runtime.roots import NO_HANDLE, free_handle, new_handle
from runtime.syspy import Failure, address, load, nil, offsetof, store, table, text, u8, u64
from runtime.syspy.pointers import View
from runtime.types import KIND_STRUCT, Type
from runtime.weak import weak_make, weak_value

if TYPE_CHECKING:
    from runtime.weak_embedding import Weak

WORD = 8
MAX_WORD = (1 << 64) - 1
ENGINES = ("native", "python")


class Closed(Exception):
    """A Runtime, or a Handle of one, was used after close."""


@dataclass(frozen=True)
class Stats:
    """What the heap holds and the collector did; bytes, unless a name says otherwise."""

    heap_alloc: int  # of objects that are not freed
    heap_objects: int  # objects that are not freed
    mallocs: int  # objects allocated so far
    frees: int  # objects freed so far
    heap_inuse: int  # of pages in spans
    heap_sys: int  # of all the heap's pages
    sys: int  # taken from the system
    next_gc: int  # of the heap when the next collection starts
    num_gc: int  # collections
    num_forced_gc: int  # collections asked for
    pause_total_ns: int  # nanoseconds in all collections


class Handle:
    """An object that Python keeps alive, until the handle is released."""

    def __init__(self, runtime: Runtime, addr: int, size: int) -> None:
        self._runtime = runtime
        self._address = addr
        self._number = runtime.register(addr)
        self.size = size  # bytes

    @property
    def address(self) -> int:
        """Where the object is; it never moves."""
        if self._number == NO_HANDLE:
            raise Closed("the handle was released")
        self._runtime.check_open()
        return self._address

    def release(self) -> None:
        """Let the object go. More than once does no harm."""
        if self._number != NO_HANDLE:
            self._runtime.unregister(self._number)
            self._number = NO_HANDLE

    def _word(self, i: int) -> int:
        if not 0 <= i < self.size // WORD:
            raise IndexError(f"word {i} of an object of {self.size // WORD} words")
        return self.address + i * WORD

    def __getitem__(self, i: int) -> int:
        """A word of the object."""
        return load(u64, self._word(i))

    def __setitem__(self, i: int, value: int) -> None:
        if not 0 <= value <= MAX_WORD:
            raise ValueError(f"{value} does not fit in a word")
        store(u64, self._word(i), value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


class Runtime:
    """A heap and its collector."""

    def __init__(
        self,
        engine: str = "native",
        *,
        gogc: int | str = 100,
        debug: str = "",
        shadow_bytes: int = SHADOW_BYTES,
        mem_profile_rate: int | None = None,
    ) -> None:
        """Engine: "native" or "python". gogc and debug are as in GOGC and GODEBUG: knobs.py.

        mem_profile_rate: sample one allocation in so many bytes; 1: each; 0: none, unless memprofilerate is in debug.
        """
        if engine not in ENGINES:
            raise ValueError(f"engine {engine!r}: one of {', '.join(ENGINES)}")
        settings = Settings.parsed(str(gogc), debug)
        self._call = _caller(engine)
        self._types: list[Any] = []
        self._is_open = False
        addr = self._guarded(new_runtime, settings.gogc, shadow_bytes)
        self.state = heap.Runtime.at(addr)
        self._is_open = True
        settings.apply(self.state)
        rate = max(settings.memprofilerate, 0) if mem_profile_rate is None else mem_profile_rate
        if rate != 0:
            self.set_mem_profile_rate(rate)

    # --- Types and objects ---

    def describe(self, name: str, size: int, pointers: Iterable[int] = ()) -> Type:
        """A type of size bytes with pointers at these offsets. It lives as long as this Runtime."""
        offsets = sorted(set(pointers))
        if size < 0 or size > MAX_ALLOC or (offsets and size % WORD != 0):
            raise ValueError(f"type {name}: size {size}")
        bad = [offset for offset in offsets if offset % WORD != 0 or not 0 <= offset < size]
        if bad:
            raise ValueError(f"type {name}: no pointer can be at {bad[0]}")
        ptr_bytes = offsets[-1] + WORD if offsets else 0
        bits = sum(1 << offset // WORD for offset in offsets)
        mask = table(u8, bits.to_bytes(-(-ptr_bytes // 64) or 1, "little"))
        spelling = name.encode()
        typ = Type(size=size, ptr_bytes=ptr_bytes, kind=KIND_STRUCT, align=WORD if offsets else 1)
        typ.gc_mask, typ.name, typ.name_length = mask, text(spelling), len(spelling)
        self._types += [typ, mask]
        return typ

    def new(self, typ: Type, count: int = 1) -> Handle:
        """A zeroed object: count values of the type."""
        if count < 0 or typ.size * count > MAX_ALLOC:
            raise ValueError(f"{count} values of {typ.size} bytes")
        return self._new(typ.size * count, typ)

    def new_bytes(self, size: int) -> Handle:
        """A zeroed object of size bytes without pointers."""
        if not 0 <= size <= MAX_ALLOC:
            raise ValueError(f"an object of {size} bytes")
        return self._new(size, nil(Type))

    def _new(self, size: int, typ: Type) -> Handle:
        return Handle(self, self._guarded(mallocgc, self.state.g0, size, typ, True), size)

    def hold(self, addr: int) -> Handle:
        """A handle of the object that addr points to or into."""
        found = self.object_at(addr)
        if found is None:
            raise ValueError(f"there is no object at {addr:#x}")
        return Handle(self, *found)

    def object_at(self, addr: int) -> tuple[int, int] | None:
        """The slot that addr points to or into, as its address and its bytes; None if it is free, or no slot."""
        start, span_at, slot = self._guarded(find_object, self.state.heap.arenas, addr)
        span = MSpan.at(address(span_at) if isinstance(span_at, View) else span_at)
        if start == 0 or slot >= span.free_index and not span.alloc_bits[slot // 64] >> slot % 64 & 1:
            return None
        return start, span.elem_size

    def register(self, addr: int) -> int:
        """The number of a new handle in the table of roots."""
        number: int = self._guarded(new_handle, self.state.roots, addr)
        if number == NO_HANDLE:
            raise MemoryError("out of memory")
        return number

    def unregister(self, number: int) -> None:
        """End a handle."""
        if self._is_open:
            self._guarded(free_handle, self.state.roots, number)

    # --- The collector ---

    def collect(self, sweep: bool = True) -> None:
        """Collect now, and sweep all unless told not to."""
        if sweep:
            self._guarded(gc, self.state.g0)
        else:
            self._guarded(collect, self.state.g0, True)

    def set_gogc(self, gogc: int | str) -> None:
        """Change GOGC from now on."""
        self.check_open()
        self.state.knobs.gogc = Settings.parsed(str(gogc), "").gogc
        self._guarded(update_goal, self.state, 0)

    def check(self) -> None:
        """Check every invariant of the heap; Failure names the first that is broken."""
        self._guarded(check_heap, self.state)

    def stats(self) -> Stats:
        """What the heap holds and the collector did."""
        m = MemStats()
        self._guarded(read_mem_stats, self.state.g0, m)
        return Stats(**{name: getattr(m, name) for name in Stats.__dataclass_fields__})

    def weak(self, target: Handle | int) -> Weak:
        """A weak pointer to the object of a handle, or to an address in an object that is alive."""
        from runtime.weak_embedding import Weak

        if isinstance(target, Handle) and target._runtime is not self:
            raise ValueError("a handle of another runtime")
        addr = target if isinstance(target, int) else target.address
        if not 0 <= addr <= MAX_WORD:
            raise ValueError(f"{addr} does not fit in an address")
        box = self._guarded(weak_make, self.state.g0, addr)
        if addr == address(self.state.heap) + offsetof(MHeap, "zero_base"):
            raise ValueError("objects of size 0 are all one that never dies: nothing can lead to it weakly")
        if box == 0:
            raise ValueError(f"there is no object at {addr:#x}")
        return Weak(self, box)

    def weak_address(self, box: int) -> int:
        """The address that a weak handle leads to; 0 once its object was found dead. For Weak."""
        found: int = self._guarded(weak_value, self.state.g0, box)
        return found

    # --- The memory profile ---

    def set_mem_profile_rate(self, rate: int) -> None:
        """From now on, sample one allocation in so many bytes; 1: each; 0: none."""
        if not 0 <= rate <= MAX_WORD:
            raise ValueError(f"a memory profile rate of {rate} bytes")
        self._guarded(set_mem_profile_rate, self.state, rate)

    @property
    def alloc_site(self) -> int:
        """Where the next allocations are, for the profile: any number that means a place to the embedder; 0 unknown."""
        self.check_open()
        return self.state.g0.alloc_site

    @alloc_site.setter
    def alloc_site(self, site: int) -> None:
        self.check_open()
        if not 0 <= site <= MAX_WORD:
            raise ValueError(f"{site} does not fit in a word")
        self.state.g0.alloc_site = site

    def memory_profile(self) -> list[Record]:
        """The samples as of the collection before the last one; after collect(), as of then. Before the first, all."""
        self.check_open()
        profile = self.state.heap.specials.profile
        if self.state.gc.num_gc == 0:
            self._guarded(publish_all, profile)
        return read_records(profile)

    # --- Life ---

    def check_open(self) -> None:
        """Raise Closed if it is not."""
        if not self._is_open:
            raise Closed("the runtime was closed")

    def close(self) -> None:
        """Give all memory back. More than once does no harm."""
        if self._is_open:
            self._guarded(close_runtime, self.state)
            self._is_open = False

    def _guarded(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a systems function, unless this Runtime is closed."""
        if function is not new_runtime:
            self.check_open()
        try:
            return self._call(function, *arguments)
        except Failure as failure:
            if failure.text == "out of memory":
                raise MemoryError("out of memory") from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _caller(engine: str) -> Callable[..., Any]:
    """What calls systems functions on an engine; pointers come back as addresses."""
    if engine == "native":
        from runtime.image import runtime_image

        return runtime_image().call

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        result = function(*arguments)
        return address(result) if isinstance(result, View) else result

    return call
