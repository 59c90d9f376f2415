"""Profile records: the published memory profile as Python sees it.

    Record(sites=(7, 3), size=48, alloc_objects=12, free_objects=5)
    |      innermost first                 |             `- of them, found dead
    `- one Bucket of mem_profile.py        `- samples, not an estimate: pprof.py scales

Runs in Python only: the buckets are read where they lie, which both engines see. None is ever moved or taken away.

Go: runtime/mprof.go MemProfileRecord.                                                           Next: pprof.py
"""

from __future__ import annotations

from typing import NamedTuple

from runtime.mem_profile import MemProfile, bucket_sites
from runtime.syspy import is_nil


class Record(NamedTuple):
    """The samples of one call stack and one slot size."""

    sites: tuple[int, ...]  # innermost first: where the allocation is, where its function was called, ...
    size: int  # bytes of the slot that each object lies in
    alloc_objects: int  # objects allocated
    free_objects: int  # of them, objects found dead

    @property
    def site(self) -> int:
        """Where the allocation is; 0 unknown."""
        return self.sites[0]

    @property
    def alloc_bytes(self) -> int:
        """Bytes allocated."""
        return self.alloc_objects * self.size

    @property
    def free_bytes(self) -> int:
        """Of them, bytes found dead."""
        return self.free_objects * self.size


def read_records(profile: MemProfile) -> list[Record]:
    """All that is published, in the order in which the call stacks first occurred."""
    found = []
    bucket = profile.buckets
    while not is_nil(bucket):
        if bucket.active.allocs:
            sites = bucket_sites(bucket)
            stack = tuple(sites[i] for i in range(bucket.depth))
            found.append(Record(stack, bucket.size, bucket.active.allocs, bucket.active.frees))
        bucket = bucket.all_next
    return found[::-1]
