"""Maps with string keys: finding and assigning, for slots of a few sizes, which nearly all such maps have.

    string_map_24    map[string]int, map[string]*T, map[string]bool
    string_map_32    map[string]string, map[string]any
    string_map_40    map[string][]T

What depends on the types of a map, the compiler makes for each. Of these nothing depends on the element but its size:
they are made once, with the sizes written into each, and no program has to translate them again.

Most keys that are looked for are short, and are found where the search begins, or are seen not to be there. That much
is done without a frame, which the rest needs.

A key comes first in its slot. Who calls has the map and the key as roots, knows the key's hash, and that the map is not
nil.

Next: lang/lower_map_types.py, which has the functions of all other maps
"""

from __future__ import annotations

from runtime.map_hash import hash_string
from runtime.maps import (
    CONTROL_BYTES,
    Map,
    first_slot,
    group_of,
    grow_groups,
    is_last,
    map_groups,
    match_empty,
    match_tags,
    next_entry,
    place_entry,
    tags_of,
    without_first,
)
from runtime.proc import G
from runtime.strings import SHORT, short_equal, string_equal
from runtime.syspy import Array, address, cold, i64, inline, load, memmove, u8, u64, uintptr, unlikely
from runtime.types import String, Type

# --- Of any size, which each caller writes in ------------------------------------------------------------------------


@inline
def near(m: Map, hash: u64, data: Array[u8], length: i64, group_size: u64, slot_size: u64) -> tuple[uintptr, bool]:
    """What the first look says: the slot of a key, or 0 for none; and whether that is so."""
    group: uintptr = m.groups + group_of(m, hash) * group_size
    control = load(u64, group)
    matches = match_tags(control, tags_of(hash))
    if matches == 0:
        return 0, match_empty(control) != 0
    slot = group + CONTROL_BYTES + u64(first_slot(matches)) * slot_size
    key = String.at(slot)
    if key.length != length or u64(length) > SHORT:
        return 0, False
    return slot, short_equal(address(key.data), address(data), u64(length))


@inline
def find(m: Map, hash: u64, data: Array[u8], length: i64, group_size: u64, slot_size: u64) -> uintptr:
    """The address of the slot of a key; 0 for none."""
    tags = tags_of(hash)
    at = group_of(m, hash)
    step: u64 = 0
    while True:
        group: uintptr = m.groups + at * group_size
        control = load(u64, group)
        matches = match_tags(control, tags)
        while matches != 0:
            slot = group + CONTROL_BYTES + u64(first_slot(matches)) * slot_size
            key = String.at(slot)
            if string_equal(key.data, key.length, data, length):
                return slot
            matches = without_first(matches)
        if is_last(m, control, step):
            return 0
        step = step + 1
        at = at + step & m.mask


@inline
def place(m: Map, hash: u64, data: Array[u8], length: i64, group_size: u64, slot_size: u64) -> uintptr:
    """The slot of a key that is not in the map, which has room for it."""
    slot = place_entry(m, hash, group_size, slot_size)
    key = String.at(slot)
    key.data = data
    key.length = length
    return slot


@inline
def grow(g: G, m: Map, group: Type, group_size: u64, slot_size: u64) -> None:
    """All entries into a larger table."""
    groups, slots = map_groups(m)
    grow_groups(g, m, group)
    i: u64 = 0
    while True:
        at, i = next_entry(groups, slots, 0, i, group_size, slot_size)
        if at == 0:
            return
        key = String.at(at)
        hash = hash_string(key.data, key.length, m.seed)
        memmove(place_entry(m, hash, group_size, slot_size), at, slot_size)


# --- 24 bytes: the element is one word, or less ----------------------------------------------------------------------


def find_string_24(m: Map, hash: u64, data: Array[u8], length: i64) -> uintptr:
    """The address of the slot of a key; 0 for none. The map has groups."""
    slot, is_known = near(m, hash, data, length, 200, 24)
    if is_known:
        return slot
    return search_24(m, hash, data, length)


def search_24(m: Map, hash: u64, data: Array[u8], length: i64) -> uintptr:
    """The same, for any key."""
    return find(m, hash, data, length, 200, 24)


def assign_string_24(g: G, m: Map, hash: u64, data: Array[u8], length: i64, group: Type) -> uintptr:
    """The address of the slot of a key, which is new if need be."""
    if m.count != 0:
        slot, is_known = near(m, hash, data, length, 200, 24)
        if is_known and slot != 0:
            return slot
    return insert_24(g, m, hash, data, length, group)


def insert_24(g: G, m: Map, hash: u64, data: Array[u8], length: i64, group: Type) -> uintptr:
    """The same, for any key."""
    if m.count != 0:
        slot = search_24(m, hash, data, length)
        if slot != 0:
            return slot
    if unlikely(m.growth_left == 0):
        grow_24(g, m, group)
    return place(m, hash, data, length, 200, 24)


@cold
def grow_24(g: G, m: Map, group: Type) -> None:
    """All entries into a larger table."""
    grow(g, m, group, 200, 24)


# --- 32 bytes: the element is two words ------------------------------------------------------------------------------


def find_string_32(m: Map, hash: u64, data: Array[u8], length: i64) -> uintptr:
    """The address of the slot of a key; 0 for none. The map has groups."""
    slot, is_known = near(m, hash, data, length, 264, 32)
    if is_known:
        return slot
    return search_32(m, hash, data, length)


def search_32(m: Map, hash: u64, data: Array[u8], length: i64) -> uintptr:
    """The same, for any key."""
    return find(m, hash, data, length, 264, 32)


def assign_string_32(g: G, m: Map, hash: u64, data: Array[u8], length: i64, group: Type) -> uintptr:
    """The address of the slot of a key, which is new if need be."""
    if m.count != 0:
        slot, is_known = near(m, hash, data, length, 264, 32)
        if is_known and slot != 0:
            return slot
    return insert_32(g, m, hash, data, length, group)


def insert_32(g: G, m: Map, hash: u64, data: Array[u8], length: i64, group: Type) -> uintptr:
    """The same, for any key."""
    if m.count != 0:
        slot = search_32(m, hash, data, length)
        if slot != 0:
            return slot
    if unlikely(m.growth_left == 0):
        grow_32(g, m, group)
    return place(m, hash, data, length, 264, 32)


@cold
def grow_32(g: G, m: Map, group: Type) -> None:
    """All entries into a larger table."""
    grow(g, m, group, 264, 32)


# --- 40 bytes: the element is a slice, or as long as one -------------------------------------------------------------


def find_string_40(m: Map, hash: u64, data: Array[u8], length: i64) -> uintptr:
    """The address of the slot of a key; 0 for none. The map has groups."""
    slot, is_known = near(m, hash, data, length, 328, 40)
    if is_known:
        return slot
    return search_40(m, hash, data, length)


def search_40(m: Map, hash: u64, data: Array[u8], length: i64) -> uintptr:
    """The same, for any key."""
    return find(m, hash, data, length, 328, 40)


def assign_string_40(g: G, m: Map, hash: u64, data: Array[u8], length: i64, group: Type) -> uintptr:
    """The address of the slot of a key, which is new if need be."""
    if m.count != 0:
        slot, is_known = near(m, hash, data, length, 328, 40)
        if is_known and slot != 0:
            return slot
    return insert_40(g, m, hash, data, length, group)


def insert_40(g: G, m: Map, hash: u64, data: Array[u8], length: i64, group: Type) -> uintptr:
    """The same, for any key."""
    if m.count != 0:
        slot = search_40(m, hash, data, length)
        if slot != 0:
            return slot
    if unlikely(m.growth_left == 0):
        grow_40(g, m, group)
    return place(m, hash, data, length, 328, 40)


@cold
def grow_40(g: G, m: Map, group: Type) -> None:
    """All entries into a larger table."""
    grow(g, m, group, 328, 40)
