"""Letters: pointers on their way from the marker that found them to the one that may mark what they point to.

    a region is 64 KiB of the heap; its owner is the marker of number  address >> 16 & others

    marker 0                                          marker 1
      open[1]  | link | end | p | p | p |   | --post--> inbox[1] -> letter -> letter
      inbox[0] <------------------------------------- open[0]
      free     -> letter -> letter                      free

Only the owner of a region touches the mark bits of its pages. So a mark is a plain load and store with many markers
as it is with one, where Go's are atomic; and a letter of 510 pointers costs two atomic instructions.

    a word that is not 0     a pointer, as it was found
    0, addr, start, end      four words: a piece of the large object at addr, to be scanned from start to end

A letter is posted when it is full, soon when some marker has nothing to do, and when its writer has nothing else to do.
One that has come is read soon, not only when there is nothing else to do: so there are never many.

`pending` is the number of markers that are active plus the number of letters that are posted and not yet read:

    marker              before                              pending
    posts a letter      the letter can be taken               + 1
    has read letters    it goes on                            - letters
    becomes idle        it looks at its inbox again           - 1
    finds a letter      it takes the letter                   + 1

    LT1  pending is 0 only when no grey object, no open letter and no posted letter is left: marking is done

An idle marker that finds letters counts itself while they are still counted, so the sum does not reach 0 in between;
and only an active marker can make work. tests/runtime/test_mark_team.py goes through all interleavings of a model.

A letter that the system refuses memory for is not written: what it would have said is lost, the mark queue counts as
overflowed, and finish_marking finds it again.

Owner: a Mailbox belongs to its marker, a posted letter to whom it is for; Post is atomic. Go has no like: its markers
share one pool of grey objects (runtime/mgcwork.go).                                              Next: mark.py
"""

from __future__ import annotations

from typing import Annotated

from runtime.layout import CACHE_LINE, align_down
from runtime.lock import LOOKS
from runtime.os_memory import MARK_QUEUE, MemoryStats, sys_alloc, sys_discard, sys_name
from runtime.syspy import (
    Array,
    Struct,
    address,
    atomic_add,
    atomic_load,
    atomic_load_at,
    c_function,
    cas_at,
    cold,
    element,
    i32,
    inline,
    load,
    relax,
    store,
    struct,
    u64,
    uintptr,
    unlikely,
)

MAX_MARKERS = 8
REGION_SHIFT = 20  # log2 of the bytes of a region: eight pages, so that a page has one owner

LETTER_BYTES = 4096  # and aligned to them
LETTER_LINK = 0  # where in a letter: the letter behind it in an inbox or a free list
LETTER_END = 8  # where its last word ends
LETTER_HEAD = 16  # where its first word is
RANGE_WORDS = 4
BLOCK_LETTERS = 16  # letters that memory is taken for at a time
BLOCK_BYTES = (BLOCK_LETTERS + 1) * LETTER_BYTES  # the first 4 KiB have the link
LINE_WORDS = CACHE_LINE // 8


@c_function
def sched_yield() -> i32:  # type: ignore[empty-body]
    """Let another thread have the processor."""


@struct
class Post(Struct):
    """What all markers of a heap share."""

    pending: u64  # active markers, and letters that are posted and not read: LT1
    idle: u64  # markers that have nothing to do
    is_broken: u64  # 1: a marker has failed, and nobody waits for it
    inboxes: Annotated[Array[uintptr], MAX_MARKERS * LINE_WORDS]  # by marker, a line each: the letter posted last


@struct
class Mailbox(Struct):
    """The letters of one marker."""

    post: Post  # of the heap
    memory: MemoryStats  # counts what is taken from the system
    me: u64  # the marker's number
    others: u64  # the number of markers, a power of two, less 1
    open: Annotated[Array[uintptr], MAX_MARKERS]  # by receiver: where the next word goes; 0: no letter is open
    free: uintptr  # empty letters
    blocks: uintptr  # memory for letters: blocks, linked through their first word, which no letter uses
    block_count: u64  # how many
    was_refused: bool  # a letter could not be written
    sent: u64  # letters posted in this marking


@inline
def inbox_at(post: Post, marker: u64) -> uintptr:
    """Where the inbox of a marker is."""
    return address(element(post.inboxes, marker * LINE_WORDS))


@inline
def owner_of(mail: Mailbox, addr: uintptr) -> u64:
    """The marker that an address of the heap belongs to."""
    return addr >> REGION_SHIFT & mail.others


# --- Writing ---------------------------------------------------------------------------------------------------------


@inline
def send_pointer(mail: Mailbox, to: u64, p: uintptr) -> None:
    """Write a pointer into the letter to another marker."""
    at = mail.open[to]
    if unlikely(at == 0):
        at = new_letter(mail)
        if at == 0:
            return
    store(uintptr, at, p)
    mail.open[to] = at + 8
    if unlikely((at + 8) % LETTER_BYTES == 0):
        post_letter(mail, to)


def send_range(mail: Mailbox, to: u64, addr: uintptr, start: uintptr, end: uintptr) -> None:
    """Write into the letter that the words from start to end of the object at addr are to be scanned."""
    if mail.open[to] != 0 and LETTER_BYTES - mail.open[to] % LETTER_BYTES < RANGE_WORDS * 8:
        post_letter(mail, to)
    at = mail.open[to]
    if at == 0:
        at = new_letter(mail)
        if at == 0:
            return
    store(u64, at, 0)
    store(uintptr, at + 8, addr)
    store(uintptr, at + 16, start)
    store(uintptr, at + 24, end)
    mail.open[to] = at + RANGE_WORDS * 8
    if mail.open[to] % LETTER_BYTES == 0:
        post_letter(mail, to)


@cold
def new_letter(mail: Mailbox) -> uintptr:
    """Where the first word of an empty letter goes; 0 if the system refuses memory."""
    if mail.free == 0 and not new_block(mail):
        mail.was_refused = True
        return 0
    letter = mail.free
    mail.free = load(uintptr, letter + LETTER_LINK)
    return letter + LETTER_HEAD


@cold
def post_letter(mail: Mailbox, to: u64) -> None:
    """Put the letter that is open in the inbox of whom it is for."""
    end = mail.open[to]
    mail.open[to] = 0
    letter = align_down(end - 8, LETTER_BYTES)
    store(uintptr, letter + LETTER_END, end)
    mail.sent = mail.sent + 1
    atomic_add(mail.post, "pending", 1)
    inbox = inbox_at(mail.post, to)
    while True:
        first = atomic_load_at(uintptr, inbox)
        store(uintptr, letter + LETTER_LINK, first)
        if cas_at(uintptr, inbox, first, letter):
            return


@cold
def looks_at_post(mail: Mailbox) -> bool:
    """Post all letters if somebody waits for one. Whether a letter has come."""
    if atomic_load(mail.post, "idle") != 0:
        post_all(mail)
    return atomic_load_at(uintptr, inbox_at(mail.post, mail.me)) != 0


def post_all(mail: Mailbox) -> None:
    """Post every letter that is open."""
    for to in range(mail.others + 1):
        if mail.open[to] != 0:
            post_letter(mail, to)


# --- Reading ---------------------------------------------------------------------------------------------------------


def take_letters(mail: Mailbox) -> uintptr:
    """All letters in the marker's inbox, linked, the last posted first; 0 if there is none."""
    inbox = inbox_at(mail.post, mail.me)
    first = atomic_load_at(uintptr, inbox)
    while first != 0 and not cas_at(uintptr, inbox, first, 0):
        first = atomic_load_at(uintptr, inbox)
    return first


def free_letter(mail: Mailbox, letter: uintptr) -> uintptr:
    """Keep a letter that was read for what the marker will write; the letter that was behind it."""
    following = load(uintptr, letter + LETTER_LINK)
    store(uintptr, letter + LETTER_LINK, mail.free)
    mail.free = letter
    return following


def wait_for_letters(mail: Mailbox) -> bool:
    """Be idle until a letter comes, or until marking is done: then False."""
    post = mail.post
    inbox = inbox_at(post, mail.me)
    atomic_add(post, "idle", 1)
    atomic_add(post, "pending", 0 - u64(1))
    looks: u64 = 0
    while atomic_load_at(uintptr, inbox) == 0:
        if atomic_load(post, "pending") == 0 or atomic_load(post, "is_broken") != 0:
            return False
        looks = looks + 1
        relax()
        if looks % LOOKS == 0:
            sched_yield()
    atomic_add(post, "pending", 1)
    atomic_add(post, "idle", 0 - u64(1))
    return True


# --- Memory ----------------------------------------------------------------------------------------------------------


def new_block(mail: Mailbox) -> bool:
    """Take memory for letters. False if the system refuses."""
    block = sys_alloc(mail.memory, BLOCK_BYTES, mail.memory.gc)
    if block == 0:
        return False
    sys_name(mail.memory, block, BLOCK_BYTES, MARK_QUEUE)
    store(uintptr, block, mail.blocks)
    mail.blocks = block
    mail.block_count = mail.block_count + 1
    free_block(mail, block)
    return True


def free_block(mail: Mailbox, block: uintptr) -> None:
    """Add the letters of a block to the free ones."""
    for i in range(u64(1), u64(BLOCK_LETTERS + 1)):
        letter = block + i * LETTER_BYTES
        store(uintptr, letter + LETTER_LINK, mail.free)
        mail.free = letter


def trim_mailbox(mail: Mailbox, keep: u64) -> None:
    """Give all blocks but so many back. No letter is in use, of any marker: those that lie here and there come home."""
    mail.free = 0
    while mail.block_count > keep:
        block = mail.blocks
        mail.blocks = load(uintptr, block)
        mail.block_count = mail.block_count - 1
        sys_discard(mail.memory, block, BLOCK_BYTES, mail.memory.gc)
    block = mail.blocks
    while block != 0:
        free_block(mail, block)
        block = load(uintptr, block)
