// bench/workloads/lru_map.toy in JavaScript.
"use strict";

const capacity = 50000;

class Entry {
  constructor(key, value) {
    this.key = key;
    this.value = value;
    this.newer = null;
    this.older = null;
  }
  unlink() {
    this.newer.older = this.older;
    this.older.newer = this.newer;
  }
}

class Cache {
  constructor() {
    this.entries = new Map();
    this.ends = new Entry(0, 0);
    this.ends.newer = this.ends.older = this.ends;
    this.hits = this.misses = 0;
  }
  pushNewest(e) {
    e.newer = this.ends;
    e.older = this.ends.older;
    e.older.newer = e;
    this.ends.older = e;
  }
  get(key) {
    const found = this.entries.get(key);
    if (found !== undefined) {
      this.hits++;
      found.unlink();
      this.pushNewest(found);
      return found.value;
    }
    this.misses++;
    if (this.entries.size === capacity) {
      const victim = this.ends.newer;
      victim.unlink();
      this.entries.delete(victim.key);
    }
    const e = new Entry(key, key * 7 + 1);
    this.entries.set(key, e);
    this.pushNewest(e);
    return e.value;
  }
  check() {
    let listed = 0;
    for (let e = this.ends.older; e !== this.ends; e = e.older) {
      if (this.entries.get(e.key) !== e) throw new Error("an entry of the list is not in the map");
      listed++;
    }
    if (listed !== this.entries.size) throw new Error("list and map differ");
  }
}

const operations = Number(process.argv[2] ?? 16000000);
const cache = new Cache();
let sum = 0;
let seed = 1;
for (let i = 0; i < operations; i++) {
  seed = (seed * 16807) % 2147483647;
  let key = seed % (4 * capacity);
  if (i % 4 !== 0) key %= capacity / 2;
  const value = cache.get(key);
  if (value !== key * 7 + 1) throw new Error("a value of another key");
  sum = (sum * 31 + value) % 1000000007;
}
cache.check();
if (cache.hits + cache.misses !== operations) throw new Error("hits and misses do not add up");
console.log(`${operations} operations, ${cache.hits} hits, ${cache.misses} misses, checksum ${sum}`);
