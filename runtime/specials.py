"""Specials: what is to be done when an object dies, beyond freeing its slot.

    MSpan.specials --> 48 WEAK_HANDLE --> 48 PROFILE --> 112 PROFILE        by offset in the span, then by kind
                          |                 |
                        handle            bucket

A special belongs to an address, not to a slot: in a block of the tiny allocator each small object can have its own, and
all of them wait for the whole block to die. Hardly an object has one; a span that has none pays a comparison with nil
when it is swept.

    kind           value                         when the object dies
    WEAK_HANDLE    address of the handle         the handle becomes 0: weak.py
    PROFILE        address of the Bucket         one free is counted: mem_profile.py

Kinds have the numbers of Go's table. A handle is an object of the heap that the special keeps alive. For that Go looks
through the specials of all spans at every marking, led by a bitmap of their pages; here the weak handles are a list,
and marking takes as long as there are handles. Where a special was added last is noted in the span: when every object
is sampled, the next one comes right behind it.

    SP1  a span's specials are sorted by offset, then kind, and no two are alike
    SP2  the object of a special has not been freed: its slot is taken
    SP3  a span that goes out of use has no specials
    SP4  the list of weak handles has each WEAK_HANDLE of all spans once
    SP5  special_hint of a span is nil or one of its specials

Lock: Specials.lock covers the specials of all spans, the cells and the list. It comes after central.lock.
Go: runtime/mheap.go special, addspecial, freeSpecial; mgcsweep.go.                               Next: arenas.py
"""

from __future__ import annotations

from runtime.fixalloc import FixAlloc, Persistent, fixalloc_alloc, fixalloc_free, fixalloc_init
from runtime.lock import PROFILE_LOCK, SPECIALS_LOCK, LockOrder, Mutex, assert_lock_held, lock, mutex_init, unlock
from runtime.mem_profile import Bucket, MemProfile, count_free, profile_init
from runtime.mspan import MSpan, has_bit, is_taken, slot_of
from runtime.os_memory import MemoryStats
from runtime.syspy import Inline, Struct, address, is_nil, nil, sizeof, store, struct, throw, u8, u64, uintptr

WEAK_HANDLE = 3
PROFILE = 4


@struct
class Special(Struct):
    """One special."""

    next: Special  # of the span
    offset: u64  # bytes from the span's start to the address it is for
    kind: u8  # WEAK_HANDLE or PROFILE
    value: u64  # by kind: see the table
    next_weak: Special  # of a weak handle: the one made before it
    prev_weak: Special  # of a weak handle: the one made after it


@struct
class Specials(Struct):
    """The specials of one heap."""

    lock: Inline[Mutex]  # see the header
    cells: Inline[FixAlloc]  # Specials
    weak: Special  # the weak handle made last
    weak_count: u64  # weak handles
    profile: Inline[MemProfile]  # what PROFILE counts for


def specials_init(specials: Specials, persistent: Persistent, memory: MemoryStats, order: LockOrder) -> None:
    """Prepare an all-zero Specials."""
    mutex_init(specials.lock, SPECIALS_LOCK, order)
    mutex_init(specials.profile.lock, PROFILE_LOCK, order)
    fixalloc_init(specials.cells, sizeof(Special), True, persistent, memory.other)
    profile_init(specials.profile, persistent, memory)


# --- One span's list -------------------------------------------------------------------------------------------------


def special_before(span: MSpan, offset: u64, kind: u64) -> Special:
    """The last special that comes before (offset, kind); nil if there is none. Caller holds specials.lock."""
    before = nil(Special)
    special = span.specials
    if not is_nil(span.special_hint) and span.special_hint.offset < offset:
        special = span.special_hint
    while not is_nil(special) and (special.offset < offset or special.offset == offset and u64(special.kind) < kind):
        before = special
        special = special.next
    return before


def special_after(span: MSpan, before: Special) -> Special:
    """The special behind another one of the span; the first for nil."""
    return span.specials if is_nil(before) else before.next


def find_special(specials: Specials, span: MSpan, offset: u64, kind: u64) -> Special:
    """The special of an offset and a kind, or nil. The span is swept."""
    lock(specials.lock)
    found = special_after(span, special_before(span, offset, kind))
    if not is_nil(found) and (found.offset != offset or u64(found.kind) != kind):
        found = nil(Special)
    unlock(specials.lock)
    return found


def add_special(specials: Specials, span: MSpan, offset: u64, kind: u64, value: u64) -> Special:
    """The special of an offset and a kind: a new one unless there is one already. Nil if the system refuses memory.

    The span is swept, and the object alive.
    """
    lock(specials.lock)
    before = special_before(span, offset, kind)
    special = special_after(span, before)
    if is_nil(special) or special.offset != offset or u64(special.kind) != kind:
        special = insert_special(specials, span, before, kind)
        if not is_nil(special):
            special.offset = offset
            special.value = value
    unlock(specials.lock)
    return special


def insert_special(specials: Specials, span: MSpan, before: Special, kind: u64) -> Special:
    """A new special behind another one; nil if the system refuses memory. Caller holds specials.lock."""
    cell = fixalloc_alloc(specials.cells)
    if cell == 0:
        return nil(Special)
    special = Special.at(cell)
    special.kind = u8(kind)
    special.next = special_after(span, before)
    span.special_hint = special
    link_special(span, before, special)
    if kind == WEAK_HANDLE:
        special.next_weak = specials.weak
        if not is_nil(specials.weak):
            specials.weak.prev_weak = special
        specials.weak = special
        specials.weak_count = specials.weak_count + 1
    return special


def link_special(span: MSpan, before: Special, special: Special) -> None:
    """Let `special` be what follows another one of the span, or the span's first for nil."""
    if is_nil(before):
        span.specials = special
    else:
        before.next = special


# --- Sweeping --------------------------------------------------------------------------------------------------------


def sweep_specials(specials: Specials, span: MSpan) -> None:
    """Do what the specials of unmarked objects ask for, and take them out. Before the span's bits are turned."""
    lock(specials.lock)
    before = nil(Special)
    special = span.specials
    span.special_hint = nil(Special)
    while not is_nil(special):
        following = special.next
        if has_bit(span.mark_bits, slot_of(span, span.start_addr + special.offset)):
            before = special
        else:
            link_special(span, before, following)
            free_special(specials, special)
        special = following
    unlock(specials.lock)


def free_special(specials: Specials, special: Special) -> None:
    """Its object is dead: do what it is for, and take its cell back. Caller holds specials.lock."""
    assert_lock_held(specials.lock)
    if special.kind == WEAK_HANDLE:
        # The handle was marked in the collection that found the object dead, so it is still there.
        store(uintptr, special.value, 0)
        forget_weak(specials, special)
    elif special.kind == PROFILE:
        count_free(specials.profile, Bucket.at(special.value))
    else:
        throw("bad special kind", u64(special.kind))
    fixalloc_free(specials.cells, address(special))


def forget_weak(specials: Specials, special: Special) -> None:
    """Take a weak handle out of the list of them (SP4)."""
    if is_nil(special.prev_weak):
        specials.weak = special.next_weak
    else:
        special.prev_weak.next_weak = special.next_weak
    if not is_nil(special.next_weak):
        special.next_weak.prev_weak = special.prev_weak
    specials.weak_count = specials.weak_count - 1


# --- Checking --------------------------------------------------------------------------------------------------------


def check_specials(span: MSpan) -> u64:
    """SP1, SP2 and SP5 hold for a span. Returns how many weak handles it has."""
    weak: u64 = 0
    is_hint_there = is_nil(span.special_hint)
    special = span.specials
    while not is_nil(special):
        is_hint_there = is_hint_there or special == span.special_hint
        following = special.next
        if not is_nil(following):
            if following.offset < special.offset:
                throw("SP1: a span's specials are not in order", span.start_addr, special.offset, following.offset)
            if following.offset == special.offset and following.kind <= special.kind:
                throw("SP1: an address has two specials of a kind", span.start_addr, special.offset)
        addr = span.start_addr + special.offset
        if addr >= span.limit or not is_taken(span, slot_of(span, addr)):
            throw("SP2: a special is left of an object that was freed", span.start_addr, special.offset)
        if special.kind == WEAK_HANDLE:
            weak = weak + 1
        special = following
    if not is_hint_there:
        throw("SP5: a span's hint is none of its specials", span.start_addr, address(span.special_hint))
    return weak


def check_weak_list(specials: Specials, found: u64) -> None:
    """SP4 holds, of which all spans together have so many."""
    listed: u64 = 0
    special = specials.weak
    while not is_nil(special) and listed <= found:
        listed = listed + 1
        special = special.next_weak
    if listed != found or specials.weak_count != found:
        throw("SP4: the list of weak handles is not those of the spans", listed, found, specials.weak_count)
