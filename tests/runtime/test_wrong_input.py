"""Wrong input to the library: each case is a Python exception that says what was wrong, and the heap stays sound."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from numbers import Integral
from typing import Any

import pytest

from runtime import Busy, Closed, Handle, Runtime
from runtime.engines import ENGINES

pytestmark = pytest.mark.full_on_python

HUGE = 10**5000
Case = tuple[str, type[Exception], str, Callable[[Any], object]]


@Integral.register
class Number(ctypes.c_int64):
    """A number of another library, which is a buffer as well, as numpy's are."""


class Bench:
    """What the cases are tried on."""

    def __init__(self, engine: str) -> None:
        self.runtime = Runtime(engine)
        self.other = Runtime(engine)
        self.closed = Runtime(engine)
        self.node = self.runtime.describe("node", 24, [0, 16])
        self.foreign = self.other.describe("node", 24, [0, 16])
        self.head = self.runtime.new(self.node)
        self.held = self.runtime.hold(self.runtime.new(self.node).address)
        self.data = self.runtime.new_bytes(20)
        self.stranger = self.other.new_bytes(20)
        self.table = self.runtime.roots(10)
        self.gone = self.runtime.new_bytes(200)
        self.freed = self.gone.address
        self.gone.release()
        self.numbers = self.runtime.root(self.head.address), self.runtime.root(self.head.address)
        self.runtime.unroot(self.numbers[1])
        self.late = self.closed.new_bytes(8)
        self.late_number = self.closed.root(self.late.address)
        self.late_table = self.closed.roots(3)
        self.late_type = self.closed.describe("late", 8)
        self.runtime.collect()
        self.closed.close()

    def close(self) -> None:
        for runtime in (self.runtime, self.other):
            runtime.check()
            runtime.collect()
            runtime.check()
            runtime.close()


def put(target: Any, i: Any, value: Any) -> None:
    target[i] = value


CREATION: list[Case] = [
    ("engine", ValueError, "engine 'jit': one of native, python", lambda b: Runtime("jit")),
    ("engine kind", ValueError, "engine 5: one of", lambda b: Runtime(5)),  # type: ignore[arg-type]
    ("gogc text", ValueError, "malformed GOGC=many", lambda b: Runtime("python", gogc="many")),
    ("gogc large", ValueError, "malformed GOGC=2147483648: more than", lambda b: Runtime("python", gogc=1 << 31)),
    ("gogc huge", ValueError, "malformed GOGC=a number of 16610 bits", lambda b: Runtime("python", gogc=HUGE)),
    ("gogc kind", TypeError, "gogc is of type float", lambda b: Runtime("python", gogc=1.5)),  # type: ignore[arg-type]
    ("gogc later", ValueError, "malformed GOGC=-x", lambda b: b.runtime.set_gogc("-x")),
    ("debug", ValueError, "malformed GODEBUG setting 'gcstress'", lambda b: Runtime("python", debug="gcstress")),
    ("debug number", ValueError, "'x' is no number", lambda b: Runtime("python", debug="gcstress=x")),
    ("debug negative", ValueError, "debug gcstress is", lambda b: Runtime("python", debug={"gcstress": -1})),
    ("debug kind", TypeError, "debug is of type int", lambda b: Runtime("python", debug=5)),  # type: ignore[arg-type]
    ("background", TypeError, "background is of type str, not bool", lambda b: Runtime("python", background="yes")),  # type: ignore[arg-type]
    ("watch", TypeError, "watch is of type int: several of them", lambda b: Runtime("python", watch=5)),  # type: ignore[arg-type]
    ("watch kind", TypeError, "an allocation is of type str", lambda b: Runtime("python", watch="ab")),  # type: ignore[arg-type]
    ("shadow none", ValueError, "shadow_bytes is 0", lambda b: Runtime("python", shadow_bytes=0)),
    ("shadow huge", ValueError, "shadow_bytes is a number of", lambda b: Runtime("python", shadow_bytes=HUGE)),
    ("shadow large", MemoryError, "out of memory", lambda b: Runtime("native", shadow_bytes=1 << 48)),
]

TYPES: list[Case] = [
    ("size negative", ValueError, "type T: size is -1", lambda b: b.runtime.describe("T", -1)),
    ("size huge", ValueError, "type T: size is a number of", lambda b: b.runtime.describe("T", HUGE)),
    ("size kind", TypeError, "type T: size is of type str", lambda b: b.runtime.describe("T", "8")),
    ("size with pointers", ValueError, "a multiple of 8", lambda b: b.runtime.describe("T", 12, [0])),
    ("size large", ValueError, "at most 1048576", lambda b: b.runtime.describe("T", 1 << 40, [0])),
    ("offset unaligned", ValueError, "no pointer can be at 4", lambda b: b.runtime.describe("T", 16, [4])),
    ("offset beyond", ValueError, "no pointer can be at 16", lambda b: b.runtime.describe("T", 16, [16])),
    ("offset negative", ValueError, "no pointer can be at -8", lambda b: b.runtime.describe("T", 16, [-8])),
    ("offset twice", ValueError, "two pointers at 8", lambda b: b.runtime.describe("T", 16, [8, 0, 8])),
    ("offset overlaps", ValueError, "no pointer can be at 12", lambda b: b.runtime.describe("T", 24, [8, 12])),
    ("offset kind", TypeError, "a pointer is of type float", lambda b: b.runtime.describe("T", 16, [0.0])),
    ("offsets kind", TypeError, "T: pointers is of type int: several", lambda b: b.runtime.describe("T", 16, 8)),
    ("alignment", ValueError, "alignment 16: 1, 2, 4 or 8", lambda b: b.runtime.describe("T", 32, align=16)),
    ("alignment of size", ValueError, "a divisor of its size", lambda b: b.runtime.describe("T", 6, align=4)),
    ("alignment of pointers", ValueError, "8 with pointers", lambda b: b.runtime.describe("T", 8, [0], align=4)),
    ("name twice", ValueError, "type node: there is one", lambda b: b.runtime.describe("node", 8)),
    ("name empty", ValueError, "a type has a name", lambda b: b.runtime.describe("", 8)),
    ("name kind", TypeError, "the name of a type is of type int", lambda b: b.runtime.describe(5, 8)),
    ("name no text", ValueError, "the name is no valid text", lambda b: b.runtime.describe("\ud800", 8)),
    ("name unknown", KeyError, "lost", lambda b: b.runtime.types["lost"]),
    ("array negative", ValueError, "type A: count is -1", lambda b: b.runtime.array("A", b.node, -1)),
    ("array huge", ValueError, "type A: count is", lambda b: b.runtime.array("A", b.node, 1 << 30)),
    ("array foreign", ValueError, "type node is of another runtime", lambda b: b.runtime.array("A", b.foreign, 2)),
    ("array of what", TypeError, "8 is no type", lambda b: b.runtime.array("A", 8, 2)),
]

OBJECTS: list[Case] = [
    ("new negative", ValueError, "-1 values of 24 bytes", lambda b: b.runtime.new(b.node, -1)),
    ("new huge", ValueError, "values of 24 bytes", lambda b: b.runtime.new(b.node, HUGE)),
    ("new kind", TypeError, "count is of type float", lambda b: b.runtime.new(b.node, 2.0)),
    ("new large", MemoryError, "out of memory", lambda b: b.runtime.new(b.node, 1 << 43)),
    ("new foreign", ValueError, "type node is of another runtime", lambda b: b.runtime.new(b.foreign)),
    ("new foreign many", ValueError, "type node is of another runtime", lambda b: b.runtime.new(b.foreign, 3)),
    ("new nothing", TypeError, "None is no type", lambda b: b.runtime.new(None)),
    ("new unnamed", ValueError, "a type without a name", lambda b: b.runtime.new(b.held.type)),
    ("bytes negative", ValueError, "-1 values of 1 byte", lambda b: b.runtime.new_bytes(-1)),
    ("bytes huge", ValueError, "values of 1 byte", lambda b: b.runtime.new_bytes(HUGE)),
    ("bytes kind", TypeError, "what is stored is of type str: bytes", lambda b: b.runtime.new_bytes("text")),
    ("bytes number", TypeError, "count is of type Number, not int", lambda b: b.runtime.new_bytes(Number(100))),
    ("hold nil", ValueError, "there is no object at 0x0", lambda b: b.runtime.hold(0)),
    ("hold low", ValueError, "there is no object at 0x8", lambda b: b.runtime.hold(8)),
    ("hold freed", ValueError, "there is no object at", lambda b: b.runtime.hold(b.freed)),
    ("hold foreign", ValueError, "there is no object at", lambda b: b.runtime.hold(b.stranger.address)),
    ("hold end", ValueError, "there is no object at", lambda b: b.runtime.hold((1 << 64) - 1)),
    ("hold negative", ValueError, "an address is -1", lambda b: b.runtime.hold(-1)),
    ("hold huge", ValueError, "an address is a number of", lambda b: b.runtime.hold(HUGE)),
    ("hold kind", TypeError, "an address is of type float", lambda b: b.runtime.hold(8.0)),
    ("root of none", ValueError, "there is no object at", lambda b: b.runtime.root(b.freed)),
    ("root text", TypeError, "an address is of type str", lambda b: b.runtime.root("x")),
    ("unroot text", TypeError, "the number of a handle is of type str", lambda b: b.runtime.unroot("x")),
    ("unroot wrong", ValueError, "1000000000 is no number that root has given", lambda b: b.runtime.unroot(10**9)),
    ("unroot negative", ValueError, "-1 is no number that root has given", lambda b: b.runtime.unroot(-1)),
    ("unroot twice", ValueError, "or was ended", lambda b: b.runtime.unroot(b.numbers[1])),
    ("unroot a handle", ValueError, "is no number", lambda b: b.runtime.unroot(b.head._number)),
    ("scope of what", TypeError, "a handle is of type int, not Handle", lambda b: b.runtime.scope().add(5)),
    ("scope foreign", ValueError, "is of another runtime", lambda b: b.runtime.scope().add(b.stranger)),
    ("scope released", Closed, "the handle was released", lambda b: b.runtime.scope().add(b.gone)),
    ("referents of none", ValueError, "there is no object at", lambda b: b.runtime.referents(b.freed)),
    ("reachable kind", TypeError, "an address is of type str", lambda b: b.runtime.reachable_from("x")),
]

WORDS: list[Case] = [
    ("word beyond", IndexError, "word 3 of an object of 3 words", lambda b: b.head[3]),
    ("word negative", IndexError, "word -1 of an object of 3 words", lambda b: b.head[-1]),
    ("word huge", IndexError, "word a number of", lambda b: b.head[HUGE]),
    ("word kind", TypeError, "the number of a word is of type str", lambda b: b.head["0"]),
    ("word part", IndexError, "word 2 of an object of 2 words", lambda b: b.data[2]),
    ("slice beyond", IndexError, "words 1 to 4 of an object of 3", lambda b: b.head[1:4]),
    ("slice negative", IndexError, "words -1 to 3", lambda b: b.head[-1:]),
    ("slice step", ValueError, "has no step", lambda b: b.head[::2]),
    ("slice of what", TypeError, "what is stored in a slice is of type int", lambda b: put(b.head, slice(0, 3), 5)),
    ("slice length", ValueError, "2 values for 3 words", lambda b: put(b.head, slice(0, 3), [1, 2])),
    ("store beyond", IndexError, "word 3 of an object", lambda b: put(b.head, 3, 0)),
    ("store negative", IndexError, "word -1 of an object", lambda b: put(b.head, -1, 0)),
    ("store large", ValueError, "word 1 is 18446744073709551616", lambda b: put(b.head, 1, 1 << 64)),
    ("store below", ValueError, "word 1 is -1", lambda b: put(b.head, 1, -1)),
    ("store float", TypeError, "word 1 is of type float", lambda b: put(b.head, 1, 0.5)),
    ("store none", TypeError, "word 1 is of type NoneType", lambda b: put(b.head, 1, None)),
    ("store handle", ValueError, "word 1 is no pointer", lambda b: put(b.head, 1, b.data)),
    ("pointer low", ValueError, "0x5 is not the address of an object", lambda b: put(b.head, 0, 5)),
    ("pointer freed", ValueError, "is not the address of an object", lambda b: put(b.head, 0, b.freed)),
    ("pointer free slot", ValueError, "is not the address", lambda b: put(b.head, 2, b.head.address + 24 * 9)),
    ("pointer held", ValueError, "is not the address of an object", lambda b: put(b.held, 2, 64)),
    ("pointer large", ValueError, "a pointer is a number of", lambda b: put(b.head, 0, HUGE)),
    ("pointer float", TypeError, "a pointer is of type float", lambda b: put(b.head, 0, 0.0)),
    ("pointer foreign", ValueError, "is of another runtime", lambda b: put(b.head, 0, b.stranger)),
    ("pointer released", Closed, "the handle was released", lambda b: put(b.head, 0, b.gone)),
    ("pointer slice", ValueError, "0x9 is not the address", lambda b: put(b.head, slice(1, 3), [0, 9])),
    ("target", ValueError, "word 1 is no pointer", lambda b: b.head.target(1)),
    ("target beyond", IndexError, "word 3 of an object", lambda b: b.head.target(3)),
    ("interior beyond", IndexError, "offset 24 of an object of 24 bytes", lambda b: b.head.interior(24)),
    ("interior negative", IndexError, "offset -1", lambda b: b.head.interior(-1)),
    ("root beyond", IndexError, "root 10 of 10", lambda b: b.table[10]),
    ("root negative", IndexError, "root -1 of 10", lambda b: put(b.table, -1, 0)),
    ("root kind", TypeError, "the number of a root is of type slice", lambda b: b.table[0:2]),
    ("root stored", ValueError, "is not the address of an object", lambda b: put(b.table, 0, b.freed)),
    ("root foreign", ValueError, "is of another runtime", lambda b: put(b.table, 0, b.stranger)),
    ("root new", IndexError, "root 11 of 10", lambda b: b.table.new(11, b.node)),
    ("root new foreign", ValueError, "of another runtime", lambda b: b.table.new(1, b.foreign)),
    ("roots cleared", IndexError, "roots 3 to 11 of 10", lambda b: b.table.clear(3, 11)),
    ("roots none", ValueError, "the length of a table of roots is 0", lambda b: b.runtime.roots(0)),
    ("roots huge", ValueError, "the length of a table of roots is", lambda b: b.runtime.roots(1 << 60)),
]

BYTES: list[Case] = [
    ("read beyond", IndexError, "bytes 0 to 21 of an object of 20", lambda b: b.data.read(0, 21)),
    ("read negative", IndexError, "bytes -1 to 20", lambda b: b.data.read(-1)),
    ("read backward", IndexError, "bytes 5 to 4", lambda b: b.data.read(5, 4)),
    ("read kind", TypeError, "a bound is of type float", lambda b: b.data.read(0.0)),
    ("write beyond", IndexError, "bytes 18 to 21 of an object of 20", lambda b: b.data.write(18, b"abc")),
    ("write negative", IndexError, "bytes -1 to 0", lambda b: b.data.write(-1, b"a")),
    ("write text", TypeError, "what is written is of type str: bytes", lambda b: b.data.write(0, "abc")),
    ("write a pointer", ValueError, "bytes 8 to 17 are in part", lambda b: b.head.write(8, bytes(9))),
    ("write a held one", ValueError, "are in part the pointer word 0", lambda b: b.held.write(7, b"ab")),
    ("kind", ValueError, "kind 'u128': one of u8, u16", lambda b: b.data.get("u128", 0)),
    ("kind no text", ValueError, "kind slice(1, 2, None): one of", lambda b: b.data.get(slice(1, 2), 0)),
    ("kind of what", ValueError, "kind 8: one of", lambda b: b.data.get(8, 0)),
    ("get beyond", IndexError, "bytes 17 to 21", lambda b: b.data.get("u32", 17)),
    ("put large", ValueError, "256 does not fit in u8", lambda b: b.data.put("u8", 0, 256)),
    ("put below", ValueError, "-129 does not fit in i8", lambda b: b.data.put("i8", 0, -129)),
    ("put huge", ValueError, "a number of 16610 bits does not fit in f64", lambda b: b.data.put("f64", 0, HUGE)),
    ("put f32", ValueError, "1e+300 does not fit in f32", lambda b: b.data.put("f32", 0, 1e300)),
    ("put float", TypeError, "i64 is the kind, and the value is of type float", lambda b: b.data.put("i64", 0, 1.0)),
    ("put text", TypeError, "and the value is of type str", lambda b: b.data.put("f64", 0, "1")),
    ("put a pointer", ValueError, "are in part the pointer word 0", lambda b: b.head.put("u8", 7, 1)),
]

AFTER_THE_END: list[Case] = [
    ("released address", Closed, "the handle was released", lambda b: b.gone.address),
    ("released word", Closed, "the handle was released", lambda b: b.gone[0]),
    ("released store", Closed, "the handle was released", lambda b: put(b.gone, 0, 1)),
    ("released bytes", Closed, "the handle was released", lambda b: b.gone.read()),
    ("released twice", Closed, "the handle was released", lambda b: (b.gone.release(), b.gone.address)),
    ("closed new", Closed, "the runtime was closed", lambda b: b.closed.new(b.late_type)),
    ("closed bytes", Closed, "the runtime was closed", lambda b: b.closed.new_bytes(8)),
    ("closed describe", Closed, "the runtime was closed", lambda b: b.closed.describe("T", 8)),
    ("closed array", Closed, "the runtime was closed", lambda b: b.closed.array("T", b.late_type, 8)),
    ("closed word", Closed, "the runtime was closed", lambda b: b.late[0]),
    ("closed store", Closed, "the runtime was closed", lambda b: put(b.late, 0, 1)),
    ("closed read", Closed, "the runtime was closed", lambda b: b.late.read()),
    ("closed hold", Closed, "the runtime was closed", lambda b: b.closed.hold(8)),
    ("closed objects", Closed, "the runtime was closed", lambda b: b.closed.objects()),
    ("closed referents", Closed, "the runtime was closed", lambda b: b.closed.referents(8)),
    ("closed collect", Closed, "the runtime was closed", lambda b: b.closed.collect()),
    ("closed gogc", Closed, "the runtime was closed", lambda b: b.closed.set_gogc(5)),
    ("closed stats", Closed, "the runtime was closed", lambda b: b.closed.stats()),
    ("closed check", Closed, "the runtime was closed", lambda b: b.closed.check()),
    ("closed state", Closed, "the runtime was closed", lambda b: b.closed.state),
    ("closed phase", Closed, "the runtime was closed", lambda b: b.closed.on_phase(print)),
    ("closed scope", Closed, "the runtime was closed", lambda b: b.closed.scope()),
    ("closed roots", Closed, "the runtime was closed", lambda b: b.closed.roots(5)),
    ("closed table", Closed, "the runtime was closed", lambda b: b.late_table[0]),
    ("closed root new", Closed, "the runtime was closed", lambda b: b.late_table.new(0, b.late_type)),
    ("closed clear", Closed, "the runtime was closed", lambda b: b.late_table.clear()),
    ("closed alive", Closed, "the runtime was closed", lambda b: b.closed.keep_alive(b.late)),
    ("closed root", Closed, "the runtime was closed", lambda b: b.closed.root(8)),
    ("closed unroot", Closed, "the runtime was closed", lambda b: b.closed.unroot(b.late_number)),
    ("closed struct", Closed, "the runtime was closed", lambda b: b.closed.struct_of(b.late_type)),
    ("closed reachable", Closed, "the runtime was closed", lambda b: b.closed.reachable_from()),
    ("closed parallel", Closed, "the runtime was closed", lambda b: b.closed.parallel()),
    ("closed with", Closed, "the runtime was closed", lambda b: b.closed.__enter__()),
    ("closed handle with", Closed, "the runtime was closed", lambda b: b.late.__enter__()),
    ("closed slice", Closed, "the runtime was closed", lambda b: b.late[0:0]),
    ("closed slice store", Closed, "the runtime was closed", lambda b: put(b.late, slice(0, 0), [])),
    ("released slice", Closed, "the handle was released", lambda b: b.gone[0:0]),
    ("released with", Closed, "the handle was released", lambda b: b.gone.__enter__()),
    ("closed pointer", ValueError, "is of another runtime", lambda b: put(b.head, 0, b.late)),
]

NUMBERS: list[Case] = [
    ("rate float", TypeError, "a memory profile rate is of type float", lambda b: b.runtime.set_mem_profile_rate(1.5)),
    ("rate negative", ValueError, "a memory profile rate is -1", lambda b: b.runtime.set_mem_profile_rate(-1)),
    ("rate huge", ValueError, "a memory profile rate is a number", lambda b: b.runtime.set_mem_profile_rate(HUGE)),
    ("limit float", TypeError, "a memory limit is of type float", lambda b: b.runtime.set_memory_limit(1e9)),
    ("limit text", TypeError, "a memory limit is of type str", lambda b: b.runtime.set_memory_limit("1GiB")),
    ("site float", TypeError, "alloc_site is of type float", lambda b: setattr(b.runtime, "alloc_site", 1.5)),
    ("site negative", ValueError, "alloc_site is -1", lambda b: setattr(b.runtime, "alloc_site", -1)),
    ("new float", TypeError, "count is of type float", lambda b: b.runtime.new(b.node, 1.0)),
    ("new bool", TypeError, "count is of type bool", lambda b: b.runtime.new(b.node, True)),
    ("weak text", TypeError, "an address is of type str", lambda b: b.runtime.weak("x")),
    ("weak nothing", TypeError, "an address is of type NoneType", lambda b: b.runtime.weak(None)),
    ("weak bool", TypeError, "an address is of type bool", lambda b: b.runtime.weak(True)),
    ("weak huge", ValueError, "an address is a number of", lambda b: b.runtime.weak(HUGE)),
    ("weak foreign", ValueError, "is of another runtime", lambda b: b.runtime.weak(b.stranger)),
    ("finalizer text", TypeError, "an address is of type str", lambda b: b.runtime.set_finalizer("x", print)),
    ("finalizer foreign", ValueError, "of another runtime", lambda b: b.runtime.set_finalizer(b.stranger, print)),
    ("cleanup foreign", ValueError, "of another runtime", lambda b: b.runtime.add_cleanup(b.stranger, print, 1)),
    ("referents foreign", ValueError, "is of another runtime", lambda b: b.runtime.referents(b.stranger)),
    ("reachable foreign", ValueError, "is of another runtime", lambda b: b.runtime.reachable_from(b.stranger)),
    ("path foreign", ValueError, "is of another runtime", lambda b: b.runtime.path_to(b.stranger)),
    ("alive foreign", ValueError, "is of another runtime", lambda b: b.runtime.keep_alive(b.stranger)),
    ("alive address", TypeError, "a handle is of type int", lambda b: b.runtime.keep_alive(b.head.address)),
    ("collect text", TypeError, "sweep is of type str, not bool", lambda b: b.runtime.collect("x")),
    ("parallel number", TypeError, "5 is no call: (function, argument, ...)", lambda b: b.runtime.parallel(5)),
    ("parallel nothing", TypeError, "() is no call", lambda b: b.runtime.parallel(())),
    ("parallel text", TypeError, "'x' is no call", lambda b: b.runtime.parallel("x")),
    ("parallel not loaded", ValueError, "5 was not loaded into this", lambda b: b.runtime.parallel((5, 1))),
    ("watched text", TypeError, "the number of an allocation is of type str", lambda b: b.runtime.watched("x")),
    ("load number", TypeError, "5 is no function of systems Python", lambda b: b.runtime.load(5)),
    ("load builtin", TypeError, "is no function of systems Python", lambda b: b.runtime.load(print)),
]

CASES = [*NUMBERS, *CREATION, *TYPES, *OBJECTS, *WORDS, *BYTES, *AFTER_THE_END]


@pytest.fixture(scope="module", params=ENGINES)
def bench(request: pytest.FixtureRequest) -> Any:
    made = Bench(request.param)
    yield made
    made.close()


@pytest.mark.parametrize(("name", "error", "said", "use"), CASES, ids=[case[0] for case in CASES])
def test_wrong_input_is_an_exception_that_says_what_was_wrong(
    bench: Bench, name: str, error: type[Exception], said: str, use: Callable[[Any], object]
) -> None:
    with pytest.raises(error, match=re.escape(said)) as raised:
        use(bench)
    assert raised.type in (error, Closed, Busy) or issubclass(raised.type, ValueError)
    bench.runtime.check()
    assert isinstance(bench.head, Handle)
    assert bench.head[:] == [0, 0, 0]
    assert bench.table[0] == bench.table[1] == 0


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case[0] for case in CASES}) == len(CASES)
