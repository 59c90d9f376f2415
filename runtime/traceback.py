"""Traceback: the calls that lead to a failure, noted before it leaves; at the end of the program they are printed.

    main.inner <- main.f.func1 <- (an attempt) <- run_with_defers <- main.f <- main.main <- (the host)
    |  noted when it fails   |    |  noted when nobody has recovered it and it fails again        |

A failure takes the stack apart, and what is deferred then runs where it was. So whoever leaves tells the listener of
its image (syspy/unit.py), which is note_failure: it walks up to whoever catches, and stores where the calls are.

    word          stands for
    pc            the place, or the places, of the call that returns to it: of inlined functions, and of who called them
    PLACE | n     place n of the program
    AT | n        nothing yet: the failure says that it happened at n, a place in the frame that comes next
    PANIC         what runs deferred calls, between such a call and the panic under way

Of many frames only the innermost and the outermost are kept, the latter in a ring; the others are counted.

    TB1  the frames that the kept words stand for are at most `frames`; they are fewer only when the ring has gone round
    TB2  words go to the ring only when INNER_FRAMES are there, or no room
    TB3  there are at most MOST_IMAGES images

Under CPython the frames come from the exception: lang/python_engine.py. On machines that frame_table.py does not know
there is no walk, and the trace has no more than what the failure says.

Owner: the program's thread; the host when it is over. Go: runtime/traceback.go, symtab.go.       Next: proc.py
"""

from __future__ import annotations

from collections.abc import Iterator

from runtime.syspy import (
    FAIL_PANIC,
    FAIL_THROW,
    Annotated,
    Array,
    Inline,
    Struct,
    array_at,
    element,
    is_nil,
    load,
    nil,
    struct,
    u32,
    u64,
    uintptr,
)
from runtime.syspy.entries import DESCRIPTOR, WORDS
from runtime.syspy.frame_table import END, FROM_SP, MOST_WORDS, SAVED_SHIFT, SIZE_SHIFT

INNER_FRAMES = 50  # printed, as in Go
OUTER_FRAMES = 50
INNER_WORDS = 128  # kept: room for words that stand for no frame
OUTER_WORDS = 128
MOST_IMAGES = 3  # of the program, of the library's common functions, of the runtime

PLACE = 1 << 60
AT = 2 << 60
PANIC = 3 << 60
KIND_MASK = 3 << 60

DESCRIPTOR_WORDS = 4  # offset of the number of words in a descriptor: syspy/entries.py


@struct
class FrameTable(Struct):
    """What is known of the code of one image: syspy/frame_table.py."""

    code: uintptr  # first byte of the image
    size: u64  # bytes of code
    count: u64  # rows
    starts: Array[u32]  # offset of the first byte that a row is about
    rules: Array[u32]  # where the caller's frame is
    lists: Array[u32]  # where the row's list of places begins
    places: Array[u32]  # lists: a number of places, then these


@struct
class Frames(Struct):
    """The calls that led to a failure. A copy may end behind the last word that is used."""

    frames: u64  # how many a trace would show, if it showed all
    inner: u64  # words in use, from the first one on
    outer: u64  # words that came to the ring, behind INNER_WORDS
    words: Annotated[Array[u64], INNER_WORDS + OUTER_WORDS]  # see above; innermost first


@struct
class Trace(Struct):
    """What notes the calls of one thread."""

    listener: uintptr  # address of note_failure
    images: u64  # whose code is known
    tables: Annotated[Array[Inline[FrameTable]], MOST_IMAGES]  # of the program's image, and of those underneath
    stack_low: uintptr  # where the thread's stack ends at most: failures on others are not noted
    stack_high: uintptr  # what is above all of its frames
    frames: Inline[Frames]  # of the failure that left last


def add_table(trace: Trace, code: uintptr, size: u64, data: uintptr) -> None:
    """Know one more image, by where its code is and by its table, which stays where it is."""
    assert trace.images < MOST_IMAGES, "TB3: more images than a program has"
    table = trace.tables[trace.images]
    trace.images = trace.images + 1
    table.code = code
    table.size = size
    table.count = load(u64, data)
    table.starts = array_at(u32, data + 8)
    table.rules = element(table.starts, table.count)
    table.lists = element(table.rules, table.count)
    table.places = element(table.lists, table.count)


def note_failure(trace: Trace, record: uintptr, frame: uintptr, is_again: bool) -> None:
    """A failure is about to leave for the holder of a record, from the routine whose frame this is."""
    if frame < trace.stack_low or frame >= trace.stack_high:
        return
    descriptor = load(uintptr, record + DESCRIPTOR)
    kind = load(u32, descriptor)
    if kind != FAIL_PANIC and kind != FAIL_THROW:
        return
    if not is_again:
        forget_frames(trace.frames)
        words = u64(load(u32, descriptor + DESCRIPTOR_WORDS))
        if kind == FAIL_PANIC and words > 0:
            add_place(trace.frames, load(u64, record + WORDS + 8 * (words - 1)))
    limit = record if frame <= record < trace.stack_high else trace.stack_high
    walk_up(trace, frame, limit)


def forget_frames(frames: Frames) -> None:
    """Begin anew."""
    frames.frames = 0
    frames.inner = 0
    frames.outer = 0


def add_place(frames: Frames, place: u64) -> None:
    """The place that a failure names itself; a negative number is none."""
    if place < PLACE:
        add_word(frames, AT | place, 0)


def add_word(frames: Frames, word: u64, shown: u64) -> None:
    """One more word, which stands for so many frames."""
    if frames.frames < INNER_FRAMES and frames.inner < INNER_WORDS:  # TB2
        frames.words[frames.inner] = word
        frames.inner += 1
    else:
        frames.words[INNER_WORDS + frames.outer % OUTER_WORDS] = word
        frames.outer += 1
    frames.frames += shown


def walk_up(trace: Trace, frame: uintptr, limit: uintptr) -> None:
    """Add the callers of the routine with a frame pointer, up to an address or to code that is not ours."""
    frames = trace.frames
    fp = load(uintptr, frame)
    pc = load(uintptr, frame + 8)
    sp = frame + 16
    known: uintptr = 0  # the pc that rule and shown are of: in a recursion they are those of the frame before
    rule: u32 = END
    shown: u64 = 0
    while sp < limit:
        if pc != known:
            table = table_of(trace, pc)
            if is_nil(table):
                return
            row = row_of(table, pc)
            rule = table.rules[row]
            shown = u64(table.places[table.lists[row]])
            known = pc
        if shown != 0:
            add_word(frames, pc, shown)
        if rule == END:
            return
        base = sp if rule & 3 == FROM_SP else fp
        sp = base + 8 * u64(rule >> SIZE_SHIFT & MOST_WORDS)
        if rule >> SAVED_SHIFT != 0:
            fp = load(uintptr, sp - 8 * u64(rule >> SAVED_SHIFT))
        pc = load(uintptr, sp - 8)


def table_of(trace: Trace, pc: uintptr) -> FrameTable:
    """The table of the image that a call is in; nil if it is in none."""
    for i in range(trace.images):
        table = trace.tables[i]
        if pc > table.code and pc - table.code <= table.size:
            return table
    return nil(FrameTable)


def row_of(table: FrameTable, pc: uintptr) -> u64:
    """The row of the call that returns to pc: of its last byte."""
    offset = pc - 1 - table.code
    low: u64 = 0
    high = table.count  # the row is in [low, high)
    while high - low > 1:
        middle = (low + high) >> 1
        if u64(table.starts[middle]) <= offset:
            low = middle
        else:
            high = middle
    return low


def shown_by(trace: Trace, word: u64) -> u64:
    """How many frames a word stands for."""
    if word & KIND_MASK != 0:
        return 0 if word & KIND_MASK == AT else 1
    table = table_of(trace, word)
    return u64(table.places[table.lists[row_of(table, word)]])


def add_frames(trace: Trace, other: Frames) -> None:
    """Behind the frames that are there, those of another failure."""
    frames = trace.frames
    missing = other.frames
    for i in range(other.inner):
        missing -= shown_by(trace, other.words[i])
        add_word(frames, other.words[i], shown_by(trace, other.words[i]))
    first = other.outer - min(other.outer, OUTER_WORDS)
    for i in range(first, other.outer):
        missing -= shown_by(trace, other.words[INNER_WORDS + i % OUTER_WORDS])
    frames.frames += missing  # TB1
    for i in range(first, other.outer):
        word = other.words[INNER_WORDS + i % OUTER_WORDS]
        add_word(frames, word, shown_by(trace, word))


# --- For the host ----------------------------------------------------------------------------------------------------


def words_of(frames: Frames) -> tuple[list[int], list[int]]:
    """The words that are kept, innermost first: the first ones, and those that may be far from them."""
    inner = [frames.words[i] for i in range(frames.inner)]
    first = max(0, frames.outer - OUTER_WORDS)
    return inner, [frames.words[INNER_WORDS + i % OUTER_WORDS] for i in range(first, frames.outer)]


def places_of(trace: Trace, word: int) -> Iterator[int]:
    """The places of the calls that a pc stands for."""
    table = table_of(trace, word)
    at = table.lists[row_of(table, word)]
    for i in range(table.places[at]):
        yield table.places[at + 1 + i]
