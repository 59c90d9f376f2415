// bench/workloads/lru_map.toy in Java.
import java.util.HashMap;

final class Main {
    private static final int CAPACITY = 50000;

    private static final class Entry {
        final long key, value;
        Entry newer, older;

        Entry(long key, long value) {
            this.key = key;
            this.value = value;
        }

        void unlink() {
            newer.older = older;
            older.newer = newer;
        }
    }

    private static final HashMap<Long, Entry> entries = new HashMap<>();
    private static final Entry ends = new Entry(0, 0);
    private static long hits, misses;

    private static void pushNewest(Entry e) {
        e.newer = ends;
        e.older = ends.older;
        e.older.newer = e;
        ends.older = e;
    }

    private static long get(long key) {
        Entry e = entries.get(key);
        if (e != null) {
            hits++;
            e.unlink();
            pushNewest(e);
            return e.value;
        }
        misses++;
        if (entries.size() == CAPACITY) {
            Entry victim = ends.newer;
            victim.unlink();
            entries.remove(victim.key);
        }
        e = new Entry(key, key * 7 + 1);
        entries.put(key, e);
        pushNewest(e);
        return e.value;
    }

    private static void check() {
        int listed = 0;
        for (Entry e = ends.older; e != ends; e = e.older) {
            if (entries.get(e.key) != e) {
                throw new AssertionError("an entry of the list is not in the map");
            }
            listed++;
        }
        if (listed != entries.size()) {
            throw new AssertionError("list and map differ");
        }
    }

    public static void main(String[] args) {
        ends.newer = ends.older = ends;
        int operations = args.length > 0 ? Integer.parseInt(args[0]) : 16000000;
        long sum = 0, seed = 1;
        for (int i = 0; i < operations; i++) {
            seed = seed * 16807 % 2147483647;
            long key = seed % (4 * CAPACITY);
            if (i % 4 != 0) {
                key %= CAPACITY / 2;
            }
            long value = get(key);
            if (value != key * 7 + 1) {
                throw new AssertionError("a value of another key");
            }
            sum = (sum * 31 + value) % 1000000007;
        }
        check();
        if (hits + misses != operations) {
            throw new AssertionError("hits and misses do not add up");
        }
        System.out.println(operations + " operations, " + hits + " hits, " + misses + " misses, checksum " + sum);
    }
}
