"""print and println: every kind, the order against standard output, one write per statement."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lang.std import fmt
from lang.std import print_builtin as pb
from runtime.output import flush
from runtime.proc import G
from runtime.syspy import Failure, address
from tests.runtime.engines import Engine
from tests.runtime.heaps import native_engine
from tests.std.printing import printing_goroutine
from tests.std.values import INT, Memory, Value

ROOTS: list[Callable[..., object]] = [fmt.fmt_print, flush, pb.print_begin, pb.print_end, pb.print_space]
ROOTS += [pb.print_newline, pb.print_bool, pb.print_int, pb.print_uint, pb.print_float, pb.print_float32]
ROOTS += [pb.print_string, pb.print_pointer, pb.print_slice, pb.print_interface]
RESTS_ON = native_engine


class Console:
    """Both outputs of a goroutine on one datagram socket: what was read by one recv was one write."""

    def __init__(self, engine: Engine, g: G) -> None:
        self.engine, self.g = engine, g
        self.near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        g.output.fd = g.output.stderr.fd = self.near.fileno()
        self.far.setblocking(False)

    def statement(self, *calls: tuple[Any, ...]) -> None:
        """One print statement."""
        self.engine.call(pb.print_begin, self.g)
        for function, *arguments in calls:
            self.engine.call(function, self.g, *arguments)
        self.engine.call(pb.print_end, self.g)

    def writes(self) -> list[bytes]:
        """What was written, a write each."""
        found = []
        while True:
            try:
                found.append(self.far.recv(1 << 20))
            except BlockingIOError:
                return found


@pytest.fixture
def console(engine: Engine) -> Iterator[Console]:
    with printing_goroutine() as g:
        made = Console(engine, g)
        yield made
        made.near.close()
        made.far.close()


KINDS: list[tuple[Callable[..., None], object, bytes]] = [
    (pb.print_int, 0, b"0"),
    (pb.print_int, -(2**63), b"-9223372036854775808"),
    (pb.print_uint, 2**64 - 1, b"18446744073709551615"),
    (pb.print_bool, True, b"true"),
    (pb.print_bool, False, b"false"),
    (pb.print_float, 1.5, b"1.5"),
    (pb.print_float, 1e100, b"1e+100"),
    (pb.print_float, 100000000.0, b"1e+08"),
    (pb.print_float, -0.0, b"-0"),
    (pb.print_float, math.inf, b"+Inf"),
    (pb.print_float, -math.inf, b"-Inf"),
    (pb.print_float, math.nan, b"NaN"),
    (pb.print_float32, 0.10000000149011612, b"0.1"),
    (pb.print_pointer, 0, b"0x0"),
    (pb.print_pointer, 0xC000012345, b"0xc000012345"),
]


@pytest.mark.parametrize(("function", "value", "expected"), KINDS)
def test_a_value(console: Console, function: Callable[..., None], value: object, expected: bytes) -> None:
    console.statement((function, value))
    assert console.writes() == [expected]


def test_a_statement_is_one_write_and_standard_output_goes_first(console: Console) -> None:
    memory = Memory()
    console.engine.call(fmt.fmt_print, console.g, memory.operands([Value(INT, 7)]), 1)
    assert console.writes() == []
    word = memory.bytes(b"abc")
    console.statement((pb.print_int, 1), (pb.print_space,), (pb.print_string, word, 3), (pb.print_newline,))
    assert console.writes() == [b"7", b"1 abc\n"]


def test_text_longer_than_the_buffer_comes_out_whole(console: Console) -> None:
    memory, text = Memory(), bytes(range(256)) * 40
    console.statement((pb.print_int, 1), (pb.print_string, memory.bytes(text), len(text)), (pb.print_int, 2))
    assert b"".join(console.writes()) == b"1" + text + b"2"


def test_text_left_by_an_earlier_statement_breaks_pb1(console: Console) -> None:
    console.g.output.stderr.length = 1
    with pytest.raises((Failure, AssertionError), match="PB1"):
        console.engine.call(pb.print_begin, console.g)


def test_slices_and_interfaces_are_addresses(console: Console) -> None:
    memory = Memory()
    console.statement((pb.print_slice, 0xC000, 2, 3))
    boxed = memory.operands([Value(INT, 1)])[0]
    console.statement((pb.print_interface, boxed))
    assert console.writes() == [b"[2/3]0xc000", b"(%#x,%#x)" % (address(boxed.typ), boxed.data)]
