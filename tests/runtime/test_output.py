"""Output: buffering, large writes, and what happens when a write fails."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from runtime import output
from runtime.output import EXIT_BROKEN_PIPE, IN_MEMORY, KEPT_TEXT_BYTES, TEXT_BUFFER_BYTES, Output
from runtime.syspy import FAIL_EXIT, FAIL_INTERRUPT, Array, Failure, address, array_at, nil, u8
from tests.runtime.engines import Engine

ROOTS = [output.new_output, output.close_output, output.flush, output.write_bytes, output.end_statement]
ROOTS += [output.open_output, output.shrink_text]

CAPACITY = 64


class Pipe:
    """An Output of 64 bytes before a pipe."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reader, self.writer = os.pipe()
        self.out = Output.at(engine.call(output.new_output, self.writer, CAPACITY, nil(Output)))
        self.kept: list[object] = []

    def write(self, content: bytes) -> None:
        held = ctypes.create_string_buffer(content, max(1, len(content)))
        self.kept.append(held)
        data: Array[u8] = array_at(u8, ctypes.addressof(held))
        self.engine.call(output.write_bytes, self.out, data, len(content))

    def flush(self) -> None:
        self.engine.call(output.flush, self.out)

    def read(self) -> bytes:
        os.set_blocking(self.reader, False)
        try:
            return os.read(self.reader, 1 << 20)
        except BlockingIOError:
            return b""


@pytest.fixture
def pipe(engine: Engine) -> Iterator[Pipe]:
    made = Pipe(engine)
    yield made
    engine.call(output.close_output, made.out)
    for fd in (made.reader, made.writer):
        with suppress(OSError):  # one test closes an end itself
            os.close(fd)


def test_text_waits_until_it_is_flushed(pipe: Pipe) -> None:
    pipe.write(b"one ")
    pipe.write(b"two")
    assert (pipe.read(), pipe.out.length) == (b"", 7)
    pipe.flush()
    assert (pipe.read(), pipe.out.length) == (b"one two", 0)


def test_a_full_buffer_goes_out_before_the_next_text(pipe: Pipe) -> None:
    pipe.write(b"a" * 60)
    pipe.write(b"b" * 5)
    assert (pipe.read(), pipe.out.length) == (b"a" * 60, 5)


def test_more_than_the_buffer_holds_goes_straight_through(pipe: Pipe) -> None:
    pipe.write(b"head")
    pipe.write(b"x" * 1000)
    assert (pipe.read(), pipe.out.length) == (b"head" + b"x" * 1000, 0)


def test_a_terminal_sees_each_statement_at_its_end(pipe: Pipe) -> None:
    pipe.write(b"quiet")
    pipe.engine.call(output.end_statement, pipe.out)
    assert pipe.read() == b""
    pipe.out.line_buffered = 1
    pipe.engine.call(output.end_statement, pipe.out)
    assert pipe.read() == b"quiet"


def test_a_slow_reader_of_a_nonblocking_descriptor_gets_everything(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    content = os.urandom(300_000)
    received = bytearray()

    def drain() -> None:
        while len(received) < len(content):
            received.extend(os.read(pipe.reader, 4096))

    reader = threading.Thread(target=drain)
    reader.start()
    pipe.write(content)
    reader.join()
    assert (bytes(received), pipe.out.error) == (content, 0)


def test_a_signal_ends_the_wait_for_a_nonblocking_descriptor_if_the_program_is_to_stop(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    with suppress(BlockingIOError):
        while os.write(pipe.writer, bytes(1 << 16)):
            pass
    pipe.write(b"nobody reads this")
    pipe.out.interrupted = 1
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        with pytest.raises(Failure) as caught:
            pipe.flush()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert caught.value.kind == FAIL_INTERRUPT


def test_a_broken_pipe_ends_the_program_quietly(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.write(b"nobody reads this")
    with pytest.raises(Failure) as caught:
        pipe.flush()
    assert (caught.value.kind, caught.value.words) == (FAIL_EXIT, (EXIT_BROKEN_PIPE,))
    pipe.flush()  # what could not be written is gone: the host can end in peace


def test_a_full_disk_is_remembered_and_the_program_goes_on(engine: Engine) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    pipe = Pipe(engine)
    pipe.out.fd = full
    pipe.write(b"x" * 1000)
    pipe.write(b"y" * 1000)
    assert pipe.out.error == errno.ENOSPC
    engine.call(output.close_output, pipe.out)
    for fd in (full, pipe.reader, pipe.writer):
        os.close(fd)


def test_a_length_beyond_the_capacity_breaks_ob1(pipe: Pipe) -> None:
    pipe.out.length = CAPACITY + 1
    with pytest.raises((Failure, AssertionError), match="OB1"):
        pipe.write(b"x")
    pipe.out.length = 0


def test_an_interrupted_program_leaves_at_its_next_write(pipe: Pipe) -> None:
    pipe.write(b"before")
    pipe.out.interrupted = 1
    with pytest.raises(Failure) as caught:
        pipe.write(b"after")
    assert caught.value.kind == FAIL_INTERRUPT
    pipe.flush()
    assert pipe.read() == b"before"


def test_standard_output_has_the_others_behind_it(engine: Engine) -> None:
    out = Output.at(engine.call(output.open_output))
    assert (out.fd, out.stderr.fd, out.text.fd, out.capacity) == (1, 2, IN_MEMORY, output.BUFFER_BYTES)
    engine.call(output.close_output, out)


@pytest.mark.parametrize("sizes", [[10], [TEXT_BUFFER_BYTES, 1], [3000, 3000, 3000], [1_000_000], [1] * 9000])
def test_a_text_in_memory_grows_and_becomes_small_again(engine: Engine, sizes: list[int]) -> None:
    out = Output.at(engine.call(output.open_output))
    text, first = out.text, address(out.text.data)
    for _ in range(2):
        parts = [bytes([65 + i % 26]) * size for i, size in enumerate(sizes)]
        for part in parts:
            held = ctypes.create_string_buffer(part, len(part))
            engine.call(output.write_bytes, text, array_at(u8, ctypes.addressof(held)), len(part))
        assert ctypes.string_at(address(text.data), text.length) == b"".join(parts)
        assert sum(sizes) <= text.capacity < 2 * max(sum(sizes), TEXT_BUFFER_BYTES) + 1
        engine.call(output.shrink_text, text, KEPT_TEXT_BYTES)
        assert text.length == 0
        assert text.capacity <= KEPT_TEXT_BYTES
        assert (address(text.data) == first) == (sum(sizes) <= TEXT_BUFFER_BYTES or sum(sizes) > KEPT_TEXT_BYTES)
    engine.call(output.close_output, out)
