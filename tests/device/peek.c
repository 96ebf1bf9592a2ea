// SPDX-License-Identifier: GPL-2.0
/* Looking at messages without taking them; throwing them away. */
#include <time.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

static unsigned long long realtime_ns(void)
{
	struct timespec ts;

	ASSERT_OK(clock_gettime(CLOCK_REALTIME, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

TEST(peek_shows_each_position_in_the_order_of_reading)
{
	for (unsigned int order = 0; order < 2; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, NONBLOCK);

		for (unsigned int i = 0; i < 30; i++)
			SEND(fd, 10 + i * 20, i);
		for (unsigned int i = 0; i < 30; i++) {
			unsigned int n = order == STACQ_FIFO ? i : 29 - i;
			unsigned char buf[1000];
			struct stacq_peek p;

			memset(buf, POISON, sizeof(buf));
			ASSERT_OK(peek(fd, i, buf, sizeof(buf), &p));
			ASSERT_EQ(p.len, 10 + n * 20);
			ASSERT_EQ(p.seq, n + 1);
			ASSERT_EQ(p.priority, 0);
			ASSERT_EQ(p.deliveries, 0);
			ASSERT_EQ(p.position, i);
			ASSERT_EQ(p.buf, (unsigned long)buf);
			ASSERT_EQ(p.buf_len, sizeof(buf));
			ASSERT_EQ(p.flags, 0);
			ASSERT_EQ(p.reserved, 0);
			ASSERT_TRUE(filled(buf, p.len, n));
			ASSERT_EQ(buf[p.len], POISON);
		}
	}
}

TEST(peek_takes_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_info before, after;
	char buf[8];

	PUT(fd, "hello");
	before = info(fd);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(peek(fd, 0, buf, sizeof(buf), NULL));
	after = info(fd);
	ASSERT_SAME(before, after);
	GET(fd, "hello");
}

TEST(peek_with_a_short_buffer_fills_it_and_tells_the_length)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		size_t part = *s / 2;
		unsigned char *buf = malloc(*s);
		struct stacq_peek p;

		SEND(fd, *s, 1);
		memset(buf, POISON, *s);
		ASSERT_OK(peek(fd, 0, buf, part, &p));
		ASSERT_EQ(p.len, *s);
		ASSERT_TRUE(filled(buf, part, 1));
		for (size_t i = part; i < *s; i++)
			ASSERT_EQ(buf[i], POISON);
		ASSERT_OK(peek(fd, 0, buf, *s, &p));
		ASSERT_TRUE(filled(buf, *s, 1));
		free(buf);
	}
}

TEST(peek_without_a_buffer_describes)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p;

	PUT(fd, "hello");
	ASSERT_OK(peek(fd, 0, kernel_pointer, 0, &p));
	ASSERT_EQ(p.len, 5);
}

TEST(peek_with_an_absurd_buffer_length_needs_only_the_message_s_room)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char buf[5];
	struct stacq_peek p;

	PUT(fd, "hello");
	ASSERT_OK(peek(fd, 0, buf, 1ul << 40, &p));
	ASSERT_MEM(buf, "hello", 5);
}

TEST(peek_where_no_message_is_is_enomsg)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p;
	char buf[8];

	ASSERT_REFUSED(fd, peek(fd, 0, buf, sizeof(buf), NULL), ENOMSG);
	PUT(fd, "one");
	PUT(fd, "two");
	ASSERT_REFUSED(fd, peek(fd, 2, buf, sizeof(buf), NULL), ENOMSG);
	ASSERT_REFUSED(fd, peek(fd, 1ull << 32, buf, 8, NULL), ENOMSG);
	ASSERT_REFUSED(fd, peek(fd, ~0ull, buf, sizeof(buf), NULL), ENOMSG);
	/* the answer is not touched */
	memset(&p, POISON, sizeof(p));
	p.position = 2;
	p.flags = p.reserved = p.reserved2 = 0;
	p.buf_len = 0;
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_PEEK, &p), ENOMSG);
	ASSERT_EQ(p.len, 0xccccccccccccccccull);
	ASSERT_EQ(p.seq, 0xccccccccccccccccull);
}

TEST(peek_refuses_flags_and_reserved_fields)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p = { 0 };

	PUT(fd, "x");
	for (unsigned int bit = 2; bit < 32; bit++) {
		p.flags = 1u << bit;
		ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PEEK, &p), EINVAL);
	}
	p.flags = 0;
	p.reserved = 1;
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PEEK, &p), EINVAL);
}

TEST(peek_does_not_see_what_readers_have_in_hand)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), reader = queue_open(&q, NONBLOCK);
	struct stacq_peek p;
	char c;

	PUT(fd, "one");
	PUT(fd, "four");
	ASSERT_EQ(read(reader, &c, 1), 1);
	ASSERT_OK(peek(fd, 0, NULL, 0, &p));
	ASSERT_EQ(p.len, 4);
	ASSERT_ERRNO(peek(fd, 1, NULL, 0, NULL), ENOMSG);
	close(reader);
	ASSERT_OK(peek(fd, 0, NULL, 0, &p));
	ASSERT_EQ(p.len, 3);
	ASSERT_EQ(p.deliveries, 1);
	ASSERT_EQ(p.seq, 1);	/* keeps its number */
}

/* What this open file has at hand; -1 and errno if there is nothing. */
static int peek_held(int fd, struct stacq_peek *p)
{
	memset(p, POISON, sizeof(*p));
	p->position = 0;
	p->buf_len = 0;
	p->flags = STACQ_PEEK_HELD;
	p->reserved = p->reserved2 = 0;
	return ioctl(fd, STACQ_IOC_PEEK, p);
}

TEST(peek_held_describes_the_message_at_hand_at_each_stage)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		unsigned char *buf = malloc(*s);
		struct stacq_peek p;

		if (*s < 5)
			continue;
		SEND(fd, 5, 1);
		SEND(fd, *s, 2);
		RECEIVE(fd, 5, 1);
		ASSERT_ERRNO(peek_held(fd, &p), ENOMSG);
		for (unsigned int i = 1; i < 4; i++) {
			ASSERT_EQ(read(fd, buf, 1), 1);
			ASSERT_OK(peek_held(fd, &p));
			ASSERT_EQ(p.position, i);
			ASSERT_EQ(p.len, *s);
			ASSERT_EQ(p.seq, 2);
			ASSERT_EQ(p.priority, 0);
			ASSERT_EQ(p.deliveries, 0);
		}
		ASSERT_EQ(read(fd, buf, *s), *s - 3);
		ASSERT_ERRNO(peek_held(fd, &p), ENOMSG);
		free(buf);
	}
}

TEST(peek_held_is_of_this_open_file_only)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	struct stacq_peek p;
	char c;

	PUT(fd, "one");
	PUT(fd, "two");
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_ERRNO(peek_held(other, &p), ENOMSG);
	ASSERT_EQ(p.len, 0xccccccccccccccccull);
	ASSERT_OK(peek_held(dup(fd), &p));
	ASSERT_EQ(p.seq, 1);
	ASSERT_EQ(p.position, 1);
}

TEST(peek_held_tells_of_earlier_deliveries)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), reader;
	struct stacq_info before, after;
	struct stacq_peek p;
	char c;

	PUT(fd, "one");
	reader = queue_open(&q, NONBLOCK);
	ASSERT_EQ(read(reader, &c, 1), 1);
	close(reader);
	ASSERT_EQ(read(fd, &c, 1), 1);
	before = info(fd);
	ASSERT_OK(peek_held(fd, &p));
	ASSERT_EQ(p.deliveries, 1);
	after = info(fd);
	ASSERT_SAME(before, after);
	GET(fd, "ne");
}

TEST(peek_held_refuses_a_position_and_a_buffer)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p = { .flags = STACQ_PEEK_HELD, .position = 1 };
	char c;

	PUT(fd, "one");
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PEEK, &p), EINVAL);
	p.position = 0;
	p.buf = (unsigned long)&c;
	p.buf_len = 1;
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PEEK, &p), EINVAL);
}

TEST(peek_held_needs_reading_and_a_queue)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), writer = queue_open(&q, O_WRONLY);
	struct stacq_peek p;
	char c;

	PUT(fd, "one");
	ASSERT_ERRNO(peek_held(writer, &p), EBADF);
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(peek_held(fd, &p), EIDRM);
}

TEST(sequence_numbers_go_on)
{
	struct queue q = queue_new(STACQ_LIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p;

	for (unsigned int i = 1; i <= 20; i++) {
		SEND(fd, 5, i);
		ASSERT_OK(peek(fd, 0, NULL, 0, &p));
		ASSERT_EQ(p.seq, i);
		if (i % 2)
			RECEIVE(fd, 5, i);
	}
}

/* Two messages, one 100 ms after the other: does peek tell the real times, give or take two ticks? */
static bool sent_times_are_exact(void)
{
	const unsigned long long ticks = 20000000;
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	unsigned long long before, after, first, second;
	struct stacq_peek p;

	before = realtime_ns();
	PUT(fd, "now");
	after = realtime_ns();
	ASSERT_OK(peek(fd, 0, NULL, 0, &p));
	first = p.sent_ns;
	usleep(100000);
	PUT(fd, "later");
	ASSERT_OK(peek(fd, 1, NULL, 0, &p));
	second = p.sent_ns;
	/* and the first has kept its own */
	ASSERT_OK(peek(fd, 0, NULL, 0, &p));
	close(fd);
	return first + ticks >= before && first <= after + ticks && second + ticks > first + 100000000 &&
	       p.sent_ns == first;
}

/* The kernel counts ticks, which come late while the machine is busy: one try of many has to be exact. */
TEST(sent_time_is_the_real_time)
{
	for (int tries = 0; !sent_times_are_exact(); tries++)
		ASSERT_TRUE(tries < 100);
}

TEST(purge_throws_away_what_is_stored_and_counts)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_purge purge = { .discarded = POISON };
	struct stacq_info i;
	char c;

	for (unsigned int n = 0; n < 25; n++)
		SEND(fd, 1 + n * 300, n);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	ASSERT_EQ(purge.discarded, 25);
	i = info(fd);
	ASSERT_EQ(i.depth + i.bytes + i.held, 0);
	ASSERT_EQ(i.discarded, 25);
	ASSERT_EQ(i.received, 0);
	ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
	PUT(fd, "goes on");
	GET(fd, "goes on");
}

TEST(purge_of_an_empty_queue_discards_none)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_purge purge = { .discarded = POISON };

	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	ASSERT_EQ(purge.discarded, 0);
}

TEST(purge_refuses_flags_and_reserved_fields)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_purge purge = { .flags = 1 };

	PUT(fd, "x");
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PURGE, &purge), EINVAL);
	purge.flags = 0;
	purge.reserved = 1;
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PURGE, &purge), EINVAL);
}

TEST(purge_leaves_what_readers_have_in_hand)
{
	for (unsigned int order = 0; order < 2; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, NONBLOCK);
		int finisher = queue_open(&q, NONBLOCK);
		int quitter = queue_open(&q, NONBLOCK);
		struct stacq_purge purge = { 0 };
		char c;

		for (unsigned int n = 0; n < 5; n++)
			SEND(fd, 100, 7);
		ASSERT_EQ(read(finisher, &c, 1), 1);
		ASSERT_EQ(read(quitter, &c, 1), 1);
		ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
		ASSERT_EQ(purge.discarded, 3);
		ASSERT_EQ(info(fd).held, 2);
		ASSERT_EQ(available(finisher), 99);
		close(quitter);
		RECEIVE(fd, 100, 7);
		ASSERT_EQ(info(fd).held, 1);
		close(finisher);
		RECEIVE(fd, 100, 7);
	}
}

TEST(a_purge_leaves_the_purger_s_own_message_at_hand)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_purge purge = { 0 };
	char c;

	PUT(fd, "abc");
	PUT(fd, "def");
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	ASSERT_EQ(purge.discarded, 1);
	GET(fd, "bc");
	ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
}

/* The copy that a peek makes is of one message, taken meanwhile or not. */
TEST(a_message_taken_while_it_is_looked_at_is_whole)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	const size_t size = LARGEST / 4;
	pid_t pid = start();

	if (!pid) {
		for (unsigned int i = 1; i <= 40; i++) {
			SEND(fd, size, i);
			RECEIVE(fd, size, i);
		}
		done();
	}
	while (running(pid)) {
		unsigned char *copy = malloc(size);
		struct stacq_peek answer;

		if (peek(fd, 0, copy, size, &answer))
			ASSERT_EQ(errno, ENOMSG);
		else
			ASSERT_TRUE(filled(copy, size, answer.seq));
		free(copy);
	}
	join(pid);
}
