"""Defers: the deferred calls of a function, panics that pass through it, and recover.

    func f() (n int) {          f                  its parameters, its results in memory, and a Defers
        defer g(x)                run_with_defers    attempts run_all: the body, then the deferred calls, last one first
        ...                         f_body             pushes g(x) as a closure; returns, or a panic leaves it
    }                             return n

A panic is a failure (failure.py) that this attempt catches. It becomes a Panic, which is what `recover` finds in the
deferred calls that are left: they are another attempt. It leaves again when none of them has recovered it. A function
without `defer` knows nothing of all this. Fatal errors, os.Exit and Ctrl-C pass through without a deferred call being
made.

    recover     gives the panic's value, if the function that calls it was called by run_all itself: whoever
                is called through a closure takes `may_recover` off at once, and only a function with recover keeps it.
                `defer recover()` counts as a call by the function that says it, when that ends without a panic

    DF1  while a deferred call runs, its Defers, its closure and the panic under way are roots: the last two in a frame
         of two slots, the panic first

Owner: the goroutine that panics. Go: runtime/panic.go.                                Next: start.py
"""

from __future__ import annotations

from typing import NoReturn

from lang.std.failure_text import (
    failure_string,
    is_bounds_failure,
    is_conversion_failure,
    is_key_failure,
    is_panic_value,
    is_plain_failure,
)
from lang.std.printer import literal
from runtime.basic_types import STRING_TYPE
from runtime.malloc import mallocgc
from runtime.output import Output
from runtime.panics import PanicRecord, bytes_text, panic_message
from runtime.proc import ERROR_TEXT, FAILURE_WORDS, NO_TEXT, G, MethodText, Unwinding
from runtime.syspy import (
    FAIL_PANIC,
    Annotated,
    Array,
    Inline,
    Struct,
    address,
    attempt,
    call_at,
    constant,
    element,
    fail_again,
    function_address,
    i64,
    inline,
    is_nil,
    load,
    memmove,
    nil,
    offsetof,
    sizeof,
    store,
    struct,
    table,
    text,
    throw,
    u8,
    u32,
    u64,
    uintptr,
)
from runtime.syspy.failure import failure_at
from runtime.traceback import PANIC as PANIC_FRAME
from runtime.traceback import PLACE, Frames, add_frames, add_word, forget_frames
from runtime.types import KIND_STRUCT, Closure, String, Type, is_direct
from runtime.write_barrier import keep_old

BOUNDS_ERROR, ERROR_STRING, PLAIN_ERROR, KEY_ERROR, ASSERTION_ERROR, NIL_ERROR = range(6)  # g.unwinding.error_types
ERROR_NAMES = table(
    Inline[String],
    [
        constant(String, **literal(b"runtime.boundsError")),
        constant(String, **literal(b"runtime.errorString")),
        constant(String, **literal(b"runtime.plainError")),
        constant(String, **literal(b"runtime.unhashableTypeError")),
        constant(String, **literal(b"*runtime.TypeAssertionError")),
        constant(String, **literal(b"*runtime.PanicNilError")),
    ],
)


@struct
class Defer(Struct):
    """One deferred call; on the heap, or in the frame behind its Defers."""

    closure: Closure  # of type func(); nil: recover
    next: Defer  # deferred before it; nil


@struct
class Defers(Struct):
    """The deferred calls of one call of a function."""

    head: Defer  # deferred last; nil
    place: u64  # of the return statement that the body has come to, or of the body's end
    has_ended: u64  # 1: the body has, or a panic has left it


@struct
class Panic(Struct):
    """A panic under way, on the heap."""

    data: uintptr  # second word of the value, an interface
    link: Panic  # under way when this one began; nil
    text: Array[u8]  # what the value's method says of it, when the program ends; nil
    trace: Frames  # who called whom when it began, and how it came to where it is; nil in programs that are not traced
    text_length: i64  # bytes
    has_text: u64  # which method has said it; NO_TEXT: none
    typ: Type  # first word of the value
    recovered: u64  # 1: a deferred call has recovered it
    caught: Annotated[Array[u64], FAILURE_WORDS]  # the failure that it leaves with


def words_type(size: int, pointers: int, name: bytes) -> Type:
    """A constant type of so many bytes that begins with so many pointers."""
    return constant(
        Type,
        size=size,
        ptr_bytes=8 * pointers,
        gc_mask=text(bytes([(1 << pointers) - 1])),
        kind=KIND_STRUCT,
        align=8,
        name=text(name),
        name_length=len(name),
    )


DEFER = words_type(sizeof(Defer), 2, b"runtime._defer")
PANIC = words_type(sizeof(Panic), 4, b"runtime._panic")
STRING = words_type(sizeof(String), 1, b"string")


def body_code(g: G, sp: uintptr, closure: Closure) -> None:
    """The types of what a func() leads to."""


def push_defer(g: G, defers: Defers, closure: Closure) -> None:
    """defer closure(), in a loop; of no closure, defer recover(), where recover may give something."""
    made = Defer.at(mallocgc(g, sizeof(Defer), DEFER, True))
    keep_old(g, address(defers.head))
    link_defer(defers, closure, made)


@inline
def link_defer(defers: Defers, closure: Closure, made: Defer) -> None:
    """The same in memory of the frame that the Defers are in."""
    made.closure = closure
    made.next = defers.head
    defers.head = made


def run_with_defers(g: G, body: Closure, defers: Defers) -> None:
    """The body of a function, and what it has deferred. The caller keeps both arguments alive."""
    frame = g.shadow_top
    store(uintptr, frame, 0)
    end = defers.place
    outer = g.unwinding.panicking
    text = g.output.current
    while not attempt(address(g.unwinding), run_all, function_address(run_all), g, frame, body, defers):
        after_failure(g, frame, outer, text)
        panic = Panic.at(load(uintptr, frame))
        if defers.has_ended != 0:
            add_deferring(g, panic, defers.place)
        pass_on_fatal(g)
        caught_panic(g, frame, panic)
        if defers.has_ended == 0:
            defers.has_ended = 1
            defers.place = end
    g.shadow_top = frame
    panic = Panic.at(load(uintptr, frame))
    if not is_nil(panic):
        leave_with(g, panic)


def run_all(g: G, frame: uintptr, body: Closure, defers: Defers) -> None:
    """The body, unless it has ended, and the deferred calls that are left."""
    outer = g.unwinding.panicking  # the function may be a deferred call itself
    if defers.has_ended == 0:
        call_closure(g, frame, body, Panic.at(outer), 0)
        defers.has_ended = 1
    while not is_nil(defers.head):
        done = defers.head
        closure = done.closure
        keep_old(g, address(done))
        keep_old(g, address(closure))
        defers.head = done.next
        done.closure = nil(Closure)
        panic = Panic.at(load(uintptr, frame))
        if not is_nil(closure):
            call_closure(g, frame, closure, panic, 1)
            if not is_nil(panic) and panic.recovered != 0:
                store(uintptr, frame, 0)
        elif is_nil(panic):  # of its own: it is the one that the function was called for
            recovered(g)
        g.unwinding.panicking = outer


@inline
def call_closure(g: G, frame: uintptr, closure: Closure, panic: Panic, may_recover: u64) -> None:
    """One call, with the panic that it may recover from."""
    store(uintptr, frame + 8, address(closure))  # DF1
    g.unwinding.panicking = address(panic)
    g.unwinding.may_recover = may_recover
    call_at(body_code, closure.code, g, frame + 16, closure)
    g.unwinding.may_recover = 0
    g.shadow_top = frame + 16


def after_failure(g: G, frame: uintptr, outer: uintptr, text: Output) -> None:
    """A failure has left the calls of a frame: all is again as it was before them."""
    g.unwinding.panicking = outer
    g.unwinding.may_recover = 0
    g.shadow_top = frame + 16
    g.output.current = text  # the texts that the panic came through are free again


def pass_on_fatal(g: G) -> None:
    """Go on with the failure that was caught, unless it is a panic that may be recovered."""
    if g.unwinding.is_fatal != 0 or load(u32, g.unwinding.caught[0]) != FAIL_PANIC:
        fail_again(address(g.unwinding))


def add_deferring(g: G, panic: Panic, place: u64) -> None:
    """A deferred call has failed: its caller is the panic under way, or else the function, at a place."""
    trace = g.unwinding.trace
    if is_nil(trace):
        return
    if is_nil(panic):
        add_word(trace.frames, PLACE | place, 1)
    else:
        add_word(trace.frames, PANIC_FRAME, 1)
        add_frames(trace, panic.trace)


def kept_frames(g: G) -> Frames:
    """A copy of the frames of the failure that was caught, as long as it need be."""
    trace = g.unwinding.trace
    if is_nil(trace):
        return nil(Frames)
    used: u64 = sizeof(Frames)
    if trace.frames.outer == 0:
        used = offsetof(Frames, "words") + 8 * trace.frames.inner
    copy = mallocgc(g, used, nil(Type), False)
    memmove(copy, address(trace.frames), used)
    return Frames.at(copy)


def caught_panic(g: G, frame: uintptr, link: Panic) -> Panic:
    """The panic that has left a call; the frame's first slot, which held `link`, keeps it alive."""
    g.shadow_top = frame + 16
    panic = Panic.at(g.unwinding.last)
    g.unwinding.last = 0
    if is_nil(panic):
        panic = new_panic(g, frame)
    oldest = panic
    while not is_nil(oldest.link):
        oldest = oldest.link
    oldest.link = link
    store(uintptr, frame, address(panic))
    panic.trace = kept_frames(g)
    return panic


def new_panic(g: G, frame: uintptr) -> Panic:
    """A panic of the failure that was caught. The frame's second slot is free."""
    is_value = is_panic_value(address(g.unwinding))
    store(uintptr, frame + 8, g.unwinding.caught[2] if is_value else 0)
    panic = Panic.at(mallocgc(g, sizeof(Panic), PANIC, True))
    memmove(failure_of(panic), address(g.unwinding), 8 * FAILURE_WORDS)
    panic.data = load(uintptr, frame + 8)
    panic.typ = Type.at(g.unwinding.caught[1] if is_value else 0)
    store(uintptr, frame + 8, address(panic))
    if not is_value:
        fill_error(g, panic)
    elif is_nil(panic.typ):
        panic.typ = Type.at(g.unwinding.error_types[NIL_ERROR])
        panic.data = mallocgc(g, 1, nil(Type), True)
    return panic


def failure_of(panic: Panic) -> uintptr:
    """Where the failure is that a panic leaves with."""
    return address(panic) + offsetof(Panic, "caught")


def panic_value(panic: Panic) -> uintptr:
    """Where the value of a panic lies that is not nil."""
    return address(panic) + offsetof(Panic, "data") if is_direct(panic.typ) else panic.data


def fill_error(g: G, panic: Panic) -> None:
    """The value of a run-time error: its text, as the error type that Go has for it."""
    failure = failure_of(panic)
    box = String.at(mallocgc(g, sizeof(String), STRING, True))
    panic.data = address(box)
    data, length = failure_string(g, failure)
    box.data = data
    box.length = length
    panic.typ = Type.at(g.unwinding.error_types[error_number(failure)])


def error_number(failure: uintptr) -> i64:
    """Which of the error types the value of a failure has."""
    if is_panic_value(failure):
        return NIL_ERROR
    if is_bounds_failure(failure):
        return BOUNDS_ERROR
    if is_conversion_failure(failure):
        return ASSERTION_ERROR
    if is_plain_failure(failure):
        return PLAIN_ERROR
    if is_key_failure(failure):
        return KEY_ERROR
    return ERROR_STRING


def leave_with(g: G, panic: Panic) -> NoReturn:
    """Nobody has recovered it here."""
    g.unwinding.last = address(panic)
    memmove(address(g.unwinding), failure_of(panic), 8 * FAILURE_WORDS)
    if not is_nil(g.unwinding.trace):
        forget_frames(g.unwinding.trace.frames)
        add_frames(g.unwinding.trace, panic.trace)
    fail_again(address(g.unwinding))


def recovered(g: G) -> tuple[Type, uintptr]:
    """The value that recover gives, an interface: of the panic under way, which ends."""
    panic = Panic.at(g.unwinding.panicking)
    if is_nil(panic) or panic.recovered != 0:
        return nil(Type), 0
    panic.recovered = 1
    return panic.typ, panic.data


# --- The end of the program ------------------------------------------------------------------------------------------


def run_program(g: G, main: Closure) -> None:
    """The whole program. Before a panic ends it, the methods of the values are asked what to print."""
    frame = g.shadow_top
    store(uintptr, frame, 0)
    store(uintptr, frame + 8, address(main))  # DF1
    text = g.output.current
    if not attempt(address(g.unwinding), body_code, main.code, g, frame + 16, main):
        after_failure(g, frame, 0, text)
        pass_on_fatal(g)
        if g.unwinding.last == 0 and not is_panic_value(address(g.unwinding)):
            fail_again(address(g.unwinding))
        panic = caught_panic(g, frame, nil(Panic))
        ask_for_texts(g, frame, panic)
        leave_with(g, panic)


def ask_for_texts(g: G, frame: uintptr, panic: Panic) -> None:
    """What Error or String say of the values of a panic and of those under way behind it."""
    while not is_nil(panic):
        if not is_nil(panic.typ) and is_panic_value(failure_of(panic)):
            kind, returned = ask_text(g, frame + 16, panic.typ, panic_value(panic), NO_TEXT)
            if not returned:
                give_up_printing(caught_panic(g, frame, nil(Panic)))
            panic.has_text = kind
            panic.text = g.unwinding.said.data
            panic.text_length = g.unwinding.said.length
            g.shadow_top = frame + 16
        panic = panic.link


def give_up_printing(panic: Panic) -> NoReturn:
    """A method that was asked for a text has panicked itself."""
    if address(panic.typ) == address(STRING_TYPE):
        throw("panic while printing panic value: %s", panic_value(panic))
    if is_nil(panic.typ):  # the program sees no errors, and has no types for them
        throw(
            "panic while printing panic value: type %s", address(element(ERROR_NAMES, error_number(failure_of(panic))))
        )
    throw("panic while printing panic value: type %t", address(panic.typ))


# --- Error, String and GoString --------------------------------------------------------------------------------------


def method_code(g: G, sp: uintptr, typ: Type, data: uintptr, said: MethodText) -> None:
    """The types of the program's function that calls Error, String and GoString."""


def ask_text(g: G, sp: uintptr, typ: Type, at: uintptr, wanted: u64) -> tuple[u64, bool]:
    """The method by which the value at an address says what it is, in g.unwinding.said, and whether it returned.

    Wanted is GoString's text with SYNTAX_TEXT, with NO_TEXT that of Error or String. With ERROR_TEXT nothing is called.
    Methods print, too: one is asked while another is. The string said is good until the next is asked.
    """
    if g.unwinding.text_of == 0:
        return NO_TEXT, True
    said = MethodText.at(address(g.unwinding) + offsetof(Unwinding, "said"))
    outer_kind = said.kind
    said.kind = wanted
    outer = g.unwinding.panicking
    text = g.output.current
    g.unwinding.panicking = 0
    returned = attempt(address(g.unwinding), method_code, g.unwinding.text_of, g, sp, typ, at, said)
    g.unwinding.panicking = outer
    if not returned:
        g.output.current = text
        pass_on_fatal(g)
    kind = said.kind
    said.kind = outer_kind
    return kind, returned


def is_error(g: G, typ: Type) -> bool:
    """Has the type a method Error, as errors have it? It is not called."""
    kind, _ = ask_text(g, g.shadow_top, typ, 0, ERROR_TEXT)
    return kind == ERROR_TEXT


def panic_records(panic: Panic) -> list[PanicRecord]:
    """A panic that ends the program, and those under way behind it, the oldest first: for the host."""
    found = []
    while not is_nil(panic):
        words = [panic.caught[i] for i in range(FAILURE_WORDS)]
        failure = failure_at(words[0], words[1:])
        message = panic_message(failure)
        if panic.has_text != NO_TEXT:
            message = f"panic: {bytes_text(address(panic.text), panic.text_length)}".replace("\n", "\n\t")
        # An error whose text is always the same is one and the same value in Go.
        value = (address(panic.typ), panic.data) if "%" in failure.text else failure.text
        found.append(PanicRecord(message, value, panic.recovered != 0))
        panic = panic.link
    return found[::-1]
