"""The code that comes out: loops without reloads, vectorised; slow paths out of line; objects linked or refused."""

from __future__ import annotations

import platform
import re
from typing import Any

import pytest

from runtime.syspy.elf_link import Unsupported, link
from runtime.syspy.optimise import compile_text
from tests.syspy.modules import Made, made

TEXT = """
@struct
class Bump(Struct):
    next: uintptr
    limit: uintptr
    count: u64
    data: Array[f64]
    length: u64

@struct
class Node(Struct):
    value: i64
    next: Node

def scale(a: Array[f64], b: Array[f64], n: i64, k: f64) -> None:
    i = 0
    while i < n:
        b[i] = b[i] + a[i] * k
        i += 1

def fill(s: Bump) -> None:
    i: u64 = 0
    while i < s.length:
        s.data[i] = 1.0
        i += 1

@inline
def take(b: Bump, size: u64) -> uintptr:
    p = b.next
    if unlikely(p + size > b.limit):
        return 0
    b.next = p + size
    return p

@cold
def out_of_space(b: Bump) -> NoReturn:
    throw("S1: no space", b.count)

def push(b: Bump, head: Node, value: i64) -> Node:
    p = take(b, sizeof(Node))
    if p == 0:
        out_of_space(b)
    node = Node.at(p)
    node.value = value
    node.next = head
    return node

def doubled(n: i64) -> i64:
    return n + n

@once
def doubled_once(n: i64) -> i64:
    return n + n

def quadrupled(n: i64) -> i64:
    return doubled_once(doubled(n))

def total(n: Node) -> i64:
    sum = 0
    while not is_nil(n):
        sum += n.value
        n = n.next
    return sum

def moved(p: Node, n: u64) -> i64:
    return load(i64, address(p) + n * 8) + Node.at(address(p) + 16).value

def small(s: Bump, i: u32) -> f64:
    return s.data[i & 7]
"""


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "code")


@pytest.fixture(scope="module")
def image(functions: Made) -> Any:
    return functions.image(use_cache=False)


def body(text: str, name: str) -> str:
    """A function's definition in LLVM text."""
    found = re.search(rf"^define [^\n]*@code\.{name}\(.*?^}}", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


def test_a_loop_over_floats_is_vectorised(image: Any) -> None:
    assert re.search(r"load <\d+ x double>", body(image.ir, "scale"))
    assert "fmul <" in body(image.ir, "scale")


def test_a_store_of_a_float_reloads_no_pointer_and_no_length(image: Any) -> None:
    loop = body(image.ir, "fill")
    assert len(re.findall(r"= load i64", loop)) == 1
    assert len(re.findall(r"= load ptr", loop)) == 1


def test_the_fast_path_is_inlined_and_the_slow_path_is_out_of_line(image: Any) -> None:
    code = body(image.ir, "push")
    assert "@code.take" not in code
    assert code.count("call") == 1
    assert "!prof" in code
    assembly = image.assembly
    assert re.search(r"\.section\s+\.text\.unlikely", assembly)


def test_what_runs_once_is_out_of_line(image: Any) -> None:
    code = body(image.ir, "quadrupled")
    assert "@code.doubled_once" in code
    assert "@code.doubled(" not in code


def test_addresses_stay_pointers(functions: Made) -> None:
    text = functions.lowered(functions.moved).text()
    assert "inttoptr" not in body(text, "moved")
    assert "ptrtoint" not in body(text, "moved")


def test_a_function_is_compiled_without_a_frame(image: Any) -> None:
    assembly = re.search(r"^code\.total:\n(.*?)^\.Lfunc_end", image.assembly, re.MULTILINE | re.DOTALL)
    assert assembly
    assert "push" not in assembly[1]


def test_the_code_does_what_it_says(functions: Made, image: Any) -> None:
    memory = (functions.Node * 3)()
    arena = functions.Bump(next=functions.address(memory[0]), limit=functions.address(memory[0]) + 48)
    head = 0
    for value in (3, 4, 5):
        head = image.call("code.push", arena, head, value)
    assert image.call("code.total", head) == functions.total(functions.Node.at(head)) == 12


@pytest.mark.skipif(platform.machine() != "x86_64", reason="objects of x86-64")
def test_an_object_is_linked_into_one_piece(functions: Made) -> None:
    linked = link([compile_text(functions.lowered(functions.push, functions.fill).text()).object_code])
    assert linked.constants % 4096 == linked.variables % 4096 == len(linked.memory) % 4096 == 0
    assert linked.symbols["code.push"] < linked.constants <= linked.variables <= linked.symbols["syspy.key"]
    assert {name for _, name in linked.slots} >= {"longjmp", "_setjmp", "pthread_getspecific"}
    assert not {name for _, name in linked.calls} & set(linked.symbols)


@pytest.mark.parametrize("data", [b"", b"MZ" + bytes(100), b"\x7fELF\x01\x01" + bytes(100)])
def test_sy5_what_is_no_object_of_this_machine_is_refused(data: bytes) -> None:
    with pytest.raises(Unsupported):
        link([data])


def test_sy5_an_unknown_relocation_is_refused(functions: Made) -> None:
    code = bytearray(compile_text(functions.lowered(functions.push).text()).object_code)
    plt32 = (4).to_bytes(4, "little")
    relocation = re.compile(rb".{8}" + plt32 + rb".{4}\xfc\xff\xff\xff\xff\xff\xff\xff", re.DOTALL)
    found = relocation.search(bytes(code))
    assert found
    code[found.start() + 8] = 99
    with pytest.raises(Unsupported, match=r"^SY5: relocation 99"):
        link([bytes(code)])


def test_a_local_that_one_place_writes_has_no_memory() -> None:
    """Nor has a parameter that nothing is assigned to."""
    functions = made(
        """
def once(a: i64, b: i64) -> i64:
    c = a + 1
    while b > c:
        d, e = b - c, c
        b = d + e - 1
    return b

def again(a: i64) -> i64:
    for i in range(a):
        i = i + 1
        a += i
    return a
""",
        "memory",
    )
    text = functions.lowered(functions.once, functions.again).text()
    found = set(re.findall(r"%([a-z]+)\.\d+ = alloca", text))
    assert found == {"a", "b", "i", "counter"}
    assert functions.image(functions.once, use_cache=False).call("memory.once", 3, 9) == functions.once(3, 9)
