/* The heap of a real program on Boehm's collector, for `make bench-mark`; see bench/go/mark/collections.go.

       mark FILE COPIES COLLECTIONS

   FILE has the words of bench/graphs.py. Prints how many objects were built, and of how many bytes the heap is; then a
   line for each collection: nanoseconds of the processor, and on the wall, from the moment when the world stops until all
   is marked. What a collection has to sweep of the one before is left out, as it is for the others. Objects with edges
   are scanned from end to end, as this collector does it, the others not at all. */

#include <fcntl.h>
#include <gc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { MOST_COPIES = 4096, COUNTS = 5 };

static void **volatile copies[MOST_COPIES]; /* the roots of each copy; the compiler sees nobody read them */

static int64_t cpu, wall; /* of the last marking; while it goes on, less when it began */

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void GC_CALLBACK note(GC_EventType event) {
    int sign = event == GC_EVENT_MARK_END ? 1 : -1;
    if (event != GC_EVENT_MARK_START && event != GC_EVENT_MARK_END) return;
    if (sign < 0) cpu = wall = 0;
    cpu += sign * now(CLOCK_PROCESS_CPUTIME_ID);
    wall += sign * now(CLOCK_MONOTONIC);
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *not_null(void *block) {
    if (!block) fail("out of memory");
    return block;
}

static const uint64_t *mapped(const char *name) {
    struct stat status;
    int file = open(name, O_RDONLY);
    if (file < 0 || fstat(file, &status)) fail(name);
    void *data = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) fail(name);
    return data;
}

static void **build_copy(const uint64_t *words, void **addrs) {
    const uint64_t *types = words + COUNTS, *objects = types + 2 * words[0] + words[1];
    const uint64_t *edges = objects + words[2], *roots = edges + words[3];
    for (uint64_t i = 0; i < words[2]; i++) {
        uint32_t size = types[2 * (uint32_t)objects[i]];
        addrs[i] = not_null(objects[i] >> 32 ? GC_MALLOC(size) : GC_MALLOC_ATOMIC(size));
    }
    for (uint64_t i = 0; i < words[2]; i++)
        for (uint64_t count = objects[i] >> 32; count > 0; count--, edges++)
            ((void **)addrs[i])[(uint32_t)*edges] = addrs[*edges >> 32];
    void **held = not_null(GC_MALLOC(words[4] * sizeof(void *)));
    for (uint64_t i = 0; i < words[4]; i++) held[i] = addrs[roots[i]];
    return held;
}

int main(int argc, char **argv) {
    if (argc != 4 || atoi(argv[2]) > MOST_COPIES) {
        fputs("mark FILE COPIES COLLECTIONS\n", stderr);
        return 2;
    }
    const uint64_t *words = mapped(argv[1]);
    uint64_t count = strtoull(argv[2], NULL, 10);
    void **addrs = not_null(calloc(words[2], sizeof(void *))); /* not memory that the collector looks at */
    GC_INIT();
    GC_disable();
    for (uint64_t i = 0; i < count; i++) copies[i] = build_copy(words, addrs);
    GC_enable();
    GC_set_on_collection_event(note);
    GC_gcollect();
    printf("%lu %zu\n", (unsigned long)(count * (words[2] + 1)), GC_get_heap_size() - GC_get_free_bytes());
    for (int left = atoi(argv[3]); left > 0; left--) {
        GC_gcollect();
        printf("%ld %ld\n", (long)cpu, (long)wall);
    }
}
