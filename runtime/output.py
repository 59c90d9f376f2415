"""Output: text on its way to a file descriptor, or into a string.

    print  --> [ h e l l o \\n . . . . . . ]  --flush--> write(2)
                data        length    capacity

Standard output is buffered: text goes out when the buffer is full, at the end of a statement when it is a terminal,
before anything is written to standard error, and when the program ends, however it ends. Standard error has an
Output of its own, `out.stderr`, which keeps the text of one statement only, so that a statement is one write. Text for
a string stays in memory, in `out.current`: its buffer grows, and becomes small again when the text is taken.

What can go wrong, and what happens then:

    EINTR, EAGAIN    the write is tried again (EAGAIN: after poll says so), unless the host wants the program to stop
    EPIPE            nobody reads any more: the program ends quietly with status 141, which is what a shell
                     reports of a Go program (SIGPIPE kills it)
    anything else    (a full disk) the error number is kept in `error`, for the host to report at the end; what follows
                     is dropped, and the program goes on, as a Go program that ignores Println's error does
    interrupted      set by the host on Ctrl-C: the next write leaves with FAIL_INTERRUPT, and the host flushes

    OB1  length <= capacity

Owner: the goroutine that prints; the host between runs.
Go: os.Stdout is not buffered; here a million lines are a few hundred writes.          Next: hexdump.py
"""

from __future__ import annotations

from runtime.os_memory import MAP_FAILED, MAP_PRIVATE_ANONYMOUS, PROT_READ_WRITE, mmap, munmap
from runtime.syspy import (
    FAIL_EXIT,
    FAIL_INTERRUPT,
    Annotated,
    Array,
    Inline,
    Struct,
    address,
    array_at,
    atomic_load,
    c_function,
    cold,
    errno,
    fail,
    i16,
    i32,
    i64,
    inline,
    is_nil,
    memmove,
    nil,
    sizeof,
    struct,
    throw,
    u8,
    u32,
    u64,
    uintptr,
    unlikely,
)

BUFFER_BYTES = 64 << 10  # of text that standard output collects
STDERR_BUFFER_BYTES = 4 << 10  # of one statement's text
TEXT_BUFFER_BYTES = 4 << 10  # of a text in memory, at first
KEPT_TEXT_BYTES = 64 << 10  # of its buffer at most, from one text to the next: what Go keeps
SCRATCH_WORDS = 384  # room to form one number or the state of one Printf in

STDOUT_FD = 1
STDERR_FD = 2
IN_MEMORY = -1  # instead of a descriptor
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE

EINTR = 4
EIO = 5
EAGAIN = 11
EPIPE = 32
POLLOUT = 4
WAIT_FOREVER = -1


@struct
class PollFd(Struct):
    """struct pollfd of poll(2)."""

    fd: i32  # the descriptor asked about
    events: i16  # what is waited for
    revents: i16  # what has come


@struct
class Output(Struct):
    """A buffer in front of one file descriptor."""

    data: Array[u8]  # the buffer
    length: i64  # bytes waiting in it
    capacity: i64  # bytes it has room for
    fd: i32  # where the bytes go
    error: i32  # errno of the first write that failed for good; 0: none
    interrupted: u32  # 1: the host wants the program to stop; set from another thread
    line_buffered: u32  # 1: a terminal; flush at the end of every statement
    stderr: Output  # the Output of standard error; nil in that one
    text: Output  # an Output in memory, for one text more; nil in the last of them, and in standard error's
    current: Output  # of standard output: the Output in memory that no text under way is in
    poll: Inline[PollFd]  # for waiting while the descriptor takes no more
    scratch: Annotated[Array[u64], SCRATCH_WORDS]  # where lang.std forms numbers; no meaning between statements


@c_function
def write(fd: i32, data: uintptr, n: u64) -> i64:  # type: ignore[empty-body]
    """Write up to n bytes; how many were written, or -1."""


@c_function
def poll(fds: PollFd, count: u64, timeout: i32) -> i32:  # type: ignore[empty-body]
    """Wait until a descriptor is ready."""


def new_output(fd: i32, capacity: i64, stderr: Output) -> Output:
    """An empty Output in memory of its own. `stderr` is where its errors go, or nil."""
    size = sizeof(Output) + u64(capacity)
    block = mmap(0, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
    if block == MAP_FAILED:
        throw("out of memory")
    out = Output.at(block)
    out.data = array_at(u8, block + sizeof(Output))
    out.capacity = capacity
    out.fd = fd
    out.stderr = stderr
    return out


def open_output() -> Output:
    """Standard output, with the two others behind it. The host sets `line_buffered` for a terminal."""
    stderr = new_output(STDERR_FD, STDERR_BUFFER_BYTES, nil(Output))
    out = new_output(STDOUT_FD, BUFFER_BYTES, stderr)
    out.text = new_output(IN_MEMORY, TEXT_BUFFER_BYTES, nil(Output))
    out.current = out.text
    return out


def close_output(out: Output) -> None:
    """Give an Output's memory back, and that of those behind it. What waits in them is lost: flush first."""
    if not is_nil(out.stderr):
        close_output(out.stderr)
    if not is_nil(out.text):
        close_output(out.text)
    if out.fd == IN_MEMORY:
        shrink_text(out, 0)
    munmap(address(out), sizeof(Output) + u64(out.capacity))


def flush(out: Output) -> None:
    """Hand everything that waits to the operating system."""
    waiting = out.length
    out.length = 0
    write_through(out, address(out.data), waiting)


def write_through(out: Output, data: uintptr, n: i64) -> None:
    """Write n bytes past the buffer, however many calls that takes."""
    done: i64 = 0
    while done < n and out.error == 0:
        count = write(out.fd, data + u64(done), u64(n - done))
        if count > 0:
            done = done + count
        else:
            handle_write_error(out, errno() if count < 0 else EIO)


@cold
def make_room(out: Output, n: i64) -> None:
    """Let n bytes more fit: all that waits is written, or the buffer grows. n may be more than a buffer has."""
    if out.fd != IN_MEMORY:
        flush(out)
        return
    capacity = 2 * out.capacity
    while capacity - out.length < n:
        capacity = 2 * capacity
    block = mmap(0, u64(capacity), PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
    if block == MAP_FAILED:
        throw("out of memory")
    length = out.length
    memmove(block, address(out.data), u64(length))
    shrink_text(out, 0)
    out.data = array_at(u8, block)
    out.capacity = capacity
    out.length = length


def shrink_text(out: Output, most: i64) -> None:
    """Empty an Output in memory, and let its buffer be the first one again if it has more than so many bytes."""
    first = address(out) + sizeof(Output)
    if out.capacity > most and address(out.data) != first:
        munmap(address(out.data), u64(out.capacity))
        out.data = array_at(u8, first)
        out.capacity = TEXT_BUFFER_BYTES
    out.length = 0


@cold
def handle_write_error(out: Output, code: i32) -> None:
    """After a failed write: return to try again, leave, or remember the error, which ends the trying."""
    if code == EPIPE:
        fail(FAIL_EXIT, "exit status %d", EXIT_BROKEN_PIPE)
    if code == EINTR:
        check_interrupt(out)
    elif code == EAGAIN:
        out.poll.fd = out.fd
        out.poll.events = POLLOUT
        if poll(out.poll, 1, WAIT_FOREVER) < 0:
            check_interrupt(out)
    else:
        out.error = code


@inline
def check_interrupt(out: Output) -> None:
    """Leave when the host has asked for it."""
    if unlikely(atomic_load(out, "interrupted") != 0):
        fail(FAIL_INTERRUPT, "interrupted")


def write_bytes(out: Output, data: Array[u8], n: i64) -> None:
    """Add n bytes to the text."""
    check_interrupt(out)
    assert out.length <= out.capacity, "OB1: the buffer of an Output has overflowed"
    if n > out.capacity - out.length:
        make_room(out, n)
        if n > out.capacity:
            write_through(out, address(data), n)
            return
    memmove(address(out.data) + u64(out.length), address(data), u64(n))
    out.length = out.length + n


@inline
def write_byte(out: Output, byte: u8) -> None:
    """Add one byte to the text."""
    if unlikely(out.length == out.capacity):
        make_room(out, 1)
    out.data[out.length] = byte
    out.length = out.length + 1


@inline
def end_statement(out: Output) -> None:
    """The end of a print statement: a terminal shows it at once."""
    check_interrupt(out)
    if unlikely(out.line_buffered != 0):
        flush(out)
