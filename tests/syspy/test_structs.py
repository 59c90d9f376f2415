"""Structs, arrays and pointers under CPython: layout, views, nil, and what is refused."""

from __future__ import annotations

import ctypes
import gc
from typing import Annotated, Any

import pytest

from runtime.syspy import (
    Array,
    Inline,
    NilAccess,
    OutOfRange,
    Struct,
    address,
    array_at,
    bool,
    copy_struct,
    element,
    f32,
    f64,
    i8,
    is_nil,
    load,
    memmove,
    memset,
    nil,
    offsetof,
    sizeof,
    store,
    struct,
    u8,
    u16,
    u32,
    u64,
    uintptr,
)
from runtime.syspy.annotations import STRUCTS, FixedArray, resolve
from runtime.syspy.arrays import InlineOf

LENGTH = 3


@struct
class Inner(Struct):
    """Two numbers."""

    a: u32  # units
    b: u8  # units


@struct
class Node(Struct):
    """A field of every form."""

    start: uintptr  # bytes
    next: Node  # itself
    later: Later  # defined below
    inner: Inline[Inner]  # in place
    data: Array[u8]  # bytes
    lists: Array[Inline[Inner]]  # structs
    bits: Annotated[Array[u16], 5]  # numbers in place
    inners: Annotated[Array[Inline[Inner]], LENGTH]  # structs in place
    laters: Annotated[Array[Later], 2]  # pointers in place
    ok: bool  # flag
    small: i8  # units
    single: f32  # units
    double: f64  # units


@struct
class Later(Struct):
    """Defined after its first use."""

    x: u64  # units


def test_the_layout_is_that_of_c() -> None:
    class InnerInC(ctypes.Structure):
        _fields_ = [("a", ctypes.c_uint32), ("b", ctypes.c_uint8)]

    class NodeInC(ctypes.Structure):
        _fields_ = [
            ("start", ctypes.c_void_p),
            ("next", ctypes.c_void_p),
            ("later", ctypes.c_void_p),
            ("inner", InnerInC),
            ("data", ctypes.c_void_p),
            ("lists", ctypes.c_void_p),
            ("bits", ctypes.c_uint16 * 5),
            ("inners", InnerInC * 3),
            ("laters", ctypes.c_void_p * 2),
            ("ok", ctypes.c_bool),
            ("small", ctypes.c_int8),
            ("single", ctypes.c_float),
            ("double", ctypes.c_double),
        ]

    assert sizeof(Node) == ctypes.sizeof(NodeInC)
    for name in Node.FIELDS:
        assert offsetof(Node, name) == getattr(NodeInC, name).offset


def test_a_field_reads_as_what_was_stored() -> None:
    node, later = Node(), Later(x=9)
    node.next, node.later, node.laters[1] = node, later, later
    node.data = array_at(u8, address(later))
    node.inner.a, node.inners[2].b, node.bits[4] = 5, 6, 7
    assert node.next.next == node
    assert (node.later.x, node.laters[1].x, node.data[0]) == (9, 9, 9)
    assert (node.inner.a, node.inners[2].b, node.bits[4]) == (5, 6, 7)
    assert is_nil(node.laters[0])
    assert is_nil(node.lists)


def test_what_lies_in_place_keeps_the_struct_alive() -> None:
    bits = Node().bits
    gc.collect()
    bits[0] = 3
    assert bits[0] == 3


def test_pointers_are_compared_by_address() -> None:
    node = Node()
    assert Node.at(address(node)) == node
    assert Node.at(address(node)) is not node
    assert hash(Node.at(address(node))) == hash(node)
    assert node != Node()
    assert len({node, Node.at(address(node))}) == 1


def test_a_pointer_is_no_condition() -> None:
    with pytest.raises(TypeError, match="is_nil"):
        assert Node()  # type: ignore[truthy-bool]


NIL_ACCESSES: dict[str, Any] = {
    "a field read": lambda: nil(Node).start,
    "a pointer field read": lambda: nil(Node).next,
    "a field in place": lambda: nil(Node).inner,
    "a fixed array": lambda: nil(Node).bits,
    "a field written": lambda: setattr(nil(Node), "start", 1),
    "through a nil field": lambda: Node().later.x,
    "near nil": lambda: Node.at(8).start,
    "an element read": lambda: nil(Array[u8])[0],
    "an element written": lambda: nil(Array[u8]).__setitem__(0, 1),
    "an element of structs": lambda: Node().lists[1],
    "an element of a nil slot": lambda: Node().laters[0].x,
    "load": lambda: load(u64, 0),
    "load near nil": lambda: load(u8, 4095),
    "store": lambda: store(u64, 0, 1),
    "memset": lambda: memset(0, 0, 8),
    "memmove": lambda: memmove(8, 0, 8),
}


@pytest.mark.parametrize("access", NIL_ACCESSES.values(), ids=NIL_ACCESSES)
def test_sy2_an_access_through_nil_raises(access: Any) -> None:
    with pytest.raises(NilAccess, match=r"^SY2: "):
        access()


def test_nothing_is_moved_through_nil() -> None:
    memset(0, 0, 0)
    memmove(0, 0, 0)


@pytest.mark.parametrize("i", [-1, -5])
def test_sy3_an_index_is_not_negative(i: int) -> None:
    node = Node()
    for read in (lambda: node.bits[i], lambda: array_at(u64, address(node))[i], lambda: node.laters[i]):
        with pytest.raises(IndexError, match=r"^SY3: "):
            read()


def test_a_fixed_array_has_its_length() -> None:
    node = Node()
    assert (len(node.bits), len(node.inners)) == (5, LENGTH)  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        node.bits[5] = 1
    with pytest.raises(TypeError, match="no len"):
        len(array_at(u8, address(node)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["inner", "bits", "inners"])
def test_sy4_what_lies_in_place_is_not_assigned(name: str) -> None:
    with pytest.raises(TypeError, match=r"^SY4: "):
        setattr(Node(), name, getattr(Node(), name))
    with pytest.raises(TypeError, match="copy_struct"):
        Node().inners[0] = Inner()


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(AttributeError):
        Node().strat = 1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        _ = Node().strat  # type: ignore[attr-defined]


def test_checked_stores_are_in_range() -> None:
    node = Node()
    with pytest.raises(OutOfRange):
        node.small = 128
    with pytest.raises(OutOfRange):
        node.bits[0] = 65536
    with pytest.raises(OutOfRange):
        store(u8, address(node), 256)
    with pytest.raises(TypeError):
        node.next = 5  # type: ignore[assignment]


def test_structs_are_copied() -> None:
    a, b = Inner(a=1, b=2), Inner()
    copy_struct(b, a)
    assert (b.a, b.b) == (1, 2)


def test_an_element_is_an_array_of_the_rest() -> None:
    node = Node()
    node.bits[3] = 9
    rest = element(node.bits, 2)
    assert rest[1] == 9
    assert address(rest) == address(node.bits) + 4
    assert address(element(node.inners, 2)) == address(node.inners[2])


def test_array_types_are_one_for_each_element() -> None:
    known: Any = Array
    assert known[u8] is known[u8]
    assert type(array_at(u8, 1 << 20)) is known[u8]


def test_annotations_name_types() -> None:
    names = globals()
    assert resolve("u32", names) is u32
    assert resolve("Node", names) is Node
    assert resolve("tuple[u64, bool]", names) == (u64, bool)
    assert isinstance(resolve("Inline[Inner]", names), InlineOf)
    fixed = resolve("Annotated[Array[Later], LENGTH]", names)
    assert isinstance(fixed, FixedArray)
    assert (fixed.element, fixed.length) == (Later, LENGTH)
    with pytest.raises(NameError):
        resolve("Nowhere", names)


def test_a_struct_of_another_module_is_found_by_its_name() -> None:
    @struct
    class Elsewhere(Struct):
        """Found through the list of all structs."""

        x: u64  # units

    @struct
    class User(Struct):
        """Knows the other for the type checker alone."""

        other: Elsewhere  # a pointer

    names = {"__name__": "far.away"}
    assert resolve("Elsewhere", names) is Elsewhere
    user, other = User(), Elsewhere(x=4)
    user.other = other
    assert user.other.x == 4
    del STRUCTS["Elsewhere"], STRUCTS["User"]
