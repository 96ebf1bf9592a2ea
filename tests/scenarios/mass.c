// SPDX-License-Identifier: GPL-2.0
/* Many messages, many queues: they are held, come out right, and leave nothing. */
#include "scenario.h"

#define MESSAGES	1000000
#define QUEUES		10000

/* Message @i: 8 to 64 bytes, so that it fits in without a buffer. */
struct message {
	unsigned long long word[8];
};

static size_t make(struct message *m, unsigned int i)
{
	unsigned int words = 1 + i % 8;

	for (unsigned int w = 0; w < words; w++)
		m->word[w] = i * 0x9e3779b97f4a7c15ull + w;
	return words * sizeof(m->word[0]);
}

static void send_all(int fd, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct message m;
		size_t size = make(&m, i);

		ASSERT_EQ(write(fd, &m, size), size);
	}
}

static void receive(int fd, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		struct message m, seen;
		size_t size = make(&m, i);

		ASSERT_EQ(read(fd, &seen, sizeof(seen)), size);
		ASSERT_MEM(&seen, &m, size);
	}
}

TEST_WITHIN(a_million_messages_are_held_and_freed, LIMIT)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	unsigned int n = scaled(MESSAGES), half = n / 2;
	long long before, during, after;
	struct stacq_info i;
	double begun, sent;
	struct queue q;
	int fd;

	before = kernel_memory();
	c.max_msgs = n;
	c.max_bytes = STACQ_UNLIMITED;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	begun = now();
	send_all(fd, n);
	sent = now();
	ASSERT_ERRNO(write(fd, "x", 1), EAGAIN);
	i = info(fd);
	ASSERT_EQ(i.depth, n);
	during = kernel_memory();
	/* What it says it takes is what it takes. */
	if (!memory_tells_nothing())
		ASSERT_TRUE(during - before > (long long)i.memory * 9 / 10);
	FIGURE("%u%s messages of 8 to 64 bytes sent in %.1f s", n,
	       of_full(n, MESSAGES), sent - begun);
	FIGURE("%llu bytes of memory each, %.1f in the kernel's own count",
	       (unsigned long long)i.memory / n, (during - before) / (double)n);

	receive(fd, 0, half);
	ASSERT_OK(set_capacity(fd, n - half));
	ASSERT_TRUE(info(fd).memory <= i.memory * 6 / 10);
	ASSERT_EQ(info(fd).depth, n - half);
	receive(fd, half, half + half / 2);
	ASSERT_OK(queue_remove(q.name));
	close(fd);
	after = memory_back_to(before + MEMORY_TOLERANCE);
	FIGURE("%lld kB of kernel memory before, %lld during, %lld after",
	       before / 1000, during / 1000, after / 1000);
}

TEST_WITHIN(a_million_messages_come_out_of_a_stack_and_its_room_goes, LIMIT)
{
	struct queue q = queue_new(STACQ_LIFO);
	unsigned int n = scaled(MESSAGES) / 4;
	int fd = queue_open(&q, NONBLOCK);
	unsigned long long memory = info(fd).memory;
	struct message m, seen;

	ASSERT_OK(set_limits(fd, STACQ_UNLIMITED, STACQ_UNLIMITED,
			     STACQ_UNLIMITED));
	send_all(fd, n);
	while (n--) {
		size_t size = make(&m, n);

		ASSERT_EQ(read(fd, &seen, sizeof(seen)), size);
		ASSERT_MEM(&seen, &m, size);
	}
	ASSERT_OK(set_capacity(fd, 1));
	ASSERT_EQ(info(fd).memory, memory);
}

static void name_of(char name[STACQ_NAME_SIZE], unsigned int i)
{
	memset(name, 0, STACQ_NAME_SIZE);
	snprintf(name, STACQ_NAME_SIZE, "mass.%u", i);
}

static int open_by_number(unsigned int i)
{
	struct queue q;

	name_of(q.name, i);
	snprintf(q.path, sizeof(q.path), "/dev/stacq/%s", q.name);
	return queue_open(&q, NONBLOCK);
}

static void create_many(unsigned int n)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	int control = open(CONTROL, O_WRONLY | O_CLOEXEC);

	ASSERT_OK(control);
	for (unsigned int i = 0; i < n; i++) {
		name_of(c.name, i);
		ASSERT_OK(ioctl(control, STACQ_IOC_CREATE, &c));
	}
	close(control);
}

static void remove_many(unsigned int n)
{
	struct stacq_remove r = { 0 };
	int control = open(CONTROL, O_WRONLY | O_CLOEXEC);

	ASSERT_OK(control);
	for (unsigned int i = 0; i < n; i++) {
		name_of(r.name, i);
		ASSERT_OK(ioctl(control, STACQ_IOC_REMOVE, &r));
	}
	close(control);
}

TEST_WITHIN(ten_thousand_queues_are_held_and_freed, LIMIT)
{
	unsigned int n = scaled(QUEUES);
	long long before, during, after;
	double begun, made, removed;

	before = kernel_memory();
	begun = now();
	create_many(n);
	made = now();
	for (unsigned int i = 0; i < n; i++) {
		int fd = open_by_number(i);

		SEND(fd, 1 + i % 200, i);
		SEND(fd, 1 + i % 100, i + 1);
		close(fd);
	}
	during = kernel_memory();
	for (unsigned int i = n; i--;) {
		int fd = open_by_number(i);

		RECEIVE(fd, 1 + i % 200, i);
		ASSERT_EQ(info(fd).depth, 1);
		close(fd);
	}
	removed = now();
	remove_many(n);
	removed = now() - removed;
	after = memory_back_to(before + MEMORY_TOLERANCE);
	FIGURE("%u%s queues made in %.1f s, removed in %.1f s", n,
	       of_full(n, QUEUES), made - begun, removed);
	FIGURE("%lld bytes of kernel memory each, with two messages",
	       (during - before) / n);
	FIGURE("%lld kB of kernel memory before, %lld during, %lld after",
	       before / 1000, during / 1000, after / 1000);
}
