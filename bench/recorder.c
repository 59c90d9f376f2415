/* The recorder: what a program asks of its memory allocator, written as an allocation trace (bench/traces/README.md).
 *
 *     LD_PRELOAD=recorder.so TOY_TRACE=FILE program ...
 *
 * It stands in for the functions of the C library, and passes every call on. `python -m bench.record` builds and uses
 * it. Needs glibc. A process that is started by the program is not recorded; what a program has not written out when it
 * ends by _exit or a signal is lost, but the trace up to there is whole.
 *
 *     address --table--> number of the object       open addressing, linear probing; no entry is ever left behind
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

enum { MALLOC, FREE, REALLOC, CALLOC };

struct entry {
	uintptr_t address; /* 0: empty */
	uint64_t number;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int output = -1;
static unsigned char buffer[1 << 16];
static size_t filled;
static struct entry *table;
static size_t room, used; /* room is a power of two, and at least twice what is used */
static uint64_t objects;

static void flush(void) {
	for (size_t done = 0; done < filled;) {
		ssize_t n = write(output, buffer + done, filled - done);
		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? n : 0;
	}
	filled = 0;
}

static void put(uint64_t value) {
	for (; value > 0x7f; value >>= 7)
		buffer[filled++] = value | 0x80;
	buffer[filled++] = value;
}

/* An operation is written as a whole: a trace that breaks off does so between two. */
static void emit(int kind, uint64_t value) {
	if (filled > sizeof buffer - 32)
		flush();
	put(value << 2 | kind);
}

static size_t home(uintptr_t address) {
	return (address >> 4) * 0x9e3779b97f4a7c15u >> 20 & (room - 1);
}

static struct entry *place(uintptr_t address) {
	size_t i = home(address);
	while (table[i].address && table[i].address != address)
		i = (i + 1) & (room - 1);
	return &table[i];
}

static void grow(void) {
	struct entry *old = table;
	size_t old_room = room;
	room = room ? 2 * room : 1 << 16;
	table = mmap(NULL, room * sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		abort();
	for (size_t i = 0; i < old_room; i++)
		if (old[i].address)
			*place(old[i].address) = old[i];
	if (old)
		munmap(old, old_room * sizeof *old);
}

static void insert(void *object, uint64_t number) {
	if (2 * ++used > room)
		grow();
	*place((uintptr_t)object) = (struct entry){(uintptr_t)object, number};
}

/* Empty an entry; those behind it move up, so that a search ends at the first empty one. */
static void delete(struct entry *entry) {
	size_t hole = entry - table;
	for (size_t i = (hole + 1) & (room - 1); table[i].address; i = (i + 1) & (room - 1)) {
		size_t from_home = (i - home(table[i].address)) & (room - 1);
		if (from_home >= ((i - hole) & (room - 1))) {
			table[hole] = table[i];
			hole = i;
		}
	}
	table[hole].address = 0;
	used--;
}

static void *made(void *object, int kind, size_t size) {
	if (object && output >= 0) {
		pthread_mutex_lock(&lock);
		insert(object, objects++);
		emit(kind, size);
		pthread_mutex_unlock(&lock);
	}
	return object;
}

/* Before the object is given back: from then on another thread may get its address. */
static void ended(void *object) {
	if (!object || output < 0)
		return;
	pthread_mutex_lock(&lock);
	struct entry *entry = place((uintptr_t)object);
	if (entry->address) {
		emit(FREE, objects - 1 - entry->number);
		delete(entry);
	}
	pthread_mutex_unlock(&lock);
}

void *malloc(size_t size) {
	return made(__libc_malloc(size), MALLOC, size);
}

void *calloc(size_t count, size_t size) {
	return made(__libc_calloc(count, size), CALLOC, count * size);
}

void free(void *object) {
	ended(object);
	__libc_free(object);
}

void *realloc(void *object, size_t size) {
	if (!object)
		return malloc(size);
	if (!size) {
		free(object);
		return NULL;
	}
	if (output < 0)
		return __libc_realloc(object, size);
	pthread_mutex_lock(&lock);
	struct entry *entry = place((uintptr_t)object);
	int is_known = entry->address != 0;
	uint64_t number = entry->number;
	void *result = __libc_realloc(object, size);
	if (result && is_known) {
		emit(REALLOC, objects - 1 - number);
		put(size);
		if (result != object) {
			delete(entry);
			insert(result, number);
		}
	}
	pthread_mutex_unlock(&lock);
	return result;
}

void *reallocarray(void *object, size_t count, size_t size) {
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(object, bytes);
}

/* Alignment is not part of a trace. */

void *memalign(size_t alignment, size_t size) {
	return made(__libc_memalign(alignment, size), MALLOC, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
	return memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
	void *object = memalign(alignment, size);
	if (!object)
		return ENOMEM;
	*result = object;
	return 0;
}

static void stop(void) {
	output = -1;
}

__attribute__((constructor)) static void start(void) {
	const char *name = getenv("TOY_TRACE");
	if (!name)
		return;
	grow();
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	unsetenv("TOY_TRACE"); /* a program that this one starts would write to the same file */
	pthread_atfork(NULL, NULL, stop);
	output = file;
}

__attribute__((destructor)) static void finish(void) {
	if (output < 0)
		return;
	pthread_mutex_lock(&lock);
	flush();
	close(output);
	output = -1;
	pthread_mutex_unlock(&lock);
}
