// SPDX-License-Identifier: GPL-2.0
/*
 * Framed mode with messages that are short, where many go in and out at once
 * (kernel/io/burst.c): that nothing shows of that but the time it takes.
 */
#include <poll.h>
#include <stdint.h>
#include <time.h>

#include "frames.h"

#define SHORTEST	1
#define LONGEST		64	/* of what counts as short */

static struct batch out, in;

/* Room for many, made beforehand: without it the first ones go in one by one. */
static int roomy(const struct queue *q)
{
	int fd = framed(q, NONBLOCK);

	ASSERT_OK(set_capacity(fd, 500));
	return fd;
}

/* Messages with seeds @first to @last come next, with one call. */
static void expect(int fd, size_t len, unsigned int first, unsigned int last)
{
	size_t size = (last - first + 1) * FRAME(len);

	ASSERT_EQ(read_batch(fd, &in, size), size);
	while (first <= last)
		NEXT(&in, len, first++);
}

/* Each length, in memory where a longer message was before. */
TEST(nothing_of_an_earlier_message_fills_a_frame_up)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = roomy(&q);

	for (size_t len = SHORTEST; len <= LONGEST; len++) {
		add_some(&out, 3, LONGEST);
		WRITE_ALL(fd, &out);
		expect(fd, LONGEST, 1, 3);
		add_some(&out, 3, len);
		WRITE_ALL(fd, &out);
		expect(fd, len, 1, 3);
	}
}

TEST(more_than_goes_in_and_out_at_once)
{
	for (unsigned int order = STACQ_FIFO; order <= STACQ_LIFO; order++) {
		struct queue q = queue_new(order);
		int fd = framed(&q, NONBLOCK), plain = queue_open(&q, NONBLOCK);
		const unsigned int count = 20000;

		/* once while the capacity grows, and once more */
		for (int round = 0; round < 2; round++) {
			add_some(&out, count, 24);
			WRITE_ALL(fd, &out);
			ASSERT_EQ(info(fd).depth, count);
			ASSERT_EQ(info(fd).bytes, count * 24ULL);
			if (order == STACQ_FIFO) {
				expect(fd, 24, 1, count);
				continue;
			}
			for (unsigned int i = count; i > count - 10; i--)
				RECEIVE(plain, 24, i);
			ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), (count - 10) * FRAME(24));
			for (unsigned int i = count - 10; i; i--)
				NEXT(&in, 24, i);
		}
		ASSERT_EQ(info(fd).depth + info(fd).bytes, 0);
		ASSERT_EQ(info(fd).received, 2 * count);
		ASSERT_EQ(info(fd).high_water, count);
	}
}

/* A limit of messages, or of bytes, small or large, ends a write in the middle. */
TEST(limits_are_kept_to_the_message)
{
	static const struct {
		unsigned long long max_msgs, max_bytes;
		unsigned int fit;
	} cases[] = {
		{ 7, STACQ_UNLIMITED, 7 },
		{ 150, STACQ_UNLIMITED, 150 },
		{ STACQ_UNLIMITED, 399, 9 },
		{ STACQ_UNLIMITED, 400, 10 },
		{ STACQ_UNLIMITED, 7999, 199 },
		{ STACQ_UNLIMITED, 8000, 200 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = roomy(&q);

		ASSERT_OK(set_limits(fd, cases[i].max_msgs, cases[i].max_bytes, KEEP));
		for (int round = 0; round < 2; round++) {
			add_some(&out, 300, 40);
			ASSERT_EQ(write(fd, out.bytes, out.size), cases[i].fit * FRAME(40));
			ASSERT_REFUSED(fd, write(fd, out.bytes, out.size), EAGAIN);
			expect(fd, 40, 1, cases[i].fit);
		}
	}
}

TEST(a_short_message_can_be_too_long)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = roomy(&q);

	ASSERT_OK(set_limits(fd, KEEP, KEEP, 20));
	out.size = 0;
	add(&out, 20, 1);
	add(&out, 20, 2);
	add(&out, 21, 3);
	add(&out, 20, 4);
	ASSERT_EQ(write(fd, out.bytes, out.size), 2 * FRAME(20));
	ASSERT_REFUSED(fd, write(fd, out.bytes + 2 * FRAME(20), out.size - 2 * FRAME(20)), EMSGSIZE);
	expect(fd, 20, 1, 2);
}

/* What is no frame ends a write in the middle, wherever its buffer ends. */
TEST(a_frame_cut_short_is_not_sent)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = roomy(&q);

	for (size_t cut = 1; cut < FRAME(40); cut++) {
		add_some(&out, 5, 40);
		ASSERT_EQ(write(fd, out.bytes, out.size - cut), 4 * FRAME(40));
		expect(fd, 40, 1, 4);
	}
	add_some(&out, 5, 40);
	((struct stacq_frame *)(out.bytes + 3 * FRAME(40)))->magic++;
	ASSERT_EQ(write(fd, out.bytes, out.size), 3 * FRAME(40));
	expect(fd, 40, 1, 3);
	ASSERT_EQ(info(fd).depth, 0);
}

TEST(a_sealed_queue_takes_none_and_gives_all)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = roomy(&q);

	add_some(&out, 50, 40);
	WRITE_ALL(fd, &out);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_REFUSED(fd, write(fd, out.bytes, out.size), EPIPE);
	expect(fd, 40, 1, 50);
	ASSERT_EQ(read(fd, in.bytes, sizeof(in.bytes)), 0);
}

/* One that another open file has begun to read keeps its place, at the front or not. */
TEST(a_message_in_other_hands_is_passed_over)
{
	struct queue fifo = queue_new(STACQ_FIFO), lifo = queue_new(STACQ_LIFO);
	int fd = framed(&fifo, NONBLOCK), other = queue_open(&fifo, NONBLOCK);
	unsigned char byte;

	add_some(&out, 9, 30);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read(other, &byte, 1), 1);
	expect(fd, 30, 2, 9);
	ASSERT_REFUSED(fd, read(fd, in.bytes, 1000), EAGAIN);
	ASSERT_EQ(info(fd).held, 1);
	WRITE_ALL(fd, &out);
	close(other);
	expect(fd, 30, 1, 1);
	expect(fd, 30, 1, 9);

	fd = framed(&lifo, NONBLOCK);
	other = queue_open(&lifo, NONBLOCK);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read(other, &byte, 1), 1);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), 17 * FRAME(30));
	for (unsigned int i = 9; i; i--)
		NEXT(&in, 30, i);
	for (unsigned int i = 8; i; i--)
		NEXT(&in, 30, i);
	close(other);
	expect(fd, 30, 9, 9);
}

TEST(a_lowered_capacity_is_kept_and_grows_again)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	add_some(&out, 100, 16);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read_batch(fd, &in, 95 * FRAME(16)), 95 * FRAME(16));
	ASSERT_OK(set_capacity(fd, 8));
	add_some(&out, 3, 16);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(info(fd).capacity, 8);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(info(fd).capacity, 16);
	expect(fd, 16, 96, 100);
	expect(fd, 16, 1, 3);
	expect(fd, 16, 1, 3);
}

/* A read tells the time of sending that a peek told. */
TEST(the_time_of_sending_stays)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);
	struct stacq_peek p[3];

	out.size = 0;
	add(&out, 10, 1);
	add(&out, 10, 2)->sent_ns = htole64(1234567890123456789ULL);
	add(&out, 10, 3);
	WRITE_ALL(fd, &out);
	poll(NULL, 0, 50);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(peek(fd, i, NULL, 0, &p[i]));
	ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), out.size);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(le64toh(NEXT(&in, 10, i + 1)->sent_ns), p[i].sent_ns);
}

static _Noreturn void look_on(int fd, unsigned int position)
{
	struct stacq_peek p;

	for (;;)
		if (peek(fd, 0, NULL, 0, &p) == 0)
			peek(fd, position, NULL, 0, &p);
}

/* The walk to a message far from the front lets others in on its way. */
TEST(messages_can_be_taken_while_somebody_looks_for_one)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);
	const unsigned int count = 20000;
	const time_t end = time(NULL) + 6;
	pid_t looker;

	looker = start();
	if (looker == 0)
		look_on(fd, count - 10);
	do {
		add_some(&out, count, 24);
		WRITE_ALL(fd, &out);
		expect(fd, 24, 1, count);
	} while (time(NULL) < end);
	kill_now(looker);
}
