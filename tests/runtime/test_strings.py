"""Strings: concatenation, comparison, and the ways to bytes and code points and back, against Python's."""

from __future__ import annotations

import ctypes
import mmap
import random
from collections.abc import Iterator

import pytest

from runtime import heap, strings, utf8
from runtime.heap import Runtime
from runtime.proc import G
from runtime.syspy import Array, address, array_at, i32, load, memset, u8
from tests.runtime.engines import Engine, as_word
from tests.runtime.heaps import native_engine

ROOTS = [heap.new_runtime, heap.close_runtime, strings.concat2, strings.concat3]
ROOTS += [strings.index_byte, strings.string_equal, strings.string_compare]
ROOTS += [strings.slice_bytes_to_string, strings.string_to_slice_bytes]
ROOTS += [strings.string_to_runes, strings.runes_to_string, strings.rune_to_string, strings.int_to_string]
ROOTS += [utf8.decode_rune, utf8.encode_rune, utf8.count_runes]
RESTS_ON = native_engine

SAMPLES = [b"", b"a", b"hello", "héllo, 世界 😀".encode(), b"\xff\xc3(\xed\xa0\x80\xf4\x90\x80\x80", b"\x00" * 3]


class Bytes:
    """Bytes in memory, and how they are passed."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.held = ctypes.create_string_buffer(content, len(content) + 1)
        self.data: Array[u8] = array_at(u8, ctypes.addressof(self.held))
        self.pair = (self.data, len(content))


def read(result: tuple[object, int]) -> bytes:
    """A string that a systems function gave back."""
    data, length = result
    return ctypes.string_at(as_word(data), length)


@pytest.fixture
def g(engine: Engine) -> Iterator[G]:
    runtime = Runtime.at(engine.call(heap.new_runtime, 100, 1 << 20))
    yield runtime.g0
    engine.call(heap.close_runtime, runtime)


@pytest.fixture
def pages() -> list[ctypes.c_char]:
    """Two pages behind which nothing may be read; the first byte of each."""
    libc = ctypes.CDLL(None)
    made = [ctypes.c_char.from_buffer(mmap.mmap(-1, 2 * mmap.PAGESIZE)) for _ in range(2)]
    for first in made:
        end = ctypes.addressof(first) + mmap.PAGESIZE
        assert libc.mprotect(ctypes.c_void_p(end), mmap.PAGESIZE, 0) == 0
    return made


def test_concatenation(engine: Engine, g: G) -> None:
    for a in map(Bytes, SAMPLES):
        for b in map(Bytes, SAMPLES):
            assert read(engine.call(strings.concat2, g, *a.pair, *b.pair)) == a.content + b.content
            joined = engine.call(strings.concat3, g, *a.pair, *b.pair, *a.pair)
            assert read(joined) == a.content + b.content + a.content


def test_concatenation_with_nothing_shares(engine: Engine, g: G) -> None:
    a, empty = Bytes(b"same"), Bytes(b"")
    for pairs in [(a, empty), (empty, a)]:
        result = engine.call(strings.concat2, g, *pairs[0].pair, *pairs[1].pair)
        assert as_word(result[0]) == address(a.data)


def test_comparison_orders_bytes(engine: Engine) -> None:
    for a in map(Bytes, [*SAMPLES, b"hellp", b"hell", b"hello\x00"]):
        for b in map(Bytes, [*SAMPLES, b"hellp", b"hell", b"hello\x00"]):
            expected = (a.content > b.content) - (a.content < b.content)
            assert engine.call(strings.string_compare, *a.pair, *b.pair) == expected
            assert engine.call(strings.string_equal, *a.pair, *b.pair) == (expected == 0)


@pytest.mark.parametrize("length", range(19))
def test_equality_looks_at_every_byte_and_at_no_other(
    engine: Engine, pages: list[ctypes.c_char], length: int
) -> None:
    a, b = (array_at(u8, ctypes.addressof(first) + mmap.PAGESIZE - length) for first in pages)
    memset(address(a), 7, length)
    memset(address(b), 7, length)
    assert engine.call(strings.string_equal, a, length, b, length)
    assert engine.call(strings.string_equal, a, length, a, length)
    for at in range(length):
        b[at] = 8
        assert not engine.call(strings.string_equal, a, length, b, length)
        b[at] = 7


@pytest.mark.parametrize("length", [0, 1, 7, 8, 31, 32, 33, 100])
def test_the_first_of_a_byte(engine: Engine, pages: list[ctypes.c_char], length: int) -> None:
    data = array_at(u8, ctypes.addressof(pages[0]) + mmap.PAGESIZE - length)
    memset(address(data), 7, length)
    assert engine.call(strings.index_byte, data, length, 255) == -1
    for at in reversed(range(length)):
        data[at] = 255
        assert engine.call(strings.index_byte, data, length, 255) == at
        assert engine.call(strings.index_byte, data, at, 255) == -1


def test_bytes_and_back(engine: Engine, g: G) -> None:
    for s in map(Bytes, SAMPLES):
        data, capacity = engine.call(strings.string_to_slice_bytes, g, *s.pair)
        assert ctypes.string_at(data, capacity) == s.content.ljust(capacity, b"\0")
        assert read(engine.call(strings.slice_bytes_to_string, g, data, len(s.content))) == s.content


@pytest.mark.parametrize(("n", "capacity"), [(1, 8), (5, 8), (33, 48), (100, 112), (1000, 1024), (40000, 40960)])
def test_byte_slices_have_gos_capacity(engine: Engine, g: G, n: int, capacity: int) -> None:
    s = Bytes(b"x" * n)
    assert engine.call(strings.string_to_slice_bytes, g, *s.pair)[1] == capacity


@pytest.mark.parametrize(("n", "capacity"), [(1, 2), (5, 6), (33, 36), (100, 104), (1000, 1024), (40000, 40960)])
def test_rune_slices_have_gos_capacity(engine: Engine, g: G, n: int, capacity: int) -> None:
    s = Bytes(b"x" * n)
    assert engine.call(strings.string_to_runes, g, *s.pair)[1:] == (n, capacity)


def go_runes(content: bytes) -> list[int]:
    """The code points that Go sees: each byte that begins none is one U+FFFD."""
    found, at = [], 0
    while at < len(content):
        for width in (1, 2, 3, 4):
            try:
                found.append(ord(content[at : at + width].decode()))
            except (UnicodeDecodeError, TypeError):
                continue
            at += width
            break
        else:
            found.append(utf8.RUNE_ERROR)
            at += 1
    return found


def test_runes_and_back(engine: Engine, g: G, seed: int) -> None:
    rng = random.Random(seed)
    alphabet = [b"a", "é".encode(), "世".encode(), "😀".encode(), b"\xff", b"\xe4\xb8", b"\xc0\x80", b"\xed\xa0\x80"]
    for _ in range(200):
        content = b"".join(rng.choices(alphabet, k=rng.randrange(12)))
        s = Bytes(content)
        data, count, capacity = engine.call(strings.string_to_runes, g, *s.pair)
        expected = go_runes(content)
        assert [load(i32, data + 4 * i) for i in range(count)] == expected
        assert [load(i32, data + 4 * i) for i in range(count, capacity)] == [0] * (capacity - count)
        back = "".join(map(chr, expected)).encode()
        assert read(engine.call(strings.runes_to_string, g, data, count)) == back
        assert engine.call(utf8.count_runes, *s.pair) == len(expected)


def test_decoding_any_four_bytes(engine: Engine, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(3000):
        content = bytes(
            rng.choice([rng.randrange(256), rng.randrange(0x80, 0xC0), 0xF0 | rng.randrange(8)]) for _ in "four"
        )
        held = Bytes(content)
        r, width = engine.call(utf8.decode_rune, *held.pair, 0)
        assert r == go_runes(content)[0]
        assert width == (1 if r == utf8.RUNE_ERROR and content[:3] != b"\xef\xbf\xbd" else len(chr(r).encode()))


@pytest.mark.parametrize("r", [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF])
def test_decoding_what_was_encoded_gives_it_back(engine: Engine, r: int) -> None:
    buffer = Bytes(b"....")
    width = engine.call(utf8.encode_rune, buffer.data, r)
    assert ctypes.string_at(address(buffer.data), width) == chr(r).encode()
    assert engine.call(utf8.decode_rune, buffer.data, width, 0) == (r, width)


@pytest.mark.parametrize("r", [-1, 0xD800, 0xDFFF, 0x110000, 2**31 - 1])
def test_what_is_no_code_point_becomes_the_replacement_character(engine: Engine, g: G, r: int) -> None:
    assert read(engine.call(strings.rune_to_string, g, r)) == b"\xef\xbf\xbd"
    assert read(engine.call(strings.int_to_string, g, r)) == b"\xef\xbf\xbd"


def test_code_points_as_strings(engine: Engine, g: G) -> None:
    for r in (0, 65, 0x7F, 0xE9, 0x4E16, 0x1F600):
        assert read(engine.call(strings.int_to_string, g, r)) == chr(r).encode()
    assert read(engine.call(strings.int_to_string, g, 2**40)) == b"\xef\xbf\xbd"
