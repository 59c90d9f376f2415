"""Constant data: tables, texts and structs; cycles; and the same objects in native code, across images."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from runtime.syspy import NilAccess, OutOfRange, Struct, address, constant, struct, table, text, u8, u16, u64
from tests.syspy.modules import Made, made

TEXT = """
@struct
class Field(Struct):
    name: Array[u8]
    typ: Type
    offset: u32

@struct
class Type(Struct):
    size: u64
    elem: Type
    fields: Array[Inline[Field]]
    ways: Array[Type]
    kind: u8
    ok: bool

@struct
class Line(Struct):
    kind: u8
    field: Inline[Field]
    sizes: Annotated[Array[u16], 3]
    fields: Annotated[Array[Inline[Field]], 2]

NAME = text(b'a"\\\\b\\n')
SIZES = table(u16, [8, 16, 65535])
SIGNED = table(i8, [-1, 2, -128])
FLOATS = table(f64, [0.1, -0.0])
FLAGS = table(bool, [True, False])
EMPTY = table(u8, [])
LIST: Type = constant(Type, size=24, elem=lambda: TREE, fields=lambda: FIELDS, kind=200, ok=True)
FIELDS = table(Inline[Field], [
    constant(Field, name=NAME, typ=lambda: TREE, offset=8),
    constant(Field, typ=LIST, offset=16),
])
LINE = constant(
    Line,
    kind=1,
    field=constant(Field, name=NAME, typ=lambda: TREE, offset=7),
    sizes=table(u16, [4, 5, 6]),
    fields=table(Inline[Field], [constant(Field, offset=9), constant(Field, typ=lambda: TREE)]),
)
WAYS = table(Type, [LIST, lambda: TREE])
TREE: Type = constant(Type, size=48, elem=LIST, ways=WAYS)

def walk() -> tuple[u64, u64, u64, u64, u64]:
    a = LIST.fields[0].typ.size
    b = LIST.elem.elem.fields[1].typ.size
    c = TREE.ways[1].ways[0].size
    d = u64(LIST.fields[0].name[3])
    return a, b, c, d, u64(LIST.kind) + u64(LIST.fields[0].offset)

def in_place() -> tuple[u64, u64, u32, u8]:
    return LINE.field.typ.size, LINE.fields[1].typ.size, LINE.fields[0].offset, LINE.field.name[0]

def sizes(i: u64) -> u16:
    return LINE.sizes[i]

def tables(i: u64) -> tuple[u16, i8, f64, bool]:
    return SIZES[i], SIGNED[i], FLOATS[i & 1], FLAGS[i & 1]

def identities() -> tuple[bool, bool, bool]:
    return TREE.elem == LIST, LIST.elem == TREE, is_nil(TREE.fields)

def tree() -> Type:
    return TREE

def is_tree(t: Type) -> bool:
    return t == TREE

def address_of_empty() -> bool:
    return address(EMPTY) != 0
"""


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "constant_data")


@pytest.fixture(scope="module")
def image(functions: Made) -> Any:
    return functions.image()


def test_cycles_are_walked_alike(functions: Made, image: Any) -> None:
    assert image.call("constant_data.walk") == functions.walk() == (48, 24, 24, ord("b"), 208)


def test_structs_and_tables_lie_in_structs(functions: Made, image: Any) -> None:
    assert image.call("constant_data.in_place") == functions.in_place() == (48, 48, 9, ord("a"))
    assert [image.call("constant_data.sizes", i) for i in range(3)] == list(map(functions.sizes, range(3))) == [4, 5, 6]


@pytest.mark.parametrize("i", [0, 1, 2])
def test_tables_are_read_alike(functions: Made, image: Any, i: int) -> None:
    assert repr(image.call("constant_data.tables", i)) == repr(functions.tables(i))


def test_a_constant_is_itself_wherever_it_is_reached_from(functions: Made, image: Any) -> None:
    assert image.call("constant_data.identities") == functions.identities() == (True, True, True)
    assert image.call("constant_data.address_of_empty")


def test_a_constant_has_a_symbol(image: Any) -> None:
    assert image.symbol("constant_data.TREE") == image.call("constant_data.tree")


def test_links_are_made_before_anybody_reads_them_as_bytes() -> None:
    names: dict[str, Any] = made(TEXT, "linked").names
    stored = ctypes.c_uint64.from_address(address(names["LIST"]) + 8).value
    assert stored == address(names["TREE"])


def access_of(addr: int) -> str:
    """The protection of the page at an address."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for row in map(str.split, maps):
            low, high = (int(end, 16) for end in row[0].split("-"))
            if low <= addr < high:
                return row[1]
    return ""


def test_code_and_constants_are_read_only(image: Any) -> None:
    assert access_of(image.symbol("constant_data.TREE")) == "r--p"
    assert access_of(image.symbol("constant_data.walk")) == "r-xp"
    assert access_of(image.symbols["syspy.key"]) == "rw-p"


@struct
class Pair(Struct):
    """Two numbers."""

    small: u8  # units
    large: u64  # units


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(OutOfRange):
        table(u16, [65536])
    with pytest.raises(OutOfRange):
        constant(Pair, small=256)
    with pytest.raises(KeyError):
        constant(Pair, lage=1)


def test_a_table_checks_its_ends() -> None:
    with pytest.raises(IndexError):
        _ = table(u8, [1])[1]
    assert text(b"")[0] == 0


def test_what_is_not_given_is_nil(functions: Made) -> None:
    with pytest.raises(NilAccess):
        _ = functions.TREE.fields[0]
