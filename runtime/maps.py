"""Maps: hash tables by open addressing, in groups of eight slots, as Go's Swiss maps are.

    Map  groups --> | control word | slot 0 | ... | slot 7 | control word | slot 0 | ...
         count                       key, elem
         mask       groups - 1, a power of two less 1

    control byte of a slot   0x80 empty     0xFE deleted     0hhhhhhh in use: the low 7 bits of the key's hash
    hash                     [ the group where the search begins ............ | 7 bits ]

A search compares the seven bits with all control bytes of a group at once, and then the keys that seem to match. It
goes on to the next group (1, 2, 3, ... groups ahead) until one has an empty slot, or it has seen all. What depends on
the types of a map, the compiler makes for each (lang/lower_map_types.py): finding, assigning, deleting and growing call
the functions here.

Where Go splits a large table in two, this one doubles as a whole: no directory stands between a map and its groups. A
loop that is under way goes on in the old groups, and asks the new ones for what it finds there.

    HT1  count slots are in use; a map without groups has count 0
    HT2  of several groups at most 7/8 of all slots are in use or deleted, of a single one all; growth_left are left
    HT3  a slot that is not in use is zero, so that the collector finds nothing in it

Owner: the map's; one goroutine writes. Go: internal/runtime/maps.                     Next: map_hash.py
"""

from __future__ import annotations

from runtime.clock import CLOCK_MONOTONIC, TimeSpec, time_ns
from runtime.malloc import MAX_ALLOC, mallocgc
from runtime.proc import G
from runtime.slices import is_too_large, make_slice
from runtime.syspy import (
    Struct,
    address,
    cold,
    constant,
    ctz64,
    i64,
    inline,
    is_nil,
    load,
    memset,
    sizeof,
    store,
    struct,
    text,
    u8,
    u64,
    uintptr,
)
from runtime.types import KIND_STRUCT, Type
from runtime.write_barrier import keep_old, keep_words
from runtime.xorshift import next_state, spread

SLOTS = 8  # of a group
CONTROL_BYTES = 8  # in front of the slots
EMPTY = 0x8080_8080_8080_8080  # the control word of an empty group
LOW_BITS = 0x0101_0101_0101_0101
HIGH_BITS = 0x8080_8080_8080_8080
EMPTY_SLOT = 0x80
DELETED_SLOT = 0xFE
TAG_BITS = 7  # of the hash, in the control byte


@struct
class Map(Struct):
    """What a map value points to."""

    groups: uintptr  # the first group; 0: none yet
    count: i64  # slots in use
    mask: u64  # groups, less 1
    growth_left: i64  # empty slots that may be used before the table grows
    seed: u64  # of the hashes
    clears: u64  # times that the map was cleared, for loops


MAP_NAME = b"runtime.Map"
MAP = constant(
    Type,
    size=sizeof(Map),
    ptr_bytes=8,
    gc_mask=text(b"\x01"),
    kind=KIND_STRUCT,
    align=8,
    name=text(MAP_NAME),
    name_length=len(MAP_NAME),
)


# --- Control words ---------------------------------------------------------------------------------------------------


@inline
def tags_of(hash: u64) -> u64:
    """The seven bits of a hash, in all eight bytes."""
    return u64((hash & 0x7F) * LOW_BITS)


@inline
def match_tags(control: u64, tags: u64) -> u64:
    """A bit, the highest, in each byte whose slot may hold the key; one too many now and then."""
    word = control ^ tags
    return u64(word - LOW_BITS) & u64(~word) & HIGH_BITS


@inline
def match_empty(control: u64) -> u64:
    """The same for empty slots: their bit 7 is set, bit 1 is not."""
    return control & u64(~u64(control << 6)) & HIGH_BITS


@inline
def match_free(control: u64) -> u64:
    """The same for slots not in use."""
    return control & HIGH_BITS


@inline
def is_last(m: Map, control: u64, step: u64) -> bool:
    """Whether a search that has come to a group, after so many others, need not go on."""
    return match_empty(control) != 0 or step == m.mask


@inline
def first_slot(matches: u64) -> i64:
    """The number of the first slot whose bit is set."""
    return i64(ctz64(matches) >> 3)


@inline
def without_first(matches: u64) -> u64:
    """The bits but for the first."""
    return matches & u64(matches - 1)


@inline
def group_of(m: Map, hash: u64) -> u64:
    """The number of the group where the search for a hash begins."""
    return hash >> TAG_BITS & m.mask


# --- Making and growing ----------------------------------------------------------------------------------------------


def new_map(g: G, hint: i64, group: Type) -> Map:
    """make(map[K]V, hint): with room for that many entries, unless Go thinks the hint absurd."""
    m = Map.at(mallocgc(g, sizeof(Map), MAP, True))
    m.seed = next_seed(g)
    if SLOTS < hint <= MAX_ALLOC:
        count = groups_for(hint)
        if not is_too_large(group, i64(SLOTS * count)):  # as if each slot were a group
            g.shadow_top = g.shadow_top + 8
            store(uintptr, g.shadow_top - 8, address(m))
            set_groups(m, new_groups(g, group, count), count)
            g.shadow_top = g.shadow_top - 8
    return m


def groups_for(entries: i64) -> u64:
    """The number of groups that entries fit in without growing."""
    groups: u64 = 1
    while room_of(groups) < entries:
        groups = groups << 1
    return groups


@inline
def room_of(groups: u64) -> i64:
    """The number of slots that may be used."""
    return i64(7 * groups) if groups > 1 else SLOTS


def next_seed(g: G) -> u64:
    """A random number, from the time when the first is asked for."""
    x = g.random
    if x == 0:
        time = TimeSpec.at(address(g.output.scratch))
        x = time_ns(time, CLOCK_MONOTONIC) ^ address(g) | 1
    g.random = next_state(x)
    return spread(g.random)


def new_groups(g: G, group: Type, count: u64) -> uintptr:
    """Empty groups in a row."""
    groups = make_slice(g, group, i64(count), i64(count), 0)
    for i in range(count):
        store(u64, groups + i * group.size, EMPTY)
    return groups


def set_groups(m: Map, groups: uintptr, count: u64) -> None:
    """Let the map have these empty groups."""
    assert count & (count - 1) == 0, "HT1: the number of a map's groups is no power of two"
    m.groups = groups
    m.mask = count - 1
    m.growth_left = room_of(count)
    m.count = 0


@cold
def grow_groups(g: G, m: Map, group: Type) -> None:
    """A larger table, still empty; of the same size when much of the old one is only deleted. Caller has the old."""
    count: u64 = 1
    if m.groups != 0:
        count = m.mask + 1
        if m.count * 8 > i64(count) * 3 * SLOTS:
            count = count << 1
    groups = new_groups(g, group, count)
    keep_old(g, m.groups)
    set_groups(m, groups, count)


@inline
def place_entry(m: Map, hash: u64, group_size: u64, slot_size: u64) -> uintptr:
    """A free slot for a key that is not in the map; it is in use from here on. There must be growth left."""
    at = group_of(m, hash)
    step: u64 = 0
    group: uintptr = m.groups + at * group_size
    free = match_free(load(u64, group))
    while free == 0:
        step = step + 1
        at = at + step & m.mask
        group = m.groups + at * group_size
        free = match_free(load(u64, group))
    slot = u64(first_slot(free))
    if load(u8, group + slot) == EMPTY_SLOT:
        m.growth_left = m.growth_left - 1  # HT2
    store(u8, group + slot, u8(hash & 0x7F))
    m.count = m.count + 1
    return group + CONTROL_BYTES + slot * slot_size


# --- Removing --------------------------------------------------------------------------------------------------------


@inline
def remove_entry(m: Map, entry: uintptr, group_size: u64, slot_size: u64) -> None:
    """Free the slot at an address."""
    group: uintptr = m.groups + (entry - m.groups) // group_size * group_size
    slot = (entry - group - CONTROL_BYTES) // slot_size
    memset(entry, 0, slot_size)  # HT3
    if match_empty(load(u64, group)) != 0 or m.mask == 0:  # no search has gone past it
        store(u8, group + slot, u8(EMPTY_SLOT))
        m.growth_left = m.growth_left + 1
    else:
        store(u8, group + slot, u8(DELETED_SLOT))
    m.count = m.count - 1


def clear_map(g: G, m: Map, group: Type) -> None:
    """clear(m)"""
    if is_nil(m) or m.groups == 0:
        return
    keep_words(g, m.groups, (m.mask + 1) * group.size, group)
    memset(m.groups, 0, (m.mask + 1) * group.size)  # HT3
    for i in range(m.mask + 1):
        store(u64, m.groups + i * group.size, EMPTY)
    set_groups(m, m.groups, m.mask + 1)
    m.clears = m.clears + 1


# --- Reading ---------------------------------------------------------------------------------------------------------


@inline
def map_length(m: Map) -> i64:
    """len(m)"""
    return 0 if is_nil(m) else m.count


@inline
def map_groups(m: Map) -> tuple[uintptr, u64]:
    """The first group, and the number of slots; 0 of them in a nil map."""
    if is_nil(m) or m.groups == 0:
        return 0, 0
    return m.groups, (m.mask + 1) * SLOTS


@inline
def next_entry(groups: uintptr, slots: u64, start: u64, i: u64, group_size: u64, slot_size: u64) -> tuple[uintptr, u64]:
    """The address of a slot in use, the i-th from `start` or a later one, and the number behind it; 0 for none."""
    while i < slots:
        number = i + start & slots - 1
        group: uintptr = groups + (number >> 3) * group_size
        i = i + 1
        if load(u8, group + (number & 7)) & EMPTY_SLOT == 0:
            return group + CONTROL_BYTES + (number & 7) * slot_size, i
    return 0, i
