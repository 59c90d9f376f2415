"""Identity and spelling of types; their sizes, offsets and pointer masks."""

from __future__ import annotations

import pytest

from lang import go_types as t
from lang import layout
from lang.lookup import Ambiguous, Found, find, missing_method
from lang.objects import Func
from lang.packages import weak_pointer


def struct(*types: t.Type) -> t.Struct:
    return t.Struct(tuple(t.Field(f"f{i}", type_) for i, type_ in enumerate(types)))


NODE = t.Named("Node", 1)
NODE.resolve(struct(t.Pointer(NODE), t.Pointer(NODE), t.INT))


@pytest.mark.parametrize(
    ("type_", "size", "align", "mask"),
    [
        (t.BOOL, 1, 1, 0), (t.INT16, 2, 2, 0), (t.INT, 8, 8, 0), (t.FLOAT32, 4, 4, 0), (t.STRING, 16, 8, 0b1),
        (t.Slice(t.INT), 24, 8, 0b1), (t.ANY, 16, 8, 0b10), (t.Pointer(t.INT), 8, 8, 0b1), (struct(), 0, 1, 0),
        (struct(t.BOOL, t.INT, t.BOOL), 24, 8, 0),
        (struct(t.INT, struct()), 16, 8, 0), (struct(struct(), t.INT), 8, 8, 0),
        (struct(t.BYTE, t.Pointer(t.INT), t.STRING), 32, 8, 0b110), (NODE, 24, 8, 0b11),
        (t.Array(3, struct(t.INT, t.STRING)), 72, 8, 0b010010010), (t.Array(0, t.STRING), 0, 8, 0),
        (t.Array(5, t.UINT16), 10, 2, 0), (t.Map(t.INT, t.INT), 8, 8, 1), (t.Signature((), ()), 8, 8, 1),
        (weak_pointer(NODE), 8, 8, 0b1), (struct(t.INT, t.Array(2, weak_pointer(t.INT))), 24, 8, 0b110),
    ],
    ids=str,
)  # fmt: skip
def test_layout(type_: t.Type, size: int, align: int, mask: int) -> None:
    assert layout.size_of(type_) == size
    assert layout.align_of(type_) == align
    assert layout.pointer_mask(type_) == mask
    assert layout.pointer_bytes(type_) == mask.bit_length() * 8
    assert layout.has_pointers(type_) == (mask != 0)


def test_offsets() -> None:
    assert layout.field_offsets(struct(t.BYTE, t.INT32, t.BYTE, t.STRING)) == (0, 4, 8, 16)


def test_mask_of_a_huge_array_is_made_by_doubling() -> None:
    mask = layout.pointer_mask(t.Array(1_000_001, t.STRING))
    assert mask.bit_count() == 1_000_001
    assert mask.bit_length() == 2_000_001


def test_identity_is_equality() -> None:
    assert t.BYTE == t.UINT8
    assert t.RUNE == t.INT32
    assert t.INT != t.INT64
    assert t.Slice(t.BYTE) == t.Slice(t.UINT8)
    assert struct(t.INT) == struct(t.INT)
    assert struct(t.INT) != t.Struct((t.Field("g", t.INT),))
    assert t.Struct((t.Field("f", t.INT, tag='"a"'),)) != t.Struct((t.Field("f", t.INT),))
    other = t.Named("Node", 1, NODE.underlying)
    assert other != NODE
    assert other.underlying == NODE.underlying
    params = (t.Param("a", t.INT),)
    assert t.Signature(params, ()) == t.Signature((t.Param("b", t.INT),), ())
    assert t.Signature(params, (), True) != t.Signature(params, ())
    assert len({t.Slice(NODE), t.Slice(NODE), t.Slice(other)}) == 2
    assert weak_pointer(NODE) == weak_pointer(NODE) != weak_pointer(other)
    assert len({weak_pointer(t.BYTE), weak_pointer(t.UINT8), weak_pointer(weak_pointer(t.BYTE))}) == 2
    assert weak_pointer(t.INT).underlying != weak_pointer(NODE).underlying, "so one is not converted to the other"


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (t.Slice(t.Pointer(NODE)), "[]*Node"),
        (t.Map(t.STRING, t.Array(3, t.BYTE)), "map[string][3]byte"),
        (t.Struct((t.Field("x", t.INT), t.Field("Node", NODE, embedded=True))), "struct{x int; Node}"),
        (t.Signature((t.Param("a", t.INT), t.Param("b", t.Slice(t.ANY))), (t.Param("", t.ERROR),), True),
         "func(a int, b ...any) error"),
        (t.Signature((), (t.Param("", t.INT), t.Param("", t.BOOL))), "func() (int, bool)"),
        (t.Tuple((t.INT, t.STRING)), "(int, string)"),
        (t.Chan(t.INT, "receive"), "<-chan int"),
        (weak_pointer(t.Pointer(weak_pointer(t.BYTE))), "weak.Pointer[*weak.Pointer[byte]]"),
    ],
    ids=str,
)  # fmt: skip
def test_spelling(type_: t.Type, text: str) -> None:
    assert str(type_) == text


def test_fields_and_methods_are_found_by_depth() -> None:
    inner, left, right, outer = (t.Named(name, 1) for name in ("Inner", "Left", "Right", "Outer"))
    inner.resolve(t.Struct((t.Field("n", t.INT), t.Field("deep", t.INT))))
    inner.methods["m"] = Func("m", 1, t.Signature((), ()), receiver=inner, pointer_receiver=True)
    left.resolve(t.Struct((t.Field("Inner", t.Pointer(inner), embedded=True), t.Field("n", t.INT))))
    right.resolve(t.Struct((t.Field("n", t.INT), t.Field("only", t.INT))))
    outer.resolve(t.Struct((t.Field("Left", left, embedded=True), t.Field("Right", right, embedded=True))))
    assert isinstance(find(outer, "n"), Ambiguous)
    assert find(outer, "none") is None
    deep = find(outer, "deep")
    assert isinstance(deep, Found)
    assert [step.index for step in deep.steps] == [0, 0, 1]
    assert [step.through_pointer for step in deep.steps] == [False, False, True]
    method = find(outer, "m")
    assert isinstance(method, Found)
    assert method.method is inner.methods["m"]
    assert method.receiver == t.Pointer(inner)
    wanted = t.Interface((t.InterfaceMethod("m", t.Signature((), ())),))
    assert missing_method(outer, wanted) == ""
    assert missing_method(inner, wanted) == "(method m has pointer receiver)"
    assert missing_method(right, wanted) == "(missing method m)"
