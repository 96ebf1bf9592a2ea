// SPDX-License-Identifier: GPL-2.0
#include <grp.h>
#include <sys/mman.h>

#include "common.h"

#define MOST_QUEUES	4096

/* Shared between the processes of a test; used and reset by the parent. */
static struct {
	unsigned int count;
	char name[MOST_QUEUES][STACQ_NAME_SIZE];
	unsigned int parameters;
	struct {
		char name[32];
		unsigned long long value;
	} parameter[8];
} *made;

const size_t test_sizes[NR_SIZES] = {
	1, 63, 64, 65, 100, 1023, 1024, 1025, 4096, 4097, 65536, LARGEST,
};

void *volatile null_pointer;
void *volatile kernel_pointer = (void *)0xffff888000001000ul;

__attribute__((constructor)) static void share(void)
{
	made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		abort();
}

static void put_parameter(const char *name, unsigned long long value);

void test_after_each(void)
{
	for (unsigned int i = 0; i < made->count && i < MOST_QUEUES; i++)
		queue_remove(made->name[i]);
	made->count = 0;
	while (made->parameters) {
		made->parameters--;
		put_parameter(made->parameter[made->parameters].name,
			      made->parameter[made->parameters].value);
	}
}

void remember(const char *name)
{
	unsigned int i = __atomic_fetch_add(&made->count, 1, __ATOMIC_RELAXED);

	if (i >= MOST_QUEUES)
		FAIL("more than %d queues in a test", MOST_QUEUES);
	strcpy(made->name[i], name);
}

void unique_name(char name[STACQ_NAME_SIZE])
{
	static unsigned int n;

	memset(name, 0, STACQ_NAME_SIZE);
	snprintf(name, STACQ_NAME_SIZE, "test.%d.%u", getpid(), n++);
	remember(name);
}

struct stacq_create create_defaults(unsigned int order)
{
	struct stacq_create request = {
		.order = order,
		.max_msgs = STACQ_UNCHANGED,
		.max_bytes = STACQ_UNCHANGED,
		.max_msg_size = STACQ_UNCHANGED,
		.uid = STACQ_CALLER,
		.gid = STACQ_CALLER,
		.mode = 0600,
	};

	unique_name(request.name);
	return request;
}

int create(const struct stacq_create *request)
{
	int fd = open(CONTROL, O_WRONLY | O_CLOEXEC);
	int result, error;

	if (fd < 0)
		FAIL("%s: %s", CONTROL, strerrorname_np(errno));
	result = ioctl(fd, STACQ_IOC_CREATE, request);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

struct queue queue_from(const struct stacq_create *request)
{
	struct queue q = { 0 };

	if (create(request))
		FAIL("create: %s", strerrorname_np(errno));
	strcpy(q.name, request->name);
	snprintf(q.path, sizeof(q.path), "/dev/stacq/%s", q.name);
	return q;
}

struct queue queue_new(unsigned int order)
{
	struct stacq_create request = create_defaults(order);

	return queue_from(&request);
}

int queue_open(const struct queue *q, int flags)
{
	int fd = open(q->path, flags | O_CLOEXEC);

	if (fd < 0)
		FAIL("%s: %s", q->path, strerrorname_np(errno));
	return fd;
}

int queue_remove(const char *name)
{
	struct stacq_remove request = { 0 };
	int fd = open(CONTROL, O_WRONLY | O_CLOEXEC);
	int result, error;

	if (fd < 0)
		return -1;
	strcpy(request.name, name);
	result = ioctl(fd, STACQ_IOC_REMOVE, &request);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

struct stacq_info info(int fd)
{
	struct stacq_info i;
	size_t used;

	memset(&i, POISON, sizeof(i));
	if (ioctl(fd, STACQ_IOC_INFO, &i))
		FAIL("INFO: %s", strerrorname_np(errno));
	used = strnlen(i.name, sizeof(i.name));
	ASSERT_TRUE(used < sizeof(i.name));
	for (; used < sizeof(i.name); used++)
		ASSERT_EQ(i.name[used], 0);
	ASSERT_EQ(i.abi_version, STACQ_ABI_VERSION);
	ASSERT_TRUE(i.order <= STACQ_PRIORITY);
	ASSERT_EQ(i.state & ~STACQ_STATE_SEALED, 0);
	ASSERT_EQ(i.reserved, 0);
	ASSERT_TRUE(i.full <= STACQ_FULL_DROP_NEWEST);
	ASSERT_TRUE(i.depth + i.held + i.inflight + i.dead <= i.capacity);
	ASSERT_TRUE(i.depth + i.held + i.inflight + i.dead <= i.high_water);
	ASSERT_EQ(i.sent, i.received + i.discarded + i.depth + i.held + i.inflight + i.expired +
			  i.exhausted + i.dropped_oldest);
	ASSERT_TRUE(i.dead_lettered + i.dead <= i.expired + i.exhausted);
	used = strnlen(i.dead_letter, sizeof(i.dead_letter));
	ASSERT_TRUE(used < sizeof(i.dead_letter));
	for (; used < sizeof(i.dead_letter); used++)
		ASSERT_EQ(i.dead_letter[used], 0);
	return i;
}

int set_capacity(int fd, unsigned long long capacity)
{
	struct stacq_capacity request = { .capacity = capacity };

	return ioctl(fd, STACQ_IOC_SET_CAPACITY, &request);
}

int set_limits(int fd, unsigned long long msgs, unsigned long long bytes,
	       unsigned long long msg_size)
{
	struct stacq_limits request = {
		.max_msgs = msgs, .max_bytes = bytes, .max_msg_size = msg_size,
	};

	return ioctl(fd, STACQ_IOC_SET_LIMITS, &request);
}

int peek(int fd, unsigned long long position, void *buf, size_t size,
	 struct stacq_peek *answer)
{
	struct stacq_peek request;

	memset(&request, POISON, sizeof(request));
	request.position = position;
	request.buf = (unsigned long)buf;
	request.buf_len = size;
	request.flags = 0;
	request.reserved = 0;
	request.reserved2 = 0;
	if (ioctl(fd, STACQ_IOC_PEEK, &request))
		return -1;
	if (answer)
		*answer = request;
	return 0;
}

int available(int fd)
{
	int n = -1;

	if (ioctl(fd, FIONREAD, &n))
		return -1;
	return n;
}

const char *info_difference(const struct stacq_info *a,
			    const struct stacq_info *b)
{
#define SAME(field) do {						\
	if (memcmp(&a->field, &b->field, sizeof(a->field)))		\
		return #field;						\
} while (0)
	SAME(name);
	SAME(order);
	SAME(state);
	SAME(readers_waiting);
	SAME(writers_waiting);
	SAME(depth);
	SAME(bytes);
	SAME(held);
	SAME(held_bytes);
	SAME(capacity);
	SAME(max_msgs);
	SAME(max_bytes);
	SAME(max_msg_size);
	SAME(high_water);
	SAME(sent);
	SAME(received);
	SAME(requeued);
	SAME(discarded);
	SAME(growths);
	SAME(shrinks);
	SAME(inflight);
	SAME(inflight_bytes);
	SAME(lapsed);
	SAME(lease_ms);
	SAME(ttl_ms);
	SAME(max_deliveries);
	SAME(full);
	SAME(expired);
	SAME(exhausted);
	SAME(dead_lettered);
	SAME(dead);
	SAME(refused);
	SAME(dropped_oldest);
	SAME(dropped_newest);
	SAME(dead_letter);
	/* memory may hold one buffer more for the next attempt */
#undef SAME
	return NULL;
}

static unsigned char pattern(size_t i, unsigned int seed)
{
	unsigned int x = (unsigned int)i * 2654435761u + seed * 40503u;

	return (unsigned char)(x >> 24) ^ (unsigned char)x;
}

void fill(void *buf, size_t size, unsigned int seed)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < size; i++)
		p[i] = pattern(i, seed);
}

bool filled(const void *buf, size_t size, unsigned int seed)
{
	const unsigned char *p = buf;

	for (size_t i = 0; i < size; i++)
		if (p[i] != pattern(i, seed))
			return false;
	return true;
}

void test_send(const char *file, int line, int fd, size_t size,
	       unsigned int seed)
{
	unsigned char *buf = malloc(size);
	ssize_t n;

	fill(buf, size, seed);
	n = write(fd, buf, size);
	if (n != (ssize_t)size)
		test_fail(file, line, "write of %zu bytes returned %zd (%s)",
			  size, n, n < 0 ? strerrorname_np(errno) : "-");
	free(buf);
}

void test_receive(const char *file, int line, int fd, size_t size,
		  unsigned int seed)
{
	unsigned char *buf = malloc(size + 16);
	ssize_t n;

	memset(buf, POISON, size + 16);
	n = read(fd, buf, size + 16);
	if (n != (ssize_t)size)
		test_fail(file, line, "read returned %zd (%s), wanted %zu",
			  n, n < 0 ? strerrorname_np(errno) : "-", size);
	if (!filled(buf, size, seed))
		test_fail(file, line, "message of %zu bytes is not right", size);
	for (size_t i = size; i < size + 16; i++)
		if (buf[i] != POISON)
			test_fail(file, line, "bytes after the message written");
	free(buf);
}

void test_get(const char *file, int line, int fd, const char *text)
{
	char buf[256];
	ssize_t n;

	memset(buf, POISON, sizeof(buf));
	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		test_fail(file, line, "read failed (%s), wanted \"%s\"",
			  strerrorname_np(errno), text);
	if (n != (ssize_t)strlen(text) || memcmp(buf, text, n))
		test_fail(file, line, "read \"%.*s\", wanted \"%s\"", (int)n,
			  buf, text);
}

void become(unsigned int uid)
{
	ASSERT_OK(setgroups(0, NULL));
	ASSERT_OK(setresgid(uid, uid, uid));
	ASSERT_OK(setresuid(uid, uid, uid));
}

static FILE *parameter_file(const char *name, const char *mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/stacq/parameters/%s", name);
	f = fopen(path, mode);
	if (!f)
		FAIL("%s: %s", path, strerrorname_np(errno));
	return f;
}

unsigned long long parameter(const char *name)
{
	FILE *f = parameter_file(name, "r");
	unsigned long long value;

	ASSERT_EQ(fscanf(f, "%llu", &value), 1);
	fclose(f);
	return value;
}

static void put_parameter(const char *name, unsigned long long value)
{
	FILE *f = parameter_file(name, "w");

	fprintf(f, "%llu\n", value);
	if (fclose(f))
		FAIL("%s: %s", name, strerrorname_np(errno));
}

void set_parameter(const char *name, unsigned long long value)
{
	unsigned int n = made->parameters;

	ASSERT_TRUE(n < 8);
	snprintf(made->parameter[n].name, sizeof(made->parameter[n].name),
		 "%s", name);
	made->parameter[n].value = parameter(name);
	made->parameters++;
	put_parameter(name, value);
}

void *page_pair(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		FAIL("mmap: %s", strerrorname_np(errno));
	ASSERT_OK(munmap(p + page, page));
	return p;
}
