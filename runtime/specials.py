"""Specials: what is to be done when an object dies, beyond freeing its slot.

    MSpan.specials --> 48 FINALIZER --> 48 WEAK_HANDLE --> 48 PROFILE --> 112 PROFILE      by offset, then kind
                          |                |                  |
                        function         handle             bucket

A special belongs to an address, not to a slot: in a block of the tiny allocator each small object can have its own, and
all of them wait for the whole block to die. Hardly an object has one; a span that has none pays a comparison with nil
when it is swept.

    kind           value                         when the object dies
    FINALIZER      address of the object         the object lives on, and the call waits in the queue: finalizers.py
    WEAK_HANDLE    address of the handle         the handle becomes 0: weak.py
    PROFILE        address of the Bucket         one free is counted: mem_profile.py
    CLEANUP        number of the cleanup         the call waits in the queue: finalizers.py

Kinds have the numbers of Go's table. An object with a finalizer is found dead and stays: its finalizers and weak
handles are done with at once, its profile and its cleanups wait until it dies again.

All but PROFILE keep something alive, so each of those is in a list of RootSpecials that marking goes through: a handle,
a function, an argument, and what an object with a finalizer leads to. Go looks through the specials of all spans for
that at every marking, led by a bitmap of their pages; here marking takes as long as there are such specials. Where a
special was added last is noted in the span: when every object is sampled, the next one comes right behind it.

    RootSpecial:   in its span and in the list  --object dies-->  in the queue  --take_ready-->  free

The queue is made of the specials themselves, so a sweep asks for no memory. Go copies them to blocks of their own. In
it the calls are in Go's order. There, one goroutine takes all finalizers that are ready, makes those calls from the
last one backwards, and takes again; another one makes the cleanups' in their order, while the first has nothing to do:

    ready --> 8 --> 7 --> 21 --> 20 --> c1 --> c2 --> c3       while 9 is being called
                    |            |                    |
                    batch_end    last_finalizer       last_ready

    SP1  a span's specials are sorted by offset, then kind, and no two are alike but cleanups
    SP2  the object of a special has not been freed: its slot is taken
    SP3  a span that goes out of use has no specials
    SP4  the list of roots has each special that is not a PROFILE, of all spans, once
    SP5  special_hint of a span is nil or one of its specials
    SP6  the queue has as many entries as were queued and not taken

Lock: Specials.lock covers the specials of all spans, the cells, the list and the queue. It comes after central.lock.
Go: runtime/mheap.go special, addspecial, freeSpecial; mgcsweep.go; mfinal.go finBlock; mcleanup.go cleanupQueue.
Next: arenas.py
"""

from __future__ import annotations

from runtime.fixalloc import FixAlloc, Persistent, fixalloc_alloc, fixalloc_free, fixalloc_init
from runtime.lock import PROFILE_LOCK, SPECIALS_LOCK, LockOrder, Mutex, assert_lock_held, lock, mutex_init, unlock
from runtime.mem_profile import Bucket, MemProfile, count_free, profile_init
from runtime.mspan import MSpan, has_bit, is_taken, set_bit, slot_of
from runtime.os_memory import MemoryStats
from runtime.page_bits import ALL_ONES
from runtime.syspy import (
    Inline,
    Struct,
    address,
    atomic_load,
    atomic_store,
    inline,
    is_nil,
    nil,
    sizeof,
    store,
    struct,
    throw,
    u8,
    u64,
    uintptr,
)

NO_SLOT = ALL_ONES

FINALIZER = 2
WEAK_HANDLE = 3
PROFILE = 4
CLEANUP = 7

# What add_finalizer says.
ADDED = 0
ALREADY_SET = 1
REFUSED = 2  # by the system: no memory

ANY_VALUE = 0  # for remove_special: whatever the special's value is


@struct
class Special(Struct):
    """One special."""

    next: Special  # of the span
    offset: u64  # bytes from the span's start to the address it is for
    kind: u8  # FINALIZER, WEAK_HANDLE, PROFILE or CLEANUP
    value: u64  # by kind: see the table


@struct
class RootSpecial(Struct):
    """A special of any kind but PROFILE."""

    special: Inline[Special]  # what all kinds have
    next: RootSpecial  # in the list: the one made before it; in the queue: the one behind it
    prev: RootSpecial  # in the list: the one made after it
    fn: u64  # of a finalizer or cleanup: what to call, for its owner to know; a root
    arg: u64  # of a cleanup: what to call it with; a root


@struct
class Specials(Struct):
    """The specials of one heap."""

    lock: Inline[Mutex]  # see the header
    cells: Inline[FixAlloc]  # Specials of kind PROFILE
    root_cells: Inline[FixAlloc]  # RootSpecials
    roots: RootSpecial  # the list: the one made last
    root_count: u64  # how many there are in the list
    ready: RootSpecial  # the queue: whose call is the next
    batch_end: RootSpecial  # in it, the last finalizer that is called before those found later; nil: no batch has begun
    last_finalizer: RootSpecial  # in it; nil: there is none
    last_ready: RootSpecial  # its end; means nothing while the queue is empty
    finalizers_queued: u64  # so far
    finalizers_taken: u64  # of them
    cleanups_queued: u64  # so far
    cleanups_taken: u64  # of them
    is_calling: bool  # who runs the program is making calls: finalizers.py
    last_cleanup: u64  # number of the cleanup that was made last; the first is 1
    profile: Inline[MemProfile]  # what PROFILE counts for


def specials_init(specials: Specials, persistent: Persistent, memory: MemoryStats, order: LockOrder) -> None:
    """Prepare an all-zero Specials."""
    mutex_init(specials.lock, SPECIALS_LOCK, order)
    mutex_init(specials.profile.lock, PROFILE_LOCK, order)
    fixalloc_init(specials.cells, sizeof(Special), True, persistent, memory.other)
    fixalloc_init(specials.root_cells, sizeof(RootSpecial), True, persistent, memory.other)
    profile_init(specials.profile, persistent, memory)


@inline
def as_root(special: Special) -> RootSpecial:
    """The whole of a special that is not of kind PROFILE."""
    return RootSpecial.at(address(special))


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


@inline
def is_for(special: Special, offset: u64, kind: u64) -> bool:
    """Whether there is a special, and it is for an offset and of a kind."""
    return not is_nil(special) and special.offset == offset and u64(special.kind) == kind


def find_special(specials: Specials, span: MSpan, offset: u64, kind: u64) -> Special:
    """The special of an offset and a kind, or nil. The span is swept."""
    lock(specials.lock)
    found = special_after(span, special_before(span, offset, kind))
    if not is_for(found, offset, kind):
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
    if not is_for(special, offset, kind):
        special = insert_special(specials, span, before, offset, kind, value)
    unlock(specials.lock)
    return special


def add_finalizer(specials: Specials, span: MSpan, p: uintptr, fn: u64) -> u64:
    """A finalizer of an address: ADDED, ALREADY_SET or REFUSED. The span is swept, and the object alive."""
    offset = p - span.start_addr
    lock(specials.lock)
    before = special_before(span, offset, FINALIZER)
    outcome: u64 = ALREADY_SET
    if not is_for(special_after(span, before), offset, FINALIZER):
        special = insert_special(specials, span, before, offset, FINALIZER, p)
        outcome = REFUSED if is_nil(special) else ADDED
        if outcome == ADDED:
            as_root(special).fn = fn
    unlock(specials.lock)
    return outcome


def add_cleanup_special(specials: Specials, span: MSpan, offset: u64, fn: u64, arg: u64) -> u64:
    """One more cleanup of an offset: its number; 0 if the system refuses memory. As for add_special."""
    lock(specials.lock)
    before = special_before(span, offset, CLEANUP)
    number = specials.last_cleanup + 1
    special = insert_special(specials, span, before, offset, CLEANUP, number)
    if is_nil(special):
        number = 0
    else:
        specials.last_cleanup = number
        as_root(special).fn = fn
        as_root(special).arg = arg
    unlock(specials.lock)
    return number


def insert_special(specials: Specials, span: MSpan, before: Special, offset: u64, kind: u64, value: u64) -> Special:
    """A new special behind another one; nil if the system refuses memory. Caller holds specials.lock."""
    cell = fixalloc_alloc(specials.cells if kind == PROFILE else specials.root_cells)
    if cell == 0:
        return nil(Special)
    special = Special.at(cell)
    special.offset = offset
    special.kind = u8(kind)
    special.value = value
    special.next = special_after(span, before)
    span.special_hint = special
    link_special(span, before, special)
    if kind != PROFILE:
        list_root(specials, as_root(special))
    return special


def link_special(span: MSpan, before: Special, special: Special) -> None:
    """Let `special` be what follows another one of the span, or the span's first for nil."""
    if is_nil(before):
        span.specials = special
    else:
        before.next = special


def remove_special(specials: Specials, span: MSpan, offset: u64, kind: u64, value: u64) -> u64:
    """Take out a finalizer, or the cleanup of a number: its fn, or 0 if there is none. The span is swept."""
    fn: u64 = 0
    lock(specials.lock)
    before = special_before(span, offset, kind)
    special = special_after(span, before)
    while is_for(special, offset, kind) and value != ANY_VALUE and special.value != value:
        before = special
        special = special.next
    if is_for(special, offset, kind):
        fn = as_root(special).fn
        link_special(span, before, special.next)
        span.special_hint = before
        unlist_root(specials, as_root(special))
        fixalloc_free(specials.root_cells, address(special))
    unlock(specials.lock)
    return fn


# --- The list of roots -----------------------------------------------------------------------------------------------


def list_root(specials: Specials, root: RootSpecial) -> None:
    """Put a special in the list. Caller holds specials.lock."""
    root.next = specials.roots
    if not is_nil(specials.roots):
        specials.roots.prev = root
    specials.roots = root
    specials.root_count = specials.root_count + 1


def unlist_root(specials: Specials, root: RootSpecial) -> None:
    """Take a special out of the list (SP4). Caller holds specials.lock."""
    if is_nil(root.prev):
        specials.roots = root.next
    else:
        root.prev.next = root.next
    if not is_nil(root.next):
        root.next.prev = root.prev
    specials.root_count = specials.root_count - 1


# --- Sweeping --------------------------------------------------------------------------------------------------------


def sweep_specials(specials: Specials, span: MSpan) -> bool:
    """Do what the specials of unmarked objects ask for, and take them out. Before the span's bits are turned.

    Whether there were objects with finalizers among them: those are marked now.
    """
    lock(specials.lock)
    before = nil(Special)
    special = span.specials
    span.special_hint = nil(Special)
    revived: u64 = NO_SLOT
    while not is_nil(special):
        following = special.next
        slot = slot_of(span, span.start_addr + special.offset)
        if not has_bit(span.mark_bits, slot) and has_finalizer(span, special, slot):
            set_bit(span.mark_bits, slot)
            revived = slot
        if has_bit(span.mark_bits, slot) and (slot != revived or waits_for_death(special)):
            before = special
        else:
            link_special(span, before, following)
            free_special(specials, special)
        special = following
    unlock(specials.lock)
    return revived != NO_SLOT


def has_finalizer(span: MSpan, first: Special, slot: u64) -> bool:
    """Whether a slot has a finalizer, among its specials from one of them on. Caller holds specials.lock."""
    special = first
    while not is_nil(special) and slot_of(span, span.start_addr + special.offset) == slot:
        if special.kind == FINALIZER:
            return True
        special = special.next
    return False


def will_live_on(specials: Specials, span: MSpan, slot: u64) -> bool:
    """Whether a slot has a finalizer, so that sweeping does not free it."""
    if is_nil(span.specials):
        return False
    lock(specials.lock)
    first = special_after(span, special_before(span, slot * span.elem_size, 0))
    found = has_finalizer(span, first, slot)
    unlock(specials.lock)
    return found


@inline
def waits_for_death(special: Special) -> bool:
    """Whether it stays when its object is found dead and lives on for a finalizer."""
    return special.kind == PROFILE or special.kind == CLEANUP


def free_special(specials: Specials, special: Special) -> None:
    """Its object is dead, or lives on for its finalizer: do what it is for. Caller holds specials.lock."""
    assert_lock_held(specials.lock)
    if special.kind == PROFILE:
        count_free(specials.profile, Bucket.at(special.value))
        fixalloc_free(specials.cells, address(special))
        return
    unlist_root(specials, as_root(special))
    if special.kind == WEAK_HANDLE:
        # The handle was marked in the collection that found the object dead, so it is still there.
        store(uintptr, special.value, 0)
        fixalloc_free(specials.root_cells, address(special))
    elif special.kind == FINALIZER:
        specials.finalizers_queued = specials.finalizers_queued + 1
        enqueue(specials, as_root(special))
    elif special.kind == CLEANUP:
        specials.cleanups_queued = specials.cleanups_queued + 1
        enqueue(specials, as_root(special))
    else:
        throw("bad special kind", u64(special.kind))


# --- The queue -------------------------------------------------------------------------------------------------------


def enqueue(specials: Specials, root: RootSpecial) -> None:
    """Its call is ready to be made. Caller holds specials.lock."""
    if root.special.kind == FINALIZER:
        if specials.last_finalizer == specials.batch_end:
            specials.last_finalizer = root
        insert(specials, specials.batch_end, root)
    else:
        insert(specials, nil(RootSpecial) if is_nil(specials.ready) else specials.last_ready, root)


def insert(specials: Specials, before: RootSpecial, root: RootSpecial) -> None:
    """Bring a special into the queue, behind another one; nil: to its front."""
    if is_nil(before):
        root.next = specials.ready
        atomic_store(specials, "ready", root)
    else:
        root.next = before.next
        before.next = root
    if is_nil(root.next):
        specials.last_ready = root


@inline
def is_ready(specials: Specials) -> bool:
    """Whether a call is ready to be made."""
    first: RootSpecial = atomic_load(specials, "ready")
    return not is_nil(first)


def dequeue(specials: Specials) -> tuple[u64, u64, u64]:
    """Take the first call out of the queue: kind, fn, and the object or the argument. The kind is 0 if there is none.

    The caller keeps the words alive from here.
    """
    kind: u64 = 0
    fn: u64 = 0
    word: u64 = 0
    lock(specials.lock)
    first = specials.ready
    if not is_nil(first):
        atomic_store(specials, "ready", first.next)
        kind = u64(first.special.kind)
        fn = first.fn
        word = first.arg
        if kind == FINALIZER:
            word = first.special.value
            specials.finalizers_taken = specials.finalizers_taken + 1
            leave_batch(specials, first)
        else:
            specials.cleanups_taken = specials.cleanups_taken + 1
        fixalloc_free(specials.root_cells, address(first))
    unlock(specials.lock)
    return kind, fn, word


def leave_batch(specials: Specials, first: RootSpecial) -> None:
    """The finalizer at the front of the queue is taken. Without a batch all that there are become one."""
    if is_nil(specials.batch_end):
        specials.batch_end = specials.last_finalizer
    if specials.last_finalizer == first:
        specials.last_finalizer = nil(RootSpecial)
    if specials.batch_end == first:
        specials.batch_end = nil(RootSpecial)


# --- Checking --------------------------------------------------------------------------------------------------------


def check_specials(span: MSpan) -> u64:
    """SP1, SP2 and SP5 hold for a span. Returns how many of its specials are roots."""
    roots: u64 = 0
    is_hint_there = is_nil(span.special_hint)
    special = span.specials
    while not is_nil(special):
        is_hint_there = is_hint_there or special == span.special_hint
        following = special.next
        if not is_nil(following):
            check_order(span, special, following)
        addr = span.start_addr + special.offset
        if addr >= span.limit or not is_taken(span, slot_of(span, addr)):
            throw("SP2: a special is left of an object that was freed", span.start_addr, special.offset)
        if special.kind != PROFILE:
            roots = roots + 1
        special = following
    if not is_hint_there:
        throw("SP5: a span's hint is none of its specials", span.start_addr, address(span.special_hint))
    return roots


def check_order(span: MSpan, special: Special, following: Special) -> None:
    """SP1 holds for two specials in a row."""
    if following.offset < special.offset:
        throw("SP1: a span's specials are not in order", span.start_addr, special.offset, following.offset)
    is_alike = following.kind == special.kind and special.kind != CLEANUP
    if following.offset == special.offset and (following.kind < special.kind or is_alike):
        throw("SP1: an address has two specials of a kind", span.start_addr, special.offset)


def check_roots_and_queue(specials: Specials, found: u64) -> None:
    """SP4 holds, if all spans together have so many specials that are roots; and SP6."""
    listed = count_listed(specials.roots, found + 1)
    if listed != found or specials.root_count != found:
        throw("SP4: the list of roots is not those of the spans", listed, found, specials.root_count)
    queued = specials.finalizers_queued + specials.cleanups_queued
    waiting = u64(queued - specials.finalizers_taken - specials.cleanups_taken)
    listed = count_listed(specials.ready, waiting + 1)
    if listed != waiting:
        throw("SP6: the queue is not what was queued and not taken", listed, waiting)
    cells = (found + listed) * sizeof(RootSpecial)
    if specials.root_cells.in_use != cells:
        throw("SP4: a special is in neither the list nor the queue", specials.root_cells.in_use, cells)


def count_listed(first: RootSpecial, most: u64) -> u64:
    """How many there are from one on; not more than so many."""
    count: u64 = 0
    root = first
    while not is_nil(root) and count < most:
        count = count + 1
        root = root.next
    return count
