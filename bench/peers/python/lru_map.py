"""bench/workloads/lru_map.toy in Python."""

import sys

CAPACITY = 50000


class Entry:
    __slots__ = ("key", "newer", "older", "value")

    def __init__(self, key, value):
        self.key = key
        self.value = value
        self.newer = self.older = self

    def unlink(self):
        self.newer.older = self.older
        self.older.newer = self.newer


class Cache:
    def __init__(self):
        self.entries = {}
        self.ends = Entry(0, 0)
        self.hits = self.misses = 0

    def push_newest(self, e):
        e.newer = self.ends
        e.older = self.ends.older
        e.older.newer = e
        self.ends.older = e

    def get(self, key):
        e = self.entries.get(key)
        if e is not None:
            self.hits += 1
            e.unlink()
            self.push_newest(e)
            return e.value
        self.misses += 1
        if len(self.entries) == CAPACITY:
            victim = self.ends.newer
            victim.unlink()
            del self.entries[victim.key]
        e = Entry(key, key * 7 + 1)
        self.entries[key] = e
        self.push_newest(e)
        return e.value

    def check(self):
        listed = 0
        e = self.ends.older
        while e is not self.ends:
            if self.entries[e.key] is not e:
                raise AssertionError("an entry of the list is not in the map")
            listed += 1
            e = e.older
        if listed != len(self.entries):
            raise AssertionError("list and map differ")


def main():
    operations = int(sys.argv[1]) if len(sys.argv) > 1 else 16000000
    cache = Cache()
    total, seed = 0, 1
    for i in range(operations):
        seed = seed * 16807 % 2147483647
        key = seed % (4 * CAPACITY)
        if i % 4 != 0:
            key %= CAPACITY // 2
        value = cache.get(key)
        if value != key * 7 + 1:
            raise AssertionError("a value of another key")
        total = (total * 31 + value) % 1000000007
    cache.check()
    if cache.hits + cache.misses != operations:
        raise AssertionError("hits and misses do not add up")
    print(f"{operations} operations, {cache.hits} hits, {cache.misses} misses, checksum {total}")


main()
