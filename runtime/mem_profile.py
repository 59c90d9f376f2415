"""Memory profile: how many objects were allocated and freed where, of those that were sampled.

    table[hash] --> Bucket --> Bucket        one for each call stack and slot size
                      |-- sites     innermost first: where the allocation is, where its function was called, ...
                      |-- active    counts that are published
                      `-- future    counts of the cycles C, C + 1, C + 2, not published yet

An allocation is seen at once, its death only when its span is swept, after the next collection. A profile that took
both as they come would show too much in use. So what happens is counted for a cycle to come:

              collection         collection          collection
    C             |                   |                   |
    allocations   | count for C + 2   |                   |          C grows at each mark termination, and then
    frees         | count for C + 1   |                   |          the counts of C are complete, and published

An object that is allocated between two collections and dies before the second is allocated and freed in the counts of
the same cycle. runtime.GC sweeps all, so after it the counts of C + 1 are complete, too, and it publishes them.

    MP1  every bucket is in the table's list of its hash, and in the list of all

Lock: MemProfile.lock covers all of it but for `sites`, which never change. It comes after specials.lock.
Go: runtime/mprof.go.                                                                           Next: addr_ranges.py
"""

from __future__ import annotations

from runtime.fixalloc import Persistent, persistent_alloc
from runtime.layout import PTR_SIZE
from runtime.lock import Mutex, assert_lock_held, lock, unlock
from runtime.os_memory import MemoryStats
from runtime.syspy import (
    Annotated,
    Array,
    Inline,
    Struct,
    address,
    array_at,
    is_nil,
    memory_equal,
    nil,
    sizeof,
    struct,
    throw,
    u64,
)

TABLE_SIZE = 179_999  # lists of buckets
MAX_DEPTH = 128  # sites of a call stack that are kept, the innermost
CYCLES = 3  # cycles whose counts are not published yet


@struct
class Counts(Struct):
    """What happened to the objects of one bucket."""

    allocs: u64  # objects allocated
    frees: u64  # of them, objects freed


@struct
class Bucket(Struct):
    """All samples of one call stack and one slot size. `depth` words with its sites follow behind the struct."""

    next: Bucket  # in the list of its hash
    all_next: Bucket  # the bucket made before this one
    hash: u64  # of the sites and the size
    size: u64  # bytes of the slot that each object lies in
    depth: u64  # sites
    active: Inline[Counts]  # published
    future: Annotated[Array[Inline[Counts]], CYCLES]  # of cycle c at c % CYCLES


@struct
class MemProfile(Struct):
    """The memory profile of one heap."""

    lock: Inline[Mutex]  # see the header
    persistent: Persistent  # where buckets come from
    memory: MemoryStats  # counts them
    table: Array[Bucket]  # TABLE_SIZE lists; nil before the first sample
    buckets: Bucket  # the bucket made last
    cycle: u64  # C
    depth: u64  # sites in the next field
    sites: Annotated[Array[u64], MAX_DEPTH]  # the call stack that is being looked up, innermost first


def profile_init(profile: MemProfile, persistent: Persistent, memory: MemoryStats) -> None:
    """Prepare an all-zero MemProfile; nothing is asked for yet."""
    profile.persistent = persistent
    profile.memory = memory


# --- Buckets ---------------------------------------------------------------------------------------------------------


def bucket_sites(bucket: Bucket) -> Array[u64]:
    """The bucket's sites."""
    return array_at(u64, address(bucket) + sizeof(Bucket))


def find_bucket(profile: MemProfile, size: u64) -> Bucket:
    """The bucket of profile.sites and a size; nil if the system refuses memory. Caller holds profile.lock."""
    assert_lock_held(profile.lock)
    if is_nil(profile.table):
        table = persistent_alloc(profile.persistent, TABLE_SIZE * PTR_SIZE, PTR_SIZE, profile.memory.buck_hash)
        if table == 0:
            return nil(Bucket)
        profile.table = array_at(Bucket, table)
    code = hash_of(profile, size)
    bucket = profile.table[code % TABLE_SIZE]
    while not is_nil(bucket):
        if bucket.hash == code and is_same(profile, bucket, size):
            return bucket
        bucket = bucket.next
    return new_bucket(profile, size, code)


def hash_of(profile: MemProfile, size: u64) -> u64:
    """A hash of profile.sites and a size."""
    code = size
    for i in range(profile.depth):
        code = u64(code + profile.sites[i])
        code = u64(code + (code << 10))
        code = code ^ code >> 6
    code = u64(code + (code << 3))
    return code ^ code >> 11


def is_same(profile: MemProfile, bucket: Bucket, size: u64) -> bool:
    """Whether a bucket is the one of profile.sites and a size."""
    if bucket.size != size or bucket.depth != profile.depth:
        return False
    return memory_equal(address(bucket_sites(bucket)), address(profile.sites), profile.depth * PTR_SIZE)


def new_bucket(profile: MemProfile, size: u64, code: u64) -> Bucket:
    """A bucket for profile.sites, whose hash is code (MP1); nil if the system refuses memory."""
    bytes_needed = sizeof(Bucket) + profile.depth * PTR_SIZE
    block = persistent_alloc(profile.persistent, bytes_needed, PTR_SIZE, profile.memory.buck_hash)
    if block == 0:
        return nil(Bucket)
    bucket = Bucket.at(block)
    bucket.hash = code
    bucket.size = size
    bucket.depth = profile.depth
    sites = bucket_sites(bucket)
    for i in range(profile.depth):
        sites[i] = profile.sites[i]
    bucket.next = profile.table[code % TABLE_SIZE]
    profile.table[code % TABLE_SIZE] = bucket
    bucket.all_next = profile.buckets
    profile.buckets = bucket
    return bucket


# --- Counting --------------------------------------------------------------------------------------------------------


def count_alloc(profile: MemProfile, bucket: Bucket) -> None:
    """An object was allocated. Caller holds profile.lock."""
    counts = bucket.future[(profile.cycle + 2) % CYCLES]
    counts.allocs = counts.allocs + 1


def count_free(profile: MemProfile, bucket: Bucket) -> None:
    """A sweep has freed an object."""
    lock(profile.lock)
    counts = bucket.future[(profile.cycle + 1) % CYCLES]
    counts.frees = counts.frees + 1
    unlock(profile.lock)


# --- Publishing ------------------------------------------------------------------------------------------------------


def next_cycle(profile: MemProfile) -> None:
    """At mark termination: the counts of the cycle that begins are complete."""
    lock(profile.lock)
    profile.cycle = profile.cycle + 1
    publish(profile, profile.cycle % CYCLES)
    unlock(profile.lock)


def publish_swept(profile: MemProfile) -> None:
    """After a collection whose sweep is complete: all deaths that it found are counted."""
    lock(profile.lock)
    publish(profile, (profile.cycle + 1) % CYCLES)
    unlock(profile.lock)


def publish_all(profile: MemProfile) -> None:
    """What has happened so far, complete or not: for a program that has never collected, or never will again."""
    lock(profile.lock)
    for index in range(u64(CYCLES)):
        publish(profile, index)
    unlock(profile.lock)


def publish(profile: MemProfile, index: u64) -> None:
    """Add the counts of one cycle to the published ones. Caller holds profile.lock."""
    bucket = profile.buckets
    while not is_nil(bucket):
        counts = bucket.future[index]
        bucket.active.allocs = bucket.active.allocs + counts.allocs
        bucket.active.frees = bucket.active.frees + counts.frees
        counts.allocs = 0
        counts.frees = 0
        bucket = bucket.all_next


def check_profile(profile: MemProfile) -> None:
    """MP1 holds, by a walk over all buckets."""
    bucket = profile.buckets
    while not is_nil(bucket):
        listed = profile.table[bucket.hash % TABLE_SIZE]
        while not is_nil(listed) and listed != bucket:
            listed = listed.next
        if is_nil(listed):
            throw("MP1: a bucket of the memory profile is not in its list", address(bucket), bucket.hash)
        bucket = bucket.all_next
