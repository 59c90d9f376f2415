"""Each item of the vocabulary, on both engines: the same result, and the same bytes in memory afterwards."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import pytest

from tests.syspy.conftest import outcome
from tests.syspy.modules import Made, made

TEXT = """
@struct
class Inner(Struct):
    a: u32
    b: u16

@struct
class Outer(Struct):
    n: u64
    next: Outer
    later: Later
    inner: Inline[Inner]
    bits: Annotated[Array[u16], 5]
    inners: Annotated[Array[Inline[Inner]], 3]
    outers: Annotated[Array[Outer], 2]
    data: Array[u8]
    ok: bool
    small: i8
    single: f32
    double: f64

@struct
class Later(Struct):
    x: i64

@c_function
def strlen(text: uintptr) -> u64: ...

@c_function
def labs(x: i64) -> i64: ...

@c_function
def open(path: Array[u8], flags: i32) -> i32: ...

NOWHERE = text(b"/nowhere/at/all\\0")

def fields(s: Outer) -> u64:
    s.n = 5
    s.n += 2
    s.next = s
    s.later = nil(Later)
    s.inner.a = 7
    s.inner.b = 65535
    s.bits[2] = 300
    s.bits[2] -= 1
    s.inners[1].a = 9
    s.outers[1] = s
    s.data = array_at(u8, address(s))
    s.ok = not s.ok
    s.small = -3
    s.single = f32(f64(s.small) * 1.5)
    s.double = s.double + 0.25
    return s.next.outers[1].n + u64(s.inners[1].a) + u64(s.bits[2]) + u64(s.data[0])

def nils(s: Outer) -> tuple[bool, bool, bool, bool]:
    return is_nil(s.next), is_nil(nil(Array[u8])), s == s.next, s != nil(Outer)

def layout() -> tuple[u64, u64, u64, u64]:
    return sizeof(Outer), offsetof(Outer, "ok"), sizeof(u16), sizeof(Inline[Inner])

def raw(addr: uintptr) -> u64:
    store(u64, addr, 0x1122334455667788)
    store(u8, addr + 1, 0xff)
    store(bool, addr + 2, True)
    store(i16, addr + 9, -2)
    store(f64, addr + 16, 1.5)
    store(Outer, addr + 24, Outer.at(addr))
    return u64(load(u64, addr) + u64(load(i16, addr + 9)) + u64(load(f64, addr + 16)) + address(load(Outer, addr + 24)))

def blocks(addr: uintptr) -> tuple[bool, bool]:
    memset(addr, 7, 64)
    memset(addr + 8, 9, 8)
    memmove(addr + 4, addr, 40)
    return memory_equal(addr, addr + 4, 8), memory_equal(addr, addr + 20, 24)

def copies(s: Outer, t: Outer) -> u64:
    copy_struct(t, s)
    copy_struct(t.inner, s.inners[0])
    return t.n

def frame_struct(n: u64) -> u64:
    total: u64 = 0
    for i in range(n):
        mine = local(Outer)
        total = u64(total * 10 + mine.n)
        mine.n = mine.n + i + 1
        other = local(Outer)
        other.n = 5
        add_to(mine)
        total = total + mine.n
    return total

def add_to(s: Outer) -> None:
    s.n = s.n + 1

def elements(addr: uintptr) -> u64:
    a = array_at(u32, addr)
    for i in range(10):
        a[i] = u32(i * i)
    b = element(a, 4)
    s = array_at(Inline[Inner], addr)
    p = array_at(Outer, addr + 64)
    p[1] = Outer.at(addr)
    return u64(b[0]) + u64(s[3].a) + u64(address(p[1]) == addr) + u64(address(element(s, 2)) - addr)

def bits(x: u64) -> tuple[u64, u64, u64, u64]:
    return ctz64(x), clz64(x), popcount64(x), reverse_bytes(x)

def products(a: u64, b: u64) -> u64:
    return multiply_high(a, b)

def floats(x: f64, y: f64) -> tuple[f64, f64, f64, f64, f64, f64, u64]:
    return divide(x, y), sqrt(x), floor(x), ceil(x), trunc(x), fabs(x), bits_of(x)

def fused(x: f64, y: f64, z: f64) -> f64:
    return fma(x, y, z)

def by_machine(x: f64) -> tuple[i32, i64]:
    return machine_i32(x), machine_i64(x)

def from_bits(x: u64) -> f64:
    return float_of(x)

def bounds(i: i64, n: i64) -> tuple[bool, bool]:
    a = unlikely(out_of_bounds(i, n))
    if likely(i < n) and not unlikely(i < 0):
        return a, True
    return a, False

def checked(i: i64, n: i64) -> i64:
    return index(i, n, 77)

def follow(s: Outer) -> u64:
    return nonnil(nonnil(s, 3).next, 4).n

def thrown(a: u64, b: i32) -> u64:
    throw("S9: lost", a, b, True)

def failed(a: i64) -> NoReturn:
    fail(FAIL_PANIC, "bad %d of %x", a, u8(200), -5)

def atomics(s: Outer) -> tuple[u64, u64, u64, u64, bool, bool, u64]:
    atomic_store(s, "n", 40)
    a = atomic_add(s, "n", 2)
    b = atomic_or(s, "n", 5)
    c = atomic_and(s, "n", 0xfff0)
    d = cas(s, "n", 32, 3)
    e = cas(s, "n", 32, 4)
    atomic_release(s, "next", s)
    if not cas(s, "next", s, nil(Outer)):
        throw("S9: no swap")
    atomic_store(s, "ok", True)
    f = atomic_add(s, "small", 127)
    return a, b, c, atomic_load(s, "n"), d, e and atomic_load(s, "ok"), u64(i64(f))

def atomics_at(addr: uintptr) -> tuple[u32, u32, u32, u32, bool]:
    atomic_store_at(u32, addr, 0xffffffff)
    a = atomic_add_at(u32, addr, 6)
    b = atomic_or_at(u32, addr, 8)
    c = atomic_and_at(u32, addr, 12)
    atomic_release_at(u32, addr, c + 1)
    return a, b, c, atomic_load_at(u32, addr), cas_at(u32, addr, 14, 1)

def in_c(addr: uintptr) -> tuple[u64, i64, i32, i32]:
    found = open(NOWHERE, 0)
    return strlen(addr), labs(-5), found, errno()

def hinted(addr: uintptr) -> u64:
    prefetch(addr)
    relax()
    return load(u64, addr)

def relied_on(n: u64) -> u64:
    known(n < 8)
    return n % 8

def told(addr: uintptr, n: u64) -> u64:
    total: u64 = 0
    for i in range(n):
        total = u64(total + call_address(addr, i))
    return total

def stack_is_known() -> bool:
    return stack_pointer() > 4096
"""


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "vocabulary")


@pytest.fixture(scope="module", params=[False, True], ids=["release", "debug"])
def image(functions: Made, request: pytest.FixtureRequest) -> Any:
    roots = [f for f in functions.functions if not hasattr(f, "__wrapped__")]
    return functions.image(*roots, debug=request.param)


def agree(functions: Made, image: Any, name: str, *values: Any) -> Any:
    python = outcome(getattr(functions, name), *values)
    native = outcome(image.entry(f"vocabulary.{name}"), *values)
    assert repr(native) == repr(python), f"{name}{values}"
    return native


ENDS = (0.0, 1.5, 2.0**31 - 0.5, 2.0**31, 2.0**31 + 1, 2.0**63 - 1024, 2.0**63, 2.0**63 + 2048, math.inf, math.nan)
FACTORS = (0.0, -0.0, 1.5, -5e-324, 2.0**-600, 2.0**1023, math.inf, math.nan)
SCALARS: dict[str, list[tuple[Any, ...]]] = {
    "layout": [()],
    "stack_is_known": [()],
    "relied_on": [(7,)],
    "bits": [(0,), (1,), (1 << 63,), (0xF0F0,), (0x0102_0304_0506_0708,), ((1 << 64) - 1,)],
    "products": [(0, 5), ((1 << 64) - 1, (1 << 64) - 1), (1 << 40, 1 << 30)],
    "floats": [(x, y) for x in (0.0, -0.0, 2.25, -2.25, math.inf, math.nan, 1e300) for y in (0.0, -0.0, 3.0, math.inf)],
    "fused": [
        *((x, y, z) for x in FACTORS for y in (0.0, -3.0, 2.0**-600, math.inf) for z in (0.0, -0.0, 7.5, -math.inf)),
        (1 + 2.0**-30, 1 - 2.0**-30, -1.0),  # what the product loses when it is rounded
        (1 + 2.0**-52, 1 + 2.0**-52, 2.0**-105),  # just above the half
        (2.0**1000, 2.0**1000, -math.inf),
        (2.0**1000, 2.0**24, -(2.0**1023)),
        (5e-324, 0.5, 5e-324),  # half way between subnormals
        (-5e-324, 0.25, 0.0),
        (3.0, 5.0, -15.0),
    ],
    "by_machine": [(sign * x,) for x in ENDS for sign in (1.0, -1.0)],
    "from_bits": [(0,), (1,), (0x3FF8000000000000,), (0xFFF0000000000000,)],
    "bounds": [(0, 1), (1, 1), (-1, 1), (0, 0), (1 << 62, 5)],
    "checked": [(0, 1), (5, 3), (-1, 3)],
    "thrown": [(1 << 63, -9)],
    "failed": [(-1,)],
}

CASES = [(name, case) for name, cases in SCALARS.items() for case in cases]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}{case}" for name, case in CASES])
def test_an_operation_on_numbers_agrees(functions: Made, image: Any, name: str, case: tuple[Any, ...]) -> None:
    agree(functions, image, name, *case)


@pytest.mark.parametrize("name", ["raw", "blocks", "elements", "atomics_at", "hinted"])
def test_an_operation_at_an_address_agrees_in_result_and_bytes(functions: Made, image: Any, name: str) -> None:
    memory = (ctypes.c_uint64 * 32)(*range(32))
    addr = ctypes.addressof(memory)
    results = []
    for call in (getattr(functions, name), image.entry(f"vocabulary.{name}")):
        memory[:] = list(range(32))
        results.append((call(addr), bytes(memory)))
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["fields", "nils", "atomics"])
def test_an_operation_on_a_struct_agrees_in_result_and_bytes(functions: Made, image: Any, name: str) -> None:
    view = functions.Outer()
    results = []
    for call in (getattr(functions, name), image.entry(f"vocabulary.{name}")):
        ctypes.memset(ctypes.addressof(view), 0, ctypes.sizeof(view))
        results.append((call(view), bytes(view)))
    assert results[0] == results[1]


def test_a_local_struct_is_zeroed_each_time(functions: Made, image: Any) -> None:
    for call in (functions.frame_struct, image.entry("vocabulary.frame_struct")):
        assert call(4) == sum((i + 2) * 10 ** (3 - i) for i in range(4))


def test_structs_are_copied_whole(functions: Made, image: Any) -> None:
    results = []
    for call in (functions.copies, image.entry("vocabulary.copies")):
        source, target = functions.Outer(n=3), functions.Outer(n=4)
        source.inners[0].a = 8
        results.append((call(source, target), bytes(target)))
    assert results[0] == results[1]


def test_nonnil_stops_at_the_nil_pointer(functions: Made, image: Any) -> None:
    last, first = functions.Outer(n=6), functions.Outer()
    nil = functions.Outer.at(0)
    assert agree(functions, image, "follow", nil)[2] == (3,)
    assert agree(functions, image, "follow", last)[2] == (4,)
    first.next = last
    assert agree(functions, image, "follow", first) == 6


def test_c_functions_are_called_and_errno_is_kept(functions: Made, image: Any) -> None:
    text = ctypes.create_string_buffer(b"four")
    assert agree(functions, image, "in_c", ctypes.addressof(text)) == (4, 5, -1, 2)


def test_the_function_at_an_address_is_called_while_it_happens(functions: Made, image: Any) -> None:
    seen: list[int] = []

    def told(word: int) -> int:
        seen.append(word)
        if word == 1:  # systems code under systems code; what fails there comes back here
            assert outcome(image.entry("vocabulary.thrown"), 1, 2)[1] == outcome(functions.thrown, 1, 2)[1]
        return (1 << 63) + word

    hook = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)(told)
    addr = ctypes.cast(hook, ctypes.c_void_p).value
    assert agree(functions, image, "told", addr, 2) == 1
    assert seen == [0, 1, 0, 1]
