/* The C side of `make bench-traces`: the operations of bench/replay.py, played with malloc and free.
 *
 *     replay FILE SLOTS REPETITIONS touch|fill END...
 *
 * prints what bench/go/replay does. Which malloc it is depends on the library that the program is linked with. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OP_MALLOC, OP_FREE, OP_GROW, OP_KEEP, TOUCH_STEP = 4096 };

static void fail(const char *what) {
	perror(what);
	exit(1);
}

static int64_t now(void) {
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* A line of the kernel's account of this process, in KiB. */
static long resident(const char *name) {
	char line[256];
	long value = -1;
	FILE *status = fopen("/proc/self/status", "r");
	if (!status)
		fail("/proc/self/status");
	while (fgets(line, sizeof line, status))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	fclose(status);
	return value;
}

static void forget_peak(void) {
	int file = open("/proc/self/clear_refs", O_WRONLY);
	if (file < 0 || write(file, "5", 1) != 1)
		fail("/proc/self/clear_refs");
	close(file);
}

static void touch(char *object, size_t size, uint64_t tag) {
	if (size >= 8)
		*(uint64_t *)object = tag;
	else if (size)
		*object = (char)tag;
}

static void write_to(char *object, size_t size, uint64_t tag, int fill) {
	if (!object)
		fail("malloc");
	if (fill)
		memset(object, (int)tag, size);
	touch(object, size, tag);
	for (size_t offset = TOUCH_STEP; offset < size; offset += TOUCH_STEP)
		object[offset] = 1;
}

static void play(const uint64_t *ops, size_t from, size_t to, char **slots, int fill) {
	for (size_t i = from; i < to; i++) {
		size_t slot = (uint32_t)ops[i] >> 2, size = ops[i] >> 32;
		switch (ops[i] & 3) {
		case OP_MALLOC:
			slots[slot] = malloc(size);
			write_to(slots[slot], size, i, fill);
			break;
		case OP_FREE:
			free(slots[slot]);
			slots[slot] = NULL;
			break;
		case OP_GROW:
			i++;
			slots[slot] = realloc(slots[slot], size);
			write_to(slots[slot], size, i, fill);
			break;
		case OP_KEEP:
			if (size)
				slots[slot] = realloc(slots[slot], size);
			touch(slots[slot], size, i);
		}
	}
}

int main(int argc, char **argv) {
	if (argc < 5)
		return 2;
	int file = open(argv[1], O_RDONLY);
	struct stat status;
	if (file < 0 || fstat(file, &status) < 0)
		fail(argv[1]);
	const uint64_t *ops = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
	if (ops == MAP_FAILED)
		fail(argv[1]);
	size_t count = strtoul(argv[2], NULL, 10), words = status.st_size / 8;
	int repetitions = atoi(argv[3]), fill = !strcmp(argv[4], "fill");
	char **slots = calloc(count + 1, sizeof *slots);
	int64_t *times = calloc(repetitions, sizeof *times);
	long *at_ends = calloc(argc, sizeof *at_ends);
	long before = resident("VmRSS:"), grown = 0;
	forget_peak();
	for (int i = 0; i < repetitions; i++) {
		int64_t begin = now();
		size_t from = 0;
		for (int end = 5; i == 0 && end < argc; end++) {
			size_t to = strtoul(argv[end], NULL, 10);
			play(ops, from, to, slots, fill);
			at_ends[end] = resident("VmRSS:") - before;
			from = to;
		}
		play(ops, from, words, slots, fill);
		times[i] = now() - begin;
		if (i == 0)
			grown = resident("VmHWM:") - before;
		for (size_t slot = 0; slot < count; slot++) {
			free(slots[slot]);
			slots[slot] = NULL;
		}
	}
	for (int i = 0; i < repetitions; i++)
		printf("%lld\n", (long long)times[i]);
	printf("%ld\n", grown);
	for (int end = 5; end < argc; end++)
		printf("%ld\n", at_ends[end]);
}
